//! README.md is true: a stranger who types its commands gets what it says. Every `sh` block is
//! taken from the file and executed, in order. Only `make test` is not: it is what is running now.
//!
//! What differs from the stranger's terminal: the home folder is a temporary one, ports are free
//! ones, and `HASH` is a hash that an earlier command printed.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use pollen_node::dev;
use pollen_node::home::NetworkFile;
use pollen_rpc::client::PollenClient;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::document::{Terminal, bash, blocks, end_group};
use super::harness::{
    Machine, START_PATIENCE, eventually, free_port, interrupt, level, program, repository,
};

/// The ports that README.md names.
const README_RPC: &str = "localhost:9650";
const README_NETWORK: &str = "/tcp/9750";
const README_PEER_RPC: &str = "127.0.0.1:9660";

/// Protects the first quarter of an hour of everyone who finds this project.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_of_the_readme_does_what_it_says() {
    let _machine = Machine::alone();
    let readme = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let mut stranger = Stranger::new();
    let mut ran = Vec::new();
    for block in blocks(&readme).iter().filter(|block| block.info == "sh") {
        let block = block.text.trim_end();
        let first = block.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        match first.as_str() {
            "make run" => stranger.make_run().await,
            "make test" => {}
            "pollen node" => stranger.join_with_a_peer(block).await,
            _ => stranger.type_in(block).await,
        }
        ran.push(first);
    }
    let told =
        ["make run", "make test", "pollen keys", "pollen deploy", "pollen call", "pollen query"];
    for command in told.into_iter().chain(["pollen tx", "curl -s", "pollen node"]) {
        assert!(
            ran.iter().any(|ran| ran == command),
            "README.md has no block with {command}: {ran:?}"
        );
    }
    stranger.interrupt().await;
}

struct Stranger {
    folder: TempDir,
    make: Option<Terminal>,
    peer: Option<Child>,
    /// What was printed last that has a hash.
    hash: Option<String>,
}

