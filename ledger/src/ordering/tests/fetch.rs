//! Who is asked for what is missing, and when (protocol.md 4.13).

use std::sync::Arc;

use super::decider::block;
use super::network::{chain_id, committee_of};
use crate::block::{BlockRef, Round, VerifiedBlock};
use crate::committee::AuthorIndex;
use crate::ordering::dag::Dag;
use crate::ordering::fetch::{Answer, Fetches};
use crate::ordering::{Effect, Settings, Time};

/// A validator 0 of four or more, its DAG and its questions.
struct Asker {
    dag: Dag,
    fetches: Fetches,
    now: u64,
}

impl Asker {
    fn new(size: usize) -> Self {
        let committee = committee_of(&vec![1; size]);
        Self {
            dag: Dag::new(Arc::clone(&committee), chain_id(), 0),
            fetches: Fetches::new(Some(0), committee, Settings::default()),
            now: 1_000,
        }
    }

    /// Whom it asks at a time, with the ids of the questions and their first targets.
    fn asks(&mut self, at: u64) -> Vec<(u64, AuthorIndex, BlockRef)> {
        self.now = at;
        let (effects, wake_at) = self.fetches.advance(&self.dag, Time(at));
        assert!(wake_at.is_some() || self.dag.missing().is_empty(), "it never sleeps for good");
        assert!(wake_at.is_none_or(|wake_at| wake_at.0 > at), "a wish for the past");
        let asked = effects.into_iter().map(|effect| match effect {
            Effect::Fetch { id, from, request } => (id, from, request.targets[0]),
            other => panic!("{other:?}"),
        });
        asked.collect()
    }

    fn take(&mut self, block: &VerifiedBlock, from: AuthorIndex) -> usize {
        self.dag.insert(block.clone(), Some(from), Time(self.now)).len()
    }

    fn answer(&mut self, id: u64, from: AuthorIndex, blocks: &[VerifiedBlock]) {
        let accepted = blocks.iter().map(|block| self.take(block, from)).sum();
        let answer = Answer { id: Some(id), from: Some(from), accepted };
        self.fetches.answered(&self.dag, answer, Time(self.now));
    }
}

fn genesis(size: AuthorIndex) -> Vec<BlockRef> {
    (0..size).map(|author| VerifiedBlock::genesis(chain_id(), 0, author).reference()).collect()
}

/// A block of round 2 by `author` whose parent of author 1 in round 1 is missing, and that parent.
fn orphan(author: AuthorIndex, stamp: u64) -> (VerifiedBlock, VerifiedBlock) {
    let parent = block(1, 1, stamp, genesis(4));
    (block(2, author, stamp, vec![parent.reference()]), parent)
}

/// One whose parent nobody has.
fn made_up(author: AuthorIndex, round: Round, stamp: u64) -> VerifiedBlock {
    let nobodys = block(round, 3, stamp, Vec::new()).reference();
    block(round + 1, author, stamp, vec![nobodys])
}

#[test]
fn a_second_peer_is_asked_after_twice_the_usual_time() {
    let mut asker = Asker::new(4);
    let (child, parent) = orphan(2, 1);
    asker.take(&child, 2);
    assert!(asker.asks(1_000).is_empty(), "most are on their way");
    let asked = asker.asks(1_005);
    assert_eq!(asked, [(1, 2, parent.reference())], "who sent the child");
    assert!(asker.asks(1_304).is_empty());
    let hedged = asker.asks(1_305);
    assert_eq!(hedged, [(2, 1, parent.reference())], "the next one, at 2 x 150 ms");
    // The first answer ends it; the slow one was measured, and is asked no sooner for that.
    asker.answer(2, 1, &[parent]);
    assert!(asker.dag.missing().is_empty() && asker.dag.suspended_count() == 0);
    assert!(asker.asks(1_310).is_empty());
    // A peer that has answered in 5 ms many times is not waited for longer than it needs.
    let mut at = 2_000;
    for stamp in 10..40 {
        let (child, parent) = orphan(2, stamp);
        asker.now = at;
        asker.take(&child, 2);
        let (id, from, _) = asker.asks(at + 5)[0];
        assert_eq!(from, 2);
        asker.now = at + 10;
        asker.answer(id, 2, &[parent]);
        assert!(asker.asks(at + 10).is_empty());
        at += 100;
    }
    let (child, _) = orphan(2, 99);
    asker.now = at;
    asker.take(&child, 2);
    assert_eq!(asker.asks(at + 5)[0].1, 2);
    assert_eq!(asker.asks(at + 45).len(), 1, "hedged after about 20 ms");
}

#[test]
fn whoever_gives_nothing_goes_last() {
    let mut asker = Asker::new(4);
    let (child, parent) = orphan(2, 1);
    asker.take(&child, 2);
    let (id, from, _) = asker.asks(1_005)[0];
    assert_eq!(from, 2);
    // Useless: blocks that are known already. The next is asked at once.
    asker.answer(id, 2, &[child]);
    let (id, from, _) = asker.asks(1_006)[0];
    assert_eq!(from, 1);
    // Wrong, or no answer at all: likewise.
    asker.fetches.failed(id, Time(1_007));
    let (id, from, _) = asker.asks(1_007)[0];
    assert_eq!(from, 3);
    asker.answer(id, 3, &[parent]);
    assert!(asker.asks(1_008).is_empty());
    // Whatever 2 sends from now on, it is asked after 3; and so is 1.
    let (child, parent) = orphan(2, 7);
    asker.take(&child, 2);
    let (id, from, _) = asker.asks(1_100)[0];
    assert_eq!(from, 3);
    asker.fetches.failed(id, Time(1_101));
    let (id, from, _) = asker.asks(1_101)[0];
    assert_eq!(from, 2, "of those with one failure the one who sent it");
    asker.answer(id, 2, &[parent]);
    let (child, _) = orphan(2, 8);
    asker.take(&child, 2);
    assert_eq!(asker.asks(1_200)[0].1, 2, "forgiven, since it helped");
}

