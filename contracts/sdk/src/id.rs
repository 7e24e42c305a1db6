//! Ids as bytes. An id is four little-endian words, so that it stays flat in the canonical ABI.

use crate::Id;

/// The id of all zeros: nobody's account, the hash of nothing.
pub const NONE: Id = Id { a: 0, b: 0, c: 0, d: 0 };

impl Id {
    /// The id of 32 bytes: word `a` holds bytes 0 to 7, little-endian, and so on.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self { a: word(&bytes, 0), b: word(&bytes, 8), c: word(&bytes, 16), d: word(&bytes, 24) }
    }

    /// Its 32 bytes.
    pub fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (chunk, word) in bytes.chunks_exact_mut(8).zip([self.a, self.b, self.c, self.d]) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }
}

const fn word(bytes: &[u8; 32], at: usize) -> u64 {
    let mut word = [0; 8];
    let mut index = 0;
    while index < 8 {
        word[index] = bytes[at + index];
        index += 1;
    }
    u64::from_le_bytes(word)
}
