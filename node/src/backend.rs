//! What the RPC server asks of this node: reads of the store at a height, progress of transactions, and
//! the way into the pool.

mod answers;
mod chain;
mod interfaces;
mod lists;
mod proofs;
mod simulation;
mod submit;
mod trace;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::BoxFuture;
use pollen_ledger::execution::{
    AccountRecord, CallContext, CodeRecord, ModuleRecord, ModuleVersion, QueryCall as StateQuery,
    Recorder, StateKey, StateRead, Terms, TransactionState, position,
};
use pollen_ledger::module::{CallEnd, EngineFailure, ModuleEngine};
use pollen_ledger::store::{
    Database, EventCursor, EventFilter as StoreFilter, Index, StateAt, StoreError,
};
use pollen_ledger::{
    AccountId, Address, AddressKind, Checkpoint, Committee, Genesis, Hash, PublicKey,
};
use pollen_rpc::api::{
    Account, AccountKeys, Answer, At, Bytes, CertificateView, ChainCheckpoints, ChainCommittee,
    ChainHead, ChainParams, ChainWrites, CheckpointView, Cursor, DagBlocks, DagRounds, DevFunded,
    DevReverting, DevSnapshot, DevTime, EventsPage, FeeEstimate, KeyUseView, Module, ModuleCall,
    ModuleCode, ModuleInterface, ModuleList, Named, NodeHealth, NodeInfo, NodePeers, NonceWindow,
    OwnerView, PolicyView, ReadAt, ScopedKeyUsed, ScopedKeyView, Stage, StateRecord, StateRecords,
    StateScan, TxAbsence, TxList, TxPreview, TxRecord, TxSimulation, TxStatus, TxTrace,
    VERSIONS_SHOWN_MAX, VersionView,
};
use pollen_rpc::backend::{
    self, Answering, Backend, CallArguments, CheckpointRange, CodeName, EntryName, EventFilter,
    Network, QueryCall, RoundRange, StateRange, Trial, TxRange,
};
use pollen_rpc::error::{ErrorCode, RpcError};
use pollen_vm::Vm;
use pollen_vm::interface::FunctionKind;
use pollen_vm::value;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use crate::clock;
use crate::config::{DevSection, Role};
use crate::core_thread::CoreHandle;
use crate::dev::control::{self, Order};
use crate::network::NetworkHandle;
use crate::readers::Readers;
use crate::shared::Shared;
use interfaces::Interfaces;

/// A node that is this much behind its own clock says so in `node_health`, in milliseconds.
const LAG_READY_MAX_MS: u64 = 10_000;
/// When to ask again a node whose module host has no room, or no code yet.
const BUSY_RETRY_MS: u64 = 500;
/// What to do about a height that is not kept.
const NOT_HELD: &str =
    "ask for `oldestHeight` or later, or a node that keeps more: an archive keeps all";
/// Receipts that one call of `events` looks through at most.
const EVENTS_PAGE_MAX: usize = 1000;

/// See the module's documentation. Cheap to clone.
#[derive(Clone)]
pub struct NodeBackend(Arc<Parts>, Arc<Semaphore>);

/// What a backend is made of.
pub struct Parts {
    /// What the server needs to know.
    pub network: Network,
    /// The chain's genesis.
    pub genesis: Genesis,
    /// The same as its document.
    pub genesis_document: String,
    /// Its committee.
    pub committee: Arc<Committee>,
    /// Name of this node.
    pub name: String,
    /// What it keeps of the past.
    pub role: Role,
    /// Indexes that it keeps.
    pub indexes: BTreeSet<Index>,
    /// Index in the committee, of a validator.
    pub own: Option<u16>,
    /// The store.
    pub database: Arc<Database>,
    /// The module host.
    pub engine: Arc<Vm>,
    /// Heads and progress.
    pub shared: Arc<Shared>,
    /// The ordering core.
    pub core: CoreHandle,
    /// Peers.
    pub peers: NetworkHandle,
    /// Identity on the network.
    pub peer_id: String,
    /// Interfaces of modules, decoded.
    pub interfaces: Interfaces,
    /// Its development network, where it is of one.
    pub dev: Option<DevSection>,
    /// Threads that answer what reads disks or runs modules.
    pub readers: Arc<Readers>,
}

