//! What generated bindings (`pollen bind rust MODULE`) are made of: calls and queries of a module whose types the
//! program has, so that the compiler checks them and no node is asked what the types are.
//!
//! A [`Call`] or a [`Query`] is a value: it does nothing until it is sent or asked. Calls name the interface that they
//! were made from, so they fail (1014) where the module has another one by then.

use std::io::{Error, ErrorKind, Read, Write};
use std::marker::PhantomData;
use std::time::Duration;

use borsh::{BorshDeserialize, BorshSerialize};
use pollen_ledger::{AccountId, Action, Address, Hash};

use super::{ClientError, EventStream, Intent, PollenClient, Signed, Signer};
use crate::api::{
    Bytes, Cursor, EventView, EventsSubscribeParams, ModuleCallParams, ModuleParams, ReadAt, Stage,
    TxOutcome, TxStatus,
};
use crate::error::ErrorCode;

/// Most fuel that a call may use unless it says otherwise; what is not used is not paid.
const CALL_FUEL: u64 = 100_000_000;
/// How long [`Call::send`] waits for the end.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why a call or a query has no result. `E` is the error of the function itself.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError<E> {
    /// The module refused, and said why in its own words.
    #[error("the module refused: {0:?}")]
    Module(E),
    /// The call was executed without a success, or never will be.
    #[error("{message} ({code} {name}); transaction {}", status.hash)]
    Failed {
        /// Its number in docs/rpc.md.
        code: i32,
        /// Its stable name.
        name: String,
        /// What happened.
        message: String,
        /// How the transaction ended: fee, fuel, a backtrace.
        status: Box<TxStatus>,
    },
    /// There is no end yet: nobody knows whether the call will be executed.
    #[error(
        "transaction {} has not ended after {} s: submit the same again by `submit_and_wait`, which is safe",
        .0.hash, PATIENCE.as_secs()
    )]
    Pending(Box<Signed>),
    /// No node could be asked, or it did not understand.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// A call that succeeded.
#[derive(Debug, Clone)]
pub struct Executed<T> {
    /// What the function returned.
    pub value: T,
    /// Where, for which fee, with which events.
    pub status: TxStatus,
}

/// Arguments of a function in the ledger's encoding: one after the other.
#[derive(Debug, Clone, Default)]
pub struct Arguments {
    bytes: Vec<u8>,
    refused: Option<String>,
}

impl Arguments {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more. What has no encoding, such as a float that is no number, is told when the call is sent.
    pub fn and<T: BorshSerialize + ?Sized>(mut self, value: &T) -> Self {
        if let Err(error) = value.serialize(&mut self.bytes) {
            self.refused.get_or_insert(error.to_string());
        }
        self
    }

    /// As they are sent.
    pub fn encoded(self) -> Result<Vec<u8>, ClientError> {
        match self.refused {
            None => Ok(self.bytes),
            Some(reason) => Err(ClientError::Argument { reason }),
        }
    }
}

/// A call of a command that returns a `T`, or fails with an `E` of its own.
#[derive(Debug, Clone)]
#[must_use = "a call does nothing until it is sent"]
pub struct Call<T, E = Never> {
    module: AccountId,
    interface: Hash,
    function: &'static str,
    arguments: Arguments,
    deposit: u64,
    max_fuel: u64,
    ends: PhantomData<fn() -> (T, E)>,
}

impl<T: BorshDeserialize, E: BorshDeserialize> Call<T, E> {
    /// Of a function of the module, whose interface has this hash.
    pub fn new(
        module: AccountId,
        interface: Hash,
        function: &'static str,
        arguments: Arguments,
    ) -> Self {
        let (deposit, max_fuel, ends) = (0, CALL_FUEL, PhantomData);
        Self { module, interface, function, arguments, deposit, max_fuel, ends }
    }

    /// With so many grains sent along.
    pub fn with_deposit(mut self, grains: u64) -> Self {
        self.deposit = grains;
        self
    }

    /// With so much fuel at most, instead of 100 000 000.
    pub fn with_max_fuel(mut self, fuel: u64) -> Self {
        self.max_fuel = fuel;
        self
    }

