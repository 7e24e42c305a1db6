//! The story of a network: it works, loses a node, gets it back, is switched off and on; and
//! nothing that it acknowledged is lost, done twice, or different on two nodes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pollen_ledger::{AccountId, Hash};
use pollen_node::{dev, keys};
use pollen_rpc::api::{ChainCheckpointParams, ChainHeadParams, ReadAt, TxStatusParams};
use pollen_rpc::client::PollenClient;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::harness::{Network, address_of, ask_module, eventually, grains_at, height, root_at};
use super::load::{Load, Receipt, Sent, TOKENS, by_hash};

const ACCOUNTS: usize = 50;
const TRANSFERS: u64 = 10_000;
/// Executed before and after the crash, at least.
const AROUND_THE_CRASH: (u64, u64) = (500, 2_000);
const SUPPLY: u64 = 1_000_000_000;
/// The three that are left need no more than a leader's slot to time out; this is for a busy
/// machine.
const GAP_MAX: Duration = Duration::from_secs(10);
const CATCH_UP_PATIENCE: Duration = Duration::from_secs(60);
/// Questions about transactions that are open at once.
const QUESTIONS: usize = 32;

/// Protects the guarantees of issue 2 together: exactly once, conservation, agreement, progress
/// without f nodes, recovery of a killed node, durability of what was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_processes_agree_lose_one_and_forget_nothing() {
    let mut network = Network::start(4).await;
    let began = Instant::now();
    let told = |what: &str| println!("[{:5.1} s] {what}", began.elapsed().as_secs_f64());
    deploy_examples(&network).await;
    let load = Arc::new(Load::prepare(&network, ACCOUNTS, "alice").await);
    told("three modules deployed, fifty accounts filled");

    let before = height(network.client(0)).await;
    load.connect(&network, &[0, 1, 2, 3]).await;
    let sending = Instant::now();
    let mut sent = load.run(|count| count < TRANSFERS).await;
    let rate = TRANSFERS as f64 / sending.elapsed().as_secs_f64();
    told(&format!("{TRANSFERS} transfers executed, {rate:.0} a second"));
    let after = network.level().await;
    same_at(&network, after).await;
    check_books(&network, &load, &sent, before, after).await;
    check_log(&network, &load, &sent, after).await;
    told("each once, books balanced, four equal states");

    let crashed = crash_one(&mut network, &load).await;
    sent.extend(crashed);
    told("three went on without the fourth");
    let at = height(network.client(0)).await;
    let returned = Instant::now();
    network.start_node(3).await;
    eventually("the node that was killed catches up", CATCH_UP_PATIENCE, async || {
        let reached = height(network.client(3)).await;
        if reached >= at { Ok(()) } else { Err(format!("at height {reached} of {at}")) }
    })
    .await;
    told(&format!(
        "the fourth caught up {:.1} s after its start",
        returned.elapsed().as_secs_f64()
    ));
    let after = network.level().await;
    same_at(&network, after).await;
    check_books(&network, &load, &sent, before, after).await;
    check_log(&network, &load, &sent, after).await;

    let roots = root_at(network.client(0), after).await;
    network.stop_all().await;
    network.start_all().await;
    told("all four stopped and started");
    for index in 0..network.len() {
        assert_eq!(root_at(network.client(index), after).await, roots, "node {}", index + 1);
    }
    check_receipts(&network, &sent).await;
    told("every acknowledged transfer has the same receipt");
    load.connect(&network, &[0, 1, 2, 3]).await;
    sent.extend(load.run(|count| count < 20).await);
    let after = network.level().await;
    same_at(&network, after).await;
    check_books(&network, &load, &sent, before, after).await;
    network.stop_all().await;
    told("new transfers executed, all stopped");
}

