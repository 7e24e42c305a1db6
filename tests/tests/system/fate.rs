//! What becomes of transactions whose clients are cut off, try again, ask two nodes, and whose nodes are killed
//! before they answer: each has one end, and the effect that its end tells, once.
//!
//! Every transfer pays an account of its own, so that its effect can be counted. `POLLEN_FATE_SEED` repeats the
//! choices of a run, `POLLEN_FATE_TRANSFERS` makes it longer.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use pollen_ledger::{AccountId, Action, Hash, KeyPair};
use pollen_node::{cli, clock, dev};
use pollen_rpc::api::{
    Bytes, ChainCheckpointParams, NodeInfo, ReadAt, Stage, TxOutcome, TxStatus, TxStatusParams,
    TxSubmitParams, WaitFor,
};
use pollen_rpc::client::{ClientError, Intent, PollenClient, Signed};
use pollen_rpc::error::ErrorCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::harness::{Network, Random, address_of, eventually, grains_at, number_from};
use super::load::Receipt;
use super::wire::{self, Frame, Socket};

const TRANSFERS: u64 = 1_000;
/// Clients, each with one transfer, or two of one nonce, under way.
const CLIENTS: u64 = 24;
/// The nodes that are asked and killed; the others keep the chain going.
const ASKED: usize = 2;
/// Transfers between two kills.
const KILL_EVERY: usize = 150;
/// Grains that each client gets.
const GRAINS: u64 = 1_000_000_000_000;
/// The first amount; each is another one.
const AMOUNT: u64 = 10_000_000;
const FUEL_MAX: u64 = 1_000_000;
const VALID_FOR_MS: u64 = 300_000;
/// How long two of one nonce are valid: the one that lost has its end by then.
const TWINS_VALID_FOR_MS: u64 = 10_000;
/// How long a client waits for one answer, in milliseconds.
const ANSWER_MS: u64 = 5_000;
/// A client that was refused for now rests so long.
const REST: Duration = Duration::from_millis(30);
/// By when each transfer has its end, on a busy machine and through restarts.
const PATIENCE: Duration = Duration::from_secs(90);
/// Questions that are open at once.
const QUESTIONS: usize = 32;

/// How a transfer ended, as its client was told.
#[derive(Debug, Clone, PartialEq)]
enum End {
    /// With this receipt.
    Executed(Receipt),
    /// Another transaction used its nonce, as 1005 says, or it expired, which is how that is told of one that
    /// was in a pool by then.
    Never,
}

/// A transfer and its end.
#[derive(Clone)]
struct Fate {
    signed: Signed,
    client: usize,
    to: AccountId,
    amount: u64,
    end: End,
}

impl std::fmt::Debug for Fate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { signed, client, amount, end, .. } = self;
        write!(f, "{} of client {client}, {amount} grains: {end:?}", signed.hash)
    }
}

struct Common {
    network: NodeInfo,
    endpoints: Vec<String>,
    /// Submissions that each node was sent whole and has not answered.
    open: [AtomicUsize; ASKED],
    fates: Mutex<Vec<Fate>>,
}

