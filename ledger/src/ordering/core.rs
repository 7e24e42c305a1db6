//! The core: takes inputs, keeps the parts of the protocol together, returns effects. One thread, no I/O.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::amnesia::OwnRounds;
use super::attestations::{self, Attestations, Verdict};
use super::author_set::AuthorSet;
use super::dag::{self, Dag};
use super::decider::{Decider, SlotStatus};
use super::fetch::{Answer, Fetches};
use super::held::Held;
use super::linearize::Linearizer;
use super::pacemaker::Pacemaker;
use super::quota::Quota;
use super::sync::CommitSync;
use super::{
    BlockView, CoreConfig, CoreStatus, Effect, Input, Recovered, RoundView, SlotView, Time,
};
use crate::block::{BlockRef, EquivocationProof, Round, VerifiedBlock};
use crate::checkpoint::Attestation;
use crate::committee::AuthorIndex;
use crate::mempool::{Mempool, PoolLimits};

/// Attestations that wait for a block of ours; beyond it the oldest are dropped, since a later checkpoint
/// vouches for all before it.
const ATTESTATIONS_WAITING_MAX: usize = 64;

/// See [`crate::ordering`].
#[derive(Debug)]
pub struct Core {
    pub(super) config: CoreConfig,
    pub(super) now: Time,
    pub(super) effects: Vec<Effect>,
    pub(super) dag: Dag,
    pub(super) decider: Decider,
    pub(super) linearizer: Linearizer,
    /// None on a follower.
    pub(super) pacemaker: Option<Pacemaker>,
    fetches: Fetches,
    pub(super) sync: CommitSync,
    held: Held,
    quota: Quota,
    attestations: Attestations,
    pub(super) pool: Mempool,
    /// None on a follower.
    pub(super) own_rounds: Option<OwnRounds>,
    /// The round of our last proposal, or the floor below which we may have signed.
    pub(super) own_round: Round,
    /// Our last block.
    pub(super) own_last: Option<BlockRef>,
    pub(super) own_timestamp_ms: u64,
    pub(super) attestations_waiting: VecDeque<Attestation>,
    /// One proof per author who equivocated.
    pub(super) evidence: BTreeMap<AuthorIndex, EquivocationProof>,
    /// Authors whose proof is in an accepted block.
    pub(super) published: AuthorSet,
    /// Accepted blocks that are not committed and would give execution something to do.
    uncommitted_content: usize,
    /// The last commit that gave execution something to do.
    content_commit_index: u64,
    pub(super) executed_commit_index: u64,
    /// Who waits for the open checkpoint waits for commits, and so for rounds.
    checkpoint_open: bool,
    pub(super) connected: AuthorSet,
    /// A block was accepted since slots were last looked at.
    undecided: bool,
    wake_at: Option<Time>,
}

impl Core {
    /// A core that goes on from what the store holds. The effects are those of decisions that the stored
    /// blocks allow and no stored commit has yet.
    pub fn new(config: CoreConfig, recovered: Recovered, now: Time) -> (Self, Vec<Effect>) {
        assert!(
            config.own.is_none() || config.key.is_some(),
            "a validator's core is given its signing key"
        );
        let mut core = Self::begin(config, &recovered, now);
        core.restore(recovered);
        core.step();
        let effects = std::mem::take(&mut core.effects);
        (core, effects)
    }

