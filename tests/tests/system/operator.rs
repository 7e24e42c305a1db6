//! What an operator gets wrong: the real program says it in one clear line and ends with a code that is
//! not 0; and what configures a node, in which order.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use pollen_node::dev::{self, DevNode};

use super::harness::{lay_out_one, pollen};

/// A node that cannot start has ended by then.
const PATIENCE: Duration = Duration::from_secs(30);

struct Laid {
    home: tempfile::TempDir,
    node: DevNode,
}

/// A network of one validator, laid out and not started.
fn laid() -> Laid {
    let (home, node) = lay_out_one();
    Laid { home, node }
}

impl Laid {
    fn command(&self) -> Command {
        let mut command = pollen();
        command.arg("node").arg("--config").arg(&self.node.config);
        command
    }

    fn edit(&self, change: impl FnOnce(String) -> String) {
        let text = fs::read_to_string(&self.node.config).unwrap();
        fs::write(&self.node.config, change(text)).unwrap();
    }

    fn data(&self) -> PathBuf {
        self.node.folder.join("data")
    }

    /// Runs it until it is ready, then stops it in order.
    fn run_once(&self) {
        let mut running = Running::start(self.command());
        running.wait_ready(&self.node.endpoint);
        assert!(running.stop(), "a clean stop");
    }
}

/// A running node; killed when it is dropped.
struct Running(Child);

impl Running {
    fn start(mut command: Command) -> Self {
        let child = command.arg("--stop-with-stdin").stdin(Stdio::piped()).stderr(Stdio::null());
        Self(child.stdout(Stdio::null()).spawn().unwrap())
    }

