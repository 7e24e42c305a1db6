//! Which rounds we may have signed before (protocol.md 9.7 to 9.10): asked of everybody, since a store that
//! was lost, rolled back or restored from an image looks like one that was not.
//!
//! Invariants: we sign nothing before authors with enough stake have said what their newest block of ours
//! is; enough is a quorum with ourselves, while nobody knows of one above what our store says, and a quorum
//! without ourselves once our store is known to have forgotten. An answer counts once per peer, and says
//! nothing but by a block that we signed: a liar can keep one back, but can neither make one up nor take
//! back what an honest quorum says.

use std::sync::Arc;

use super::author_set::AuthorSet;
use super::core::Core;
use super::{Effect, Recovered, Time};
use crate::block::{Round, VerifiedBlock};
use crate::committee::{AuthorIndex, Committee, Stake};

/// Who has not answered is asked again after so long, in milliseconds.
const AGAIN_MS: u64 = 500;

/// What a store says about what was signed with our key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SigningHistory {
    /// Nothing ever: the key was made for this chain, and this is its first start.
    #[default]
    NeverSigned,
    /// All of it, as far as the store knows.
    Kept,
    /// The store is not whole: a known key with an empty store, a restored or an imported one.
    Forgotten,
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct OwnRounds {
    own: AuthorIndex,
    committee: Arc<Committee>,
    history: SigningHistory,
    /// The highest round that the store or this process has signed, or that was settled.
    known: Round,
    answered: AuthorSet,
    /// Of the blocks of ours that were shown, the one of the highest round.
    shown: Option<VerifiedBlock>,
    /// We may sign.
    sure: bool,
    /// When those who have not answered are asked again.
    ask_at: Time,
}

impl OwnRounds {
    /// For a validator whose store says this about itself.
    pub fn new(
        own: AuthorIndex,
        committee: Arc<Committee>,
        recovered: &Recovered,
        now: Time,
    ) -> Self {
        let (history, known) = (recovered.signing_history, recovered.own_round_floor);
        let sure = history == SigningHistory::NeverSigned;
        let (answered, shown) = (AuthorSet::default(), None);
        Self { own, committee, history, known, answered, shown, sure, ask_at: now }
    }

    /// True when we may sign.
    pub fn is_sure(&self) -> bool {
        self.sure
    }

    /// We sign a block of this round.
    pub fn signed(&mut self, round: Round) {
        self.known = self.known.max(round);
    }

    /// 9.9 somebody has a block of ours of this round. When it is above all that we know to have signed,
    /// our store has forgotten something, whatever it says.
    pub fn saw(&mut self, round: Round) {
        if round <= self.known {
            return;
        }
        if std::mem::take(&mut self.sure) {
            // What was answered before did not show it.
            self.answered = AuthorSet::default();
            self.ask_at = Time::default();
        }
        self.history = SigningHistory::Forgotten;
    }

    /// 9.8 asks everybody once, and again who has not answered while we are not sure.
    fn ask(&mut self, connected: &AuthorSet, now: Time) -> (Vec<Effect>, Option<Time>) {
        if self.sure {
            return (Vec::new(), None);
        }
        if now < self.ask_at {
            return (Vec::new(), Some(self.ask_at));
        }
        self.ask_at = now.plus_ms(AGAIN_MS);
        let open = connected.without(&self.answered);
        let asked = open.iter().filter(|to| *to != self.own);
        (asked.map(|to| Effect::AskOwnBlock { to }).collect(), Some(self.ask_at))
    }

    /// A peer's newest block of ours, if it has one. Anything but a block of ours is no answer.
    fn heard(&mut self, from: AuthorIndex, block: Option<&VerifiedBlock>) {
        let foreign = block.is_some_and(|block| block.author() != self.own);
        if foreign || from == self.own || self.committee.member(from).is_none() {
            return;
        }
        if let Some(block) = block {
            self.saw(block.round());
        }
        self.answered.insert(from);
        let Some(block) = block else { return };
        if self.shown.as_ref().is_none_or(|shown| shown.round() < block.round()) {
            self.shown = Some(block.clone());
        }
    }

    /// True when enough of the others have answered.
    fn is_answered(&self) -> bool {
        let others = self.answered.stake(&self.committee);
        let own: Stake = match self.history {
            SigningHistory::Forgotten => 0,
            SigningHistory::Kept | SigningHistory::NeverSigned => self.committee.stake(self.own),
        };
        others + own >= self.committee.quorum()
    }
}

impl Core {
    /// An answer to [`Effect::AskOwnBlock`].
    pub(super) fn take_own_block(&mut self, from: AuthorIndex, block: Option<VerifiedBlock>) {
        let Some(own_rounds) = &mut self.own_rounds else { return };
        own_rounds.heard(from, block.as_ref());
        if let Some(block) = block.filter(|block| Some(block.author()) == self.config.own) {
            self.receive(block, Some(from));
        }
    }

    /// Asks, and ends the asking when enough have answered and our newest block can be a parent. Returns
    /// when to look again.
    pub(super) fn settle_own_rounds(&mut self) -> Option<Time> {
        let own_rounds = self.own_rounds.as_mut()?;
        if !own_rounds.sure && own_rounds.is_answered() {
            let forgotten = own_rounds.history == SigningHistory::Forgotten;
            let shown = own_rounds.shown.clone();
            let gc_round = self.dag.gc_round();
            let newest = shown.as_ref().map(VerifiedBlock::reference);
            let is_in = newest
                .is_none_or(|newest| newest.round <= gc_round || self.dag.node(&newest).is_some());
            if is_in {
                // 9.9 the last block that anybody can have of us is at most one round above what a quorum
                // has: go on two above
                if forgotten {
                    let highest = newest.map_or(0, |newest| newest.round);
                    self.own_round = self.own_round.max(highest + 1);
                }
                let own_rounds = self.own_rounds.as_mut().expect("seen above");
                own_rounds.known = self.own_round;
                own_rounds.sure = true;
                if let Some(block) = shown {
                    self.note_own(&block);
                }
            }
        }
        let (connected, now) = (self.connected, self.now);
        let (effects, ask_at) = self.own_rounds.as_mut().expect("seen above").ask(&connected, now);
        self.effects.extend(effects);
        ask_at
    }

    /// 9.8 a validator that can be reached now is asked at once, even when we are sure: it may know better.
    pub(super) fn ask_own_block(&mut self, to: AuthorIndex) {
        let Some(own_rounds) = &self.own_rounds else { return };
        if to != own_rounds.own && !own_rounds.answered.contains(to) {
            self.effects.push(Effect::AskOwnBlock { to });
        }
    }
}
