//! What an operator asks of the database itself: how large it is, compaction, and a copy of it while it is
//! written to.

use std::ffi::CStr;
use std::path::Path;

use rocksdb::checkpoint::Checkpoint;
use rocksdb::properties;
use serde::{Deserialize, Serialize};

use super::{RocksStore, store_error};
use crate::store::{Family, StoreError};

/// How large a family is, as RocksDB estimates it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FamilySize {
    /// Its name.
    pub family: String,
    /// Entries, an estimate: overwritten ones count until compaction.
    pub entries: u64,
    /// Bytes of its table files.
    pub table_bytes: u64,
    /// Bytes of its blob files.
    pub blob_bytes: u64,
    /// Bytes in memory that are in the log and in no table yet.
    pub memory_bytes: u64,
    /// Table files of each level that has any, from level 0 on.
    pub levels: Vec<u64>,
}

/// The property that rocksdb's own list of them lacks.
const BLOB_BYTES: &CStr = c"rocksdb.live-blob-file-size";
/// Levels of a family in RocksDB.
const LEVELS: usize = 7;

impl RocksStore {
    /// Every family's size, in the order of [`Family::ALL`].
    pub fn sizes(&self) -> Result<Vec<FamilySize>, StoreError> {
        Family::ALL.into_iter().map(|family| self.size(family)).collect()
    }

    fn size(&self, family: Family) -> Result<FamilySize, StoreError> {
        let number = |name: &CStr| {
            let asked = self.database.property_int_value_cf(self.family(family), name);
            asked.map(Option::unwrap_or_default).map_err(|error| store_error(&error))
        };
        let files = |level| {
            let name = properties::num_files_at_level(level);
            let text = self.database.property_value_cf(self.family(family), &name);
            text.map_err(|error| store_error(&error))
                .map(|text| text.and_then(|text| text.parse().ok()).unwrap_or_default())
        };
        let mut levels = (0..LEVELS).map(files).collect::<Result<Vec<u64>, _>>()?;
        levels.truncate(levels.iter().rposition(|files| *files > 0).map_or(0, |last| last + 1));
        Ok(FamilySize {
            family: family.name().to_owned(),
            entries: number(properties::ESTIMATE_NUM_KEYS)?,
            table_bytes: number(properties::TOTAL_SST_FILES_SIZE)?,
            blob_bytes: number(BLOB_BYTES)?,
            memory_bytes: number(properties::CUR_SIZE_ALL_MEM_TABLES)?,
            levels,
        })
    }

    /// Rewrites a family without what was overwritten or deleted. Takes as long as copying it. A database
    /// that could not write (no room, a broken disk) takes no more writes afterwards.
    pub fn compact(&self, family: Family) -> Result<(), StoreError> {
        let (errors, at) = (self.background_errors()?, self.family(family));
        // The compaction's own result does not reach us (rust-rocksdb returns none): a flush tells of a
        // full disk, the count of failures of all else.
        self.database.flush_cf(at).map_err(|error| store_error(&error))?;
        self.database.compact_range_cf(at, None::<&[u8]>, None::<&[u8]>);
        match self.background_errors()? == errors {
            true => Ok(()),
            false => Err(StoreError::Io(format!("{} could not be compacted", family.name()))),
        }
    }

    fn background_errors(&self) -> Result<u64, StoreError> {
        let errors = self.database.property_int_value("rocksdb.background-errors");
        Ok(errors.map_err(|error| store_error(&error))?.unwrap_or_default())
    }

    /// Makes a copy of the whole database, as of one moment, in a folder that must not exist. Writing goes
    /// on meanwhile. On the same file system table files are hard links: what is damaged later is damaged in
    /// both, until the copy is copied elsewhere.
    pub fn copy_to(&self, folder: &Path) -> Result<(), StoreError> {
        let checkpoint = Checkpoint::new(&self.database).map_err(|error| store_error(&error))?;
        checkpoint.create_checkpoint(folder).map_err(|error| store_error(&error))
    }

    /// The same for a snapshot: the log is copied and not worked off first, so that writing waits no longer
    /// than for copying it.
    pub fn snapshot_to(&self, folder: &Path) -> Result<(), StoreError> {
        let checkpoint = Checkpoint::new(&self.database).map_err(|error| store_error(&error))?;
        checkpoint
            .create_checkpoint_with_log_size(folder, u64::MAX)
            .map_err(|error| store_error(&error))
    }
}
