//! What a run reached: rare states above all, since a run that never reaches them proves little. Decisions
//! are told apart from the blocks that hosts accepted, by the rules of PROTOCOL §5, not by asking cores.

use std::collections::{BTreeMap, BTreeSet};

use pollen_ledger::VerifiedBlock;
use pollen_ledger::block::{BlockRef, Round};
use pollen_ledger::committee::AuthorIndex;
use pollen_ledger::ordering::{Commit, CoreStatus, Recovered};
use serde::Serialize;

/// See the module's documentation.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Counts {
    /// Packets that arrived.
    pub messages: u64,
    /// Inputs that cores took.
    pub inputs: u64,
    /// Blocks that were proposed.
    pub blocks: u64,
    /// Transactions that went into blocks.
    pub included: u64,
    /// Everything else, by name.
    pub rare: BTreeMap<&'static str, u64>,
}

impl Counts {
    /// One more.
    pub fn add(&mut self, what: &'static str) {
        *self.rare.entry(what).or_default() += 1;
    }

    /// How often something was seen.
    pub fn of(&self, what: &str) -> u64 {
        self.rare.get(what).copied().unwrap_or(0)
    }

    /// Adds another run's.
    pub fn merge(&mut self, other: &Self) {
        self.messages += other.messages;
        self.inputs += other.inputs;
        self.blocks += other.blocks;
        self.included += other.included;
        for (what, times) in &other.rare {
            *self.rare.entry(what).or_default() += times;
        }
    }

    /// Looks at the states of honest hosts.
    pub fn probe(&mut self, statuses: &[(usize, CoreStatus)]) {
        let gc_round = statuses.iter().map(|(_, status)| status.gc_round).max().unwrap_or(0);
        for (_, status) in statuses {
            let seen = [
                ("probes", true),
                ("probes in recovery", status.recovering),
                ("probes idle", status.idle),
                ("probes with suspended blocks", status.suspended > 0),
                ("probes with held blocks", status.held > 0),
                ("probes of hosts below others' gc", status.highest_round < gc_round),
                ("probes in catching up", status.syncing),
                ("probes in amnesia", status.asking_own_rounds),
                ("probes with probation", !status.probation.is_empty()),
            ];
            for (what, _) in seen.iter().filter(|(_, is)| *is) {
                self.add(what);
            }
        }
    }
}

#[derive(Debug, Clone, Default)]
struct View {
    own_round: Option<Round>,
    accepted: BTreeMap<Round, BTreeSet<BlockRef>>,
}

/// Follows what honest hosts accept.
#[derive(Debug)]
pub struct Observer {
    stakes: Vec<u64>,
    quorum: u64,
    parents: BTreeMap<BlockRef, Vec<BlockRef>>,
    views: Vec<View>,
    last_round: Round,
}

impl Observer {
    /// Of so many hosts.
    pub fn new(stakes: Vec<u64>, hosts: usize) -> Self {
        let total: u64 = stakes.iter().sum();
        Self {
            quorum: total - (total - 1) / 3,
            stakes,
            parents: BTreeMap::new(),
            views: vec![View::default(); hosts],
            last_round: 0,
        }
    }

    /// A host goes on from its store.
    pub fn restarted(&mut self, host: usize, recovered: &Recovered) {
        self.views[host] = View::default();
        self.views[host].own_round = Some(recovered.own_round_floor);
        for block in &recovered.blocks {
            self.accepted(host, block);
        }
    }

    /// A host accepted a block.
    pub fn accepted(&mut self, host: usize, block: &VerifiedBlock) {
        let reference = block.reference();
        if reference.round > self.last_round {
            self.parents.entry(reference).or_insert_with(|| block.header().parents.clone());
            self.views[host].accepted.entry(reference.round).or_default().insert(reference);
        }
    }

    /// A host proposed. When it left rounds out, its round before.
    pub fn proposed(&mut self, host: usize, block: &VerifiedBlock) -> Option<Round> {
        self.accepted(host, block);
        let before = self.views[host].own_round.replace(block.round());
        before.filter(|before| block.round() > before + 1)
    }

    fn stake<'a>(&self, authors: impl Iterator<Item = &'a BlockRef>) -> u64 {
        let authors: BTreeSet<AuthorIndex> = authors.map(|block| block.author).collect();
        authors.iter().map(|author| self.stakes[usize::from(*author)]).sum()
    }

    fn names(&self, child: &BlockRef, parent: &BlockRef) -> bool {
        self.parents.get(child).is_some_and(|parents| parents.contains(parent))
    }

    fn in_round(&self, host: usize, round: Round) -> Vec<BlockRef> {
        let blocks = self.views[host].accepted.get(&round);
        blocks.map_or_else(Vec::new, |blocks| blocks.iter().copied().collect())
    }

    fn is_direct_commit(&self, host: usize, block: &BlockRef) -> bool {
        let certifies = |z: &&BlockRef| {
            let parents = self.parents.get(*z).map_or(&[][..], Vec::as_slice);
            let votes =
                parents.iter().filter(|y| y.round == block.round + 1 && self.names(y, block));
            self.stake(votes) >= self.quorum
        };
        let above = self.in_round(host, block.round + 2);
        self.stake(above.iter().filter(certifies)) >= self.quorum
    }

    fn is_direct_skip(&self, host: usize, round: Round, author: AuthorIndex) -> bool {
        let next = self.in_round(host, round + 1);
        let slot: Vec<BlockRef> =
            self.in_round(host, round).into_iter().filter(|b| b.author == author).collect();
        self.stake(next.iter()) >= self.quorum
            && slot.iter().all(|block| {
                self.stake(next.iter().filter(|y| !self.names(y, block))) >= self.quorum
            })
    }

    /// A host is the first to emit a commit; `all` when every slot of a round is decided before it.
    pub fn committed(&mut self, host: usize, commit: &Commit, all: bool, counts: &mut Counts) {
        let skipped = commit.round - self.last_round - 1;
        (0..skipped).for_each(|_| counts.add("rounds without a commit"));
        for slot in &commit.slots {
            let direct = self.is_direct_commit(host, slot);
            counts.add(if direct { "direct commits" } else { "indirect commits" });
        }
        let held: BTreeSet<AuthorIndex> = commit.slots.iter().map(|slot| slot.author).collect();
        for author in (0..self.stakes.len() as AuthorIndex).filter(|a| all && !held.contains(a)) {
            let direct = self.is_direct_skip(host, commit.round, author);
            counts.add(if direct { "direct skips" } else { "indirect skips" });
        }
        if !commit.ignored.is_empty() {
            counts.add("commits with ignored variants");
        }
        self.last_round = commit.round;
        let least = BlockRef { round: commit.round + 1, author: 0, digest: Default::default() };
        self.parents = self.parents.split_off(&least);
        for view in &mut self.views {
            view.accepted = view.accepted.split_off(&(commit.round + 1));
        }
    }
}
