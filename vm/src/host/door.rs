//! The running transaction's state, as a store's data can hold it.
//!
//! wasmtime wants data without borrows (`Store<T: 'static>`), the ledger lends `&mut TransactionState<'_>`
//! for the time of one call. This file bridges the two; with the one use of [`StateDoor::new`] it is all the
//! unsafe code around calls.
#![allow(unsafe_code)]

use std::ptr::NonNull;

use pollen_ledger::execution::TransactionState;

/// A lent state. Neither `Send` nor `Sync` nor `Clone`.
#[derive(Debug)]
pub(crate) struct StateDoor(NonNull<TransactionState<'static>>);

impl StateDoor {
    /// # Safety
    ///
    /// The door must be dropped before `state` is used again by its owner, or its borrow ends.
    pub(crate) unsafe fn new(state: &mut TransactionState<'_>) -> Self {
        Self(NonNull::from(state).cast())
    }

    /// Lends the state to `body`, which must be good for every lifetime: nothing of the state's own
    /// borrows can leave it, and nothing shorter can be put into it.
    pub(crate) fn with<R>(
        &mut self,
        body: impl for<'a, 'b> FnOnce(&'b mut TransactionState<'a>) -> R,
    ) -> R {
        // SAFETY: by `new`'s contract the state lives, and nobody else uses it as long as the door is
        // there; `&mut self` excludes a second borrow through the same door. The lifetime is a fiction
        // that `body` cannot see, since it is generic over it.
        body(unsafe { self.0.as_mut() })
    }
}
