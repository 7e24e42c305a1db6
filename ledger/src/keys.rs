//! Keys of an account: owners, who together may do everything, and scoped keys, which may do a little.
//!
//! An account begins with one owner: the key that its id is the hash of. Nothing is stored for that. Its
//! owners may name others, with weights and a threshold (several signatures on one transaction), and give
//! scoped keys to devices and applications. The id stays, whatever its keys become.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::crypto::PublicKey;
use crate::limits::{
    FUNCTION_NAME_BYTES_MAX, KEY_LABEL_BYTES_MAX, OWNERS_MAX, SCOPE_FUNCTIONS_MAX,
    SCOPE_MODULES_MAX, SCOPED_KEYS_MAX,
};
use crate::transaction::{AccountId, Action};

/// A key with a say in everything that its account does.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OwnerKey {
    /// The key.
    pub key: PublicKey,
    /// How much its signature counts: more than 0.
    pub weight: u32,
}

/// A module, and which of its commands a scoped key may call.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CallScope {
    /// The module.
    pub module: AccountId,
    /// Names of commands; empty for all of them.
    pub functions: Vec<String>,
}

/// Limits that hold anew in each window of time. Windows begin at multiples of their length, so two of
/// them can be used up in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ScopeWindow {
    /// Length in milliseconds of ledger time: more than 0.
    pub length_ms: u64,
    /// Most grains that it may spend in a window.
    pub spend_max: Option<u64>,
    /// Most transactions that it may sign in a window.
    pub transactions_max: Option<u32>,
}

/// What a scoped key may do.
///
/// It *spends* what leaves the account's balance by a transaction that it signed: transfers, what goes along
/// with calls, deposits and fees. What comes back is not taken off, so that no module's payment to the account
/// raises what a key may send away.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Scope {
    /// Commands that it may call; no module is in it twice.
    pub calls: Vec<CallScope>,
    /// Whether it may send grains to anybody.
    pub transfers: bool,
    /// Whether it may pay the fees of other accounts' transactions.
    pub sponsors: bool,
    /// Ledger time from which on it may do nothing, in milliseconds.
    pub expires_ms: Option<u64>,
    /// Most grains that it may ever spend.
    pub spend_max: Option<u64>,
    /// Limits of a window.
    pub window: Option<ScopeWindow>,
}

/// A key that may do what its scope says, alone.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ScopedKey {
    /// The key.
    pub key: PublicKey,
    /// What people call it.
    pub label: String,
    /// What it may do.
    pub scope: Scope,
}

/// All keys of an account.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AccountKeys {
    /// The weight of signatures that a transaction of the owners needs.
    pub threshold: u32,
    /// Distinct keys, 1 to [`OWNERS_MAX`].
    pub owners: Vec<OwnerKey>,
    /// Distinct keys, none of them an owner, at most [`SCOPED_KEYS_MAX`].
    pub scoped: Vec<ScopedKey>,
}

/// The part of a scope that an action lies outside of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScopeRule {
    /// Deployments, changes of modules, keys.
    #[error("only owners do this")]
    OwnersOnly,
    /// A transfer.
    #[error("the key may not transfer")]
    Transfers,
    /// A call of a module that is not named.
    #[error("the key may not call this module")]
    Module,
    /// A call of a function that is not named.
    #[error("the key may not call this function of the module")]
    Function,
}

impl Scope {
    /// Whether an action lies inside.
    pub fn allows(&self, action: &Action) -> Result<(), ScopeRule> {
        match action {
            Action::Transfer { .. } if self.transfers => Ok(()),
            Action::Transfer { .. } => Err(ScopeRule::Transfers),
            Action::Invoke { module, function, .. } => {
                let call = self.calls.iter().find(|call| call.module == *module);
                let functions = &call.ok_or(ScopeRule::Module)?.functions;
                match functions.is_empty() || functions.contains(function) {
                    true => Ok(()),
                    false => Err(ScopeRule::Function),
                }
            }
            _ => Err(ScopeRule::OwnersOnly),
        }
    }

    /// Whether anything is counted for it.
    pub fn has_limits(&self) -> bool {
        self.spend_max.is_some() || self.window.is_some()
    }
}

impl ScopedKey {
    /// What is wrong with it, and what is allowed.
    pub fn check(&self) -> Result<(), String> {
        let Self { label, scope, .. } = self;
        if label.len() > KEY_LABEL_BYTES_MAX || label.chars().any(char::is_control) {
            return Err(format!(
                "a key's label has at most {KEY_LABEL_BYTES_MAX} bytes and no control characters"
            ));
        }
        let modules: BTreeSet<_> = scope.calls.iter().map(|call| call.module).collect();
        if scope.calls.len() > SCOPE_MODULES_MAX || modules.len() != scope.calls.len() {
            return Err(format!("a scope names at most {SCOPE_MODULES_MAX} modules, each once"));
        }
        let mut functions = scope.calls.iter().flat_map(|call| &call.functions);
        let fits = |name: &String| (1..=FUNCTION_NAME_BYTES_MAX).contains(&name.len());
        if functions.clone().count() > SCOPE_FUNCTIONS_MAX || !functions.all(fits) {
            return Err(format!(
                "a scope names at most {SCOPE_FUNCTIONS_MAX} functions, each of 1 to {FUNCTION_NAME_BYTES_MAX} bytes"
            ));
        }
        if scope.window.is_some_and(|window| window.length_ms == 0) {
            return Err("a window of limits is at least 1 ms long".into());
        }
        Ok(())
    }
}

impl AccountKeys {
    /// The one owner that an account begins with.
    pub fn first(key: PublicKey) -> Self {
        Self { threshold: 1, owners: vec![OwnerKey { key, weight: 1 }], scoped: Vec::new() }
    }

    /// The weight of an owner's signature; none of any other key.
    pub fn weight(&self, key: &PublicKey) -> Option<u32> {
        self.owners.iter().find(|owner| owner.key == *key).map(|owner| owner.weight)
    }

    /// The scoped key with this key.
    pub fn scoped(&self, key: &PublicKey) -> Option<&ScopedKey> {
        self.scoped.iter().find(|scoped| scoped.key == *key)
    }

    /// What is wrong with them together, and what is allowed. (Each scoped key is checked apart.)
    pub fn check(&self) -> Result<(), String> {
        check_owners(self.threshold, &self.owners)?;
        if self.scoped.len() > SCOPED_KEYS_MAX {
            return Err(format!("an account has at most {SCOPED_KEYS_MAX} scoped keys"));
        }
        if self.scoped.iter().any(|scoped| self.weight(&scoped.key).is_some()) {
            return Err("a key is an owner or scoped, not both".into());
        }
        Ok(())
    }
}

/// What is wrong with owners, and what is allowed.
pub fn check_owners(threshold: u32, owners: &[OwnerKey]) -> Result<(), String> {
    let keys: BTreeSet<_> = owners.iter().map(|owner| owner.key.0).collect();
    if !(1..=OWNERS_MAX).contains(&owners.len()) || keys.len() != owners.len() {
        return Err(format!("an account has 1 to {OWNERS_MAX} owners, each once"));
    }
    let sum: u64 = owners.iter().map(|owner| u64::from(owner.weight)).sum();
    if threshold == 0
        || u64::from(threshold) > sum
        || sum > u64::from(u32::MAX)
        || owners.iter().any(|owner| owner.weight == 0)
    {
        return Err(format!(
            "weights are at least 1 and sum up to at most {}, and a threshold is 1 to their sum: {threshold} of \
             {sum}",
            u32::MAX
        ));
    }
    Ok(())
}
