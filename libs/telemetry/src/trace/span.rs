//! One step of a sampled request: what it was, when it began and ended.

use std::time::SystemTime;

use super::context::SpanContext;

/// What a step has to do with other processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// Answers somebody outside.
    Server,
    /// Asks another server and waits.
    Client,
    /// Puts a record into the log.
    Producer,
    /// Takes a record out of the log.
    Consumer,
    /// Stays inside.
    Internal,
}

/// A fact about a step.
///
/// Traces leave the switch and are read by many people, so this list is closed and short. A card number,
/// its token, a name, an amount, a track, a PIN block, a cryptogram, a trace number of a terminal or a key
/// never becomes an attribute, in whatever form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attribute {
    /// The kind of command, from a closed list, such as `purchase`.
    Kind(&'static str),
    /// Message type indicator, four ASCII digits.
    Mti([u8; 4]),
    /// Response code (DE39), two ASCII characters.
    ResponseCode([u8; 2]),
    /// The acquirer's institution code (DE32), ASCII digits filled with spaces.
    Acquirer([u8; 11]),
    /// The partition of the log.
    Partition(u16),
    /// The record's place in its partition.
    Offset(u64),
}

/// A finished step, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanRecord {
    /// The trace, and the step's own id: what [`Tracer::sample`](super::Tracer::sample) or
    /// [`Tracer::child_of`](super::Tracer::child_of) made when it began.
    pub context: SpanContext,
    /// The id of the step that caused it; `None` for the first.
    pub parent: Option<[u8; 8]>,
    /// One of [`span_name`](super::span_name).
    pub name: &'static str,
    /// What it has to do with other processes.
    pub kind: SpanKind,
    /// When it began.
    pub started_at: SystemTime,
    /// When it ended. Before its beginning, when a clock stepped back, counts as at its beginning.
    pub ended_at: SystemTime,
    /// Facts about it. Never of a card: see [`Attribute`].
    pub attributes: Vec<Attribute>,
}

/// Reads the clock for the beginning or the end of a step. Nothing may be decided by it.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "a trace tells when things happened on this machine; no decision sees it"
)]
pub fn now() -> SystemTime {
    SystemTime::now()
}
