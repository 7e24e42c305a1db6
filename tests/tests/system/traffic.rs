//! Transfers of native tokens by clients that insist: one that hears no answer, or that a node cannot, sends
//! the same bytes to the next node, until somebody says that they are executed. What was said is kept: it
//! must stay so, whatever happens to the nodes. Needs no module, so that a network is under load at once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use pollen_ledger::store::{Database, RocksStore, verify};
use pollen_ledger::{Action, Hash, KeyPair};
use pollen_node::{cli, clock, dev};
use pollen_rpc::api::{Bytes, NodeInfo, Stage, TxStatusParams, TxSubmitParams, WaitFor};
use pollen_rpc::client::{Intent, PollenClient, Sender, Signed};
use tokio::task::{JoinHandle, JoinSet};

use super::harness::eventually;
use super::load::Receipt;

/// Fuel that a transfer may use.
const FUEL_MAX: u64 = 1_000_000;
/// Native grains that each account gets.
const GRAINS: u64 = 1_000_000_000_000;
/// How long a client waits for one answer, in milliseconds.
const ANSWER_MS: u64 = 5_000;
/// How long a client rests after an answer, so that what has to be checked stays bounded.
const REST: Duration = Duration::from_millis(60);
/// Questions about transactions that are open at once.
const QUESTIONS: usize = 16;
/// How long the load may need for what is waited for.
const PATIENCE: Duration = Duration::from_secs(90);

/// What was acknowledged: by its hash, what the client was told.
pub type Acknowledged = BTreeMap<Hash, Receipt>;

struct Common {
    network: NodeInfo,
    endpoints: Vec<String>,
    told: Mutex<Acknowledged>,
    ended: AtomicBool,
    turn: AtomicUsize,
}

/// See the module's documentation. Stops when told to.
pub struct Traffic {
    common: Arc<Common>,
    clients: Vec<JoinHandle<()>>,
}

impl Traffic {
    /// Fills `clients` accounts and lets them send to these nodes, the first of which must answer.
    pub async fn start(endpoints: &[&str], clients: usize) -> Self {
        let client = PollenClient::new([endpoints[0]]).unwrap();
        let network = client.network().await.unwrap().clone();
        let sender = |index: usize| {
            // Another run on the same chain goes on with other keys, whose nonces are free.
            let label = format!("client {index} of traffic begun at {}", clock::now_ms());
            Sender::new(KeyPair::development(&label), 0)
        };
        let senders: Vec<_> = (0..clients).map(sender).collect();
        let grains = |sender: &Sender| Action::Transfer { to: sender.account, amount: GRAINS };
        let actions = senders.iter().map(grains).collect();
        let funded = cli::submit_in_parts(&client, &dev::faucet_key(), actions, 200_000_000).await;
        if let Err(failure) = funded {
            panic!("{}", failure.text);
        }
        let common = Arc::new(Common {
            network,
            endpoints: endpoints.iter().map(|&endpoint| endpoint.to_owned()).collect(),
            told: Mutex::default(),
            ended: AtomicBool::new(false),
            turn: AtomicUsize::new(0),
        });
        let clients = senders.into_iter().map(|sender| tokio::spawn(common.clone().send(sender)));
        Self { clients: clients.collect(), common }
    }

    /// Why a node does not take a transfer.
    pub async fn refusal(client: &PollenClient) -> String {
        let network = client.network().await.unwrap();
        let action = Action::Transfer { to: dev_account(), amount: 1 };
        let sender = Sender::new(dev::faucet_key(), clock::now_ms() % 1_000);
        let signed = sender.sign(Intent::new(vec![action], FUEL_MAX), network, clock::now_ms());
        let params = TxSubmitParams {
            transaction: Bytes(signed.bytes),
            wait: WaitFor::from(Stage::Accepted),
            timeout_ms: None,
            chain_id: Some(signed.chain_id),
        };
        client.tx_submit(&params).await.expect_err("a node without room refuses").to_string()
    }

    /// How many transfers were acknowledged so far.
    pub fn count(&self) -> usize {
        self.common.told.lock().len()
    }

    /// Waits for so many more.
    pub async fn more(&self, count: usize) {
        let wanted = self.count() + count;
        eventually("the load goes on", PATIENCE, async || {
            let count = self.count();
            if count >= wanted { Ok(()) } else { Err(format!("{count} of {wanted}")) }
        })
        .await;
    }

    /// What was acknowledged so far.
    pub fn acknowledged(&self) -> Acknowledged {
        self.common.told.lock().clone()
    }

    /// No more; what was acknowledged.
    pub async fn stop(self) -> Acknowledged {
        self.common.ended.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.await.unwrap();
        }
        std::mem::take(&mut *self.common.told.lock())
    }
}

