//! Case 55: validators whose execution computes something else.

use crate::Latency;
use crate::options::Options;
use crate::world::World;

use super::{holds, started};

/// The first height that is computed otherwise.
const FROM_HEIGHT: u64 = 25;

/// Some hosts, each with the number of its error; then so many seconds.
fn with_strays(seed: u64, nodes: usize, strays: &[(usize, u8)]) -> World {
    let mut options = Options::calm(seed, nodes, Latency::Metro);
    options.min_round_delay_ms = 20;
    let mut world = started(options);
    for (host, error) in strays {
        world.strays.stray(*host, FROM_HEIGHT, *error);
    }
    world.run(4_000);
    holds(&world);
    assert!(world.checker.commits() > 50, "seed {seed}: {} commits", world.checker.commits());
    world
}

/// As far as every host's core knows.
fn certified(world: &World) -> Vec<u64> {
    world.statuses().iter().map(|(_, status)| status.certified_height).collect()
}

/// Up to f stake strays, with one error or with several: who strays halts at the first height of its own, and
/// the others neither halt nor wait.
#[test]
fn who_strays_halts_alone_case_55() {
    let schedules: [(usize, &[(usize, u8)]); 3] =
        [(4, &[(2, 1)]), (7, &[(0, 1), (4, 1)]), (7, &[(3, 1), (6, 2)])];
    for (nodes, strays) in schedules {
        for seed in 1..=2 {
            let mut world = with_strays(seed, nodes, strays);
            let who: Vec<usize> = strays.iter().map(|(host, _)| *host).collect();
            assert_eq!(world.strays.halted(), who, "seed {seed}, n = {nodes}");
            for host in &who {
                assert_eq!(world.strays.halted_at(*host), Some(FROM_HEIGHT), "seed {seed}");
            }
            // All others certify on.
            let before = certified(&world);
            world.run(1_500);
            holds(&world);
            for (host, (before, after)) in before.iter().zip(certified(&world)).enumerate() {
                match who.contains(&host) {
                    true => assert!(after < FROM_HEIGHT, "seed {seed}: {host} certifies its own"),
                    false => {
                        let told = format!("seed {seed}: host {host}, {before} and then {after}");
                        assert!(after > FROM_HEIGHT && after > *before, "{told}");
                    }
                }
            }
        }
    }
}

/// More than f stake strays in one way: everybody sees validity stake for another checkpoint than its own,
/// halts, and no height from there on is certified at all. Ordering goes on.
#[test]
fn more_than_f_stray_and_everybody_halts_case_55() {
    let schedules: [(usize, &[(usize, u8)]); 3] = [
        (4, &[(0, 1), (3, 1)]),
        (7, &[(1, 1), (2, 1), (5, 1)]),
        (7, &[(1, 1), (2, 1), (5, 1), (6, 1)]),
    ];
    for (nodes, strays) in schedules {
        for seed in 1..=2 {
            let mut world = with_strays(seed, nodes, strays);
            let everybody: Vec<usize> = (0..nodes).collect();
            assert_eq!(world.strays.halted(), everybody, "seed {seed}, n = {nodes}");
            assert!(world.strays.certified() < FROM_HEIGHT, "seed {seed}, n = {nodes}");
            let before = world.checker.commits();
            world.run(1_500);
            holds(&world);
            assert!(world.checker.commits() > before, "seed {seed}: ordering goes on");
            assert!(world.strays.certified() < FROM_HEIGHT, "seed {seed}, n = {nodes}");
        }
    }
}

/// More than f stake strays, each in its own way: who strays halts, since validity stake computes what is
/// right; that is less than a quorum, so nobody certifies anything, one thing or two.
#[test]
fn more_than_f_stray_differently_and_nothing_is_certified_case_55() {
    let schedules: [(usize, &[(usize, u8)]); 2] =
        [(4, &[(0, 1), (3, 2)]), (7, &[(1, 1), (2, 2), (5, 3)])];
    for (nodes, strays) in schedules {
        for seed in 1..=2 {
            let world = with_strays(seed, nodes, strays);
            let who: Vec<usize> = strays.iter().map(|(host, _)| *host).collect();
            assert_eq!(world.strays.halted(), who, "seed {seed}, n = {nodes}");
            assert!(world.strays.certified() < FROM_HEIGHT, "seed {seed}, n = {nodes}");
        }
    }
}
