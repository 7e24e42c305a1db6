//! RocksDB behind [`Store`]: one database, one write-ahead log, so that a batch is atomic over families.
//!
//! The log is always on and recovery takes a prefix of it (point in time). Checks are paranoid. Memory is
//! bounded: one block cache and one budget of write buffers for all families together.

use std::path::Path;

use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamilyDescriptor, DB, DBCompressionType, DBRecoveryMode,
    ErrorKind, LogLevel, Options, ReadOptions, SliceTransform, WriteBatch, WriteOptions,
};

use self::synced::{Mark, SyncedMark};
use super::database::meta;
use super::open::can_migrate;
use super::{
    Batch, Direction, Durability, Entry, Family, OpenError, SCHEMA_VERSION, Scan, Store, StoreError,
};
use crate::codec;

mod care;
mod synced;

pub use care::FamilySize;

/// Shared by all families: blocks, indexes and filters.
const CACHE_BYTES: usize = 32 << 20;
/// Write buffers of all families together.
const WRITE_BUFFERS_BYTES: usize = 48 << 20;
/// A family's write buffer: the large ones', and the others'.
const WRITE_BUFFER_BYTES: (usize, usize) = (16 << 20, 4 << 20);
/// Log files are let go once all they hold is flushed; this bounds what a restart replays.
const LOGS_BYTES: u64 = 96 << 20;
/// Open table files.
const OPEN_FILES: i32 = 512;
/// Values from here on live in blob files, where compaction does not copy them.
const BLOB_BYTES_MIN: u64 = 1024;

/// See the module's documentation.
pub struct RocksStore {
    database: DB,
    /// None of a database that is only read.
    synced: Option<SyncedMark>,
}

impl std::fmt::Debug for RocksStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RocksStore({})", self.database.path().display())
    }
}

impl RocksStore {
    /// Opens the database in a directory, or makes one. The directory's parent must exist.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let mark = marked(path)?;
        let mut options = database_options();
        if path.join("CURRENT").exists() {
            // Before anything is made: another version's database is refused as it was.
            check_families(path, &options, Missing::MayBeMade)?;
        }
        options.create_missing_column_families(true);
        // Where a database was, none is begun anew: RocksDB would throw away the tables of the old one.
        options.create_if_missing(mark.is_none());
        let database = DB::open_cf_descriptors(&options, path, families())
            .map_err(|error| open_error(path, &error))?;
        check_synced(path, mark, &database)?;
        let synced = SyncedMark::keep(path, database.latest_sequence_number())?;
        Ok(Self { database, synced: Some(synced) })
    }

    /// Opens a database that nobody else has open, to look at it: no byte of its files is changed, and every
    /// write is refused.
    pub fn open_read_only(path: &Path) -> Result<Self, OpenError> {
        let mark = marked(path)?;
        let options = database_options();
        check_families(path, &options, Missing::Refused)?;
        let database = DB::open_cf_descriptors_read_only(&options, path, families(), false)
            .map_err(|error| open_error(path, &error))?;
        check_synced(path, mark, &database)?;
        Ok(Self { database, synced: None })
    }

    fn family(&self, family: Family) -> &rocksdb::ColumnFamily {
        self.database.cf_handle(family.name()).expect("every family is made at opening")
    }
}

fn families() -> [ColumnFamilyDescriptor; Family::ALL.len()] {
    let cache = Cache::new_lru_cache(CACHE_BYTES);
    Family::ALL
        .map(|family| ColumnFamilyDescriptor::new(family.name(), family_options(family, &cache)))
}

/// What becomes of families that are not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    /// They are made where that is right: of a database whose making was interrupted, and of one that a
    /// migration is for.
    MayBeMade,
    /// Nothing may be written.
    Refused,
}

