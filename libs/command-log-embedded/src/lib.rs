//! The command log on one disk, for the switch that is one process.
//!
//! One physical log carries all partitions: preallocated segments, written by one thread, each
//! write followed by one `fdatasync` for everything that was submitted while the last one ran
//! (LOG-1). A torn tail is cut off at the next start, damage is refused.
//!
//! Not here: replication (a lost disk is lost up to the last shipped segment), compaction,
//! what the payloads mean. Start at [`EmbeddedLog`]; the bytes on disk are told in `format.rs` and
//! `segment.rs`.

#![warn(missing_docs)]

mod clock;
mod consumer;
mod disk;
mod error;
mod format;
mod identity;
mod keeper;
mod lock;
mod log;
pub mod metric_names;
mod options;
mod past;
mod queue;
mod reader;
mod recovery;
mod segment;
mod sequencer;
mod shared;
mod writer;

pub use clock::{Clock, FORWARD_JUMP_MAX_MS, Reading, SystemClock};
pub use consumer::EmbeddedConsumer;
pub use disk::{Disk, SystemDisk};
pub use error::OpenError;
pub use identity::read_log_id;
pub use lock::{DataLock, LOCK_FILE, LockError};
pub use log::EmbeddedLog;
pub use options::{Options, Retention};
