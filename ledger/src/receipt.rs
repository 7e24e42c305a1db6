//! What became of a transaction. Codes, fuel, values and events are consensus data; texts and backtraces
//! are not: they are a node's own notes beside the receipt.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::crypto::Hash;
use crate::transaction::AccountId;

/// Numbered ends of transactions and calls; the numbers are those of docs/rpc.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Code {
    /// The sender, or who pays its fee, could not pay (1010).
    BalanceTooLow = 1,
    /// No such module (2001).
    ModuleNotFound = 2,
    /// No such function (2002).
    FunctionNotFound = 3,
    /// Arguments that are not of the function's types (2003).
    BadArguments = 4,
    /// All fuel used (2004).
    OutOfFuel = 5,
    /// A WebAssembly trap (2005).
    Trapped = 6,
    /// The module refused: its own error value, or an abort message (2006).
    ModuleError = 7,
    /// A limit of the ledger (2007).
    LimitExceeded = 8,
    /// The code is no component that may run here (2009).
    CodeRefused = 9,
    /// The name belongs to another module (2010).
    NameTaken = 10,
    /// Neither attached nor deployed before (2011).
    CodeNotFound = 11,
    /// A call back into a module that is running (2012).
    Reentered = 12,
    /// Calls nested too deep (2013).
    TooDeep = 13,
    /// The module is paused (2008).
    ModulePaused = 14,
    /// The sender has no say in changes of the module, or there is nothing of its own to take back (1013).
    PolicyNotMet = 15,
    /// The code was published, but is not active yet (2014).
    CodeNotActive = 16,
    /// The key that signed may not do this, or not so much of it (1012).
    KeyNotAllowed = 17,
    /// The module has another interface than the call was made from (1014).
    InterfaceMismatch = 18,
}

impl Code {
    /// The number in docs/rpc.md.
    pub const fn number(self) -> u16 {
        match self {
            Self::BalanceTooLow => 1010,
            Self::ModuleNotFound => 2001,
            Self::FunctionNotFound => 2002,
            Self::BadArguments => 2003,
            Self::OutOfFuel => 2004,
            Self::Trapped => 2005,
            Self::ModuleError => 2006,
            Self::LimitExceeded => 2007,
            Self::CodeRefused => 2009,
            Self::NameTaken => 2010,
            Self::CodeNotFound => 2011,
            Self::Reentered => 2012,
            Self::TooDeep => 2013,
            Self::ModulePaused => 2008,
            Self::PolicyNotMet => 1013,
            Self::CodeNotActive => 2014,
            Self::KeyNotAllowed => 1012,
            Self::InterfaceMismatch => 1014,
        }
    }

    /// The stable name in docs/rpc.md.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BalanceTooLow => "BalanceTooLow",
            Self::ModuleNotFound => "ModuleNotFound",
            Self::FunctionNotFound => "FunctionNotFound",
            Self::BadArguments => "BadArguments",
            Self::OutOfFuel => "OutOfFuel",
            Self::Trapped => "Trapped",
            Self::ModuleError => "ModuleError",
            Self::LimitExceeded => "LimitExceeded",
            Self::CodeRefused => "CodeRefused",
            Self::NameTaken => "NameTaken",
            Self::CodeNotFound => "CodeNotFound",
            Self::Reentered => "Reentered",
            Self::TooDeep => "TooDeep",
            Self::ModulePaused => "ModulePaused",
            Self::PolicyNotMet => "PolicyNotMet",
            Self::CodeNotActive => "CodeNotActive",
            Self::KeyNotAllowed => "KeyNotAllowed",
            Self::InterfaceMismatch => "InterfaceMismatch",
        }
    }
}

/// What a module told the world.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Event {
    /// Who told it.
    pub module: AccountId,
    /// A type of the module's `events` interface.
    pub name: String,
    /// Indexed bytes.
    pub topics: Vec<Vec<u8>>,
    /// That type's value, in the ledger's encoding.
    pub data: Vec<u8>,
}

/// The end of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Outcome {
    /// Everything was done: per action its result in the ledger's encoding (of `Deploy`: the module's id).
    Success {
        /// One per action.
        results: Vec<Vec<u8>>,
    },
    /// Nothing was done but paying the fee.
    Failure {
        /// The action that failed.
        action: u16,
        /// Why.
        code: Code,
        /// Of `ModuleError`: see [`FailureValue`]. Otherwise none.
        value: FailureValue,
    },
    /// Nothing was done: it could not pay, and what was left of the reserve is gone; or a scoped key had
    /// used up its limits, which costs nothing.
    Rejected {
        /// Why.
        code: Code,
    },
}

/// What a failing module had to say.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum FailureValue {
    /// Nothing.
    None,
    /// The error case of the function's `result`, in the ledger's encoding.
    Error(Vec<u8>),
    /// The message of `control.abort`.
    Message(String),
}

/// What became of an ordered transaction.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Receipt {
    /// Its id.
    pub transaction: Hash,
    /// Its end.
    pub outcome: Outcome,
    /// Fuel used, the intrinsic part included.
    pub fuel_used: u64,
    /// Grains paid.
    pub fee: u64,
    /// Events of a success, in order.
    pub events: Vec<Event>,
}
