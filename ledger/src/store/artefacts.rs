//! What a node remembers about the code that it compiled: its own, never consensus, and nothing is lost with
//! it but the time to compile again.

use super::database::meta;
use super::{Batch, Database, Direction, Family, Scan, StoreError};
use crate::crypto::Hash;

/// Bytes of code that are read at a time.
const PAGE_BYTES: usize = 8 << 20;

impl Database {
    /// The checksum of a file of compiled code, by the file's name.
    pub fn artefact_sum(&self, file: &Hash) -> Result<Option<Hash>, StoreError> {
        self.meta(&artefact(file))
    }

    /// Adds the checksum of a file of compiled code, or takes it out.
    pub fn put_artefact_sum(batch: &mut Batch, file: &Hash, sum: Option<&Hash>) {
        match sum {
            Some(sum) => batch.put(Family::Meta, artefact(file), sum.0),
            None => batch.delete(Family::Meta, artefact(file)),
        }
    }

    /// The hashes of the components here, at most `limit`, from one on.
    pub fn codes(&self, from: &Hash, limit: usize) -> Result<Vec<Hash>, StoreError> {
        let entries = self.store.scan(Scan {
            family: Family::Modules,
            from: &from.0,
            to: &[0xff; 33],
            limit,
            bytes_max: PAGE_BYTES,
            direction: Direction::Ascending,
        })?;
        let hash = |key: &[u8]| {
            key.try_into()
                .map(Hash)
                .map_err(|_| StoreError::Corrupt { what: format!("modules {}", hex::encode(key)) })
        };
        entries.iter().map(|(key, _)| hash(key)).collect()
    }
}

fn artefact(file: &Hash) -> Vec<u8> {
    [meta::ARTEFACT, &file.0].concat()
}
