//! The optional indexes: one that is whole has every entry that it should have, and no other; one that is
//! absent has none. One that is being made or removed is not looked at: the next start goes on with it.

use super::super::database::Removed;
use super::super::index::{accounts_of, read_gone};
use super::super::{Family, Index, Location, keys};
use super::{Look, Wrong, holds};
use crate::execution::StateKey;
use crate::receipt::Receipt;
use crate::transaction::{AccountId, Transaction};
use crate::tree;

impl Look<'_> {
    /// The events of a receipt are found by their module.
    pub(super) fn events_are_named(&self, at: Location, receipt: &Receipt) -> Result<(), Wrong> {
        if !self.indexes.is_whole(Index::Events) {
            return Ok(());
        }
        for (number, event) in (0u32..).zip(&receipt.events) {
            let key = keys::event(&event.module, at.height, at.index, number);
            let name = self.database.store.get(Family::IndexEvents, &key)?;
            let same = name.as_deref() == Some(event.name.as_bytes());
            let Location { height, index } = at;
            holds(same, || format!("index_events lacks event {number} of {height}.{index}"))?;
        }
        Ok(())
    }

    /// A transaction is found by its accounts. Answers how many they are.
    pub(super) fn accounts_are_named(
        &self,
        at: Location,
        transaction: &Transaction,
    ) -> Result<u64, Wrong> {
        let accounts = accounts_of(transaction);
        if !self.indexes.is_whole(Index::Accounts) {
            return Ok(accounts.len() as u64);
        }
        for account in &accounts {
            let key = keys::account(account, at.height, at.index);
            let found = self.database.store.get(Family::IndexAccounts, &key)?;
            let Location { height, index } = at;
            holds(found.is_some(), || {
                format!("index_accounts lacks {height}.{index} of {account}")
            })?;
        }
        Ok(accounts.len() as u64)
    }

    /// As many as transactions have accounts; each of those was found.
    pub(super) fn account_entries(&mut self, expected: u64) {
        match self.indexes.is_whole(Index::Accounts) {
            true => self.places(Family::IndexAccounts, expected, |key, _| {
                keys::read_account(key).map(|(height, _)| height)
            }),
            false => self.absent(Index::Accounts),
        }
    }

    /// As many as receipts have events; each of those was found.
    pub(super) fn event_entries(&mut self, expected: u64) {
        match self.indexes.is_whole(Index::Events) {
            true => self.places(Family::IndexEvents, expected, |key, _| {
                keys::read_event(key).map(|(height, ..)| height)
            }),
            false => self.absent(Index::Events),
        }
    }

    /// Counts the entries of an index that is not whole: of one that is absent there are none.
    fn absent(&mut self, index: Index) {
        let none = !self.indexes.states.contains_key(&index)
            && self.database.indexes().is_ok_and(|stored| stored == self.indexes);
        for family in index.families() {
            self.each(*family, |_, _, _| {
                holds(!none, || format!("is in the index '{}', which is not kept", index.name()))
            });
        }
    }

    /// A key of the state is in the index, as one that is there.
    pub(super) fn key_is_named(&self, owner: &AccountId, key: &[u8]) -> Result<(), Wrong> {
        if !self.indexes.is_whole(Index::Keys) {
            return Ok(());
        }
        let found = self.database.store.get(Family::IndexKeys, &keys::owned(owner, key))?;
        holds(found.is_some_and(|value| value.is_empty()), || "index_keys lacks it".into())
    }

    /// A key that a height of the window has, and a later one removed, is in the index.
    pub(super) fn removed_key_is_named(&self, height: u64, key: &StateKey) -> Result<(), Wrong> {
        if height <= self.oldest || !self.indexes.is_whole(Index::Keys) {
            return Ok(());
        }
        let gone = keys::gone(height, &keys::owned(&key.owner, &key.key));
        let found = self.database.store.get(Family::IndexKeysGone, &gone)?;
        holds(found.is_some(), || "index_keys_gone lacks it".into())
    }

    /// As many keys that are there as the state has, each of which was found; and each that is gone stands
    /// in both families, and was removed at its height.
    pub(super) fn key_entries(&mut self) {
        if !self.indexes.is_whole(Index::Keys) {
            return self.absent(Index::Keys);
        }
        let mut there = 0;
        self.each(Family::IndexKeys, |look, key, value| {
            let Some(height) = read_gone(key, value)? else {
                there += 1;
                return Ok(());
            };
            look.height_held(&keys::number(height))?;
            let row = look.database.store.get(Family::IndexKeysGone, &keys::gone(height, key))?;
            holds(row.is_some(), || format!("index_keys_gone lacks it at {height}"))
        });
        let expected = self.entries(Family::State);
        if there != expected {
            self.problem(format!(
                "index_keys: {there} keys that are there for {expected} in state"
            ));
        }
        self.each(Family::IndexKeysGone, |look, key, _| {
            let (height, named) =
                key.split_at_checked(8).ok_or_else(|| Wrong("is no key".into()))?;
            let height = look.height_held(height)?;
            let (owner, key) =
                named.split_at_checked(32).ok_or_else(|| Wrong("names no key".into()))?;
            let entry = look.database.store.get(Family::IndexKeys, named)?;
            holds(entry.is_some(), || "is not in index_keys".into())?;
            if height <= look.oldest {
                return Ok(()); // about to go
            }
            let hash = tree::key_hash(owner.try_into().expect("split so"), key);
            let undo = look.database.store.get(Family::Undo, &keys::undo(&hash, height))?;
            let removed = undo.as_deref().and_then(Removed::read).flatten();
            holds(removed.is_some(), || "was not removed at that height".into())
        });
    }
}
