//! Made by `pollen bind rust` of test:every-kind@0.1.0: do not edit. Calls name the interface [`INTERFACE`] and fail
//! where the module has another one by then: make this file anew after an upgrade. Needs the crates
//! `pollen-rpc`, `pollen-ledger` and `borsh` (with its feature `derive`).

// Names and docs are the module's author's; a program need not use all of them.
#![allow(clippy::all, dead_code, missing_docs, rustdoc::all)]

use pollen_ledger::{AccountId, Hash};
use pollen_rpc::client::{ClientError, PollenClient, bound};

/// The hash of the interface that these bindings were made of.
pub const INTERFACE: Hash = Hash([
    0x07, 0x07, 0x07, 0x07, 0x07, 0x07, 0x07, 0x07, 0x07, 0x07, 0x07, 0x07, 0x07, 0x07, 0x07, 0x07,
    0x07, 0x07, 0x07, 0x07, 0x07, 0x07, 0x07, 0x07, 0x07, 0x07, 0x07, 0x07, 0x07, 0x07, 0x07, 0x07,
]);

#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct KeyPair {
    pub left_side: u64,
    pub right: Option<Option<u8>>,
}

#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub enum Choice {
    Nothing,
    /// Two.
    APair(KeyPair),
    Numbers(Vec<f32>),
}

/// Ends the comment */ process.exit(1) /*
/// and goes on
#[derive(Copy, Eq, Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub enum Error {
    /// */ alert(1)
    Red,
    DarkGreen,
    Self_,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rights {
    pub read: bool,
    pub write: bool,
    pub grant: bool,
}

impl borsh::BorshSerialize for Rights {
    fn serialize<W: std::io::Write>(&self, writer: &mut W) -> std::io::Result<()> {
        bound::write_flags(&[self.read, self.write, self.grant], writer)
    }
}

impl borsh::BorshDeserialize for Rights {
    fn deserialize_reader<R: std::io::Read>(reader: &mut R) -> std::io::Result<Self> {
        let [read, write, grant] = bound::read_flags(reader)?;
        Ok(Self { read, write, grant })
    }
}

#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct EveryKindKeyPair {
    pub data: Vec<u8>,
}

/// An event of the module.
#[derive(Debug, Clone, PartialEq)]
pub enum EveryKindEvent {
    /// Somebody chose.
    Chosen(Choice),
    Count(u64),
}

impl EveryKindEvent {
    /// What an event of this module says; none of one that the interface did not have. An event of another
    /// module is told from it by its `module` alone.
    pub fn of(event: &pollen_rpc::api::EventView) -> Result<Option<Self>, ClientError> {
        match event.name.as_str() {
            "chosen" => bound::event(event).map(Self::Chosen).map(Some),
            "count" => bound::event(event).map(Self::Count).map(Some),
            _ => Ok(None),
        }
    }
}

/// Every kind of type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EveryKind {
    /// The module's id.
    pub module: AccountId,
}

impl EveryKind {
    /// The module with this id.
    pub const fn at(module: AccountId) -> Self {
        Self { module }
    }

    /// The module at an address or `@name`: a node is asked for its id.
    pub async fn find(client: &PollenClient, module: &str) -> Result<Self, ClientError> {
        Ok(Self::at(bound::find(client, module).await?))
    }

    /// Arguments of `init`, for a deployment.
    pub fn init_arguments(start: u64) -> Result<Vec<u8>, ClientError> {
        bound::Arguments::new().and(&start).encoded()
    }

    pub fn scalars(
        &self,
        a: bool,
        b: u8,
        c: u16,
        d: u32,
        e: u64,
        f: i8,
        g: i16,
        h: i32,
        i: i64,
        j: f32,
        k: f64,
        l: bound::Char,
        m: &str,
        n: u64,
        o: &[u8],
        p: AccountId,
        q: Hash,
        r: Hash,
        s: Hash,
    ) -> bound::Call<
        Tuple19<
            bool,
            u8,
            u16,
            u32,
            u64,
            i8,
            i16,
            i32,
            i64,
            f32,
            f64,
            bound::Char,
            String,
            u64,
            Vec<u8>,
            AccountId,
            Hash,
            Hash,
            Hash,
        >,
    > {
        bound::Call::new(
            self.module,
            INTERFACE,
            "scalars",
            bound::Arguments::new()
                .and(&a)
                .and(&b)
                .and(&c)
                .and(&d)
                .and(&e)
                .and(&f)
                .and(&g)
                .and(&h)
                .and(&i)
                .and(&j)
                .and(&k)
                .and(&l)
                .and(m)
                .and(&n)
                .and(o)
                .and(&p)
                .and(&q)
                .and(&r)
                .and(&s),
        )
    }

    pub fn made_of_others(
        &self,
        list_of: &[Option<KeyPair>],
        choice: Choice,
        color: Error,
        may: Rights,
        both: (u8, EveryKindKeyPair),
        maybe: Option<String>,
        end: bound::WitResult<(), u32>,
    ) -> bound::Call<Choice, Error> {
        bound::Call::new(
            self.module,
            INTERFACE,
            "made-of-others",
            bound::Arguments::new()
                .and(list_of)
                .and(&choice)
                .and(&color)
                .and(&may)
                .and(&both)
                .and(&maybe)
                .and(&end),
        )
    }

    pub fn constructor(&self) -> bound::Call<(), ()> {
        bound::Call::new(self.module, INTERFACE, "constructor", bound::Arguments::new())
    }

    pub fn get(&self) -> bound::Call<()> {
        bound::Call::new(self.module, INTERFACE, "get", bound::Arguments::new())
    }

    /// Finds */ it.
    ///
    /// exit(1);
    /// '''
    pub fn find_call(&self, r#type: u8, self_: &str) -> bound::Call<()> {
        bound::Call::new(
            self.module,
            INTERFACE,
            "find",
            bound::Arguments::new().and(&r#type).and(self_),
        )
    }

    pub fn get_query(&self, maybe_this: Option<KeyPair>) -> bound::Query<EveryKindKeyPair> {
        bound::Query::new(self.module, "get", bound::Arguments::new().and(&maybe_this))
    }

    pub fn id(&self) -> bound::Query<Option<i64>> {
        bound::Query::new(self.module, "id", bound::Arguments::new())
    }

    /// The module's events after a cursor, or from now on; [`EveryKindEvent::of`] tells what they say.
    pub async fn subscribe(
        &self,
        client: &PollenClient,
        after: Option<pollen_rpc::api::Cursor>,
    ) -> Result<pollen_rpc::client::EventStream, ClientError> {
        bound::subscribe(client, self.module, after).await
    }
}

/// A tuple of 19: Rust prints and compares its own up to 12.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Tuple19<
    T0,
    T1,
    T2,
    T3,
    T4,
    T5,
    T6,
    T7,
    T8,
    T9,
    T10,
    T11,
    T12,
    T13,
    T14,
    T15,
    T16,
    T17,
    T18,
>(
    pub T0,
    pub T1,
    pub T2,
    pub T3,
    pub T4,
    pub T5,
    pub T6,
    pub T7,
    pub T8,
    pub T9,
    pub T10,
    pub T11,
    pub T12,
    pub T13,
    pub T14,
    pub T15,
    pub T16,
    pub T17,
    pub T18,
);
