//! What must hold whatever happens, checked from what leaves the cores alone: nothing here calls a
//! predicate of production code.
//!
//! Safety: honest hosts commit one and the same sequence, byte for byte; each commit chains to the one
//! before, holds each block once, is closed over history down to the gc round of the commit before it,
//! and its time never goes back nor runs ahead of every honest clock; nobody honest signs two blocks of a
//! round (but who lost its disk, and only what had reached nobody); nothing is accepted in an honest author's name that it did not send; evidence names only who is
//! Byzantine; execution gets each commit once and computes the same everywhere. Whether transactions that
//! were acknowledged are ordered, and whether commits go on, is asked in the liveness phase.

use std::collections::{BTreeMap, BTreeSet};

use pollen_ledger::block::{BlockRef, EquivocationProof, Round};
use pollen_ledger::committee::AuthorIndex;
use pollen_ledger::ordering::{Commit, CommittedSubDag};
use pollen_ledger::{Checkpoint, Committee, Hash, VerifiedBlock, codec};

/// What a checker found, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation(pub String);

type Checked = Result<(), Violation>;

fn ensure(holds: bool, words: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(Violation(words())) }
}

/// How far a host is.
#[derive(Debug, Clone, Default)]
struct Progress {
    /// The next commit that its core may emit, in this life.
    next_commit: u64,
    next_execution: u64,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Checker {
    chain_id: Hash,
    genesis_time_ms: u64,
    gc_depth: Round,
    stakes: Vec<u64>,
    byzantine: BTreeSet<AuthorIndex>,
    /// The one sequence of commits, encoded.
    commits: Vec<Vec<u8>>,
    last: Option<Commit>,
    /// Every block of every commit.
    committed: BTreeSet<BlockRef>,
    /// (round, author) that was given to execution.
    delivered: BTreeSet<(Round, AuthorIndex)>,
    /// The highest time that any honest clock showed, in milliseconds. Clocks may be set back.
    clock_ms: u64,
    /// What honest validators let out.
    signed: BTreeMap<(AuthorIndex, Round), BTreeSet<Hash>>,
    /// What those signed that lost their disks, let out or not: one of two is enough of a proof for
    /// its author, who hears of the other while its own is on its way to the disk (seed 19632).
    made: BTreeMap<(AuthorIndex, Round), BTreeSet<Hash>>,
    /// Honest validators that lost their disks: they count among the f faulty.
    forgetful: BTreeSet<AuthorIndex>,
    checkpoints: BTreeMap<u64, Hash>,
    progress: Vec<Progress>,
    /// Transactions in the order, with how often each was delivered.
    ordered: BTreeMap<Hash, u32>,
    /// How many different ones there are, by commit.
    distinct: Vec<u64>,
}

impl Checker {
    /// For hosts that are all at genesis.
    pub fn new(
        chain_id: Hash,
        genesis_time_ms: u64,
        gc_depth: Round,
        committee: &Committee,
        byzantine: &[AuthorIndex],
        hosts: usize,
    ) -> Self {
        Self {
            chain_id,
            genesis_time_ms,
            gc_depth,
            stakes: committee.members().iter().map(|member| member.stake).collect(),
            byzantine: byzantine.iter().copied().collect(),
            commits: Vec::new(),
            last: None,
            committed: BTreeSet::new(),
            delivered: BTreeSet::new(),
            clock_ms: 0,
            signed: BTreeMap::new(),
            made: BTreeMap::new(),
            forgetful: BTreeSet::new(),
            checkpoints: BTreeMap::new(),
            progress: vec![Progress { next_commit: 1, next_execution: 1 }; hosts],
            ordered: BTreeMap::new(),
            distinct: vec![0],
        }
    }

    /// Commits of the whole network.
    pub fn commits(&self) -> u64 {
        self.commits.len() as u64
    }

    /// Commits that a host's core has emitted, earlier lives included.
    pub fn commits_of(&self, host: usize) -> u64 {
        self.progress[host].next_commit - 1
    }

    /// Round of the network's last commit.
    pub fn commit_round(&self) -> Round {
        self.last.as_ref().map_or(0, |last| last.round)
    }

    /// Whether a transaction is in the order.
    pub fn is_ordered(&self, id: &Hash) -> bool {
        self.ordered.contains_key(id)
    }

