//! Receipts, transactions, notes and events, as RPC reads them.

use super::*;
use crate::crypto::Hash;
use crate::execution::tests::{World, genesis, transfer};
use crate::receipt::{Event, Outcome, Receipt};
use crate::transaction::{AccountId, SignedTransaction};

#[test]
fn what_was_executed_is_found_by_id_and_by_place() {
    let mut world = World::new(&[("alice", 10_000_000_000)]);
    let first = world.sign("alice", 0, vec![transfer("bob", 1)]);
    let second = world.sign("alice", 1, vec![transfer("bob", 2)]);
    world.commit(vec![first, second.clone()]);
    let database = &world.database;
    let id = world.id(&second);
    let (at, receipt) = database.receipt_of(&id).unwrap().unwrap();
    assert_eq!(at, Location { height: 1, index: 1 });
    assert_eq!(receipt.transaction, id);
    assert_eq!(database.transaction(at).unwrap(), Some(second));
    assert_eq!(database.note(at).unwrap(), None);
    assert_eq!(database.receipt_of(&Hash::ZERO).unwrap(), None);
    let all = database.receipts(Location { height: 1, index: 0 }, 10).unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(all[1], (at, receipt));
}

/// Attachments stand in `modules` once, not beside every transaction that carried them.
#[test]
fn transactions_are_kept_without_attachments() {
    let world = World::new(&[("alice", 1)]);
    let tx = world.transaction("alice", 0, vec![transfer("bob", 1)]);
    let signed = world.sign_with("alice", tx, vec![vec![7; 500]]);
    let at = Location { height: 3, index: 0 };
    let receipt = receipt(Vec::new());
    let mut batch = Batch::default();
    Database::put_executed(&mut batch, at, &signed, &receipt, Some("a note"));
    world.database.write(batch, Durability::Buffered).unwrap();
    let found = world.database.transaction(at).unwrap().unwrap();
    let bare = SignedTransaction { attachments: Vec::new(), ..signed };
    assert_eq!(found, bare);
    assert_eq!(world.database.note(at).unwrap().as_deref(), Some("a note"));
}

fn receipt(events: Vec<Event>) -> Receipt {
    let outcome = Outcome::Success { results: Vec::new() };
    Receipt { transaction: Hash::ZERO, outcome, fuel_used: 0, fee: 0, events }
}

fn event(module: u8, name: &str) -> Event {
    let module = AccountId([module; 32]);
    Event { module, name: name.to_owned(), topics: Vec::new(), data: vec![module.0[0]] }
}

/// 30 checkpoints of 3 transactions with 0 to 3 events each; modules 1 and 2, names "a" and "b".
fn database(store: Arc<dyn Store>) -> (Database, Vec<EventRecord>) {
    let world = World::new(&[("alice", 1)]);
    let database = Database::open(store, &genesis(&[]), None).unwrap();
    let mut all = Vec::new();
    let mut batch = Batch::default();
    let mut turn = 0u32;
    for height in 1..=30u64 {
        for index in 0..3u32 {
            let mut events = Vec::new();
            for number in 0..(turn % 4) {
                turn += 7;
                let module = 1 + u8::from(turn.is_multiple_of(3));
                let one = event(module, if turn.is_multiple_of(2) { "a" } else { "b" });
                let cursor = EventCursor { height, transaction: index, event: number };
                events.push(one.clone());
                all.push(EventRecord { cursor, transaction: Hash::ZERO, event: one });
            }
            turn += 1;
            let signed = world.sign("alice", u64::from(turn), vec![transfer("bob", 1)]);
            let at = Location { height, index };
            Database::put_executed(&mut batch, at, &signed, &receipt(events), None);
        }
    }
    database.write(batch, Durability::Buffered).unwrap();
    (database, all)
}

/// Every filter, page size and starting point gives what a plain list gives, with the index and without.
#[test]
fn pages_of_events_add_up_to_the_list() {
    let pages = |indexed| {
        on_each(|store| {
            let (database, all) = database(store);
            assert!(all.len() > 40);
            if indexed {
                database.prepare_indexes(&[Index::Events].into(), &mut |_| true).unwrap();
            }
            let filters = [None, Some(1u8), Some(2), Some(9)]
                .into_iter()
                .flat_map(|module| [None, Some("a"), Some("b")].map(|name| (module, name)));
            for (module, name) in filters {
                let filter = EventFilter {
                    module: module.map(|module| AccountId([module; 32])),
                    name: name.map(str::to_owned),
                };
                for (height, limit) in [(30, 1), (30, 7), (30, 1_000), (12, 5)] {
                    let expected: Vec<_> = all
                        .iter()
                        .filter(|one| one.cursor.height <= height && filter.matches(&one.event))
                        .cloned()
                        .collect();
                    let mut found = Vec::new();
                    let mut after = None;
                    loop {
                        let page = database.events(&filter, after, height, limit).unwrap();
                        assert!(page.events.len() <= limit);
                        found.extend(page.events);
                        after = page.next;
                        if page.complete {
                            break;
                        }
                    }
                    assert_eq!(found, expected, "{filter:?} up to {height}, {limit} a page");
                }
            }
        })
    };
    pages(false);
    pages(true);
}

#[test]
fn cursors_are_read_as_they_are_shown() {
    let cursor = EventCursor { height: 7, transaction: 0, event: 12 };
    assert_eq!(cursor.to_string(), "7.0.12");
    assert_eq!("7.0.12".parse(), Ok(cursor));
    for wrong in ["", "7", "7.0", "7.0.12.1", "7.0.x", "-1.0.0", "7.0.4294967296"] {
        assert!(wrong.parse::<EventCursor>().is_err(), "{wrong}");
    }
}
