//! What the optional indexes cost: checkpoints to disk with none, each and all of them, and making them later.
//! `cargo run -p pollen-ledger --features rocksdb --example index_speed -- [checkpoints] [transactions in each]`
//!
//! Every transaction is a transfer between two accounts with one event, and brings one new key: the most that
//! an index of keys can have to do for it. The state tree is left out. Adding and writing are told in time of
//! this thread's processor, the rest in time that passed.

#![expect(clippy::disallowed_types, reason = "a measurement, not the ledger")]

#[cfg(feature = "rocksdb")]
fn main() {
    measured::run();
}

#[cfg(not(feature = "rocksdb"))]
fn main() {
    println!("it measures a disk: give --features rocksdb");
}

#[cfg(feature = "rocksdb")]
mod measured {
    use std::collections::BTreeSet;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use pollen_ledger::execution::{ExecutedTransaction, FinishedCheckpoint, StateKey};
    use pollen_ledger::genesis::Genesis;
    use pollen_ledger::receipt::{Event, Outcome, Receipt};
    use pollen_ledger::store::{
        Batch, Database, Durability, Index, Indexer, Location, RocksStore, StateWrite, Tip,
    };
    use pollen_ledger::{
        AccountId, Action, Checkpoint, Hash, PublicKey, Signature, SignedTransaction, Transaction,
    };

    /// Accounts that transfer to each other.
    const ACCOUNTS: u64 = 10_000;

    pub fn run() {
        let mut numbers = std::env::args().skip(1).map(|text| text.parse().expect("a number"));
        let checkpoints: u64 = numbers.next().unwrap_or(100);
        let transactions: u64 = numbers.next().unwrap_or(1_000);
        println!(
            "{checkpoints} checkpoints of {transactions} transactions, each one new key and one event"
        );
        for wanted in [&[][..], &[Index::Accounts], &[Index::Keys], &[Index::Events], &Index::ALL] {
            let names: Vec<_> = wanted.iter().map(|index| index.name()).collect();
            println!("{}:", if names.is_empty() { "none".to_owned() } else { names.join(", ") });
            fill(&wanted.iter().copied().collect(), checkpoints, transactions);
        }
    }

    fn fill(wanted: &BTreeSet<Index>, checkpoints: u64, transactions: u64) {
        let directory = tempfile::tempdir().expect("a directory for temporary files");
        let genesis = Genesis::from_json(include_str!("../../genesis.json")).expect("checked");
        let store = Arc::new(RocksStore::open(&directory.path().join("data")).expect("new"));
        let database = Database::open(store, &genesis, None).expect("an empty store");
        database.prepare_indexes(wanted, &mut |_| true).expect("it writes");
        let mut indexer = Indexer::new(&database).expect("it reads");
        let first = database.checkpoint(0).expect("it reads").expect("genesis");
        let (mut adding, mut writing, mut plain, mut added) =
            (Duration::ZERO, Duration::ZERO, 0, 0);
        for height in 1..=checkpoints {
            let mut finished = checkpoint(&first, height, transactions);
            let before = finished.batch.bytes();
            let start = thread_time();
            indexer.add(&mut finished);
            adding += thread_time() - start;
            plain += before;
            added += finished.batch.bytes() - before;
            let start = thread_time();
            database.write(finished.batch, Durability::Synced).expect("it writes");
            writing += thread_time() - start;
        }
        let count = (checkpoints * transactions) as f64;
        println!(
            "  a transaction: {:.2} us to add, {:.2} us to write, {:.0} bytes of batch and {:.0} of indexes",
            adding.as_secs_f64() * 1e6 / count,
            writing.as_secs_f64() * 1e6 / count,
            plain as f64 / count,
            added as f64 / count
        );
        if wanted.len() < Index::ALL.len() {
            return;
        }
        let start = Instant::now();
        database.prepare_indexes(&BTreeSet::new(), &mut |_| true).expect("it writes");
        println!("  removing all: {:.0} transactions/s", count / start.elapsed().as_secs_f64());
        for index in Index::ALL {
            let mut wanted = database.indexes().expect("it reads").whole();
            wanted.insert(index);
            let start = Instant::now();
            database.prepare_indexes(&wanted, &mut |_| true).expect("it writes");
            let rate = count / start.elapsed().as_secs_f64();
            println!("  making {} later: {rate:.0} transactions/s", index.name());
        }
    }

    /// What of the time that passed this thread had a processor; from the kernel, in nanoseconds, first.
    fn thread_time() -> Duration {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
        let first = text.split(' ').next().and_then(|number| number.parse().ok());
        Duration::from_nanos(first.expect("a number"))
    }

    fn account(number: u64) -> AccountId {
        AccountId(Hash::of_content(&(number % ACCOUNTS).to_le_bytes()).0)
    }

    fn checkpoint(first: &Checkpoint, height: u64, transactions: u64) -> FinishedCheckpoint {
        let numbers = (0..transactions).map(|at| height * transactions + at);
        let executed: Vec<_> = numbers.clone().map(transaction).collect();
        let mut writes: Vec<_> = numbers
            .map(|number| {
                let key = StateKey::module(AccountId([5; 32]), &number.to_be_bytes());
                let after = Some([7; 32][..].into());
                StateWrite { hash: key.hash(), key, before: None, after }
            })
            .collect();
        writes.sort_unstable_by_key(|write| write.hash);
        let mut batch = Batch::default();
        Database::put_state(&mut batch, height, &writes);
        for (index, one) in (0u32..).zip(&executed) {
            let at = Location { height, index };
            Database::put_executed(&mut batch, at, &one.signed, &one.receipt, None);
        }
        let checkpoint = Checkpoint { height, ..first.clone() };
        let (digest, state_root) = (checkpoint.digest(), checkpoint.state_root);
        Database::put_checkpoint(&mut batch, &checkpoint);
        Database::put_tip(&mut batch, &Tip { height, commit_index: 0, digest, state_root });
        FinishedCheckpoint { checkpoint, digest, batch, executed, writes }
    }

    fn transaction(number: u64) -> ExecutedTransaction {
        let transaction = Transaction {
            version: 1,
            sender: account(number),
            key: PublicKey([0; 32]),
            nonce: number,
            valid_until_ms: 0,
            max_fuel: 1,
            fuel_price: 1,
            payer: None,
            actions: vec![Action::Transfer { to: account(number.wrapping_mul(7_919)), amount: 1 }],
        };
        let event = Event {
            module: AccountId([5; 32]),
            name: "transfer".to_owned(),
            topics: Vec::new(),
            data: vec![1; 72],
        };
        let receipt = Receipt {
            transaction: transaction.id(&Hash::ZERO),
            outcome: Outcome::Success { results: vec![Vec::new()] },
            fuel_used: 1,
            fee: 1,
            events: vec![event],
        };
        let signature = Signature([0; 64]);
        let (cosignatures, attachments) = (Vec::new(), Vec::new());
        let signed = SignedTransaction { transaction, signature, cosignatures, attachments };
        ExecutedTransaction { signed: Arc::new(signed), receipt, note: None }
    }
}
