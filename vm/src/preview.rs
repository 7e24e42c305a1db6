//! A transaction in words, for who is asked to sign it.
//!
//! The words come from the signed bytes and the module's own interface, and from nothing that whoever built the
//! transaction says of it. The TypeScript client writes the very same text: `tests/vectors/previews.json` holds
//! both to it. Everything that a stranger chose is shown so that it can move no cursor and hide nothing
//! ([`quoted`]).

use pollen_ledger::keys::{ScopeWindow, ScopedKey};
use pollen_ledger::policy::{ModuleChange, UpgradePolicy};
use pollen_ledger::transaction::{Action, Transaction};
use pollen_ledger::{AccountId, Address, Hash};
use serde::{Deserialize, Serialize};

use crate::interface::{Function, FunctionKind, Interface, Type};
use crate::value::{self, Formats, quoted, show_amount, show_moment};

/// What is known of a module that a transaction names.
#[derive(Debug, Clone, Copy)]
pub struct KnownModule<'a> {
    /// The name that it is registered under.
    pub name: Option<&'a str>,
    /// What it can be asked.
    pub interface: &'a Interface,
    /// Hash of the interface's description: what a call pins.
    pub interface_hash: Hash,
}

/// A transaction in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// What it does: a sentence per action, in order, without a full stop.
    pub actions: Vec<String>,
    /// Who asks, what it costs at most and who pays, until when it is valid.
    pub terms: Vec<String>,
}

impl Preview {
    /// Of a transaction on the network of `prefix`. `known` finds what is known of a module.
    pub fn of<'a>(
        transaction: &Transaction,
        prefix: &str,
        known: &dyn Fn(&AccountId) -> Option<KnownModule<'a>>,
    ) -> Self {
        let writer = Writer { prefix, known, sender: transaction.sender };
        let sender = writer.account(&transaction.sender);
        let payer =
            transaction.payer.map_or_else(|| sender.clone(), |payer| writer.account(&payer));
        Self {
            actions: transaction.actions.iter().map(|action| writer.action(action)).collect(),
            terms: vec![
                format!("For {sender}"),
                format!("Fee at most {}, paid by {payer}", show_amount(transaction.max_fee())),
                format!("Valid until {}", show_moment(transaction.valid_until_ms)),
            ],
        }
    }

    /// All of it, a line each.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.actions.iter().chain(&self.terms).map(String::as_str)
    }
}

struct Writer<'w, 'a> {
    prefix: &'w str,
    known: &'w dyn Fn(&AccountId) -> Option<KnownModule<'a>>,
    sender: AccountId,
}

impl Writer<'_, '_> {
    fn account(&self, id: &AccountId) -> String {
        Address::account(*id).display(self.prefix)
    }

    /// Its registered name, which is its own for good; else its address.
    fn module(&self, id: &AccountId) -> String {
        let name = (self.known)(id).and_then(|module| module.name);
        name.map_or_else(|| Address::module(*id).display(self.prefix), str::to_owned)
    }

    fn action(&self, action: &Action) -> String {
        let sender = || self.account(&self.sender);
        match action {
            Action::Transfer { to, amount } => {
                format!("Send {} from {} to {}", show_amount(*amount), sender(), self.account(to))
            }
            Action::Deploy { code, name, arguments, upgrade } => {
                let name =
                    name.as_ref().map_or_else(String::new, |name| format!(" as {}", bare(name)));
                let arguments = given("init arguments", arguments);
                format!("Deploy code {code}{name}{arguments}; {}", self.policy(upgrade))
            }
            Action::Invoke { module, function, arguments, deposit, interface } => {
                let call = self.call(module, function, arguments, interface.as_ref());
                match deposit {
                    0 => call,
                    deposit => format!("{call}, sending {}", show_amount(*deposit)),
                }
            }
            Action::Publish { code } => format!("Publish code {code}"),
            Action::Change { module, change } => self.change(module, change),
            Action::Cancel { module, change } => {
                format!("Take back the agreement to change {change} of {}", self.module(module))
            }
            Action::SetOwners { threshold, owners } => {
                let owners =
                    owners.iter().map(|owner| format!("{} (weight {})", owner.key, owner.weight));
                let owners = list(owners, "nobody");
                format!(
                    "Give {} the owners {owners}; transactions need weight {threshold}",
                    sender()
                )
            }
            Action::PutKey(key) => self.scoped_key(key),
            Action::RemoveKey { key } => format!("Take key {key} from {}", sender()),
        }
    }

    fn call(
        &self,
        module: &AccountId,
        function: &str,
        arguments: &[u8],
        pin: Option<&Hash>,
    ) -> String {
        let known = (self.known)(module);
        let start = format!("Call {}.{}", self.module(module), bare(function));
        let Some(KnownModule { interface, interface_hash, .. }) = known else {
            return format!("{start}{}; its interface is not known", given("arguments", arguments));
        };
        if pin.is_some_and(|pin| *pin != interface_hash) {
            let arguments = given("arguments", arguments);
            return format!(
                "{start}{arguments}; made from another interface, so the ledger refuses it"
            );
        }
        match interface.function(FunctionKind::Command, function) {
            Ok(function) => format!("{start}{}", self.arguments(function, arguments)),
            Err(_) => format!("{start}{}; it has no such function", given("arguments", arguments)),
        }
    }

