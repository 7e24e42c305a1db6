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
//! writes nothing, keys, values and events have their bounds, a running module is not entered again, calls
//! nest 8 deep. Several modules live beside each other, each with storage of its own: the module under test
//! is the one that runs without being told; others are functions that the test gives ([`Host::serve`]),
//! which may well be another module's own code.
//!
//! What it deliberately does not do: fuel, deposits, compiled code. Tests of the compiled module in the real
//! machine are the other half.

pub(crate) mod imports;

use crate::bindings::pollen::host::modules::CallError;
use crate::{Account, CodeHash, Hash, Id, encode};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use core::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// What a module emitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emitted {
    /// Who.
    pub module: Account,
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

type Answer = Rc<dyn Fn(&[u8]) -> Result<Vec<u8>, CallError>>;
type Install = Rc<dyn Fn(&Host, Account)>;

/// What a failed call must give back.
#[derive(Clone, Default)]
struct Ledger {
    storage: BTreeMap<Account, BTreeMap<Vec<u8>, Vec<u8>>>,
    balances: BTreeMap<Account, u64>,
    events: Vec<Emitted>,
    /// The code of modules that modules made, or began to run.
    codes: BTreeMap<Account, CodeHash>,
    frozen: BTreeSet<Account>,
}

/// A module that runs, and who called it.
#[derive(Clone, Copy)]
struct Frame {
    module: Account,
    caller: Account,
    attached: u64,
}

struct World {
    ledger: Ledger,
    signer: Account,
    by_scoped_key: bool,
    /// The module under test first, then those that it called.
    running: Vec<Frame>,
    time_ms: u64,
    /// How many calls there were: position and transaction of the running one.
    position: u64,
    /// How often `random` was asked.
    drawn: u64,
    read_only: bool,
    names: BTreeMap<String, Account>,
    /// How many events there were when the running call began: the bound is a call's own.
    events_before: usize,
    answers: BTreeMap<(Account, String), Answer>,
    reentrant: BTreeSet<Account>,
    published: BTreeMap<CodeHash, Install>,
    decides_itself: bool,
}

impl World {
    fn new() -> Self {
        let frame = Frame {
            module: hash_of(*blake3::hash(b"the module under test").as_bytes()),
            caller: named("deployer"),
            attached: 0,
        };
        Self {
            ledger: Ledger::default(),
            signer: frame.caller,
            by_scoped_key: false,
            running: Vec::from([frame]),
            time_ms: 1_000,
            position: 1,
            drawn: 0,
            read_only: false,
            names: BTreeMap::new(),
            events_before: 0,
            answers: BTreeMap::new(),
            reentrant: BTreeSet::new(),
            published: BTreeMap::new(),
            decides_itself: false,
        }
    }

    fn frame(&mut self) -> &mut Frame {
        self.running.last_mut().expect("the module under test always runs")
    }

    fn storage(&mut self) -> &mut BTreeMap<Vec<u8>, Vec<u8>> {
        let module = self.frame().module;
        self.ledger.storage.entry(module).or_default()
    }
}

std::thread_local! {
    static WORLD: RefCell<World> = RefCell::new(World::new());
}

fn with<R>(f: impl FnOnce(&mut World) -> R) -> R {
    WORLD.with(|world| f(&mut world.borrow_mut()))
}

/// How [`crate::abort`] begins its panic here.
const ABORTED: &str = "the module aborted: ";

/// What a panic says, without what [`crate::abort`] puts before it.
fn message_of(panic: alloc::boxed::Box<dyn core::any::Any + Send>) -> String {
    let message = match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(panic) => String::from(*panic.downcast::<&str>().expect("a panic has a message")),
    };
    message.strip_prefix(ABORTED).map_or(message.clone(), String::from)
}

/// The host of this thread, as its test moves it.
pub struct Host(());

impl Host {
    /// An empty world: no storage, no balances, the time 1 second after 1970; the caller is `deployer`.
    #[allow(clippy::new_without_default)] // it replaces the thread's world: not a value like another
    pub fn new() -> Self {
        with(|world| *world = World::new());
        Self(())
    }

    /// The account of a name; the same one for the same name.
    pub fn account(&self, name: &str) -> Account {
        named(name)
    }

    /// The module under test, or the one that runs inside it now.
    pub fn module(&self) -> Account {
        imports::context::this()
    }

    /// Makes `account` signer and caller of what follows.
    pub fn set_caller(&self, account: Account) {
        with(|world| {
            world.signer = account;
            world.frame().caller = account;
        });
    }

    /// Whether what follows is signed by a scoped key of the signer's, not by its owners.
    pub fn set_by_scoped_key(&self, by_scoped_key: bool) {
        with(|world| world.by_scoped_key = by_scoped_key);
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
        with(|world| {
            let frame = world.frame();
            frame.attached = grains;
            let module = frame.module;
            *world.ledger.balances.entry(module).or_default() += grains;
        });
    }

