//! The search for the worst module: code of one kind that fills what the limits allow. `name/functions/KiB`
//! is so many functions of so many KiB each.
#![allow(dead_code, reason = "also part of a test, which needs less")]

use wasm_encoder::{BlockType, HeapType, InstructionSink, MemArg, ValType};

use pollen_vm::validate::inspect;

use super::bombs::{AT_0, call_indirect, flood, memory_fill};
use super::shapes::{Core, EMPTY, nested};

const BYTE: MemArg = AT_0;

/// Type of 64 values to 16, and of none to 16.
const WIDE: u32 = 2;
const RESULTS: u32 = 3;

type Unit = fn(&mut InstructionSink<'_>, u32);

/// Locals of the functions below: 0..8 i32, 8..16 i64, 16..24 f64, 24..32 v128.
const LOCALS: &[(u32, ValType)] =
    &[(8, ValType::I32), (8, ValType::I64), (8, ValType::F64), (8, ValType::V128)];

const UNITS: &[(&str, Unit)] = &[
    ("i32.load", |s, n| _ = s.local_get(n % 8).i32_load(AT_0).local_set((n + 1) % 8)),
    ("i32.load chain", |s, n| {
        s.local_get(n % 8);
        (0..16).for_each(|_| _ = s.i32_load(AT_0));
        s.local_set(n % 8);
    }),
    ("i64.store", |s, n| _ = s.local_get(n % 8).local_get(8).i64_store(AT_0)),
    ("i32.div_s", |s, n| {
        _ = s.local_get(n % 8).local_get((n + 1) % 8).i32_div_s().local_set(n % 8)
    }),
    ("i64.rem_s", |s, n| {
        s.local_get(8 + n % 8).local_get(8 + (n + 1) % 8).i64_rem_s().local_set(8 + n % 8);
    }),
    ("f64.min", |s, n| {
        s.local_get(16 + n % 8).local_get(16 + (n + 1) % 8).f64_min().local_set(16 + n % 8);
    }),
    ("f64.sqrt", |s, n| chain(s, 16 + n % 8, |s| _ = s.f64_sqrt())),
    ("f64.ceil", |s, n| chain(s, 16 + n % 8, |s| _ = s.f64_neg().f64_ceil())),
    ("i64.trunc_sat_f64_u", |s, n| {
        chain(s, 16 + n % 8, |s| _ = s.i64_trunc_sat_f64_u().f64_reinterpret_i64());
    }),
    ("i64.trunc_f64_u", |s, n| {
        chain(s, 16 + n % 8, |s| _ = s.i64_trunc_f64_u().f64_reinterpret_i64());
    }),
    ("f64.convert_i64_u", |s, n| {
        chain(s, 8 + n % 8, |s| _ = s.f64_convert_i64_u().i64_reinterpret_f64());
    }),
    ("i64.popcnt", |s, n| chain(s, 8 + n % 8, |s| _ = s.i64_popcnt())),
    ("i64.add", |s, n| {
        s.local_get(8 + n % 8).local_get(8 + (n + 3) % 8).i64_add().local_set(8 + n % 8);
    }),
    ("const drop", |s, n| _ = s.i64_const(i64::from(n % 60)).drop()),
    ("global", |s, _| _ = s.global_get(0).i64_const(1).i64_add().global_set(0)),
    ("select", |s, n| {
        s.local_get(8 + n % 8).local_get(8 + (n + 1) % 8).local_get(n % 8).select();
        s.local_set(8 + n % 8);
    }),
    ("call", |s, _| _ = s.call(0).drop()),
    ("call chain", |s, n| _ = s.call(0).local_set(n % 8)),
    ("memory.size", |s, _| _ = s.memory_size(0).drop()),
    ("memory.grow", |s, _| _ = s.i32_const(0).memory_grow(0).drop()),
    ("table.get", |s, _| _ = s.i32_const(0).table_get(0).drop()),
    ("table.set", |s, _| _ = s.i32_const(0).ref_null(HeapType::FUNC).table_set(0)),
    ("table.size", |s, _| _ = s.table_size(0).drop()),
    ("ref.func", |s, _| _ = s.ref_func(0).drop()),
    ("block", |s, _| _ = s.block(EMPTY).end()),
    ("block br", |s, _| _ = s.block(EMPTY).br(0).end()),
    ("unreachable", |s, _| _ = s.block(EMPTY).unreachable().end()),
    ("i8x16.shl", |s, n| chain(s, 24 + n % 8, |s| _ = s.local_get(0).i8x16_shl())),
    ("i8x16.shr_s", |s, n| chain(s, 24 + n % 8, |s| _ = s.local_get(0).i8x16_shr_s())),
    ("i64x2.mul", |s, n| chain(s, 24 + n % 8, |s| _ = s.local_get(25).i64x2_mul())),
    ("f32x4.min", |s, n| chain(s, 24 + n % 8, |s| _ = s.local_get(25).f32x4_min())),
    ("f64x2.sqrt", |s, n| chain(s, 24 + n % 8, |s| _ = s.f64x2_sqrt())),
    ("i64x2.shr_s", |s, n| chain(s, 24 + n % 8, |s| _ = s.local_get(0).i64x2_shr_s())),
    ("i32x4.trunc_sat_f64x2_u", |s, n| {
        chain(s, 24 + n % 8, |s| _ = s.i32x4_trunc_sat_f64x2_u_zero())
    }),
    ("i32x4.trunc_sat_f32x4_u", |s, n| chain(s, 24 + n % 8, |s| _ = s.i32x4_trunc_sat_f32x4_u())),
    ("i8x16.popcnt", |s, n| chain(s, 24 + n % 8, |s| _ = s.i8x16_popcnt())),
    ("i8x16.swizzle", |s, n| chain(s, 24 + n % 8, |s| _ = s.local_get(25).i8x16_swizzle())),
    ("v128.load lane", |s, n| {
        s.i32_const(0).local_get(24 + n % 8).v128_load8_lane(BYTE, 3).local_set(24 + n % 8);
    }),
    ("v128.store lane", |s, n| _ = s.local_get(n % 8).local_get(24).v128_store8_lane(BYTE, 3)),
    ("if", |s, n| _ = s.local_get(n % 8).if_(EMPTY).end()),
    ("if else", |s, n| {
        s.local_get(n % 8).if_(EMPTY).i32_const(1).local_set(n % 8);
        s.else_().i32_const(2).local_set(n % 8).end();
    }),
    ("br_if", |s, n| _ = s.local_get(n % 8).br_if(0)),
    ("loop", |s, n| _ = s.loop_(EMPTY).local_get(n % 8).br_if(0).end()),
    ("br_table", |s, n| _ = s.block(EMPTY).local_get(n % 8).br_table([0, 0], 0).end()),
    ("call_indirect", call_indirect),
    ("memory.fill", memory_fill),
    ("memory.copy", |s, _| _ = s.i32_const(0).i32_const(0).i32_const(0).memory_copy(0, 0)),
    ("table.copy", |s, _| _ = s.i32_const(0).i32_const(0).i32_const(0).table_copy(0, 0)),
    ("table.fill", |s, _| {
        s.i32_const(0).ref_null(HeapType::FUNC).i32_const(0).table_fill(0);
    }),
    // Many values in flight.
    // A function of its own each (see `make`).
    ("function", |_, _| ()),
    ("function that calls", |s, _| _ = s.call(0).drop()),
    ("calls across 60 locals", |s, n| _ = s.call(0).local_set(n % 60)),
    ("br_if across 60 locals", |s, n| {
        _ = s.local_get(n % 60).br_if(0).i32_const(n as i32).local_set(n % 60)
    }),
    ("if with 60 locals", |s, n| {
        s.local_get(n % 60).if_(EMPTY).i32_const(n as i32).local_set((n + 7) % 60).end();
    }),
    ("loop with 60 locals", |s, n| {
        s.loop_(EMPTY).local_get(n % 60).local_set((n + 7) % 60).local_get(n % 60).br_if(0).end();
    }),
    ("wide blocks", |s, _| {
        (0..64).for_each(|_| _ = s.i64_const(1));
        s.block(BlockType::FunctionType(WIDE));
        (0..64).for_each(|_| _ = s.drop());
        (0..16).for_each(|_| _ = s.i64_const(1));
        s.end();
        (0..16).for_each(|_| _ = s.drop());
    }),
    ("wide loops", |s, _| {
        (0..64).for_each(|_| _ = s.i64_const(1));
        s.loop_(BlockType::FunctionType(WIDE));
        (0..48).for_each(|_| _ = s.drop());
        s.end();
        (0..16).for_each(|_| _ = s.drop());
    }),
    ("wide br_if", |s, n| {
        s.block(BlockType::FunctionType(RESULTS));
        (0..16).for_each(|_| _ = s.i64_const(1));
        (0..8).for_each(|_| _ = s.local_get(n % 8).br_if(0));
        s.end();
        (0..16).for_each(|_| _ = s.drop());
    }),
    ("wide br_table", |s, n| {
        s.block(BlockType::FunctionType(RESULTS));
        (0..16).for_each(|_| _ = s.i64_const(1));
        s.local_get(n % 8).br_table(vec![0; 4_000], 0).end();
        (0..16).for_each(|_| _ = s.drop());
    }),
    ("br_table to 100 blocks", |s, n| {
        nested(
            s,
            100,
            |s, _| _ = s.block(EMPTY),
            |s| {
                _ = s.local_get(n % 8).br_table((0..4_000).map(|target| target % 100), 0);
            },
        );
    }),
    ("deep operands", |s, n| {
        (0..1_000).for_each(|k| _ = s.local_get((n + k) % 8));
        (0..999).for_each(|_| _ = s.i32_add());
        s.local_set(n % 8);
    }),
    ("calls across 1 000 operands", |s, n| {
        (0..1_000).for_each(|_| _ = s.call(0));
        (0..999).for_each(|_| _ = s.i32_add());
        s.local_set(n % 8);
    }),
    ("loads across 1 000 operands", |s, n| {
        (0..1_000).for_each(|_| _ = s.local_get(n % 8).i32_load(AT_0));
        (0..999).for_each(|_| _ = s.i32_add());
        s.local_set(n % 8);
    }),
    ("br_ifs across 900 operands", |s, n| {
        (0..900).for_each(|_| _ = s.local_get(n % 8).i32_load(AT_0));
        (0..100).for_each(|_| _ = s.block(EMPTY).local_get(n % 8).br_if(0).end());
        (0..899).for_each(|_| _ = s.i32_add());
        s.local_set(n % 8);
    }),
    ("loops in loops, 500 locals", |s, n| {
        let depth = 30;
        let open = |s: &mut InstructionSink<'_>, k: u32| {
            s.loop_(EMPTY).local_get((n + k) % 400).local_set((n + k * 7) % 400);
        };
        nested(s, depth, open, |s| _ = s.local_get(n % 60).br_if(n % depth));
    }),
    ("table.grow", |s, _| _ = s.ref_null(HeapType::FUNC).i32_const(0).table_grow(0).drop()),
];

