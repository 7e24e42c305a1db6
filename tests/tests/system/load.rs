//! Token transfers from many accounts, as careless clients send them: in parallel, some twice, some
//! to two nodes, and again elsewhere when a node is lost. It keeps count of what must come out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pollen_ledger::{AccountId, Action, Address, Hash, KeyPair};
use pollen_node::{cli, clock, dev, keys};
use pollen_rpc::api::{
    Answer, Bytes, ChainHeadParams, ModuleParams, NodeInfo, ReadAt, Stage, TxOutcome, TxStatus,
    TxStatusParams, TxSubmitParams, WaitFor,
};
use pollen_rpc::client::{ClientError, Intent, PollenClient, Sender, Signed, TransactionSocket};
use pollen_rpc::error::ErrorCode;
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;

use super::harness::{Network, address_of};

/// Calls that one connection carries at a time.
const CALLS_PER_SOCKET: usize = 64;
/// Connections to each node.
const SOCKETS_PER_NODE: usize = 2;
/// Transactions in flight at most.
const IN_FLIGHT: usize = 384;
/// Fuel that a token transfer may use.
const FUEL_MAX: u64 = 5_000_000;
/// How long a token transfer is valid, in milliseconds.
const VALID_FOR_MS: u64 = 120_000;
/// Native grains that each account gets.
const GRAINS: u64 = 100_000_000_000;
/// Tokens that each account gets.
pub const TOKENS: u64 = 1_000_000;

/// What the client was told in the end, and what must stay so.
#[derive(Debug, Clone, PartialEq)]
pub struct Receipt {
    /// Height of the checkpoint, and place in it.
    pub place: (u64, u32),
    /// Grains paid.
    pub fee: u64,
    /// Fuel used.
    pub fuel: u64,
    /// How it ended.
    pub outcome: TxOutcome,
}

impl Receipt {
    /// Of an answer whose transaction is executed.
    pub fn of(status: &TxStatus) -> Result<Self, String> {
        match (status.height, status.index, status.fee, status.fuel_used, &status.outcome) {
            (Some(height), Some(index), Some(fee), Some(fuel), Some(outcome)) => {
                Ok(Self { place: (height, index), fee, fuel, outcome: outcome.clone() })
            }
            _ => {
                Err(format!("{} is {} with {:?}", status.hash, status.stage.name(), status.outcome))
            }
        }
    }
}

/// A connection, and the calls that a server takes on it at a time.
struct Connection {
    socket: TransactionSocket,
    calls: Semaphore,
}

/// One transfer that was acknowledged.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Its hash.
    pub hash: Hash,
    /// Place of the paying account.
    pub from: usize,
    /// Place of the receiving account.
    pub to: usize,
    /// How many tokens.
    pub amount: u64,
    /// What the client was told.
    pub receipt: Receipt,
}

/// See the module's documentation.
pub struct Load {
    network: NodeInfo,
    token: AccountId,
    senders: Vec<Sender>,
    number: AtomicU64,
    /// Sockets of each node; none of a node that is lost.
    sockets: Vec<Mutex<Vec<Arc<Connection>>>>,
    /// Where each node answers, for what goes wrong.
    endpoints: Vec<String>,
    /// Transfers executed so far.
    pub executed: AtomicU64,
}

