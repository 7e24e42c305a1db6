//! Catching up by ranges of commits (protocol.md part 10): when honest validators say that they are many
//! commits ahead, ask one of them for commits with their blocks, install them, and only then collect.
//!
//! Invariants: a commit is installed only when a quorum vouches for it, it follows our last one, and our
//! own linearisation of its slots gives the same commit; what is installed leaves the state as if we had
//! decided it ourselves. Liveness never depends on it: while our last commit stands still for ten seconds,
//! blocks are fetched as if there were no such thing.

use std::collections::VecDeque;
use std::sync::Arc;

use super::core::Core;
use super::decider::DecidedRound;
use super::range::CommitRange;
use super::{Commit, Effect, Settings, Time};
use crate::block::{BlockHeader, VerifiedBlock};
use crate::committee::{AuthorIndex, Committee, Stake};
use crate::crypto::Hash;
use crate::limits::BLOCK_COMMIT_VOTES_MAX;
use crate::wire::CommitsRequest;

/// So many commits ahead means: far behind.
const BEHIND_COMMITS: u64 = 128;
/// So few mean: blocks will do.
const CLOSE_COMMITS: u64 = 16;
/// Without a new commit for so long blocks are fetched instead, in milliseconds.
const FLAT_MS: u64 = 10_000;
/// For so long, in milliseconds.
const BLOCK_SYNC_MS: u64 = 30_000;
/// To wait for an answer, in units of the time to wait for history: it is as large, and takes more to make.
const ANSWER_TIMEOUTS: u64 = 3;
/// A second peer is asked as well when the first has not answered in this part of that time.
const HEDGE_PART: u64 = 6;
/// Questions under way at most.
const QUESTIONS_MAX: usize = 2;
/// Demerits of an answer that is no help, or none.
const DEMERITS_USELESS: u32 = 1;
/// Demerits of a lie.
const DEMERITS_LIE: u32 = 8;
/// Demerits beyond this make no difference.
const DEMERITS_MAX: u32 = 64;
/// Ids of our questions begin here, apart from those of fetches.
const FIRST_ID: u64 = 1 << 63;

#[derive(Debug)]
struct Question {
    id: u64,
    to: AuthorIndex,
    /// When somebody else is asked as well.
    hedge_at: Time,
    deadline: Time,
}

/// Why a verified range was not installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// It does not follow our last commit.
    NotOurs,
    /// A block's parent is neither in it nor here.
    MissingBlocks,
    /// Our linearisation says otherwise.
    OtherCommit,
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct CommitSync {
    own: Option<AuthorIndex>,
    committee: Arc<Committee>,
    timeout_ms: u64,
    /// The highest commit that each author voted for.
    heard: Vec<u64>,
    demerits: Vec<u32>,
    active: bool,
    /// One, or a second one for the same range where the first is slow: whoever answers first ends both.
    questions: Vec<Question>,
    next_id: u64,
    /// Our last commit, and since when.
    progress: (u64, Time),
    /// Blocks are fetched instead until then.
    blocks_until: Time,
    /// Votes for our next block.
    votes: VecDeque<(u64, Hash)>,
}

impl CommitSync {
    pub fn new(
        own: Option<AuthorIndex>,
        committee: Arc<Committee>,
        settings: &Settings,
        now: Time,
    ) -> Self {
        let size = committee.size();
        Self {
            own,
            committee,
            timeout_ms: settings.fetch_timeout_ms.saturating_mul(ANSWER_TIMEOUTS),
            heard: vec![0; size],
            demerits: vec![0; size],
            active: false,
            questions: Vec::new(),
            next_id: FIRST_ID,
            progress: (0, now),
            blocks_until: Time(0),
            votes: VecDeque::new(),
        }
    }

    /// True while commits are asked for: blocks are not taken meanwhile.
    pub fn is_active(&self) -> bool {
        self.active
    }

    /// True when this is the id of one of our questions.
    pub fn is_own_id(id: u64) -> bool {
        id >= FIRST_ID
    }

