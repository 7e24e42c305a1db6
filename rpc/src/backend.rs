//! What the server asks of a node. `node` implements it; the server does everything that is
//! JSON-RPC: parameters, bounds, waiting, errors' shapes.
//!
//! Rules for who implements it: a call never blocks the runtime (modules run and disks are read on
//! threads of their own); every future may be dropped at any await, since clients go away; what
//! comes in has the right type but is otherwise unchecked.

use futures::future::BoxFuture;
use pollen_ledger::{AccountId, Hash, PublicKey, SignedTransaction};
use serde_json::Value;

use crate::api::{
    Account, AccountKeys, Answer, At, CertificateView, ChainCheckpoints, ChainCommittee, ChainHead,
    ChainParams, ChainWrites, CheckpointView, Cursor, DagBlocks, DagRounds, DevFunded,
    DevReverting, DevSnapshot, DevTime, EventsPage, FeeEstimate, Module, ModuleCall, ModuleCode,
    ModuleInterface, ModuleList, Named, NodeHealth, NodeInfo, NodePeers, ReadAt, Stage,
    StateRecord, StateRecords, StateScan, TxAbsence, TxCursor, TxList, TxPreview, TxRecord,
    TxSimulation, TxStatus, TxTrace,
};
use crate::error::{ErrorCode, RpcError};

/// An answer on its way. Written `Box::pin(async move { .. })`.
pub type Answering<'a, T> = BoxFuture<'a, Result<Answer<T>, RpcError>>;

/// What never changes while a node runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// The chain.
    pub chain_id: Hash,
    /// Prefix of its addresses.
    pub address_prefix: String,
    /// Most bytes of an encoded transaction.
    pub transaction_bytes_max: usize,
}

/// Rounds that are asked for; never more than the server's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoundRange {
    /// The newest.
    Last(u32),
    /// From the first to the second, both included.
    Between(u32, u32),
}

/// Checkpoints in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckpointRange {
    /// The first; the newest, or of an ascending range the oldest that is kept, where none is given.
    pub from: Option<u64>,
    /// Most of them; never more than the server's limit.
    pub limit: u32,
    /// Newest first.
    pub descending: bool,
    /// The newest that is listed.
    pub at: ReadAt,
}

/// A call of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryCall {
    /// Whom.
    pub module: Named,
    /// Its function.
    pub function: String,
    /// With what.
    pub arguments: CallArguments,
    /// Whom it sees as its caller.
    pub caller: Option<AccountId>,
    /// The state to read.
    pub at: ReadAt,
    /// Whether what it reads is wanted, with proofs.
    pub witness: bool,
}

/// Arguments of a call.
#[derive(Debug, Clone, PartialEq)]
pub enum CallArguments {
    /// An array by order or an object by name, to be read by the module's interface.
    Json(Value),
    /// In the ledger's value encoding.
    Encoded(Vec<u8>),
}

/// Which code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodeName {
    /// That of a module.
    Module(Named),
    /// By its plain blake3.
    Hash(Hash),
}

/// An entry of the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryName {
    /// The record of an account.
    Account(Named),
    /// An entry of a module.
    Module(Named, Vec<u8>),
    /// Any entry, as it is stored.
    Owner(AccountId, Vec<u8>),
}

/// A transaction that is asked about before it is sent. Its size is within the chain's bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// The transaction; of one that nobody signed, with a signature of zeros.
    pub signed: SignedTransaction,
    /// Whether anybody signed it.
    pub is_signed: bool,
    /// The state to look at.
    pub at: ReadAt,
}

/// Which transactions of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TxRange {
    /// Whose.
    pub account: Named,
    /// Only those behind it, in the order that is asked for.
    pub after: Option<TxCursor>,
    /// Most of them; never more than the server's limit.
    pub limit: u32,
    /// Newest first.
    pub descending: bool,
    /// The last checkpoint that is listed.
    pub at: ReadAt,
}

/// Whose entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateOwner {
    /// A module's.
    Module(Named),
    /// Any owner's, as it is stored.
    Owner(AccountId),
}

/// Which entries of the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateRange {
    /// Whose.
    pub owner: StateOwner,
    /// Only keys that begin so.
    pub prefix: Vec<u8>,
    /// Only keys above this one.
    pub after: Option<Vec<u8>>,
    /// Most of them; never more than the server's limit.
    pub limit: u32,
    /// The state to read.
    pub at: ReadAt,
}

