//! Clients: each gives a transaction to one validator, and to the next when it is not ordered after 2 s.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pollen_ledger::genesis::GenesisAccount;
use pollen_ledger::ordering::{CommittedSubDag, Input};
use pollen_ledger::transaction::TRANSACTION_VERSION;
use pollen_ledger::{AccountId, Action, Hash, KeyPair, SignedTransaction, Transaction, codec};

use crate::check::Violation;
use crate::random::Random;
use crate::world::{BEGIN_MS, Event, World};

/// After so long a client turns to the next validator, in microseconds.
const PATIENCE_US: u64 = 2_000_000;

/// Clients: with fewer, a late copy's nonce could fall out of its account's window.
const CLIENTS: u64 = 16;
/// What each holds at genesis, in grains.
const BALANCE: u64 = 1 << 56;
/// Who gets a grain by every transaction.
pub const RECIPIENT: AccountId = AccountId([7; 32]);

fn client_key(client: u64) -> KeyPair {
    KeyPair::development(&format!("client {client}"))
}

/// The clients' accounts at genesis.
pub fn client_accounts() -> Vec<GenesisAccount> {
    let account = |client| GenesisAccount {
        name: format!("client {client}"),
        id: AccountId::of_key(&client_key(client).public_key()),
        balance: BALANCE,
    };
    (0..CLIENTS).map(account).collect()
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Load {
    random: Random,
    keys: Vec<KeyPair>,
    made: u64,
    /// Not known to be ordered.
    open: BTreeMap<Hash, Arc<SignedTransaction>>,
    /// When clients lose their patience.
    patience: BTreeSet<(u64, Hash)>,
    /// What a pool took: which host, in which life.
    taken: BTreeMap<Hash, Vec<(usize, u32)>>,
    waiting: BTreeMap<(usize, Hash), u32>,
    /// No new ones are made.
    pub over: bool,
}

impl Load {
    /// The clients of a seed.
    pub fn new(seed: u64) -> Self {
        Self {
            random: Random::stream(seed, "load"),
            keys: (0..CLIENTS).map(client_key).collect(),
            made: 0,
            open: BTreeMap::new(),
            patience: BTreeSet::new(),
            taken: BTreeMap::new(),
            waiting: BTreeMap::new(),
            over: false,
        }
    }

    /// How many were made.
    pub fn made(&self) -> u64 {
        self.made
    }

    /// A core says what became of a submission.
    pub fn submitted(&mut self, host: usize, id: Hash, taken: bool) {
        if let Some(life) = self.waiting.remove(&(host, id)).filter(|_| taken) {
            self.taken.entry(id).or_default().push((host, life));
        }
    }

    /// A commit orders transactions.
    pub fn ordered(&mut self, committed: &CommittedSubDag, chain_id: &Hash) {
        for signed in committed.blocks.iter().flat_map(|block| block.transactions()) {
            self.open.remove(&signed.transaction.id(chain_id));
        }
    }
}

impl World {
    /// A new transaction, and those whose clients lost patience, each to a random validator.
    pub(crate) fn submit_some(&mut self) {
        let mut due: Vec<Hash> = Vec::new();
        while let Some((at, id)) = self.load.patience.first().copied().filter(|p| p.0 <= self.now) {
            self.load.patience.remove(&(at, id));
            if self.load.open.contains_key(&id) {
                due.push(id);
            }
        }
        if !self.load.over {
            due.push(self.new_transaction());
        }
        for id in due {
            let host = self.load.random.below(self.options.stakes.len() as u64) as usize;
            self.submit(id, host);
        }
        let gap = 1_000_000 / self.options.transactions_s.max(1);
        let next = self.now + self.load.random.between(gap / 2, gap * 3 / 2).max(1);
        self.at(next, Event::Load);
    }

    fn new_transaction(&mut self) -> Hash {
        let key = &self.load.keys[(self.load.made % CLIENTS) as usize];
        self.load.made += 1;
        let transaction = Transaction {
            version: TRANSACTION_VERSION,
            sender: AccountId::of_key(&key.public_key()),
            key: key.public_key(),
            nonce: self.load.made.div_ceil(CLIENTS),
            valid_until_ms: BEGIN_MS + (1 << 32),
            max_fuel: 1000,
            fuel_price: 1,
            payer: None,
            actions: vec![Action::Transfer { to: RECIPIENT, amount: 1 }],
        };
        let chain_id = &self.rules.chain_id;
        let id = transaction.id(chain_id);
        let signed = transaction.sign(chain_id, key, Vec::new());
        self.load.open.insert(id, Arc::new(signed));
        id
    }

    /// A new transaction for a host's pool, now.
    pub fn submit_one(&mut self, host: usize) -> Hash {
        let id = self.new_transaction();
        self.submit(id, host);
        id
    }

    /// Gives an open transaction to a host's pool.
    fn submit(&mut self, id: Hash, host: usize) {
        self.load.patience.insert((self.now + PATIENCE_US, id));
        let Some(transaction) = self.load.open.get(&id).cloned() else { return };
        if !self.hosts[host].is_up() {
            return;
        }
        let bytes = codec::encode(&*transaction).len() as u32;
        self.load.waiting.insert((host, id), self.hosts[host].life);
        self.input(host, Input::Submit { transaction, id, bytes, reserve: 1 << 40 });
    }

    /// Transactions that a pool of an honest host took which has been up ever since, and that are not
    /// ordered.
    pub fn owed(&self) -> Vec<(Hash, usize)> {
        let stays = |(host, life): &(usize, u32)| {
            let host = &self.hosts[*host];
            host.is_honest() && host.is_up() && host.life == *life
        };
        let open = self.load.taken.iter().filter(|(id, _)| !self.checker.is_ordered(id));
        open.filter_map(|(id, takers)| {
            let (host, _) = takers.iter().find(|taker| stays(taker))?;
            Some((*id, *host))
        })
        .collect()
    }

    /// Every transaction that is in the order, and so executed, moved its grain, once.
    pub(crate) fn check_balances(&mut self) {
        for host in 0..self.hosts.len() {
            let execution = &self.hosts[host].execution;
            if !self.hosts[host].is_honest() {
                continue;
            }
            let Some(balance) = execution.balance(&RECIPIENT) else { continue };
            let index = execution.commit_index();
            let due = self.checker.distinct_up_to(index);
            if balance != due {
                let words =
                    format!("host {host} moved {balance} grains by commit {index}, not {due}");
                self.judge(Err(Violation(words)));
            }
        }
    }

    /// Says that acknowledged transactions are lost, when they are.
    pub(crate) fn check_owed(&mut self) {
        if let Some((id, host)) = self.owed().first() {
            let words = format!("transaction {id}, taken by host {host}, is never ordered");
            self.judge(Err(Violation(words)));
        }
    }
}
