//! The Rust client: every method, over one or several nodes.
//!
//! A call goes to the node that answered last. When that cannot be reached, or says that it is not
//! ready, the next is asked, each at most once and the first twice (its connection may just have
//! grown old). That is safe for every method: reads change nothing, and a submission is idempotent
//! by hash (a development network may give its money twice).
//!
//! A read never lies behind what this client has seen, whichever node told it: the height goes with each read as
//! `atLeast`.
//!
//! It trusts its nodes unless it is asked for proof: what ends in `_proved` believes a node only as far as a quorum of the
//! committee signed it.

pub mod bound;
mod dev;
mod draft;
mod events;
mod proved;
mod signing;
mod socket;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use jsonrpsee::core::client::{ClientT as _, Error as TransportError};
use jsonrpsee::core::traits::ToRpcParams;
use jsonrpsee::http_client::{HttpClient, HttpClientBuilder};
use jsonrpsee::types::ErrorObjectOwned;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::api::*;
use crate::error::ErrorCode;

pub use draft::{Author, DRAFT_BYTES_MAX, Draft, DraftError, DraftSignature};
pub use events::EventStream;
pub use proved::{ProvedAccount, ProvedError, ProvedState, ProvedTransaction};
pub use signing::{Intent, Sender, Signed, Signer};
pub use socket::TransactionSocket;

/// Longer than the longest wait that a server allows, so that the server answers first.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(75);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a read waits for a node that is behind what this client has seen, in milliseconds.
const BEHIND_WAIT_MS: u64 = 5_000;
/// What one call of [`PollenClient::submit_and_wait`] waits at most before it asks again.
const WAIT_AT_ONCE: Duration = Duration::from_secs(30);
const RESPONSE_BYTES_MAX: u32 = 16 << 20;
/// Calls to one node that are open at once; more wait their turn. Each takes a connection.
const CALLS_AT_ONCE: usize = 256;

/// Why a call has no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClientError {
    /// A URL that cannot be one.
    #[error("'{url}' is no node's URL ({reason}): give one such as http://127.0.0.1:8645")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No node could be reached.
    #[error("no node answered: {}", failures.join("; "))]
    Unreachable {
        /// Per try, the URL and why.
        failures: Vec<String>,
    },
    /// A node answered with an error of the catalogue.
    #[error("{message} ({code} {name})")]
    Rpc {
        /// Its number.
        code: i32,
        /// Its stable name.
        name: String,
        /// What happened.
        message: String,
        /// What to do.
        hint: Option<String>,
        /// Whether the same call can succeed later.
        retryable: bool,
        /// Everything that came with it.
        data: Value,
    },
    /// An answer that this version cannot read.
    #[error("the node's answer cannot be read ({reason}): its version and this one's may differ")]
    Protocol {
        /// What is wrong with it.
        reason: String,
    },
    /// An argument that has no encoding: nothing was sent.
    #[error("an argument cannot be encoded: {reason}")]
    Argument {
        /// Why.
        reason: String,
    },
    /// A value of a module that is none of the types which the program has of it.
    #[error("{what} cannot be read ({reason}): the module has changed, make its bindings anew")]
    Value {
        /// Of which function or event.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl ClientError {
    /// True for an answer with this error.
    pub fn is(&self, wanted: ErrorCode) -> bool {
        matches!(self, Self::Rpc { code, .. } if *code == wanted.number())
    }

    /// What to do about it, where the node said.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Rpc { hint, .. } => hint.as_deref(),
            _ => None,
        }
    }

    /// The module's own error value, in the ledger's encoding, of a query that failed with one.
    fn module_error(&self) -> Option<Vec<u8>> {
        match self {
            Self::Rpc { data, .. } => {
                let bytes: Bytes = serde_json::from_value(data.get("errorBytes")?.clone()).ok()?;
                Some(bytes.0)
            }
            _ => None,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Rpc { retryable: true, data, .. } => {
                let told = data.get("retryAfterMs").and_then(Value::as_u64).unwrap_or(100);
                Some(Duration::from_millis(told.clamp(10, 5_000)))
            }
            _ => None,
        }
    }
}

