//! The one door to what a node must not lose.

/// Why the store could not do it. Any of these ends the process: nothing is repaired silently.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Reading or writing failed.
    #[error("storage failed: {0}")]
    Io(String),
    /// What was read is not what was written.
    #[error(
        "storage is corrupt: {what}: restore a backup, or remove the data directory and let the node sync again"
    )]
    Corrupt {
        /// What, where.
        what: String,
    },
}
