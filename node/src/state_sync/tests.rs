//! What is decided without a network: which snapshot, whom to ask, what an answer is worth.

use std::collections::BTreeMap;
use std::time::Duration;

use pollen_ledger::Hash;

use super::offers::{Choice, Offers};
use super::plan::{Plan, Work};
use super::progress::left;

fn chunk(part: u8) -> Work {
    let mut from = Hash::ZERO;
    from.0[0] = part << 4;
    Work::Chunk(from)
}

/// Four validators of stake 1: two of them have an honest one among them.
fn offers(peers: &[u8]) -> Offers<u8> {
    let mut offers = Offers::new(3, 2, 0);
    peers.iter().for_each(|peer| offers.connected(*peer, 1));
    offers
}

/// A new chain must not wait for snapshots that cannot be: one word that nobody lies about is enough.
#[test]
fn a_chain_without_snapshots_begins_at_once() {
    let mut offers = offers(&[1, 2]);
    assert_eq!(offers.choose(0), Choice::Wait);
    offers.answered(&1, vec![], 10);
    assert_eq!(offers.choose(10), Choice::Wait, "one of the two may lie");
    offers.answered(&2, vec![], 20);
    assert!(matches!(offers.choose(20), Choice::Genesis(_)));
}

/// A node that can reach one peer alone has to take its word, after a while.
#[test]
fn one_answer_of_none_is_believed_when_no_other_comes() {
    let mut offers = offers(&[1]);
    offers.answered(&1, vec![], 100);
    assert_eq!(offers.choose(3_000), Choice::Wait);
    assert!(matches!(offers.choose(3_100), Choice::Genesis(_)));
    let mut alone = Offers::new(1, 2, 0);
    alone.connected(7, 0);
    alone.answered(&7, vec![], 1);
    assert!(matches!(alone.choose(1), Choice::Genesis(_)), "nobody else can come");
}

/// Without anybody to ask a node must start all the same: it may be the first one.
#[test]
fn without_any_peer_it_begins_at_genesis_after_a_while() {
    let offers = offers(&[]);
    assert_eq!(offers.choose(4_999), Choice::Wait);
    assert!(matches!(offers.choose(5_000), Choice::Genesis(_)));
}

/// Any number of peers that deny a snapshot do not hide one: it is proved, they are not.
#[test]
fn a_snapshot_outweighs_answers_of_none() {
    let mut offers = offers(&[1, 2, 3]);
    offers.answered(&1, vec![], 0);
    offers.answered(&2, vec![], 0);
    offers.answered(&3, vec![500], 0);
    assert_eq!(offers.choose(0), Choice::Take { height: 500, holders: vec![3] });
}

/// What several have can be taken from several; a height that one alone claims may be made up.
#[test]
fn what_several_have_goes_before_what_is_newer() {
    let mut offers = offers(&[1, 2, 3]);
    offers.answered(&1, vec![900, 800], 0);
    assert_eq!(offers.choose(10), Choice::Wait, "the others may have as much");
    offers.answered(&2, vec![800, 700], 10);
    offers.answered(&3, vec![700], 10);
    assert_eq!(offers.choose(10), Choice::Take { height: 800, holders: vec![1, 2] });
    offers.gone(&2);
    offers.gone(&3);
    assert_eq!(offers.choose(1_010), Choice::Take { height: 900, holders: vec![1] });
}

/// A liar with a height that it cannot prove must not keep a node from the snapshots of the others, nor an
/// honest one that was busy from being asked again.
#[test]
fn who_shows_no_head_is_not_heard_for_a_while() {
    let mut offers = offers(&[1, 2, 3]);
    offers.answered(&1, vec![u64::MAX], 0);
    offers.answered(&2, vec![], 0);
    offers.answered(&3, vec![], 0);
    assert_eq!(offers.best(0), Some(u64::MAX));
    offers.failed(&1, 0);
    assert_eq!(offers.best(0), None);
    assert_eq!(offers.choose(1_999), Choice::Wait, "it may have it yet");
    offers.answered(&3, vec![500], 100);
    assert_eq!(offers.choose(100), Choice::Take { height: 500, holders: vec![3] });
    assert_eq!(offers.best(2_000), Some(u64::MAX));
    offers.failed(&1, 2_000);
    assert_eq!((offers.best(5_999), offers.best(6_000)), (Some(500), Some(u64::MAX)));
    offers.shown(&1);
    offers.failed(&1, 7_000);
    assert_eq!(offers.best(9_000), Some(u64::MAX), "what it showed meanwhile counts");
}

