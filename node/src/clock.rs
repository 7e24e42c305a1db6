//! The only clock of the node: what the pure core is told.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970 that never decrease, whatever the system's clock does.
pub fn now_ms() -> u64 {
    static LATEST_MS: AtomicU64 = AtomicU64::new(0);
    let now =
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    LATEST_MS.fetch_max(now, Ordering::Relaxed).max(now)
}
