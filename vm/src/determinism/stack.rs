//! What these protect: calls nest to the same depth for the same fuel whatever the compiler makes of them,
//! the count is level again after every way out of a function, and the native stack never speaks first.

use pollen_ledger::module::{Call, CallEnd, CallKind, CallReport, ModuleEngine as _};
use pollen_ledger::receipt::Code;
use pollen_ledger::transaction::AccountId;
use wasmtime::{Instance, Module, Store, Trap};

use super::{COMPILERS, End, engine, metered};
use crate::engine::stack;
use crate::fixtures::{Base, PROBE, SIGNER, component};
use crate::host::prices;
use crate::instrument::STACK_BYTES_MAX;
use crate::{Compiler, Vm, VmConfig};

const FUEL: u64 = 50_000_000;

/// Calls `name` with `argument` in a fresh instance of each compiler's; the results must be equal.
fn run(wat: &str, name: &str, argument: i32) -> End<i32> {
    let code = metered(&wat::parse_str(wat).unwrap());
    let ends = COMPILERS.map(|compiler| {
        let engine = engine(compiler);
        let module = Module::new(&engine, &code).unwrap();
        let run = move || {
            let mut store = Store::new(&engine, ());
            store.set_fuel(FUEL).unwrap();
            let instance = Instance::new(&mut store, &module, &[]).unwrap();
            let function = instance.get_typed_func::<i32, i32>(&mut store, "f").unwrap();
            let result = function.call(&mut store, argument);
            End::of(result, FUEL - store.get_fuel().unwrap())
        };
        stack::spawn("test", run).unwrap().join().unwrap()
    });
    assert_eq!(ends[0], ends[1], "{name}");
    assert_eq!(ends[0], ends[2], "{name}");
    ends[0].clone()
}

/// A recursion `f(n) = n == 0 ? 0 : f(n - 1)` of a weight that the test knows.
fn recursion(locals: usize) -> (String, u32) {
    let wat = format!(
        "(module (func $f (export \"f\") (param i32) (result i32) (local {})
           local.get 0
           if (result i32)
             local.get 0 i32.const 1 i32.sub call $f
           else
             i32.const 0
           end))",
        "i64 ".repeat(locals)
    );
    // Locals: a vector of one entry; then 2 + 2 + 2 + 2 + 1 + 2 + 1 + 2 + 1 and the last end.
    let locals_bytes = if locals == 0 { 1 } else { 2 + usize::from(locals > 127) + 1 };
    let body = (locals_bytes + 16) as u32;
    (wat, 128 + 16 * (1 + locals as u32) + 16 * 2 + 2 * body)
}

#[test]
fn a_recursion_ends_at_the_depth_that_its_weight_says() {
    for locals in [0, 1, 100, 511] {
        let (wat, weight) = recursion(locals);
        let deepest = (STACK_BYTES_MAX / weight) as i32;
        // f(n) is n + 1 calls.
        let end = run(&wat, "recursion", deepest - 1);
        assert!(matches!(end, End::Returned(0, _)), "{locals}: {end:?}");
        let end = run(&wat, "recursion", deepest);
        assert!(matches!(end, End::Exact(Trap::UnreachableCodeReached, _)), "{locals}: {end:?}");
        let endless = run(&wat, "recursion", -1);
        assert_eq!(end, endless, "the same fuel however deep it wanted to go");
    }
}

/// Each function leaves in its own way; called so often that an exit that forgot its weight would end the
/// run.
#[test]
fn every_way_out_of_a_function_gives_its_weight_back() {
    let exits = [
        "nop",
        "return",
        "br 0",
        "block loop return end end",
        "block loop br 2 end end",
        "local.get 0 br_if 0",
        "block local.get 0 br_if 1 end",
        "block block local.get 0 br_table 0 1 2 end end",
        "local.get 0 br_table 0 0",
        "local.get 0 if return else br 1 end",
        "local.get 0 if (result i32) i32.const 1 else return end drop",
        "loop block local.get 0 br_if 0 return end end",
        "i32.const 7 i64.const 7 return",
        "return unreachable",
        "block br 0 br 1 end",
    ];
    for exit in exits {
        let wat = format!(
            "(module
               (func $leaf)
               (func $g (param i32) call $leaf {exit})
               (func (export \"f\") (param $times i32) (result i32)
                 (loop $again
                   (call $g (i32.and (local.get $times) (i32.const 3)))
                   (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))
                 local.get $times))"
        );
        assert!(matches!(run(&wat, exit, 20_000), End::Returned(0, _)), "{exit}");
    }
}

