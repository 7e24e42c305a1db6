//! The storage writer: one thread through which everything goes that must be on disk before something
//! else happens.
//!
//! Invariants: a proposal is synced before a byte of it leaves; a block is in the write-ahead log before
//! it is used as a parent by a synced proposal; a commit reaches execution only when every proposal of
//! ours before it is durable. All of it follows from one queue, worked off in order, and one write a
//! batch. Any error ends the process: a database that failed once is not written to again.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};

use pollen_ledger::VerifiedBlock;
use pollen_ledger::codec;
use pollen_ledger::committee::AuthorIndex;
use pollen_ledger::ordering::CommittedSubDag;
use pollen_ledger::store::{Batch, Database, Durability};
use pollen_ledger::wire::Message;

use crate::network::NetworkHandle;
use crate::shared::Shared;

/// An order of the core's, in its order.
pub enum Write {
    /// A block of another author was accepted.
    Block(VerifiedBlock),
    /// A block of ours: to disk with sync, then to everybody.
    Proposal(VerifiedBlock),
    /// A commit: to disk, then to execution.
    Commit(Arc<CommittedSubDag>),
    /// History for a validator that lags.
    Push(AuthorIndex, Vec<VerifiedBlock>),
}

/// Orders that one batch takes at most.
const BATCH_ORDERS_MAX: usize = 512;

/// Works off the queue until its senders are gone.
pub fn run(
    queue: &Receiver<Write>,
    database: &Database,
    network: &NetworkHandle,
    execution: &SyncSender<Arc<CommittedSubDag>>,
    shared: &Shared,
) {
    while let Ok(first) = queue.recv() {
        let mut orders = vec![first];
        while orders.len() < BATCH_ORDERS_MAX
            && let Ok(next) = queue.try_recv()
        {
            orders.push(next);
        }
        let mut batch = Batch::default();
        let mut durability = Durability::Buffered;
        for order in &orders {
            match order {
                Write::Block(block) => Database::put_block(&mut batch, block),
                Write::Proposal(block) => {
                    Database::put_own_block(&mut batch, block);
                    durability = Durability::Synced;
                }
                Write::Commit(commit) => {
                    Database::put_commit(&mut batch, commit.commit.index, &commit.commit)
                }
                Write::Push(..) => {}
            }
        }
        if let Err(error) = database.write(batch, durability) {
            shared.fatal(&format!("cannot write blocks: {error}"));
            return;
        }
        for order in orders {
            if !perform(order, network, execution, shared) {
                return;
            }
        }
    }
}

/// What follows a write; false when execution is gone.
fn perform(
    order: Write,
    network: &NetworkHandle,
    execution: &SyncSender<Arc<CommittedSubDag>>,
    shared: &Shared,
) -> bool {
    match order {
        Write::Block(block) => {
            // Peers that know only this validator hear everything from it.
            if network.has_listeners() {
                network.gossip(block.encode().into());
            }
            true
        }
        Write::Proposal(block) => {
            network.broadcast(Message::encode_block(&block).into());
            if network.has_listeners() {
                network.gossip(block.encode().into());
            }
            true
        }
        Write::Push(to, blocks) => {
            let blocks = blocks.iter().map(VerifiedBlock::encode).collect();
            network.send(to, codec::encode(&Message::Blocks(blocks)).into());
            true
        }
        Write::Commit(commit) => {
            shared.ordered(&commit);
            execution.send(commit).is_ok()
        }
    }
}