    fn begin(config: CoreConfig, recovered: &Recovered, now: Time) -> Self {
        let last = recovered.last_commit.as_ref();
        let last_round = last.map_or(0, |commit| commit.round);
        let gc_round = last_round.saturating_sub(config.parameters.gc_depth);
        let committee = || Arc::clone(&config.committee);
        let (chain_id, settings) = (config.chain_id, &config.settings);
        let pool_limits = PoolLimits {
            transactions_max: settings.pool_transactions_max,
            bytes_max: settings.pool_bytes_max,
            validators: config.committee.size() as u64,
        };
        let mut linearizer = Linearizer::new(
            committee(),
            chain_id,
            config.genesis_time_ms,
            config.parameters.clone(),
            last,
            &recovered.recent_commits,
        );
        linearizer.collect(gc_round);
        let order = config.parameters.commit_order;
        let active = *linearizer.active();
        let mut decider = Decider::new(committee(), chain_id, order, active, last_round + 1);
        decider.recall(&recovered.recent_commits, gc_round);
        Self {
            now,
            effects: Vec::new(),
            dag: Dag::new(committee(), chain_id, gc_round),
            decider,
            pacemaker: config.own.map(|own| {
                Pacemaker::new(own, committee(), settings.clone(), active, last_round, now)
            }),
            fetches: Fetches::new(config.own, committee(), settings.clone()),
            sync: CommitSync::new(config.own, committee(), settings, now),
            held: Held::default(),
            quota: Quota::default(),
            attestations: Attestations::new(committee(), chain_id, recovered),
            pool: Mempool::new(pool_limits),
            own_rounds: config.own.map(|own| OwnRounds::new(own, committee(), recovered, now)),
            own_round: recovered.own_round_floor,
            own_last: None,
            own_timestamp_ms: 0,
            attestations_waiting: attest_again(&config, recovered),
            evidence: BTreeMap::new(),
            published: AuthorSet::default(),
            uncommitted_content: 0,
            content_commit_index: 0,
            executed_commit_index: linearizer.index(),
            checkpoint_open: false,
            connected: AuthorSet::default(),
            undecided: true,
            wake_at: None,
            linearizer,
            config,
        }
    }

    /// 9.1 stored blocks are accepted again, without a word to the driver; stored commits mark theirs.
    fn restore(&mut self, recovered: Recovered) {
        let mut blocks = recovered.blocks;
        blocks.sort_by_key(VerifiedBlock::reference);
        for block in blocks {
            if Some(block.author()) == self.config.own {
                self.note_own(&block);
            }
            self.note_evidence(&block);
            for accepted in self.dag.insert(block, None, self.now) {
                self.accepted(&accepted);
            }
        }
        // What the store has is no news; what its blocks say of checkpoints may be.
        self.effects
            .retain(|effect| matches!(effect, Effect::Certified { .. } | Effect::Diverged { .. }));
        self.check_own_last();
        for commit in &recovered.recent_commits {
            for reference in commit.blocks.iter().chain(&commit.ignored) {
                if let Some(node) = self.dag.node_mut(reference)
                    && !std::mem::replace(&mut node.committed, true)
                    && node.has_content()
                {
                    self.uncommitted_content -= 1;
                }
            }
        }
        if let Some(own) = self.own_last {
            self.dag.mark_own_history(&[own]);
        }
    }

    /// Our last block is a parent of the next one, so it has to be accepted or at or below gc. It always
    /// is, unless somebody took blocks out of the store; then the best one that is left has to do.
    fn check_own_last(&mut self) {
        let gc_round = self.dag.gc_round();
        let unfit = |own: &BlockRef| own.round > gc_round && self.dag.node(own).is_none();
        if self.own_last.as_ref().is_some_and(unfit) {
            let own = self.config.own.expect("only a validator has own blocks");
            self.own_last = self.dag.best(own, Round::MAX).map(|(reference, _)| *reference);
        }
    }

