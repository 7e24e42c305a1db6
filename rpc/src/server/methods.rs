//! The methods: parameters in, bounds checked, waits done, the backend asked.

use std::sync::Arc;
use std::time::Duration;

use hyper::http::Extensions;
use jsonrpsee::RpcModule;
use jsonrpsee::core::server::{Methods, ResponsePayload};
use jsonrpsee::types::{ErrorObjectOwned, Params};
use pollen_ledger::limits::STORAGE_KEY_BYTES_MAX;
use pollen_ledger::{AccountId, Signature, SignedTransaction, codec};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout, timeout_at};

use super::Limits;
use super::connections::ConnectionPermit;
use super::meter::Meter;
use super::subscription;
use crate::api::*;
use crate::backend::{
    Backend, CallArguments, CheckpointRange, CodeName, EntryName, EventFilter, QueryCall,
    RoundRange, StateOwner, StateRange, Trial, TxRange,
};
use crate::error::{ErrorCode, RpcError};
use crate::openrpc::{self, Method};

/// The method that OpenRPC asks for.
const DISCOVER: &str = "rpc.discover";
/// What `tx_submit` and `tx_status` wait when they are not told how long.
const TX_TIMEOUT_MS: u64 = 10_000;
/// Events in a page when it is not told how many.
const PAGE: u32 = 100;
/// Fuel of a query or a trial that costs as much as a cheap call: some 25 us of a processor.
const FUEL_OF_A_CALL: u64 = 100_000;
/// Rounds of `dag_rounds` when it is not told how many.
const ROUNDS: u32 = 10;
/// Entries of one `state_getMany`.
const ENTRIES_MAX: usize = 64;
/// Bytes of a name or address in parameters; anything longer is none.
const TEXT_BYTES_MAX: usize = 256;

/// What the methods are served from.
pub(super) struct Served {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) limits: Limits,
    costly_calls: Arc<Semaphore>,
    turns: Semaphore,
    pub(super) meter: Meter,
}

type Answered<T> = Result<Answer<T>, RpcError>;

/// Registers methods whose names are those of [`Served`]'s functions, or told, and describes them.
macro_rules! serve {
    (
        $module:ident, $described:ident:
        $(
            $(#[doc = $docs:literal])+
            $name:ident $(as $told:literal)? ($params:ty) -> $result:ty $(, costs $fuel:ident)?;
        )*
    ) => { $(
        $module
            .register_async_method(serve!(@ $name $($told)?), |params, served, extensions| async move {
                let begun = std::time::Instant::now();
                let call = async {
                    let (_call, answer) = admit(&extensions, cost(serve!(@ $name $($told)?)))?;
                    let params: $params = parse(&params)?;
                    Ok((served.$name(params).await?, answer))
                };
                let ended: Result<(Answer<$result>, _), RpcError> = call.await;
                $( owe(&extensions, &ended, |result| result.$fuel.into()); )?
                served.meter.called(serve!(@ $name $($told)?), begun, &ended);
                respond(ended)
            })
            .expect("every method is registered once");
        $described.push(Method::call::<$params, Answer<$result>>(serve!(@ $name $($told)?), &[$($docs),+]));
    )* };
    (@ $name:ident) => { stringify!($name) };
    (@ $name:ident $told:literal) => { $told };
}

/// The answer of a call, counted until it is on its way: else a client that does not read could have any number of them
/// made.
fn respond<T: Serialize + Clone + 'static>(
    ended: Result<(T, OwnedSemaphorePermit), RpcError>,
) -> ResponsePayload<'static, T> {
    match ended {
        Ok((answer, permit)) => {
            let (response, sent) = ResponsePayload::success(answer).notify_on_completion();
            tokio::spawn(async move {
                // Sent, or nobody is there any more.
                let _ = sent.await;
                drop(permit);
            });
            response
        }
        Err(error) => ResponsePayload::error(ErrorObjectOwned::from(error)),
    }
}

