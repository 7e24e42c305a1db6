//! `pollen test-host`: the real ledger and the real module host in this process, for a module's tests.
//!
//! The crate `pollen-harness` starts it and tells it what to do: it says first who it is, then answers one JSON object
//! a line on standard input with one a line on standard output. So a module's tests need nothing heavy to compile, and
//! run what will run on a network. One process hosts one ledger after the other: modules stay compiled between them.
//!
//! Invariants: a request that makes no sense is answered with what to do and changes nothing; what a module or the
//! ledger refuses is no error but an outcome. The process ends with its standard input.

mod chain;
mod told;
mod world;

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read as _, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use pollen_harness::PROTOCOL;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Failure, modules};
use chain::Saved;
use world::{Machine, World};

/// The longest request: far above what a transaction may hold.
const LINE_BYTES_MAX: u64 = 16 << 20;
/// Snapshots of one ledger; each is a copy of it in memory.
const SNAPSHOTS_MAX: usize = 256;

/// `pollen test-host`.
#[derive(Debug, Args)]
pub struct TestHostArgs {
    /// The module under test: its source folder, or a component (.wasm)
    pub source: PathBuf,
}

/// What a test asks for. Modules and accounts are names; a component is a file or a source folder, without one the
/// module under test.
#[derive(Debug, Deserialize)]
#[serde(
    tag = "do",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
enum Request {
    /// Begins a new ledger.
    Start,
    /// Puts a component on the ledger under a name.
    Deploy { from: String, name: String, component: Option<PathBuf>, arguments: Value },
    /// Gives a module other code.
    Upgrade { from: String, module: String, component: Option<PathBuf>, arguments: Value },
    /// Calls a command.
    Call {
        from: String,
        module: String,
        function: String,
        arguments: Value,
        deposit: u64,
        max_fuel: Option<u64>,
    },
    /// Moves grains.
    Transfer { from: String, to: String, amount: u64 },
    /// Asks a query.
    Query { from: Option<String>, module: String, function: String, arguments: Value },
    /// Moves ledger time on.
    AdvanceTime { ms: u64 },
    /// Tells ledger time.
    Time,
    /// Tells an account's address and balance.
    Account { name: String },
    /// Notes how everything is.
    Snapshot,
    /// Goes back to a snapshot, which stays.
    Revert { snapshot: usize },
}

/// Answers requests until the end of standard input.
pub fn run(args: &TestHostArgs) -> Result<(), Failure> {
    let source = args.source.clone();
    // On a thread with room for modules: from any other one each call would move to a thread of its own.
    let served = pollen_vm::stack::spawn("test-host", move || serve(source))?;
    let panicked = |_| Err(Failure::new("the thread that hosts ledgers has panicked"));
    served.join().unwrap_or_else(panicked)
}

fn serve(source: PathBuf) -> Result<(), Failure> {
    let mut host = Host::new(source)?;
    let (mut requests, mut answers) = (io::stdin().lock(), io::stdout().lock());
    say(&mut answers, &json!({ "pollen": env!("CARGO_PKG_VERSION"), "protocol": PROTOCOL }))?;
    while let Some(line) = read_line(&mut requests)? {
        let answer = match host.answer(&line) {
            Ok(value) => json!({ "ok": value }),
            Err(failure) => json!({ "error": failure.text, "hint": failure.hint }),
        };
        say(&mut answers, &answer)?;
    }
    Ok(())
}

fn say(answers: &mut impl Write, answer: &Value) -> io::Result<()> {
    writeln!(answers, "{answer}").and_then(|()| answers.flush())
}

/// The next request; none at the end.
fn read_line(requests: &mut impl BufRead) -> Result<Option<Vec<u8>>, Failure> {
    let mut line = Vec::new();
    requests.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    match line.last() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(line)),
        Some(_) if line.len() as u64 == LINE_BYTES_MAX => {
            Err(Failure::usage(format!("a request has at most {LINE_BYTES_MAX} bytes")))
        }
        Some(_) => Ok(Some(line)), // the last one, without its end
    }
}

/// One ledger after the other, and what outlives each.
struct Host {
    machine: Machine,
    /// The module under test.
    source: PathBuf,
    /// What was built or read, by where it came from.
    components: BTreeMap<PathBuf, Vec<u8>>,
    world: World,
    saved: Vec<Saved>,
}

impl Host {
    fn new(source: PathBuf) -> Result<Self, Failure> {
        let machine = Machine::new()?;
        let world = World::new(&machine)?;
        Ok(Self { machine, source, components: BTreeMap::new(), world, saved: Vec::new() })
    }

    fn answer(&mut self, line: &[u8]) -> Result<Value, Failure> {
        let request = serde_json::from_slice(line).map_err(|error| {
            Failure::usage(format!("a request that is not understood: {error}"))
        })?;
        let outcome = match request {
            Request::Start => {
                self.world = World::new(&self.machine)?;
                self.saved.clear();
                return Ok(Value::Null);
            }
            Request::AdvanceTime { ms } => {
                self.world.chain.advance_time(ms)?;
                return Ok(json!({ "timeMs": self.world.chain.time_ms }));
            }
            Request::Time => return Ok(json!({ "timeMs": self.world.chain.time_ms })),
            Request::Account { name } => return self.world.account(&name),
            Request::Snapshot => return self.snapshot(),
            Request::Revert { snapshot } => return self.revert(snapshot),
            Request::Deploy { from, name, component, arguments } => {
                let component = self.component(component)?;
                self.world.deploy(&from, &name, component, &arguments)?
            }
            Request::Upgrade { from, module, component, arguments } => {
                let component = self.component(component)?;
                self.world.upgrade(&from, &module, component, &arguments)?
            }
            Request::Call { from, module, function, arguments, deposit, max_fuel } => {
                let call = world::Call { module, function, arguments, deposit, max_fuel };
                self.world.call(&from, &call)?
            }
            Request::Transfer { from, to, amount } => self.world.transfer(&from, &to, amount)?,
            Request::Query { from, module, function, arguments } => {
                self.world.query(from.as_deref(), &module, &function, &arguments)?
            }
        };
        Ok(outcome)
    }

    fn snapshot(&mut self) -> Result<Value, Failure> {
        if self.saved.len() == SNAPSHOTS_MAX {
            return Err(Failure::usage(format!(
                "one ledger has at most {SNAPSHOTS_MAX} snapshots"
            ))
            .hint("take one, and revert to it as often as you like"));
        }
        self.saved.push(self.world.save());
        Ok(json!({ "snapshot": self.saved.len() - 1 }))
    }

    fn revert(&mut self, snapshot: usize) -> Result<Value, Failure> {
        let saved = self.saved.get(snapshot);
        let saved = saved.ok_or_else(|| Failure::usage("a snapshot of another ledger"))?;
        self.world = World::of(&self.machine, saved)?;
        Ok(Value::Null)
    }

    /// The bytes of a component, built or read once.
    fn component(&mut self, of: Option<PathBuf>) -> Result<Vec<u8>, Failure> {
        let source = of.unwrap_or_else(|| self.source.clone());
        if let Some(known) = self.components.get(&source) {
            return Ok(known.clone());
        }
        let component = read_component(&source)?;
        self.components.insert(source, component.clone());
        Ok(component)
    }
}

fn read_component(source: &Path) -> Result<Vec<u8>, Failure> {
    if source.extension().is_some_and(|extension| extension == "wasm") {
        let read = std::fs::read(source);
        return read.map_err(|error| Failure::new(format!("{}: {error}", source.display())));
    }
    Ok(modules::build_module(source, false)?.component)
}

#[cfg(test)]
mod tests;
