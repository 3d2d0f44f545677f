//! Ratios, goals and whether they are met. In integers: hundredths are enough for a ratio.

use std::fmt;

use crate::measured::{Embedded, Latency, Part, Parts};

/// A number with two decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hundredths(pub(crate) u64);

impl Hundredths {
    /// `part / whole`, rounded; nothing by nothing is 0.
    pub(crate) fn ratio(part: u64, whole: u64) -> Self {
        let rounded = part.saturating_mul(100).saturating_add(whole / 2);
        Self(rounded.checked_div(whole).unwrap_or(0))
    }

    pub(crate) const fn whole(number: u64) -> Self {
        Self(number.saturating_mul(100))
    }
}

impl fmt::Display for Hundredths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

/// What a value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    AtMost(Hundredths),
    AtLeast(Hundredths),
}

/// A value beside what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Goal {
    what: String,
    value: Hundredths,
    bound: Bound,
}

/// Half met: within twice the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Met,
    HalfMet,
    Missed,
}

impl Goal {
    fn verdict(&self) -> Verdict {
        let Hundredths(value) = self.value;
        let (is_met, is_half_met) = match self.bound {
            Bound::AtMost(Hundredths(bound)) => (value <= bound, value <= bound.saturating_mul(2)),
            Bound::AtLeast(Hundredths(bound)) => (value >= bound, value >= bound / 2),
        };
        match (is_met, is_half_met) {
            (true, _) => Verdict::Met,
            (false, true) => Verdict::HalfMet,
            (false, false) => Verdict::Missed,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, bound) = match self.bound {
            Bound::AtMost(bound) => ("<=", bound),
            Bound::AtLeast(bound) => (">=", bound),
        };
        let verdict = match self.verdict() {
            Verdict::Met => "met",
            Verdict::HalfMet => "half met",
            Verdict::Missed => "**missed**",
        };
        write!(
            f,
            "{} = {} (goal {sign} {bound}): {verdict}",
            self.what, self.value
        )
    }
}

const STALL_US: u64 = 100_000;

/// Every goal whose part was measured.
pub(crate) fn goals(embedded: &Embedded) -> Vec<Goal> {
    let parts = &embedded.parts;
    let mut goals = Vec::new();
    if let Some(e1) = parts.e1 {
        let (own, disk) = (e1.load.latency_us, e1.y1.latency_us);
        goals.push(at_most(
            "E1 p50 / Y1 p50",
            Hundredths::ratio(own.p50, disk.p50),
            Hundredths(250),
        ));
        goals.push(at_most(
            "E1 p99 / Y1 p99",
            Hundredths::ratio(own.p99, disk.p99),
            Hundredths(400),
        ));
    }
    goals.extend(rate("E2", parts.e2, Hundredths(50)));
    goals.extend(rate("E3", parts.e3, Hundredths(30)));
    if let Some(e3) = parts.e3 {
        goals.push(at_most(
            "E3 p99 in ms",
            millis(e3.load.latency_us.p99),
            Hundredths::whole(10),
        ));
    }
    goals.extend(rate("E4", parts.e4, Hundredths(25)));
    goals.extend(skew(parts));
    if let Some(e4) = parts.e4 {
        let share = Hundredths::ratio(e4.records_per_sync, e4.connections * e4.in_flight);
        goals.push(at_least(
            "E6 records per sync / in flight, at E4",
            share,
            Hundredths(25),
        ));
    }
    goals.extend(memory(parts));
    goals.extend(parts.e8.map(stall));
    goals.extend(disk_goals(parts));
    goals
}

fn rate(name: &str, part: Option<Part>, bound: Hundredths) -> Option<Goal> {
    let part = part?;
    let ratio = Hundredths::ratio(part.load.per_second, part.y2?.per_second);
    Some(at_least(&format!("{name} rate / Y2 rate"), ratio, bound))
}

/// E5: some cards pay much more often than others.
fn skew(parts: &Parts) -> Vec<Goal> {
    let (Some(even), Some(skewed)) = (parts.e3, parts.e5) else {
        return Vec::new();
    };
    let rate = Hundredths::ratio(skewed.load.per_second, even.load.per_second);
    let p99 = |part: Part| part.load.latency_us.p99;
    vec![
        at_least("E5 zipf 1.1 rate / E3 rate", rate, Hundredths(85)),
        at_most(
            "E5 zipf 1.1 p99 / E3 p99",
            Hundredths::ratio(p99(skewed), p99(even)),
            Hundredths(150),
        ),
    ]
}