/// A peer that answers with what can only be suspended leads down level by level: once.
#[test]
fn level_by_level_answers_cost_their_sender() {
    let mut asker = Asker::new(4);
    let chain: Vec<VerifiedBlock> = (1..=6).fold(Vec::new(), |mut chain: Vec<_>, round| {
        let parents =
            chain.last().map_or(genesis(4), |last: &VerifiedBlock| vec![last.reference()]);
        chain.push(block(round, 1, 0, parents));
        chain
    });
    asker.take(&chain[5], 2);
    let (id, from, _) = asker.asks(1_005)[0];
    assert_eq!(from, 2);
    asker.answer(id, 2, &chain[4..5]);
    let (id, from, target) = asker.asks(1_006)[0];
    assert_eq!((from, target), (1, chain[3].reference()), "at once, and of another peer");
    asker.answer(id, 1, &chain[..4]);
    assert_eq!((asker.dag.suspended_count(), asker.dag.highest_round()), (0, 6));
}

/// Every request is taken up by made-up parents that nobody can give: what is real is asked for all the
/// same, soon.
#[test]
fn made_up_parents_keep_nothing_out() {
    let mut asker = Asker::new(4);
    let mut at = 1_000;
    for number in 0..3 {
        asker.now = at;
        asker.take(&made_up(3, 50 + number, 0), 3);
        assert_eq!(asker.asks(at + 5).len(), 1);
        at += 6;
    }
    let (child, parent) = orphan(2, 1);
    asker.now = at;
    asker.take(&child, 2);
    let begin = at;
    let asked_at = loop {
        let asked = asker.asks(at);
        if let Some((id, from, _)) = asked.iter().find(|asked| asked.2 == parent.reference()) {
            asker.answer(*id, *from, std::slice::from_ref(&parent));
            break at;
        }
        at += 1;
        assert!(at < begin + 2_000, "never asked for");
    };
    assert!(asked_at - begin <= 700, "two peers' silence: {} ms", asked_at - begin);
    assert!(asker.dag.node(&child.reference()).is_some());
    // The made-up ones are asked for ever more seldom.
    let times = |asker: &mut Asker, from: u64| -> usize {
        (from..from + 10_000).map(|at| asker.asks(at).len()).sum()
    };
    let early = times(&mut asker, at);
    let late = times(&mut asker, at + 60_000);
    assert!(late > 0 && early < 60 && late <= early, "{early}, then {late} questions in 10 s");
}

/// 47: random histories, lost answers, useless peers; in the end nothing stays suspended.
#[test]
fn nothing_stays_suspended_case_47() {
    for seed in 1..=40 {
        let mut random = super::network::Random::new(seed);
        let mut asker = Asker::new(4);
        // The peers' DAG: full rounds with a hole here and there.
        let mut rounds: Vec<Vec<VerifiedBlock>> = Vec::new();
        for round in 1..=30 {
            let before: Vec<BlockRef> = match rounds.last() {
                Some(last) => last.iter().map(VerifiedBlock::reference).collect(),
                None => genesis(4),
            };
            let holes = random.below(2);
            let authors = (0..4).filter(|author| *author != random.below(4) || holes == 0);
            let made: Vec<VerifiedBlock> =
                authors.map(|a| block(round, a as AuthorIndex, 0, before.clone())).collect();
            rounds.push(made);
        }
        let all: Vec<&VerifiedBlock> = rounds.iter().flatten().collect();
        let find = |r: &BlockRef| all.iter().find(|block| block.reference() == *r).copied();
        // Half of the blocks arrive, in any order.
        for block in &all {
            if random.below(2) == 0 {
                asker.take(block, 1 + random.below(3) as AuthorIndex);
            }
        }
        let top = rounds.last().unwrap()[0].clone();
        asker.take(&top, 1);
        let begin = asker.now;
        while asker.dag.suspended_count() > 0 {
            let (effects, wake_at) = asker.fetches.advance(&asker.dag, Time(asker.now));
            for effect in effects {
                let Effect::Fetch { id, from, request } = effect else { panic!("{effect:?}") };
                match random.below(10) {
                    // Lost; failed; useless; late and lowest first; whole.
                    0 | 1 => {}
                    2 => asker.fetches.failed(id, Time(asker.now)),
                    3 => asker.answer(id, from, &[]),
                    kind => {
                        let mut wanted = std::collections::BTreeSet::new();
                        let mut open = request.targets.clone();
                        while let Some(reference) = open.pop() {
                            let lacked = request.targets.contains(&reference)
                                || reference.round
                                    > request.frontier[usize::from(reference.author)];
                            let held = find(&reference).filter(|_| lacked);
                            if let Some(held) = held.filter(|_| wanted.insert(reference)) {
                                open.extend(held.header().parents.iter().copied());
                            }
                        }
                        let most = if kind < 7 { 5 } else { usize::MAX };
                        let blocks: Vec<VerifiedBlock> =
                            wanted.iter().take(most).filter_map(|r| find(r).cloned()).collect();
                        asker.answer(id, from, &blocks);
                    }
                }
            }
            asker.dag.check();
            asker.now = wake_at.map_or(asker.now + 1, |at| at.0.max(asker.now + 1));
            assert!(asker.now < begin + 60_000, "still suspended, seed {seed}");
        }
        assert!(asker.dag.missing().is_empty(), "seed {seed}");
        assert!(asker.dag.node(&top.reference()).is_some(), "seed {seed}");
    }
}
