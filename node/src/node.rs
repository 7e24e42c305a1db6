//! A running node: its threads, its tasks, and the order in which they start and stop.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use pollen_ledger::execution::Executor;
use pollen_ledger::genesis::GenesisError;
use pollen_ledger::ordering::{
    CommittedSubDag, Core, CoreConfig, Input, Settings, SigningHistory, Time,
};
use pollen_ledger::store::{
    Batch, Database, Durability, IndexProgress, Indexer, OpenError, RocksStore, Store, StoreError,
};
use pollen_ledger::wire::{Message, Request, Response};
use pollen_ledger::{AuthorIndex, Genesis, Hash, KeyPair, PublicKey, VerifiedBlock};
use pollen_rpc::backend::Network;
use pollen_rpc::server::{RpcServer, ServerConfig, ServerError};
use pollen_vm::{Vm, VmConfig};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::admin;
use crate::backend::{NodeBackend, Parts};
use crate::clock;
use crate::compiled_code::{self, DatabaseSums};
use crate::config::{Keeps, NodeConfig, Role, SyncFrom};
use crate::core_thread::{self, CoreHandle, CoreWiring};
use crate::dev;
use crate::disk;
use crate::divergence::{self, EvidenceError};
use crate::execution_thread::{Execution, Kept};
use crate::failpoints::{FailingStore, Failpoint};
use crate::fetch::{Fetcher, Rules};
use crate::indexes;
use crate::keys::{self, KeyError};
use crate::network::{
    self, CommitteePeer, Multiaddr, NetworkConfig, NetworkError, NetworkEvent, NetworkHandle,
    NetworkLimits, Verdict,
};
use crate::readers::Readers;
use crate::shared::{Head, Needed, Shared};
use crate::snapshot_service::SnapshotService;
use crate::snapshots::Snapshots;
use crate::state_sync::{self, StateSync, SyncError};
use crate::verdicts::Verdicts;
use crate::writer::{self, OwnBlocks, Write};

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
    /// Taking a snapshot of the state.
    #[error(transparent)]
    Sync(#[from] SyncError),
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
    /// The evidence of a divergence.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// A failpoint that is none.
    #[error("{0}")]
    Failpoint(String),
    /// A role that its key does not fit.
    #[error(
        "the role is 'validator', and the key is of no validator of this chain: set [storage] role to 'full' or \
         'archive', or name the validator's key file"
    )]
    NoValidator,
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
    readers: Arc<Readers>,
    threads: Vec<thread::JoinHandle<()>>,
    events: JoinHandle<()>,
    driver: JoinHandle<()>,
    /// What looks after the disk, and answers the operator.
    care: [JoinHandle<()>; 3],
}

/// Which chain a node is of, and what it is there: read from its documents.
pub(crate) struct Place {
    /// The chain.
    pub genesis: Genesis,
    /// The node's key.
    pub key: KeyPair,
    /// Its index, of a validator.
    pub own: Option<AuthorIndex>,
    /// What blocks are checked against.
    pub rules: Rules,
    /// What it is for.
    pub role: Role,
    /// What it keeps of the past.
    pub keeps: Keeps,
}

impl Place {
    fn read(config: &NodeConfig) -> Result<Self, NodeError> {
        let genesis = read_genesis(config.genesis.as_deref())?;
        let key = keys::read(&config.key)?;
        let committee = Arc::new(genesis.committee().map_err(GenesisError::from)?);
        let own = committee.index_of(&key.public_key());
        let role = config.storage.role(own.is_some());
        if role == Role::Validator && own.is_none() {
            return Err(NodeError::NoValidator);
        }
        let keeps = config.storage.keeps(role);
        let parameters = Arc::new(genesis.parameters.clone());
        let rules = Rules { chain_id: genesis.chain_id(), committee, parameters };
        Ok(Self { genesis, key, own, rules, role, keeps })
    }

    /// Starts the network; when it returns, the node listens.
    async fn start_network(&self, config: &NodeConfig) -> Result<network::Running, NodeError> {
        let config = network_config(config, &self.genesis, &self.key, self.own)?;
        Ok(network::start(config).await?)
    }

