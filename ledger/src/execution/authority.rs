//! Whether those who signed a transaction may do what it asks for, and what their keys may still spend.

use super::{AccountRecord, KeyUse, StateKey, StateRead, TransactionState, query};
use crate::crypto::PublicKey;
use crate::keys::{AccountKeys, Scope, ScopeRule, ScopedKey};
use crate::store::StoreError;
use crate::transaction::{AccountId, SignedTransaction};

/// An account that must have signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    /// Who asks.
    Sender,
    /// Who pays the fee for another one.
    Payer,
}

impl std::fmt::Display for Party {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(match self {
            Self::Sender => "sender",
            Self::Payer => "payer",
        })
    }
}

/// Why those who signed may not do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityError {
    /// The first signature is by no key of the sender's, or none is by a key of the payer's.
    #[error("no key of the {0} signed")]
    NoKey(Party),
    /// Owners of too little weight.
    #[error("owners of the {party} signed with weight {have}, {needed} is needed")]
    Weight {
        /// Whose owners.
        party: Party,
        /// The sum of their weights.
        have: u32,
        /// The threshold.
        needed: u32,
    },
    /// A scoped key whose time is over.
    #[error("the key of the {party} expired at {expires_ms}")]
    Expired {
        /// Whose key.
        party: Party,
        /// Ledger time in milliseconds.
        expires_ms: u64,
    },
    /// An action outside of the scope.
    #[error("action {action}: {rule}")]
    Scope {
        /// Its index.
        action: u16,
        /// The rule.
        rule: ScopeRule,
    },
    /// A scoped key of the payer's that may not.
    #[error("the key of the payer may not pay for others")]
    Sponsors,
    /// A signature that nothing needs. It would cost the payer.
    #[error("a signature is by a key of neither sender nor payer")]
    Stranger,
}

/// Who signed: all of it good.
#[derive(Debug, Default)]
pub struct Authority {
    /// Whether a scoped key signed for the sender.
    pub by_scoped_key: bool,
    /// Limits of that key.
    pub sender: Option<Limits>,
    /// Limits of a scoped key that signed for the payer.
    pub payer: Option<Limits>,
}

/// What a scoped key may still spend.
#[derive(Debug)]
pub struct Limits {
    key: StateKey,
    scope: Scope,
    /// Of the window that ledger time is in.
    used: KeyUse,
}

impl Limits {
    fn of(
        state: &dyn StateRead,
        account: &AccountId,
        key: &ScopedKey,
        time_ms: u64,
    ) -> Result<Option<Self>, StoreError> {
        if !key.scope.has_limits() {
            return Ok(None);
        }
        let scope = key.scope.clone();
        let key = StateKey::key_use(account, &key.key);
        let mut used: KeyUse = query::record(state, &key)?.unwrap_or_default();
        let window = scope.window.map_or(0, |window| time_ms / window.length_ms);
        if used.window != window {
            used = KeyUse { spent: used.spent, window, ..KeyUse::default() };
        }
        Ok(Some(Self { key, scope, used }))
    }

    /// Whether one more transaction that spends so many grains is within the limits; else which it breaks.
    pub fn check(&self, grains: u64) -> Result<(), String> {
        let over = |used: u64, most: Option<u64>| {
            most.is_some_and(|most| used.checked_add(grains).is_none_or(|sum| sum > most))
        };
        let used = &self.used;
        if over(used.spent, self.scope.spend_max) {
            let most = self.scope.spend_max.unwrap_or_default();
            return Err(format!(
                "the key may spend {most} grains in all: {} are spent, and this may cost {grains}",
                used.spent
            ));
        }
        let Some(window) = self.scope.window else { return Ok(()) };
        if over(used.window_spent, window.spend_max) {
            let most = window.spend_max.unwrap_or_default();
            return Err(format!(
                "the key may spend {most} grains in {} ms: {} are spent, and this may cost {grains}",
                window.length_ms, used.window_spent
            ));
        }
        if let Some(most) = window.transactions_max
            && used.window_transactions >= most
        {
            return Err(format!(
                "the key may sign {most} transactions in {} ms, and has",
                window.length_ms
            ));
        }
        Ok(())
    }

    /// Counts a transaction that spent so many grains.
    pub(super) fn book(mut self, state: &mut TransactionState<'_>, grains: u64) {
        self.used.spent = self.used.spent.saturating_add(grains);
        self.used.window_spent = self.used.window_spent.saturating_add(grains);
        self.used.window_transactions = self.used.window_transactions.saturating_add(1);
        state.put_record(self.key, &self.used);
    }
}

/// The keys of an account.
enum Keys {
    /// The one whose hash it is.
    First(AccountId),
    Stored(AccountKeys),
}

impl Keys {
    fn of(state: &dyn StateRead, account: &AccountId) -> Result<Self, StoreError> {
        let record: Option<AccountRecord> = query::account(state, account)?;
        if !record.is_some_and(|record| record.has_keys) {
            return Ok(Self::First(*account));
        }
        let key = StateKey::keys(account);
        query::record(state, &key)?.map(Self::Stored).ok_or_else(|| StoreError::Corrupt {
            what: format!("the account {account} has keys, and none are stored"),
        })
    }