    /// How many different transactions the commits up to an index have.
    pub fn distinct_up_to(&self, index: u64) -> u64 {
        self.distinct[index as usize]
    }

    /// Stake that is Byzantine.
    pub fn byzantine_stake(&self) -> u64 {
        self.byzantine.iter().map(|author| self.stakes[usize::from(*author)]).sum()
    }

    /// A host goes on from these.
    pub fn restarted(&mut self, host: usize, next_commit: u64, next_execution: u64) -> Checked {
        let progress = &mut self.progress[host];
        ensure(next_commit <= progress.next_commit, || {
            format!("host {host} restarts with commit {next_commit}, which it never emitted")
        })?;
        ensure(next_execution <= progress.next_execution, || {
            format!("host {host} restarts with commit {next_execution} executed, which never was")
        })?;
        *progress = Progress { next_commit, next_execution };
        Ok(())
    }

    /// Honest clocks are about to be set; the highest shows this.
    pub fn clocks_showed(&mut self, clock_ms: u64) {
        self.clock_ms = self.clock_ms.max(clock_ms);
    }

    /// An honest host emits a commit. `clock_ms` is the highest honest clock now.
    pub fn committed(
        &mut self,
        host: usize,
        committed: &CommittedSubDag,
        clock_ms: u64,
    ) -> Checked {
        let commit = &committed.commit;
        self.clock_ms = self.clock_ms.max(clock_ms);
        let next = &mut self.progress[host].next_commit;
        ensure(commit.index == *next, || {
            format!("host {host} emits commit {} where {next} is next", commit.index)
        })?;
        *next += 1;
        let names: Vec<BlockRef> = committed.blocks.iter().map(VerifiedBlock::reference).collect();
        ensure(names == commit.blocks, || {
            format!("host {host} delivers other blocks than commit {} names", commit.index)
        })?;
        let bytes = codec::encode(commit);
        let place = commit.index as usize - 1;
        if let Some(before) = self.commits.get(place) {
            return ensure(*before == bytes, || {
                format!("host {host} has another commit {}: {commit:?}", commit.index)
            });
        }
        self.first_commit(committed)?;
        self.commits.push(bytes);
        self.last = Some(commit.clone());
        Ok(())
    }

    /// What is asked of a commit when the first host emits it.
    fn first_commit(&mut self, committed: &CommittedSubDag) -> Checked {
        let commit = &committed.commit;
        let index = commit.index;
        ensure(index == self.commits() + 1, || format!("commit {index} comes before its time"))?;
        let (round, time, digest) = match &self.last {
            Some(last) => (last.round, last.timestamp_ms, last.digest),
            None => (0, self.genesis_time_ms, self.chain_id),
        };
        ensure(commit.previous == digest, || format!("commit {index} does not chain"))?;
        ensure(commit.round > round, || format!("commit {index} is of an earlier round"))?;
        ensure(commit.timestamp_ms >= time, || format!("commit {index} goes back in time"))?;
        ensure(commit.timestamp_ms <= self.clock_ms.max(time), || {
            format!("commit {index} is ahead of every honest clock")
        })?;
        ensure(!commit.slots.is_empty(), || format!("commit {index} has no slot"))?;
        let holders: BTreeSet<AuthorIndex> = commit.slots.iter().map(|slot| slot.author).collect();
        ensure(
            holders.len() == commit.slots.len()
                && commit.slots.iter().all(|slot| slot.round == commit.round),
            || format!("commit {index} has slots of other rounds, or two of one author"),
        )?;
        self.contents(committed, round.saturating_sub(self.gc_depth))?;
        ensure(commit.slots.iter().all(|slot| self.committed.contains(slot)), || {
            format!("commit {index} lacks a block of its slots")
        })?;
        for block in &committed.blocks {
            for signed in block.transactions() {
                *self.ordered.entry(signed.transaction.id(&self.chain_id)).or_default() += 1;
            }
        }
        self.distinct.push(self.ordered.len() as u64);
        Ok(())
    }

