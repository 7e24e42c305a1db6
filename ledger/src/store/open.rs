//! Opening: a new directory gets its genesis, an old one is checked before anything is believed of it.
//! Whatever does not fit is refused with what to do; nothing is repaired.

use std::path::PathBuf;
use std::sync::Arc;

use super::database::{decode, meta};
use super::{Batch, Database, Direction, Durability, Family, Scan, Store, StoreError};
use crate::block::Round;
use crate::codec;
use crate::crypto::{Hash, PublicKey};
use crate::execution::genesis_batch;
use crate::genesis::Genesis;
use crate::ordering::SigningHistory;

/// The layout that this program reads and writes.
pub const SCHEMA_VERSION: u32 = 6;

/// Brings a store from one schema to a later one, which it writes into `meta` with its last batch: after a
/// crash it begins again.
type Migration = fn(&dyn Store) -> Result<(), OpenError>;

/// By the schema that each begins with. Older ones than those are refused.
const MIGRATIONS: &[(u32, Migration)] = &[];

/// True of a schema that this program brings up to date.
#[cfg(feature = "rocksdb")]
pub(super) fn can_migrate(schema: u32) -> bool {
    MIGRATIONS.iter().any(|(from, _)| *from == schema)
}

/// Why a data directory was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database said no.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another process has it open.
    #[error(
        "{} is in use by another process: stop that node, or give this one a data directory of its own",
        path.display()
    )]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// Written by a later program.
    #[error(
        "the data directory was written by a newer version of this program ({what}): install that version"
    )]
    Newer {
        /// What showed it.
        what: String,
    },
    /// Written by an earlier program, in a way that this one cannot bring up to date.
    #[error(
        "the data directory has schema {found}, this program needs {needed} and cannot convert it: use an empty data \
         directory and let the node sync again, or the version of the program that wrote it"
    )]
    Older {
        /// The directory's schema.
        found: u32,
        /// This program's.
        needed: u32,
    },
    /// Data of another chain.
    #[error(
        "the data directory belongs to the chain '{found_name}' ({found}), not to '{expected_name}' ({expected}): \
         use the genesis file of '{found_name}', or another data directory"
    )]
    ForeignChain {
        /// Name of the chain whose data it is.
        found_name: String,
        /// Its id.
        found: Hash,
        /// Name of the chain that was asked for.
        expected_name: String,
        /// Its id.
        expected: Hash,
    },
    /// Data of another validator.
    #[error(
        "the data directory belongs to the validator with the public key {found}, not {expected}: \
         start it with that validator's key file, or use another data directory"
    )]
    OtherValidator {
        /// The key that signed the directory's own blocks.
        found: PublicKey,
        /// The key that was given.
        expected: PublicKey,
    },
    /// A database that holds something but was never begun by this program.
    #[error(
        "the data directory holds data but no schema: it is no data directory of this program, or a damaged one: restore a backup, or use an empty directory"
    )]
    NoSchema,
    /// An own block above the round that was promised never to be signed twice.
    #[error(
        "storage is corrupt: an own block of round {newest} lies above the signing floor {floor}: do not start this \
         validator from it, since it could sign a round twice: restore the newest copy of the data directory"
    )]
    OwnFloor {
        /// The floor in the store.
        floor: Round,
        /// The round of the newest own block.
        newest: Round,
    },
}

impl OpenError {
    /// Of a schema that is above this program's.
    pub(super) fn newer(found: u32) -> Self {
        Self::Newer { what: format!("schema {found}, this program knows {SCHEMA_VERSION}") }
    }
}

fn corrupt(what: &str) -> OpenError {
    OpenError::Store(StoreError::Corrupt { what: what.to_owned() })
}

