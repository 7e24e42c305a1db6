//! A development network on this machine: N validators, each a process of its own (or all in this one),
//! with real sockets and real databases.
//!
//! Keys of its validators and of its faucet are known to everybody ([`KeyPair::development`]): such a
//! network holds nothing of value. Its folder survives a stop; `--fresh` starts from genesis.

pub mod control;
mod network;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use pollen_ledger::committee::Validator;
use pollen_ledger::{Genesis, Hash, KeyPair};
use pollen_rpc::client::PollenClient;
use tokio::process::{Child, Command};

use crate::config::{ConfigError, IndexSection, NodeConfig};
use crate::home::NetworkFile;
use crate::keys;
use crate::node::NodeError;
pub use network::{DevNetwork, Past};

/// The genesis document of the development network, four validators.
pub const GENESIS: &str = include_str!("../../genesis.json");

/// What a development network is made of.
#[derive(Debug, Clone)]
pub struct DevOptions {
    /// How many validators.
    pub validators: u16,
    /// Home folder: the network lives in `dev` below it.
    pub home: PathBuf,
    /// JSON-RPC port of the first node; the others follow. 0 = any free ports.
    pub rpc_port: u16,
    /// Network port of the first node; the others follow. 0 = any free ports.
    pub network_port: u16,
    /// Removes what an earlier run left.
    pub fresh: bool,
    /// Log filter of the nodes.
    pub log: String,
}

impl DevOptions {
    /// The network's folder.
    pub fn root(&self) -> PathBuf {
        self.home.join("dev")
    }
}

/// Why a development network did not start.
#[derive(Debug, thiserror::Error)]
pub enum DevError {
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A key could not be written.
    #[error(transparent)]
    Key(#[from] keys::KeyError),
    /// Too few or too many.
    #[error("a development network has 1 to 64 validators")]
    Validators,
    /// A node ended while starting.
    #[error("node {node} ended while starting: {reason}\n  its log: {log}")]
    NodeEnded {
        /// Which, from 1.
        node: usize,
        /// Its last words.
        reason: String,
        /// Where to read more.
        log: PathBuf,
    },
    /// A node ended while the network ran.
    #[error("node {node} ended: {reason}\n  its log: {log}")]
    NodeGone {
        /// Which, from 1.
        node: usize,
        /// Its last words.
        reason: String,
        /// Where to read more.
        log: PathBuf,
    },
    /// A node did not answer.
    #[error("node {node} did not become ready within {seconds} s; its log: {log}")]
    NotReady {
        /// Which, from 1.
        node: usize,
        /// How long it was waited for.
        seconds: u64,
        /// Where to read more.
        log: PathBuf,
    },
    /// A node's configuration.
    #[error(transparent)]
    Config(#[from] Box<ConfigError>),
    /// A node in this process.
    #[error(transparent)]
    Node(#[from] Box<NodeError>),
    /// The folder holds a network of another size.
    #[error(
        "{path} holds a network of {found} validators: start it with `--validators {found}`, or anew with `--fresh`"
    )]
    OtherSize {
        /// The folder.
        path: PathBuf,
        /// What it holds.
        found: usize,
    },
}

/// One node's place on disk and on the loopback.
#[derive(Debug, Clone)]
pub struct DevNode {
    /// Its folder.
    pub folder: PathBuf,
    /// Its data folder.
    pub data: PathBuf,
    /// Its configuration file.
    pub config: PathBuf,
    /// Its JSON-RPC endpoint.
    pub endpoint: String,
    /// Its log.
    pub log: PathBuf,
}

/// The genesis of a development network of any size.
pub fn genesis(validators: u16) -> Genesis {
    let mut genesis = Genesis::from_json(GENESIS).expect("the document in the repository is good");
    genesis.committee = (0..validators)
        .map(|index| Validator {
            name: validator_name(index),
            public_key: validator_key(index).public_key(),
            stake: genesis.committee.first().map_or(1, |member| member.stake),
        })
        .collect();
    genesis
}

/// The key of a development validator: known to everybody.
pub fn validator_key(index: u16) -> KeyPair {
    KeyPair::development(&format!("validator {index}"))
}

/// The key that holds a development network's supply: known to everybody.
pub fn faucet_key() -> KeyPair {
    KeyPair::development("faucet")
}

fn validator_name(index: u16) -> String {
    format!("validator {index}")
}

/// Lays the network out on disk: genesis, and per node a folder with key and configuration. What is
/// there already stays.
pub fn lay_out(options: &DevOptions) -> Result<Vec<DevNode>, DevError> {
    if !(1..=64).contains(&options.validators) {
        return Err(DevError::Validators);
    }
    let root = options.root();
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| DevError::Io { path, source }
    };
    if options.fresh && root.exists() {
        fs::remove_dir_all(&root).map_err(io(&root))?;
    }
    fs::create_dir_all(&root).map_err(io(&root))?;
    let genesis_path = root.join("genesis.json");
    let genesis = genesis(options.validators);
    if let Ok(text) = fs::read_to_string(&genesis_path)
        && let Ok(found) = Genesis::from_json(&text)
        && found.committee.len() != genesis.committee.len()
    {
        return Err(DevError::OtherSize { path: root, found: found.committee.len() });
    }
    fs::write(&genesis_path, genesis.to_json()).map_err(io(&genesis_path))?;
    let (rpc, network) = ports(options);
    (0..options.validators)
        .map(|index| lay_out_node(options, &root, index, genesis.chain_id(), &rpc, &network))
        .collect()
}