impl NodeBackend {
    /// Over its parts.
    pub fn new(parts: Parts) -> Self {
        let places = Semaphore::new(parts.engine.queries_max() as usize);
        Self(Arc::new(parts), Arc::new(places))
    }

    /// [`Self::blocking`] for what runs modules, as many at once as the module host has room for: more wait here,
    /// where that costs nothing.
    fn running<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Parts) -> Result<T, RpcError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, RpcError>> {
        let (this, places) = (self.clone(), Arc::clone(&self.1));
        Box::pin(async move {
            let place = places.acquire_owned().await;
            let work = this.blocking(move |parts| {
                let _place = place; // until it has run, also when nobody waits any more
                work(parts)
            });
            work.await
        })
    }

    /// Has `pollen dev` do what concerns all its nodes.
    async fn order<T: DeserializeOwned>(&self, order: Order) -> Result<Answer<T>, RpcError> {
        let Some(dev) = &self.0.dev else { return Err(backend::not_dev()) };
        let done = control::ask(&dev.control, order).await?;
        Ok(Answer::new(self.0.at_head(), done))
    }

    /// Runs what reads disks or modules on a reader's thread.
    fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Parts) -> Result<T, RpcError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, RpcError>> {
        let parts = self.0.clone();
        let work = self.0.readers.run(move || work(&parts));
        Box::pin(async move {
            work.await.unwrap_or_else(|error| Err(RpcError::internal(error.to_string())))
        })
    }
}

/// The codes of a module, the newest first.
fn versions(
    state: &TransactionState<'_>,
    module: &AccountId,
    newest: u32,
) -> Result<Vec<VersionView>, StoreError> {
    let shown = (1..=newest).rev().take(VERSIONS_SHOWN_MAX as usize);
    let found = shown.map(|version| {
        let record: Option<ModuleVersion> = state.record(&StateKey::version(module, version))?;
        Ok(record.map(|one| VersionView {
            version,
            code_hash: one.code,
            since_ms: one.since_ms,
            transaction: one.transaction,
        }))
    });
    found.filter_map(Result::transpose).collect()
}

/// What a failing read means to a client.
fn storage(error: impl Into<EngineFailure>) -> RpcError {
    match error.into() {
        EngineFailure::Store(StoreError::NotHeld { height, oldest, .. }) => {
            let what = format!("the state at height {height} is not kept here any more");
            RpcError::not_found(what, Some(oldest)).with("hint", NOT_HELD)
        }
        EngineFailure::Store(error @ StoreError::NoIndex { name }) => {
            RpcError::new(ErrorCode::NotKept, error.to_string()).with("index", name)
        }
        EngineFailure::Store(error @ StoreError::Gone { oldest, .. }) => {
            RpcError::not_found(error.to_string(), Some(oldest)).with("hint", NOT_HELD)
        }
        EngineFailure::Busy(what) => {
            RpcError::new(ErrorCode::Limit, what).with("retryAfterMs", BUSY_RETRY_MS)
        }
        error => broken(error),
    }
}

/// Something is not as this node wrote it.
fn broken(error: impl std::fmt::Display) -> RpcError {
    tracing::error!(%error, "cannot answer a query");
    RpcError::internal(error.to_string())
}

/// A height to read at, with what tells it.
struct Reading {
    state: StateAt,
    checkpoint: Checkpoint,
    digest: Hash,
    at: At,
}

impl Parts {
    fn prefix(&self) -> &str {
        &self.genesis.address_prefix
    }

    fn at_head(&self) -> At {
        let head = self.shared.head.borrow();
        self.at(&head.checkpoint)
    }

    fn at(&self, checkpoint: &Checkpoint) -> At {
        At {
            height: checkpoint.height,
            state_root: checkpoint.state_root,
            certified: *self.shared.certified.borrow() >= checkpoint.height,
        }
    }

    fn reading(&self, at: ReadAt) -> Result<Reading, RpcError> {
        let head = self.shared.head.borrow().clone();
        let height = match at {
            ReadAt::Latest => head.checkpoint.height,
            ReadAt::Certified => head.checkpoint.height.min(*self.shared.certified.borrow()),
            ReadAt::Height(height) => height,
        };
        let (checkpoint, digest) = if height == head.checkpoint.height {
            (head.checkpoint, head.digest)
        } else {
            let found = self.database.checkpoint(height).map_err(storage)?;
            self.database.check_checkpoint_held(height).map_err(storage)?;
            let missing =
                || RpcError::not_found(format!("there is no checkpoint {height} here yet"), None);
            let found = found.ok_or_else(missing)?;
            let digest = found.digest();
            (found, digest)
        };
        Ok(Reading {
            state: self.database.state_at(height),
            at: self.at(&checkpoint),
            checkpoint,
            digest,
        })
    }

