//! How much an address may ask for: a token bucket, by what calls cost.

use std::time::{Duration, Instant};

/// What one address has left.
#[derive(Debug, Clone)]
pub(super) struct Allowance {
    per_second: f64,
    most: f64,
    left: f64,
    at: Instant,
}

impl Allowance {
    /// A full one.
    pub(super) fn new(per_second: u32, most: u32, now: Instant) -> Self {
        let most = f64::from(most);
        Self { per_second: f64::from(per_second), most, left: most, at: now }
    }

    /// Takes `cost`, or says how long until it is there.
    pub(super) fn take(&mut self, cost: u32, now: Instant) -> Result<(), Duration> {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + passed * self.per_second).min(self.most);
        self.at = self.at.max(now);
        let cost = f64::from(cost).min(self.most);
        if cost <= self.left {
            self.left -= cost;
            return Ok(());
        }
        let missing = (cost - self.left) / self.per_second;
        // Of a rate of nothing it is never there.
        Err(Duration::try_from_secs_f64(missing).unwrap_or(Duration::from_secs(3_600)))
    }

    /// True when nothing is missing any more, so that nobody need remember it.
    pub(super) fn is_full(&self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left + passed * self.per_second >= self.most
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
        assert_eq!(allowance.take(20, at(500)), Err(Duration::from_millis(500)));
        assert_eq!(allowance.take(20, at(1_000)), Ok(()));
        assert!(!allowance.is_full(at(3_999)));
        assert!(allowance.is_full(at(4_000)));
        // A clock that stands still gives nothing, and more than a burst never accumulates.
        assert_eq!(allowance.take(30, at(100_000)), Ok(()));
        assert!(allowance.take(1, at(100_000)).is_err());
        // What costs more than a burst is had for a whole one: else it could never be asked for.
        assert_eq!(allowance.take(1_000, at(200_000)), Ok(()));
    }
}
