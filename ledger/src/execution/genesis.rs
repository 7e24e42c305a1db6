//! The state at the beginning: checkpoint 0, the same on every node of a chain.

use std::collections::BTreeMap;

use super::{AccountRecord, StateKey};
use crate::checkpoint::Checkpoint;
use crate::codec;
use crate::crypto::Hash;
use crate::genesis::Genesis;
use crate::list;
use crate::store::{Batch, Database, StateWrite, StoreError, Tip};
use crate::tree::{Node, NodeKey, NodeReader, update};

/// Checkpoint 0 and the batch that begins a store: genesis accounts, checkpoint, tip. It holds no commit;
/// the first commit that is executed has index 1.
pub fn genesis_batch(genesis: &Genesis) -> (Checkpoint, Batch) {
    let accounts = genesis.accounts.iter().map(|account| {
        // Genesis accounts were made by nobody: no deposit is locked in them.
        let record = AccountRecord { balance: account.balance, ..AccountRecord::default() };
        (StateKey::account(&account.id), codec::encode(&record).into())
    });
    let writes: BTreeMap<Hash, StateWrite> = accounts
        .map(|(key, value)| {
            let hash = key.hash();
            (hash, StateWrite { hash, key, before: None, after: Some(value) })
        })
        .collect();
    let writes: Vec<StateWrite> = writes.into_values().collect();
    let changes: Vec<_> = writes.iter().map(StateWrite::change).collect();
    let tree = update(&NoRecords, None, 0, &changes, 1).expect("there is nothing to read");
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
        state_root: tree.root,
        ordering_root: Hash::ZERO,
    };
    let mut batch = Batch::default();
    Database::put_state(&mut batch, 0, &writes);
    Database::put_tree(&mut batch, 0, &tree);
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

/// The tree before genesis.
struct NoRecords;

impl NodeReader for NoRecords {
    fn node(&self, key: &NodeKey) -> Result<Node, StoreError> {
        Err(StoreError::Corrupt { what: format!("genesis read the record {key:?}") })
    }
}
