//! The smallest module: one number that anybody may raise. Read it first to see how a module is made.

#![no_std]

pollen_sdk::module!(Counter in "pollen:counter/counter");

use bindings::exports::pollen::counter::commands::{self, Error};
use bindings::exports::pollen::counter::events::Incremented;
use bindings::exports::pollen::counter::queries;
use pollen_sdk::{Event as _, Item};

const VALUE: Item<u64> = Item::new(b"v");

pollen_sdk::event!(Incremented);

/// Implements the interface.
pub struct Counter;

impl commands::Guest for Counter {
    fn init(start: u64) {
        VALUE.set(&start);
    }

    fn increment(by: u64) -> Result<u64, Error> {
        let value = value().checked_add(by).ok_or(Error::Overflow)?;
        VALUE.set(&value);
        Incremented { by, value }.emit();
        Ok(value)
    }
}

impl queries::Guest for Counter {
    fn get() -> u64 {
        value()
    }
}

fn value() -> u64 {
    VALUE.get().unwrap_or(0)
}

#[cfg(test)]
mod tests;
