//! The compiled module on a real ledger: `pollen test`.

use pollen_harness::{Ledger, json};

#[test]
fn what_was_signed_is_served() {
    let ledger = Ledger::start();
    ledger.deploy(json!([]));
    let signed = ledger.as_caller("bob").call("sign", json!(["hello"]));
    assert_eq!(signed.expect_success(), json!(0));
    let got = ledger.query("get", json!(["/entries/0"]));
    let response = got.expect_success();
    assert_eq!(response["status"], json!(200));
    assert!(response["body"].as_str().is_some_and(|body| body.contains("hello")), "{response}");
    let lost = ledger.query("get", json!(["/entries/1"])).expect_success();
    assert_eq!(lost["status"], json!(404));
    signed.check_fuel("sign");
    got.check_fuel("get an entry");
}

#[test]
fn an_empty_text_is_refused() {
    let ledger = Ledger::start();
    ledger.deploy(json!([]));
    let refused = ledger.as_caller("bob").call("sign", json!([""]));
    assert_eq!(refused.expect_error(), json!("empty"));
}
