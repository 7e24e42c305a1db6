//! One call from its beginning to its end.
//!
//! Fuel (MODULES §3): a price for the call and its arguments first; then the instance runs on what is
//! left. Returned with fuel left: exact. Returned with none: out of fuel. An end by the host (abort, state
//! limits), `unreachable`, out of fuel: exact. Any other trap, growth beyond the limits and values that
//! break the component model's rules: the whole limit, since the counter is stale there.

use std::sync::Arc;

use pollen_ledger::execution::TransactionState;
use pollen_ledger::limits::VALUE_BYTES_MAX;
use pollen_ledger::module::{CallEnd, CallReport, EngineFailure};
use pollen_ledger::receipt::{Code, FailureValue};
use pollen_ledger::transaction::AccountId;
use wasmtime::component::Val;
use wasmtime::{AsContextMut as _, PoolConcurrencyLimitError, Store, Trap, WasmBacktrace};

use super::Shared;
use super::compiled::{Callable, Compiled, Waiter};
use super::trace::{self, Told};
use crate::host::{self, HostData, HostEnd, Limiter, StateDoor, prices};
use crate::interface::FunctionKind;
use crate::value;

/// Bytes that the host takes out of a module's memory as the parts of one result. Far above what 64 KiB
/// of encoded values need in all but absurd types; beyond it the call is trapped.
const HOSTCALL_BYTES: usize = 4 << 20;
/// Bytes of a note.
const NOTE_BYTES_MAX: usize = 4 * 1024;
/// What a recursion without end is told.
const EXHAUSTED_NOTE: &str =
    "calls nested too deep inside the module: more than 1 MiB of stack (docs/vm.md)";
/// Functions that only the ledger calls, once.
const RESERVED: [&str; 2] = ["init", "migrate"];

/// What may be entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A function of `commands`.
    Command,
    /// A function of `commands`, or else of `queries`: another module's call.
    CommandOrQuery,
    /// `init` or `migrate` of `commands`, by the ledger.
    Init,
    /// A function of `queries`.
    Query,
}

/// A call to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub(crate) module: AccountId,
    pub(crate) function: &'a str,
    pub(crate) arguments: &'a [u8],
    pub(crate) caller: AccountId,
    pub(crate) attached: u64,
    pub(crate) fuel: u64,
    pub(crate) entry: Entry,
    /// Who waits when the code is not ready.
    pub(crate) waiter: Waiter,
    /// Modules whose calls are open, outermost first.
    pub(crate) running: &'a [AccountId],
}

fn failed(code: Code, fuel_used: u64, note: impl Into<String>) -> CallReport {
    let mut note = note.into();
    note.truncate(note.floor_char_boundary(NOTE_BYTES_MAX));
    CallReport {
        end: CallEnd::Failed { code, value: FailureValue::None },
        fuel_used,
        note: Some(note),
    }
}

impl Shared {
    /// Runs one call. What it wrote stays in `state` even on a failure: the caller undoes it.
    pub(crate) fn run(
        self: &Arc<Self>,
        state: &mut TransactionState<'_>,
        frame: Frame<'_>,
    ) -> Result<CallReport, EngineFailure> {
        let begun = state.trace_begin(frame.running.len(), frame.module, frame.function);
        let report = self.run_frame(state, frame)?;
        let failed = match &report.end {
            CallEnd::Returned(_) => None,
            CallEnd::Failed { code, .. } => Some(*code),
        };
        state.trace_end(begun, report.fuel_used, failed);
        Ok(report)
    }

    fn run_frame(
        self: &Arc<Self>,
        state: &mut TransactionState<'_>,
        frame: Frame<'_>,
    ) -> Result<CallReport, EngineFailure> {
        let Some(record) = state.module(&frame.module)? else {
            return Ok(failed(
                Code::ModuleNotFound,
                frame.fuel.min(prices::CALL),
                format!("no module at {}", hex::encode(frame.module.0)),
            ));
        };
        let compiled = self.modules.get(&record.code, frame.waiter, || {
            state.code(&record.code)?.ok_or_else(|| {
                EngineFailure::Host(format!("the code {} of a module is missing", record.code))
            })
        })?;
        if frame.running.contains(&frame.module) && !compiled.reentrant {
            let note = "the module is running already, and its manifest does not allow re-entry";
            return Ok(failed(Code::Reentered, frame.fuel.min(prices::CALL), note));
        }
        let Some((callable, read_only)) = find(&compiled, frame.entry, frame.function) else {
            return Ok(failed(
                Code::FunctionNotFound,
                frame.fuel.min(prices::CALL),
                format!("the module has no such function: '{}'", frame.function),
            ));
        };
        if record.is_paused && !read_only && frame.entry != Entry::Init {
            let note = "the module is paused: only its queries answer";
            return Ok(failed(Code::ModulePaused, frame.fuel.min(prices::CALL), note));
        }
        let arguments = match value::to_vals(&callable.function.params, frame.arguments) {
            Ok(arguments) => arguments,
            Err(error) => {
                let fuel = frame.fuel.min(prices::CALL);
                return Ok(failed(Code::BadArguments, fuel, error.to_string()));
            }
        };
        let price = prices::CALL
            .saturating_add(frame.arguments.len() as u64 * prices::VALUE_BYTE)
            .saturating_add(values_price(&arguments));
        let Some(fuel) = frame.fuel.checked_sub(price) else {
            let note = format!("the fuel does not pay for the call itself: {price}");
            return Ok(failed(Code::OutOfFuel, frame.fuel, note));
        };

        let mut running = frame.running.to_vec();
        running.push(frame.module);
        let data = HostData {
            shared: Arc::clone(self),
            compiled: Arc::clone(&compiled),
            state: lend(state),
            limiter: Limiter::new(fuel),
            failure: None,
            module: frame.module,
            code: record.code,
            caller: frame.caller,
            attached: frame.attached,
            read_only,
            waiter: frame.waiter,
            running,
        };
        let mut store = Store::new(compiled.instance.engine(), data);
        store.limiter(|data| &mut data.limiter);
        store.set_hostcall_fuel(HOSTCALL_BYTES);
        store.set_fuel(fuel).map_err(|error| EngineFailure::Host(error.to_string()))?;
        let run = Run { store, callable, limit: frame.fuel };
        run.finish(&compiled, &arguments)
    }
}

