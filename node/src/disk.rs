//! The disk's reserve: below it the node takes no more transactions, long before a write fails; when there
//! is room again, it goes on by itself. Ordering and execution of what others took in go on meanwhile: the
//! reserve is what they live on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::shared::Shared;

/// How often the disk is looked at.
const INTERVAL: Duration = Duration::from_secs(1);
/// So much more than the reserve must be free until transactions are taken again, in percent of it: else a
/// node at the line would change its mind with every block.
const AGAIN_PERCENT: u64 = 10;

/// Bytes that this process may still write where `path` is.
pub fn free_bytes(path: &Path) -> std::io::Result<u64> {
    let free = rustix::fs::statvfs(path)?;
    Ok(free.f_bavail.saturating_mul(free.f_frsize))
}

/// Whether transactions are to be refused, with this much free, when they were so far or not.
fn is_low(free: u64, reserve: u64, was_low: bool) -> bool {
    let again = if was_low { reserve / 100 * AGAIN_PERCENT } else { 0 };
    free < reserve.saturating_add(again)
}

/// Looks at the disk now and then, until the node ends. A disk that cannot be asked counts as one with room:
/// the write that fails will say why.
pub async fn watch(data: PathBuf, reserve: u64, shared: Arc<Shared>) {
    let mut failed = false;
    loop {
        match free_bytes(&data) {
            Ok(free) => look(free, reserve, &shared),
            Err(error) if !failed => {
                failed = true;
                tracing::warn!(%error, data = %data.display(), "cannot ask how much disk is free");
            }
            Err(_) => {}
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// One look.
fn look(free: u64, reserve: u64, shared: &Shared) {
    let was_low = shared.disk_low.borrow().is_some();
    let low = is_low(free, reserve, was_low);
    let mib = |bytes: u64| bytes >> 20;
    if low != was_low {
        match low {
            true => tracing::error!(
                free_mib = mib(free),
                reserve_mib = mib(reserve),
                "the disk is nearly full: no more transactions are taken; make room"
            ),
            false => tracing::info!(free_mib = mib(free), "there is room on the disk again"),
        }
    }
    let reason = low.then(|| {
        let (free, reserve) = (mib(free), mib(reserve));
        format!("the disk is nearly full: {free} MiB are free, {reserve} MiB are the reserve")
    });
    shared.disk_low.send_if_modified(|known| {
        let changed = *known != reason;
        *known = reason;
        changed
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node at the line must not take one transaction and refuse the next.
    #[test]
    fn the_way_back_is_longer() {
        assert!(!is_low(1000, 1000, false));
        assert!(is_low(999, 1000, false));
        assert!(is_low(1099, 1000, true));
        assert!(!is_low(1100, 1000, true));
        assert!(!is_low(0, 0, false), "without a reserve nothing is low");
        assert!(is_low(5, u64::MAX, true));
    }

    /// Protects the number itself: blocks and bytes are easily mixed up.
    #[test]
    fn free_bytes_are_those_of_the_file_system() {
        let folder = std::env::temp_dir();
        let free = free_bytes(&folder).unwrap();
        assert!(free > 1 << 20 && free < 1 << 60, "{free}");
        assert!(free_bytes(Path::new("/nowhere/at/all")).is_err());
    }
}
