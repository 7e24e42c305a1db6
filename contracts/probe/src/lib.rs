//! What a bad module does: loops for ever, traps, grows, writes in a query, returns NaN, calls back. Tests
//! of the machine that runs modules deploy it; it is no example.

#![no_std]
#![allow(unsafe_code)] // the traps of the machine cannot be reached from safe Rust

pollen_sdk::module!(Probe in "pollen:probe/probe");

use bindings::exports::pollen::probe::events::Noise;
use bindings::exports::pollen::probe::{commands, queries};
use core::hint::black_box;
use pollen_sdk::modules::{CallError, CallOptions};
use pollen_sdk::{
    Account, CodeHash, Hash, NONE, String, Vec, abort, bank, context, control, crypto, emit,
    format, modules, storage, vec,
};

/// Implements the interface.
pub struct Probe;

impl commands::Guest for Probe {
    fn spin() {
        spin()
    }

    fn divide(value: u32, by: u32) -> u32 {
        if cfg!(target_arch = "wasm32") {
            // SAFETY: not sound, and that is the point: the check is left to the machine.
            unsafe { core::hint::assert_unchecked(by != 0) };
        }
        value / by
    }

    fn trap() {
        #[cfg(target_arch = "wasm32")]
        core::arch::wasm32::unreachable();
    }

    fn read_out_of_bounds() -> u32 {
        let beyond = black_box(0xffff_fff0_usize) as *const u32;
        // SAFETY: not sound, and that is the point: wasm traps on it.
        unsafe { beyond.read_volatile() }
    }

    fn call_wrong_signature() -> u64 {
        fn narrow(value: u32) -> u32 {
            value
        }
        // SAFETY: not sound, and that is the point: wasm traps on it.
        let wide: fn(u64) -> u64 =
            unsafe { core::mem::transmute(black_box(narrow as fn(u32) -> u32)) };
        wide(1)
    }

    fn recurse(depth: u32) -> u32 {
        recurse(depth)
    }

    fn fill_memory(size: u32) -> u64 {
        let filled = black_box(vec![1u8; size as usize]);
        memory_bytes().max(filled.len() as u64)
    }

    fn not_a_number() -> f64 {
        f64::NAN
    }

    fn quotient_bits(value: f64, by: f64) -> u64 {
        (value / by).to_bits()
    }

    fn abort(message: String) {
        abort(&message)
    }

    fn panic(message: String) {
        panic!("{message}")
    }

    fn fail(reason: String) -> Result<(), String> {
        storage::set(b"failed", reason.as_bytes());
        Err(reason)
    }

    fn put(key: Vec<u8>, value: Vec<u8>) {
        storage::set(&key, &value);
    }

    fn put_sized(key_size: u32, value_size: u32) {
        storage::set(&vec![b'k'; key_size as usize], &vec![b'v'; value_size as usize]);
    }

    fn put_many(first: u64, count: u32, value_size: u32) {
        let mut word = first.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = vec![0; value_size as usize];
        for key in (first..).take(count as usize) {
            for bytes in value.chunks_mut(8) {
                // xorshift64: nothing that compression shortens.
                word ^= word << 13;
                word ^= word >> 7;
                word ^= word << 17;
                bytes.copy_from_slice(&word.to_be_bytes()[..bytes.len()]);
            }
            storage::set(&key.to_be_bytes(), &value);
        }
    }

    fn emit_many(count: u32, size: u32) {
        let noise = Noise { data: vec![0; size as usize] };
        (0..count).for_each(|_| emit("noise", &[], &noise));
    }

    fn emit_unknown() {
        emit("never-declared", &[], &0u8);
    }

    fn call_other(
        target: Account,
        function: String,
        arguments: Vec<u8>,
        fuel: Option<u64>,
    ) -> Result<Vec<u8>, String> {
        storage::set(b"before", b"1");
        let end = modules::call(target, &function, &arguments, CallOptions { fuel, attach: 0 });
        storage::set(b"after", b"1");
        // An error value would undo this call too, and the point is that it goes on.
        storage::set(b"ended", describe(&end).as_bytes());
        Ok(end.unwrap_or_default())
    }

