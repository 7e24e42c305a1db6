//! A module developer's day with the real program: a new project from each template, built and tested outside of
//! this repository, deployed and called; and `pollen dev` that follows every save.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::harness::{self, Machine, Network, interrupt, program};

/// The first compilation of the SDK for a module, and of a module's tests.
const COMPILE_PATIENCE: Duration = Duration::from_secs(600);

/// Where generated projects are compiled: one folder, kept, since their dependencies are the same.
pub fn target() -> PathBuf {
    program().ancestors().nth(2).unwrap().join("projects")
}

/// `pollen` as a developer runs it in a folder.
fn pollen_in(folder: &Path, home: &Path) -> Command {
    let mut command = harness::pollen();
    command.current_dir(folder).arg("--home").arg(home).env("CARGO_TARGET_DIR", target());
    command.env("CARGO_NET_OFFLINE", "true"); // what a project needs is what was locked here
    Command::from(command)
}

async fn run(command: &mut Command) -> Output {
    command.kill_on_drop(true).output().await.unwrap()
}

async fn succeeds(command: &mut Command) -> String {
    let output = run(command).await;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{stdout}{stderr}", output.status);
    stdout
}

/// Words of `init`; a call by alice; a query, and what is in its answer.
type Calls = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    &'static [&'static str],
    &'static str,
);

const TEMPLATES: [Calls; 5] = [
    ("counter", &["40"], &["increment", "2"], &["get"], "42"),
    (
        "token",
        &["Gold", "GLD", "2", "1000"],
        &["transfer", "bob", "250"],
        &["balance-of", "bob"],
        "250",
    ),
    ("service", &[], &["sign", "hello"], &["get", "/entries/0"], "hello"),
    ("fleet", &["30.5"], &["register", "bob", "pump-1"], &["devices", "--max", "9"], "pump-1"),
    ("counter-c", &["40"], &["increment", "2"], &["get"], "42"),
];

/// What a newcomer types in the first minutes works for each template, outside of this repository.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_project_of_each_template_builds_is_tested_and_runs() {
    let network = Network::start(4).await;
    let folder = TempDir::new().unwrap();
    for name in ["alice", "bob"] {
        network.cli(&["keys", "new", name]).await;
    }
    for (template, init, call, query, expected) in TEMPLATES {
        let name = format!("my-{template}");
        let made = succeeds(pollen_in(folder.path(), &network.home).args([
            "--json",
            "new",
            &name,
            "--template",
            template,
        ]))
        .await;
        let made: Value = serde_json::from_str(&made).unwrap();
        assert_eq!((&made["name"], &made["template"]), (&json!(name), &json!(template)));

        let project = folder.path().join(&name);
        let tested = succeeds(pollen_in(&project, &network.home).args(["--json", "test"])).await;
        let tested: Value = serde_json::from_str(&tested).unwrap();
        let (passed, failed) = (tested["passed"].as_u64().unwrap(), &tested["failed"]);
        assert!(passed > 3 && failed == &json!(0), "{template}: {tested}");
        println!("pollen test of a new {template}: {} s", tested["seconds"]);
        let fuel = tested["fuel"].as_array().unwrap();
        assert!(
            !fuel.is_empty() && project.join("tests/fuel.txt").exists(),
            "{template}: {tested}"
        );

        let pollen = |words: &[&str]| {
            let mut command = pollen_in(&project, &network.home);
            command.args(words);
            command
        };
        let deploy = ["--json", "deploy", ".", "--name", &name, "--from", "alice", "--"];
        let deployed = succeeds(pollen(&deploy).args(init)).await;
        let deployed: Value = serde_json::from_str(&deployed).unwrap();
        assert_eq!(deployed["difference"]["compatible"], json!(true), "{deployed}");
        assert!(deployed["difference"]["fee"].is_string(), "the fee is told first: {deployed}");
        succeeds(pollen(&["call", &name]).args(call).args(["--from", "alice"])).await;
        let answer = succeeds(pollen(&["query", &name]).args(query)).await;
        assert!(answer.contains(expected), "{template}: {answer}");
    }
    verify_code(&network, &folder.path().join("my-counter")).await;
    let again = run(pollen_in(folder.path(), &network.home).args(["new", "my-counter"])).await;
    let told = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(again.status.code() == Some(1) && told.contains("is there already"), "{told}");
    let badly = run(pollen_in(folder.path(), &network.home).args(["new", "type"])).await;
    assert_eq!(badly.status.code(), Some(2));
}

