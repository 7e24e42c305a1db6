//! Bounds that are part of the formats: the same on every chain. What a chain may choose stands in
//! [`crate::genesis::Parameters`]; what a node may choose stands in its own configuration.

/// Validators in a committee.
pub const COMMITTEE_MAX: usize = 512;
/// Sum of all stakes: leaves room for products with small factors in u64 and u128.
pub const STAKE_TOTAL_MAX: u64 = 1 << 60;

/// Proofs of equivocation in one block.
pub const BLOCK_EVIDENCE_MAX: usize = 4;
/// Commit votes in one block.
pub const BLOCK_COMMIT_VOTES_MAX: usize = 100;
/// Checkpoint attestations in one block.
pub const BLOCK_ATTESTATIONS_MAX: usize = 16;
/// Encoded bytes of a header: 512 parents of 38 bytes, 100 votes of 40, 16 attestations of 104, 4 proofs
/// of 212, and the fixed part; rounded up.
pub const BLOCK_HEADER_BYTES_MAX: usize = 32 * 1024;
/// A round that can never be reached honestly; rounds above it are refused.
pub const ROUND_MAX: u32 = u32::MAX - 1024;
/// A block whose timestamp is more than this ahead of the local clock waits, in milliseconds.
pub const TIMESTAMP_AHEAD_MAX_MS: u64 = 500;

/// Actions in a transaction.
pub const ACTIONS_MAX: usize = 16;
/// Signatures on a transaction: of all owners of its sender and of its payer.
pub const SIGNATURES_MAX: usize = 2 * OWNERS_MAX;
/// Owners of an account.
pub const OWNERS_MAX: usize = 8;
/// Scoped keys of an account.
pub const SCOPED_KEYS_MAX: usize = 16;
/// Modules that a scoped key may call.
pub const SCOPE_MODULES_MAX: usize = 8;
/// Functions that a scope names, of all modules together.
pub const SCOPE_FUNCTIONS_MAX: usize = 16;
/// Bytes of a key's label.
pub const KEY_LABEL_BYTES_MAX: usize = 64;
/// Attachments of a transaction.
pub const ATTACHMENTS_MAX: usize = 4;
/// Bytes of a transaction's signed part.
pub const TRANSACTION_SIGNED_BYTES_MAX: usize = 96 * 1024;
/// Bytes of the arguments or the result of a call (MODULES: total of the canonical encoding).
pub const VALUE_BYTES_MAX: usize = 64 * 1024;
/// Nesting of values in arguments and results.
pub const VALUE_DEPTH_MAX: usize = 32;
/// Bytes of a function's name.
pub const FUNCTION_NAME_BYTES_MAX: usize = 128;
/// Bytes of a module's registered name.
pub const MODULE_NAME_BYTES_MAX: usize = 64;
/// Accounts that a module's policy may name.
pub const POLICY_KEYS_MAX: usize = 16;
/// Longest wait that a module's policy may ask for, in milliseconds: a year.
pub const POLICY_DELAY_MAX_MS: u64 = 365 * 24 * 3600 * 1000;
/// Bytes of the salt with which a module makes another.
pub const SALT_BYTES_MAX: usize = 32;
/// Upgrades of themselves that modules may ask for in one action.
pub const UPGRADES_PENDING_MAX: usize = 8;
/// Bytes of a deployed component.
pub const COMPONENT_BYTES_MAX: usize = 1 << 20;

/// Nonces below the highest used one that a window remembers (RFC 6479 style).
pub const NONCE_WINDOW: u64 = 1024;
/// How far above the highest used nonce a new one may lie.
pub const NONCE_AHEAD_MAX: u64 = 4096;

/// Bytes of a storage key of a module.
pub const STORAGE_KEY_BYTES_MAX: usize = 256;
/// Bytes of a storage value of a module.
pub const STORAGE_VALUE_BYTES_MAX: usize = 64 * 1024;
/// What an entry counts for its deposit beside its key and value: hashes, records of the tree, indexes.
pub const STORAGE_ENTRY_BYTES: usize = 64;
/// Random bytes that a module gets at once.
pub const RANDOM_BYTES_MAX: usize = 1024;
/// Bytes that one transaction may write to storage.
pub const TRANSACTION_WRITE_BYTES_MAX: usize = 4 << 20;
/// Events of a transaction.
pub const EVENTS_MAX: usize = 64;
/// Bytes of all events of a transaction.
pub const EVENTS_BYTES_MAX: usize = 64 * 1024;
/// Bytes of an event's name.
pub const EVENT_NAME_BYTES_MAX: usize = 64;
/// Topics of an event.
pub const EVENT_TOPICS_MAX: usize = 4;
/// Bytes of a topic.
pub const EVENT_TOPIC_BYTES_MAX: usize = 64;
/// Bytes of an abort message kept in the receipt.
pub const ABORT_MESSAGE_BYTES_MAX: usize = 1024;
/// Nesting of calls between modules.
pub const CALL_DEPTH_MAX: u32 = 8;

/// Blocks in an answer to a history request.
pub const HISTORY_BLOCKS_MAX: usize = 1024;
/// Bytes of an answer to a history request.
pub const HISTORY_BYTES_MAX: usize = 4 << 20;
/// Targets named in a history request.
pub const HISTORY_TARGETS_MAX: usize = 1024;
/// Commits in an answer to a commits request; their blocks are bounded as those of a history answer.
pub const RANGE_COMMITS_MAX: usize = 1024;
/// Heights in an answer that lists snapshots: the newest ones.
pub const SNAPSHOTS_LISTED_MAX: usize = 16;
/// Bytes of any message between nodes.
pub const MESSAGE_BYTES_MAX: usize = HISTORY_BYTES_MAX + (1 << 20);
