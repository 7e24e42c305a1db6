//! Compile bombs: small components that cost a compiler, a validator or a decoder far more than their size
//! says. Each in its wild form, which must be refused, and what of it is left inside the limits, which must
//! compile within the bound.

use std::borrow::Cow;

use pollen_vm::validate::limits as limit;
use wasm_encoder::{ConstExpr, CustomSection, ExportKind, InstructionSink, ValType};

use super::components;
pub use super::shapes::ANYWHERE as AT_0;
use super::shapes::{Core, EMPTY, nested};

/// What must happen to a bomb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Refused, with these words in the reason.
    Refused(&'static str),
    /// Within the limits: compiles within the bound.
    Compiles,
}

/// One of the corpus.
pub struct Bomb {
    pub name: &'static str,
    pub verdict: Verdict,
    pub make: fn() -> Vec<u8>,
}

const fn refused(name: &'static str, words: &'static str, make: fn() -> Vec<u8>) -> Bomb {
    Bomb { name, verdict: Verdict::Refused(words), make }
}

const fn compiles(name: &'static str, make: fn() -> Vec<u8>) -> Bomb {
    Bomb { name, verdict: Verdict::Compiles, make }
}

/// All of them.
pub const BOMBS: &[Bomb] = &[
    refused("nested loops, 500 locals", "nested loops", || loops(3_000, 500)),
    refused("loops side by side, 500 locals", "loops times locals", || loop_row(1_900, 500)),
    refused("locals of a function", "locals of a function", || locals(1, 40_000)),
    refused("locals of a component", "locals", || locals(400, 500)),
    refused("call_indirect flood", "of a function", || one(131_000, call_indirect)),
    refused("memory.fill flood", "of a function", || one(131_000, memory_fill)),
    refused("empty functions", "functions", || empty_functions(43_000)),
    refused("br_table with 65 521 targets", "targets of a br_table", || branch_table(65_521)),
    refused("types", "types", || types(2_000)),
    refused("parameters", "parameters of a function", || parameters(900)),
    refused("globals", "globals", || globals(60_000)),
    refused("core exports", "exports", || exports(60_000)),
    refused("data segments", "data segments", || data_segments(90_000)),
    refused("element segments", "table elements", || element_segments(90_000)),
    refused("nested blocks", "nested blocks", || one_nest(20_000)),
    refused("operands", "operands", || operands(5_000)),
    refused("custom sections", "custom sections", || custom_sections(200_000)),
    refused("instance types in each other", "nested too deep", || {
        components::deep_instance_types(340_000)
    }),
    refused("components in each other", "a component inside", || {
        components::deep_components(80_000)
    }),
    refused("aliases", "imports, exports, aliases", || components::aliases(30_000)),
    refused("lowered functions", "imports, exports, aliases", || components::lowered(60_000)),
    refused("types that double", "not a valid component", || components::doubling_types(1_000)),
    refused("types of many fields", "not a valid component", || {
        components::wide_records(20, 5_000)
    }),
    refused("inline exports", "imports, exports, aliases", || components::inline_exports(60_000)),
    refused("an import exported again", "never an import", components::import_exported_again),
    refused("a call of itself", "its own exports", components::own_call),
    refused("two memories of one module", "memories", || components::memories(2)),
    compiles("one memory of one module", || components::memories(1)),
    compiles("nested loops at the limit", || loops(limit::LOOP_DEPTH_MAX, limit::LOCALS_MAX - 1)),
    compiles("names", || names(1_000_000)),
];

