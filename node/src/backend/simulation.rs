//! What a transaction says and would do, before it is sent.

use pollen_ledger::execution::{
    CallContext, CallTrace, KeyChange, KeyRead, Simulation, StateKey, StateRead, admission,
    position, simulate,
};
use pollen_ledger::module::ModuleEngine;
use pollen_ledger::store::StateAt;
use pollen_ledger::transaction::fee;
use pollen_ledger::{AccountId, Action, Address, Hash, SignedTransaction};
use pollen_rpc::api::{
    Answer, AttachmentView, Bytes, Cursor, EventView, FeeEstimate, Preview, ReadAt,
    SIMULATED_KEYS_MAX, SignatureView, SimulatedCall, SimulatedChange, SimulatedRead,
    SimulatedRefusal, SimulatedValue, TransactionView, TxPreview, TxSimulation,
};
use pollen_rpc::backend::Trial;
use pollen_rpc::error::RpcError;
use pollen_vm::preview::{self, KnownModule};
use pollen_vm::value::{self, Formats};

use super::interfaces::Known;
use super::{Parts, Reading, storage};

/// Fuel beyond what a transaction would use now that an estimate offers: a quarter, since the state moves on.
const SPARE_FUEL: u64 = 4;

/// Where a transaction is, or would be.
pub(super) struct Place {
    pub(super) height: u64,
    pub(super) index: u32,
    pub(super) time_ms: u64,
}

/// Of a transaction that does nothing.
pub(super) fn empty(hash: Hash, preview: Preview) -> TxSimulation {
    TxSimulation {
        hash,
        refusal: None,
        outcome: None,
        fuel_used: 0,
        fee: 0,
        events: Vec::new(),
        note: None,
        calls: Vec::new(),
        reads: Vec::new(),
        changes: Vec::new(),
        preview,
    }
}

/// A module that a transaction names.
struct Named {
    id: AccountId,
    name: Option<String>,
    known: std::sync::Arc<Known>,
}

impl Parts {
    pub(super) fn tx_preview(&self, trial: &Trial) -> Result<Answer<TxPreview>, RpcError> {
        let reading = self.reading(trial.at)?;
        let signed = &trial.signed;
        signed.check_shape(&self.genesis.parameters)?;
        let hash = signed.transaction.id(&self.network.chain_id);
        let attachment = |bytes: &Vec<u8>| AttachmentView {
            hash: Hash::of_content(bytes),
            bytes: bytes.len() as u32,
        };
        let value = TxPreview {
            hash,
            preview: self.in_words(&reading.state, signed)?,
            transaction: TransactionView::of(&signed.transaction, &hash, self.prefix()),
            signatures: if trial.is_signed { self.signatures(signed) } else { Vec::new() },
            attachments: signed.attachments.iter().map(attachment).collect(),
        };
        Ok(Answer::new(reading.at, value))
    }

    fn signatures(&self, signed: &SignedTransaction) -> Vec<SignatureView> {
        let bytes = signed.transaction.signing_bytes(&self.network.chain_id);
        let first = (&signed.transaction.key, &signed.signature);
        let others = signed.cosignatures.iter().map(|one| (&one.public_key, &one.signature));
        let look = |(key, signature): (&pollen_ledger::PublicKey, _)| SignatureView {
            key: *key,
            good: key.verify(&bytes, signature),
        };
        std::iter::once(first).chain(others).map(look).collect()
    }

    /// A transaction in words, by the interfaces that its modules have in `state`.
    pub(super) fn in_words(
        &self,
        state: &StateAt,
        signed: &SignedTransaction,
    ) -> Result<Preview, RpcError> {
        let overlay = self.overlay(state);
        let mut modules = Vec::new();
        for id in named_modules(&signed.transaction.actions) {
            let Some(record) = overlay.module(&id).map_err(storage)? else { continue };
            let known = self.interfaces.of(state, &record.code)?;
            modules.push(Named { id, name: record.name, known });
        }
        let find = |id: &AccountId| {
            let Named { name, known, .. } = modules.iter().find(|module| module.id == *id)?;
            let (name, interface) = (name.as_deref(), &known.interface);
            let interface_hash = Hash::of_content(&known.package);
            Some(KnownModule { name, interface, interface_hash })
        };
        let preview::Preview { actions, terms } =
            preview::Preview::of(&signed.transaction, self.prefix(), &find);
        Ok(Preview { actions, terms })
    }

