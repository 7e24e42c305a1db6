//! What a node does about compiled code: keeps the checksums of its files in the database, and makes the
//! modules that were used last ready again after a start, beside everything else.

use std::fmt;
use std::sync::{Arc, Weak};
use std::thread;

use pollen_ledger::crypto::Hash;
use pollen_ledger::store::{Batch, Database, Durability, StoreError};
use pollen_vm::Vm;
use pollen_vm::cache::ArtefactSums;

/// Hashes of code that are read at a time.
const PAGE_CODES: usize = 256;

/// Checksums in the node's database.
pub struct DatabaseSums(pub Arc<Database>);

impl fmt::Debug for DatabaseSums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseSums")
    }
}

impl ArtefactSums for DatabaseSums {
    fn get(&self, file: &Hash) -> Option<Hash> {
        self.0.artefact_sum(file).unwrap_or_else(|error| {
            tracing::warn!(%error, "the checksum of compiled code cannot be read");
            None
        })
    }

    fn put(&self, file: &Hash, sum: Option<&Hash>) -> Result<(), String> {
        let mut batch = Batch::default();
        Database::put_artefact_sum(&mut batch, file, sum);
        // A crash may lose it: then the file is compiled again.
        self.0.write(batch, Durability::Buffered).map_err(|error| error.to_string())
    }
}

/// Starts a thread that makes modules ready, those first that were used last, until as many are as may be
/// in memory. It ends early when the node does.
pub fn warm_up(vm: &Arc<Vm>, database: &Arc<Database>) -> thread::JoinHandle<()> {
    let (vm, database) = (Arc::downgrade(vm), Arc::downgrade(database));
    let run = move || match make_ready(&vm, &database) {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "modules are ready"),
        Err(error) => tracing::warn!(%error, "modules are made ready when they are called"),
    };
    let builder = thread::Builder::new().name("warm-up".to_owned());
    builder.spawn(run).expect("the system starts a thread")
}

fn make_ready(vm: &Weak<Vm>, database: &Weak<Database>) -> Result<usize, StoreError> {
    let Some(codes) = most_recent(vm, database)? else { return Ok(0) };
    let mut count = 0;
    for hash in codes {
        // Both are gone when the node stops.
        let (Some(vm), Some(database)) = (vm.upgrade(), database.upgrade()) else { break };
        let Some(code) = database.code(&hash)? else { continue };
        match vm.ready(&hash, &code) {
            Ok(()) => count += 1,
            Err(error) => tracing::warn!(%hash, %error, "a module could not be made ready"),
        }
    }
    Ok(count)
}

/// The codes to make ready, the last used first, those after them that were never compiled here.
fn most_recent(vm: &Weak<Vm>, database: &Weak<Database>) -> Result<Option<Vec<Hash>>, StoreError> {
    let mut codes = Vec::new();
    let mut from = Hash::ZERO;
    loop {
        let (Some(vm), Some(database)) = (vm.upgrade(), database.upgrade()) else {
            return Ok(None);
        };
        let page = database.codes(&from, PAGE_CODES)?;
        let Some(last) = page.last() else { break };
        from = *last;
        let is_last_page = page.len() == 1;
        codes.extend(page.into_iter().map(|hash| (vm.last_used(&hash), hash)));
        if is_last_page {
            break;
        }
    }
    codes.sort_unstable();
    codes.dedup();
    codes.reverse();
    let most = vm.upgrade().map_or(0, |vm| vm.modules_in_memory());
    Ok(Some(codes.into_iter().take(most).map(|(_, hash)| hash).collect()))
}
