//! The host's functions in memory, with the signatures of the generated bindings.

use super::{ABORTED, Emitted, World, hash_of, with};
use crate::abort;

const KEY_BYTES_MAX: usize = 256;
const VALUE_BYTES_MAX: usize = 64 * 1024;
const EVENTS_MAX: usize = 64;
const TOPICS_MAX: usize = 4;
const TOPIC_BYTES_MAX: usize = 64;

/// Changes the world; refused in a query.
fn write<R>(f: impl FnOnce(&mut World) -> R) -> R {
    if with(|world| world.read_only) {
        abort("a query may not write");
    }
    with(f)
}

/// See `interface context` of `host.wit`.
pub mod context {
    use super::{hash_of, with};
    use crate::{Account, Amount, CodeHash, Hash, NONE};

    /// Who signed the transaction.
    pub fn signer() -> Account {
        with(|world| world.signer).unwrap_or(NONE)
    }
    /// Who called this module.
    pub fn caller() -> Account {
        with(|world| world.caller).unwrap_or(NONE)
    }
    /// This module's own address.
    pub fn this() -> Account {
        hash_of(*blake3::hash(b"the module under test").as_bytes())
    }
    /// The hash of this module's code.
    pub fn code() -> CodeHash {
        hash_of(*blake3::hash(b"the code under test").as_bytes())
    }
    /// The hash of the running transaction; zero in a query.
    pub fn transaction() -> Hash {
        if read_only() {
            return NONE;
        }
        hash_of(*blake3::hash(&time_ms().to_le_bytes()).as_bytes())
    }
    /// The chain's identity.
    pub fn chain() -> Hash {
        hash_of(*blake3::hash(b"the chain under test").as_bytes())
    }
    /// Ledger time, in milliseconds since 1970.
    pub fn time_ms() -> u64 {
        with(|world| world.time_ms)
    }
    /// Consensus round: ten a second here.
    pub fn round() -> u64 {
        time_ms() / 100
    }
    /// Grains sent with this call.
    pub fn attached() -> Amount {
        with(|world| world.attached)
    }
    /// Fuel that this call may still use: no end of it here.
    pub fn fuel_left() -> u64 {
        u64::MAX
    }
    /// Nesting of module calls.
    pub fn depth() -> u32 {
        0
    }
    /// Whether this is a query.
    pub fn read_only() -> bool {
        with(|world| world.read_only)
    }
}

/// See `interface storage` of `host.wit`.
pub mod storage {
    use super::{KEY_BYTES_MAX, VALUE_BYTES_MAX, with, write};
    use crate::abort;
    use alloc::vec::Vec;

    fn check(key: &[u8]) {
        if key.len() > KEY_BYTES_MAX {
            abort("a storage key is longer than 256 bytes");
        }
    }

    /// The value under `key`, or none.
    pub fn get(key: &[u8]) -> Option<Vec<u8>> {
        check(key);
        with(|world| world.ledger.storage.get(key).cloned())
    }
    /// The length in bytes of the value under `key`, or none.
    pub fn len(key: &[u8]) -> Option<u32> {
        get(key).map(|value| value.len() as u32)
    }
    /// At most `max` bytes of the value from `offset`.
    pub fn get_range(key: &[u8], offset: u32, max: u32) -> Vec<u8> {
        let value = get(key).unwrap_or_default();
        let start = (offset as usize).min(value.len());
        let end = start.saturating_add(max as usize).min(value.len());
        value[start..end].to_vec()
    }
    /// Puts `value` under `key`.
    pub fn set(key: &[u8], value: &[u8]) {
        check(key);
        if value.len() > VALUE_BYTES_MAX {
            abort("a storage value is longer than 64 KiB");
        }
        write(|world| world.ledger.storage.insert(key.to_vec(), value.to_vec()));
    }
    /// Removes `key`; true when it was there.
    pub fn remove(key: &[u8]) -> bool {
        check(key);
        write(|world| world.ledger.storage.remove(key).is_some())
    }
    /// Adds to an s64 kept as 8 little-endian bytes.
    pub fn add(key: &[u8], delta: i64) {
        let value = match get(key).map(<[u8; 8]>::try_from) {
            None => 0,
            Some(Ok(bytes)) => i64::from_le_bytes(bytes),
            Some(Err(_)) => abort("`add` to a value that is not 8 bytes"),
        };
        let Some(sum) = value.checked_add(delta) else { abort("`add` overflows an s64") };
        set(key, &sum.to_le_bytes());
    }
}