/// Protects what a client is promised: the same bytes may be sent as often and to as many nodes as it likes, and
/// there is always an end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_transaction_has_one_end_whatever_its_clients_and_nodes_do() {
    let transfers = number_from("POLLEN_FATE_TRANSFERS").unwrap_or(TRANSFERS);
    let mut random = Random::seeded("POLLEN_FATE_SEED");
    let mut network = Network::start(4).await;
    let keys: Vec<KeyPair> = (0..CLIENTS).map(|client| key_of(client as usize)).collect();
    let fund = |key: &KeyPair| Action::Transfer { to: account_of(key), amount: GRAINS };
    let actions = keys.iter().map(fund).collect();
    let funded =
        cli::submit_in_parts(network.client(0), &dev::faucet_key(), actions, 200_000_000).await;
    assert!(funded.is_ok(), "the clients are funded");
    network.level().await;

    let common = Arc::new(Common {
        network: network.client(0).network().await.unwrap().clone(),
        endpoints: (0..ASKED).map(|node| network.endpoint(node).to_owned()).collect(),
        open: [const { AtomicUsize::new(0) }; ASKED],
        fates: Mutex::default(),
    });
    let began = Instant::now();
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let share = (transfers + CLIENTS - 1 - client) / CLIENTS;
        clients.spawn(common.clone().run(client as usize, share, random.split()));
    }
    let kills = kill_under_way(&mut network, &common, transfers as usize, &mut random).await;
    while let Some(ended) = clients.join_next().await {
        ended.unwrap();
    }
    let fates = std::mem::take(&mut *common.fates.lock());
    let never = fates.iter().filter(|fate| fate.end == End::Never).count();
    println!(
        "{} transfers, {never} of them beaten by a twin, {kills} kills, {:.1} s",
        fates.len(),
        began.elapsed().as_secs_f64()
    );
    assert!(kills > 0 && never > 0, "the seed had kills and twins");
    let at = network.level().await;
    check_log(&network, &fates, at).await;
    let deposit = common.network.parameters.account_deposit;
    for node in 0..ASKED {
        check_node(&network, node, &fates, deposit, at).await;
    }
    check_clients(&network, &fates, deposit, at).await;
    network.stop_all().await;
}

fn key_of(client: usize) -> KeyPair {
    KeyPair::development(&format!("client {client} of the fate of transactions"))
}

fn account_of(key: &KeyPair) -> AccountId {
    AccountId::of_key(&key.public_key())
}

/// Kills one of the asked nodes, sometimes both, while they owe an answer, and starts them again; until nearly
/// all transfers are through.
async fn kill_under_way(
    network: &mut Network,
    common: &Common,
    transfers: usize,
    random: &mut Random,
) -> usize {
    let mut kills = 0;
    for after in (KILL_EVERY / 2..transfers).step_by(KILL_EVERY) {
        let first = random.below(ASKED as u64) as usize;
        eventually("the clients go on to the next kill", PATIENCE, async || {
            let (count, open) =
                (common.fates.lock().len(), common.open[first].load(Ordering::Relaxed));
            let ready = count >= after && open > 0;
            if ready { Ok(()) } else { Err(format!("{count} of {after} ended, {open} open")) }
        })
        .await;
        let both = random.below(4) == 0;
        network.kill(first).await;
        if both {
            network.kill(1 - first).await;
        }
        kills += 1 + usize::from(both);
        network.start_all().await;
    }
    kills
}

impl Common {
    /// One client: its transfers, one after the other; of every sixteenth nonce two that are not the same.
    async fn run(self: Arc<Self>, client: usize, share: u64, mut random: Random) {
        let key = key_of(client);
        let nodes: Vec<PollenClient> =
            self.endpoints.iter().map(|url| PollenClient::new([url]).unwrap()).collect();
        let (mut nonce, mut number) = (0, 0);
        while number < share {
            let twins = random.below(16) == 0;
            let mut next = || {
                let place = client as u64 + CLIENTS * number;
                number += 1;
                let valid_for_ms = if twins { TWINS_VALID_FOR_MS } else { VALID_FOR_MS };
                self.sign(client, &key, nonce, place, valid_for_ms)
            };
            let first = next();
            if twins {
                let second = next();
                let (mut other, from) = (random.split(), random.below(ASKED as u64) as usize);
                let (first, second) = tokio::join!(
                    self.follow(first, &nodes, &mut random, from),
                    self.follow(second, &nodes, &mut other, 1 - from),
                );
                let executed = |fate: &Fate| matches!(fate.end, End::Executed(_));
                let both = executed(&first) && executed(&second);
                assert!(!both, "two of one nonce:\n{first:?}\n{second:?}");
                self.fates.lock().extend([first, second]);
            } else {
                let from = random.below(ASKED as u64) as usize;
                let fate = self.follow(first, &nodes, &mut random, from).await;
                assert_ne!(fate.end, End::Never, "nobody else has its nonce: {fate:?}");
                self.fates.lock().push(fate);
            }
            nonce += 1;
        }
    }