fn one(bytes: usize, unit: fn(&mut InstructionSink<'_>, u32)) -> Vec<u8> {
    let mut core = Core::new();
    core.table(100);
    core.filled(&[], bytes, unit);
    core.component()
}

/// `functions` functions of `bytes` bytes, each a repetition of `unit`.
pub fn flood(
    functions: usize,
    bytes: usize,
    locals: &[(u32, ValType)],
    unit: impl Fn(&mut InstructionSink<'_>, u32),
) -> Vec<u8> {
    let mut core = Core::new();
    core.table(100);
    core.global();
    core.ty(64, 16, ValType::I64);
    core.ty(0, 16, ValType::I64);
    for _ in 0..functions {
        core.filled(locals, bytes, &unit);
    }
    core.component()
}

fn loops(depth: u32, locals: u32) -> Vec<u8> {
    let mut core = Core::new();
    core.function(1, &[(locals, ValType::I64)], |sink| {
        nested(
            sink,
            depth,
            |sink, number| {
                sink.loop_(EMPTY);
                sink.local_get(number % locals).local_set((number + 1) % locals);
            },
            |sink| {
                sink.local_get(0).i32_wrap_i64().br_if(depth / 2);
            },
        );
    });
    core.component()
}

fn loop_row(count: u32, locals: u32) -> Vec<u8> {
    let mut core = Core::new();
    core.function(1, &[(locals, ValType::I64)], |sink| {
        for number in 0..count {
            sink.loop_(EMPTY).local_get(number % locals).local_set(0).end();
        }
    });
    core.component()
}

fn locals(functions: usize, count: u32) -> Vec<u8> {
    let mut core = Core::new();
    for _ in 0..functions {
        core.function(1, &[(count, ValType::V128)], |_| {});
    }
    core.component()
}

pub fn call_indirect(sink: &mut InstructionSink<'_>, number: u32) {
    sink.i32_const((number % 64) as i32).call_indirect(0, 1);
}

pub fn memory_fill(sink: &mut InstructionSink<'_>, _: u32) {
    sink.i32_const(0).i32_const(0).i32_const(0).memory_fill(0);
}

fn empty_functions(count: usize) -> Vec<u8> {
    let mut core = Core::new();
    for _ in 0..count {
        core.function(1, &[], |_| {});
    }
    core.component()
}

fn branch_table(targets: usize) -> Vec<u8> {
    let mut core = Core::new();
    core.function(1, &[], |sink| {
        sink.i32_const(0).br_table(vec![0; targets], 0);
    });
    core.component()
}

fn types(count: usize) -> Vec<u8> {
    let mut core = Core::new();
    for number in 0..count {
        core.ty(number % 60, 1, ValType::I64);
    }
    core.component()
}

fn parameters(count: usize) -> Vec<u8> {
    let mut core = Core::new();
    core.ty(count, 1, ValType::I64);
    core.component()
}

fn globals(count: usize) -> Vec<u8> {
    let mut core = Core::new();
    (0..count).for_each(|_| core.global());
    core.component()
}

fn exports(count: usize) -> Vec<u8> {
    let mut core = Core::new();
    for number in 0..count {
        core.exports.export(&format!("e{number}"), ExportKind::Func, 0);
    }
    core.component()
}

fn data_segments(count: usize) -> Vec<u8> {
    let mut core = Core::new();
    for _ in 0..count {
        core.data.active(0, &ConstExpr::i32_const(0), [1]);
    }
    core.component()
}

fn element_segments(count: usize) -> Vec<u8> {
    let mut core = Core::new();
    core.table(10);
    (0..count).for_each(|_| core.element(&[0]));
    core.component()
}

fn one_nest(depth: u32) -> Vec<u8> {
    let mut core = Core::new();
    core.function(1, &[], |sink| {
        nested(sink, depth, |sink, _| _ = sink.block(EMPTY), |_| {});
    });
    core.component()
}

fn operands(count: u32) -> Vec<u8> {
    let mut core = Core::new();
    core.function(1, &[], |sink| {
        (0..count).for_each(|_| _ = sink.i32_const(1));
        (0..count).for_each(|_| _ = sink.drop());
    });
    core.component()
}

fn custom_sections(count: usize) -> Vec<u8> {
    let mut core = Core::new();
    for _ in 0..count {
        core.custom.push(CustomSection { name: Cow::Borrowed(""), data: Cow::Borrowed(&[]) });
    }
    core.component()
}

/// A name section of one enormous name.
fn names(bytes: usize) -> Vec<u8> {
    let mut names = wasm_encoder::NameMap::new();
    names.append(0, &"n".repeat(bytes.min(99_000)));
    let mut section = wasm_encoder::NameSection::new();
    section.functions(&names);
    let mut core = Core::new();
    core.custom.push(CustomSection {
        name: Cow::Borrowed("padding"),
        data: Cow::Owned(vec![0; bytes - 100_000]),
    });
    let mut data = Vec::new();
    wasm_encoder::Encode::encode(&section, &mut data);
    core.custom.push(CustomSection { name: Cow::Borrowed("raw-names"), data: Cow::Owned(data) });
    core.component()
}
