//! Made by `pollen bind rust` of pollen:coldchain@0.1.0: do not edit. Calls name the interface [`INTERFACE`] and fail
//! where the module has another one by then: make this file anew after an upgrade. Needs the crates
//! `pollen-rpc`, `pollen-ledger` and `borsh` (with its feature `derive`).

// Names and docs are the module's author's; a program need not use all of them.
#![allow(clippy::all, dead_code, missing_docs, rustdoc::all)]

use pollen_ledger::{AccountId, Hash};
use pollen_rpc::client::{ClientError, PollenClient, bound};

/// The hash of the interface that these bindings were made of.
pub const INTERFACE: Hash = Hash([
    0x21, 0x3a, 0x7e, 0x55, 0xa4, 0xc2, 0xb4, 0x10, 0x11, 0xa5, 0xc5, 0x40, 0xec, 0xb8, 0xf6, 0xcb,
    0x4b, 0x44, 0x79, 0x0b, 0x09, 0x25, 0xff, 0x8d, 0x6a, 0x41, 0xf1, 0xd1, 0xc5, 0x7c, 0xff, 0x98,
]);

/// Why nothing was done.
#[derive(Copy, Eq, Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub enum Error {
    /// No box has this name.
    UnknownBox,
    /// A box of this name was opened before; names are used once.
    NameTaken,
    /// The box is closed.
    BoxClosed,
    /// The box was opened for other sensors, or may only be closed by its opener and its carrier.
    NotAllowed,
    /// A name is 1 to 64 bytes long.
    BadName,
    /// No temperature: below absolute zero or not finite.
    NotATemperature,
    /// A box has at most 64 named sensors.
    TooManySensors,
    /// The box has had all the readings that it can have: 2^32 - 1.
    BoxFull,
}

/// What a reading says about the box.
#[derive(Copy, Eq, Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub enum Verdict {
    /// Cold enough.
    Good,
    /// Above the limit: the alarm was raised.
    TooWarm,
}

/// How a box stands.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct BoxStatus {
    /// Whether it takes readings.
    pub open: bool,
    /// The limit, in degrees Celsius.
    pub max_celsius: f64,
    /// The newest reading, in degrees Celsius.
    pub last_celsius: Option<f64>,
    /// When it came: ledger time, in milliseconds since 1970.
    pub last_at_ms: Option<u64>,
    /// The warmest reading, in degrees Celsius.
    pub warmest_celsius: Option<f64>,
    /// How many readings it has.
    pub readings: u32,
    /// How many of them were too warm.
    pub alarms: u32,
    /// Who opened it.
    pub opened_by: AccountId,
    /// When: ledger time, in milliseconds since 1970.
    pub opened_at_ms: u64,
    /// Who carries it, if that was said: may close it too.
    pub carrier: Option<AccountId>,
    /// Whether only the sensors named at its opening may record.
    pub restricted: bool,
}

/// One reading of a sensor.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Measurement {
    /// Degrees Celsius.
    pub celsius: f64,
    /// Who signed it.
    pub sensor: AccountId,
    /// Ledger time, in milliseconds since 1970.
    pub at_ms: u64,
}

/// A reading that was too warm.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Warning {
    /// When: ledger time, in milliseconds since 1970.
    pub at_ms: u64,
    /// Which box.
    pub r#box: String,
    /// The reading's number in its box.
    pub reading: u32,
    /// Degrees Celsius.
    pub celsius: f64,
}

/// A box was opened.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Opened {
    /// Which.
    pub r#box: String,
    /// Its limit, in degrees Celsius.
    pub max_celsius: f64,
    /// By whom.
    pub by: AccountId,
}

/// A sensor recorded a temperature.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Reading {
    /// Of which box.
    pub r#box: String,
    /// Degrees Celsius.
    pub celsius: f64,
    /// Who signed it.
    pub sensor: AccountId,
    /// Ledger time, in milliseconds since 1970.
    pub at_ms: u64,
}

/// A box is too warm.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Alarm {
    /// Which.
    pub r#box: String,
    /// Degrees Celsius.
    pub celsius: f64,
    /// The limit that it passed, in degrees Celsius.
    pub limit: f64,
    /// Who signed the reading.
    pub sensor: AccountId,
    /// Ledger time, in milliseconds since 1970.
    pub at_ms: u64,
}

/// A box was closed.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Closed {
    /// Which.
    pub r#box: String,
    /// How many readings it had.
    pub readings: u32,
    /// How many of them were too warm.
    pub alarms: u32,
}