    fn sign(
        &self,
        client: usize,
        key: &KeyPair,
        nonce: u64,
        place: u64,
        valid_for_ms: u64,
    ) -> Fate {
        let to = AccountId(Hash::of_content(format!("{place} of fate").as_bytes()).0);
        let amount = AMOUNT + place;
        let mut intent = Intent::new(vec![Action::Transfer { to, amount }], FUEL_MAX);
        intent.valid_for_ms = Some(valid_for_ms);
        let signed = intent.sign(&self.network, key, nonce, clock::now_ms());
        Fate { signed, client, to, amount, end: End::Never }
    }

    /// Sends it as careless clients do, then insists on its end. All that was told on the way agrees with it.
    async fn follow(
        &self,
        fate: Fate,
        nodes: &[PollenClient],
        random: &mut Random,
        from: usize,
    ) -> Fate {
        let mut told = Vec::new();
        for _ in 0..random.below(4) {
            let node = random.below(ASKED as u64) as usize;
            if random.below(3) == 0 {
                // Both nodes at once.
                let mut other = random.split();
                let (one, two) = tokio::join!(
                    self.try_once(&fate.signed, node, random),
                    self.try_once(&fate.signed, 1 - node, &mut other),
                );
                told.extend(one.into_iter().chain(two));
            } else {
                told.extend(self.try_once(&fate.signed, node, random).await);
            }
        }
        let end = self.insist(&fate.signed, nodes, from).await;
        for answer in told {
            check_told(&fate.signed, &answer, &end);
        }
        Fate { end, ..fate }
    }

    /// One try that may be cut off anywhere; the answers that came before that.
    async fn try_once(&self, signed: &Signed, node: usize, random: &mut Random) -> Vec<Value> {
        // A killed node refuses or resets, at any of the steps: that is a way to be cut off too.
        let tried = match random.below(2) {
            0 => self.try_by_http(signed, node, random).await,
            _ => self.try_by_websocket(signed, node, random).await,
        };
        tried.unwrap_or_default()
    }

    async fn try_by_http(
        &self,
        signed: &Signed,
        node: usize,
        random: &mut Random,
    ) -> std::io::Result<Vec<Value>> {
        let host = self.host(node);
        let mut stream = TcpStream::connect(host).await?;
        let request = wire::post(host, request(signed, random).as_bytes());
        if random.below(3) == 0 {
            let cut = random.below(request.len() as u64) as usize;
            stream.write_all(&request[..cut]).await?;
            return Ok(Vec::new());
        }
        stream.write_all(&request).await?;
        let _open = Open::new(&self.open[node]);
        match random.below(3) {
            0 => {}
            1 => drop(stream.read_exact(&mut vec![0; 1 + random.below(300) as usize]).await?),
            _ => {
                let answer = within(random, wire::answer(&mut stream)).await.flatten();
                return Ok(answer.iter().map(|(_, body)| json_of(body)).collect());
            }
        }
        Ok(Vec::new())
    }

    async fn try_by_websocket(
        &self,
        signed: &Signed,
        node: usize,
        random: &mut Random,
    ) -> std::io::Result<Vec<Value>> {
        let host = self.host(node);
        let mut socket = Socket::open(TcpStream::connect(host).await?, host).await?;
        let mut told = Vec::new();
        // Perhaps twice, or three times, on one connection.
        let copies = 1 + random.below(3);
        let _open = Open::new(&self.open[node]);
        for _ in 0..copies {
            let frame = wire::framed(Frame::Text, request(signed, random).as_bytes());
            if random.below(5) == 0 {
                let cut = random.below(frame.len() as u64) as usize;
                socket.send_bytes(&frame[..cut]).await?;
                return Ok(told);
            }
            socket.send_bytes(&frame).await?;
        }
        for _ in 0..random.below(copies + 1) {
            let Some(Some(message)) = within(random, socket.receive()).await else { break };
            told.push(json_of(&message));
        }
        Ok(told)
    }

    fn host(&self, node: usize) -> &str {
        self.endpoints[node].strip_prefix("http://").unwrap()
    }

