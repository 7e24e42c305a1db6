//! What became of a call, and what a test expects of it.

use std::fmt;

use serde_core::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::fuel;

/// Bytes of arguments that a message shows.
const SHOWN_BYTES_MAX: usize = 300;

/// What became of a call. Look at it: a call that failed unseen is a test that tests nothing.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "the call may have failed: say `.expect_success()` or `.expect_failure()`"]
pub struct Outcome {
    /// What the function returned; of `result<T, E>` the `T`.
    pub result: Value,
    /// Why it was not done; nothing of one that was.
    pub failure: Option<Failure>,
    /// What modules told, in order: `{"module", "name", "data"}`.
    pub events: Vec<Value>,
    /// Fuel of the receipt: what is paid for. Of a query what it used.
    pub fuel_used: u64,
    /// The part of it that the call itself used: without what every transaction costs by its bytes and signatures.
    pub call_fuel: u64,
    /// Grains that its sender paid for fuel.
    pub fee: u64,
    /// Entries of modules' storage that it changed.
    pub entries_changed: u64,
    /// Who asked what.
    asked: String,
}

/// Why a call was not done. All that it wrote was undone.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// The code's name: `ModuleError`, `OutOfFuel`, `Trapped`, `BalanceTooLow`, ..
    pub name: String,
    /// Its number: 2006, 2004, 2005, 1010, ..
    pub number: u64,
    /// The module's own error, the `E` of `result<T, E>`; null of all other failures.
    pub error: Value,
    /// What was said: of an abort or a panic its message.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// More for people: a backtrace, where the fuel went.
    pub note: Option<String>,
}

/// Who asked what, for messages.
pub(crate) fn asked(from: Option<&str>, what: &str, arguments: &Value) -> String {
    let mut arguments = arguments.to_string();
    if let Some((end, _)) = arguments.char_indices().find(|(at, _)| *at >= SHOWN_BYTES_MAX) {
        arguments.truncate(end);
        arguments.push('…');
    }
    format!("{}: {what} {arguments}", from.unwrap_or("nobody"))
}

impl Outcome {
    pub(crate) fn of(asked: String, answer: &Value) -> Self {
        let number = |field: &str| answer[field].as_u64().unwrap_or(0);
        let text = |field: &str| answer[field].as_str().map(str::to_owned);
        let failure = Failure {
            name: text("code").unwrap_or_default(),
            number: number("number"),
            error: answer["error"].clone(),
            message: text("message").unwrap_or_default(),
            hint: text("hint").unwrap_or_default(),
            note: text("note"),
        };
        Self {
            result: answer["result"].clone(),
            failure: (answer["success"] != json!(true)).then_some(failure),
            events: answer["events"].as_array().cloned().unwrap_or_default(),
            fuel_used: number("fuelUsed"),
            call_fuel: number("callFuel"),
            fee: number("fee"),
            entries_changed: number("entriesChanged"),
            asked,
        }
    }

    /// Whether it was done.
    pub fn is_success(&self) -> bool {
        self.failure.is_none()
    }

    /// What the function returned.
    ///
    /// # Panics
    /// When it failed, with all that is known of why.
    #[track_caller]
    pub fn expect_success(&self) -> Value {
        assert!(self.is_success(), "expected a success\n{self}");
        self.result.clone()
    }

    /// What the function returned, as a type of the test's own.
    ///
    /// # Panics
    /// When it failed, or returned something else.
    #[track_caller]
    pub fn decode<T: DeserializeOwned>(&self) -> T {
        match serde_json::from_value(self.expect_success()) {
            Ok(result) => result,
            Err(error) => {
                let ty = std::any::type_name::<T>();
                panic!("expected a result of the type {ty}: {error}\n{self}")
            }
        }
    }

    /// Why it failed: and that it changed no entry of any module.
    ///
    /// # Panics
    /// When it succeeded.
    #[track_caller]
    pub fn expect_failure(&self) -> Failure {
        let Some(failure) = &self.failure else { panic!("expected a failure\n{self}") };
        assert_eq!(self.entries_changed, 0, "a call that failed changed something\n{self}");
        failure.clone()
    }

    /// The module's own error, the `E` of `result<T, E>`.
    ///
    /// # Panics
    /// When it succeeded, or failed in another way.
    #[track_caller]
    pub fn expect_error(&self) -> Value {
        let failure = self.expect_failure();
        assert!(!failure.error.is_null(), "expected an error of the module's own\n{self}");
        failure.error
    }

    /// Data of the events of this name, in order.
    pub fn events_named(&self, name: &str) -> Vec<Value> {
        let of_name = self.events.iter().filter(|event| event["name"] == json!(name));
        of_name.map(|event| event["data"].clone()).collect()
    }

    /// Compares the fuel of the call with what is written under this name in `tests/fuel.txt` of the package. What is
    /// not written yet is, by the next `pollen test`; `pollen test --update-fuel` writes all anew.
    ///
    /// # Panics
    /// When it failed, or has grown dearer.
    #[track_caller]
    pub fn check_fuel(&self, name: &str) {
        self.expect_success();
        if let Err(what) = fuel::check(name, self.call_fuel) {
            panic!("{what}\n{self}");
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {}", self.asked)?;
        match &self.failure {
            None => writeln!(f, "  returned {}", self.result)?,
            Some(failure) => write!(f, "{failure}")?,
        }
        for event in &self.events {
            writeln!(f, "  event {event}")?;
        }
        write!(f, "  fuel {}, of which the call itself {}", self.fuel_used, self.call_fuel)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  failed: {} {}", self.number, self.name)?;
        if !self.error.is_null() {
            write!(f, " {}", self.error)?;
        }
        writeln!(f, ": {}", self.message)?;
        if !self.hint.is_empty() {
            writeln!(f, "  hint: {}", self.hint)?;
        }
        for line in self.note.iter().flat_map(|note| note.lines()) {
            writeln!(f, "  | {line}")?;
        }
        Ok(())
    }
}
