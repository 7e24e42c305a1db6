//! What the host's work costs: the one table of prices, in fuel (aim: at most 1 ns each). Consensus data:
//! a change is a new version of the protocol.
//!
//! A price is a base, plus so much a byte. Everything is charged before the work is done; lengths that
//! show only on reading (a value's) are charged before the bytes are copied.

/// A price of some bytes' work.
#[derive(Debug, Clone, Copy)]
pub struct Price {
    /// Whatever the size.
    pub base: u64,
    /// For each byte in or out.
    pub byte: u64,
}

impl Price {
    /// The price of `bytes` bytes.
    pub const fn of(self, bytes: usize) -> u64 {
        self.base.saturating_add(self.byte.saturating_mul(bytes as u64))
    }
}

const fn price(base: u64, byte: u64) -> Price {
    Price { base, byte }
}

/// A call of a module: its record, a fresh instance, and the instance's end.
pub const CALL: u64 = 10_000;
/// One value in arguments or a result, with all that it contains counted too.
pub const VALUE_NODE: u64 = 20;
/// A byte of encoded arguments or of an encoded result.
pub const VALUE_BYTE: u64 = 1;

/// First touch of a key in a transaction: a cold read is about 100 us.
pub const FIRST_TOUCH: u64 = 100_000;

/// Anything that the host knows by heart (`context`).
pub const CONTEXT: u64 = 200;
/// Reads of storage; bytes of key and answer.
pub const STORAGE_READ: Price = price(1_000, 1);
/// Writes of storage; bytes of key and value.
pub const STORAGE_WRITE: Price = price(1_500, 3);
/// `events.emit`; bytes of name, topics and data.
pub const EVENT: Price = price(1_000, 3);
/// One topic.
pub const EVENT_TOPIC: u64 = 200;
/// `events.debug`, whether or not anybody listens.
pub const DEBUG: Price = price(500, 1);
/// `bank.balance`.
pub const BALANCE: u64 = 1_000;
/// `bank.transfer`, and the tokens that go with a call.
pub const TRANSFER: u64 = 4_000;
/// `modules.call` and `view`, beside the callee's own [`CALL`]; bytes of arguments, result and name.
pub const MODULE_CALL: Price = price(2_000, 1);
/// `modules.create`, beside what `init` uses; bytes of arguments and salt.
pub const CREATE: Price = price(30_000, 1);
/// `modules.code-of` and `resolve`.
pub const MODULE_LOOKUP: Price = price(1_000, 1);
/// `crypto.blake3`.
pub const BLAKE3: Price = price(500, 2);
/// `crypto.sha256`.
pub const SHA256: Price = price(600, 5);
/// `crypto.keccak256`.
pub const KECCAK256: Price = price(800, 8);
/// `crypto.secp256k1-recover`.
pub const SECP256K1: u64 = 350_000;
/// `crypto.secp256r1-verify`.
pub const SECP256R1: u64 = 450_000;
/// `crypto.random`.
pub const RANDOM: Price = price(1_000, 2);
/// `crypto.ed25519-verify`.
pub const ED25519: Price = price(60_000, 3);
/// `control.abort`.
pub const ABORT: Price = price(500, 1);
/// `control.upgrade`; bytes of arguments.
pub const UPGRADE: Price = price(5_000, 3);
/// `control.freeze`.
pub const FREEZE: u64 = 5_000;

/// A page of memory above [`crate::validate::limits::MEMORY_FREE_BYTES`]: about 36 us of page faults.
pub const PAGE: u64 = 40_000;

/// What a caller keeps of its own fuel when it calls another module: 1/64 and this.
pub const CALLER_KEEPS: u64 = 10_000;

/// Deployment: a byte of the component.
pub const DEPLOY_BYTE: u64 = 3_000;
/// Deployment: a function of its core modules.
pub const DEPLOY_FUNCTION: u64 = 100_000;
/// Deployment: times the square of the branch-like operators, function by function, summed.
pub const DEPLOY_BRANCHES_SQUARED: u64 = 200;
