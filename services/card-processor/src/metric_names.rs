//! The metrics of this crate, and the counters that are touched for each decision.

use std::sync::OnceLock;

use metrics::Counter;

use card::{Kind, Outcome};

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

/// A counter for each kind and outcome that came up, made at its first use so that counting is one
/// addition and nothing is shown that never happened.
pub(crate) struct DecisionCounters {
    counters: Vec<OnceLock<Counter>>,
    code_of: fn(Outcome) -> String,
}

impl DecisionCounters {
    /// `code_of` names an outcome on the wire.
    pub(crate) fn new(code_of: fn(Outcome) -> String) -> Self {
        Self {
            counters: (0..KINDS * OUTCOMES).map(|_| OnceLock::new()).collect(),
            code_of,
        }
    }

    pub(crate) fn count(&self, kind: Kind, outcome: Outcome) {
        let slot = usize::from(kind as u8) * OUTCOMES + usize::from(outcome.number());
        if let Some(slot) = self.counters.get(slot) {
            slot.get_or_init(|| self.make(kind, outcome)).increment(1);
        }
    }

    fn make(&self, kind: Kind, outcome: Outcome) -> Counter {
        let labels = [
            ("kind", kind.text().to_owned()),
            ("code", (self.code_of)(outcome)),
        ];
        metrics::counter!(DECISIONS, &labels)
    }
}
