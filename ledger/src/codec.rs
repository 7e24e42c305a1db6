//! The one binary codec: borsh, strict. Decoding takes a bound, refuses trailing bytes, and (by the
//! `de_strict_order` feature) refuses unordered maps and sets.

use borsh::{BorshDeserialize, BorshSerialize};

/// Why bytes were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// More bytes than the caller's bound.
    #[error("{bytes} bytes are more than the {max} allowed")]
    TooLarge {
        /// What came.
        bytes: usize,
        /// What may come.
        max: usize,
    },
    /// Not the encoding of this type, or bytes left over.
    #[error("not a valid encoding: {reason}")]
    Malformed {
        /// The decoder's words.
        reason: String,
    },
}

/// Encodes a value.
pub fn encode<T: BorshSerialize>(value: &T) -> Vec<u8> {
    borsh::to_vec(value).expect("writing to a vector cannot fail")
}

/// Appends a value's encoding.
pub fn encode_into<T: BorshSerialize>(bytes: &mut Vec<u8>, value: &T) {
    value.serialize(bytes).expect("writing to a vector cannot fail");
}

/// Decodes exactly one value from all of `bytes`, of which there may be at most `max`.
pub fn decode<T: BorshDeserialize>(bytes: &[u8], max: usize) -> Result<T, DecodeError> {
    if bytes.len() > max {
        return Err(DecodeError::TooLarge { bytes: bytes.len(), max });
    }
    T::try_from_slice(bytes).map_err(|error| DecodeError::Malformed { reason: error.to_string() })
}

/// Takes one value off the front of `rest`. Whoever calls it in turn checks that nothing is left.
pub fn take<T: BorshDeserialize>(rest: &mut &[u8]) -> Result<T, DecodeError> {
    T::deserialize(rest).map_err(|error| DecodeError::Malformed { reason: error.to_string() })
}

/// Bytes of a value's encoding, without making it.
pub fn length<T: BorshSerialize>(value: &T) -> usize {
    borsh::object_length(value).expect("counting cannot fail")
}