/// The same with results: none is lost, and several go through a block of their own type.
#[test]
fn results_pass_the_exit_unchanged() {
    let many = "(module
       (func $leaf)
       (func $two (param i32) (result i32 i64)
         call $leaf
         local.get 0 if i32.const 1 i64.const 2 return end
         block (result i32 i64)
           i32.const 3 i64.const 4 local.get 0 i32.eqz br_if 1
         end)
       (func $three (param i32) (result f64 i32 f32)
         call $leaf f64.const 5 local.get 0 call $two drop f32.const 6)
       (func $also_two (param i32 i32) (result i32 i64) local.get 0 call $two)
       (func (export \"f\") (param i32) (result i32)
         (local $a f64) (local $b i32) (local $c f32) (local $d i64)
         local.get 0 call $three local.set $c local.set $b local.set $a
         local.get 0 i32.const 0 call $also_two local.set $d drop
         local.get $b
         (i32.mul (i32.trunc_f64_s (local.get $a)) (i32.const 10)) i32.add
         (i32.mul (i32.trunc_f32_s (local.get $c)) (i32.const 100)) i32.add
         (i32.mul (i32.wrap_i64 (local.get $d)) (i32.const 1000)) i32.add))";
    assert!(matches!(run(many, "two", 1), End::Returned(2651, _)), "{:?}", run(many, "two", 1));
    assert!(matches!(run(many, "two", 0), End::Returned(4653, _)), "{:?}", run(many, "two", 0));
    let vectors = "(module
       (func $leaf)
       (func $g (param i32) (result v128) call $leaf (i32x4.splat (local.get 0)) return)
       (func $r (result funcref) call $leaf ref.func $leaf return)
       (elem declare func $leaf)
       (func (export \"f\") (param i32) (result i32)
         (i32.add (i32x4.extract_lane 2 (call $g (local.get 0))) (ref.is_null (call $r)))))";
    assert!(matches!(run(vectors, "vectors", 11), End::Returned(11, _)));
}

/// Two functions through a table, imported globals and functions in front, and a start function.
#[test]
fn indices_stay_where_imports_and_tables_point() {
    let wat = "(module
       (type $t (func (param i32) (result i32)))
       (table 2 funcref) (elem (i32.const 0) $even $odd)
       (global $g (mut i32) (i32.const 0))
       (memory 1) (data (i32.const 0) \"\\2a\")
       (start $s)
       (func $s (global.set $g (i32.const 5)) call $nothing)
       (func $nothing)
       (func $even (param i32) (result i32)
         (if (result i32) (i32.eqz (local.get 0)) (then (global.get $g))
           (else (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 1)))))
       (func $odd (param i32) (result i32)
         (if (result i32) (i32.eqz (local.get 0)) (then (i32.load8_u (i32.const 0)))
           (else (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0)))))
       (export \"f\" (func $even)))";
    assert!(matches!(run(wat, "even", 100), End::Returned(5, _)));
    assert!(matches!(run(wat, "odd", 101), End::Returned(42, _)));
    let end = run(wat, "too deep", 1_000_000);
    assert!(matches!(end, End::Exact(Trap::UnreachableCodeReached, _)), "{end:?}");
}

const DIVER_WIT: &str = "package probe:diver@0.1.0;
interface commands {
  recurse: func(depth: u32) -> u32;
  dive: func(modules: u32) -> u32;
}
world module { include pollen:host/module@0.1.0; export commands; }";

/// Calls that `dive` nests in each module: all but a few that the limit allows.
const DIVE_CALLS: u32 = 40;