    /// What a transaction says, for who signs it elsewhere or does more in the same one.
    pub fn action(&self) -> Result<Action, ClientError> {
        Ok(Action::Invoke {
            module: self.module,
            function: self.function.to_owned(),
            arguments: self.arguments.clone().encoded()?,
            deposit: self.deposit,
            interface: Some(self.interface),
        })
    }

    /// A transaction that does this alone.
    pub fn intent(&self) -> Result<Intent, ClientError> {
        Ok(Intent::new(vec![self.action()?], self.max_fuel))
    }

    /// Signs it, submits it, and waits until it is executed.
    pub async fn send(
        &self,
        client: &PollenClient,
        by: impl Into<Signer>,
    ) -> Result<Executed<T>, CallError<E>> {
        let submit =
            async |signed: &Signed| client.submit_and_wait(signed, Stage::Executed, PATIENCE).await;
        let (signed, answer) = client.sign_and_submit(by, self.intent()?, submit).await?;
        self.ended(answer.value, 0)?.ok_or_else(|| CallError::Pending(Box::new(signed)))
    }

    /// How this call ended as action number `action` (from 0) of a transaction; none when that has not ended.
    pub fn ended(
        &self,
        status: TxStatus,
        action: u16,
    ) -> Result<Option<Executed<T>>, CallError<E>> {
        let failed = |code: i32, name: &str, message: &str, status| CallError::Failed {
            code,
            name: name.to_owned(),
            message: message.to_owned(),
            status: Box::new(status),
        };
        match status.outcome.clone() {
            None => Ok(None),
            Some(TxOutcome::Success { results }) => {
                let result = results.get(usize::from(action)).map(|result| &result.bytes.0[..]);
                let value = decoded(result.unwrap_or_default(), || self.function.to_owned())?;
                Ok(Some(Executed { value, status }))
            }
            Some(TxOutcome::Failure { action: at, error: Some(error), .. }) if at == action => {
                let error = decoded(&error.bytes.0, || format!("an error of {}", self.function))?;
                Err(CallError::Module(error))
            }
            Some(
                TxOutcome::Failure { code, name, message, .. }
                | TxOutcome::Rejected { code, name, message },
            ) => Err(failed(code, &name, &message, status)),
            Some(TxOutcome::Expired { .. }) => {
                let code = ErrorCode::Expired;
                Err(failed(code.number(), code.name(), "it was not ordered in time", status))
            }
        }
    }
}

/// A query that returns a `T`, or fails with an `E` of its own. Nothing is paid.
#[derive(Debug, Clone)]
#[must_use = "a query does nothing until it is asked"]
pub struct Query<T, E = Never> {
    module: AccountId,
    function: &'static str,
    arguments: Arguments,
    at: ReadAt,
    caller: Option<AccountId>,
    ends: PhantomData<fn() -> (T, E)>,
}

impl<T: BorshDeserialize, E: BorshDeserialize> Query<T, E> {
    /// Of a function of the module.
    pub fn new(module: AccountId, function: &'static str, arguments: Arguments) -> Self {
        Self { module, function, arguments, at: ReadAt::Latest, caller: None, ends: PhantomData }
    }

    /// Of this state instead of the newest.
    pub fn at(mut self, at: ReadAt) -> Self {
        self.at = at;
        self
    }

    /// With this account as its caller, instead of nobody.
    pub fn as_caller(mut self, caller: AccountId) -> Self {
        self.caller = Some(caller);
        self
    }

    /// Asks a node.
    pub async fn ask(&self, client: &PollenClient) -> Result<T, CallError<E>> {
        let prefix = &client.network().await?.address_prefix;
        let params = ModuleCallParams {
            module: Address::module(self.module).display(prefix),
            function: self.function.to_owned(),
            arguments: None,
            arguments_bytes: Some(Bytes(self.arguments.clone().encoded()?)),
            caller: self.caller.map(|caller| Address::account(caller).display(prefix)),
            witness: false,
            at: self.at,
            at_least: None,
            wait_ms: 0,
        };
        let what = || self.function.to_owned();
        match client.module_call(&params).await {
            Ok(answer) => Ok(decoded(&answer.value.result_bytes.0, what)?),
            Err(error) => match error.module_error() {
                Some(bytes) => Err(CallError::Module(decoded(&bytes, what)?)),
                None => Err(error.into()),
            },
        }
    }
}

