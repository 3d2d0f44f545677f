//! Many readers on one client: coming, going, slow ones, and what ends them.

use std::time::Duration;

use rdkafka::producer::BaseRecord;

use crate::support::{
    PATIENCE, born, delete_topic, drop_before, numbers, open, plan, settings, write_raw,
};
use card::PartitionId;
use command_log::{
    CommandLog, ConsumeError, LogConsumer, NewRecord, RecordKind, TraceContext, contract,
};
use command_log_kafka::{KafkaConsumer, KafkaLog, LogOptions};

fn command(partition: u16, number: u64) -> NewRecord {
    contract::command(partition, &number.to_string())
}

async fn stopped(consumer: &mut KafkaConsumer) -> String {
    let mut rest = Vec::new();
    loop {
        let poll = consumer.poll(&mut rest, 100);
        match tokio::time::timeout(PATIENCE, poll).await.expect("it ends") {
            Ok(()) => {}
            Err(ConsumeError::Stopped(reason)) => return reason,
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_come_and_go_while_others_flow() {
    const COUNT: u64 = 4_000;
    let (names, id) = born(4).await;
    let log = open(&names, &id);
    let mut steady = log.consume(&[(PartitionId(0), 1)]).unwrap();
    let flow = async {
        for number in 0..COUNT {
            log.submit((0..4).map(|partition| command(partition, number)).collect())
                .unwrap();
            if number % 10 == 0 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        log.flush(PATIENCE).unwrap();
    };
    let churn = async {
        for round in 0..40u64 {
            let starts = [
                (PartitionId(1), 1 + round),
                (PartitionId(2), 1),
                (PartitionId(3), 1),
            ];
            let mut passing = tokio::task::block_in_place(|| log.consume(&starts[..1]).unwrap());
            let mut others = tokio::task::block_in_place(|| log.consume(&starts[1..]).unwrap());
            let first = contract::read(&mut passing, 5).await;
            let expected: Vec<_> = (round..round + 5).collect();
            assert_eq!(numbers(&first), expected, "round {round}");
            contract::read(&mut others, 3).await;
        }
    };
    let read = async { contract::read(&mut steady, usize::try_from(COUNT).unwrap()).await };
    let ((), (), records) = tokio::join!(flow, churn, read);
    assert_eq!(numbers(&records), (0..COUNT).collect::<Vec<_>>());
    let offsets = records.iter().map(|record| record.position.offset);
    assert!(offsets.eq(1..=COUNT), "no gap, no repetition (LOG-3)");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_holds_up_nobody_and_loses_nothing() {
    const COUNT: u64 = 3_000;
    let (names, id) = born(2).await;
    let options = LogOptions {
        lane_records_max: 16,
        ..LogOptions::default()
    };
    let log = KafkaLog::open(&settings(), &names, id, &options).unwrap();
    let mut slow = log.consume(&[(PartitionId(0), 1)]).unwrap();
    let mut quick = log.consume(&[(PartitionId(1), 1)]).unwrap();
    for number in 0..COUNT {
        log.submit(vec![command(0, number), command(1, number)])
            .unwrap();
    }
    let count = usize::try_from(COUNT).unwrap();
    let all: Vec<_> = (0..COUNT).collect();
    assert_eq!(numbers(&contract::read(&mut quick, count).await), all);
    let mut records = Vec::new();
    while records.len() < count {
        let polled = tokio::time::timeout(PATIENCE, slow.poll(&mut records, 7)).await;
        polled.expect("it goes on").unwrap();
    }
    assert_eq!(numbers(&records), all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_partition_can_be_read_anew() {
    let (names, id) = born(1).await;
    let options = LogOptions {
        lane_records_max: 4,
        ..LogOptions::default()
    };
    let log = KafkaLog::open(&settings(), &names, id, &options).unwrap();
    for number in 0..100 {
        log.submit(vec![command(0, number)]).unwrap();
    }
    log.flush(PATIENCE).unwrap();
    for _ in 0..3 {
        let mut abandoned = log.consume(&[(PartitionId(0), 1)]).unwrap();
        contract::read(&mut abandoned, 1).await;
    }
    let mut reader = log.consume(&[(PartitionId(0), 51)]).unwrap();
    let records = contract::read(&mut reader, 50).await;
    assert_eq!(numbers(&records), (50..100).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_has_one_reader_at_a_time() {
    let (names, id) = born(2).await;
    let log = open(&names, &id);
    let first = log.consume(&[(PartitionId(0), 0)]).unwrap();
    let second = log.consume(&[(PartitionId(1), 0), (PartitionId(0), 0)]);
    assert!(second.is_err_and(|error| error.to_string().contains("another consumer")));
    drop(first);
    let mut both = log
        .consume(&[(PartitionId(1), 0), (PartitionId(0), 0)])
        .unwrap();
    contract::read(&mut both, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_gone_is_told() {
    let (names, id) = born(1).await;
    let log = open(&names, &id);
    for number in 0..5 {
        log.append(command(0, number)).await.unwrap();
    }
    drop_before(&names.commands(), 0, 4).await;
    let gone = log.consume(&[(PartitionId(0), 3)]);
    let expected = ConsumeError::Gone {
        partition: PartitionId(0),
        begin: 4,
        wanted: 3,
    };
    assert_eq!(gone.map(|_| ()), Err(expected));
    let mut rest = log.consume(&[(PartitionId(0), 4)]).unwrap();
    assert_eq!(numbers(&contract::read(&mut rest, 2).await), [3, 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_goes_along() {
    let (names, id) = born(1).await;
    let log = open(&names, &id);
    let trace = TraceContext {
        trace_id: [3; 16],
        span_id: [4; 8],
    };
    let traced = NewRecord {
        trace: Some(trace),
        kind: RecordKind::Mark,
        ..command(0, 1)
    };
    log.submit(vec![traced, command(0, 2)]).unwrap();
    let mut reader = log.consume(&[(PartitionId(0), 1)]).unwrap();
    let records = contract::read(&mut reader, 2).await;
    assert_eq!(
        (records[0].trace, records[0].kind),
        (Some(trace), RecordKind::Mark)
    );
    assert_eq!(
        (records[1].trace, records[1].kind),
        (None, RecordKind::Command)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strangers_record_stops_its_partition_only() {
    let (names, id) = born(2).await;
    let log = open(&names, &id);
    let mut poisoned = log.consume(&[(PartitionId(0), 1)]).unwrap();
    let mut other = log.consume(&[(PartitionId(1), 1)]).unwrap();
    log.append(command(0, 1)).await.unwrap();
    let topic = names.commands();
    let record = BaseRecord::to(&topic).partition(0).payload(&b"hello"[..]);
    write_raw(record.key(&b"stranger"[..]));
    log.append(command(0, 2)).await.unwrap();
    assert_eq!(numbers(&contract::read(&mut poisoned, 1).await), [1]);
    let reason = stopped(&mut poisoned).await;
    assert!(
        reason.contains("offset 2") && !reason.contains("hello"),
        "{reason}"
    );
    log.append(command(1, 7)).await.unwrap();
    assert_eq!(numbers(&contract::read(&mut other, 1).await), [7]);
}

/// Somebody deletes the topic under a running processor and makes it again, with as many records (LOG-2).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_made_again_ends_its_readers() {
    let plan = plan(2);
    let made = command_log_kafka::create_or_verify(&settings(), &plan, None, PATIENCE).await;
    let id = made.unwrap().log_id;
    let log = open(&plan.names, &id);
    for number in 0..3 {
        log.append(command(0, number)).await.unwrap();
    }
    let mut reader = log.consume(&[(PartitionId(0), 1)]).unwrap();
    contract::read(&mut reader, 3).await;
    delete_topic(&plan.names.commands()).await;
    let again = command_log_kafka::create_or_verify(&settings(), &plan, None, PATIENCE).await;
    let again = open(&plan.names, &again.unwrap().log_id);
    for number in 100..120 {
        again.append(command(0, number)).await.unwrap();
    }
    let reason = stopped(&mut reader).await;
    assert!(
        reason.contains("re-created") || reason.contains("gone"),
        "{reason}"
    );
}