    /// The id of an address, or of a module's name.
    fn named(&self, state: &StateAt, named: &Named) -> Result<AccountId, RpcError> {
        match named {
            Named::Id(id) => Ok(*id),
            Named::Name(name) => {
                let overlay = self.overlay(state);
                overlay.resolve(name).map_err(storage)?.ok_or_else(|| {
                    let what = format!("no module is named '{name}'");
                    RpcError::new(ErrorCode::ModuleNotFound, what).with("name", name.as_str())
                })
            }
        }
    }

    fn overlay<'a>(&self, state: &'a StateAt) -> TransactionState<'a> {
        let context = CallContext {
            chain_id: self.network.chain_id,
            transaction: Hash::ZERO,
            signer: AccountId::default(),
            by_scoped_key: false,
            time_ms: 0,
            round: 0,
            commit: Hash::ZERO,
            position: 0,
        };
        TransactionState::new(state, context, Terms::from(&self.genesis.parameters))
    }

    fn module_record(
        &self,
        state: &StateAt,
        named: &Named,
    ) -> Result<(AccountId, ModuleRecord), RpcError> {
        let id = self.named(state, named)?;
        match self.overlay(state).module(&id).map_err(storage)? {
            Some(record) => Ok((id, record)),
            None => {
                let address = Address::module(id).display(self.prefix());
                let what = format!("there is no module at {address}");
                Err(RpcError::new(ErrorCode::ModuleNotFound, what))
            }
        }
    }

    fn account(
        &self,
        named: &Named,
        public_key: Option<PublicKey>,
        proof: bool,
        at: ReadAt,
    ) -> Result<Answer<Account>, RpcError> {
        let reading = self.reading(at)?;
        let id = self.named(&reading.state, named)?;
        let overlay = self.overlay(&reading.state);
        let record = overlay.account(&id).map_err(storage)?;
        let kind = match overlay.module(&id).map_err(storage)? {
            Some(_) => AddressKind::Module,
            None => AddressKind::Account,
        };
        let reserve_max =
            if kind == AddressKind::Module { 0 } else { self.genesis.parameters.fee_reserve };
        let exists = record.is_some();
        let AccountRecord { balance, deposit, .. } = record.unwrap_or_default();
        let nonces = match public_key {
            Some(key) => {
                let window = pollen_ledger::execution::nonce_window(&reading.state, &id, &key)
                    .map_err(storage)?;
                let (highest, next, last) = (window.highest(), window.next(), window.limit());
                Some(NonceWindow { highest, next, last })
            }
            None => None,
        };
        let account = Address { kind, id }.display(self.prefix());
        let reserve = balance.min(reserve_max);
        let proof = match proof {
            true => Some(self.account_proof(reading.checkpoint.height, &id, public_key)?),
            false => None,
        };
        let account = Account { account, exists, balance, reserve, deposit, nonces, proof };
        Ok(Answer::new(reading.at, account))
    }

    fn account_keys(&self, named: &Named, at: ReadAt) -> Result<Answer<AccountKeys>, RpcError> {
        let reading = self.reading(at)?;
        let id = self.named(&reading.state, named)?;
        let found = pollen_ledger::execution::account_keys(&reading.state, &id).map_err(storage)?;
        let account = Address::account(id).display(self.prefix());
        let Some((keys, uses)) = found else {
            let (owners, scoped) = (Vec::new(), Vec::new());
            let keys = AccountKeys { account, stored: false, threshold: 1, owners, scoped };
            return Ok(Answer::new(reading.at, keys));
        };
        let time_ms = reading.checkpoint.timestamp_ms;
        let scoped = keys.scoped.iter().zip(&uses).map(|(scoped, used)| ScopedKeyUsed {
            scoped: ScopedKeyView::of(scoped, self.prefix()),
            used: KeyUseView::at(used, &scoped.scope, time_ms),
        });
        let keys = AccountKeys {
            account,
            stored: true,
            threshold: keys.threshold,
            owners: keys.owners.iter().map(OwnerView::from).collect(),
            scoped: scoped.collect(),
        };
        Ok(Answer::new(reading.at, keys))
    }

    fn module(&self, named: &Named, at: ReadAt) -> Result<Answer<Module>, RpcError> {
        let reading = self.reading(at)?;
        let (id, record) = self.module_record(&reading.state, named)?;
        let overlay = self.overlay(&reading.state);
        let known = self.interfaces.of(&reading.state, &record.code)?;
        let code = overlay.code(&record.code).map_err(storage)?.unwrap_or_else(|| [].into());
        let account = overlay.account(&id).map_err(storage)?.unwrap_or_default();
        let versions = versions(&overlay, &id, record.version).map_err(storage)?;
        let module = Module {
            module: Address::module(id).display(self.prefix()),
            name: record.name,
            code_hash: record.code,
            code_bytes: code.len() as u32,
            creator: Address::account(record.creator).display(self.prefix()),
            interface_hash: Hash::of_content(&known.package),
            build: pollen_vm::manifest::build_information(&code),
            policy: PolicyView::of(&record.upgrade, self.prefix()),
            paused: record.is_paused,
            revision: record.revision,
            versions,
            deployed_ms: record.deployed_ms,
            balance: account.balance,
            storage_bytes: overlay.stored_bytes(&id).map_err(storage)?,
            deposit: account.deposit,
        };
        Ok(Answer::new(reading.at, module))
    }

    fn module_code(
        &self,
        name: &CodeName,
        facts_only: bool,
        at: ReadAt,
    ) -> Result<Answer<ModuleCode>, RpcError> {
        let reading = self.reading(at)?;
        let hash = match name {
            CodeName::Hash(hash) => *hash,
            CodeName::Module(named) => self.module_record(&reading.state, named)?.1.code,
        };
        let overlay = self.overlay(&reading.state);
        let record: Option<CodeRecord> = overlay.record(&StateKey::code(&hash)).map_err(storage)?;
        let missing = || RpcError::not_found(format!("no code {hash} is on the ledger"), None);
        let record = record.ok_or_else(missing)?;
        let code = if facts_only { None } else { overlay.code(&hash).map_err(storage)? };
        let value = ModuleCode {
            code_hash: hash,
            code_bytes: record.bytes,
            active_ms: record.active_ms,
            interface_hash: record.interface,
            code: code.map(|code| Bytes(code.to_vec())),
        };
        Ok(Answer::new(reading.at, value))
    }

    fn module_interface(
        &self,
        named: &Named,
        at: ReadAt,
    ) -> Result<Answer<ModuleInterface>, RpcError> {
        let reading = self.reading(at)?;
        let (id, record) = self.module_record(&reading.state, named)?;
        let known = self.interfaces.of(&reading.state, &record.code)?;
        let interface = ModuleInterface {
            module: Address::module(id).display(self.prefix()),
            name: record.name,
            code_hash: record.code,
            wit: known.interface.to_wit_text(),
            interface: known.interface.to_json(),
            package: Bytes(known.package.clone()),
        };
        Ok(Answer::new(reading.at, interface))
    }

    fn module_call(&self, call: &QueryCall) -> Result<Answer<ModuleCall>, RpcError> {
        let reading = self.reading(call.at)?;
        let (id, record) = self.module_record(&reading.state, &call.module)?;
        let known = self.interfaces.of(&reading.state, &record.code)?;
        let function = known
            .interface
            .function(FunctionKind::Query, &call.function)
            .map_err(|unknown| interfaces::function_not_found(&unknown))?;
        let formats = value::Formats::new(self.prefix());
        let arguments = match &call.arguments {
            CallArguments::Encoded(bytes) => bytes.clone(),
            CallArguments::Json(json) => value::encode_params_json(function, json, &formats)
                .map_err(|error| interfaces::bad_arguments(&error))?,
        };
        let context = CallContext {
            chain_id: self.network.chain_id,
            transaction: Hash::ZERO,
            signer: call.caller.unwrap_or_default(),
            by_scoped_key: false,
            time_ms: reading.checkpoint.timestamp_ms,
            round: 0,
            commit: reading.checkpoint.commit_digest,
            position: position(reading.checkpoint.commit_index + 1, 0) - 1,
        };
        let query = StateQuery {
            module: id,
            function: &call.function,
            arguments: &arguments,
            caller: call.caller.unwrap_or_default(),
            fuel: self.genesis.parameters.call_fuel_max,
        };
        let engine: &dyn ModuleEngine = self.engine.as_ref();
        let terms = Terms::from(&self.genesis.parameters);
        // Noting what is read costs each read, so only who asks for it has it.
        let recorder = call.witness.then(|| Recorder::new(&reading.state));
        let state: &dyn StateRead = match &recorder {
            Some(recorder) => recorder,
            None => &reading.state,
        };
        let report = pollen_ledger::execution::query(state, engine, query, context, terms)
            .map_err(storage)?;
        match report.end {
            CallEnd::Returned(bytes) => {
                let result = match function.success() {
                    Some(ty) => value::decode_json(ty, &bytes, &formats).map_err(broken)?,
                    None => serde_json::Value::Null,
                };
                let result_bytes = Bytes(bytes);
                let height = reading.checkpoint.height;
                let witness = recorder.map(|recorder| self.witness(height, recorder.into_reads()));
                let (fuel_used, witness) = (report.fuel_used, witness.transpose()?);
                let value = ModuleCall { result, result_bytes, fuel_used, witness };
                Ok(Answer::new(reading.at, value))
            }
            CallEnd::Failed { code, value } => {
                let failure = function.failure();
                let note = report.note.as_deref();
                let error = interfaces::call_failed(code, &value, failure, note, &formats);
                Err(error.with_fuel_used(report.fuel_used))
            }
        }
    }

    fn events(
        &self,
        filter: &EventFilter,
        after: Cursor,
        limit: u32,
        at: ReadAt,
    ) -> Result<Answer<EventsPage>, RpcError> {
        let reading = self.reading(at)?;
        let module = match &filter.module {
            Some(named) => Some(self.module_record(&reading.state, named)?.0),
            None => None,
        };
        let store = StoreFilter { module, name: filter.name.clone() };
        let height = reading.checkpoint.height;
        let limit = (limit as usize).min(EVENTS_PAGE_MAX);
        let from_the_first = after <= Cursor::end_of(0);
        let (page, after, oldest_height) = loop {
            // The first that is held is the first for who asks for all.
            let oldest = self.database.ledger_held().map_err(storage)?.height;
            let before = Cursor::end_of(oldest.saturating_sub(1));
            let after = if from_the_first { after.max(before) } else { after };
            let cursor = EventCursor {
                height: after.height,
                transaction: after.transaction,
                event: after.event,
            };
            let page = self.database.events(&store, Some(cursor), height, limit);
            // Afterwards: nothing that was read for this page was gone while it was read.
            let oldest = self.database.ledger_held().map_err(storage)?.height;
            if oldest == 0 || after >= Cursor::end_of(oldest - 1) {
                break (page.map_err(storage)?, after, oldest);
            }
            if !from_the_first {
                let what = format!("the events after {after} are not all kept here any more");
                return Err(RpcError::not_found(what, Some(oldest)));
            }
        };
        let events = page
            .events
            .iter()
            .map(|record| self.event_view(&reading.state, record))
            .collect::<Result<Vec<_>, _>>()?;
        let next = match page.next {
            Some(next) if !page.complete => {
                Cursor { height: next.height, transaction: next.transaction, event: next.event }
            }
            _ => Cursor::end_of(height).max(after),
        };
        Ok(Answer::new(
            reading.at,
            EventsPage { events, next, more: !page.complete, oldest_height },
        ))
    }
}

