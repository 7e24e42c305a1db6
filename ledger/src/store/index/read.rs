//! What the indexes are asked: transactions of an account, and entries of the state by owner and prefix.
//! In pages, each bounded by what it answers and by what it looks at.

use super::super::prune::check_not_pruned;
use super::super::{Database, Direction, Family, Location, Scan, StoreError, keys};
use super::{Index, read_gone};
use crate::codec;
use crate::execution::{StateKey, StateRead as _, Value};
use crate::limits::STORAGE_KEY_BYTES_MAX;
use crate::receipt::Receipt;
use crate::transaction::{AccountId, SignedTransaction};

/// Keys that one page of the state looks at, whether they are there or not.
const LOOKS_MAX: usize = 4096;

/// A transaction of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedTransaction {
    /// Its place.
    pub at: Location,
    /// The transaction, without its attachments.
    pub signed: SignedTransaction,
    /// What became of it.
    pub receipt: Receipt,
}

/// A part of an account's transactions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TransactionsPage {
    /// In the order that was asked for.
    pub transactions: Vec<ListedTransaction>,
    /// Whether there are more behind the last of them.
    pub more: bool,
}

/// An entry of the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateItem {
    /// The key under its owner.
    pub key: Vec<u8>,
    /// The value.
    pub value: Value,
}

/// A part of the state's entries of one owner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeysPage {
    /// Ascending by key.
    pub entries: Vec<StateItem>,
    /// The key to read on behind; none at the end. Not among the entries where it was only looked at.
    pub next: Option<Vec<u8>>,
}

impl Database {
    /// Transactions of an account up to the checkpoint at `height`: those behind `after` in the direction
    /// that is asked for (none: from its first). At most `limit`, and no more behind the one with which they
    /// reach `bytes_max`. Needs the index `accounts`.
    ///
    /// Stops where the ledger's history does ([`Database::ledger_held`]), which says nothing of what was
    /// before: ask for that afterwards.
    pub fn transactions_of(
        &self,
        account: &AccountId,
        after: Option<Location>,
        height: u64,
        direction: Direction,
        limit: usize,
        bytes_max: usize,
    ) -> Result<TransactionsPage, StoreError> {
        self.check_index(Index::Accounts)?;
        // What lies below is gone, or about to go.
        let oldest = self.ledger_held()?.height;
        let mut from = keys::account(account, oldest, 0).to_vec();
        let end = Location { height, index: u32::MAX };
        let mut to = [&keys::account(account, end.height, end.index)[..], &[0]].concat();
        match (after, direction) {
            (None, _) => {}
            (Some(after), Direction::Ascending) => {
                let behind =
                    [&keys::account(account, after.height, after.index)[..], &[0]].concat();
                from = from.max(behind);
            }
            (Some(after), Direction::Descending) => {
                let after = after.min(Location { height: height.saturating_add(1), index: 0 });
                to = keys::account(account, after.height, after.index).to_vec();
            }
        }
        let rows = self.store.scan(Scan {
            family: Family::IndexAccounts,
            from: &from,
            to: &to,
            limit: limit.saturating_add(1),
            bytes_max: usize::MAX,
            direction,
        })?;
        let mut page = TransactionsPage::default();
        let mut bytes = 0;
        for (key, _) in rows {
            if page.transactions.len() == limit || bytes >= bytes_max {
                page.more = true;
                break;
            }
            let corrupt = || StoreError::Corrupt {
                what: format!("index_accounts {} has no transaction", hex::encode(&key)),
            };
            let (height, index) = keys::read_account(&key).ok_or_else(corrupt)?;
            let at = Location { height, index };
            let (Some(signed), Some(receipt)) = (self.transaction(at)?, self.receipt(at)?) else {
                match height < self.ledger_held()?.height {
                    true => continue, // pruning came by
                    false => return Err(corrupt()),
                }
            };
            bytes += codec::length(&signed) + codec::length(&receipt);
            page.transactions.push(ListedTransaction { at, signed, receipt });
        }
        Ok(page)
    }

    /// Entries of an owner whose keys begin with `prefix`, behind the key `after`, in the state after the
    /// checkpoint at `height`. At most `limit`, and no more behind the one with which they reach
    /// `bytes_max`. Looks at a bounded number of keys, so a page may hold fewer, or none, and go on. Needs
    /// the index `keys`.
    pub fn scan_state(
        &self,
        height: u64,
        owner: &AccountId,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
        bytes_max: usize,
    ) -> Result<KeysPage, StoreError> {
        self.check_index(Index::Keys)?;
        let page = self.read_keys(height, owner, prefix, after, limit, bytes_max);
        // First of all: what was missing may have been pruned meanwhile.
        check_not_pruned(&*self.store, height)?;
        page
    }

    fn read_keys(
        &self,
        height: u64,
        owner: &AccountId,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
        bytes_max: usize,
    ) -> Result<KeysPage, StoreError> {
        let begin = keys::owned(owner, prefix);
        let behind = after.map(|after| [&keys::owned(owner, after)[..], &[0]].concat());
        let rows = self.store.scan(Scan {
            family: Family::IndexKeys,
            from: behind.as_ref().map_or(&begin, |behind| behind.max(&begin)),
            to: &above_prefix(&begin),
            limit: LOOKS_MAX,
            bytes_max: usize::MAX,
            direction: Direction::Ascending,
        })?;
        let state = self.state_at(height);
        let (mut page, mut bytes, looked_at_all) = (KeysPage::default(), 0, rows.len() < LOOKS_MAX);
        let mut last = None;
        for (named, value) in rows {
            if page.entries.len() == limit || bytes >= bytes_max {
                page.next = last;
                return Ok(page);
            }
            let key = StateKey::module(*owner, &named[32..]);
            last = Some(key.key.clone());
            // Removed by then, and not there again since.
            if read_gone(&named, &value)?.is_some_and(|gone| gone <= height) {
                continue;
            }
            if let Some(value) = state.get(&key)? {
                bytes += key.key.len() + value.len();
                page.entries.push(StateItem { key: key.key, value });
            }
        }
        page.next = last.filter(|_| !looked_at_all);
        Ok(page)
    }
}

/// The least key above all that begin with these bytes.
fn above_prefix(prefix: &[u8]) -> Vec<u8> {
    let mut above = prefix.to_vec();
    while let Some(last) = above.pop() {
        if last < 0xff {
            above.push(last + 1);
            return above;
        }
    }
    vec![0xff; 32 + STORAGE_KEY_BYTES_MAX + 1]
}
