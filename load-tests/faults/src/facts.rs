//! What was measured, and how it is told.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

/// What the terminals of all loads of a scenario saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadFacts {
    /// Asked, reversals of lost answers included.
    pub requests: u64,
    /// Answered.
    pub answered: u64,
    /// Answered that it was done.
    pub approved: u64,
    /// Left without an answer, and reversed.
    pub lost: u64,
    /// Answers by response code.
    pub codes: BTreeMap<String, u64>,
    /// From when a request was due to its answer, in microseconds.
    pub p50_us: u64,
    /// The same, of the slowest hundredth.
    pub p99_us: u64,
    /// The same, of the slowest.
    pub max_us: u64,
    /// Answers a second.
    pub per_second: u64,
    /// Connections that were opened again.
    pub reconnections: u64,
}

// === impl LoadFacts ===

impl LoadFacts {
    pub(crate) fn of(summary: &Value, lost: u64) -> Self {
        let number = |value: &Value| value.as_u64().unwrap_or(0);
        let codes = summary["by_code"].as_object().into_iter().flatten();
        Self {
            requests: number(&summary["requests"]),
            answered: number(&summary["answered"]),
            approved: number(&summary["approved"]),
            lost,
            codes: codes
                .map(|(code, count)| (code.clone(), number(count)))
                .collect(),
            p50_us: number(&summary["latency_us"]["p50"]),
            p99_us: number(&summary["latency_us"]["p99"]),
            max_us: number(&summary["latency_us"]["max"]),
            per_second: number(&summary["per_second"]),
            reconnections: number(&summary["reconnections"]),
        }
    }

    /// Adds the counts of another load; latencies stay those of the first.
    pub(crate) fn add(&mut self, other: &Self) {
        if self.requests == 0 {
            *self = other.clone();
            return;
        }
        self.requests += other.requests;
        self.answered += other.answered;
        self.approved += other.approved;
        self.lost += other.lost;
        for (code, count) in &other.codes {
            *self.codes.entry(code.clone()).or_default() += count;
        }
        self.reconnections += other.reconnections;
    }
}

/// What `floatswitch check --against` every record said. Only a clean one becomes facts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckFacts {
    /// Cards whose states, journals and hash chains were verified.
    pub cards: u64,
    /// Journal rows.
    pub rows: u64,
    /// Recorded answers, each booked exactly once as it was told.
    pub answered: u64,
    /// Recorded requests without an answer, each settled by its reversal.
    pub unanswered: u64,
    /// Decisions found for both.
    pub booked: u64,
}

/// One measured line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// What, such as `takeover, p99`.
    pub what: String,
    /// How much, such as `7.4 s`.
    pub value: String,
}

/// What a scenario came to.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// What was measured, in its order.
    pub measures: Vec<Measure>,
    /// What the terminals saw.
    pub load: LoadFacts,
    /// What the books said at the end.
    pub check: CheckFacts,
    /// From the first process to the last check.
    pub took: Duration,
}

// === impl Facts ===

impl Facts {
    /// Notes a number or a word.
    pub(crate) fn note(&mut self, what: &str, value: impl ToString) {
        self.measures.push(Measure {
            what: what.to_owned(),
            value: value.to_string(),
        });
    }

    /// Notes one time.
    pub(crate) fn time(&mut self, what: &str, time: Duration) {
        self.note(what, seconds(time));
    }

    /// Notes the middle and the worst of several times, or the only one.
    pub(crate) fn times(&mut self, what: &str, mut times: Vec<Duration>) {
        times.sort_unstable();
        if let [time] = times.as_slice() {
            return self.time(what, *time);
        }
        let at = |percent: usize| times.get((times.len() * percent).div_ceil(100).max(1) - 1);
        for (name, percent) in [("p50", 50), ("p99", 99), ("max", 100)] {
            if let Some(time) = at(percent) {
                self.time(&format!("{what}, {name} of {}", times.len()), *time);
            }
        }
    }

    /// The measured times of a name, as text.
    pub fn measure(&self, what: &str) -> Option<&str> {
        let found = self.measures.iter().find(|measure| measure.what == what)?;
        Some(&found.value)
    }
}

/// `7.41 s`.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{}.{:02} s", time.as_secs(), time.subsec_millis() / 10)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Facts, seconds};

    #[test]
    fn times_are_told_by_rank() {
        let mut facts = Facts::default();
        facts.times("takeover", (1..=200).map(Duration::from_secs).collect());
        assert_eq!(facts.measure("takeover, p50 of 200"), Some("100.00 s"));
        assert_eq!(facts.measure("takeover, p99 of 200"), Some("198.00 s"));
        assert_eq!(facts.measure("takeover, max of 200"), Some("200.00 s"));
        facts.times("nothing", Vec::new());
        assert_eq!(facts.measures.len(), 3);
        assert_eq!(seconds(Duration::from_millis(7_419)), "7.41 s");
    }
}