impl Backend for NodeBackend {
    fn network(&self) -> &Network {
        &self.0.network
    }

    fn genesis(&self) -> &str {
        &self.0.genesis_document
    }

    fn head(&self) -> At {
        self.0.at_head()
    }

    fn reached(&self, height: u64) -> BoxFuture<'_, ()> {
        let mut head = self.0.shared.head.subscribe();
        Box::pin(async move {
            if head.wait_for(|head| head.checkpoint.height >= height).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }

    fn certified(&self) -> u64 {
        *self.0.shared.certified.borrow()
    }

    fn certified_reached(&self, height: u64) -> BoxFuture<'_, ()> {
        let mut certified = self.0.shared.certified.subscribe();
        Box::pin(async move {
            if certified.wait_for(|certified| *certified >= height).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }

    fn node_info(&self) -> Answering<'_, NodeInfo> {
        Box::pin(async move { Ok(Answer::new(self.0.at_head(), self.0.node_info())) })
    }

    fn node_health(&self) -> Answering<'_, NodeHealth> {
        Box::pin(async move {
            let peers = self.0.peers.peers().await.len();
            let status = self.0.core.inspect(pollen_ledger::ordering::Core::status).await.ok();
            let ledger_time_ms = self.0.shared.head.borrow().checkpoint.timestamp_ms;
            let lag_ms = clock::now_ms().saturating_sub(ledger_time_ms);
            let mut reasons = Vec::new();
            if lag_ms > LAG_READY_MAX_MS {
                reasons.push(format!(
                    "the newest checkpoint is {lag_ms} ms old: catching up, or no quorum"
                ));
            }
            if let Some(divergence) = self.0.shared.divergence.borrow().as_ref() {
                reasons.push(format!(
                    "diverged at checkpoint {}: execution stopped",
                    divergence.height
                ));
            }
            reasons.extend(self.0.shared.disk_low.borrow().clone());
            reasons.extend(self.0.shared.draining.borrow().then(|| submit::DRAINING.to_owned()));
            let health = NodeHealth {
                ready: reasons.is_empty(),
                reasons,
                ledger_time_ms,
                lag_ms,
                round: status.as_ref().map_or(0, |status| status.highest_round),
                peers: peers as u32,
                pool: status.as_ref().map_or(0, |status| status.pool_transactions as u32),
            };
            Ok(Answer::new(self.0.at_head(), health))
        })
    }

