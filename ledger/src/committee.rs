//! Who orders, with what weight (PROTOCOL §1).

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::crypto::PublicKey;
use crate::limits::{COMMITTEE_MAX, STAKE_TOTAL_MAX};

/// A validator's place in the committee: below its length.
pub type AuthorIndex = u16;
/// Weight of a validator.
pub type Stake = u64;

/// A member of a committee.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Validator {
    /// What people call it; no meaning to the protocol.
    pub name: String,
    /// Signs its blocks and attestations, and is its network identity.
    pub public_key: PublicKey,
    /// Weight; more than 0.
    pub stake: Stake,
}

/// Why a committee was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitteeError {
    /// None or too many members.
    #[error("a committee has 1 to {COMMITTEE_MAX} validators, not {count}")]
    Size {
        /// Members given.
        count: usize,
    },
    /// A member without stake.
    #[error("validator {index} has no stake: give it at least 1")]
    NoStake {
        /// Its place.
        index: usize,
    },
    /// A key given twice.
    #[error("validator {index} has the key of another: every validator needs its own")]
    DuplicateKey {
        /// Its place.
        index: usize,
    },
    /// Stakes that sum up to too much.
    #[error("the stakes sum up to more than 2^60")]
    TotalStake,
}

/// An epoch's validators and the thresholds that follow from their stakes:
/// f = floor((S-1)/3), quorum Q = S - f, validity V = f + 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committee {
    epoch: u64,
    members: Vec<Validator>,
    /// Of the members, side by side: votes are summed up often.
    stakes: Vec<Stake>,
    /// The stake of every member, when all have the same.
    uniform: Option<Stake>,
    total: Stake,
}

impl Committee {
    /// Checks the members and sums their stakes.
    pub fn new(epoch: u64, members: Vec<Validator>) -> Result<Self, CommitteeError> {
        if members.is_empty() || members.len() > COMMITTEE_MAX {
            return Err(CommitteeError::Size { count: members.len() });
        }
        let mut keys = BTreeSet::new();
        for (index, member) in members.iter().enumerate() {
            if member.stake == 0 {
                return Err(CommitteeError::NoStake { index });
            }
            if !keys.insert(member.public_key) {
                return Err(CommitteeError::DuplicateKey { index });
            }
        }
        let total: u128 = members.iter().map(|member| u128::from(member.stake)).sum();
        if total > u128::from(STAKE_TOTAL_MAX) {
            return Err(CommitteeError::TotalStake);
        }
        let stakes: Vec<Stake> = members.iter().map(|member| member.stake).collect();
        let uniform = stakes.iter().all(|stake| *stake == stakes[0]).then_some(stakes[0]);
        Ok(Self { epoch, members, stakes, uniform, total: total as Stake })
    }

    /// The epoch that this committee orders.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Members, in index order.
    pub fn members(&self) -> &[Validator] {
        &self.members
    }

    /// Number of members, n.
    pub fn size(&self) -> usize {
        self.members.len()
    }

    /// All indices, in order.
    pub fn authors(&self) -> impl Iterator<Item = AuthorIndex> + use<> {
        0..self.members.len() as AuthorIndex
    }

    /// A member by index, or none beyond the end.
    pub fn member(&self, author: AuthorIndex) -> Option<&Validator> {
        self.members.get(usize::from(author))
    }

    /// The stake of a member; 0 beyond the end.
    pub fn stake(&self, author: AuthorIndex) -> Stake {
        self.stakes.get(usize::from(author)).copied().unwrap_or(0)
    }

    /// The stake of every member, when all have the same.
    pub fn uniform_stake(&self) -> Option<Stake> {
        self.uniform
    }

    /// The index of a key.
    pub fn index_of(&self, key: &PublicKey) -> Option<AuthorIndex> {
        self.members
            .iter()
            .position(|member| member.public_key == *key)
            .map(|index| index as AuthorIndex)
    }

    /// S.
    pub fn total_stake(&self) -> Stake {
        self.total
    }

    /// f = floor((S-1)/3): the stake that may be Byzantine.
    pub fn faulty_stake(&self) -> Stake {
        (self.total - 1) / 3
    }

    /// Q = S - f.
    pub fn quorum(&self) -> Stake {
        self.total - self.faulty_stake()
    }

    /// V = f + 1: at least one honest member among that much stake.
    pub fn validity(&self) -> Stake {
        self.faulty_stake() + 1
    }
}
