//! The nodes of a running development network, and what is done with all of them at once: started, stopped, moved in
//! time, kept as they are and taken back to that.
//!
//! A snapshot is one state of the whole network: every core is held before the first database is copied, so that no copy
//! has a block that its author's copy lacks, and whatever was acknowledged by the node that was asked is in that node's
//! copy. Going back is a start from the copies; nodes outside of this network are not taken along.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pollen_ledger::{AccountId, Action};
use pollen_rpc::api::{
    ChainHeadParams, DevFunded, DevReverting, DevSnapshot, DevTime, Stage, TxOutcome,
};
use pollen_rpc::client::{Intent, PollenClient};
use serde::{Deserialize, Serialize};

use super::{DevError, DevNode, NodeProcess, faucet_key, wait_ready};
use crate::admin::{self, Question};
use crate::config::{DevSection, NodeConfig};
use crate::node::Node;

/// How long a starting node may take.
const START_PATIENCE: Duration = Duration::from_secs(60);
/// How long a stopping node may take.
const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// How long what is ordered may take.
const ORDER_PATIENCE: Duration = Duration::from_secs(20);
/// Fuel that a transfer may use.
const TRANSFER_FUEL_MAX: u64 = 1_000_000;
/// The furthest jump, in milliseconds: ten years.
const ADVANCE_MAX_MS: u64 = 10 * 365 * 24 * 3_600_000;

/// What a network remembers of its orders, in its folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Past {
    /// How far its clock is ahead, in milliseconds.
    pub ahead_ms: u64,
    /// How often it went back.
    pub reverts: u32,
    /// Snapshots that were made.
    pub snapshots: u32,
}

impl Past {
    fn path(root: &Path) -> PathBuf {
        root.join("orders.json")
    }

    /// Of a network's folder; of a new one nothing.
    pub fn read(root: &Path) -> Result<Self, DevError> {
        let path = Self::path(root);
        match fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text)
                .map_err(|error| DevError::Io { path, source: error.into() }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(DevError::Io { path, source }),
        }
    }

    fn write(&self, root: &Path) -> Result<(), DevError> {
        let path = Self::path(root);
        let text = serde_json::to_string(self).expect("numbers");
        fs::write(&path, text).map_err(|source| DevError::Io { path, source })
    }
}

/// See the module's documentation.
pub struct DevNetwork {
    root: PathBuf,
    nodes: Vec<DevNode>,
    past: Past,
    running: Running,
}

enum Running {
    Processes(Vec<NodeProcess>),
    InProcess(Vec<Node>),
}

impl Running {
    async fn start(
        nodes: &[DevNode],
        in_process: bool,
        told: impl FnMut(usize),
    ) -> Result<Self, DevError> {
        if in_process {
            let configs = nodes.iter().map(|node| NodeConfig::load(Some(&node.config)));
            let configs = configs.collect::<Result<Vec<_>, _>>().map_err(Box::new)?;
            // Together: each asks the others for a snapshot before it begins.
            let running = futures::future::try_join_all(configs.into_iter().map(Node::start));
            return Ok(Self::InProcess(running.await.map_err(Box::new)?));
        }
        let program = std::env::current_exe()
            .map_err(|source| DevError::Io { path: "the running program".into(), source })?;
        let mut processes = Vec::new();
        for node in nodes {
            processes.push(NodeProcess::start(&program, node)?);
        }
        if let Err(error) = wait_ready(&mut processes, START_PATIENCE, told).await {
            stop_all(&mut processes).await;
            return Err(error);
        }
        Ok(Self::Processes(processes))
    }
}

async fn stop_all(processes: &mut [NodeProcess]) -> bool {
    let stops = processes.iter_mut().map(|process| process.stop(STOP_PATIENCE));
    futures::future::join_all(stops).await.into_iter().all(|stopped| stopped.is_ok())
}

impl DevNetwork {
    /// Starts every node of a network that is laid out, each as a process of its own or all in this one. `told` hears of
    /// each that is ready.
    pub async fn start(
        root: PathBuf,
        nodes: Vec<DevNode>,
        in_process: bool,
        told: impl FnMut(usize),
    ) -> Result<Self, DevError> {
        let past = Past::read(&root)?;
        let running = Running::start(&nodes, in_process, told).await?;
        Ok(Self { root, nodes, past, running })
    }

