//! The metrics of this crate, and the counters that are touched for each decision.

use card::{Kind, Outcome};
use metrics::Counter;

/// Decisions by kind and response code.
pub const DECISIONS: &str = "switch_decisions_total";
/// Cards with an actor.
pub const LIVE_CARDS: &str = "switch_live_cards";
/// Partitions that stopped.
pub const PARTITIONS_STOPPED: &str = "switch_partitions_stopped";
/// Cards that stopped because something is wrong with their data.
pub const CARDS_STOPPED: &str = "switch_cards_stopped";
/// How long the last recovery took.
pub const REPLAY_SECONDS: &str = "switch_replay_seconds";
/// Commands that the last recovery folded.
pub const REPLAY_COMMANDS: &str = "switch_replay_commands_total";

const OUTCOMES: usize = 32;
const KINDS: usize = 16;

/// A counter for each kind and outcome, made once so that counting is one addition.
pub(crate) struct DecisionCounters(Vec<Counter>);

impl DecisionCounters {
    /// `code_of` names an outcome on the wire.
    pub(crate) fn new(code_of: fn(Outcome) -> String) -> Self {
        let slots = KINDS * OUTCOMES;
        let mut counters: Vec<Counter> = (0..slots).map(|_| Counter::noop()).collect();
        let reasons = card::DeclineReason::ALL
            .iter()
            .map(|reason| Outcome::Declined(*reason));
        for outcome in reasons.chain([Outcome::Approved]) {
            for kind in Kind::ALL {
                let labels = [("kind", kind.text().to_owned()), ("code", code_of(outcome))];
                if let Some(slot) = counters.get_mut(slot(*kind, outcome)) {
                    *slot = metrics::counter!(DECISIONS, &labels);
                }
            }
        }
        Self(counters)
    }

    pub(crate) fn count(&self, kind: Kind, outcome: Outcome) {
        if let Some(counter) = self.0.get(slot(kind, outcome)) {
            counter.increment(1);
        }
    }
}

fn slot(kind: Kind, outcome: Outcome) -> usize {
    usize::from(kind as u8) * OUTCOMES + usize::from(outcome.number())
}
