//! Admission: whether a transaction could run now, told before it is ordered, with what to do when not.
//!
//! The answer is a courtesy: state moves on until the transaction is executed, and execution decides. The
//! signature is checked apart, since it is dear; how much one account may have pending is the pool's.

use serde_json::json;

use super::authority::{AuthorityError, authorize};
use super::{CodeRecord, ModuleRecord, NonceError, StateKey, StateRead, query};
use crate::crypto::{Hash, PublicKey};
use crate::genesis::Parameters;
use crate::store::StoreError;
use crate::transaction::{Action, SignedTransaction, Transaction, TransactionError};

/// A transaction that could run now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admitted {
    /// The key that signed.
    pub key: PublicKey,
    /// The most that it can cost in fees, in grains.
    pub max_fee: u64,
    /// Grains of the account that pays its fee that only fees may touch: a validator admits a part of it as pending fees.
    pub reserve: u64,
    /// That account's balance, in grains.
    pub balance: u64,
}

/// Why a transaction was not admitted; the numbers are those of docs/rpc.md.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 1001: it can never run.
    #[error("{what}")]
    Malformed {
        /// What is wrong and what is allowed.
        what: String,
    },
    /// 1002.
    #[error("the signature does not fit")]
    BadSignature,
    /// 1003: made for another chain, where the client said which.
    #[error("the transaction is for the chain {found}, this is {expected}")]
    WrongChain {
        /// The client's.
        found: Hash,
        /// This node's.
        expected: Hash,
    },
    /// 1004.
    #[error("{what}")]
    TooLarge {
        /// Which part, its bytes, and the bound.
        what: String,
    },
    /// 1005 and 1006.
    #[error(transparent)]
    Nonce(#[from] NonceError),
    /// 1007.
    #[error("valid until {valid_until_ms}, but ledger time is {ledger_time_ms}")]
    Expired {
        /// The transaction's, in milliseconds.
        valid_until_ms: u64,
        /// The ledger's, in milliseconds.
        ledger_time_ms: u64,
    },
    /// 1008: valid for longer than the chain admits.
    #[error("valid until {valid_until_ms}, but at most {most_ms} is admitted now")]
    NotYetValid {
        /// The transaction's, in milliseconds.
        valid_until_ms: u64,
        /// The latest that is admitted now, in milliseconds.
        most_ms: u64,
    },
    /// 1009: the price is below the floor, or the fuel below what any such transaction costs.
    #[error(
        "the fee is too low: price {price} with a floor of {floor}, fuel {fuel} of at least {fuel_needed}"
    )]
    FeeTooLow {
        /// Grains per 1 000 fuel offered.
        price: u64,
        /// Least grains per 1 000 fuel.
        floor: u64,
        /// `max_fuel` offered.
        fuel: u64,
        /// Fuel that it costs before anything runs.
        fuel_needed: u64,
    },
    /// 1010.
    #[error("the balance of {have} grains cannot pay the highest possible fee of {needed}")]
    BalanceTooLow {
        /// Grains.
        needed: u64,
        /// Grains.
        have: u64,
    },
    /// 1012 and 1013.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// 1012: a limit of a scoped key.
    #[error("{what}")]
    KeyLimit {
        /// Which, and how much of it is used.
        what: String,
    },
    /// 1014.
    #[error("action {action} was made from another interface than the module has now")]
    InterfaceMismatch {
        /// Its index.
        action: u16,
        /// Hash of the interface that it was made from.
        expected: Hash,
        /// Hash of the module's.
        found: Hash,
    },
    /// 1011: the pool's answer, here so that there is one catalogue.
    #[error("the pool of waiting transactions is full")]
    PoolFull {
        /// When to try again, in milliseconds.
        retry_after_ms: u64,
    },
}

impl Refusal {
    /// The number in docs/rpc.md.
    pub const fn number(&self) -> u16 {
        match self {
            Self::Malformed { .. } => 1001,
            Self::BadSignature => 1002,
            Self::WrongChain { .. } => 1003,
            Self::TooLarge { .. } => 1004,
            Self::Nonce(NonceError::Used { .. }) => 1005,
            Self::Nonce(NonceError::Outside { .. }) => 1006,
            Self::Expired { .. } => 1007,
            Self::NotYetValid { .. } => 1008,
            Self::FeeTooLow { .. } => 1009,
            Self::BalanceTooLow { .. } => 1010,
            Self::PoolFull { .. } => 1011,
            Self::Authority(AuthorityError::Weight { .. }) => 1013,
            Self::Authority(_) | Self::KeyLimit { .. } => 1012,
            Self::InterfaceMismatch { .. } => 1014,
        }
    }