impl Common {
    async fn send(self: Arc<Self>, sender: Sender) {
        let clients: Vec<_> =
            self.endpoints.iter().map(|url| PollenClient::new([url]).unwrap()).collect();
        while !self.ended.load(Ordering::Relaxed) {
            let action = Action::Transfer { to: dev_account(), amount: 1 };
            let intent = Intent::new(vec![action], FUEL_MAX);
            let signed = sender.sign(intent, &self.network, clock::now_ms());
            if let Some(receipt) = self.insist(&clients, &signed).await {
                self.told.lock().insert(signed.hash, receipt);
            }
            tokio::time::sleep(REST).await;
        }
    }

    /// None of a transaction that nobody said anything of before the end, or that came too late.
    async fn insist(&self, clients: &[PollenClient], signed: &Signed) -> Option<Receipt> {
        let params = TxSubmitParams {
            transaction: Bytes(signed.bytes.clone()),
            wait: WaitFor::from(Stage::Executed),
            timeout_ms: Some(ANSWER_MS),
            chain_id: Some(signed.chain_id),
        };
        loop {
            let client = &clients[self.turn.fetch_add(1, Ordering::Relaxed) % clients.len()];
            match client.tx_submit(&params).await {
                Ok(answer) if answer.value.satisfies(Stage::Executed) => {
                    return Receipt::of(&answer.value).ok();
                }
                Ok(_) => {}
                // Expired, or its nonce was used by another copy of it that nobody told of.
                Err(error) if !is_passing(&error) => return None,
                Err(_) => tokio::time::sleep(REST).await,
            }
            if self.ended.load(Ordering::Relaxed) {
                return None;
            }
        }
    }
}

/// Of a node that is down, behind, full or ending: another one may do better.
fn is_passing(error: &pollen_rpc::client::ClientError) -> bool {
    use pollen_rpc::client::ClientError;
    match error {
        ClientError::Rpc { retryable, .. } => *retryable,
        ClientError::Unreachable { .. } | ClientError::Protocol { .. } => true,
        ClientError::Url { .. } | ClientError::Argument { .. } | ClientError::Value { .. } => false,
    }
}

fn dev_account() -> pollen_ledger::AccountId {
    pollen_ledger::AccountId::of_key(&dev::faucet_key().public_key())
}

/// A node tells of each what its client was told.
pub async fn check_acknowledged(client: &PollenClient, acknowledged: &Acknowledged) {
    if let Some((_, reason)) = untold(client, acknowledged).await.first() {
        panic!("{reason}");
    }
}

/// Those that a node does not tell of at all, by height, with what it says; what it tells is what its client was
/// told.
pub async fn untold(client: &PollenClient, acknowledged: &Acknowledged) -> Vec<(u64, String)> {
    let all: Vec<(Hash, Receipt)> =
        acknowledged.iter().map(|(hash, told)| (*hash, told.clone())).collect();
    let mut asking = JoinSet::new();
    for share in all.chunks(all.len().div_ceil(QUESTIONS).max(1)) {
        let (share, url) = (share.to_vec(), client.url().to_owned());
        asking.spawn(async move {
            let client = PollenClient::new([&url]).unwrap();
            let mut untold = Vec::new();
            for (hash, told) in share {
                let params = TxStatusParams { hash: Some(hash), ..Default::default() };
                match client.tx_status(&params).await {
                    Ok(status) => {
                        assert_eq!(Receipt::of(&status.value), Ok(told), "{hash} of {url}");
                    }
                    Err(error) => untold.push((told.place.0, format!("{hash} of {url}: {error}"))),
                }
            }
            untold
        });
    }
    let mut untold = Vec::new();
    while let Some(asked) = asking.join_next().await {
        untold.extend(asked.unwrap());
    }
    untold
}

/// What the stores of stopped nodes must be: each whole, and no two of them with two blocks of one author in
/// one round. `ledgers` are the folders of their databases.
pub fn check_stores<P: AsRef<Path>>(ledgers: impl IntoIterator<Item = P>) {
    let mut signed: BTreeMap<(u32, u16), Hash> = BTreeMap::new();
    for ledger in ledgers {
        let path = ledger.as_ref();
        let store = Arc::new(RocksStore::open_read_only(path).unwrap());
        let findings = verify(store.clone(), &mut |_| {}).unwrap();
        assert_eq!(findings.problems, Vec::<String>::new(), "{}", path.display());
        let (database, _) = Database::open_as_it_is(store).unwrap();
        let mut after = None;
        loop {
            let page = database.blocks(1, after.as_ref(), 512).unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.reference());
            for block in &page {
                let (round, author, digest) =
                    (block.round(), block.author(), block.reference().digest);
                let first = *signed.entry((round, author)).or_insert(digest);
                assert_eq!(first, digest, "validator {author} signed two blocks of round {round}");
            }
        }
    }
    println!("{} blocks, each the only one of its author and round", signed.len());
}
