//! Reads the commands topic: one Kafka consumer and one thread for all partitions of this process.
//!
//! The thread alone touches lanes and assignment, so a record that the client had already handed out can't get
//! into the lane of a later reader. It does what it is asked between two records.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;

use card::PartitionId;
use command_log::{ConsumeError, LogId, LogRecord};

use crate::consumer::KafkaConsumer;
use crate::context::PlainContext;
use crate::feed_thread::FeedThread;
use crate::inbox::Inbox;
use crate::options::LogOptions;
use crate::settings::{KafkaSettings, TopicNames, millis};
use crate::watermarks::{WatermarkError, Watermarks, query};

/// What others ask of the reading thread.
pub(crate) enum Task {
    /// Read these too, each from its offset on.
    Add {
        starts: Vec<(PartitionId, u64)>,
        inbox: Arc<Inbox>,
        done: SyncSender<Result<(), ConsumeError>>,
    },
    /// Nobody takes from this inbox any more.
    Remove(Arc<Inbox>),
    /// The partition's lane has room again.
    Resume(PartitionId),
    /// Read up to the present end, then no more.
    Stop(String),
    /// End at once.
    Close,
}

/// What the thread needs to know of the log.
pub(crate) struct FeedSource {
    pub(crate) settings: KafkaSettings,
    pub(crate) names: TopicNames,
    pub(crate) topic: String,
    pub(crate) id: LogId,
    pub(crate) query_timeout: Duration,
}

/// The reading side of a log.
pub(crate) struct Feed {
    consumer: Arc<BaseConsumer<PlainContext>>,
    source: Arc<FeedSource>,
    /// Unbounded, but each lane has at most one task in it beside those that wait for an answer.
    tasks: Sender<Task>,
    thread: Option<JoinHandle<()>>,
    lane_max: usize,
}

impl Feed {
    pub(crate) fn open(source: FeedSource, options: &LogOptions) -> KafkaResult<Self> {
        let mut config = source
            .settings
            .reader("reader", &source.names.reader_group());
        config
            .set("fetch.wait.max.ms", millis(options.fetch_wait))
            // Read ahead a little: lanes hold the rest.
            .set("queued.min.messages", "10000")
            .set("queued.max.messages.kbytes", "16384")
            .set("max.partition.fetch.bytes", "1048576")
            .set(
                "socket.timeout.ms",
                millis(options.query_timeout.max(Duration::from_secs(2))),
            );
        let consumer = BaseConsumer::from_config_and_context(&config, PlainContext::new("reader"))?;
        let consumer = Arc::new(consumer);
        let source = Arc::new(source);
        let (tasks, inbound) = channel();
        let thread = spawn(Arc::clone(&consumer), Arc::clone(&source), inbound);
        Ok(Self {
            consumer,
            source,
            tasks,
            thread: Some(thread),
            lane_max: options.lane_records_max,
        })
    }

    /// How many partitions the topic has; 0 when there is none.
    pub(crate) fn partition_count(&self) -> KafkaResult<usize> {
        let topic = &self.source.topic;
        let timeout = self.source.query_timeout;
        let metadata = self.consumer.fetch_metadata(Some(topic), timeout)?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        Ok(found.map_or(0, |found| found.partitions().len()))
    }

    pub(crate) fn watermarks(
        &self,
        partitions: &[PartitionId],
    ) -> Result<Vec<Watermarks>, WatermarkError> {
        let timeout = self.source.query_timeout;
        query(&self.consumer, &self.source.topic, partitions, timeout)
    }

    pub(crate) fn consume(
        &self,
        starts: &[(PartitionId, u64)],
    ) -> Result<KafkaConsumer, ConsumeError> {
        self.check(starts)?;
        let partitions = starts.iter().map(|(partition, _)| *partition);
        let inbox = Arc::new(Inbox::new(partitions, self.lane_max));
        let (done, answer) = sync_channel(1);
        let tasks = self.tasks.clone();
        // From here on the consumer's drop takes its partitions away again.
        let consumer = KafkaConsumer::new(Arc::clone(&inbox), tasks.clone());
        let add = Task::Add {
            starts: starts.to_vec(),
            inbox,
            done,
        };
        tasks.send(add).map_err(|_| thread_died())?;
        answer.recv().unwrap_or_else(|_| Err(thread_died()))?;
        Ok(consumer)
    }

    fn check(&self, starts: &[(PartitionId, u64)]) -> Result<(), ConsumeError> {
        let count = self.source.id.partition_count;
        if let Some((partition, _)) = starts.iter().find(|(id, _)| id.0 >= count) {
            return Err(ConsumeError::Stopped(format!(
                "the log has no partition {partition}"
            )));
        }
        let partitions: Vec<_> = starts.iter().map(|(partition, _)| *partition).collect();
        let held = self
            .watermarks(&partitions)
            .map_err(|error| ConsumeError::Stopped(error.to_string()))?;
        starts
            .iter()
            .zip(&held)
            .try_for_each(|((_, wanted), held)| check_start(*held, *wanted))
    }

    pub(crate) fn stop(&self, reason: &str) {
        // A thread that has ended reads no more anyway.
        drop(self.tasks.send(Task::Stop(reason.to_owned())));
    }
}

/// Whether a partition can be read from this offset on.
pub(crate) fn check_start(held: Watermarks, wanted: u64) -> Result<(), ConsumeError> {
    let Watermarks {
        partition,
        begin,
        end,
    } = held;
    if wanted < begin {
        return Err(ConsumeError::Gone {
            partition,
            begin,
            wanted,
        });
    }
    if wanted > end {
        return Err(ConsumeError::Stopped(format!(
            "partition {partition} ends at offset {end}, but {wanted} was already read: \
             the topic was re-created or lost records"
        )));
    }
    Ok(())
}

fn thread_died() -> ConsumeError {
    ConsumeError::Stopped("the thread that reads the log has ended".to_owned())
}

impl Drop for Feed {
    fn drop(&mut self) {
        drop(self.tasks.send(Task::Close));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn spawn(
    consumer: Arc<BaseConsumer<PlainContext>>,
    source: Arc<FeedSource>,
    tasks: Receiver<Task>,
) -> JoinHandle<()> {
    let thread = std::thread::Builder::new().name("kafka-reader".into());
    let work = move || FeedThread::new(consumer, source).run(&tasks);
    thread.spawn(work).expect("a thread can be started")
}

/// A lane as the reading thread sees it.
pub(crate) struct FeedLane {
    pub(crate) inbox: Arc<Inbox>,
    /// Its number in the inbox.
    pub(crate) index: usize,
    /// The offset that comes next.
    pub(crate) next: u64,
    /// Where reading ends for good, once the log has stopped.
    pub(crate) until: Option<(u64, String)>,
}

impl FeedLane {
    /// What is older than expected was read before (LOG-3). A gap is handed on: the owner must see it.
    pub(crate) fn wants(&self, record: &LogRecord) -> bool {
        record.position.offset >= self.next
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.until
            .as_ref()
            .is_some_and(|(end, _)| self.next >= *end)
    }
}
