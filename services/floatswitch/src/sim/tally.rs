//! What was asked and answered, and how it is told at the end.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;

use super::answer::Answer;
use super::args::OutputForm;
use super::error::SimError;

/// Counts and latencies of one connection, or of all.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Requests sent, reversals included, repetitions not.
    pub(crate) requests: u64,
    pub(crate) answered: u64,
    pub(crate) approved: u64,
    pub(crate) by_code: BTreeMap<[u8; 2], u64>,
    /// Requests due at their fixed time and never sent, because no terminal was free.
    pub(crate) unsent: u64,
    /// Answers that no terminal waited for.
    pub(crate) unmatched: u64,
    /// Reversals and advices that were told to come again later.
    pub(crate) put_off: u64,
    pub(crate) reconnections: u64,
    /// Microseconds, three significant digits.
    latencies: Histogram<u64>,
    last_answer_at: Option<Instant>,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            requests: 0,
            answered: 0,
            approved: 0,
            by_code: BTreeMap::new(),
            unsent: 0,
            unmatched: 0,
            put_off: 0,
            reconnections: 0,
            // It grows by itself, so that idle connections stay small.
            latencies: Histogram::new(3).expect("three digits are within the histogram's range"),
            last_answer_at: None,
        }
    }

    /// Counts an answer to a request meant to be sent at `since`.
    pub(crate) fn count_answer(&mut self, answer: &Answer, since: Instant, now: Instant) {
        self.answered += 1;
        self.approved += u64::from(answer.is_approved());
        *self.by_code.entry(answer.code).or_default() += 1;
        let nanos = now.saturating_duration_since(since).as_nanos();
        let micros = u64::try_from(nanos.div_ceil(1_000)).unwrap_or(u64::MAX);
        self.latencies.saturating_record_growing(micros);
        self.last_answer_at = Some(now);
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.answered += other.answered;
        self.approved += other.approved;
        for (code, count) in &other.by_code {
            *self.by_code.entry(*code).or_default() += count;
        }
        self.unsent += other.unsent;
        self.unmatched += other.unmatched;
        self.put_off += other.put_off;
        self.reconnections += other.reconnections;
        self.latencies
            .add(&other.latencies)
            .expect("the histogram grows by itself");
        self.last_answer_at = self.last_answer_at.max(other.last_answer_at);
    }

    /// The result of a run that began at `start`.
    pub(crate) fn summary(&self, start: Instant) -> Summary {
        let took = self
            .last_answer_at
            .map_or(Duration::ZERO, |last| last.saturating_duration_since(start));
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let code = |code: &[u8; 2]| String::from_utf8_lossy(code).into_owned();
        Summary {
            requests: self.requests,
            answered: self.answered,
            approved: self.approved,
            by_code: self
                .by_code
                .iter()
                .map(|(key, count)| (code(key), *count))
                .collect(),
            seconds: took.as_secs_f64(),
            per_second: self
                .answered
                .saturating_mul(1_000_000)
                .checked_div(micros)
                .unwrap_or(0),
            latency_us: LatencyMicros {
                p50: self.latencies.value_at_quantile(0.5),
                p90: self.latencies.value_at_quantile(0.9),
                p99: self.latencies.value_at_quantile(0.99),
                p999: self.latencies.value_at_quantile(0.999),
                max: self.latencies.max(),
            },
            unsent: self.unsent,
            unmatched: self.unmatched,
            put_off: self.put_off,
            reconnections: self.reconnections,
        }
    }
}

/// Recording that neither fails nor loses a value.
trait RecordGrowing {
    fn saturating_record_growing(&mut self, value: u64);
}

impl RecordGrowing for Histogram<u64> {
    fn saturating_record_growing(&mut self, value: u64) {
        if self.record(value).is_err() {
            self.saturating_record(value);
        }
    }
}

