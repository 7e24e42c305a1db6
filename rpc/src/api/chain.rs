//! The chain beside its head: checkpoints in a row, the committee, the numbers that all agree on; blocks of the DAG.

use pollen_ledger::Hash;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BlockName, ChainParameters, CommitteeMember, DagRound, Decimal, OptionalDecimal};

/// The numbers that the chain runs by (`chain_params`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChainParams {
    /// Protocol that the chain runs.
    pub protocol_version: u16,
    /// Numbers that who builds transactions must know.
    pub parameters: ChainParameters,
}

/// Who decides (`chain_committee`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChainCommittee {
    /// The epoch whose committee it is.
    #[serde(with = "Decimal")]
    pub epoch: u64,
    /// The stake of all.
    #[serde(with = "Decimal")]
    pub total_stake: u64,
    /// The stake that a certificate needs.
    #[serde(with = "Decimal")]
    pub quorum_stake: u64,
    /// Validators, in index order.
    pub members: Vec<CommitteeMember>,
}

/// Checkpoints in a row (`chain_checkpoints`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChainCheckpoints {
    /// The checkpoints.
    pub checkpoints: Vec<CheckpointListed>,
    /// What to give as `from` to go on; null at the end.
    #[serde(with = "OptionalDecimal", default)]
    pub next: Option<u64>,
    /// The lowest height that this node keeps.
    #[serde(with = "Decimal")]
    pub oldest_height: u64,
    /// The highest height that a quorum has attested to, as far as this node has seen.
    #[serde(with = "Decimal")]
    pub certified_height: u64,
}

/// A checkpoint of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckpointListed {
    /// Its height.
    #[serde(with = "Decimal")]
    pub height: u64,
    /// What attestations sign.
    pub digest: Hash,
    /// Root of the state after it.
    pub state_root: Hash,
    /// Ledger time.
    #[serde(with = "Decimal")]
    pub time_ms: u64,
    /// The last commit in it.
    #[serde(with = "Decimal")]
    pub commit_index: u64,
    /// Whether a quorum has attested to it, as far as this node has seen.
    pub certified: bool,
}

/// Blocks of one author and round (`dag_block`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DagBlocks {
    /// One; none where this node has none; several of an author that signed several.
    pub blocks: Vec<DagBlockContent>,
}

/// A block with what is in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DagBlockContent {
    /// Its name.
    #[serde(flatten)]
    pub name: BlockName,
    /// Its author's clock.
    #[serde(with = "Decimal")]
    pub time_ms: u64,
    /// Blocks that it stands on; the author's own first.
    pub parents: Vec<BlockName>,
    /// Ids of its transactions, in order. That they stand here says nothing of whether they ran.
    pub transactions: Vec<Hash>,
    /// Bytes of its body.
    pub body_bytes: u32,
    /// Heights of checkpoints that its author attests to in it.
    pub attested: Vec<AttestedHeight>,
}

/// A checkpoint that a block attests to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttestedHeight {
    /// Its height.
    #[serde(with = "Decimal")]
    pub height: u64,
    /// Its digest.
    pub digest: Hash,
}

/// What a subscription to the chain tells (`chain_subscribe`). `type` tells which.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum ChainNotice {
    /// A checkpoint.
    Checkpoint {
        /// The checkpoint.
        checkpoint: CheckpointListed,
        /// The highest height that a quorum has attested to, as far as this node has seen.
        #[serde(with = "Decimal")]
        certified_height: u64,
    },
    /// The subscriber fell too far behind: checkpoints above `after` up to `resume` are left out here, and can be
    /// read with `chain_checkpoints`.
    Gap {
        /// The last height that was told.
        #[serde(with = "Decimal")]
        after: u64,
        /// The last height that is left out.
        #[serde(with = "Decimal")]
        resume: u64,
    },
    /// The node ends the subscription: nothing more comes.
    End {
        /// Number in docs/rpc.md.
        code: i32,
        /// Stable name of that number.
        name: String,
        /// What happened.
        message: String,
    },
}

/// What a subscription to the DAG tells (`dag_subscribe`). `type` tells which.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum DagNotice {
    /// A round that the order has passed.
    Round {
        /// The round.
        round: DagRound,
    },
    /// The subscriber fell too far behind: rounds above `after` up to `resume` are left out here.
    Gap {
        /// The last round that was told.
        after: u32,
        /// The last round that is left out.
        resume: u32,
    },
    /// The node ends the subscription: nothing more comes.
    End {
        /// Number in docs/rpc.md.
        code: i32,
        /// Stable name of that number.
        name: String,
        /// What happened.
        message: String,
    },
}
