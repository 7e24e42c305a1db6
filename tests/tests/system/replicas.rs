//! Two replicas behind a balancer, one of them late: what is read with `atLeast` is never older than asked.
//!
//! A stopped process is the latest replica there is: its sockets take questions, and it answers them first thing
//! when it goes on, before it has executed what it missed. `POLLEN_REPLICAS_SEED` repeats the choices of a run.

use std::time::Duration;

use pollen_ledger::{AccountId, Action, Hash};
use pollen_node::dev;
use pollen_rpc::api::{ChainHeadParams, Stage, TxOutcome};
use pollen_rpc::client::{Intent, PollenClient};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::harness::{Network, Random, address_of, eventually, grains_at, height};
use super::wire;

/// How often the late one is stopped.
const ROUNDS: u64 = 8;
/// Questions that wait for it each time.
const QUESTIONS: u64 = 24;
/// Checkpoints that it misses.
const MISSED: u64 = 3;
const LATE: usize = 3;
/// Grains of a payment.
const AMOUNT: u64 = 10_000_000;
const PATIENCE: Duration = Duration::from_secs(60);
/// A wait that is long enough to catch up.
const WAIT_MS: u64 = 30_000;

/// What came of the questions, so that none of the ways is missing unseen.
#[derive(Debug, Default)]
struct Seen {
    /// -32044.
    behind: u64,
    /// Answered as asked.
    reached: u64,
    /// Older than the others, where nothing was asked for.
    older: u64,
}

/// Protects reading after writing: whichever replica a client comes to, the answer has what it wrote, or says
/// that it has not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_replica_never_answers_older_than_asked() {
    let mut random = Random::seeded("POLLEN_REPLICAS_SEED");
    let mut network = Network::start(4).await;
    let to = AccountId(Hash::of_content(b"written here, read there").0);
    // The first payment locks the account's deposit beside it.
    let mut paid = network.client(0).network().await.unwrap().parameters.account_deposit;
    let mut seen = Seen::default();
    for round in 0..ROUNDS {
        network.level().await;
        network.freeze(LATE).await;
        let amount = AMOUNT + round;
        let written = pay(network.client(0), to, amount).await;
        paid += amount;
        let missed = eventually("the others go on", PATIENCE, async || {
            let at = height(network.client(0)).await;
            if at >= written + MISSED { Ok(at) } else { Err(format!("at {at}, {written} wanted")) }
        })
        .await;
        let questions: Vec<Question> =
            (0..QUESTIONS).map(|_| Question::of(to, written, missed, &mut random)).collect();
        let mut open = Vec::new();
        for question in questions {
            open.push((question.ask(network.endpoint(LATE)).await, question));
        }
        network.thaw(LATE).await;
        for (mut stream, question) in open {
            let (_, body) = wire::answer(&mut stream).await.expect("it answers");
            question.check(&serde_json::from_slice(&body).unwrap(), written, paid, &mut seen);
        }
    }
    println!("{seen:?}");
    assert!(seen.behind > 0 && seen.reached > 0 && seen.older > 0, "it was late: {seen:?}");
    back_and_forth(&network, to, paid).await;
    network.stop_all().await;
}

/// Transfers from the faucet; the height that has it.
async fn pay(client: &PollenClient, to: AccountId, amount: u64) -> u64 {
    let intent = Intent::new(vec![Action::Transfer { to, amount }], 1_000_000);
    let signed = client.sign(&dev::faucet_key(), intent, 0).await.unwrap();
    let status = client.submit_and_wait(&signed, Stage::Executed, PATIENCE).await.unwrap().value;
    assert!(matches!(status.outcome, Some(TxOutcome::Success { .. })), "{status:?}");
    status.height.unwrap()
}

struct Question {
    method: &'static str,
    params: Value,
    at_least: Option<u64>,
}

impl Question {
    /// Some read, of what was written or of what came after it, which waits or not.
    fn of(account: AccountId, written: u64, newest: u64, random: &mut Random) -> Self {
        let at_least = match random.below(4) {
            0 => None,
            1 => Some(newest),
            _ => Some(written + random.below(newest - written + 1)),
        };
        let account = address_of(account);
        let (method, mut params) = match random.below(5) {
            0 => ("chain_head", json!({})),
            1 => ("account_keys", json!({ "account": account })),
            2 => ("state_get", json!({ "account": account })),
            _ => ("account_get", json!({ "account": account })),
        };
        if let Some(at_least) = at_least {
            params["atLeast"] = json!(at_least.to_string());
            params["waitMs"] = json!([0, 0, 1, 20, WAIT_MS][random.below(5) as usize]);
        }
        Self { method, params, at_least }
    }

    async fn ask(&self, endpoint: &str) -> TcpStream {
        let host = endpoint.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).await.unwrap();
        let (method, params) = (self.method, &self.params);
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        stream.write_all(&wire::post(host, body.to_string().as_bytes())).await.unwrap();
        stream
    }

    fn check(&self, answer: &Value, written: u64, paid: u64, seen: &mut Seen) {
        let about = format!("{} {}: {answer}", self.method, self.params);
        let number = |value: &Value| value.as_str().unwrap().parse::<u64>().unwrap();
        let Some(result) = answer.get("result") else {
            let (code, data) = (&answer["error"]["code"], &answer["error"]["data"]);
            assert_eq!(*code, json!(-32044), "{about}");
            let at_least = self.at_least.expect("only `atLeast` can be too much");
            assert_eq!(number(&data["requested"]), at_least, "{about}");
            assert!(number(&data["height"]) < at_least, "{about}");
            assert_ne!(self.params["waitMs"], json!(WAIT_MS), "it had time to catch up: {about}");
            seen.behind += 1;
            return;
        };
        let at = number(&result["at"]["height"]);
        match self.at_least {
            Some(at_least) => {
                assert!(at >= at_least, "{about}");
                seen.reached += 1;
            }
            None => seen.older += u64::from(at < written),
        }
        if at >= written && self.method == "account_get" {
            let grains = number(&result["balance"]) + number(&result["deposit"]);
            assert_eq!(grains, paid, "it says that it has the last transfer: {about}");
        }
    }
}

/// A client that a balancer sends back and forth never sees the chain go back.
async fn back_and_forth(network: &Network, to: AccountId, paid: u64) {
    let mut at_least = None;
    let mut paid = paid;
    for turn in 0..200 {
        if turn % 20 == 0 {
            at_least = Some(pay(network.client(0), to, AMOUNT).await);
            paid += AMOUNT;
        }
        let client = network.client(if turn % 2 == 0 { LATE } else { 0 });
        let head = ChainHeadParams { at_least, wait_ms: WAIT_MS, ..Default::default() };
        let head = client.chain_head(&head).await.unwrap();
        assert!(Some(head.at.height) >= at_least, "{head:?}");
        at_least = Some(head.at.height);
    }
    let late = network.client(LATE);
    assert_eq!(grains_at(late, &address_of(to), at_least.unwrap()).await, paid);
}
