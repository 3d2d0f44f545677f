//! Ranks of a Zipf distribution in constant time: rejection-inversion after Hörmann and Derflinger.
#![expect(
    clippy::disallowed_types,
    clippy::float_arithmetic,
    reason = "chooses which card pays next; no money and no time is computed here"
)]

use super::random::Random;

/// Rank `k` of `count` comes with a probability proportional to `k^-exponent`.
#[derive(Debug, Clone)]
pub(crate) struct Zipf {
    count: u64,
    exponent: f64,
    integral_first: f64,
    integral_last: f64,
    shortcut: f64,
}

impl Zipf {
    /// `exponent` in hundredths, above 0: 110 is 1.1.
    pub(crate) fn new(count: u64, exponent_hundredths: u32) -> Self {
        let mut zipf = Self {
            count: count.max(1),
            exponent: f64::from(exponent_hundredths.max(1)) / 100.0,
            integral_first: 0.0,
            integral_last: 0.0,
            shortcut: 0.0,
        };
        zipf.integral_first = zipf.integral(1.5) - 1.0;
        zipf.integral_last = zipf.integral(zipf.count as f64 + 0.5);
        zipf.shortcut = 2.0 - zipf.integral_inverse(zipf.integral(2.5) - zipf.density(2.0));
        zipf
    }

    /// A rank from 1 to `count`; 1 is the most frequent.
    pub(crate) fn rank(&self, random: &mut Random) -> u64 {
        loop {
            let unit = (random.next() >> 11) as f64 / (1_u64 << 53) as f64;
            let area = self.integral_last + unit * (self.integral_first - self.integral_last);
            let exact = self.integral_inverse(area);
            let rank = ((exact + 0.5) as u64).clamp(1, self.count);
            let middle = rank as f64;
            if middle - exact <= self.shortcut
                || area >= self.integral(middle + 0.5) - self.density(middle)
            {
                return rank;
            }
        }
    }

    fn density(&self, rank: f64) -> f64 {
        (-self.exponent * rank.ln()).exp()
    }

    fn integral(&self, rank: f64) -> f64 {
        let log = rank.ln();
        let power = (1.0 - self.exponent) * log;
        let ratio = if power.abs() > 1e-8 {
            power.exp_m1() / power
        } else {
            1.0 + power / 2.0
        };
        ratio * log
    }

    fn integral_inverse(&self, area: f64) -> f64 {
        let power = (area * (1.0 - self.exponent)).max(-1.0);
        let ratio = if power.abs() > 1e-8 {
            power.ln_1p() / power
        } else {
            1.0 - power / 2.0
        };
        (ratio * area).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws 100,000 ranks and compares the shares of the first three, in permille.
    fn check(count: u64, exponent_hundredths: u32, shares: [u64; 3]) {
        let zipf = Zipf::new(count, exponent_hundredths);
        let mut random = Random::new(7, 0);
        let mut seen = vec![0_u64; count as usize + 1];
        for _ in 0..100_000 {
            seen[zipf.rank(&mut random) as usize] += 1;
        }
        assert_eq!(seen[0], 0);
        for (rank, share) in (1..).zip(shares) {
            let found: u64 = seen[rank] / 100;
            assert!(
                found.abs_diff(share) <= 6,
                "rank {rank}: {found}, not {share} permille"
            );
        }
    }

    #[test]
    fn shares_follow_the_exponent() {
        // Computed as k^-s over the sum of all k^-s.
        check(10, 100, [341, 171, 114]);
        check(1_000, 110, [179, 84, 54]);
    }

    #[test]
    fn a_single_card_has_a_single_rank() {
        assert_eq!(Zipf::new(1, 110).rank(&mut Random::new(1, 0)), 1);
    }
}
