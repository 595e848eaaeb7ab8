//! Samples and what is said of them.

use std::time::Duration;

/// Sorted samples of one measurement, in seconds, bytes or whatever its row says.
pub struct Samples(Vec<f64>);

impl Samples {
    /// Sorts the samples. There must be at least one.
    pub fn new(mut values: Vec<f64>) -> Self {
        assert!(!values.is_empty(), "a measurement took no sample");
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// From durations, in seconds.
    pub fn of(durations: &[Duration]) -> Self {
        Self::new(durations.iter().map(Duration::as_secs_f64).collect())
    }

    /// The value that this share (0 to 1) of the samples does not pass.
    pub fn quantile(&self, share: f64) -> f64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index into a few thousand samples"
        )]
        let index = (share * (self.0.len() - 1) as f64).round() as usize;
        self.0[index.min(self.0.len() - 1)]
    }

    /// Half are below it.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The smallest.
    pub fn min(&self) -> f64 {
        self.0[0]
    }

    /// The largest.
    pub fn max(&self) -> f64 {
        self.0[self.0.len() - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_a_hundred() {
        let samples = Samples::new((1..=101).rev().map(f64::from).collect());
        assert_eq!((samples.min(), samples.median(), samples.max()), (1.0, 51.0, 101.0));
        assert!((samples.quantile(0.99) - 100.0).abs() < f64::EPSILON);
    }
}
