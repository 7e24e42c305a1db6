//! The collections whose operations touch a fixed number of entries: [`Item`], [`Sum`], [`Map`], [`Set`]
//! and [`Vector`]. None of them but the vector can be listed.

use super::{decode, key_of};
use crate::{abort, encode, storage};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use core::marker::PhantomData;

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

/// A signed sum that is only added to: the host's own `add`, so two transactions that add do not conflict.
/// A sum beyond 64 bits ends the call.
pub struct Sum {
    key: &'static [u8],
}

impl Sum {
    /// The sum under `key`.
    pub const fn new(key: &'static [u8]) -> Self {
        Self { key }
    }

    /// The sum; 0 when nothing was ever added.
    pub fn get(&self) -> i64 {
        storage::get(self.key).map_or(0, |bytes| decode(&bytes))
    }

    /// Adds to it.
    pub fn add(&self, delta: i64) {
        storage::add(self.key, delta);
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

/// Keys that are there or not.
pub struct Set<K: ?Sized> {
    prefix: &'static [u8],
    key: PhantomData<K>,
}

impl<K: BorshSerialize + ?Sized> Set<K> {
    /// The set under `prefix`.
    pub const fn new(prefix: &'static [u8]) -> Self {
        Self { prefix, key: PhantomData }
    }

    /// Whether `key` is in it.
    pub fn contains(&self, key: &K) -> bool {
        storage::len(&key_of(self.prefix, key)).is_some()
    }

    /// Puts `key` into it; true when it was not there.
    pub fn insert(&self, key: &K) -> bool {
        let key = key_of(self.prefix, key);
        let new = storage::len(&key).is_none();
        if new {
            storage::set(&key, &[]);
        }
        new
    }

    /// Takes `key` out of it; true when it was there.
    pub fn remove(&self, key: &K) -> bool {
        storage::remove(&key_of(self.prefix, key))
    }
}

/// Values by position, in the order they were pushed. The length has an entry of its own.
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

    /// The value at `index`, or none beyond the end. Touches one entry: what lies beyond the end is removed.
    pub fn get(&self, index: u32) -> Option<T> {
        storage::get(&key_of(self.prefix, &index)).map(|bytes| decode(&bytes))
    }

    /// Replaces the value at `index`; an index beyond the end ends the call.
    pub fn set(&self, index: u32, value: &T) {
        let key = key_of(self.prefix, &index);
        if storage::len(&key).is_none() {
            abort("a stored vector has no such index");
        }
        storage::set(&key, &encode(value));
    }

    /// Appends a value. A vector of 2^32 - 1 values is full: the call ends.
    pub fn push(&self, value: &T) {
        let length = self.len();
        let Some(longer) = length.checked_add(1) else { abort("a stored vector is full") };
        storage::set(&key_of(self.prefix, &length), &encode(value));
        storage::set(self.prefix, &encode(&longer));
    }

    /// Takes the last value out, or none of an empty vector.
    pub fn pop(&self) -> Option<T> {
        let last = self.len().checked_sub(1)?;
        let key = key_of(self.prefix, &last);
        let value = storage::get(&key).map(|bytes| decode(&bytes));
        storage::remove(&key);
        storage::set(self.prefix, &encode(&last));
        value
    }

    /// Takes the value at `index` out and puts the last one in its place; none beyond the end. The order of
    /// the others stays.
    pub fn swap_remove(&self, index: u32) -> Option<T> {
        let taken = self.get(index)?;
        let last = self.pop()?;
        if index < self.len() {
            self.set(index, &last);
        }
        Some(taken)
    }

    /// At most `max` values from `first`.
    pub fn page(&self, first: u32, max: u32) -> Vec<T> {
        let end = self.len().min(first.saturating_add(max));
        (first..end).filter_map(|index| self.get(index)).collect()
    }
}
