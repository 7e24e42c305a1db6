//! A running node: its threads, its tasks, and the order in which they start and stop.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use pollen_ledger::execution::Executor;
use pollen_ledger::genesis::GenesisError;
use pollen_ledger::ordering::{
    Commit, CommittedSubDag, Core, CoreConfig, Input, Recovered, Settings, Time,
};
use pollen_ledger::store::{Database, OpenError, RocksStore, StoreError};
use pollen_ledger::wire::{Message, Request, Response};
use pollen_ledger::{AuthorIndex, Genesis, KeyPair, VerifiedBlock};
use pollen_rpc::backend::Network;
use pollen_rpc::server::{RpcServer, ServerConfig, ServerError};
use pollen_vm::{Vm, VmConfig};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::backend::{NodeBackend, Parts};
use crate::clock;
use crate::config::NodeConfig;
use crate::core_thread::{self, CoreHandle, CoreWiring};
use crate::dev;
use crate::execution_thread::Execution;
use crate::fetch::{Fetcher, Rules};
use crate::keys::{self, KeyError};
use crate::network::{
    self, CommitteePeer, Multiaddr, NetworkConfig, NetworkError, NetworkEvent, NetworkHandle,
    NetworkLimits, Verdict,
};
use crate::shared::{Head, Shared};
use crate::verdicts::Verdicts;
use crate::writer::{self, Write};

