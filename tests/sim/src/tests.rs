//! Seeds, determinism, and named schedules.

mod hostile;
mod schedules;
mod seeds;
mod strays;
mod sync;

use crate::options::Options;
use crate::world::World;

/// A world that has begun.
fn started(options: Options) -> World {
    let mut world = World::new(options);
    world.begin();
    world
}

/// Nothing is violated so far.
fn holds(world: &World) {
    if let Some(violation) = &world.violation {
        panic!("{}\nafter {} us, options {}", violation.0, world.now, world.options);
    }
}

/// Heals, and asks for progress within so long.
fn recovers(world: &mut World, ms_max: u64) -> u64 {
    let took_ms = world.liveness(ms_max);
    holds(world);
    took_ms
}
