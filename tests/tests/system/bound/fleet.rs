//! Made by `pollen bind rust` of pollen:fleet@0.1.0: do not edit. Calls name the interface [`INTERFACE`] and fail
//! where the module has another one by then: make this file anew after an upgrade. Needs the crates
//! `pollen-rpc`, `pollen-ledger` and `borsh` (with its feature `derive`).

// Names and docs are the module's author's; a program need not use all of them.
#![allow(clippy::all, dead_code, missing_docs, rustdoc::all)]

use pollen_ledger::{AccountId, Hash};
use pollen_rpc::client::{ClientError, PollenClient, bound};

/// The hash of the interface that these bindings were made of.
pub const INTERFACE: Hash = Hash([
    0x49, 0x87, 0x73, 0x2d, 0xc3, 0x0f, 0x8c, 0xc2, 0x70, 0xf4, 0xe1, 0xce, 0x42, 0x5f, 0x76, 0x8b,
    0x45, 0x1f, 0xcb, 0x86, 0x0b, 0x53, 0xd1, 0x74, 0x71, 0xf2, 0x2e, 0x36, 0xfe, 0x3d, 0xb4, 0x53,
]);

/// Why nothing was done.
#[derive(Copy, Eq, Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub enum Error {
    /// Only the owner may do this.
    NotTheOwner,
    /// This account is no device of the fleet.
    UnknownDevice,
    /// This account is a device already.
    AlreadyRegistered,
    /// A name is 1 to 64 bytes long.
    BadName,
    /// No number: not finite.
    NotANumber,
}

/// One reading.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Reading {
    /// What was measured.
    pub value: f64,
    /// When: ledger time, in milliseconds since 1970.
    pub at_ms: u64,
}

/// How a device stands.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct DeviceStatus {
    /// Which.
    pub device: AccountId,
    /// Its name.
    pub name: String,
    /// How many readings it has reported.
    pub readings: u32,
    /// How many of them were alarms.
    pub alarms: u32,
    /// The newest reading.
    pub last: Option<Reading>,
}

/// An alarm.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Alarm {
    /// When: ledger time, in milliseconds since 1970.
    pub at_ms: u64,
    /// Of which device.
    pub device: AccountId,
    /// What was measured.
    pub value: f64,
}

/// A device was taken into the fleet.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Registered {
    /// Which.
    pub device: AccountId,
    /// Its name.
    pub name: String,
}

/// A device was taken out of the fleet.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Retired {
    /// Which.
    pub device: AccountId,
}

/// A reading passed the threshold.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Alarmed {
    /// Of which device.
    pub device: AccountId,
    /// What was measured.
    pub value: f64,
    /// The threshold that it passed.
    pub threshold: f64,
}

/// An event of the module.
#[derive(Debug, Clone, PartialEq)]
pub enum FleetEvent {
    /// A device was taken into the fleet.
    Registered(Registered),
    /// A device was taken out of the fleet.
    Retired(Retired),
    /// A reading passed the threshold.
    Alarmed(Alarmed),
}

impl FleetEvent {
    /// What an event of this module says; none of one that the interface did not have. An event of another
    /// module is told from it by its `module` alone.
    pub fn of(event: &pollen_rpc::api::EventView) -> Result<Option<Self>, ClientError> {
        match event.name.as_str() {
            "registered" => bound::event(event).map(Self::Registered).map(Some),
            "retired" => bound::event(event).map(Self::Retired).map(Some),
            "alarmed" => bound::event(event).map(Self::Alarmed).map(Some),
            _ => Ok(None),
        }
    }
}

/// A fleet of devices: each is registered by the owner, signs its own readings, and raises an alarm when a reading
/// passes the threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fleet {
    /// The module's id.
    pub module: AccountId,
}

impl Fleet {
    /// The module with this id.
    pub const fn at(module: AccountId) -> Self {
        Self { module }
    }

    /// The module at an address or `@name`: a node is asked for its id.
    pub async fn find(client: &PollenClient, module: &str) -> Result<Self, ClientError> {
        Ok(Self::at(bound::find(client, module).await?))
    }

    /// Arguments of `init`, for a deployment.
    ///
    /// Makes the fleet: the deployer owns it; a reading above `threshold` is an alarm.
    pub fn init_arguments(threshold: f64) -> Result<Vec<u8>, ClientError> {
        bound::Arguments::new().and(&threshold).encoded()
    }

    /// Takes a device into the fleet. The owner alone.
    pub fn register(&self, device: AccountId, name: &str) -> bound::Call<(), Error> {
        bound::Call::new(
            self.module,
            INTERFACE,
            "register",
            bound::Arguments::new().and(&device).and(name),
        )
    }

    /// Takes a device out of the fleet; what it reported is kept. The owner alone.
    pub fn retire(&self, device: AccountId) -> bound::Call<(), Error> {
        bound::Call::new(self.module, INTERFACE, "retire", bound::Arguments::new().and(&device))
    }

    /// Sets from where on a reading is an alarm. The owner alone.
    pub fn set_threshold(&self, threshold: f64) -> bound::Call<(), Error> {
        bound::Call::new(
            self.module,
            INTERFACE,
            "set-threshold",
            bound::Arguments::new().and(&threshold),
        )
    }

    /// Records a reading of the device that signs. True when it raised the alarm.
    pub fn report(&self, value: f64) -> bound::Call<bool, Error> {
        bound::Call::new(self.module, INTERFACE, "report", bound::Arguments::new().and(&value))
    }

    /// From where on a reading is an alarm.
    pub fn threshold(&self) -> bound::Query<f64> {
        bound::Query::new(self.module, "threshold", bound::Arguments::new())
    }

    /// How a device stands; nothing when it is not in the fleet.
    pub fn device(&self, device: AccountId) -> bound::Query<Option<DeviceStatus>> {
        bound::Query::new(self.module, "device", bound::Arguments::new().and(&device))
    }

    /// Devices of the fleet by their account, from `start` on, at most `max` and at most 100.
    pub fn devices(&self, start: Option<AccountId>, max: u32) -> bound::Query<Vec<DeviceStatus>> {
        bound::Query::new(self.module, "devices", bound::Arguments::new().and(&start).and(&max))
    }

    /// Readings of a device in the order they came, from number `first` (0 is the oldest), at most `max` and at
    /// most 256.
    pub fn readings(&self, device: AccountId, first: u32, max: u32) -> bound::Query<Vec<Reading>> {
        bound::Query::new(
            self.module,
            "readings",
            bound::Arguments::new().and(&device).and(&first).and(&max),
        )
    }

    /// Alarms of all devices in the order of time, from `since-ms` of ledger time on, at most `max` and at most 256.
    pub fn alarms(&self, since_ms: u64, max: u32) -> bound::Query<Vec<Alarm>> {
        bound::Query::new(self.module, "alarms", bound::Arguments::new().and(&since_ms).and(&max))
    }

    /// The module's events after a cursor, or from now on; [`FleetEvent::of`] tells what they say.
    pub async fn subscribe(
        &self,
        client: &PollenClient,
        after: Option<pollen_rpc::api::Cursor>,
    ) -> Result<pollen_rpc::client::EventStream, ClientError> {
        bound::subscribe(client, self.module, after).await
    }
}