/// Orders that may wait for the storage writer: the node's back-pressure.
const WRITER_QUEUE: usize = 4096;
/// Commits that may wait for execution.
pub(crate) const EXECUTION_QUEUE: usize = 256;

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The genesis document.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// No genesis document.
    #[error("{path}: {source}")]
    GenesisFile {
        /// Where it was looked for.
        path: PathBuf,
        /// Why it cannot be read.
        source: std::io::Error,
    },
    /// The key file.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The data directory.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The RPC server.
    #[error(transparent)]
    Rpc(#[from] ServerError),
    /// The module host.
    #[error("module host: {0}")]
    Vm(String),
    /// An address that is none.
    #[error("'{text}' is no multiaddress: write it as /ip4/127.0.0.1/tcp/9750")]
    Address {
        /// What came.
        text: String,
    },
    /// The data folder.
    #[error("cannot use the data folder {path}: {source}")]
    Data {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// A running node. Stop it with [`Node::stop`]; dropping it leaves its threads behind.
pub struct Node {
    shared: Arc<Shared>,
    core: CoreHandle,
    network: NetworkHandle,
    rpc: RpcServer,
    threads: Vec<thread::JoinHandle<()>>,
    events: JoinHandle<()>,
    driver: JoinHandle<()>,
}

/// What every node begins with: its chain, its place in it, its store.
pub(crate) struct Begun {
    /// The chain.
    pub genesis: Genesis,
    /// The node's key.
    pub key: KeyPair,
    /// Its index, of a validator.
    pub own: Option<AuthorIndex>,
    /// Its store.
    pub database: Arc<Database>,
    /// What blocks are checked against.
    pub rules: Rules,
}

impl Begun {
    /// Reads the documents and opens the store.
    pub async fn new(config: &NodeConfig) -> Result<Self, NodeError> {
        let genesis = read_genesis(config.genesis.as_deref())?;
        let key = keys::read(&config.key)?;
        let committee = Arc::new(genesis.committee().map_err(GenesisError::from)?);
        let own = committee.index_of(&key.public_key());
        let database = open_database(config, &genesis, &key, own).await?;
        let parameters = Arc::new(genesis.parameters.clone());
        let rules = Rules { chain_id: genesis.chain_id(), committee, parameters };
        Ok(Self { genesis, key, own, database, rules })
    }

    /// Starts the network; when it returns, the node listens.
    pub async fn start_network(&self, config: &NodeConfig) -> Result<network::Running, NodeError> {
        let config = network_config(config, &self.genesis, &self.key, self.own)?;
        Ok(network::start(config).await?)
    }
}

fn read_genesis(path: Option<&Path>) -> Result<Genesis, NodeError> {
    let text = match path {
        None => dev::GENESIS.to_owned(),
        Some(path) => std::fs::read_to_string(path)
            .map_err(|source| NodeError::GenesisFile { path: path.to_owned(), source })?,
    };
    Ok(Genesis::from_json(&text)?)
}

fn multiaddr(text: &str) -> Result<Multiaddr, NodeError> {
    text.parse().map_err(|_| NodeError::Address { text: text.to_owned() })
}

fn multiaddrs<'a>(
    texts: impl IntoIterator<Item = &'a String>,
) -> Result<Vec<Multiaddr>, NodeError> {
    texts.into_iter().map(|text| multiaddr(text)).collect()
}

fn network_config(
    config: &NodeConfig,
    genesis: &Genesis,
    key: &KeyPair,
    own: Option<AuthorIndex>,
) -> Result<NetworkConfig, NodeError> {
    let committee = genesis.committee.iter().enumerate().map(|(author, member)| {
        let known = config.network.validators.get(&member.name);
        let addresses = multiaddrs(known.into_iter().flatten())?;
        Ok(CommitteePeer { author: author as AuthorIndex, key: member.public_key, addresses })
    });
    Ok(NetworkConfig {
        key: key.clone(),
        chain_id: genesis.chain_id(),
        listen: multiaddrs(&config.network.listen)?,
        bootstrap: multiaddrs(&config.network.peers)?,
        committee: committee.collect::<Result<_, NodeError>>()?,
        own,
        prefer: network::TransportKind::Tcp,
        limits: NetworkLimits {
            block_bytes_max: genesis.parameters.block_bytes_max as usize,
            ..NetworkLimits::default()
        },
    })
}

/// What the store says of ordering: where to go on.
fn recover(
    database: &Database,
    genesis: &Genesis,
    own: Option<AuthorIndex>,
) -> Result<Recovered, StoreError> {
    let last = last_commit(database)?;
    let gc_depth = genesis.parameters.gc_depth;
    let gc_round = last.as_ref().map_or(0, |last| last.round.saturating_sub(gc_depth));
    let mut recent_commits = Vec::new();
    let mut index = last.as_ref().map_or(0, |last| last.index);
    while index > 0
        && let Some(commit) = database.commit::<Commit>(index)?
    {
        // The blocks of a commit lie above the gc round of the commit before it.
        if commit.round.saturating_add(gc_depth) < gc_round {
            break;
        }
        recent_commits.push(commit);
        index -= 1;
    }
    recent_commits.reverse();
    let mut blocks: Vec<VerifiedBlock> = Vec::new();
    for author in 0..genesis.committee.len() as AuthorIndex {
        let kept = database.author_blocks(author, gc_round.saturating_add(1), usize::MAX)?;
        for reference in kept {
            blocks.extend(database.block(&reference)?);
        }
    }
    let own_round_floor = if own.is_some() { database.own_floor()? } else { 0 };
    Ok(Recovered { last_commit: last, recent_commits, blocks, own_round_floor })
}

/// The newest commit: at or above the one of the newest checkpoint.
fn last_commit(database: &Database) -> Result<Option<Commit>, StoreError> {
    let mut index = database.tip()?.commit_index;
    let mut last = database.commit::<Commit>(index)?;
    while let Some(next) = database.commit::<Commit>(index + 1)? {
        index += 1;
        last = Some(next);
    }
    Ok(last)
}

impl Node {
    /// Starts everything; returns when the RPC server listens.
    pub async fn start(config: NodeConfig) -> Result<Self, NodeError> {
        let begun = Begun::new(&config).await?;
        let engine = open_engine(&config)?;
        let executor = Executor::new(&begun.database, engine.clone())?;
        let checkpoint = executor.checkpoint().clone();
        let digest = checkpoint.digest();
        let chain_id = begun.rules.chain_id;
        let shared = Arc::new(Shared::new(chain_id, Head { checkpoint, digest }));

        let (network, events, driver) = begun.start_network(&config).await?;
        let (core, queue) = CoreHandle::new();
        let verdicts = Arc::new(Verdicts::new(chain_id));
        let again = commits_again(&begun.database, &executor)?;
        let (to_execution, commits) = std::sync::mpsc::sync_channel(EXECUTION_QUEUE);
        let executing =
            start_execution(&begun, executor, verdicts.clone(), &shared, &core, commits);
        let mut threads = start_ordering(Ordering {
            config: &config,
            begun: &begun,
            shared: shared.clone(),
            network: network.clone(),
            core: core.clone(),
            queue,
            verdicts: Some(verdicts),
            again,
            commits: to_execution,
        })?;
        threads.push(executing);
        let Begun { genesis, key, own, database, rules } = begun;
        let backend = NodeBackend::new(Parts {
            network: Network {
                chain_id: genesis.chain_id(),
                address_prefix: genesis.address_prefix.clone(),
                transaction_bytes_max: genesis.parameters.transaction_bytes_max as usize,
            },
            name: config.name.clone(),
            own,
            database: database.clone(),
            engine,
            shared: shared.clone(),
            core: core.clone(),
            peers: network.clone(),
            peer_id: network::peer_id_of(&key.public_key()).to_string(),
            interfaces: Default::default(),
            genesis,
        });
        let taken_in = Some(backend.clone());
        let events = tokio::spawn(
            Events { core: core.clone(), rules, database, own, backend: taken_in }.run(events),
        );
        let server = ServerConfig::new(config.rpc.listen);
        let rpc = RpcServer::start(server, Arc::new(backend)).await?;
        tracing::info!(rpc = %rpc.address(), validator = own, "ready");
        Ok(Self { shared, core, network, rpc, threads, events, driver })
    }

    /// Becomes `Some(reason)` when the node cannot go on.
    pub fn failed(&self) -> watch::Receiver<Option<String>> {
        self.shared.fatal.subscribe()
    }

    /// Where JSON-RPC listens.
    pub fn rpc_address(&self) -> std::net::SocketAddr {
        self.rpc.address()
    }

    /// Stops: no more requests, no more inputs, then the threads work off what they have.
    pub async fn stop(self) {
        self.rpc.stop().await;
        self.events.abort();
        self.core.stop();
        let threads = self.threads;
        let _ = tokio::task::spawn_blocking(move || {
            for thread in threads {
                let _ = thread.join();
            }
        })
        .await;
        self.network.shutdown().await;
        let _ = self.driver.await;
    }
}

async fn open_database(
    config: &NodeConfig,
    genesis: &Genesis,
    key: &KeyPair,
    own: Option<AuthorIndex>,
) -> Result<Arc<Database>, NodeError> {
    let data = |source| NodeError::Data { path: config.data.clone(), source };
    std::fs::create_dir_all(&config.data).map_err(data)?;
    let (path, genesis) = (config.data.join("ledger"), genesis.clone());
    let validator = own.map(|_| key.public_key());
    tokio::task::spawn_blocking(move || {
        let store = Arc::new(RocksStore::open(&path)?);
        Ok(Arc::new(Database::open(store, &genesis, validator)?))
    })
    .await
    .expect("opening does not panic")
}

pub(crate) fn open_engine(config: &NodeConfig) -> Result<Arc<Vm>, NodeError> {
    let vm = VmConfig {
        instances: config.modules.instances,
        cache_dir: Some(config.data.join("modules")),
        ..VmConfig::default()
    };
    Vm::new(&vm).map(Arc::new).map_err(|error| NodeError::Vm(error.to_string()))
}

/// What the threads of ordering are started with.
pub(crate) struct Ordering<'a> {
    /// This node's own numbers.
    pub config: &'a NodeConfig,
    /// Its chain and store.
    pub begun: &'a Begun,
    /// What the rest of the node looks at.
    pub shared: Arc<Shared>,
    /// Where blocks go.
    pub network: NetworkHandle,
    /// The way to the core.
    pub core: CoreHandle,
    /// Its other end.
    pub queue: std::sync::mpsc::Receiver<core_thread::CoreOrder>,
    /// Signatures of transactions, where somebody wants to know.
    pub verdicts: Option<Arc<Verdicts>>,
    /// Commits of an earlier run that are not executed.
    pub again: Vec<Arc<CommittedSubDag>>,
    /// Where commits go once they are on disk.
    pub commits: std::sync::mpsc::SyncSender<Arc<CommittedSubDag>>,
}