    /// The stable name in docs/rpc.md.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "Malformed",
            Self::BadSignature => "BadSignature",
            Self::WrongChain { .. } => "WrongChain",
            Self::TooLarge { .. } => "TooLarge",
            Self::Nonce(NonceError::Used { .. }) => "NonceUsed",
            Self::Nonce(NonceError::Outside { .. }) => "NonceOutsideWindow",
            Self::Expired { .. } => "Expired",
            Self::NotYetValid { .. } => "NotYetValid",
            Self::FeeTooLow { .. } => "FeeTooLow",
            Self::BalanceTooLow { .. } => "BalanceTooLow",
            Self::PoolFull { .. } => "PoolFull",
            Self::Authority(AuthorityError::Weight { .. }) => "PolicyNotMet",
            Self::Authority(_) | Self::KeyLimit { .. } => "KeyNotAllowed",
            Self::InterfaceMismatch { .. } => "InterfaceMismatch",
        }
    }

    /// What to do.
    pub fn hint(&self) -> String {
        match self {
            Self::Malformed { .. } => {
                "build it again; `pollen tx show` says what it holds".to_owned()
            }
            Self::BadSignature => {
                "sign with the sender's key, for this chain, after the last change".to_owned()
            }
            Self::WrongChain { .. } => {
                "send it to a node of its chain, or sign it for this one".to_owned()
            }
            Self::TooLarge { .. } => "split it, or attach less".to_owned(),
            Self::Nonce(NonceError::Used { next, .. } | NonceError::Outside { next, .. }) => {
                format!("sign again with nonce {next} (account_get tells the window)")
            }
            Self::Expired { .. } => "sign again with a later validUntilMs".to_owned(),
            Self::NotYetValid { most_ms, .. } => {
                format!("send it later, or sign again with validUntilMs of at most {most_ms}")
            }
            Self::FeeTooLow { floor, fuel_needed, .. } => {
                format!("offer a price of at least {floor} and more than {fuel_needed} fuel")
            }
            Self::BalanceTooLow { needed, have } => {
                format!("put {} grains more on the account, or offer less fuel", needed - have)
            }
            Self::PoolFull { retry_after_ms } => format!("try again in {retry_after_ms} ms"),
            Self::Authority(AuthorityError::Weight { .. }) => {
                "have more owners sign the same transaction".to_owned()
            }
            Self::Authority(AuthorityError::Stranger) => "leave that signature out".to_owned(),
            Self::Authority(_) => {
                "sign with a key that may do this (account_keys tells which keys may what)"
                    .to_owned()
            }
            Self::KeyLimit { .. } => {
                "wait for the next window, or have an owner raise the key's limit".to_owned()
            }
            Self::InterfaceMismatch { .. } => {
                "the module was upgraded: build the call again from its interface".to_owned()
            }
        }
    }

    /// What programs want to know, beside name, hint and retryable; u64 as decimal strings.
    pub fn data(&self) -> serde_json::Value {
        let text = |number: &u64| number.to_string();
        match self {
            Self::WrongChain { found, expected } => {
                json!({ "found": found, "expected": expected })
            }
            Self::Nonce(NonceError::Used { nonce, next }) => {
                json!({ "nonce": text(nonce), "suggested": text(next) })
            }
            Self::Nonce(NonceError::Outside { nonce, lowest, highest, next }) => json!({
                "nonce": text(nonce), "lowest": text(lowest), "highest": text(highest),
                "suggested": text(next),
            }),
            Self::Expired { valid_until_ms, ledger_time_ms } => {
                json!({ "validUntilMs": text(valid_until_ms), "ledgerTimeMs": text(ledger_time_ms) })
            }
            Self::NotYetValid { valid_until_ms, most_ms } => {
                json!({ "validUntilMs": text(valid_until_ms), "mostMs": text(most_ms) })
            }
            Self::FeeTooLow { price, floor, fuel, fuel_needed } => json!({
                "price": text(price), "floor": text(floor), "suggested": text(floor),
                "fuel": text(fuel), "fuelNeeded": text(fuel_needed),
            }),
            Self::BalanceTooLow { needed, have } => {
                json!({ "needed": text(needed), "have": text(have) })
            }
            Self::PoolFull { retry_after_ms } => json!({ "retryAfterMs": retry_after_ms }),
            Self::Authority(AuthorityError::Weight { have, needed, .. }) => {
                json!({ "have": have, "needed": needed })
            }
            Self::Authority(AuthorityError::Scope { action, .. }) => {
                json!({ "rule": self.to_string(), "action": action })
            }
            Self::Authority(_) | Self::KeyLimit { .. } => json!({ "rule": self.to_string() }),
            Self::InterfaceMismatch { action, expected, found } => {
                json!({ "action": action, "expected": expected, "found": found })
            }
            Self::Malformed { .. } | Self::BadSignature | Self::TooLarge { .. } => json!({}),
        }
    }
}

