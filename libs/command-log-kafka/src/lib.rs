//! The command log on Apache Kafka: an adapter of `command-log` (LOG-1 to LOG-5).
//!
//! | module | job |
//! |---|---|
//! | `topics`, `birth` | creates the topics, refuses unfit ones and other incarnations |
//! | `log`, `publisher`, `reports`, `flow` | puts records into the log |
//! | `readers`, `feed`, `inbox`, `consumer` | reads them |
//! | `membership` | what the consumer group says, as a hint of who should own what |
//! | `replies` | answers back to the connectors |
//! | `watermarks` | where partitions begin and end |
//!
//! Not its job: who owns a partition (that is decided in the store), checkpoints, and any meaning of a record.

#![warn(missing_docs)]

mod birth;
mod birth_write;
mod consumer;
mod context;
mod ending;
mod feed;
mod feed_thread;
mod flow;
mod inbox;
mod log;
mod membership;
mod membership_thread;
pub mod metric_names;
mod options;
mod publisher;
mod readers;
mod record;
mod removal;
mod replies;
mod reply_reader;
mod reports;
mod settings;
mod topic_check;
mod topic_file;
mod topics;
mod watermarks;

pub use birth::{IdentityError, read_log_id, verify_log};
pub use consumer::KafkaConsumer;
pub use log::{KafkaLog, OpenError};
pub use membership::{
    GroupProtocol, Membership, MembershipError, MembershipEvent, MembershipOptions, Revocation,
};
pub use options::{Compression, LogOptions};
pub use removal::delete_topics;
pub use replies::{KafkaReplySink, ReplyError};
pub use reply_reader::ReplyReader;
pub use settings::{KafkaSettings, SettingsError, TopicNames};
pub use topic_check::TopicProblem;
pub use topics::{TopicError, TopicPlan, TopicReport, create_or_verify};
pub use watermarks::{WatermarkError, Watermarks, watermarks};
