//! What a call costs: transfers of the example token through the host, a fresh instance and dynamic arguments
//! each time, with the state in a hash map; an empty query; a storage call; compiling and loading a module.
//! `cargo run -p pollen-vm --example call_speed [transfers]`
//!
//! Time is that of the thread's processor, so that other work on the machine does not count.

mod ledger;

use std::path::Path;
use std::sync::{Arc, Barrier};
use std::time::Instant;

use pollen_build::{Options, build_module};
use pollen_ledger::crypto::Hash;
use pollen_ledger::module::{CallEnd, CallKind};
use pollen_ledger::transaction::AccountId;
use pollen_vm::cache::MemorySums;
use pollen_vm::{Vm, VmConfig, stack};

use ledger::{Ledger, call};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const FUEL: u64 = 300_000_000;
const TOKEN: AccountId = AccountId([1; 32]);
const PROBE: AccountId = AccountId([2; 32]);
const ACCOUNTS: u8 = 100;
/// Rounds of the transfers on one thread.
const ROUNDS: u32 = 21;
/// Modules of a warm start.
const WARM_MODULES: u8 = 100;
/// Storage calls in one query.
const STORAGE_CALLS: u32 = 1_000;
const PROBE_WIT: &str = "package probe:it@0.1.0;
interface queries { nothing: func(); read-often: func(times: u32); }
world module { include pollen:host/module@0.1.0; export queries; }";
const PROBE_WAT: &str = r#"(module
  (import "pollen:host/storage@0.1.0" "len" (func $len (param i32 i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "key")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "probe:it/queries@0.1.0#nothing"))
  (func (export "probe:it/queries@0.1.0#read-often") (param $times i32)
    (loop $again
      (call $len (i32.const 0) (i32.const 3) (i32.const 3072))
      (local.set $times (i32.sub (local.get $times) (i32.const 1)))
      (br_if $again (local.get $times)))))"#;

fn main() {
    let transfers = std::env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or(50_000);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contracts/token");
    let token = build_module(&folder, &Options::default()).expect("the token builds").component;
    println!("token: {} bytes", token.len());
    let run = move || {
        calls(&token, transfers);
        code(&token);
    };
    stack::spawn("measure", run).expect("a thread").join().expect("it measures");
}

fn vm() -> Vm {
    Vm::new(&VmConfig::default()).expect("it starts")
}

/// A token whose supply is spread over [`ACCOUNTS`].
fn ledger_with_token(vm: &Vm, token: &[u8]) -> Ledger {
    let mut ledger = Ledger::default();
    ledger.add_module(TOKEN, token);
    ledger.add_module(PROBE, &probe());
    let word = |text: &str| [&(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
    let init = [word("Honey"), word("HNY"), vec![2], u64::MAX.to_le_bytes().to_vec()].concat();
    let owner = account(0);
    call(vm, &mut ledger, CallKind::Init, TOKEN, "init", &init, owner);
    for number in 1..ACCOUNTS {
        let arguments = transfer_arguments(account(number), 1 << 40);
        call(vm, &mut ledger, CallKind::Command, TOKEN, "transfer", &arguments, owner);
    }
    ledger
}

fn account(number: u8) -> AccountId {
    AccountId([number ^ 0xa5; 32])
}

fn transfer_arguments(to: AccountId, amount: u64) -> Vec<u8> {
    [&to.0[..], &amount.to_le_bytes()].concat()
}

/// Nanoseconds of this thread for each transfer.
fn transfer_ns(vm: &Vm, ledger: &mut Ledger, transfers: u32) -> f64 {
    let start = thread_cpu_ns();
    for number in 0..transfers {
        let from = account((number % u32::from(ACCOUNTS)) as u8);
        let to = account((number.wrapping_mul(7) % u32::from(ACCOUNTS)) as u8);
        let arguments = transfer_arguments(to, 1);
        let end = call(vm, ledger, CallKind::Command, TOKEN, "transfer", &arguments, from).end;
        assert!(matches!(end, CallEnd::Returned(_)), "{end:?}");
    }
    (thread_cpu_ns() - start) as f64 / f64::from(transfers)
}

fn calls(token: &[u8], transfers: u32) {
    let vm = vm();
    let mut ledger = ledger_with_token(&vm, token);
    transfer_ns(&vm, &mut ledger, transfers / 10);
    // In rounds, of which the median counts: a moment in which the machine does something else is one of them.
    let round = (transfers / ROUNDS).max(1);
    let mut rounds: Vec<f64> = (0..ROUNDS).map(|_| transfer_ns(&vm, &mut ledger, round)).collect();
    rounds.sort_by(f64::total_cmp);
    let [least, one, most] = [0, rounds.len() / 2, rounds.len() - 1].map(|at| rounds[at]);
    println!(
        "transfer, one thread     {:6.2} us  {:8.0} /s  ({:.2}-{:.2} us by round)",
        one / 1e3,
        1e9 / one,
        least / 1e3,
        most / 1e3
    );

    let barrier = Arc::new(Barrier::new(2));
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let (vm, token, barrier) = (vm.clone(), token.to_vec(), Arc::clone(&barrier));
            let run = move || {
                let mut ledger = ledger_with_token(&vm, &token);
                barrier.wait();
                transfer_ns(&vm, &mut ledger, transfers)
            };
            stack::spawn("measure", run).expect("a thread")
        })
        .collect();
    let each: Vec<f64> =
        threads.into_iter().map(|thread| thread.join().expect("it measures")).collect();
    let sum: f64 = each.iter().map(|ns| 1e9 / ns).sum();
    println!("transfer, two threads    {:6.2} us  {sum:8.0} /s", (each[0] + each[1]) / 2e3);

    let mut query = |module: AccountId, function: &str, arguments: &[u8], times: u32| {
        let mut run = || {
            let end =
                call(&vm, &mut ledger, CallKind::Query, module, function, arguments, TOKEN).end;
            assert!(matches!(end, CallEnd::Returned(_)), "{end:?}");
        };
        (0..times / 10).for_each(|_| run());
        let start = thread_cpu_ns();
        (0..times).for_each(|_| run());
        (thread_cpu_ns() - start) as f64 / f64::from(times)
    };
    let empty = query(PROBE, "nothing", &[], transfers);
    let reads = query(PROBE, "read-often", &STORAGE_CALLS.to_le_bytes(), transfers / 50);
    let supply = query(TOKEN, "total-supply", &[], transfers);
    println!("the token's query of its supply {:.2} us", supply / 1e3);
    println!("fresh instance and empty query  {:.2} us", empty / 1e3);
    println!(
        "storage call, warm              {:.0} ns",
        (reads - empty) / f64::from(STORAGE_CALLS)
    );
}