impl From<TransactionError> for Refusal {
    fn from(error: TransactionError) -> Self {
        match error {
            TransactionError::BadSignature => Self::BadSignature,
            TransactionError::TooLarge { .. }
            | TransactionError::Decode(crate::codec::DecodeError::TooLarge { .. }) => {
                Self::TooLarge { what: error.to_string() }
            }
            TransactionError::Decode(_) | TransactionError::Malformed { .. } => {
                Self::Malformed { what: error.to_string() }
            }
        }
    }
}

/// Everything but the signatures: shape, validity, price, code, nonce, balance. Cheap things first, state
/// last. The outer error is the store's.
pub fn check(
    state: &dyn StateRead,
    parameters: &Parameters,
    signed: &SignedTransaction,
    ledger_time_ms: u64,
) -> Result<Result<Admitted, Refusal>, StoreError> {
    if let Err(error) = signed.check_shape(parameters) {
        return Ok(Err(error.into()));
    }
    if let Err(refusal) = check_terms(parameters, signed, ledger_time_ms) {
        return Ok(Err(refusal));
    }
    let tx = &signed.transaction;
    for action in &tx.actions {
        if let Some(code) = action.code()
            && signed.attachment(code).is_none()
            && state.code(code)?.is_none()
        {
            let what = format!("the code {code} is neither attached nor published: attach it");
            return Ok(Err(Refusal::Malformed { what }));
        }
    }
    let authority = match authorize(state, signed, ledger_time_ms)? {
        Ok(authority) => authority,
        Err(error) => return Ok(Err(error.into())),
    };
    let key = tx.key;
    if let Err(error) = query::nonce_window(state, &tx.sender, &key)?.check(tx.nonce) {
        return Ok(Err(error.into()));
    }
    let max_fee = tx.max_fee();
    let of_sender = if tx.payer.is_none() { max_fee } else { 0 };
    for (limits, grains) in [(authority.sender, of_sender), (authority.payer, max_fee)] {
        if let Some(Err(what)) = limits.map(|limits| limits.check(grains)) {
            return Ok(Err(Refusal::KeyLimit { what }));
        }
    }
    if let Some(refusal) = check_interfaces(state, tx)? {
        return Ok(Err(refusal));
    }
    let balance = query::account(state, tx.fee_payer())?.unwrap_or_default().balance;
    if balance < max_fee {
        return Ok(Err(Refusal::BalanceTooLow { needed: max_fee, have: balance }));
    }
    let reserve = balance.min(parameters.fee_reserve);
    Ok(Ok(Admitted { key, max_fee, reserve, balance }))
}

/// Whether the modules that it calls have the interfaces that it was made from.
fn check_interfaces(
    state: &dyn StateRead,
    transaction: &Transaction,
) -> Result<Option<Refusal>, StoreError> {
    for (action, asked) in (0..).zip(&transaction.actions) {
        let Action::Invoke { module, interface: Some(expected), .. } = asked else { continue };
        let module: Option<ModuleRecord> = query::record(state, &StateKey::module_record(module))?;
        let Some(module) = module else { continue };
        let code: Option<CodeRecord> = query::record(state, &StateKey::code(&module.code))?;
        let found = code.map_or(Hash::ZERO, |code| code.interface);
        if found != *expected {
            let expected = *expected;
            return Ok(Some(Refusal::InterfaceMismatch { action, expected, found }));
        }
    }
    Ok(None)
}

/// Validity and fee, which need no state.
fn check_terms(
    parameters: &Parameters,
    signed: &SignedTransaction,
    ledger_time_ms: u64,
) -> Result<(), Refusal> {
    let tx = &signed.transaction;
    let valid_until_ms = tx.valid_until_ms;
    if ledger_time_ms >= valid_until_ms {
        return Err(Refusal::Expired { valid_until_ms, ledger_time_ms });
    }
    let most_ms = ledger_time_ms.saturating_add(parameters.transaction_lifetime_max_ms);
    if valid_until_ms > most_ms {
        return Err(Refusal::NotYetValid { valid_until_ms, most_ms });
    }
    let floor = parameters.fuel_price_floor;
    let fuel_needed = signed.intrinsic_fuel(parameters);
    if tx.fuel_price < floor || tx.max_fuel < fuel_needed {
        let (price, fuel) = (tx.fuel_price, tx.max_fuel);
        return Err(Refusal::FeeTooLow { price, floor, fuel, fuel_needed });
    }
    Ok(())
}
