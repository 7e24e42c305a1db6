//! Indexes against a model: what they answer, that building one later makes the very entries that it would
//! have had from the start, and that pruning and crashes leave it whole.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::verify::world_of;
use super::*;
use crate::execution::tests::{World, genesis, id_of, transfer};
use crate::execution::{ExecutedTransaction, FinishedCheckpoint, StateKey, StateTree};
use crate::receipt::{Event, Outcome, Receipt};
use crate::transaction::{AccountId, Action};
use crate::{Checkpoint, codec, list};

const ALL: [Index; 3] = Index::ALL;
const FAMILIES: [Family; 4] =
    [Family::IndexAccounts, Family::IndexKeys, Family::IndexKeysGone, Family::IndexEvents];

type State = BTreeMap<(AccountId, Vec<u8>), Vec<u8>>;

/// Checkpoints made by hand, with what is known of them.
struct Chain {
    store: Arc<MemoryStore>,
    database: Database,
    tree: StateTree,
    indexer: Indexer,
    last: Checkpoint,
    batch: Batch,
    world: World,
    /// By height, from 0.
    states: Vec<State>,
    /// All transactions, with the accounts that each is listed under.
    listed: Vec<(Location, BTreeSet<AccountId>)>,
}

impl Chain {
    fn new(indexes: &[Index]) -> Self {
        let store = Arc::new(MemoryStore::new());
        let database = Database::open(store.clone(), &genesis(&[("alice", 1)]), None).unwrap();
        prepare(&database, indexes);
        // As if all commits were let go: there are none.
        let mut batch = Batch::default();
        let held = LedgerHeld { commit: u64::MAX, ..LedgerHeld::default() };
        Database::put_ledger_held(&mut batch, &held);
        database.write(batch, Durability::Synced).unwrap();
        Self {
            indexer: Indexer::new(&database).unwrap(),
            tree: StateTree::new(&database).unwrap(),
            last: database.checkpoint(0).unwrap().unwrap(),
            batch: Batch::default(),
            world: World::new(&[("alice", 1)]),
            states: vec![State::default()],
            listed: Vec::new(),
            store,
            database,
        }
    }

    fn height(&self) -> u64 {
        self.states.len() as u64 - 1
    }

    /// Adds a checkpoint to the batch: keys that change, and a transaction for each number.
    fn checkpoint(&mut self, changes: &[Change], transactions: &[u8]) {
        let height = self.height() + 1;
        let mut state = self.states.last().unwrap().clone();
        for Change { owner, key, value } in changes {
            let named = (owner_of(*owner), key.clone());
            match value {
                Some(value) => drop(state.insert(named, vec![*value])),
                None => drop(state.remove(&named)),
            }
        }
        let before = self.states.last().unwrap();
        let names: BTreeSet<_> = before.keys().chain(state.keys()).collect();
        let changed = names.into_iter().filter(|name| before.get(name) != state.get(name));
        let value = |value: Option<&Vec<u8>>| value.map(|value| value.as_slice().into());
        let mut writes: Vec<_> = changed
            .map(|name| {
                let key = StateKey { owner: name.0, key: name.1.clone() };
                let (before, after) = (value(before.get(name)), value(state.get(name)));
                StateWrite { hash: key.hash(), key, before, after }
            })
            .collect();
        writes.sort_unstable_by_key(|write| write.hash);
        let executed: Vec<_> = (self.listed.len() as u64..)
            .zip(transactions)
            .map(|(nonce, one)| self.transaction(nonce, *one))
            .collect();
        let changes: Vec<_> = writes.iter().map(StateWrite::change).collect();
        let update = self.tree.apply(height, &changes).unwrap();
        let state_root = update.root;
        let id = |one: &ExecutedTransaction| list::leaf(&one.receipt.transaction.0);
        let receipt = |one: &ExecutedTransaction| list::leaf(&codec::encode(&one.receipt));
        let checkpoint = Checkpoint {
            height,
            commit_index: height,
            previous: self.last.digest(),
            timestamp_ms: self.last.timestamp_ms + 1,
            state_root,
            transactions_root: list::root(executed.iter().map(id).collect()),
            receipts_root: list::root(executed.iter().map(receipt).collect()),
            ..self.last.clone()
        };
        self.last = checkpoint.clone();
        let digest = checkpoint.digest();
        let mut batch = Batch::default();
        Database::put_state(&mut batch, height, &writes);
        Database::put_tree(&mut batch, height, update);
        for (index, one) in (0u32..).zip(&executed) {
            let at = Location { height, index };
            Database::put_executed(&mut batch, at, &one.signed, &one.receipt, None);
            let accounts = super::super::index::accounts_of(&one.signed.transaction);
            self.listed.push((at, accounts));
        }
        Database::put_checkpoint(&mut batch, &checkpoint);
        Database::put_tip(&mut batch, &Tip { height, commit_index: height, digest, state_root });
        let mut finished = FinishedCheckpoint { checkpoint, digest, batch, executed, writes };
        self.indexer.add(&mut finished);
        self.batch.append(&mut finished.batch);
        self.states.push(state);
    }

