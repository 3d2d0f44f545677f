//! The command log as the switch sees it: one log, keyed by card, whose order is the truth.
//!
//! This is the port. Adapters keep the invariants LOG-1 to LOG-3: `command-log-embedded` on one
//! disk, [`memory`] for tests. What runs over them is the same, and so is the suite in
//! [`contract`] that every adapter must pass. Knows no file, no broker and no actor.

#![warn(missing_docs)]

pub mod contract;
pub mod envelope;
mod facts_wire;
pub mod memory;
mod partitioning;
mod port;
pub mod reply_envelope;
mod request_wire;

pub use partitioning::{HASH_VERSION, partition_of};
pub use port::{
    AppendError, CommandLog, ConsumeError, Digest, Durable, DurableWatch, LogConsumer, LogId,
    LogRecord, NewRecord, PartitionGates, RecordKind, ReplySink, Sequence, TraceContext,
    TracedReply,
};