/// Ports for JSON-RPC and for the network, one of each a node: from a first one on, or free ones.
fn ports(options: &DevOptions) -> (Vec<u16>, Vec<u16>) {
    let count = options.validators;
    // All free ones at once: a port that was found free is free to be found again until somebody listens there.
    let open = [options.rpc_port, options.network_port].iter().filter(|first| **first == 0).count();
    let mut free = free_ports(open as u16 * count).into_iter();
    let mut from = |first: u16| match first {
        0 => free.by_ref().take(count.into()).collect(),
        _ => (0..count).map(|index| first.saturating_add(index)).collect(),
    };
    (from(options.rpc_port), from(options.network_port))
}

/// Where [`free_ports`] looks: below what systems give to outgoing connections (from 32 768 on Linux, from
/// 49 152 elsewhere). One of those can take a port between the moment that it was found free and the start of
/// who listens there.
const FREE_PORTS: std::ops::Range<u16> = 10_000..32_000;

/// Ports of the loopback that nobody listens on now, each another one: those after one that is drawn, so that two
/// networks that begin at once seldom meet.
pub fn free_ports(count: u16) -> Vec<u16> {
    let first = rand::random_range(FREE_PORTS);
    let tried = (first..FREE_PORTS.end).chain(FREE_PORTS.start..first);
    // Held until all are known, so that none comes twice.
    let held: Vec<_> = tried
        .filter_map(|port| std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok())
        .take(count.into())
        .collect();
    held.iter().filter_map(|socket| Some(socket.local_addr().ok()?.port())).collect()
}

fn lay_out_node(
    options: &DevOptions,
    root: &Path,
    index: u16,
    chain_id: Hash,
    rpc: &[u16],
    network: &[u16],
) -> Result<DevNode, DevError> {
    let folder = root.join(format!("node-{}", index + 1));
    let io = |source| DevError::Io { path: folder.clone(), source };
    fs::create_dir_all(&folder).map_err(io)?;
    let key = folder.join("node.key.json");
    if !key.exists() {
        keys::write_validator(&key, &validator_key(index), chain_id)?;
    }
    let address = |at: usize| {
        vec![
            format!("/ip4/127.0.0.1/tcp/{}", network[at]),
            format!("/ip4/127.0.0.1/udp/{}/quic-v1", network[at]),
        ]
    };
    let own = usize::from(index);
    let mut config = NodeConfig {
        data: "data".into(),
        genesis: Some("../genesis.json".into()),
        key: "node.key.json".into(),
        name: validator_name(index),
        log: options.log.clone(),
        // To try things out, all of them.
        index: IndexSection { accounts: true, keys: true, events: true },
        ..NodeConfig::default()
    };
    config.dev = Some(network::section(root, Past::read(root)?));
    config.rpc.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, rpc[own]));
    config.network.listen = address(own);
    config.network.validators =
        (0..options.validators).map(|at| (validator_name(at), address(usize::from(at)))).collect();
    let path = folder.join("pollen.toml");
    fs::write(&path, config.to_toml()).map_err(io)?;
    Ok(DevNode {
        endpoint: format!("http://{}", config.rpc.listen),
        log: folder.join("node.log"),
        config: path,
        data: folder.join("data"),
        folder,
    })
}

