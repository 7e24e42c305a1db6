//! Where the program keeps a user's keys, and how it finds a network to talk to.

use std::path::{Path, PathBuf};

use pollen_ledger::Hash;
use serde::{Deserialize, Serialize};

/// What a running development network leaves for the commands: `network.json` in the home folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkFile {
    /// The chain's name.
    pub name: String,
    /// The chain.
    pub chain_id: Hash,
    /// JSON-RPC endpoints, node 1 first.
    pub endpoints: Vec<String>,
    /// Their process ids, in the same order, for measurements.
    #[serde(default)]
    pub processes: Vec<u32>,
}

impl NetworkFile {
    fn path(home: &Path) -> PathBuf {
        home.join("network.json")
    }

    /// The network that was started from this home folder, when there is one.
    pub fn read(home: &Path) -> Option<Self> {
        serde_json::from_str(&std::fs::read_to_string(Self::path(home)).ok()?).ok()
    }

    /// Leaves it for the commands; replaced as a whole.
    pub fn write(&self, home: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(home)?;
        let text = serde_json::to_string_pretty(self).expect("plain strings");
        let next = home.join("network.json.next");
        std::fs::write(&next, text)?;
        std::fs::rename(next, Self::path(home))
    }
}

/// The home folder: what was given, else the nearest `.pollen` at or above the working directory, else
/// `.pollen` in the user's home.
pub fn find(given: Option<PathBuf>) -> PathBuf {
    if let Some(given) = given {
        return given;
    }
    let here = std::env::current_dir().unwrap_or_default();
    let user = std::env::var_os("HOME").map_or_else(|| here.clone(), PathBuf::from);
    here.ancestors()
        .map(|folder| folder.join(".pollen"))
        .find(|folder| folder.is_dir())
        .unwrap_or_else(|| user.join(".pollen"))
}