/// Looks at the families of a database that is not open, and at its schema where they are not this program's.
/// (Only there: reading the schema means to read the log, which the opening does once more.) Nothing is changed.
fn check_families(path: &Path, options: &Options, missing: Missing) -> Result<(), OpenError> {
    let present = DB::list_cf(options, path).map_err(|error| open_error(path, &error))?;
    let is_present = |family: &Family| present.iter().any(|name| name == family.name());
    let known =
        |name: &String| name == "default" || Family::ALL.iter().any(|one| one.name() == name);
    if let Some(unknown) = present.iter().find(|name| !known(name)) {
        return Err(OpenError::Newer { what: format!("it has a family {unknown}") });
    }
    let Some(absent) = Family::ALL.iter().find(|family| !is_present(family)) else {
        return Ok(());
    };
    let found = if is_present(&Family::Meta) { schema(path, options)? } else { None };
    match found {
        Some(found) if found < SCHEMA_VERSION => match missing {
            Missing::MayBeMade if can_migrate(found) => Ok(()),
            _ => Err(OpenError::Older { found, needed: SCHEMA_VERSION }),
        },
        Some(found) if found > SCHEMA_VERSION => Err(OpenError::newer(found)),
        // RocksDB makes one after the other: a kill in between leaves some.
        None if missing == Missing::MayBeMade => Ok(()),
        _ => {
            let what = format!("{}: family {} is missing", path.display(), absent.name());
            Err(StoreError::Corrupt { what }.into())
        }
    }
}

/// The schema that a database of any schema names.
fn schema(path: &Path, options: &Options) -> Result<Option<u32>, OpenError> {
    let failed = |error| open_error(path, &error);
    let families = [Family::Meta.name()];
    let database = DB::open_cf_for_read_only(options, path, families, false).map_err(failed)?;
    let Some(family) = database.cf_handle(Family::Meta.name()) else { return Ok(None) };
    let found = database.get_cf(family, meta::SCHEMA).map_err(failed)?;
    Ok(found.and_then(|bytes| codec::decode(&bytes, 4).ok()))
}

/// What is known to be synced; its list of files must be there.
fn marked(path: &Path) -> Result<Option<Mark>, StoreError> {
    let mark = Mark::read(path)?;
    if let Some(mark) = &mark {
        mark.check_manifest(path)?;
    }
    Ok(mark)
}

/// What was synced must be there.
fn check_synced(path: &Path, mark: Option<Mark>, database: &DB) -> Result<(), StoreError> {
    let last = database.latest_sequence_number();
    match mark.filter(|mark| mark.change > last) {
        None => Ok(()),
        Some(Mark { change, .. }) => Err(StoreError::Corrupt {
            what: format!(
                "{}: the log ends at change {last}, but {change} were synced: its end is damaged or missing",
                path.display()
            ),
        }),
    }
}

fn database_options() -> Options {
    let mut options = Options::default();
    options.set_paranoid_checks(true);
    options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_db_write_buffer_size(WRITE_BUFFERS_BYTES);
    options.set_max_total_wal_size(LOGS_BYTES);
    options.set_max_open_files(OPEN_FILES);
    options.set_max_background_jobs(2);
    options.set_bytes_per_sync(1 << 20);
    options.set_log_level(LogLevel::Warn);
    options.set_keep_log_file_num(2);
    options.set_max_log_file_size(1 << 20);
    options
}

