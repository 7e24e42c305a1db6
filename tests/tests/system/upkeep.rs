//! The operator's tools, as somebody uses them for the first time: sizes and compaction of a running node, a
//! backup of it under load, a look through it, a database that is lost and put back.

use std::fs;

use pollen_node::failpoints::VARIABLE;
use pollen_rpc::api::DagRoundsParams;
use pollen_rpc::client::PollenClient;
use serde_json::Value;

use super::harness::{Network, eventually, height};
use super::traffic::{Traffic, check_acknowledged, check_stores};

async fn json(network: &Network, words: &[&str]) -> Value {
    serde_json::from_str(&network.cli(&[words, &["--json"]].concat()).await).unwrap()
}

/// Runs a command that must fail with one error that holds all of `parts`.
async fn refused(network: &Network, words: &[&str], parts: &[&str]) {
    let output = network.run(words).await;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{words:?}: {text}");
    assert!(text.starts_with("error: ") && !text.contains("panicked"), "{text}");
    for part in parts {
        assert!(text.contains(part), "{words:?}: {text:?} does not say {part:?}");
    }
}

/// Story: a validator's disk breaks; a backup from before is put in its place. It must come back without
/// signing anything twice, although its database has forgotten what it signed since.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_validator_comes_back_from_a_backup_and_signs_nothing_twice() {
    let mut network = Network::start(4).await;
    let endpoints: Vec<String> = (0..4).map(|node| network.endpoint(node).to_owned()).collect();
    let endpoints: Vec<&str> = endpoints.iter().map(String::as_str).collect();
    let traffic = Traffic::start(&endpoints, 16).await;
    traffic.more(200).await;

    let sizes = json(&network, &["db", "stats", "--node", "4"]).await;
    assert_eq!(sizes["running"], true);
    let families = sizes["families"].as_array().unwrap();
    let entries = |name: &str| {
        let family = families.iter().find(|family| family["family"] == name);
        family.unwrap_or_else(|| panic!("no {name} in {sizes}"))["entries"].as_u64().unwrap()
    };
    assert!(entries("transactions") >= 200 && entries("dag") > 0, "{sizes}");
    let running = json(&network, &["db", "verify", "--node", "4"]).await;
    assert_eq!(running["whole"], true, "a copy of a running one is looked at: {running}");
    let left = fs::read_dir(network.data(3)).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().contains("verifying")).collect();
    assert!(left.is_empty(), "{left:?}");
    network.cli(&["db", "compact", "--node", "4"]).await;

    let backup = network.home.join("backups").join("monday");
    let backup = backup.to_str().unwrap();
    an_interrupted_backup_is_none(&network).await;
    let made = json(&network, &["backup", "create", backup, "--node", "4"]).await;
    let backed_up = made["height"].as_u64().unwrap();
    assert!(backed_up > 0, "{made}");
    refused(&network, &["backup", "create", backup, "--node", "4"], &["there already"]).await;
    let verified = json(&network, &["backup", "verify", backup]).await;
    assert_eq!((&verified["whole"], &verified["height"]), (&true.into(), &made["height"]));

    traffic.more(300).await;
    network.kill(3).await;
    let lost = network.ledger(3);
    refused(&network, &["backup", "restore", backup, "--node", "4"], &["there is a database"])
        .await;
    fs::remove_dir_all(&lost).unwrap();
    // Killed before the move, failed before it, killed after it: then all is in its place.
    for (failpoint, there) in
        [("before:abort", false), ("before:error", false), ("after:abort", true)]
    {
        let failpoint = format!("file:restore:1:{failpoint}");
        let words = ["backup", "restore", backup, "--node", "4"];
        let output = network.run_with(&words, &[(VARIABLE, &failpoint)]).await;
        assert!(!output.status.success());
        assert_eq!(lost.exists(), there, "{failpoint}");
    }
    traffic.more(50).await;
    network.start_node(3).await;
    // Before the level: what is told later need not be everywhere yet.
    let acknowledged = traffic.acknowledged();
    network.level().await;
    check_acknowledged(network.client(3), &acknowledged).await;
    let client = PollenClient::new([network.endpoint(3)]).unwrap();
    proposes_again(&network, &client).await;

    let acknowledged = traffic.stop().await;
    assert!(acknowledged.len() > 550);
    network.level().await;
    network.stop_all().await;
    let whole = json(&network, &["db", "verify", "--node", "4"]).await;
    assert_eq!(whole["whole"], true, "{whole}");
    assert!(whole["height"].as_u64().unwrap() > backed_up);
    let sizes = json(&network, &["db", "stats", "--node", "4"]).await;
    assert_eq!(sizes["running"], false);
    network.cli(&["db", "compact", "--node", "4"]).await;
    check_stores((0..4).map(|index| network.ledger(index)));
    damaged_backups_are_told(&network, backup).await;
}

