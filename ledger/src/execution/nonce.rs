//! The replay window of one key of one account: a sliding window, not a counter (as in RFC 6479, and
//! WireGuard). It remembers the highest used nonce and which of the 1 024 below it were used.
//!
//! A nonce is good when it is unused inside the window, or above the highest by at most 4 096. A fresh
//! window has no highest and takes 0 to 4 095. Everything below the window is lost for ever, so nothing
//! used can come back.
//!
//! Kept canonically and small: everything below `floor` is used or lost, `floor` itself is free, and a bit
//! map tells of the nonces above it. A client that counts up has an empty map: 21 bytes.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::limits::{NONCE_AHEAD_MAX, NONCE_WINDOW};

/// Why a nonce cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NonceError {
    /// It was used.
    #[error("nonce {nonce} was used before: take {next} or another free one")]
    Used {
        /// The nonce asked for.
        nonce: u64,
        /// One above the highest used.
        next: u64,
    },
    /// Below or too far above the window.
    #[error("nonce {nonce} lies outside the window {lowest} to {highest}: take {next}")]
    Outside {
        /// The nonce asked for.
        nonce: u64,
        /// Lowest that the window knows of.
        lowest: u64,
        /// Highest that it takes.
        highest: u64,
        /// One above the highest used.
        next: u64,
    },
}

/// See the module's documentation.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct NonceWindow {
    /// The highest used nonce.
    highest: Option<u64>,
    /// The lowest that is neither used nor lost.
    floor: u64,
    /// Bit `i` of word `w`: `floor + 1 + 64 w + i` is used. The last word is not zero.
    used: Vec<u64>,
}

impl NonceWindow {
    /// The highest used nonce; none in a fresh window.
    pub fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// What a client that has nothing in flight takes next: one above the highest used.
    pub fn next(&self) -> u64 {
        self.highest.map_or(0, |highest| highest.saturating_add(1))
    }

    /// The lowest nonce that the window knows of: below it everything is lost.
    pub fn lowest(&self) -> u64 {
        self.highest.map_or(0, |highest| highest.saturating_sub(NONCE_WINDOW))
    }

    /// The highest nonce that it takes now. The very last number is never taken: nothing follows it.
    pub fn limit(&self) -> u64 {
        self.highest
            .map_or(NONCE_AHEAD_MAX - 1, |highest| highest.saturating_add(NONCE_AHEAD_MAX))
            .min(u64::MAX - 1)
    }

    /// Whether a nonce can be used now.
    pub fn check(&self, nonce: u64) -> Result<(), NonceError> {
        let (lowest, highest, next) = (self.lowest(), self.limit(), self.next());
        if nonce < lowest || nonce > highest {
            return Err(NonceError::Outside { nonce, lowest, highest, next });
        }
        if nonce < self.floor || self.is_marked(nonce) {
            return Err(NonceError::Used { nonce, next });
        }
        Ok(())
    }

    /// Whether a nonce was never used, as far as the window can tell: it is free now, or too high for now.
    pub fn is_unused(&self, nonce: u64) -> Result<(), NonceError> {
        match self.check(nonce) {
            Err(NonceError::Outside { nonce, highest, .. }) if nonce > highest => Ok(()),
            checked => checked,
        }
    }

    /// Uses a nonce up.
    pub fn consume(&mut self, nonce: u64) -> Result<(), NonceError> {
        self.check(nonce)?;
        self.highest = self.highest.max(Some(nonce));
        if nonce == self.floor {
            self.raise_floor(nonce + 1);
        } else {
            self.mark(nonce);
        }
        // What fell out of the window is lost, used or not.
        if self.floor < self.lowest() {
            self.raise_floor(self.lowest());
        }
        Ok(())
    }

    /// The place of a nonce above the floor: word and bit.
    fn place(&self, nonce: u64) -> (usize, u64) {
        let offset = nonce - self.floor - 1;
        ((offset / 64) as usize, offset % 64)
    }

    fn is_marked(&self, nonce: u64) -> bool {
        if nonce <= self.floor {
            return false;
        }
        let (word, bit) = self.place(nonce);
        self.used.get(word).is_some_and(|used| used >> bit & 1 == 1)
    }

    fn mark(&mut self, nonce: u64) {
        let (word, bit) = self.place(nonce);
        if self.used.len() <= word {
            // At most the window and what may lie ahead of it: (1 024 + 4 096) / 64 words.
            self.used.resize(word + 1, 0);
        }
        self.used[word] |= 1 << bit;
    }

    /// Raises the floor to `least`, and on over what is used.
    fn raise_floor(&mut self, least: u64) {
        let mut floor = least;
        while self.is_marked(floor) {
            floor += 1;
        }
        self.shift(floor - self.floor);
        self.floor = floor;
    }

    /// Drops the lowest `by` bits.
    fn shift(&mut self, by: u64) {
        let words = usize::try_from(by / 64).unwrap_or(usize::MAX).min(self.used.len());
        self.used.drain(..words);
        let bits = by % 64;
        if bits > 0 {
            for word in 0..self.used.len() {
                let above = self.used.get(word + 1).copied().unwrap_or(0);
                self.used[word] = self.used[word] >> bits | above << (64 - bits);
            }
        }
        while self.used.last() == Some(&0) {
            self.used.pop();
        }
    }
}
