//! Every metric of the switch: name, kind, labels, meaning and buckets.
//!
//! Label values come from closed lists (message kinds, response codes, reasons, programme numbers), so the
//! number of series is bounded. Crates that do not depend on this one write the name as text; a repository
//! test keeps the two in step.
#![expect(
    clippy::disallowed_types,
    reason = "Prometheus counts in floating point; nothing here flows back into the switch"
)]

#[cfg(feature = "otlp")]
use metrics::counter as count;
use metrics::{Unit, gauge};

/// Decisions made, by `kind` of command and response `code`.
pub const DECISIONS_TOTAL: &str = "switch_decisions_total";
/// Time from handing a command to the log until it is durable.
pub const APPEND_SECONDS: &str = "switch_append_seconds";
/// Time of one sync of the log to disk.
pub const SYNC_SECONDS: &str = "switch_sync_seconds";
/// Commands made durable by one sync.
pub const RECORDS_PER_SYNC: &str = "switch_records_per_sync";
/// Cards in memory.
pub const LIVE_CARDS: &str = "switch_live_cards";
/// Requests without an answer yet.
pub const EXCHANGES_IN_FLIGHT: &str = "switch_exchanges_in_flight";
/// Open connections of acquirers.
pub const CONNECTIONS: &str = "switch_connections";
/// Connections closed at once because the listener was full.
pub const CONNECTIONS_REFUSED_TOTAL: &str = "switch_connections_refused_total";
/// Connections ended by the switch, by `reason`.
pub const CONNECTIONS_CUT_TOTAL: &str = "switch_connections_cut_total";
/// Exchanges given up because no decision came in time.
pub const EXCHANGES_EXPIRED_TOTAL: &str = "switch_exchanges_expired_total";
/// Answers that the edge gave by itself, without a card's decision, by `code`.
pub const EDGE_ANSWERS_TOTAL: &str = "switch_edge_answers_total";
/// Replies that came after their deadline and were dropped.
pub const REPLIES_LATE_TOTAL: &str = "switch_replies_late_total";
/// Frames refused before a command was made, by `reason`.
pub const FRAMES_REFUSED_TOTAL: &str = "switch_frames_refused_total";
/// Time to replay one partition after a start.
pub const REPLAY_SECONDS: &str = "switch_replay_seconds";
/// Commands decided again during replay.
pub const REPLAY_COMMANDS_TOTAL: &str = "switch_replay_commands_total";
/// Time of one checkpoint.
pub const CHECKPOINT_SECONDS: &str = "switch_checkpoint_seconds";
/// Cards whose newest state is only in the log and in memory.
pub const DIRTY_CARDS: &str = "switch_dirty_cards";
/// Cards read from the store because they were not in memory, by `source`.
pub const CARD_LOADS_TOTAL: &str = "switch_card_loads_total";
/// Partitions that stopped and wait for an operator.
pub const PARTITIONS_STOPPED: &str = "switch_partitions_stopped";
/// Cards that stopped because something is wrong with their data.
pub const CARDS_STOPPED: &str = "switch_cards_stopped";
/// Money on all cards, in fen, by `programme`.
pub const FLOAT_FEN: &str = "switch_float_fen";
/// Steps of sampled requests that a collector of traces has taken.
pub const TRACE_SPANS_EXPORTED_TOTAL: &str = "switch_trace_spans_exported_total";
/// Steps of sampled requests that no collector of traces has taken, by `reason`.
pub const TRACE_SPANS_DROPPED_TOTAL: &str = "switch_trace_spans_dropped_total";
/// Time from sending the write of a card until its acknowledgement.
pub const STORE_WRITE_SECONDS: &str = "switch_store_write_seconds";
/// Writes of a card without a good answer, each tried again, by outcome.
pub const STORE_WRITES_FAILED_TOTAL: &str = "switch_store_writes_failed_total";
/// States of an earlier owner that were written again at their load.
pub const STATES_TAKEN_OVER_TOTAL: &str = "switch_store_states_taken_over_total";
/// States that were not what the switch wrote: their cards stop.
pub const STATES_DAMAGED_TOTAL: &str = "switch_store_states_damaged_total";
/// Partitions given up because a newer owner was found.
pub const ASSIGNMENTS_SUPERSEDED_TOTAL: &str = "switch_assignments_superseded_total";
/// How much of the present term of epochs is used; the next term follows by itself, and there are 63.
pub const EPOCHS_USED_PERCENT: &str = "switch_epochs_used_percent";
/// Records handed to the brokers and not acknowledged yet.
pub const LOG_RECORDS_IN_FLIGHT: &str = "switch_log_records_in_flight";
/// Records refused before the log took them, by reason.
pub const LOG_RECORDS_REFUSED_TOTAL: &str = "switch_log_records_refused_total";
/// Records whose fate is unknown because no acknowledgement came.
pub const LOG_RECORDS_UNKNOWN_TOTAL: &str = "switch_log_records_unknown_total";
/// Records read from the log.
pub const LOG_RECORDS_READ_TOTAL: &str = "switch_log_records_read_total";
/// Times that reading a partition was paused because its owner fell behind.
pub const LOG_READ_PAUSES_TOTAL: &str = "switch_log_read_pauses_total";
/// Errors that the Kafka client reported and works on by itself, by client.
pub const KAFKA_CLIENT_ERRORS_TOTAL: &str = "switch_kafka_client_errors_total";
/// Replies that were not handed to the brokers, by reason.
pub const REPLIES_DROPPED_TOTAL: &str = "switch_replies_dropped_total";
/// Replies that the brokers did not acknowledge.
pub const REPLIES_FAILED_TOTAL: &str = "switch_replies_failed_total";
/// Records of the replies topic that are no reply.
pub const REPLIES_UNREADABLE_TOTAL: &str = "switch_replies_unreadable_total";
/// Changes of what the consumer group gave to this process, by event.
pub const MEMBERSHIP_EVENTS_TOTAL: &str = "switch_membership_events_total";
/// Partitions taken anew because they had work and made no progress.
pub const WATCHDOG_TOTAL: &str = "switch_watchdog_total";