impl From<ErrorObjectOwned> for ClientError {
    fn from(error: ErrorObjectOwned) -> Self {
        let data: Value = error
            .data()
            .and_then(|data| serde_json::from_str(data.get()).ok())
            .unwrap_or(Value::Null);
        let text = |field: &str| data.get(field).and_then(Value::as_str).map(str::to_owned);
        let code = error.code();
        // Errors that jsonrpsee makes by itself (no such method, too large) come without data.
        let known = ErrorCode::ALL.iter().find(|known| known.number() == code);
        let name = text("name").or_else(|| known.map(|known| known.name().to_owned()));
        Self::Rpc {
            code,
            name: name.unwrap_or_else(|| "Error".to_owned()),
            message: error.message().to_owned(),
            hint: text("hint").or_else(|| known.map(|known| known.hint().to_owned())),
            retryable: data.get("retryable").and_then(Value::as_bool).unwrap_or(false),
            data,
        }
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub struct PollenClient {
    endpoints: Vec<Endpoint>,
    current: AtomicUsize,
    /// The highest height that an answer told.
    seen: AtomicU64,
    info: OnceCell<NodeInfo>,
}

#[derive(Debug)]
struct Endpoint {
    url: String,
    http: HttpClient,
}

/// Parameters as they are sent.
struct Raw(Box<RawValue>);

impl ToRpcParams for Raw {
    fn to_rpc_params(self) -> Result<Option<Box<RawValue>>, serde_json::Error> {
        Ok(Some(self.0))
    }
}

/// Calls whose parameters and result have the server's types.
macro_rules! calls {
    ($( $(#[$meta:meta])* $name:ident ( $params:ty ) -> $result:ty; )*) => { $(
        $(#[$meta])*
        pub async fn $name(&self, params: &$params) -> Result<Answer<$result>, ClientError> {
            self.saw(self.call(stringify!($name), params).await)
        }
    )* };
}

/// Calls that read the state: never one that is older than what this client has seen.
macro_rules! reads {
    ($( $(#[$meta:meta])* $name:ident ( $params:ty ) -> $result:ty; )*) => { $(
        $(#[$meta])*
        pub async fn $name(&self, params: &$params) -> Result<Answer<$result>, ClientError> {
            self.read(stringify!($name), params).await
        }
    )* };
}

impl PollenClient {
    /// A client of the nodes at `urls` (`http://host:port`), preferred first. Connects when it is
    /// used.
    pub fn new<U: AsRef<str>>(urls: impl IntoIterator<Item = U>) -> Result<Self, ClientError> {
        let endpoint = |url: U| {
            let url = url.as_ref().trim_end_matches('/').to_owned();
            let built = HttpClientBuilder::default()
                .request_timeout(REQUEST_TIMEOUT)
                .connect_timeout(CONNECT_TIMEOUT)
                .max_response_size(RESPONSE_BYTES_MAX)
                .max_concurrent_requests(CALLS_AT_ONCE)
                .build(&url);
            match built {
                Ok(http) => Ok(Endpoint { url, http }),
                Err(error) => Err(ClientError::Url { url, reason: error.to_string() }),
            }
        };
        let endpoints = urls.into_iter().map(endpoint).collect::<Result<Vec<_>, _>>()?;
        if endpoints.is_empty() {
            let reason = "there is none".to_owned();
            return Err(ClientError::Url { url: String::new(), reason });
        }
        let (current, seen) = (AtomicUsize::new(0), AtomicU64::new(0));
        Ok(Self { endpoints, current, seen, info: OnceCell::new() })
    }

    /// The node that is asked first now.
    pub fn url(&self) -> &str {
        &self.endpoints[self.current.load(Ordering::Relaxed)].url
    }

    /// Calls a method by name: for tools, and for methods that this client does not know.
    pub async fn call<P: Serialize + ?Sized, T: DeserializeOwned>(
        &self,
        method: &str,
        params: &P,
    ) -> Result<T, ClientError> {
        let params = to_raw_value(params)
            .map_err(|error| ClientError::Protocol { reason: error.to_string() })?;
        let (first, count) = (self.current.load(Ordering::Relaxed), self.endpoints.len());
        let mut failures = Vec::new();
        let mut not_ready = None;
        for step in 0..=count {
            let index = (first + step) % count;
            let endpoint = &self.endpoints[index];
            match endpoint.http.request(method, Raw(params.clone())).await {
                Ok(answer) => {
                    self.current.store(index, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(TransportError::Call(error)) => match ClientError::from(error) {
                    // Another may be ready, or further.
                    error
                        if error.is(ErrorCode::NotReady)
                            || error.is(ErrorCode::BehindRequested) =>
                    {
                        not_ready = Some(error);
                    }
                    error => return Err(error),
                },
                Err(TransportError::ParseError(error)) => {
                    return Err(ClientError::Protocol { reason: error.to_string() });
                }
                Err(error) => failures.push(format!("{}: {}", endpoint.url, words(&error))),
            }
        }
        Err(not_ready.unwrap_or(ClientError::Unreachable { failures }))
    }

    /// Calls a method of the node that is asked first, and of no other, once.
    async fn call_once<P: Serialize + ?Sized, T: DeserializeOwned>(
        &self,
        method: &str,
        params: &P,
    ) -> Result<T, ClientError> {
        let params = to_raw_value(params)
            .map_err(|error| ClientError::Protocol { reason: error.to_string() })?;
        let endpoint = &self.endpoints[self.current.load(Ordering::Relaxed)];
        endpoint.http.request(method, Raw(params)).await.map_err(|error| match error {
            TransportError::Call(error) => error.into(),
            TransportError::ParseError(error) => {
                ClientError::Protocol { reason: error.to_string() }
            }
            error => {
                let failures = vec![format!("{}: {}", endpoint.url, words(&error))];
                ClientError::Unreachable { failures }
            }
        })
    }

    calls! {
        /// Submits a transaction's bytes.
        tx_submit(TxSubmitParams) -> TxStatus;
        /// Gives an account grains, in a development network.
        dev_fund(DevFundParams) -> DevFunded;
    }

    reads! {
        /// Checkpoints in a row.
        chain_checkpoints(ChainCheckpointsParams) -> ChainCheckpoints;
        /// Blocks of one author and round.
        dag_block(DagBlockParams) -> DagBlocks;
        /// What a checkpoint changed.
        chain_writes(ChainWritesParams) -> ChainWrites;
        /// Rounds of the DAG.
        dag_rounds(DagRoundsParams) -> DagRounds;
        /// What became of a transaction.
        tx_status(TxStatusParams) -> TxStatus;
        /// An executed transaction, with its proof.
        tx_get(TxGetParams) -> TxRecord;
        /// What an executed transaction did.
        tx_trace(TxTraceParams) -> TxTrace;
        /// Events.
        events_query(EventsQueryParams) -> EventsPage;
        /// Where the chain is.
        chain_head(ChainHeadParams) -> ChainHead;
        /// A checkpoint.
        chain_checkpoint(ChainCheckpointParams) -> CheckpointView;
        /// The numbers that the chain runs by.
        chain_params(ChainStateParams) -> ChainParams;
        /// Who decides.
        chain_committee(ChainStateParams) -> ChainCommittee;
        /// What proves a checkpoint.
        chain_certificate(ChainCertificateParams) -> CertificateView;
        /// Modules, of a node with the index `keys`.
        module_list(ModuleListParams) -> ModuleList;
        /// What a transaction says, in words.
        tx_preview(TxTrialParams) -> TxPreview;
        /// That a transaction was not executed and never will be; [`Self::absence_proved`] believes only proofs.
        tx_absence(TxTrialParams) -> TxAbsence;
        /// What a transaction would do now.
        tx_simulate(TxTrialParams) -> TxSimulation;
        /// Transactions of an account, of a node with the index `accounts`.
        tx_list(TxListParams) -> TxList;
        /// Keys of an account.
        account_keys(AccountKeysParams) -> AccountKeys;
        /// Entries of a module, of a node with the index `keys`.
        state_scan(StateScanParams) -> StateScan;
        /// A module.
        module_get(ModuleParams) -> Module;
        /// Code that is on the ledger.
        module_code(ModuleCodeParams) -> ModuleCode;
        /// What a module offers.
        module_interface(ModuleParams) -> ModuleInterface;
        /// Runs a query of a module.
        module_call(ModuleCallParams) -> ModuleCall;
        /// An account, as the node says; [`Self::account_proved`] believes only proofs.
        account_get(AccountGetParams) -> Account;
        /// An entry of the state, as the node says; [`Self::state_proved`] believes only proofs.
        state_get(StateGetParams) -> StateRecord;
    }

    /// The highest height that an answer told. Reads wait until their node has executed it.
    pub fn height(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }

    /// Forgets [`Self::height`]: a development network went back.
    pub fn forget_height(&self) {
        self.seen.store(0, Ordering::Relaxed);
    }

    fn saw<T>(&self, answered: Result<Answer<T>, ClientError>) -> Result<Answer<T>, ClientError> {
        if let Ok(answer) = &answered {
            self.seen.fetch_max(answer.at.height, Ordering::Relaxed);
        }
        answered
    }

    /// A read of the newest state: of one that is not older than any answer before, whichever node gave that.
    async fn read<P: ReadParams + Clone + Serialize, T: DeserializeOwned>(
        &self,
        method: &str,
        params: &P,
    ) -> Result<Answer<T>, ClientError> {
        let seen = self.height();
        let mut params = params.clone();
        if params.at() == ReadAt::Latest && seen > 0 {
            params.require(seen, BEHIND_WAIT_MS);
        }
        let answered = self.saw(self.call(method, &params).await);
        if answered.as_ref().is_err_and(|error| error.is(ErrorCode::BehindRequested)) {
            // A node that told a height which no other ever reaches must not spoil what comes after.
            let _ = self.seen.compare_exchange(seen, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
        answered
    }

    /// What the node is.
    pub async fn node_info(&self) -> Result<Answer<NodeInfoAnswer>, ClientError> {
        self.saw(self.call("node_info", &NoParams {}).await)
    }

    /// What to offer for a transaction.
    pub async fn tx_fee_estimate(
        &self,
        params: &TxTrialParams,
    ) -> Result<Answer<FeeEstimate>, ClientError> {
        self.read("tx_feeEstimate", params).await
    }

    /// Entries of one state, as the node says.
    pub async fn state_get_many(
        &self,
        params: &StateGetManyParams,
    ) -> Result<Answer<StateRecords>, ClientError> {
        self.read("state_getMany", params).await
    }

    /// Whether the node does its work.
    pub async fn node_health(&self) -> Result<Answer<NodeHealth>, ClientError> {
        self.call("node_health", &NoParams {}).await
    }

    /// Whom the node is connected to.
    pub async fn node_peers(&self) -> Result<Answer<NodePeers>, ClientError> {
        self.call("node_peers", &NoParams {}).await
    }

    /// The chain's identity and numbers, which never change: asked once.
    pub async fn network(&self) -> Result<&NodeInfo, ClientError> {
        self.info.get_or_try_init(|| async { Ok(self.node_info().await?.value.node) }).await
    }

    /// Submits `signed` and waits until it has reached `stage`, can no longer, or `timeout` is
    /// over: what it reached by then is the answer. Waits out a full pool; goes on at another node
    /// when one is lost.
    pub async fn submit_and_wait(
        &self,
        signed: &Signed,
        stage: Stage,
        timeout: Duration,
    ) -> Result<Answer<TxStatus>, ClientError> {
        let deadline = Instant::now() + timeout;
        let mut params = TxSubmitParams {
            transaction: Bytes(signed.bytes.clone()),
            wait: stage.into(),
            timeout_ms: None,
            chain_id: Some(signed.chain_id),
        };
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            params.timeout_ms = Some(left.min(WAIT_AT_ONCE).as_millis() as u64);
            match self.tx_submit(&params).await {
                Ok(status) if status.value.satisfies(stage) || left <= WAIT_AT_ONCE => {
                    return Ok(status);
                }
                Ok(_) => {}
                Err(error) => match error.retry_after().filter(|pause| *pause < left) {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => return Err(error),
                },
            }
        }
    }
}

impl PollenClient {
    /// [`Self::submit_and_wait`], and tells each stage as it is reached.
    pub async fn submit_and_watch(
        &self,
        signed: &Signed,
        stage: Stage,
        timeout: Duration,
        mut told: impl FnMut(&TxStatus),
    ) -> Result<Answer<TxStatus>, ClientError> {
        let deadline = Instant::now() + timeout;
        let mut status = self.submit_and_wait(signed, Stage::Accepted, timeout).await?;
        loop {
            told(&status.value);
            let left = deadline.saturating_duration_since(Instant::now());
            let next = status.value.stage.next().filter(|_| !status.value.satisfies(stage));
            let Some(next) = next.filter(|_| !left.is_zero()) else { return Ok(status) };
            let params = TxStatusParams {
                hash: Some(signed.hash),
                wait: Some(next),
                timeout_ms: Some(left.min(WAIT_AT_ONCE).as_millis() as u64),
                ..TxStatusParams::default()
            };
            status = match self.tx_status(&params).await {
                Ok(status) => status,
                // A node that does not know it, or is gone: the bytes find out at any other.
                Err(_) => return self.submit_and_wait(signed, stage, left).await,
            };
        }
    }
}

/// An error with what caused it: jsonrpsee's own text often names only the layer.
fn words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !words.contains(&text) {
            words = format!("{words}: {text}");
        }
        cause = error.source();
    }
    words
}
