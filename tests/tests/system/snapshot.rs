//! Snapshots, as an operator uses them: made by running nodes, carried in a file that nobody has to trust,
//! imported with interruptions; and the nodes that begin with one follow the network.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use pollen_node::dev;
use pollen_node::snapshots::file::{Kind, Reader};
use pollen_rpc::client::PollenClient;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use super::harness::{
    Network, START_PATIENCE, ask_module, eventually, free_port, height, pollen, root_at,
};
use super::load::Load;

const ACCOUNTS: usize = 10;
const TRANSFERS: u64 = 300;
const SUPPLY: &str = "100000000";
/// How long what the network does by itself may take.
const PATIENCE: Duration = Duration::from_secs(60);

async fn answer(network: &Network, words: &[&str]) -> Value {
    serde_json::from_str(&network.cli(&[words, &["--json"]].concat()).await).unwrap()
}

fn refused(output: &Output, parts: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    let said = text.starts_with("error: ") || text.starts_with("{\"error\":");
    assert!(said && !text.contains("panicked"), "{text}");
    for part in parts {
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    }
}

/// `pollen snapshot import` into a data folder, told to fail or not.
async fn import(network: &Network, file: &Path, data: &Path, failpoint: Option<&str>) -> Output {
    let mut command = Command::from(pollen());
    command.args(["snapshot", "import", "--json"]).arg(file).arg("--data").arg(data);
    command.arg("--genesis").arg(network.genesis()).kill_on_drop(true);
    if let Some(failpoint) = failpoint {
        command.env("POLLEN_FAILPOINT", failpoint);
    }
    command.output().await.unwrap()
}

/// Exports a snapshot once its checkpoint is certified.
async fn export(network: &Network, node: &str, height: u64, file: &Path) -> Value {
    let height = height.to_string();
    let words = ["--json", "--node", node, "snapshot", "export", &height, file.to_str().unwrap()];
    eventually("the snapshot is exported", PATIENCE, async || {
        let output = network.run(&words).await;
        match output.status.success() {
            true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
            false => {
                let text = String::from_utf8_lossy(&output.stderr).into_owned();
                assert!(text.contains("not certified yet"), "{text}");
                Err(text)
            }
        }
    })
    .await
}

/// Where the content of each section is in a file, with what it is.
fn sections(file: &Path) -> Vec<(Kind, std::ops::Range<usize>)> {
    let (mut reader, _) = Reader::open(file).unwrap();
    let mut found = Vec::new();
    loop {
        let (kind, content) = reader.read().unwrap();
        let end = reader.bytes as usize;
        found.push((kind, end - content.len()..end));
        if kind == Kind::End {
            return found;
        }
    }
}

