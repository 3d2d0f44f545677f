//! A record of the commands topic as Kafka carries it.
//!
//! | part | content |
//! |---|---|
//! | partition | chosen by the switch, never by the client (LOG-2) |
//! | key | one byte: `c` command, `m` mark. No card, no secret (LOG-4) |
//! | value | the envelope |
//! | timestamp | the broker's, when it appended (LOG-5) |
//! | header `traceparent` | W3C Trace Context, only on a sampled record |
//! | headers `log-id`, `partitions`, `hash` | only on a birth record, see [`crate::topics`] |

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use rdkafka::Timestamp as KafkaTime;
use rdkafka::message::{BorrowedMessage, Header, Headers, Message, OwnedHeaders};

use card::{PartitionId, Position, ReplyTo, Timestamp};
use command_log::{LogId, LogRecord, RecordKind, Sequence, TraceContext, TracedReply};

const COMMAND_KEY: &[u8] = b"c";
const MARK_KEY: &[u8] = b"m";
const TRACE: &str = "traceparent";
/// Microseconds since 1970, when a sampled reply was released.
const RELEASED: &str = "released";
const INCARNATION: &str = "log-id";
const PARTITIONS: &str = "partitions";
const HASH: &str = "hash";

/// Why a record of the topic is none of ours. The partition stops rather than guess.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("its key is not that of a command or a mark")]
    Key,
    #[error("it has no broker time: set message.timestamp.type=LogAppendTime on the topic")]
    Time,
    #[error("its partition or offset is out of range")]
    Place,
    #[error("its headers cannot be read")]
    Headers,
}

/// The key that tells what a record is.
pub(crate) fn key_of(kind: RecordKind) -> &'static [u8] {
    match kind {
        RecordKind::Command => COMMAND_KEY,
        RecordKind::Mark => MARK_KEY,
    }
}

fn kind_of(key: Option<&[u8]>) -> Result<RecordKind, RecordError> {
    match key {
        Some(COMMAND_KEY) => Ok(RecordKind::Command),
        Some(MARK_KEY) => Ok(RecordKind::Mark),
        Some(_) | None => Err(RecordError::Key),
    }
}

/// Where a record is. `None` for numbers that no log of ours has.
pub(crate) fn position_of(partition: i32, offset: i64) -> Option<Position> {
    Some(Position {
        partition: PartitionId(u16::try_from(partition).ok()?),
        offset: u64::try_from(offset).ok()?,
    })
}

/// Reads a record.
pub(crate) fn read(message: &BorrowedMessage<'_>) -> Result<LogRecord, RecordError> {
    let position = position_of(message.partition(), message.offset()).ok_or(RecordError::Place)?;
    let KafkaTime::LogAppendTime(appended_at) = message.timestamp() else {
        return Err(RecordError::Time);
    };
    Ok(LogRecord {
        position,
        // Consumers are shown only what all replicas in sync have (LOG-1).
        sequence: Sequence(0),
        appended_at: Timestamp(appended_at),
        kind: kind_of(message.key())?,
        payload: Bytes::copy_from_slice(message.payload().unwrap_or_default()),
        witness: None,
        trace: trace_of(message)?,
    })
}

/// The header of a sampled record.
pub(crate) fn trace_header(trace: TraceContext) -> OwnedHeaders {
    let text = format!("00-{}-{}-01", hex(&trace.trace_id), hex(&trace.span_id));
    OwnedHeaders::new_with_capacity(1).insert(header(TRACE, text.as_bytes()))
}

fn trace_of(message: &BorrowedMessage<'_>) -> Result<Option<TraceContext>, RecordError> {
    match header_of(message, TRACE)? {
        Some(value) => Ok(parse_trace(&value)),
        None => Ok(None),
    }
}

/// The headers of a sampled reply: its trace, and when it was released.
pub(crate) fn traced_headers(traced: &TracedReply) -> OwnedHeaders {
    let released_at = traced.released_at_us.to_be_bytes();
    trace_header(traced.context).insert(header(RELEASED, &released_at))
}

