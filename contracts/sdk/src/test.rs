//! The host on any target that is not wasm: in memory, one per thread, so that a module's tests run
//! natively with `cargo test`.
//!
//! ```ignore
//! let host = Host::new();
//! let alice = host.account("alice");
//! host.call(alice, || Token::transfer(bob, 5)).unwrap();
//! assert_eq!(host.events_named("transfer").len(), 1);
//! ```
//!
//! It keeps the host's rules that a module's logic can meet: writes of a failed call are undone, a query
//! writes nothing, keys, values and events have their bounds. It knows no fuel and no other modules:
//! what a call to one answers is given by the test ([`Host::answer`]). Tests of the compiled module in
//! the real machine are the other half.

pub(crate) mod imports;

use crate::bindings::pollen::host::modules::CallError;
use crate::{Account, Hash, Id};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use borsh::BorshDeserialize;
use core::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// What a module emitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emitted {
    /// The name of the event's type.
    pub name: String,
    /// What is indexed.
    pub topics: Vec<Vec<u8>>,
    /// The event in the ledger's encoding.
    pub data: Vec<u8>,
}

impl Emitted {
    /// The event as its type.
    ///
    /// # Panics
    /// When the bytes are not a value of that type.
    pub fn decode<T: BorshDeserialize>(&self) -> T {
        T::try_from_slice(&self.data).expect("the event is of the type that the test asks for")
    }
}

type Answer = Box<dyn Fn(&[u8]) -> Result<Vec<u8>, CallError>>;

/// What a failed call must give back.
#[derive(Clone, Default)]
struct Ledger {
    storage: BTreeMap<Vec<u8>, Vec<u8>>,
    balances: BTreeMap<Account, u64>,
    events: Vec<Emitted>,
}

#[derive(Default)]
struct World {
    ledger: Ledger,
    signer: Option<Account>,
    caller: Option<Account>,
    time_ms: u64,
    attached: u64,
    read_only: bool,
    names: BTreeMap<String, Account>,
    /// How many events there were when the running call began: the bound is a call's own.
    events_before: usize,
    answers: BTreeMap<(Account, String), Answer>,
}

std::thread_local! {
    static WORLD: RefCell<World> = RefCell::new(World::default());
}

fn with<R>(f: impl FnOnce(&mut World) -> R) -> R {
    WORLD.with(|world| f(&mut world.borrow_mut()))
}

/// How [`crate::abort`] begins its panic here.
const ABORTED: &str = "the module aborted: ";

/// The host of this thread, as its test moves it.
pub struct Host(());

impl Host {
    /// An empty world: no storage, no balances, the time 1 second after 1970; the caller is `deployer`.
    #[allow(clippy::new_without_default)] // it replaces the thread's world: not a value like another
    pub fn new() -> Self {
        with(|world| *world = World { time_ms: 1_000, ..World::default() });
        let host = Self(());
        host.set_caller(host.account("deployer"));
        host
    }

    /// The account of a name; the same one for the same name.
    pub fn account(&self, name: &str) -> Account {
        Id::from_bytes(*blake3::hash(name.as_bytes()).as_bytes())
    }

    /// The module under test.
    pub fn module(&self) -> Account {
        imports::context::this()
    }

    /// Makes `account` signer and caller of what follows.
    pub fn set_caller(&self, account: Account) {
        with(|world| {
            world.signer = Some(account);
            world.caller = Some(account);
        });
    }

    /// Lets time pass.
    pub fn advance_time(&self, ms: u64) {
        with(|world| world.time_ms += ms);
    }

    /// Gives an account a balance, in grains.
    pub fn set_balance(&self, of: Account, grains: u64) {
        with(|world| world.ledger.balances.insert(of, grains));
    }

    /// Sends grains along with what follows: they are in the module's balance at once.
    pub fn attach(&self, grains: u64) {
        let this = self.module();
        with(|world| {
            world.attached = grains;
            *world.ledger.balances.entry(this).or_default() += grains;
        });
    }

    /// Registers the name of another module.
    pub fn name_module(&self, name: &str, module: Account) {
        with(|world| world.names.insert(name.into(), module));
    }

    /// What a function of another module answers to its arguments.
    pub fn answer(
        &self,
        module: Account,
        function: &str,
        answer: impl Fn(&[u8]) -> Result<Vec<u8>, CallError> + 'static,
    ) {
        with(|world| world.answers.insert((module, function.into()), Box::new(answer)));
    }

    /// A command by `caller`: when it returns an error or aborts, what it wrote is undone.
    pub fn call<T, E>(
        &self,
        caller: Account,
        command: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        self.set_caller(caller);
        let before = with(|world| world.ledger.clone());
        with(|world| world.events_before = before.events.len());
        let end = catch_unwind(AssertUnwindSafe(command));
        if !matches!(end, Ok(Ok(_))) {
            with(|world| world.ledger = before);
        }
        end.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// The message with which a command or query aborts; what it wrote is undone.
    ///
    /// # Panics
    /// When it does not abort.
    pub fn abort_of<T>(&self, command: impl FnOnce() -> T) -> String {
        let before = with(|world| world.ledger.clone());
        let end = catch_unwind(AssertUnwindSafe(command));
        with(|world| world.ledger = before);
        let panic = end.err().expect("the call was expected to abort and returned");
        let message = match panic.downcast::<String>() {
            Ok(message) => *message,
            Err(panic) => String::from(*panic.downcast::<&str>().expect("a panic has a message")),
        };
        message.strip_prefix(ABORTED).map_or(message.clone(), String::from)
    }

    /// A query: every write in it aborts.
    pub fn query<T>(&self, query: impl FnOnce() -> T) -> T {
        with(|world| world.read_only = true);
        let end = catch_unwind(AssertUnwindSafe(query));
        with(|world| world.read_only = false);
        end.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// All that was emitted, in order.
    pub fn events(&self) -> Vec<Emitted> {
        with(|world| world.ledger.events.clone())
    }

    /// What was emitted under one name, in order.
    pub fn events_named(&self, name: &str) -> Vec<Emitted> {
        self.events().into_iter().filter(|event| event.name == name).collect()
    }

    /// How many keys are in the module's storage.
    pub fn storage_keys(&self) -> usize {
        with(|world| world.ledger.storage.len())
    }
}

fn hash_of(bytes: [u8; 32]) -> Hash {
    Id::from_bytes(bytes)
}

#[cfg(test)]
mod tests;
