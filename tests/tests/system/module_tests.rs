//! `pollen test` and the crate `pollen-harness`, outside of this repository: what passes, what fails and in which words.
//! That the tests of every template pass is in `developer.rs`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::developer::{edit, target};
use super::harness::{self, Machine, program};

/// A new project, from the template `counter` unless told.
struct Project {
    folder: PathBuf,
    _parent: TempDir,
}

impl Project {
    fn new(name: &str) -> Self {
        Self::of(name, &[])
    }

    fn of(name: &str, options: &[&str]) -> Self {
        let parent = TempDir::new().unwrap();
        let output = pollen(parent.path()).args(["new", name]).args(options).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        Self { folder: parent.path().join(name), _parent: parent }
    }

    /// What `pollen test --json` tells, with its exit code.
    fn test(&self, words: &[&str]) -> (Option<i32>, Value) {
        let output = pollen(&self.folder).args(["--json", "test"]).args(words).output().unwrap();
        let told = serde_json::from_slice(&output.stdout);
        (output.status.code(), told.unwrap_or_else(|error| panic!("{error}: {}", text(&output))))
    }

    fn passes(&self, words: &[&str]) -> Value {
        let (code, told) = self.test(words);
        assert_eq!((code, &told["success"]), (Some(0), &json!(true)), "{told}");
        told
    }

    /// What the tests say that fail.
    fn fails(&self, words: &[&str]) -> String {
        let (code, told) = self.test(words);
        assert_eq!((code, &told["success"]), (Some(1), &json!(false)), "{told}");
        told["output"].as_str().unwrap().to_owned()
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    fn fuel(&self) -> String {
        std::fs::read_to_string(self.path("tests/fuel.txt")).unwrap()
    }
}

fn pollen(folder: &Path) -> Command {
    let mut command = harness::pollen();
    command.current_dir(folder).env("CARGO_TARGET_DIR", target()).env("CARGO_NET_OFFLINE", "true");
    command
}

fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        .concat()
}

fn contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

/// A call that has grown dearer fails until that is meant; one that has grown cheaper is told.
#[test]
fn fuel_may_fall_and_not_rise_unasked() {
    let _machine = Machine::alone();
    let project = Project::new("frugal");
    let first = project.passes(&[]);
    assert_eq!(first["fuel"][0]["name"], json!("increment"), "{first}");
    assert_eq!(first["fuel"][0]["before"], Value::Null, "nothing was written down: {first}");
    let written = project.fuel();
    contains(&written, &["# Fuel of calls", "\nincrement: "]);

    let source = project.path("src/lib.rs");
    let (plain, twice) =
        ("        VALUE.set(&value);", "        VALUE.set(&0);\n        VALUE.set(&value);");
    edit(&source, plain, twice);
    let said = project.fails(&[]);
    contains(&said, &["increment grew dearer: ", " before (+", "pollen test --update-fuel"]);
    contains(&said, &["bob: frugal.increment {\"by\":2}", "tests/machine.rs:"]);
    assert_eq!(project.fuel(), written, "nothing is written while a test fails");
    let meant = project.passes(&["--update-fuel"]);
    let fuel =
        |told: &Value, when: &str| told["fuel"][0][when].as_str().unwrap().parse::<u64>().unwrap();
    assert!(fuel(&meant, "now") > fuel(&meant, "before"), "{meant}");
    assert_ne!(project.fuel(), written);

    edit(&source, twice, plain);
    let dearer = project.fuel();
    let cheaper = project.passes(&[]);
    assert!(fuel(&cheaper, "now") < fuel(&cheaper, "before"), "{cheaper}");
    assert_eq!(project.fuel(), dearer, "a promise is not tightened by itself");
    project.passes(&["--update-fuel", "--", "anybody_raises"]);
    assert_eq!(project.fuel(), written);

    std::fs::write(project.path("tests/fuel.txt"), "increment 5\n").unwrap();
    let output = pollen(&project.folder).arg("test").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    contains(&text(&output), &["tests/fuel.txt: 'increment 5' is no name with its fuel"]);
}

