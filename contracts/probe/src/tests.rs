//! The little that can be run natively: the rest is for the machine to stop.

use crate::Probe;
use crate::bindings::exports::pollen::probe::commands::Guest as _;
use crate::bindings::exports::pollen::probe::queries::Guest as _;
use pollen_sdk::modules::CallError;
use pollen_sdk::test::Host;
use pollen_sdk::{ToString, Vec};

#[test]
fn a_failed_call_of_another_module_is_told_and_survived() {
    let host = Host::new();
    let other = host.account("other");
    host.answer(other, "fails", |_| Err(CallError::Aborted("no".to_string())));
    host.answer(other, "echoes", |arguments| Ok(arguments.to_vec()));
    let call = |function: &str| {
        let end = host.call(host.account("alice"), || {
            Probe::call_other(other, function.to_string(), Vec::from([7]), None)
        });
        (end, Probe::get(b"ended".to_vec()))
    };
    assert_eq!(call("fails"), (Ok(Vec::new()), Some(b"aborted: no".to_vec())));
    assert_eq!(call("echoes"), (Ok(Vec::from([7])), Some(b"returned".to_vec())));
    assert_eq!(Probe::re_enter(), Err("reentered".to_string()));
}

#[test]
fn queries_that_write_are_refused_and_a_failure_is_undone() {
    let host = Host::new();
    assert_eq!(host.abort_of(|| host.query(Probe::put_in_query)), "a query may not write");
    assert_eq!(host.abort_of(|| host.query(Probe::emit_in_query)), "a query may not write");
    assert_eq!(host.abort_of(|| Probe::panic("told".to_string())), "told");
    let end = host.call(host.account("alice"), || Probe::fail("why".to_string()));
    assert_eq!((end, Probe::get(b"failed".to_vec())), (Err("why".to_string()), None));
}

#[test]
fn arithmetic_is_what_it_says() {
    assert_eq!((Probe::divide(7, 2), Probe::recurse(0)), (3, 1));
    assert_eq!(Probe::quotient_bits(1.0, 2.0), 0.5f64.to_bits());
}