/// Story: two peers that anybody can start named the same high height and showed nothing; each time that they
/// were asked took ten seconds, and five seconds later that height was the best one again, for ever.
#[test]
fn liars_of_any_number_cost_a_bounded_time() {
    let mut offers = offers(&[1, 2]);
    let liars: Vec<u8> = (10..30).collect();
    for peer in &liars {
        offers.connected(*peer, 0);
        offers.answered(peer, vec![u64::MAX], 0);
    }
    offers.answered(&1, vec![800], 0);
    offers.answered(&2, vec![800], 0);
    assert_eq!(offers.choose(1_000), Choice::Take { height: 800, holders: vec![1, 2] });
    // Among peers without a key of the committee there is nothing to choose by but whether they show it. They
    // may come anew, and name another height each time.
    offers.connected(1, 0);
    offers.connected(2, 0);
    let (mut now_ms, mut asked) = (1_000, 0);
    while now_ms < 3_600_000 {
        offers.answered(&1, vec![800], now_ms);
        offers.answered(&2, vec![800], now_ms);
        for peer in &liars {
            offers.gone(peer);
            offers.connected(*peer, 0);
            offers.answered(peer, vec![u64::MAX - now_ms], now_ms);
        }
        let Choice::Take { height, holders } = offers.choose(now_ms) else { panic!("at {now_ms}") };
        now_ms += 1_000;
        if height != 800 {
            asked += 1;
            now_ms += 5_000;
            holders.iter().for_each(|peer| offers.failed(peer, now_ms));
        }
    }
    assert!((5..20).contains(&asked), "asked {asked} times in an hour");
}

/// Story: on a young chain, where nobody has a snapshot, one liar kept every new node waiting for its own.
#[test]
fn a_snapshot_that_nobody_shows_is_given_up() {
    let mut offers = offers(&[1, 2]);
    offers.connected(9, 0);
    offers.answered(&1, vec![], 0);
    offers.answered(&2, vec![], 0);
    offers.answered(&9, vec![7_000], 0);
    let mut now_ms = 1_000;
    let mut tried = 0;
    while !matches!(offers.choose(now_ms), Choice::Genesis(_)) {
        offers.answered(&9, vec![7_000 + now_ms], now_ms);
        if let Choice::Take { holders, .. } = offers.choose(now_ms) {
            assert_eq!(holders, [9]);
            offers.failed(&9, now_ms);
            tried += 1;
        }
        now_ms += 100;
    }
    assert!(tried == 3 && now_ms < 10_000, "{tried} times, until {now_ms}");
}

/// The work of sixteen parts is spread over all who have the snapshot, and bounded.
#[test]
fn the_work_is_shared_evenly_and_bounded() {
    let mut plan = Plan::new();
    (0..4u8).for_each(|peer| plan.set(peer, true));
    let open: Vec<Work> = (0..16).map(chunk).collect();
    let mut asked: BTreeMap<u8, Vec<Work>> = BTreeMap::new();
    while let Some((work, peer)) = plan.next(&open, 0) {
        asked.entry(peer).or_default().push(work);
    }
    assert_eq!(asked.values().map(Vec::len).collect::<Vec<_>>(), [3, 3, 3, 3]);
    let mut works: Vec<Work> = asked.values().flatten().copied().collect();
    works.sort();
    works.dedup();
    assert_eq!(works.len(), 12, "no piece is asked for twice");
    let (peer, work) = (0, asked[&0][0]);
    plan.answered(&work, &peer, 10);
    assert_eq!(plan.next(&open[12..], 10), Some((open[12], 0)), "who is free gets the next piece");
}