impl Load {
    /// Makes accounts with grains and tokens. `owner` is the key's name that holds the token's
    /// supply.
    pub async fn prepare(network: &Network, accounts: usize, owner: &str) -> Self {
        let client = network.client(0);
        let info = client.network().await.unwrap();
        let params = ModuleParams {
            module: "@token".into(),
            at: ReadAt::Latest,
            at_least: None,
            wait_ms: 0,
        };
        let module = client.module_get(&params).await.unwrap().value.module;
        let token = Address::parse(&module, &info.address_prefix).unwrap().id;
        let sender = |index: usize| {
            Sender::new(KeyPair::development(&format!("account {index} of the load")), 0)
        };
        let senders: Vec<_> = (0..accounts).map(sender).collect();
        let owner = keys::read(&keys::path_of(&network.home, owner).unwrap()).unwrap();
        let grains = |sender: &Sender| Action::Transfer { to: sender.account, amount: GRAINS };
        let fund = async |key: &KeyPair, actions| {
            if let Err(failure) = cli::submit_in_parts(client, key, actions, 200_000_000).await {
                panic!("{}", failure.text);
            }
        };
        fund(&dev::faucet_key(), senders.iter().map(grains).collect()).await;
        let tokens = |sender: &Sender| transfer(token, sender.account, TOKENS);
        fund(&owner, senders.iter().map(tokens).collect()).await;
        network.level().await;
        Self {
            network: info.clone(),
            token,
            senders,
            number: AtomicU64::new(0),
            endpoints: (0..network.len()).map(|node| network.endpoint(node).to_owned()).collect(),
            sockets: (0..network.len()).map(|_| Mutex::new(Vec::new())).collect(),
            executed: AtomicU64::new(0),
        }
    }

    /// Addresses of the accounts.
    pub fn accounts(&self) -> Vec<String> {
        self.senders.iter().map(|sender| address_of(sender.account)).collect()
    }

    /// Opens connections to these nodes, and to no others.
    pub async fn connect(&self, network: &Network, nodes: &[usize]) {
        for (index, place) in self.sockets.iter().enumerate() {
            let mut sockets = place.lock().await;
            sockets.clear();
            let wanted = if nodes.contains(&index) { SOCKETS_PER_NODE } else { 0 };
            for _ in 0..wanted {
                let socket = TransactionSocket::connect(network.endpoint(index), CALLS_PER_SOCKET);
                let socket = socket.await.unwrap();
                let calls = Semaphore::new(CALLS_PER_SOCKET);
                sockets.push(Arc::new(Connection { socket, calls }));
            }
        }
    }

    /// The next transfer, signed: its number, who pays, who gets, how much.
    fn next(&self) -> (u64, usize, usize, u64, Signed) {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let count = self.senders.len() as u64;
        let from = (number % count) as usize;
        let to = ((number + 1 + number / count % (count - 1)) % count) as usize;
        let amount = 1 + number % 7;
        let sender = &self.senders[from];
        let action = transfer(self.token, self.senders[to].account, amount);
        let mut intent = Intent::new(vec![action], FUEL_MAX);
        intent.valid_for_ms = Some(VALID_FOR_MS);
        (number, from, to, amount, sender.sign(intent, &self.network, clock::now_ms()))
    }

    /// Sends transfers to all nodes in turn while `more` says so, every tenth twice to its node and
    /// every third to the next node too: one of those that came while the first was executed stood as
    /// `accepted` for ever, another was told that its own nonce was used. All of them, once each, with what their clients were
    /// told.
    pub async fn run(self: &Arc<Self>, more: impl Fn(u64) -> bool) -> Vec<Sent> {
        let places = Arc::new(Semaphore::new(IN_FLIGHT));
        let mut tasks = JoinSet::new();
        let mut sent = Vec::new();
        let mut count = 0;
        while more(count) {
            count += 1;
            let place = places.clone().acquire_owned().await.unwrap();
            let load = self.clone();
            tasks.spawn(async move {
                let sent = load.send_one().await;
                drop(place);
                sent
            });
            while let Some(done) = tasks.try_join_next() {
                sent.push(done.unwrap());
            }
        }
        while let Some(done) = tasks.join_next().await {
            sent.push(done.unwrap());
        }
        sent
    }

    async fn send_one(&self) -> Sent {
        let (number, from, to, amount, signed) = self.next();
        let node = (number % self.sockets.len() as u64) as usize;
        let again = async |wanted: bool, node| match wanted {
            true => Some(self.submit(&signed, node, number).await),
            false => None,
        };
        let (receipt, twice, elsewhere) = tokio::join!(
            self.submit(&signed, node, number),
            again(number.is_multiple_of(10), node),
            again(number.is_multiple_of(3), (node + 1) % self.sockets.len()),
        );
        for copy in [twice, elsewhere].into_iter().flatten() {
            assert_eq!(copy, receipt, "two submissions of one transaction had two ends");
        }
        self.executed.fetch_add(1, Ordering::Relaxed);
        Sent { hash: signed.hash, from, to, amount, receipt }
    }

