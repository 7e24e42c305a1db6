//! Native frames against the weights that stack metering gives them: what `engine::stack` leaves room for.
//!
//! Each shape of function is a recursion that tells the host at every level where the native stack stands.
//! Shapes are the worst that are known: values that live across calls without many bytes of code, large
//! arguments and results, and lifetimes that keep the register allocator from using a slot twice.

use std::fmt::Write as _;

use wasmtime::{Caller, Linker, Module, Store};

use super::{engine, metered};
use crate::Compiler;
use crate::engine::stack;
use crate::instrument;

/// Native bytes for each byte of weight that may be found: there is room for 1.9 (`engine::stack`).
const ROOM: f64 = 1.6;
/// Levels that are entered; large frames among them.
const LEVELS: i32 = 4;

/// Where the native stack stood at each level.
#[derive(Default)]
struct Depths(Vec<usize>);

/// Bytes of native stack that one call of `$f` takes.
fn native_frame(compiler: Compiler, wat: &str) -> usize {
    let code = metered(&wat::parse_str(wat).unwrap());
    let engine = engine(compiler);
    let module = Module::new(&engine, &code).unwrap();
    let mut linker = Linker::new(&engine);
    let tell = |mut caller: Caller<'_, Depths>| {
        let here = 0_u8;
        caller.data_mut().0.push(std::ptr::from_ref(&here).addr());
    };
    linker.func_wrap("host", "tell", tell).unwrap();
    let measure = move || {
        let mut store = Store::new(&engine, Depths::default());
        store.set_fuel(u64::MAX / 2).unwrap();
        let instance = linker.instantiate(&mut store, &module).unwrap();
        let function = instance.get_typed_func::<i32, ()>(&mut store, "f").unwrap();
        function.call(&mut store, LEVELS).unwrap();
        let depths = &store.data().0;
        assert_eq!(depths.len() as i32, LEVELS);
        (depths[0] - depths[depths.len() - 1]) / (depths.len() - 1)
    };
    stack::spawn("test", measure).unwrap().join().unwrap()
}

/// `$f(n)`: `before`, the host, `$f(n - 1)` unless n is 1, `after`.
fn shape(types: &str, locals: &str, before: &str, after: &str) -> String {
    let globals = "(global v128 (v128.const i64x2 1 2))".repeat(64);
    format!(
        "(module
           (import \"host\" \"tell\" (func $tell))
           (memory 1)
           {globals}
           {types}
           (func $f (export \"f\") (param $n i32) (local {locals})
             {before}
             (call $tell)
             (if (i32.gt_s (local.get $n) (i32.const 1))
               (then (call $f (i32.sub (local.get $n) (i32.const 1)))))
             {after}))"
    )
}

fn repeat(count: usize, text: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut all, index| {
        let _ = write!(all, "{} ", text(index));
        all
    })
}

/// Sinks and sources of many values.
fn many(count: usize) -> String {
    let (values, zeros) = ("v128 ".repeat(count), "v128.const i64x2 0 0 ".repeat(count));
    let (few, few_zeros) = ("v128 ".repeat(16), "v128.const i64x2 0 0 ".repeat(16));
    format!(
        "(func $sink (param {values})) (func $source (result {few}) {few_zeros}) (func $nothing)
         (func $sink16 (param {few})) (func $both (param {values}) (result {few}) {few_zeros})
         (func $zeros (result i32) {zeros} call $sink i32.const 0)"
    )
}

fn shapes() -> Vec<(&'static str, String)> {
    let chain = |ty: &str, op: &str, count: usize| {
        let start = match ty {
            "v128" => "(i32x4.splat (local.get $n))",
            "i64" => "(i64.extend_i32_u (local.get $n))",
            _ => "(f64.convert_i32_u (local.get $n))",
        };
        let set = repeat(count, |index| {
            let value = if index == 0 { start.to_owned() } else { format!("local.get {index}") };
            format!("{value} {op} local.set {}", index + 1)
        });
        let store =
            repeat(count, |index| format!("i32.const 0 local.get {} {ty}.store", index + 1));
        shape("", &format!("{ty} ").repeat(count), &set, &store)
    };
    // Phases of values that live across one call each, beside some that live across all of them: no slot
    // that is near is free.
    let phases = |count: usize, phase: &str, long: usize| {
        let keep = repeat(long, |index| format!("global.get {index} local.set {}", index + 1));
        let use_them =
            repeat(long, |index| format!("i32.const 0 local.get {} v128.store", index + 1));
        let after = format!("{} {use_them}", repeat(count, |_| phase.to_owned()));
        shape(&many(64), &"v128 ".repeat(long.max(1)), &keep, &after)
    };
    let globals = repeat(64, |index| format!("global.get {index}"));
    vec![
        ("nothing", shape("", "i32", "", "")),
        ("400 i64 across the call", chain("i64", "i64.const 7 i64.mul", 400)),
        ("500 v128 across the call", chain("v128", "v128.not", 500)),
        ("400 f64 across the call", chain("f64", "f64.sqrt", 400)),
        (
            "960 operands of 60 calls across the call",
            shape(
                &many(64),
                "i32",
                &repeat(60, |_| "call $source".into()),
                &repeat(60, |_| "call $sink16".into()),
            ),
        ),
        ("64 arguments", shape(&many(64), "i32", &format!("{globals} call $sink"), "")),
        (
            "64 arguments, 16 results",
            shape(&many(64), "i32", &format!("{globals} call $both"), "call $sink16"),
        ),
        ("phases of results", phases(1_000, "call $source call $nothing call $sink16", 20)),
        ("more phases of results", phases(5_000, "call $source call $nothing call $sink16", 20)),
        ("phases beside one value", phases(3_000, "call $source call $nothing call $sink16", 1)),
        ("phases beside 60 values", phases(3_000, "call $source call $nothing call $sink16", 60)),
        (
            "phases that overlap",
            phases(2_000, "call $source call $source call $nothing call $sink16 call $sink16", 12),
        ),
        ("phases of globals", phases(200, &format!("{globals} call $nothing call $sink"), 20)),
        (
            "phases of numbers",
            phases(
                500,
                &format!(
                    "{} call $nothing {}",
                    repeat(16, |index| format!("local.get {} f32x4.sqrt", index + 1)),
                    "call $sink16"
                ),
                20,
            ),
        ),
    ]
}

#[test]
fn native_frames_stay_far_below_their_weights() {
    let mut worst: f64 = 0.0;
    for (name, wat) in shapes() {
        let core = wat::parse_str(&wat).unwrap();
        let weight = instrument::weights(&super::wrapped(&core)).unwrap().last().copied().unwrap();
        for compiler in [Compiler::Speed, Compiler::Quick] {
            let native = native_frame(compiler, &wat);
            let ratio = native as f64 / f64::from(weight);
            println!("{name:45} {compiler:?}: {native:8} of {weight:8}: {ratio:.2}");
            worst = worst.max(ratio);
        }
    }
    assert!(worst < ROOM, "{worst}");
}
