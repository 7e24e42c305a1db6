//! What is different when a transaction is run again with other code.

use std::collections::BTreeSet;

use pollen_ledger::execution::{AccountRecord, Namespace, Simulation, StateKey, fees_key};
use pollen_ledger::receipt::{Event, FailureValue, Outcome};
use pollen_ledger::{AccountId, Action, Hash, SignedTransaction, codec};
use pollen_rpc::api::{SimulatedValue, TxTrace};
use pollen_vm::interface::FunctionKind;
use pollen_vm::value::{self, Formats};
use serde_json::{Value, json};

use super::Stage;
use crate::cli::effects;

/// Entries of the state that are told by name.
const CHANGES_SHOWN: usize = 12;

/// A transaction, as it was and with the new code.
pub struct Compared {
    hash: Hash,
    place: String,
    call: String,
    /// How it ended, and ends.
    outcome: [Value; 2],
    fuel: [u64; 2],
    events: [Vec<Value>; 2],
    /// Entries that stand otherwise after it.
    changes: Vec<(String, [Option<SimulatedValue>; 2])>,
    note: Option<String>,
}

impl Compared {
    pub(super) fn of(
        stage: &Stage,
        traced: &TxTrace,
        signed: &SignedTransaction,
        before: &Simulation,
        after: Result<Simulation, String>,
    ) -> Self {
        let told = |outcome: &Outcome| stage.outcome(outcome, signed);
        let events = |simulation: &Simulation| {
            simulation.receipt.events.iter().map(|event| stage.event(event)).collect::<Vec<_>>()
        };
        let (after_outcome, after_fuel, after_events, changes, note) = match &after {
            Ok(after) => (
                told(&after.receipt.outcome),
                after.receipt.fuel_used,
                events(after),
                differing(signed.transaction.fee_payer(), before, after),
                after.note.clone(),
            ),
            Err(reason) => (json!({ "traceless": reason }), 0, Vec::new(), Vec::new(), None),
        };
        let failed = !matches!(&after, Ok(after) if matches!(after.receipt.outcome, Outcome::Success { .. }));
        Self {
            hash: traced.effects.hash,
            place: format!("{}.{}", traced.height, traced.index),
            call: traced.effects.preview.actions.join("; "),
            outcome: [told(&before.receipt.outcome), after_outcome],
            fuel: [before.receipt.fuel_used, after_fuel],
            events: [events(before), after_events],
            changes,
            note: note.filter(|_| failed),
        }
    }

    /// Whether nothing but fuel differs.
    pub fn is_same(&self) -> bool {
        let [outcome, events] =
            [self.outcome[0] == self.outcome[1], self.events[0] == self.events[1]];
        outcome && events && self.changes.is_empty()
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let pair = |[before, after]: &[Value; 2]| json!({ "before": before, "after": after });
        let [before, after] = self.fuel.map(|fuel| Value::from(fuel.to_string()));
        let [events_before, events_after] = &self.events;
        let changes = self.changes.iter().map(
            |(entry, [before, after])| json!({ "entry": entry, "before": before, "after": after }),
        );
        json!({
            "hash": self.hash,
            "at": self.place,
            "call": self.call,
            "same": self.is_same(),
            "outcome": pair(&self.outcome),
            "fuel": { "before": before, "after": after },
            "events": { "before": events_before, "after": events_after },
            "changes": changes.collect::<Vec<_>>(),
            "note": self.note,
        })
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = format!("{} at {}\n  {}\n", self.hash, self.place, self.call);
        text += &format!("  fuel     {}\n", self.fuel_text());
        if self.is_same() {
            return text + "  result, events and state are the same\n";
        }
        let [before, after] = &self.outcome;
        if before != after {
            text += &format!("  result   {before} -> {after}\n");
        }
        let [before, after] = &self.events;
        if before != after {
            for (sign, events) in [('-', before), ('+', after)] {
                for event in events {
                    text += &format!("  event  {sign} {event}\n");
                }
            }
        }
        for (entry, [before, after]) in self.changes.iter().take(CHANGES_SHOWN) {
            let shown = |value: &Option<SimulatedValue>| match value {
                None => "nothing".to_owned(),
                Some(SimulatedValue { bytes: Some(bytes), .. }) => effects::value(&bytes.0),
                Some(SimulatedValue { length, bytes: None }) => format!("{length} bytes"),
            };
            text += &format!("  state    {entry}: {} -> {}\n", shown(before), shown(after));
        }
        if self.changes.len() > CHANGES_SHOWN {
            text += &format!("  state    and {} more\n", self.changes.len() - CHANGES_SHOWN);
        }
        if let Some(note) = &self.note {
            text += &format!("  {}\n", note.trim_end().replace('\n', "\n  "));
        }
        text
    }

    fn fuel_text(&self) -> String {
        let [before, after] = self.fuel;
        let share = (after as f64 / before.max(1) as f64 - 1.0) * 100.0;
        format!("{before} -> {after} ({share:+.1} %)")
    }
}