/// `recurse` nests calls. `dive` nests them near to the limit, in large frames, and then calls the module
/// whose address is one less, which does the same; it returns how many modules were called.
fn diver() -> Vec<u8> {
    let set: String = (4..404)
        .map(|n| {
            let before = if n == 4 { 0 } else { n - 1 };
            format!("(local.set {n} (i64.mul (local.get {before}) (i64.const 7)))")
        })
        .collect();
    let sum: String = (4..404).map(|n| format!("local.get {n} i64.add ")).collect();
    let locals = "i64 ".repeat(400);
    let wat = format!(
        "(module
           (import \"pollen:host/modules@0.1.0\" \"call\"
             (func $call (param i64 i64 i64 i64 i32 i32 i32 i32 i32 i64 i64 i32)))
           (memory (export \"memory\") 2)
           (global $free (mut i32) (i32.const 4096))
           (data (i32.const 0) \"dive\")
           (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32)
             (global.set $free (i32.add (global.get $free) (i32.const 64)))
             (i32.sub (global.get $free) (i32.const 64)))
           (func $recurse (export \"probe:diver/commands@0.1.0#recurse\") (param i32) (result i32)
             (if (result i32) (local.get 0)
               (then (i32.add (i32.const 1) (call $recurse (i32.sub (local.get 0) (i32.const 1)))))
               (else (i32.const 0))))
           (func $next (param $modules i32) (result i32)
             (i32.store (i32.const 16) (i32.sub (local.get $modules) (i32.const 1)))
             (call $call (i64.extend_i32_u (i32.load (i32.const 16))) (i64.const 0) (i64.const 0)
               (i64.const 0) (i32.const 0) (i32.const 4) (i32.const 16) (i32.const 4)
               (i32.const 0) (i64.const 0) (i64.const 0) (i32.const 32))
             ;; ok: a list at 36; its number plus one is the answer
             (if (result i32) (i32.load8_u (i32.const 32))
               (then (i32.const 1000))
               (else (i32.add (i32.const 1) (i32.load (i32.load (i32.const 36)))))))
           (func $deep (param $seed i64) (param $calls i32) (param $modules i32) (result i32)
             (local $result i32) (local {locals})
             {set}
             (local.set $result
               (if (result i32) (local.get $calls)
                 (then (call $deep (local.get 5) (i32.sub (local.get $calls) (i32.const 1))
                   (local.get $modules)))
                 (else (if (result i32) (local.get $modules)
                   (then (call $next (local.get $modules))) (else (i32.const 0))))))
             (i64.store (i32.const 64) (i64.const 0) {sum})
             (local.get $result))
           (func (export \"probe:diver/commands@0.1.0#dive\") (param i32) (result i32)
             (call $deep (i64.const 99) (i32.const {DIVE_CALLS}) (local.get 0))))"
    );
    component(&wat, DIVER_WIT)
}

fn address(module: u8) -> AccountId {
    let mut bytes = [0; 32];
    bytes[0] = module;
    AccountId(bytes)
}

/// The diver at ten addresses.
fn base() -> Base {
    let code = diver();
    crate::validate::inspect(&code).unwrap();
    let mut base = Base::with(&code);
    for module in 0..10 {
        base.add(address(module), &code);
    }
    base
}

fn call(compiler: Compiler, base: &Base, module: AccountId, function: &str, n: u32) -> CallReport {
    let vm = Vm::new(&VmConfig { compiler, instances: 36, ..VmConfig::default() }).unwrap();
    let arguments = n.to_le_bytes();
    let call = Call {
        module,
        function,
        arguments: &arguments,
        caller: SIGNER,
        attached: 0,
        fuel: FUEL,
        kind: CallKind::Command,
    };
    let mut report = vm.call(&mut base.state(), call).unwrap();
    // Notes are for people, and frames in them may differ.
    report.note = report.note.map(|note| note.lines().next().unwrap_or_default().to_owned());
    report
}

fn everywhere(base: &Base, module: AccountId, function: &str, n: u32) -> CallReport {
    let reports = COMPILERS.map(|compiler| call(compiler, base, module, function, n));
    assert_eq!(reports[0], reports[1], "{function}({n})");
    assert_eq!(reports[0], reports[2], "{function}({n})");
    reports[0].clone()
}

#[test]
fn a_module_that_nests_too_deep_pays_what_it_used_and_is_told_why() {
    let base = base();
    let fine = everywhere(&base, PROBE, "recurse", 1_000);
    assert_eq!(fine.end, CallEnd::Returned(1_000_u32.to_le_bytes().to_vec()), "{:?}", fine.note);
    let report = everywhere(&base, PROBE, "recurse", 1_000_000);
    let CallEnd::Failed { code: Code::Trapped, .. } = report.end else { panic!("{report:?}") };
    assert!(report.fuel_used > prices::CALL && report.fuel_used < FUEL / 10, "exact: {report:?}");
    assert!(report.note.unwrap().contains("more than 1 MiB of stack"));
}

/// Nine modules, each with nearly all the stack that it may use, on one native stack.
#[test]
fn the_deepest_calls_of_the_deepest_modules_fit() {
    let base = base();
    let report = everywhere(&base, address(9), "dive", 8);
    assert_eq!(report.end, CallEnd::Returned(8_u32.to_le_bytes().to_vec()), "{report:?}");
}
