//! One node's own configuration: `pollen.toml`, then `POLLEN_*` variables, then flags. Any value is safe:
//! what all nodes must agree on stands in the genesis document.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format as _, Serialized, Toml};
use pollen_ledger::store::{Index, LedgerRetention, Retention};
use serde::{Deserialize, Serialize};

/// See the module's documentation. `pollen node --print-config` shows one with every default.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NodeConfig {
    /// Folder of the database and the compiled modules.
    pub data: PathBuf,
    /// The chain's genesis document; the development network's when empty.
    pub genesis: Option<PathBuf>,
    /// Key file of this node. A validator's key is in the genesis committee; any other makes a peer.
    pub key: PathBuf,
    /// Name in logs and in `node_info`.
    pub name: String,
    /// Network and RPC addresses.
    pub network: NetworkSection,
    /// JSON-RPC.
    pub rpc: RpcSection,
    /// Pacing of blocks and the pool of pending transactions.
    pub ordering: OrderingSection,
    /// Module host.
    pub modules: ModulesSection,
    /// The database's disk.
    pub storage: StorageSection,
    /// What it can find beside what everyone keeps.
    pub index: IndexSection,
    /// How a node without a ledger comes to one.
    pub sync: SyncSection,
    /// Copies of the database for new nodes.
    pub snapshots: SnapshotsSection,
    /// Log filter, as `info` or `pollen_node=debug,info`.
    pub log: String,
    /// Of a node of a development network only; `pollen dev` writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dev: Option<DevSection>,
}

/// What a node of a development network knows of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DevSection {
    /// Where `pollen dev` hears what is ordered of the whole network.
    pub control: PathBuf,
    /// How far the network's clock is ahead of the machine's, in milliseconds.
    pub ahead_ms: u64,
    /// How often the network went back to a snapshot.
    pub reverts: u32,
}

/// Peer-to-peer network.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkSection {
    /// Multiaddresses to listen on.
    pub listen: Vec<String>,
    /// Multiaddresses of nodes to connect to, each ending in `/p2p/ID` or not.
    pub peers: Vec<String>,
    /// Multiaddresses of validators by their name in the genesis document.
    pub validators: std::collections::BTreeMap<String, Vec<String>>,
}

/// JSON-RPC.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RpcSection {
    /// Where it listens. Loopback by default: put a reverse proxy before anything wider.
    pub listen: SocketAddr,
    /// Where monitoring reads `GET /metrics` (OpenMetrics text); nowhere unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<SocketAddr>,
    /// Names by which clients may call it, without port, beside those of loopback. Of an address that is not
    /// loopback every name is good where there is none.
    pub allowed_hosts: Vec<String>,
    /// Web pages that may call it from a browser, as `https://explorer.example`; `*` for all.
    pub allowed_origins: Vec<String>,
    /// Addresses of proxies in front of it: clients are counted by the address that these tell in `X-Forwarded-For`, and
    /// not by the proxy's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub proxies: Vec<IpAddr>,
}

/// Pacing and pool; see `Settings` of the ordering core.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OrderingSection {
    /// Least time between two blocks of ours, in milliseconds. A round costs about 2 ms of CPU over four
    /// nodes, so shorter rounds order a little sooner and carry less (docs/benchmarks.md).
    pub min_round_delay_ms: u64,
    /// Time between two blocks of ours while nothing is pending, in milliseconds.
    pub idle_round_delay_ms: u64,
}

/// Commits that every node keeps: a neighbour that lags by less finds them. It has to be well above what a peer
/// is behind that is merely busy.
pub const HISTORY_COMMITS_MIN: u64 = 64;

/// The database: its disk, and how much of the past it keeps.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StorageSection {
    /// Free space in MiB below which the node takes no more transactions, until there is more again; 0 = never
    /// mind.
    pub reserve_mib: u64,
    /// What of the past this node keeps: `validator`, `full` or `archive`. A validator's is `validator` unless
    /// told, a peer's `full`.
    pub role: Option<Role>,
    /// Hours of ledger time whose transactions, receipts, commits and blocks are kept, at least; an archive
    /// keeps all.
    pub history_hours: u64,
    /// Commits whose transactions, receipts and blocks are kept, at least, for nodes that lag; not less than
    /// [`HISTORY_COMMITS_MIN`] whatever it says.
    pub history_commits: u64,
    /// Checkpoints whose state can be read and proved, at least; an archive keeps all.
    pub state_checkpoints: u64,
    /// Minutes of ledger time whose state can be read and proved, at least.
    pub state_minutes: u64,
}