/// What a failed test of the compiled module says is what its author needs: who called what, and why it failed.
#[test]
fn a_machine_test_that_fails_says_what_was_called() {
    let _machine = Machine::alone();
    let project = Project::new("wrong");
    let tests = project.path("tests/machine.rs");
    let good = std::fs::read_to_string(&tests).unwrap();
    let with = |body: &str| {
        let test =
            format!("\n#[test]\nfn one_more() {{\n    let ledger = deployed();\n    {body}\n}}\n");
        std::fs::write(&tests, good.clone() + &test).unwrap();
        project.fails(&["--", "one_more"])
    };
    let overflows =
        "ledger.as_caller(\"bob\").call(\"increment\", json!([u64::MAX])).expect_success();";
    contains(
        &with(overflows),
        &[
            "one_more",
            "bob: wrong.increment [18446744073709551615]",
            "2006 ModuleError \"overflow\"",
            "hint: ",
        ],
    );
    let mistyped = "ledger.query(\"got\", json!([])).expect_success();";
    contains(&with(mistyped), &["no query 'got'; did you mean 'get'?", "tests/machine.rs:"]);
    let not_a_number =
        "ledger.as_caller(\"bob\").call(\"increment\", json!([\"two\"])).expect_success();";
    contains(&with(not_a_number), &["arguments.by: expected u64", "func(by: u64)"]);
    let too_much = "ledger.as_caller(\"bob\").with_deposit(u64::MAX).call(\"increment\", json!([1])).expect_success();";
    contains(&with(too_much), &["1010 BalanceTooLow"]);
    let unnamed = "ledger.module(\"gold\").query(\"get\", json!([])).expect_success();";
    contains(&with(unnamed), &["no module 'gold' on this ledger", "deploy it first"]);
    let native = project.path("src/tests.rs");
    edit(
        &native,
        "assert_eq!(host.query(Counter::get), 42);",
        "assert_eq!(host.query(Counter::get), 43);",
    );
    let both = with(overflows);
    let (code, told) = project.test(&[]);
    assert_eq!((code, &told["failed"]), (Some(1), &json!(2)), "native and compiled: {told}");
    contains(&both, &["ModuleError"]);
    contains(told["output"].as_str().unwrap(), &["right: 43", "2006 ModuleError \"overflow\""]);
}

/// Without `pollen test` the harness finds the program on PATH, and that builds the module; without either it says so.
#[test]
fn a_plain_cargo_test_works_where_pollen_is_on_path() {
    let _machine = Machine::alone();
    let project = Project::new("plain");
    let cargo = |path: String| {
        let mut cargo = Command::new(env!("CARGO"));
        harness::outside(&mut cargo);
        cargo.args(["test", "--offline", "--test", "machine"]).current_dir(&project.folder);
        cargo.env("CARGO_TARGET_DIR", target()).env("PATH", path);
        cargo.stdin(Stdio::null()).output().unwrap()
    };
    let path = std::env::var("PATH").unwrap();
    let without: Vec<&str> =
        path.split(':').filter(|folder| !Path::new(folder).join("pollen").exists()).collect();
    let none = cargo(without.join(":"));
    assert!(!none.status.success());
    contains(&text(&none), &["`pollen` does not start", "run them by `pollen test`"]);
    let with = cargo(format!("{}:{path}", program().parent().unwrap().display()));
    assert!(with.status.success(), "{}", text(&with));
    assert!(!project.path("tests/fuel.txt").exists(), "only `pollen test` writes");
}

/// A plain `cargo test` in the folder of the tests finds the module in C above it, and the program on PATH builds it.
#[test]
fn a_plain_cargo_test_works_of_a_module_in_c() {
    let _machine = Machine::alone();
    let project = Project::of("plain-c", &["--template", "counter-c"]);
    project.passes(&[]);
    let fuel = project.fuel();
    contains(&fuel, &["increment: "]);
    let mut cargo = Command::new(env!("CARGO"));
    harness::outside(&mut cargo);
    cargo.args(["test", "--offline"]).current_dir(project.path("tests"));
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", program().parent().unwrap().display());
    let output = cargo.env("CARGO_TARGET_DIR", target()).env("PATH", path).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(project.fuel(), fuel, "only `pollen test` writes");
}

/// A module in C need not have a package of tests.
#[test]
fn a_module_in_c_without_tests_is_told_where_to_find_some() {
    let output =
        pollen(harness::repository()).args(["test", "contracts/counter-c"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    contains(&text(&output), &["tests/Cargo.toml", "--template counter-c", "deploy_component"]);
}
