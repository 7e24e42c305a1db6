//! `pollen dag --follow` against real nodes: every round once, through a restart of the node it asks.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::harness::{Network, interrupt, pollen};

/// Rounds before the restart, and after it.
const ROUNDS: usize = 6;
/// How long so many rounds may take, of nodes that start or have nothing to do.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running `pollen dag --follow` of one node.
struct Following {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Following {
    fn start(network: &Network, node: usize, words: &[&str]) -> Self {
        let mut child = Command::from(pollen())
            .args(["--rpc", network.endpoint(node), "dag", "--follow"])
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next `count` things that `read` finds in its lines.
    async fn next<T>(&mut self, count: usize, read: impl Fn(&str) -> Option<T>) -> Vec<T> {
        let mut found = Vec::new();
        let reading = tokio::time::timeout(PATIENCE, async {
            while found.len() < count {
                let line = self.lines.next_line().await.unwrap().expect("it goes on");
                found.extend(read(&line));
            }
        });
        assert!(reading.await.is_ok(), "{} of {count} within {PATIENCE:?}", found.len());
        found
    }

    /// Ctrl-C: it ends with success; what it had said on standard error.
    async fn interrupted(mut self) -> String {
        let status = interrupt(&mut self.child).await;
        assert_eq!(status.code(), Some(0));
        let mut notes = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut notes).await.unwrap();
        notes
    }
}

/// The round that a line of the picture begins with.
fn drawn(line: &str) -> Option<u32> {
    line.get(..9)?.trim().parse().ok()
}

fn consecutive(rounds: &[u32]) -> bool {
    rounds.windows(2).all(|pair| pair[1] == pair[0] + 1)
}

/// Protects that what it tells is whole: no round twice and none left out, neither when the node that it
/// asks is killed and comes back, nor in the other form.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn following_the_dag_outlives_the_node_it_asks() {
    let mut network = Network::start(4).await;
    let mut drawn_one = Following::start(&network, 0, &[]);
    let mut json_one = Following::start(&network, 1, &["--json"]);
    let mut told = drawn_one.next(ROUNDS, drawn).await;

    network.kill(0).await;
    let mut notes = BufReader::new(drawn_one.child.stderr.take().unwrap()).lines();
    let note = tokio::time::timeout(PATIENCE, notes.next_line()).await.unwrap().unwrap().unwrap();
    assert_eq!(note.matches("does not answer").count(), 1, "{note}");
    network.start_node(0).await;
    let note = tokio::time::timeout(PATIENCE, notes.next_line()).await.unwrap().unwrap().unwrap();
    assert!(note.ends_with("answers: going on"), "{note}");
    drawn_one.child.stderr = Some(notes.into_inner().into_inner());

    told.extend(drawn_one.next(ROUNDS, drawn).await);
    assert!(consecutive(&told), "{told:?}");
    assert_eq!(drawn_one.interrupted().await, "");

    let lines: Vec<Value> =
        json_one.next(2 * ROUNDS, |line| Some(serde_json::from_str(line).expect(line))).await;
    let rounds: Vec<u32> = lines
        .iter()
        .map(|line| {
            assert_eq!(line["type"], "round", "{line}");
            assert_eq!(line["slots"].as_array().unwrap().len(), 4, "{line}");
            assert!(line["slots"].as_array().unwrap().iter().all(|s| s["status"] != "undecided"));
            line["round"].as_u64().unwrap() as u32
        })
        .collect();
    assert!(consecutive(&rounds), "{rounds:?}");
    assert_eq!(json_one.interrupted().await, "");

    let three = network.cli(&["dag", "--follow", "--rounds", "3"]).await;
    let three: Vec<u32> = three.lines().filter_map(drawn).collect();
    assert_eq!((three.len(), consecutive(&three)), (3, true), "{three:?}");
    a_reader_that_leaves_ends_it(&network).await;
    network.stop_all().await;
}

/// `pollen dag --follow | head` ends, and with success.
async fn a_reader_that_leaves_ends_it(network: &Network) {
    let mut left = Following::start(network, 0, &[]);
    left.next(1, drawn).await;
    drop(left.lines);
    let status = tokio::time::timeout(PATIENCE, left.child.wait()).await.expect("it ends").unwrap();
    assert_eq!(status.code(), Some(0));
}
