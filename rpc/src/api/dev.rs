//! What only a development network does (`dev_*`): money for nothing, a clock that jumps, and going back.

use pollen_ledger::Hash;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::values::Decimal;

/// Of a node of a development network, in `node_info`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DevInfo {
    /// How often the network went back (`dev_revert`).
    pub reverts: u32,
}

/// `dev_fund`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DevFundParams {
    /// Whom: an address.
    pub account: String,
    /// Grains.
    #[serde(with = "Decimal")]
    pub amount: u64,
}

/// What `dev_fund` did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DevFunded {
    /// The faucet's transfer, executed.
    pub transaction: Hash,
}

/// `dev_advanceTime`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DevAdvanceTimeParams {
    /// How far, in milliseconds; ten years at most.
    #[serde(with = "Decimal")]
    pub ms: u64,
}

/// What `dev_advanceTime` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DevTime {
    /// Ledger time of a checkpoint after the jump.
    #[serde(with = "Decimal")]
    pub time_ms: u64,
    /// How far the network's clock is ahead of the machine's in all.
    #[serde(with = "Decimal")]
    pub ahead_ms: u64,
}

/// What `dev_snapshot` made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DevSnapshot {
    /// Its number, for `dev_revert`.
    pub snapshot: u32,
}

/// `dev_revert`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DevRevertParams {
    /// The number that `dev_snapshot` told.
    pub snapshot: u32,
}

/// What `dev_revert` has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DevReverting {
    /// What `dev.reverts` of `node_info` says once a node has gone back.
    pub reverts: u32,
}
