//! Answers made of what the store and the core hold.

use std::sync::Arc;

use pollen_ledger::block::EquivocationProof;
use pollen_ledger::checkpoint::Checkpoint;
use pollen_ledger::codec;
use pollen_ledger::execution::{ExecutedTransaction, StateRead};
use pollen_ledger::ordering::{Core, CoreStatus, SlotStatus as Decided};
use pollen_ledger::policy::ChangeReport;
use pollen_ledger::receipt::{FailureValue, Outcome, Receipt};
use pollen_ledger::store::{EventRecord, Location, StateAt, StoreError};
use pollen_ledger::{AccountId, Action, Address, Hash, SignedTransaction};
use pollen_rpc::api::{
    ActionResult, Answer, Bytes, ChainHead, ChainParameters, ChangeReportView, CheckpointView,
    Cursor, DagBlock, DagEvidence, DagRound, DagRounds, DagSlot, DevInfo, EventView, NodeInfo,
    Peer, ReadAt, SlotStatus, Stage, TransactionView, TxOutcome, TxStatus,
};
use pollen_rpc::backend::RoundRange;
use pollen_rpc::error::RpcError;
use pollen_vm::interface::{FunctionKind, Type};
use pollen_vm::value::{self, Formats};

use super::submit::{expired, lost};
use super::{Parts, broken, storage};
use crate::network::PeerInfo;
use crate::tracker::Progress;

/// Transactions of one checkpoint that are read for an answer at most.
const CHECKPOINT_TRANSACTIONS_MAX: usize = 10_000;

impl Parts {
    pub(super) fn node_info(&self) -> NodeInfo {
        NodeInfo {
            version: env!("CARGO_PKG_VERSION").into(),
            chain_name: self.genesis.name.clone(),
            chain_id: self.network.chain_id,
            address_prefix: self.prefix().to_owned(),
            coin_type: self.genesis.coin_type,
            protocol_version: self.genesis.protocol_version,
            role: self.role.name().into(),
            indexes: self.indexes.iter().map(|index| index.name().to_owned()).collect(),
            author: self.own,
            name: (!self.name.is_empty()).then(|| self.name.clone()),
            peer_id: Some(self.peer_id.clone()),
            listen_addresses: self
                .peers
                .listen_addresses()
                .iter()
                .map(ToString::to_string)
                .collect(),
            committee: self.members(),
            parameters: ChainParameters::from(&self.genesis.parameters),
            dev: self.dev.as_ref().map(|dev| DevInfo { reverts: dev.reverts }),
        }
    }

    pub(super) fn peer_view(&self, peer: &PeerInfo) -> Peer {
        let member = peer.author.and_then(|author| self.genesis.committee.get(usize::from(author)));
        Peer {
            peer_id: peer.peer.to_string(),
            address: peer.address.to_string(),
            author: peer.author,
            name: member.map(|member| member.name.clone()),
            inbound: !peer.outbound,
            round_trip_us: peer.round_trip.map(|trip| trip.as_micros() as u64),
        }
    }

    pub(super) fn chain_head(
        &self,
        at: ReadAt,
        status: Option<&CoreStatus>,
    ) -> Result<Answer<ChainHead>, RpcError> {
        let reading = self.reading(at)?;
        let Checkpoint { height, timestamp_ms, commit_index, .. } = reading.checkpoint;
        let head = ChainHead {
            digest: reading.digest,
            time_ms: timestamp_ms,
            certified_height: (*self.shared.certified.borrow()).min(height),
            commit_index,
            committed_round: status.map_or(0, |status| status.commit_round),
            round: status.map_or(0, |status| status.highest_round),
            transactions: self.receipts(height)?.map(|receipts| receipts.len() as u64),
        };
        Ok(Answer::new(reading.at, head))
    }

    /// The receipts of a height; none where they are not kept any more.
    fn receipts(&self, height: u64) -> Result<Option<Vec<(Location, Receipt)>>, RpcError> {
        let from = Location { height, index: 0 };
        let found = self.database.receipts(from, CHECKPOINT_TRANSACTIONS_MAX).map_err(storage)?;
        Ok(match self.database.check_height_held(height) {
            Err(StoreError::Gone { .. }) => None,
            held => {
                held.map_err(storage)?;
                Some(found.into_iter().take_while(|(at, _)| at.height == height).collect())
            }
        })
    }

    /// No transaction of this hash was executed as far back as this node keeps them.
    pub(super) fn unknown(&self, hash: &Hash) -> RpcError {
        let oldest = match self.database.ledger_held() {
            Ok(held) => held.height,
            Err(error) => return storage(error),
        };
        let what = match oldest {
            0 => format!("no transaction {hash} is known here"),
            _ => format!(
                "no transaction {hash} was executed from height {oldest} on; earlier ones are not kept here"
            ),
        };
        RpcError::not_found(what, Some(oldest))
    }

