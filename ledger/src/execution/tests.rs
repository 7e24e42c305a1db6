//! A chain of one block a commit, without ordering: what execution does with what it is given.

mod admission;
mod authority;
mod checkpoints;
mod engine;
mod genesis;
mod lifecycle;
mod modules;
mod nonces;
mod properties;
mod rules;
mod state;

use std::sync::Arc;

use super::*;
use crate::block::{Block, VerifiedBlock};
use crate::crypto::{Hash, KeyPair, Signature};
use crate::genesis::{Genesis, GenesisAccount};
use crate::receipt::{Code, Event, FailureValue, Outcome, Receipt};
use crate::store::{Database, Durability, MemoryStore};
use crate::transaction::{AccountId, Action, SignedTransaction, Transaction};
use engine::TestEngine;

/// The repository's own genesis, with other accounts.
pub(crate) fn genesis(balances: &[(&str, u64)]) -> Genesis {
    let mut genesis = Genesis::from_json(include_str!("../../../genesis.json")).unwrap();
    genesis.accounts = balances
        .iter()
        .map(|(name, balance)| GenesisAccount {
            name: (*name).to_owned(),
            id: id_of(name),
            balance: *balance,
        })
        .collect();
    genesis
}

pub(crate) fn key_of(name: &str) -> KeyPair {
    KeyPair::development(name)
}

pub(crate) fn id_of(name: &str) -> AccountId {
    AccountId::of_key(&key_of(name).public_key())
}

pub(crate) const POLLEN: u64 = 1_000_000_000;
/// Enough for anything in these tests.
pub(crate) const FUEL: u64 = 10_000_000;

/// A block with these transactions, as if it had been verified.
pub(crate) fn block(
    genesis: &Genesis,
    author: u16,
    round: u32,
    transactions: Vec<SignedTransaction>,
) -> VerifiedBlock {
    let body = crate::codec::encode(&transactions);
    let mut header = VerifiedBlock::genesis(genesis.chain_id(), 0, author).header().clone();
    header.round = round;
    header.transaction_count = transactions.len() as u32;
    header.body_bytes = body.len() as u32;
    header.body_digest = crate::crypto::Domain::Body.hash(&[&body]);
    let block = Block { header, signature: Signature([0; 64]), body };
    VerifiedBlock::trusted(block, &genesis.parameters).unwrap()
}

/// An empty block that carries attestations, as if it had been verified.
pub(crate) fn block_saying(
    genesis: &Genesis,
    author: u16,
    round: u32,
    attestations: Vec<crate::checkpoint::Attestation>,
) -> VerifiedBlock {
    let plain = block(genesis, author, round, Vec::new());
    let header = crate::block::BlockHeader { attestations, ..plain.header().clone() };
    let block = Block { header, ..plain.block().clone() };
    VerifiedBlock::trusted(block, &genesis.parameters).unwrap()
}

/// A node that executes and stores, without ordering.
pub(crate) struct World {
    pub genesis: Genesis,
    pub store: Arc<MemoryStore>,
    pub database: Database,
    pub executor: Executor,
    pub time_ms: u64,
}

impl World {
    pub(crate) fn new(balances: &[(&str, u64)]) -> Self {
        Self::of(genesis(balances))
    }

    pub(crate) fn of(genesis: Genesis) -> Self {
        let store = Arc::new(MemoryStore::new());
        let database = Database::open(store.clone(), &genesis, None).unwrap();
        let executor = Executor::new(&database, Arc::new(TestEngine)).unwrap();
        let time_ms = genesis.time_ms;
        Self { genesis, store, database, executor, time_ms }
    }

    /// Opens the store again, as after a restart.
    pub(crate) fn restart(&mut self) {
        self.database = Database::open(self.store.clone(), &self.genesis, None).unwrap();
        self.executor = Executor::new(&self.database, Arc::new(TestEngine)).unwrap();
    }

