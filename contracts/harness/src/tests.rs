//! The crate without a ledger: what it says when the other side misbehaves, and what it expects. With one it is tested
//! by what `pollen new` makes, in `tests/tests/system/module_tests.rs`.

use std::panic::catch_unwind;
use std::process::Command;

use crate::fuel::{self, Fuel};
use crate::host::Host;
use crate::outcome::asked;
use crate::{Outcome, PROTOCOL, Value, json};

/// A program in the place of `pollen test-host`.
fn started(script: &str) -> Result<Host, String> {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    Host::start_by(command)
}

fn refusal(script: &str) -> String {
    started(script).map(|_| ()).unwrap_err()
}

fn hello() -> String {
    format!("echo '{{\"pollen\":\"9.9\",\"protocol\":{PROTOCOL}}}'")
}

/// Whoever has no program, or another version, must read what to do.
#[test]
fn a_program_that_does_not_fit_is_told_with_what_to_do() {
    let none = Host::start_by(Command::new("/no/such/pollen")).map(|_| ()).unwrap_err();
    assert!(none.contains("/no/such/pollen") && none.contains("`pollen test`"), "{none}");
    let old = refusal("echo \"error: unrecognized subcommand 'test-host'\" >&2; exit 2");
    assert!(old.contains("exit status: 2") && old.contains("unrecognized subcommand"), "{old}");
    let newer = refusal("echo '{\"pollen\":\"9.9\",\"protocol\":99}'; cat");
    assert!(newer.contains("pollen 9.9") && newer.contains("vendor/pollen"), "{newer}");
    let other = refusal("echo Hello; cat");
    assert!(other.contains("no JSON") && other.contains("Hello"), "{other}");
}

/// A process that dies takes its reason into the test's message; one that answers nonsense is quoted.
#[test]
fn a_process_that_ends_is_told_with_its_last_words() {
    let mut host =
        started(&format!("{}; read line; echo out of memory >&2; exit 7", hello())).unwrap();
    let ended = host.ask(&json!({ "do": "time" })).unwrap_err();
    assert!(ended.contains("exit status: 7") && ended.contains("| out of memory"), "{ended}");
    assert!(host.ask(&json!({ "do": "time" })).is_err(), "and it stays so");

    let mut host = started(&format!("{}; read line; echo nonsense; cat", hello())).unwrap();
    assert!(host.ask(&json!({ "do": "time" })).unwrap_err().contains("nonsense"));

    let answer = r#"{"error":"no such module","hint":"deploy it"}"#;
    let mut host = started(&format!("{}; read line; echo '{answer}'; cat", hello())).unwrap();
    let refused = host.ask(&json!({ "do": "time" })).unwrap_err();
    assert_eq!(refused, "no such module\n  deploy it");
}

fn outcome(answer: Value) -> Outcome {
    Outcome::of(asked(Some("bob"), "counter.increment", &json!([1])), &answer)
}

fn panic_of(run: impl FnOnce() + std::panic::UnwindSafe) -> String {
    *catch_unwind(run).unwrap_err().downcast::<String>().unwrap()
}

#[test]
fn an_outcome_says_who_asked_what_and_why_it_was_not_expected() {
    let failed = outcome(json!({
        "success": false, "code": "ModuleError", "number": 2006, "error": "overflow",
        "message": "the module refused", "hint": "its error says why", "note": "in increment",
        "fuelUsed": 120_007, "callFuel": 7,
    }));
    assert_eq!(failed.expect_error(), json!("overflow"));
    assert_eq!(failed.expect_failure().number, 2006);
    let told = panic_of(|| drop(failed.expect_success()));
    for part in
        ["bob: counter.increment [1]", "2006 ModuleError \"overflow\"", "hint: its", "| in inc"]
    {
        assert!(told.contains(part), "{part} is not in: {told}");
    }
    let done = outcome(json!({ "success": true, "result": 42, "events": [
        { "module": "counter", "name": "incremented", "data": { "by": 2 } },
    ] }));
    assert_eq!((done.decode::<u64>(), done.expect_success()), (42, json!(42)));
    assert_eq!(done.events_named("incremented"), [json!({ "by": 2 })]);
    assert!(panic_of(|| drop(done.expect_failure())).contains("returned 42"));
    assert!(panic_of(|| assert!(done.decode::<bool>())).contains("type bool"));
    let aborted = outcome(json!({ "success": false, "code": "ModuleError", "number": 2006 }));
    assert!(panic_of(|| drop(aborted.expect_error())).contains("of the module's own"));
}

/// The promise of a failure: nothing of it stays.
#[test]
fn a_failure_that_changed_something_is_no_failure_as_expected() {
    let half = outcome(json!({ "success": false, "code": "Trapped", "entriesChanged": 1 }));
    assert!(panic_of(|| drop(half.expect_failure())).contains("changed something"));
}

#[test]
fn fuel_may_fall_and_not_rise() {
    let known = Fuel::parse("# a comment\n\ntransfer: to nobody: 115_234\n").unwrap();
    let compare = |fuel| fuel::compare(&known, "transfer: to nobody", fuel);
    assert_eq!((compare(115_234), compare(1)), (Ok(()), Ok(())));
    assert_eq!(fuel::compare(&known, "another", 1 << 40), Ok(()), "nobody wrote it down");
    let dearer = compare(126_757).unwrap_err();
    for part in ["126_757 fuel, 115_234 before (+10.0 %)", "pollen test --update-fuel"] {
        assert!(dearer.contains(part), "{dearer}");
    }
}

#[test]
fn the_file_of_fuel_is_sorted_and_reads_back() {
    let fuel = Fuel([("b".to_owned(), 1_234_567), ("a".to_owned(), 7)].into());
    let text = fuel.to_text();
    assert!(text.ends_with("\na: 7\nb: 1_234_567\n"), "{text}");
    assert_eq!(Fuel::parse(&text).unwrap(), fuel);
    for wrong in ["a", "a: ", "a: x", "a: -1", "a: 18446744073709551616"] {
        assert_eq!(Fuel::parse(wrong).unwrap_err(), wrong.trim());
    }
    let folder = std::env::temp_dir().join(format!("pollen-harness-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("fuel.txt");
    assert_eq!(Fuel::read(&path).unwrap(), Fuel::default(), "where there is none");
    fuel.write(&path).unwrap();
    assert_eq!(Fuel::read(&path).unwrap(), fuel);
    std::fs::write(&path, "nonsense\n").unwrap();
    assert!(Fuel::read(&path).unwrap_err().contains("'nonsense'"));
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing is left beside it");
    std::fs::remove_dir_all(&folder).unwrap();
}
