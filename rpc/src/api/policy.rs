//! Who may change a module, and its changes, as JSON shows them.

use pollen_ledger::policy::{ChangeReport, ModuleChange, UpgradePolicy};
use pollen_ledger::{Address, Hash};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::values::{Bytes, Decimal, OptionalDecimal};

/// An account with a say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyKeyView {
    /// Who.
    pub account: String,
    /// How much its agreement counts.
    pub weight: u32,
}

/// Who may change a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum PolicyView {
    /// Nobody, ever.
    Never,
    /// Who deployed it.
    Owner {
        /// From decision to change, in milliseconds of ledger time.
        #[serde(with = "Decimal")]
        delay_ms: u64,
    },
    /// Accounts with enough weight together.
    Keys {
        /// The weight that a change needs.
        threshold: u32,
        /// Who has how much.
        keys: Vec<PolicyKeyView>,
        /// From agreement to change, in milliseconds of ledger time.
        #[serde(with = "Decimal")]
        delay_ms: u64,
    },
    /// The module alone.
    Itself,
}

impl PolicyView {
    /// With addresses of the network of `prefix`.
    pub fn of(policy: &UpgradePolicy, prefix: &str) -> Self {
        match policy {
            UpgradePolicy::Never => Self::Never,
            UpgradePolicy::Owner { delay_ms } => Self::Owner { delay_ms: *delay_ms },
            UpgradePolicy::Keys { threshold, keys, delay_ms } => Self::Keys {
                threshold: *threshold,
                keys: keys
                    .iter()
                    .map(|key| PolicyKeyView {
                        account: Address::account(key.account).display(prefix),
                        weight: key.weight,
                    })
                    .collect(),
                delay_ms: *delay_ms,
            },
            UpgradePolicy::Itself => Self::Itself,
        }
    }
}

/// A change of a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum ChangeView {
    /// Other code.
    Upgrade {
        /// Plain blake3 of the component.
        code: Hash,
        /// Arguments of `migrate` (borsh).
        arguments: Bytes,
    },
    /// Another policy.
    Policy {
        /// The new one.
        policy: PolicyView,
    },
    /// Commands are refused from now on.
    Pause,
    /// Commands are taken again.
    Resume,
}

impl ChangeView {
    /// With addresses of the network of `prefix`.
    pub fn of(change: &ModuleChange, prefix: &str) -> Self {
        match change {
            ModuleChange::Upgrade { code, arguments } => {
                Self::Upgrade { code: *code, arguments: Bytes(arguments.clone()) }
            }
            ModuleChange::Policy(policy) => Self::Policy { policy: PolicyView::of(policy, prefix) },
            ModuleChange::Pause => Self::Pause,
            ModuleChange::Resume => Self::Resume,
        }
    }

    /// What it does, in a word or two.
    pub const fn words(&self) -> &'static str {
        match self {
            Self::Upgrade { .. } => "upgrade",
            Self::Policy { .. } => "another policy",
            Self::Pause => "pause",
            Self::Resume => "resume",
        }
    }
}

/// What became of a change that somebody agreed to: the result of a `change` action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeReportView {
    /// Whether it was made.
    pub made: bool,
    /// Its digest: what `cancel` names.
    pub change: Hash,
    /// The weight that agreed so far.
    pub weight: u32,
    /// The weight that it needs.
    pub threshold: u32,
    /// Ledger time, in milliseconds, from which on sending it again makes it; null while weight is missing.
    #[serde(with = "OptionalDecimal")]
    pub ready_ms: Option<u64>,
}

impl From<ChangeReport> for ChangeReportView {
    fn from(report: ChangeReport) -> Self {
        let ChangeReport { is_made, change, weight, threshold, ready_ms } = report;
        Self { made: is_made, change, weight, threshold, ready_ms }
    }
}