    pub(super) fn tx_simulate(&self, trial: &Trial) -> Result<Answer<TxSimulation>, RpcError> {
        let reading = self.reading(trial.at)?;
        let signed = &trial.signed;
        signed.check_shape(&self.genesis.parameters)?;
        let hash = signed.transaction.id(&self.network.chain_id);
        let preview = self.in_words(&reading.state, signed)?;
        let ledger_time_ms = reading.checkpoint.timestamp_ms;
        let parameters = &self.genesis.parameters;
        let admitted = admission::check(&reading.state, parameters, signed, ledger_time_ms);
        let refusal = admitted.map_err(storage)?.err().map(|refusal| SimulatedRefusal {
            code: i32::from(refusal.number()),
            name: refusal.name().to_owned(),
            message: refusal.to_string(),
            hint: refusal.hint(),
        });
        let mut value = TxSimulation { refusal, ..empty(hash, preview) };
        let height = reading.checkpoint.height + 1;
        let place = Place { height, index: 0, time_ms: ledger_time_ms };
        match self.simulation(&reading, signed, hash)? {
            Ok(simulation) => {
                self.show_simulation(&reading.state, place, signed, simulation, &mut value)?;
            }
            Err(reason) => value.note = Some(reason),
        }
        Ok(Answer::new(reading.at, value))
    }

    /// The inner error: why it would leave no trace.
    fn simulation(
        &self,
        reading: &Reading,
        signed: &SignedTransaction,
        id: Hash,
    ) -> Result<Result<Simulation, String>, RpcError> {
        let context = CallContext {
            chain_id: self.network.chain_id,
            transaction: id,
            signer: signed.transaction.sender,
            by_scoped_key: false,
            time_ms: reading.checkpoint.timestamp_ms,
            round: 0,
            commit: reading.checkpoint.commit_digest,
            position: position(reading.checkpoint.commit_index + 1, 0),
        };
        let engine: &dyn ModuleEngine = self.engine.as_ref();
        let parameters = &self.genesis.parameters;
        let simulated = simulate(&reading.state, engine, parameters, signed, context);
        Ok(simulated.map_err(storage)?.map_err(|reason| reason.to_string()))
    }

    /// What a transaction does, by the interfaces in `state`.
    pub(super) fn show_simulation(
        &self,
        state: &StateAt,
        place: Place,
        signed: &SignedTransaction,
        simulation: Simulation,
        into: &mut TxSimulation,
    ) -> Result<(), RpcError> {
        let Simulation { receipt, note, reads, changes, calls } = simulation;
        for (index, event) in (0..).zip(&receipt.events) {
            let (module_name, json) = self.told(state, event)?;
            into.events.push(EventView {
                cursor: Cursor { height: place.height, transaction: place.index, event: index },
                transaction: into.hash,
                time_ms: place.time_ms,
                module: Address::module(event.module).display(self.prefix()),
                module_name,
                name: event.name.clone(),
                topics: event.topics.iter().cloned().map(Bytes).collect(),
                data: Bytes(event.data.clone()),
                json,
            });
        }
        into.outcome = Some(self.outcome(state, signed, &receipt, note.as_deref()));
        (into.fuel_used, into.fee, into.note) = (receipt.fuel_used, receipt.fee, note);
        for call in calls {
            into.calls.push(self.call_view(state, call)?);
        }
        into.reads = reads.into_iter().take(SIMULATED_KEYS_MAX).map(read_view).collect();
        into.changes = changes.into_iter().take(SIMULATED_KEYS_MAX).map(change_view).collect();
        Ok(())
    }