async fn deploy_examples(network: &Network) {
    network.cli(&["keys", "new", "alice"]).await;
    let supply = SUPPLY.to_string();
    let examples: [(&str, &[&str]); 3] =
        [("counter", &["0"]), ("token", &["Gold", "GLD", "2", &supply]), ("coldchain", &[])];
    for (name, arguments) in examples {
        let folder = format!("contracts/{name}");
        let words = ["deploy", &folder, "--name", name, "--from", "alice"];
        network.cli(&[&words[..], arguments].concat()).await;
    }
    network.cli(&["call", "counter", "increment", "2", "--from", "alice"]).await;
    network
        .cli(&["call", "coldchain", "open-box", "box-1", "--max-celsius", "8", "--from", "alice"])
        .await;
    network.level().await;
    assert_eq!(
        network.cli(&["query", "token", "total-supply", "--node", "3"]).await.trim(),
        supply
    );
}

/// All nodes hold one state at a height.
pub async fn same_at(network: &Network, at: u64) {
    let first = root_at(network.client(0), at).await;
    for index in 1..network.len() {
        let other = root_at(network.client(index), at).await;
        assert_eq!(other, first, "node {} at height {at} holds another state", index + 1);
    }
}

/// Token and native balances after `after` are those of `before` and exactly these transfers, on
/// every node that holds a share of the questions.
async fn check_books(network: &Network, load: &Load, sent: &[Sent], before: u64, after: u64) {
    let accounts = load.accounts();
    let tokens = load.tokens_after(sent.iter());
    let fees = load.fees_of(sent.iter());
    let mut total = 0;
    for (index, account) in accounts.iter().enumerate() {
        let client = network.client(index % network.len());
        let held = ask_module(client, "@token", "balance-of", json!([account]), after).await;
        assert_eq!(number(&held), tokens[index], "tokens of {account}");
        total += number(&held);
        let (was, is) =
            (grains_at(client, account, before).await, grains_at(client, account, after).await);
        assert_eq!(was - is, fees[index], "grains of {account}: fees are paid once, nothing else");
    }
    assert_eq!(total, TOKENS * accounts.len() as u64, "the accounts trade among themselves");
    for index in 0..network.len() {
        let client = network.client(index);
        let supply = ask_module(client, "@token", "total-supply", json!([]), after).await;
        let alice = key_account(network, "alice");
        let rest = ask_module(client, "@token", "balance-of", json!([alice]), after).await;
        assert_eq!(number(&supply), SUPPLY);
        assert_eq!(number(&rest) + total, SUPPLY, "tokens of all add up to the supply");
    }
}

/// The chain's own list: every transfer stands in it exactly once, and all grains of genesis are
/// with accounts or were paid as fees.
async fn check_log(network: &Network, load: &Load, sent: &[Sent], after: u64) {
    let client = network.client(1);
    let expected = by_hash(sent);
    let (mut seen, mut fees) = (BTreeSet::new(), 0);
    for at in 1..=after {
        let params = ChainCheckpointParams { at: ReadAt::Height(at), ..Default::default() };
        let checkpoint = client.chain_checkpoint(&params).await.unwrap().value;
        for hash in checkpoint.transactions.expect("nothing is pruned so soon") {
            assert!(seen.insert(hash), "{hash} was executed twice");
            fees += match expected.get(&hash) {
                Some(sent) => {
                    assert_eq!(sent.receipt.place.0, at, "{hash} is not where its client was told");
                    sent.receipt.fee
                }
                None => receipt(client, hash).await.expect("listed in a checkpoint").fee,
            };
        }
    }
    let missing = expected.keys().filter(|hash| !seen.contains(*hash)).count();
    assert_eq!(missing, 0, "acknowledged and in no checkpoint");
    let mut grains = fees;
    let mut accounts = load.accounts();
    accounts.push(address_of(AccountId::of_key(&dev::faucet_key().public_key())));
    accounts.push(key_account(network, "alice"));
    accounts.extend(["@counter", "@token", "@coldchain"].map(str::to_owned));
    for account in &accounts {
        grains += grains_at(client, account, after).await;
    }
    let genesis: u64 = dev::genesis(4).accounts.iter().map(|account| account.balance).sum();
    assert_eq!(grains, genesis, "native grains are neither made nor lost");
}