/// Starts writer and core, in the order in which work flows back.
pub(crate) fn start_ordering(
    parts: Ordering<'_>,
) -> Result<Vec<thread::JoinHandle<()>>, NodeError> {
    let Begun { genesis, key, own, database, rules } = parts.begun;
    let recovered = recover(database, genesis, *own)?;
    let (to_writer, from_core) = std::sync::mpsc::sync_channel::<Write>(WRITER_QUEUE);
    let spawn = |name: &str, body: Box<dyn FnOnce() + Send>| {
        let thread = thread::Builder::new().name(name.to_owned());
        thread.spawn(body).expect("the system starts a thread")
    };
    let (database, network, shared) =
        (database.clone(), parts.network.clone(), parts.shared.clone());
    let (again, to_execution) = (parts.again, parts.commits);
    let writing = spawn(
        "writer",
        Box::new(move || {
            for commit in again {
                if to_execution.send(commit).is_err() {
                    return;
                }
            }
            writer::run(&from_core, &database, &network, &to_execution, &shared);
        }),
    );
    let config = CoreConfig {
        own: *own,
        key: own.map(|_| key.clone()),
        committee: rules.committee.clone(),
        chain_id: rules.chain_id,
        genesis_time_ms: genesis.time_ms,
        parameters: genesis.parameters.clone(),
        settings: Settings {
            min_round_delay_ms: parts.config.ordering.min_round_delay_ms,
            idle_round_delay_ms: parts.config.ordering.idle_round_delay_ms,
            ..Settings::default()
        },
    };
    let wiring = CoreWiring {
        writer: to_writer,
        verdicts: parts.verdicts,
        fetcher: Fetcher {
            runtime: tokio::runtime::Handle::current(),
            network: parts.network,
            core: parts.core.clone(),
            rules: rules.clone(),
        },
        shared: parts.shared,
        own: *own,
        evidence: parts.config.data.join("divergence.json"),
    };
    let (handle, queue) = (parts.core, parts.queue);
    let ordering = spawn(
        "core",
        Box::new(move || {
            let (core, first) = Core::new(config, recovered, Time(clock::now_ms()));
            core_thread::run(core, first, &queue, &handle, &wiring);
        }),
    );
    Ok(vec![ordering, writing])
}

