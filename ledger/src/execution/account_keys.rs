//! Changes of an account's keys, and the deposit for what they take in the state.

use super::transact::{ActionError, Run, failure};
use super::{AccountRecord, StateKey};
use crate::codec;
use crate::crypto::PublicKey;
use crate::keys::{AccountKeys, OwnerKey, ScopedKey};
use crate::limits::STORAGE_ENTRY_BYTES;
use crate::receipt::{Code, FailureValue};
use crate::transaction::AccountId;

/// Fuel of a change of keys, and of a byte of the record that it writes.
const KEYS_FUEL: u64 = 20_000;
const KEYS_BYTE_FUEL: u64 = 3;

fn refused(note: String) -> ActionError {
    ActionError::Failure { code: Code::KeyNotAllowed, value: FailureValue::None, note: Some(note) }
}

impl Run<'_> {
    pub(super) fn set_owners(
        &mut self,
        threshold: u32,
        owners: &[OwnerKey],
    ) -> Result<Vec<u8>, ActionError> {
        let before = self.keys()?;
        let scoped = before.map_or_else(Vec::new, |keys| keys.scoped);
        self.put_keys(AccountKeys { threshold, owners: owners.to_vec(), scoped })
    }

    pub(super) fn put_key(&mut self, key: &ScopedKey) -> Result<Vec<u8>, ActionError> {
        // What is not stored has one owner: the key that signed, since no other could.
        let first = || AccountKeys::first(self.signed.transaction.key);
        let mut keys = self.keys()?.unwrap_or_else(first);
        keys.scoped.retain(|one| one.key != key.key);
        keys.scoped.push(key.clone());
        self.forget_use(&key.key);
        self.put_keys(keys)
    }

    pub(super) fn remove_key(&mut self, key: &PublicKey) -> Result<Vec<u8>, ActionError> {
        let keys = self.keys()?.filter(|keys| keys.scoped(key).is_some());
        let mut keys =
            keys.ok_or_else(|| refused(format!("the account has no scoped key {key}")))?;
        keys.scoped.retain(|one| one.key != *key);
        self.forget_use(key);
        self.put_keys(keys)
    }

    fn sender(&self) -> AccountId {
        self.signed.transaction.sender
    }

    fn keys(&self) -> Result<Option<AccountKeys>, ActionError> {
        Ok(self.state.record(&StateKey::keys(&self.sender()))?)
    }

    fn forget_use(&mut self, key: &PublicKey) {
        let key = StateKey::key_use(&self.sender(), key);
        self.state.put(key, None);
    }

    /// Stores keys. They stay stored from then on, since an id does not tell the key that it is the hash of.
    fn put_keys(&mut self, keys: AccountKeys) -> Result<Vec<u8>, ActionError> {
        keys.check().map_err(refused)?;
        let sender = self.sender();
        self.ensure_account(&sender)?;
        let key = StateKey::keys(&sender);
        let record = codec::encode(&keys);
        self.burn(KEYS_FUEL + KEYS_BYTE_FUEL * record.len() as u64)?;
        let price = self.rules.parameters.storage_byte_deposit;
        let deposit = |bytes: usize| ((bytes + STORAGE_ENTRY_BYTES) as u64).saturating_mul(price);
        let before = self.state.get(&key)?.map_or(0, |value| deposit(value.len()));
        let after = deposit(record.len());
        let account = self.state.account(&sender)?.expect("it was made above");
        let reserve = self.rules.parameters.fee_reserve.min(account.balance);
        let balance = (account.balance + before)
            .checked_sub(after)
            .filter(|left| after <= before || *left >= reserve)
            .ok_or_else(|| failure(Code::BalanceTooLow))?;
        // It is paid, so both are parts of the supply.
        let deposit = account.deposit - before + after;
        let account = AccountRecord { balance, deposit, has_keys: true };
        self.state.put_record(StateKey::account(&sender), &account);
        self.state.put(key, Some(record.into()));
        Ok(Vec::new())
    }
}