    /// Asks one node and the other until there is an end.
    async fn insist(&self, signed: &Signed, nodes: &[PollenClient], from: usize) -> End {
        let params = TxSubmitParams {
            transaction: Bytes(signed.bytes.clone()),
            wait: WaitFor::from(Stage::Executed),
            timeout_ms: Some(ANSWER_MS),
            chain_id: Some(signed.chain_id),
        };
        let deadline = Instant::now() + PATIENCE;
        let mut last = String::new();
        for turn in from.. {
            assert!(Instant::now() < deadline, "{} has no end: {last}", signed.hash);
            let node = turn % ASKED;
            let open = Open::new(&self.open[node]);
            let answer = nodes[node].tx_submit(&params).await;
            drop(open);
            match answer {
                Ok(answer) => match end_of(&answer.value) {
                    Some(end) => return end,
                    None => last = format!("{:?}", answer.value),
                },
                Err(error) if error.is(ErrorCode::NonceUsed) || error.is(ErrorCode::Expired) => {
                    return End::Never;
                }
                Err(error) => {
                    assert!(is_passing(&error), "{} at node {}: {error}", signed.hash, node + 1);
                    last = error.to_string();
                    tokio::time::sleep(REST).await;
                }
            }
        }
        unreachable!("it tries for ever")
    }
}

/// A submission that a node owes an answer to.
struct Open<'a>(&'a AtomicUsize);

impl<'a> Open<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A client that has no patience: some moment while the answer is made.
async fn within<T>(random: &mut Random, answer: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(Duration::from_micros(random.below(200_000)), answer).await.ok()
}

fn json_of(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(bytes)))
}

fn request(signed: &Signed, random: &mut Random) -> String {
    let waits = ["none", "accepted", "included", "ordered", "executed", "certified"];
    let params = json!({
        "transaction": Bytes(signed.bytes.clone()),
        "wait": waits[random.below(waits.len() as u64) as usize],
        "timeoutMs": random.below(ANSWER_MS),
    });
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tx_submit", "params": params }).to_string()
}

/// The end that a status tells; none when it may go on.
fn end_of(status: &TxStatus) -> Option<End> {
    if !status.ended {
        return None;
    }
    match &status.outcome {
        Some(TxOutcome::Rejected { code: 1005, .. } | TxOutcome::Expired { .. }) => {
            Some(End::Never)
        }
        Some(TxOutcome::Success { .. }) => Some(End::Executed(Receipt::of(status).unwrap())),
        other => panic!("{} ended as {other:?}", status.hash),
    }
}

/// Of a node that is down, starting, behind or full.
fn is_passing(error: &ClientError) -> bool {
    match error {
        ClientError::Rpc { retryable, .. } => *retryable,
        other => matches!(other, ClientError::Unreachable { .. }),
    }
}

/// An answer on the way told the end that it came to, or none.
fn check_told(signed: &Signed, answer: &Value, end: &End) {
    let Some(result) = answer.get("result") else {
        let (code, retryable) = (&answer["error"]["code"], &answer["error"]["data"]["retryable"]);
        let beaten = *end == End::Never && [1005, 1007].iter().any(|told| *code == json!(told));
        assert!(beaten || *retryable == json!(true), "{}: {answer}, but {end:?}", signed.hash);
        return;
    };
    let status: TxStatus = serde_json::from_value(result.clone()).unwrap();
    assert_eq!(status.hash, signed.hash);
    if let Some(told) = end_of(&status) {
        assert_eq!(told, *end, "{}: told earlier, and at last", signed.hash);
    }
}

/// The chain's own list has every executed transfer once, at the place that its client was told, and none of
/// the others.
async fn check_log(network: &Network, fates: &[Fate], at: u64) {
    let client = network.client(2);
    let mut seen = BTreeSet::new();
    for height in 1..=at {
        let params = ChainCheckpointParams { at: ReadAt::Height(height), ..Default::default() };
        let checkpoint = client.chain_checkpoint(&params).await.unwrap().value;
        for hash in checkpoint.transactions.expect("nothing is pruned so soon") {
            assert!(seen.insert(hash), "{hash} was executed twice");
        }
    }
    for fate in fates {
        let executed = matches!(fate.end, End::Executed(_));
        assert_eq!(seen.contains(&fate.signed.hash), executed, "in the log: {fate:?}");
    }
}

