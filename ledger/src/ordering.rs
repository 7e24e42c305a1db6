//! The DAG and its ordering (docs/protocol.md, whose numbers stand at the code): a pure core that takes
//! blocks, transactions and the time, and returns what to store, send, ask for and execute.
//!
//! [`Core::handle`] is the whole of it. The driver performs the effects **in order**, each before the
//! next: an accepted block is in the write-ahead log before a proposal that names it is synced, and a
//! proposal is synced before a byte of it leaves.
//!
//! Invariants: one block per round is ever proposed, and no round is skipped but by the safe resume;
//! commits are a function of the committed history alone, equal on every node; nothing that a peer or a
//! client sends panics; memory is bounded by the gc window, the committee and the limits in
//! [`Settings`]. Does no I/O, reads no clock, verifies no block and no transaction signature.

use std::sync::Arc;

use crate::block::{BlockRef, EquivocationProof, Round, VerifiedBlock};
use crate::certificate::Signatures;
use crate::checkpoint::Attestation;
use crate::committee::{AuthorIndex, Committee};
use crate::crypto::{Hash, KeyPair};
use crate::genesis::Parameters;
use crate::mempool::PoolError;
use crate::transaction::SignedTransaction;
use crate::wire::{CommitsRequest, HistoryRequest};

mod amnesia;
mod attestations;
mod author_set;
mod core;
mod dag;
mod decider;
mod fetch;
mod held;
mod inherited;
mod linearize;
mod pacemaker;
mod past;
mod permutation;
mod probation;
mod propose;
mod quota;
mod range;
mod sync;
#[cfg(test)]
mod tests;

pub use self::core::Core;
pub use amnesia::SigningHistory;
pub use author_set::AuthorSet;
pub use decider::SlotStatus;
pub use inherited::{Inherited, PastError, inherit};
pub use linearize::{Commit, CommittedSubDag, active_digest};
pub use past::OrderingRoots;
pub use permutation::slot_order;
pub use probation::{Probation, ProbationRecord};
pub(crate) use range::VoteTally;
pub use range::{CommitRange, RangeError};

/// Milliseconds since 1970 by the driver's clock; given with every input. A time below an earlier one
/// counts as the earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub u64);

impl Time {
    /// This much later.
    pub fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds since `earlier`; 0 when that is later.
    pub fn since_ms(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// A node's own settings: any value is safe, some are slow.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Least time between two own blocks, in milliseconds.
    pub min_round_delay_ms: u64,
    /// The same when there is nothing to do.
    pub idle_round_delay_ms: u64,
    /// Least time to wait for the blocks of the wait set after a quorum, in milliseconds.
    pub wait_min_ms: u64,
    /// Most time to wait for them; later than that a block is not "in time", in milliseconds.
    pub wait_max_ms: u64,
    /// Without a commit for this long the wait covers everybody and grows, in milliseconds.
    pub recovery_after_ms: u64,
    /// Most that it grows to, in milliseconds.
    pub recovery_wait_max_ms: u64,
    /// How long a parent may be missing before it is asked for, in milliseconds: most are on their way.
    pub fetch_delay_ms: u64,
    /// How long to wait for an answer before another peer is asked, in milliseconds.
    pub fetch_timeout_ms: u64,
    /// Transactions in the pool.
    pub pool_transactions_max: usize,
    /// Encoded bytes in the pool.
    pub pool_bytes_max: usize,
    /// Commits that execution may lag before own blocks carry no transactions.
    pub execution_lag_max: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            min_round_delay_ms: 1,
            idle_round_delay_ms: 500,
            wait_min_ms: 20,
            wait_max_ms: 400,
            recovery_after_ms: 2_000,
            recovery_wait_max_ms: 10_000,
            fetch_delay_ms: 5,
            fetch_timeout_ms: 1_000,
            pool_transactions_max: 50_000,
            pool_bytes_max: 64 << 20,
            execution_lag_max: 50,
        }
    }
}

/// What a core is made of.
#[derive(Debug, Clone)]
pub struct CoreConfig {
    /// Our place in the committee; none follows and never proposes.
    pub own: Option<AuthorIndex>,
    /// Signs our blocks; needed when `own` is given.
    pub key: Option<KeyPair>,
    /// The epoch's committee.
    pub committee: Arc<Committee>,
    /// The chain; in epoch 0 also the epoch's seed.
    pub chain_id: Hash,
    /// Ledger time of genesis, in milliseconds: no commit is before it.
    pub genesis_time_ms: u64,
    /// The chain's numbers.
    pub parameters: Parameters,
    /// Our own.
    pub settings: Settings,
}

