//! The port: what the switch asks of a log, and what it may rely on.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use tokio::sync::watch;

use card::{PartitionId, Position, Reply, ReplyTo, Timestamp};

/// Names one incarnation of one log. A start against another one is refused (LOG-2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogId {
    /// Made once when the log is created: the folder's or the topic's own id.
    pub incarnation: [u8; 16],
    /// Fixed for life.
    pub partition_count: u16,
    /// The version of [`crate::partition_of`] that placed the cards.
    pub hash_version: u8,
}

/// What a record is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordKind {
    /// A command to one card.
    Command,
    /// A mark to the whole partition: barrier, cut, freeze, tick.
    Mark,
}

/// The place of a sampled request in its trace (W3C Trace Context). A record without one is not
/// traced; deciding never looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    /// Names the request on its whole way.
    pub trace_id: [u8; 16],
    /// Names the step that caused the next one.
    pub span_id: [u8; 8],
}

/// A record to be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// Where it goes; for a command this is [`crate::partition_of`] its card.
    pub partition: PartitionId,
    /// What it is.
    pub kind: RecordKind,
    /// The envelope ([`crate::envelope`]). Holds no secret (LOG-4).
    pub payload: Bytes,
    /// Carried beside the envelope where the log has room for it; a log may drop it.
    pub trace: Option<TraceContext>,
}

/// A number that never falls from record to record of a partition. Only good for asking
/// [`Durable::covers`]; never stored. A log that hands out only safe records may say 0 for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Sequence(pub u64);

/// A digest of the decision that a command led to; compared when the log is folded again.
pub type Digest = u64;

/// A record as it is read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// Its place. Offsets of a partition have no gaps (LOG-3).
    pub position: Position,
    /// For [`Durable::covers`].
    pub sequence: Sequence,
    /// The log's own clock when it was appended (LOG-5). Never goes back within a partition.
    pub appended_at: Timestamp,
    /// What it is.
    pub kind: RecordKind,
    /// The envelope.
    pub payload: Bytes,
    /// What an earlier fold made of it, when that is known (embedded log, after a restart).
    pub witness: Option<Digest>,
    /// As it was submitted, if the log carried it.
    pub trace: Option<TraceContext>,
}

/// How far the log is safe. A log that hands out only safe records always covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Durable(pub Sequence);

impl Durable {
    /// Whether the record with this sequence is safe from a crash.
    #[must_use]
    pub fn covers(self, sequence: Sequence) -> bool {
        sequence <= self.0
    }
}

/// Follows [`Durable`] as it grows. The sender is dropped when the log stops for good.
pub type DurableWatch = watch::Receiver<Durable>;

/// Why an append did not come back with a position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Certainly not appended: the edge may answer 96 and the sender may try again.
    #[error("record was not appended: {0}")]
    NotAppended(String),
    /// May or may not be in the log: the edge answers nothing, a reversal settles it.
    #[error("fate of the record is unknown: {0}")]
    Unknown(String),
}

/// Why records cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConsumeError {
    /// The wanted offset is older than what the log still holds.
    #[error("partition {partition} begins at offset {begin}, wanted {wanted}: restore a backup")]
    Gone {
        /// The partition.
        partition: PartitionId,
        /// Its oldest offset.
        begin: u64,
        /// What was asked for.
        wanted: u64,
    },
    /// The log stopped; no more records will come.
    #[error("log has stopped: {0}")]
    Stopped(String),
}

/// A log of commands.
pub trait CommandLog: Send + Sync + 'static {
    /// Reads this log.
    type Consumer: LogConsumer;

    /// Which log this is.
    fn log_id(&self) -> &LogId;

    /// Takes records into the log, in this order, and returns before they are durable.
    ///
    /// # Errors
    /// [`AppendError::NotAppended`]: none of them was taken. Whatever happens to a taken record
    /// later, its sender must treat as unknown.
    fn submit(&self, records: Vec<NewRecord>) -> Result<(), AppendError>;

    /// Takes one record and waits until it is durable (LOG-1).
    ///
    /// # Errors
    /// As [`AppendError`] says.
    fn append(
        &self,
        record: NewRecord,
    ) -> impl Future<Output = Result<Position, AppendError>> + Send;

    /// The offset that the next record of the partition will get.
    fn end_offset(&self, partition: PartitionId) -> u64;

    /// Reads the partitions of `starts`, each from its offset on.
    ///
    /// # Errors
    /// [`ConsumeError::Gone`] when an offset is no longer held.
    fn consume(&self, starts: &[(PartitionId, u64)]) -> Result<Self::Consumer, ConsumeError>;

    /// How far the log is safe.
    fn durable(&self) -> DurableWatch;

    /// Notes what decisions were made, unsynced, to be compared by a later fold (the embedded log
    /// keeps them; others may ignore them).
    fn witness(&self, decided: &[(Position, Digest)]);

    /// Says that records before these offsets will not be read again. The log may drop or archive
    /// them.
    fn release_before(&self, starts: &[(PartitionId, u64)]);
}

/// Reads records in log order.
pub trait LogConsumer: Send + 'static {
    /// Waits until there is at least one record, then adds what is there, at most `max`.
    ///
    /// Cancel safe: a record that was not added to `batch` comes with the next call.
    ///
    /// # Errors
    /// [`ConsumeError::Stopped`] when no more will come.
    fn poll(
        &mut self,
        batch: &mut Vec<LogRecord>,
        max: usize,
    ) -> impl Future<Output = Result<(), ConsumeError>> + Send;
}

/// The trace of a released reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TracedReply {
    /// Which reply.
    pub reply_to: ReplyTo,
    /// The step that released it.
    pub context: TraceContext,
    /// When, in microseconds since 1970 by the releasing process's clock.
    pub released_at_us: i64,
}

/// Where released replies go: the parked exchanges of this process, or the replies topic.
pub trait ReplySink: Send + Sync + 'static {
    /// Hands replies over, oldest first, and empties the list. Never blocks; a reply that nobody
    /// waits for any more is dropped and counted.
    ///
    /// `traced` tells which of them belong to a sampled request; most of the time it is empty.
    fn deliver(&self, replies: &mut Vec<Reply>, traced: &[TracedReply]);
}

/// Which partitions take commands. A connector asks before it appends: what a stopped partition
/// would not decide is answered 96 at the edge.
#[derive(Debug)]
pub struct PartitionGates(Box<[AtomicBool]>);

impl PartitionGates {
    /// All partitions closed.
    #[must_use]
    pub fn closed(partition_count: u16) -> Self {
        Self(
            (0..partition_count)
                .map(|_| AtomicBool::new(false))
                .collect(),
        )
    }

    /// All partitions.
    pub fn partitions(&self) -> impl Iterator<Item = PartitionId> + use<> {
        (0..u16::try_from(self.0.len()).unwrap_or(u16::MAX)).map(PartitionId)
    }

    /// Whether commands of this partition are decided here and now.
    #[must_use]
    pub fn is_open(&self, partition: PartitionId) -> bool {
        self.gate(partition)
            .is_some_and(|gate| gate.load(Ordering::Acquire))
    }

    /// Opens a partition: it has recovered.
    pub fn open(&self, partition: PartitionId) {
        if let Some(gate) = self.gate(partition) {
            gate.store(true, Ordering::Release);
        }
    }

    /// Closes a partition: it stopped.
    pub fn close(&self, partition: PartitionId) {
        if let Some(gate) = self.gate(partition) {
            gate.store(false, Ordering::Release);
        }
    }

    fn gate(&self, partition: PartitionId) -> Option<&AtomicBool> {
        self.0.get(usize::from(partition.0))
    }
}
