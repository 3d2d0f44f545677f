//! Reads a part of the commands topic: one Kafka consumer and one thread.
//!
//! The thread alone touches lanes and assignment, so a record that the client had already handed out can't get
//! into the lane of a later reader. It does what it is asked between two records.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaResult;

use crate::context::PlainContext;
use crate::feed_thread::FeedThread;
use crate::inbox::Inbox;
use crate::options::LogOptions;
use crate::settings::{KafkaSettings, TopicNames, millis};
use crate::watermarks::Watermarks;
use card::PartitionId;
use command_log::{ConsumeError, LogId, LogRecord};

/// A broker that does not answer a fetch for this long is frozen or gone; its partitions may have new leaders.
const BROKER_TIMEOUT: Duration = Duration::from_secs(3);

/// What others ask of the reading thread.
pub(crate) enum Task {
    /// Read these too, each from its offset on, into this lane of the inbox.
    Add {
        starts: Vec<FeedStart>,
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

/// Where to begin with a partition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FeedStart {
    pub(crate) partition: PartitionId,
    pub(crate) offset: u64,
    pub(crate) lane: usize,
}

/// What the thread needs to know of the log.
pub(crate) struct FeedSource {
    pub(crate) settings: KafkaSettings,
    pub(crate) names: TopicNames,
    pub(crate) topic: String,
    pub(crate) id: LogId,
    pub(crate) query_timeout: Duration,
}

/// The consumer and its thread.
pub(crate) struct Feed {
    consumer: Arc<BaseConsumer<PlainContext>>,
    /// Unbounded, but each lane has at most one task in it beside those that wait for an answer.
    tasks: Sender<Task>,
    thread: Option<JoinHandle<()>>,
}

impl Feed {
    pub(crate) fn open(source: &Arc<FeedSource>, options: &LogOptions) -> KafkaResult<Self> {
        let group = source.names.reader_group();
        let mut config = source.settings.reader("reader", &group);
        config
            .set("fetch.wait.max.ms", millis(options.fetch_wait))
            // Read ahead a little: lanes hold the rest.
            .set("queued.min.messages", "10000")
            .set("queued.max.messages.kbytes", "16384")
            .set("max.partition.fetch.bytes", "1048576")
            .set("socket.timeout.ms", millis(BROKER_TIMEOUT));
        let consumer = BaseConsumer::from_config_and_context(&config, PlainContext::new("reader"))?;
        let consumer = Arc::new(consumer);
        let (tasks, inbound) = channel();
        let thread = spawn(Arc::clone(&consumer), Arc::clone(source), inbound);
        Ok(Self {
            consumer,
            tasks,
            thread: Some(thread),
        })
    }

    pub(crate) fn consumer(&self) -> &BaseConsumer<PlainContext> {
        &self.consumer
    }

    pub(crate) fn tasks(&self) -> &Sender<Task> {
        &self.tasks
    }

    /// Asks the thread to end; dropping waits for it.
    pub(crate) fn close(&self) {
        // A thread that has ended reads no more anyway.
        drop(self.tasks.send(Task::Close));
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

impl Drop for Feed {
    fn drop(&mut self) {
        self.close();
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
