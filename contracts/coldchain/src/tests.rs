//! The cold chain's logic, natively.

use crate::ColdChain;
use crate::bindings::exports::pollen::coldchain::commands::{Error, Guest as _, Verdict};
use crate::bindings::exports::pollen::coldchain::events::{Alarm, Closed};
use crate::bindings::exports::pollen::coldchain::queries::Guest as _;
use pollen_sdk::test::Host;
use pollen_sdk::{Account, String, ToString, Vec, format, vec};

fn name() -> String {
    "box-1".to_string()
}

/// A box of the producer's with a limit of 8 degrees.
fn opened(carrier: Option<Account>, sensors: Option<Vec<Account>>) -> Host {
    let host = Host::new();
    let producer = host.account("producer");
    host.call(producer, || ColdChain::open_box(name(), 8.0, carrier, sensors)).unwrap();
    host
}

#[test]
fn a_warm_reading_raises_the_alarm_and_a_cold_one_does_not() {
    let host = opened(None, None);
    let sensor = host.account("truck-sensor");
    assert_eq!(host.call(sensor, || ColdChain::record(name(), 8.0)), Ok(Verdict::Good));
    assert!(host.events_named("alarm").is_empty());
    host.advance_time(60_000);
    assert_eq!(host.call(sensor, || ColdChain::record(name(), 9.5)), Ok(Verdict::TooWarm));
    let alarms = host.events_named("alarm");
    let alarm: Alarm = alarms[0].decode();
    let expected = Alarm { box_: name(), celsius: 9.5, limit: 8.0, sensor, at_ms: 61_000 };
    assert_eq!((alarms.len(), alarm), (1, expected));
    assert_eq!(alarms[0].topics, [b"box-1".to_vec()]);
    assert_eq!(host.events_named("reading").len(), 2);
}

#[test]
fn the_status_tells_the_newest_and_the_warmest() {
    let host = opened(None, None);
    for celsius in [3.0, 11.0, -1.5] {
        host.call(host.account("truck-sensor"), || ColdChain::record(name(), celsius)).unwrap();
    }
    let status = host.query(|| ColdChain::status(name())).unwrap();
    assert_eq!((status.open, status.readings, status.alarms), (true, 3, 1));
    assert_eq!((status.last_celsius, status.warmest_celsius), (Some(-1.5), Some(11.0)));
    assert_eq!((status.opened_by, status.opened_at_ms), (host.account("producer"), 1_000));
    let readings = host.query(|| ColdChain::readings(name(), 1, 9)).unwrap();
    let celsius: Vec<f64> = readings.iter().map(|reading| reading.celsius).collect();
    assert_eq!(celsius, [11.0, -1.5]);
}

#[test]
fn a_restricted_box_hears_only_its_own_sensors() {
    let sensor = Host::new().account("truck-sensor");
    let host = opened(None, Some(vec![sensor]));
    let stranger = host.account("stranger");
    assert_eq!(host.call(stranger, || ColdChain::record(name(), 1.0)), Err(Error::NotAllowed));
    assert_eq!(host.call(sensor, || ColdChain::record(name(), 1.0)), Ok(Verdict::Good));
    assert_eq!(ColdChain::status(name()).unwrap().readings, 1);
}

#[test]
fn only_opener_and_carrier_close_and_a_closed_box_is_silent() {
    let carrier = Host::new().account("carrier");
    let host = opened(Some(carrier), None);
    let stranger = host.account("stranger");
    assert_eq!(host.call(stranger, || ColdChain::close_box(name())), Err(Error::NotAllowed));
    host.call(stranger, || ColdChain::record(name(), 9.0)).unwrap();
    host.call(carrier, || ColdChain::close_box(name())).unwrap();
    let closed: Closed = host.events_named("closed")[0].decode();
    assert_eq!(closed, Closed { box_: name(), readings: 1, alarms: 1 });
    assert_eq!(host.call(stranger, || ColdChain::record(name(), 9.0)), Err(Error::BoxClosed));
    assert_eq!(host.call(carrier, || ColdChain::close_box(name())), Err(Error::BoxClosed));
}

#[test]
fn names_are_bounded_and_used_once() {
    let host = opened(None, None);
    let open = |name: &str| {
        host.call(host.account("shop"), || ColdChain::open_box(name.to_string(), 1.0, None, None))
    };
    assert_eq!(open("box-1"), Err(Error::NameTaken));
    assert_eq!((open(""), open(&"x".repeat(65))), (Err(Error::BadName), Err(Error::BadName)));
    (2..300).for_each(|number| open(&format!("box-{number}")).unwrap());
    assert_eq!(ColdChain::boxes(0, 2), ["box-1", "box-2"]);
    assert_eq!(ColdChain::boxes(0, u32::MAX).len(), 256, "a page has its bound");
    assert_eq!(ColdChain::boxes(298, 5), ["box-299"]);
    assert_eq!(ColdChain::status("box-0".to_string()).err(), Some(Error::UnknownBox));
}

#[test]
fn what_is_no_temperature_is_refused() {
    let host = opened(None, None);
    for celsius in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -273.2] {
        let sensor = host.account("truck-sensor");
        let end = host.call(sensor, || ColdChain::record(name(), celsius));
        assert_eq!(end, Err(Error::NotATemperature), "{celsius}");
    }
    let many = Some(vec![host.account("sensor"); 65]);
    let shop = host.account("shop");
    let end = host.call(shop, || ColdChain::open_box("box-2".to_string(), 1.0, None, many));
    assert_eq!(end, Err(Error::TooManySensors));
}

#[test]
fn alarms_of_all_boxes_are_listed_by_time_from_any_moment_on() {
    let host = Host::new();
    let (sensor, boxes) = (host.account("truck-sensor"), ["box-2", "box-1", "box-3"]);
    for name in boxes {
        host.call(sensor, || ColdChain::open_box(name.to_string(), 8.0, None, None)).unwrap();
    }
    for round in 0..100 {
        for name in boxes {
            // Every third reading is too warm, in each box another one.
            let celsius = if (round + name.len() + usize::from(name.as_bytes()[4])) % 3 == 0 {
                9.0
            } else {
                1.0
            };
            host.call(sensor, || ColdChain::record(name.to_string(), celsius)).unwrap();
        }
        host.advance_time(1_000);
    }
    let all = host.query(|| ColdChain::warnings(0, u32::MAX));
    assert_eq!(all.len(), 100);
    assert!(
        all.windows(2).all(|pair| (pair[0].at_ms, &pair[0].box_) < (pair[1].at_ms, &pair[1].box_))
    );
    assert!(all.iter().all(|warning| warning.celsius == 9.0 && warning.at_ms % 1_000 == 0));
    let late = ColdChain::warnings(91_000, 5);
    assert_eq!((late.len(), late[0].at_ms, late[4].at_ms), (5, 91_000, 95_000));
    assert_eq!(ColdChain::warnings(101_000, 5), []);
}
