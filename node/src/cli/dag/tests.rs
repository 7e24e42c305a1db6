use std::collections::BTreeSet;

use pollen_ledger::Hash;
use pollen_rpc::api::{BlockName, DagBlock, DagEvidence, DagRound, DagRounds, DagSlot, SlotStatus};
use serde_json::json;

use super::follow::{Follower, News};
use super::picture::Picture;
use super::*;

fn block(author: u16, parents: &[(u16, u32)], transactions: u32) -> DagBlock {
    let parents = parents.iter().map(|(author, round)| BlockName {
        author: *author,
        round: *round,
        digest: Hash::ZERO,
    });
    DagBlock {
        author,
        digest: Hash::ZERO,
        time_ms: 0,
        parents: parents.collect(),
        transactions,
        committed: false,
    }
}

/// A slot a character: `c`ommitted, `s`kipped, `u`ndecided, on `p`robation.
fn slots(text: &str) -> Vec<DagSlot> {
    let slot = |(author, letter)| DagSlot {
        author,
        status: match letter {
            'c' => SlotStatus::Committed,
            's' | 'p' => SlotStatus::Skipped,
            _ => SlotStatus::Undecided,
        },
        on_probation: letter == 'p',
    };
    (0..).zip(text.chars()).map(slot).collect()
}

fn answer(rounds: Vec<DagRound>, committed_round: u32, oldest_round: u32) -> DagRounds {
    let round = rounds.last().map_or(committed_round, |round| round.round);
    DagRounds { rounds, committed_round, round, oldest_round, evidence: Vec::new() }
}

/// Rounds with these slots and no blocks.
fn rounds(all: &[(u32, &str)]) -> Vec<DagRound> {
    let round = |(round, text): &(u32, &str)| DagRound {
        round: *round,
        blocks: Vec::new(),
        slots: slots(text),
    };
    all.iter().map(round).collect()
}

fn picture(validators: usize, width: usize) -> Picture {
    Picture::new((0..validators).map(|author| format!("validator {author}")).collect(), width)
}

/// The picture tells strong from weak links, and how each slot stands.
#[test]
fn a_round_shows_blocks_links_and_slots() {
    let round = DagRound {
        round: 7,
        blocks: vec![block(0, &[(0, 6), (1, 6), (2, 4)], 3), block(2, &[(2, 6)], 0)],
        slots: slots("csupu"),
    };
    let names = ["a", "b", "c", "d", "e"].map(str::to_owned).into();
    let picture = Picture::new(names, WIDTH);
    let text = picture.round(&round, 6);
    assert_eq!(
        text,
        concat!(
            "       7 ●+3         ×           ○           ◇           ·\n",
            "         01(2)                   2\n"
        )
    );
    assert_eq!(picture.header(), "   round a           b           c           d           e\n");
    // Of a round that is output, a slot without a decision waits for nothing.
    assert!(picture.round(&round, 7).starts_with("       7 ●+3         ×           ?"));
    let mut dag = answer(vec![round], 6, 1);
    dag.evidence.push(DagEvidence { author: 1, round: 5, blocks: [Hash::ZERO; 2] });
    let text = draw(&dag, &picture);
    assert!(text.contains("newest round 7, committed up to round 6\n"), "{text}");
    let told = "  evidence: b (1) signed two blocks of round 5: 00000000 and 00000000\n";
    assert!(text.contains(told), "{text}");
}

/// Two blocks in one slot are marked, and the links of both are there, the committed one's first.
#[test]
fn both_blocks_of_an_equivocator_are_shown() {
    let mut second = block(1, &[(0, 6), (1, 6)], 0);
    second.committed = true;
    let blocks =
        vec![block(0, &[(0, 6), (1, 6), (2, 6)], 0), block(1, &[(1, 6), (2, 6)], 0), second];
    let round = DagRound { round: 7, blocks, slots: slots("ccs") };
    assert_eq!(
        picture(3, WIDTH).round(&round, 7),
        concat!(
            "       7 ●           ● x2!       ×\n",
            "         012         01\n",
            "                     12\n"
        )
    );
}

/// However many validators on however narrow a terminal: no line is wider, and every slot is there.
#[test]
fn no_committee_is_wider_than_the_terminal() {
    for width in [40, 80, 100, 213] {
        for validators in [1usize, 4, 7, 10, 16, 50, 100, 200] {
            let picture = picture(validators, width);
            let all: Vec<(u16, u32)> = (0..validators as u16).map(|author| (author, 6)).collect();
            let mut blocks: Vec<_> =
                (0..validators as u16).map(|author| block(author, &all, 1_000)).collect();
            blocks.push(block(0, &[(0, 6), (validators as u16 - 1, 3)], 5));
            let text = "c".repeat(validators);
            let round = DagRound { round: 7, blocks, slots: slots(&text) };
            let text = picture.header() + &picture.round(&round, 7);
            let legend = picture.legend();
            assert!(legend.lines().all(|line| line.chars().count() <= 80), "{legend}");
            for line in text.lines() {
                assert!(line.chars().count() <= width, "{validators} in {width}: {line}\n{text}");
            }
            assert_eq!(text.matches('●').count(), validators, "{text}");
        }
    }
}

