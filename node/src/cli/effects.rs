//! What a transaction does, for people: calls with their fuel, reads and changes of the state, events. Of one that was
//! executed and of one that is only tried.

use std::collections::BTreeMap;

use pollen_ledger::execution::AccountRecord;
use pollen_ledger::{AccountId, Address, Hash, codec};
use pollen_rpc::api::{Bytes, Preview, SimulatedCall, SimulatedValue, TxSimulation};

use super::look;
use super::output::{self, pollen};

/// Bytes of a key or value that are shown.
const SHOWN_BYTES: usize = 20;
/// Namespaces of the ledger, by the number in their last byte (docs/storage.md).
const NAMESPACES: [&str; 11] = [
    "", "account", "nonces", "module", "name", "ledger", "code", "version", "change", "keys",
    "key use",
];

/// Whether it happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tense {
    /// It was executed.
    Did,
    /// It was only tried.
    Would,
}

/// Everything about it, in lines. `prefix` is that of the chain's addresses.
pub fn text(effects: &TxSimulation, prefix: &str, tense: Tense) -> String {
    let Preview { actions, terms } = &effects.preview;
    let mut text: String = actions.iter().chain(terms).map(|line| format!("{line}\n")).collect();
    let (ends, traceless) = match tense {
        Tense::Did => ("ended in", "left no trace"),
        Tense::Would => ("would end in", "would leave no trace"),
    };
    text += &match &effects.outcome {
        None => format!("\n{traceless}\n"),
        Some(outcome) => format!("\n{ends} {}\n", look::outcome_text(outcome)),
    };
    text += &output::pairs([("fuel", effects.fuel_used.to_string()), ("fee", pollen(effects.fee))]);
    let names = Names::of(&effects.calls, prefix);
    if !effects.calls.is_empty() {
        text += &format!("\n{}\n", calls(effects));
    }
    for event in &effects.events {
        text += &format!("event {}\n", look::event_text(event));
    }
    if !effects.changes.is_empty() {
        let rows = effects.changes.iter().map(|change| {
            let is_account = names.is_account(&change.owner);
            let value = |value: &Option<SimulatedValue>| shown(value.as_ref(), is_account);
            [names.entry(&change.owner, &change.key), value(&change.before), value(&change.after)]
        });
        text += &format!("\n{}\n", output::table(["CHANGES", "BEFORE", "AFTER"], rows));
    }
    if !effects.reads.is_empty() {
        let rows = effects.reads.iter().map(|read| {
            let is_account = names.is_account(&read.owner);
            [names.entry(&read.owner, &read.key), shown(read.value.as_ref(), is_account)]
        });
        text += &format!("\n{}\n", output::table(["READS", "VALUE"], rows));
    }
    if let Some(note) = &effects.note {
        text += &format!("\n{}\n", note.trim_end());
    }
    text
}

/// The tree of calls: of each the fuel with what it called, and its own.
fn calls(effects: &TxSimulation) -> String {
    let calls = &effects.calls;
    let rows = calls.iter().enumerate().map(|(index, call)| {
        let failed = call.failed.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
        let indent = "  ".repeat(call.depth as usize);
        let module = call.module_name.as_ref().unwrap_or(&call.module);
        [
            format!("{indent}{module}.{}{failed}", call.function),
            call.fuel_used.to_string(),
            own_fuel(calls, index).to_string(),
        ]
    });
    let in_calls: u64 =
        calls.iter().filter(|call| call.depth == 0).map(|call| call.fuel_used).sum();
    let rest = effects.fuel_used.saturating_sub(in_calls).to_string();
    let ledger = ["the ledger's own".to_owned(), rest.clone(), rest];
    output::table(["CALLS", "FUEL", "OWN"], rows.chain([ledger]))
}