    fn call_view(&self, state: &StateAt, call: CallTrace) -> Result<SimulatedCall, RpcError> {
        let record = self.overlay(state).module(&call.module).map_err(storage)?;
        Ok(SimulatedCall {
            depth: call.depth as u32,
            module: Address::module(call.module).display(self.prefix()),
            module_name: record.and_then(|record| record.name),
            function: call.function,
            fuel_used: call.fuel_used,
            failed: call.failed.map(|code| code.name().to_owned()),
        })
    }

    pub(super) fn tx_fee_estimate(
        &self,
        trial: Option<&Trial>,
        at: ReadAt,
    ) -> Result<Answer<FeeEstimate>, RpcError> {
        let reading = self.reading(at)?;
        let parameters = &self.genesis.parameters;
        // A pool takes transactions in by their coming, not by their price: more than the floor buys nothing.
        let price = parameters.fuel_price_floor;
        let mut estimate = FeeEstimate {
            fuel_price_floor: price,
            fuel_price: price,
            fuel_used: None,
            max_fuel: None,
            fee: None,
            max_fee: None,
        };
        if let Some(trial) = trial {
            let mut signed = trial.signed.clone();
            signed.check_shape(parameters)?;
            // As if it offered all that may be, so that it does not end for want of fuel.
            let tx = &mut signed.transaction;
            (tx.max_fuel, tx.fuel_price) = (parameters.transaction_fuel_max, price);
            let balance = self.overlay(&reading.state).account(tx.fee_payer()).map_err(storage)?;
            let payable = balance.unwrap_or_default().balance;
            let most = payable.saturating_mul(1_000) / price.max(1);
            tx.max_fuel = tx.max_fuel.min(most).max(1);
            let id = tx.id(&self.network.chain_id);
            // What its payer cannot pay for is not run and uses nothing, which says nothing of what it would.
            if let Ok(simulation) = self.simulation(&reading, &signed, id)?
                && simulation.receipt.fuel_used > 0
            {
                let used = simulation.receipt.fuel_used;
                let spare = used / SPARE_FUEL;
                let max_fuel = used.saturating_add(spare).min(parameters.transaction_fuel_max);
                estimate.fuel_used = Some(used);
                estimate.max_fuel = Some(max_fuel);
                estimate.fee = Some(fee(used, price));
                estimate.max_fee = Some(fee(max_fuel, price));
            }
        }
        Ok(Answer::new(reading.at, estimate))
    }

    /// The name of an event's module, and its data by the module's interface.
    pub(super) fn told(
        &self,
        state: &StateAt,
        event: &pollen_ledger::receipt::Event,
    ) -> Result<(Option<String>, Option<serde_json::Value>), RpcError> {
        let Some(module) = self.overlay(state).module(&event.module).map_err(storage)? else {
            return Ok((None, None));
        };
        let read: &dyn StateRead = state;
        let known = self.interfaces.of(read, &module.code)?;
        let formats = Formats::new(self.prefix());
        let json = known
            .interface
            .event(&event.name)
            .and_then(|ty| value::decode_json(&ty.ty, &event.data, &formats).ok());
        Ok((module.name, json))
    }
}

/// Modules that actions name, each once.
fn named_modules(actions: &[Action]) -> Vec<AccountId> {
    let mut named: Vec<AccountId> = Vec::new();
    for action in actions {
        match action {
            Action::Invoke { module, .. }
            | Action::Change { module, .. }
            | Action::Cancel { module, .. } => named.push(*module),
            Action::PutKey(key) => named.extend(key.scope.calls.iter().map(|call| call.module)),
            _ => {}
        }
    }
    named.sort();
    named.dedup();
    named
}

fn parts(key: StateKey) -> (Hash, Bytes) {
    (Hash(key.owner.0), Bytes(key.key))
}

fn read_view(read: KeyRead) -> SimulatedRead {
    let (owner, key) = parts(read.key);
    SimulatedRead { owner, key, value: read.value.map(|value| SimulatedValue::of(&value)) }
}

fn change_view(change: KeyChange) -> SimulatedChange {
    let (owner, key) = parts(change.key);
    let view = |value: Option<pollen_ledger::execution::Value>| {
        value.map(|value| SimulatedValue::of(&value))
    };
    SimulatedChange { owner, key, before: view(change.before), after: view(change.after) }
}
