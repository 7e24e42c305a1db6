//! Snapshots of a running node: copies of its database, each right after a checkpoint was written, from which
//! new nodes take the state. What is in one and how it is proved: `pollen_ledger::store::snapshot`.
//!
//! A copy is a folder `snapshots/HEIGHT` in the data folder. Its table files are hard links, and the log is
//! copied: so making one takes tens of milliseconds and, at first, next to no room. It keeps on disk what the
//! database has let go since; so only the newest few are kept.
//!
//! Not here: serving them, and exports to a file.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use pollen_ledger::store::{Database, RocksStore, StoreError};

use crate::config::SnapshotsSection;
use crate::failpoints;

pub mod file;

/// Their folder in a data folder.
pub const FOLDER: &str = "snapshots";
/// What a copy's folder is called until it is whole: RocksDB makes it so.
const PARTIAL: &str = ".tmp";
/// What it is called from the moment that it is let go: then it is no snapshot, whatever of it is still there.
const GOING: &str = ".going";

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
        let folder = self.folder_of(height);
        let begun = Instant::now();
        if !folder.exists() {
            std::fs::create_dir_all(&self.folder).map_err(failed)?;
            self.clear_partial().map_err(failed)?;
            let copy = || self.rocks.snapshot_to(&folder).map_err(std::io::Error::other);
            failpoints::file("snapshot", copy).map_err(failed)?;
        }
        Ok(Made { height, folder, pause: begun.elapsed() })
    }

    /// The folder of one, whether it is there or not.
    pub fn folder_of(&self, height: u64) -> PathBuf {
        self.folder.join(height.to_string())
    }

    /// Removes what interrupted attempts have left. Before any is made, or under the gate: nobody makes one now.
    pub fn clear_partial(&self) -> std::io::Result<()> {
        self.remove_all(PARTIAL)
    }

    /// Removes all folders with this ending.
    fn remove_all(&self, ending: &str) -> std::io::Result<()> {
        let entries = match std::fs::read_dir(&self.folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_name().to_string_lossy().ends_with(ending) {
                match std::fs::remove_dir_all(entry.path()) {
                    // Another call was faster.
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    removed => removed?,
                }
            }
        }
        Ok(())
    }

    /// [`Self::let_go`] on a thread of its own.
    pub fn let_go_aside(self: &Arc<Self>) {
        let this = self.clone();
        std::thread::spawn(move || this.let_go());
    }

    /// Removes all but the newest, and what an interrupted attempt at that has left. Large files take their
    /// time to go: not on a thread that has other work.
    pub fn let_go(&self) {
        if let Err(error) = self.let_go_but_newest() {
            tracing::warn!(%error, "cannot remove an old snapshot");
        }
    }

    fn let_go_but_newest(&self) -> std::io::Result<()> {
        let data = self.folder.parent().expect("it is in the data folder");
        let (keep, found) = (self.section.keep.max(1), list(data)?);
        for (height, folder) in &found[..found.len().saturating_sub(keep)] {
            // At once, and as a whole: a kill in the middle must not leave half a snapshot under its name.
            let going = self.folder.join(format!("{height}{GOING}"));
            match failpoints::file("let-go", || std::fs::rename(folder, &going)) {
                // Another call was faster.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                renamed => renamed?,
            }
            tracing::info!(height, "let go of a snapshot");
        }
        self.remove_all(GOING)
    }
}

#[cfg(test)]
mod tests {
    use pollen_ledger::store::MemoryStore;

    use super::*;
    use crate::dev;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Story: a node was killed while it removed an old snapshot: half of its files were left under its name, it
    /// was offered from then on, and nothing ever removed the rest.
    #[test]
    fn what_a_kill_left_of_a_snapshot_is_none_and_goes() {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join(FOLDER);
        for name in ["100.going/x", "200.tmp", "300", "400", "500"] {
            std::fs::create_dir_all(folder.join(name)).unwrap();
        }
        let heights = |data: &Path| list(data).unwrap().into_iter().map(|(height, _)| height);
        assert_eq!(heights(data.path()).collect::<Vec<_>>(), [300, 400, 500]);
        let rocks = Arc::new(RocksStore::open(&data.path().join("ledger")).unwrap());
        let section = SnapshotsSection { interval: 0, keep: 2 };
        let snapshots = Snapshots::new(data.path(), rocks, section);
        snapshots.let_go();
        assert_eq!(
            names(&folder),
            ["200.tmp", "400", "500"],
            "one that is being made is left alone"
        );
        let database =
            Database::open(Arc::new(MemoryStore::new()), &dev::genesis(4), None).unwrap();
        let made = snapshots.make(&database).unwrap();
        assert_eq!((made.height, made.folder), (0, snapshots.folder_of(0)));
        assert_eq!(names(&folder), ["0", "400", "500"]);
    }
}
