//! What an executed transaction did, found by running it again where it ran (`tx_trace`).

use pollen_ledger::Hash;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Bytes, Decimal, TxSimulation};

/// Entries of `before` at most.
pub const TRACE_ENTRIES_MAX: usize = 10_000;
/// Bytes of their keys and values at most.
pub const TRACE_BYTES_MAX: usize = 4 << 20;

/// An executed transaction, run again on the state that it met (`tx_trace`). The node held the outcome against the receipt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TxTrace {
    /// Height of its checkpoint.
    #[serde(with = "Decimal")]
    pub height: u64,
    /// Its place in the checkpoint, from 0.
    pub index: u32,
    /// Where and when it ran: what its modules could ask for.
    pub context: TraceContext,
    /// What it did.
    pub effects: TxSimulation,
    /// The signed transaction without its attachments, borsh.
    pub transaction: Bytes,
    /// Where it was asked for: what it read and what earlier transactions of its checkpoint had changed, as it met it.
    /// Anything else it met as it stood after the checkpoint before.
    pub before: Option<Vec<TraceEntry>>,
}

/// Where and when a transaction ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TraceContext {
    /// Ledger time of its commit, in milliseconds.
    #[serde(with = "Decimal")]
    pub time_ms: u64,
    /// Round of its commit.
    pub round: u32,
    /// Digest of its commit.
    pub commit: Hash,
    /// Its place in the total order: ascending, with gaps.
    #[serde(with = "Decimal")]
    pub position: u64,
}

/// An entry of the state as a transaction met it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TraceEntry {
    /// Whose: as it is stored.
    pub owner: Hash,
    /// The key under its owner.
    pub key: Bytes,
    /// The value; null where there was none.
    pub value: Option<Bytes>,
}