/// The end of a run. The names are an interface: scripts read them.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    /// Requests sent, reversals included, repetitions not.
    pub(crate) requests: u64,
    /// How many of them were answered.
    pub(crate) answered: u64,
    /// How many answers say that it was done.
    pub(crate) approved: u64,
    /// Answers by response code.
    pub(crate) by_code: BTreeMap<String, u64>,
    /// From the start to the last answer.
    #[expect(
        clippy::disallowed_types,
        reason = "a report for people and plots, not money"
    )]
    pub(crate) seconds: f64,
    /// Answers a second.
    pub(crate) per_second: u64,
    /// From when a request was due to its answer.
    pub(crate) latency_us: LatencyMicros,
    /// Requests due at their fixed time and never sent, because no terminal was free.
    pub(crate) unsent: u64,
    /// Answers that no terminal waited for.
    pub(crate) unmatched: u64,
    /// Reversals and advices that were answered 91 or 96, and so sent again.
    pub(crate) put_off: u64,
    /// Connections that were opened again.
    pub(crate) reconnections: u64,
}

/// Latency in microseconds.
#[derive(Debug, Serialize)]
pub(crate) struct LatencyMicros {
    pub(crate) p50: u64,
    pub(crate) p90: u64,
    pub(crate) p99: u64,
    pub(crate) p999: u64,
    pub(crate) max: u64,
}

impl Summary {
    /// Prints to stdout.
    ///
    /// # Errors
    /// [`SimError::Print`] when nobody reads.
    pub(crate) fn print(&self, form: OutputForm) -> Result<(), SimError> {
        let mut out = io::stdout().lock();
        let printed = match form {
            OutputForm::Text => write!(out, "{self}"),
            OutputForm::Json => serde_json::to_writer(&mut out, self)
                .map_err(io::Error::from)
                .and_then(|()| writeln!(out)),
        };
        printed.and_then(|()| out.flush()).map_err(SimError::Print)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LatencyMicros {
            p50,
            p90,
            p99,
            p999,
            max,
        } = &self.latency_us;
        writeln!(f, "requests    {:>12}", self.requests)?;
        writeln!(
            f,
            "answered    {:>12}  in {:.2} s",
            self.answered, self.seconds
        )?;
        writeln!(f, "approved    {:>12}", self.approved)?;
        writeln!(f, "per second  {:>12}", self.per_second)?;
        writeln!(
            f,
            "latency us  p50 {p50}  p90 {p90}  p99 {p99}  p99.9 {p999}  max {max}"
        )?;
        for (code, count) in &self.by_code {
            writeln!(f, "code {code}     {count:>12}")?;
        }
        for (name, count) in [
            ("unsent", self.unsent),
            ("unmatched", self.unmatched),
            ("put off", self.put_off),
            ("reconnected", self.reconnections),
        ] {
            if count > 0 {
                writeln!(f, "{name:<11} {count:>12}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use iso8583::Mti;

    use super::*;

    fn answer(code: &[u8; 2]) -> Answer {
        Answer {
            mti: Mti::FINANCIAL_RESPONSE,
            terminal: 1,
            stan: 1,
            code: *code,
            rrn: None,
            approval: None,
            date: None,
        }
    }

    #[test]
    fn connections_add_up_to_one_object() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let (mut one, mut two) = (Tally::new(), Tally::new());
        one.requests = 3;
        two.requests = 1;
        one.count_answer(&answer(b"00"), at(0), at(500));
        one.count_answer(&answer(b"51"), at(500), at(2_000));
        two.count_answer(&answer(b"00"), at(0), at(1_000));
        one.add(&two);
        let value = serde_json::to_value(one.summary(start)).unwrap();
        assert_eq!(value["requests"], 4);
        assert_eq!(value["answered"], 3);
        assert_eq!(value["approved"], 2);
        assert_eq!(value["by_code"], serde_json::json!({"00": 2, "51": 1}));
        assert_eq!(value["seconds"], 2.0);
        assert_eq!(value["per_second"], 1);
        let max = value["latency_us"]["max"].as_u64().unwrap();
        assert!(max.abs_diff(1_500_000) < 2_000, "{max}");
    }

    #[test]
    fn a_run_without_answers_has_a_summary_too() {
        let value = serde_json::to_value(Tally::new().summary(Instant::now())).unwrap();
        assert_eq!(
            (&value["per_second"], &value["answered"]),
            (&0.into(), &0.into())
        );
    }
}
