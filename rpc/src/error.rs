//! The catalogue of errors (docs/rpc.md): number, stable name, whether the same call can succeed
//! later, and what to do. In JSON `{ code, message, data: { name, retryable, hint, .. } }`.
//!
//! Numbers and names never change their meaning. Texts are for people and may. Ours start at
//! -32040, since jsonrpsee itself uses -32001 and -32005 to -32011.

use pollen_ledger::codec::DecodeError;
use pollen_ledger::receipt::Code;
use pollen_ledger::transaction::TransactionError;
use serde_json::{Map, Value};

/// Declares the catalogue: one line per error.
macro_rules! catalogue {
    ($( $name:ident = $number:literal, $retryable:literal, $hint:literal; )*) => {
        /// An error of the catalogue.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ErrorCode {
            $( #[doc = concat!(stringify!($number), ": ", $hint)] $name, )*
        }

        impl ErrorCode {
            /// All of them, in the order of docs/rpc.md.
            pub const ALL: &[Self] = &[ $( Self::$name, )* ];

            /// Its number.
            pub const fn number(self) -> i32 {
                match self { $( Self::$name => $number, )* }
            }

            /// Its stable name.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$name => stringify!($name), )* }
            }

            /// Whether the same call can succeed later, or at another node.
            pub const fn retryable(self) -> bool {
                match self { $( Self::$name => $retryable, )* }
            }

            /// What to do about it.
            pub const fn hint(self) -> &'static str {
                match self { $( Self::$name => $hint, )* }
            }
        }
    };
}

catalogue! {
    ParseError = -32700, false, "send one JSON text, in UTF-8";
    InvalidRequest = -32600, false, "send a request of JSON-RPC 2.0";
    MethodNotFound = -32601, false, "see docs/rpc.md for the methods; node_info names the groups";
    InvalidParams = -32602, false, "correct the parameter at `path`; see docs/rpc.md";
    InternalError = -32603, true, "the node's log has more; ask another node";

    NotFound = -32040, false, "check the name, or ask a node that keeps more";
    NotReady = -32041, true, "the node is starting or catching up: wait, or ask another node";
    Limit = -32042, true, "too much at once: wait `retryAfterMs`, or ask for less";
    NotKept = -32043, false, "ask a node that keeps this: node_info has `role` and `indexes`";
    BehindRequested = -32044, true, "the node is behind: wait longer, or ask another";
    Denied = -32045, false, "this node does not let you; ask its operator";

    Malformed = 1001, false, "build the transaction again, with a client of this protocol version";
    BadSignature = 1002, false, "sign with the sender's key, for this chain, after the last change";
    WrongChain = 1003, false, "build and sign the transaction for the chain of this node";
    TooLarge = 1004, false, "make it smaller: node_info has the limits";
    NonceUsed = 1005, false, "choose another nonce: account_get has the next";
    NonceOutsideWindow = 1006, false, "choose a nonce between `next` and `last` of account_get";
    Expired = 1007, false, "build it again with a later validUntilMs";
    NotYetValid = 1008, true, "choose an earlier validUntilMs, or wait";
    FeeTooLow = 1009, false, "offer at least the floor";
    BalanceTooLow = 1010, false, "fund the account, or offer less fuel";
    PoolFull = 1011, true, "wait a moment and submit the same bytes again";
    KeyNotAllowed = 1012, false, "sign with a key that may do this";
    PolicyNotMet = 1013, false, "more must sign or agree: account_keys and module_get show who";
    InterfaceMismatch = 1014, false, "read the module's interface again and build anew";

    ModuleNotFound = 2001, false, "check the address or name of the module";
    FunctionNotFound = 2002, false, "module_interface lists the functions";
    BadArguments = 2003, false, "correct the argument at `path`; module_interface has the types";
    OutOfFuel = 2004, false, "offer more fuel, or ask for less work";
    Trapped = 2005, false, "the module has a fault: show its author the backtrace";
    ModuleError = 2006, false, "the module refused: its message or error value says why";
    LimitExceeded = 2007, false, "the call needs more than the ledger allows: ask for less";
    ModulePaused = 2008, true, "wait until those who paused it resume it: queries answer";
    CodeRefused = 2009, false, "build the component for pollen:host only, within its limits";
    NameTaken = 2010, false, "choose another name";
    CodeNotFound = 2011, false, "attach the component to the transaction";
    Reentered = 2012, false, "a module cannot be called while it is running";
    TooDeep = 2013, false, "calls between modules nest too deep";
    CodeNotActive = 2014, true, "publish the code, then wait codeActivationMs of ledger time";
}

