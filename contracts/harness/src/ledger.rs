//! A ledger, and who does what on it.

use std::cell::RefCell;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use crate::host::Host;
use crate::module_folder;
use crate::outcome::{Outcome, asked};

/// Who deploys when nobody else is told to, as in the SDK's own test host.
const DEPLOYER: &str = "deployer";

/// A ledger of its own with the real module host: the development network's genesis, and what the test does.
pub struct Ledger {
    /// Gone only while it is dropped.
    host: RefCell<Option<Host>>,
    /// Tells its snapshots from those of others.
    number: u64,
    /// The module under test.
    name: String,
}

/// A module on a ledger, by its name.
#[derive(Clone, Copy)]
pub struct Module<'a> {
    ledger: &'a Ledger,
    name: &'a str,
}

/// Who signs, whom the calls go to, and what goes with them.
#[derive(Clone, Copy)]
#[must_use]
pub struct Caller<'a> {
    module: Module<'a>,
    name: &'a str,
    deposit: u64,
    max_fuel: Option<u64>,
}

/// How a ledger was when this was taken.
#[derive(Debug, Clone)]
pub struct Snapshot {
    ledger: u64,
    number: u64,
}

/// An account, as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its address, as results and events show it.
    pub address: String,
    /// Grains that it may spend; 1 000 000 000 are a pollen.
    pub balance: u64,
    /// Grains that are locked: of a module those of what it stores.
    pub deposit: u64,
}

impl Ledger {
    /// A ledger with nothing on it.
    ///
    /// # Panics
    /// When `pollen test-host` cannot be started.
    #[track_caller]
    pub fn start() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        // No closure panics here: the message is to name the test's own line.
        let host = match Host::take() {
            Ok(host) => host,
            Err(what) => panic!("{what}"),
        };
        let name = std::env::var("CARGO_PKG_NAME").unwrap_or_else(|_| "module".to_owned());
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self { host: RefCell::new(Some(host)), number, name: name.replace('_', "-") }
    }

    /// The name that the module under test is deployed under: its package's.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Puts the module under test on the ledger, by the account `deployer`, with these arguments of `init`.
    ///
    /// # Panics
    /// When it is refused; `as_caller("deployer").deploy(..)` gives that as a value.
    #[track_caller]
    pub fn deploy(&self, arguments: Value) {
        self.as_caller(DEPLOYER).deploy(arguments).expect_success();
    }

    /// Puts another module on the ledger, out of its source folder or a component (.wasm), under a name, by `deployer`.
    ///
    /// # Panics
    /// When it is refused.
    #[track_caller]
    pub fn deploy_component(&self, source: impl AsRef<Path>, name: &str, arguments: Value) {
        self.as_caller(DEPLOYER).deploy_component(source, name, arguments).expect_success();
    }

    /// Calls the module under test as this account.
    pub fn as_caller<'a>(&'a self, account: &'a str) -> Caller<'a> {
        self.module(&self.name).as_caller(account)
    }

    /// Asks the module under test, as nobody.
    #[track_caller]
    pub fn query(&self, function: &str, arguments: Value) -> Outcome {
        self.module(&self.name).query(function, arguments)
    }

    /// Another module, by its name or its address.
    pub fn module<'a>(&'a self, name: &'a str) -> Module<'a> {
        Module { ledger: self, name }
    }

    /// Lets time pass; what ledger time is then, in milliseconds since 1970.
    #[track_caller]
    pub fn advance_time(&self, ms: u64) -> u64 {
        self.number(&json!({ "do": "advance-time", "ms": ms }), "timeMs")
    }

    /// Ledger time, in milliseconds since 1970.
    #[track_caller]
    pub fn time_ms(&self) -> u64 {
        self.number(&json!({ "do": "time" }), "timeMs")
    }

    /// An account by its name, or the account of a module as `@name`.
    #[track_caller]
    pub fn account(&self, name: &str) -> Account {
        let answer = self.ask(&json!({ "do": "account", "name": name }));
        let number = |field: &str| answer[field].as_u64().unwrap_or_default();
        let address = answer["address"].as_str().unwrap_or_default().to_owned();
        Account { address, balance: number("balance"), deposit: number("deposit") }
    }

    /// An account's address.
    #[track_caller]
    pub fn address(&self, name: &str) -> String {
        self.account(name).address
    }

    /// What an account holds, in grains.
    #[track_caller]
    pub fn balance(&self, name: &str) -> u64 {
        self.account(name).balance
    }

    /// Notes how everything is: state, balances, time. Taken once, gone back to for each case of a property test.
    #[track_caller]
    pub fn snapshot(&self) -> Snapshot {
        let number = self.number(&json!({ "do": "snapshot" }), "snapshot");
        Snapshot { ledger: self.number, number }
    }

    /// Makes everything as it was; the snapshot stays.
    ///
    /// # Panics
    /// When the snapshot is of another ledger.
    #[track_caller]
    pub fn revert(&self, snapshot: &Snapshot) {
        assert_eq!(
            snapshot.ledger, self.number,
            "a snapshot is of the ledger that it was taken of"
        );
        self.ask(&json!({ "do": "revert", "snapshot": snapshot.number }));
    }

    #[track_caller]
    fn number(&self, request: &Value, field: &str) -> u64 {
        let answer = self.ask(request);
        let Some(number) = answer[field].as_u64() else {
            panic!("pollen test-host told no {field}: {answer}")
        };
        number
    }

    #[track_caller]
    fn outcome(&self, asked: String, request: &Value) -> Outcome {
        Outcome::of(asked, &self.ask(request))
    }

    #[track_caller]
    fn ask(&self, request: &Value) -> Value {
        let mut host = self.host.borrow_mut();
        let host = host.as_mut().expect("a ledger has its host until it is dropped");
        match host.ask(request) {
            Ok(answer) => answer,
            Err(what) => panic!("{what}\n  asked: {request}"),
        }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        if let Some(host) = self.host.take() {
            host.give_back();
        }
    }
}

