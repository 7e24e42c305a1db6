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
        with(|world| world.signer)
    }
    /// Who called this module.
    pub fn caller() -> Account {
        with(|world| world.frame().caller)
    }
    /// This module's own address.
    pub fn this() -> Account {
        with(|world| world.frame().module)
    }
    /// The hash of this module's code.
    pub fn code() -> CodeHash {
        let this = this();
        with(|world| world.ledger.codes.get(&this).copied())
            .unwrap_or_else(|| hash_of(*blake3::hash(&this.to_bytes()).as_bytes()))
    }
    /// Whether a scoped key of the signer's signed, not its owners.
    pub fn by_scoped_key() -> bool {
        with(|world| world.by_scoped_key)
    }
    /// The hash of the running transaction; zero in a query.
    pub fn transaction() -> Hash {
        if read_only() {
            return NONE;
        }
        hash_of(*blake3::hash(&position().to_le_bytes()).as_bytes())
    }
    /// The chain's identity.
    pub fn chain() -> Hash {
        hash_of(*blake3::hash(b"the chain under test").as_bytes())
    }
    /// Place in the ledger's total order.
    pub fn position() -> u64 {
        with(|world| world.position)
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
        with(|world| world.frame().attached)
    }
    /// Fuel that this call may still use: no end of it here.
    pub fn fuel_left() -> u64 {
        u64::MAX
    }
    /// Nesting of module calls.
    pub fn depth() -> u32 {
        with(|world| world.running.len() as u32 - 1)
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
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;
    use core::cell::RefCell;

    /// What an entry's deposit counts beside its bytes.
    const ENTRY_BYTES: u64 = 64;

    std::thread_local! {
        static TOUCHED: RefCell<Option<BTreeSet<Vec<u8>>>> = const { RefCell::new(None) };
    }

    pub(crate) fn count_touches(operations: impl FnOnce()) -> usize {
        TOUCHED.replace(Some(BTreeSet::new()));
        operations();
        TOUCHED.take().map_or(0, |keys| keys.len())
    }

    fn touch(key: &[u8]) {
        if key.len() > KEY_BYTES_MAX {
            abort("a storage key is longer than 256 bytes");
        }
        TOUCHED.with_borrow_mut(|touched| {
            if let Some(keys) = touched {
                keys.insert(key.to_vec());
            }
        });
    }

    /// The value under `key`, or none.
    pub fn get(key: &[u8]) -> Option<Vec<u8>> {
        touch(key);
        with(|world| world.storage().get(key).cloned())
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
        touch(key);
        if value.len() > VALUE_BYTES_MAX {
            abort("a storage value is longer than 64 KiB");
        }
        write(|world| world.storage().insert(key.to_vec(), value.to_vec()));
    }
    /// Removes `key`; true when it was there.
    pub fn remove(key: &[u8]) -> bool {
        touch(key);
        write(|world| world.storage().remove(key).is_some())
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
    /// Bytes of this module's entries as their deposit counts them.
    pub fn used() -> u64 {
        let bytes = |(key, value): (&Vec<u8>, &Vec<u8>)| (key.len() + value.len()) as u64;
        with(|world| world.storage().iter().map(|entry| bytes(entry) + ENTRY_BYTES).sum())
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
            world.ledger.events.push(Emitted {
                module: world.running.last().map_or(crate::NONE, |frame| frame.module),
                name: name.into(),
                topics: topics.into(),
                data: data.into(),
            });
            world.ledger.events.len() - world.events_before <= EVENTS_MAX
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
    use crate::test::{Frame, Host, message_of};
    use crate::{Account, CodeHash, abort};
    use alloc::string::ToString;
    use alloc::vec::Vec;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    const NESTED_MAX: usize = 8;
    const SALT_BYTES_MAX: usize = 32;

    /// Calls a function of another module: what the test said it answers.
    pub fn call(
        target: Account,
        function: &str,
        arguments: &[u8],
        options: CallOptions,
    ) -> Result<Vec<u8>, CallError> {
        if options.attach > 0 {
            write(|_| ());
        }
        enter(target, function, arguments, options.attach)
    }

    /// Calls a query of another module: what the test said it answers, with nothing written.
    pub fn view(target: Account, function: &str, arguments: &[u8]) -> Result<Vec<u8>, CallError> {
        let before = with(|world| core::mem::replace(&mut world.read_only, true));
        let end = enter(target, function, arguments, 0);
        with(|world| world.read_only = before);
        end
    }

    /// Makes a module out of code that [`Host::publish`] put there.
    pub fn create(
        code: CodeHash,
        salt: &[u8],
        arguments: &[u8],
        options: CallOptions,
    ) -> Result<Account, CallError> {
        if salt.len() > SALT_BYTES_MAX {
            abort("a salt has at most 32 bytes");
        }
        let install = write(|world| world.published.get(&code).cloned());
        let install = install.ok_or(CallError::NoSuchCode)?;
        let seed = [&super::context::this().to_bytes()[..], salt].concat();
        let module = hash_of(*blake3::hash(&seed).as_bytes());
        if with(|world| world.ledger.codes.contains_key(&module)) {
            return Err(CallError::AddressTaken);
        }
        install(&Host(()), module);
        with(|world| world.ledger.codes.insert(module, code));
        let has_init = with(|world| world.answers.contains_key(&(module, "init".to_string())));
        let end = match has_init {
            true => enter(module, "init", arguments, options.attach).map(|_| module),
            false => Ok(module),
        };
        if end.is_err() {
            with(|world| world.ledger.codes.remove(&module));
        }
        end
    }

    /// The code that runs at an address, or none.
    pub fn code_of(target: Account) -> Option<CodeHash> {
        if let Some(code) = with(|world| world.ledger.codes.get(&target).copied()) {
            return Some(code);
        }
        let known = with(|world| world.answers.keys().any(|(module, _)| *module == target));
        known.then(|| hash_of(*blake3::hash(&target.to_bytes()).as_bytes()))
    }
    /// The module of a name, or none.
    pub fn resolve(name: &str) -> Option<Account> {
        with(|world| world.names.get(name).copied())
    }

    /// Runs a function inside its module; what a failed one wrote is undone.
    fn enter(
        target: Account,
        function: &str,
        arguments: &[u8],
        attach: u64,
    ) -> Result<Vec<u8>, CallError> {
        let (answer, before) = with(|world| {
            let runs = world.running.iter().any(|frame| frame.module == target);
            if runs && !world.reentrant.contains(&target) {
                return Err(CallError::Reentered);
            }
            if world.running.len() > NESTED_MAX {
                return Err(CallError::TooDeep);
            }
            let known = world.answers.keys().any(|(module, _)| *module == target);
            let unknown = if known { CallError::NoSuchFunction } else { CallError::NoSuchModule };
            let answer = world.answers.get(&(target, function.to_string())).cloned();
            let answer = answer.ok_or(unknown)?;
            let before = world.ledger.clone();
            let caller = world.frame().module;
            let balances = &mut world.ledger.balances;
            let have = balances.get(&caller).copied().unwrap_or(0);
            let rest = have.checked_sub(attach).ok_or(CallError::Insufficient)?;
            if attach > 0 {
                balances.insert(caller, rest);
                *balances.entry(target).or_default() += attach;
            }
            world.running.push(Frame { module: target, caller, attached: attach });
            Ok((answer, before))
        })?;
        let end = catch_unwind(AssertUnwindSafe(|| answer(arguments)))
            .unwrap_or_else(|panic| Err(CallError::Aborted(message_of(panic))));
        with(|world| {
            world.running.pop();
            if end.is_err() {
                world.ledger = before;
            }
        });
        end
    }
}

/// See `interface crypto` of `host.wit`: the real functions.
pub mod crypto {
    use super::{hash_of, with};
    use crate::{Hash, abort};
    use alloc::{vec, vec::Vec};
    use ed25519_dalek::{Signature, VerifyingKey};
    use sha2::{Digest, Sha256};

    const RANDOM_BYTES_MAX: u32 = 1_024;

    /// blake3, 32 bytes.
    pub fn blake3(data: &[u8]) -> Hash {
        hash_of(*blake3::hash(data).as_bytes())
    }
    /// SHA-256.
    pub fn sha256(data: &[u8]) -> Hash {
        hash_of(Sha256::digest(data).into())
    }
    /// Keccak-256, as Ethereum hashes.
    pub fn keccak256(data: &[u8]) -> Hash {
        hash_of(sha3::Keccak256::digest(data).into())
    }
    /// ed25519 by the chain's one rule.
    pub fn ed25519_verify(key: Hash, message: &[u8], signature: &[u8]) -> bool {
        let Ok(key) = VerifyingKey::from_bytes(&key.to_bytes()) else { return false };
        let Ok(signature) = Signature::from_slice(signature) else { return false };
        key.verify_strict(message, &signature).is_ok()
    }
    /// The public key that signed `digest` on secp256k1.
    pub fn secp256k1_recover(digest: Hash, signature: &[u8], recovery: u8) -> Option<Vec<u8>> {
        use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
        let signature = Signature::from_slice(signature).ok()?;
        if recovery > 1 || signature.normalize_s() != signature {
            return None;
        }
        let recovery = RecoveryId::from_byte(recovery)?;
        let digest = digest.to_bytes();
        let key = VerifyingKey::recover_from_prehash(&digest, &signature, recovery).ok()?;
        Some(key.to_sec1_point(false).as_bytes().to_vec())
    }
    /// Whether `signature` is one on `digest` by `key` on P-256.
    pub fn secp256r1_verify(key: &[u8], digest: Hash, signature: &[u8]) -> bool {
        use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
        use p256::ecdsa::{Signature, VerifyingKey};
        let Ok(key) = VerifyingKey::from_sec1_bytes(key) else { return false };
        let Ok(signature) = Signature::from_slice(signature) else { return false };
        key.verify_prehash(&digest.to_bytes(), &signature).is_ok()
    }
    /// `n` bytes, other ones at every call, the same at every run of a test.
    pub fn random(n: u32) -> Vec<u8> {
        if n > RANDOM_BYTES_MAX {
            abort("`random` gives at most 1024 bytes");
        }
        let this = super::context::this();
        let mut hasher = blake3::Hasher::new();
        let (position, drawn) = with(|world| {
            world.drawn += 1;
            (world.position, world.drawn)
        });
        hasher.update(&this.to_bytes());
        hasher.update(&position.to_le_bytes());
        hasher.update(&drawn.to_le_bytes());
        let mut bytes = vec![0; n as usize];
        hasher.finalize_xof().fill(&mut bytes);
        bytes
    }
}

/// See `interface control` of `host.wit`.
pub mod control {
    use super::{ABORTED, write};
    use crate::CodeHash;
    pub use crate::bindings::pollen::host::control::UpgradeError;

    /// Ends the call: here a panic that [`crate::test::Host`] knows.
    pub fn abort(message: &str) {
        std::panic!("{ABORTED}{message}");
    }
    /// Replaces this module's code: here it only notes the new one, `migrate` is for the test to run.
    pub fn upgrade(to: CodeHash, _arguments: &[u8]) -> Result<(), UpgradeError> {
        let this = super::context::this();
        write(|world| {
            if !world.decides_itself || world.ledger.frozen.contains(&this) {
                return Err(UpgradeError::NotAllowed);
            }
            if !world.published.contains_key(&to) {
                return Err(UpgradeError::NoSuchCode);
            }
            world.ledger.codes.insert(this, to);
            Ok(())
        })
    }
    /// No upgrade ever again.
    pub fn freeze() {
        let this = super::context::this();
        write(|world| world.ledger.frozen.insert(this));
    }
}
