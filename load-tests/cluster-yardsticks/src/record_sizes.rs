//! How large the commands and replies of a cluster are: the mean of the last ones. None is shown.

use std::fmt;

use serde::Serialize;

use crate::kafka_clients::Receiver;
use crate::report::{Report, YardstickError};
use command_log_kafka::TopicNames;

/// Records of each partition that are looked at.
const TAIL: i64 = 16;
/// Polls without a record that tell the end.
const QUIET_POLLS: u32 = 50;
/// Marks are shorter than every command.
const COMMAND_BYTES_MIN: usize = 40;

#[derive(Debug, clap::Args)]
pub(crate) struct RecordSizesArgs {
    /// Brokers to ask first, HOST:PORT, several separated by commas.
    #[arg(long, value_name = "BROKERS")]
    kafka: String,
    /// The switch's topic prefix.
    #[arg(long, default_value = "")]
    topic_prefix: String,
}

/// Means over the records that were looked at; 0 when there was none.
#[derive(Debug, Serialize)]
pub(crate) struct RecordSizes {
    command_bytes: u64,
    reply_bytes: u64,
}

impl Report for RecordSizes {}

impl fmt::Display for RecordSizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "command {} bytes, reply {} bytes",
            self.command_bytes, self.reply_bytes
        )
    }
}

pub(crate) fn run(args: &RecordSizesArgs) -> Result<RecordSizes, YardstickError> {
    let names = TopicNames::new(&args.topic_prefix);
    let names = names.map_err(YardstickError::server("name the topics"))?;
    Ok(RecordSizes {
        command_bytes: mean(&args.kafka, &names.commands(), COMMAND_BYTES_MIN)?,
        reply_bytes: mean(&args.kafka, &names.replies(), 1)?,
    })
}

/// Of the records that have at least so many bytes.
fn mean(brokers: &str, topic: &str, bytes_min: usize) -> Result<u64, YardstickError> {
    let receiver = Receiver::open_at_tail(brokers, topic, TAIL)?;
    let (mut count, mut bytes, mut quiet) = (0_u64, 0, 0);
    while quiet < QUIET_POLLS {
        quiet += 1;
        let size = receiver.receive(|_, payload| payload.len())?;
        if let Some(size) = size {
            quiet = 0;
            if size >= bytes_min {
                count += 1;
                bytes += size as u64;
            }
        }
    }
    Ok(bytes / count.max(1))
}