/// See [`StateDoor::new`]: the store that holds the door is dropped before [`Shared::run_frame`] returns,
/// and that does not touch `state` after this.
#[allow(unsafe_code)]
fn lend(state: &mut TransactionState<'_>) -> StateDoor {
    // SAFETY: told above.
    unsafe { StateDoor::new(state) }
}

/// The function to run, and whether it may only read.
fn find<'a>(compiled: &'a Compiled, entry: Entry, name: &str) -> Option<(&'a Callable, bool)> {
    let command =
        || compiled.function(FunctionKind::Command, name).map(|function| (function, false));
    let query = || compiled.function(FunctionKind::Query, name).map(|function| (function, true));
    match entry {
        Entry::Init => command(),
        Entry::Query => query(),
        Entry::Command | Entry::CommandOrQuery if RESERVED.contains(&name) => None,
        Entry::Command => command(),
        Entry::CommandOrQuery => command().or_else(query),
    }
}

/// The price of making values for wasmtime, with all that they contain.
fn values_price(values: &[Val]) -> u64 {
    values.iter().map(value_price).sum()
}

fn value_price(value: &Val) -> u64 {
    let boxed = |inner: &Option<Box<Val>>| inner.as_deref().map_or(0, value_price);
    let inside = match value {
        Val::List(values) | Val::Tuple(values) => values_price(values),
        Val::Record(fields) => fields.iter().map(|(_, value)| value_price(value)).sum(),
        Val::Variant(_, inner) | Val::Option(inner) => boxed(inner),
        Val::Result(Ok(inner) | Err(inner)) => boxed(inner),
        Val::String(_) | Val::Enum(_) | Val::Flags(_) => 0,
        _ => return prices::VALUE_NUMBER,
    };
    inside + prices::VALUE_NODE
}

struct Run<'a> {
    store: Store<HostData>,
    callable: &'a Callable,
    /// Fuel of the whole call.
    limit: u64,
}

/// Where wasmtime stopped.
enum Stage {
    Instantiating,
    Running,
}