    fn wait_ready(&mut self, endpoint: &str) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let begun = Instant::now();
        while !runtime.block_on(dev::is_ready(endpoint)) {
            assert!(self.0.try_wait().unwrap().is_none(), "the node ended");
            assert!(begun.elapsed() < PATIENCE, "the node did not become ready");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn stop(mut self) -> bool {
        drop(self.0.stdin.take());
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a command that must end by itself.
fn ended(mut command: Command) -> Output {
    let mut child = command.spawn().unwrap();
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > PATIENCE {
            child.kill().unwrap();
            let output = child.wait_with_output().unwrap();
            panic!("it goes on running: {}", String::from_utf8_lossy(&output.stderr));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().unwrap()
}

/// Runs a command that must fail with one line that holds all of `words`.
fn refused(command: Command, words: &[&str]) {
    let output = ended(command);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let line = lines.next().unwrap_or_default();
    assert!(line.starts_with("error: "), "{text}");
    assert_eq!(lines.next(), None, "one line: {text}");
    for word in words {
        assert!(line.contains(word), "{line:?} does not say {word:?}");
    }
    assert!(!text.contains("panicked"), "{text}");
}

#[test]
fn a_data_directory_in_use_is_left_alone() {
    let laid = laid();
    let mut first = Running::start(laid.command());
    first.wait_ready(&laid.node.endpoint);
    refused(laid.command(), &["in use by another process", "ledger"]);
    assert!(first.stop(), "the first one was not disturbed");
}

#[test]
fn a_data_directory_of_another_chain_is_refused() {
    let laid = laid();
    laid.run_once();
    let genesis = laid.home.path().join("dev/genesis.json");
    let text = fs::read_to_string(&genesis).unwrap();
    fs::write(&genesis, text.replace("pollen-dev", "pollen-other")).unwrap();
    refused(laid.command(), &["belongs to the chain 'pollen-dev'", "'pollen-other'"]);
    fs::write(&genesis, text).unwrap();
    laid.run_once();
}

/// Nothing is repaired silently: not a database without its manifest, not one with foreign bytes in it.
#[test]
fn a_damaged_data_directory_is_refused() {
    let damaged = laid();
    damaged.run_once();
    let ledger = damaged.data().join("ledger");
    fs::write(ledger.join("CURRENT"), b"MANIFEST-of-nothing\n").unwrap();
    refused(damaged.command(), &["storage"]);

    let foreign = laid();
    fs::create_dir_all(foreign.data()).unwrap();
    fs::write(foreign.data().join("ledger"), b"a file, not a folder").unwrap();
    refused(foreign.command(), &["ledger"]);

    let flipped = laid();
    flipped.run_once();
    let ledger = flipped.data().join("ledger");
    let mut hit = 0;
    for entry in fs::read_dir(&ledger).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("MANIFEST") {
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x55;
            fs::write(&path, bytes).unwrap();
            hit += 1;
        }
    }
    assert!(hit > 0);
    refused(flipped.command(), &["storage"]);
}

/// The ports are held by this test from the start: one that was only found free could be another test's by now.
#[test]
fn busy_ports_are_named() {
    let held = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = held.local_addr().unwrap().port();
    let rpc = laid();
    let address = format!("127.0.0.1:{port}");
    let mut command = rpc.command();
    command.args(["--rpc-listen", &address, "--listen", "/ip4/127.0.0.1/tcp/0"]);
    refused(command, &[&address]);

    let network = laid();
    let mut command = network.command();
    let listen = format!("/ip4/127.0.0.1/tcp/{port}");
    command.args(["--rpc-listen", "127.0.0.1:0", "--listen", &listen]);
    refused(command, &[&listen]);
}

#[test]
fn a_key_file_must_be_there_closed_and_whole() {
    let laid = laid();
    let key = laid.node.folder.join("node.key.json");
    let text = fs::read_to_string(&key).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    refused(laid.command(), &["open to others", "644", "chmod 600"]);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&key, &text[..text.len() / 2]).unwrap();
    refused(laid.command(), &["is no key file"]);
    fs::remove_file(&key).unwrap();
    refused(laid.command(), &["there is no key at", "node.key.json"]);
    assert!(!key.exists(), "no key is made for a validator behind its back");
}

#[test]
fn a_configuration_is_read_strictly() {
    let laid = laid();
    let good = fs::read_to_string(&laid.node.config).unwrap();
    laid.edit(|text| format!("bogus = 1\n{text}"));
    refused(laid.command(), &["configuration", "bogus"]);
    // The one refusal of several lines: a picture of the place in the file.
    laid.edit(|_| "data = \n".to_owned());
    let output = ended(laid.command());
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text.starts_with("error: configuration: TOML parse error at line 1"), "{text}");
    laid.edit(|_| good.replace("instances = 64", "instances = \"many\""));
    refused(laid.command(), &["configuration", "instances"]);
    laid.edit(|_| good.replace("/ip4/127.0.0.1/tcp", "/ip9/127.0.0.1/tcp"));
    refused(laid.command(), &["multiaddress", "/ip9/"]);
    let mut missing = pollen();
    missing.args(["node", "--config", "/nowhere/pollen.toml"]);
    refused(missing, &["/nowhere/pollen.toml"]);
}

#[test]
fn a_bad_genesis_is_refused() {
    let laid = laid();
    let genesis = laid.home.path().join("dev/genesis.json");
    let good = fs::read_to_string(&genesis).unwrap();
    fs::write(&genesis, "{ \"name\": ").unwrap();
    refused(laid.command(), &["genesis"]);
    fs::write(&genesis, good.replacen("{", "{\n\"surprise\": 1,", 1)).unwrap();
    refused(laid.command(), &["genesis", "surprise"]);
    fs::remove_file(&genesis).unwrap();
    refused(laid.command(), &["genesis.json"]);
    assert!(!laid.data().exists(), "nothing was begun");
}

/// Flags over environment over file over defaults.
#[test]
fn flags_win_over_variables_and_these_over_the_file() {
    let laid = laid();
    let print = |command: &mut Command| {
        let output = command.arg("--print-config").output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let file = print(&mut laid.command());
    let listen = laid.node.endpoint.strip_prefix("http://").unwrap();
    assert!(file.contains(&format!("listen = \"{listen}\"")), "{file}");
    let mut command = laid.command();
    command
        .env("POLLEN_NODE_RPC__LISTEN", "127.0.0.1:1111")
        .env("POLLEN_NODE_NAME", "from the environment")
        .env("POLLEN_NODE_MODULES__INSTANCES", "99");
    let environment = print(&mut command);
    for expected in ["127.0.0.1:1111", "from the environment", "instances = 99"] {
        assert!(environment.contains(expected), "{environment}");
    }
    let mut command = laid.command();
    command.env("POLLEN_NODE_RPC__LISTEN", "127.0.0.1:1111").args([
        "--rpc-listen",
        "127.0.0.1:2222",
        "--data",
        "/from/a/flag",
    ]);
    let flags = print(&mut command);
    assert!(flags.contains("127.0.0.1:2222") && flags.contains("/from/a/flag"), "{flags}");
    let mut command = laid.command();
    command.env("POLLEN_NODE_BOGUS", "1");
    refused(command, &["configuration", "bogus"]);
}