    /// 10.1 a valid block, accepted or not, says which commits its author has.
    pub fn hear(&mut self, header: &BlockHeader) {
        let last = header.commit_votes.iter().map(|(index, _)| *index).max();
        if let Some(heard) = self.heard.get_mut(usize::from(header.author)) {
            *heard = (*heard).max(last.unwrap_or(0));
        }
    }

    /// A commit of ours: a vote for our next block. What does not fit is vouched for by what does.
    pub fn committed(&mut self, commit: &Commit, now: Time) {
        self.progress = (commit.index, now);
        self.votes.push_back((commit.index, commit.digest));
        if self.votes.len() > BLOCK_COMMIT_VOTES_MAX {
            self.votes.pop_front();
        }
    }

    /// Takes the votes for our next block; the last commit again when there is none since the last block.
    pub fn take_votes(&mut self, index: u64, digest: Hash) -> Vec<(u64, Hash)> {
        if self.votes.is_empty() && index > 0 {
            return vec![(index, digest)];
        }
        self.votes.drain(..).collect()
    }

    /// True when authors of validity stake claim to have this commit: somebody honest has it.
    fn is_claimed(&self, index: u64) -> bool {
        let authors = self.committee.authors();
        let claiming = authors.filter(|author| self.heard[usize::from(*author)] >= index);
        let stake: Stake = claiming.map(|author| self.committee.stake(author)).sum();
        stake >= self.committee.validity()
    }

    /// Begins and ends catching up, and asks. `index` is that of our last commit. Also returns when to
    /// look again.
    pub fn advance(&mut self, index: u64, now: Time) -> (Option<Effect>, Option<Time>) {
        while let Some(late) = self.questions.iter().find(|question| question.deadline <= now) {
            self.failed(late.id, false);
        }
        if self.active && !self.is_claimed(index + CLOSE_COMMITS) {
            self.stop();
        }
        if !self.active {
            if !self.is_claimed(index + BEHIND_COMMITS) {
                return (None, None);
            }
            if now < self.blocks_until {
                return (None, Some(self.blocks_until));
            }
            self.active = true;
            self.progress = (index, now);
        }
        // 10.5 never depended on
        let flat_at = self.progress.1.plus_ms(FLAT_MS);
        if flat_at <= now {
            self.stop();
            self.blocks_until = now.plus_ms(BLOCK_SYNC_MS);
            return (None, Some(self.blocks_until));
        }
        let due = self.questions.iter().all(|question| question.hedge_at <= now);
        let effect = match due && self.questions.len() < QUESTIONS_MAX {
            true => self.ask(index, now),
            false => None,
        };
        let more = self.questions.len() < QUESTIONS_MAX;
        let times = self.questions.iter().flat_map(|question| {
            [Some(question.deadline), Some(question.hedge_at).filter(|at| more && *at > now)]
        });
        (effect, times.chain([Some(flat_at)]).flatten().min())
    }

    fn stop(&mut self) {
        self.active = false;
        self.questions.clear();
    }

    /// Of those who are ahead the one with the fewest demerits, beginning behind ourselves.
    fn ask(&mut self, index: u64, now: Time) -> Option<Effect> {
        let size = self.committee.size();
        let first = self.own.map_or(0, |own| usize::from(own) + 1);
        let turn = |author: AuthorIndex| (usize::from(author) + size - first % size) % size;
        let ahead = |author: &AuthorIndex| self.heard[usize::from(*author)] > index;
        let asked =
            |author: &AuthorIndex| self.questions.iter().any(|question| question.to == *author);
        let to = self
            .committee
            .authors()
            .filter(|author| Some(*author) != self.own && ahead(author) && !asked(author))
            .min_by_key(|author| (self.demerits[usize::from(*author)], turn(*author)))?;
        let id = self.next_id;
        self.next_id += 1;
        let hedge_at = now.plus_ms(self.timeout_ms / HEDGE_PART);
        let deadline = now.plus_ms(self.timeout_ms);
        self.questions.push(Question { id, to, hedge_at, deadline });
        Some(Effect::FetchCommits { id, from: to, request: CommitsRequest { after: index } })
    }

    fn is_open(&self, id: u64) -> bool {
        self.questions.iter().any(|question| question.id == id)
    }