    /// Opens the store.
    async fn begin(self, config: &NodeConfig) -> Result<Begun, NodeError> {
        let (rocks, database) = open_database(config, &self.genesis, &self.key, self.own).await?;
        let Self { genesis, key, own, rules, role, keeps } = self;
        Ok(Begun { genesis, key, own, database, rocks, rules, role, keeps })
    }
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
    /// What is below it.
    pub rocks: Arc<RocksStore>,
    /// What blocks are checked against.
    pub rules: Rules,
    /// What it is for.
    pub role: Role,
    /// What it keeps of the past.
    pub keeps: Keeps,
}

impl Begun {
    /// Reads the documents and opens the store; starts the network. When it returns, the node listens.
    pub async fn new(config: &NodeConfig) -> Result<(Self, network::Running), NodeError> {
        let begun = Place::read(config)?.begin(config).await?;
        let config = network_config(config, &begun.genesis, &begun.key, begun.own)?;
        Ok((begun, network::start(config).await?))
    }
}

/// What a node does before it starts.
#[derive(Debug, Clone, Copy)]
pub enum Preparing {
    /// It takes a snapshot.
    Snapshot(state_sync::Progress),
    /// It makes or removes an index.
    Index(IndexProgress),
}

/// A node whose ledger and indexes are there, and that is not started yet.
pub struct Prepared {
    config: NodeConfig,
    begun: Begun,
    /// Already running where it was needed for a snapshot, with who is connected.
    network: Option<(network::Running, Vec<network::Sender>)>,
}

impl Prepared {
    /// Takes a snapshot of the state where the data folder has no ledger, the configuration wants one, and
    /// a peer has one; then brings the indexes where the configuration wants them. `tell` hears how far it
    /// is. May be dropped: the next start goes on.
    pub async fn new(
        config: NodeConfig,
        tell: &(dyn Fn(&Preparing) + Sync),
    ) -> Result<Self, NodeError> {
        if let Some(dev) = &config.dev {
            clock::set_ahead_ms(dev.ahead_ms);
        }
        let place = Place::read(&config)?;
        let network = Self::take_snapshot(&config, &place, tell).await?;
        let begun = place.begin(&config).await?;
        let wanted = config.index.wanted();
        let tell_index = |progress| tell(&Preparing::Index(progress));
        indexes::prepare(begun.database.clone(), wanted, tell_index).await?;
        Ok(Self { config, begun, network })
    }

    /// The network, where it was started for a snapshot.
    async fn take_snapshot(
        config: &NodeConfig,
        place: &Place,
        tell: &(dyn Fn(&Preparing) + Sync),
    ) -> Result<Option<(network::Running, Vec<network::Sender>)>, NodeError> {
        let data = |source| NodeError::Data { path: config.data.clone(), source };
        std::fs::create_dir_all(&config.data).map_err(data)?;
        let expected = others_expected(config, place);
        let import = config.data.join(state_sync::IMPORT);
        let wanted = state_sync::is_wanted(&config.data) && expected > 0;
        if !wanted || config.sync.from == SyncFrom::Genesis {
            if import.exists() {
                let path = import.display();
                tracing::warn!(%path, "the half import of a snapshot is not needed: remove it");
            }
            return Ok(None);
        }
        let failpoint = Failpoint::from_environment().map_err(NodeError::Failpoint)?;
        let mut running = place.start_network(config).await?;
        let sync = StateSync {
            data: &config.data,
            open: Arc::new(move |path: &Path| Ok(open_store(path, failpoint)?.1)),
            genesis: &place.genesis,
            rules: &place.rules,
            validator: place.own.map(|own| (place.key.public_key(), own)),
            network: &running.0,
            events: &mut running.1,
            expected,
            tell: &|progress: &state_sync::Progress| tell(&Preparing::Snapshot(*progress)),
        };
        let (_, connected) = sync.run().await?;
        Ok(Some((running, connected)))
    }
}

/// Other nodes that this one dials; of a validator also those that dial it.
fn others_expected(config: &NodeConfig, place: &Place) -> usize {
    let own = place.own.and_then(|own| place.genesis.committee.get(usize::from(own)));
    let known = config.network.validators.iter().filter(|(name, addresses)| {
        !addresses.is_empty() && own.is_none_or(|own| own.name != **name)
    });
    let dialled = known.count() + config.network.peers.len();
    match own {
        Some(_) => dialled.max(place.rules.committee.size() - 1),
        None => dialled,
    }
}

