//! Checkpoints: what execution says after some commits, chained, so that nodes can compare (PROTOCOL §8).

use borsh::{BorshDeserialize, BorshSerialize};

use crate::codec;
use crate::crypto::{Domain, Hash, KeyPair, PublicKey, Signature};

/// The state of the ledger after the commits up to `commit_index`.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Checkpoint {
    /// The chain.
    pub chain_id: Hash,
    /// The committee's epoch.
    pub epoch: u64,
    /// 0 = genesis, then one more each.
    pub height: u64,
    /// The last commit that is in it.
    pub commit_index: u64,
    /// That commit's digest.
    pub commit_digest: Hash,
    /// Digest of the checkpoint before; zero at genesis.
    pub previous: Hash,
    /// Ledger time, in milliseconds: that of the last commit.
    pub timestamp_ms: u64,
    /// Root of the list of the ids of the executed transactions, in order ([`crate::list`]).
    pub transactions_root: Hash,
    /// Root of the list of their encoded receipts, in the same order.
    pub receipts_root: Hash,
    /// Root of the state tree: [`crate::tree`].
    pub state_root: Hash,
    /// Of the last commit: digest of what the commits after it depend on; zero at genesis.
    pub ordering_root: Hash,
}

impl Checkpoint {
    /// What attestations sign.
    pub fn digest(&self) -> Hash {
        Domain::Checkpoint.hash(&[&codec::encode(self)])
    }
}

/// A validator's word that it computed a checkpoint, carried in its blocks. Signed on its own, so that
/// it can be shown without the block.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Attestation {
    /// The checkpoint's height.
    pub height: u64,
    /// Its digest.
    pub digest: Hash,
    /// On [`Attestation::signing_bytes`].
    pub signature: Signature,
}

impl Attestation {
    /// What is signed: domain, chain, height and digest.
    pub fn signing_bytes(chain_id: &Hash, height: u64, digest: &Hash) -> Vec<u8> {
        Domain::Checkpoint.hash(&[&chain_id.0, &height.to_le_bytes(), &digest.0]).0.to_vec()
    }

    /// Signs a checkpoint's digest.
    pub fn sign(chain_id: &Hash, height: u64, digest: Hash, key: &KeyPair) -> Self {
        Self {
            height,
            digest,
            signature: key.sign(&Self::signing_bytes(chain_id, height, &digest)),
        }
    }

    /// True when it is this key's.
    pub fn verify(&self, chain_id: &Hash, key: &PublicKey) -> bool {
        key.verify(&Self::signing_bytes(chain_id, self.height, &self.digest), &self.signature)
    }
}