    /// The question of this id has no answer (or one that is no help), or one that is a lie: that costs who
    /// was to answer it.
    pub fn failed(&mut self, id: u64, lie: bool) {
        let Some(place) = self.questions.iter().position(|question| question.id == id) else {
            return;
        };
        let question = self.questions.remove(place);
        let of_peer = &mut self.demerits[usize::from(question.to)];
        let demerits = if lie { DEMERITS_LIE } else { DEMERITS_USELESS };
        *of_peer = (*of_peer + demerits).min(DEMERITS_MAX);
    }

    /// The question of this id is answered, and brought us on. Whoever else was asked for the same was slow.
    fn helped(&mut self, id: u64) {
        for question in std::mem::take(&mut self.questions) {
            let of_peer = &mut self.demerits[usize::from(question.to)];
            *of_peer = match question.id == id {
                true => *of_peer / 2,
                false => (*of_peer + DEMERITS_USELESS).min(DEMERITS_MAX),
            };
        }
    }
}

impl Core {
    /// As if commits had been asked for under this id; for tests.
    #[cfg(test)]
    pub(super) fn expect_commits(&mut self, id: u64) {
        let deadline = self.now.plus_ms(1_000);
        self.sync.questions = vec![Question { id, to: 0, hedge_at: deadline, deadline }];
    }

    /// 10.4 a range that passed [`CommitRange::verify`]. What of it can be installed is; the rest costs who
    /// sent it.
    pub(super) fn take_commits(&mut self, id: u64, range: CommitRange) {
        if !self.sync.is_open(id) {
            return;
        }
        let before = self.linearizer.index();
        let refusal = range
            .into_commits()
            .into_iter()
            .find_map(|(commit, blocks)| self.install(&commit, blocks).err());
        match refusal {
            None if self.linearizer.index() > before => self.sync.helped(id),
            // Overtaken by what we decided ourselves meanwhile.
            None => self.sync.failed(id, false),
            Some(_) => self.sync.failed(id, true),
        }
    }

    /// Installs a commit: its blocks are accepted, our own linearisation of its slots must give the same
    /// commit, and then everything goes as after a decision of our own.
    fn install(&mut self, commit: &Commit, blocks: Vec<VerifiedBlock>) -> Result<(), Refusal> {
        if commit.index <= self.linearizer.index() {
            // Decided from blocks while the answer was under way.
            let same =
                commit.index < self.linearizer.index() || commit.digest == self.linearizer.digest();
            return if same { Ok(()) } else { Err(Refusal::NotOurs) };
        }
        if commit.index != self.linearizer.index() + 1
            || commit.previous != self.linearizer.digest()
            || commit.round < self.decider.cursor()
            || !self.decider.are_slots(commit.round, &commit.slots)
        {
            return Err(Refusal::NotOurs);
        }
        self.admit_committed(blocks)?;
        if commit.slots.iter().any(|slot| self.dag.node(slot).is_none()) {
            return Err(Refusal::MissingBlocks);
        }
        let before = self.linearizer.clone();
        let decided = DecidedRound { round: commit.round, slots: commit.slots.clone() };
        let committed = self.linearizer.commit(&mut self.dag, &decided);
        if committed.commit != *commit {
            let marked = committed.commit.blocks.iter().chain(&committed.commit.ignored);
            for reference in marked {
                self.dag.node_mut(reference).expect("just committed").committed = false;
            }
            self.linearizer = before;
            return Err(Refusal::OtherCommit);
        }
        self.decider.installed(commit.round, &commit.slots);
        self.output(committed);
        Ok(())
    }

    /// Accepts the blocks of a commit, lowest rounds first: their parents are among them, here, or at or
    /// below the gc round.
    fn admit_committed(&mut self, mut blocks: Vec<VerifiedBlock>) -> Result<(), Refusal> {
        blocks.sort_by_key(VerifiedBlock::reference);
        for block in blocks {
            let reference = block.reference();
            self.note_evidence(&block);
            let accepted = self.dag.insert(block, None, self.now);
            self.take_accepted(&accepted);
            if reference.round > self.dag.gc_round() && self.dag.node(&reference).is_none() {
                return Err(Refusal::MissingBlocks);
            }
        }
        Ok(())
    }
}
