//! The fleet's logic, natively.

use crate::Fleet;
use crate::bindings::exports::pollen::fleet::commands::{Error, Guest as _};
use crate::bindings::exports::pollen::fleet::events::Alarmed;
use crate::bindings::exports::pollen::fleet::queries::Guest as _;
use pollen_sdk::test::Host;
use pollen_sdk::{Account, ToString, Vec};

/// A fleet of the owner's with a threshold of 30 and one device.
fn fleet() -> (Host, Account, Account) {
    let host = Host::new();
    let (owner, pump) = (host.account("owner"), host.account("pump"));
    host.set_caller(owner);
    Fleet::init(30.0);
    host.call(owner, || Fleet::register(pump, "pump 1".to_string())).unwrap();
    (host, owner, pump)
}

#[test]
fn a_reading_above_the_threshold_is_an_alarm() {
    let (host, _, pump) = fleet();
    assert_eq!(host.call(pump, || Fleet::report(30.0)), Ok(false));
    host.advance_time(60_000);
    assert_eq!(host.call(pump, || Fleet::report(30.5)), Ok(true));
    let event: Alarmed = host.events_named("alarmed")[0].decode();
    assert_eq!(event, Alarmed { device: pump, value: 30.5, threshold: 30.0 });
    let status = host.query(|| Fleet::device(pump)).unwrap();
    assert_eq!((status.readings, status.alarms, status.name.as_str()), (2, 1, "pump 1"));
    assert_eq!(status.last.unwrap().value, 30.5);
    let alarms = host.query(|| Fleet::alarms(2_000, 9));
    assert_eq!((alarms.len(), alarms[0].device, alarms[0].at_ms), (1, pump, 61_000));
    assert!(host.query(|| Fleet::alarms(61_001, 9)).is_empty());
}

#[test]
fn only_devices_report_and_only_the_owner_changes_the_fleet() {
    let (host, owner, pump) = fleet();
    let stranger = host.account("stranger");
    assert_eq!(host.call(stranger, || Fleet::report(1.0)), Err(Error::UnknownDevice));
    let register = || Fleet::register(stranger, "mine".to_string());
    assert_eq!(host.call(stranger, register), Err(Error::NotTheOwner));
    assert_eq!(host.call(pump, || Fleet::set_threshold(99.0)), Err(Error::NotTheOwner));
    assert_eq!(host.call(stranger, || Fleet::retire(pump)), Err(Error::NotTheOwner));
    let again = || Fleet::register(pump, "again".to_string());
    assert_eq!(host.call(owner, again), Err(Error::AlreadyRegistered));
    assert_eq!(host.call(owner, || Fleet::set_threshold(f64::NAN)), Err(Error::NotANumber));
    host.call(owner, || Fleet::set_threshold(0.5)).unwrap();
    assert_eq!(host.call(pump, || Fleet::report(1.0)), Ok(true));
}

#[test]
fn readings_of_a_retired_device_stay() {
    let (host, owner, pump) = fleet();
    for value in [1.0, 2.0] {
        host.call(pump, || Fleet::report(value)).unwrap();
    }
    host.call(owner, || Fleet::retire(pump)).unwrap();
    assert_eq!(host.call(pump, || Fleet::report(3.0)), Err(Error::UnknownDevice));
    assert!(host.query(|| Fleet::device(pump)).is_none());
    host.call(owner, || Fleet::register(pump, "pump 1".to_string())).unwrap();
    host.call(pump, || Fleet::report(4.0)).unwrap();
    let values: Vec<f64> =
        host.query(|| Fleet::readings(pump, 1, 9)).iter().map(|reading| reading.value).collect();
    assert_eq!(values, [2.0, 4.0]);
}

#[test]
fn devices_are_listed_in_pages() {
    let (host, owner, _) = fleet();
    for name in ["fan", "valve"] {
        host.call(owner, || Fleet::register(host.account(name), name.to_string())).unwrap();
    }
    let first = host.query(|| Fleet::devices(None, 2));
    let second = host.query(|| Fleet::devices(Some(first[1].device), 9));
    assert_eq!((first.len(), second.len()), (2, 2));
    assert_eq!(first[1].device, second[0].device);
}