/// An event of the module.
#[derive(Debug, Clone, PartialEq)]
pub enum ColdchainEvent {
    /// A box was opened.
    Opened(Opened),
    /// A sensor recorded a temperature.
    Reading(Reading),
    /// A box is too warm.
    Alarm(Alarm),
    /// A box was closed.
    Closed(Closed),
}

impl ColdchainEvent {
    /// What an event of this module says; none of one that the interface did not have. An event of another
    /// module is told from it by its `module` alone.
    pub fn of(event: &pollen_rpc::api::EventView) -> Result<Option<Self>, ClientError> {
        match event.name.as_str() {
            "opened" => bound::event(event).map(Self::Opened).map(Some),
            "reading" => bound::event(event).map(Self::Reading).map(Some),
            "alarm" => bound::event(event).map(Self::Alarm).map(Some),
            "closed" => bound::event(event).map(Self::Closed).map(Some),
            _ => Ok(None),
        }
    }
}

/// A cold chain: boxes that must stay cold, the readings of their sensors, and an alarm when one is too
/// warm. A producer, a carrier and a shop share it and trust none of the others to run it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coldchain {
    /// The module's id.
    pub module: AccountId,
}

impl Coldchain {
    /// The module with this id.
    pub const fn at(module: AccountId) -> Self {
        Self { module }
    }

    /// The module at an address or `@name`: a node is asked for its id.
    pub async fn find(client: &PollenClient, module: &str) -> Result<Self, ClientError> {
        Ok(Self::at(bound::find(client, module).await?))
    }

    /// Opens a box that must not become warmer than `max-celsius`. The `carrier` may close it too. With
    /// `sensors`, only they may record; without, anybody may.
    pub fn open_box(
        &self,
        r#box: &str,
        max_celsius: f64,
        carrier: Option<AccountId>,
        sensors: Option<Vec<AccountId>>,
    ) -> bound::Call<(), Error> {
        bound::Call::new(
            self.module,
            INTERFACE,
            "open-box",
            bound::Arguments::new().and(r#box).and(&max_celsius).and(&carrier).and(&sensors),
        )
    }

    /// Records the temperature of a box, signed by the sensor that calls. Too warm a reading raises `alarm`.
    pub fn record(&self, r#box: &str, celsius: f64) -> bound::Call<Verdict, Error> {
        bound::Call::new(
            self.module,
            INTERFACE,
            "record",
            bound::Arguments::new().and(r#box).and(&celsius),
        )
    }

    /// Closes a box for good. Its opener and its carrier may.
    pub fn close_box(&self, r#box: &str) -> bound::Call<(), Error> {
        bound::Call::new(self.module, INTERFACE, "close-box", bound::Arguments::new().and(r#box))
    }

    /// How a box stands.
    pub fn status(&self, r#box: &str) -> bound::Query<BoxStatus, Error> {
        bound::Query::new(self.module, "status", bound::Arguments::new().and(r#box))
    }

    /// Readings of a box in the order they came, from number `first` (0 is the oldest), at most `max` and
    /// at most 256.
    pub fn readings(
        &self,
        r#box: &str,
        first: u32,
        max: u32,
    ) -> bound::Query<Vec<Measurement>, Error> {
        bound::Query::new(
            self.module,
            "readings",
            bound::Arguments::new().and(r#box).and(&first).and(&max),
        )
    }

    /// Readings of all boxes that were too warm, in the order of time, from `since-ms` of ledger time on (in
    /// milliseconds since 1970), at most `max` and at most 256. To go on, ask from the last one's time and leave
    /// out what is known.
    pub fn warnings(&self, since_ms: u64, max: u32) -> bound::Query<Vec<Warning>> {
        bound::Query::new(self.module, "warnings", bound::Arguments::new().and(&since_ms).and(&max))
    }

    /// Names of all boxes in the order they were opened, from number `first`, at most `max` and at most 256.
    pub fn boxes(&self, first: u32, max: u32) -> bound::Query<Vec<String>> {
        bound::Query::new(self.module, "boxes", bound::Arguments::new().and(&first).and(&max))
    }

    /// The module's events after a cursor, or from now on; [`ColdchainEvent::of`] tells what they say.
    pub async fn subscribe(
        &self,
        client: &PollenClient,
        after: Option<pollen_rpc::api::Cursor>,
    ) -> Result<pollen_rpc::client::EventStream, ClientError> {
        bound::subscribe(client, self.module, after).await
    }
}
