//! Some seeds of the simulator in the time that CI has: nothing is violated, and a seed is the same
//! plan each time. With the feature `mutants` every broken line must be seen.

use sim::campaign::{Campaign, plan_of, tell};

/// Seeds that CI plays. A nightly run plays a million.
const SEEDS: u64 = 1_500;

#[test]
fn nothing_is_violated() {
    let campaign = Campaign {
        first: 1,
        count: SEEDS,
        mutant: None,
    };
    let report = campaign.run(|_| {});
    if let Some((seed, violation)) = report.failed {
        panic!("{}", tell(seed, None).unwrap_or(violation.to_string()));
    }
    assert_eq!(report.played, SEEDS);
    assert!(report.ratio() >= 100, "{} : 1", report.ratio());
}

#[test]
fn a_seed_is_the_same_plan_each_time() {
    for seed in 1..40 {
        assert_eq!(plan_of(seed), plan_of(seed), "seed {seed}");
        assert_ne!(plan_of(seed), plan_of(seed + 1), "seed {seed}");
    }
}

#[cfg(feature = "mutants")]
#[test]
fn every_broken_line_is_seen() {
    use mutants::Mutant;

    /// More than the hardest one needs.
    const SEEDS_MAX: u64 = 60_000;
    for mutant in Mutant::ALL.iter().copied() {
        let campaign = Campaign {
            first: 1,
            count: SEEDS_MAX,
            mutant: Some(mutant),
        };
        let report = campaign.run(|_| {});
        assert!(report.failed.is_some(), "{} was not seen", mutant.name());
    }
}
