//! How much an address may ask for: a token bucket, by what calls cost, that can be overdrawn.
//!
//! Calls are paid for before they run, and refused when there is not enough. What is done already when its price is
//! known (bytes that came, what was no call, being refused) is owed. An address that owes more than it could ever save
//! is shut out until it owes nothing: else refusing it would cost the node as much as serving it.

use std::time::{Duration, Instant};

/// What one address has left.
#[derive(Debug, Clone)]
pub(super) struct Allowance {
    per_second: f64,
    most: f64,
    /// Below nothing when it owes.
    left: f64,
    at: Instant,
    is_shut: bool,
}

/// What being refused costs, of what was refused: who waits as it is told pays it once, who hammers is shut out.
const REFUSED: f64 = 0.1;

impl Allowance {
    /// A full one.
    pub(super) fn new(per_second: u32, most: u32, now: Instant) -> Self {
        let most = f64::from(most);
        Self { per_second: f64::from(per_second), most, left: most, at: now, is_shut: false }
    }

    /// Takes `cost`, or says how long until it is there.
    pub(super) fn take(&mut self, cost: u32, now: Instant) -> Result<(), Duration> {
        self.fill(now);
        let cost = f64::from(cost).min(self.most);
        if cost <= self.left && !self.is_shut {
            self.left -= cost;
            return Ok(());
        }
        let wait = self.until(cost);
        self.lose(cost * REFUSED);
        Err(wait)
    }

    /// Takes `cost`, be it there or not.
    pub(super) fn owe(&mut self, cost: u32, now: Instant) {
        self.fill(now);
        self.lose(f64::from(cost));
    }

    /// How long nothing is to be taken from it, when it owes too much.
    pub(super) fn shut(&mut self, now: Instant) -> Option<Duration> {
        self.fill(now);
        self.is_shut.then(|| self.until(0.0))
    }

    /// True when nothing is missing any more, so that nobody need remember it.
    pub(super) fn is_full(&self, now: Instant) -> bool {
        let mut then = self.clone();
        then.fill(now);
        then.left >= then.most
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + passed * self.per_second).min(self.most);
        self.at = self.at.max(now);
        self.is_shut &= self.left < 0.0;
    }

    fn lose(&mut self, cost: f64) {
        // What one has done is forgotten after a while, however much it was.
        self.left = (self.left - cost).max(-2.0 * self.most);
        self.is_shut |= self.left < -self.most;
    }

    fn until(&self, cost: f64) -> Duration {
        let missing = (cost - self.left).max(0.0) / self.per_second;
        // Of a rate of nothing it is never there.
        Duration::try_from_secs_f64(missing).unwrap_or(Duration::from_secs(3_600))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One address that asks without end gets its rate, and no more; after a pause it may ask for a burst again.
    #[test]
    fn an_allowance_fills_by_time_alone() {
        let begin = Instant::now();
        let at = |ms| begin + Duration::from_millis(ms);
        let mut allowance = Allowance::new(10, 30, begin);
        assert_eq!(allowance.take(20, at(0)), Ok(()));
        assert_eq!(allowance.take(20, at(0)), Err(Duration::from_secs(1)));
        // Being refused took 2: it is a fifth of a second later.
        assert_eq!(allowance.take(20, at(1_100)), Err(Duration::from_millis(100)));
        assert_eq!(allowance.take(20, at(1_400)), Ok(()));
        assert!(!allowance.is_full(at(4_399)));
        assert!(allowance.is_full(at(4_400)));
        // A clock that stands still gives nothing, and more than a burst never accumulates.
        assert_eq!(allowance.take(30, at(100_000)), Ok(()));
        assert!(allowance.take(1, at(100_000)).is_err());
        // What costs more than a burst is had for a whole one: else it could never be asked for.
        assert_eq!(allowance.take(1_000, at(200_000)), Ok(()));
    }

    /// Protects the node from who goes on though it is refused, and that one from being shut out for ever.
    #[test]
    fn who_owes_too_much_is_shut_out_until_nothing_is_owed() {
        let begin = Instant::now();
        let at = |ms| begin + Duration::from_millis(ms);
        let mut allowance = Allowance::new(10, 30, begin);
        allowance.owe(60, at(0));
        assert_eq!(allowance.shut(at(0)), None, "as much as it could save, and no more");
        assert_eq!(allowance.take(0, at(0)), Err(Duration::from_secs(3)));
        allowance.owe(1, at(0));
        assert_eq!(allowance.shut(at(100)), Some(Duration::from_secs(3)));
        assert_eq!(allowance.shut(at(3_099)), Some(Duration::from_millis(1)));
        assert_eq!(allowance.shut(at(3_100)), None);
        assert_eq!(allowance.take(0, at(3_100)), Ok(()));
        // However much was owed, six seconds of quiet settle it.
        allowance.owe(u32::MAX, at(3_100));
        assert_eq!(allowance.shut(at(3_100)), Some(Duration::from_secs(6)));
        // Who only asks too often gets there as well, ten times slower.
        let mut hammering = Allowance::new(0, 30, begin);
        let mut asked = 0;
        while hammering.shut(begin).is_none() {
            let _ = hammering.take(10, begin);
            asked += 1;
        }
        assert_eq!(asked, 3 + 31, "three are served, each of the others costs one");
    }
}
