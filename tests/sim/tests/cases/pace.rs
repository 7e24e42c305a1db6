//! Cases 31, 37 and 39: one validator's pace. A is a real core that wakes when it wished to and at no other
//! time; the others do what the test says.

use std::collections::BTreeMap;

use pollen_ledger::ordering::{Recovered, Time};
use pollen_ledger::{AuthorIndex, BlockRef, VerifiedBlock};
use pollen_sim::drawing::{BEGIN_MS, Chain, Drawing};
use pollen_sim::random::Random;
use pollen_sim::random_dag::delivery;
use pollen_sim::watched_core::WatchedCore;

fn unsigned(size: usize) -> Chain {
    let mut chain = Chain::new(&vec![1; size]);
    chain.signed = false;
    chain
}

fn validator(chain: &Chain) -> WatchedCore {
    WatchedCore::start(chain, Some(0), Time(BEGIN_MS + 10_000), Recovered::default())
}

/// Its blocks are of rounds 1, 2, 3 and so on, each on the one before.
fn assert_no_gaps(core: &WatchedCore, seed: u64) {
    for (place, block) in core.proposed.iter().enumerate() {
        assert_eq!(block.round(), place as u32 + 1, "seed {seed}: a round is left out");
        let own = block.header().parents[0];
        assert_eq!(own.author, 0);
        let before = place.checked_sub(1).map(|before| core.proposed[before].reference());
        assert!(before.is_none_or(|before| before == own), "seed {seed}: not on its last block");
    }
}

/// The others are forty rounds ahead, and what they made comes in any order, in bursts, with restarts
/// between: A makes a block of every round, one after the other, and ends a round above them.
#[test]
fn case_31_no_gaps_in_ones_own_chain() {
    let mut dag = Drawing::on(unsigned(4));
    dag.draw("Round 1 : { B -> [*], C -> [*], D -> [*] }  Rounds 2-40 : { BCD -> [BCD] }");
    for seed in 1..=40 {
        let mut random = Random::drawn(seed);
        let mut core = validator(&dag.chain);
        if random.percent(50) {
            core.sleep(core.now.plus_ms(2_000));
        }
        let order = delivery(&dag.blocks(), seed % 12, &mut random);
        let mut rest = &order[..];
        while !rest.is_empty() {
            let burst = (1 + random.below(40) as usize).min(rest.len());
            core.deliver_all(&rest[..burst]);
            rest = &rest[burst..];
            core.sleep(core.now.plus_ms(random.below(50)));
            if random.percent(10) {
                core = core.restarted(&dag.chain);
            }
            assert_no_gaps(&core, seed);
        }
        // What waited for parents did not outlive a restart.
        core.deliver_all(&dag.blocks());
        core.settle(&dag.blocks());
        core.sleep(core.now.plus_ms(10_000));
        assert_no_gaps(&core, seed);
        assert!(core.proposed.len() >= 41, "seed {seed}: only {} blocks", core.proposed.len());
    }
}

/// A among others whose blocks a test makes by hand, round by round.
struct Stage {
    chain: Chain,
    core: WatchedCore,
    /// Of the others, the blocks of the last round; by author.
    last: BTreeMap<AuthorIndex, BlockRef>,
    round: u32,
}

impl Stage {
    /// The others are B and as many as come behind it.
    fn new(size: usize, others: AuthorIndex) -> Self {
        let chain = unsigned(size);
        let genesis = |author| (author, chain.genesis(author).reference());
        let last = (1..=others).map(genesis).collect();
        let core = validator(&chain);
        Self { chain, core, last, round: 0 }
    }

    /// A's block of the last round, once A has made it; A is woken when it wished so.
    fn own(&mut self) -> BlockRef {
        let until = self.core.now.plus_ms(60_000);
        while self.core.proposed.len() < self.round as usize {
            assert!(self.core.now < until, "A makes no block of round {}", self.round);
            self.core.sleep(self.core.now.plus_ms(1));
        }
        match self.round {
            0 => self.chain.genesis(0).reference(),
            round => self.core.proposed[round as usize - 1].reference(),
        }
    }

    /// Each from its author's own hand.
    fn deliver(&mut self, blocks: &[VerifiedBlock]) {
        blocks.iter().for_each(|block| self.core.deliver(block));
    }

