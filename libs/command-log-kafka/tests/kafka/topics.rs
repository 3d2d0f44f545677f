//! Birth, identity, and what is refused.

use std::time::Duration;

use rdkafka::admin::{AlterConfig, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::BaseRecord;

use crate::support::{
    PATIENCE, admin, admin_options, born, delete_topic, drop_before, open, plan, settings,
    write_raw,
};
use card::PartitionId;
use command_log::envelope::{Mark, decode_mark};
use command_log::{CommandLog, LogId, RecordKind, contract};
use command_log_kafka::{
    IdentityError, TopicError, TopicPlan, TopicProblem, create_or_verify, read_log_id, verify_log,
    watermarks,
};
use test_servers::shared_kafka;

async fn create(plan: &TopicPlan) -> LogId {
    let report = create_or_verify(&settings(), plan, None, PATIENCE).await;
    report.unwrap().log_id
}

fn verify(plan: &TopicPlan, id: &LogId) -> Result<(), IdentityError> {
    verify_log(&settings(), &plan.names, id, PATIENCE)
}

fn other(id: &LogId) -> LogId {
    LogId {
        incarnation: [0xEE; 16],
        ..id.clone()
    }
}

/// The commands topic as it is right after its creation, by us or by somebody who meant well.
async fn create_unborn(plan: &TopicPlan) {
    let name = plan.names.commands();
    let count = i32::from(plan.partition_count);
    let topic = NewTopic::new(&name, count, TopicReplication::Fixed(1))
        .set("message.timestamp.type", "LogAppendTime")
        .set("max.message.bytes", "65536");
    let admin = admin(shared_kafka());
    let made = admin.create_topics([&topic], &admin_options()).await;
    made.unwrap().remove(0).unwrap();
}

fn write_birth(plan: &TopicPlan, partition: u16, id: &LogId) {
    let topic = plan.names.commands();
    let header = |key, value| Header {
        key,
        value: Some(value),
    };
    let headers = OwnedHeaders::new()
        .insert(header("log-id", &id.incarnation[..]))
        .insert(header("partitions", &id.partition_count.to_be_bytes()[..]))
        .insert(header("hash", &[id.hash_version][..]));
    let record = BaseRecord::to(&topic)
        .partition(i32::from(partition))
        .key(&b"m"[..])
        .payload(&b""[..])
        .headers(headers);
    write_raw(record);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_is_born_once_and_known_again() {
    let plan = plan(4);
    let settings = settings();
    let first = create_or_verify(&settings, &plan, None, PATIENCE).await;
    let first = first.unwrap();
    assert_eq!(first.created, [plan.names.commands(), plan.names.replies()]);
    assert_eq!((first.births, first.log_id.partition_count), (4, 4));
    for expected in [None, Some(&first.log_id)] {
        let again = create_or_verify(&settings, &plan, expected, PATIENCE).await;
        let again = again.unwrap();
        assert_eq!((again.created.len(), again.births), (0, 0));
        assert_eq!(again.log_id, first.log_id);
    }
    let refused = create_or_verify(&settings, &plan, Some(&other(&first.log_id)), PATIENCE).await;
    let is_other = |error| matches!(error, TopicError::Identity(IdentityError::Other { .. }));
    assert!(refused.is_err_and(is_other));

    assert_eq!(verify(&plan, &first.log_id), Ok(()));
    let read = read_log_id(&settings, &plan.names, PATIENCE);
    assert_eq!(read, Ok(first.log_id.clone()));
    let log = open(&plan.names, &first.log_id);
    let starts: Vec<_> = (0..4)
        .map(|partition| (PartitionId(partition), 0))
        .collect();
    let births = contract::read(&mut log.consume(&starts).unwrap(), 4).await;
    for birth in births {
        assert_eq!((birth.kind, birth.position.offset), (RecordKind::Mark, 0));
        assert_eq!(decode_mark(&birth.payload), Ok(Mark::Tick));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_log_is_refused() {
    let plan = plan(3);
    let id = create(&plan).await;
    let refused = verify(&plan, &other(&id));
    assert!(
        matches!(refused, Err(IdentityError::Other { .. })),
        "{refused:?}"
    );
    let more = LogId {
        partition_count: 4,
        ..id.clone()
    };
    let refused = verify(&plan, &more).unwrap_err();
    assert!(
        matches!(refused, IdentityError::PartitionCount { found: 3, .. }),
        "{refused}"
    );
    let text = verify(&plan, &other(&id)).unwrap_err().to_string();
    assert!(
        text.contains("re-created or belongs to another switch"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_was_made_again_is_refused() {
    let plan = plan(2);
    let settings = settings();
    let id = create(&plan).await;
    delete_topic(&plan.names.commands()).await;
    let missing = verify(&plan, &id);
    assert!(
        matches!(missing, Err(IdentityError::NoTopic(_))),
        "{missing:?}"
    );
    let gone = create_or_verify(&settings, &plan, Some(&id), PATIENCE).await;
    assert!(matches!(gone, Err(TopicError::Gone { .. })), "{gone:?}");

    create_unborn(&plan).await;
    let empty = verify(&plan, &id);
    assert_eq!(empty, Err(IdentityError::Empty(PartitionId(0))));
    let empty = create_or_verify(&settings, &plan, Some(&id), PATIENCE).await;
    assert!(empty.is_err(), "{empty:?}");

    for partition in 0..2 {
        let topic = plan.names.commands();
        let record = BaseRecord::to(&topic)
            .partition(partition)
            .payload(&b"x"[..]);
        write_raw(record.key(&b"c"[..]));
    }
    let stranger = verify(&plan, &id);
    assert_eq!(stranger, Err(IdentityError::NoBirth(PartitionId(0))));
    let stranger = create_or_verify(&settings, &plan, None, PATIENCE).await;
    assert!(stranger.is_err(), "{stranger:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_birth_that_was_cut_short_is_finished() {
    let cut_short = plan(4);
    create_unborn(&cut_short).await;
    let report = create_or_verify(&settings(), &cut_short, None, PATIENCE).await;
    assert_eq!(report.unwrap().births, 4);

    let half_done = plan(4);
    create_unborn(&half_done).await;
    let id = LogId {
        incarnation: [0xB1; 16],
        partition_count: 4,
        hash_version: command_log::HASH_VERSION,
    };
    write_birth(&half_done, 1, &id);
    write_birth(&half_done, 2, &id);
    let refused = create_or_verify(&settings(), &half_done, Some(&other(&id)), PATIENCE).await;
    assert!(refused.is_err(), "{refused:?}");
    let report = create_or_verify(&settings(), &half_done, None, PATIENCE).await;
    let report = report.unwrap();
    assert_eq!((report.births, report.log_id), (2, id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_breaks_a_promise_is_refused() {
    let plan = plan(2);
    create(&plan).await;
    let more = TopicPlan {
        partition_count: 3,
        ..plan.clone()
    };
    let refused = create_or_verify(&settings(), &more, None, PATIENCE).await;
    let Err(TopicError::Unfit { problems, .. }) = refused else {
        panic!("{refused:?}");
    };
    let count = TopicProblem::PartitionCount {
        found: 2,
        wanted: 3,
    };
    assert_eq!(problems, [count]);

    let name = plan.names.commands();
    let compacted = AlterConfig::new(ResourceSpecifier::Topic(&name))
        .set("cleanup.policy", "compact")
        .set("unclean.leader.election.enable", "true");
    let admin = admin(shared_kafka());
    let altered = admin.alter_configs([&compacted], &admin_options()).await;
    altered.unwrap().remove(0).unwrap();
    let refused = create_or_verify(&settings(), &plan, None, PATIENCE).await;
    let text = refused.unwrap_err().to_string();
    for name in ["cleanup.policy", "message.timestamp.type", "unclean.leader"] {
        assert!(text.contains(name), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retention_may_take_the_births() {
    let (names, id) = born(2).await;
    let log = open(&names, &id);
    for partition in 0..2 {
        log.append(contract::command(partition, "x")).await.unwrap();
    }
    drop_before(&names.commands(), 0, 1).await;
    assert_eq!(verify_log(&settings(), &names, &id, PATIENCE), Ok(()));
    assert_eq!(read_log_id(&settings(), &names, PATIENCE), Ok(id.clone()));
    drop_before(&names.commands(), 1, 2).await;
    assert_eq!(verify_log(&settings(), &names, &id, PATIENCE), Ok(()));
    let forgotten = read_log_id(&settings(), &names, PATIENCE);
    assert!(
        matches!(forgotten, Err(IdentityError::Forgotten(_))),
        "{forgotten:?}"
    );

    let asked = [PartitionId(1), PartitionId(0)];
    let found = watermarks(&settings(), &names, &asked, PATIENCE).unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|w| (w.partition.0, w.begin, w.end))
        .collect();
    assert_eq!(found, [(1, 2, 2), (0, 1, 2)]);
    let short = Duration::from_secs(5);
    let missing = watermarks(&settings(), &names, &[PartitionId(9)], short);
    assert!(missing.is_err(), "{missing:?}");
}
