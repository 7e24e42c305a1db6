//! The state at the beginning: checkpoint 0, the same on every node of a chain.

use std::collections::BTreeMap;

use super::executor::state_root;
use super::{AccountRecord, StateKey, Value};
use crate::checkpoint::Checkpoint;
use crate::codec;
use crate::crypto::Hash;
use crate::genesis::Genesis;
use crate::list;
use crate::store::{Batch, Database, StateWrite, Tip};

/// Checkpoint 0 and the batch that begins a store: genesis accounts, checkpoint, tip. It holds no commit;
/// the first commit that is executed has index 1.
pub fn genesis_batch(genesis: &Genesis) -> (Checkpoint, Batch) {
    let accounts: BTreeMap<StateKey, Value> = genesis
        .accounts
        .iter()
        .map(|account| {
            // Genesis accounts were made by nobody: no deposit is locked in them.
            let record = AccountRecord { balance: account.balance, deposit: 0 };
            (StateKey::account(&account.id), Value::from(codec::encode(&record)))
        })
        .collect();
    let writes: Vec<_> =
        accounts.into_iter().map(|(key, value)| (key, None, Some(value))).collect();
    let checkpoint = Checkpoint {
        chain_id: genesis.chain_id(),
        epoch: 0,
        height: 0,
        commit_index: 0,
        commit_digest: Hash::ZERO,
        previous: Hash::ZERO,
        timestamp_ms: genesis.time_ms,
        transactions_root: list::root(Vec::new()),
        receipts_root: list::root(Vec::new()),
        state_root: state_root(&Hash::ZERO, &writes),
        ordering_root: Hash::ZERO,
    };
    let mut batch = Batch::default();
    for (key, before, after) in &writes {
        StateWrite { key, before: before.as_deref(), after: after.as_deref() }.put(&mut batch, 0);
    }
    Database::put_checkpoint(&mut batch, &checkpoint);
    let tip = Tip {
        height: 0,
        commit_index: 0,
        digest: checkpoint.digest(),
        state_root: checkpoint.state_root,
    };
    Database::put_tip(&mut batch, &tip);
    (checkpoint, batch)
}