    fn node_peers(&self) -> Answering<'_, NodePeers> {
        Box::pin(async move {
            let peers = self.0.peers.peers().await;
            let peers = peers.into_iter().map(|peer| self.0.peer_view(&peer)).collect();
            Ok(Answer::new(self.0.at_head(), NodePeers { peers }))
        })
    }

    fn chain_head(&self, at: ReadAt) -> Answering<'_, ChainHead> {
        Box::pin(async move {
            let status = self.0.core.inspect(pollen_ledger::ordering::Core::status).await.ok();
            self.blocking(move |parts| parts.chain_head(at, status.as_ref())).await
        })
    }

    fn chain_checkpoint(&self, at: ReadAt) -> Answering<'_, CheckpointView> {
        self.blocking(move |parts| parts.chain_checkpoint(at))
    }

    fn chain_certificate(&self, at: ReadAt) -> Answering<'_, CertificateView> {
        self.blocking(move |parts| parts.chain_certificate(at))
    }

    fn chain_writes(&self, height: u64, after: Option<Hash>) -> Answering<'_, ChainWrites> {
        self.blocking(move |parts| parts.chain_writes(height, after.as_ref()))
    }

    fn chain_params(&self, at: ReadAt) -> Answering<'_, ChainParams> {
        self.blocking(move |parts| parts.chain_params(at))
    }

    fn chain_committee(&self, at: ReadAt) -> Answering<'_, ChainCommittee> {
        self.blocking(move |parts| parts.chain_committee(at))
    }

    fn chain_checkpoints(&self, range: CheckpointRange) -> Answering<'_, ChainCheckpoints> {
        self.blocking(move |parts| parts.chain_checkpoints(range))
    }

    fn dag_block(&self, round: u32, author: u16) -> Answering<'_, DagBlocks> {
        self.blocking(move |parts| parts.dag_block(round, author))
    }

    fn states(
        &self,
        entries: Vec<EntryName>,
        proof: bool,
        at: ReadAt,
    ) -> Answering<'_, StateRecords> {
        self.blocking(move |parts| parts.states(entries, proof, at))
    }

    fn module_list(
        &self,
        after: Option<Hash>,
        limit: u32,
        at: ReadAt,
    ) -> Answering<'_, ModuleList> {
        self.blocking(move |parts| parts.module_list(after.as_ref(), limit, at))
    }

    fn dag_rounds(&self, range: RoundRange) -> Answering<'_, DagRounds> {
        Box::pin(async move {
            let busy = |error: crate::core_thread::CoreBusy| {
                RpcError::new(ErrorCode::NotReady, error.to_string())
            };
            let looked = self.0.core.inspect(move |core| answers::look_at_rounds(core, range));
            Ok(Answer::new(self.0.at_head(), looked.await.map_err(busy)?))
        })
    }

    fn submit(&self, transaction: Vec<u8>) -> Answering<'_, TxStatus> {
        Box::pin(self.take_in(transaction))
    }

    fn tx_status(&self, hash: Hash) -> Answering<'_, TxStatus> {
        Box::pin(async move { self.0.tx_status(&hash) })
    }

    fn tx_reached(&self, hash: Hash, stage: Stage) -> Answering<'_, TxStatus> {
        Box::pin(self.wait_for(hash, stage))
    }

    fn tx_get(&self, hash: Hash, proof: bool, at: ReadAt) -> Answering<'_, TxRecord> {
        self.blocking(move |parts| parts.tx_get(&hash, proof, at))
    }

    fn account(
        &self,
        account: Named,
        public_key: Option<PublicKey>,
        proof: bool,
        at: ReadAt,
    ) -> Answering<'_, Account> {
        self.blocking(move |parts| parts.account(&account, public_key, proof, at))
    }

    fn account_keys(&self, account: Named, at: ReadAt) -> Answering<'_, AccountKeys> {
        self.blocking(move |parts| parts.account_keys(&account, at))
    }

    fn state(&self, entry: EntryName, proof: bool, at: ReadAt) -> Answering<'_, StateRecord> {
        self.blocking(move |parts| parts.state(entry, proof, at))
    }

    fn tx_preview(&self, trial: Trial) -> Answering<'_, TxPreview> {
        self.blocking(move |parts| parts.tx_preview(&trial))
    }

    fn tx_absence(&self, trial: Trial) -> Answering<'_, TxAbsence> {
        self.blocking(move |parts| parts.tx_absence(&trial))
    }

    fn tx_simulate(&self, trial: Trial) -> Answering<'_, TxSimulation> {
        self.running(move |parts| parts.tx_simulate(&trial))
    }

    fn tx_trace(&self, hash: Hash, before: bool) -> Answering<'_, TxTrace> {
        self.running(move |parts| parts.tx_trace(&hash, before))
    }

    fn tx_fee_estimate(&self, trial: Option<Trial>, at: ReadAt) -> Answering<'_, FeeEstimate> {
        self.running(move |parts| parts.tx_fee_estimate(trial.as_ref(), at))
    }

    fn tx_list(&self, range: TxRange) -> Answering<'_, TxList> {
        self.blocking(move |parts| parts.tx_list(&range))
    }

    fn state_scan(&self, range: StateRange) -> Answering<'_, StateScan> {
        self.blocking(move |parts| parts.state_scan(&range))
    }

    fn module(&self, module: Named, at: ReadAt) -> Answering<'_, Module> {
        self.blocking(move |parts| parts.module(&module, at))
    }

    fn module_code(
        &self,
        code: CodeName,
        facts_only: bool,
        at: ReadAt,
    ) -> Answering<'_, ModuleCode> {
        self.blocking(move |parts| parts.module_code(&code, facts_only, at))
    }

    fn module_interface(&self, module: Named, at: ReadAt) -> Answering<'_, ModuleInterface> {
        self.blocking(move |parts| parts.module_interface(&module, at))
    }

    fn module_call(&self, call: QueryCall) -> Answering<'_, ModuleCall> {
        self.running(move |parts| parts.module_call(&call))
    }

    fn events(
        &self,
        filter: EventFilter,
        after: Cursor,
        limit: u32,
        at: ReadAt,
    ) -> Answering<'_, EventsPage> {
        self.blocking(move |parts| parts.events(&filter, after, limit, at))
    }

    fn dev_fund(&self, account: AccountId, amount: u64) -> Answering<'_, DevFunded> {
        Box::pin(self.order(Order::Fund { account, amount }))
    }

    fn dev_advance_time(&self, ms: u64) -> Answering<'_, DevTime> {
        Box::pin(self.order(Order::AdvanceTime { ms }))
    }

    fn dev_snapshot(&self) -> Answering<'_, DevSnapshot> {
        Box::pin(self.order(Order::Snapshot))
    }

    fn dev_revert(&self, snapshot: u32) -> Answering<'_, DevReverting> {
        Box::pin(self.order(Order::Revert { snapshot }))
    }
}
