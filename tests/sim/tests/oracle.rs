//! The core against the reference decider (PROTOCOL §12: 11, 19, 21, 25 to 27, 29): random DAGs under many
//! orders of delivery, each answer compared byte for byte. `SEEDS=10000` asks more of it than CI does;
//! `SEED=7` is one of them.

use std::collections::{BTreeMap, BTreeSet};

use pollen_ledger::genesis::CommitOrder;
use pollen_ledger::{BlockRef, Hash, VerifiedBlock};
use pollen_sim::drawing::{Chain, to_text};
use pollen_sim::random::Random;
use pollen_sim::random_dag::{Shape, delivery};
use pollen_sim::reference::{Answer, Counts, ProbationRules, Reference};
use pollen_sim::watched_core::WatchedCore;

/// How blocks come to a core, and when it is looked at.
struct Delivery {
    order: Vec<VerifiedBlock>,
    /// After so many blocks its answer is compared.
    compared: Vec<usize>,
    /// After so many blocks it crashes, and goes on from its store.
    restarted: Vec<usize>,
    /// All in one input, none of the above.
    at_once: bool,
}

impl Delivery {
    /// Says what the core answered otherwise than the reference, whose answer to all blocks is given.
    fn difference(&self, chain: &Chain, whole: &Answer) -> Option<String> {
        let mut follower = WatchedCore::following(chain);
        if self.at_once {
            follower.deliver_all(&self.order);
        }
        for (place, block) in self.order.iter().enumerate().filter(|_| !self.at_once) {
            follower.deliver(block);
            if self.restarted.contains(&place) {
                follower = follower.restarted(chain);
            }
            if self.compared.contains(&place)
                && let Some(difference) = accepted_difference(chain, &follower)
            {
                return Some(format!("after {} blocks: {difference}", place + 1));
            }
        }
        // A crash loses what waits for parents; peers send it again.
        if !self.restarted.is_empty() {
            self.order.iter().for_each(|block| follower.deliver(block));
        }
        follower.settle(&self.order);
        accepted_difference(chain, &follower).or_else(|| self.whole_difference(&follower, whole))
    }

    /// What a core never accepted, because it was below gc when it came or the third of its slot and named
    /// by nobody, changes nothing: at most the end of the DAG is decided later.
    fn whole_difference(&self, follower: &WatchedCore, whole: &Answer) -> Option<String> {
        let accepted: BTreeSet<BlockRef> =
            follower.accepted.iter().map(VerifiedBlock::reference).collect();
        let gc_round = follower.status().gc_round;
        let mut variants: BTreeMap<(u32, u16), usize> = BTreeMap::new();
        for block in &self.order {
            *variants.entry((block.round(), block.author())).or_default() += 1;
        }
        let mut dropped = self.order.iter().filter(|block| !accepted.contains(&block.reference()));
        let unfit = dropped.clone().find(|block| {
            block.round() > gc_round && variants[&(block.round(), block.author())] < 3
        });
        if let Some(block) = unfit {
            return Some(format!("{:?} was never accepted", block.reference()));
        }
        if dropped.all(|block| block.round() <= gc_round) {
            return follower.difference(whole);
        }
        let prefix = whole.commits.get(..follower.commits.len());
        let same = |commits: &[pollen_sim::reference::Ordered]| {
            let digests = commits.iter().map(|commit| commit.digest);
            digests.eq(follower.commits.iter().map(|commit| commit.digest))
        };
        (!prefix.is_some_and(same)).then(|| "commits that the whole DAG does not have".to_owned())
    }