/// True of a store that holds nothing.
pub(super) fn is_empty(store: &dyn Store) -> Result<bool, StoreError> {
    for family in Family::ALL {
        let any = store.scan(Scan {
            family,
            from: &[],
            to: &super::keys::ABOVE_ALL,
            limit: 1,
            bytes_max: 1,
            direction: Direction::Ascending,
        })?;
        if !any.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Database {
    /// Begins an empty store with its genesis (synced), or checks that the store is this chain's and
    /// whole: schema, genesis, tip, the state tree's root, and, where `validator` is our key, the floor of our own rounds.
    pub fn open(
        store: Arc<dyn Store>,
        genesis: &Genesis,
        validator: Option<PublicKey>,
    ) -> Result<Self, OpenError> {
        let database =
            Self { store, parameters: genesis.parameters.clone(), chain_id: genesis.chain_id() };
        match database.meta::<u32>(meta::SCHEMA)? {
            None => database.begin(genesis)?,
            Some(found) => {
                // Before a migration writes anything: another chain's directory is to stay as it is.
                database.check_chain(genesis)?;
                database.migrate(found, MIGRATIONS)?;
                database.check()?;
            }
        }
        if let Some(key) = validator {
            database.check_validator(genesis, key)?;
        }
        Ok(database)
    }

    /// Opens a store that nobody is to run on as what it says it is: the chain that it names, the validator
    /// that it names, and the genesis document in it. Nothing is written.
    pub fn open_as_it_is(store: Arc<dyn Store>) -> Result<(Self, Genesis), OpenError> {
        let read = |name: &[u8]| store.get(Family::Meta, name);
        if read(meta::SCHEMA)?.is_none() {
            return Err(OpenError::NoSchema);
        }
        let missing = || StoreError::Corrupt { what: "meta has no genesis document".to_owned() };
        let genesis = read(meta::GENESIS)?.ok_or_else(missing)?;
        let genesis: Genesis = decode(Family::Meta, meta::GENESIS, &genesis)?;
        let validator = read(meta::VALIDATOR)?;
        let validator =
            validator.map(|key| decode(Family::Meta, meta::VALIDATOR, &key)).transpose()?;
        Ok((Self::open(store, &genesis, validator)?, genesis))
    }

    fn begin(&self, genesis: &Genesis) -> Result<(), OpenError> {
        if !is_empty(&*self.store)? {
            return Err(OpenError::NoSchema);
        }
        let (_, mut batch) = genesis_batch(genesis);
        Self::put_identity(&mut batch, genesis);
        Ok(self.store.write(batch, Durability::Synced)?)
    }

    /// Adds whose data it is, and in what layout.
    pub(super) fn put_identity(batch: &mut Batch, genesis: &Genesis) {
        batch.put(Family::Meta, meta::SCHEMA, codec::encode(&SCHEMA_VERSION));
        batch.put(Family::Meta, meta::GENESIS, codec::encode(genesis));
        batch.put(Family::Meta, meta::CHAIN, genesis.chain_id().0);
    }

    /// Brings a store of an older schema up to date, one step after the other.
    pub(super) fn migrate(
        &self,
        mut found: u32,
        migrations: &[(u32, Migration)],
    ) -> Result<(), OpenError> {
        while found < SCHEMA_VERSION {
            let step = migrations.iter().find(|(from, _)| *from == found);
            let (from, step) = step.ok_or(OpenError::Older { found, needed: SCHEMA_VERSION })?;
            step(&*self.store)?;
            found = self.meta(meta::SCHEMA)?.unwrap_or(0);
            assert!(found > *from, "a migration raises the schema");
        }
        if found > SCHEMA_VERSION { Err(OpenError::newer(found)) } else { Ok(()) }
    }

    /// Of a store of any schema.
    fn check_chain(&self, genesis: &Genesis) -> Result<(), OpenError> {
        let chain: Hash = self.meta(meta::CHAIN)?.ok_or_else(|| corrupt("meta has no chain id"))?;
        if chain == self.chain_id {
            return Ok(());
        }
        // The document may be of a version that this program cannot read; the id is enough then.
        let found = self.meta::<Genesis>(meta::GENESIS).ok().flatten();
        Err(OpenError::ForeignChain {
            found_name: found.map_or_else(|| "unknown".to_owned(), |genesis| genesis.name),
            found: chain,
            expected_name: genesis.name.clone(),
            expected: self.chain_id,
        })
    }

    fn check(&self) -> Result<(), OpenError> {
        let stored: Option<Genesis> = self.meta(meta::GENESIS)?;
        if stored.is_none_or(|stored| stored.chain_id() != self.chain_id) {
            return Err(corrupt("the genesis document in meta is not that of the chain id"));
        }
        let tip = self.tip()?;
        let checkpoint = self
            .checkpoint(tip.height)?
            .ok_or_else(|| corrupt("the checkpoint at the tip is missing"))?;
        let same = checkpoint.digest() == tip.digest
            && checkpoint.chain_id == self.chain_id
            && checkpoint.height == tip.height
            && checkpoint.commit_index == tip.commit_index
            && checkpoint.state_root == tip.state_root;
        if !same {
            return Err(corrupt("the checkpoint at the tip is not the one that the tip names"));
        }
        let root = self.state_root(tip.height)?;
        if root != tip.state_root {
            let named = tip.state_root;
            return Err(corrupt(&format!("the state tree has the root {root}, the tip {named}")));
        }
        Ok(())
    }

    /// The directory of a validator is bound to its key at its first opening with one. From then on, until
    /// a block of ours is in it, it has to be told what was signed before: it cannot know.
    fn check_validator(&self, genesis: &Genesis, key: PublicKey) -> Result<(), OpenError> {
        match self.meta::<PublicKey>(meta::VALIDATOR)? {
            Some(found) if found != key => {
                return Err(OpenError::OtherValidator { found, expected: key });
            }
            Some(_) => {}
            None => {
                let mut batch = Batch::default();
                batch.put(Family::Meta, meta::VALIDATOR, key.0);
                Self::put_signing_history(&mut batch, SigningHistory::Forgotten);
                self.store.write(batch, Durability::Synced)?;
            }
        }
        let author = genesis.committee.iter().position(|member| member.public_key == key);
        let Some(author) = author else { return Ok(()) };
        let newest = self.newest_block(author as u16)?.map_or(0, |block| block.round);
        let floor = self.own_floor()?;
        if newest > floor { Err(OpenError::OwnFloor { floor, newest }) } else { Ok(()) }
    }
}