/// A node tells every transfer's end and has its effect, once.
async fn check_node(network: &Network, node: usize, fates: &[Fate], deposit: u64, at: u64) {
    let mut asking = JoinSet::new();
    for share in fates.chunks(fates.len().div_ceil(QUESTIONS).max(1)) {
        let (share, url) = (share.to_vec(), network.endpoint(node).to_owned());
        asking.spawn(async move {
            let client = PollenClient::new([&url]).unwrap();
            for fate in share {
                let held = grains_at(&client, &address_of(fate.to), at).await;
                let status = ended(&client, &fate).await;
                match &fate.end {
                    End::Executed(receipt) => {
                        assert_eq!(held, fate.amount + deposit, "the effect of {fate:?} on {url}");
                        let told = status.map(|status| Receipt::of(&status).unwrap());
                        assert_eq!(told.as_ref(), Some(receipt), "{fate:?} on {url}");
                    }
                    End::Never => {
                        assert_eq!(held, 0, "the effect of {fate:?} on {url}");
                        let told = status.as_ref().and_then(end_of);
                        assert!(status.is_none() || told == Some(End::Never), "{status:?}");
                    }
                }
            }
        });
    }
    while let Some(asked) = asking.join_next().await {
        asked.unwrap();
    }
}

/// What a node tells of a transfer, once it tells of an end; none where it does not know it. One that lost its
/// nonce after it was in a block stands as `ordered` until it is no longer valid.
async fn ended(client: &PollenClient, fate: &Fate) -> Option<TxStatus> {
    let params = TxStatusParams { hash: Some(fate.signed.hash), ..Default::default() };
    let deadline = Instant::now() + PATIENCE;
    loop {
        let told = match client.tx_status(&params).await {
            Ok(answer) if answer.value.ended => return Some(answer.value),
            Ok(answer) => format!("{:?}", answer.value),
            Err(error) if error.is(ErrorCode::NotFound) => return None,
            Err(error) => error.to_string(),
        };
        assert!(Instant::now() < deadline, "no end of {fate:?} at {}: {told}", client.url());
        tokio::time::sleep(REST).await;
    }
}

/// Protects who signed two transactions with one nonce from waiting for what can no longer come: which one it is
/// stands in the order, so that every node could tell at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_with_one_nonce_the_loser_is_told_in_time() {
    let mut network = Network::start(4).await;
    let info = network.client(0).network().await.unwrap().clone();
    for nonce in 0..10 {
        let sign = |amount: u64| {
            let to = AccountId([9; 32]);
            let mut intent = Intent::new(vec![Action::Transfer { to, amount }], FUEL_MAX);
            intent.valid_for_ms = Some(3_600_000);
            intent.sign(&info, &dev::faucet_key(), nonce, clock::now_ms())
        };
        let submit = async |node: usize, signed: Signed| {
            let time = Duration::from_millis(ANSWER_MS);
            network.client(node).submit_and_wait(&signed, Stage::Executed, time).await
        };
        let (first, second) = tokio::join!(submit(0, sign(AMOUNT)), submit(1, sign(AMOUNT + 1)));
        for answer in [first, second] {
            match answer {
                Ok(status) => assert!(status.value.ended, "no end in time: {:?}", status.value),
                Err(error) => assert!(error.is(ErrorCode::NonceUsed), "{error}"),
            }
        }
    }
    network.stop_all().await;
}

/// Every client paid its transfers, the deposits of the accounts that they made, and the fees; nothing else.
async fn check_clients(network: &Network, fates: &[Fate], deposit: u64, at: u64) {
    for client in 0..CLIENTS as usize {
        let paid = |fate: &Fate| match &fate.end {
            End::Executed(receipt) if fate.client == client => fate.amount + deposit + receipt.fee,
            _ => 0,
        };
        let paid: u64 = fates.iter().map(paid).sum();
        let address = address_of(account_of(&key_of(client)));
        let held = grains_at(network.client(0), &address, at).await;
        assert_eq!(held, GRAINS + deposit - paid, "what client {client} has left");
    }
}