/// Requests of the back office, by route and HTTP status.
pub const OPERATIONS_REQUESTS_TOTAL: &str = "switch_operations_requests_total";
/// Time from the arrival of a loss report until the card has decided it.
pub const LOSS_EFFECT_SECONDS: &str = "switch_loss_effect_seconds";

/// Label of [`DECISIONS_TOTAL`]: the kind of command.
pub const LABEL_KIND: &str = "kind";
/// Label of [`DECISIONS_TOTAL`] and [`EDGE_ANSWERS_TOTAL`]: the response code (DE39).
pub const LABEL_CODE: &str = "code";
/// Label of [`FRAMES_REFUSED_TOTAL`], [`CONNECTIONS_CUT_TOTAL`] and [`TRACE_SPANS_DROPPED_TOTAL`]: why.
pub const LABEL_REASON: &str = "reason";
/// Label of [`CARD_LOADS_TOTAL`]: where the card was found.
pub const LABEL_SOURCE: &str = "source";
/// Label of [`FLOAT_FEN`]: the programme number.
pub const LABEL_PROGRAMME: &str = "programme";

/// From 50 microseconds to 5 seconds: one disk sync up to a stalled disk.
const DISK_BUCKETS: &[f64] = &[
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 5.0,
];
/// From 10 milliseconds to 10 minutes: work over many cards.
const BULK_BUCKETS: &[f64] = &[
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0,
];
/// From one record a sync (no load) to a full group commit.
const RECORD_BUCKETS: &[f64] = &[
    1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0,
];

/// How a metric moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MetricKind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations in buckets with these upper bounds.
    Histogram(&'static [f64]),
}

/// One metric of the switch.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// How it moves.
    pub kind: MetricKind,
    /// What its number counts.
    pub unit: Unit,
    /// What it means to an operator.
    pub description: &'static str,
}

