//! Replies on their way back.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rdkafka::producer::BaseRecord;
use tokio::sync::Notify;

use crate::support::{PATIENCE, born, settings, write_raw};
use card::{Day, Outcome, PartitionId, Position, Reply, ReplyTo, Timestamp, Version};
use command_log::{ReplySink, TraceContext, TracedReply};
use command_log_kafka::{KafkaReplySink, ReplyError, ReplyReader};
use money::Amount;

#[derive(Default)]
struct Waiting {
    got: Mutex<Vec<Reply>>,
    traced: Mutex<Vec<TracedReply>>,
    arrived: Notify,
}

impl ReplySink for Waiting {
    fn deliver(&self, replies: &mut Vec<Reply>, traced: &[TracedReply]) {
        self.traced.lock().extend_from_slice(traced);
        self.got.lock().append(replies);
        self.arrived.notify_one();
    }
}

impl Waiting {
    async fn take(&self, count: usize) -> Vec<Reply> {
        let wait = async {
            while self.got.lock().len() < count {
                self.arrived.notified().await;
            }
        };
        tokio::time::timeout(PATIENCE, wait)
            .await
            .expect("all come");
        self.got.lock().clone()
    }
}

fn reply(partition: u16, exchange: u64) -> Reply {
    Reply {
        reply_to: ReplyTo {
            partition,
            incarnation: 5,
            exchange,
        },
        outcome: Outcome::Approved,
        replayed: false,
        amount: Some(Amount::from_minor(1_234).unwrap()),
        available: None,
        version: Some(Version(9)),
        position: Position {
            partition: PartitionId(3),
            offset: 77,
        },
        decided_at: Timestamp(1_767_225_600_000),
        day: Day(20_000),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_reach_the_connector_that_asked() {
    let (names, _) = born(1).await;
    let sink = KafkaReplySink::open(&settings(), &names, 4).unwrap();
    sink.deliver(&mut vec![reply(2, 0)], &[]);
    sink.flush(PATIENCE).unwrap();
    let asking = Arc::new(Waiting::default());
    let reader =
        ReplyReader::start(&settings(), &names, 2, Arc::clone(&asking) as _, PATIENCE).unwrap();

    let nobody = Reply {
        reply_to: ReplyTo::NOBODY,
        ..reply(0, 0)
    };
    let mut replies = vec![reply(2, 1), nobody, reply(1, 2), reply(99, 3), reply(2, 4)];
    let traced = TracedReply {
        reply_to: reply(2, 4).reply_to,
        context: TraceContext {
            trace_id: [8; 16],
            span_id: [9; 8],
        },
        released_at_us: 1_767_225_600_000_123,
    };
    sink.deliver(&mut replies, &[traced]);
    assert!(replies.is_empty());
    sink.flush(PATIENCE).unwrap();
    let topic = names.replies();
    write_raw(
        BaseRecord::to(&topic)
            .partition(2)
            .key(&b""[..])
            .payload(&[0xFF, 0xFF][..]),
    );
    sink.deliver(
        &mut (5..1_000).map(|exchange| reply(2, exchange)).collect(),
        &[],
    );
    let got = asking.take(997).await;
    let exchanges = [1].into_iter().chain(4..1_000);
    let expected: Vec<_> = exchanges.map(|exchange| reply(2, exchange)).collect();
    assert_eq!(
        got, expected,
        "not what came before the start, nor what is for others"
    );
    assert_eq!(*asking.traced.lock(), [traced]);
    drop(reader);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_that_is_not_there_is_told() {
    let (names, _) = born(1).await;
    let sink: Arc<dyn ReplySink> = Arc::new(Waiting::default());
    let short = Duration::from_secs(10);
    let refused = ReplyReader::start(&settings(), &names, 4, sink, short);
    assert!(
        matches!(refused, Err(ReplyError::NoPartition { .. })),
        "{refused:?}"
    );
}