/// Whoever has the source can tell whether a deployed module runs it, and if not, in what it differs.
async fn verify_code(network: &Network, project: &Path) {
    let verify = async || {
        let words = ["--json", "verify-code", "my-counter", "."];
        let output = run(pollen_in(project, &network.home).args(words)).await;
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), serde_json::from_str::<Value>(&stdout).expect(&stdout))
    };
    let (code, same) = verify().await;
    assert_eq!((code, &same["same"]), (Some(0), &json!(true)), "{same}");
    edit(&project.join("src/lib.rs"), "checked_add(by)", "checked_add(by + 1)");
    edit(
        &project.join("wit/world.wit"),
        "  get: func() -> u64;",
        "  get: func() -> u64;\n  id: func() -> u8;",
    );
    edit(
        &project.join("src/lib.rs"),
        "    fn get() -> u64 {",
        "    fn id() -> u8 {\n        7\n    }\n\n    fn get() -> u64 {",
    );
    let (code, other) = verify().await;
    assert_eq!((code, &other["same"]), (Some(1), &json!(false)), "{other}");
    let difference = &other["difference"];
    assert_eq!(difference["interface"][0]["name"], json!("id"), "{other}");
    let parts = difference["parts"].as_array().unwrap();
    let has = |part: &str| parts.iter().any(|it| it["part"] == json!(part));
    assert!(has("code") && has("custom section pollen-wit"), "{other}");
    assert!(!has("custom section pollen-build"), "the same tools built both: {other}");
}

/// Story: `pollen .. | head` ended with a panic and a trace of the stack.
#[test]
fn output_may_be_read_by_nobody() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let module = harness::repository().join("vm/vectors/token.wasm");
    let mut command = harness::pollen();
    command.args(["bind", "ts"]).arg(module).stdout(writer);
    let output = command.output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && words.is_empty(), "{}: {words}", output.status);
}

