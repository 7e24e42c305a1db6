//! A cold chain: boxes, the readings of their sensors, and an alarm when a box is too warm.
//!
//! Nobody owns the module. Whoever opens a box sets its limit and may name the sensors that count; a
//! reading is what a sensor signed, at ledger time. Nothing is ever changed or taken back.
//!
//! A reading touches two keys: the box and the reading's own. One that is too warm touches a few more, since
//! all alarms are also listed by time, over all boxes: an ordered map whose key is (time, box, number). What
//! it deliberately does not do yet: raise an alarm when a sensor falls silent, since modules cannot schedule
//! calls yet.

#![no_std]

pollen_sdk::module!(ColdChain in "pollen:coldchain/coldchain");

use bindings::exports::pollen::coldchain::commands::{self, Error, Verdict};
use bindings::exports::pollen::coldchain::events::{Alarm, Closed, Opened, Reading};
use bindings::exports::pollen::coldchain::queries::{self, BoxStatus, Measurement, Warning};
use pollen_sdk::{
    Account, Event as _, Map, OrderedMap, String, ToString, Vec, Vector, context, ensure,
};

/// Bytes of a box's name: one topic of an event.
const NAME_BYTES_MAX: usize = 64;
const SENSORS_MAX: usize = 64;
/// Entries of one page of a query.
const PAGE_MAX: u32 = 256;
const ABSOLUTE_ZERO_CELSIUS: f64 = -273.15;

const BOXES: Map<str, BoxStatus> = Map::new(b"b");
/// The sensors that may record, of restricted boxes.
const SENSORS: Map<str, Vec<Account>> = Map::new(b"s");
const READINGS: Map<(String, u32), Measurement> = Map::new(b"r");
const NAMES: Vector<String> = Vector::new(b"n");
/// Degrees of the readings that were too warm, by time, box and number.
const WARNINGS: OrderedMap<(u64, String, u32), f64> = OrderedMap::new(b"w");

pollen_sdk::event!(Opened: box_);
pollen_sdk::event!(Reading: box_);
pollen_sdk::event!(Alarm: box_);
pollen_sdk::event!(Closed: box_);

/// Implements the interface.
pub struct ColdChain;

impl commands::Guest for ColdChain {
    fn open_box(
        name: String,
        max_celsius: f64,
        carrier: Option<Account>,
        sensors: Option<Vec<Account>>,
    ) -> Result<(), Error> {
        ensure!((1..=NAME_BYTES_MAX).contains(&name.len()), Error::BadName);
        ensure!(is_temperature(max_celsius), Error::NotATemperature);
        ensure!(!BOXES.contains(&name), Error::NameTaken);
        let opened_by = context::caller();
        if let Some(sensors) = &sensors {
            ensure!(sensors.len() <= SENSORS_MAX, Error::TooManySensors);
            SENSORS.set(&name, sensors);
        }
        let status = BoxStatus {
            open: true,
            max_celsius,
            last_celsius: None,
            last_at_ms: None,
            warmest_celsius: None,
            readings: 0,
            alarms: 0,
            opened_by,
            opened_at_ms: context::time_ms(),
            carrier,
            restricted: sensors.is_some(),
        };
        BOXES.set(&name, &status);
        NAMES.push(&name);
        Opened { box_: name, max_celsius, by: opened_by }.emit();
        Ok(())
    }

    fn record(name: String, celsius: f64) -> Result<Verdict, Error> {
        ensure!(is_temperature(celsius), Error::NotATemperature);
        let mut status = open_box_of(&name)?;
        let (sensor, at_ms) = (context::caller(), context::time_ms());
        ensure!(may_record(&name, &status, sensor), Error::NotAllowed);

        let number = status.readings;
        status.readings = number.checked_add(1).ok_or(Error::BoxFull)?;
        status.last_celsius = Some(celsius);
        status.last_at_ms = Some(at_ms);
        let warmest = status.warmest_celsius.map_or(celsius, |warmest| warmest.max(celsius));
        status.warmest_celsius = Some(warmest);
        let limit = status.max_celsius;
        let too_warm = celsius > limit;
        status.alarms += u32::from(too_warm);
        BOXES.set(&name, &status);
        READINGS.set(&(name.clone(), number), &Measurement { celsius, sensor, at_ms });

        Reading { box_: name.clone(), celsius, sensor, at_ms }.emit();
        if !too_warm {
            return Ok(Verdict::Good);
        }
        WARNINGS.set(&(at_ms, name.clone(), number), &celsius);
        Alarm { box_: name, celsius, limit, sensor, at_ms }.emit();
        Ok(Verdict::TooWarm)
    }

    fn close_box(name: String) -> Result<(), Error> {
        let mut status = open_box_of(&name)?;
        let caller = context::caller();
        let may_close = caller == status.opened_by || status.carrier == Some(caller);
        ensure!(may_close, Error::NotAllowed);
        status.open = false;
        BOXES.set(&name, &status);
        Closed { box_: name, readings: status.readings, alarms: status.alarms }.emit();
        Ok(())
    }
}

impl queries::Guest for ColdChain {
    fn status(name: String) -> Result<BoxStatus, Error> {
        BOXES.get(&name).ok_or(Error::UnknownBox)
    }

    fn readings(name: String, first: u32, max: u32) -> Result<Vec<Measurement>, Error> {
        let status = BOXES.get(&name).ok_or(Error::UnknownBox)?;
        let end = status.readings.min(first.saturating_add(max.min(PAGE_MAX)));
        let numbers = first..end;
        Ok(numbers.filter_map(|number| READINGS.get(&(name.to_string(), number))).collect())
    }

    fn warnings(since_ms: u64, max: u32) -> Vec<Warning> {
        let page = WARNINGS.page(Some(&(since_ms, String::new(), 0)), max.min(PAGE_MAX));
        let entries = page.entries.into_iter();
        let warning = |((at_ms, box_, reading), celsius)| Warning { at_ms, box_, reading, celsius };
        entries.map(warning).collect()
    }

    fn boxes(first: u32, max: u32) -> Vec<String> {
        NAMES.page(first, max.min(PAGE_MAX))
    }
}

fn open_box_of(name: &str) -> Result<BoxStatus, Error> {
    let status = BOXES.get(name).ok_or(Error::UnknownBox)?;
    ensure!(status.open, Error::BoxClosed);
    Ok(status)
}

fn may_record(name: &str, status: &BoxStatus, sensor: Account) -> bool {
    !status.restricted || SENSORS.get(name).is_some_and(|sensors| sensors.contains(&sensor))
}

fn is_temperature(celsius: f64) -> bool {
    celsius.is_finite() && celsius >= ABSOLUTE_ZERO_CELSIUS
}

#[cfg(test)]
mod tests;
