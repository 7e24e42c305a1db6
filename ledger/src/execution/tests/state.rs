//! The overlay of a transaction beside a plain statement of it: a map that is copied at each savepoint.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use proptest::prelude::*;

use crate::crypto::Hash;
use crate::execution::{CallContext, StateKey, StateRead, Terms, TransactionState, Value};
use crate::store::StoreError;
use crate::transaction::AccountId;

const KEYS: u8 = 5;

#[derive(Debug, Clone)]
enum Step {
    Get(u8),
    Touch(u8),
    /// As the ledger writes: bytes of a length, or none.
    Put(u8, Option<usize>),
    /// As a module does.
    PutModule(u8, Option<usize>),
    Savepoint,
    Rollback,
}

fn step() -> impl Strategy<Value = Step> {
    let key = 0..KEYS;
    let value = prop::option::of(prop_oneof![0usize..20, Just(5_000)]);
    prop_oneof![
        key.clone().prop_map(Step::Get),
        key.clone().prop_map(Step::Touch),
        (key.clone(), value.clone()).prop_map(|(key, value)| Step::Put(key, value)),
        (key, value).prop_map(|(key, value)| Step::PutModule(key, value)),
        Just(Step::Savepoint),
        Just(Step::Rollback),
    ]
}

/// What lies below: key 0 has nothing, 1 and 2 have a little, 3 and above so much that it is not kept.
#[derive(Default)]
struct Below {
    reads: Mutex<BTreeMap<StateKey, u32>>,
}

fn key(number: u8) -> StateKey {
    StateKey::module(AccountId([7; 32]), &[number])
}

fn below(number: u8) -> Option<Value> {
    match number {
        0 => None,
        1 | 2 => Some(vec![number; 8].into()),
        _ => Some(vec![number; 2_000].into()),
    }
}

impl StateRead for Below {
    fn get(&self, key: &StateKey) -> Result<Option<Value>, StoreError> {
        *self.reads.lock().unwrap().entry(key.clone()).or_default() += 1;
        Ok(below(key.key[0]))
    }

    fn code(&self, _: &Hash) -> Result<Option<Value>, StoreError> {
        Ok(None)
    }
}

fn context() -> CallContext {
    CallContext {
        chain_id: Hash::ZERO,
        transaction: Hash::ZERO,
        signer: AccountId([0; 32]),
        by_scoped_key: false,
        time_ms: 0,
        round: 0,
        commit: Hash::ZERO,
        position: 0,
    }
}

proptest! {
    #[test]
    fn an_overlay_is_a_map_that_is_copied_at_each_savepoint(
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let base = Below::default();
        let mut state = TransactionState::new(&base, context(), Terms::default());
        let mut written: BTreeMap<StateKey, Option<Value>> = BTreeMap::new();
        let mut touched = BTreeSet::new();
        let mut points = Vec::new();
        for step in steps {
            match step {
                Step::Get(number) => {
                    let expected = written.get(&key(number)).cloned();
                    prop_assert_eq!(state.get(&key(number))?, expected.unwrap_or(below(number)));
                }
                Step::Touch(number) => {
                    prop_assert_eq!(state.touch(&key(number)), touched.insert(number));
                }
                Step::Put(number, length) => {
                    let value: Option<Value> = length.map(|length| vec![9; length].into());
                    state.put(key(number), value.clone());
                    written.insert(key(number), value);
                }
                Step::PutModule(number, length) => {
                    let value: Option<Value> = length.map(|length| vec![8; length].into());
                    state.put_module(key(number), value.clone())??;
                    written.insert(key(number), value);
                }
                Step::Savepoint => points.push((state.savepoint(), written.clone())),
                Step::Rollback => {
                    if let Some((savepoint, before)) = points.pop() {
                        state.rollback(savepoint);
                        written = before;
                    }
                }
            }
        }
        let written: Vec<_> = written.into_iter().collect();
        prop_assert_eq!(state.finish(true).writes, written);
    }

    /// A key that was touched is read once, however often it is asked for, unless its value is large.
    #[test]
    fn what_was_touched_is_read_once(gets in 1u32..6) {
        for number in 0..KEYS {
            let base = Below::default();
            let mut state = TransactionState::new(&base, context(), Terms::default());
            state.touch(&key(number));
            for _ in 0..gets {
                prop_assert_eq!(state.get(&key(number))?, below(number));
            }
            let reads = base.reads.lock().unwrap()[&key(number)];
            prop_assert_eq!(reads, if number < 3 { 1 } else { gets });
        }
    }
}