/// What a node keeps of the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A window, and it signs blocks.
    Validator,
    /// A window.
    Full,
    /// Everything.
    Archive,
}

impl Role {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Validator => "validator",
            Self::Full => "full",
            Self::Archive => "archive",
        }
    }
}

/// What a node keeps of the past, in the ledger's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeps {
    /// Of the state.
    pub state: Retention,
    /// Of transactions, receipts, commits and blocks.
    pub ledger: LedgerRetention,
}

impl StorageSection {
    /// The role of a node whose key is a validator's, or is not.
    pub fn role(&self, validator: bool) -> Role {
        self.role.unwrap_or(if validator { Role::Validator } else { Role::Full })
    }

    /// What a role keeps with these numbers.
    pub fn keeps(&self, role: Role) -> Keeps {
        if role == Role::Archive {
            return Keeps { state: Retention::EVERYTHING, ledger: LedgerRetention::EVERYTHING };
        }
        let time_ms = |number: u64, minutes: u64| number.saturating_mul(minutes * 60_000);
        Keeps {
            state: Retention {
                checkpoints: self.state_checkpoints,
                time_ms: time_ms(self.state_minutes, 1),
            },
            ledger: LedgerRetention {
                time_ms: time_ms(self.history_hours, 60),
                commits: self.history_commits.max(HISTORY_COMMITS_MIN),
            },
        }
    }
}

/// Optional indexes: the node's own, never consensus. One that is switched on is made at the next start out
/// of what the node holds, one that is switched off goes then.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IndexSection {
    /// Transactions by account: `tx_list`.
    pub accounts: bool,
    /// Keys of the state by owner: `state_scan`.
    pub keys: bool,
    /// Events by module: without it `events_query` looks through all receipts.
    pub events: bool,
}

impl IndexSection {
    /// Those that are switched on.
    pub fn wanted(&self) -> BTreeSet<Index> {
        let Self { accounts, keys, events } = *self;
        let all = [(Index::Accounts, accounts), (Index::Keys, keys), (Index::Events, events)];
        all.into_iter().filter(|(_, on)| *on).map(|(index, _)| index).collect()
    }
}

impl Default for IndexSection {
    fn default() -> Self {
        Self { accounts: false, keys: false, events: true }
    }
}

/// How a node without a ledger comes to one.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SyncSection {
    /// `snapshot`: takes a certified snapshot of the state from its peers when one has any. `genesis`: executes
    /// everything from the beginning itself, which takes longer and keeps all history.
    pub from: SyncFrom,
}

/// Where a node without a ledger begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SyncFrom {
    /// At a snapshot, where there is one.
    #[default]
    Snapshot,
    /// At the beginning.
    Genesis,
}

/// Copies of the database for new nodes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SnapshotsSection {
    /// One is made of every checkpoint whose height is a multiple of this; 0 = none. Nodes with the same
    /// number have the same snapshots, so that a new node can take parts from each.
    pub interval: u64,
    /// The newest so many are kept.
    pub keep: usize,
}

/// Module host.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModulesSection {
    /// Module instances that may exist at once, queries included.
    pub instances: u32,
}

impl Default for NodeConfig {
    fn default() -> Self {
        Self {
            data: "data".into(),
            genesis: None,
            key: "node.key.json".into(),
            name: String::new(),
            network: NetworkSection::default(),
            rpc: RpcSection::default(),
            ordering: OrderingSection::default(),
            modules: ModulesSection::default(),
            storage: StorageSection::default(),
            index: IndexSection::default(),
            sync: SyncSection::default(),
            snapshots: SnapshotsSection::default(),
            log: "info".into(),
            dev: None,
        }
    }
}

impl Default for NetworkSection {
    fn default() -> Self {
        Self {
            listen: vec![
                "/ip4/127.0.0.1/tcp/9750".into(),
                "/ip4/127.0.0.1/udp/9750/quic-v1".into(),
            ],
            peers: Vec::new(),
            validators: std::collections::BTreeMap::new(),
        }
    }
}