    /// Takes an input and returns what to do about it, in order.
    pub fn handle(&mut self, now: Time, input: Input) -> Vec<Effect> {
        self.now = self.now.max(now);
        match input {
            Input::Block { block, from } => {
                // 4.4 known or not: what counts is who brings it
                if let Some(pacemaker) = &mut self.pacemaker
                    && from == Some(block.author())
                {
                    pacemaker.heard(&self.dag, block.round(), block.author(), self.now);
                }
                self.take_live(vec![block], from);
            }
            Input::Blocks { blocks, from } => {
                let accepted = self.take_live(blocks, from);
                let answer = Answer { id: None, from, accepted };
                self.fetches.answered(&self.dag, answer, self.now);
            }
            Input::Fetched { id, from, blocks } => {
                let accepted = blocks.into_iter().map(|block| self.receive(block, from)).sum();
                let answer = Answer { id: Some(id), from, accepted };
                self.fetches.answered(&self.dag, answer, self.now);
            }
            Input::FetchFailed { id } => match CommitSync::is_own_id(id) {
                true => self.sync.failed(id, false),
                false => self.fetches.failed(id, self.now),
            },
            Input::Commits { id, range } => self.take_commits(id, range),
            Input::OwnBlock { from, block } => self.take_own_block(from, block),
            Input::CommitsRefused { id } => self.sync.failed(id, true),
            Input::Submit { transaction, id, bytes, reserve } => {
                let waiting = self.pool.ready_len() > 0;
                let result = self.pool.submit(transaction, id, bytes, reserve);
                self.effects.push(Effect::Submitted { id, result });
                // One more of what waits already changes nothing else, and the timer is set: at tens of
                // thousands a second, looking at everything each time is work.
                if waiting {
                    return std::mem::take(&mut self.effects);
                }
            }
            Input::Executed { height, commit_index, ids, digest, attestation, checkpoint_open } => {
                self.executed_commit_index = self.executed_commit_index.max(commit_index);
                self.checkpoint_open = checkpoint_open;
                self.pool.executed(commit_index, &ids);
                if let Some(attestation) = attestation {
                    self.attestations_waiting.push_back(attestation);
                    if self.attestations_waiting.len() > ATTESTATIONS_WAITING_MAX {
                        self.attestations_waiting.pop_front();
                    }
                }
                if let Some(digest) = digest {
                    let verdict = self.attestations.executed(height, digest);
                    self.judged(verdict);
                }
            }
            Input::Connected { author } => {
                if self.config.committee.member(author).is_some() {
                    self.connected.insert(author);
                    self.push_to(author);
                    self.ask_own_block(author);
                }
            }
            Input::Disconnected { author } => {
                let gone: AuthorSet =
                    self.config.committee.member(author).map(|_| author).into_iter().collect();
                self.connected = self.connected.without(&gone);
            }
            Input::Timer => self.wake_at = None,
        }
        self.step();
        std::mem::take(&mut self.effects)
    }

    /// What follows from the state, whatever the input was.
    fn step(&mut self) {
        while let Some((block, from)) = self.held.release(self.now) {
            self.receive(block, from);
        }
        self.decide();
        let (effect, sync_at) = self.sync.advance(self.linearizer.index(), self.now);
        self.effects.extend(effect);
        let own_at = self.settle_own_rounds();
        let pace_at = self.propose_due();
        let pool_at = self.pool.wake_at_ms().map(Time);
        let push_at = self.push_due();
        let (effects, fetch_at) = match self.sync.is_active() {
            true => (Vec::new(), None),
            false => self.fetches.advance(&self.dag, self.now),
        };
        self.effects.extend(effects);
        let wishes = [pace_at, pool_at, push_at, fetch_at, sync_at, own_at, self.held.wake_at()];
        if let Some(at) = wishes.into_iter().flatten().min() {
            let at = at.max(self.now.plus_ms(1));
            if self.wake_at != Some(at) {
                self.wake_at = Some(at);
                self.effects.push(Effect::WakeAt(at));
            }
        }
    }

    /// Takes valid blocks that nobody asked for; not while far behind, but for what they say of commits.
    /// Returns how many blocks became accepted.
    fn take_live(&mut self, blocks: Vec<VerifiedBlock>, from: Option<AuthorIndex>) -> usize {
        if self.sync.is_active() {
            for block in &blocks {
                self.sync.hear(block.header());
                self.see_own(block);
            }
            return 0;
        }
        blocks.into_iter().map(|block| self.receive(block, from)).sum()
    }

    /// Takes a block that is valid. Returns how many blocks became accepted by it.
    pub(super) fn receive(&mut self, block: VerifiedBlock, from: Option<AuthorIndex>) -> usize {
        let reference = block.reference();
        let from = from.filter(|author| self.config.committee.member(*author).is_some());
        self.sync.hear(block.header());
        if self.config.committee.member(reference.author).is_none()
            || reference.round <= self.dag.gc_round()
            || self.dag.knows(&reference)
        {
            return 0;
        }
        // 3.2 delayed, not refused
        if Held::is_ahead(&block, self.now) {
            self.held.hold(block, from, self.now);
            return 0;
        }
        self.see_own(&block);
        let accepted = self.admit(block, from);
        self.take_accepted(&accepted);
        accepted.len()
    }

