//! Fuel against time: how many nanoseconds a unit of fuel buys, for every operator and every host function.
//!
//! ```text
//! cargo run -p pollen-vm --example price_speed            what is dearest in time, and the verdict
//! cargo run -p pollen-vm --example price_speed -- all     every line
//! cargo run -p pollen-vm --example price_speed -- memory  lines with this in their names
//! ```
//!
//! A price that is too low lets a module buy more of every node's time than it pays for. The bound is
//! [`BOUND_NS`] a unit; what waits for main memory is apart (`docs/vm.md`). Each line is the least of several
//! runs, in the processor time of this thread alone, so that a busy machine changes little.

mod host;
mod operators;

#[allow(dead_code, clippy::unwrap_used)] // shared with the crate's own tests
#[path = "../../src/fixtures.rs"]
mod fixtures;

use std::process::ExitCode;
use std::sync::OnceLock;

use fixtures::{Base, PROBE, SIGNER, component};
use pollen_ledger::module::{Call, CallEnd, CallKind, ModuleEngine as _};
use pollen_ledger::receipt::Code;
use pollen_vm::{Vm, VmConfig, stack};

/// Nanoseconds that one unit of fuel may take.
const BOUND_NS: f64 = 1.0;
/// Runs of which the least counts.
const RUNS: usize = 5;
/// Nanoseconds that are measured at least, and half a hundred times as many runs at most.
const RUNS_NS: f64 = 5e6;
/// Fuel of one run: some milliseconds.
const FUEL_OF_A_RUN: u64 = 4_000_000;
const FUEL_MAX: u64 = 40_000_000_000;
/// Lines that are shown when not all are.
const SHOWN: usize = 30;

/// One line of the table.
pub struct Line {
    /// What was done.
    pub name: String,
    /// Time of all of it.
    pub ns: f64,
    /// Fuel of all of it.
    pub fuel: u64,
    /// How many host calls it was, where that is known.
    pub times: u64,
}

impl Line {
    fn ns_of_fuel(&self) -> f64 {
        self.ns / self.fuel as f64
    }
}

/// Processor time of this thread. The kernel brings it up to date at each tick, and when a thread yields.
fn thread_cpu_ns() -> u64 {
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells it");
    let first = text.split_whitespace().next().expect("three numbers");
    first.parse().expect("a number")
}

/// What it takes to ask for the time, at least.
fn overhead_ns() -> f64 {
    static OVERHEAD: OnceLock<f64> = OnceLock::new();
    *OVERHEAD.get_or_init(|| {
        let asked = (0..1_000).map(|_| {
            let start = thread_cpu_ns();
            (thread_cpu_ns() - start) as f64
        });
        asked.fold(f64::MAX, f64::min)
    })
}

/// Runs a function of the module at [`PROBE`] and says what it took.
pub(crate) fn measure(vm: &Vm, base: &Base, name: &str, function: &str, arguments: &[u8]) -> Line {
    let overhead = overhead_ns();
    let mut line = Line { name: name.to_owned(), ns: f64::MAX, fuel: 0, times: 1 };
    let mut runs = 0;
    let mut sum = 0.0;
    // Short ones more often: the first of them find the caches cold.
    while runs < RUNS || (sum < RUNS_NS && runs < RUNS * 50) {
        runs += 1;
        let mut state = base.state();
        let call = Call {
            module: PROBE,
            function,
            arguments,
            caller: SIGNER,
            attached: 0,
            fuel: FUEL_MAX,
            kind: CallKind::Command,
        };
        let start = thread_cpu_ns();
        let report = vm.call(&mut state, call).expect("the machine works");
        let ns = (thread_cpu_ns() - start) as f64 - overhead;
        let is_end = match &report.end {
            CallEnd::Returned(_) => true,
            CallEnd::Failed { code, .. } => *code == Code::ModuleError,
        };
        assert!(is_end, "{name}: {report:?}");
        line.ns = line.ns.min(ns);
        sum += ns;
        line.fuel = report.fuel_used;
    }
    line
}

const WIT: &str = "package probe:it@0.1.0;
interface commands { run: func(n: u32); }
world module { include pollen:host/module@0.1.0; export commands; }";