impl Default for RpcSection {
    fn default() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 9650));
        let (allowed_hosts, allowed_origins, proxies) = (Vec::new(), Vec::new(), Vec::new());
        Self { listen, metrics: None, allowed_hosts, allowed_origins, proxies }
    }
}

impl Default for OrderingSection {
    fn default() -> Self {
        Self { min_round_delay_ms: 5, idle_round_delay_ms: 500 }
    }
}

impl Default for StorageSection {
    fn default() -> Self {
        Self {
            reserve_mib: 1024,
            role: None,
            history_hours: 24,
            history_commits: LedgerRetention::default().commits,
            state_checkpoints: 256,
            state_minutes: 15,
        }
    }
}

impl Default for SnapshotsSection {
    fn default() -> Self {
        Self { interval: 10_000, keep: 2 }
    }
}

impl Default for ModulesSection {
    fn default() -> Self {
        Self { instances: 64 }
    }
}

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No such file.
    #[error("there is no configuration at {path}")]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A value that does not fit.
    #[error("configuration: {0}")]
    Invalid(#[from] Box<figment::Error>),
}

impl NodeConfig {
    /// Reads `file` when given, then `POLLEN_NODE_*` variables (`POLLEN_NODE_RPC__LISTEN`), over the
    /// defaults. Relative paths of the file are relative to its folder.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        if let Some(path) = file {
            if !path.is_file() {
                return Err(ConfigError::Missing { path: path.to_owned() });
            }
            figment = figment.merge(Toml::file_exact(path));
        }
        let mut config: Self = figment
            .merge(Env::prefixed("POLLEN_NODE_").split("__"))
            .extract()
            .map_err(|error| ConfigError::Invalid(Box::new(error)))?;
        if let Some(folder) = file.and_then(Path::parent) {
            for path in [Some(&mut config.data), Some(&mut config.key), config.genesis.as_mut()] {
                if let Some(path) = path.filter(|path| path.is_relative()) {
                    *path = folder.join(&*path);
                }
            }
        }
        Ok(config)
    }

    /// The configuration as a `pollen.toml`.
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).expect("a configuration has only TOML's types")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key's own role unless told, an archive whatever the numbers, and no number that overflows.
    #[test]
    fn a_role_says_what_is_kept() {
        let storage = StorageSection::default();
        assert_eq!(storage.role(true), Role::Validator);
        assert_eq!(storage.role(false), Role::Full);
        for role in [Role::Validator, Role::Full] {
            let keeps = storage.keeps(role);
            assert_eq!(
                keeps,
                Keeps { state: Retention::default(), ledger: LedgerRetention::default() }
            );
        }
        let text =
            "[storage]\nrole = \"archive\"\nhistory_hours = 1\nstate_minutes = 99999999999999999";
        let config: NodeConfig = toml::from_str(text).unwrap();
        let role = config.storage.role(true);
        let everything =
            Keeps { state: Retention::EVERYTHING, ledger: LedgerRetention::EVERYTHING };
        assert_eq!((role, config.storage.keeps(role)), (Role::Archive, everything));
        let full = config.storage.keeps(Role::Full);
        assert_eq!((full.ledger.time_ms, full.state.time_ms), (3_600_000, u64::MAX));
        let text = "[storage]\nhistory_commits = 0\nhistory_hours = 0";
        let small: NodeConfig = toml::from_str(text).unwrap();
        let small = small.storage.keeps(Role::Full).ledger;
        assert_eq!((small.time_ms, small.commits), (0, HISTORY_COMMITS_MIN));
        assert!(toml::from_str::<NodeConfig>("[storage]\nrole = \"edge\"").is_err());
        let again: NodeConfig = toml::from_str(&config.to_toml()).unwrap();
        assert_eq!(again.storage.role, Some(Role::Archive));
    }

    /// Events alone unless told; a name that is none is a mistake, not an index that is off.
    #[test]
    fn indexes_are_switched_by_name() {
        assert_eq!(NodeConfig::default().index.wanted(), [Index::Events].into());
        let text = "[index]\naccounts = true\nevents = false";
        let config: NodeConfig = toml::from_str(text).unwrap();
        assert_eq!(config.index.wanted(), [Index::Accounts].into());
        assert!(toml::from_str::<NodeConfig>("[index]\ntopics = true").is_err());
    }
}