/// The id of a module at an address or `@name`, as a node says.
pub async fn find(client: &PollenClient, module: &str) -> Result<AccountId, ClientError> {
    let params =
        ModuleParams { module: module.to_owned(), at: ReadAt::Latest, at_least: None, wait_ms: 0 };
    let address = client.module_get(&params).await?.value.module;
    let prefix = &client.network().await?.address_prefix;
    let address = Address::parse(&address, prefix);
    Ok(address.map_err(|error| ClientError::Protocol { reason: error.to_string() })?.id)
}

/// Events of a module after a cursor, or from now on.
pub async fn subscribe(
    client: &PollenClient,
    module: AccountId,
    after: Option<Cursor>,
) -> Result<EventStream, ClientError> {
    let prefix = &client.network().await?.address_prefix;
    let module = Some(Address::module(module).display(prefix));
    client.subscribe(EventsSubscribeParams { module, name: None, after }).await
}

/// The value of an event.
pub fn event<T: BorshDeserialize>(event: &EventView) -> Result<T, ClientError> {
    decoded(&event.data.0, || format!("the event {}", event.name))
}

fn decoded<T: BorshDeserialize>(
    bytes: &[u8],
    what: impl FnOnce() -> String,
) -> Result<T, ClientError> {
    borsh::from_slice(bytes)
        .map_err(|error| ClientError::Value { what: what(), reason: error.to_string() })
}

/// The error of a function that has none of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Never {}

impl BorshDeserialize for Never {
    fn deserialize_reader<R: Read>(_: &mut R) -> Result<Self, Error> {
        Err(invalid("the function has no errors of its own"))
    }
}

/// WIT's `char`: its number, which borsh leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Char(pub char);

impl BorshSerialize for Char {
    fn serialize<W: Write>(&self, writer: &mut W) -> Result<(), Error> {
        u32::from(self.0).serialize(writer)
    }
}

impl BorshDeserialize for Char {
    fn deserialize_reader<R: Read>(reader: &mut R) -> Result<Self, Error> {
        let number = u32::deserialize_reader(reader)?;
        char::from_u32(number).map(Self).ok_or_else(|| invalid("no character has this number"))
    }
}

/// WIT's `result` inside of other values: its cases are numbered the other way round than borsh numbers those of
/// Rust's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum WitResult<T, E> {
    /// A success.
    Ok(T),
    /// A failure.
    Err(E),
}

impl<T, E> From<Result<T, E>> for WitResult<T, E> {
    fn from(result: Result<T, E>) -> Self {
        match result {
            Ok(value) => Self::Ok(value),
            Err(error) => Self::Err(error),
        }
    }
}

impl<T, E> From<WitResult<T, E>> for Result<T, E> {
    fn from(result: WitResult<T, E>) -> Self {
        match result {
            WitResult::Ok(value) => Ok(value),
            WitResult::Err(error) => Err(error),
        }
    }
}

/// Writes flags: the first in the lowest bit of the first byte.
pub fn write_flags<W: Write>(flags: &[bool], writer: &mut W) -> Result<(), Error> {
    let byte =
        |flags: &[bool]| flags.iter().rev().fold(0, |byte: u8, flag| (byte << 1) | u8::from(*flag));
    writer.write_all(&flags.chunks(8).map(byte).collect::<Vec<_>>())
}

/// Reads flags; bits that mean nothing have to be 0.
pub fn read_flags<const N: usize, R: Read>(reader: &mut R) -> Result<[bool; N], Error> {
    let mut bytes = vec![0; N.div_ceil(8)];
    reader.read_exact(&mut bytes)?;
    let is_set = |bit: usize| bytes[bit / 8] >> (bit % 8) & 1 == 1;
    match (N..8 * bytes.len()).any(is_set) {
        true => Err(invalid("a flag that there is not")),
        false => Ok(std::array::from_fn(is_set)),
    }
}

fn invalid(reason: &str) -> Error {
    Error::new(ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests;
