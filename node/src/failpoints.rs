//! A store, and file operations, that fail where they are told to, for tests with real processes: the store is
//! the only door to the database, so a failing door in front of it reaches every step that writes; what a node
//! does to whole files and folders beside it goes through [`file()`].
//!
//! `POLLEN_FAILPOINT=checkpoint:3:after:panic` in a node's environment lets its third write of a checkpoint
//! end in a panic once it is done; `file:swap:1:before:abort` ends it before it moves an imported ledger into its
//! place. Whoever may set a node's environment may kill it as well, so this gives away nothing; a node says so
//! loudly when it starts, and again when it fails. Without the variable there is no such store at all.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use pollen_ledger::store::{Batch, Durability, Entry, Family, Scan, Store, StoreError};

/// The variable that tells where to fail.
pub const VARIABLE: &str = "POLLEN_FAILPOINT";
/// The variable that makes a node serve falsely what new nodes ask for: `chunks` of its snapshots with other
/// values, or `heights` of snapshots that it has not. For tests alone, as a failpoint is; a node says so when
/// it starts.
pub const LIES: &str = "POLLEN_LIES";

/// Whether this node was told to lie to new nodes about this.
pub fn lies_about(what: &str) -> bool {
    std::env::var(LIES).is_ok_and(|about| about == what)
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
    /// A certificate, with blocks of others perhaps.
    Certificate,
    /// Blocks of others alone.
    Blocks,
    /// A checkpoint.
    Checkpoint,
    /// What only heights behind the window of the state need goes.
    Prune,
    /// The ledger's history behind its window goes.
    PruneLedger,
    /// A piece of an index that is made or removed.
    Index,
    /// A piece of a snapshot that is imported, or of its tree; but for its blocks, see [`Self::Blocks`].
    Import,
    /// What makes a database of an import.
    Finish,
    /// Any write to the store.
    Any,
    /// An operation on files, by its name: [`FILE_STEPS`].
    File(&'static str),
}

/// What can be done to files: an import is moved into its place; a snapshot is copied, and let go of; a
/// backup's document is written, and a restored database moved into its place; a key is written; so is, or is
/// removed, the mark that it never signed; evidence of a divergence is written; so are names of networks.
const FILE_STEPS: [&str; 9] =
    ["swap", "snapshot", "let-go", "backup", "restore", "key", "mark", "evidence", "contexts"];

impl Step {
    const ALL: [(&str, Self); 12] = [
        ("opening", Self::Opening),
        ("own", Self::Own),
        ("commit", Self::Commit),
        ("certificate", Self::Certificate),
        ("blocks", Self::Blocks),
        ("checkpoint", Self::Checkpoint),
        ("prune", Self::Prune),
        ("prune-ledger", Self::PruneLedger),
        ("index", Self::Index),
        ("import", Self::Import),
        ("finish", Self::Finish),
        ("any", Self::Any),
    ];

    fn read(text: &str) -> Option<Self> {
        match text.strip_prefix("file:") {
            Some(name) => FILE_STEPS.into_iter().find(|known| *known == name).map(Self::File),
            None => Self::ALL.iter().find(|(name, _)| *name == text).map(|(_, step)| *step),
        }
    }

    /// The first one that fits.
    fn of(batch: &Batch) -> Self {
        let family = |family| batch.operations().any(|operation| operation.family == family);
        let meta = |begins: &str| {
            batch.operations().any(|operation| {
                operation.family == Family::Meta && operation.key.starts_with(begins.as_bytes())
            })
        };
        let importing = meta("import.");
        if importing {
            if meta("schema") { Self::Finish } else { Self::Import }
        } else if meta("schema") || meta("validator") {
            Self::Opening
        } else if family(Family::Checkpoints) {
            Self::Checkpoint
        } else if meta("pruned") {
            Self::Prune
        } else if meta("ledger_pruned") {
            Self::PruneLedger
        } else if meta("indexes") {
            Self::Index
        } else if meta("own_floor") {
            Self::Own
        } else if family(Family::Commits) {
            Self::Commit
        } else if family(Family::Certificates) {
            Self::Certificate
        } else if family(Family::Dag) {
            Self::Blocks
        } else if family(Family::Tree) || family(Family::Modules) {
            // With a checkpoint on any other way.
            Self::Import
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
    /// The step says that it failed.
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
            let steps: Vec<&str> = Step::ALL.iter().map(|(name, _)| *name).collect();
            format!(
                "{VARIABLE}={text}: write it as STEP:NUMBER:before|after:panic|error|abort|delay=MS, \
                 STEP being {} or file: and {}",
                steps.join(", "),
                FILE_STEPS.join(", ")
            )
        };
        let parts: Vec<&str> = text.rsplitn(4, ':').collect();
        let [action, moment, number, step] = parts[..] else { return Err(usage()) };
        let step = Step::read(step).ok_or_else(usage)?;
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

/// A failpoint, and how often its step was met.
struct Armed {
    at: Failpoint,
    met: AtomicU64,
}

impl Armed {
    const fn new(at: Failpoint) -> Self {
        Self { at, met: AtomicU64::new(0) }
    }

    /// Does a step, and fails before or after it.
    fn around<T, E>(
        &self,
        work: impl FnOnce() -> Result<T, E>,
        error: impl Fn(String) -> E,
    ) -> Result<T, E> {
        let met = self.met.fetch_add(1, Ordering::Relaxed) + 1;
        self.act(met, Moment::Before).map_err(&error)?;
        let done = work()?;
        self.act(met, Moment::After).map_err(error)?;
        Ok(done)
    }

    fn act(&self, met: u64, moment: Moment) -> Result<(), String> {
        let Failpoint { step, number, action, .. } = self.at;
        let asked = || format!("{VARIABLE} asked for it");
        if moment != self.at.moment || met < number {
            return Ok(());
        }
        if met == number {
            tracing::error!(?step, number, ?moment, ?action, "the failpoint is met");
        }
        match action {
            Action::Delay(delay) => std::thread::sleep(delay),
            _ if met > number => {}
            Action::Panic => panic!("{}", asked()),
            Action::Abort => std::process::abort(),
            Action::Error => return Err(asked()),
        }
        Ok(())
    }
}

/// Does an operation on files, and fails before or after it where a test has named it.
pub fn file<T>(name: &'static str, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    static ARMED: LazyLock<Result<Option<Armed>, String>> =
        LazyLock::new(|| Ok(Failpoint::from_environment()?.map(Armed::new)));
    assert!(FILE_STEPS.contains(&name), "a step that nobody can name");
    match &*ARMED {
        Err(usage) => Err(io::Error::other(usage.as_str())),
        Ok(Some(armed)) if armed.at.step == Step::File(name) => {
            armed.around(work, io::Error::other)
        }
        Ok(_) => work(),
    }
}

/// See the module's documentation.
pub struct FailingStore {
    store: Arc<dyn Store>,
    armed: Armed,
}

impl FailingStore {
    /// In front of a store.
    pub fn new(store: Arc<dyn Store>, at: Failpoint) -> Self {
        Self { store, armed: Armed::new(at) }
    }
}

impl Store for FailingStore {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(family, key)
    }

    fn write(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        let step = self.armed.at.step;
        if step != Step::Any && Step::of(&batch) != step {
            return self.store.write(batch, durability);
        }
        self.armed.around(|| self.store.write(batch, durability), StoreError::Io)
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
        for text in [
            "",
            "own",
            "own:0:before:panic",
            "own:1:during:panic",
            "own:1:after:delay=x",
            "swap:1:before:panic",
            "file:own:1:before:panic",
            "file:swap:before:panic",
        ] {
            let refusal = Failpoint::parse(text).unwrap_err();
            assert!(refusal.contains("STEP:NUMBER"), "{refusal}");
        }
    }
    /// Story: the batch that finishes an import has a schema and a checkpoint, as that of a new directory, so
    /// tests of an import's end failed at the beginning.
    #[test]
    fn every_batch_has_its_own_step() {
        let step = |keys: &[(Family, &str)]| {
            let mut batch = Batch::default();
            keys.iter().for_each(|(family, key)| batch.put(*family, key, [1]));
            Step::of(&batch)
        };
        use Family::{Certificates, Checkpoints, Commits, Dag, Meta, State, Tree};
        for (keys, expected) in [
            (&[(Meta, "schema"), (Checkpoints, "0"), (State, "0")][..], Step::Opening),
            (&[(Meta, "validator"), (Meta, "signing")], Step::Opening),
            (&[(Meta, "import.head")], Step::Import),
            (&[(State, "1"), (Meta, "import.part")], Step::Import),
            (&[(Tree, "1")], Step::Import),
            (&[(Meta, "schema"), (Checkpoints, "9"), (Meta, "import.head")], Step::Finish),
            (&[(Checkpoints, "1"), (Meta, "indexes"), (Tree, "1")], Step::Checkpoint),
            (&[(Meta, "pruned"), (Tree, "1")], Step::Prune),
            (
                &[(Meta, "ledger_held"), (Meta, "ledger_pruned"), (Certificates, "1"), (Dag, "1")],
                Step::PruneLedger,
            ),
            (&[(Meta, "indexes")], Step::Index),
            (&[(Dag, "1"), (Meta, "own_floor"), (Commits, "1")], Step::Own),
            (&[(Dag, "1"), (Commits, "1"), (Certificates, "1")], Step::Commit),
            (&[(Dag, "1"), (Certificates, "1")], Step::Certificate),
            (&[(Dag, "1")], Step::Blocks),
        ] {
            assert_eq!(step(keys), expected, "{keys:?}");
        }
    }

    /// Each name that code may use can be asked for.
    #[test]
    fn every_step_can_be_named() {
        for (name, step) in Step::ALL {
            assert_eq!(Failpoint::parse(&format!("{name}:1:after:error")).unwrap().step, step);
        }
        for name in FILE_STEPS {
            let at = Failpoint::parse(&format!("file:{name}:2:before:delay=7")).unwrap();
            assert_eq!((at.step, at.number), (Step::File(name), 2));
        }
    }
}