/// All methods, answered from `backend`, and the document that describes them.
pub(super) fn methods(
    backend: Arc<dyn Backend>,
    limits: Limits,
    meter: Meter,
) -> (Methods, Arc<str>) {
    let costly_calls = Arc::new(Semaphore::new(limits.costly_calls));
    let turns = Semaphore::new(limits.costly_at_once);
    let mut module = RpcModule::new(Served { backend, limits, costly_calls, turns, meter });
    let mut described = Vec::new();
    serve! {
        module, described:
        /// What a node is: version, chain, role, committee, parameters of the chain, groups and limits of this interface.
        node_info (NoParams) -> NodeInfoAnswer;
        /// Whether a node does its work, and what is wrong where it does not.
        node_health (NoParams) -> NodeHealth;
        /// Whom a node is connected to.
        node_peers (NoParams) -> NodePeers;
        /// Where the chain is: the newest checkpoint that this node has executed, or that of `at`. Height and state root stand in `at`.
        chain_head (ChainHeadParams) -> ChainHead;
        /// A checkpoint: `at` names it.
        chain_checkpoint (ChainCheckpointParams) -> CheckpointView;
        /// Checkpoints in a row, the newest first unless told.
        chain_checkpoints (ChainCheckpointsParams) -> ChainCheckpoints;
        /// What proves a checkpoint to who trusts nothing but genesis: `at` names the checkpoint.
        chain_certificate (ChainCertificateParams) -> CertificateView;
        /// What a checkpoint changed in the state, a page at a time.
        chain_writes (ChainWritesParams) -> ChainWrites;
        /// The numbers that the chain runs by.
        chain_params (ChainStateParams) -> ChainParams;
        /// The validators that decide, with their stake.
        chain_committee (ChainStateParams) -> ChainCommittee;
        /// Rounds of the DAG with their blocks and slots: `from` and `to`, or the last ones.
        dag_rounds (DagRoundsParams) -> DagRounds;
        /// A block of the DAG with the ids of its transactions.
        dag_block (DagBlockParams) -> DagBlocks;
        /// Submits a signed transaction, and waits for a stage where told. Idempotent: the same bytes may be sent again, here and elsewhere. A timeout is a result: the stage reached by then.
        tx_submit (TxSubmitParams) -> TxStatus;
        /// What became of a transaction, by its hash or its bytes; waits for a stage where told.
        tx_status (TxStatusParams) -> TxStatus;
        /// An executed transaction as it stands in its checkpoint, with proofs where asked for.
        tx_get (TxGetParams) -> TxRecord;
        /// What an executed transaction did: calls with their fuel, reads and changes, events. Found by running it again on the
        /// state that it met, and held against its receipt.
        tx_trace (TxTraceParams) -> TxTrace;
        /// Transactions that an account sent, paid for or received, or that call a module; of a node with the index `accounts`.
        tx_list (TxListParams) -> TxList;
        /// Proof that a transaction was not executed and never will be: its time is over, and its nonce was free then. The
        /// checkpoint is chosen by the node.
        tx_absence (TxTrialParams) -> TxAbsence;
        /// What a transaction says, in words, before it is sent; with who has signed it.
        tx_preview (TxTrialParams) -> TxPreview;
        /// What a transaction would do now: outcome, events, fuel by call, reads and changes. Signatures are not looked at.
        tx_simulate (TxTrialParams) -> TxSimulation, costs fuel_used;
        /// What to offer: prices, and of a transaction the fuel that it would use now.
        tx_fee_estimate as "tx_feeEstimate" (TxTrialParams) -> FeeEstimate, costs fuel_used;
        /// An account: balance, and the nonces of a key where one is given. One that does not exist is an answer.
        account_get (AccountGetParams) -> Account;
        /// Who may sign for an account, and what its scoped keys have used.
        account_keys (AccountKeysParams) -> AccountKeys;
        /// An entry of the state, with a proof where asked for: `module` and `key`, or `account`, or `owner` and `key`.
        state_get (StateGetParams) -> StateRecord;
        /// Entries of one state, at most 64, with proofs where asked for.
        state_get_many as "state_getMany" (StateGetManyParams) -> StateRecords;
        /// Entries of a module by key; of a node with the index `keys`.
        state_scan (StateScanParams) -> StateScan;
        /// A module: code, who may change it, versions, storage.
        module_get (ModuleParams) -> Module;
        /// What a module offers, out of its own component: WIT text, JSON, binary WIT package.
        module_interface (ModuleParams) -> ModuleInterface;
        /// Code that is on the ledger, of a module or by its hash.
        module_code (ModuleCodeParams) -> ModuleCode;
        /// Modules, ascending by id; of a node with the index `keys`.
        module_list (ModuleListParams) -> ModuleList;
        /// Runs a function of a module's `queries`; changes nothing.
        module_call (ModuleCallParams) -> ModuleCall, costs fuel_used;
        /// Events after a cursor, in order; waits for the first where told (long poll).
        events_query (EventsQueryParams) -> EventsPage;
        /// Gives an account grains out of the faucet; in a development network only, as all of `dev`.
        dev_fund (DevFundParams) -> DevFunded;
        /// Moves the clock of the whole network ahead, and waits until the ledger's time has followed.
        dev_advance_time as "dev_advanceTime" (DevAdvanceTimeParams) -> DevTime;
        /// Keeps the whole network as it is now, to go back to.
        dev_snapshot (NoParams) -> DevSnapshot;
        /// Takes the whole network back to a snapshot; the clock stays. The nodes go away for seconds: `node_info` tells
        /// by `dev.reverts` when they are back.
        dev_revert (DevRevertParams) -> DevReverting;
    }
    subscription::register(&mut module, &mut described);
    described.push(Method::call::<NoParams, serde_json::Value>(
        DISCOVER,
        &["This interface as an OpenRPC document; the same at `GET /openrpc.json`."],
    ));
    let document: Arc<str> = openrpc::document(&described).to_string().into();
    let told = RawValue::from_string(document.to_string()).expect("it is JSON");
    module
        .register_method(DISCOVER, move |_, _, _| Ok::<_, ErrorObjectOwned>(told.clone()))
        .expect("every method is registered once");
    (module.into(), document)
}

