//! Checkpoints, and what was executed in each: transactions, receipts, events, and the ways to find them.

use super::super::{Family, Location, keys};
use super::{Look, Wrong, holds, wrong};
use crate::checkpoint::Checkpoint;
use crate::codec;
use crate::crypto::Hash;
use crate::list;
use crate::ordering::Commit;
use crate::receipt::Receipt;

/// Receipts that are read at a time.
const RECEIPTS: usize = 512;

/// What the checkpoints together hold.
#[derive(Default)]
struct Held {
    transactions: u64,
    accounts: u64,
    events: u64,
}

/// The height of a place.
fn place(key: &[u8]) -> Option<u64> {
    keys::read_place(key).filter(|_| key.len() == 12).map(|(height, _)| height)
}

impl Look<'_> {
    /// Checkpoints are chained from genesis, or the snapshot, to the tip; the transactions and receipts of each are those of
    /// its roots, and are found by id, by place, and by what indexes there are.
    pub(super) fn checkpoints(&mut self) {
        let mut last: Option<(Checkpoint, Hash)> = None;
        let mut held = Held::default();
        self.each(Family::Checkpoints, |look, key, value| {
            let checkpoint: Checkpoint =
                super::super::database::decode(Family::Checkpoints, key, value)?;
            let digest = checkpoint.digest();
            let before = last.replace((checkpoint.clone(), digest));
            holds(key == keys::number(checkpoint.height), || "holds another checkpoint".into())?;
            look.follows(&checkpoint, before.as_ref())?;
            match checkpoint.height < look.held.height {
                true => Ok(()), // its transactions are gone, about to go, or did not come with the snapshot
                false => look.executed(&checkpoint, &mut held),
            }
        });
        let tip = self.findings.tip;
        if let Some((last, _)) = last.filter(|(last, _)| last.height != tip.height) {
            self.problem(format!("checkpoints: end at {}, the tip is {}", last.height, tip.height));
        }
        self.places(Family::Transactions, held.transactions, |key, _| place(key));
        self.places(Family::Receipts, held.transactions, |key, _| place(key));
        self.places(Family::TransactionIndex, held.transactions, |_, value| place(value));
        self.account_entries(held.accounts);
        self.event_entries(held.events);
        self.each(Family::Notes, |look, key, _| {
            let receipt = look.database.store.get(Family::Receipts, key)?;
            holds(receipt.is_some(), || "is beside no receipt".into())
        });
    }

    /// Every entry names its height; those that are held are as many as the checkpoints say, so that with
    /// each of them found there are no others.
    pub(super) fn places(
        &mut self,
        family: Family,
        expected: u64,
        height: impl Fn(&[u8], &[u8]) -> Option<u64>,
    ) {
        let oldest = self.held.height;
        let pruned = match self.database.ledger_pruned() {
            Ok(pruned) => pruned.height,
            Err(error) => return self.problem(Wrong::from(error).0),
        };
        let mut found = 0;
        self.each(family, |_, key, value| {
            let height = height(key, value).ok_or_else(|| wrong("names no place"))?;
            found += u64::from(height >= oldest);
            holds(height >= pruned, || format!("should have been pruned, below {pruned}"))
        });
        if found != expected {
            let family = family.name();
            self.problem(format!("{family}: {found} entries for {expected} in checkpoints"));
        }
    }

    fn follows(
        &self,
        checkpoint: &Checkpoint,
        before: Option<&(Checkpoint, Hash)>,
    ) -> Result<(), Wrong> {
        let begin = self.findings.begin.height;
        let Some((before, digest)) = before else {
            return holds(checkpoint.height == begin, || {
                format!("those from {begin} to it are missing")
            });
        };
        let height = before.height;
        holds(checkpoint.height == height + 1, || format!("comes after checkpoint {height}"))?;
        let same = checkpoint.chain_id == *self.database.chain_id();
        holds(same, || "is of another chain".into())?;
        let chained = checkpoint.previous == *digest
            && checkpoint.commit_index > before.commit_index
            && checkpoint.timestamp_ms >= before.timestamp_ms;
        holds(chained, || format!("does not follow checkpoint {height}"))?;
        let index = checkpoint.commit_index;
        if index < self.held.commit {
            return Ok(());
        }
        let commit: Option<Commit> = self.database.commit(index)?;
        let commit = commit.ok_or_else(|| wrong(format!("its commit {index} is missing")))?;
        // No commit's digest covers what the next one depends on; the checkpoint does.
        let same = commit.digest == checkpoint.commit_digest
            && commit.ordering_root == checkpoint.ordering_root;
        holds(same, || format!("is not of commit {index}"))
    }

    fn executed(&self, checkpoint: &Checkpoint, held: &mut Held) -> Result<(), Wrong> {
        let mut ids = Vec::new();
        let mut receipts = Vec::new();
        loop {
            let at = Location { height: checkpoint.height, index: ids.len() as u32 };
            let page = self.database.receipts(at, RECEIPTS)?;
            if page.is_empty() {
                break;
            }
            for (place, receipt) in page {
                let next = Location { index: ids.len() as u32, ..at };
                holds(place == next, || format!("no receipt at {}.{}", next.height, next.index))?;
                held.accounts += self.transaction(place, &receipt)?;
                held.transactions += 1;
                held.events += receipt.events.len() as u64;
                ids.push(list::leaf(&receipt.transaction.0));
                receipts.push(list::leaf(&codec::encode(&receipt)));
            }
        }
        let same = list::root(ids) == checkpoint.transactions_root;
        holds(same, || "its transactions are not those of its root".into())?;
        let same = list::root(receipts) == checkpoint.receipts_root;
        holds(same, || "its receipts are not those of its root".into())
    }

    /// Answers under how many accounts it is listed.
    fn transaction(&self, at: Location, receipt: &Receipt) -> Result<u64, Wrong> {
        let place = || format!("{}.{}", at.height, at.index);
        let transaction = self.database.transaction(at)?;
        let transaction =
            transaction.ok_or_else(|| wrong(format!("no transaction at {}", place())))?;
        let id = transaction.transaction.id(self.database.chain_id());
        let same = id == receipt.transaction;
        holds(same, || format!("the transaction at {} is not that of its receipt", place()))?;
        let found = self.database.location(&id)?;
        holds(found == Some(at), || format!("transaction_index does not lead to {}", place()))?;
        self.events_are_named(at, receipt)?;
        self.accounts_are_named(at, &transaction.transaction)
    }
}
