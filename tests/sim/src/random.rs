//! Randomness of a simulation: SplitMix64 (Steele, Lea, Flood 2014), ours so that seeds stay good. One
//! stream per purpose: taking one feature away leaves the others' draws as they were.

/// A stream of draws.
#[derive(Debug, Clone)]
pub struct Random(u64);

/// Fixed-point one of [`Random::normal`].
const ONE: i64 = 1 << 16;

impl Random {
    /// The stream of a seed for a purpose.
    pub fn stream(seed: u64, purpose: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&seed.to_le_bytes()).update(purpose.as_bytes());
        let bytes = hasher.finalize();
        Self(u64::from_le_bytes(bytes.as_bytes()[..8].try_into().expect("a hash has 32 bytes")))
    }

    /// The stream of a seed for what is drawn by it alone: a DAG, an order of delivery, an input.
    pub fn drawn(seed: u64) -> Self {
        Self::stream(seed, "drawn")
    }

    /// 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Below `bound`; 0 when that is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// From `least` to `most`, both included.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most.saturating_sub(least).saturating_add(1))
    }

    /// True in so many of 1 000 cases. Draws nothing when the answer is fixed.
    pub fn permille(&mut self, of_1000: u64) -> bool {
        of_1000 > 0 && self.below(1000) < of_1000
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.permille(10 * percent)
    }

    /// Any order, each as likely.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for place in (1..items.len()).rev() {
            items.swap(place, self.below(place as u64 + 1) as usize);
        }
    }

    /// One of some things.
    pub fn pick<'a, T>(&mut self, things: &'a [T]) -> &'a T {
        &things[self.below(things.len() as u64) as usize]
    }

    /// A subset of `0..size` in which each is with chance 1/2.
    pub fn half(&mut self, size: usize) -> Vec<bool> {
        (0..size).map(|_| self.bits() >> 63 == 1).collect()
    }

    /// Nearly standard normal, times 2^16: a sum of twelve uniform draws.
    fn normal(&mut self) -> i64 {
        (0..3)
            .map(|_| {
                let draw = self.bits();
                (0..4).map(|part| (draw >> (16 * part) & 0xffff) as i64).sum::<i64>()
            })
            .sum::<i64>()
            - 6 * ONE
    }

    /// `value` times a log-normal factor of this sigma (in 1/1000): integers only, so that a seed gives the
    /// same run on every platform.
    pub fn log_normal(&mut self, value: u64, sigma_permille: i64) -> u64 {
        let x = self.normal() * sigma_permille / 1000;
        let factor = ONE + x + x * x / (2 * ONE) + x * x / ONE * x / (6 * ONE);
        (value as i64).saturating_mul(factor.max(0)) as u64 >> 16
    }
}
