//! The light client: what a node says, believed only as far as it is proved, with nothing trusted but
//! genesis.
//!
//! The way is genesis, its committee, a certificate, the checkpoint, then by its roots a transaction, a
//! receipt, an event, an entry of the state or that there is none. [`CertifiedCheckpoint`] is made by [`LightClient::checkpoint`] alone, so what is
//! checked against one is proved. Whatever does not fit is refused with its reason.
//!
//! Pure: no clock, no thread, no socket; it compiles for wasm32 and runs in a browser. It does not know
//! whether there is a later checkpoint: who needs fresh answers compares `timestamp_ms` with its own clock.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::certificate::{Certificate, CertificateError};
use crate::checkpoint::Checkpoint;
use crate::codec::{self, DecodeError};
use crate::committee::{Committee, CommitteeError};
use crate::crypto::Hash;
use crate::execution::{NonceError, NonceWindow, StateKey, window_key};
use crate::genesis::Genesis;
use crate::limits::COMPONENT_BYTES_MAX;
use crate::list::{self, ListProof, ListProofError};
use crate::receipt::{Event, Receipt};
use crate::transaction::Transaction;
use crate::tree::{Proof, ProofError};

/// Checkpoints between a proved one and the certificate that vouches for it.
pub const PATH_CHECKPOINTS_MAX: usize = 1024;
/// Bytes of an encoded nonce window at most.
const WINDOW_BYTES_MAX: usize = 4 * 1024;
/// Bytes of an encoded receipt at most: results and events are far below.
const RECEIPT_BYTES_MAX: usize = 4 * COMPONENT_BYTES_MAX;

/// What proves a checkpoint: the certificate of its own height, or of a later one that names it through
/// the digests of those in between.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CheckpointProof {
    /// From the proved checkpoint up to the one before the certificate's; empty when the certificate is
    /// its own.
    pub path: Vec<Checkpoint>,
    /// The certificate.
    pub certificate: Certificate,
}

/// Why a proof was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LightError {
    /// Bytes that are not what they should be.
    #[error("the {what} cannot be read: {reason}")]
    Malformed {
        /// Of what.
        what: &'static str,
        /// The decoder's words.
        reason: DecodeError,
    },
    /// The certificate.
    #[error("the certificate is refused: {0}")]
    Certificate(#[from] CertificateError),
    /// A proof of something else.
    #[error("the proof is of checkpoint {found}, not of {expected}")]
    Height {
        /// The height that it proves.
        found: u64,
        /// The height that was asked for.
        expected: u64,
    },
    /// Checkpoints that do not name each other.
    #[error(
        "checkpoint {height} is not the one that its successor names: one of the two was altered"
    )]
    Path {
        /// The height where the path breaks.
        height: u64,
    },
    /// More checkpoints than anybody should have to check.
    #[error(
        "{found} checkpoints lead to the certificate, more than {PATH_CHECKPOINTS_MAX}: ask another node"
    )]
    PathLength {
        /// Those that came.
        found: usize,
    },
    /// A proof of a place in one of the checkpoint's lists.
    #[error("the {what} is refused: {reason}")]
    List {
        /// Transaction or receipt.
        what: &'static str,
        /// Why.
        reason: ListProofError,
    },
    /// A proof of what is, or is not, in the state.
    #[error("the state is not proved: {0}")]
    State(#[from] ProofError),
    /// Of another transaction.
    #[error("what came is of the transaction {found}, not of {expected}")]
    OtherTransaction {
        /// The transaction that it names.
        found: Hash,
        /// The one that was asked for.
        expected: Hash,
    },
    /// A transaction that can still run.
    #[error(
        "it is valid until {valid_until_ms}, and the checkpoint is of {ledger_time_ms}: it can still run"
    )]
    StillValid {
        /// The transaction's, in milliseconds.
        valid_until_ms: u64,
        /// The checkpoint's, in milliseconds.
        ledger_time_ms: u64,
    },
    /// A transaction that may have run.
    #[error("it may have run: {0}")]
    MayHaveRun(NonceError),
    /// An event that is not in the receipt.
    #[error(
        "the receipt has {count} events, none with the number {number}: they are counted from 0"
    )]
    NoEvent {
        /// Which was asked for.
        number: u32,
        /// How many there are.
        count: usize,
    },
}

/// See the module's documentation.
#[derive(Debug, Clone)]
pub struct LightClient {
    chain_id: Hash,
    committee: Committee,
}

/// A checkpoint that a quorum vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertifiedCheckpoint {
    checkpoint: Checkpoint,
    digest: Hash,
}

impl LightClient {
    /// Trusts this genesis document, and so its committee.
    pub fn new(genesis: &Genesis) -> Result<Self, CommitteeError> {
        Ok(Self { chain_id: genesis.chain_id(), committee: genesis.committee()? })
    }

    /// Trusts this committee of this chain: for who keeps them instead of the genesis document.
    pub fn of(chain_id: Hash, committee: Committee) -> Self {
        Self { chain_id, committee }
    }

