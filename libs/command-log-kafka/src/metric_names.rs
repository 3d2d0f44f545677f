//! The names of this crate's metrics.

/// Histogram: seconds from handing a record to the log until the brokers acknowledged it.
pub const APPEND_SECONDS: &str = "switch_append_seconds";
/// Gauge: records handed to the client and not acknowledged yet.
pub const RECORDS_IN_FLIGHT: &str = "switch_log_records_in_flight";
/// Counter, by [`LABEL_REASON`]: records refused before the client took them.
pub const RECORDS_REFUSED: &str = "switch_log_records_refused_total";
/// Counter: records whose fate is unknown because no acknowledgement came.
pub const RECORDS_UNKNOWN: &str = "switch_log_records_unknown_total";
/// Counter: records read from the log.
pub const RECORDS_READ: &str = "switch_log_records_read_total";
/// Counter: times a partition's reading was paused because its owner fell behind.
pub const READ_PAUSES: &str = "switch_log_read_pauses_total";
/// Counter, by [`LABEL_CLIENT`]: errors that the Kafka client reported and works on by itself.
pub const CLIENT_ERRORS: &str = "switch_kafka_client_errors_total";
/// Counter, by [`LABEL_REASON`]: replies that were not handed to the brokers.
pub const REPLIES_DROPPED: &str = "switch_replies_dropped_total";
/// Counter: replies that the brokers did not acknowledge.
pub const REPLIES_FAILED: &str = "switch_replies_failed_total";
/// Counter: records of the replies topic that are no reply.
pub const REPLIES_UNREADABLE: &str = "switch_replies_unreadable_total";
/// Counter, by [`LABEL_EVENT`]: changes of what the consumer group gave to this process.
pub const MEMBERSHIP_EVENTS: &str = "switch_membership_events_total";

/// Label of [`RECORDS_REFUSED`] and [`REPLIES_DROPPED`].
pub const LABEL_REASON: &str = "reason";
/// Label of [`CLIENT_ERRORS`]: the role of the client.
pub const LABEL_CLIENT: &str = "client";
/// Label of [`MEMBERSHIP_EVENTS`]: `assigned`, `revoked` or `lost`.
pub const LABEL_EVENT: &str = "event";
