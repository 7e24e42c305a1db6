//! Certificates: a checkpoint with the signatures of a quorum (PROTOCOL §8). What a third party needs to
//! believe a checkpoint, and all before it, with nothing but the committee.
//!
//! Who signed is a bitmap, so nobody can be in it twice; the signatures follow in ascending order of
//! author. Signed is what [`Attestation::signing_bytes`] says, so a certificate is made of the
//! attestations that travel in blocks, and needs no block.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::checkpoint::{Attestation, Checkpoint};
use crate::codec::{self, DecodeError};
use crate::committee::{AuthorIndex, Committee, Stake};
use crate::crypto::{Hash, Signature};
use crate::limits::COMMITTEE_MAX;

/// Bytes of an encoded [`Signatures`] at most: a bitmap and a signature for each of 512.
pub const SIGNATURES_BYTES_MAX: usize = 4 + COMMITTEE_MAX / 8 + 4 + COMMITTEE_MAX * 64;
/// Bytes of an encoded [`Certificate`] at most.
pub const CERTIFICATE_BYTES_MAX: usize = 512 + SIGNATURES_BYTES_MAX;

/// Who signed a checkpoint, and how. Stored under its height.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Signatures {
    /// One bit per member, author 0 the lowest of the first byte; as many bytes as the committee needs,
    /// and no bit beyond it.
    pub signers: Vec<u8>,
    /// One per bit that is set, ascending by author.
    pub signatures: Vec<Signature>,
}

/// See the module's documentation. Nothing in it is believed before [`Certificate::verify`].
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Certificate {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// Signatures of stake >= Q.
    pub signatures: Signatures,
}

/// Why a certificate was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Of another chain.
    #[error("the checkpoint is of the chain {found}, not of {expected}: ask a node of your chain")]
    WrongChain {
        /// The chain that it names.
        found: Hash,
        /// The chain that was asked about.
        expected: Hash,
    },
    /// Signed by another committee.
    #[error(
        "the checkpoint is of epoch {found}; this is the committee of epoch {expected}: give the committee of its epoch"
    )]
    WrongEpoch {
        /// The epoch that it names.
        found: u64,
        /// The committee's.
        expected: u64,
    },
    /// A bitmap that is not this committee's.
    #[error(
        "the list of signers does not fit the {members} members of the committee: the certificate is malformed"
    )]
    Signers {
        /// Members of the committee.
        members: usize,
    },
    /// More or fewer signatures than signers: a signer that signs twice shows here.
    #[error(
        "{signatures} signatures for {signers} signers: each signs once, the certificate is malformed"
    )]
    Count {
        /// Bits that are set.
        signers: usize,
        /// Signatures that came.
        signatures: usize,
    },
    /// One author given twice to [`Signatures::collect`].
    #[error("validator {author} is named twice: each signs once")]
    DuplicateSigner {
        /// Who.
        author: AuthorIndex,
    },
    /// Too little stake.
    #[error(
        "signed by stake {found}, a quorum is {needed}: this proves nothing yet, ask again later or another node"
    )]
    Stake {
        /// Of the signers.
        found: Stake,
        /// Q.
        needed: Stake,
    },
    /// A signature that is not on this checkpoint.
    #[error(
        "the signature of validator {author} is not on this checkpoint: one of the two was altered"
    )]
    Signature {
        /// Whose.
        author: AuthorIndex,
    },
}

impl Signatures {
    /// Of attestations of one checkpoint, whose signatures the caller has checked; in any order.
    pub fn collect<'a>(
        committee: &Committee,
        attestations: impl IntoIterator<Item = (AuthorIndex, &'a Attestation)>,
    ) -> Result<Self, CertificateError> {
        let mut given: Vec<_> = attestations.into_iter().collect();
        given.sort_by_key(|(author, _)| *author);
        let members = committee.size();
        let mut signers = vec![0; members.div_ceil(8)];
        for (author, _) in &given {
            let place = usize::from(*author);
            if place >= members {
                return Err(CertificateError::Signers { members });
            }
            if signers[place / 8] & (1 << (place % 8)) != 0 {
                return Err(CertificateError::DuplicateSigner { author: *author });
            }
            signers[place / 8] |= 1 << (place % 8);
        }
        let signatures = given.iter().map(|(_, attestation)| attestation.signature).collect();
        Ok(Self { signers, signatures })
    }

    /// Decodes within the bound.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes, SIGNATURES_BYTES_MAX)
    }

    /// Who signed, ascending.
    pub fn authors(&self) -> impl Iterator<Item = AuthorIndex> + '_ {
        let bits = self.signers.iter().take(COMMITTEE_MAX / 8).enumerate();
        bits.flat_map(|(byte, bits)| {
            (0..8).filter(move |bit| bits & (1 << bit) != 0).map(move |bit| (byte * 8 + bit) as u16)
        })
    }

    /// Checks that authors with a quorum of stake signed the digest at this height, each rightly.
    pub fn verify(
        &self,
        chain_id: &Hash,
        committee: &Committee,
        height: u64,
        digest: &Hash,
    ) -> Result<(), CertificateError> {
        let members = committee.size();
        if self.signers.len() != members.div_ceil(8)
            || self.authors().any(|author| usize::from(author) >= members)
        {
            return Err(CertificateError::Signers { members });
        }
        let (signers, signatures) = (self.authors().count(), self.signatures.len());
        if signers != signatures {
            return Err(CertificateError::Count { signers, signatures });
        }
        let found = self.authors().map(|author| committee.stake(author)).sum();
        let needed = committee.quorum();
        if found < needed {
            return Err(CertificateError::Stake { found, needed });
        }
        let bytes = Attestation::signing_bytes(chain_id, height, digest);
        for (author, signature) in self.authors().zip(&self.signatures) {
            let member = committee.member(author).expect("the bitmap was checked");
            if !member.public_key.verify(&bytes, signature) {
                return Err(CertificateError::Signature { author });
            }
        }
        Ok(())
    }
}

impl Certificate {
    /// Decodes within the bound.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes, CERTIFICATE_BYTES_MAX)
    }

    /// Checks everything: chain, epoch, signers, their stake and their signatures.
    pub fn verify(&self, chain_id: &Hash, committee: &Committee) -> Result<(), CertificateError> {
        let Self { checkpoint, signatures } = self;
        checkpoint.check_identity(chain_id, committee)?;
        signatures.verify(chain_id, committee, checkpoint.height, &checkpoint.digest())
    }
}

impl Checkpoint {
    /// Of this chain, and of this committee's epoch.
    pub(crate) fn check_identity(
        &self,
        chain_id: &Hash,
        committee: &Committee,
    ) -> Result<(), CertificateError> {
        if self.chain_id != *chain_id {
            let (found, expected) = (self.chain_id, *chain_id);
            return Err(CertificateError::WrongChain { found, expected });
        }
        if self.epoch != committee.epoch() {
            let (found, expected) = (self.epoch, committee.epoch());
            return Err(CertificateError::WrongEpoch { found, expected });
        }
        Ok(())
    }
}
