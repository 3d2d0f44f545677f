//! Writes the birth records of a new log, and finishes what a crash left half done.

use std::collections::BTreeMap;
use std::time::Instant;

use parking_lot::Mutex;
use rdkafka::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};

use crate::birth::{Beginning, Beginnings, IdentityError, judge, known_id, left};
use crate::context::ClientLog;
use crate::record;
use crate::settings::{KafkaSettings, millis};
use crate::topics::{LOOK_AGAIN, TopicError, TopicPlan, client_error};
use card::PartitionId;
use command_log::envelope::{Mark, encode_mark};
use command_log::{HASH_VERSION, LogId, RecordKind};

/// Sees to it that every partition has a past of the same log; tells which log, and how many births it wrote.
pub(crate) fn ensure_born(
    settings: &KafkaSettings,
    plan: &TopicPlan,
    expected: Option<&LogId>,
    deadline: Instant,
) -> Result<(LogId, usize), TopicError> {
    let beginnings = Beginnings::open(settings, &plan.names)?;
    let all: Vec<_> = (0..plan.partition_count).map(PartitionId).collect();
    let found = read_new(&beginnings, &all, deadline)?;
    let id = choose(&found, plan, expected)?;
    let is_empty = |(partition, beginning): (&PartitionId, &Beginning)| {
        (*beginning == Beginning::Empty).then_some(*partition)
    };
    let empty: Vec<_> = found.iter().filter_map(is_empty).collect();
    if empty.is_empty() {
        return Ok((id, 0));
    }
    write(settings, plan, &id, (&empty, deadline))?;
    // Somebody else may have done the same at the same time, with another id.
    for (partition, beginning) in beginnings.read(&all, deadline)? {
        judge(partition, &beginning, &id)?;
    }
    Ok((id, empty.len()))
}

/// A broker may not have heard of a new topic yet.
fn read_new(
    beginnings: &Beginnings,
    all: &[PartitionId],
    deadline: Instant,
) -> Result<BTreeMap<PartitionId, Beginning>, IdentityError> {
    loop {
        match beginnings.read(all, deadline) {
            Err(IdentityError::Watermarks(error))
                if error.is_no_topic() && !left(deadline).is_zero() =>
            {
                std::thread::park_timeout(LOOK_AGAIN);
            }
            found => return found,
        }
    }
}

/// Which log this is, or is going to be. Nothing is written into a log that might be another one.
fn choose(
    found: &BTreeMap<PartitionId, Beginning>,
    plan: &TopicPlan,
    expected: Option<&LogId>,
) -> Result<LogId, TopicError> {
    let known = known_id(found);
    let is_new = || found.values().all(|found| *found == Beginning::Empty);
    let id = match (known, expected) {
        (Some(known), None) => known,
        (_, Some(expected)) if !is_new() => expected.clone(),
        (None, None) if is_new() => new_id(plan.partition_count)?,
        (None, None) => return Err(IdentityError::Forgotten(plan.names.commands()).into()),
        (_, Some(_)) => return Err(IdentityError::Empty(PartitionId(0)).into()),
    };
    for (partition, beginning) in found {
        if *beginning != Beginning::Empty {
            judge(*partition, beginning, &id)?;
        }
    }
    if id.partition_count != plan.partition_count {
        return Err(TopicError::from(IdentityError::PartitionCount {
            topic: plan.names.commands(),
            found: usize::from(plan.partition_count),
            expected: id.partition_count,
        }));
    }
    Ok(id)
}

fn new_id(partition_count: u16) -> Result<LogId, TopicError> {
    let mut incarnation = [0; 16];
    getrandom::fill(&mut incarnation).map_err(|error| TopicError::Client {
        what: "make random bytes",
        reason: error.to_string(),
    })?;
    Ok(LogId {
        incarnation,
        partition_count,
        hash_version: HASH_VERSION,
    })
}

fn write(
    settings: &KafkaSettings,
    plan: &TopicPlan,
    id: &LogId,
    (partitions, deadline): (&[PartitionId], Instant),
) -> Result<(), TopicError> {
    let failed = client_error("write the log's birth records");
    let mut config = settings.client("birth");
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("message.timeout.ms", millis(left(deadline)));
    let context = BirthContext::new();
    let producer: BaseProducer<BirthContext> =
        BaseProducer::from_config_and_context(&config, context).map_err(&failed)?;
    let topic = plan.names.commands();
    let payload = encode_mark(Mark::Tick);
    for partition in partitions {
        let record = BaseRecord::to(&topic)
            .partition(i32::from(partition.0))
            .key(record::key_of(RecordKind::Mark))
            .payload(&payload[..])
            .headers(record::birth_headers(id));
        producer.send(record).map_err(|(error, _)| failed(error))?;
    }
    producer.flush(left(deadline)).map_err(&failed)?;
    let first_failure = producer.client().context().failure.lock().take();
    first_failure.map_or(Ok(()), |error| Err(failed(error)))
}

struct BirthContext {
    log: ClientLog,
    failure: Mutex<Option<KafkaError>>,
}

impl BirthContext {
    fn new() -> Self {
        Self {
            log: ClientLog::new("birth"),
            failure: Mutex::new(None),
        }
    }
}

impl ClientContext for BirthContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.log.line(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.log.error(&error, reason);
    }
}

impl ProducerContext for BirthContext {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.failure.lock().get_or_insert_with(|| error.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::TopicNames;

    fn id(incarnation: u8) -> LogId {
        LogId {
            incarnation: [incarnation; 16],
            partition_count: 2,
            hash_version: HASH_VERSION,
        }
    }

    fn chosen(found: [Beginning; 2], expected: Option<u8>) -> Result<LogId, TopicError> {
        let plan = TopicPlan {
            partition_count: 2,
            ..TopicPlan::new(TopicNames::new("").unwrap())
        };
        let found = (0..).map(PartitionId).zip(found).collect();
        choose(&found, &plan, expected.map(id).as_ref())
    }

    #[test]
    fn births_are_written_only_into_our_own_log() {
        use Beginning::{Born, Empty, Forgotten, NoBirth};
        let born = |incarnation| Born(id(incarnation));
        assert_eq!(chosen([born(1), born(1)], None), Ok(id(1)));
        assert_eq!(chosen([born(1), Empty], None), Ok(id(1)));
        assert_eq!(chosen([Empty, born(1)], Some(1)), Ok(id(1)));
        assert_eq!(chosen([Forgotten, born(1)], None), Ok(id(1)));
        assert_eq!(chosen([Forgotten, Forgotten], Some(1)), Ok(id(1)));
        let new = chosen([Empty, Empty], None).unwrap();
        assert_ne!(new.incarnation, [0; 16]);
        for (found, expected) in [
            ([Empty, Empty], Some(1)),
            ([born(1), born(2)], None),
            ([born(2), Empty], Some(1)),
            ([NoBirth, Empty], None),
            ([NoBirth, born(1)], None),
            ([Forgotten, Forgotten], None),
            ([Forgotten, Empty], None),
        ] {
            let refused = chosen(found.clone(), expected);
            assert!(refused.is_err(), "{found:?} {expected:?}: {refused:?}");
        }
    }
}
