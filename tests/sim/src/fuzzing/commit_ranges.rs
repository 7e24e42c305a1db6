//! An answer to a request for commits: whatever it says, what passes verification is true as far as digests
//! go, a core installs nothing but what its own decisions would have been, and a lie costs it no more than
//! time.

use std::sync::LazyLock;

use pollen_ledger::block::SignedVotes;
use pollen_ledger::ordering::{Commit, CommitRange, Input, Probation, Time};
use pollen_ledger::wire::{CommitsAnswer, Response};
use pollen_ledger::{AuthorIndex, Block, BlockRef, Hash, VerifiedBlock, codec};

use super::Choices;
use crate::drawing::{Chain, Drawing};
use crate::reference::Reference;
use crate::watched_core::WatchedCore;

/// Changes to an answer.
const CHANGES_MAX: usize = 8;
/// A commit that nobody made, far ahead of all: whoever claims to have it makes a core ask for commits.
const CLAIMED: u64 = 1_000;
/// Without a commit for so long a core takes blocks again, in milliseconds (10.5).
const FLAT_MS: u64 = 10_000;

/// What is true: a chain of four, of whom D signs twice, with short windows of gc and probation.
struct Truth {
    chain: Chain,
    /// Every block, parents before children. The last two claim to be far ahead.
    blocks: Vec<VerifiedBlock>,
    /// What a core makes of them.
    commits: Vec<Commit>,
    /// By author, what it said of all commits up to the one with that index (or place, from 0).
    votes: Vec<Vec<SignedVotes>>,
}