    fn arguments(&self, function: &Function, arguments: &[u8]) -> String {
        let is_module = |id: &AccountId| (self.known)(id).is_some();
        let formats = Formats { is_module: Some(&is_module), ..Formats::new(self.prefix) };
        match value::show_each(&function.params, arguments, &formats) {
            Err(error) => format!("{}; they are wrong: {error}", given("arguments", arguments)),
            Ok(shown) => {
                let word = |((name, ty), shown): (&(String, Type), String)| match ty {
                    Type::String => format!("{name} {}", bare_again(shown)),
                    _ => format!("{name} {shown}"),
                };
                match function.params.is_empty() {
                    true => String::new(),
                    false => {
                        let words: Vec<String> =
                            function.params.iter().zip(shown).map(word).collect();
                        format!(" with {}", words.join(", "))
                    }
                }
            }
        }
    }

    fn policy(&self, policy: &UpgradePolicy) -> String {
        let after = |delay_ms: u64| match delay_ms {
            0 => String::new(),
            delay_ms => format!(" after {}", span(delay_ms)),
        };
        match policy {
            UpgradePolicy::Never => "nobody can ever change it".to_owned(),
            UpgradePolicy::Itself => "only it can change itself".to_owned(),
            UpgradePolicy::Owner { delay_ms } => {
                format!("its owner can change it{}", after(*delay_ms))
            }
            UpgradePolicy::Keys { threshold, keys, delay_ms } => {
                let keys = keys
                    .iter()
                    .map(|key| format!("{} (weight {})", self.account(&key.account), key.weight));
                let keys = list(keys, "nobody");
                format!("weight {threshold} of {keys} can change it{}", after(*delay_ms))
            }
        }
    }

    fn change(&self, module: &AccountId, change: &ModuleChange) -> String {
        let module = self.module(module);
        match change {
            ModuleChange::Upgrade { code, arguments } => {
                format!("Upgrade {module} to code {code}{}", given("migrate arguments", arguments))
            }
            ModuleChange::Policy(policy) => {
                format!("Change who may change {module}: {}", self.policy(policy))
            }
            ModuleChange::Pause => format!("Pause {module}"),
            ModuleChange::Resume => format!("Resume {module}"),
        }
    }

    fn scoped_key(&self, key: &ScopedKey) -> String {
        let scope = &key.scope;
        let mut may: Vec<String> = scope
            .calls
            .iter()
            .map(|call| {
                let module = self.module(&call.module);
                match call.functions.is_empty() {
                    true => format!("call all of {module}"),
                    false => {
                        let functions =
                            call.functions.iter().map(|name| format!("{module}.{}", bare(name)));
                        format!("call {}", list(functions, ""))
                    }
                }
            })
            .collect();
        may.extend(scope.transfers.then(|| "send to anybody".to_owned()));
        may.extend(scope.sponsors.then(|| "pay fees of others".to_owned()));
        let mut limits: Vec<String> = Vec::new();
        limits.extend(scope.spend_max.map(|most| format!("at most {} in all", show_amount(most))));
        if let Some(ScopeWindow { length_ms, spend_max, transactions_max }) = scope.window {
            let each = format!("in each {}", span(length_ms));
            limits.extend(spend_max.map(|most| format!("at most {} {each}", show_amount(most))));
            limits
                .extend(transactions_max.map(|most| format!("at most {most} transactions {each}")));
        }
        limits.extend(
            scope.expires_ms.map(|expires_ms| format!("until {}", show_moment(expires_ms))),
        );
        let label = match key.label.as_str() {
            "" => String::new(),
            label => format!(" {}", quoted(label)),
        };
        let may = list(may.into_iter(), "do nothing");
        let limits = list(limits.into_iter(), "without limit");
        format!("Let key {}{label} of {} {may}; {limits}", key.key, self.account(&self.sender))
    }
}

/// `, with arguments 0x..` of bytes whose types nobody knows; nothing of none.
fn given(what: &str, bytes: &[u8]) -> String {
    match bytes {
        [] => String::new(),
        bytes => format!(" with {what} {}", value::show_bytes(bytes)),
    }
}

fn list(items: impl Iterator<Item = String>, none: &str) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() { none.to_owned() } else { items.join(", ") }
}

/// A text as it is where it is one plain word, else in quotes.
fn bare(text: &str) -> String {
    let plain = |letter: u8| letter.is_ascii_alphanumeric() || b"-_./:@".contains(&letter);
    match !text.is_empty() && text.bytes().all(plain) {
        true => text.to_owned(),
        false => quoted(text),
    }
}

/// [`bare`] of a text that is in quotes already. What was escaped has a `\`, and so stays.
fn bare_again(shown: String) -> String {
    let inside = shown.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match inside {
        Some(inside) if bare(inside) == inside => inside.to_owned(),
        _ => shown,
    }
}

/// A length of time in the largest unit that it is a whole number of: `36 h`, `90 s`.
fn span(ms: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")];
    let unit = UNITS.iter().find(|(unit, _)| ms > 0 && ms.is_multiple_of(*unit));
    unit.map_or_else(|| format!("{ms} ms"), |(unit, name)| format!("{} {name}", ms / unit))
}

#[cfg(test)]
mod tests;