impl<'a> Module<'a> {
    /// Calls it as this account.
    pub fn as_caller(self, account: &'a str) -> Caller<'a> {
        Caller { module: self, name: account, deposit: 0, max_fuel: None }
    }

    /// Asks it, as nobody.
    #[track_caller]
    pub fn query(self, function: &str, arguments: Value) -> Outcome {
        self.ask(None, function, arguments)
    }

    #[track_caller]
    fn ask(self, from: Option<&str>, function: &str, arguments: Value) -> Outcome {
        let asked = asked(from, &format!("{}.{function}", self.name), &arguments);
        let request = json!({
            "do": "query", "from": from, "module": self.name, "function": function, "arguments": arguments,
        });
        self.ledger.outcome(asked, &request)
    }
}

impl Caller<'_> {
    /// With so many grains sent along with calls.
    pub fn with_deposit(self, grains: u64) -> Self {
        Self { deposit: grains, ..self }
    }

    /// With so much fuel at most, what every transaction costs included.
    pub fn with_max_fuel(self, fuel: u64) -> Self {
        Self { max_fuel: Some(fuel), ..self }
    }

    /// Calls a command, as a transaction of its own.
    #[track_caller]
    pub fn call(self, function: &str, arguments: Value) -> Outcome {
        let asked = asked(Some(self.name), &format!("{}.{function}", self.module.name), &arguments);
        let request = json!({
            "do": "call", "from": self.name, "module": self.module.name, "function": function,
            "arguments": arguments, "deposit": self.deposit, "maxFuel": self.max_fuel,
        });
        self.module.ledger.outcome(asked, &request)
    }

    /// Asks a query, as this account.
    #[track_caller]
    pub fn query(self, function: &str, arguments: Value) -> Outcome {
        self.module.ask(Some(self.name), function, arguments)
    }

    /// Puts the module under test on the ledger: this account owns it and pays.
    #[track_caller]
    pub fn deploy(self, arguments: Value) -> Outcome {
        self.put(self.module.name, None, arguments)
    }

    /// Puts another module on the ledger, out of its source folder or a component (.wasm), under a name.
    #[track_caller]
    pub fn deploy_component(
        self,
        source: impl AsRef<Path>,
        name: &str,
        arguments: Value,
    ) -> Outcome {
        self.put(name, Some(source.as_ref()), arguments)
    }

    #[track_caller]
    fn put(self, name: &str, source: Option<&Path>, arguments: Value) -> Outcome {
        let asked = asked(Some(self.name), &format!("deploy {name}"), &arguments);
        let request = json!({
            "do": "deploy", "from": self.name, "name": name, "component": source.map(absolute),
            "arguments": arguments,
        });
        self.module.ledger.outcome(asked, &request)
    }

    /// Gives the module the code of the module under test, in place, with these arguments of `migrate`.
    #[track_caller]
    pub fn upgrade(self, arguments: Value) -> Outcome {
        self.change(None, arguments)
    }

    /// Gives the module the code of a source folder or a component (.wasm), in place.
    #[track_caller]
    pub fn upgrade_to(self, source: impl AsRef<Path>, arguments: Value) -> Outcome {
        self.change(Some(source.as_ref()), arguments)
    }

    #[track_caller]
    fn change(self, source: Option<&Path>, arguments: Value) -> Outcome {
        let module = self.module.name;
        let asked = asked(Some(self.name), &format!("upgrade {module}"), &arguments);
        let request = json!({
            "do": "upgrade", "from": self.name, "module": module, "component": source.map(absolute),
            "arguments": arguments,
        });
        self.module.ledger.outcome(asked, &request)
    }

    /// Moves grains to an account, or to a module as `@name`.
    #[track_caller]
    pub fn transfer(self, to: &str, grains: u64) -> Outcome {
        let asked = asked(Some(self.name), "transfer", &json!([to, grains]));
        let request = json!({ "do": "transfer", "from": self.name, "to": to, "amount": grains });
        self.module.ledger.outcome(asked, &request)
    }
}

/// From the package's folder on: another process reads it.
fn absolute(source: &Path) -> std::path::PathBuf {
    module_folder().join(source)
}