/// What a call takes from the allowance of an address: 1 for what is in memory, more for what reads disks, and most
/// for what runs modules or makes proofs.
fn cost(method: &str) -> u32 {
    match method {
        // Up to all the fuel of a transaction, seconds of a processor, and nobody pays for it.
        "tx_simulate" | "tx_feeEstimate" | "tx_trace" => 200,
        "module_call" | "chain_writes" | "state_getMany" => 20,
        "chain_certificate" | "tx_absence" | "tx_get" | "tx_list" | "tx_preview" | "state_scan"
        | "module_list" | "module_code" | "module_interface" | "events_query" | "dag_rounds"
        | "rpc.discover" => 10,
        "tx_submit" | "state_get" | "chain_checkpoints" | "dag_block" => 4,
        _ => 1,
    }
}

/// Whom a method was told to have been called by.
pub(super) fn connection(told: &Extensions) -> Result<&Arc<ConnectionPermit>, RpcError> {
    told.get().ok_or_else(|| RpcError::internal("the call came without its connection"))
}

/// Pays from the allowance of the caller's address.
pub(super) fn pay(connection: &ConnectionPermit, cost: u32) -> Result<(), RpcError> {
    connection.pay(cost, std::time::Instant::now()).map_err(|wait| {
        let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
        limit("this address asks for more than its allowance").with("retryAfterMs", wait)
    })
}

/// What a module used is known when it has run: then it is owed, whether it ended well or not.
fn owe<T, P>(
    told: &Extensions,
    ended: &Result<(Answer<T>, P), RpcError>,
    fuel: impl Fn(&T) -> Option<u64>,
) {
    let used = match ended {
        Ok((answer, _)) => fuel(&answer.value),
        Err(error) => error.fuel_used(),
    };
    if let (Some(used), Ok(connection)) = (used, connection(told)) {
        let cost = u32::try_from(used / FUEL_OF_A_CALL).unwrap_or(u32::MAX);
        connection.owe(cost, std::time::Instant::now());
    }
}

/// The right to one more call on this connection.
fn admit(
    told: &Extensions,
    cost: u32,
) -> Result<(OwnedSemaphorePermit, OwnedSemaphorePermit), RpcError> {
    let connection = connection(told)?;
    pay(connection, cost)?;
    connection.call().ok_or_else(|| {
        limit("too many calls of this connection are being answered").with("retryAfterMs", 100)
    })
}

fn limit(message: &str) -> RpcError {
    RpcError::new(ErrorCode::Limit, message)
}

