//! Typed storage: [`Item`], [`Map`] and [`Vector`], each under a prefix of its own.
//!
//! Keys are the prefix followed by the key's encoding, values the value's encoding (borsh, strict).
//! Prefixes of one module must not be beginnings of each other: one distinct byte each is the custom.
//! There are no scans: what must be listed is kept in a [`Vector`].

use crate::{abort, encode, storage};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use core::marker::PhantomData;

fn decode<T: BorshDeserialize>(bytes: &[u8]) -> T {
    match T::try_from_slice(bytes) {
        Ok(value) => value,
        Err(_) => abort("a stored value does not decode: was its type changed without `migrate`?"),
    }
}

fn key_of<K: BorshSerialize + ?Sized>(prefix: &[u8], key: &K) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64);
    bytes.extend_from_slice(prefix);
    if key.serialize(&mut bytes).is_err() {
        abort("a storage key cannot be encoded");
    }
    bytes
}

/// One value.
pub struct Item<T> {
    key: &'static [u8],
    value: PhantomData<T>,
}

impl<T: BorshSerialize + BorshDeserialize> Item<T> {
    /// The value under `key`.
    pub const fn new(key: &'static [u8]) -> Self {
        Self { key, value: PhantomData }
    }

    /// The value, or none when it was never set.
    pub fn get(&self) -> Option<T> {
        storage::get(self.key).map(|bytes| decode(&bytes))
    }

    /// Sets it.
    pub fn set(&self, value: &T) {
        storage::set(self.key, &encode(value));
    }

    /// Removes it; true when it was there.
    pub fn remove(&self) -> bool {
        storage::remove(self.key)
    }
}

/// Values by key.
pub struct Map<K: ?Sized, V> {
    prefix: &'static [u8],
    key: PhantomData<K>,
    value: PhantomData<V>,
}

impl<K: BorshSerialize + ?Sized, V: BorshSerialize + BorshDeserialize> Map<K, V> {
    /// The map under `prefix`.
    pub const fn new(prefix: &'static [u8]) -> Self {
        Self { prefix, key: PhantomData, value: PhantomData }
    }

    /// The value of `key`, or none.
    pub fn get(&self, key: &K) -> Option<V> {
        storage::get(&key_of(self.prefix, key)).map(|bytes| decode(&bytes))
    }

    /// Whether `key` has a value.
    pub fn contains(&self, key: &K) -> bool {
        storage::len(&key_of(self.prefix, key)).is_some()
    }

    /// Sets the value of `key`.
    pub fn set(&self, key: &K, value: &V) {
        storage::set(&key_of(self.prefix, key), &encode(value));
    }

    /// Removes `key`; true when it was there.
    pub fn remove(&self, key: &K) -> bool {
        storage::remove(&key_of(self.prefix, key))
    }
}

/// Values by position, in the order they were pushed. The length has a key of its own, so a push touches
/// two keys.
pub struct Vector<T> {
    prefix: &'static [u8],
    value: PhantomData<T>,
}

impl<T: BorshSerialize + BorshDeserialize> Vector<T> {
    /// The vector under `prefix`.
    pub const fn new(prefix: &'static [u8]) -> Self {
        Self { prefix, value: PhantomData }
    }

    /// How many values it holds.
    pub fn len(&self) -> u32 {
        storage::get(self.prefix).map_or(0, |bytes| decode(&bytes))
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value at `index`, or none beyond the end.
    pub fn get(&self, index: u32) -> Option<T> {
        storage::get(&key_of(self.prefix, &index)).map(|bytes| decode(&bytes))
    }

    /// Appends a value. A vector of 2^32 - 1 values is full: the call ends.
    pub fn push(&self, value: &T) {
        let length = self.len();
        let Some(longer) = length.checked_add(1) else { abort("a stored vector is full") };
        storage::set(&key_of(self.prefix, &length), &encode(value));
        storage::set(self.prefix, &encode(&longer));
    }

    /// At most `max` values from `first`.
    pub fn page(&self, first: u32, max: u32) -> Vec<T> {
        let end = self.len().min(first.saturating_add(max));
        (first..end).filter_map(|index| self.get(index)).collect()
    }
}