/// See `interface events` of `host.wit`.
pub mod events {
    use super::{EVENTS_MAX, Emitted, TOPIC_BYTES_MAX, TOPICS_MAX, write};
    use crate::abort;
    use alloc::vec::Vec;

    /// Puts an event into the receipt.
    pub fn emit(name: &str, topics: &[Vec<u8>], data: &[u8]) {
        if topics.len() > TOPICS_MAX || topics.iter().any(|topic| topic.len() > TOPIC_BYTES_MAX) {
            abort("an event has more than 4 topics, or one of more than 64 bytes");
        }
        let fits = write(|world| {
            let events = &mut world.ledger.events;
            events.push(Emitted { name: name.into(), topics: topics.into(), data: data.into() });
            events.len() - world.events_before <= EVENTS_MAX
        });
        if !fits {
            abort("more than 64 events");
        }
    }
    /// A line for whoever traces.
    pub fn debug(message: &str) {
        std::eprintln!("{message}");
    }
}

/// See `interface bank` of `host.wit`.
pub mod bank {
    use super::{with, write};
    pub use crate::bindings::pollen::host::bank::BankError;
    use crate::{Account, Amount};

    /// What an account holds, in grains.
    pub fn balance(of: Account) -> Amount {
        with(|world| world.ledger.balances.get(&of).copied()).unwrap_or(0)
    }
    /// Moves grains from this module to an existing account.
    pub fn transfer(to: Account, value: Amount) -> Result<(), BankError> {
        let this = super::context::this();
        write(|world| {
            let balances = &mut world.ledger.balances;
            let have = balances.get(&this).copied().unwrap_or(0);
            let rest = have.checked_sub(value).ok_or(BankError::Insufficient)?;
            if !balances.contains_key(&to) {
                return Err(BankError::NoSuchAccount);
            }
            balances.insert(this, rest);
            *balances.entry(to).or_default() += value;
            Ok(())
        })
    }
}

/// See `interface modules` of `host.wit`.
pub mod modules {
    use super::{hash_of, with, write};
    pub use crate::bindings::pollen::host::modules::{CallError, CallOptions};
    use crate::{Account, CodeHash};
    use alloc::string::ToString;
    use alloc::vec::Vec;

    /// Calls a function of another module: what the test said it answers.
    pub fn call(
        target: Account,
        function: &str,
        arguments: &[u8],
        _options: CallOptions,
    ) -> Result<Vec<u8>, CallError> {
        write(|_| ());
        view(target, function, arguments)
    }
    /// Calls a query of another module: what the test said it answers.
    pub fn view(target: Account, function: &str, arguments: &[u8]) -> Result<Vec<u8>, CallError> {
        if target == super::context::this() {
            return Err(CallError::Reentered);
        }
        let answer = with(|world| world.answers.remove(&(target, function.to_string())));
        let Some(answer) = answer else { return Err(CallError::NoSuchFunction) };
        let end = answer(arguments);
        with(|world| world.answers.insert((target, function.to_string()), answer));
        end
    }
    /// The code that runs at an address, or none.
    pub fn code_of(target: Account) -> Option<CodeHash> {
        let known = with(|world| world.answers.keys().any(|(module, _)| *module == target));
        known.then(|| hash_of(*blake3::hash(&target.to_bytes()).as_bytes()))
    }
    /// The module of a name, or none.
    pub fn resolve(name: &str) -> Option<Account> {
        with(|world| world.names.get(name).copied())
    }
}

/// See `interface crypto` of `host.wit`: the real functions.
pub mod crypto {
    use super::hash_of;
    use crate::Hash;
    use ed25519_dalek::{Signature, VerifyingKey};
    use sha2::{Digest, Sha256};

    /// blake3, 32 bytes.
    pub fn blake3(data: &[u8]) -> Hash {
        hash_of(*blake3::hash(data).as_bytes())
    }
    /// SHA-256.
    pub fn sha256(data: &[u8]) -> Hash {
        hash_of(Sha256::digest(data).into())
    }
    /// ed25519 by the chain's one rule.
    pub fn ed25519_verify(key: Hash, message: &[u8], signature: &[u8]) -> bool {
        let Ok(key) = VerifyingKey::from_bytes(&key.to_bytes()) else { return false };
        let Ok(signature) = Signature::from_slice(signature) else { return false };
        key.verify_strict(message, &signature).is_ok()
    }
}

/// See `interface control` of `host.wit`.
pub mod control {
    use super::ABORTED;

    /// Ends the call: here a panic that [`crate::test::Host`] knows.
    pub fn abort(message: &str) {
        std::panic!("{ABORTED}{message}");
    }
}