/// Fuel of a call without that of the calls inside it. Calls stand in the order in which they began.
pub fn own_fuel(calls: &[SimulatedCall], index: usize) -> u64 {
    let call = &calls[index];
    let inside = calls[index + 1..].iter().take_while(|inner| inner.depth > call.depth);
    let direct = inside.filter(|inner| inner.depth == call.depth + 1);
    call.fuel_used.saturating_sub(direct.map(|inner| inner.fuel_used).sum())
}

/// An entry by its owner and key, where nobody's name is known.
pub fn entry(owner: &Hash, key: &[u8]) -> String {
    match Names::namespace(owner) {
        Some(namespace) => format!("{namespace} {}", bytes(key)),
        None => format!("module {}.. {}", &owner.to_string()[..8], bytes(key)),
    }
}

/// What people call the owners of entries.
struct Names<'a> {
    prefix: &'a str,
    modules: BTreeMap<Hash, String>,
}

impl<'a> Names<'a> {
    fn of(calls: &[SimulatedCall], prefix: &'a str) -> Self {
        let named = calls.iter().filter_map(|call| {
            let id = Address::parse(&call.module, prefix).ok()?.id;
            Some((Hash(id.0), call.module_name.clone().unwrap_or_else(|| call.module.clone())))
        });
        Self { prefix, modules: named.collect() }
    }

    fn namespace(owner: &Hash) -> Option<&'static str> {
        let (number, zeros) = owner.0.split_last().expect("a hash has 32 bytes");
        let is_ledgers = zeros.iter().all(|byte| *byte == 0);
        NAMESPACES.get(usize::from(*number)).copied().filter(|name| is_ledgers && !name.is_empty())
    }

    fn is_account(&self, owner: &Hash) -> bool {
        Self::namespace(owner) == Some(NAMESPACES[1])
    }

    fn entry(&self, owner: &Hash, key: &Bytes) -> String {
        match (Self::namespace(owner), <[u8; 32]>::try_from(key.0.as_slice())) {
            (Some("account" | "keys"), Ok(id)) => {
                format!("account {}", Address::account(AccountId(id)).display(self.prefix))
            }
            (Some("module"), Ok(id)) => {
                let known = self.modules.get(&Hash(id)).cloned();
                let address = || Address::module(AccountId(id)).display(self.prefix);
                format!("module {}", known.unwrap_or_else(address))
            }
            (Some(namespace), _) => format!("{namespace} {}", bytes(&key.0)),
            (None, _) => match self.modules.get(owner) {
                Some(name) => format!("{name} {}", bytes(&key.0)),
                None => {
                    let module = Address::module(AccountId(owner.0)).display(self.prefix);
                    format!("{module} {}", bytes(&key.0))
                }
            },
        }
    }
}

fn shown(told: Option<&SimulatedValue>, is_account: bool) -> String {
    let Some(told) = told else { return "-".to_owned() };
    let Some(bytes_of) = &told.bytes else { return format!("{} bytes", told.length) };
    let account = || codec::decode::<AccountRecord>(&bytes_of.0, bytes_of.0.len()).ok();
    match is_account.then(account).flatten() {
        Some(account) => pollen(account.balance),
        None => value(&bytes_of.0),
    }
}

/// A value of which nobody knows the type: eight bytes are shown as the number that they most often are, too.
pub fn value(value: &[u8]) -> String {
    match <[u8; 8]>::try_from(value) {
        Ok(number) => format!("{} = {}", bytes(value), u64::from_le_bytes(number)),
        Err(_) => bytes(value),
    }
}

/// Text as it is where it can be read, else digits; the beginning of what is long.
pub fn bytes(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(SHOWN_BYTES)];
    let is_text = !bytes.is_empty() && shown.iter().all(|byte| (0x20..0x7f).contains(byte));
    let text = match is_text {
        true => format!("\"{}\"", String::from_utf8_lossy(shown)),
        false => format!("0x{}", hex::encode(shown)),
    };
    match bytes.len() > SHOWN_BYTES {
        true => format!("{text}.. ({} bytes)", bytes.len()),
        false => text,
    }
}
