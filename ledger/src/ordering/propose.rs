//! Our own blocks (protocol.md part 4): when one is due, which parents it names, what it carries.

use std::sync::Arc;

use super::amnesia::OwnRounds;
use super::core::Core;
use super::fetch::FAR_BEHIND_ROUNDS;
use super::pacemaker::Pace;
use super::quota;
use super::{Effect, Time};
use crate::block::{BLOCK_VERSION, Block, BlockHeader, BlockRef, Round, VerifiedBlock};
use crate::codec;
use crate::committee::{AuthorIndex, Stake};
use crate::crypto::{Domain, Hash};
use crate::limits::{
    BLOCK_ATTESTATIONS_MAX, BLOCK_EVIDENCE_MAX, BLOCK_HEADER_BYTES_MAX, ROUND_MAX,
};
use crate::mempool::BodyLimits;
use crate::transaction::SignedTransaction;

/// Bytes of a body around its transactions: their number.
const BODY_OVERHEAD_BYTES: usize = 4;

/// Rounds in which an author's blocks may have been short of votes for its next one to be relayed. Many,
/// since a relay that works brings the votes, and whoever withholds does not stop for that.
const RELAY_LOOK_BACK: Round = 10;
/// In how many of them they must have been, and have come from others than their author: one may be chance.
const RELAY_LEAST: usize = 2;
/// Blocks that are so many rounds behind our last one are nobody's next parents.
const RELAY_AGE_MAX: Round = 3;

impl Core {
    /// Makes every block that is due. Returns when the next may be, when only time is lacking.
    pub(super) fn propose_due(&mut self) -> Option<Time> {
        let own = self.config.own?;
        loop {
            let sure = self.own_rounds.as_ref().is_some_and(OwnRounds::is_sure);
            if self.own_round >= ROUND_MAX || !sure || self.is_far_behind() {
                return None;
            }
            let round = match self.resume_round() {
                Some(None) => return None,
                Some(Some(round)) => round,
                None => {
                    let idle = self.is_idle();
                    let (own_round, now) = (self.own_round, self.now);
                    let pacemaker = self.pacemaker.as_mut().expect("a validator has one");
                    match pacemaker.next(&self.dag, own_round, idle, now) {
                        Pace::Blocked => return None,
                        Pace::At(time) => return Some(time),
                        Pace::Now => own_round + 1,
                    }
                }
            };
            self.propose(own, round);
            self.decide();
        }
    }

    /// True when honest validators are known to be far ahead: history first, then blocks.
    fn is_far_behind(&self) -> bool {
        self.sync.is_active()
            || self.dag.suspended_count() > 0
                && self.dag.suspended_stake_above(
                    self.dag.quorum_round().saturating_add(FAR_BEHIND_ROUNDS),
                ) >= self.config.committee.validity()
    }

    /// 4.9 the safe resume, the one exception to never skipping a round: when our next round is at most
    /// two above gc, nobody can need our blocks of the rounds between. The outer option tells whether it
    /// applies, the inner one which round it allows now.
    fn resume_round(&self) -> Option<Option<Round>> {
        let gc_round = self.dag.gc_round();
        if gc_round == 0 || self.own_round + 1 > gc_round + 2 {
            return None;
        }
        let parents = self.dag.quorum_round();
        let allowed =
            parents >= self.own_round && self.dag.stake(parents) >= self.config.committee.quorum();
        Some(allowed.then_some(parents + 1))
    }

    fn propose(&mut self, own: AuthorIndex, round: Round) {
        assert!(round > self.own_round, "one block per round");
        let parents = self.choose_parents(own, round);
        self.dag.mark_own_history(&parents);
        let (chosen, body) = self.choose_transactions(round);
        let ids: Vec<Hash> = chosen.iter().map(|(id, _)| *id).collect();
        let evidence =
            self.evidence.iter().filter(|(author, _)| !self.published.contains(**author));
        let evidence = evidence.map(|(_, proof)| proof.clone()).take(BLOCK_EVIDENCE_MAX).collect();
        let waiting = self.attestations_waiting.len().min(BLOCK_ATTESTATIONS_MAX);
        let (commit_index, commit_digest) = (self.linearizer.index(), self.linearizer.digest());
        let header = BlockHeader {
            version: BLOCK_VERSION,
            chain_id: self.config.chain_id,
            epoch: self.config.committee.epoch(),
            round,
            author: own,
            timestamp_ms: self.now.0.max(self.own_timestamp_ms),
            parents,
            body_digest: Domain::Body.hash(&[&body]),
            transaction_count: ids.len() as u32,
            body_bytes: body.len() as u32,
            attestations: self.attestations_waiting.drain(..waiting).collect(),
            commit_votes: self.sync.take_votes(commit_index, commit_digest),
            evidence,
        };
        let key = self.config.key.as_ref().expect("checked when the core was made");
        let block = Block::sign(header, body, key);
        let block = VerifiedBlock::own(block, chosen.into_iter());
        self.proposed(block, &ids);
    }

