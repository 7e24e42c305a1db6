//! Looks through a whole store: every byte is read, so that the database checks its checksums, and every
//! promise of docs/storage.md that the store alone can tell is checked.
//!
//! Reads only. Everything found is told, up to a bound, and nothing is repaired. Memory is bounded by the
//! largest checkpoint: families are read in pages, and what belongs together is looked up.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::database::meta;
use super::{
    Begin, Database, Direction, Family, Indexes, LedgerHeld, OpenError, Scan, Store, StoreError,
    Tip,
};
use crate::committee::AuthorIndex;
use crate::crypto::PublicKey;
use crate::genesis::Genesis;

mod executed;
mod indexes;
mod ordered;
mod records;
mod values;

/// Entries and bytes that are read at a time.
const PAGE: (usize, usize) = (1024, 4 << 20);
/// Problems that are told; there may be as many as entries.
const PROBLEMS_MAX: usize = 50;

/// What a family holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Entries.
    pub entries: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
}

/// What [`verify`] found.
#[derive(Debug)]
pub struct Findings {
    /// The chain whose data it is.
    pub genesis: Genesis,
    /// Its newest checkpoint.
    pub tip: Tip,
    /// Where it begins: there is nothing to look at before that.
    pub begin: Begin,
    /// What each family holds.
    pub families: BTreeMap<Family, Counted>,
    /// What is wrong, at most 50 of them; empty when the store is whole.
    pub problems: Vec<String>,
    /// How many more problems there are.
    pub more: u64,
}

/// Looks through a store; `progress` hears how many more entries were read. An error when it cannot be
/// opened at all.
pub fn verify(store: Arc<dyn Store>, progress: &mut dyn FnMut(u64)) -> Result<Findings, OpenError> {
    let (database, genesis) = Database::open_as_it_is(store)?;
    let validator: Option<PublicKey> = database.meta(meta::VALIDATOR)?;
    let own = genesis.committee.iter().position(|member| Some(member.public_key) == validator);
    let tip = database.tip()?;
    let begin = database.begin_at()?;
    let findings =
        Findings { genesis, tip, begin, families: BTreeMap::new(), problems: Vec::new(), more: 0 };
    let own = own.map(|own| own as AuthorIndex);
    let held = database.ledger_held()?;
    let (oldest, _) = database.heights_held()?;
    let mut indexes = database.indexes()?;
    if indexes.height != tip.height {
        indexes.states.clear(); // not kept up: they are made anew at the next start
    }
    let mut look = Look { database, own, held, oldest, indexes, findings, progress };
    look.each(Family::Meta, |_, _, _| Ok(()));
    look.blocks();
    look.commits();
    look.checkpoints();
    look.modules();
    look.state();
    look.undo();
    look.undo_keys();
    look.key_entries();
    look.tree();
    look.certificates();
    Ok(look.findings)
}

/// A look through a store.
struct Look<'a> {
    database: Database,
    /// Whose store it is, of a validator.
    own: Option<AuthorIndex>,
    /// From where on the ledger's history is there.
    held: LedgerHeld,
    /// The lowest height whose state is there.
    oldest: u64,
    /// How far each index is.
    indexes: Indexes,
    findings: Findings,
    progress: &'a mut dyn FnMut(u64),
}

/// What is wrong with an entry.
struct Wrong(String);

impl From<StoreError> for Wrong {
    fn from(error: StoreError) -> Self {
        Self(match error {
            StoreError::Corrupt { what } => what,
            StoreError::Io(what) => what,
            other => other.to_string(),
        })
    }
}

fn wrong(what: impl Into<String>) -> Wrong {
    Wrong(what.into())
}

/// An error unless it holds.
fn holds(condition: bool, what: impl FnOnce() -> String) -> Result<(), Wrong> {
    if condition { Ok(()) } else { Err(Wrong(what())) }
}

impl Look<'_> {
    /// Notes a problem.
    fn problem(&mut self, what: String) {
        if self.findings.problems.len() < PROBLEMS_MAX {
            self.findings.problems.push(what);
        } else {
            self.findings.more += 1;
        }
    }

    /// Shows every entry of a family to `look`, in order, and counts it.
    fn each(
        &mut self,
        family: Family,
        mut look: impl FnMut(&mut Self, &[u8], &[u8]) -> Result<(), Wrong>,
    ) {
        let mut from = Vec::new();
        let mut counted = Counted::default();
        loop {
            let page = self.database.store.scan(Scan {
                family,
                from: &from,
                to: &super::keys::ABOVE_ALL,
                limit: PAGE.0,
                bytes_max: PAGE.1,
                direction: Direction::Ascending,
            });
            let page = match page {
                Ok(page) => page,
                Err(error) => {
                    let Wrong(what) = error.into();
                    let from = hex::encode(&from);
                    self.problem(format!(
                        "{}: cannot be read on from '{from}': {what}",
                        family.name()
                    ));
                    break;
                }
            };
            let Some((last, _)) = page.last() else { break };
            from = [last, &[0][..]].concat();
            for (key, value) in &page {
                counted.entries += 1;
                counted.bytes += (key.len() + value.len()) as u64;
                if let Err(Wrong(what)) = look(self, key, value) {
                    self.problem(format!("{} {}: {what}", family.name(), hex::encode(key)));
                }
            }
            (self.progress)(page.len() as u64);
        }
        self.findings.families.insert(family, counted);
    }

    fn entries(&self, family: Family) -> u64 {
        self.findings.families.get(&family).map_or(0, |counted| counted.entries)
    }

    /// Two families of which each entry of the one stands for one of the other. Every entry of the one was
    /// found in the other, so equal numbers say that there are no more.
    fn as_many(&mut self, family: Family, expected: u64, of: &str) {
        let found = self.entries(family);
        if found != expected {
            self.problem(format!("{}: {found} entries for {expected} {of}", family.name()));
        }
    }
}