    fn transaction(&self, nonce: u64, number: u8) -> ExecutedTransaction {
        let (sender, to) = (number % 3, number % 5);
        let names = ["alice", "bob", "carol", "dave", "erin"];
        let mut actions = vec![transfer(names[usize::from(to)], 1)];
        if number.is_multiple_of(2) {
            actions.push(Action::Invoke {
                module: owner_of(number % 3),
                function: "f".to_owned(),
                arguments: Vec::new(),
                deposit: 0,
                interface: None,
            });
        }
        let signed = self.world.sign(names[usize::from(sender)], nonce, actions);
        let event = |at: u8| Event {
            module: owner_of(at % 3),
            name: format!("event {}", at % 2),
            topics: Vec::new(),
            data: vec![number],
        };
        let receipt = Receipt {
            transaction: self.world.id(&signed),
            outcome: Outcome::Success { results: Vec::new() },
            fuel_used: 0,
            fee: 0,
            events: (0..number % 4).map(event).collect(),
        };
        ExecutedTransaction { signed: Arc::new(signed), receipt, note: None }
    }

    fn write(&mut self) {
        self.database.write(std::mem::take(&mut self.batch), Durability::Synced).unwrap();
        self.tree.written(self.height());
    }

    fn prune(&self, checkpoints: u64) {
        while self.database.prune(&Retention { checkpoints, time_ms: 0 }).unwrap() {}
    }

    /// Every owner at every height of the window reads as the model has it, whatever the pages.
    fn scans_are_those_of_the_model(&self, limit: usize) {
        let (oldest, newest) = self.database.heights_held().unwrap();
        for height in 0..=newest {
            for (owner, prefix) in (0..3).flat_map(|owner| PREFIXES.map(|prefix| (owner, prefix))) {
                let owner = owner_of(owner);
                let found = scan_all(&self.database, height, &owner, prefix, limit);
                if height < oldest {
                    assert!(matches!(found, Err(StoreError::NotHeld { .. })), "{height}");
                    continue;
                }
                let state = self.states[height as usize].iter();
                let of_owner =
                    state.filter(|((of, key), _)| *of == owner && key.starts_with(prefix));
                let expected: Vec<_> =
                    of_owner.map(|((_, key), value)| (key.clone(), value.clone())).collect();
                assert_eq!(found.unwrap(), expected, "{owner} {prefix:?} at {height}");
            }
        }
    }

    fn problems(&self) -> Vec<String> {
        problems(&self.store)
    }
}

const PREFIXES: [&[u8]; 4] = [b"", b"k", b"k\xff", b"\xff"];

#[derive(Debug, Clone)]
struct Change {
    owner: u8,
    key: Vec<u8>,
    value: Option<u8>,
}

