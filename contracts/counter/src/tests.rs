//! The counter's logic, natively.

use crate::Counter;
use crate::bindings::exports::pollen::counter::commands::{Error, Guest as _};
use crate::bindings::exports::pollen::counter::events::Incremented;
use crate::bindings::exports::pollen::counter::queries::Guest as _;
use pollen_sdk::test::Host;

#[test]
fn raises_from_where_it_started() {
    let host = Host::new();
    Counter::init(40);
    assert_eq!(host.call(host.account("anybody"), || Counter::increment(2)), Ok(42));
    assert_eq!(host.query(Counter::get), 42);
    let event: Incremented = host.events()[0].decode();
    assert_eq!(event, Incremented { by: 2, value: 42 });
}

#[test]
fn never_wraps() {
    let host = Host::new();
    Counter::init(u64::MAX);
    let caller = host.account("anybody");
    assert_eq!(host.call(caller, || Counter::increment(1)), Err(Error::Overflow));
    assert_eq!(host.query(Counter::get), u64::MAX);
    assert!(host.events().is_empty());
}