/// Kills the fourth node while all four are under load; the clients that it left go on elsewhere.
async fn crash_one(network: &mut Network, load: &Arc<Load>) -> Vec<Sent> {
    load.connect(network, &[0, 1, 2, 3]).await;
    let enough = Arc::new(AtomicBool::new(false));
    let began = load.executed.load(Ordering::Relaxed);
    let watch = tokio::spawn(longest_gap(network.endpoint(0).to_owned(), enough.clone()));
    let ended = Arc::new(AtomicBool::new(false));
    let sending = tokio::spawn({
        let (load, ended) = (load.clone(), ended.clone());
        async move { load.run(|_| !ended.load(Ordering::Relaxed)).await }
    });
    let executed = async |wanted: u64| {
        eventually("the load goes on", Duration::from_secs(60), async || {
            let executed = load.executed.load(Ordering::Relaxed);
            if executed >= wanted { Ok(executed) } else { Err(format!("{executed} of {wanted}")) }
        })
        .await
    };
    executed(began + AROUND_THE_CRASH.0).await;
    network.kill(3).await;
    let at_crash = load.executed.load(Ordering::Relaxed);
    executed(at_crash + AROUND_THE_CRASH.1).await;
    // The gap is measured while the load still runs: a quiet network makes few checkpoints.
    enough.store(true, Ordering::Relaxed);
    let gap = watch.await.unwrap();
    ended.store(true, Ordering::Relaxed);
    let sent = sending.await.unwrap();
    println!("longest gap {} ms", gap.as_millis());
    assert!(gap < GAP_MAX, "the three that were left stood still for {gap:?}");
    sent
}

/// The longest time between two heights of a node, until it is told that enough was seen.
pub async fn longest_gap(endpoint: String, ended: Arc<AtomicBool>) -> Duration {
    let client = PollenClient::new([endpoint]).unwrap();
    let (mut last, mut changed, mut longest) = (0, Instant::now(), Duration::ZERO);
    while !ended.load(Ordering::Relaxed) {
        // Answers as soon as there is another height, so that nothing is missed between two
        // questions.
        let params =
            ChainHeadParams { at: ReadAt::Latest, at_least: Some(last + 1), wait_ms: 1_000 };
        if let Ok(head) = client.chain_head(&params).await
            && head.at.height > last
        {
            if last > 0 {
                longest = longest.max(changed.elapsed());
            }
            (last, changed) = (head.at.height, Instant::now());
        }
    }
    longest.max(changed.elapsed())
}

/// Every node is asked about its share; all of them were told of all.
async fn check_receipts(network: &Network, sent: &[Sent]) {
    let shares = sent.chunks(sent.len().div_ceil(QUESTIONS)).enumerate();
    let mut asking = JoinSet::new();
    for (index, share) in shares {
        let endpoint = network.endpoint(index % network.len()).to_owned();
        let share = share.to_vec();
        asking.spawn(async move {
            let client = PollenClient::new([endpoint]).unwrap();
            for sent in share {
                let found = receipt(&client, sent.hash).await;
                assert_eq!(found.as_ref(), Ok(&sent.receipt), "{}", sent.hash);
            }
        });
    }
    while let Some(asked) = asking.join_next().await {
        asked.unwrap();
    }
}

async fn receipt(client: &PollenClient, hash: Hash) -> Result<Receipt, String> {
    let params = TxStatusParams { hash: Some(hash), ..Default::default() };
    let status = client.tx_status(&params).await.map_err(|error| error.to_string())?;
    Receipt::of(&status.value)
}

fn key_account(network: &Network, name: &str) -> String {
    let key = keys::read(&keys::path_of(&network.home, name).unwrap()).unwrap();
    address_of(AccountId::of_key(&key.public_key()))
}

/// A u64 as modules' results spell it.
fn number(value: &Value) -> u64 {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{value} is no u64"))
}
