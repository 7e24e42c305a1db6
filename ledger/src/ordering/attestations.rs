//! What validators say about checkpoints in their blocks, counted against what we computed ourselves, and
//! made certificates of (protocol.md part 8).
//!
//! Invariants: one voice per author and height, its signature checked once, and none after the height has
//! its certificate; only heights in a window around our own are remembered; a height is certified once;
//! [`Attestations::certified`] never goes back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::author_set::AuthorSet;
use super::{ExecutedCheckpoint, Recovered};
use crate::certificate::Signatures;
use crate::checkpoint::Attestation;
use crate::committee::{AuthorIndex, Committee};
use crate::crypto::Hash;

/// Heights above our own that are remembered.
const WINDOW_AHEAD: u64 = 256;
/// Heights below our own that are remembered.
pub(crate) const WINDOW_BEHIND: u64 = 64;

/// What an attestation or an own checkpoint brought about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing new.
    Nothing,
    /// A quorum of stake attests our digest of this height.
    Certified { height: u64, signatures: Signatures },
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
    /// Heights in the window that have a certificate: nothing more is heard of them.
    settled: BTreeSet<u64>,
    executed: u64,
    certified: u64,
    diverged: bool,
}

impl Attestations {
    /// Goes on from the last checkpoints and certificates in the store.
    pub fn new(committee: Arc<Committee>, chain_id: Hash, recovered: &Recovered) -> Self {
        let last = &recovered.checkpoints;
        let certified = last.iter().filter(|one| one.certified);
        Self {
            committee,
            chain_id,
            voices: BTreeMap::new(),
            own: last.iter().map(|one| (one.height, one.digest)).collect(),
            settled: certified.map(|one| one.height).collect(),
            executed: last.last().map_or(0, |one| one.height),
            certified: recovered.certified_height,
            diverged: recovered.diverged,
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
        self.settled = self.settled.split_off(&first);
        self.judge(height)
    }

    /// An attestation in an accepted block of `author`.
    pub fn heard(&mut self, author: AuthorIndex, attestation: &Attestation) -> Verdict {
        let height = attestation.height;
        let remembered = height > 0
            && !self.settled.contains(&height)
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
        for (digest, authors) in sides {
            let stake = authors.stake(&self.committee);
            let said = || voices.iter().filter(|(_, voice)| voice.digest == digest);
            if digest == ours && stake >= self.committee.quorum() {
                let said = said().map(|(author, voice)| (*author, voice));
                let signatures = Signatures::collect(&self.committee, said)
                    .expect("a map has each author once, and only members are heard");
                self.voices.remove(&height);
                self.settled.insert(height);
                self.certified = self.certified.max(height);
                return Verdict::Certified { height, signatures };
            }
            if digest != ours && stake >= self.committee.validity() && !self.diverged {
                self.diverged = true;
                let attestations = said().map(|(author, voice)| (*author, voice.clone())).collect();
                return Verdict::Diverged { height, ours, theirs: digest, attestations };
            }
        }
        Verdict::Nothing
    }
}

/// What is left to attest after a restart: a word that was signed and had left in no block is lost.
pub(super) fn unattested(recovered: &Recovered) -> impl Iterator<Item = &ExecutedCheckpoint> {
    let waiting = |one: &&ExecutedCheckpoint| {
        one.height > 0 && !one.certified && one.height > recovered.certified_height
    };
    recovered.checkpoints.iter().filter(waiting)
}
