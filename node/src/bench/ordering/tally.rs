//! One validator's book: what it ordered and when, transaction by transaction.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use hdrhistogram::Histogram;
use parking_lot::Mutex;
use pollen_ledger::ordering::CommittedSubDag;
use pollen_ledger::{AuthorIndex, Hash};

use super::accounts::Accounts;

/// Latencies above this count as this, in microseconds.
const LATENCY_MAX_US: u64 = 120_000_000;

/// See the module's documentation.
pub struct Tally {
    own: AuthorIndex,
    accounts: Arc<Accounts>,
    origin: Instant,
    /// When each of this validator's own transactions was scheduled, by number, in microseconds.
    scheduled_us: Mutex<Vec<u64>>,
    /// Of all validators, once each.
    committed: AtomicU64,
    /// Own ones.
    own_committed: AtomicU64,
    /// Own ones that went all the way (signature checked, executed).
    finished: AtomicU64,
    book: Mutex<Book>,
}

struct Book {
    window_us: Range<u64>,
    /// By validator, which of its transactions are in the order.
    seen: Vec<Marks>,
    repeated: u64,
    bad_signatures: u64,
    /// By commit: digests chain all before them.
    digests: Vec<Hash>,
    measured: Measured,
    /// Own transactions by the commit that ordered them, until they are finished: when scheduled.
    unfinished: VecDeque<(u64, Vec<u64>)>,
}

/// What happened inside the measured time.
#[derive(Debug, Clone)]
pub struct Measured {
    /// From the scheduled moment to the commit, in microseconds; of own transactions.
    pub ordered_us: Histogram<u64>,
    /// From the scheduled moment to the end, in microseconds; of own transactions.
    pub finished_us: Histogram<u64>,
    /// Transactions of all validators that were committed.
    pub transactions: u64,
    /// Commits.
    pub commits: u64,
    /// Committed slots: what others call leader commits.
    pub slots: u64,
    /// Rounds of the first and the last commit.
    pub rounds: Option<(u32, u32)>,
}

impl Default for Measured {
    fn default() -> Self {
        let histogram =
            || Histogram::new_with_bounds(1, LATENCY_MAX_US, 3).expect("fixed bounds are good");
        Self {
            ordered_us: histogram(),
            finished_us: histogram(),
            transactions: 0,
            commits: 0,
            slots: 0,
            rounds: None,
        }
    }
}

impl Tally {
    /// An empty book of validator `own`; moments count from `origin`.
    pub fn new(own: AuthorIndex, accounts: &Arc<Accounts>, origin: Instant) -> Self {
        let book = Book {
            window_us: 0..0,
            seen: Vec::new(),
            repeated: 0,
            bad_signatures: 0,
            digests: Vec::new(),
            measured: Measured::default(),
            unfinished: VecDeque::new(),
        };
        Self {
            own,
            accounts: accounts.clone(),
            origin,
            scheduled_us: Mutex::default(),
            committed: AtomicU64::new(0),
            own_committed: AtomicU64::new(0),
            finished: AtomicU64::new(0),
            book: Mutex::new(book),
        }
    }

    /// Microseconds since the origin.
    pub fn now_us(&self) -> u64 {
        self.origin.elapsed().as_micros() as u64
    }

    /// Sets the time that counts.
    pub fn measure(&self, window_us: Range<u64>) {
        self.book.lock().window_us = window_us;
    }

    /// The next own transaction was scheduled for this moment; returns its number.
    pub fn schedule(&self, at_us: u64) -> usize {
        let mut scheduled = self.scheduled_us.lock();
        scheduled.push(at_us);
        scheduled.len() - 1
    }

    /// Takes the last one back: it was not sent.
    pub fn unschedule(&self) {
        self.scheduled_us.lock().pop();
    }

    /// Transactions of all validators in this one's order.
    pub fn committed(&self) -> u64 {
        self.committed.load(Relaxed)
    }

    /// Own transactions in the order.
    pub fn own_committed(&self) -> u64 {
        self.own_committed.load(Relaxed)
    }

    /// Own transactions that went all the way.
    pub fn finished(&self) -> u64 {
        self.finished.load(Relaxed)
    }

    /// The latency in the middle, so far, in milliseconds.
    pub fn p50_ms(&self) -> f64 {
        self.book.lock().measured.ordered_us.value_at_quantile(0.5) as f64 / 1000.0
    }