/// Which events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Only of this module.
    pub module: Option<Named>,
    /// Only of this name.
    pub name: Option<String>,
}

/// See the module's documentation.
pub trait Backend: Send + Sync + 'static {
    /// What never changes.
    fn network(&self) -> &Network;

    /// The chain's genesis document: what who trusts nothing else begins with. (Its hash is the chain's id, so it may come
    /// from anybody who is asked for a chain that is known by that.)
    fn genesis(&self) -> &str;

    /// The last executed checkpoint. Cheap: it is asked at every read.
    fn head(&self) -> At;

    /// Ends when the checkpoint of `height` is executed; at once when it already is.
    fn reached(&self, height: u64) -> BoxFuture<'_, ()>;

    /// The last height that is certified here. Cheap, as [`Self::head`] is.
    fn certified(&self) -> u64;

    /// Ends when the checkpoint of `height` is certified; at once when it already is.
    fn certified_reached(&self, height: u64) -> BoxFuture<'_, ()>;

    /// `node_info`.
    fn node_info(&self) -> Answering<'_, NodeInfo>;
    /// `node_health`, and `/readyz`.
    fn node_health(&self) -> Answering<'_, NodeHealth>;
    /// `node_peers`.
    fn node_peers(&self) -> Answering<'_, NodePeers>;

    /// `chain_head`. Of `ReadAt::Height`: -32040 or -32043 where it is not kept.
    fn chain_head(&self, at: ReadAt) -> Answering<'_, ChainHead>;
    /// `chain_checkpoint`; [`Answer::at`] names it.
    fn chain_checkpoint(&self, at: ReadAt) -> Answering<'_, CheckpointView>;
    /// `chain_certificate`; [`Answer::at`] names the checkpoint. -32041 while no certificate proves it.
    fn chain_certificate(&self, at: ReadAt) -> Answering<'_, CertificateView>;
    /// `chain_writes`: as far as undo records are kept.
    fn chain_writes(&self, height: u64, after: Option<Hash>) -> Answering<'_, ChainWrites>;
    /// `chain_params`.
    fn chain_params(&self, at: ReadAt) -> Answering<'_, ChainParams>;
    /// `chain_committee`.
    fn chain_committee(&self, at: ReadAt) -> Answering<'_, ChainCommittee>;
    /// `chain_checkpoints`.
    fn chain_checkpoints(&self, range: CheckpointRange) -> Answering<'_, ChainCheckpoints>;
    /// `dag_block`: as far as blocks are kept.
    fn dag_block(&self, round: u32, author: u16) -> Answering<'_, DagBlocks>;
    /// `dag_rounds`: those of the range that are there, oldest first.
    fn dag_rounds(&self, range: RoundRange) -> Answering<'_, DagRounds>;

    /// Takes a transaction's bytes in, or says why not (1001 to 1014). Idempotent by hash: of a
    /// transaction that it knows already, whatever became of it, its status; never an error then.
    fn submit(&self, transaction: Vec<u8>) -> Answering<'_, TxStatus>;
    /// What became of a transaction; -32040 where this node does not know it.
    fn tx_status(&self, hash: Hash) -> Answering<'_, TxStatus>;
    /// Ends when [`TxStatus::satisfies`] holds for `stage`; -32040 at once where this node does not
    /// know it. The server ends the wait after its time.
    fn tx_reached(&self, hash: Hash, stage: Stage) -> Answering<'_, TxStatus>;

    /// `tx_get`; -32040 where this node has not executed it up to `at`.
    fn tx_get(&self, hash: Hash, proof: bool, at: ReadAt) -> Answering<'_, TxRecord>;

    /// `tx_preview`.
    fn tx_preview(&self, trial: Trial) -> Answering<'_, TxPreview>;
    /// `tx_absence`: -32041 while it can still run, -32040 where it may have run.
    fn tx_absence(&self, trial: Trial) -> Answering<'_, TxAbsence>;
    /// `tx_simulate`.
    fn tx_simulate(&self, trial: Trial) -> Answering<'_, TxSimulation>;
    /// `tx_feeEstimate`; without a transaction the prices alone.
    fn tx_fee_estimate(&self, trial: Option<Trial>, at: ReadAt) -> Answering<'_, FeeEstimate>;

    /// `tx_trace`; -32040 where it was not executed here, or its history is not kept any more.
    fn tx_trace(&self, hash: Hash, before: bool) -> Answering<'_, TxTrace>;

    /// `tx_list`; -32043 without the index `accounts`, -32040 with `after` below what is kept.
    fn tx_list(&self, range: TxRange) -> Answering<'_, TxList>;
    /// `state_scan`; -32043 without the index `keys`. May stop early with `next` to bound the work of one
    /// call.
    fn state_scan(&self, range: StateRange) -> Answering<'_, StateScan>;

    /// `account_get`. An account that does not exist is an answer; a name that does not is 2001. With `proof` as
    /// [`Self::state`].
    fn account(
        &self,
        account: Named,
        public_key: Option<PublicKey>,
        proof: bool,
        at: ReadAt,
    ) -> Answering<'_, Account>;

    /// `account_keys`. An account that does not exist has the keys that it would begin with.
    fn account_keys(&self, account: Named, at: ReadAt) -> Answering<'_, AccountKeys>;

    /// `state_get`. An entry that does not exist is an answer; a module's name that does not is 2001.
    /// -32040 where the height is not kept any more; with `proof` -32041 while no certificate proves it.
    fn state(&self, entry: EntryName, proof: bool, at: ReadAt) -> Answering<'_, StateRecord>;

    /// `state_getMany`: [`Self::state`] of each, in one state.
    fn states(
        &self,
        entries: Vec<EntryName>,
        proof: bool,
        at: ReadAt,
    ) -> Answering<'_, StateRecords>;
    /// `module_list`; -32043 without the index `keys`.
    fn module_list(&self, after: Option<Hash>, limit: u32, at: ReadAt)
    -> Answering<'_, ModuleList>;

    /// `module_get`; 2001 where there is none.
    fn module(&self, module: Named, at: ReadAt) -> Answering<'_, Module>;
    /// `module_code`; 2001 or -32040 where there is none.
    fn module_code(
        &self,
        code: CodeName,
        facts_only: bool,
        at: ReadAt,
    ) -> Answering<'_, ModuleCode>;
    /// `module_interface`; 2001 where there is none.
    fn module_interface(&self, module: Named, at: ReadAt) -> Answering<'_, ModuleInterface>;
    /// `module_call`; 2001 to 2008 where it fails; with `witness` -32041 while no certificate proves the state. Runs with the chain's `call_fuel_max` at most.
    fn module_call(&self, call: QueryCall) -> Answering<'_, ModuleCall>;

    /// Events after `after` up to the checkpoint of `at`, at most `limit`, in order. `next` is the last event's cursor when the
    /// page is full (`more: true`), otherwise [`Cursor::end_of`] the last height that was searched.
    /// May stop early with `more: true` to bound the work of one call, as long as `next` moves on.
    fn events(
        &self,
        filter: EventFilter,
        after: Cursor,
        limit: u32,
        at: ReadAt,
    ) -> Answering<'_, EventsPage>;

    /// `dev_fund`: executed when it is answered. This and the others of its group are [`not_dev`] but in a development
    /// network.
    fn dev_fund(&self, _account: AccountId, _amount: u64) -> Answering<'_, DevFunded> {
        Box::pin(async { Err(not_dev()) })
    }
    /// `dev_advanceTime`.
    fn dev_advance_time(&self, _ms: u64) -> Answering<'_, DevTime> {
        Box::pin(async { Err(not_dev()) })
    }
    /// `dev_snapshot`.
    fn dev_snapshot(&self) -> Answering<'_, DevSnapshot> {
        Box::pin(async { Err(not_dev()) })
    }
    /// `dev_revert`: answered before it begins, since no node outlives it.
    fn dev_revert(&self, _snapshot: u32) -> Answering<'_, DevReverting> {
        Box::pin(async { Err(not_dev()) })
    }
}

/// What a node says to `dev_*` that is of no development network.
pub fn not_dev() -> RpcError {
    RpcError::new(ErrorCode::NotKept, "this is no node of a development network (`pollen dev`)")
}
