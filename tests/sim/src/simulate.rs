//! A whole run of one seed: safety phase, healing, liveness phase; and its outcome.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pollen_ledger::Hash;
use serde::Serialize;

use crate::check::Violation;
use crate::counts::Counts;
use crate::options::Options;
use crate::world::World;

/// How many rounds beyond the highest one at healing everybody has to commit.
const LIVENESS_ROUNDS: u32 = 10;
/// How often the liveness phase looks, in milliseconds.
const LOOK_MS: u64 = 100;
/// Clients submit for so long into the liveness phase, in milliseconds.
const LOAD_MS: u64 = 2_000;

/// What became of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// What it was made of.
    pub options: Options,
    /// What did not hold.
    pub violation: Option<String>,
    /// Two runs of one seed have one.
    pub trace: Hash,
    /// Commits of the network.
    pub commits: u64,
    /// The last commit's round.
    pub commit_round: u32,
    /// Simulated time, in milliseconds.
    pub simulated_ms: u64,
    /// From healing until everybody had committed enough, in simulated milliseconds.
    pub recovered_ms: u64,
    /// What was seen.
    pub counts: Counts,
}

/// Runs a seed's options to their end. A panic of a core is a violation like any other.
pub fn simulate(options: &Options) -> Outcome {
    let run = catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(options.clone());
        world.begin();
        world.run(options.safety_ms);
        world.finish(options.liveness_ms_max)
    }));
    run.unwrap_or_else(|panic| {
        let words = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_else(|| "without words".to_owned());
        Outcome {
            options: options.clone(),
            violation: Some(format!("panic: {words}")),
            trace: Hash::ZERO,
            commits: 0,
            commit_round: 0,
            simulated_ms: 0,
            recovered_ms: 0,
            counts: Counts::default(),
        }
    })
}

impl World {
    /// Heals, asks for progress, and says how it went.
    pub fn finish(&mut self, liveness_ms_max: u64) -> Outcome {
        let recovered_ms = match self.violation {
            None => self.liveness(liveness_ms_max),
            Some(_) => 0,
        };
        self.outcome(recovered_ms)
    }

    /// The outcome as of now.
    pub fn outcome(&self, recovered_ms: u64) -> Outcome {
        let mut counts = self.counts.clone();
        counts.rare.insert("transactions", self.load.made());
        counts.rare.insert("transactions ordered twice", self.checker.copies());
        counts.rare.insert("rounds signed twice after amnesia", self.checker.signed_twice());
        Outcome {
            options: self.options.clone(),
            violation: self.violation.as_ref().map(|violation| violation.0.clone()),
            trace: self.trace_hash(),
            commits: self.checker.commits(),
            commit_round: self.checker.commit_round(),
            simulated_ms: self.now / 1000,
            recovered_ms,
            counts,
        }
    }

    /// After healing every honest host commits ten rounds beyond all that was there, has nothing
    /// suspended, and every acknowledged transaction is ordered. Returns how long that took.
    pub fn liveness(&mut self, ms_max: u64) -> u64 {
        self.heal();
        let begun = self.now;
        let highest = self.statuses().iter().map(|(_, status)| status.highest_round).max();
        let goal = highest.unwrap_or(0).max(self.checker.commit_round()) + LIVENESS_ROUNDS;
        let mut drained = vec![self.options.byzantine.is_some(); self.hosts.len()];
        while self.violation.is_none() {
            self.run(LOOK_MS);
            let passed_ms = (self.now - begun) / 1000;
            self.load.over = passed_ms >= LOAD_MS;
            let statuses = self.statuses();
            for (host, status) in &statuses {
                drained[*host] |= status.suspended == 0;
            }
            let lagging = statuses.iter().find(|(_, status)| status.commit_round < goal);
            let stuck = statuses.iter().find(|(host, _)| !drained[*host]);
            let owed = self.owed();
            self.check_balances();
            if self.load.over && lagging.is_none() && stuck.is_none() && owed.is_empty() {
                return passed_ms;
            }
            if passed_ms < ms_max {
                continue;
            }
            self.check_owed();
            for (state, (host, status)) in
                [("does not commit", lagging), ("keeps blocks suspended", stuck)]
                    .into_iter()
                    .filter_map(|(state, host)| Some((state, host?)))
            {
                let words = format!(
                    "host {host} {state}, {passed_ms} ms after healing, goal {goal}: {status:?}"
                );
                self.violation = Some(Violation(words));
            }
        }
        (self.now - begun) / 1000
    }
}
