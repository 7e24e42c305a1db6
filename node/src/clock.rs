//! The only clock of the node: what the pure core is told.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// How far this clock is ahead of the system's: never, but in a development network.
static AHEAD_MS: AtomicU64 = AtomicU64::new(0);

/// Moves the clock of a development network's node so far ahead of the system's, in milliseconds.
pub fn set_ahead_ms(ahead_ms: u64) {
    AHEAD_MS.store(ahead_ms, Ordering::Relaxed);
}

/// Milliseconds since 1970 that never decrease, whatever the system's clock does.
pub fn now_ms() -> u64 {
    static LATEST_MS: AtomicU64 = AtomicU64::new(0);
    let now =
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    let now = now.saturating_add(AHEAD_MS.load(Ordering::Relaxed));
    LATEST_MS.fetch_max(now, Ordering::Relaxed).max(now)
}
