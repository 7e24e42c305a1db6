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
use pollen_ledger::block::Round;
use pollen_ledger::certificate::Signatures;
use pollen_ledger::codec;
use pollen_ledger::committee::AuthorIndex;
use pollen_ledger::ordering::{CommittedSubDag, SigningHistory};
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
    /// A certificate: to disk, then told.
    Certificate(u64, Signatures),
    /// History for a validator that lags.
    Push(AuthorIndex, Vec<VerifiedBlock>),
}

/// Orders that one batch takes at most.
const BATCH_ORDERS_MAX: usize = 512;

/// What the store says of our own blocks, kept as they are written.
pub struct OwnBlocks {
    /// Our index, of a validator.
    pub author: Option<AuthorIndex>,
    /// At or below it nothing is signed again.
    pub floor: Round,
    /// The store says something of what was signed before: it goes with our first block.
    pub marked: bool,
}

impl OwnBlocks {
    /// An accepted block. One of ours that came from others raises the floor, and never lowers it.
    fn put_accepted(&mut self, batch: &mut Batch, block: &VerifiedBlock) {
        Database::put_block(batch, block);
        if Some(block.author()) == self.author && block.round() > self.floor {
            self.floor = block.round();
            Database::put_own_floor(batch, self.floor);
        }
    }

    /// A block that we signed.
    fn put_proposal(&mut self, batch: &mut Batch, block: &VerifiedBlock) {
        Database::put_own_block(batch, block);
        self.floor = block.round();
        if std::mem::replace(&mut self.marked, false) {
            Database::put_signing_history(batch, SigningHistory::Kept);
        }
    }
}

/// Works off the queue until its senders are gone.
pub fn run(
    queue: &Receiver<Write>,
    mut own: OwnBlocks,
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
                Write::Block(block) => own.put_accepted(&mut batch, block),
                Write::Proposal(block) => {
                    own.put_proposal(&mut batch, block);
                    durability = Durability::Synced;
                }
                Write::Commit(commit) => {
                    Database::put_commit(&mut batch, commit.commit.index, &commit.commit)
                }
                Write::Certificate(height, signatures) => {
                    Database::put_signatures(&mut batch, *height, signatures);
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
        Write::Certificate(height, _) => {
            shared.certified(height);
            true
        }
        Write::Commit(commit) => {
            shared.ordered(&commit);
            execution.send(commit).is_ok()
        }
    }
}
