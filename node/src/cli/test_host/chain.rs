//! A chain in memory that commits one transaction at a time, by the rules of every node.
//!
//! A transaction is signed, encoded, decoded and admitted as a node does with what a client sends; then it is alone in
//! a block, and the block in a commit that the ledger's own executor makes a checkpoint of. What is not there:
//! ordering, mempool, network, disk.

use std::collections::BTreeSet;
use std::sync::Arc;

use pollen_ledger::block::{Block, VerifiedBlock};
use pollen_ledger::crypto::{Domain, Signature};
use pollen_ledger::execution::admission::{self, Refusal};
use pollen_ledger::execution::{
    CallContext, CommitInput, ExecutedTransaction, Executor, Terms, TransactionState, nonce_window,
    position, verify_block_signatures,
};
use pollen_ledger::module::ModuleEngine;
use pollen_ledger::store::{Database, Durability, MemoryStore, StateWrite};
use pollen_ledger::transaction::{TRANSACTION_VERSION, TransactionError};
use pollen_ledger::{
    AccountId, Action, Genesis, Hash, KeyPair, SignedTransaction, Transaction, codec,
};

use super::Failure;

/// How long a transaction is valid.
const VALID_FOR_MS: u64 = 60_000;
/// The latest that ledger time may become: the year 9999.
const TIME_MS_MAX: u64 = 253_402_300_799_000;

/// How a chain was at some time, with the names that were used on it.
pub(super) struct Saved {
    store: MemoryStore,
    time_ms: u64,
    pub funded: BTreeSet<String>,
}

impl Saved {
    /// Nothing but genesis, at its time.
    pub fn at_genesis(genesis: &Genesis, funded: BTreeSet<String>) -> Self {
        Self { store: MemoryStore::new(), time_ms: genesis.time_ms, funded }
    }
}

/// A transaction to be, of one action.
pub(super) struct Wanted {
    pub action: Action,
    pub max_fuel: u64,
    pub attachments: Vec<Vec<u8>>,
}

/// What became of one that was admitted.
pub(super) struct Done {
    pub executed: ExecutedTransaction,
    /// Entries of modules that it changed.
    pub entries_changed: usize,
    /// Fuel that it costs whatever it does.
    pub intrinsic: u64,
}

/// See the module's documentation.
pub(super) struct Chain {
    pub genesis: Genesis,
    /// The state after the last transaction.
    pub executor: Executor,
    store: Arc<MemoryStore>,
    database: Database,
    /// Ledger time, in milliseconds since 1970.
    pub time_ms: u64,
}

pub(super) fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}

impl Chain {
    /// As it was saved.
    pub fn of(
        genesis: &Genesis,
        engine: Arc<dyn ModuleEngine>,
        saved: &Saved,
    ) -> Result<Self, Failure> {
        let (genesis, time_ms) = (genesis.clone(), saved.time_ms);
        let store = Arc::new(saved.store.image());
        let database = Database::open(store.clone(), &genesis, None).map_err(failed)?;
        let executor = Executor::new(&database, engine).map_err(failed)?;
        Ok(Self { genesis, executor, store, database, time_ms })
    }

    /// How it is now.
    pub fn save(&self, funded: BTreeSet<String>) -> Saved {
        // Each transaction closes a checkpoint, which is written: the store has everything.
        assert!(!self.executor.has_open_checkpoint(), "what was executed is written");
        Saved { store: self.store.image(), time_ms: self.time_ms, funded }
    }

    /// Moves time on: the next commit has it, and so do queries.
    pub fn advance_time(&mut self, ms: u64) -> Result<(), Failure> {
        let time_ms = self.time_ms.checked_add(ms).filter(|time_ms| *time_ms <= TIME_MS_MAX);
        self.time_ms = time_ms.ok_or_else(|| Failure::usage("time ends with the year 9999"))?;
        Ok(())
    }

    /// What a query is told about where it runs.
    pub fn context(&self, caller: AccountId) -> CallContext {
        let next = self.executor.next_commit();
        CallContext {
            chain_id: *self.chain_id(),
            transaction: Hash::ZERO,
            signer: caller,
            by_scoped_key: false,
            time_ms: self.time_ms,
            round: 0,
            commit: commit_digest(next - 1),
            position: position(next, 0) - 1,
        }
    }

