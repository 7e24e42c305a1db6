//! Typed storage: what is kept under a prefix, and what each operation touches.
//!
//! The first touch of a key in a transaction costs 100 000 fuel, more than all the code around it, so what
//! counts in a collection is how many entries of storage an operation touches:
//!
//! | collection | operation | entries touched |
//! |---|---|---|
//! | [`Item`], [`Sum`] | any | 1 |
//! | [`Map`], [`Set`] | any | 1 |
//! | [`Vector`] | `len` | 1 |
//! | | `get`, `set` of an index | 1 |
//! | | `push`, `pop` | 2 |
//! | | `swap_remove` | 3 |
//! | | page of m | 1 + m |
//! | [`OrderedMap`], d levels | `get`, `contains`, `set` of a key that is there | 1 |
//! | | `set` of a new key | 1 + d, and 1 to 2 more when a node is split |
//! | | `remove` | 1 + d, and 1 more a level where a node became small |
//! | | `len` | 1 |
//! | | page of m | d + m, and 1 more about every 16 to 32 keys; keys alone: without the m |
//!
//! d is 1 up to 32 keys, 2 up to some hundreds, 3 up to ten thousand, 4 up to some hundred thousands.
//!
//! Keys are the prefix followed by the key's encoding, values the value's encoding (borsh, strict).
//! Invariant that the author keeps: prefixes of one module are not beginnings of each other; one distinct
//! byte each is the custom. A value that does not decode ends the call: its type was changed without
//! `migrate`.
//!
//! What it deliberately does not do: keep anything in memory between two operations. Each reads and writes
//! storage, so two handles on one prefix see the same.

mod key;
mod node;
mod ordered;
mod plain;

pub use key::OrderedKey;
pub use ordered::{OrderedMap, Page};
pub use plain::{Item, Map, Set, Sum, Vector};

use crate::abort;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

fn decode<T: BorshDeserialize>(bytes: &[u8]) -> T {
    let mut stored = Stored(bytes);
    match T::deserialize_reader(&mut stored) {
        Ok(value) if stored.0.is_empty() => value,
        _ => undecodable(),
    }
}

#[cold]
#[inline(never)]
fn undecodable() -> ! {
    abort("a stored value does not decode: was its type changed without `migrate`?")
}

/// Reads a stored value and ends the call where it is too short: no caller has anything to do with such an
/// error, and without it the compiler leaves out all that would make and pass it on.
struct Stored<'a>(&'a [u8]);

impl borsh::io::Read for Stored<'_> {
    #[inline(always)]
    fn read(&mut self, buffer: &mut [u8]) -> borsh::io::Result<usize> {
        let Some((read, rest)) = self.0.split_at_checked(buffer.len()) else { undecodable() };
        buffer.copy_from_slice(read);
        self.0 = rest;
        Ok(buffer.len())
    }

    #[inline(always)]
    fn read_exact(&mut self, buffer: &mut [u8]) -> borsh::io::Result<()> {
        self.read(buffer).map(|_| ())
    }
}

fn key_of<K: BorshSerialize + ?Sized>(prefix: &[u8], key: &K) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(prefix.len() + 72);
    bytes.extend_from_slice(prefix);
    if key.serialize(&mut bytes).is_err() {
        abort("a storage key cannot be encoded");
    }
    bytes
}

#[cfg(test)]
mod tests;