/// A running node process. Ends with this value: its standard input closes, which a node takes as the
/// order to stop.
pub struct NodeProcess {
    /// Where it lives.
    pub node: DevNode,
    child: Child,
}

impl NodeProcess {
    /// Starts `pollen node` with the program that is running now.
    pub fn start(program: &Path, node: &DevNode) -> Result<Self, DevError> {
        Self::start_with(program, node, &[])
    }

    /// [`Self::start`], with these variables in its environment.
    pub fn start_with(
        program: &Path,
        node: &DevNode,
        variables: &[(&str, &str)],
    ) -> Result<Self, DevError> {
        let io = |source| DevError::Io { path: node.log.clone(), source };
        let log = fs::OpenOptions::new().create(true).append(true).open(&node.log).map_err(io)?;
        let child = Command::new(program)
            .args(["node", "--stop-with-stdin", "--config"])
            .arg(&node.config)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::from(log.try_clone().map_err(io)?))
            .stderr(Stdio::from(log))
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(io)?;
        Ok(Self { node: node.clone(), child })
    }

    /// Its process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Ended already? Then its last words.
    pub fn ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok().flatten()?;
        let log = fs::read_to_string(&self.node.log).unwrap_or_default();
        let last = log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no words");
        Some(format!("{status}: {last}"))
    }

    /// Kills it at once, as a crash would.
    pub async fn kill(&mut self) {
        let _ = self.child.kill().await;
    }

    /// Asks it to stop, and waits; after `patience` it is killed. The error is how it ended instead.
    pub async fn stop(&mut self, patience: Duration) -> Result<(), String> {
        drop(self.child.stdin.take());
        match tokio::time::timeout(patience, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(status.to_string()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => {
                self.kill().await;
                Err(format!("killed after {} s", patience.as_secs()))
            }
        }
    }
}

/// Waits until every node says that it is ready. `told` hears of each as it comes.
pub async fn wait_ready(
    processes: &mut [NodeProcess],
    patience: Duration,
    mut told: impl FnMut(usize),
) -> Result<(), DevError> {
    let deadline = tokio::time::Instant::now() + patience;
    for (index, process) in processes.iter_mut().enumerate() {
        let node = index + 1;
        loop {
            if let Some(reason) = process.ended() {
                let log = process.node.log.clone();
                return Err(DevError::NodeEnded { node, reason, log });
            }
            if is_ready(&process.node.endpoint).await {
                told(node);
                break;
            }
            if tokio::time::Instant::now() > deadline {
                let log = process.node.log.clone();
                return Err(DevError::NotReady { node, seconds: patience.as_secs(), log });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    Ok(())
}

/// Whether the node at an endpoint answers, and says that it does its work.
pub async fn is_ready(endpoint: &str) -> bool {
    let Ok(client) = PollenClient::new([endpoint]) else { return false };
    let asked = tokio::time::timeout(Duration::from_secs(1), client.node_health()).await;
    asked.is_ok_and(|answer| answer.is_ok_and(|health| health.value.ready))
}

/// What the commands need to find the network.
pub fn network_file(genesis: &Genesis, nodes: &[DevNode], processes: Vec<u32>) -> NetworkFile {
    NetworkFile {
        name: genesis.name.clone(),
        chain_id: genesis.chain_id(),
        endpoints: nodes.iter().map(|node| node.endpoint.clone()).collect(),
        processes,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Story: a network was to begin with any free ports, and the fourth validator could not listen for JSON-RPC. Ports
    /// for JSON-RPC were found first and those of the network afterwards, when nobody held the first ones.
    #[test]
    fn free_ports_of_a_network_come_once() {
        let options = DevOptions {
            validators: 64,
            home: PathBuf::new(),
            rpc_port: 0,
            network_port: 0,
            fresh: false,
            log: String::new(),
        };
        for _ in 0..50 {
            let (rpc, network) = ports(&options);
            assert_eq!((rpc.len(), network.len()), (64, 64));
            assert_eq!(rpc.iter().chain(&network).collect::<BTreeSet<_>>().len(), 128);
        }
        let (rpc, network) = ports(&DevOptions { validators: 2, rpc_port: 7_000, ..options });
        assert_eq!((rpc, network.len()), (vec![7_000, 7_001], 2));
    }
}