    pub(super) fn chain_checkpoint(&self, at: ReadAt) -> Result<Answer<CheckpointView>, RpcError> {
        let reading = self.reading(at)?;
        let checkpoint = reading.checkpoint;
        let transactions = self.receipts(checkpoint.height)?;
        let view = CheckpointView {
            digest: reading.digest,
            epoch: checkpoint.epoch,
            commit_index: checkpoint.commit_index,
            commit_digest: checkpoint.commit_digest,
            previous: checkpoint.previous,
            time_ms: checkpoint.timestamp_ms,
            transactions_root: checkpoint.transactions_root,
            receipts_root: checkpoint.receipts_root,
            ordering_root: checkpoint.ordering_root,
            transactions: transactions.map(|transactions| {
                transactions.into_iter().map(|(_, receipt)| receipt.transaction).collect()
            }),
        };
        Ok(Answer::new(reading.at, view))
    }

    /// What became of a transaction, as far as this node knows.
    pub(super) fn tx_status(&self, hash: &Hash) -> Result<Answer<TxStatus>, RpcError> {
        // Head and progress first: what they say of execution is in the store by then.
        let head_ms = self.shared.head.borrow().checkpoint.timestamp_ms;
        let progress = self.shared.tracker.following(hash).map(|progress| *progress.borrow());
        let waiting = progress.filter(|progress| {
            progress.stage.is_some_and(|stage| stage < Stage::Executed)
                && head_ms < progress.valid_until_ms
                && progress.lost.is_none()
        });
        if let Some(progress) = waiting {
            return Ok(Answer::new(self.at_head(), tracked(hash, &progress)));
        }
        if let Some(placed) = self.shared.recent.of(hash) {
            let (at, executed) = &*placed;
            return self.executed(*at, executed);
        }
        if let Some(at) = self.database.location(hash).map_err(storage)? {
            let stored = self.stored(hash, at);
            self.database.check_height_held(at.height).map_err(storage)?;
            return self.executed(at, &stored?);
        }
        let Some(progress) = progress.filter(|progress| progress.stage.is_some()) else {
            return Err(self.unknown(hash));
        };
        // Ledger time has passed it, and no commit up to then held it: none ever will.
        let mut status = tracked(hash, &progress);
        status.ended = true;
        status.outcome = Some(match progress.lost {
            Some(error) => lost(error),
            None => expired(progress.valid_until_ms),
        });
        Ok(Answer::new(self.at_head(), status))
    }

    fn stored(&self, hash: &Hash, at: Location) -> Result<ExecutedTransaction, RpcError> {
        let gone = || broken(format!("the receipt of {hash} is gone"));
        let receipt = self.database.receipt(at).map_err(storage)?.ok_or_else(gone)?;
        let signed = self.database.transaction(at).map_err(storage)?.ok_or_else(gone)?;
        let note = self.database.note(at).map_err(storage)?;
        Ok(ExecutedTransaction { signed: Arc::new(signed), receipt, note })
    }

    fn executed(
        &self,
        at: Location,
        executed: &ExecutedTransaction,
    ) -> Result<Answer<TxStatus>, RpcError> {
        let ExecutedTransaction { signed, receipt, note } = executed;
        let hash = &receipt.transaction;
        let state = self.database.latest();
        let certified = *self.shared.certified.borrow() >= at.height;
        let stage = if certified { Stage::Certified } else { Stage::Executed };
        let mut status = TxStatus::at_stage(*hash, stage);
        if let Some(progress) = self.shared.tracker.following(hash) {
            let progress = *progress.borrow();
            status.times = progress.times;
            status.block = progress.block.map(Into::into);
        }
        status.ended = true;
        status.outcome = Some(self.outcome(&state, signed, receipt, note.as_deref()));
        status.height = Some(at.height);
        status.index = Some(at.index);
        status.fuel_used = Some(receipt.fuel_used);
        status.fee = Some(receipt.fee);
        status.events = self.receipt_events(&state, at, receipt)?;
        status.transaction = Some(TransactionView::of(&signed.transaction, hash, self.prefix()));
        status.note = note.clone();
        Ok(Answer::new(self.at_head(), status))
    }

    fn receipt_events(
        &self,
        state: &StateAt,
        at: Location,
        receipt: &Receipt,
    ) -> Result<Vec<EventView>, RpcError> {
        let events = receipt.events.iter().enumerate().map(|(index, event)| {
            let cursor = pollen_ledger::store::EventCursor {
                height: at.height,
                transaction: at.index,
                event: index as u32,
            };
            let record =
                EventRecord { cursor, transaction: receipt.transaction, event: event.clone() };
            self.event_view(state, &record)
        });
        events.collect()
    }

    /// An event with its data decoded, where the module's interface says how.
    pub(super) fn event_view(
        &self,
        state: &StateAt,
        record: &EventRecord,
    ) -> Result<EventView, RpcError> {
        let event = &record.event;
        let (name, json) = self.told(state, event)?;
        let checkpoint = self.database.checkpoint(record.cursor.height).map_err(storage)?;
        Ok(EventView {
            cursor: Cursor {
                height: record.cursor.height,
                transaction: record.cursor.transaction,
                event: record.cursor.event,
            },
            transaction: record.transaction,
            time_ms: checkpoint.map_or(0, |checkpoint| checkpoint.timestamp_ms),
            module: Address::module(event.module).display(self.prefix()),
            module_name: name,
            name: event.name.clone(),
            topics: event.topics.iter().cloned().map(Bytes).collect(),
            data: Bytes(event.data.clone()),
            json,
        })
    }