    /// Leaves out blocks, each with all that follow from it, as long as the answers differ; last blocks
    /// first. Compares after every block.
    fn minimise(&self, chain: &Chain) -> Vec<VerifiedBlock> {
        let mut smallest = self.order.clone();
        let mut place = smallest.len();
        while place > 0 {
            place -= 1;
            let Some(left_out) = smallest.get(place) else { continue };
            let mut gone = BTreeSet::from([left_out.reference()]);
            let mut sorted: Vec<&VerifiedBlock> = smallest.iter().collect();
            sorted.sort_by_key(|block| block.round());
            for block in sorted {
                if block.header().parents.iter().any(|parent| gone.contains(parent)) {
                    gone.insert(block.reference());
                }
            }
            let mut order = smallest.clone();
            order.retain(|block| !gone.contains(&block.reference()));
            let compared = (0..order.len()).collect();
            let whole = Reference::new(chain, &order).answer();
            let less =
                Self { order, compared, restarted: self.restarted.clone(), at_once: self.at_once };
            if less.difference(chain, &whole).is_some() {
                smallest = less.order;
            }
        }
        smallest
    }
}

/// Compares with what the blocks that the core has accepted say.
fn accepted_difference(chain: &Chain, follower: &WatchedCore) -> Option<String> {
    follower.difference(&Reference::new(chain, &follower.accepted).answer())
}

fn check_seed(seed: u64) -> Counts {
    let mut random = Random::drawn(seed);
    let shape = Shape::of(&mut random);
    let chain = shape.chain();
    let blocks = shape.blocks(&mut random);
    let whole = Reference::new(&chain, &blocks).answer();
    for how in 0..6 {
        let mut places = |count: u64| -> Vec<usize> {
            (0..count).map(|_| random.below(blocks.len() as u64) as usize).collect()
        };
        let (compared, restarted) = (places(2), places(how % 3));
        let order = delivery(&blocks, how, &mut random);
        let delivery = Delivery { order, compared, restarted, at_once: how == 4 };
        if let Some(difference) = delivery.difference(&chain, &whole) {
            let smallest = delivery.minimise(&chain);
            panic!("SEED={seed}, delivery {how}, {shape:?}: {difference}\n{}", to_text(&smallest));
        }
    }
    whole.counts
}

#[test]
fn random_dags_are_ordered_as_the_reference_says() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    if let Some(seed) = number("SEED") {
        check_seed(seed);
        return;
    }
    let mut counts = Counts::default();
    (1..=number("SEEDS").unwrap_or(200)).for_each(|seed| counts.add(&check_seed(seed)));
    println!("{counts:?}");
    // The DAGs reach what is rare.
    assert!(counts.direct_commits > 5_000 && counts.direct_skips > 1_000, "{counts:?}");
    assert!(counts.indirect_commits > 200 && counts.indirect_skips > 500, "{counts:?}");
    assert!(counts.ignored > 500 && counts.below_gc > 100, "{counts:?}");
    assert!(counts.skipped_rounds > 0 && counts.medians_of_parents > 500, "{counts:?}");
    if ProbationRules::of(&Chain::new(&[1])).is_some() {
        assert!(counts.probations > 50, "{counts:?}");
    }
}

/// The comparison is worth something: under other rules the reference says something else, and that is
/// noticed.
#[test]
fn other_rules_are_noticed() {
    let changes: [fn(&mut Chain); 3] = [
        |chain| chain.parameters.gc_depth = 60,
        |chain| chain.parameters.commit_order = CommitOrder::FirstCommit,
        |chain| chain.chain_id = Hash::ZERO,
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let noticed = (1..=200).find(|seed| {
            let mut random = Random::drawn(*seed);
            let mut shape = Shape::of(&mut random);
            (shape.gc_depth, shape.order, shape.weak_percent) = (4, CommitOrder::AllSlots, 50);
            // So that the core accepts everything.
            shape.equivocators.clear();
            let blocks = shape.blocks(&mut random);
            let chain = shape.chain();
            let mut other = chain.clone();
            change(&mut other);
            let mut core = WatchedCore::following(&chain);
            core.deliver_all(&blocks);
            core.difference(&Reference::new(&other, &blocks).answer()).is_some()
        });
        println!("change {number} is noticed by seed {noticed:?}");
        assert!(noticed.is_some(), "change {number}");
    }
}
