//! A fleet of devices. The owner registers them; each signs its own readings, at ledger time; a reading above the
//! threshold raises an alarm.
//!
//! A reading touches two keys: the device and the reading's own. An alarm touches a few more, since alarms of all
//! devices are also listed by time. Readings of a retired device stay, and its account can be registered again:
//! its numbers go on where they were.

#![no_std]

pollen_sdk::module!(Fleet in "pollen:fleet/fleet");

use bindings::exports::pollen::fleet::commands::{self, Error};
use bindings::exports::pollen::fleet::events::{Alarmed, Registered, Retired};
use bindings::exports::pollen::fleet::queries::{self, Alarm, DeviceStatus, Reading};
use pollen_sdk::access::Owner;
use pollen_sdk::borsh::{BorshDeserialize, BorshSerialize};
use pollen_sdk::{Account, Event as _, Item, Map, NONE, OrderedMap, String, Vec, context, ensure};

/// Bytes of a device's name.
const NAME_BYTES_MAX: usize = 64;
/// Devices of one page of a query.
const DEVICES_MAX: u32 = 100;
/// Readings and alarms of one page of a query.
const PAGE_MAX: u32 = 256;

/// What is kept of a device.
#[derive(Default, BorshSerialize, BorshDeserialize)]
struct Device {
    name: String,
    readings: u32,
    alarms: u32,
    last: Option<Reading>,
}

const OWNER: Owner = Owner::new(b"o");
const THRESHOLD: Item<f64> = Item::new(b"t");
/// Devices of the fleet, by account.
const DEVICES: OrderedMap<Account, Device> = OrderedMap::new(b"d");
/// How many readings a retired device had.
const RETIRED: Map<Account, u32> = Map::new(b"x");
const READINGS: Map<(Account, u32), Reading> = Map::new(b"r");
/// What was measured, by time, device and number.
const ALARMS: OrderedMap<(u64, Account, u32), f64> = OrderedMap::new(b"a");

pollen_sdk::event!(Registered: device);
pollen_sdk::event!(Retired: device);
pollen_sdk::event!(Alarmed: device);

/// Implements the interface.
pub struct Fleet;

impl commands::Guest for Fleet {
    fn init(threshold: f64) {
        OWNER.init(context::caller());
        THRESHOLD.set(&threshold);
    }

    fn register(device: Account, name: String) -> Result<(), Error> {
        ensure!(OWNER.is_caller(), Error::NotTheOwner);
        ensure!((1..=NAME_BYTES_MAX).contains(&name.len()), Error::BadName);
        ensure!(!DEVICES.contains(&device), Error::AlreadyRegistered);
        let readings = RETIRED.get(&device).unwrap_or(0);
        RETIRED.remove(&device);
        DEVICES.set(&device, &Device { name: name.clone(), readings, ..Device::default() });
        Registered { device, name }.emit();
        Ok(())
    }

    fn retire(device: Account) -> Result<(), Error> {
        ensure!(OWNER.is_caller(), Error::NotTheOwner);
        let kept = DEVICES.get(&device).ok_or(Error::UnknownDevice)?;
        DEVICES.remove(&device);
        if kept.readings > 0 {
            RETIRED.set(&device, &kept.readings);
        }
        Retired { device }.emit();
        Ok(())
    }

    fn set_threshold(threshold: f64) -> Result<(), Error> {
        ensure!(OWNER.is_caller(), Error::NotTheOwner);
        ensure!(threshold.is_finite(), Error::NotANumber);
        THRESHOLD.set(&threshold);
        Ok(())
    }

    fn report(value: f64) -> Result<bool, Error> {
        ensure!(value.is_finite(), Error::NotANumber);
        let (device, at_ms) = (context::caller(), context::time_ms());
        let mut kept = DEVICES.get(&device).ok_or(Error::UnknownDevice)?;
        let (number, threshold) = (kept.readings, threshold());
        let is_alarm = value > threshold;
        kept.readings += 1;
        kept.alarms += u32::from(is_alarm);
        kept.last = Some(Reading { value, at_ms });
        DEVICES.set(&device, &kept);
        READINGS.set(&(device, number), &Reading { value, at_ms });
        if is_alarm {
            ALARMS.set(&(at_ms, device, number), &value);
            Alarmed { device, value, threshold }.emit();
        }
        Ok(is_alarm)
    }
}

impl queries::Guest for Fleet {
    fn threshold() -> f64 {
        threshold()
    }

    fn device(device: Account) -> Option<DeviceStatus> {
        DEVICES.get(&device).map(|kept| status(device, kept))
    }

    fn devices(start: Option<Account>, max: u32) -> Vec<DeviceStatus> {
        let page = DEVICES.page(start.as_ref(), max.min(DEVICES_MAX));
        page.entries.into_iter().map(|(device, kept)| status(device, kept)).collect()
    }

    fn readings(device: Account, first: u32, max: u32) -> Vec<Reading> {
        let known = DEVICES.get(&device).map(|kept| kept.readings).or_else(|| RETIRED.get(&device));
        let end = known.unwrap_or(0).min(first.saturating_add(max.min(PAGE_MAX)));
        (first..end).filter_map(|number| READINGS.get(&(device, number))).collect()
    }

    fn alarms(since_ms: u64, max: u32) -> Vec<Alarm> {
        let page = ALARMS.page(Some(&(since_ms, NONE, 0)), max.min(PAGE_MAX));
        let alarm = |((at_ms, device, _), value)| Alarm { at_ms, device, value };
        page.entries.into_iter().map(alarm).collect()
    }
}

fn threshold() -> f64 {
    THRESHOLD.get().unwrap_or(f64::INFINITY)
}

fn status(device: Account, kept: Device) -> DeviceStatus {
    let Device { name, readings, alarms, last } = kept;
    DeviceStatus { device, name, readings, alarms, last }
}

#[cfg(test)]
mod tests;
