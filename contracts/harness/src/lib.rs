//! A module's tests against the real thing: its compiled component in the real module host, on a real ledger.
//!
//! ```ignore
//! let ledger = Ledger::start();
//! ledger.deploy(json!([40]));
//! let raised = ledger.as_caller("bob").call("increment", json!([2]));
//! assert_eq!(raised.expect_success(), json!(42));
//! raised.check_fuel("increment");
//! assert_eq!(ledger.query("get", json!([])).expect_success(), json!(42));
//! ```
//!
//! The ledger is in another process, `pollen test-host`, so that these tests compile in a moment and run what the
//! network runs: transactions are signed, admitted, executed and paid for. `pollen test` sets up which program and
//! which component; a plain `cargo test` takes `pollen` from PATH, and that builds the module.
//!
//! Accounts are names, also in arguments: each has 1 000 pollen when it first signs or its balance is first asked.
//! Modules are `@name` in arguments. Arguments are JSON, a list in order or an object by name; results are JSON in
//! which whole numbers are numbers. A transaction takes 20 ms of ledger time, and so does the first use of an account.
//!
//! Invariants: each [`Ledger`] is its own, and the same calls give the same results, fuel and time. What the module
//! or the ledger refuses is a value, [`Outcome`], that the test has to look at; what cannot be asked at all (a function
//! that is not there, no program) panics with what to do.

#[doc(hidden)]
pub mod fuel;
mod host;
mod ledger;
mod outcome;

use std::path::PathBuf;

pub use host::PROTOCOL;
pub use ledger::{Account, Caller, Ledger, Module, Snapshot};
pub use outcome::{Failure, Outcome};
pub use serde_json::{Value, json};

/// Names the program that hosts ledgers [default: `pollen` from PATH].
#[doc(hidden)]
pub const PROGRAM_VARIABLE: &str = "POLLEN_TEST_PROGRAM";
/// Names the module's component [default: the module under test, which the program builds].
#[doc(hidden)]
pub const COMPONENT_VARIABLE: &str = "POLLEN_TEST_COMPONENT";

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The folder of the module whose tests run: their package's, or of a module in C the one above.
fn module_folder() -> PathBuf {
    let package = variable("CARGO_MANIFEST_DIR").unwrap_or_else(|| PathBuf::from("."));
    match package.parent() {
        Some(above) if above.join("module.c").is_file() => above.to_owned(),
        _ => package,
    }
}

#[cfg(test)]
mod tests;