    /// A commit is on disk. `go_on` when its transactions have a way to go: [`Tally::finish`].
    pub fn commit(&self, commit: &CommittedSubDag, go_on: bool) {
        let now_us = self.now_us();
        let scheduled_us = self.scheduled_us.lock();
        let mut book = self.book.lock();
        let book = &mut *book;
        book.digests.push(commit.commit.digest);
        assert_eq!(book.digests.len() as u64, commit.commit.index, "commits come one by one");
        let (mut new, mut own) = (0, Vec::new());
        for signed in commit.blocks.iter().flat_map(|block| block.transactions()) {
            let Some((author, number)) = self.accounts.which(&signed.transaction) else { continue };
            if !book.mark(author, number) {
                book.repeated += 1;
                continue;
            }
            new += 1;
            if author == self.own {
                own.push(scheduled_us[number]);
            }
        }
        for at_us in own.iter().filter(|at_us| book.window_us.contains(at_us)) {
            book.measured.ordered_us.saturating_record(now_us.saturating_sub(*at_us).max(1));
        }
        if book.window_us.contains(&now_us) {
            let measured = &mut book.measured;
            measured.transactions += new;
            measured.commits += 1;
            measured.slots += commit.commit.slots.len() as u64;
            let first = measured.rounds.map_or(commit.commit.round, |rounds| rounds.0);
            measured.rounds = Some((first, commit.commit.round));
        }
        self.committed.fetch_add(new, Relaxed);
        self.own_committed.fetch_add(own.len() as u64, Relaxed);
        if go_on {
            book.unfinished.push_back((commit.commit.index, own));
        }
    }

    /// Everything in the commits up to this one went all the way.
    pub fn finish(&self, commit_index: u64) {
        let now_us = self.now_us();
        let mut book = self.book.lock();
        let book = &mut *book;
        while let Some((index, _)) = book.unfinished.front()
            && *index <= commit_index
        {
            let (_, own) = book.unfinished.pop_front().expect("just seen");
            for at_us in own.iter().filter(|at_us| book.window_us.contains(at_us)) {
                book.measured.finished_us.saturating_record(now_us.saturating_sub(*at_us).max(1));
            }
            self.finished.fetch_add(own.len() as u64, Relaxed);
        }
    }

    /// Signatures that do not fit: there must be none.
    pub fn bad_signatures(&self, count: u64) {
        self.book.lock().bad_signatures += count;
    }
}

impl Book {
    /// True when it was not there before.
    fn mark(&mut self, author: AuthorIndex, number: usize) -> bool {
        let author = usize::from(author);
        if self.seen.len() <= author {
            self.seen.resize_with(author + 1, Marks::default);
        }
        self.seen[author].mark(number)
    }
}

/// A set of small numbers.
#[derive(Debug, Default, PartialEq, Eq)]
struct Marks(Vec<u64>);

impl Marks {
    fn mark(&mut self, number: usize) -> bool {
        let (word, bit) = (number / 64, 1 << (number % 64));
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        let new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        new
    }
}

/// All books together.
pub struct Books {
    /// Latencies of all validators; the rest is what one of them saw.
    pub measured: Measured,
    /// Distinct transactions in the order, of the validator that has fewest.
    pub ordered_least: u64,
    /// The same of the one that has most.
    pub ordered_most: u64,
    /// Own transactions that went all the way; none where there is no way.
    pub finished: Option<u64>,
    /// Copies beyond the first, of the validator that has most.
    pub repeated: u64,
    /// Signatures that did not fit.
    pub bad_signatures: u64,
    /// Commits that all validators have.
    pub commits_compared: usize,
    /// Those commits are the same everywhere, digest by digest, and so are the transactions.
    pub same_order: bool,
}

