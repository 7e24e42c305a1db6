//! The service's logic, natively.

use crate::Service;
use crate::bindings::exports::pollen::service::commands::{Error, Guest as _};
use crate::bindings::exports::pollen::service::events::Signed;
use crate::bindings::exports::pollen::service::queries::{Guest as _, Response};
use pollen_sdk::ToString;
use pollen_sdk::test::Host;

fn get(host: &Host, path: &str) -> Response {
    host.query(|| Service::get(path.to_string()))
}

/// A guestbook with three entries.
fn signed() -> Host {
    let host = Host::new();
    for who in ["alice", "bob", "carol"] {
        let text = "by ".to_string() + who;
        host.call(host.account(who), || Service::sign(text)).unwrap();
    }
    host
}

#[test]
fn what_was_signed_is_served() {
    let host = Host::new();
    let alice = host.account("alice");
    let text = "\"hello\"\n".to_string();
    assert_eq!(host.call(alice, || Service::sign(text)), Ok(0));
    let answer = get(&host, "/entries/0");
    assert_eq!((answer.status, answer.content_type.as_str()), (200, "application/json"));
    let author = crate::json::hex(&alice.to_bytes());
    let expected = "{\"number\":0,\"author\":\"".to_string()
        + &author
        + "\",\"atMs\":1000,\"text\":\"\\\"hello\\\"\\n\"}";
    assert_eq!(answer.body, expected);
    let event: Signed = host.events_named("signed")[0].decode();
    assert_eq!(event, Signed { author: alice, number: 0 });
}

#[test]
fn a_list_has_what_was_asked_for() {
    let host = signed();
    assert!(get(&host, "/").body.starts_with("{\"entries\":3,"));
    let numbers = |path: &str| get(&host, path).body.matches("\"number\":").count();
    assert_eq!(numbers("/entries"), 3);
    assert_eq!(numbers("/entries?from=1"), 2);
    assert_eq!(numbers("/entries?from=1&max=1"), 1);
    assert!(get(&host, "/entries?from=1&max=1").body.contains("by bob"));
    assert_eq!(get(&host, "/entries?from=9").body, "[]");
}

#[test]
fn what_is_not_there_and_what_is_not_understood_is_told() {
    let host = signed();
    for (path, status) in [
        ("/entries/3", 404),
        ("/entries/x", 400),
        ("/entries?from=x", 400),
        ("/entries?page=1", 400),
        ("/entriesx", 404),
        ("/nothing", 404),
        ("", 404),
    ] {
        assert_eq!(get(&host, path).status, status, "{path}");
    }
}

#[test]
fn an_entry_has_a_text_of_some_length() {
    let host = Host::new();
    let alice = host.account("alice");
    let long = "x".repeat(1025);
    assert_eq!(host.call(alice, || Service::sign("  ".to_string())), Err(Error::Empty));
    assert_eq!(host.call(alice, || Service::sign(long)), Err(Error::TooLong));
    assert_eq!(get(&host, "/entries").body, "[]");
}