fn family_options(family: Family, cache: &Cache) -> Options {
    let mut options = Options::default();
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_max_write_buffer_number(3);
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    table.set_cache_index_and_filter_blocks(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    table.set_format_version(5);
    let (large, small) = WRITE_BUFFER_BYTES;
    let buffer = match family {
        Family::Dag
        | Family::Transactions
        | Family::Receipts
        | Family::State
        | Family::Undo
        | Family::Tree => large,
        _ => small,
    };
    options.set_write_buffer_size(buffer);
    match family {
        Family::State | Family::Modules | Family::Tree => table.set_bloom_filter(10.0, false),
        Family::TransactionIndex => {
            // Every transaction that comes in is looked up here first, and mostly is not there.
            options.set_memtable_whole_key_filtering(true);
            options.set_memtable_prefix_bloom_ratio(0.05);
            table.set_bloom_filter(10.0, false);
        }
        Family::Undo => {
            // All heights of a key share its hash, and reads ask for one key at a time.
            options.set_prefix_extractor(SliceTransform::create_fixed_prefix(32));
            options.set_memtable_prefix_bloom_ratio(0.05);
            table.set_bloom_filter(10.0, false);
            table.set_whole_key_filtering(false);
        }
        _ => {}
    }
    if family == Family::Tree {
        // Hashes: there is nothing to compress.
        options.set_compression_type(DBCompressionType::None);
    }
    if matches!(family, Family::Dag | Family::Transactions | Family::Modules) {
        options.set_enable_blob_files(true);
        options.set_min_blob_size(BLOB_BYTES_MIN);
        options.set_blob_compression_type(DBCompressionType::Lz4);
        options.set_enable_blob_gc(true);
    }
    if matches!(
        family,
        Family::Dag
            | Family::Commits
            | Family::Checkpoints
            | Family::Certificates
            | Family::Transactions
            | Family::Receipts
            | Family::UndoKeys
            | Family::Tree
            | Family::TreeStale
    ) {
        // Keys only grow: files of level 0 do not overlap, so many of them cost little.
        options.set_level_zero_file_num_compaction_trigger(8);
        options.set_level_zero_slowdown_writes_trigger(40);
        options.set_level_zero_stop_writes_trigger(64);
    }
    options.set_block_based_table_factory(&table);
    options
}

fn open_error(path: &Path, error: &rocksdb::Error) -> OpenError {
    let text = error.to_string();
    // RocksDB has no kind of its own for it: LockFile answers an IO error that names the LOCK file.
    if text.contains("LOCK") {
        return OpenError::Locked { path: path.to_owned() };
    }
    match error.kind() {
        ErrorKind::Corruption => {
            OpenError::Store(StoreError::Corrupt { what: format!("{}: {text}", path.display()) })
        }
        // A family that this program does not know: made by a newer one.
        ErrorKind::InvalidArgument if text.contains("olumn famil") => {
            OpenError::Newer { what: format!("{}: {text}", path.display()) }
        }
        _ if is_full(&text) => OpenError::Store(io_error(text)),
        _ => OpenError::Store(StoreError::Io(format!(
            "cannot open {}: {text}: when files are damaged or missing, restore a backup, or move the folder \
             away and let the node sync again",
            path.display()
        ))),
    }
}

fn store_error(error: &rocksdb::Error) -> StoreError {
    match error.kind() {
        ErrorKind::Corruption => StoreError::Corrupt { what: error.to_string() },
        _ => io_error(error.to_string()),
    }
}

fn is_full(text: &str) -> bool {
    text.contains("No space left")
}

/// With what to do, where the cause is one that an operator can take away.
fn io_error(text: String) -> StoreError {
    match is_full(&text) {
        true => StoreError::Io(format!(
            "{text}: the disk is full: make room and start the node again, nothing acknowledged is lost"
        )),
        false => StoreError::Io(text),
    }
}

impl Store for RocksStore {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.database.get_cf(self.family(family), key).map_err(|error| store_error(&error))
    }

    fn write(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        let mut write = WriteBatch::default();
        for operation in batch.operations() {
            let family = self.family(operation.family);
            match operation.value {
                Some(value) => write.put_cf(family, operation.key, value),
                None => write.delete_cf(family, operation.key),
            }
        }
        let mut options = WriteOptions::default();
        options.set_sync(durability == Durability::Synced);
        // Ours come after whatever is there now, each change with a number of its own. What is there now is
        // before ours in the log, so our sync covers it.
        let synced_to = self.database.latest_sequence_number() + write.len() as u64;
        self.database.write_opt(write, &options).map_err(|error| store_error(&error))?;
        match &self.synced {
            Some(mark) if durability == Durability::Synced => mark.raise(synced_to),
            _ => Ok(()),
        }
    }

    fn scan(&self, scan: Scan<'_>) -> Result<Vec<Entry>, StoreError> {
        if scan.from >= scan.to {
            return Ok(Vec::new());
        }
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(scan.from);
        options.set_iterate_upper_bound(scan.to);
        // Only a range inside one prefix may use the prefix filter; others need the total order.
        let one_prefix = scan.from.len() >= 32 && scan.to.get(..32) == scan.from.get(..32);
        options.set_total_order_seek(!(scan.family == Family::Undo && one_prefix));
        let mut iterator = self.database.raw_iterator_cf_opt(self.family(scan.family), options);
        match scan.direction {
            Direction::Ascending => iterator.seek(scan.from),
            Direction::Descending => iterator.seek_to_last(),
        }
        let mut entries = Vec::new();
        let mut bytes = 0;
        while entries.len() < scan.limit && bytes < scan.bytes_max {
            let Some((key, value)) = iterator.item() else { break };
            bytes += key.len() + value.len();
            entries.push((key.to_vec(), value.to_vec()));
            match scan.direction {
                Direction::Ascending => iterator.next(),
                Direction::Descending => iterator.prev(),
            }
        }
        iterator.status().map_err(|error| store_error(&error))?;
        Ok(entries)
    }
}