/// Starts execution, on a stack that modules may use up.
pub(crate) fn start_execution(
    begun: &Begun,
    executor: Executor,
    verdicts: Arc<Verdicts>,
    shared: &Arc<Shared>,
    core: &CoreHandle,
    commits: std::sync::mpsc::Receiver<Arc<CommittedSubDag>>,
) -> thread::JoinHandle<()> {
    let execution = Execution::new(
        executor,
        begun.database.clone(),
        verdicts,
        shared.clone(),
        core.clone(),
        begun.own.map(|_| begun.key.clone()),
        begun.genesis.parameters.gc_depth,
    );
    pollen_vm::stack::spawn("execution", move || execution.run(&commits))
        .expect("the system starts a thread")
}

/// Commits that were ordered but not executed before the node stopped.
fn commits_again(
    database: &Database,
    executor: &Executor,
) -> Result<Vec<Arc<CommittedSubDag>>, StoreError> {
    let mut again = Vec::new();
    let mut index = executor.next_commit();
    while let Some(commit) = database.commit::<Commit>(index)? {
        let mut blocks = Vec::with_capacity(commit.blocks.len());
        for reference in &commit.blocks {
            let block = database.block(reference)?.ok_or_else(|| StoreError::Corrupt {
                what: format!("the block {reference:?} of commit {index} is missing"),
            })?;
            blocks.push(block);
        }
        again.push(Arc::new(CommittedSubDag { commit, blocks }));
        index += 1;
    }
    Ok(again)
}