fn chain(sink: &mut InstructionSink<'_>, local: u32, step: fn(&mut InstructionSink<'_>)) {
    sink.local_get(local);
    (0..16).for_each(|_| step(sink));
    sink.local_set(local);
}

/// Everything that is tried.
pub fn names() -> Vec<String> {
    UNITS.iter().map(|(name, _)| format!("{name}/1/64")).collect()
}

/// Each kind in functions as large as may be, and as many of them as may be.
pub fn at_the_limit(only: Option<&str>) -> Vec<String> {
    let taken = |name: &str| inspect(&make(name)).is_ok();
    UNITS
        .iter()
        .filter(|(name, _)| only.is_none_or(|only| name.contains(only)))
        .flat_map(|(name, _)| {
            // Long functions, and short ones, whose parts cost less each but are more.
            let small = name.starts_with("function");
            let longest = (1..=if small { 1 } else { 63 })
                .rev()
                .find(|kib| taken(&format!("{name}/1/{kib}")))
                .unwrap_or(1);
            [longest, longest.min(4)].map(|kib| {
                let (mut most, mut step) = (1, 4_096);
                while step > 0 {
                    if (kib == 1 || (most + step) * kib <= 1_020)
                        && taken(&format!("{name}/{}/{kib}", most + step))
                    {
                        most += step;
                    }
                    step /= 2;
                }
                format!("{name}/{most}/{kib}")
            })
        })
        .collect()
}

pub fn make(name: &str) -> Vec<u8> {
    let mut parts = name.split('/');
    let (unit, functions, kib) = (parts.next(), parts.next(), parts.next());
    let number = |text: Option<&str>| text.and_then(|text| text.parse().ok()).expect("a number");
    if let Some(name @ ("function" | "function that calls")) = unit {
        return small_functions(number(functions), name != "function");
    }
    let (functions, bytes) = (number(functions), number(kib) * 1024 - 512);
    let unit = unit.expect("a name");
    // Those that are about many locals have nearly all that there may be.
    let locals = if unit.contains("locals") { &[(500, ValType::I32)] } else { LOCALS };
    let found = UNITS.iter().find(|(known, _)| *known == unit);
    let (_, found) = found.unwrap_or_else(|| panic!("no module '{name}'"));
    flood(functions, bytes, locals, found)
}

fn small_functions(count: usize, call: bool) -> Vec<u8> {
    let mut core = Core::new();
    for _ in 0..count {
        core.function(1, &[], |s| {
            if call {
                s.call(0).drop();
            }
        });
    }
    core.component()
}