fn owner_of(number: u8) -> AccountId {
    AccountId([[7; 32], [8; 32], [0xff; 32]][usize::from(number)])
}

fn prepare(database: &Database, indexes: &[Index]) {
    database.prepare_indexes(&indexes.iter().copied().collect(), &mut |_| true).unwrap();
}

fn problems(store: &Arc<MemoryStore>) -> Vec<String> {
    verify(store.clone(), &mut |_| {}).unwrap().problems
}

fn scan_all(
    database: &Database,
    height: u64,
    owner: &AccountId,
    prefix: &[u8],
    limit: usize,
) -> Result<Vec<Entry>, StoreError> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page =
            database.scan_state(height, owner, prefix, after.as_deref(), limit, usize::MAX)?;
        assert!(page.entries.len() <= limit);
        found.extend(page.entries.into_iter().map(|entry| (entry.key, entry.value.to_vec())));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}

fn entries(store: &dyn Store, family: Family) -> Vec<Entry> {
    store
        .scan(Scan {
            family,
            from: &[],
            to: &super::keys::ABOVE_ALL,
            limit: usize::MAX,
            bytes_max: usize::MAX,
            direction: Direction::Ascending,
        })
        .unwrap()
}

fn index_entries(store: &dyn Store) -> Vec<Vec<Entry>> {
    FAMILIES.map(|family| entries(store, family)).into()
}

#[derive(Debug, Clone)]
enum Do {
    /// Checkpoints that share a write.
    Write(Vec<(Vec<Change>, Vec<u8>)>),
    Prune {
        checkpoints: u64,
    },
}

fn operations() -> impl Strategy<Value = Vec<Do>> {
    let key = prop_oneof![
        3 => "k[ab]?".prop_map(String::into_bytes),
        1 => Just(Vec::new()),
        1 => Just(b"k\xff\xff".to_vec()),
        1 => Just(vec![0xff; 9]),
    ];
    let change = (0u8..3, key, prop::option::of(0u8..3)).prop_map(|(owner, key, value)| Change {
        owner,
        key,
        value,
    });
    let checkpoint =
        (prop::collection::vec(change, 0..8), prop::collection::vec(any::<u8>(), 0..4));
    let operation = prop_oneof![
        4 => prop::collection::vec(checkpoint, 1..4).prop_map(Do::Write),
        1 => (1u64..8).prop_map(|checkpoints| Do::Prune { checkpoints }),
    ];
    prop::collection::vec(operation, 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Puts, removals, keys that come again, in shared writes and with pruning between: scans are right at
    /// every height, and entries those that an index has which is built at the end, in steps of any size, with
    /// the process killed between them.
    #[test]
    fn an_index_kept_up_is_one_built_later(
        operations in operations(),
        limit in 1usize..5,
        step in 1usize..20,
        kept in 0usize..4,
    ) {
        let mut chain = Chain::new(&ALL);
        for operation in operations {
            match operation {
                Do::Write(checkpoints) => {
                    for (changes, transactions) in &checkpoints {
                        chain.checkpoint(changes, transactions);
                    }
                    chain.write();
                }
                Do::Prune { checkpoints } => chain.prune(checkpoints),
            }
        }
        chain.scans_are_those_of_the_model(limit);
        prop_assert_eq!(chain.problems(), Vec::<String>::new());
        let kept_up = index_entries(&*chain.store);

        let store = Arc::new(chain.store.image());
        let genesis = genesis(&[("alice", 1)]);
        let open = || Database::open(store.clone(), &genesis, None).unwrap();
        prepare(&open(), &[]);
        prop_assert!(index_entries(&*store).iter().all(Vec::is_empty));
        prop_assert_eq!(problems(&store), Vec::<String>::new());
        let refused = open().check_index(Index::Keys);
        prop_assert!(matches!(refused, Err(StoreError::NoIndex { name: "keys" })), "{:?}", refused);
        // At least one step more gets through each time, so it ends.
        let wanted = ALL.into();
        for round in 1.. {
            let mut done = false;
            for _ in 0..round {
                done = open().index_step(&wanted, step).unwrap().is_none();
            }
            if done {
                break;
            }
            store.crash_keeping(kept + round / 2);
            prop_assert_eq!(problems(&store), Vec::<String>::new());
        }
        prop_assert_eq!(index_entries(&*store), kept_up);
        prop_assert_eq!(open().indexes().unwrap(), chain.database.indexes().unwrap());
        prop_assert_eq!(problems(&store), Vec::<String>::new());
    }

    /// An account's list in pages of any size, from either end, up to any height, is the model's.
    #[test]
    fn lists_of_accounts_are_those_of_the_model(
        checkpoints in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..6), 1..8),
        limit in 1usize..5,
        up_to in 0u64..9,
        bytes_max in prop_oneof![Just(1usize), Just(usize::MAX)],
    ) {
        let mut chain = Chain::new(&[Index::Accounts]);
        for transactions in &checkpoints {
            chain.checkpoint(&[], transactions);
        }
        chain.write();
        let accounts = ["alice", "bob", "dave", "zoe"].map(id_of).into_iter();
        for account in accounts.chain([owner_of(0), owner_of(2)]) {
            let all = chain.listed.iter().filter(|(at, names)| {
                at.height <= up_to && names.contains(&account)
            });
            let mut expected: Vec<_> = all.map(|(at, _)| *at).collect();
            for direction in [Direction::Ascending, Direction::Descending] {
                let (mut found, mut after) = (Vec::new(), None);
                loop {
                    let page = chain
                        .database
                        .transactions_of(&account, after, up_to, direction, limit, bytes_max)
                        .unwrap();
                    let most = if bytes_max == 1 { 1 } else { limit };
                    prop_assert!(page.transactions.len() <= most);
                    for listed in &page.transactions {
                        let signed = chain.database.transaction(listed.at).unwrap().unwrap();
                        prop_assert_eq!(&listed.signed, &signed);
                        found.push(listed.at);
                    }
                    after = found.last().copied();
                    if !page.more {
                        break;
                    }
                }
                prop_assert_eq!(&found, &expected);
                expected.reverse();
            }
        }
    }
}