impl Stranger {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), make: None, peer: None, hash: None }
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn bash(&self, script: &str) -> Command {
        let mut command = bash(repository(), &self.home(), script);
        // `make run` builds where this test was built, where everything is built already.
        command.env("CARGO_TARGET_DIR", program().ancestors().nth(2).unwrap());
        command
    }

    async fn make_run(&mut self) {
        let mut command = self.bash(r#"exec make run RUN_ARGS="--rpc-port 0 --network-port 0""#);
        command.env_remove("MAKEFLAGS").env_remove("MAKELEVEL");
        let make = Terminal::start(command).await;
        let told = &make.told;
        for name in
            ["counter", "token", "coldchain", "producer", "bob", "truck-sensor", "ready after"]
        {
            assert!(told.contains(name), "make run says nothing of {name}:\n{told}");
        }
        let first_call = told.lines().find(|line| line.contains("first call")).expect("it is told");
        let seconds = first_call.split(" executed ").nth(1).expect("it is told when");
        let seconds: f64 = seconds.split(' ').next().unwrap().parse().unwrap();
        println!("first call executed {seconds} s after the start");
        self.make = Some(make);
    }

    fn network(&self) -> NetworkFile {
        NetworkFile::read(&self.home()).expect("a running network is told in network.json")
    }

    /// What a stranger would type, for the folder and ports of here.
    fn translated(&self, block: &str) -> String {
        let endpoint = self.network().endpoints[0].clone();
        let config = self.home().join("dev/node-1/pollen.toml");
        let config = pollen_node::config::NodeConfig::load(Some(&config)).unwrap();
        let port = config.network.listen[0].rsplit('/').next().unwrap().to_owned();
        let text = block
            .replace(README_RPC, endpoint.trim_start_matches("http://"))
            .replace(README_NETWORK, &format!("/tcp/{port}"))
            .replace(".pollen/", &format!("{}/", self.home().display()));
        match &self.hash {
            Some(hash) => text.replace("HASH", hash),
            None => text,
        }
    }

    /// Runs a block and looks at what it printed.
    async fn type_in(&mut self, block: &str) {
        let script = self.translated(block);
        assert!(!script.contains("HASH"), "no hash was printed before:\n{script}");
        let output = self.bash(&script).output().await.unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}\n{}\n{stdout}{stderr}", output.status);
        let hash = |line: &str| line.trim().strip_prefix("transaction ").map(str::to_owned);
        self.hash = stdout.lines().rev().find_map(hash).or(self.hash.take());
        self.expected(block, &stdout).await;
        self.nodes_are_level().await;
    }

    /// A stranger types slower than the nodes are apart.
    async fn nodes_are_level(&self) {
        let endpoints = self.network().endpoints;
        let clients: Vec<_> =
            endpoints.iter().map(|endpoint| PollenClient::new([endpoint]).unwrap()).collect();
        level(&clients.iter().collect::<Vec<_>>()).await;
    }

    async fn expected(&self, block: &str, stdout: &str) {
        let contains = |texts: &[&str]| {
            for text in texts {
                assert!(
                    stdout.contains(text),
                    "no '{text}' in what this printed:\n{block}\n{stdout}"
                );
            }
        };
        if block.contains("pollen keys new") {
            contains(&["made alice: pollend1", "1000 pollen", "sent 5 pollen from alice to bob"]);
        }
        if block.contains("pollen pause") {
            contains(&["is paused", "takes commands again", "2/pollend1", "+1day", "running"]);
        }
        if block.contains("pollen deploy") {
            contains(&["deployed pollend1", "as my-coldchain"]);
        }
        if block.contains("pollen call") {
            contains(&["open-box", "record", "too-warm", "event alarm"]);
        }
        if block.contains("pollen query") {
            contains(&[
                "\"alarms\": 1",
                "\"last-celsius\": 9.5",
                " alarm ",
                "celsius=9.5 limit=8.0",
            ]);
            self.same_from_every_node().await;
        }
        if block.contains("pollen tx HASH") {
            contains(&["outcome  success", "event alarm", " ready ", "validator 3", "● committed"]);
        }
        if block.contains("pollen tx list") {
            contains(&["call open-box of", "success", "send 5 pollen to", "entries: 6, at height"]);
        }
        if block.contains("pollen verify") {
            contains(&["the receipt of", "alarm of", "balance ", "keeps under 'v' is proved"]);
        }
        if block.contains("pollen dag --follow") {
            let rounds =
                stdout.lines().filter_map(|line| line.get(..9)?.trim().parse::<u32>().ok());
            assert_eq!(rounds.count(), 5, "{stdout}");
        }
        if block.contains("curl") {
            let answer: Value = serde_json::from_str(stdout.trim()).expect(stdout);
            assert_eq!((&answer["jsonrpc"], &answer["id"]), (&json!("2.0"), &json!(1)));
            assert!(answer["result"]["at"]["height"].is_string(), "{answer}");
        }
    }

    async fn same_from_every_node(&self) {
        let mut answers = Vec::new();
        for node in ["1", "3", "4"] {
            let script = format!("pollen query coldchain status box-1 --node {node}");
            let output = self.bash(&script).output().await.unwrap();
            assert!(output.status.success(), "node {node}");
            answers.push(String::from_utf8(output.stdout).unwrap());
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    }

    /// It runs until it is told to stop, so it is started beside.
    async fn join_with_a_peer(&mut self, block: &str) {
        let rpc = format!("127.0.0.1:{}", free_port());
        let script = self.translated(block).replace(README_PEER_RPC, &rpc);
        let mut command = self.bash(&format!("exec {script}"));
        let log = self.folder.path().join("peer.log");
        command.stdout(Stdio::null()).stderr(std::fs::File::create(&log).unwrap()).process_group(0);
        self.peer = Some(command.spawn().unwrap());
        let words = || std::fs::read_to_string(&log).unwrap_or_default();
        let endpoint = format!("http://{rpc}");
        eventually("the peer is ready", START_PATIENCE, async || {
            if dev::is_ready(&endpoint).await { Ok(()) } else { Err(words()) }
        })
        .await;
        let script = format!("pollen --rpc {endpoint} query coldchain status box-1");
        eventually("the peer answers", START_PATIENCE, async || {
            let output = self.bash(&script).output().await.unwrap();
            let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
            if output.status.success() && stdout.contains("9.5") { Ok(()) } else { Err(stdout) }
        })
        .await;
    }

    /// Ctrl-C in both terminals: everything ends by itself, and leaves nothing running.
    async fn interrupt(&mut self) {
        let nodes = self.network().processes;
        assert_eq!(nodes.len(), 4, "network.json tells the processes");
        let peer = interrupt(self.peer.as_mut().unwrap()).await;
        assert!(peer.success(), "Ctrl-C ends the peer well: {peer}");
        // What make itself says of its own Ctrl-C (130) is not ours to choose.
        let mut make = self.make.take().unwrap();
        interrupt(&mut make.child).await;
        let farewell = make.farewell.await.unwrap();
        assert!(farewell.contains("stopped; everything is kept"), "{farewell}");
        for node in nodes {
            let running = Path::new("/proc").join(node.to_string()).exists();
            assert!(!running, "process {node} was left behind");
        }
    }
}

impl Drop for Stranger {
    /// A test that failed leaves no network behind: nodes end when the standard input from `pollen
    /// dev` closes.
    fn drop(&mut self) {
        let make = self.make.as_ref().map(|make| &make.child);
        for child in [self.peer.as_ref(), make].into_iter().flatten() {
            end_group(child);
        }
    }
}