    /// The state, to look at.
    pub fn view(&self) -> TransactionState<'_> {
        let context = self.context(AccountId::default());
        TransactionState::new(self.executor.state(), context, Terms::default())
    }

    /// Hashed once, when the database was opened.
    fn chain_id(&self) -> &Hash {
        self.database.chain_id()
    }

    /// Signs, admits and executes a transaction. The inner error: it was not admitted.
    pub fn execute(
        &mut self,
        key: &KeyPair,
        wanted: Wanted,
    ) -> Result<Result<Done, Refusal>, Failure> {
        let signed = self.sign(key, wanted)?;
        let signed = match self.admit(&codec::encode(&signed))? {
            Ok(signed) => signed,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let parameters = &self.genesis.parameters;
        let intrinsic = signed.intrinsic_fuel(parameters);
        self.time_ms += parameters.checkpoint_interval_ms;
        let (executed, writes) = self.commit(signed)?;
        let entries_changed = writes.iter().filter(|write| is_module_entry(write)).count();
        Ok(Ok(Done { executed, entries_changed, intrinsic }))
    }

    fn sign(&self, key: &KeyPair, wanted: Wanted) -> Result<SignedTransaction, Failure> {
        let Wanted { action, max_fuel, attachments } = wanted;
        let sender = AccountId::of_key(&key.public_key());
        let window = nonce_window(self.executor.state(), &sender, &key.public_key());
        let transaction = Transaction {
            version: TRANSACTION_VERSION,
            sender,
            key: key.public_key(),
            nonce: window.map_err(failed)?.next(),
            valid_until_ms: self.time_ms + VALID_FOR_MS,
            max_fuel,
            fuel_price: self.genesis.parameters.fuel_price_floor,
            payer: None,
            actions: vec![action],
        };
        Ok(transaction.sign(self.chain_id(), key, attachments))
    }

    /// As a node takes it in: bytes, shape, state, signatures.
    fn admit(&self, bytes: &[u8]) -> Result<Result<SignedTransaction, Refusal>, Failure> {
        let parameters = &self.genesis.parameters;
        let signed = match SignedTransaction::decode(bytes, parameters) {
            Ok(signed) => signed,
            Err(error) => return Ok(Err(TransactionError::from(error).into())),
        };
        let state = self.executor.state();
        let admitted = admission::check(state, parameters, &signed, self.time_ms);
        if let Err(refusal) = admitted.map_err(failed)? {
            return Ok(Err(refusal));
        }
        let checked = signed.check_signatures(self.chain_id());
        Ok(checked.map(|()| signed).map_err(Refusal::from))
    }

    /// Executes a commit of one block of one transaction, and writes the checkpoint that it closes.
    fn commit(
        &mut self,
        signed: SignedTransaction,
    ) -> Result<(ExecutedTransaction, Vec<StateWrite>), Failure> {
        let index = self.executor.next_commit();
        let round = u32::try_from(index).map_err(|_| failed("too many commits"))?;
        let block = self.block(round, signed)?;
        let verdicts = verify_block_signatures(&block, self.chain_id());
        let input = CommitInput {
            index,
            digest: commit_digest(index),
            round,
            timestamp_ms: self.time_ms,
            ordering_root: Hash::ZERO,
            blocks: &[(block, verdicts)],
        };
        let report = self.executor.execute(&input).map_err(failed)?;
        let skipped = report.skipped;
        let passed_over = || failed(format!("what was admitted was passed over: {skipped:?}"));
        let mut finished = report.finished.ok_or_else(passed_over)?;
        self.database.write(finished.batch, Durability::Synced).map_err(failed)?;
        self.executor.written(finished.checkpoint.height);
        let executed = finished.executed.pop().ok_or_else(passed_over)?;
        Ok((executed, finished.writes))
    }

    /// A block of a transaction. Nobody else reads it, so it is not signed.
    fn block(&self, round: u32, signed: SignedTransaction) -> Result<VerifiedBlock, Failure> {
        let body = codec::encode(&vec![signed]);
        let mut header = VerifiedBlock::genesis(*self.chain_id(), 0, 0).header().clone();
        header.round = round;
        header.transaction_count = 1;
        header.body_bytes = body.len() as u32;
        header.body_digest = Domain::Body.hash(&[&body]);
        let block = Block { header, signature: Signature([0; 64]), body };
        VerifiedBlock::trusted(block, &self.genesis.parameters).map_err(failed)
    }
}

/// There is no ordering whose digest it would be; another one for each commit, and the same in each run.
fn commit_digest(index: u64) -> Hash {
    Hash::of_content(&index.to_le_bytes())
}

/// Whether a write is to a module's own storage, not to a record of the ledger's.
fn is_module_entry(write: &StateWrite) -> bool {
    let is_ledgers = write.key.owner.0[..31].iter().all(|byte| *byte == 0);
    !is_ledgers && write.before != write.after
}