    /// The chain.
    pub fn chain_id(&self) -> &Hash {
        &self.chain_id
    }

    /// The committee whose certificates are believed.
    pub fn committee(&self) -> &Committee {
        &self.committee
    }

    /// Checks the proof of the checkpoint at `height`.
    pub fn checkpoint(
        &self,
        height: u64,
        proof: &CheckpointProof,
    ) -> Result<CertifiedCheckpoint, LightError> {
        let CheckpointProof { path, certificate } = proof;
        if path.len() > PATH_CHECKPOINTS_MAX {
            return Err(LightError::PathLength { found: path.len() });
        }
        let checkpoint = path.first().unwrap_or(&certificate.checkpoint);
        if checkpoint.height != height {
            return Err(LightError::Height { found: checkpoint.height, expected: height });
        }
        // Hashes first: they cost less than signatures.
        let mut next = &certificate.checkpoint;
        for before in path.iter().rev() {
            before.check_identity(&self.chain_id, &self.committee)?;
            if before.height.checked_add(1) != Some(next.height) || next.previous != before.digest()
            {
                return Err(LightError::Path { height: before.height });
            }
            next = before;
        }
        certificate.verify(&self.chain_id, &self.committee)?;
        Ok(CertifiedCheckpoint { checkpoint: checkpoint.clone(), digest: checkpoint.digest() })
    }
}

impl CertifiedCheckpoint {
    /// The checkpoint.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Its digest.
    pub fn digest(&self) -> &Hash {
        &self.digest
    }

    /// The root that proofs about the state after this checkpoint are checked against: of entries, of
    /// their absence, of ranges.
    pub fn state_root(&self) -> &Hash {
        &self.checkpoint.state_root
    }

    /// Checks that after this checkpoint the state had this value under a key, or with `None` that it had
    /// none.
    pub fn state(
        &self,
        key: &StateKey,
        value: Option<&[u8]>,
        proof: &Proof,
    ) -> Result<(), LightError> {
        Ok(proof.verify(self.state_root(), &key.hash(), value)?)
    }

    /// Checks that a transaction was never executed and never will be: after this checkpoint, which is not before the end
    /// of its validity, its nonce was free. `window` is what the state has under [`window_key`] of its sender and key.
    pub fn absence(
        &self,
        transaction: &Transaction,
        window: Option<&[u8]>,
        proof: &Proof,
    ) -> Result<(), LightError> {
        let (valid_until_ms, ledger_time_ms) =
            (transaction.valid_until_ms, self.checkpoint.timestamp_ms);
        if ledger_time_ms < valid_until_ms {
            return Err(LightError::StillValid { valid_until_ms, ledger_time_ms });
        }
        self.state(&window_key(&transaction.sender, &transaction.key), window, proof)?;
        let decode = |bytes| codec::decode::<NonceWindow>(bytes, WINDOW_BYTES_MAX);
        let window = window.map(decode).transpose();
        let window = window
            .map_err(|reason| LightError::Malformed { what: "nonce window", reason })?
            .unwrap_or_default();
        window.is_unused(transaction.nonce).map_err(LightError::MayHaveRun)
    }

    /// Checks that a transaction was executed at the proof's place.
    pub fn transaction(&self, id: &Hash, proof: &ListProof) -> Result<(), LightError> {
        proof
            .verify(&self.checkpoint.transactions_root, list::leaf(&id.0))
            .map_err(|reason| LightError::List { what: "transaction", reason })
    }

    /// Checks that this encoded receipt stands at the proof's place.
    pub fn receipt(&self, encoded: &[u8], proof: &ListProof) -> Result<Receipt, LightError> {
        proof
            .verify(&self.checkpoint.receipts_root, list::leaf(encoded))
            .map_err(|reason| LightError::List { what: "receipt", reason })?;
        codec::decode(encoded, RECEIPT_BYTES_MAX)
            .map_err(|reason| LightError::Malformed { what: "receipt", reason })
    }

    /// Checks that this encoded receipt is that of a transaction.
    pub fn receipt_of(
        &self,
        id: &Hash,
        encoded: &[u8],
        proof: &ListProof,
    ) -> Result<Receipt, LightError> {
        let receipt = self.receipt(encoded, proof)?;
        if receipt.transaction != *id {
            return Err(LightError::OtherTransaction { found: receipt.transaction, expected: *id });
        }
        Ok(receipt)
    }

    /// Checks that a transaction's receipt has an event of this number, from 0.
    pub fn event(
        &self,
        id: &Hash,
        encoded: &[u8],
        proof: &ListProof,
        number: u32,
    ) -> Result<Event, LightError> {
        let receipt = self.receipt_of(id, encoded, proof)?;
        let count = receipt.events.len();
        let event = receipt.events.into_iter().nth(number as usize);
        event.ok_or(LightError::NoEvent { number, count })
    }
}

#[cfg(test)]
#[path = "light_tests.rs"]
mod tests;