    /// 4.14 a block that came from its author's own hand goes on to everybody else at once, when its author
    /// is one of those whose blocks few have had lately: else most would have to fetch it, and could not
    /// vote for it. Blocks that are late everywhere, as all are where the load is more than the machines
    /// carry, do come from their authors: copies would only add to that. Of such authors the worst, up to f stake together: more is the network.
    pub(super) fn relay(&mut self, block: &VerifiedBlock) {
        let BlockRef { author, round, .. } = block.reference();
        let Some(pacemaker) = &self.pacemaker else { return };
        if !pacemaker.came_by_hand(round, author)
            || pacemaker.brought_by_others(round, author) < RELAY_LEAST
            || round + RELAY_AGE_MAX < self.own_round
        {
            return;
        }
        let short = self.short_rounds(author, round);
        if short < RELAY_LEAST {
            return;
        }
        let committee = &self.config.committee;
        let worse = |other: &AuthorIndex| {
            *other != author && (self.short_rounds(*other, round), author) > (short, *other)
        };
        let worse = committee.authors().filter(worse).map(|other| committee.stake(other));
        if worse.sum::<Stake>() + committee.stake(author) > committee.faulty_stake() {
            return;
        }
        let voters = self.dag.node(&block.reference()).map(|node| node.voters).unwrap_or_default();
        for to in self.connected.without(&voters).iter() {
            if Some(to) != self.config.own && to != author {
                self.effects.push(Effect::Push { to, blocks: vec![block.clone()] });
            }
        }
    }

    /// In how many of the rounds below `round` whose votes are due an author's block had no quorum of votes.
    /// Whoever is on probation counts as if all of them were.
    fn short_rounds(&self, author: AuthorIndex, round: Round) -> usize {
        if !self.linearizer.active().contains(author) {
            return RELAY_LOOK_BACK as usize;
        }
        // Votes on blocks of the last round are still to come.
        let due = round.saturating_sub(1).min(self.own_round.saturating_sub(2));
        let looked_at = (due + 1).saturating_sub(RELAY_LOOK_BACK).max(1)..=due;
        let quorum = self.config.committee.quorum();
        let short = |round: &Round| {
            self.dag.slot(*round, author).any(|(_, node)| node.voter_stake < quorum)
        };
        looked_at.filter(short).count()
    }

    fn proposed(&mut self, block: VerifiedBlock, ids: &[Hash]) {
        let reference = block.reference();
        self.own_round = reference.round;
        self.own_rounds.as_mut().expect("a validator has them").signed(reference.round);
        self.own_last = Some(reference);
        self.own_timestamp_ms = block.header().timestamp_ms;
        self.pool.proposed(reference, ids);
        self.effects.push(Effect::Propose(block.clone()));
        self.effects.extend(ids.iter().map(|id| Effect::Included { id: *id, block: reference }));
        let accepted = self.dag.insert(block.clone(), None, self.now);
        assert!(
            accepted.first().is_some_and(|first| first.reference() == reference),
            "the parents of our own block are accepted"
        );
        for other in &accepted[1..] {
            self.effects.push(Effect::Accepted(other.clone()));
        }
        accepted.iter().for_each(|block| self.accepted(block));
        self.dag.mark_own_history(&[reference]);
        let now = self.now;
        self.pacemaker.as_mut().expect("a validator has one").proposed(reference.round, now);
    }

    /// 4.10 our previous block; then of each author the best accepted block that is not in our history.
    /// One block per author, so never two branches of an equivocator; one with evidence against it, or
    /// one that brings a fork bomb (9.6), only when the quorum needs it.
    fn choose_parents(&self, own: AuthorIndex, round: Round) -> Vec<BlockRef> {
        let committee = &self.config.committee;
        let own_last = self.own_last.unwrap_or_else(|| {
            VerifiedBlock::genesis(self.config.chain_id, committee.epoch(), own).reference()
        });
        let mut stake = if own_last.round + 1 == round { committee.stake(own) } else { 0 };
        let (mut parents, mut distrusted) = (Vec::new(), Vec::new());
        for author in committee.authors().filter(|author| *author != own) {
            let Some((reference, node)) = self.dag.best(author, round - 1) else { continue };
            let strong = reference.round + 1 == round;
            let fresh = !node.in_own_history && !node.committed;
            let distrust = self.evidence.contains_key(&author)
                || fresh && quota::is_bomb(&self.dag, committee, node);
            match (distrust, strong) {
                (true, true) => distrusted.push(*reference),
                (false, true) => {
                    stake += committee.stake(author);
                    parents.push(*reference);
                }
                (false, false) if fresh => parents.push(*reference),
                (_, false) => {}
            }
        }
        for reference in distrusted {
            if stake < committee.quorum() {
                stake += committee.stake(reference.author);
                parents.push(reference);
            }
        }
        assert!(stake >= committee.quorum(), "a block is due only when a quorum of parents is in");
        parents.sort();
        parents.insert(0, own_last);
        parents
    }

    /// 4.11 what the pool has, unless we are catching up or execution lags. Returns it with the body.
    fn choose_transactions(
        &mut self,
        round: Round,
    ) -> (Vec<(Hash, Arc<SignedTransaction>)>, Vec<u8>) {
        let parameters = &self.config.parameters;
        let lag = self.linearizer.index().saturating_sub(self.executed_commit_index);
        let closed =
            self.dag.quorum_round() > round || lag > self.config.settings.execution_lag_max;
        let limits = BodyLimits {
            transactions_max: match closed {
                true => 0,
                false => parameters.block_transactions_max as usize,
            },
            bytes_max: parameters.block_bytes_max as usize
                - BLOCK_HEADER_BYTES_MAX
                - BODY_OVERHEAD_BYTES,
            fuel_max: parameters.block_fuel_max,
        };
        let chosen = self.pool.fill(&limits);
        // Room at once: a body that grows is copied from one fresh stretch of memory to the next.
        let bytes: usize = chosen.iter().map(|(_, signed)| codec::length(&**signed)).sum();
        let mut body = Vec::with_capacity(BODY_OVERHEAD_BYTES + bytes);
        codec::encode_into(&mut body, &(chosen.len() as u32));
        for (_, transaction) in &chosen {
            codec::encode_into(&mut body, &**transaction);
        }
        (chosen, body)
    }
}
