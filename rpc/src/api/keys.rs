//! Keys of an account as JSON shows them.

use pollen_ledger::execution::KeyUse;
use pollen_ledger::keys::{self, CallScope, OwnerKey, Scope, ScopeWindow};
use pollen_ledger::{Address, PublicKey};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::values::{Decimal, OptionalDecimal};

/// A key with a say in everything that its account does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnerView {
    /// The key.
    pub key: PublicKey,
    /// How much its signature counts.
    pub weight: u32,
}

/// A module that a scoped key may call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallScopeView {
    /// The module.
    pub module: String,
    /// Which of its commands; empty for all.
    pub functions: Vec<String>,
}

/// Limits that hold anew in each window of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScopeWindowView {
    /// Length in milliseconds of ledger time. Windows begin at multiples of it.
    #[serde(with = "Decimal")]
    pub length_ms: u64,
    /// Most grains in a window; null for no limit.
    #[serde(default, with = "OptionalDecimal")]
    pub spend_max: Option<u64>,
    /// Most transactions in a window; null for no limit.
    pub transactions_max: Option<u32>,
}

/// A key that may do a little, alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScopedKeyView {
    /// The key.
    pub key: PublicKey,
    /// What people call it.
    pub label: String,
    /// Commands that it may call.
    pub calls: Vec<CallScopeView>,
    /// Whether it may send grains to anybody.
    pub transfers: bool,
    /// Whether it may pay the fees of other accounts' transactions.
    pub sponsors: bool,
    /// Ledger time from which on it may do nothing; null for never.
    #[serde(default, with = "OptionalDecimal")]
    pub expires_ms: Option<u64>,
    /// Most grains that it may ever spend; null for no limit.
    #[serde(default, with = "OptionalDecimal")]
    pub spend_max: Option<u64>,
    /// Limits of a window.
    pub window: Option<ScopeWindowView>,
}

/// What a scoped key has used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyUseView {
    /// Grains spent, ever.
    #[serde(with = "Decimal")]
    pub spent: u64,
    /// Grains spent in the window of the answer's ledger time.
    #[serde(with = "Decimal")]
    pub window_spent: u64,
    /// Transactions signed in that window.
    pub window_transactions: u32,
}

/// A scoped key with what it has used; nothing is counted of a key without limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScopedKeyUsed {
    /// The key and what it may.
    #[serde(flatten)]
    pub scoped: ScopedKeyView,
    /// What it has used.
    pub used: KeyUseView,
}

/// An account's keys (`account_keys`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountKeys {
    /// The account's address.
    pub account: String,
    /// False for an account that has the one owner that it began with: the key that its address is the hash of,
    /// which the ledger does not know.
    pub stored: bool,
    /// The weight of signatures that a transaction of the owners needs.
    pub threshold: u32,
    /// The owners; none where they are not stored.
    pub owners: Vec<OwnerView>,
    /// The scoped keys.
    pub scoped: Vec<ScopedKeyUsed>,
}

impl From<&OwnerKey> for OwnerView {
    fn from(owner: &OwnerKey) -> Self {
        Self { key: owner.key, weight: owner.weight }
    }
}

impl ScopedKeyView {
    /// With addresses of the network of `prefix`.
    pub fn of(scoped: &keys::ScopedKey, prefix: &str) -> Self {
        let keys::ScopedKey { key, label, scope } = scoped;
        let Scope { calls, transfers, sponsors, expires_ms, spend_max, window } = scope;
        let call = |call: &CallScope| CallScopeView {
            module: Address::module(call.module).display(prefix),
            functions: call.functions.clone(),
        };
        let window = window.map(|window| {
            let ScopeWindow { length_ms, spend_max, transactions_max } = window;
            ScopeWindowView { length_ms, spend_max, transactions_max }
        });
        Self {
            key: *key,
            label: label.clone(),
            calls: calls.iter().map(call).collect(),
            transfers: *transfers,
            sponsors: *sponsors,
            expires_ms: *expires_ms,
            spend_max: *spend_max,
            window,
        }
    }
}

impl KeyUseView {
    /// What is used of a key at a ledger time.
    pub fn at(used: &KeyUse, scope: &Scope, time_ms: u64) -> Self {
        let now = scope.window.map_or(0, |window| time_ms / window.length_ms);
        let (window_spent, window_transactions) = match used.window == now {
            true => (used.window_spent, used.window_transactions),
            false => (0, 0),
        };
        Self { spent: used.spent, window_spent, window_transactions }
    }
}
