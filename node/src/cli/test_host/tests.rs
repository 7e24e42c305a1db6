//! The host without any module: what it answers, and that a bad request changes nothing. Modules run in it in
//! `tests/tests/system/module_tests.rs`.

use std::io::Cursor;

use pollen_vm::interface::{Case, Field, Named, Type, TypeName};

use super::*;

fn host() -> Host {
    Host::new(PathBuf::from("there-is-no-module-here")).unwrap()
}

fn ask(host: &mut Host, request: &Value) -> Result<Value, Failure> {
    host.answer(request.to_string().as_bytes())
}

fn balance(host: &mut Host, name: &str) -> u64 {
    let account = ask(host, &json!({ "do": "account", "name": name })).unwrap();
    account["balance"].as_u64().unwrap()
}

/// The way of a real transaction: fee and nonce are its sender's, and time moves by one checkpoint.
#[test]
fn a_transfer_is_paid_for_and_takes_a_checkpoint() {
    let mut host = host();
    let before = (balance(&mut host, "alice"), balance(&mut host, "bob"));
    let time = |host: &mut Host| ask(host, &json!({ "do": "time" })).unwrap()["timeMs"].as_u64();
    let began = time(&mut host).unwrap();
    let transfer = json!({ "do": "transfer", "from": "alice", "to": "bob", "amount": 5 });
    let done = ask(&mut host, &transfer).unwrap();
    assert_eq!(done["success"], json!(true), "{done}");
    let fee = done["fee"].as_u64().unwrap();
    assert!(fee > 0, "{done}");
    let after = (balance(&mut host, "alice"), balance(&mut host, "bob"));
    assert_eq!(after, (before.0 - 5 - fee, before.1 + 5));
    assert_eq!(time(&mut host), Some(began + 20));
    let again = ask(&mut host, &transfer).unwrap();
    assert_eq!(again["success"], json!(true), "its nonce is another one: {again}");
}

/// What admission refuses on a node is refused here, in its words.
#[test]
fn what_a_node_refuses_is_an_outcome() {
    let mut host = host();
    let nothing = json!({ "do": "transfer", "from": "alice", "to": "bob", "amount": 0 });
    let refused = ask(&mut host, &nothing).unwrap();
    assert_eq!((&refused["code"], &refused["number"]), (&json!("Malformed"), &json!(1001)));
    let much = json!({ "do": "transfer", "from": "alice", "to": "bob", "amount": u64::MAX });
    let failed = ask(&mut host, &much).unwrap();
    assert_eq!((&failed["success"], &failed["code"]), (&json!(false), &json!("BalanceTooLow")));
}

/// Each case of a property test begins from the same ledger.
#[test]
fn a_snapshot_is_gone_back_to_as_often_as_wanted() {
    let mut host = host();
    balance(&mut host, "alice");
    let snapshot = ask(&mut host, &json!({ "do": "snapshot" })).unwrap();
    let revert = json!({ "do": "revert", "snapshot": snapshot["snapshot"] });
    let transfer = json!({ "do": "transfer", "from": "alice", "to": "bob", "amount": 5 });
    let first = ask(&mut host, &transfer).unwrap();
    for _ in 0..3 {
        ask(&mut host, &revert).unwrap();
        assert_eq!(ask(&mut host, &transfer).unwrap(), first, "the same again");
    }
    ask(&mut host, &json!({ "do": "start" })).unwrap();
    let gone = ask(&mut host, &revert).unwrap_err();
    assert!(gone.text.contains("another ledger"), "{}", gone.text);
}

#[test]
fn what_makes_no_sense_is_told_and_changes_nothing() {
    let mut host = host();
    let before = balance(&mut host, "alice");
    for (request, word) in [
        ("", "not understood"),
        ("{", "not understood"),
        ("[1, 2]", "not understood"),
        (r#"{"do":"dance"}"#, "unknown variant"),
        (r#"{"do":"advance-time","ms":1,"more":1}"#, "unknown field"),
        (r#"{"do":"advance-time","ms":18446744073709551615}"#, "9999"),
        (r#"{"do":"advance-time","ms":-1}"#, "not understood"),
        (r#"{"do":"account","name":"@nobody"}"#, "no module 'nobody'"),
        (r#"{"do":"query","from":null,"module":"x","function":"get","arguments":[]}"#, "no module"),
        (
            r#"{"do":"deploy","from":"alice","name":"x","component":null,"arguments":[]}"#,
            "there-is-no-module-here",
        ),
        (
            r#"{"do":"deploy","from":"alice","name":"x","component":"/none.wasm","arguments":[]}"#,
            "/none.wasm",
        ),
    ] {
        let refused = host.answer(request.as_bytes()).unwrap_err();
        assert!(refused.text.contains(word), "{request}: {}", refused.text);
    }
    host.answer(&[0xff, 0xfe]).unwrap_err();
    assert_eq!(balance(&mut host, "alice"), before);
}

#[test]
fn requests_are_lines_of_a_bounded_length() {
    let mut lines = Cursor::new("one\ntwo");
    assert_eq!(read_line(&mut lines).unwrap().unwrap(), b"one\n");
    assert_eq!(read_line(&mut lines).unwrap().unwrap(), b"two");
    assert!(read_line(&mut lines).unwrap().is_none());
    let endless = vec![b' '; LINE_BYTES_MAX as usize + 1];
    assert!(read_line(&mut Cursor::new(endless)).unwrap_err().text.contains("at most"));
}

/// A test in Rust compares with numbers; text that looks like one stays text.
#[test]
fn integers_of_64_bits_are_numbers_wherever_they_stand() {
    let named = |name: &str, ty| Field { name: name.into(), docs: None, ty };
    let nameless = || TypeName { interface: String::new(), name: String::new() };
    let record = |parts| Named { name: nameless(), docs: None, parts };
    let boxed = |ty| Box::new(ty);
    let variant = Type::Variant(Named {
        name: nameless(),
        docs: None,
        parts: vec![Case { name: "short".into(), docs: None, ty: Some(Type::U64) }],
    });
    let ty = Type::Record(record(vec![
        named("of", Type::String),
        named("amount", Type::Amount),
        named("debt", Type::Option(boxed(Type::S64))),
        named("twice", Type::Option(boxed(Type::Option(boxed(Type::U64))))),
        named("all", Type::List(boxed(Type::Tuple(vec![Type::U64, Type::String])))),
        named("why", variant),
        named("end", Type::Result { ok: Some(boxed(Type::U64)), err: None }),
    ]));
    let mut json = json!({
        "of": "7", "amount": "18446744073709551615", "debt": "-9", "twice": { "some": "1" },
        "all": [["1", "1"]], "why": { "short": "3" }, "end": { "ok": "4" },
    });
    told::numbers(&ty, &mut json);
    let expected = json!({
        "of": "7", "amount": u64::MAX, "debt": -9, "twice": { "some": 1 },
        "all": [[1, "1"]], "why": { "short": 3 }, "end": { "ok": 4 },
    });
    assert_eq!(json, expected);
}