fn memory(parts: &Parts) -> Option<Goal> {
    let memory = parts.e7?;
    let grown = memory.live_kib.saturating_sub(memory.idle_kib);
    let each = Hundredths::ratio(grown, memory.live);
    Some(at_most(
        "E7 KiB of a live card",
        each,
        Hundredths::whole(10),
    ))
}

/// E8: a stall that the disk alone shows too is the disk's.
fn stall(part: Part) -> Goal {
    let Latency { max, .. } = part.y1.latency_us;
    let bound = millis(max.max(STALL_US));
    at_most(
        "E8 worst answer in ms",
        millis(part.load.latency_us.max),
        bound,
    )
}

fn disk_goals(parts: &Parts) -> Vec<Goal> {
    let mut goals = Vec::new();
    if let Some(cold) = parts.e9 {
        let p99 = millis(cold.part.load.latency_us.p99);
        goals.push(at_most(
            "E9 p99 of a cold card in ms",
            p99,
            Hundredths::whole(2),
        ));
    }
    if let Some(recovery) = parts.recovery {
        let what = format!("recovery of {} commands in s", recovery.commands);
        let seconds = Hundredths::ratio(recovery.ms, 1_000);
        goals.push(at_most(&what, seconds, Hundredths::whole(5)));
    }
    goals
}

fn millis(micros: u64) -> Hundredths {
    Hundredths::ratio(micros, 1_000)
}

fn at_most(what: &str, value: Hundredths, bound: Hundredths) -> Goal {
    let (what, bound) = (what.to_owned(), Bound::AtMost(bound));
    Goal { what, value, bound }
}

fn at_least(what: &str, value: Hundredths, bound: Hundredths) -> Goal {
    let (what, bound) = (what.to_owned(), Bound::AtLeast(bound));
    Goal { what, value, bound }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn a_goal_is_met_half_met_or_missed() {
        for (goal, verdict) in [
            (at_most("x", Hundredths(250), Hundredths(250)), Verdict::Met),
            (
                at_most("x", Hundredths(251), Hundredths(250)),
                Verdict::HalfMet,
            ),
            (
                at_most("x", Hundredths(501), Hundredths(250)),
                Verdict::Missed,
            ),
            (at_least("x", Hundredths(30), Hundredths(30)), Verdict::Met),
            (
                at_least("x", Hundredths(15), Hundredths(30)),
                Verdict::HalfMet,
            ),
            (
                at_least("x", Hundredths(14), Hundredths(30)),
                Verdict::Missed,
            ),
        ] {
            assert_eq!(goal.verdict(), verdict, "{goal}");
        }
    }

    #[test]
    fn ratios_are_rounded_and_never_divide_by_nothing() {
        assert_eq!(Hundredths::ratio(2, 3).to_string(), "0.67");
        assert_eq!(Hundredths::ratio(1_000, 4).to_string(), "250.00");
        assert_eq!(Hundredths::ratio(1, 0).to_string(), "0.00");
    }

    #[test]
    fn every_goal_of_the_table_is_judged() {
        let told: Vec<String> = goals(&sample::embedded())
            .iter()
            .map(Goal::to_string)
            .collect();
        let told = told.join("\n");
        for name in [
            "E1", "E2", "E3", "E4", "E5", "E6", "E7", "E8", "E9", "recovery",
        ] {
            assert!(told.contains(name), "{name} in\n{told}");
        }
        assert!(
            told.contains("E3 rate / Y2 rate = 0.20 (goal >= 0.30): half met"),
            "{told}"
        );
    }

    #[test]
    fn a_stall_of_the_disk_is_not_the_switchs() {
        let mut part = sample::part(1_000, 500);
        part.load.latency_us.max = 150_000;
        assert_eq!(stall(part).verdict(), Verdict::HalfMet);
        part.y1.latency_us.max = 160_000;
        assert_eq!(stall(part).verdict(), Verdict::Met);
    }

    #[test]
    fn what_was_not_measured_is_not_judged() {
        let mut embedded = sample::embedded();
        embedded.parts = Parts::default();
        assert_eq!(goals(&embedded), []);
    }
}
