//! Who may change a module, and what changes there are.
//!
//! A change is made when accounts of enough weight have agreed to the very same one, and the wait that the
//! policy asks for is over. What needs no wait: a pause, since it is for emergencies, and its end.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::codec;
use crate::crypto::{Domain, Hash};
use crate::limits::{POLICY_DELAY_MAX_MS, POLICY_KEYS_MAX};
use crate::transaction::AccountId;

/// An account with a say in a module's changes.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PolicyKey {
    /// Who.
    pub account: AccountId,
    /// How much its agreement counts: more than 0.
    pub weight: u32,
}

/// Who may change a module.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum UpgradePolicy {
    /// Nobody, ever.
    Never,
    /// The account that deployed it.
    Owner {
        /// From its decision to the change, in milliseconds of ledger time.
        delay_ms: u64,
    },
    /// Accounts that together have enough weight.
    Keys {
        /// The weight that a change needs.
        threshold: u32,
        /// Who has how much of it; distinct accounts, 1 to [`POLICY_KEYS_MAX`].
        keys: Vec<PolicyKey>,
        /// From the agreement to the change, in milliseconds of ledger time.
        delay_ms: u64,
    },
    /// The module alone, by `control.upgrade`.
    Itself,
}

impl UpgradePolicy {
    /// How much the agreement of `who` counts; 0 for not at all.
    pub fn weight(&self, creator: &AccountId, who: &AccountId) -> u32 {
        match self {
            Self::Never | Self::Itself => 0,
            Self::Owner { .. } => u32::from(creator == who),
            Self::Keys { keys, .. } => {
                keys.iter().find(|key| key.account == *who).map_or(0, |key| key.weight)
            }
        }
    }

    /// The weight that a change needs. Of a policy under which nobody has any, more than there is.
    pub fn threshold(&self) -> u32 {
        match self {
            Self::Never | Self::Itself => u32::MAX,
            Self::Owner { .. } => 1,
            Self::Keys { threshold, .. } => *threshold,
        }
    }

    /// From agreement to change, in milliseconds of ledger time.
    pub fn delay_ms(&self) -> u64 {
        match self {
            Self::Never | Self::Itself => 0,
            Self::Owner { delay_ms } | Self::Keys { delay_ms, .. } => *delay_ms,
        }
    }

    /// What is wrong with it, and what is allowed.
    pub fn check(&self) -> Result<(), String> {
        if self.delay_ms() > POLICY_DELAY_MAX_MS {
            return Err(format!("a policy's delay is at most {POLICY_DELAY_MAX_MS} ms, a year"));
        }
        let Self::Keys { threshold, keys, .. } = self else { return Ok(()) };
        let accounts: BTreeSet<_> = keys.iter().map(|key| key.account).collect();
        if !(1..=POLICY_KEYS_MAX).contains(&keys.len()) || accounts.len() != keys.len() {
            return Err(format!("a policy names 1 to {POLICY_KEYS_MAX} accounts, each once"));
        }
        let sum: u64 = keys.iter().map(|key| u64::from(key.weight)).sum();
        if *threshold == 0
            || u64::from(*threshold) > sum
            || sum > u64::from(u32::MAX)
            || keys.iter().any(|key| key.weight == 0)
        {
            return Err(format!(
                "weights are at least 1 and sum up to at most {}, and a threshold is 1 to their sum: \
                 {threshold} of {sum}",
                u32::MAX
            ));
        }
        Ok(())
    }
}

/// A change of a module.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum ModuleChange {
    /// Other code at the same address, with the state as it is; then `migrate` of the new code.
    Upgrade {
        /// Plain blake3 of the component: attached, or on the ledger.
        code: Hash,
        /// Arguments of `migrate`, in the ledger's value encoding; empty when there is none.
        arguments: Vec<u8>,
    },
    /// Another policy.
    Policy(UpgradePolicy),
    /// Commands are refused until [`Self::Resume`]; queries answer.
    Pause,
    /// The end of a pause.
    Resume,
}

impl ModuleChange {
    /// What those who agree agree to: this change, of the module as it is after `revision` changes. So an
    /// agreement never outlives a change that was made in between.
    pub fn digest(&self, module: &AccountId, revision: u32) -> Hash {
        let parts: [&[u8]; 3] = [&module.0, &revision.to_le_bytes(), &codec::encode(self)];
        Domain::ModuleChange.hash(&parts)
    }

    /// Whether the policy's wait applies.
    pub fn waits(&self) -> bool {
        matches!(self, Self::Upgrade { .. } | Self::Policy(_))
    }
}

/// What an action `Change` returns, in the ledger's encoding.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ChangeReport {
    /// Whether the change was made.
    pub is_made: bool,
    /// [`ModuleChange::digest`].
    pub change: Hash,
    /// The weight that agreed so far.
    pub weight: u32,
    /// The weight that it needs.
    pub threshold: u32,
    /// Ledger time from which on it can be made by sending it again; none while the weight is missing.
    pub ready_ms: Option<u64>,
}