    pub(crate) fn transaction(&self, name: &str, nonce: u64, actions: Vec<Action>) -> Transaction {
        Transaction {
            version: 1,
            sender: id_of(name),
            key: key_of(name).public_key(),
            nonce,
            valid_until_ms: self.time_ms + 60_000,
            max_fuel: FUEL,
            fuel_price: 1,
            payer: None,
            actions,
        }
    }

    pub(crate) fn sign(&self, name: &str, nonce: u64, actions: Vec<Action>) -> SignedTransaction {
        self.sign_with(name, self.transaction(name, nonce, actions), Vec::new())
    }

    pub(crate) fn sign_with(
        &self,
        name: &str,
        transaction: Transaction,
        attachments: Vec<Vec<u8>>,
    ) -> SignedTransaction {
        transaction.sign(&self.genesis.chain_id(), &key_of(name), attachments)
    }

    pub(crate) fn id(&self, signed: &SignedTransaction) -> Hash {
        signed.transaction.id(&self.genesis.chain_id())
    }

    /// Executes a commit of one block, `after_ms` later; writes nothing.
    pub(crate) fn execute_after(
        &mut self,
        after_ms: u64,
        transactions: Vec<SignedTransaction>,
    ) -> CommitReport {
        self.time_ms += after_ms;
        let index = self.executor.next_commit();
        let block = block(&self.genesis, 0, index as u32, transactions);
        let verdicts = verify_block_signatures(&block, &self.genesis.chain_id());
        let input = CommitInput {
            index,
            digest: Hash::of_content(&index.to_le_bytes()),
            round: index as u32,
            timestamp_ms: self.time_ms,
            ordering_root: Hash::ZERO,
            blocks: &[(block, verdicts)],
        };
        self.executor.execute(&input).unwrap()
    }

    /// Executes a commit that closes a checkpoint, and writes it.
    pub(crate) fn commit(&mut self, transactions: Vec<SignedTransaction>) -> Committed {
        let interval = self.genesis.parameters.checkpoint_interval_max_ms;
        let mut report = self.execute_after(interval, transactions);
        let finished = report.finished.take().expect("the interval has passed");
        self.database.write(finished.batch, Durability::Synced).unwrap();
        self.executor.written(finished.checkpoint.height);
        Committed {
            receipts: finished.executed.into_iter().map(|one| one.receipt).collect(),
            skipped: report.skipped.into_iter().map(|skipped| skipped.reason).collect(),
            checkpoint: finished.checkpoint,
        }
    }

    /// One transaction of one action: its receipt.
    pub(crate) fn run(&mut self, name: &str, nonce: u64, action: Action) -> Receipt {
        let signed = self.sign(name, nonce, vec![action]);
        let mut committed = self.commit(vec![signed]);
        assert_eq!(committed.skipped, []);
        committed.receipts.pop().expect("it was executed")
    }

    pub(crate) fn account(&self, id: &AccountId) -> Option<AccountRecord> {
        account(self.executor.state(), id).unwrap()
    }

    pub(crate) fn balance(&self, name: &str) -> u64 {
        self.account(&id_of(name)).map_or(0, |account| account.balance)
    }

    /// Balances, deposits and fees: all money there is.
    pub(crate) fn supply(&self, accounts: &[AccountId]) -> u64 {
        let held: u64 = accounts
            .iter()
            .filter_map(|id| self.account(id))
            .map(|account| account.balance + account.deposit)
            .sum();
        held + fees(self.executor.state()).unwrap()
    }
}

/// What a commit did that closed a checkpoint.
pub(crate) struct Committed {
    pub receipts: Vec<Receipt>,
    pub skipped: Vec<SkipReason>,
    pub checkpoint: crate::checkpoint::Checkpoint,
}

pub(crate) fn transfer(to: &str, amount: u64) -> Action {
    Action::Transfer { to: id_of(to), amount }
}

/// A commit without blocks, for time to pass.
fn idle(index: u64, timestamp_ms: u64) -> CommitInput<'static> {
    CommitInput {
        index,
        digest: Hash::ZERO,
        round: index as u32,
        timestamp_ms,
        ordering_root: Hash::ZERO,
        blocks: &[],
    }
}
