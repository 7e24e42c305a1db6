//! The compiled module on a real ledger: `pollen test`.

use pollen_harness::{Ledger, json};

/// A fleet of alice's with the device `pump`; above 30.5 is an alarm.
fn deployed() -> Ledger {
    let ledger = Ledger::start();
    let alice = ledger.as_caller("alice");
    alice.deploy(json!([30.5])).expect_success();
    alice.call("register", json!(["pump", "pump 1"])).expect_success();
    ledger
}

#[test]
fn a_device_reports_and_raises_the_alarm() {
    let ledger = deployed();
    let pump = ledger.as_caller("pump");
    let quiet = pump.call("report", json!([30.5]));
    assert_eq!(quiet.expect_success(), json!(false));
    let later_ms = ledger.advance_time(3_600_000);
    let loud = pump.call("report", json!([31.0]));
    assert_eq!(loud.expect_success(), json!(true));
    let alarms = ledger.query("alarms", json!([later_ms, 10])).expect_success();
    let alarm = json!({
        "at-ms": ledger.time_ms(), "device": ledger.address("pump"), "value": 31.0,
    });
    assert_eq!(alarms, json!([alarm]));
    quiet.check_fuel("report");
    loud.check_fuel("report with alarm");
}

#[test]
fn only_the_owner_takes_devices_in() {
    let ledger = deployed();
    let refused = ledger.as_caller("mallory").call("register", json!(["mallory", "mine"]));
    assert_eq!(refused.expect_error(), json!("not-the-owner"));
    let stranger = ledger.as_caller("mallory").call("report", json!([1.0]));
    assert_eq!(stranger.expect_error(), json!("unknown-device"));
}