    /// Each block once, each (round, author) delivered once, history closed.
    fn contents(&mut self, committed: &CommittedSubDag, gc_round: Round) -> Checked {
        let commit = &committed.commit;
        let index = commit.index;
        for reference in commit.blocks.iter().chain(&commit.ignored) {
            ensure(reference.round > gc_round && reference.round <= commit.round, || {
                format!("commit {index} has {reference:?} outside of its rounds")
            })?;
            ensure(self.committed.insert(*reference), || {
                format!("commit {index} has {reference:?}, as a commit before it")
            })?;
        }
        for block in &committed.blocks {
            let reference = block.reference();
            ensure(self.delivered.insert((reference.round, reference.author)), || {
                format!("commit {index} delivers a second block of {reference:?}'s place")
            })?;
            for parent in &block.header().parents {
                ensure(parent.round <= gc_round || self.committed.contains(parent), || {
                    format!("commit {index} has {reference:?} without its parent {parent:?}")
                })?;
            }
        }
        ensure(commit.blocks.is_sorted_by_key(|block| block.round), || {
            format!("commit {index} is not ordered by round")
        })?;
        for reference in &commit.ignored {
            ensure(self.delivered.contains(&(reference.round, reference.author)), || {
                format!("commit {index} ignores {reference:?}, and nothing stands for it")
            })?;
        }
        Ok(())
    }

    /// A block of its own leaves an honest host.
    pub fn left(&mut self, block: &BlockRef) -> Checked {
        let blocks = self.signed.entry((block.author, block.round)).or_default();
        blocks.insert(block.digest);
        ensure(blocks.len() == 1 || self.forgetful.contains(&block.author), || {
            format!("validator {} signs two blocks of round {}", block.author, block.round)
        })
    }

    /// An honest validator signs a block, which leaves when it is on disk.
    pub fn made(&mut self, block: &BlockRef) {
        if self.forgetful.contains(&block.author) {
            self.made.entry((block.author, block.round)).or_default().insert(block.digest);
        }
    }

    /// A validator lost its disk.
    pub fn forgot(&mut self, author: AuthorIndex) {
        self.forgetful.insert(author);
    }

    /// Whether a validator ever lost its disk.
    pub fn is_forgetful(&self, author: AuthorIndex) -> bool {
        self.forgetful.contains(&author)
    }

    /// Rounds that validators signed twice after they had lost their disks: what they had signed last had
    /// reached nobody who answered.
    pub fn signed_twice(&self) -> u64 {
        self.signed.values().filter(|blocks| blocks.len() > 1).count() as u64
    }

    /// An honest host accepts a block of somebody else.
    pub fn accepted(&self, host: usize, block: &BlockRef) -> Checked {
        let forged = !self.byzantine.contains(&block.author)
            && !self
                .signed
                .get(&(block.author, block.round))
                .is_some_and(|blocks| blocks.contains(&block.digest));
        ensure(!forged, || format!("host {host} accepts {block:?}, which its author never sent"))
    }

    /// An honest host speaks of an equivocation.
    pub fn evidence(&self, host: usize, proof: &EquivocationProof) -> Checked {
        let place = (proof.author, proof.round);
        let signed = self.signed.get(&place).into_iter().chain(self.made.get(&place)).flatten();
        let twice = signed.collect::<BTreeSet<_>>().len() > 1;
        let guilty = self.byzantine.contains(&proof.author) || twice;
        ensure(guilty && proof.rests[0] != proof.rests[1], || {
            format!("host {host} has evidence against validator {}, who is honest", proof.author)
        })
    }

    /// An honest host executes a commit, and closes a checkpoint with it.
    pub fn executed(&mut self, host: usize, index: u64, closed: Option<&Checkpoint>) -> Checked {
        let next = &mut self.progress[host].next_execution;
        ensure(index == *next, || format!("host {host} executes {index} where {next} is next"))?;
        *next += 1;
        let Some(checkpoint) = closed else { return Ok(()) };
        let digest = checkpoint.digest();
        let first = self.checkpoints.entry(checkpoint.height).or_insert(digest);
        ensure(*first == digest, || {
            format!("host {host} computes another checkpoint {}", checkpoint.height)
        })
    }

    /// Transactions that were delivered more than once: allowed, execution ignores copies.
    pub fn copies(&self) -> u64 {
        self.ordered.values().filter(|times| **times > 1).count() as u64
    }
}
