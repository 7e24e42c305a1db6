//! Cases 23, 47 and 49 with a network: fork bombs, what waits for parents, floods of the far future.

use pollen_ledger::block::{Block, BlockHeader, BlockRef, Round};
use pollen_ledger::ordering::Input;
use pollen_ledger::{Hash, VerifiedBlock};

use crate::Latency;
use crate::byzantine::Behaviour;
use crate::options::Options;
use crate::random::Random;
use crate::world::World;

use super::{holds, recovers, started};

/// f validators sign thirteen blocks a round, and show everybody three others of them. What honest hosts
/// accept of a slot is two and what a block of each author may name, not what is signed; commits go on at
/// half the pace at least; and the proof of it is known to all.
#[test]
fn a_fork_bomb_case_23() {
    for (seed, nodes, bombers) in [(1, 4, vec![3]), (2, 4, vec![0]), (3, 7, vec![2, 5])] {
        let mut options = Options::calm(seed, nodes, Latency::Metro);
        options.min_round_delay_ms = 20;
        options.gc_depth = 20;
        options.followers = 1;
        let mut calm = started(options.clone());
        calm.run(8_000);
        options.byzantine = Some(Behaviour::ForkBomb);
        options.byzantine_authors = bombers.clone();
        let mut world = started(options);
        let honest = nodes - bombers.len();
        let mut most = 0;
        for _ in 0..40 {
            world.run(200);
            holds(&world);
            for host in world.hosts.iter().filter(|host| host.is_honest()) {
                let core = host.core.as_ref().expect("nobody crashes");
                for view in core.rounds(1, Round::MAX) {
                    for bomber in &bombers {
                        most = most.max(view.slots[usize::from(*bomber)].blocks.len());
                    }
                }
            }
        }
        assert!(most > 1, "seed {seed}: bombs reach somebody");
        assert!(most <= 2 + nodes, "seed {seed}: {most} variants of one slot");
        let (commits, usual) = (world.checker.commits(), calm.checker.commits());
        assert!(commits * 2 > usual, "seed {seed}: {commits} commits, {usual} without bombs");
        assert!(world.counts.of("equivocations seen") >= (honest * bombers.len()) as u64);
        recovers(&mut world, 20_000);
    }
}

/// Messages are lost, overtake each other, come twice and late; once that is over nothing waits anywhere.
#[test]
fn no_host_keeps_anything_suspended_case_47() {
    for seed in 1..=4 {
        let mut options = Options::calm(seed, 7, Latency::Metro);
        options.min_round_delay_ms = 10;
        options.network.loss = 150;
        options.network.reorder = 400;
        options.network.replay = 300;
        options.gc_depth = [10, 60][seed as usize % 2];
        let mut world = started(options);
        let mut random = Random::stream(seed, "clogs");
        let mut waited = 0;
        for _ in 0..30 {
            let victim = random.below(7) as usize;
            let until = world.now + random.between(50, 1_500) * 1_000;
            world.links.clog(until, |from, to| to == victim && from % 2 == 0);
            world.run(200);
            waited += world.statuses().iter().filter(|(_, status)| status.suspended > 0).count();
        }
        assert!(waited > 10, "seed {seed}: something waits meanwhile, {waited}");
        recovers(&mut world, 20_000);
        world.load.over = true;
        world.run(3_000);
        // Between two messages of a round somebody may wait for a moment; so long, nobody.
        let mut open: Vec<usize> = (0..7).collect();
        for _ in 0..200 {
            world.run(5);
            let statuses = world.statuses();
            open.retain(|host| {
                let status = &statuses[*host].1;
                status.suspended + status.missing > 0
            });
        }
        assert!(open.is_empty(), "seed {seed}: {open:?} keep something");
        holds(&world);
    }
}

/// A block that is valid by itself, of a round that nobody is near, on parents that nobody has.
fn far_future(world: &World, author: u16, round: Round, number: u64) -> VerifiedBlock {
    let mut parents: Vec<BlockRef> = world
        .rules
        .committee
        .authors()
        .map(|author| {
            let digest = Hash::of_content(&[number.to_le_bytes(), [author as u8; 8]].concat());
            BlockRef { author, round: round - 1, digest }
        })
        .collect();
    let own = parents.remove(usize::from(author));
    parents.insert(0, own);
    let body = vec![0; 4];
    let header = BlockHeader {
        version: pollen_ledger::block::BLOCK_VERSION,
        chain_id: world.rules.chain_id,
        epoch: 0,
        round,
        author,
        timestamp_ms: world.clock(0).0,
        parents,
        body_digest: pollen_ledger::crypto::Domain::Body.hash(&[&body]),
        transaction_count: 0,
        body_bytes: 4,
        attestations: Vec::new(),
        commit_votes: Vec::new(),
        evidence: Vec::new(),
    };
    Block::sign(header, body, world.key(author))
        .verify(&world.rules.chain_id, &world.rules.committee, &world.rules.parameters)
        .expect("valid by itself")
}

/// Host 0 lives on a bad line, so that blocks wait there for parents all the time, the flooder's too. The
/// flooder sends it thousands of blocks of far rounds, all valid by themselves, besides its real ones.
fn on_a_bad_line(seed: u64, flood: bool) -> (u64, u64, u64) {
    let mut options = Options::calm(seed, 4, Latency::Metro);
    options.min_round_delay_ms = 10;
    // Its core does as honest ones do.
    options.byzantine = Some(Behaviour::FalseAttestations);
    options.byzantine_authors = vec![3];
    let mut world = started(options);
    world.run(1_000);
    world.links.lose(300, |_, to| to == 0);
    let before = world.checker.commits_of(0);
    let (mut number, mut near) = (0, 0);
    for _ in 0..400 {
        for _ in 0..if flood { 10 } else { 0 } {
            // The missing parents of some are close to what is really missing; most are far away.
            let round = 5_000 + (number * 7_919 % 1_000_000) as Round;
            let block = far_future(&world, 3, round, number);
            number += 1;
            world.input(0, Input::Block { block, from: Some(3) });
        }
        world.run(10);
        let status = world.hosts[0].core.as_ref().expect("it is up").status();
        assert!(status.suspended <= 2 * 160 + 80, "{status:?}");
        near += status.missing.min(1) as u64;
    }
    holds(&world);
    let behind = world.checker.commits() - world.checker.commits_of(0);
    let commits = world.checker.commits_of(0) - before;
    recovers(&mut world, 20_000);
    (commits, behind, near)
}

/// The flood costs the host on the bad line little: what it really lacks is neither turned out nor asked
/// for late. What a bad line lets through differs by half from seed to seed, so all together are compared.
#[test]
fn a_far_future_flood_case_49() {
    let (mut usual, mut flooded) = (0, 0);
    for seed in 1..=8 {
        let (commits, _, waits) = on_a_bad_line(seed, false);
        assert!(waits > 40, "seed {seed}: something is missing now and then, {waits}");
        usual += commits;
        let (commits, behind, _) = on_a_bad_line(seed, true);
        assert!(behind < 40, "seed {seed}: {behind} commits behind");
        flooded += commits;
    }
    assert!(flooded * 4 > usual * 3, "{flooded} commits, {usual} without a flood");
}