static TRUTH: LazyLock<Truth> = LazyLock::new(|| {
    let mut chain = Chain::new(&[1, 1, 1, 1]);
    chain.parameters.gc_depth = 5;
    chain.set_number("probationWindowRounds", 4);
    let mut drawing = Drawing::on(chain);
    drawing.draw(
        "Round 1 : { *, D' -> [*] @11 }
         Round 2 : { AC -> [*], B -> [ABCD'], D -> [*] }
         Round 3 : { AB -> [*] +1, C -> [-D], D -> [-A], D' -> [-B] @39 }
         Round 4 : { A -> [ABC], B -> [ABCD'], C -> [*], D -> [*] }
         Rounds 5-8 : { AB -> [-D], C -> [*], D -> [*] +1 }
         Rounds 9-13 : { * }",
    );
    let (chain, mut blocks) = (drawing.chain.clone(), drawing.blocks());
    for round in [14, 15] {
        let claims = if round == 15 { vec![(CLAIMED, Hash::ZERO)] } else { Vec::new() };
        let made = chain.committee.authors().map(|author| voting(&chain, &blocks, author, &claims));
        let made: Vec<VerifiedBlock> = made.collect();
        blocks.extend(made.into_iter().filter(|b| round == 14 || [1, 2].contains(&b.author())));
    }
    let mut core = WatchedCore::following(&chain);
    // The claims come last, when everything is decided but what nothing more can decide.
    blocks[..blocks.len() - 2].iter().for_each(|block| core.deliver(block));
    let answer = Reference::new(&chain, &blocks[..blocks.len() - 2]).answer();
    assert_eq!(core.difference(&answer), None);
    let commits = core.commits;
    assert!(commits.len() > 8 && commits.iter().any(|commit| !commit.ignored.is_empty()));
    let first = commits[0].probation.clone();
    assert!(commits.iter().any(|commit| commit.probation != first), "probation has a history");
    let says = |author: AuthorIndex, place: usize| {
        let said: Vec<(u64, Hash)> =
            commits[..=place].iter().map(|commit| (commit.index, commit.digest)).collect();
        SignedVotes::of(voting(&chain, &blocks[..blocks.len() - 2], author, &said).block())
    };
    let by = |author| (0..commits.len()).map(|place| says(author, place)).collect();
    let votes = chain.committee.authors().map(by).collect();
    Truth { votes, chain, blocks, commits }
});

/// A block upon the last round that says something of commits.
fn voting(
    chain: &Chain,
    blocks: &[VerifiedBlock],
    author: AuthorIndex,
    said: &[(u64, Hash)],
) -> VerifiedBlock {
    let last = blocks.iter().map(VerifiedBlock::round).max().unwrap_or(0);
    let names = blocks.iter().filter(|block| block.round() == last);
    let mut parents: Vec<BlockRef> = names.map(VerifiedBlock::reference).collect();
    parents.sort_by_key(|parent| (parent.author != author, *parent));
    parents.dedup_by_key(|parent| parent.author);
    let body = codec::encode(&Vec::<pollen_ledger::SignedTransaction>::new());
    let stamp = blocks.iter().map(|block| block.header().timestamp_ms).max().unwrap_or(0) + 1;
    let mut header = chain.header(last + 1, author, stamp, parents, &body, 0);
    header.commit_votes = said.to_vec();
    Block::sign(header, body, &chain.keys[usize::from(author)])
        .verify(&chain.chain_id, &chain.committee, &chain.parameters)
        .expect("it names a quorum of the last round")
}

/// What became of the answers of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// Answers that passed verification.
    pub passed: usize,
    /// Answers that did not.
    pub refused: usize,
    /// Commits that came in by those that passed.
    pub installed: usize,
}

/// Any bytes as an answer; and the right answer after any changes. To a core that asked.
pub fn commit_range(bytes: &[u8]) {
    ranges_of(bytes);
}

/// The same; says what became of the answers, for a test that asks whether runs get anywhere.
pub fn ranges_of(bytes: &[u8]) -> Taken {
    let truth = &*TRUTH;
    let mut choices = Choices(bytes);
    let mut core = WatchedCore::following(&truth.chain);
    // It has the first rounds, or nothing.
    let rounds = choices.below(9) as u32;
    let known = truth.blocks.iter().filter(|block| block.round() <= rounds);
    known.for_each(|block| core.deliver(block));
    let claims = &truth.blocks[truth.blocks.len() - 2..];
    claims.iter().for_each(|block| core.deliver(block));
    assert!(core.status().syncing, "validity stake claims to be far ahead");
    let mut taken = Taken::default();
    give(truth, &mut core, Response::decode(bytes).ok(), &mut taken);
    let mut answers = 0;
    while answers < 3 && (answers == 0 || !choices.is_empty()) {
        let answer = changed_answer(truth, &core, &mut choices);
        let travels = codec::encode(&Response::Commits(answer));
        give(truth, &mut core, Response::decode(&travels).ok(), &mut taken);
        answers += 1;
    }
    // 10.5 liveness does not depend on it.
    for _ in 0..2 {
        core.now = core.now.plus_ms(FLAT_MS);
        core.input(Input::Timer);
    }
    assert!(!core.status().syncing, "it takes blocks again");
    truth.blocks.iter().for_each(|block| core.deliver(block));
    core.now = Time(core.now.0 + 10);
    core.input(Input::Timer);
    assert_eq!(core.commits[..truth.commits.len()], truth.commits);
    let answer = Reference::new(&truth.chain, &core.accepted).answer();
    assert_eq!(core.difference(&answer), None);
    taken
}

/// What a node does with an answer: what passes is true, and what the core makes of it as well.
fn give(truth: &Truth, core: &mut WatchedCore, response: Option<Response>, taken: &mut Taken) {
    let Some(Response::Commits(answer)) = response else { return };
    let Some(id) = ask(core) else { return };
    let chain = &truth.chain;
    let encoded = answer.blocks.clone();
    let before = core.commits.len();
    match CommitRange::verify(answer, &chain.chain_id, &chain.committee, &chain.parameters) {
        Ok(range) => {
            assert_true(truth, &range, &encoded);
            core.input(Input::Commits { id, range });
            taken.passed += 1;
            taken.installed += core.commits.len() - before;
        }
        Err(_) => {
            taken.refused += 1;
            core.input(Input::CommitsRefused { id });
            assert_eq!(core.commits.len(), before, "a refused range changes nothing");
        }
    }
    assert_eq!(core.commits[..], truth.commits[..core.commits.len()]);
}

/// The question that waits for an answer; time passes until there is one. None when the core has stopped
/// asking for a while.
fn ask(core: &mut WatchedCore) -> Option<u64> {
    for _ in 0..4 {
        if let Some((id, request)) = core.ranges.pop() {
            assert_eq!(request.after, core.status().commit_index);
            return Some(id);
        }
        core.now = core.now.plus_ms(500);
        core.input(Input::Timer);
    }
    None
}

/// Everything that a digest covers is as it was decided: with votes of a quorum for the last commit, of
/// which two at least are honest, nothing else can be made up. The blocks are those of the answer, to the
/// byte. What a commit ignores, in which order its slots come and who is on probation is not covered.
fn assert_true(truth: &Truth, range: &CommitRange, encoded: &[Vec<u8>]) {
    let mut encoded = encoded.iter();
    for (commit, blocks) in range.commits() {
        let right = &truth.commits[commit.index as usize - 1];
        assert_eq!(commit.digest, right.digest);
        assert_eq!((commit.round, commit.previous), (right.round, right.previous));
        assert_eq!((commit.timestamp_ms, commit.active), (right.timestamp_ms, right.active));
        assert_eq!(commit.blocks, right.blocks);
        let sorted = |slots: &[BlockRef]| {
            let mut slots = slots.to_vec();
            slots.sort();
            slots
        };
        assert_eq!(sorted(&commit.slots), sorted(&right.slots));
        for (block, name) in blocks.iter().zip(commit.blocks.iter().chain(&commit.ignored)) {
            assert_eq!(block.reference(), *name);
            assert_eq!(Some(&block.encode()), encoded.next());
            assert!(truth.blocks.iter().any(|known| known.reference() == *name));
        }
    }
    assert_eq!(encoded.next(), None);
}

/// The right answer for a core, or for one that is a little behind or ahead, and then changes.
fn changed_answer(truth: &Truth, core: &WatchedCore, choices: &mut Choices<'_>) -> CommitsAnswer {
    let all = truth.commits.len();
    let after = match choices.below(8) {
        0 => choices.below(all),
        _ => core.commits.len().min(all - 1),
    };
    let to = match choices.below(4) {
        0 => after + 1 + choices.below(all - after),
        _ => all,
    };
    let commits = truth.commits[after..to].to_vec();
    let named = commits.iter().flat_map(|commit| commit.blocks.iter().chain(&commit.ignored));
    let blocks = named.map(|name| encoded(truth, name)).collect();
    let last = commits.len() + after - 1;
    let votes = truth.votes.iter().map(|of| of[last].clone()).skip(choices.below(2)).collect();
    let mut answer = CommitsAnswer { commits, blocks, votes };
    for _ in 0..choices.below(CHANGES_MAX) {
        change(truth, &mut answer, choices);
    }
    answer
}

fn encoded(truth: &Truth, name: &BlockRef) -> Vec<u8> {
    let found = truth.blocks.iter().find(|block| block.reference() == *name);
    found.expect("commits name drawn blocks").encode()
}

fn any_block<'a>(truth: &'a Truth, choices: &mut Choices<'_>) -> &'a VerifiedBlock {
    &truth.blocks[choices.below(truth.blocks.len())]
}

fn change(truth: &Truth, answer: &mut CommitsAnswer, choices: &mut Choices<'_>) {
    match choices.below(4) {
        0 => change_commits(truth, answer, choices),
        1 => change_blocks(truth, answer, choices),
        2 => change_votes(truth, answer, choices),
        _ => forge(truth, answer, choices),
    }
}

/// Leaves out, doubles, exchanges whole commits; with their blocks, or not.
fn change_commits(truth: &Truth, answer: &mut CommitsAnswer, choices: &mut Choices<'_>) {
    if answer.commits.is_empty() {
        return;
    }
    let place = choices.below(answer.commits.len());
    let other = choices.below(answer.commits.len());
    match choices.below(6) {
        0 => drop(answer.commits.remove(place)),
        1 => answer.commits.swap(place, other),
        2 => answer.commits.insert(other, answer.commits[place].clone()),
        3 => answer.commits.truncate(place),
        4 => answer.commits[place] = truth.commits[choices.below(truth.commits.len())].clone(),
        _ => drop(answer.commits.drain(..place)),
    }
    if choices.yes() {
        name_blocks(truth, answer);
    }
    if choices.yes()
        && let Some(last) = answer.commits.last()
        && let Some(place) = truth.commits.iter().position(|commit| commit == last)
    {
        answer.votes = truth.votes.iter().map(|of| of[place].clone()).collect();
    }
}

/// The blocks that the commits name, as far as anybody has them.
fn name_blocks(truth: &Truth, answer: &mut CommitsAnswer) {
    let named =
        answer.commits.iter().flat_map(|commit| commit.blocks.iter().chain(&commit.ignored));
    let known = named.filter(|name| truth.blocks.iter().any(|block| block.reference() == **name));
    answer.blocks = known.map(|name| encoded(truth, name)).collect();
}

fn change_blocks(truth: &Truth, answer: &mut CommitsAnswer, choices: &mut Choices<'_>) {
    if answer.blocks.is_empty() {
        return;
    }
    let place = choices.below(answer.blocks.len());
    let other = choices.below(answer.blocks.len());
    match choices.below(6) {
        0 => drop(answer.blocks.remove(place)),
        1 => answer.blocks.swap(place, other),
        2 => answer.blocks.insert(other, answer.blocks[place].clone()),
        3 => answer.blocks[place] = any_block(truth, choices).encode(),
        4 => answer.blocks[place].truncate(choices.below(400)),
        _ => {
            let length = answer.blocks[place].len().max(1);
            let at = choices.below(length);
            if let Some(byte) = answer.blocks[place].get_mut(at) {
                *byte ^= choices.byte();
            }
        }
    }
}

fn change_votes(truth: &Truth, answer: &mut CommitsAnswer, choices: &mut Choices<'_>) {
    if answer.votes.is_empty() {
        return;
    }
    let place = choices.below(answer.votes.len());
    let vote = &mut answer.votes[place];
    match choices.below(10) {
        0 => drop(answer.votes.remove(place)),
        1 => answer.votes.push(answer.votes[place].clone()),
        2 => vote.author = choices.below(6) as AuthorIndex,
        3 => vote.round = vote.round.wrapping_add(1),
        4 => vote.commit_votes.truncate(choices.below(vote.commit_votes.len() + 1)),
        5 => vote.commit_votes.push((choices.number(), Hash([choices.byte(); 32]))),
        6 => vote.signature.0[choices.below(64)] ^= choices.byte(),
        7 => vote.others.0[choices.below(32)] ^= choices.byte(),
        // What somebody said earlier, or of another block.
        8 => *vote = truth.votes[choices.below(4)][choices.below(truth.commits.len())].clone(),
        _ => *vote = SignedVotes::of(any_block(truth, choices).block()),
    }
}

/// Makes up a commit, with the digest of what it says or not, and those behind it linked to it or not; and D
/// votes for what came of it.
fn forge(truth: &Truth, answer: &mut CommitsAnswer, choices: &mut Choices<'_>) {
    if answer.commits.is_empty() {
        return;
    }
    let place = choices.below(answer.commits.len());
    let any = any_block(truth, choices).reference();
    let commit = &mut answer.commits[place];
    match choices.below(12) {
        0 => commit.index = choices.number(),
        1 => commit.round = commit.round.wrapping_add(choices.byte().into()),
        2 => commit.timestamp_ms = commit.timestamp_ms.wrapping_add(choices.byte().into()),
        3 => commit.previous = Hash([choices.byte(); 32]),
        4 => commit.digest = Hash([choices.byte(); 32]),
        5 => commit.active = truth.commits[choices.below(truth.commits.len())].active,
        6 => change_names(&mut commit.slots, any, choices),
        7 | 8 => change_names(&mut commit.blocks, any, choices),
        9 => change_names(&mut commit.ignored, any, choices),
        10 => commit.probation = Probation::default(),
        _ => {
            let other = &truth.commits[choices.below(truth.commits.len())];
            commit.probation = other.probation.clone();
        }
    }
    if choices.yes() {
        name_blocks(truth, answer);
    }
    if choices.yes() {
        let mut previous = None;
        for commit in &mut answer.commits[place..] {
            commit.previous = previous.unwrap_or(commit.previous);
            commit.digest = commit.compute_digest();
            previous = Some(commit.digest);
        }
        let last = answer.commits.last().expect("there is one");
        let said = [(last.index, last.digest)];
        let blocks = &truth.blocks[..truth.blocks.len() - 2];
        let lie = SignedVotes::of(voting(&truth.chain, blocks, 3, &said).block());
        answer.votes.retain(|vote| vote.author != 3);
        answer.votes.push(lie);
    }
}

fn change_names(names: &mut Vec<BlockRef>, any: BlockRef, choices: &mut Choices<'_>) {
    let (place, other) = match names.len() {
        0 => (0, 0),
        length => (choices.below(length), choices.below(length)),
    };
    match choices.below(6) {
        0 if !names.is_empty() => drop(names.remove(place)),
        1 if !names.is_empty() => names.swap(place, other),
        2 if !names.is_empty() => names.push(names[place]),
        3 => names.insert(place, any),
        4 => names.clear(),
        _ => names.reverse(),
    }
}
