//! Keys whose encodings sort as the keys do.
//!
//! Invariants: for two keys of one type, their encodings compare as bytes exactly as the keys compare; no
//! encoding is empty or the beginning of another, so encodings can be joined into tuples; what
//! [`OrderedKey::decode`] reads is what [`OrderedKey::encode`] wrote.

use crate::{Id, String};
use alloc::vec::Vec;

/// A key of an [`crate::OrderedMap`]: integers, bool, accounts and hashes (by their bytes), arrays of
/// bytes, text and bytes of any length, and tuples of two or three of them.
pub trait OrderedKey: Sized {
    /// Appends the encoding.
    fn encode(&self, bytes: &mut Vec<u8>);
    /// Reads one key off the front; none when the bytes are no key.
    fn decode(bytes: &mut &[u8]) -> Option<Self>;
}

fn split<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (front, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(front)
}

macro_rules! unsigned {
    ($($type:ty),*) => {$(
        impl OrderedKey for $type {
            fn encode(&self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_be_bytes());
            }
            fn decode(bytes: &mut &[u8]) -> Option<Self> {
                Some(Self::from_be_bytes(split(bytes, size_of::<Self>())?.try_into().ok()?))
            }
        }
    )*};
}
unsigned!(u8, u16, u32, u64, u128);

macro_rules! signed {
    ($($type:ty as $unsigned:ty),*) => {$(
        // With the sign turned over, the negative ones come first.
        impl OrderedKey for $type {
            fn encode(&self, bytes: &mut Vec<u8>) {
                (*self ^ Self::MIN).cast_unsigned().encode(bytes);
            }
            fn decode(bytes: &mut &[u8]) -> Option<Self> {
                Some(<$unsigned>::decode(bytes)?.cast_signed() ^ Self::MIN)
            }
        }
    )*};
}
signed!(i8 as u8, i16 as u16, i32 as u32, i64 as u64, i128 as u128);

impl OrderedKey for bool {
    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.push(u8::from(*self));
    }
    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        match u8::decode(bytes)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl<const N: usize> OrderedKey for [u8; N] {
    fn encode(&self, bytes: &mut Vec<u8>) {
        const { assert!(N > 0, "an empty array is no key") };
        bytes.extend_from_slice(self);
    }
    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        split(bytes, N)?.try_into().ok()
    }
}

impl OrderedKey for Id {
    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.to_bytes());
    }
    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        <[u8; 32]>::decode(bytes).map(Self::from_bytes)
    }
}

/// Ends with 0 0; a 0 inside is written 0 255, which is more than the end and less than any other byte's
/// place.
impl OrderedKey for Vec<u8> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        encode_text(self, bytes);
    }
    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let mut text = Self::new();
        loop {
            match u8::decode(bytes)? {
                0 => match u8::decode(bytes)? {
                    0 => return Some(text),
                    255 => text.push(0),
                    _ => return None,
                },
                byte => text.push(byte),
            }
        }
    }
}

fn encode_text(text: &[u8], bytes: &mut Vec<u8>) {
    for &byte in text {
        bytes.push(byte);
        if byte == 0 {
            bytes.push(255);
        }
    }
    bytes.extend_from_slice(&[0, 0]);
}

impl OrderedKey for String {
    fn encode(&self, bytes: &mut Vec<u8>) {
        encode_text(self.as_bytes(), bytes);
    }
    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        Self::from_utf8(Vec::decode(bytes)?).ok()
    }
}

impl<A: OrderedKey, B: OrderedKey> OrderedKey for (A, B) {
    fn encode(&self, bytes: &mut Vec<u8>) {
        self.0.encode(bytes);
        self.1.encode(bytes);
    }
    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        Some((A::decode(bytes)?, B::decode(bytes)?))
    }
}

impl<A: OrderedKey, B: OrderedKey, C: OrderedKey> OrderedKey for (A, B, C) {
    fn encode(&self, bytes: &mut Vec<u8>) {
        self.0.encode(bytes);
        self.1.encode(bytes);
        self.2.encode(bytes);
    }
    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        Some((A::decode(bytes)?, B::decode(bytes)?, C::decode(bytes)?))
    }
}
