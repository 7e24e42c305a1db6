//! A store that fails where it is told to, for tests with real processes: the store is the only door to the
//! disk, so a failing door in front of it reaches every persistence step.
//!
//! `POLLEN_FAILPOINT=checkpoint:3:after:panic` in a node's environment lets its third write of a checkpoint
//! end in a panic once it is done. Whoever may set a node's environment may kill it as well, so this gives
//! away nothing; a node says so loudly when it starts. Without the variable there is no such store at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pollen_ledger::store::{Batch, Durability, Entry, Family, Scan, Store, StoreError};

/// The variable that tells where to fail.
pub const VARIABLE: &str = "POLLEN_FAILPOINT";
/// The variable that makes a node serve false chunks of its snapshots: `chunks`. For tests alone, as a
/// failpoint is; a node says so when it starts.
pub const LIES: &str = "POLLEN_LIES";

/// Whether this node was told to serve false chunks.
pub fn lies_about_chunks() -> bool {
    std::env::var(LIES).is_ok_and(|about| about == "chunks")
}

/// What a batch is for, by what it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// A new directory, or its binding to a validator.
    Opening,
    /// A block of our own, with whatever was written along.
    Own,
    /// A commit, without a block of our own.
    Commit,
    /// Blocks of others alone.
    Blocks,
    /// A checkpoint.
    Checkpoint,
    /// Any of them.
    Any,
}

impl Step {
    const ALL: [(&str, Self); 6] = [
        ("opening", Self::Opening),
        ("own", Self::Own),
        ("commit", Self::Commit),
        ("blocks", Self::Blocks),
        ("checkpoint", Self::Checkpoint),
        ("any", Self::Any),
    ];

    /// The first one that fits.
    fn of(batch: &Batch) -> Self {
        let has = |family: Family, key: Option<&[u8]>| {
            batch.operations().any(|operation| {
                operation.family == family && key.is_none_or(|key| operation.key == key)
            })
        };
        if has(Family::Meta, Some(b"schema")) || has(Family::Meta, Some(b"validator")) {
            Self::Opening
        } else if has(Family::Checkpoints, None) {
            Self::Checkpoint
        } else if has(Family::Meta, Some(b"own_floor")) {
            Self::Own
        } else if has(Family::Commits, None) {
            Self::Commit
        } else if has(Family::Dag, None) {
            Self::Blocks
        } else {
            Self::Any
        }
    }
}

/// Before the write, when nothing of it is on disk, or after it, when nobody has heard of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Before,
    After,
}

/// What happens then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    /// The thread panics.
    Panic,
    /// The store says that it failed.
    Error,
    /// It takes so long, every time from then on.
    Delay(Duration),
    /// The process ends at once, as by SIGKILL.
    Abort,
}

/// Where to fail, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failpoint {
    step: Step,
    /// Which of them, from 1.
    number: u64,
    moment: Moment,
    action: Action,
}

impl Failpoint {
    /// Reads `STEP:NUMBER:before|after:panic|error|abort|delay=MS`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let usage = || {
            format!(
                "{VARIABLE}={text}: write it as STEP:NUMBER:before|after:panic|error|abort|delay=MS, \
                 STEP being opening, own, commit, blocks, checkpoint or any"
            )
        };
        let parts: Vec<&str> = text.split(':').collect();
        let [step, number, moment, action] = parts[..] else { return Err(usage()) };
        let step = Step::ALL.iter().find(|(name, _)| *name == step).ok_or_else(usage)?.1;
        let number = number.parse().ok().filter(|number| *number > 0).ok_or_else(usage)?;
        let moment = match moment {
            "before" => Moment::Before,
            "after" => Moment::After,
            _ => return Err(usage()),
        };
        let action = match (action, action.strip_prefix("delay=").map(str::parse)) {
            ("panic", _) => Action::Panic,
            ("error", _) => Action::Error,
            ("abort", _) => Action::Abort,
            (_, Some(Ok(delay_ms))) => Action::Delay(Duration::from_millis(delay_ms)),
            _ => return Err(usage()),
        };
        Ok(Self { step, number, moment, action })
    }

    /// What the environment says; none in a node that is no test's.
    pub fn from_environment() -> Result<Option<Self>, String> {
        match std::env::var(VARIABLE) {
            Ok(text) => Self::parse(&text).map(Some),
            Err(_) => Ok(None),
        }
    }
}

/// See the module's documentation.
pub struct FailingStore {
    store: Arc<dyn Store>,
    at: Failpoint,
    met: AtomicU64,
}

impl FailingStore {
    /// In front of a store.
    pub fn new(store: Arc<dyn Store>, at: Failpoint) -> Self {
        Self { store, at, met: AtomicU64::new(0) }
    }

    fn act(&self, met: u64, moment: Moment) -> Result<(), StoreError> {
        let Failpoint { number, action, .. } = self.at;
        if moment != self.at.moment || met < number {
            return Ok(());
        }
        match action {
            Action::Delay(delay) => std::thread::sleep(delay),
            _ if met > number => {}
            Action::Panic => panic!("{VARIABLE} asked for it"),
            Action::Abort => std::process::abort(),
            Action::Error => return Err(StoreError::Io(format!("{VARIABLE} asked for it"))),
        }
        Ok(())
    }
}

impl Store for FailingStore {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(family, key)
    }

    fn write(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        if self.at.step != Step::Any && Step::of(&batch) != self.at.step {
            return self.store.write(batch, durability);
        }
        let met = self.met.fetch_add(1, Ordering::Relaxed) + 1;
        self.act(met, Moment::Before)?;
        self.store.write(batch, durability)?;
        self.act(met, Moment::After)
    }

    fn scan(&self, scan: Scan<'_>) -> Result<Vec<Entry>, StoreError> {
        self.store.scan(scan)
    }
}

#[cfg(test)]
mod tests {
    use pollen_ledger::store::MemoryStore;

    use super::*;

    fn put(family: Family, key: &[u8]) -> Batch {
        let mut batch = Batch::default();
        batch.put(family, key, [1]);
        batch
    }

    /// A test that fails at another place than it says protects nothing.
    #[test]
    fn it_fails_at_the_write_that_it_is_told_and_at_no_other() {
        for (moment, there) in [("before", false), ("after", true)] {
            let memory = Arc::new(MemoryStore::new());
            let at = Failpoint::parse(&format!("commit:2:{moment}:error")).unwrap();
            let store = FailingStore::new(memory.clone(), at);
            let write = |batch| store.write(batch, Durability::Synced);
            write(put(Family::Commits, &[1])).unwrap();
            write(put(Family::Checkpoints, &[1])).unwrap();
            assert!(write(put(Family::Commits, &[2])).is_err());
            assert_eq!(memory.get(Family::Commits, &[2]).unwrap().is_some(), there, "{moment}");
            write(put(Family::Commits, &[3])).unwrap();
        }
    }

    #[test]
    fn what_is_no_failpoint_is_refused_with_what_is() {
        for text in ["", "own", "own:0:before:panic", "own:1:during:panic", "own:1:after:delay=x"] {
            let refusal = Failpoint::parse(text).unwrap_err();
            assert!(refusal.contains("STEP:NUMBER"), "{refusal}");
        }
    }
}
