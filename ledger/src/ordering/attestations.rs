//! What validators say about checkpoints in their blocks, counted against what we computed ourselves
//! (protocol.md part 8).
//!
//! Invariants: one voice per author and height, its signature checked once; only heights in a window
//! around our own are remembered; [`Attestations::certified`] never goes back.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::author_set::AuthorSet;
use crate::checkpoint::Attestation;
use crate::committee::{AuthorIndex, Committee};
use crate::crypto::Hash;

/// Heights above our own that are remembered.
const WINDOW_AHEAD: u64 = 256;
/// Heights below our own that are remembered.
const WINDOW_BEHIND: u64 = 64;

/// What an attestation or an own checkpoint brought about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing new.
    Nothing,
    /// A quorum of stake attests our digest of this height.
    Certified(u64),
    /// Validity stake attests another digest than ours.
    Diverged {
        height: u64,
        ours: Hash,
        theirs: Hash,
        attestations: Vec<(AuthorIndex, Attestation)>,
    },
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Attestations {
    committee: Arc<Committee>,
    chain_id: Hash,
    voices: BTreeMap<u64, BTreeMap<AuthorIndex, Attestation>>,
    own: BTreeMap<u64, Hash>,
    executed: u64,
    certified: u64,
    diverged: bool,
}

impl Attestations {
    pub fn new(committee: Arc<Committee>, chain_id: Hash) -> Self {
        Self {
            committee,
            chain_id,
            voices: BTreeMap::new(),
            own: BTreeMap::new(),
            executed: 0,
            certified: 0,
            diverged: false,
        }
    }

    /// The highest height of ours that a quorum attests.
    pub fn certified(&self) -> u64 {
        self.certified
    }

    /// True when our last checkpoint waits for its certificate.
    pub fn pending(&self) -> bool {
        self.certified < self.executed && !self.diverged
    }

    /// True once we diverged: execution has stopped, and nothing waits for it.
    pub fn diverged(&self) -> bool {
        self.diverged
    }

    /// A checkpoint that we computed.
    pub fn executed(&mut self, height: u64, digest: Hash) -> Verdict {
        self.own.insert(height, digest);
        self.executed = self.executed.max(height);
        let first = self.executed.saturating_sub(WINDOW_BEHIND);
        self.own = self.own.split_off(&first);
        self.voices = self.voices.split_off(&first);
        self.judge(height)
    }

    /// An attestation in an accepted block of `author`.
    pub fn heard(&mut self, author: AuthorIndex, attestation: &Attestation) -> Verdict {
        let height = attestation.height;
        let remembered = height > self.certified
            && height >= self.executed.saturating_sub(WINDOW_BEHIND)
            && height <= self.executed + WINDOW_AHEAD;
        let known = self.voices.get(&height).is_some_and(|voices| voices.contains_key(&author));
        if !remembered || known {
            return Verdict::Nothing;
        }
        let Some(member) = self.committee.member(author) else { return Verdict::Nothing };
        if !attestation.verify(&self.chain_id, &member.public_key) {
            return Verdict::Nothing;
        }
        self.voices.entry(height).or_default().insert(author, attestation.clone());
        self.judge(height)
    }

    fn judge(&mut self, height: u64) -> Verdict {
        let Some(ours) = self.own.get(&height).copied() else { return Verdict::Nothing };
        let Some(voices) = self.voices.get(&height) else { return Verdict::Nothing };
        let mut sides: BTreeMap<Hash, AuthorSet> = BTreeMap::new();
        for (author, attestation) in voices {
            sides.entry(attestation.digest).or_default().insert(*author);
        }
        for (theirs, authors) in sides {
            let stake = authors.stake(&self.committee);
            if theirs == ours && stake >= self.committee.quorum() && height > self.certified {
                self.certified = height;
                return Verdict::Certified(height);
            }
            if theirs != ours && stake >= self.committee.validity() && !self.diverged {
                self.diverged = true;
                let said = voices.iter().filter(|(_, voice)| voice.digest == theirs);
                let attestations = said.map(|(author, voice)| (*author, voice.clone())).collect();
                return Verdict::Diverged { height, ours, theirs, attestations };
            }
        }
        Verdict::Nothing
    }
}