/// What comes from the network, on its way to the core, the store and the pool.
pub(crate) struct Events {
    /// Takes blocks.
    pub core: CoreHandle,
    /// What they are checked against.
    pub rules: Rules,
    /// Answers questions about history.
    pub database: Arc<Database>,
    /// This node's index, of a validator.
    pub own: Option<AuthorIndex>,
    /// Takes transactions in, where somebody does.
    pub backend: Option<NodeBackend>,
}

impl Events {
    /// Works off events until the network is gone.
    pub async fn run(self, mut events: mpsc::Receiver<NetworkEvent>) {
        while let Some(event) = events.recv().await {
            match event {
                // A block takes about 60 us to verify: less than to hand it on and wake a thread.
                NetworkEvent::Message { from, message, held: _held } => {
                    self.take_message(from.author, message);
                }
                NetworkEvent::Gossip { block, validation, .. } => match self.rules.verify(&block) {
                    Ok(block) => {
                        validation.report(Verdict::Accept);
                        let _ = self.core.input(Input::Block { block, from: None });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "refused a block from gossip");
                        validation.report(Verdict::Reject);
                    }
                },
                NetworkEvent::Request { request, respond, .. } => self.answer(request, respond),
                NetworkEvent::Connected { peer } => {
                    tracing::info!(peer = %peer.peer, validator = peer.author, "connected");
                    if let Some(author) = peer.author {
                        let _ = self.core.input(Input::Connected { author });
                    }
                }
                NetworkEvent::Disconnected { peer } => {
                    tracing::info!(peer = %peer.peer, validator = peer.author, "disconnected");
                    if let Some(author) = peer.author {
                        let _ = self.core.input(Input::Disconnected { author });
                    }
                }
            }
        }
    }

    /// Blocks from a validator's direct stream.
    fn take_message(&self, from: Option<AuthorIndex>, message: Message) {
        let rules = &self.rules;
        let verified = match message {
            Message::Block(bytes) => rules.verify(&bytes).map(|block| Input::Block { block, from }),
            Message::Blocks(blocks) => {
                rules.verify_all(&blocks).map(|blocks| Input::Blocks { blocks, from })
            }
        };
        match verified {
            // A full queue drops it: the next block makes the core fetch what it lacks.
            Ok(input) => drop(self.core.input(input)),
            Err(error) => tracing::warn!(from, %error, "refused a block"),
        }
    }

    fn answer(&self, request: Request, respond: network::Responder) {
        match request {
            Request::Hello { .. } => {
                respond.send(Response::Hello { chain_id: self.rules.chain_id, author: self.own })
            }
            Request::History(history) => {
                let (database, authors) = (self.database.clone(), self.rules.committee.size());
                tokio::task::spawn_blocking(move || {
                    respond.send(match database.history(&history, authors) {
                        Ok(blocks) => Response::History(blocks),
                        Err(error) => Response::Refused(error.to_string()),
                    });
                });
            }
            Request::Transaction(encoded) => {
                let Some(backend) = self.backend.clone() else { return };
                tokio::spawn(async move { respond.send(backend.take_forwarded(encoded).await) });
            }
        }
    }
}