    /// 9.3 a block of ours that we do not know: signed before something was lost, or by a thief.
    fn see_own(&mut self, block: &VerifiedBlock) {
        if Some(block.author()) == self.config.own {
            self.own_round = self.own_round.max(block.round());
            if let Some(own_rounds) = &mut self.own_rounds {
                own_rounds.saw(block.round());
            }
        }
    }

    /// Blocks that the DAG has accepted: to be stored and counted.
    pub(super) fn take_accepted(&mut self, accepted: &[VerifiedBlock]) {
        for block in accepted {
            self.effects.push(Effect::Accepted(block.clone()));
            self.accepted(block);
            self.relay(block);
        }
    }

    /// Puts a block into the DAG.
    fn admit(&mut self, block: VerifiedBlock, from: Option<AuthorIndex>) -> Vec<VerifiedBlock> {
        let reference = block.reference();
        let is_variant = self.note_evidence(&block);
        // 9.5 more variants only when somebody's block needs them, and not too many
        let (committee, gc_depth) = (&self.config.committee, self.config.parameters.gc_depth);
        if is_variant && !self.quota.takes(&self.dag, committee, gc_depth, &reference) {
            return Vec::new();
        }
        self.dag.insert(block, from, self.now)
    }

    /// 9.4 true when we hold another block of this slot: evidence, once per author.
    pub(super) fn note_evidence(&mut self, block: &VerifiedBlock) -> bool {
        let reference = block.reference();
        let Some(other) = self.dag.other_variant(&reference) else { return false };
        if !self.evidence.contains_key(&reference.author)
            && let Some(proof) = EquivocationProof::of(other.block(), block.block())
        {
            self.evidence.insert(reference.author, proof.clone());
            self.effects.push(Effect::Evidence(proof));
        }
        true
    }

    /// Remembers a block of ours as the last one.
    pub(super) fn note_own(&mut self, block: &VerifiedBlock) {
        let reference = block.reference();
        if let Some(own_rounds) = &mut self.own_rounds {
            own_rounds.saw(reference.round);
        }
        self.own_round = self.own_round.max(reference.round);
        self.own_timestamp_ms = self.own_timestamp_ms.max(block.header().timestamp_ms);
        if self.own_last.is_none_or(|last| last.round < reference.round) {
            self.own_last = Some(reference);
        }
    }

    /// Counts what an accepted block says.
    pub(super) fn accepted(&mut self, block: &VerifiedBlock) {
        self.undecided = true;
        let (author, header) = (block.author(), block.header());
        if Some(author) == self.config.own {
            self.note_own(block); // 9.3 also one that waited for gc, or for our own proposal
        }
        self.uncommitted_content += usize::from(dag::has_content(block));
        if let Some(pacemaker) = &mut self.pacemaker {
            pacemaker.accepted(&self.dag, block.round(), author, self.now);
        }
        for proof in &header.evidence {
            self.published.insert(proof.author);
            self.evidence.entry(proof.author).or_insert_with(|| proof.clone());
        }
        if Some(author) != self.config.own {
            self.pool.seen(block.reference(), block.identified(), self.now.0);
        }
        for attestation in &header.attestations {
            let verdict = self.attestations.heard(author, attestation);
            self.judged(verdict);
        }
    }