    pub(super) fn outcome(
        &self,
        state: &StateAt,
        signed: &SignedTransaction,
        receipt: &Receipt,
        note: Option<&str>,
    ) -> TxOutcome {
        let actions = &signed.transaction.actions;
        match &receipt.outcome {
            Outcome::Success { results } => {
                let results = results.iter().zip(actions).map(|(bytes, action)| ActionResult {
                    bytes: Bytes(bytes.clone()),
                    json: self.result_json(state, action, bytes),
                });
                TxOutcome::Success { results: results.collect() }
            }
            Outcome::Failure { action, code, value } => {
                let error = match value {
                    FailureValue::Error(bytes) => actions
                        .get(usize::from(*action))
                        .and_then(|action| self.action_types(state, action))
                        .and_then(|(_, failure)| self.decode(&failure?, bytes)),
                    _ => None,
                };
                TxOutcome::failure(*action, *code, value, error, note)
            }
            Outcome::Rejected { code } => TxOutcome::rejected(*code),
        }
    }

    fn result_json(
        &self,
        state: &StateAt,
        action: &Action,
        bytes: &[u8],
    ) -> Option<serde_json::Value> {
        match action {
            Action::Transfer { .. }
            | Action::Publish { .. }
            | Action::Cancel { .. }
            | Action::SetOwners { .. }
            | Action::PutKey(_)
            | Action::RemoveKey { .. } => None,
            Action::Change { .. } => {
                let report = codec::decode::<ChangeReport>(bytes, bytes.len()).ok()?;
                serde_json::to_value(ChangeReportView::from(report)).ok()
            }
            Action::Deploy { .. } => {
                let id = AccountId(bytes.try_into().ok()?);
                Some(Address::module(id).display(self.prefix()).into())
            }
            Action::Invoke { .. } => {
                let (success, _) = self.action_types(state, action)?;
                self.decode(&success?, bytes)
            }
        }
    }

    fn decode(&self, ty: &Type, bytes: &[u8]) -> Option<serde_json::Value> {
        value::decode_json(ty, bytes, &Formats::new(self.prefix())).ok()
    }

    /// Types of an action's result and error value, by the interface that its module has now.
    fn action_types(
        &self,
        state: &StateAt,
        action: &Action,
    ) -> Option<(Option<Type>, Option<Type>)> {
        let Action::Invoke { module, function, .. } = action else { return None };
        let record = self.overlay(state).module(module).ok()??;
        let read: &dyn StateRead = state;
        let known = self.interfaces.of(read, &record.code).ok()?;
        let function = known.interface.function(FunctionKind::Command, function).ok()?;
        Some((function.success().cloned(), function.failure().cloned()))
    }
}

/// What this node saw of a transaction that is not executed.
fn tracked(hash: &Hash, progress: &Progress) -> TxStatus {
    let mut status = TxStatus::at_stage(*hash, progress.stage.unwrap_or(Stage::Accepted));
    status.times = progress.times;
    status.block = progress.block.map(Into::into);
    status
}

/// What the core knows of some rounds.
pub fn look_at_rounds(core: &Core, range: RoundRange) -> DagRounds {
    let status = core.status();
    let (from, to) = match range {
        RoundRange::Last(count) => {
            (status.highest_round.saturating_sub(count.saturating_sub(1)), status.highest_round)
        }
        RoundRange::Between(from, to) => (from, to),
    };
    let rounds = core.rounds(from, to).into_iter().map(|view| DagRound {
        round: view.round,
        blocks: view
            .slots
            .iter()
            .flat_map(|slot| &slot.blocks)
            .map(|block| DagBlock {
                author: block.reference.author,
                digest: block.reference.digest,
                time_ms: block.timestamp_ms,
                parents: block
                    .strong_parents
                    .iter()
                    .chain(&block.weak_parents)
                    .map(|parent| (*parent).into())
                    .collect(),
                transactions: block.transactions,
                committed: block.committed,
            })
            .collect(),
        slots: view
            .slots
            .iter()
            .map(|slot| DagSlot {
                author: slot.author,
                status: match slot.status {
                    Decided::Committed(_) => SlotStatus::Committed,
                    Decided::Skipped => SlotStatus::Skipped,
                    Decided::Undecided => SlotStatus::Undecided,
                },
                on_probation: slot.on_probation,
            })
            .collect(),
    });
    DagRounds {
        rounds: rounds.collect(),
        committed_round: status.commit_round,
        round: status.highest_round,
        oldest_round: status.gc_round + 1,
        evidence: core.evidence().map(evidence).collect(),
    }
}

fn evidence(proof: &EquivocationProof) -> DagEvidence {
    DagEvidence { author: proof.author, round: proof.round, blocks: proof.digests() }
}