/// Reads parameters, by name or by order; absent ones are an empty object.
pub(super) fn parse<T: DeserializeOwned>(params: &Params<'_>) -> Result<T, RpcError> {
    let text = params.as_str().map(str::trim).filter(|text| !text.is_empty() && *text != "null");
    let text = text.unwrap_or("{}");
    if !text.starts_with(['{', '[']) {
        return Err(RpcError::invalid_params("params", "expected an object or an array"));
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let parsed = serde_path_to_error::deserialize(&mut deserializer);
    let parsed = parsed.map_err(|error| {
        let path = error.path().to_string();
        invalid(&path, &error.into_inner())
    })?;
    deserializer.end().map_err(|error| invalid(".", &error))?;
    Ok(parsed)
}

/// serde tells a missing or unknown field in its words only, at the path of what it is a field of.
fn invalid(path: &str, error: &serde_json::Error) -> RpcError {
    let words = error.to_string();
    // Lines and columns are of the parameters alone, so they would mislead.
    let words = words.split(" at line ").next().unwrap_or_default();
    let path = match path {
        "." => String::new(),
        path if path.starts_with('[') => path.to_owned(),
        path => format!(".{path}"),
    };
    let field = ["missing field `", "unknown field `"]
        .iter()
        .find_map(|start| words.strip_prefix(start))
        .and_then(|rest| rest.split('`').next())
        .filter(|field| !path.ends_with(&format!(".{field}")))
        .map_or_else(String::new, |field| format!(".{field}"));
    RpcError::invalid_params(&format!("params{path}{field}"), words)
}

impl Served {
    pub(super) fn named(&self, text: &str, path: &str) -> Result<Named, RpcError> {
        if text.len() > TEXT_BYTES_MAX {
            let words = format!("expected an address or `@name`, at most {TEXT_BYTES_MAX} bytes");
            return Err(RpcError::invalid_params(path, words));
        }
        Named::parse(text, &self.backend.network().address_prefix)
            .map_err(|error| RpcError::invalid_params(path, error))
    }

    /// A wait that a client asked for, within the server's limit.
    fn wait(&self, wait_ms: u64, path: &str) -> Result<Duration, RpcError> {
        let most = self.limits.wait_ms;
        if wait_ms > most {
            return Err(RpcError::invalid_params(path, format!("at most {most} milliseconds")));
        }
        Ok(Duration::from_millis(wait_ms))
    }

    /// Waits until the node has executed what a read asks for, or has it certified where that is asked for. A height is
    /// asked for as `atLeast` is.
    async fn settle(&self, read: &impl ReadParams) -> Result<(), RpcError> {
        let wait = self.wait(read.wait_ms(), "params.waitMs")?;
        let height = match read.at() {
            ReadAt::Height(height) => Some(height),
            ReadAt::Latest | ReadAt::Certified => None,
        };
        let Some(wanted) = height.max(read.at_least()) else { return Ok(()) };
        if self.height(read.at()) >= wanted
            || timeout(wait, self.settled(read.at(), wanted)).await.is_ok()
        {
            return Ok(());
        }
        let (height, what) = match read.at() {
            ReadAt::Certified => (self.backend.certified(), "has certified"),
            ReadAt::Latest | ReadAt::Height(_) => (self.backend.head().height, "has executed"),
        };
        Err(RpcError::new(
            ErrorCode::BehindRequested,
            format!("height {wanted} was asked for; this node {what} {height}"),
        )
        .with("height", height.to_string())
        .with("requested", wanted.to_string()))
    }

    /// How far reads of a kind come now.
    fn height(&self, at: ReadAt) -> u64 {
        let head = self.backend.head().height;
        match at {
            ReadAt::Certified => head.min(self.backend.certified()),
            ReadAt::Latest | ReadAt::Height(_) => head,
        }
    }

    /// Ends when reads of a kind come up to a height.
    async fn settled(&self, at: ReadAt, height: u64) {
        self.backend.reached(height).await;
        if at == ReadAt::Certified {
            self.backend.certified_reached(height).await;
        }
    }

    async fn node_info(&self, _: NoParams) -> Answered<NodeInfoAnswer> {
        let groups = ["rpc", "node", "chain", "dag", "tx", "account", "state", "module", "events"];
        let limits = self.limits.served();
        let mut groups = groups.map(str::to_owned).to_vec();
        Ok(self.backend.node_info().await?.map(|node| {
            groups.extend(node.dev.map(|_| "dev".to_owned()));
            NodeInfoAnswer { node, groups, limits }
        }))
    }

    async fn dev_fund(&self, params: DevFundParams) -> Answered<DevFunded> {
        match self.named(&params.account, "params.account")? {
            Named::Id(account) => self.backend.dev_fund(account, params.amount).await,
            Named::Name(_) => {
                Err(RpcError::invalid_params("params.account", "expected an address"))
            }
        }
    }

    async fn dev_advance_time(&self, params: DevAdvanceTimeParams) -> Answered<DevTime> {
        self.backend.dev_advance_time(params.ms).await
    }

    async fn dev_snapshot(&self, _: NoParams) -> Answered<DevSnapshot> {
        self.backend.dev_snapshot().await
    }

    async fn dev_revert(&self, params: DevRevertParams) -> Answered<DevReverting> {
        self.backend.dev_revert(params.snapshot).await
    }

    async fn node_health(&self, _: NoParams) -> Answered<NodeHealth> {
        self.backend.node_health().await
    }

    async fn node_peers(&self, _: NoParams) -> Answered<NodePeers> {
        self.backend.node_peers().await
    }

    async fn chain_head(&self, params: ChainHeadParams) -> Answered<ChainHead> {
        self.settle(&params).await?;
        self.backend.chain_head(params.at).await
    }

    async fn chain_checkpoint(&self, params: ChainCheckpointParams) -> Answered<CheckpointView> {
        self.settle(&params).await?;
        self.backend.chain_checkpoint(params.at).await
    }

    async fn chain_certificate(&self, params: ChainCertificateParams) -> Answered<CertificateView> {
        self.settle(&params).await?;
        let _call = self.costly_call().await?;
        self.backend.chain_certificate(params.at).await
    }

    async fn chain_writes(&self, params: ChainWritesParams) -> Answered<ChainWrites> {
        self.settle(&params).await?;
        let _call = self.costly_call().await?;
        self.backend.chain_writes(params.height, params.after).await
    }

    async fn chain_params(&self, params: ChainStateParams) -> Answered<ChainParams> {
        self.settle(&params).await?;
        self.backend.chain_params(params.at).await
    }

    async fn chain_committee(&self, params: ChainStateParams) -> Answered<ChainCommittee> {
        self.settle(&params).await?;
        self.backend.chain_committee(params.at).await
    }

    async fn chain_checkpoints(
        &self,
        params: ChainCheckpointsParams,
    ) -> Answered<ChainCheckpoints> {
        let limit = self.list_limit(params.limit)?;
        self.settle(&params).await?;
        let ChainCheckpointsParams { from, descending, at, .. } = params;
        self.checkpoints(CheckpointRange { from, limit, descending, at }).await
    }

    async fn dag_block(&self, params: DagBlockParams) -> Answered<DagBlocks> {
        self.settle(&params).await?;
        self.backend.dag_block(params.round, params.author).await
    }

    async fn dag_rounds(&self, params: DagRoundsParams) -> Answered<DagRounds> {
        let most = self.limits.dag_rounds;
        let range = match (params.from, params.to, params.last) {
            (Some(from), Some(to), None) => RoundRange::Between(from, to),
            (None, None, last) => RoundRange::Last(last.unwrap_or(ROUNDS)),
            _ => {
                let words = "give `from` and `to`, or `last`, or none";
                return Err(RpcError::invalid_params("params", words));
            }
        };
        let (path, rounds) = match range {
            RoundRange::Last(rounds) => ("params.last", Some(rounds)),
            RoundRange::Between(from, to) => {
                ("params.to", to.checked_sub(from).and_then(|rounds| rounds.checked_add(1)))
            }
        };
        if !rounds.is_some_and(|rounds| (1..=most).contains(&rounds)) {
            let words = format!("1 to {most} rounds can be asked for at once");
            return Err(RpcError::invalid_params(path, words));
        }
        self.settle(&params).await?;
        self.rounds(range).await
    }

    async fn tx_submit(&self, params: TxSubmitParams) -> Answered<TxStatus> {
        let network = self.backend.network();
        let time = params.timeout_ms.unwrap_or(TX_TIMEOUT_MS);
        let time = self.wait(time, "params.timeoutMs")?;
        if let Some(chain_id) = params.chain_id.filter(|chain_id| *chain_id != network.chain_id) {
            let expected = network.chain_id;
            let words = format!("the transaction is for {chain_id}; this chain is {expected}");
            return Err(
                RpcError::new(ErrorCode::WrongChain, words).with("chainId", expected.to_string())
            );
        }
        let (bytes, max) = (params.transaction.0.len(), network.transaction_bytes_max);
        if bytes > max {
            let words = format!("the transaction has {bytes} bytes, {max} are allowed");
            return Err(RpcError::new(ErrorCode::TooLarge, words));
        }
        let status = self.backend.submit(params.transaction.0).await?;
        self.follow(status, params.wait.stage(), time).await
    }

    async fn tx_status(&self, params: TxStatusParams) -> Answered<TxStatus> {
        let time = params.timeout_ms.unwrap_or(TX_TIMEOUT_MS);
        let time = self.wait(time, "params.timeoutMs")?;
        self.settle(&params).await?;
        let hash = match (params.hash, params.transaction) {
            (Some(hash), None) => hash,
            (None, Some(bytes)) => {
                let network = self.backend.network();
                let max = network.transaction_bytes_max;
                let transaction: SignedTransaction = codec::decode(&bytes.0, max)?;
                transaction.transaction.id(&network.chain_id)
            }
            _ => {
                let words = "give either `hash` or `transaction`";
                return Err(RpcError::invalid_params("params", words));
            }
        };
        let status = self.backend.tx_status(hash).await?;
        self.follow(status, params.wait, time).await
    }

    async fn tx_get(&self, params: TxGetParams) -> Answered<TxRecord> {
        self.settle(&params).await?;
        let _call = self.costly_call().await?;
        self.backend.tx_get(params.hash, params.proof, params.at).await
    }

    async fn tx_trace(&self, params: TxTraceParams) -> Answered<TxTrace> {
        self.settle(&params).await?;
        let _call = self.costly_call().await?;
        self.backend.tx_trace(params.hash, params.before).await
    }

    async fn tx_preview(&self, params: TxTrialParams) -> Answered<TxPreview> {
        self.settle(&params).await?;
        let trial = self.trial(params)?;
        let _call = self.costly_call().await?;
        self.backend.tx_preview(trial).await
    }

    async fn tx_absence(&self, params: TxTrialParams) -> Answered<TxAbsence> {
        self.settle(&params).await?;
        let trial = self.trial(params)?;
        let _call = self.costly_call().await?;
        self.backend.tx_absence(trial).await
    }

    async fn tx_simulate(&self, params: TxTrialParams) -> Answered<TxSimulation> {
        self.settle(&params).await?;
        let trial = self.trial(params)?;
        let _call = self.costly_call().await?;
        self.backend.tx_simulate(trial).await
    }

    async fn tx_fee_estimate(&self, params: TxTrialParams) -> Answered<FeeEstimate> {
        self.settle(&params).await?;
        let at = params.at;
        let is_given = params.transaction.is_some() || params.unsigned.is_some();
        let trial = is_given.then(|| self.trial(params)).transpose()?;
        let _call = self.costly_call().await?;
        self.backend.tx_fee_estimate(trial, at).await
    }

    /// The transaction of a question about one, decoded within the chain's bounds.
    fn trial(&self, params: TxTrialParams) -> Result<Trial, RpcError> {
        let max = self.backend.network().transaction_bytes_max;
        let (signed, is_signed) = match (params.transaction, params.unsigned) {
            (Some(signed), None) => (codec::decode(&signed.0, max)?, true),
            (None, Some(unsigned)) => {
                let transaction = codec::decode(&unsigned.0, max)?;
                let (signature, cosignatures) = (Signature([0; 64]), Vec::new());
                let attachments = Vec::new();
                (SignedTransaction { transaction, signature, cosignatures, attachments }, false)
            }
            _ => {
                let words = "give either `transaction` or `unsigned`";
                return Err(RpcError::invalid_params("params", words));
            }
        };
        Ok(Trial { signed, is_signed, at: params.at })
    }

    async fn tx_list(&self, params: TxListParams) -> Answered<TxList> {
        let account = self.named(&params.account, "params.account")?;
        let limit = self.list_limit(params.limit)?;
        self.settle(&params).await?;
        let TxListParams { after, descending, at, .. } = params;
        let _call = self.costly_call().await?;
        self.backend.tx_list(TxRange { account, after, limit, descending, at }).await
    }

    fn list_limit(&self, limit: Option<u32>) -> Result<u32, RpcError> {
        let (limit, most) = (limit.unwrap_or(PAGE), self.limits.list);
        match (1..=most).contains(&limit) {
            true => Ok(limit),
            false => Err(RpcError::invalid_params("params.limit", format!("1 to {most}"))),
        }
    }

    /// Waits for a stage. When the time is over, what was reached by then is the answer.
    async fn follow(
        &self,
        status: Answer<TxStatus>,
        stage: Option<Stage>,
        time: Duration,
    ) -> Answered<TxStatus> {
        let Some(stage) = stage.filter(|stage| !status.value.satisfies(*stage)) else {
            return Ok(status);
        };
        let hash = status.value.hash;
        match timeout(time, self.backend.tx_reached(hash, stage)).await {
            Ok(reached) => reached,
            Err(_) => self.backend.tx_status(hash).await,
        }
    }

    async fn account_get(&self, params: AccountGetParams) -> Answered<Account> {
        let account = self.named(&params.account, "params.account")?;
        self.settle(&params).await?;
        let AccountGetParams { public_key, proof, at, .. } = params;
        let _call = if proof { Some(self.costly_call().await?) } else { None };
        self.backend.account(account, public_key, proof, at).await
    }

    async fn account_keys(&self, params: AccountKeysParams) -> Answered<AccountKeys> {
        let account = self.named(&params.account, "params.account")?;
        self.settle(&params).await?;
        self.backend.account_keys(account, params.at).await
    }

    async fn state_get(&self, params: StateGetParams) -> Answered<StateRecord> {
        self.settle(&params).await?;
        let StateGetParams { module, key, account, owner, proof, at, .. } = params;
        let entry = self.entry(StateEntryParams { module, key, account, owner }, "params")?;
        let _call = if proof { Some(self.costly_call().await?) } else { None };
        self.backend.state(entry, proof, at).await
    }

    async fn state_get_many(&self, params: StateGetManyParams) -> Answered<StateRecords> {
        if params.entries.len() > ENTRIES_MAX {
            let words = format!("at most {ENTRIES_MAX}");
            return Err(RpcError::invalid_params("params.entries", words));
        }
        self.settle(&params).await?;
        let StateGetManyParams { entries, proof, at, .. } = params;
        let entry = |(index, entry)| self.entry(entry, &format!("params.entries[{index}]"));
        let entries = entries.into_iter().enumerate().map(entry).collect::<Result<_, _>>()?;
        let _call = self.costly_call().await?;
        self.backend.states(entries, proof, at).await
    }

    /// The entry that parameters at `path` name.
    fn entry(&self, params: StateEntryParams, path: &str) -> Result<EntryName, RpcError> {
        let StateEntryParams { module, key, account, owner } = params;
        if key.as_ref().is_some_and(|key| key.0.len() > STORAGE_KEY_BYTES_MAX) {
            let words = format!("at most {STORAGE_KEY_BYTES_MAX} bytes");
            return Err(RpcError::invalid_params(&format!("{path}.key"), words));
        }
        Ok(match (module, account, owner, key) {
            (Some(module), None, None, Some(key)) => {
                EntryName::Module(self.named(&module, &format!("{path}.module"))?, key.0)
            }
            (None, Some(account), None, None) => {
                EntryName::Account(self.named(&account, &format!("{path}.account"))?)
            }
            (None, None, Some(owner), Some(key)) => EntryName::Owner(AccountId(owner.0), key.0),
            _ => {
                let words = "give `module` and `key`, or `account`, or `owner` and `key`";
                return Err(RpcError::invalid_params(path, words));
            }
        })
    }

    async fn module_list(&self, params: ModuleListParams) -> Answered<ModuleList> {
        let limit = self.list_limit(params.limit)?;
        self.settle(&params).await?;
        let _call = self.costly_call().await?;
        self.backend.module_list(params.after, limit, params.at).await
    }

    async fn state_scan(&self, params: StateScanParams) -> Answered<StateScan> {
        let limit = self.list_limit(params.limit)?;
        for (bytes, path) in [(&params.prefix, "params.prefix"), (&params.after, "params.after")] {
            if bytes.as_ref().is_some_and(|bytes| bytes.0.len() > STORAGE_KEY_BYTES_MAX) {
                let words = format!("at most {STORAGE_KEY_BYTES_MAX} bytes");
                return Err(RpcError::invalid_params(path, words));
            }
        }
        let owner = match (params.module.as_deref(), params.owner) {
            (Some(module), None) => StateOwner::Module(self.named(module, "params.module")?),
            (None, Some(owner)) => StateOwner::Owner(AccountId(owner.0)),
            _ => return Err(RpcError::invalid_params("params", "give `module` or `owner`")),
        };
        self.settle(&params).await?;
        let StateScanParams { prefix, after, at, .. } = params;
        let prefix = prefix.map_or_else(Vec::new, |prefix| prefix.0);
        let after = after.map(|after| after.0);
        let _call = self.costly_call().await?;
        self.backend.state_scan(StateRange { owner, prefix, after, limit, at }).await
    }

    async fn module_get(&self, params: ModuleParams) -> Answered<Module> {
        let module = self.named(&params.module, "params.module")?;
        self.settle(&params).await?;
        self.backend.module(module, params.at).await
    }

    async fn module_interface(&self, params: ModuleParams) -> Answered<ModuleInterface> {
        let module = self.named(&params.module, "params.module")?;
        self.settle(&params).await?;
        let _call = self.costly_call().await?;
        self.backend.module_interface(module, params.at).await
    }

    async fn module_code(&self, params: ModuleCodeParams) -> Answered<ModuleCode> {
        let code = match (params.module.as_deref(), params.code) {
            (Some(module), None) => CodeName::Module(self.named(module, "params.module")?),
            (None, Some(code)) => CodeName::Hash(code),
            _ => return Err(RpcError::invalid_params("params", "give either `module` or `code`")),
        };
        self.settle(&params).await?;
        let _call = self.costly_call().await?;
        self.backend.module_code(code, params.facts_only, params.at).await
    }

    async fn module_call(&self, params: ModuleCallParams) -> Answered<ModuleCall> {
        let module = self.named(&params.module, "params.module")?;
        let caller = match params.caller.as_deref() {
            None => None,
            Some(text) => match self.named(text, "params.caller")? {
                Named::Id(id) => Some(id),
                Named::Name(_) => {
                    return Err(RpcError::invalid_params("params.caller", "expected an address"));
                }
            },
        };
        if params.function.len() > TEXT_BYTES_MAX {
            let words = format!("at most {TEXT_BYTES_MAX} bytes");
            return Err(RpcError::invalid_params("params.function", words));
        }
        self.settle(&params).await?;
        let ModuleCallParams { function, at, arguments, arguments_bytes, witness, .. } = params;
        let arguments = match (arguments, arguments_bytes) {
            (arguments, None) => {
                CallArguments::Json(arguments.unwrap_or_else(|| Value::Array(Vec::new())))
            }
            (None, Some(bytes)) => CallArguments::Encoded(bytes.0),
            (Some(_), Some(_)) => {
                let words = "give either `arguments` or `argumentsBytes`";
                return Err(RpcError::invalid_params("params.argumentsBytes", words));
            }
        };
        let _call = self.costly_call().await?;
        self.backend
            .module_call(QueryCall { module, function, arguments, caller, at, witness })
            .await
    }

    /// A turn among those who have the node work. Waits: whoever comes first is first, subscriptions among them.
    async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.turns.acquire().await.ok()
    }

    /// Events of the backend, in turn.
    pub(super) async fn events(
        &self,
        filter: EventFilter,
        after: Cursor,
        limit: u32,
        at: ReadAt,
    ) -> Answered<EventsPage> {
        let _turn = self.turn().await;
        self.backend.events(filter, after, limit, at).await
    }

    /// Rounds of the backend, in turn.
    pub(super) async fn rounds(&self, range: RoundRange) -> Answered<DagRounds> {
        let _turn = self.turn().await;
        self.backend.dag_rounds(range).await
    }

    /// Checkpoints of the backend, in turn.
    pub(super) async fn checkpoints(&self, range: CheckpointRange) -> Answered<ChainCheckpoints> {
        let _turn = self.turn().await;
        self.backend.chain_checkpoints(range).await
    }

    /// The right to a call that costs much: so many may wait, and fewer run at once.
    async fn costly_call(
        &self,
    ) -> Result<(OwnedSemaphorePermit, Option<SemaphorePermit<'_>>), RpcError> {
        let admitted = Arc::clone(&self.costly_calls).try_acquire_owned().map_err(|_| {
            limit("too many calls of modules and proofs are being answered")
                .with("retryAfterMs", 100)
        })?;
        Ok((admitted, self.turn().await))
    }

    pub(super) fn filter(
        &self,
        module: Option<&str>,
        name: Option<String>,
    ) -> Result<EventFilter, RpcError> {
        let module = module.map(|text| self.named(text, "params.module")).transpose()?;
        if name.as_ref().is_some_and(|name| name.len() > TEXT_BYTES_MAX) {
            let words = format!("at most {TEXT_BYTES_MAX} bytes");
            return Err(RpcError::invalid_params("params.name", words));
        }
        Ok(EventFilter { module, name })
    }

    async fn events_query(&self, params: EventsQueryParams) -> Answered<EventsPage> {
        let (limit, most) = (params.limit.unwrap_or(PAGE), self.limits.page);
        if !(1..=most).contains(&limit) {
            return Err(RpcError::invalid_params("params.limit", format!("1 to {most}")));
        }
        let deadline = Instant::now() + self.wait(params.wait_ms, "params.waitMs")?;
        self.settle(&params).await?;
        let at = params.at;
        let filter = self.filter(params.module.as_deref(), params.name)?;
        let mut after = params.after.unwrap_or_default();
        loop {
            let page = self.events(filter.clone(), after, limit, at).await?;
            if !page.value.events.is_empty() || Instant::now() >= deadline {
                return Ok(page);
            }
            after = page.value.next;
            if !page.value.more {
                let next = self.settled(at, page.at.height.saturating_add(1));
                let is_fixed = matches!(at, ReadAt::Height(_));
                if is_fixed || timeout_at(deadline, next).await.is_err() {
                    return Ok(page);
                }
            }
        }
    }
}
