//! `pollen:host/storage`: keys and values of this module only.

use pollen_ledger::execution::{StateKey, StateLimit, Value};
use pollen_ledger::limits::{STORAGE_KEY_BYTES_MAX, STORAGE_VALUE_BYTES_MAX};
use wasmtime::component::{Linker, WasmList};

use super::prices::{self, Price};
use super::{Context, HostData, HostEnd, charge, require_writable, touch, with_state};

/// Bytes of a number that `add` keeps.
const NUMBER_BYTES: usize = 8;

pub(super) fn add(linker: &mut Linker<HostData>) -> wasmtime::Result<()> {
    let mut interface = linker.instance("pollen:host/storage@0.1.0")?;
    interface.func_wrap("get", |mut context: Context<'_>, (key,): (WasmList<u8>,)| {
        let value = read(&mut context, &key)?;
        pay_answer(&mut context, value.as_ref().map_or(0, |value| value.len()))?;
        Ok((value,))
    })?;
    interface.func_wrap("len", |mut context: Context<'_>, (key,): (WasmList<u8>,)| {
        let value = read(&mut context, &key)?;
        Ok((value.map(|value| value.len() as u32),))
    })?;
    interface.func_wrap(
        "get-range",
        |mut context: Context<'_>, (key, offset, max): (WasmList<u8>, u32, u32)| {
            let value = read(&mut context, &key)?.unwrap_or_else(|| Value::from([]));
            let start = (offset as usize).min(value.len());
            let end = start.saturating_add(max as usize).min(value.len());
            pay_answer(&mut context, end - start)?;
            Ok((value[start..end].to_vec(),))
        },
    )?;
    interface.func_wrap(
        "set",
        |mut context: Context<'_>, (key, value): (WasmList<u8>, WasmList<u8>)| {
            if value.len() > STORAGE_VALUE_BYTES_MAX {
                return Err(HostEnd::from(StateLimit::Value).into());
            }
            let key = writable_key(&mut context, &key, value.len())?;
            let value = Value::from(value.as_le_slice(&context));
            write(&mut context, key, Some(value))?;
            Ok(())
        },
    )?;
    interface.func_wrap("remove", |mut context: Context<'_>, (key,): (WasmList<u8>,)| {
        let key = writable_key(&mut context, &key, 0)?;
        let was_there = with_state(&mut context, |state| Ok(state.get(&key)?.is_some()))?;
        if was_there {
            write(&mut context, key, None)?;
        }
        Ok((was_there,))
    })?;
    interface.func_wrap("add", |mut context: Context<'_>, (key, delta): (WasmList<u8>, i64)| {
        let key = writable_key(&mut context, &key, NUMBER_BYTES)?;
        let value = with_state(&mut context, |state| state.get(&key))?;
        let sum = add_to(value.as_deref(), delta)?;
        write(&mut context, key, Some(Value::from(sum.to_le_bytes())))?;
        Ok(())
    })?;
    interface.func_wrap("used", |mut context: Context<'_>, (): ()| {
        charge(&mut context, prices::STORAGE_READ.base)?;
        let module = context.data().module;
        touch(&mut context, &StateKey::account(&module))?;
        Ok((with_state(&mut context, |state| state.stored_bytes(&module))?,))
    })
}

/// Charges for a key and `more` bytes, its first touch included, and takes it out of the module's memory.
fn take_key(
    context: &mut Context<'_>,
    key: &WasmList<u8>,
    price: Price,
    more: usize,
) -> Result<StateKey, HostEnd> {
    if key.len() > STORAGE_KEY_BYTES_MAX {
        return Err(StateLimit::Key.into());
    }
    charge(context, price.of(key.len() + more))?;
    let key = StateKey::module(context.data().module, key.as_le_slice(&*context));
    touch(context, &key)?;
    Ok(key)
}

fn read(context: &mut Context<'_>, key: &WasmList<u8>) -> Result<Option<Value>, HostEnd> {
    let key = take_key(context, key, prices::STORAGE_READ, 0)?;
    with_state(context, |state| state.get(&key))
}

fn pay_answer(context: &mut Context<'_>, bytes: usize) -> Result<(), HostEnd> {
    charge(context, prices::STORAGE_READ.byte * bytes as u64)
}

fn writable_key(
    context: &mut Context<'_>,
    key: &WasmList<u8>,
    more: usize,
) -> Result<StateKey, HostEnd> {
    require_writable(context)?;
    take_key(context, key, prices::STORAGE_WRITE, more)
}

fn write(context: &mut Context<'_>, key: StateKey, value: Option<Value>) -> Result<(), HostEnd> {
    with_state(context, |state| state.put_module(key, value))??;
    Ok(())
}

fn add_to(value: Option<&[u8]>, delta: i64) -> Result<i64, HostEnd> {
    let before = match value {
        None => 0,
        Some(bytes) => i64::from_le_bytes(bytes.try_into().map_err(|_| {
            HostEnd::Abort("storage.add: the value under the key is no number of 8 bytes".into())
        })?),
    };
    before
        .checked_add(delta)
        .ok_or_else(|| HostEnd::Abort("storage.add: the sum does not fit into an s64".into()))
}