/// The file with one byte of a section flipped: the middle one or, in the head, one of the checkpoint that it proves.
/// Story: the middle of the head was at times the ordering root of an earlier commit, which nothing covers and an import
/// therefore leaves out (`ledger/src/ordering/inherited.rs`): then the file was as good as before, and taken.
fn flipped(file: &Path, kind: Kind, content: &std::ops::Range<usize>) -> PathBuf {
    let mut bytes = std::fs::read(file).unwrap();
    let place = match kind {
        Kind::Head => content.start + 16,
        _ => (content.start + content.end) / 2,
    };
    bytes[place] ^= 1;
    let path = file.with_extension("flipped");
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Story: somebody makes a snapshot of a running network with modules, carries it elsewhere in a file, and
/// begins a node with it. On the way the file is damaged, and the import killed at every few writes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_begins_with_a_snapshot_from_a_file() {
    let mut network = Network::start(4).await;
    network.cli(&["keys", "new", "alice"]).await;
    let token = ["deploy", "contracts/token", "--name", "token", "--from", "alice"];
    network.cli(&[&token[..], &["Gold", "GLD", "2", SUPPLY]].concat()).await;
    let load = Arc::new(Load::prepare(&network, ACCOUNTS, "alice").await);
    load.connect(&network, &[0, 1, 2, 3]).await;
    let mut sent = load.run(|count| count < TRANSFERS).await;
    network.level().await;

    let made = answer(&network, &["snapshot", "create", "--node", "2"]).await;
    let at = made["height"].as_u64().unwrap();
    let listed = answer(&network, &["snapshot", "list", "--node", "2"]).await;
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["height"]), (1, &json!(at)));
    let file = network.home.join("carried.pollen");
    let exported = export(&network, "2", at, &file).await;
    let entries = exported["entries"].as_u64().unwrap();
    assert!(entries > 2 * ACCOUNTS as u64 && exported["chunks"] == 16, "{exported}");
    let (_, root) = root_at(network.client(0), at).await;
    assert_eq!(exported["stateRoot"], json!(root));
    let again = ["--node", "2", "snapshot", "export", &at.to_string(), file.to_str().unwrap()];
    refused(&network.run(&again).await, &["exists"]);
    let other = ["--node", "2", "snapshot", "export", "1", "/nowhere"];
    refused(&network.run(&other).await, &["no snapshot of height 1", &at.to_string()]);

    let data = network.home.join("newcomer");
    damaged_files(&network, &file, &data).await;
    interrupted(&network, &file, &data, entries).await;
    refused(&import(&network, &file, &data, None).await, &["there is a database at"]);
    let whole = ["db", "verify", "--data", data.to_str().unwrap()];
    let verified = answer(&network, &whole).await;
    assert_eq!((&verified["whole"], &verified["beginsAt"]), (&json!(true), &json!(at)));

    // It follows, by gossip and by what it fetches, and answers as the others do.
    sent.extend(load.run(|count| count < TRANSFERS).await);
    let endpoint = format!("http://127.0.0.1:{}", free_port());
    let mut peer = start_peer(&network, &data, &endpoint);
    let client = PollenClient::new([&endpoint]).unwrap();
    eventually("the newcomer is ready", START_PATIENCE, async || {
        assert_eq!(peer.try_wait().unwrap(), None, "it ended: {}", log_of(&data));
        if dev::is_ready(&endpoint).await { Ok(()) } else { Err(log_of(&data)) }
    })
    .await;
    sent.extend(load.run(|count| count < TRANSFERS).await);
    let now = network.level().await;
    assert_eq!(root_at(&client, now).await, root_at(network.client(1), now).await);
    for (account, expected) in load.accounts().iter().zip(load.tokens_after(sent.iter())) {
        let here = ask_module(&client, "@token", "balance-of", json!([account]), now).await;
        assert_eq!(here, json!(expected.to_string()), "{account}");
    }
    network.cli(&["--rpc", &endpoint, "verify", "checkpoint", &now.to_string()]).await;
    let before = (at - 1).to_string();
    let gone = network.run(&["--rpc", &endpoint, "verify", "checkpoint", &before]).await;
    refused(&gone, &["is not kept here", &format!("the oldest is {at}")]);
    drop(peer.stdin.take());
    let status = tokio::time::timeout(PATIENCE, peer.wait()).await.unwrap().unwrap();
    assert!(status.success(), "{status}: {}", log_of(&data));
    let verified = answer(&network, &whole).await;
    assert_eq!((&verified["whole"], &verified["beginsAt"]), (&json!(true), &json!(at)));
    validator_comes_back(&mut network, &file, at).await;
    network.stop_all().await;
}

/// Each kind of section with one byte flipped is refused by its name, and leaves no database.
async fn damaged_files(network: &Network, file: &Path, data: &Path) {
    let sections = sections(file);
    let of = |wanted: Kind| sections.iter().find(|(kind, _)| *kind == wanted).unwrap().1.clone();
    let chunks: Vec<_> = sections.iter().filter(|(kind, _)| *kind == Kind::Chunk).collect();
    let (number, chunk) = (1..).zip(&chunks).max_by_key(|(_, (_, content))| content.len()).unwrap();
    // A length that is wrong makes it no chunk at all: then its section is told instead of its part.
    let of_chunk = format!("chunk {number}, ");
    let cases = [
        (Kind::Head, of(Kind::Head), "refused"),
        (Kind::Block, of(Kind::Block), "the block in section"),
        (Kind::Chunk, chunk.1.clone(), of_chunk.as_str()),
        (Kind::Code, of(Kind::Code), "the code in section"),
        (Kind::End, of(Kind::End), "sections are missing"),
    ];
    for (kind, content, words) in cases {
        let other = data.with_extension("damaged");
        let output = import(network, &flipped(file, kind, &content), &other, None).await;
        refused(&output, &[words]);
        assert!(!other.join("ledger").exists());
        let _ = std::fs::remove_dir_all(&other);
    }
    let cut = file.with_extension("cut");
    let bytes = std::fs::read(file).unwrap();
    std::fs::write(&cut, &bytes[..chunk.1.end]).unwrap();
    refused(&import(network, &cut, data, None).await, &["ends too early"]);
    std::fs::write(&cut, b"something else").unwrap();
    refused(&import(network, &cut, data, None).await, &["is no snapshot"]);
}