/// Compiles and loads the token.
fn code(token: &[u8]) {
    let hash = Hash::of_content(token);
    let folder = std::env::temp_dir().join(format!("pollen-call-speed-{}", std::process::id()));
    let config = VmConfig {
        cache_dir: Some(folder.clone()),
        cache_sums: Some(Arc::<MemorySums>::default()),
        instances: 18,
        ..VmConfig::default()
    };
    let mut compiling = Vec::new();
    for _ in 0..5 {
        let vm = Vm::new(&VmConfig { instances: 18, ..VmConfig::default() }).expect("it starts");
        let start = process_cpu_ns();
        vm.ready(&hash, token).expect("it compiles");
        compiling.push((process_cpu_ns() - start) as f64 / 1e6);
    }
    compiling.sort_by(f64::total_cmp);
    println!("compile the token               {:.1} ms", compiling[2]);
    Vm::new(&config).expect("it starts").ready(&hash, token).expect("it compiles");
    let bytes: u64 = std::fs::read_dir(&folder)
        .expect("it is there")
        .map(|file| file.expect("a file").metadata().expect("its size").len())
        .sum();
    let mut loading = Vec::new();
    for _ in 0..50 {
        let vm = Vm::new(&config).expect("it starts");
        let start = Instant::now();
        assert!(vm.load_from_disk(&hash));
        loading.push(start.elapsed().as_secs_f64() * 1e6);
    }
    loading.sort_by(f64::total_cmp);
    let (least, half) = (loading[0], loading[25]);
    println!("load the token from disk        {half:.0} us, at least {least:.0} ({bytes} bytes)");
    warm_start(&config, token);
    std::fs::remove_dir_all(&folder).expect("it goes");
}

/// Makes modules ready after a start, as a node does beside everything else.
fn warm_start(config: &VmConfig, token: &[u8]) {
    // Different codes: each has another custom section at its end.
    let codes: Vec<(Hash, Vec<u8>)> = (0..WARM_MODULES)
        .map(|number| [token, &[0, 3, 2, b'n', number]].concat())
        .map(|code| (Hash::of_content(&code), code))
        .collect();
    let cold = Vm::new(config).expect("it starts");
    let start = Instant::now();
    codes.iter().for_each(|(hash, code)| cold.ready(hash, code).expect("it compiles"));
    let compiling = start.elapsed().as_secs_f64();
    drop(cold);
    let warm = Vm::new(config).expect("it starts");
    let start = Instant::now();
    codes.iter().for_each(|(hash, code)| warm.ready(hash, code).expect("it loads"));
    let loading = start.elapsed().as_secs_f64() * 1e3;
    println!(
        "{WARM_MODULES} modules ready after a start  {loading:.0} ms, {compiling:.1} s when none was compiled"
    );
}

fn probe() -> Vec<u8> {
    let mut resolve = wit_parser::Resolve::default();
    let host = include_str!("../../../contracts/wit/host.wit");
    resolve.push_source("host.wit", host).expect("it is right");
    let package = resolve.push_source("probe.wit", PROBE_WIT).expect("it is right");
    let world = resolve.select_world(&[package], None).expect("there is one");
    let mut core = wat::parse_str(PROBE_WAT).expect("it is right");
    let encoding = wit_component::StringEncoding::UTF8;
    wit_component::embed_component_metadata(&mut core, &resolve, world, encoding).expect("it fits");
    let mut encoder = wit_component::ComponentEncoder::default().module(&core).expect("it fits");
    encoder.encode().expect("a component of it")
}

/// The kernel brings it up to date at each tick, and when a thread yields.
fn thread_cpu_ns() -> u64 {
    std::thread::yield_now();
    cpu_of(Path::new("/proc/thread-self"))
}

fn process_cpu_ns() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux");
    tasks.filter_map(Result::ok).map(|task| cpu_of(&task.path())).sum()
}

fn cpu_of(task: &Path) -> u64 {
    let text = std::fs::read_to_string(task.join("schedstat")).unwrap_or_default();
    text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0)
}