impl From<Code> for ErrorCode {
    fn from(code: Code) -> Self {
        match code {
            Code::BalanceTooLow => Self::BalanceTooLow,
            Code::ModuleNotFound => Self::ModuleNotFound,
            Code::FunctionNotFound => Self::FunctionNotFound,
            Code::BadArguments => Self::BadArguments,
            Code::OutOfFuel => Self::OutOfFuel,
            Code::Trapped => Self::Trapped,
            Code::ModuleError => Self::ModuleError,
            Code::LimitExceeded => Self::LimitExceeded,
            Code::CodeRefused => Self::CodeRefused,
            Code::NameTaken => Self::NameTaken,
            Code::CodeNotFound => Self::CodeNotFound,
            Code::Reentered => Self::Reentered,
            Code::TooDeep => Self::TooDeep,
            Code::ModulePaused => Self::ModulePaused,
            Code::PolicyNotMet => Self::PolicyNotMet,
            Code::CodeNotActive => Self::CodeNotActive,
            Code::KeyNotAllowed => Self::KeyNotAllowed,
            Code::InterfaceMismatch => Self::InterfaceMismatch,
        }
    }
}

/// What a receipt's code means, in words.
pub const fn describe(code: Code) -> &'static str {
    match code {
        Code::BalanceTooLow => "who pays the fee could not",
        Code::ModuleNotFound => "there is no such module",
        Code::FunctionNotFound => "the module has no such function",
        Code::BadArguments => "the arguments are not of the function's types",
        Code::OutOfFuel => "all fuel was used",
        Code::Trapped => "the module trapped",
        Code::ModuleError => "the module refused",
        Code::LimitExceeded => "a limit of the ledger was exceeded",
        Code::CodeRefused => "the code is no component that may run here",
        Code::NameTaken => "the name belongs to another module",
        Code::CodeNotFound => "the code was neither attached nor deployed before",
        Code::Reentered => "a running module was called again",
        Code::TooDeep => "calls between modules nested too deep",
        Code::ModulePaused => "the module is paused",
        Code::PolicyNotMet => "the sender has no say in this change",
        Code::CodeNotActive => "the code is not active yet",
        Code::KeyNotAllowed => "the key that signed may not do this, or not so much of it",
        Code::InterfaceMismatch => "the module has another interface than the call was made from",
    }
}

/// An error on its way to a client.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message} ({} {})", code.number(), code.name())]
pub struct RpcError {
    /// Which.
    pub code: ErrorCode,
    /// What happened here.
    pub message: String,
    /// More for programs: beside `name`, `retryable` and `hint`.
    pub data: Map<String, Value>,
}

impl RpcError {
    /// An error with its own words.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: Map::new() }
    }

    /// Adds a field to `data`.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.data.insert(field.to_owned(), value.into());
        self
    }

    /// With what a call had used when it failed.
    #[must_use]
    pub fn with_fuel_used(self, fuel: u64) -> Self {
        self.with(FUEL_USED, fuel.to_string())
    }

    /// What a call had used when it failed, where it ran at all.
    pub fn fuel_used(&self) -> Option<u64> {
        self.data.get(FUEL_USED)?.as_str()?.parse().ok()
    }

    /// -32602 at a JSON path such as `params.account`.
    pub fn invalid_params(path: &str, message: impl std::fmt::Display) -> Self {
        Self::new(ErrorCode::InvalidParams, format!("{path}: {message}")).with("path", path)
    }

    /// -32040, with the oldest height that is kept where that is why.
    pub fn not_found(what: impl Into<String>, oldest_height: Option<u64>) -> Self {
        let error = Self::new(ErrorCode::NotFound, what);
        match oldest_height {
            Some(height) => error.with("oldestHeight", height.to_string()),
            None => error,
        }
    }

    /// -32603. `what` is for the client: no paths, no secrets.
    pub fn internal(what: impl Into<String>) -> Self {
        Self::new(ErrorCode::InternalError, what)
    }

    /// `data` as it is sent: the hint is the catalogue's unless the error has a better one.
    pub fn data_json(&self) -> Value {
        let mut data = self.data.clone();
        data.insert("name".into(), self.code.name().into());
        data.insert("retryable".into(), self.code.retryable().into());
        data.entry("hint").or_insert_with(|| self.code.hint().into());
        Value::Object(data)
    }
}

impl From<TransactionError> for RpcError {
    fn from(error: TransactionError) -> Self {
        let code = match &error {
            TransactionError::Decode(DecodeError::TooLarge { .. })
            | TransactionError::TooLarge { .. } => ErrorCode::TooLarge,
            TransactionError::Decode(DecodeError::Malformed { .. })
            | TransactionError::Malformed { .. } => ErrorCode::Malformed,
            TransactionError::BadSignature => ErrorCode::BadSignature,
        };
        Self::new(code, error.to_string())
    }
}

impl From<DecodeError> for RpcError {
    fn from(error: DecodeError) -> Self {
        TransactionError::Decode(error).into()
    }
}

impl From<RpcError> for jsonrpsee::types::ErrorObjectOwned {
    fn from(error: RpcError) -> Self {
        let data = error.data_json();
        Self::owned(error.code.number(), error.message, Some(data))
    }
}

/// As results have it.
const FUEL_USED: &str = "fuelUsed";

#[cfg(test)]
mod tests;
