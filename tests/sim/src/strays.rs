//! Hosts whose execution computes something else than the others' (PROTOCOL §8): from a height on their
//! checkpoints have digests of their own. What a core says about it is noted here: who diverged, and executes
//! no more, and which digests were certified.

use std::collections::{BTreeMap, BTreeSet};

use pollen_ledger::Hash;
use pollen_ledger::crypto::Domain;

use crate::check::Violation;

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Strays {
    /// Host -> the first height of its own, and which of many errors it makes.
    from: BTreeMap<usize, (u64, u8)>,
    halted: BTreeMap<usize, u64>,
    /// What a host computed.
    computed: BTreeMap<(usize, u64), Hash>,
    /// Height -> digests that hosts said to be certified.
    certified: BTreeMap<u64, BTreeSet<Hash>>,
    /// How far each host has said so.
    certified_by: BTreeMap<usize, u64>,
}

impl Strays {
    /// From a height on a host computes something else; hosts with the same error the same.
    pub fn stray(&mut self, host: usize, from_height: u64, error: u8) {
        self.from.insert(host, (from_height, error));
    }

    /// The digest that a host computes where `right` is the right one.
    pub fn digest(&mut self, host: usize, height: u64, right: Hash) -> Hash {
        let digest = match self.from.get(&host) {
            Some((from, error)) if *from <= height => Domain::List.hash(&[&right.0, &[*error]]),
            _ => right,
        };
        self.computed.insert((host, height), digest);
        digest
    }

    /// A host diverged at a height, and stops executing.
    pub fn halt(&mut self, host: usize, height: u64) -> Result<(), Violation> {
        self.halted.entry(host).or_insert(height);
        match self.from.is_empty() {
            true => Err(Violation(format!("host {host} thinks that it diverged at {height}"))),
            false => Ok(()),
        }
    }

    /// Where a host diverged.
    pub fn halted_at(&self, host: usize) -> Option<u64> {
        self.halted.get(&host).copied()
    }

    /// Hosts that diverged.
    pub fn halted(&self) -> Vec<usize> {
        self.halted.keys().copied().collect()
    }

    /// The highest height that anybody said to be certified.
    pub fn certified(&self) -> u64 {
        self.certified.last_key_value().map_or(0, |(height, _)| *height)
    }

    /// A host says that its checkpoint of a height is certified, and so all before it: no other digest of any
    /// of these heights ever is.
    pub fn certify(&mut self, host: usize, height: u64) -> Result<(), Violation> {
        let before = self.certified_by.insert(host, height).unwrap_or(0);
        // A host that lost its disk begins again.
        let first = (before + 1).min(height);
        for ((_, height), digest) in self.computed.range((host, first)..=(host, height)) {
            self.certified.entry(*height).or_default().insert(*digest);
        }
        let two = self.certified.range(first..).find(|(_, digests)| digests.len() > 1);
        match two {
            Some((height, _)) => {
                Err(Violation(format!("two checkpoints of height {height} are certified")))
            }
            None => Ok(()),
        }
    }
}