/// All of a rehearsal: those that differ in full.
pub fn summary(module: &str, compared: &[Compared], passed_over: usize) -> String {
    let differ: Vec<&Compared> = compared.iter().filter(|one| !one.is_same()).collect();
    let mut text: String = differ.iter().map(|one| one.text() + "\n").collect();
    let total = |which: usize| compared.iter().map(|one| one.fuel[which]).sum::<u64>();
    let (before, after) = (total(0), total(1));
    let share = (after as f64 / before.max(1) as f64 - 1.0) * 100.0;
    text += &format!(
        "{} transaction{} of {module} run again: {} as before, {} otherwise; fuel {before} -> {after} ({share:+.1} %)\n",
        compared.len(),
        if compared.len() == 1 { "" } else { "s" },
        compared.len() - differ.len(),
        differ.len()
    );
    if passed_over > 0 {
        text +=
            &format!("{passed_over} could not be run again: their history is not kept any more\n");
    }
    text
}

/// Entries that do not stand alike after both: what was changed by one only, or to another value. What follows from the
/// fuel alone is left out: the fee, and what it takes of its payer's balance and of a key's allowance.
fn differing(
    payer: &AccountId,
    before: &Simulation,
    after: &Simulation,
) -> Vec<(String, [Option<SimulatedValue>; 2])> {
    let changed = before.changes.iter().chain(&after.changes);
    let keys: BTreeSet<&StateKey> = changed
        .map(|change| &change.key)
        .filter(|key| **key != fees_key() && !key.is_of(Namespace::KeyUses))
        .collect();
    let payer = StateKey::account(payer);
    let left = |simulation: &Simulation, key: &StateKey| {
        let change = simulation.changes.iter().find(|change| change.key == *key)?;
        let mut value = change.after.clone()?.to_vec();
        if *key == payer
            && let Ok(mut account) = codec::decode::<AccountRecord>(&value, value.len())
        {
            account.balance = account.balance.saturating_add(simulation.receipt.fee);
            value = codec::encode(&account);
        }
        Some(value)
    };
    let is_changed = |simulation: &Simulation, key: &StateKey| {
        simulation.changes.iter().any(|change| change.key == *key)
    };
    let differs = keys.into_iter().filter_map(|key| {
        let (one, other) = (left(before, key), left(after, key));
        // The payer's own entry is changed by any fee.
        let both = is_changed(before, key) == is_changed(after, key);
        (one != other || !both).then(|| {
            let view = |value: Option<Vec<u8>>| value.map(|value| SimulatedValue::of(&value));
            let entry = effects::entry(&Hash(key.owner.0), &key.key);
            (entry, [view(one), view(other)])
        })
    });
    differs.collect()
}

impl Stage {
    /// By the new code's interface where it knows the function.
    fn outcome(&self, outcome: &Outcome, signed: &SignedTransaction) -> Value {
        let action = |index: usize| signed.transaction.actions.get(index);
        let function = |action: Option<&Action>| match action {
            Some(Action::Invoke { function, .. }) => {
                self.interface.function(FunctionKind::Command, function).ok()
            }
            _ => None,
        };
        let formats = Formats::new(&self.prefix);
        match outcome {
            Outcome::Success { results } => {
                let result = |(index, bytes): (usize, &Vec<u8>)| {
                    let ty = function(action(index)).and_then(|function| function.success());
                    let json = ty.and_then(|ty| value::decode_json(ty, bytes, &formats).ok());
                    json.unwrap_or_else(|| match bytes.is_empty() {
                        true => Value::Null,
                        false => format!("0x{}", hex::encode(bytes)).into(),
                    })
                };
                let mut results: Vec<Value> = results.iter().enumerate().map(result).collect();
                match results.len() {
                    1 => results.remove(0),
                    _ => results.into(),
                }
            }
            Outcome::Failure { action: index, code, value } => {
                let error = match value {
                    FailureValue::None => Value::Null,
                    FailureValue::Error(bytes) => {
                        let ty = function(action(usize::from(*index)))
                            .and_then(|function| function.failure());
                        ty.and_then(|ty| value::decode_json(ty, bytes, &formats).ok())
                            .unwrap_or_else(|| format!("0x{}", hex::encode(bytes)).into())
                    }
                    FailureValue::Message(message) => message.as_str().into(),
                };
                json!({ "failed": code.name(), "error": error })
            }
            Outcome::Rejected { code } => json!({ "rejected": code.name() }),
        }
    }

    fn event(&self, event: &Event) -> Value {
        let decoded = self.interface.event(&event.name).filter(|_| event.module == self.module);
        let data = decoded.and_then(|ty| {
            value::decode_json(&ty.ty, &event.data, &Formats::new(&self.prefix)).ok()
        });
        json!({
            "name": event.name,
            "data": data.unwrap_or_else(|| format!("0x{}", hex::encode(&event.data)).into()),
        })
    }
}
