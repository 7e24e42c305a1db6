//! What compiling costs: the corpus of bombs, and what the limits allow at worst. Each module is compiled in
//! a process of its own, so that its memory is its own too.
//!
//! `cargo run -p pollen-vm --example compile_speed -- [bombs | floods | worst | file <path> | one <name>]`

mod bombs;
mod components;
mod floods;
mod shapes;

use std::process::Command;
use std::time::Duration;

use pollen_ledger::crypto::Hash;
use pollen_ledger::module::ModuleEngine as _;
use pollen_vm::validate::{compile_work, limits::WORK_MAX};
use pollen_vm::{Vm, VmConfig};

use bombs::{BOMBS, Verdict};

/// What must hold for each module that is not refused (docs/vm-limits.md).
const SECONDS_MAX: f64 = 2.0;
const MEGABYTES_MAX: f64 = 300.0;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["child", name] => child(name),
        [] | ["bombs"] => table(&names(), true),
        ["floods"] => table(&floods::names(), false),
        ["worst", rest @ ..] => table(&floods::at_the_limit(rest.first().copied()), false),
        ["file", path] => file(path),
        ["one", rest @ ..] => {
            table(&rest.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), false);
        }
        _ => eprintln!("bombs, floods, worst, file <component> or one <name>"),
    }
}

fn names() -> Vec<String> {
    BOMBS.iter().map(|bomb| bomb.name.to_owned()).collect()
}

fn make(name: &str) -> Vec<u8> {
    match BOMBS.iter().find(|bomb| bomb.name == name) {
        Some(bomb) => (bomb.make)(),
        None => floods::make(name),
    }
}

/// How far a component is from the limit.
fn file(path: &str) {
    let code = std::fs::read(path).expect("a file");
    let work = compile_work(&code).expect("it may run");
    println!(
        "{} bytes, {:.1} % of the work allowed",
        code.len(),
        work as f64 * 100.0 / WORK_MAX as f64
    );
}

/// Measures one module; prints seconds and megabytes, or why it is refused.
fn child(name: &str) {
    let code = make(name);
    let engine = Vm::new(&VmConfig { instances: 18, ..VmConfig::default() }).expect("it starts");
    let before = cpu();
    let verdict = engine.inspect(&code);
    let inspecting = cpu() - before;
    let bytes = code.len();
    match verdict {
        Err(refusal) => {
            let reason: String = refusal.reason.chars().take(70).collect();
            println!("{bytes}\t{:.4}\trefused: {reason}", inspecting.as_secs_f64());
        }
        Ok(facts) => {
            let resident = status("VmRSS:");
            let before = cpu();
            engine.ready(&Hash::of_content(&code), &code).expect("what passed compiles");
            let seconds = (cpu() - before).as_secs_f64();
            let megabytes = (status("VmHWM:") - resident) / 1024.0;
            let mark = if seconds > SECONDS_MAX || megabytes > MEGABYTES_MAX { " !" } else { "" };
            println!(
                "{bytes}\t{:.4}\t{seconds:.2} s\t{megabytes:.0} MB\tpays {:.1} G fuel{mark}",
                inspecting.as_secs_f64(),
                facts.deploy_fuel as f64 / 1e9
            );
        }
    }
}

fn table(names: &[String], verdicts: bool) {
    println!("{:<44}bytes\tinspect s\tcompile", "module");
    let program = std::env::current_exe().expect("this program has a path");
    for name in names {
        let output = Command::new(&program).args(["child", name]).output().expect("it starts");
        let text = String::from_utf8_lossy(&output.stdout);
        print!("{name:<44}{}", if output.status.success() { &text } else { "FAILED\n" });
        if !output.status.success() {
            eprintln!("{}", String::from_utf8_lossy(&output.stderr));
        }
        let bomb = BOMBS.iter().find(|bomb| bomb.name == name);
        if let (true, Some(bomb)) = (verdicts, bomb)
            && matches!(bomb.verdict, Verdict::Refused(_)) != text.contains("refused")
        {
            println!("    but {:?} was expected", bomb.verdict);
        }
    }
}

/// Processor time of all threads of this process.
fn cpu() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux");
    let nanoseconds = tasks.filter_map(Result::ok).map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        text.split_whitespace().next().and_then(|word| word.parse::<u64>().ok()).unwrap_or(0)
    });
    Duration::from_nanos(nanoseconds.sum())
}

/// A line of the process's status, in KiB.
fn status(key: &str) -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = text.lines().find(|line| line.starts_with(key)).expect("the kernel tells it");
    line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).expect("a number")
}
