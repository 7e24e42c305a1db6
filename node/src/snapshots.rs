//! Snapshots of a running node: copies of its database, each right after a checkpoint was written, from which
//! new nodes take the state. What is in one and how it is proved: `pollen_ledger::store::snapshot`.
//!
//! A copy is a folder `snapshots/HEIGHT` in the data folder. Its table files are hard links, and the log is
//! copied: so making one takes tens of milliseconds and, at first, next to no room. It keeps on disk what the
//! database has let go since; so only the newest few are kept.
//!
//! Not here: serving them, and exports to a file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use pollen_ledger::store::{Database, RocksStore, StoreError};

use crate::config::SnapshotsSection;

pub mod file;

/// Their folder in a data folder.
pub const FOLDER: &str = "snapshots";
/// What a copy's folder is called until it is whole: RocksDB makes it so.
const PARTIAL: &str = ".tmp";

/// Makes snapshots of a database, and lets go of old ones.
pub struct Snapshots {
    folder: PathBuf,
    rocks: Arc<RocksStore>,
    section: SnapshotsSection,
    /// Held while checkpoints are written, and while a copy is made: so the copy's tip is the one it is named
    /// for.
    gate: Mutex<()>,
}

/// A snapshot that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Its height.
    pub height: u64,
    /// Where it is.
    pub folder: PathBuf,
    /// How long checkpoints waited for it.
    pub pause: Duration,
}

/// The snapshots in a data folder, the lowest first.
pub fn list(data: &Path) -> std::io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    let entries = match std::fs::read_dir(data.join(FOLDER)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let height = name.to_str().and_then(|name| name.parse::<u64>().ok());
        if let Some(height) = height.filter(|height| name.to_str() == Some(&height.to_string())) {
            found.push((height, entry.path()));
        }
    }
    found.sort_unstable();
    Ok(found)
}

impl Snapshots {
    /// Of the database of a data folder.
    pub fn new(data: &Path, rocks: Arc<RocksStore>, section: SnapshotsSection) -> Self {
        Self { folder: data.join(FOLDER), rocks, section, gate: Mutex::new(()) }
    }

    /// To be held while checkpoints are written.
    pub fn writing(&self) -> MutexGuard<'_, ()> {
        self.gate.lock()
    }

    /// Whether the configuration wants a snapshot of this height.
    pub fn is_due(&self, height: u64) -> bool {
        self.section.interval != 0 && height > 0 && height.is_multiple_of(self.section.interval)
    }

    /// A snapshot of the newest checkpoint. Old ones are still there: [`Self::let_go`].
    pub fn make(&self, database: &Database) -> Result<Made, StoreError> {
        let failed =
            |error: std::io::Error| StoreError::Io(format!("{}: {error}", self.folder.display()));
        let _gate = self.gate.lock();
        let height = database.tip()?.height;
        let folder = self.folder.join(height.to_string());
        let begun = Instant::now();
        if !folder.exists() {
            std::fs::create_dir_all(&self.folder).map_err(failed)?;
            self.clear_partial().map_err(failed)?;
            self.rocks.snapshot_to(&folder)?;
        }
        Ok(Made { height, folder, pause: begun.elapsed() })
    }

    /// Removes what interrupted attempts have left. Under the gate: nobody makes one now.
    fn clear_partial(&self) -> std::io::Result<()> {
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().ends_with(PARTIAL) {
                std::fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    /// Removes all but the newest. Large files take their time to go: not on a thread that has other work.
    pub fn let_go(&self) {
        let data = self.folder.parent().expect("it is in the data folder");
        let removed = list(data).and_then(|found| {
            let keep = self.section.keep.max(1);
            for (height, folder) in &found[..found.len().saturating_sub(keep)] {
                std::fs::remove_dir_all(folder)?;
                tracing::info!(height, "let go of a snapshot");
            }
            Ok(())
        });
        match removed {
            // Another call was faster.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(%error, "cannot remove an old snapshot"),
            Ok(()) => {}
        }
    }
}