    /// Submits until it is executed: waits out a full pool, goes on at the next node when one is
    /// lost.
    async fn submit(&self, signed: &Signed, node: usize, number: u64) -> Receipt {
        let params = TxSubmitParams {
            transaction: Bytes(signed.bytes.clone()),
            wait: WaitFor::from(Stage::Executed),
            timeout_ms: Some(30_000),
            chain_id: Some(signed.chain_id),
        };
        let mut node = node;
        for _ in 0..2_000 {
            let sockets = self.sockets[node].lock().await.clone();
            let next = (node + 1) % self.sockets.len();
            let Some(socket) = sockets.get((number / 4) as usize % sockets.len().max(1)) else {
                node = next;
                continue;
            };
            let call = socket.calls.acquire().await.unwrap();
            let answer = socket.socket.submit(&params).await;
            drop(call);
            match answer {
                Ok(Answer { value, .. }) => {
                    let receipt = match Receipt::of(&value) {
                        Ok(receipt) => receipt,
                        Err(error) => panic!(
                            "not executed within 30 s at node {}: {error}\n{}",
                            node + 1,
                            self.fate(signed.hash).await
                        ),
                    };
                    let success = matches!(receipt.outcome, TxOutcome::Success { .. });
                    assert!(success, "{}: {:?}", signed.hash, receipt.outcome);
                    return receipt;
                }
                Err(error) if error.is(ErrorCode::PoolFull) => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(ClientError::Unreachable { .. }) => {
                    self.sockets[node].lock().await.clear();
                    node = next;
                }
                Err(error) => panic!("{}: {error}", signed.hash),
            }
        }
        panic!("{} found no node that takes it", signed.hash);
    }

    /// What each node says of a transaction, and of itself: whether it is lost, or only nobody told.
    async fn fate(&self, hash: Hash) -> String {
        let mut lines = Vec::new();
        for (index, endpoint) in self.endpoints.iter().enumerate() {
            let client = PollenClient::new([endpoint]).unwrap();
            let params = TxStatusParams { hash: Some(hash), ..Default::default() };
            let status = client.tx_status(&params).await.map(|answer| answer.value);
            let head = client.chain_head(&ChainHeadParams::default()).await.map(|head| head.at);
            lines.push(format!("node {}: {status:?}\n  head {head:?}", index + 1));
        }
        lines.join("\n")
    }

    /// What the accounts must hold in tokens after these transfers.
    pub fn tokens_after<'a>(&self, sent: impl Iterator<Item = &'a Sent>) -> Vec<u64> {
        let mut tokens = vec![TOKENS; self.senders.len()];
        for Sent { from, to, amount, .. } in sent {
            tokens[*from] = tokens[*from].wrapping_sub(*amount);
            tokens[*to] = tokens[*to].wrapping_add(*amount);
        }
        tokens
    }

    /// What the accounts paid in fees for these transfers, in grains.
    pub fn fees_of<'a>(&self, sent: impl Iterator<Item = &'a Sent>) -> Vec<u64> {
        let mut fees = vec![0; self.senders.len()];
        for Sent { from, receipt, .. } in sent {
            fees[*from] += receipt.fee;
        }
        fees
    }
}

/// By hash; no hash twice.
pub fn by_hash(sent: &[Sent]) -> BTreeMap<Hash, &Sent> {
    let by_hash: BTreeMap<_, _> = sent.iter().map(|sent| (sent.hash, sent)).collect();
    assert_eq!(by_hash.len(), sent.len(), "every transfer is another transaction");
    by_hash
}

fn transfer(token: AccountId, to: AccountId, amount: u64) -> Action {
    // Arguments are borsh: an account is its 32 bytes.
    let arguments = borsh::to_vec(&(to.0, amount)).unwrap();
    Action::Invoke {
        module: token,
        function: "transfer".into(),
        arguments,
        deposit: 0,
        interface: None,
    }
}
