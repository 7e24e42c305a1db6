//! How far an import is, how fast, and how long it will take.

use std::fmt;
use std::time::{Duration, Instant};

use pollen_ledger::Hash;
use pollen_ledger::store::snapshot::{PARTS, Part};

use super::Shared;

/// How often a log line tells how far it is.
const LOG_INTERVAL: Duration = Duration::from_secs(5);
/// How often whoever draws it is told.
pub(super) const TELL_INTERVAL: Duration = Duration::from_millis(200);

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Chunks, blocks and code come in.
    Fetching,
    /// All is there: the state tree is built.
    Building,
}

/// See the module's documentation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Of the snapshot.
    pub height: u64,
    /// What is being done.
    pub phase: Phase,
    /// Parts of the key space that are whole, of 16.
    pub parts: usize,
    /// Entries of the state that are there; that are in the tree, while that is built.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes a second since this import began or went on.
    pub bytes_per_s: u64,
    /// Share of the phase that is done, 0 to 1: key hashes are spread evenly, so it is known of any position.
    pub share: f64,
    /// How long the phase takes from now on, when that can be told.
    pub left: Option<Duration>,
    /// Peers that have the snapshot.
    pub peers: usize,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = self.bytes as f64 / f64::from(1 << 20);
        match self.phase {
            Phase::Fetching => {
                let speed = self.bytes_per_s as f64 / f64::from(1 << 20);
                let Self { height, parts, peers, .. } = self;
                write!(
                    f,
                    "snapshot {height}: {:.0} %, {mib:.1} MiB at {speed:.1} MiB/s, {parts} of {PARTS} parts, {peers} peers",
                    100.0 * self.share
                )?;
            }
            Phase::Building => {
                let Self { height, entries, .. } = self;
                write!(
                    f,
                    "snapshot {height}: building the tree: {:.0} %, {entries} entries",
                    100.0 * self.share
                )?;
            }
        }
        match self.left {
            Some(left) => write!(f, ", {} s left", left.as_secs() + 1),
            None => Ok(()),
        }
    }
}

/// The share of the key space that is behind the positions of all parts.
pub(super) fn share_of(parts: &[Part]) -> f64 {
    let done = parts.iter().map(|part| if part.done { 1.0 } else { within(&part.next) });
    done.sum::<f64>() / parts.len().max(1) as f64
}

/// How far into its part a key hash is, 0 to 1.
fn within(key: &Hash) -> f64 {
    let mut first = [0; 8];
    first.copy_from_slice(&key.0[..8]);
    let place = u64::from_be_bytes(first) & (u64::MAX >> 4);
    place as f64 / (u64::MAX >> 4) as f64
}

/// How long the rest takes, when `share` was `from` at the beginning of `took`.
pub(super) fn left(from: f64, share: f64, took: Duration) -> Option<Duration> {
    let done = share - from;
    if done < 0.01 || took.is_zero() {
        return None;
    }
    Duration::try_from_secs_f64(took.as_secs_f64() * (1.0 - share).max(0.0) / done).ok()
}

/// Tells how far an import is, not too often.
pub(super) struct Meter {
    began: Instant,
    told: Instant,
    logged: Instant,
    bytes: u64,
    share: f64,
}

impl Meter {
    pub(super) fn new(import: &Shared) -> Self {
        let held = import.read();
        let (bytes, share) = held
            .as_ref()
            .map_or((0, 0.0), |import| (import.progress().bytes, share_of(&import.parts())));
        let now = Instant::now();
        Self { began: now, told: now, logged: now, bytes, share }
    }

    pub(super) fn tell(
        &mut self,
        import: &Shared,
        peers: usize,
        tell: &(dyn Fn(&Progress) + Sync),
    ) {
        if self.told.elapsed() < TELL_INTERVAL {
            return;
        }
        self.told = Instant::now();
        let held = import.read();
        let Some(import) = held.as_ref() else { return };
        let (parts, done, took) = (import.parts(), import.progress(), self.began.elapsed());
        let share = share_of(&parts);
        let progress = Progress {
            height: import.height(),
            phase: Phase::Fetching,
            parts: parts.iter().filter(|part| part.done).count(),
            entries: done.entries,
            bytes: done.bytes,
            bytes_per_s: ((done.bytes - self.bytes) as f64 / took.as_secs_f64()) as u64,
            share,
            left: left(self.share, share, took),
            peers,
        };
        tell(&progress);
        if self.logged.elapsed() >= LOG_INTERVAL {
            self.logged = Instant::now();
            match peers {
                0 => tracing::warn!(height = progress.height, "no connected peer has the snapshot"),
                _ => tracing::info!("{progress}"),
            }
        }
    }
}