/// What the headers of a reply tell, if it is sampled.
pub(crate) fn traced_reply(
    message: &BorrowedMessage<'_>,
    reply_to: ReplyTo,
) -> Option<TracedReply> {
    let context = trace_of(message).ok().flatten()?;
    let released_at = header_of(message, RELEASED).ok().flatten()?;
    Some(TracedReply {
        reply_to,
        context,
        released_at_us: i64::from_be_bytes(released_at.try_into().ok()?),
    })
}

/// A malformed or unsampled context is no context: deciding never looks at it.
fn parse_trace(value: &[u8]) -> Option<TraceContext> {
    let text = str::from_utf8(value).ok()?;
    let mut parts = text.split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_sampled = version == "00" && flags == "01" && parts.next().is_none();
    let context = TraceContext {
        trace_id: from_hex(trace)?,
        span_id: from_hex(span)?,
    };
    is_sampled.then_some(context)
}

/// The headers of the record at offset 0 of every partition.
pub(crate) fn birth_headers(id: &LogId) -> OwnedHeaders {
    OwnedHeaders::new_with_capacity(3)
        .insert(header(INCARNATION, &id.incarnation))
        .insert(header(PARTITIONS, &id.partition_count.to_be_bytes()))
        .insert(header(HASH, &[id.hash_version]))
}

/// Which log a birth record names; `None` if it is no birth record.
pub(crate) fn birth_of(message: &BorrowedMessage<'_>) -> Option<LogId> {
    let fixed = |name| header_of(message, name).ok().flatten();
    let [hash_version] = fixed(HASH)?.try_into().ok()?;
    Some(LogId {
        incarnation: fixed(INCARNATION)?.try_into().ok()?,
        partition_count: u16::from_be_bytes(fixed(PARTITIONS)?.try_into().ok()?),
        hash_version,
    })
}

fn header<'a>(key: &'a str, value: &'a [u8]) -> Header<'a, &'a [u8]> {
    Header {
        key,
        value: Some(value),
    }
}

/// The client library panics on a header whose name is not UTF-8; a record by a stranger must not end a thread.
fn header_of(message: &BorrowedMessage<'_>, name: &str) -> Result<Option<Vec<u8>>, RecordError> {
    let Some(headers) = message.headers() else {
        return Ok(None);
    };
    let find = || {
        let mut all = headers.iter();
        let found = all.find(|header| header.key == name)?;
        found.value.map(<[u8]>::to_vec)
    };
    catch_unwind(AssertUnwindSafe(find)).map_err(|_| RecordError::Headers)
}

/// Lower case, as W3C wants it.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all");
        text
    })
}

fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_keeps_its_ids() {
        let trace = TraceContext {
            trace_id: [0xA1; 16],
            span_id: [0x07; 8],
        };
        let headers = trace_header(trace);
        let value = headers.get(0).value.unwrap();
        let expected = "00-a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1-0707070707070707-01";
        assert_eq!(value, expected.as_bytes());
        assert_eq!(parse_trace(value), Some(trace));
    }

    #[test]
    fn a_bad_trace_is_none() {
        let good = "00-a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1-0707070707070707-01";
        for bad in [
            "",
            "00",
            &good[1..],
            &good.replace("-01", "-00"),
            &good.replace("00-", "ff-"),
            &good.replace("a1a1-", "a1g1-"),
            &good.replace("a1a1-", "a1+1-"),
            &format!("{good}-x"),
        ] {
            assert_eq!(parse_trace(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(parse_trace(&[0xFF, 0xFE]), None);
    }

    #[test]
    fn keys_tell_the_kind() {
        for kind in [RecordKind::Command, RecordKind::Mark] {
            assert_eq!(kind_of(Some(key_of(kind))), Ok(kind));
        }
        for bad in [None, Some(&b""[..]), Some(b"x"), Some(b"cc")] {
            assert_eq!(kind_of(bad), Err(RecordError::Key));
        }
        assert_eq!(position_of(-1, 0), None);
        assert_eq!(position_of(65536, 0), None);
        assert_eq!(position_of(1, -1001), None);
    }
}