/// Story: `pollen keys new` was interrupted, and left an empty file under the key's name, which then could neither be
/// read nor made again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_whose_making_was_interrupted_can_be_made() {
    let network = Network::lay_out(1);
    for (name, failpoint, there) in [
        ("a", "before:abort", false),
        ("b", "before:error", false),
        ("c", "before:panic", false),
        ("d", "after:abort", true),
        ("e", "after:error", true),
    ] {
        let failpoint = format!("file:key:1:{failpoint}");
        let words = ["keys", "new", name];
        let output = network.run_with(&words, &[(VARIABLE, &failpoint)]).await;
        assert!(!output.status.success(), "{failpoint}");
        let listed = network.cli(&["keys", "list", "--json"]).await;
        assert_eq!(listed.contains(&format!("\"{name}\"")), there, "{failpoint}: {listed}");
        match there {
            true => refused(&network, &words, &["there is a key"]).await,
            false => drop(network.cli(&words).await),
        }
    }
}

/// The restored validator takes part again: blocks of its own, above all that it forgot.
async fn proposes_again(network: &Network, restored: &PollenClient) {
    let params = DagRoundsParams { last: Some(10), ..Default::default() };
    eventually("the restored validator proposes", super::harness::START_PATIENCE, async || {
        let rounds = network.client(0).dag_rounds(&params).await;
        let rounds = rounds.map_err(|error| error.to_string())?.value.rounds;
        let mut blocks = rounds.iter().flat_map(|round| &round.blocks);
        match blocks.any(|block| block.author == 3) {
            true => Ok(()),
            false => Err(format!("no block of it up to height {}", height(restored).await)),
        }
    })
    .await;
}

/// Without its document a backup is none, and with it it is whole: killed or failed before and after that is written.
async fn an_interrupted_backup_is_none(network: &Network) {
    for moment in ["before", "after"] {
        for action in ["abort", "error", "panic"] {
            let to = network.home.join("backups").join(format!("{moment}-{action}"));
            let to = to.to_str().unwrap();
            let failpoint = format!("file:backup:1:{moment}:{action}");
            let words = ["backup", "create", to, "--node", "4"];
            let output = network.run_with(&words, &[(VARIABLE, &failpoint)]).await;
            assert!(!output.status.success(), "{failpoint}");
            match moment {
                "before" => {
                    refused(network, &["backup", "verify", to], &["backup.json", "interrupted"])
                        .await;
                }
                _ => drop(network.cli(&["backup", "verify", to]).await),
            }
        }
    }
}

async fn damaged_backups_are_told(network: &Network, backup: &str) {
    let ledger = std::path::Path::new(backup).join("ledger");
    let files = fs::read_dir(&ledger).unwrap().map(|entry| entry.unwrap().path());
    let table =
        files.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "sst"));
    let table = table.expect("a backup has tables");
    let name = table.file_name().unwrap().to_str().unwrap().to_owned();
    let good = fs::read(&table).unwrap();
    let mut bad = good.clone();
    bad[good.len() / 3] ^= 4;
    // The file may be shared with the node's database: a new one takes its place.
    fs::remove_file(&table).unwrap();
    fs::write(&table, bad).unwrap();
    let words = ["backup", "verify", backup];
    refused(network, &words, &[&name, "is not what was backed up"]).await;
    fs::remove_file(&table).unwrap();
    refused(network, &words, &[&name, "is missing"]).await;
    fs::write(&table, good).unwrap();
    network.cli(&words).await;
    fs::remove_file(std::path::Path::new(backup).join("backup.json")).unwrap();
    refused(network, &words, &["backup.json", "interrupted"]).await;
}
