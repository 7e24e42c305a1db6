//! `pollen:host/modules`: calls of other modules, and making them. A callee that fails is undone, and its
//! failure is a value for the caller; re-entry of a module that is running is refused, unless its manifest
//! allows it ([`crate::manifest`]).

use std::sync::Arc;

use pollen_ledger::crypto::Hash;
use pollen_ledger::execution::{
    CreateError, MoveError, Namespace, Savepoint, StateKey, TransactionState,
};
use pollen_ledger::limits::{
    CALL_DEPTH_MAX, FUNCTION_NAME_BYTES_MAX, MODULE_NAME_BYTES_MAX, SALT_BYTES_MAX, VALUE_BYTES_MAX,
};
use pollen_ledger::module::{CallEnd, CallReport};
use pollen_ledger::receipt::{Code, FailureValue};
use pollen_ledger::transaction::AccountId;
use wasmtime::component::{ComponentType, Lift, Linker, Lower, WasmList};

use super::bank;
use super::text::Text;
use super::{
    Context, HostData, HostEnd, Id, charge, fuel_left, prices, require_writable, touch, with_state,
};
use crate::engine::{Entry, Frame};

/// What a call may use.
#[derive(Debug, Clone, Copy, ComponentType, Lift, Lower)]
#[component(record)]
struct CallOptions {
    fuel: Option<u64>,
    attach: u64,
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(variant)]
enum CallError {
    #[component(name = "no-such-module")]
    NoSuchModule,
    #[component(name = "no-such-function")]
    NoSuchFunction,
    #[component(name = "bad-arguments")]
    BadArguments,
    #[component(name = "reentered")]
    Reentered,
    #[component(name = "out-of-fuel")]
    OutOfFuel,
    #[component(name = "too-deep")]
    TooDeep,
    #[component(name = "trapped")]
    Trapped,
    #[component(name = "insufficient")]
    Insufficient,
    #[component(name = "limit-exceeded")]
    LimitExceeded,
    #[component(name = "paused")]
    Paused,
    #[component(name = "no-such-code")]
    NoSuchCode,
    #[component(name = "address-taken")]
    AddressTaken,
    #[component(name = "aborted")]
    Aborted(String),
    #[component(name = "module-error")]
    ModuleError(Vec<u8>),
}

impl CallError {
    fn of(code: Code, value: FailureValue) -> Self {
        match (code, value) {
            (_, FailureValue::Error(bytes)) => Self::ModuleError(bytes),
            (_, FailureValue::Message(message)) => Self::Aborted(message),
            (Code::ModuleNotFound, _) => Self::NoSuchModule,
            (Code::FunctionNotFound, _) => Self::NoSuchFunction,
            (Code::BadArguments, _) => Self::BadArguments,
            (Code::Reentered, _) => Self::Reentered,
            (Code::OutOfFuel, _) => Self::OutOfFuel,
            (Code::TooDeep, _) => Self::TooDeep,
            (Code::LimitExceeded, _) => Self::LimitExceeded,
            (Code::BalanceTooLow, _) => Self::Insufficient,
            (Code::ModulePaused, _) => Self::Paused,
            _ => Self::Trapped,
        }
    }
}

type CallResult = Result<Vec<u8>, CallError>;

pub(super) fn add(linker: &mut Linker<HostData>) -> wasmtime::Result<()> {
    let mut interface = linker.instance("pollen:host/modules@0.1.0")?;
    interface.func_wrap(
        "call",
        |mut context: Context<'_>,
         (target, function, arguments, options): (Id, Text, WasmList<u8>, CallOptions)| {
            // A query may call queries only.
            let entry = if context.data().read_only { Entry::Query } else { Entry::CommandOrQuery };
            Ok((call(&mut context, entry, target, &function, &arguments, options)?,))
        },
    )?;
    interface.func_wrap(
        "view",
        |mut context: Context<'_>, (target, function, arguments): (Id, Text, WasmList<u8>)| {
            let options = CallOptions { fuel: None, attach: 0 };
            Ok((call(&mut context, Entry::Query, target, &function, &arguments, options)?,))
        },
    )?;
    interface.func_wrap(
        "create",
        |mut context: Context<'_>,
         (code, salt, arguments, options): (Id, WasmList<u8>, WasmList<u8>, CallOptions)| {
            Ok((create(&mut context, Hash(code.into()), &salt, &arguments, options)?,))
        },
    )?;
    interface.func_wrap("code-of", |mut context: Context<'_>, (target,): (Id,)| {
        charge(&mut context, prices::MODULE_LOOKUP.of(0))?;
        let module = AccountId(target.into());
        touch(&mut context, &StateKey::module_record(&module))?;
        let record = with_state(&mut context, |state| state.module(&module))?;
        Ok((record.map(|record| Id::from(record.code.0)),))
    })?;
    interface.func_wrap("resolve", |mut context: Context<'_>, (name,): (Text,)| {
        let name = name.take(&mut context, |bytes| prices::MODULE_LOOKUP.of(bytes))?;
        if name.len() > MODULE_NAME_BYTES_MAX {
            return Ok((None,));
        }
        touch(&mut context, &StateKey::ledger(Namespace::Names, name.as_bytes()))?;
        let module = with_state(&mut context, |state| state.resolve(&name))?;
        Ok((module.map(|module| Id::from(module.0)),))
    })
}