/// What a light wallet sees when history was let go: a list that ends where history does.
#[test]
fn lists_end_where_history_was_let_go() {
    let world = world_of(300);
    let committee = world.genesis.committee().unwrap();
    while world.database.prune(&Retention { checkpoints: 10, time_ms: 0 }).unwrap() {}
    let keep = LedgerRetention { time_ms: 0, commits: 200 };
    while world.database.prune_ledger(&keep, &committee).unwrap() {}
    let list = |direction, limit| {
        let all =
            world.database.transactions_of(&id_of("bob"), None, 300, direction, limit, usize::MAX);
        all.unwrap().transactions.iter().map(|one| one.at).collect::<Vec<_>>()
    };
    let oldest = world.database.ledger_held().unwrap().height;
    assert_eq!(oldest, 101);
    assert_eq!(list(Direction::Ascending, 1), [Location { height: 101, index: 0 }]);
    assert_eq!(list(Direction::Descending, 1), [Location { height: 300, index: 1 }]);
    assert_eq!(list(Direction::Descending, 999).len(), 400);
    assert_eq!(entries(&*world.store, Family::IndexAccounts).len(), 800);
}

/// Story: an older configuration, or another program, runs on a data directory for a while and keeps no
/// index up. It is not believed afterwards.
#[test]
fn indexes_that_were_not_kept_up_are_made_anew() {
    let mut chain = Chain::new(&ALL);
    let change = |value| Change { owner: 0, key: b"k".to_vec(), value };
    chain.checkpoint(&[change(Some(1))], &[1, 2, 3]);
    chain.write();
    chain.indexer = Chain::new(&[]).indexer;
    chain.checkpoint(&[change(None)], &[4]);
    chain.write();
    assert_eq!(chain.problems(), Vec::<String>::new(), "they are only old");
    // Nor does it help to begin again with them.
    chain.indexer = Indexer::new(&chain.database).unwrap();
    chain.checkpoint(&[], &[5]);
    chain.write();
    assert!(chain.database.indexes().unwrap().height < chain.height());
    let mut steps = Vec::new();
    chain
        .database
        .prepare_indexes(&ALL.into(), &mut |step| {
            steps.push(step.building);
            true
        })
        .unwrap();
    assert!(steps.contains(&false) && steps.contains(&true));
    assert_eq!(chain.problems(), Vec::<String>::new());
    assert_eq!(entries(&*chain.store, Family::IndexKeysGone).len(), 1);
    chain.scans_are_those_of_the_model(2);
    let mut none = 0;
    chain
        .database
        .prepare_indexes(&ALL.into(), &mut |_| {
            none += 1;
            true
        })
        .unwrap();
    assert_eq!(none, 0, "nothing is left to do");
}