impl Run<'_> {
    fn finish(
        mut self,
        compiled: &Compiled,
        arguments: &[Val],
    ) -> Result<CallReport, EngineFailure> {
        let instance = match compiled.instance.instantiate(&mut self.store) {
            Ok(instance) => instance,
            Err(error) => return self.ended(&error, Stage::Instantiating),
        };
        let function = instance
            .get_func(&mut self.store, self.callable.export)
            .ok_or_else(|| EngineFailure::Host("a validated function is missing".to_owned()))?;
        let has_result = self.callable.function.result.is_some();
        let mut results = vec![Val::Bool(false); usize::from(has_result)];
        match function.call(&mut self.store, arguments, &mut results) {
            Ok(()) => Ok(self.returned(results.pop())),
            Err(error) => self.ended(&error, Stage::Running),
        }
    }

    fn left(&mut self) -> u64 {
        host::fuel_left(&self.store.as_context_mut())
    }

    fn used(&mut self) -> u64 {
        self.limit - self.left()
    }

    /// The function returned: its result, if that can be encoded and paid for.
    fn returned(mut self, result: Option<Val>) -> CallReport {
        let values = result.as_ref().map_or(0, value_price);
        let (encoded, is_error) = match self.encode(result) {
            Ok(encoded) => encoded,
            Err(note) => return failed(Code::LimitExceeded, self.limit, note),
        };
        let price = values.saturating_add(encoded.len() as u64 * prices::VALUE_BYTE);
        let is_paid = host::charge(&mut self.store.as_context_mut(), price).is_ok();
        // Straight-line code can overshoot and still return: nothing left is out of fuel.
        if !is_paid || self.left() == 0 {
            return failed(Code::OutOfFuel, self.limit, "all fuel used when the function returned");
        }
        let end = if is_error {
            CallEnd::Failed { code: Code::ModuleError, value: FailureValue::Error(encoded) }
        } else {
            CallEnd::Returned(encoded)
        };
        CallReport { end, fuel_used: self.used(), note: None }
    }

    /// The result's payload, and whether it is the function's error case.
    fn encode(&self, result: Option<Val>) -> Result<(Vec<u8>, bool), String> {
        let function = &self.callable.function;
        let (ty, value, is_error) = match result {
            None => return Ok((Vec::new(), false)),
            Some(Val::Result(Ok(payload))) => (function.success(), payload, false),
            Some(Val::Result(Err(payload))) => (function.failure(), payload, true),
            Some(value) => (function.success(), Some(Box::new(value)), false),
        };
        let (Some(ty), Some(value)) = (ty, value) else { return Ok((Vec::new(), is_error)) };
        let bytes = value::from_val(ty, &value).map_err(|error| format!("result: {error}"))?;
        if bytes.len() > VALUE_BYTES_MAX {
            return Err(format!("a result has at most {VALUE_BYTES_MAX} bytes: {}", bytes.len()));
        }
        Ok((bytes, is_error))
    }

    /// What happened, and where: for people.
    fn note(&mut self, error: &wasmtime::Error) -> String {
        let data = self.store.data_mut();
        let code = data.code;
        let source = match data.waiter {
            Waiter::Query => data.state.with(|state| state.code(&code)).ok().flatten(),
            Waiter::Execution => None,
        };
        trace::note(error, source.as_deref().map_or(Told::Names, Told::SourceLines))
    }

    /// wasmtime stopped with an error: what it means.
    fn ended(mut self, error: &wasmtime::Error, stage: Stage) -> Result<CallReport, EngineFailure> {
        if self.store.data().limiter.has_failed() {
            return Err(EngineFailure::Host("memory or a table could not grow".to_owned()));
        }
        if let Some(end) = error.downcast_ref::<HostEnd>() {
            return self.ended_by_host(end.clone(), error);
        }
        if error.is::<PoolConcurrencyLimitError>() || error.is::<wasmtime::OutOfMemory>() {
            return Err(EngineFailure::Host(format!("{error:#}")));
        }
        let Some(trap) = error.downcast_ref::<Trap>() else {
            // A module's start function runs while its instance is made: what happens in there is the
            // module's doing, and what happens around it is this machine's.
            let in_module = error
                .downcast_ref::<WasmBacktrace>()
                .is_some_and(|backtrace| !backtrace.frames().is_empty());
            return match stage {
                Stage::Instantiating if !in_module => {
                    Err(EngineFailure::Host(format!("{error:#}")))
                }
                // A value that breaks the canonical ABI.
                _ => Ok(failed(Code::Trapped, self.limit, self.note(error))),
            };
        };
        Ok(match trap {
            Trap::OutOfFuel => failed(Code::OutOfFuel, self.limit, self.note(error)),
            Trap::UnreachableCodeReached if is_exhausted(error) => {
                let note = format!("{EXHAUSTED_NOTE}\n{}", self.note(error));
                failed(Code::Trapped, self.used(), note)
            }
            Trap::UnreachableCodeReached => failed(Code::Trapped, self.used(), self.note(error)),
            _ => failed(Code::Trapped, self.limit, self.note(error)),
        })
    }

    fn ended_by_host(
        mut self,
        end: HostEnd,
        error: &wasmtime::Error,
    ) -> Result<CallReport, EngineFailure> {
        Ok(match end {
            HostEnd::Local => {
                let unknown = || EngineFailure::Host("a host function failed".to_owned());
                return Err(self.store.data_mut().failure.take().unwrap_or_else(unknown));
            }
            HostEnd::OutOfFuel => failed(Code::OutOfFuel, self.limit, self.note(error)),
            HostEnd::Growth(_) => failed(Code::LimitExceeded, self.limit, self.note(error)),
            HostEnd::Limit(_) => failed(Code::LimitExceeded, self.used(), self.note(error)),
            HostEnd::Abort(message) => {
                let value = FailureValue::Message(message);
                let mut report = failed(Code::ModuleError, self.used(), self.note(error));
                report.end = CallEnd::Failed { code: Code::ModuleError, value };
                report
            }
        })
    }
}

/// True when the trap is that of stack metering: in the function that it appends, which is its module's
/// last. For people alone: code and fuel are those of any `unreachable`.
fn is_exhausted(error: &wasmtime::Error) -> bool {
    let backtrace = error.downcast_ref::<WasmBacktrace>();
    let Some(frame) = backtrace.and_then(|backtrace| backtrace.frames().first()) else {
        return false;
    };
    let functions = frame.module().functions();
    let own = functions.len() as u32;
    // Names are copied with each item: the first one is all that is asked for.
    frame.module().functions().next().is_some_and(|first| {
        first.index.as_u32().checked_add(own) == frame.func_index().checked_add(1)
    })
}