    fn judged(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Nothing => {}
            Verdict::Certified { height, signatures } => {
                self.effects.push(Effect::Certified { height, signatures });
            }
            Verdict::Diverged { height, ours, theirs, attestations } => {
                self.effects.push(Effect::Diverged { height, ours, theirs, attestations });
            }
        }
    }

    /// Outputs every round that is decided (part 5), each as a commit (part 7).
    pub(super) fn decide(&mut self) {
        while std::mem::take(&mut self.undecided) {
            while let Some(decided) = self.decider.next_round(&self.dag) {
                // 5.7 a round whose slots are all skipped is passed over
                if !decided.slots.is_empty() {
                    let committed = self.linearizer.commit(&mut self.dag, &decided);
                    self.output(committed);
                }
            }
        }
        self.pool.advance(self.now.0, self.linearizer.timestamp_ms());
    }

    /// A commit, decided or installed: out with it, and then gc.
    pub(super) fn output(&mut self, committed: super::CommittedSubDag) {
        let round = committed.commit.round;
        self.committed(&committed);
        self.sync.committed(&committed.commit, self.now);
        self.effects.push(Effect::Commit(committed));
        self.collect(round);
    }

    fn committed(&mut self, committed: &super::CommittedSubDag) {
        let commit = &committed.commit;
        for reference in commit.blocks.iter().chain(&commit.ignored) {
            let node = self.dag.node(reference).expect("gc has not moved since it was committed");
            self.uncommitted_content -= usize::from(node.has_content());
        }
        for block in &committed.blocks {
            if dag::has_content(block) {
                self.content_commit_index = commit.index;
                self.pool.ordered(commit.index, block.identified());
            }
        }
        // 6.5 the rounds to come may have other slots
        let active = self.linearizer.active();
        self.decider.set_active(active);
        if let Some(pacemaker) = &mut self.pacemaker {
            pacemaker.set_active(active);
            pacemaker.committed(commit.round, self.now);
        }
    }

    /// 7.4 raises the gc round after a commit of `round`.
    fn collect(&mut self, round: Round) {
        let gc_round = round.saturating_sub(self.config.parameters.gc_depth);
        if gc_round <= self.dag.gc_round() {
            return;
        }
        let (dropped, accepted) = self.dag.collect(gc_round);
        let lost = dropped.iter().filter(|node| !node.committed && node.has_content()).count();
        self.uncommitted_content -= lost;
        self.decider.collect(gc_round);
        self.linearizer.collect(gc_round);
        self.quota.collect(gc_round);
        self.pool.collect(gc_round);
        if let Some(pacemaker) = &mut self.pacemaker {
            pacemaker.collect(gc_round);
        }
        self.take_accepted(&accepted);
    }

    /// 4.7 nothing to order, nothing to execute, no checkpoint to close or to certify, and nobody is ahead.
    pub(super) fn is_idle(&self) -> bool {
        let unpublished = self.evidence.keys().any(|author| !self.published.contains(*author));
        self.pool.ready_len() == 0
            && self.uncommitted_content == 0
            && (self.attestations.diverged()
                || self.content_commit_index <= self.executed_commit_index && !self.checkpoint_open)
            && !self.attestations.pending()
            && self.attestations_waiting.is_empty()
            && !unpublished
            && self.dag.highest_round() <= self.own_round
    }

    /// 4.8 sends our last block again when nothing has moved for long. Returns when to look again.
    fn push_due(&mut self) -> Option<Time> {
        let now = self.now;
        let pacemaker = self.pacemaker.as_mut()?;
        if pacemaker.push_at() <= now {
            pacemaker.pushed(now);
            let connected = self.connected;
            connected.iter().for_each(|author| self.push_to(author));
        }
        self.pacemaker.as_ref().map(Pacemaker::push_at)
    }

    fn push_to(&mut self, author: AuthorIndex) {
        let last = self.own_last.and_then(|own| self.dag.node(&own));
        if let Some(node) = last.filter(|_| Some(author) != self.config.own) {
            let blocks = vec![node.block.clone()];
            self.effects.push(Effect::Push { to: author, blocks });
        }
    }

    /// An author's newest block that is held, accepted or not: what its author is told when it asks. The
    /// store may have a newer one, or not have this one yet.
    pub fn newest_block(&self, author: AuthorIndex) -> Option<&VerifiedBlock> {
        self.config.committee.member(author)?;
        self.dag.newest(author).filter(|block| block.round() > 0)
    }

    /// The state in numbers.
    pub fn status(&self) -> CoreStatus {
        let pacemaker = self.pacemaker.as_ref();
        let wait_set = pacemaker.map(|pacemaker| pacemaker.wait_set(&self.dag, self.own_round));
        CoreStatus {
            own_round: self.own_round,
            highest_round: self.dag.highest_round(),
            quorum_round: self.dag.quorum_round(),
            gc_round: self.dag.gc_round(),
            undecided_round: self.decider.cursor(),
            commit_index: self.linearizer.index(),
            commit_round: self.linearizer.round(),
            commit_digest: self.linearizer.digest(),
            commit_timestamp_ms: self.linearizer.timestamp_ms(),
            certified_height: self.attestations.certified(),
            pool_transactions: self.pool.len(),
            pool_bytes: self.pool.bytes(),
            suspended: self.dag.suspended_count(),
            missing: self.dag.missing().len(),
            held: self.held.len(),
            probation: self.linearizer.probation().terms().collect(),
            wait_set: wait_set.iter().flat_map(AuthorSet::iter).collect(),
            syncing: self.sync.is_active(),
            asking_own_rounds: self.own_rounds.as_ref().is_some_and(|own| !own.is_sure()),
            recovering: pacemaker.is_some_and(Pacemaker::recovering),
            idle: self.is_idle(),
        }
    }

    /// What is known of who equivocated, by author: at most one proof for each. Seen here, or published in
    /// a block that was accepted; after a restart only what the blocks above gc still tell.
    pub fn evidence(&self) -> impl Iterator<Item = &EquivocationProof> {
        self.evidence.values()
    }

    /// The rounds `from` to `to`, both included, as far as they are held: above gc and not above the
    /// highest accepted round.
    pub fn rounds(&self, from: Round, to: Round) -> Vec<RoundView> {
        let from = from.max(self.dag.gc_round() + 1);
        (from..=to.min(self.dag.highest_round())).map(|round| self.round_view(round)).collect()
    }

    fn round_view(&self, round: Round) -> RoundView {
        let slots = self.decider.slots(round);
        let slot = |author| {
            let status = slots.and_then(|slots| {
                let place = slots.order.iter().position(|other| *other == author)?;
                slots.status.get(place).copied()
            });
            let on_probation = match slots {
                Some(_) => status.is_none(),
                None => {
                    round >= self.decider.cursor() && !self.linearizer.active().contains(author)
                }
            };
            let without = if on_probation { SlotStatus::Skipped } else { SlotStatus::Undecided };
            SlotView {
                author,
                status: status.unwrap_or(without),
                on_probation,
                blocks: self.dag.slot(round, author).map(|(_, node)| block_view(node)).collect(),
            }
        };
        RoundView { round, slots: self.config.committee.authors().map(slot).collect() }
    }

    /// What every node that has the same commits has alike, however it came by them; for tests.
    #[cfg(test)]
    pub(super) fn committed_state(&self) -> String {
        let committed = self.dag.nodes().filter(|node| node.committed && node.block.round() > 0);
        let committed: Vec<BlockRef> = committed.map(|node| node.block.reference()).collect();
        let (cursor, gc_round) = (self.decider.cursor(), self.dag.gc_round());
        format!("{:?} {cursor} {gc_round} {committed:?}", self.linearizer)
    }

    /// Asserts the invariants of the parts; for tests.
    #[cfg(test)]
    pub(super) fn check(&self) {
        self.dag.check();
        let content = self.dag.nodes().filter(|node| !node.committed && node.has_content());
        assert_eq!(content.count(), self.uncommitted_content);
    }
}

/// 8.2 our word for checkpoints without a certificate, given again: the same bytes as before.
fn attest_again(config: &CoreConfig, recovered: &Recovered) -> VecDeque<Attestation> {
    let Some(key) = config.key.as_ref().filter(|_| config.own.is_some()) else {
        return VecDeque::new();
    };
    attestations::unattested(recovered)
        .map(|one| Attestation::sign(&config.chain_id, one.height, one.digest, key))
        .collect()
}

fn block_view(node: &dag::Node) -> BlockView {
    let header = node.block.header();
    let (strong_parents, weak_parents) =
        header.parents.iter().partition(|parent| parent.round + 1 == header.round);
    BlockView {
        reference: node.block.reference(),
        timestamp_ms: header.timestamp_ms,
        strong_parents,
        weak_parents,
        transactions: header.transaction_count,
        committed: node.committed,
    }
}