/// What the store holds when a node starts; empty on a new one.
#[derive(Debug, Clone, Default)]
pub struct Recovered {
    /// The last stored commit.
    pub last_commit: Option<Commit>,
    /// The stored commits, `last_commit` included, whose round is above its gc round minus the gc depth:
    /// only they can name blocks above its gc round. More do no harm.
    pub recent_commits: Vec<Commit>,
    /// Stored blocks above the gc round of the last commit, in any order; and our own last block wherever
    /// it is.
    pub blocks: Vec<VerifiedBlock>,
    /// A round at or below which we may have signed before.
    pub own_round_floor: Round,
    /// How much that floor is worth.
    pub signing_history: SigningHistory,
    /// The last checkpoints, ascending, up to the tip; at most [`RECENT_CHECKPOINTS`].
    pub checkpoints: Vec<ExecutedCheckpoint>,
    /// The highest certificate's height; 0 without one.
    pub certified_height: u64,
    /// We diverged before: nothing is executed, and nothing waits for it.
    pub diverged: bool,
}

/// Checkpoints of which attestations still count.
pub const RECENT_CHECKPOINTS: u64 = attestations::WINDOW_BEHIND;

/// A checkpoint in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecutedCheckpoint {
    /// Its height.
    pub height: u64,
    /// Its digest.
    pub digest: Hash,
    /// It has a certificate of its own.
    pub certified: bool,
}

/// What happens to a core.
#[derive(Debug, Clone)]
pub enum Input {
    /// A block that passed [`crate::Block::verify`].
    Block {
        /// The block.
        block: VerifiedBlock,
        /// The validator who sent it; none when that is not one.
        from: Option<AuthorIndex>,
    },
    /// Such blocks in topological order: history that a peer pushed.
    Blocks {
        /// The blocks.
        blocks: Vec<VerifiedBlock>,
        /// The validator who sent them; none when that is not one.
        from: Option<AuthorIndex>,
    },
    /// Such blocks in topological order: the answer to an [`Effect::Fetch`].
    Fetched {
        /// Of the effect.
        id: u64,
        /// The validator who answered; none when that is not one.
        from: Option<AuthorIndex>,
        /// The blocks; none when the answer is empty.
        blocks: Vec<VerifiedBlock>,
    },
    /// An [`Effect::Fetch`] or [`Effect::FetchCommits`] found no answer, or a fetch one that breaks the
    /// rules.
    FetchFailed {
        /// Of the effect.
        id: u64,
    },
    /// The answer to an [`Effect::FetchCommits`], verified.
    Commits {
        /// Of the effect.
        id: u64,
        /// What came.
        range: CommitRange,
    },
    /// The answer to an [`Effect::AskOwnBlock`].
    OwnBlock {
        /// The validator who answered.
        from: AuthorIndex,
        /// Its newest block of ours; none when it has none.
        block: Option<VerifiedBlock>,
    },
    /// The answer to an [`Effect::FetchCommits`] was refused by [`CommitRange::verify`] or did not decode.
    CommitsRefused {
        /// Of the effect.
        id: u64,
    },
    /// A transaction whose shape, signature and admission against the state were checked.
    Submit {
        /// The transaction.
        transaction: Arc<SignedTransaction>,
        /// Its id.
        id: Hash,
        /// Bytes of its encoding.
        bytes: u32,
        /// The sender's fee reserve, in grains.
        reserve: u64,
    },
    /// Execution has passed a commit.
    Executed {
        /// Height of the last checkpoint.
        height: u64,
        /// The commit.
        commit_index: u64,
        /// Ids of all transactions that it was done with, whatever their end.
        ids: Vec<Hash>,
        /// Digest of the checkpoint of `height`, when this commit closed it.
        digest: Option<Hash>,
        /// Our word for it, to be carried in our next block. None on a follower.
        attestation: Option<Attestation>,
        /// This commit, or one before it, executed transactions that no checkpoint has yet: one closes by
        /// the ledger time of commits to come.
        checkpoint_open: bool,
    },
    /// A validator can be reached from now on.
    Connected {
        /// Who.
        author: AuthorIndex,
    },
    /// A validator can no longer be reached.
    Disconnected {
        /// Who.
        author: AuthorIndex,
    },
    /// Time has passed.
    Timer,
}

