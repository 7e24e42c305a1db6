//! What each method takes. Fields stand in the order in which positional parameters are read; a
//! field that this version does not know is refused by name.
//!
//! Bounds on what is asked (`limit`, `waitMs`, ranges) are the server's ([`super::ServedLimits`]).

use pollen_ledger::{Hash, PublicKey};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::lists::TxCursor;
use super::values::{Bytes, Cursor, Decimal, OptionalDecimal, ReadAt};
use super::{Stage, WaitFor};

/// What every read takes beside its own parameters: which state to read, and how long to wait for
/// it.
pub trait ReadParams {
    /// The state to read.
    fn at(&self) -> ReadAt;
    /// The least height that the node must have executed.
    fn at_least(&self) -> Option<u64>;
    /// How long to wait for that, in milliseconds.
    fn wait_ms(&self) -> u64;
    /// Asks for a height that the node must have executed, beside any that is asked for already, and where no wait is
    /// asked for, to wait for it so long.
    fn require(&mut self, at_least: u64, wait_ms: u64);
}

/// What both kinds of parameters below do alike; how they tell the state to read is given.
macro_rules! impl_read {
    ($name:ident, |$params:pat_param| $at:expr) => {
        impl ReadParams for $name {
            fn at(&self) -> ReadAt {
                let $params = self;
                $at
            }
            fn at_least(&self) -> Option<u64> {
                self.at_least
            }
            fn wait_ms(&self) -> u64 {
                self.wait_ms
            }
            fn require(&mut self, at_least: u64, wait_ms: u64) {
                self.at_least = self.at_least.max(Some(at_least));
                if self.wait_ms == 0 {
                    self.wait_ms = wait_ms;
                }
            }
        }
    };
}

