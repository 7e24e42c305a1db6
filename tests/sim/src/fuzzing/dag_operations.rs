//! A validator's core among three others, of whom bytes decide what they do: A is the core, B and C are
//! honest, D signs whatever it likes. At the end the core's answer is that of the reference.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use pollen_ledger::block::Round;
use pollen_ledger::ordering::{Input, Recovered, Time};
use pollen_ledger::{AuthorIndex, BlockRef, Hash, VerifiedBlock};

use super::Choices;
use crate::drawing::{BEGIN_MS, Chain};
use crate::reference::Reference;
use crate::validity::broken_rule;
use crate::watched_core::{WatchedCore, history};

/// Steps of a run.
const STEPS_MAX: usize = 200;
/// The one who may sign twice.
const BYZANTINE: AuthorIndex = 3;
/// What the core promises to hold of an author.
const SUSPENDED_MAX: usize = 160;
/// The same of blocks that are ahead of its clock.
const HELD_MAX: usize = 16;

static CHAIN: LazyLock<Chain> = LazyLock::new(|| {
    let mut chain = Chain::new(&[1, 1, 1, 1]);
    chain.signed = false;
    chain.parameters.gc_depth = 5;
    chain.set_number("probationWindowRounds", 6);
    chain
});

/// The same with signatures: evidence against D needs them, and what it signs is valid.
static SIGNED: LazyLock<Chain> = LazyLock::new(|| Chain { signed: true, ..CHAIN.clone() });

struct World {
    core: WatchedCore,
    /// Every block that anybody made, by slot.
    made: BTreeMap<(Round, AuthorIndex), Vec<VerifiedBlock>>,
    all: Vec<VerifiedBlock>,
    /// Not yet delivered.
    held_back: Vec<VerifiedBlock>,
    /// Of the core's proposals so many are in `made`.
    seen: usize,
    /// Blocks that were forged, whose parents do not exist.
    nonsense: u64,
}

/// Any bytes as steps of the others, of the network, of the clock and of the store.
pub fn dag_operations(bytes: &[u8]) {
    commits_of(bytes);
}

/// The same; returns how many commits the run came to, for a test that asks whether runs get anywhere.
pub fn commits_of(bytes: &[u8]) -> usize {
    let mut choices = Choices(bytes);
    let start = Time(BEGIN_MS + 1_000);
    let mut world = World {
        core: WatchedCore::start(&CHAIN, Some(0), start, Recovered::default()),
        made: BTreeMap::new(),
        all: Vec::new(),
        held_back: Vec::new(),
        seen: 0,
        nonsense: 0,
    };
    for author in CHAIN.committee.authors() {
        world.made.insert((0, author), vec![CHAIN.genesis(author)]);
    }
    let mut steps = 0;
    while !choices.is_empty() && steps < STEPS_MAX {
        world.step(&mut choices);
        world.check();
        steps += 1;
    }
    world.core.now = world.core.now.plus_ms(120_000);
    world.core.input(Input::Timer);
    world.check();
    let answer = Reference::new(&CHAIN, &world.core.accepted).answer();
    assert_eq!(world.core.difference(&answer), None);
    answer.commits.len()
}

impl World {
    fn step(&mut self, choices: &mut Choices<'_>) {
        match choices.below(16) {
            0..=3 => self.round(choices),
            4..=6 => self.make(1 + choices.below(3) as AuthorIndex, choices),
            7 | 8 if !self.held_back.is_empty() => {
                let place = choices.below(self.held_back.len());
                let block = self.held_back.swap_remove(place);
                self.core.deliver(&block);
            }
            9 if !self.all.is_empty() => {
                let block = self.all[choices.below(self.all.len())].clone();
                let from = Some(choices.below(5) as AuthorIndex);
                self.core.input(Input::Block { block, from });
            }
            10 => self.forge(choices),
            11 => self.answer(choices),
            12 => {
                let author = choices.below(6) as AuthorIndex;
                self.core.input(match choices.yes() {
                    true => Input::Connected { author },
                    false => Input::Disconnected { author },
                });
            }
            13 if choices.below(4) == 0 => self.core = self.core.restarted(&CHAIN),
            14 => {
                let status = self.core.status();
                self.core.input(Input::Executed {
                    height: status.commit_index,
                    commit_index: status.commit_index,
                    ids: Vec::new(),
                    digest: Some(Hash([choices.byte(); 32])),
                    attestation: None,
                    checkpoint_open: choices.yes(),
                });
            }
            _ => {
                self.core.now = self.core.now.plus_ms(choices.below(256) as u64 * 4);
                self.core.input(Input::Timer);
            }
        }
        self.note_proposals();
    }

    /// Others build on what the core proposed.
    fn note_proposals(&mut self) {
        for block in &self.core.proposed[self.seen..] {
            self.made.entry((block.round(), 0)).or_default().push(block.clone());
            self.all.push(block.clone());
            assert_eq!(broken_rule(&CHAIN, block.block()), None, "our own block is valid");
        }
        self.seen = self.core.proposed.len();
    }