/// SIGKILL at one write after the other; what was written before each stays. (The damaged files have begun
/// this import already.)
async fn interrupted(network: &Network, file: &Path, data: &Path, entries: u64) {
    let mut killed = 0;
    loop {
        // A later one each time: the last step, the tree, begins anew.
        let failpoint = format!("any:{}:after:abort", 2 + killed);
        let output = import(network, file, data, Some(&failpoint)).await;
        if output.status.success() {
            let imported: Value = serde_json::from_slice(&output.stdout).unwrap();
            let all = imported["entries"].as_u64();
            assert!(all.is_none_or(|all| all == entries), "{imported}");
            break;
        }
        assert_eq!(output.status.code(), None, "{}", String::from_utf8_lossy(&output.stderr));
        assert!(!data.join("ledger").exists(), "nothing is in its place before it is whole");
        killed += 1;
        assert!(killed < 300, "it gets nowhere");
    }
    assert!(killed >= 3, "killed {killed} times");
    assert!(!data.join("ledger.import").exists());
}

/// A validator whose disk is gone: its database has forgotten what it signed, so it asks before it signs; and
/// makes snapshots of its own when it is told to.
async fn validator_comes_back(network: &mut Network, file: &Path, at: u64) {
    network.kill(3).await;
    std::fs::remove_dir_all(network.ledger(3)).unwrap();
    let config = network.ledger(3).ancestors().nth(2).unwrap().join("pollen.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    assert!(text.contains("interval = 10000"), "{text}");
    std::fs::write(&config, text.replace("interval = 10000", "interval = 3")).unwrap();
    let words = ["snapshot", "import", "--node", "4", file.to_str().unwrap()];
    let imported = answer(network, &words).await;
    assert_eq!(imported["height"], json!(at));
    network.start_node(3).await;
    let now = network.level().await;
    assert_eq!(root_at(network.client(3), now).await, root_at(network.client(0), now).await);
    let status = network.client(3).node_info().await.unwrap().value.node;
    assert_eq!(status.author, Some(3));
    // Heights that are multiples, two of them, each of exactly its own state.
    let kept = eventually("it makes snapshots and lets go of them", PATIENCE, async || {
        let listed = answer(network, &["snapshot", "list", "--node", "4"]).await;
        let heights: Vec<u64> =
            listed.as_array().unwrap().iter().map(|one| one["height"].as_u64().unwrap()).collect();
        let grown = heights.first().is_some_and(|first| *first > at + 3);
        if grown && heights.len() >= 2 { Ok(heights) } else { Err(listed.to_string()) }
    })
    .await;
    assert!(kept.iter().all(|height| height.is_multiple_of(3)), "{kept:?}");
    assert!(kept.len() <= 3, "{kept:?}");
    network.stop_all().await;
    let kept = answer(network, &["snapshot", "list", "--node", "4"]).await;
    assert_eq!(kept.as_array().unwrap().len(), 2, "{kept}");
    // A stopped node's too: every chunk is checked against the checkpoint's root on its way out.
    let oldest = kept[0]["height"].as_u64().unwrap();
    let path = network.home.join("automatic.pollen");
    let exported = export(network, "4", oldest, &path).await;
    assert_eq!(exported["height"], json!(oldest));
    network.start_all().await;
    assert!(height(network.client(3)).await >= oldest);
}

fn start_peer(network: &Network, data: &Path, endpoint: &str) -> Child {
    let log = std::fs::File::create(data.join("node.log")).unwrap();
    Command::from(pollen())
        .args(["node", "--stop-with-stdin", "--peer", &network.address(0), "--rpc-listen"])
        .arg(endpoint.trim_start_matches("http://"))
        .arg("--data")
        .arg(data)
        .arg("--genesis")
        .arg(network.genesis())
        .current_dir(data)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(log)
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

fn log_of(folder: &Path) -> String {
    let log = std::fs::read_to_string(folder.join("node.log")).unwrap_or_default();
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}
