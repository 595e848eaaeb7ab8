//! Seeded randomness that prints its seed when a test fails.

/// A small seeded generator (xorshift64*; Vigna, "An experimental exploration of Marsaglia's xorshift generators"), the
/// same on every machine and in every version.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The same seed gives the same throws.
    pub fn new(seed: u64) -> Self {
        // Seeds are small and near each other; what is made of them should not be.
        Self((seed.wrapping_add(1)).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) % end
    }

    /// A place in something that long, which is not empty.
    pub fn place(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or_default()
    }

    /// True once in so many.
    pub fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// Any byte.
    pub fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap_or_default()
    }
}

/// Runs a test once for each seed below `seeds`, or, where `SEED` is set, for that one alone; a failure names its seed.
pub fn each_seed(seeds: u64, test: impl Fn(u64) + std::panic::RefUnwindSafe) {
    let only = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    for seed in only.map_or(0..seeds, |seed: u64| seed..seed + 1) {
        if let Err(failure) = std::panic::catch_unwind(|| test(seed)) {
            eprintln!("failed with SEED={seed}");
            std::panic::resume_unwind(failure);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throws_are_the_same_again_and_differ_between_seeds() {
        let throws = |seed| {
            let mut dice = Dice::new(seed);
            (0..100).map(|_| dice.below(1000)).collect::<Vec<_>>()
        };
        assert_eq!(throws(1), throws(1));
        assert_ne!(throws(1), throws(2));
        assert!(throws(3).iter().any(|n| *n < 100) && throws(3).iter().any(|n| *n > 900));
    }
}