    /// The others' blocks of the next round; each names A's block and all of the others but those left
    /// out. The first carries a transaction in round 1, so that A is never idle: nothing is executed here.
    fn blocks(
        &mut self,
        own: BlockRef,
        mut leaves_out: impl FnMut(AuthorIndex) -> Vec<AuthorIndex>,
    ) -> Vec<VerifiedBlock> {
        self.round += 1;
        let transactions = match self.round {
            1 => vec![self.chain.transaction(1)],
            _ => Vec::new(),
        };
        let mut made = Vec::new();
        for author in self.last.keys().copied().collect::<Vec<_>>() {
            let out = leaves_out(author);
            let mut parents = vec![self.last[&author]];
            let mut others: Vec<BlockRef> = self.last.values().copied().collect();
            others.push(own);
            if self.round == 1 {
                let first = 1 + self.last.len() as AuthorIndex;
                let silent = first..self.chain.committee.size() as AuthorIndex;
                others.extend(silent.map(|author| self.chain.genesis(author).reference()));
            }
            others.retain(|parent| parent.author != author && !out.contains(&parent.author));
            parents.extend(others);
            let carried = if author == 1 { &transactions[..] } else { &[] };
            let stamp = self.core.now.0;
            made.push(self.chain.block(self.round, author, stamp, parents, carried));
        }
        self.last = made.iter().map(|block| (block.author(), block.reference())).collect();
        made
    }
}

/// The blocks of a round come before A's own block of it, after it, or on both sides of it, in every order
/// and with one missing or none: whatever completes the quorum, A goes on to the next round without anything
/// else coming in. When all are there at once; when one is missing, as soon as the wait is over.
#[test]
fn case_37_a_quorum_after_ones_own_proposal_still_signals() {
    let orders = [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]];
    for order in orders {
        for (early, missing) in [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)] {
            let told = format!("order {order:?}, {early} early, {missing} missing");
            let mut stage = Stage::new(4, 3);
            // Some full rounds, after which round 9 is the one of interest.
            for _ in 0..8 {
                let own = stage.own();
                let blocks = stage.blocks(own, |_| Vec::new());
                stage.own();
                stage.deliver(&blocks);
            }
            let own = stage.own();
            let blocks = stage.blocks(own, |_| Vec::new());
            let block = |author: AuthorIndex| &blocks[usize::from(author) - 1];
            assert_eq!(stage.core.proposed.len(), 8, "{told}: its least delay is not over");
            let (before, after) = order[..3 - missing].split_at(early);
            before.iter().for_each(|author| stage.core.deliver(block(*author)));
            let proposed = stage.own().round;
            assert_eq!((proposed, stage.core.proposed.len()), (9, 9), "{told}");
            let mut quorum_at = stage.core.now;
            for (place, author) in after.iter().enumerate() {
                assert_eq!(stage.core.proposed.len(), 9, "{told}: A goes on without a quorum");
                stage.core.sleep(stage.core.now.plus_ms(7));
                stage.core.deliver(block(*author));
                if early + place + 1 == 2 {
                    quorum_at = stage.core.now;
                }
                // The third block comes 7 ms after the quorum, before any wait is over.
            }
            let last_at = stage.core.now;
            let waits_ms = if missing == 0 { 1 } else { 400 };
            stage.core.sleep(last_at.plus_ms(1_000));
            assert_eq!(stage.core.proposed.len(), 10, "{told}: round 10 is never made");
            let at = stage.core.proposed_at[9];
            assert!(at >= last_at, "{told}");
            let since = if missing == 0 { last_at } else { quorum_at };
            assert!(at.since_ms(since) <= waits_ms, "{told}: {} ms", at.since_ms(since));
        }
    }
}

/// The same when the block that completes the quorum was there before, and waited for a parent.
#[test]
fn case_37_a_quorum_by_a_block_that_waited() {
    let mut stage = Stage::new(4, 3);
    for _ in 0..8 {
        let own = stage.own();
        let blocks = stage.blocks(own, |_| Vec::new());
        stage.own();
        stage.deliver(&blocks);
    }
    // D's block of round 9 is late; B's and C's of round 10 name it.
    let own = stage.own();
    let ninth = stage.blocks(own, |_| Vec::new());
    let own = stage.own();
    stage.deliver(&ninth[..2]);
    let tenth = stage.blocks(own, |_| Vec::new());
    stage.own();
    assert_eq!(stage.core.proposed.len(), 10);
    stage.deliver(&tenth[..2]);
    stage.core.sleep(stage.core.now.plus_ms(1_000));
    assert_eq!((stage.core.proposed.len(), stage.core.status().suspended), (10, 2));
    stage.core.deliver(&ninth[2]);
    stage.core.sleep(stage.core.now.plus_ms(400));
    assert_eq!((stage.core.proposed.len(), stage.core.status().suspended), (11, 0));
}