/// A module whose `run(n)` repeats a pattern's body n times.
fn looped(pattern: &operators::Pattern) -> Vec<u8> {
    let functions = "$leaf ".repeat(8);
    let v128s = "v128 ".repeat(16);
    let zeros = "v128.const i64x2 0 0 ".repeat(16);
    let wat = format!(
        "(module
           (memory (export \"memory\") 3)
           (type $none (func))
           (table $t 2000 2100 funcref)
           (elem (i32.const 0) {functions})
           (elem $passive func {functions})
           (elem $dropped func $leaf)
           (data $passive \"{}\")
           (data $dropped \"x\")
           (global $g (mut i64) (i64.const 1))
           (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) unreachable)
           (func $leaf)
           (func $calls call $leaf)
           (func $takes (param {v128s}))
           (func $gives (result {v128s}) {zeros})
           (func (export \"probe:it/commands@0.1.0#run\") (param $n i32) {}
             {}
             loop $again
               {}
               (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))
             end
             ;; what is not used is not computed
             (i64.store (i32.const 0) (i64.add (i64.extend_i32_u (local.get $i)) (local.get $l)))
             (f32.store (i32.const 8) (local.get $f))
             (f64.store (i32.const 16) (local.get $d))
             (v128.store (i32.const 32) (local.get $v))
             (i64.store (i32.const 48) (local.get $seed))))",
        "y".repeat(64),
        operators::LOCALS,
        operators::START,
        pattern.body.repeat(pattern.times),
    );
    component(&wat, WIT)
}

fn operator(vm: &Vm, pattern: &operators::Pattern) -> Line {
    let code = looped(pattern);
    if let Err(refusal) = vm.inspect(&code) {
        panic!("{}: {refusal}", pattern.name);
    }
    let base = Base::with(&code);
    let fuel = |n: u32| measure_once(vm, &base, &n.to_le_bytes());
    let (one, eleven) = (fuel(1), fuel(11));
    let round = (eleven - one) / 10;
    let n = (FUEL_OF_A_RUN / round.max(1)).clamp(1, u64::from(u32::MAX) / 2) as u32;
    measure(vm, &base, &pattern.name, "run", &n.to_le_bytes())
}

fn measure_once(vm: &Vm, base: &Base, arguments: &[u8]) -> u64 {
    let call = Call {
        module: PROBE,
        function: "run",
        arguments,
        caller: SIGNER,
        attached: 0,
        fuel: FUEL_MAX,
        kind: CallKind::Command,
    };
    vm.call(&mut base.state(), call).expect("the machine works").fuel_used
}

fn main() -> ExitCode {
    let wanted = std::env::args().nth(1);
    let thread = stack::spawn("prices", move || run(wanted.as_deref())).expect("a thread");
    thread.join().expect("no panic")
}

fn run(wanted: Option<&str>) -> ExitCode {
    let vm = Vm::new(&VmConfig { instances: 36, ..VmConfig::default() }).expect("it starts");
    let is_wanted = |name: &str| match wanted {
        None | Some("all") => true,
        Some(part) => name.contains(part),
    };
    let mut lines: Vec<Line> = Vec::new();
    for pattern in operators::patterns().iter().filter(|pattern| is_wanted(&pattern.name)) {
        lines.push(operator(&vm, pattern));
    }
    lines.extend(host::lines(&vm, is_wanted));
    lines.sort_by(|one, two| two.ns_of_fuel().total_cmp(&one.ns_of_fuel()));
    let shown = if wanted.is_some() { lines.len() } else { SHOWN.min(lines.len()) };
    println!("{:>12}  {:>14}  {:>14}  what", "ns per fuel", "fuel", "ns");
    for line in &lines[..shown] {
        let (fuel, ns) = (line.fuel / line.times, line.ns / line.times as f64);
        println!("{:>12.3}  {fuel:>14}  {ns:>14.1}  {}", line.ns_of_fuel(), line.name);
    }
    let above = lines.iter().filter(|line| line.ns_of_fuel() > BOUND_NS).count();
    println!("{} prices; {above} above {BOUND_NS} ns a unit of fuel", lines.len());
    if above == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