pub(crate) fn read_genesis(path: Option<&Path>) -> Result<Genesis, NodeError> {
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

impl Node {
    /// Starts everything; returns when the RPC server listens. A node without a ledger takes a snapshot
    /// first: [`Prepared::new`] does that by itself, for who wants to see it or to stop it.
    pub async fn start(config: NodeConfig) -> Result<Self, NodeError> {
        Self::run(Prepared::new(config, &|_| ()).await?).await
    }

    /// Starts everything of a node that is prepared; returns when the RPC server listens.
    pub async fn run(prepared: Prepared) -> Result<Self, NodeError> {
        let Prepared { config, begun, network } = prepared;
        let engine = open_engine(&config, &begun.database)?;
        let mut executor = Executor::new(&begun.database, engine.clone())?;
        executor.set_tree_threads(std::thread::available_parallelism().map_or(1, usize::from));
        let checkpoint = executor.checkpoint().clone();
        let digest = checkpoint.digest();
        let chain_id = begun.rules.chain_id;
        let shared = Arc::new(Shared::new(chain_id, Head { checkpoint, digest }));
        if let Some(found) = divergence::standing(&config.data, &begun.database)? {
            shared.diverged(found);
        }

        let ((network, events, driver), connected) = match network {
            Some(running) => running,
            None => {
                let config = network_config(&config, &begun.genesis, &begun.key, begun.own)?;
                (network::start(config).await?, Vec::new())
            }
        };
        let (core, queue) = CoreHandle::new();
        let verdicts = Arc::new(Verdicts::new(chain_id));
        let again = begun.database.commits_with_blocks(executor.next_commit())?;
        let (to_execution, commits) = std::sync::mpsc::sync_channel(EXECUTION_QUEUE);
        let snapshots = Snapshots::new(&config.data, begun.rocks.clone(), config.snapshots.clone());
        snapshots
            .clear_partial()
            .map_err(|source| NodeError::Data { path: config.data.clone(), source })?;
        let snapshots = Arc::new(snapshots);
        snapshots.let_go_aside();
        let executing = start_execution(
            &begun,
            executor,
            snapshots.clone(),
            verdicts.clone(),
            &shared,
            &core,
            commits,
        )?;
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
        threads.push(compiled_code::warm_up(&engine, &begun.database));
        let Begun { genesis, key, own, database, rocks, rules, role, keeps } = begun;
        let peer_id = network::peer_id_of(&key.public_key()).to_string();
        let reserve = config.storage.reserve_mib.saturating_mul(1 << 20);
        let service = SnapshotService::new(config.data.clone(), database.clone());
        let service = Arc::new(service);
        let care = [
            tokio::spawn(service.clone().care()),
            tokio::spawn(disk::watch(config.data.clone(), reserve, shared.clone())),
            tokio::spawn(admin::serve(
                config.data.clone(),
                admin::Asked {
                    store: rocks,
                    database: database.clone(),
                    snapshots,
                    shared: shared.clone(),
                    network: network.clone(),
                    peer_id: peer_id.clone(),
                    core: core.clone(),
                    genesis: genesis.clone(),
                    keeps,
                    is_dev: config.dev.is_some(),
                },
            )),
        ];
        let readers = Arc::new(Readers::start());
        let backend = NodeBackend::new(Parts {
            network: Network {
                chain_id: genesis.chain_id(),
                address_prefix: genesis.address_prefix.clone(),
                transaction_bytes_max: genesis.parameters.transaction_bytes_max as usize,
            },
            name: config.name.clone(),
            role,
            indexes: config.index.wanted(),
            own,
            database: database.clone(),
            engine,
            shared: shared.clone(),
            core: core.clone(),
            peers: network.clone(),
            peer_id,
            interfaces: Default::default(),
            dev: config.dev.clone(),
            readers: readers.clone(),
            committee: rules.committee.clone(),
            genesis_document: genesis.to_json(),
            genesis,
        });
        let taken_in = Some(backend.clone());
        let events_of = Events {
            core: core.clone(),
            rules,
            database,
            own,
            backend: taken_in,
            snapshots: service,
        };
        let events = tokio::spawn(events_of.run(connected, events));
        let server = ServerConfig {
            metrics: config.rpc.metrics,
            allowed_hosts: config.rpc.allowed_hosts.clone(),
            allowed_origins: config.rpc.allowed_origins.clone(),
            proxies: config.rpc.proxies.clone(),
            ..ServerConfig::new(config.rpc.listen)
        };
        let rpc = RpcServer::start(server, Arc::new(backend)).await?;
        tracing::info!(rpc = %rpc.address(), validator = own, "ready");
        Ok(Self { shared, core, network, rpc, readers, threads, events, driver, care })
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
        for task in &self.care {
            task.abort();
        }
        self.core.stop();
        let (threads, readers) = (self.threads, self.readers);
        let _ = tokio::task::spawn_blocking(move || {
            for thread in threads {
                let _ = thread.join();
            }
            readers.stop();
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
) -> Result<(Arc<RocksStore>, Arc<Database>), NodeError> {
    let failpoint = Failpoint::from_environment().map_err(NodeError::Failpoint)?;
    let data = |source| NodeError::Data { path: config.data.clone(), source };
    std::fs::create_dir_all(&config.data).map_err(data)?;
    let (path, genesis) = (config.data.join("ledger"), genesis.clone());
    let validator = own.map(|_| key.public_key());
    let key_file = config.key.clone();
    tokio::task::spawn_blocking(move || {
        let (rocks, store) = open_store(&path, failpoint)?;
        let database = Database::open(store, &genesis, validator)?;
        if let Some(validator) = validator {
            take_marker(&database, &key_file, &validator, genesis.chain_id())?;
        }
        Ok((rocks, Arc::new(database)))
    })
    .await
    .expect("opening does not panic")
}

/// A store, and where a test wants it to fail, one that does.
fn open_store(
    path: &Path,
    failpoint: Option<Failpoint>,
) -> Result<(Arc<RocksStore>, Arc<dyn Store>), OpenError> {
    let rocks = Arc::new(RocksStore::open(path)?);
    let mut store: Arc<dyn Store> = rocks.clone();
    if let Some(at) = failpoint {
        tracing::error!(?at, "this node was told to fail: it is a test's");
        store = Arc::new(FailingStore::new(store, at));
    }
    Ok((rocks, store))
}

/// A key's mark that it never signed goes over into the first directory that it is used with, before
/// anything is signed. It counts once: a second directory of the same key asks the others.
fn take_marker(
    database: &Database,
    key_file: &Path,
    validator: &PublicKey,
    chain_id: Hash,
) -> Result<(), NodeError> {
    if !keys::has_never_signed(key_file, validator, &chain_id)? {
        return Ok(());
    }
    if database.signing_history()? == SigningHistory::Forgotten && database.own_floor()? == 0 {
        let mut batch = Batch::default();
        Database::put_signing_history(&mut batch, SigningHistory::NeverSigned);
        database.write(batch, Durability::Synced)?;
    }
    Ok(keys::forget_never_signed(key_file)?)
}

pub(crate) fn open_engine(
    config: &NodeConfig,
    database: &Arc<Database>,
) -> Result<Arc<Vm>, NodeError> {
    let vm = VmConfig {
        instances: config.modules.instances,
        cache_dir: Some(config.data.join("modules")),
        cache_sums: Some(Arc::new(DatabaseSums(database.clone()))),
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
    pub again: Vec<CommittedSubDag>,
    /// Where commits go once they are on disk.
    pub commits: std::sync::mpsc::SyncSender<Arc<CommittedSubDag>>,
}

/// Starts writer and core, in the order in which work flows back.
pub(crate) fn start_ordering(
    parts: Ordering<'_>,
) -> Result<Vec<thread::JoinHandle<()>>, NodeError> {
    let Begun { genesis, key, own, database, rules, .. } = parts.begun;
    let mut recovered = database.recover(*own)?;
    recovered.diverged = parts.shared.divergence.borrow().is_some();
    parts.shared.certified(recovered.certified_height);
    let own_blocks = OwnBlocks {
        author: *own,
        floor: recovered.own_round_floor,
        marked: recovered.signing_history != SigningHistory::Kept,
    };
    if own.is_some() && recovered.signing_history == SigningHistory::Forgotten {
        tracing::warn!(
            "this validator's store does not know what was signed with its key: \
             it signs nothing before a quorum of the others has said"
        );
    }
    let (to_writer, from_core) = std::sync::mpsc::sync_channel::<Write>(WRITER_QUEUE);
    let spawn = |name: &str, body: Box<dyn FnOnce() + Send>| {
        let thread = thread::Builder::new().name(name.to_owned());
        thread.spawn(body).expect("the system starts a thread")
    };
    let (database, network, shared) =
        (database.clone(), parts.network.clone(), parts.shared.clone());
    let (again, to_execution) = (parts.again, parts.commits);
    let needed = Needed::new(&shared, "writer");
    let writing = spawn(
        "writer",
        Box::new(move || {
            let _needed = needed;
            for commit in again {
                if to_execution.send(Arc::new(commit)).is_err() {
                    return;
                }
            }
            writer::run(&from_core, own_blocks, &database, &network, &to_execution, &shared);
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
            ahead: Arc::default(),
            told_gone: Arc::default(),
        },
        shared: parts.shared,
        own: *own,
        evidence: parts.config.data.join(divergence::FILE),
    };
    let (handle, queue) = (parts.core, parts.queue);
    let needed = Needed::new(&wiring.shared, "core");
    let ordering = spawn(
        "core",
        Box::new(move || {
            let _needed = needed;
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
    snapshots: Arc<Snapshots>,
    verdicts: Arc<Verdicts>,
    shared: &Arc<Shared>,
    core: &CoreHandle,
    commits: std::sync::mpsc::Receiver<Arc<CommittedSubDag>>,
) -> Result<thread::JoinHandle<()>, NodeError> {
    let execution = Execution::new(
        executor,
        Indexer::new(&begun.database)?,
        begun.database.clone(),
        snapshots,
        verdicts,
        shared.clone(),
        core.clone(),
        begun.own.map(|_| begun.key.clone()),
        Kept {
            gc_depth: begun.genesis.parameters.gc_depth,
            keeps: begun.keeps,
            committee: begun.rules.committee.clone(),
        },
    );
    let needed = Needed::new(shared, "execution");
    let run = move || {
        let _needed = needed;
        execution.run(&commits);
    };
    Ok(pollen_vm::stack::spawn("execution", run).expect("the system starts a thread"))
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
    /// Answers questions of new nodes.
    pub snapshots: Arc<SnapshotService>,
}

impl Events {
    /// Works off events until the network is gone. Some peers may be connected already.
    pub async fn run(
        self,
        connected: Vec<network::Sender>,
        mut events: mpsc::Receiver<NetworkEvent>,
    ) {
        for author in connected.iter().filter_map(|peer| peer.author) {
            let _ = self.core.input(Input::Connected { author });
        }
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
                NetworkEvent::Request { from, request, respond } => {
                    self.answer(from, request, respond);
                }
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

    fn answer(&self, from: network::Sender, request: Request, respond: network::Responder) {
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
            Request::Commits(commits) => {
                let (database, committee) = (self.database.clone(), self.rules.committee.clone());
                tokio::task::spawn_blocking(move || {
                    respond.send(match database.commit_range(&commits, &committee) {
                        Ok(answer) => Response::Commits(answer),
                        Err(StoreError::Gone { oldest, .. }) => {
                            Response::CommitsGone { index: oldest - 1 }
                        }
                        Err(error) => Response::Refused(error.to_string()),
                    });
                });
            }
            Request::Snapshots
            | Request::SnapshotHead { .. }
            | Request::SnapshotChunk { .. }
            | Request::Blocks(_)
            | Request::Code { .. } => self.snapshots.answer(from.peer, request, respond),
            Request::NewestBlock { author } => {
                let (database, core) = (self.database.clone(), self.core.clone());
                tokio::spawn(
                    async move { respond.send(newest_block(database, core, author).await) },
                );
            }
            Request::Transaction(encoded) => {
                let Some(backend) = self.backend.clone() else { return };
                tokio::spawn(async move { respond.send(backend.take_forwarded(encoded).await) });
            }
        }
    }
}

/// The newest block by an author that the store or the core has: what is written is not always what was
/// taken last, and what was taken is not always kept.
async fn newest_block(database: Arc<Database>, core: CoreHandle, author: AuthorIndex) -> Response {
    let Ok(held) = core.inspect(move |core| core.newest_block(author).cloned()).await else {
        return Response::Refused("the node is overloaded or stopping".to_owned());
    };
    let stored = tokio::task::spawn_blocking(move || {
        let newest = database.newest_block(author)?;
        newest.map(|newest| database.block(&newest)).transpose()
    });
    match stored.await {
        Ok(Ok(stored)) => {
            let blocks = stored.flatten().into_iter().chain(held);
            let newest = blocks.max_by_key(VerifiedBlock::round);
            Response::NewestBlock(newest.map(|block| block.encode()))
        }
        Ok(Err(error)) => Response::Refused(error.to_string()),
        Err(_) => Response::Refused("the node is stopping".to_owned()),
    }
}