    /// A block of each of the others, and time for the core to make its own.
    fn round(&mut self, choices: &mut Choices<'_>) {
        let left_out = choices.byte();
        for author in (1..4).filter(|author| left_out != *author as u8) {
            self.make(author, choices);
        }
        self.core.now = self.core.now.plus_ms(500);
        self.core.input(Input::Timer);
    }

    /// A valid block of somebody else: of an honest one, of the round after its last one.
    fn make(&mut self, author: AuthorIndex, choices: &mut Choices<'_>) {
        let slots = self.made.keys().filter(|(_, of)| *of == author);
        let last = slots.map(|(round, _)| *round).max().unwrap_or(0);
        let round = match author {
            BYZANTINE => {
                (last + 1).saturating_sub(choices.below(8).saturating_sub(5) as Round).max(1)
            }
            _ => last + 1,
        };
        self.note_proposals();
        let Some(parents) = self.parents(round, author, choices) else { return };
        let ahead = choices.byte();
        let ahead = if author == BYZANTINE && ahead > 200 { u64::from(ahead) * 300 } else { 0 };
        let stamp = self.core.now.0 + ahead;
        let chain = if author == BYZANTINE { &SIGNED } else { &CHAIN };
        let block = chain.block(round, author, stamp, parents, &[]);
        let slot = self.made.entry((round, author)).or_default();
        if slot.iter().any(|other| other.reference() == block.reference()) {
            return;
        }
        slot.push(block.clone());
        self.all.push(block.clone());
        match choices.below(8) {
            7 => self.held_back.push(block),
            _ => self.core.deliver(&block),
        }
    }

    /// A quorum of the round before, more or less of the rest, some weak links; none when there is no quorum.
    fn parents(
        &self,
        round: Round,
        author: AuthorIndex,
        choices: &mut Choices<'_>,
    ) -> Option<Vec<BlockRef>> {
        let pick = |slot: Option<&Vec<VerifiedBlock>>, choices: &mut Choices<'_>| {
            slot.map(|blocks| blocks[choices.below(blocks.len())].reference())
        };
        let own = (0..round).rev().find_map(|at| self.made.get(&(at, author)));
        let own = pick(own, choices)?;
        let mut parents = vec![own];
        let mut strong = usize::from(own.round + 1 == round);
        let first = choices.below(4) as AuthorIndex;
        for other in (0..4).map(|step| (first + step) % 4).filter(|other| *other != author) {
            let wanted = strong < 3 || choices.yes();
            let found = pick(self.made.get(&(round - 1, other)), choices).filter(|_| wanted);
            if let Some(parent) = found {
                strong += 1;
                parents.push(parent);
            } else if round > 1 && choices.yes() {
                let at = (round - 2).saturating_sub(choices.below(8) as Round);
                parents.extend(pick(self.made.get(&(at, other)), choices));
            }
        }
        (strong >= 3).then_some(parents)
    }

    /// A block of D that is valid by itself, on parents that nobody has.
    fn forge(&mut self, choices: &mut Choices<'_>) {
        let now = self.core.status().highest_round;
        let round = match choices.below(4) {
            0 => 4_294_966_271,
            1 => now + 2 + choices.below(1_000) as Round,
            _ => now + 1,
        };
        self.nonsense += 1;
        let reference = |author: AuthorIndex| match round {
            1 => CHAIN.genesis(author).reference(),
            _ => {
                let content = [self.nonsense.to_le_bytes().to_vec(), vec![author as u8]].concat();
                BlockRef { author, round: round - 1, digest: Hash::of_content(&content) }
            }
        };
        let parents = [BYZANTINE, 0, 1, 2].map(reference).to_vec();
        let stamp = match choices.below(3) {
            0 => u64::MAX,
            1 => 0,
            _ => self.core.now.0,
        };
        let stamp = stamp.wrapping_sub(self.nonsense);
        let block = SIGNED.block(round, BYZANTINE, stamp, parents, &[]);
        self.core.deliver(&block);
    }

    /// Answers a fetch, wholly or badly.
    fn answer(&mut self, choices: &mut Choices<'_>) {
        if self.core.fetches.is_empty() {
            self.core.input(Input::FetchFailed { id: choices.number() });
            return;
        }
        let place = choices.below(self.core.fetches.len());
        let (id, request) = self.core.fetches.swap_remove(place);
        let by_name = self.all.iter().map(|block| (block.reference(), block)).collect();
        let mut blocks = history(&by_name, &request);
        match choices.below(4) {
            0 => self.core.input(Input::FetchFailed { id }),
            1 => {
                blocks.reverse();
                blocks.truncate(choices.below(8));
                self.core.fetched(id, Some(2), blocks);
            }
            _ => self.core.fetched(id, Some(1), blocks),
        }
    }

    fn check(&self) {
        let status = self.core.status();
        assert!(status.suspended <= SUSPENDED_MAX * 4 && status.held <= HELD_MAX * 4);
        assert_eq!(status.commit_index, self.core.commits.len() as u64);
        assert!(
            status.gc_round <= status.commit_round && status.commit_round < status.undecided_round
        );
        assert!(
            status.own_round <= status.quorum_round + 1
                && status.quorum_round <= status.highest_round
        );
    }
}