/// `pollen build` says what it made, and with `--check` that a second build makes the same. The module in C is
/// compiled in a moment; those in Rust are built twice in `contracts/build`.
#[test]
fn pollen_build_checks_that_a_second_build_gives_the_same_bytes() {
    let output = harness::pollen()
        .args(["--json", "build", "contracts/counter-c", "--check"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let built: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(built["reproducible"], json!(true), "{built}");
    assert!(built["build"]["compiler"].is_string(), "{built}");
    let component = std::fs::read(built["path"].as_str().unwrap()).unwrap();
    assert_eq!(built["codeHash"], json!(pollen_ledger::Hash::of_content(&component)));
}

/// `pollen dev --json` in a project, with the lines that it prints.
struct Dev {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Dev {
    fn start(project: &Path, home: &Path) -> Self {
        let mut command = pollen_in(project, home);
        command.args(["--json", "dev", "--rpc-port", "0", "--network-port", "0", "--", "40"]);
        command.stderr(Stdio::inherit()).process_group(0).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next thing that it tells.
    async fn told(&mut self) -> Value {
        let line = tokio::time::timeout(COMPILE_PATIENCE, self.lines.next_line()).await;
        let line = line.expect("pollen dev tells something").unwrap();
        serde_json::from_str(&line.expect("pollen dev runs")).unwrap()
    }

    async fn event(&mut self, expected: &str) -> Value {
        let told = self.told().await;
        assert_eq!(told["event"], json!(expected), "{told}");
        told
    }
}

pub fn edit(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{} has no {from}", file.display());
    std::fs::write(file, text.replace(from, to)).unwrap();
}

/// The loop that a developer lives in: a save, and the module answers with the new code and the old state; what
/// does not build or fails its tests is told, and the old code answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pollen_dev_follows_every_save() {
    let _machine = Machine::alone();
    let folder = TempDir::new().unwrap();
    let home = folder.path().join("home");
    let began = Instant::now();
    succeeds(pollen_in(folder.path(), &home).args(["new", "greenhouse"])).await;
    let project = folder.path().join("greenhouse");
    let mut dev = Dev::start(&project, &home);
    let ask = async |words: &[&str]| succeeds(pollen_in(&project, &home).args(words)).await;
    dev.event("ready").await;
    let deployed = dev.event("deployed").await;
    ask(&["call", "greenhouse", "increment", "2", "--from", "bob"]).await;
    println!("pollen new to first executed call: {:.1} s", began.elapsed().as_secs_f64());
    assert_eq!(ask(&["query", "greenhouse", "get"]).await.trim(), "42");
    let tested = dev.event("tested").await;
    assert_eq!((&tested["success"], &tested["passed"]), (&json!(true), &json!(6)));

    // A new function: interface first, which does not build until it is implemented.
    let (wit, source) = (project.join("wit/world.wit"), project.join("src/lib.rs"));
    edit(
        &wit,
        "get: func() -> u64;",
        "get: func() -> u64;\n  /// Twice the number.\n  twice: func() -> u64;",
    );
    let failed = dev.event("failed").await;
    assert_eq!(
        (&failed["stage"], &failed["changed"]),
        (&json!("build"), &json!(["wit/world.wit"]))
    );
    assert!(failed["error"].as_str().unwrap().contains("twice"), "{failed}");
    assert_eq!(ask(&["query", "greenhouse", "get"]).await.trim(), "42", "the old code answers");
    edit(
        &source,
        "    fn get() -> u64 {",
        "    fn twice() -> u64 {\n        2 * value()\n    }\n\n    fn get() -> u64 {",
    );
    let upgraded = dev.event("upgraded").await;
    println!("save to upgraded module: {:.1} s", upgraded["seconds"].as_f64().unwrap());
    assert_eq!(upgraded["compatible"], json!(true));
    let added: Vec<_> = upgraded["differences"].as_array().unwrap().iter().collect();
    assert_eq!(
        (added.len(), &added[0]["kind"], &added[0]["name"]),
        (1, &json!("added"), &json!("twice"))
    );
    assert_eq!(upgraded["testsPassed"], json!(6));
    assert_ne!(upgraded["codeHash"], deployed["codeHash"]);
    assert!(upgraded["fuel"]["twice"].is_string(), "a query without arguments: {upgraded}");
    assert!(upgraded["fuelBefore"]["increment"].is_string(), "the call of before: {upgraded}");
    assert_eq!(ask(&["query", "greenhouse", "twice"]).await.trim(), "84", "the state is kept");

    // A test that fails holds the upgrade back.
    edit(&source, "2 * value()", "3 * value()");
    edit(
        &project.join("src/tests.rs"),
        "    assert_eq!(host.query(Counter::get), 42);",
        "    assert_eq!(host.query(Counter::get), 42);\n    assert_eq!(host.query(Counter::twice), 84);",
    );
    let mut told = dev.told().await;
    if told["event"] == json!("upgraded") {
        // The first of the two saves was quick enough to be seen alone.
        told = dev.told().await;
    }
    assert_eq!((&told["event"], &told["stage"]), (&json!("failed"), &json!("tests")), "{told}");
    assert!(told["error"].as_str().unwrap().contains("126"), "{told}");
    edit(&source, "3 * value()", "2 * value()");
    let mended = dev.told().await;
    assert!(["upgraded", "unchanged"].contains(&mended["event"].as_str().unwrap()), "{mended}");

    // A function is taken away: told as breaking, and done.
    edit(&wit, "\n  /// Twice the number.\n  twice: func() -> u64;", "");
    dev.event("failed").await;
    edit(&source, "    fn twice() -> u64 {\n        2 * value()\n    }\n\n", "");
    edit(&project.join("src/tests.rs"), "\n    assert_eq!(host.query(Counter::twice), 84);", "");
    let mut removed = dev.told().await;
    if removed["event"] == json!("failed") {
        removed = dev.told().await;
    }
    assert_eq!(
        (&removed["event"], &removed["compatible"]),
        (&json!("upgraded"), &json!(false)),
        "{removed}"
    );
    assert_eq!(ask(&["query", "greenhouse", "get"]).await.trim(), "42");
    assert!(interrupt(&mut dev.child).await.success());
}

/// The same loop for a module in C: tests of the compiled module hold an upgrade back there, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pollen_dev_follows_a_module_in_c() {
    let _machine = Machine::alone();
    let folder = TempDir::new().unwrap();
    let home = folder.path().join("home");
    let new = ["new", "greenhouse", "--template", "c"];
    succeeds(pollen_in(folder.path(), &home).args(new)).await;
    let project = folder.path().join("greenhouse");
    let mut dev = Dev::start(&project, &home);
    let ask = async |words: &[&str]| succeeds(pollen_in(&project, &home).args(words)).await;
    dev.event("ready").await;
    dev.event("deployed").await;
    let tested = dev.event("tested").await;
    assert_eq!((&tested["success"], &tested["passed"]), (&json!(true), &json!(4)), "{tested}");
    ask(&["call", "greenhouse", "increment", "2", "--from", "bob"]).await;

    let source = project.join("module.c");
    edit(&source, "*ret = sum;", "*ret = sum + 1;");
    let failed = dev.event("failed").await;
    assert_eq!((&failed["stage"], &failed["changed"]), (&json!("tests"), &json!(["module.c"])));
    edit(&source, "*ret = sum + 1;", "*ret = by + value() - by;");
    let upgraded = dev.event("upgraded").await;
    assert_eq!(upgraded["testsPassed"], json!(4), "{upgraded}");
    assert_eq!(ask(&["query", "greenhouse", "get"]).await.trim(), "42", "the state is kept");
    edit(&source, "return true;", "return true");
    let failed = dev.event("failed").await;
    assert_eq!(failed["stage"], json!("build"), "{failed}");
    assert!(failed["error"].as_str().unwrap().contains("module.c"), "{failed}");
    assert!(interrupt(&mut dev.child).await.success());
}
