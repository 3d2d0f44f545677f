//! The names of this crate's metrics, and their handles, taken once so that a frame costs no lookup.

use metrics::{Counter, Gauge, counter, gauge};

use crate::response_code::ResponseCode;

/// Gauge: open connections of acquirers.
pub const CONNECTIONS: &str = "switch_connections";
/// Counter: connections closed at once because the listener was full.
pub const CONNECTIONS_REFUSED_TOTAL: &str = "switch_connections_refused_total";
/// Counter: connections ended by the switch, by `reason`.
pub const CONNECTIONS_CUT_TOTAL: &str = "switch_connections_cut_total";
/// Gauge: requests without an answer yet.
pub const EXCHANGES_IN_FLIGHT: &str = "switch_exchanges_in_flight";
/// Counter: exchanges given up because no decision came in time.
pub const EXCHANGES_EXPIRED_TOTAL: &str = "switch_exchanges_expired_total";
/// Counter: frames refused before a command was made, by `reason`.
pub const FRAMES_REFUSED_TOTAL: &str = "switch_frames_refused_total";
/// Counter: replies that nobody waited for any more.
pub const REPLIES_LATE_TOTAL: &str = "switch_replies_late_total";
/// Counter: answers that the edge gave by itself, by `code`.
pub const EDGE_ANSWERS_TOTAL: &str = "switch_edge_answers_total";

const LABEL_REASON: &str = "reason";
const LABEL_CODE: &str = "code";

/// Why a frame led to no command and to no ordinary answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameRefusal {
    /// Its length is none of this dialect.
    Framing,
    /// Longer than the listener takes.
    TooLong,
    /// Not a message of this dialect.
    Undecodable,
    /// A message type that the trade does not use, or one that a terminal never sends.
    UnknownType,
}

impl FrameRefusal {
    const ALL: [Self; 4] = [
        Self::Framing,
        Self::TooLong,
        Self::Undecodable,
        Self::UnknownType,
    ];

    const fn label(self) -> &'static str {
        match self {
            Self::Framing => "framing",
            Self::TooLong => "too_long",
            Self::Undecodable => "undecodable",
            Self::UnknownType => "unknown_type",
        }
    }
}

/// Why the switch ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// No frame for the idle time.
    Idle,
    /// A frame was started and not completed.
    SlowFrame,
    /// The peer does not take our answers.
    SlowReader,
    /// Its bytes were no frames or no messages.
    Garbage,
}

impl Cut {
    const ALL: [Self; 4] = [Self::Idle, Self::SlowFrame, Self::SlowReader, Self::Garbage];

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::SlowFrame => "slow_frame",
            Self::SlowReader => "slow_reader",
            Self::Garbage => "garbage",
        }
    }
}

/// Codes that the edge answers by itself.
const EDGE_CODES: [ResponseCode; 14] = [
    ResponseCode::APPROVED,
    ResponseCode::INVALID_MERCHANT,
    ResponseCode::NO_SUCH_CARD,
    ResponseCode::FORMAT_ERROR,
    ResponseCode::NOT_SUPPORTED,
    ResponseCode::DUPLICATE,
    ResponseCode::SYSTEM_MALFUNCTION,
    ResponseCode::UNKNOWN_TERMINAL,
    ResponseCode::NOT_PERMITTED,
    ResponseCode::ACQUIRER_SIGNED_OFF,
    ResponseCode::OTHER_BATCH,
    ResponseCode::UPLOAD_AGAIN,
    ResponseCode::ORIGINAL_INVALID,
    ResponseCode::NOTHING_TO_RECONCILE,
];

/// Handles of all metrics of one connector.
pub(crate) struct Metrics {
    pub(crate) connections: Gauge,
    pub(crate) connections_refused: Counter,
    pub(crate) exchanges_in_flight: Gauge,
    pub(crate) exchanges_expired: Counter,
    pub(crate) replies_late: Counter,
    frames_refused: [Counter; FrameRefusal::ALL.len()],
    connections_cut: [Counter; Cut::ALL.len()],
    edge_answers: [(ResponseCode, Counter); EDGE_CODES.len()],
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self {
            connections: gauge!(CONNECTIONS),
            connections_refused: counter!(CONNECTIONS_REFUSED_TOTAL),
            exchanges_in_flight: gauge!(EXCHANGES_IN_FLIGHT),
            exchanges_expired: counter!(EXCHANGES_EXPIRED_TOTAL),
            replies_late: counter!(REPLIES_LATE_TOTAL),
            frames_refused: FrameRefusal::ALL
                .map(|reason| counter!(FRAMES_REFUSED_TOTAL, LABEL_REASON => reason.label())),
            connections_cut: Cut::ALL
                .map(|reason| counter!(CONNECTIONS_CUT_TOTAL, LABEL_REASON => reason.label())),
            edge_answers: EDGE_CODES.map(|code| {
                (
                    code,
                    counter!(EDGE_ANSWERS_TOTAL, LABEL_CODE => code.as_str().to_owned()),
                )
            }),
        }
    }

    pub(crate) fn frame_refused(&self, reason: FrameRefusal) {
        let place = FrameRefusal::ALL.iter().position(|other| *other == reason);
        if let Some(counter) = place.and_then(|place| self.frames_refused.get(place)) {
            counter.increment(1);
        }
    }

    pub(crate) fn connection_cut(&self, reason: Cut) {
        let place = Cut::ALL.iter().position(|other| *other == reason);
        if let Some(counter) = place.and_then(|place| self.connections_cut.get(place)) {
            counter.increment(1);
        }
    }

    pub(crate) fn edge_answered(&self, code: ResponseCode) {
        if let Some((_, counter)) = self.edge_answers.iter().find(|(other, _)| *other == code) {
            counter.increment(1);
        }
    }
}

/// A count as the step of a gauge.
#[expect(
    clippy::disallowed_types,
    clippy::as_conversions,
    reason = "gauges are floating point; a count of exchanges is exact in it"
)]
pub(crate) fn gauge_step(count: usize) -> f64 {
    count as f64
}