    /// Registers the name of another module.
    pub fn name_module(&self, name: &str, module: Account) {
        with(|world| world.names.insert(name.into(), module));
    }

    /// What a function of another module answers to its arguments. It runs inside that module: with its
    /// storage, called by who calls it.
    pub fn answer(
        &self,
        module: Account,
        function: &str,
        answer: impl Fn(&[u8]) -> Result<Vec<u8>, CallError> + 'static,
    ) {
        with(|world| world.answers.insert((module, function.into()), Rc::new(answer)));
    }

    /// [`Self::answer`] with types: `host.serve(gold, "transfer", |(to, amount)| Token::transfer(to, amount))`.
    /// An error is the callee's own.
    pub fn serve<A: BorshDeserialize, T: BorshSerialize, E: BorshSerialize>(
        &self,
        module: Account,
        function: &str,
        answer: impl Fn(A) -> Result<T, E> + 'static,
    ) {
        self.answer(module, function, move |bytes| {
            let arguments = A::try_from_slice(bytes).map_err(|_| CallError::BadArguments)?;
            let end = answer(arguments);
            end.map(|value| encode(&value)).map_err(|error| CallError::ModuleError(encode(&error)))
        });
    }

    /// Lets a module be called while it is running.
    pub fn allow_reentry(&self, module: Account) {
        with(|world| world.reentrant.insert(module));
    }

    /// Puts code on the ledger, from which `modules.create` makes modules: `install` says what a new one
    /// answers; its `init`, if it has one, runs at once.
    pub fn publish(&self, name: &str, install: impl Fn(&Self, Account) + 'static) -> CodeHash {
        let code = named(name);
        with(|world| world.published.insert(code, Rc::new(install)));
        code
    }

    /// Makes the upgrade policy `itself`: `control.upgrade` is allowed.
    pub fn let_it_upgrade_itself(&self) {
        with(|world| world.decides_itself = true);
    }

    /// The code that the module asked to run from now on, or was made with.
    pub fn code_of(&self, module: Account) -> Option<CodeHash> {
        with(|world| world.ledger.codes.get(&module).copied())
    }

    /// Whether the module gave up upgrades.
    pub fn is_frozen(&self, module: Account) -> bool {
        with(|world| world.ledger.frozen.contains(&module))
    }

    /// Runs something inside another module, as its own code, such as its `init`.
    pub fn inside<T>(&self, module: Account, run: impl FnOnce() -> T) -> T {
        with(|world| {
            let caller = world.frame().caller;
            world.running.push(Frame { module, caller, attached: 0 });
        });
        let end = catch_unwind(AssertUnwindSafe(run));
        with(|world| world.running.pop());
        end.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// A command by `caller`: when it returns an error or aborts, what it wrote is undone. What was attached
    /// inside is gone with the call.
    pub fn call<T, E>(
        &self,
        caller: Account,
        command: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        self.set_caller(caller);
        let before = with(|world| {
            world.position += 1;
            world.events_before = world.ledger.events.len();
            world.ledger.clone()
        });
        let end = catch_unwind(AssertUnwindSafe(command));
        with(|world| {
            world.frame().attached = 0;
            if !matches!(end, Ok(Ok(_))) {
                world.ledger = before;
            }
        });
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
        message_of(end.err().expect("the call was expected to abort and returned"))
    }

    /// A query: every write in it aborts.
    pub fn query<T>(&self, query: impl FnOnce() -> T) -> T {
        let before = with(|world| core::mem::replace(&mut world.read_only, true));
        let end = catch_unwind(AssertUnwindSafe(query));
        with(|world| world.read_only = before);
        end.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// All that was emitted, in order, by whichever module.
    pub fn events(&self) -> Vec<Emitted> {
        with(|world| world.ledger.events.clone())
    }

    /// What was emitted under one name, in order.
    pub fn events_named(&self, name: &str) -> Vec<Emitted> {
        self.events().into_iter().filter(|event| event.name == name).collect()
    }

    /// How many keys are in the module's storage.
    pub fn storage_keys(&self) -> usize {
        with(|world| world.storage().len())
    }

    /// The keys that operations touch in the module's storage, each once: what the machine takes its price
    /// of a first touch for.
    pub fn touches(&self, operations: impl FnOnce()) -> usize {
        imports::storage::count_touches(operations)
    }
}

fn named(name: &str) -> Account {
    hash_of(*blake3::hash(name.as_bytes()).as_bytes())
}

fn hash_of(bytes: [u8; 32]) -> Hash {
    Id::from_bytes(bytes)
}

#[cfg(test)]
mod tests;