/// The compact form says in one line what the columns would show.
#[test]
fn a_wide_committee_is_drawn_in_tens() {
    let all: Vec<(u16, u32)> = (0..25).map(|author| (author, 6)).collect();
    let mut blocks: Vec<_> = (0..24).map(|author| block(author, &all[..24], 2)).collect();
    blocks[7] = block(7, &[&all[..20], &[(24, 4)]].concat(), 0);
    blocks.push(block(3, &all[..24], 0));
    let round = DagRound { round: 7, blocks, slots: slots("cccccccccccccccccccccccpsu") };
    let picture = picture(25, 80);
    assert_eq!(
        picture.header() + &picture.round(&round, 6),
        concat!(
            "   round 0          10         20\n",
            "       7 ●●●●●●●●●● ●●●●●●●●●● ●●●◇×\n",
            "         +46; links 20-24 of 25; two blocks! 3; weak 7(24)\n"
        )
    );
    let narrow = Picture::new(vec![String::new(); 25], 33);
    assert!(narrow.round(&round, 6).contains("\n     +20 ●●●◇×\n"));
}

/// Links that do not fit are told by who is missing.
#[test]
fn long_lists_of_links_are_turned_round() {
    let all: Vec<(u16, u32)> = (0..16).map(|author| (author, 6)).collect();
    let mut blocks =
        vec![block(0, &all, 0), block(1, &[&all[..3], &all[4..], &[(3, 5)]].concat(), 0)];
    blocks.push(block(2, &all[..9], 0));
    let round = DagRound { round: 7, blocks, slots: slots(&"u".repeat(16)) };
    let text = picture(16, 16 * 12 + 9).round(&round, 6);
    assert_eq!(text.lines().nth(1), Some("         *           -3(3)       9 of 16"));
}

fn follower() -> Follower {
    Follower { next: None, left: None, told: BTreeSet::new() }
}

fn told(news: &[News]) -> Vec<u32> {
    let round = |news: &News| match news {
        News::Round(round) => Some(round.round),
        _ => None,
    };
    news.iter().filter_map(round).collect()
}

/// Every round once and in order: when all before it and all its slots are decided, or a commit tells
/// that it is output (first-commit order; a node that was restarted). The rest is the tail.
#[test]
fn rounds_are_told_once_when_they_are_decided() {
    let mut follower = follower();
    let (news, tail) = follower.take(answer(rounds(&[(12, "uuu")]), 9, 1));
    assert_eq!((news, tail, follower.next), (vec![], vec![], Some(9)));
    let all = rounds(&[(9, "ccc"), (10, "ssp"), (11, "cuc"), (12, "ccc"), (13, "uuu")]);
    let (news, tail) = follower.take(answer(all.clone(), 9, 1));
    assert_eq!(told(&news), [9, 10]);
    assert_eq!(tail, all[2..]);
    assert_eq!(follower.take(answer(all.clone(), 9, 1)), (vec![], all[2..].to_vec()));
    // A restarted node that is behind says less than it did; then it knows that 12 is committed.
    assert_eq!(follower.take(answer(rounds(&[(9, "uuu")]), 8, 1)).0, []);
    let (news, tail) = follower.take(answer(all, 12, 1));
    assert_eq!((told(&news), tail.len()), (vec![11, 12], 1));
}

/// `--rounds` ends it in the middle of an answer.
#[test]
fn no_more_rounds_are_told_than_were_asked_for() {
    let mut follower = Follower { next: Some(5), left: Some(2), told: BTreeSet::new() };
    let all = rounds(&[(5, "ccc"), (6, "ccc"), (7, "ccc")]);
    assert_eq!(told(&follower.take(answer(all, 7, 1)).0), [5, 6]);
    assert_eq!(follower.left, Some(0));
}

/// A follower that was too slow says what it lost, once, and goes on with room before it.
#[test]
fn what_the_node_no_longer_holds_is_said() {
    let mut follower = Follower { next: Some(10), left: None, told: BTreeSet::new() };
    let (news, _) = follower.take(answer(Vec::new(), 160, 101));
    assert_eq!(news, [News::Gap { from: 10, to: 129 }]);
    let (news, _) = follower.take(answer(rounds(&[(130, "ccc"), (131, "ccc")]), 160, 101));
    assert_eq!(told(&news), [130, 131]);
    let mut barely = Follower { next: Some(100), left: None, told: BTreeSet::new() };
    let all = rounds(&[(101, "ccc"), (102, "ccc")]);
    let (news, _) = barely.take(answer(all, 102, 101));
    assert_eq!(news[0], News::Gap { from: 100, to: 100 });
    assert_eq!(told(&news), [101, 102]);
}

/// Evidence is told when it appears, and not again with every answer. The lines of `--json` are an
/// interface.
#[test]
fn evidence_is_told_once() {
    let mut follower = follower();
    let mut with = answer(Vec::new(), 9, 1);
    with.evidence.push(DagEvidence { author: 2, round: 8, blocks: [Hash::ZERO; 2] });
    let (news, _) = follower.take(with.clone());
    let zeros = "0".repeat(64);
    assert_eq!(
        serde_json::to_value(&news).unwrap(),
        json!([{ "type": "evidence", "author": 2, "round": 8, "blocks": [zeros, zeros] }])
    );
    with.evidence.push(DagEvidence { author: 3, round: 9, blocks: [Hash::ZERO; 2] });
    let (news, _) = follower.take(with.clone());
    assert!(matches!(&news[..], [News::Evidence(evidence)] if evidence.author == 3));
    assert_eq!(follower.take(with).0, []);
    let round = serde_json::to_value(News::Round(rounds(&[(4, "cp")]).remove(0))).unwrap();
    assert_eq!(
        round,
        json!({ "type": "round", "round": 4, "blocks": [], "slots": [
            { "author": 0, "status": "committed", "onProbation": false },
            { "author": 1, "status": "skipped", "onProbation": true }] })
    );
    let gap = serde_json::to_value(News::Gap { from: 1, to: 2 }).unwrap();
    assert_eq!(gap, json!({ "type": "gap", "from": 1, "to": 2 }));
}