    /// Its nodes.
    pub fn nodes(&self) -> &[DevNode] {
        &self.nodes
    }

    /// Their process ids.
    pub fn processes(&self) -> Vec<u32> {
        match &self.running {
            Running::Processes(processes) => processes.iter().filter_map(NodeProcess::id).collect(),
            Running::InProcess(_) => vec![std::process::id()],
        }
    }

    /// Waits until a node ends by itself: that is news.
    pub async fn a_node_ended(&mut self) -> DevError {
        let Running::Processes(processes) = &mut self.running else {
            return std::future::pending().await;
        };
        loop {
            for (index, process) in processes.iter_mut().enumerate() {
                if let Some(reason) = process.ended() {
                    let log = process.node.log.clone();
                    return DevError::NodeGone { node: index + 1, reason, log };
                }
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Stops every node; false where one had to be killed.
    pub async fn stop(self) -> bool {
        match self.running {
            Running::Processes(mut processes) => stop_all(&mut processes).await,
            Running::InProcess(nodes) => {
                for node in nodes {
                    node.stop().await;
                }
                true
            }
        }
    }

    /// Grains from the faucet, executed when this returns.
    pub async fn fund(&self, account: AccountId, amount: u64) -> Result<DevFunded, String> {
        let client = PollenClient::new(self.nodes.iter().map(|node| &node.endpoint));
        let client = client.map_err(|error| error.to_string())?;
        let action = Action::Transfer { to: account, amount };
        let intent = Intent::new(vec![action], TRANSFER_FUEL_MAX);
        let signed = client.sign(&faucet_key(), intent, rand::random()).await;
        let signed = signed.map_err(|error| error.to_string())?;
        let status = client.submit_and_wait(&signed, Stage::Executed, ORDER_PATIENCE).await;
        match status.map_err(|error| error.to_string())?.value.outcome {
            Some(TxOutcome::Success { .. }) => Ok(DevFunded { transaction: signed.hash }),
            Some(outcome) => Err(format!("the faucet's transfer failed: {outcome:?}")),
            None => Err("the faucet's transfer was not executed in time".to_owned()),
        }
    }

    /// Moves every node's clock; returns once the ledger's time has followed.
    pub async fn advance_time(&mut self, ms: u64) -> Result<DevTime, String> {
        if ms > ADVANCE_MAX_MS {
            return Err(format!("at most {ADVANCE_MAX_MS} milliseconds, which are ten years"));
        }
        let client = PollenClient::new(self.nodes.iter().map(|node| &node.endpoint));
        let client = client.map_err(|error| error.to_string())?;
        let time = async || {
            let head = client.chain_head(&ChainHeadParams::default()).await;
            head.map(|head| head.value.time_ms).map_err(|error| error.to_string())
        };
        let before = time().await?;
        self.past.ahead_ms = self.past.ahead_ms.saturating_add(ms);
        self.remember().map_err(|error| error.to_string())?;
        let question = Question::SetClock { ahead_ms: self.past.ahead_ms };
        let asked = self.nodes.iter().map(|node| self.ask(node, &question));
        futures::future::try_join_all(asked).await?;
        let deadline = tokio::time::Instant::now() + ORDER_PATIENCE;
        loop {
            let time_ms = time().await?;
            if time_ms >= before.saturating_add(ms) {
                return Ok(DevTime { time_ms, ahead_ms: self.past.ahead_ms });
            }
            if tokio::time::Instant::now() > deadline {
                return Err("the ledger's time did not follow: is there a quorum?".to_owned());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Keeps the network as it is now.
    pub async fn snapshot(&mut self) -> Result<DevSnapshot, String> {
        let holds = self.nodes.iter().map(|node| admin::hold(&node.data));
        // Let go when this returns, however it does.
        let _held =
            futures::future::try_join_all(holds).await.map_err(|error| error.to_string())?;
        self.past.snapshots += 1;
        let snapshot = self.past.snapshots;
        let folder = self.snapshot_folder(snapshot);
        // What stands there is of a snapshot that was not finished.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let folder = std::path::absolute(folder).map_err(|error| error.to_string())?;
        for (index, node) in self.nodes.iter().enumerate() {
            self.ask(node, &Question::Copy { to: copy_of(&folder, index) }).await?;
        }
        self.past.write(&self.root).map_err(|error| error.to_string())?;
        Ok(DevSnapshot { snapshot })
    }

    /// What going back to a snapshot is announced with; refused where there is none.
    pub fn announce(&self, snapshot: u32) -> Result<DevReverting, String> {
        if !(1..=self.past.snapshots).contains(&snapshot) {
            let made = self.past.snapshots;
            return Err(format!("there is no snapshot {snapshot}: {made} were made, from 1 on"));
        }
        Ok(DevReverting { reverts: self.past.reverts + 1 })
    }

    /// Goes back to a snapshot that [`Self::announce`] knows. What came after it is gone.
    pub async fn revert(mut self, snapshot: u32) -> Result<Self, DevError> {
        let in_process = match &mut self.running {
            Running::Processes(processes) => {
                // What they hold is given up.
                futures::future::join_all(processes.iter_mut().map(NodeProcess::kill)).await;
                false
            }
            Running::InProcess(nodes) => {
                for node in nodes.drain(..) {
                    node.stop().await;
                }
                true
            }
        };
        let folder = self.snapshot_folder(snapshot);
        for (index, node) in self.nodes.iter().enumerate() {
            put_back(&copy_of(&folder, index), &node.data)?;
        }
        self.past.reverts += 1;
        self.remember()?;
        self.running = Running::start(&self.nodes, in_process, |_| ()).await?;
        Ok(self)
    }

    /// Writes down what the next start, of all or of one, has to know.
    fn remember(&self) -> Result<(), DevError> {
        self.past.write(&self.root)?;
        for node in &self.nodes {
            let io = |source| DevError::Io { path: node.config.clone(), source };
            let text = fs::read_to_string(&node.config).map_err(io)?;
            let config = toml::from_str::<NodeConfig>(&text);
            let mut config = config.map_err(|error| io(std::io::Error::other(error)))?;
            config.dev = Some(section(&self.root, self.past));
            fs::write(&node.config, config.to_toml()).map_err(io)?;
        }
        Ok(())
    }

    fn snapshot_folder(&self, snapshot: u32) -> PathBuf {
        self.root.join("snapshots").join(snapshot.to_string())
    }

    async fn ask(&self, node: &DevNode, question: &Question) -> Result<(), String> {
        match admin::ask(&node.data, question, |_, _| ()).await {
            Ok(Some(admin::Answer::Failed { reason })) => Err(reason),
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(format!("the node of {} does not answer", node.data.display())),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// What a node's configuration says of its network.
pub(super) fn section(root: &Path, past: Past) -> DevSection {
    let control = std::path::absolute(super::control::socket(root));
    let control = control.unwrap_or_else(|_| super::control::socket(root));
    DevSection { control, ahead_ms: past.ahead_ms, reverts: past.reverts }
}

fn copy_of(snapshot: &Path, index: usize) -> PathBuf {
    snapshot.join(format!("node-{}", index + 1))
}

/// Puts a copy of a database in its place, and takes away what was made of what came after it. Tables are never
/// changed, so they are shared with the copy; the rest is.
fn put_back(copy: &Path, data: &Path) -> Result<(), DevError> {
    let io = |source| DevError::Io { path: data.to_owned(), source };
    let ledger = data.join("ledger");
    for made in [&ledger, &data.join("snapshots")] {
        match fs::remove_dir_all(made) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
            _ => {}
        }
    }
    fs::create_dir_all(&ledger).map_err(io)?;
    for file in fs::read_dir(copy).map_err(io)? {
        let file = file.map_err(io)?;
        let (from, to) = (file.path(), ledger.join(file.file_name()));
        match from.extension().is_some_and(|kind| kind == "sst") {
            true => fs::hard_link(&from, &to).map_err(io)?,
            false => fs::copy(&from, &to).map(|_| ()).map_err(io)?,
        }
    }
    Ok(())
}
