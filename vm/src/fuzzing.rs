//! Bodies of the fuzz targets (`fuzz/`) of this crate: each takes any bytes and panics when something that
//! must hold does not. Plain functions, so that a test runs them over seeded inputs on stable.
//!
//! For tests and fuzzers alone: they need what writes components, which the program does not.

mod deployment;
mod execution;
mod host_calls;
mod values;

#[cfg(test)]
mod tests;

pub use deployment::deployment;
pub use execution::execution;
#[cfg(test)]
pub(crate) use execution::{Counts, examine};
pub use host_calls::host_calls;
pub use values::values;

/// A body by the name of its target.
pub type Body = (&'static str, fn(&[u8]));

/// All of them.
pub const BODIES: [Body; 3] =
    [("deployment", deployment), ("host_calls", host_calls), ("module_values", values)];

/// Choices out of bytes; zeros when they are used up.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        let (first, rest) =
            self.0.split_first().map_or((0, self.0), |(first, rest)| (*first, rest));
        self.0 = rest;
        first
    }

    fn number(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// Below a bound, which is more than 0: one byte for a small one.
    fn below(&mut self, bound: usize) -> usize {
        let drawn = if bound <= 256 {
            u64::from(self.byte())
        } else {
            u64::from(self.byte()) << 16 | u64::from(self.byte()) << 8 | u64::from(self.byte())
        };
        (drawn % bound as u64) as usize
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