/// Rounds that come at once but make no commit: each of the others leaves out two, and every block is left
/// out by somebody, so that no block has certificates enough. J is silent.
fn stall(stage: &mut Stage, random: &mut Random, rounds: usize) -> Vec<u64> {
    let mut waits_ms = Vec::new();
    for _ in 0..rounds {
        let own = stage.own();
        let first = 1 + random.below(8) as AuthorIndex;
        let second = 1 + (first + random.below(7) as AuthorIndex) % 8;
        assert_ne!(first, second);
        let blocks = stage.blocks(own, |author| vec![(author + first) % 9, (author + second) % 9]);
        waits_ms.push(next_wait_ms(stage, &blocks));
    }
    waits_ms
}

/// How long A waits after a round that is there at once, but for J.
fn next_wait_ms(stage: &mut Stage, blocks: &[VerifiedBlock]) -> u64 {
    let last = stage.own();
    stage.deliver(blocks);
    let at = stage.core.proposed_at[last.round as usize - 1];
    let until = stage.core.now.plus_ms(60_000);
    while stage.core.proposed.len() == last.round as usize {
        assert!(stage.core.now < until, "A makes no block after round {}", last.round);
        stage.core.sleep(stage.core.now.plus_ms(1));
    }
    stage.core.proposed_at[last.round as usize].since_ms(at)
}

/// Without commits the wait for J, who is silent, grows with the square of the rounds since the last commit
/// to 10 s; with commits it is over at once, and the next time it grows from the beginning.
#[test]
fn case_39_recovery_wait_grows_and_resets() {
    let mut random = Random::drawn(39);
    let mut stage = Stage::new(10, 8);
    let go_on = |stage: &mut Stage, rounds: usize| -> Vec<u64> {
        let round = |_| {
            let own = stage.own();
            let blocks = stage.blocks(own, |_| Vec::new());
            next_wait_ms(stage, &blocks)
        };
        (0..rounds).map(round).collect()
    };
    go_on(&mut stage, 20);
    let usual = go_on(&mut stage, 10);
    assert!(usual.iter().all(|ms| *ms <= 2), "nobody waits for who is silent: {usual:?}");
    let mut grown = Vec::new();
    for time in 0..2 {
        let commits = stage.core.commits.len();
        let waits = stall(&mut stage, &mut random, 38);
        assert!(stage.core.commits.len() <= commits + 3, "nothing of these rounds is committed");
        assert!(stage.core.status().recovering, "time {time}: {waits:?}");
        let begin = waits.iter().position(|ms| *ms > 2).expect("it waits for J as well");
        assert!(begin <= 10, "time {time}: {waits:?}");
        assert_eq!(waits.iter().max(), Some(&10_000), "time {time}: {waits:?}");
        assert!(waits[begin..].is_sorted(), "time {time}: {waits:?}");
        // 20 ms times the square of a gap that is one more each round.
        let below: Vec<u64> = waits[begin..].iter().copied().filter(|ms| *ms < 10_000).collect();
        let gaps: Vec<u64> = below.iter().map(|ms| (ms / 20).isqrt()).collect();
        assert!(gaps.iter().zip(&below).all(|(gap, ms)| 20 * gap * gap == *ms), "{below:?}");
        assert!(gaps.windows(2).all(|pair| pair[1] == pair[0] + 1), "time {time}: {waits:?}");
        assert!(gaps.len() >= 8, "time {time}: {waits:?}");
        let after = go_on(&mut stage, 12);
        assert!(stage.core.commits.len() > commits + 20, "all of it is committed now");
        assert!(!stage.core.status().recovering);
        assert!(after[8..].iter().all(|ms| *ms <= 2), "time {time}: {after:?}");
        grown.push(gaps[0]);
    }
    assert!(grown[0] <= 12 && grown[0].abs_diff(grown[1]) <= 2, "from the beginning: {grown:?}");
}