/// Declares parameters of a read: their own fields, then `at`, `atLeast` and `waitMs`; behind them what came later, so that
/// the order of all stays.
macro_rules! read_params {
    (
        $(#[$outer:meta])*
        $name:ident { $( $(#[$meta:meta])* $field:ident : $type:ty ),* $(,)? }
        $( then { $( $(#[$later_meta:meta])* $later:ident : $later_type:ty ),* $(,)? } )?
    ) => {
        $(#[$outer])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            $( $(#[$meta])* pub $field: $type, )*
            /// The state to read.
            #[serde(default, skip_serializing_if = "ReadAt::is_latest")]
            pub at: ReadAt,
            /// Refuse (-32044) unless the node has executed this height.
            #[serde(default, with = "OptionalDecimal", skip_serializing_if = "Option::is_none")]
            pub at_least: Option<u64>,
            /// Wait that long for `atLeast` first, in milliseconds.
            #[serde(default, skip_serializing_if = "is_zero")]
            pub wait_ms: u64,
            $( $( $(#[$later_meta])* pub $later: $later_type, )* )?
        }

        impl_read!($name, |params| params.at);
    };
}

/// Declares parameters of a read that says otherwise of what it is: their own fields, then `atLeast` and `waitMs`.
macro_rules! waiting_params {
    (
        $(#[$outer:meta])*
        $name:ident { $( $(#[$meta:meta])* $field:ident: $type:ty, )* }
    ) => {
        $(#[$outer])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            $( $(#[$meta])* pub $field: $type, )*
            /// Refuse (-32044) unless the node has executed this height.
            #[serde(default, with = "OptionalDecimal", skip_serializing_if = "Option::is_none")]
            pub at_least: Option<u64>,
            /// Wait that long for `atLeast` first, in milliseconds.
            #[serde(default, skip_serializing_if = "is_zero")]
            pub wait_ms: u64,
        }

        impl_read!($name, |_| ReadAt::Latest);
    };
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// Of methods that take nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoParams {}

read_params! {
    /// Of `chain_head`.
    #[derive(Default)]
    ChainHeadParams {}
}

read_params! {
    /// Of `chain_checkpoint`: `at` names the checkpoint.
    #[derive(Default)]
    ChainCheckpointParams {}
}

read_params! {
    /// Of `chain_certificate`: `at` names the checkpoint.
    #[derive(Default)]
    ChainCertificateParams {}
}

read_params! {
    /// Of `chain_params` and `chain_committee`.
    #[derive(Default)]
    ChainStateParams {}
}

read_params! {
    /// Of `chain_checkpoints`: `at` is the newest that is listed.
    ChainCheckpointsParams {
        /// The first height; the newest, or of `descending: false` the oldest kept, unless told.
        #[serde(default, with = "OptionalDecimal", skip_serializing_if = "Option::is_none")]
        from: Option<u64>,
        /// Most checkpoints in the answer. 100 unless told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<u32>,
        /// Newest first; so unless told.
        #[serde(default = "yes")]
        descending: bool,
    }
}

waiting_params! {
    /// Of `dag_block`.
    DagBlockParams {
        /// The round.
        round: u32,
        /// Index of its author in the committee.
        author: u16,
    }
}

/// Of `chain_subscribe`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChainSubscribeParams {
    /// Only checkpoints above this height; from now on unless told.
    #[serde(default, with = "OptionalDecimal", skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

/// Of `dag_subscribe`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DagSubscribeParams {
    /// Only rounds above this one; from now on unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u32>,
}

/// Of `tx_subscribe`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TxSubscribeParams {
    /// The transaction's hash.
    pub hash: Hash,
}

waiting_params! {
    /// Of `chain_writes`.
    ChainWritesParams {
        /// Of the checkpoint.
        #[serde(with = "Decimal")]
        height: u64,
        /// Only keys whose hash lies above this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Hash>,
    }
}

waiting_params! {
    /// Of `dag_rounds`: `from` and `to`, or the last `last` rounds.
    #[derive(Default)]
    DagRoundsParams {
        /// First round.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<u32>,
        /// Last round, included.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<u32>,
        /// The newest rounds, where neither end is given. 10 unless told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last: Option<u32>,
    }
}

/// Of `tx_submit`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TxSubmitParams {
    /// The signed transaction, borsh.
    pub transaction: Bytes,
    /// The stage to wait for.
    #[serde(default, skip_serializing_if = "WaitFor::is_none")]
    pub wait: WaitFor,
    /// How long, in milliseconds; the stage reached by then is the answer. 10 000 unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// The chain that it is meant for: another is refused with 1003 instead of 1002.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain_id: Option<Hash>,
}

read_params! {
    /// Of `tx_preview`, `tx_simulate` and `tx_feeEstimate`: either `transaction` or `unsigned`.
    #[derive(Default)]
    TxTrialParams {
        /// A signed transaction, borsh.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        transaction: Option<Bytes>,
        /// The part that is signed, borsh, before anybody signs it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unsigned: Option<Bytes>,
    }
}

waiting_params! {
    /// Of `tx_status`: either `hash` or `transaction`.
    #[derive(Default)]
    TxStatusParams {
        /// Its hash.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hash: Option<Hash>,
        /// The signed transaction, borsh.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        transaction: Option<Bytes>,
        /// The stage to wait for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        wait: Option<Stage>,
        /// How long, in milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_ms: Option<u64>,
    }
}

read_params! {
    /// Of `tx_get`: `at` is the last checkpoint in which it is looked for.
    TxGetParams {
        /// Its hash.
        hash: Hash,
        /// Prove it, too: refused with -32041 while its checkpoint has no certificate.
        #[serde(default)]
        proof: bool,
    }
}

waiting_params! {
    /// Of `tx_trace`.
    TxTraceParams {
        /// Its hash.
        hash: Hash,
        /// Tell the state that it met, too: what is needed to run it elsewhere.
        #[serde(default, skip_serializing_if = "is_false")]
        before: bool,
    }
}

read_params! {
    /// Of `tx_list`: `at` is the last checkpoint that is listed.
    TxListParams {
        /// The account whose transactions: address, or `@name` of a module.
        account: String,
        /// Only what comes after, in the order that is asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<TxCursor>,
        /// Most transactions in the answer. 100 unless told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<u32>,
        /// Newest first; so unless told.
        #[serde(default = "yes")]
        descending: bool,
    }
}

fn yes() -> bool {
    true
}

/// One entry of `state_getMany`, named as `state_get` does: `module` with `key`, or `account` alone, or `owner` with
/// `key`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StateEntryParams {
    /// The module whose entry it is: address or `@name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The key under the module or owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Bytes>,
    /// The account whose record it is: address, or `@name` of a module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Any owner as it is stored: 64 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Hash>,
}

read_params! {
    /// Of `state_getMany`.
    #[derive(Default)]
    StateGetManyParams {
        /// The entries, at most 64.
        entries: Vec<StateEntryParams>,
        /// Prove them, too: refused with -32041 while the checkpoint has no certificate.
        #[serde(default)]
        proof: bool,
    }
}

read_params! {
    /// Of `module_list`.
    #[derive(Default)]
    ModuleListParams {
        /// Only modules whose id lies above this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Hash>,
        /// Most modules in the answer. 100 unless told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<u32>,
    }
}

read_params! {
    /// Of `state_scan`: `module`, or `owner`.
    #[derive(Default)]
    StateScanParams {
        /// The module whose entries: address or `@name`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        module: Option<String>,
        /// Only keys that begin with these bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prefix: Option<Bytes>,
        /// Only keys above this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Bytes>,
        /// Most entries in the answer. 100 unless told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<u32>,
        /// Any owner as it is stored, the ledger's own namespaces included: 64 hexadecimal digits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<Hash>,
    }
}

read_params! {
    /// Of `account_keys`.
    AccountKeysParams {
        /// The account: an address, or a module's `@name`.
        account: String,
    }
}

read_params! {
    /// Of `account_get`.
    AccountGetParams {
        /// Address, or `@name` of a module.
        account: String,
        /// The key whose nonce window to show.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        public_key: Option<PublicKey>,
    } then {
        /// Prove it, too: refused with -32041 while the checkpoint has no certificate.
        #[serde(default, skip_serializing_if = "is_false")]
        proof: bool,
    }
}

read_params! {
    /// Of `module_get` and `module_interface`.
    ModuleParams {
        /// Address or `@name`.
        module: String,
    }
}

read_params! {
    /// Of `module_code`: either `module` or `code`.
    #[derive(Default)]
    ModuleCodeParams {
        /// The module whose code: address or `@name`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        module: Option<String>,
        /// Plain blake3 of the component.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<Hash>,
        /// Tell about it, and leave the component itself out.
        #[serde(default)]
        facts_only: bool,
    }
}

read_params! {
    /// Of `module_call`.
    ModuleCallParams {
        /// Address or `@name`.
        module: String,
        /// A function of the module's `queries`.
        function: String,
        /// JSON arguments: an array by order, or an object by name. Instead of `argumentsBytes`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        arguments: Option<Value>,
        /// Arguments in the ledger's value encoding (borsh). Instead of `arguments`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        arguments_bytes: Option<Bytes>,
        /// The address that the module sees as its caller; nobody unless told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caller: Option<String>,
        /// Whether what it reads is wanted, with proofs of it: of a certified state (`at`), 256 entries at most.
        #[serde(default, skip_serializing_if = "is_false")]
        witness: bool,
    }
}

read_params! {
    /// Of `state_get`: `module` with `key`, or `account` alone, or `owner` with `key`.
    #[derive(Default)]
    StateGetParams {
        /// The module whose entry it is: address or `@name`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        module: Option<String>,
        /// The key under the module or owner.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<Bytes>,
        /// The account whose record it is: address, or `@name` of a module.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account: Option<String>,
        /// Any owner as it is stored, the ledger's own namespaces included: 64 hexadecimal digits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<Hash>,
        /// Prove it, too: refused with -32041 while the checkpoint has no certificate.
        #[serde(default)]
        proof: bool,
    }
}

/// Of `events_query`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EventsQueryParams {
    /// Only of this module: address or `@name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// Only of this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Only what comes after; from the beginning unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Cursor>,
    /// Most events in the answer. 100 unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Wait that long for `atLeast`, and for the first event when there is none, in milliseconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub wait_ms: u64,
    /// The last checkpoint whose events are looked at.
    #[serde(default, skip_serializing_if = "ReadAt::is_latest")]
    pub at: ReadAt,
    /// Refuse (-32044) unless the node has executed this height.
    #[serde(default, with = "OptionalDecimal", skip_serializing_if = "Option::is_none")]
    pub at_least: Option<u64>,
}

impl ReadParams for EventsQueryParams {
    fn at(&self) -> ReadAt {
        self.at
    }
    fn at_least(&self) -> Option<u64> {
        self.at_least
    }
    fn wait_ms(&self) -> u64 {
        self.wait_ms
    }
    /// Does not wait: what waits for a height would wait for an event, too.
    fn require(&mut self, at_least: u64, _: u64) {
        self.at_least = self.at_least.max(Some(at_least));
    }
}

/// Of `events_subscribe`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EventsSubscribeParams {
    /// Only of this module: address or `@name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// Only of this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Only what comes after; from now on unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Cursor>,
}

impl TxGetParams {
    /// Of a transaction, without proof.
    pub fn of(hash: Hash) -> Self {
        Self { hash, proof: false, at: ReadAt::Latest, at_least: None, wait_ms: 0 }
    }
}

impl Default for ChainCheckpointsParams {
    fn default() -> Self {
        let (from, limit, descending, at) = (None, None, true, ReadAt::Latest);
        Self { from, limit, descending, at, at_least: None, wait_ms: 0 }
    }
}

impl TxTraceParams {
    /// Of a transaction, without the state that it met.
    pub fn of(hash: Hash) -> Self {
        Self { hash, before: false, at_least: None, wait_ms: 0 }
    }
}

impl AccountGetParams {
    /// Of an account by its address, or a module's `@name`.
    pub fn of(account: String) -> Self {
        let (public_key, proof, at) = (None, false, ReadAt::Latest);
        Self { account, public_key, proof, at, at_least: None, wait_ms: 0 }
    }
}

impl ChainWritesParams {
    /// Of a checkpoint, from the first change on.
    pub fn of(height: u64) -> Self {
        Self { height, after: None, at_least: None, wait_ms: 0 }
    }
}