    fn re_enter() -> Result<Vec<u8>, String> {
        let options = CallOptions { fuel: None, attach: 0 };
        modules::call(context::this(), "spin", &[], options).map_err(|error| name_of(&error))
    }

    fn create(
        code: CodeHash,
        salt: Vec<u8>,
        arguments: Vec<u8>,
        attach: u64,
    ) -> Result<Account, String> {
        let options = CallOptions { fuel: None, attach };
        let made = modules::create(code, &salt, &arguments, options);
        // An error value would undo this call too: the reason is kept instead.
        Ok(made.unwrap_or_else(|error| {
            storage::set(b"ended", name_of(&error).as_bytes());
            NONE
        }))
    }

    fn upgrade_itself(code: CodeHash, arguments: Vec<u8>) -> Result<(), String> {
        control::upgrade(code, &arguments).map_err(|error| {
            String::from(match error {
                control::UpgradeError::NotAllowed => "not-allowed",
                control::UpgradeError::NoSuchCode => "no-such-code",
            })
        })
    }

    fn freeze() {
        control::freeze();
    }

    fn random(n: u32) -> (Vec<u8>, Vec<u8>) {
        (crypto::random(n), crypto::random(n))
    }

    fn take(key: Vec<u8>) -> bool {
        storage::remove(&key)
    }
}

impl queries::Guest for Probe {
    fn get(key: Vec<u8>) -> Option<Vec<u8>> {
        storage::get(&key)
    }

    fn put_in_query() {
        storage::set(b"query", b"1");
    }

    fn emit_in_query() {
        emit("noise", &[], &Noise { data: Vec::new() });
    }

    fn transfer_in_query(to: Account) {
        if bank::transfer(to, 1).is_err() {
            abort("the transfer was refused with a value, not by ending the query");
        }
    }

    fn spin_in_query() {
        spin()
    }

    fn position() -> u64 {
        context::position()
    }

    fn used() -> u64 {
        storage::used()
    }

    fn freeze_in_query() {
        control::freeze();
    }

    fn keccak(data: Vec<u8>) -> Hash {
        crypto::keccak256(&data)
    }
}

fn spin() {
    loop {
        black_box(0);
    }
}

/// No tail call and no loop: the product keeps each level's frame alive.
#[inline(never)]
fn recurse(depth: u32) -> u32 {
    if depth == 0 { 1 } else { recurse(depth - 1).wrapping_mul(31) ^ depth }
}

fn memory_bytes() -> u64 {
    #[cfg(target_arch = "wasm32")]
    return core::arch::wasm32::memory_size(0) as u64 * 65_536;
    #[cfg(not(target_arch = "wasm32"))]
    return 0;
}

fn describe(end: &Result<Vec<u8>, CallError>) -> String {
    match end {
        Ok(_) => String::from("returned"),
        Err(error) => name_of(error),
    }
}

fn name_of(error: &CallError) -> String {
    let name = match error {
        CallError::NoSuchModule => "no-such-module",
        CallError::NoSuchFunction => "no-such-function",
        CallError::BadArguments => "bad-arguments",
        CallError::Reentered => "reentered",
        CallError::OutOfFuel => "out-of-fuel",
        CallError::TooDeep => "too-deep",
        CallError::Trapped => "trapped",
        CallError::Insufficient => "insufficient",
        CallError::LimitExceeded => "limit-exceeded",
        CallError::Paused => "paused",
        CallError::NoSuchCode => "no-such-code",
        CallError::AddressTaken => "address-taken",
        CallError::Aborted(message) => return format!("aborted: {message}"),
        CallError::ModuleError(bytes) => return format!("module-error: {} bytes", bytes.len()),
    };
    String::from(name)
}

#[cfg(test)]
mod tests;