/// What the driver does, in order.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Put this block of somebody else into the write-ahead log; no sync needed.
    Accepted(VerifiedBlock),
    /// Write our block with a sync; only then send it to all validators and gossip it.
    Propose(VerifiedBlock),
    /// Store the commit and hand it to execution.
    Commit(CommittedSubDag),
    /// Ask this validator for history; answer with [`Input::Fetched`] or [`Input::FetchFailed`]. When it
    /// cannot be reached, whoever can will do.
    Fetch {
        /// Names the question.
        id: u64,
        /// Whom to ask.
        from: AuthorIndex,
        /// The question.
        request: HistoryRequest,
    },
    /// Ask this validator for commits; answer with [`Input::Commits`], [`Input::CommitsRefused`] or
    /// [`Input::FetchFailed`].
    FetchCommits {
        /// Names the question.
        id: u64,
        /// Whom to ask.
        from: AuthorIndex,
        /// The question.
        request: CommitsRequest,
    },
    /// Ask this validator for its newest block of ours; answer with [`Input::OwnBlock`], or with nothing:
    /// it is asked again.
    AskOwnBlock {
        /// Whom to ask.
        to: AuthorIndex,
    },
    /// Send these blocks to a validator that lacks them.
    Push {
        /// Who.
        to: AuthorIndex,
        /// Oldest first.
        blocks: Vec<VerifiedBlock>,
    },
    /// What became of an [`Input::Submit`].
    Submitted {
        /// Of the transaction.
        id: Hash,
        /// Whether the pool has it.
        result: Result<(), PoolError>,
    },
    /// A transaction of the pool is in our own block.
    Included {
        /// Of the transaction.
        id: Hash,
        /// The block.
        block: BlockRef,
    },
    /// An author signed two blocks for one round. When it is ourselves, another process has our key: stop.
    Evidence(EquivocationProof),
    /// Validity stake attests another checkpoint than ours: stop executing, keep the evidence.
    Diverged {
        /// Of the checkpoint.
        height: u64,
        /// Our digest.
        ours: Hash,
        /// Theirs.
        theirs: Hash,
        /// Who said so.
        attestations: Vec<(AuthorIndex, Attestation)>,
    },
    /// A quorum of stake attests our checkpoint of this height, and so all before it: store the
    /// certificate, then tell. Once per height; after a gap a lower one may follow a higher one.
    Certified {
        /// The height.
        height: u64,
        /// Who attests it.
        signatures: Signatures,
    },
    /// Give [`Input::Timer`] at this time. One timer: the latest wish replaces the one before.
    WakeAt(Time),
}

/// A core's state in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreStatus {
    /// Round of our last proposal; 0 on a follower.
    pub own_round: Round,
    /// The highest round with an accepted block.
    pub highest_round: Round,
    /// The highest round whose accepted blocks have a quorum of stake.
    pub quorum_round: Round,
    /// Blocks at or below it are no longer held.
    pub gc_round: Round,
    /// The lowest round that is not decided.
    pub undecided_round: Round,
    /// Of the last commit; 0 before the first.
    pub commit_index: u64,
    /// Of the last commit; 0 before the first.
    pub commit_round: Round,
    /// Of the last commit; the chain id before the first.
    pub commit_digest: Hash,
    /// Ledger time, in milliseconds.
    pub commit_timestamp_ms: u64,
    /// The highest checkpoint of ours with a quorum of attestations.
    pub certified_height: u64,
    /// Transactions in the pool.
    pub pool_transactions: usize,
    /// Their encoded bytes.
    pub pool_bytes: usize,
    /// Blocks that wait for parents.
    pub suspended: usize,
    /// Parents that nobody has sent yet.
    pub missing: usize,
    /// Blocks that wait for their timestamps.
    pub held: usize,
    /// Who has no slots for a while, and until which round.
    pub probation: Vec<(AuthorIndex, Round)>,
    /// Whose blocks we wait for.
    pub wait_set: Vec<AuthorIndex>,
    /// Far behind: commits are asked for, and no live blocks are taken.
    pub syncing: bool,
    /// Others are asked which rounds we signed, and nothing is signed meanwhile. Lasts when a store has
    /// forgotten and our stake is more than f.
    pub asking_own_rounds: bool,
    /// No commit for a while: waiting for everybody, longer and longer.
    pub recovering: bool,
    /// Nothing to do: rounds are stretched.
    pub idle: bool,
}

/// A round of the DAG as this node sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundView {
    /// The round.
    pub round: Round,
    /// One per author, by index.
    pub slots: Vec<SlotView>,
}

/// An author's place in a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotView {
    /// The author.
    pub author: AuthorIndex,
    /// What is decided about it; `Skipped` on probation.
    pub status: SlotStatus,
    /// It has no slot in this round (docs/protocol.md, part 6).
    pub on_probation: bool,
    /// Accepted blocks; more than one of an equivocator.
    pub blocks: Vec<BlockView>,
}

/// An accepted block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockView {
    /// Its name.
    pub reference: BlockRef,
    /// Its author's clock, in milliseconds.
    pub timestamp_ms: u64,
    /// Parents of the round before: those that it votes for.
    pub strong_parents: Vec<BlockRef>,
    /// Older parents.
    pub weak_parents: Vec<BlockRef>,
    /// Transactions in it.
    pub transactions: u32,
    /// It is in a commit.
    pub committed: bool,
}