/// A peer that does not answer costs what a second question takes, not the rest of its time.
#[test]
fn a_slow_peer_is_overtaken_by_one_other() {
    let mut plan = Plan::new();
    (1..=3u8).for_each(|peer| plan.set(peer, true));
    let open = [chunk(0)];
    assert_eq!(plan.next(&open, 0), Some((open[0], 1)));
    assert_eq!(plan.next(&open, 2_999), None, "nobody knows yet how long an answer takes");
    assert_eq!(plan.next(&open, 3_000), Some((open[0], 2)));
    assert_eq!(plan.next(&open, 60_000), None, "two are enough");
    plan.answered(&open[0], &2, 3_010);
    // Its answers take 10 ms: the next wait is the least one.
    let next = [chunk(1)];
    assert_eq!(plan.next(&next, 3_010).map(|(_, peer)| peer), Some(3));
    assert_eq!(plan.next(&next, 3_509), None);
    assert_eq!(plan.next(&next, 3_510).map(|(_, peer)| peer), Some(2));
}

/// A peer that fails is asked less and later; it is asked again.
#[test]
fn who_fails_is_left_alone_for_longer_each_time() {
    let mut plan = Plan::new();
    plan.set(1u8, true);
    let open = [chunk(0)];
    let mut now_ms = 0;
    let mut pauses = Vec::new();
    for _ in 0..8 {
        assert!(plan.next(&open, now_ms).is_some());
        plan.failed(&open[0], &1, now_ms);
        let failed_ms = now_ms;
        while plan.next(&open, now_ms).is_none() {
            now_ms += plan.look_again_ms(now_ms);
        }
        pauses.push(now_ms - failed_ms);
        plan.failed(&open[0], &1, now_ms);
        now_ms += 20_000;
    }
    assert!(pauses.is_sorted() && pauses[0] >= 400 && pauses[7] <= 11_000, "{pauses:?}");
}

/// What a peer that lied was asked for goes to somebody else at once, and it is asked nothing any more.
#[test]
fn who_lied_is_no_source_and_its_part_is_asked_elsewhere() {
    let mut plan = Plan::new();
    (1..=2u8).for_each(|peer| plan.set(peer, true));
    let open = [chunk(0)];
    assert_eq!(plan.next(&open, 0), Some((open[0], 1)));
    plan.remove(&1);
    assert_eq!(plan.next(&open, 0), Some((open[0], 2)));
    assert_eq!(plan.holders(), 1);
    // Its late answer changes nothing.
    plan.answered(&open[0], &1, 5);
    assert_eq!(plan.next(&open, 5), None);
}

/// A snapshot that its holder pruned is not asked of it; blocks and code still are, and again when all
/// said that they have them not.
#[test]
fn who_lost_the_snapshot_may_still_have_blocks_and_code() {
    let mut plan = Plan::new();
    plan.set(1u8, false);
    assert_eq!(plan.holders(), 0);
    let code = Work::Code(Hash([3; 32]));
    assert_eq!(plan.next(&[chunk(0), code], 0), Some((code, 1)));
    plan.lacking(&code, &1, 0);
    let next_ms = (0..20_000).find(|now_ms| plan.next(&[code], *now_ms).is_some());
    assert!(next_ms.is_some_and(|ms| ms > 0), "not at once, but again: {next_ms:?}");
    plan.set(2, true);
    assert_eq!(plan.next(&[chunk(0)], 0), Some((chunk(0), 2)));
}

/// What is shown of the time that is left must not be wild at the beginning, nor panic on any number.
#[test]
fn the_time_left_is_told_once_there_is_something_to_tell_it_by() {
    let second = Duration::from_secs(1);
    assert_eq!(left(0.0, 0.001, second), None);
    assert_eq!(left(0.0, 0.25, second), Some(3 * second));
    assert_eq!(left(0.5, 0.75, second), Some(second));
    assert_eq!(left(0.5, 0.4, second), None);
    assert_eq!(left(0.0, 0.5, Duration::ZERO), None);
}