/// Every entry of every index that is gone, every one too many, and a key that is said to be gone, is told.
#[test]
fn damage_to_an_index_is_told() {
    let mut chain = Chain::new(&ALL);
    let put = |key: &[u8], value| Change { owner: 1, key: key.to_vec(), value };
    chain.checkpoint(&[put(b"a", Some(1)), put(b"b", Some(1)), put(b"c", Some(1))], &[1, 2, 3]);
    chain.checkpoint(&[put(b"a", None), put(b"b", None)], &[]);
    chain.checkpoint(&[put(b"b", Some(2))], &[]);
    chain.write();
    assert_eq!(chain.problems(), Vec::<String>::new());
    let damaged = |change: &dyn Fn(&mut Batch)| {
        let store = Arc::new(chain.store.image());
        let mut batch = Batch::default();
        change(&mut batch);
        store.write(batch, Durability::Synced).unwrap();
        problems(&store)
    };
    for family in FAMILIES {
        for (key, _) in entries(&*chain.store, family) {
            let told = damaged(&|batch| batch.delete(family, &key));
            assert!(!told.is_empty(), "{} {}", family.name(), hex::encode(&key));
        }
    }
    let named = keys::owned(&owner_of(1), b"c");
    assert!(!damaged(&|batch| batch.put(Family::IndexKeys, &named, keys::number(2))).is_empty());
    let other = keys::owned(&owner_of(1), b"z");
    assert!(!damaged(&|batch| batch.put(Family::IndexKeys, &other, [])).is_empty());
    assert!(
        !damaged(&|batch| batch.put(Family::IndexKeysGone, keys::gone(2, &named), [])).is_empty()
    );
    assert!(
        !damaged(&|batch| batch.put(Family::IndexAccounts, keys::account(&id_of("bob"), 9, 0), []))
            .is_empty()
    );
    let mut absent = Chain::new(&[]);
    absent.checkpoint(&[], &[1]);
    absent.write();
    assert_eq!(absent.problems(), Vec::<String>::new());
    let mut batch = Batch::default();
    batch.put(Family::IndexEvents, keys::event(&owner_of(0), 1, 0, 0), b"e");
    absent.store.write(batch, Durability::Synced).unwrap();
    let told = absent.problems();
    assert!(told.iter().any(|problem| problem.contains("which is not kept")), "{told:?}");
}

/// A directory of a time when events were always indexed: the entries go, or are made again.
#[test]
fn entries_that_nothing_is_known_of_go() {
    let mut chain = Chain::new(&[]);
    chain.checkpoint(&[], &[1, 2, 3]);
    chain.write();
    let mut batch = Batch::default();
    batch.put(Family::IndexEvents, keys::event(&owner_of(0), 1, 7, 0), b"e");
    chain.store.write(batch, Durability::Synced).unwrap();
    prepare(&chain.database, &[]);
    assert_eq!(entries(&*chain.store, Family::IndexEvents), []);
    assert_eq!(chain.database.indexes().unwrap().whole(), BTreeSet::new());
}