/// Compares the books of all validators.
pub fn balance(tallies: &[Arc<Tally>], go_on: bool) -> Books {
    let books: Vec<_> = tallies.iter().map(|tally| tally.book.lock()).collect();
    let mut measured = books[0].measured.clone();
    for book in &books[1..] {
        let one = &book.measured;
        measured.ordered_us.add(&one.ordered_us).expect("all have the same bounds");
        measured.finished_us.add(&one.finished_us).expect("all have the same bounds");
    }
    let compared = books.iter().map(|book| book.digests.len()).min().unwrap_or(0);
    let same_digests =
        books.iter().all(|book| book.digests[..compared] == books[0].digests[..compared]);
    let same_seen = books.iter().all(|book| book.seen == books[0].seen);
    let ordered = || tallies.iter().map(|tally| tally.committed());
    Books {
        measured,
        ordered_least: ordered().min().unwrap_or(0),
        ordered_most: ordered().max().unwrap_or(0),
        finished: go_on.then(|| tallies.iter().map(|tally| tally.finished()).sum()),
        repeated: books.iter().map(|book| book.repeated).max().unwrap_or(0),
        bad_signatures: books.iter().map(|book| book.bad_signatures).sum(),
        commits_compared: compared,
        same_order: same_digests && same_seen,
    }
}

#[cfg(test)]
mod tests {
    use pollen_ledger::block::{BLOCK_VERSION, BlockHeader};
    use pollen_ledger::crypto::Domain;
    use pollen_ledger::ordering::{Commit, Probation};
    use pollen_ledger::{Block, SignedTransaction, VerifiedBlock, codec};

    use super::super::accounts::Shape;
    use super::*;
    use crate::dev;

    fn commit(
        accounts: &Accounts,
        index: u64,
        digest: Hash,
        made: &[(u16, usize)],
    ) -> CommittedSubDag {
        let make = |(author, number): &(u16, usize)| {
            let signed = accounts.make(Shape::Unsigned(512), *author, *number, 0).signed;
            SignedTransaction::clone(&signed)
        };
        let body = codec::encode(&made.iter().map(make).collect::<Vec<_>>());
        let header = BlockHeader {
            version: BLOCK_VERSION,
            chain_id: accounts.chain_id,
            epoch: 0,
            round: index as u32,
            author: 0,
            timestamp_ms: 0,
            parents: Vec::new(),
            body_digest: Domain::Body.hash(&[&body]),
            transaction_count: made.len() as u32,
            body_bytes: body.len() as u32,
            attestations: Vec::new(),
            commit_votes: Vec::new(),
            evidence: Vec::new(),
        };
        let block = Block::sign(header, body, &dev::validator_key(0));
        let block = VerifiedBlock::trusted(block, &accounts.parameters).unwrap();
        let commit = Commit {
            index,
            round: index as u32,
            timestamp_ms: 0,
            previous: Hash::ZERO,
            digest,
            slots: vec![block.reference()],
            blocks: vec![block.reference()],
            ignored: Vec::new(),
            active: Hash::ZERO,
            probation: Probation::default(),
            ordering_root: Hash::ZERO,
        };
        CommittedSubDag { commit, blocks: vec![block] }
    }

    /// The books are what the figures stand on: a copy, a loss and another order must all show.
    #[test]
    fn copies_losses_and_another_order_show_in_the_books() {
        let accounts = Arc::new(Accounts::new(2, &dev::genesis(2)));
        let tallies: Vec<_> =
            (0..2).map(|own| Arc::new(Tally::new(own, &accounts, Instant::now()))).collect();
        for tally in &tallies {
            tally.measure(0..u64::MAX);
            assert_eq!([tally.schedule(0), tally.schedule(0)], [0, 1]);
        }
        let digest = |number: u64| Hash::of_content(&number.to_le_bytes());
        let first = commit(&accounts, 1, digest(1), &[(0, 0), (1, 0), (0, 1)]);
        tallies.iter().for_each(|tally| tally.commit(&first, true));
        let books = balance(&tallies, true);
        assert_eq!((books.ordered_least, books.ordered_most, books.repeated), (3, 3, 0));
        assert_eq!((books.same_order, books.finished, books.commits_compared), (true, Some(0), 1));
        assert_eq!(books.measured.ordered_us.len(), 3, "each at its own validator");
        tallies[0].finish(1);
        assert_eq!(balance(&tallies, true).finished, Some(2));

        // A copy at one validator; another transaction and so another digest at the other.
        tallies[0].commit(&commit(&accounts, 2, digest(2), &[(1, 0)]), true);
        tallies[1].commit(&commit(&accounts, 2, digest(3), &[(1, 1)]), true);
        let books = balance(&tallies, true);
        assert_eq!((books.ordered_least, books.ordered_most, books.repeated), (3, 4, 1));
        assert!(!books.same_order);
    }
}