    /// The weight of an owner's signature.
    fn weight(&self, key: &PublicKey) -> Option<u32> {
        match self {
            Self::First(account) => (AccountId::of_key(key) == *account).then_some(1),
            Self::Stored(keys) => keys.weight(key),
        }
    }

    fn threshold(&self) -> u32 {
        match self {
            Self::First(_) => 1,
            Self::Stored(keys) => keys.threshold,
        }
    }

    fn scoped(&self, key: &PublicKey) -> Option<&ScopedKey> {
        match self {
            Self::First(_) => None,
            Self::Stored(keys) => keys.scoped(key),
        }
    }

    /// What all owners who signed weigh; none when no owner signed.
    fn signed_weight(&self, signed: &SignedTransaction) -> Option<u32> {
        signed.keys().filter_map(|key| self.weight(key)).reduce(u32::saturating_add)
    }
}

/// A scoped key whose time is not over.
fn unexpired(key: &ScopedKey, party: Party, time_ms: u64) -> Result<&ScopedKey, AuthorityError> {
    match key.scope.expires_ms {
        Some(expires_ms) if time_ms >= expires_ms => {
            Err(AuthorityError::Expired { party, expires_ms })
        }
        _ => Ok(key),
    }
}

/// Asks the state whose keys signed, and whether they may do it. That each signature is by its key was
/// checked before. The outer error is the store's.
pub fn authorize(
    state: &dyn StateRead,
    signed: &SignedTransaction,
    time_ms: u64,
) -> Result<Result<Authority, AuthorityError>, StoreError> {
    let tx = &signed.transaction;
    let sender = Keys::of(state, &tx.sender)?;
    let payer = tx.payer.map(|payer| Keys::of(state, &payer)).transpose()?;
    let signers = match signers(&sender, payer.as_ref(), signed, time_ms) {
        Ok(signers) => signers,
        Err(error) => return Ok(Err(error)),
    };
    let mut authority =
        Authority { by_scoped_key: signers.sender.is_some(), ..Authority::default() };
    if let Some(key) = signers.sender {
        authority.sender = Limits::of(state, &tx.sender, key, time_ms)?;
    }
    if let Some((key, payer)) = signers.payer.zip(tx.payer) {
        authority.payer = Limits::of(state, &payer, key, time_ms)?;
    }
    Ok(Ok(authority))
}

/// The scoped keys that signed; none where owners did.
struct Signers<'a> {
    sender: Option<&'a ScopedKey>,
    payer: Option<&'a ScopedKey>,
}

fn signers<'a>(
    sender: &'a Keys,
    payer: Option<&'a Keys>,
    signed: &SignedTransaction,
    time_ms: u64,
) -> Result<Signers<'a>, AuthorityError> {
    let tx = &signed.transaction;
    let scoped = match sender.scoped(&tx.key) {
        Some(key) => {
            let key = unexpired(key, Party::Sender, time_ms)?;
            for (action, asked) in (0..).zip(&tx.actions) {
                let rule = key.scope.allows(asked);
                rule.map_err(|rule| AuthorityError::Scope { action, rule })?;
            }
            Some(key)
        }
        None => {
            sender.weight(&tx.key).ok_or(AuthorityError::NoKey(Party::Sender))?;
            check_weight(sender, signed, Party::Sender)?;
            None
        }
    };
    let sponsor = match payer {
        None => None,
        Some(payer) => sponsor(payer, signed, time_ms)?,
    };
    let counts = |key: &PublicKey| {
        (scoped.is_none() && sender.weight(key).is_some())
            || match sponsor {
                Some(sponsor) => sponsor.key == *key,
                None => payer.is_some_and(|payer| payer.weight(key).is_some()),
            }
    };
    if !signed.cosignatures.iter().all(|one| counts(&one.public_key)) {
        return Err(AuthorityError::Stranger);
    }
    Ok(Signers { sender: scoped, payer: sponsor })
}

fn check_weight(
    keys: &Keys,
    signed: &SignedTransaction,
    party: Party,
) -> Result<(), AuthorityError> {
    let have = keys.signed_weight(signed).ok_or(AuthorityError::NoKey(party))?;
    let needed = keys.threshold();
    if have >= needed { Ok(()) } else { Err(AuthorityError::Weight { party, have, needed }) }
}

/// The scoped key that pays for others; none where the payer's owners signed.
fn sponsor<'a>(
    payer: &'a Keys,
    signed: &SignedTransaction,
    time_ms: u64,
) -> Result<Option<&'a ScopedKey>, AuthorityError> {
    match signed.keys().find_map(|key| payer.scoped(key)) {
        Some(key) if key.scope.sponsors => unexpired(key, Party::Payer, time_ms).map(Some),
        Some(_) => Err(AuthorityError::Sponsors),
        None => check_weight(payer, signed, Party::Payer).map(|()| None),
    }
}