fn call(
    context: &mut Context<'_>,
    entry: Entry,
    target: Id,
    function: &Text,
    arguments: &WasmList<u8>,
    options: CallOptions,
) -> wasmtime::Result<CallResult> {
    let module = AccountId(target.into());
    let function =
        function.take(context, |bytes| prices::MODULE_CALL.of(bytes + arguments.len()))?;
    if options.attach > 0 {
        require_writable(context)?;
    }
    if function.len() > FUNCTION_NAME_BYTES_MAX {
        return Ok(Err(CallError::NoSuchFunction));
    }
    if let Some(refused) = refused(context, arguments) {
        return Ok(Err(refused));
    }
    touch(context, &StateKey::module_record(&module))?;
    let arguments = arguments.as_le_slice(&*context).to_vec();

    let savepoint = with_state(context, |state| Ok(state.savepoint()))?;
    if options.attach > 0 {
        match bank::transfer(context, module, options.attach)? {
            Ok(()) => {}
            Err(MoveError::Insufficient) => return Ok(Err(CallError::Insufficient)),
            Err(MoveError::NoSuchAccount) => return Ok(Err(CallError::NoSuchModule)),
        }
    }
    let callee = Callee { module, function: &function, arguments: &arguments, entry };
    Ok(run_callee(context, callee, options.fuel, options.attach, savepoint)?)
}

/// What no call may: too long arguments, too deep a nest.
fn refused(context: &Context<'_>, arguments: &WasmList<u8>) -> Option<CallError> {
    if arguments.len() > VALUE_BYTES_MAX {
        return Some(CallError::BadArguments);
    }
    let is_deep = context.data().running.len() > CALL_DEPTH_MAX as usize;
    is_deep.then_some(CallError::TooDeep)
}

fn create(
    context: &mut Context<'_>,
    code: Hash,
    salt: &WasmList<u8>,
    arguments: &WasmList<u8>,
    options: CallOptions,
) -> wasmtime::Result<Result<Id, CallError>> {
    require_writable(context)?;
    charge(context, prices::CREATE.of(salt.len() + arguments.len()))?;
    if salt.len() > SALT_BYTES_MAX {
        let limit = format!("a salt has at most {SALT_BYTES_MAX} bytes");
        return Err(HostEnd::Limit(limit).into());
    }
    if let Some(refused) = refused(context, arguments) {
        return Ok(Err(refused));
    }
    let parent = context.data().module;
    let child = TransactionState::child(&parent, salt.as_le_slice(&*context));
    let arguments = arguments.as_le_slice(&*context).to_vec();
    for key in [
        StateKey::code(&code),
        StateKey::module_record(&child),
        StateKey::account(&child),
        StateKey::account(&parent),
        StateKey::version(&child, 1),
    ] {
        touch(context, &key)?;
    }
    let savepoint = with_state(context, |state| Ok(state.savepoint()))?;
    let made =
        with_state(context, |state| state.create_module(&parent, &child, &code, options.attach))?;
    let undone = |context: &mut Context<'_>, error| {
        with_state(context, |state| {
            state.rollback(savepoint);
            Ok(())
        })?;
        Ok::<_, HostEnd>(Err(error))
    };
    let (facts, attached) = match made {
        Ok(made) => made,
        Err(error) => return Ok(undone(context, CallError::from(error))?),
    };
    if !facts.has_init {
        if !arguments.is_empty() {
            return Ok(undone(context, CallError::BadArguments)?);
        }
        return Ok(Ok(Id::from(child.0)));
    }
    let callee =
        Callee { module: child, function: "init", arguments: &arguments, entry: Entry::Init };
    let end = run_callee(context, callee, options.fuel, attached, savepoint)?;
    Ok(end.map(|_| Id::from(child.0)))
}

impl From<CreateError> for CallError {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::NoSuchCode => Self::NoSuchCode,
            CreateError::AddressTaken => Self::AddressTaken,
            CreateError::Insufficient => Self::Insufficient,
        }
    }
}

/// Whom to run, and how.
struct Callee<'a> {
    module: AccountId,
    function: &'a str,
    arguments: &'a [u8],
    entry: Entry,
}

/// Runs a callee on what may be spent of the fuel that is left; on its failure goes back to `savepoint`.
fn run_callee(
    context: &mut Context<'_>,
    callee: Callee<'_>,
    fuel: Option<u64>,
    attached: u64,
    savepoint: Savepoint,
) -> Result<CallResult, HostEnd> {
    let left = fuel_left(context);
    let most = (left - left / 64).saturating_sub(prices::CALLER_KEEPS);
    let data = context.data();
    let frame = Frame {
        module: callee.module,
        function: callee.function,
        arguments: callee.arguments,
        caller: data.module,
        attached,
        fuel: fuel.unwrap_or(most).min(most),
        entry: callee.entry,
        waiter: data.waiter,
        running: &data.running.clone(),
    };
    let report = run(context, frame)?;
    charge(context, report.fuel_used)?;
    match report.end {
        CallEnd::Returned(bytes) => {
            charge(context, prices::MODULE_CALL.byte * bytes.len() as u64)?;
            Ok(Ok(bytes))
        }
        CallEnd::Failed { code, value } => {
            with_state(context, |state| {
                state.rollback(savepoint);
                Ok(())
            })?;
            Ok(Err(CallError::of(code, value)))
        }
    }
}

fn run(context: &mut Context<'_>, frame: Frame<'_>) -> Result<CallReport, HostEnd> {
    let data = context.data_mut();
    let shared = Arc::clone(&data.shared);
    data.state.with(|state| shared.run(state, frame)).map_err(|failure| {
        data.failure = Some(failure);
        HostEnd::Local
    })
}
