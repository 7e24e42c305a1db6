//! Growth of memory and tables: bounded, and paid by the page, the memory that a module has at its start
//! included.
//!
//! wasmtime asks without a way to take fuel at that moment, so the price of pages is owed and taken at
//! the next call of the host or at the end. What may be owed is bounded by the fuel that was there when
//! it was last known: nobody grows on credit. Growth beyond a limit of ours ends the call; beyond the
//! module's own declared maximum `memory.grow` returns -1, as the standard says.

use wasmtime::ResourceLimiter;

use super::{HostEnd, prices};
use crate::validate::limits::{
    MEMORY_BYTES_MAX, MEMORY_FREE_BYTES, PAGE_BYTES, TABLE_ELEMENTS_MAX,
};

/// Of one call.
#[derive(Debug)]
pub(crate) struct Limiter {
    owed: u64,
    /// Fuel when it was last known: at least what is left now.
    known: u64,
    /// True when the machine could not grow what the limits allow.
    failed: bool,
}

impl Limiter {
    pub(crate) fn new(fuel: u64) -> Self {
        Self { owed: 0, known: fuel, failed: false }
    }

    /// Fuel for pages that is not yet taken.
    pub(crate) fn owed(&self) -> u64 {
        self.owed
    }

    /// True when growth failed for a reason of this machine.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed
    }

    /// What was owed is taken, and `fuel` is left.
    pub(crate) fn settle(&mut self, fuel: u64) {
        self.owed = 0;
        self.known = fuel;
    }

    fn machine_failed(&mut self) -> wasmtime::Result<()> {
        self.failed = true;
        Err(HostEnd::Local.into())
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let desired = desired as u64;
        if desired > MEMORY_BYTES_MAX {
            return Err(HostEnd::Growth("a module's memory is bounded by 16 MiB").into());
        }
        if maximum.is_some_and(|maximum| desired > maximum as u64) {
            return Ok(false);
        }
        let above_free = |bytes: u64| bytes.saturating_sub(MEMORY_FREE_BYTES).div_ceil(PAGE_BYTES);
        let pages = above_free(desired) - above_free(current as u64);
        self.owed += pages * prices::PAGE;
        if self.owed > self.known { Err(HostEnd::OutOfFuel.into()) } else { Ok(true) }
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.machine_failed()
    }

    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired as u64 > TABLE_ELEMENTS_MAX {
            return Err(HostEnd::Growth("a module's table is bounded by 10 000 elements").into());
        }
        Ok(maximum.is_none_or(|maximum| desired <= maximum))
    }

    fn table_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.machine_failed()
    }
}