/// Every metric there is.
pub const ALL: &[Metric] = &[
    counter(
        DECISIONS_TOTAL,
        "decisions made, by kind of command and response code",
    ),
    disk_time(
        APPEND_SECONDS,
        "time from handing a command to the log until it is durable",
    ),
    disk_time(SYNC_SECONDS, "time of one sync of the log to disk"),
    Metric {
        name: RECORDS_PER_SYNC,
        kind: MetricKind::Histogram(RECORD_BUCKETS),
        unit: Unit::Count,
        description: "commands made durable by one sync",
    },
    level(LIVE_CARDS, "cards in memory"),
    level(EXCHANGES_IN_FLIGHT, "requests without an answer yet"),
    level(CONNECTIONS, "open connections of acquirers"),
    counter(
        CONNECTIONS_REFUSED_TOTAL,
        "connections closed at once because the listener was full",
    ),
    counter(
        CONNECTIONS_CUT_TOTAL,
        "connections ended by the switch, by reason",
    ),
    counter(
        EXCHANGES_EXPIRED_TOTAL,
        "exchanges given up because no decision came in time",
    ),
    counter(
        EDGE_ANSWERS_TOTAL,
        "answers that the edge gave by itself, by response code",
    ),
    counter(
        REPLIES_LATE_TOTAL,
        "replies that came after their deadline and were dropped",
    ),
    counter(
        FRAMES_REFUSED_TOTAL,
        "frames refused before a command was made, by reason",
    ),
    counter(
        OPERATIONS_REQUESTS_TOTAL,
        "requests of the back office, by route and HTTP status",
    ),
    disk_time(
        LOSS_EFFECT_SECONDS,
        "time from the arrival of a loss report until the card has decided it",
    ),
    bulk_time(REPLAY_SECONDS, "time to replay one partition after a start"),
    counter(
        REPLAY_COMMANDS_TOTAL,
        "commands decided again during replay",
    ),
    bulk_time(CHECKPOINT_SECONDS, "time of one checkpoint"),
    level(
        DIRTY_CARDS,
        "cards whose newest state is only in the log and in memory",
    ),
    counter(
        CARD_LOADS_TOTAL,
        "cards read from the store because they were not in memory",
    ),
    level(
        PARTITIONS_STOPPED,
        "partitions that stopped and wait for an operator",
    ),
    level(
        CARDS_STOPPED,
        "cards that stopped because something is wrong with their data",
    ),
    level(FLOAT_FEN, "money on all cards in fen, by programme"),
    counter(
        TRACE_SPANS_EXPORTED_TOTAL,
        "steps of sampled requests that a collector of traces has taken",
    ),
    counter(
        TRACE_SPANS_DROPPED_TOTAL,
        "steps of sampled requests that no collector of traces has taken, by reason",
    ),
    disk_time(
        STORE_WRITE_SECONDS,
        "time from sending the write of a card until its acknowledgement",
    ),
    counter(
        STORE_WRITES_FAILED_TOTAL,
        "writes of a card without a good answer, each tried again, by outcome",
    ),
    counter(
        STATES_TAKEN_OVER_TOTAL,
        "states of an earlier owner that were written again at their load",
    ),
    counter(
        STATES_DAMAGED_TOTAL,
        "states that were not what the switch wrote: their cards stop",
    ),
    counter(
        ASSIGNMENTS_SUPERSEDED_TOTAL,
        "partitions given up because a newer owner was found",
    ),
    level(
        EPOCHS_USED_PERCENT,
        "how much of the present term of epochs is used; the next term follows by itself, and there are 63",
    ),
    level(
        LOG_RECORDS_IN_FLIGHT,
        "records handed to the brokers and not acknowledged yet",
    ),
    counter(
        LOG_RECORDS_REFUSED_TOTAL,
        "records refused before the log took them, by reason",
    ),
    counter(
        LOG_RECORDS_UNKNOWN_TOTAL,
        "records whose fate is unknown because no acknowledgement came",
    ),
    counter(LOG_RECORDS_READ_TOTAL, "records read from the log"),
    counter(
        LOG_READ_PAUSES_TOTAL,
        "times that reading a partition was paused because its owner fell behind",
    ),
    counter(
        KAFKA_CLIENT_ERRORS_TOTAL,
        "errors that the Kafka client reported and works on by itself, by client",
    ),
    counter(
        REPLIES_DROPPED_TOTAL,
        "replies that were not handed to the brokers, by reason",
    ),
    counter(
        REPLIES_FAILED_TOTAL,
        "replies that the brokers did not acknowledge",
    ),
    counter(
        REPLIES_UNREADABLE_TOTAL,
        "records of the replies topic that are no reply",
    ),
    counter(
        MEMBERSHIP_EVENTS_TOTAL,
        "changes of what the consumer group gave to this process, by event",
    ),
    counter(
        WATCHDOG_TOTAL,
        "partitions taken anew because they had work and made no progress",
    ),
];

/// Sets the float of one programme.
///
/// A gauge holds whole numbers exactly up to 2^53 fen, ninety million million yuan.
pub fn set_float_fen(programme: u16, fen: u64) {
    gauge!(FLOAT_FEN, LABEL_PROGRAMME => programme.to_string()).set(fen as f64);
}

/// Counts steps that arrived at a collector of traces.
#[cfg(feature = "otlp")]
pub(crate) fn count_spans_exported(spans: u64) {
    count!(TRACE_SPANS_EXPORTED_TOTAL).increment(spans);
}

/// Counts steps that were dropped: `queue_full`, `export_failed` or `closed`.
#[cfg(feature = "otlp")]
pub(crate) fn count_spans_dropped(reason: &'static str, spans: u64) {
    count!(TRACE_SPANS_DROPPED_TOTAL, LABEL_REASON => reason).increment(spans);
}

const fn counter(name: &'static str, description: &'static str) -> Metric {
    Metric {
        name,
        kind: MetricKind::Counter,
        unit: Unit::Count,
        description,
    }
}

const fn level(name: &'static str, description: &'static str) -> Metric {
    Metric {
        name,
        kind: MetricKind::Gauge,
        unit: Unit::Count,
        description,
    }
}

const fn disk_time(name: &'static str, description: &'static str) -> Metric {
    Metric {
        name,
        kind: MetricKind::Histogram(DISK_BUCKETS),
        unit: Unit::Seconds,
        description,
    }
}

const fn bulk_time(name: &'static str, description: &'static str) -> Metric {
    Metric {
        name,
        kind: MetricKind::Histogram(BULK_BUCKETS),
        unit: Unit::Seconds,
        description,
    }
}

#[cfg(test)]
mod tests {
    use super::{ALL, MetricKind};

    #[test]
    fn names_tell_what_they_count() {
        for metric in ALL {
            assert!(metric.name.starts_with("switch_"), "{}", metric.name);
            let is_total = metric.name.ends_with("_total");
            assert_eq!(
                is_total,
                metric.kind == MetricKind::Counter,
                "{}",
                metric.name
            );
        }
    }

    #[test]
    fn buckets_ascend() {
        for metric in ALL {
            let MetricKind::Histogram(buckets) = metric.kind else {
                continue;
            };
            assert!(
                buckets.is_sorted_by(|low, high| low < high),
                "{}",
                metric.name
            );
        }
    }
}
