//! Signatures that cost a hash, for the simulator: real ed25519 would be most of its time.
//!
//! A signature is then a keyed blake3 hash under the signer's *public* key: everybody could forge one, and
//! only the simulator's actors are trusted not to. So no program that people run has this in it: it is
//! compiled into the package `pollen-ledger-simulated` alone (tests/sim/ledger), which is these same sources
//! a second time, and there it holds only on a thread that keeps a [`SimulatedSignatures`].

use std::cell::Cell;
use std::marker::PhantomData;

use super::{PublicKey, Signature};

thread_local! {
    static ACTIVE: Cell<bool> = const { Cell::new(false) };
}

/// While it lives, signatures on this thread are simulated. It cannot leave its thread.
#[derive(Debug)]
pub struct SimulatedSignatures {
    before: bool,
    stays: PhantomData<*const ()>,
}

impl SimulatedSignatures {
    /// From now on, until it is dropped.
    pub fn begin() -> Self {
        Self { before: ACTIVE.replace(true), stays: PhantomData }
    }
}

impl Drop for SimulatedSignatures {
    fn drop(&mut self) {
        ACTIVE.set(self.before);
    }
}

/// True on a thread that keeps a [`SimulatedSignatures`].
pub(super) fn is_active() -> bool {
    ACTIVE.get()
}

/// 64 bytes of the keyed hash.
pub(super) fn sign(signer: &PublicKey, message: &[u8]) -> Signature {
    let mut hasher = blake3::Hasher::new_keyed(&signer.0);
    hasher.update(message);
    let mut bytes = [0; 64];
    hasher.finalize_xof().fill(&mut bytes);
    Signature(bytes)
}
