//! The reading side of a log: partitions spread over a few feeds.
//!
//! A fetch names all partitions of its consumer, and the broker looks at each of them, so a record of one partition is
//! paid for by all that share the fetch. Several feeds make that cheaper.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Sender, sync_channel};

use parking_lot::Mutex;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaResult;

use crate::consumer::KafkaConsumer;
use crate::feed::{Feed, FeedSource, FeedStart, Task, check_start};
use crate::inbox::Inbox;
use crate::options::LogOptions;
use crate::topics::LOOK_AGAIN;
use crate::watermarks::{WatermarkError, Watermarks, query};
use card::PartitionId;
use command_log::ConsumeError;

/// Each feed has its own connection to every broker and a few threads.
const FEEDS_MAX: usize = 16;

/// A topic that is not found by now is not there.
const LOOKS_AT_TOPIC: usize = 10;

/// All feeds of a log.
pub(crate) struct Readers {
    source: Arc<FeedSource>,
    /// Never empty.
    feeds: Vec<Feed>,
    routes: Arc<Routes>,
    lane_max: usize,
}

impl Readers {
    pub(crate) fn open(source: FeedSource, options: &LogOptions) -> KafkaResult<Self> {
        let source = Arc::new(source);
        let count = options.readers.clamp(1, FEEDS_MAX);
        let feeds = (0..count).map(|_| Feed::open(&source, options));
        let feeds = feeds.collect::<KafkaResult<Vec<_>>>()?;
        let routes = Routes {
            tasks: feeds.iter().map(|feed| feed.tasks().clone()).collect(),
            feed_of: Mutex::new(BTreeMap::new()),
        };
        Ok(Self {
            source,
            feeds,
            routes: Arc::new(routes),
            lane_max: options.lane_records_max,
        })
    }

    /// How many partitions the topic has; 0 when there is none.
    pub(crate) fn partition_count(&self) -> KafkaResult<usize> {
        let topic = &self.source.topic;
        let timeout = self.source.query_timeout;
        let consumer = self.feeds[0].consumer();
        for _ in 0..LOOKS_AT_TOPIC {
            let metadata = consumer.fetch_metadata(Some(topic), timeout)?;
            let found = metadata.topics().iter().find(|found| found.name() == topic);
            match found.map_or(0, |found| found.partitions().len()) {
                // A broker may not have heard of a new topic yet.
                0 => std::thread::park_timeout(LOOK_AGAIN),
                count => return Ok(count),
            }
        }
        Ok(0)
    }

    pub(crate) fn watermarks(
        &self,
        partitions: &[PartitionId],
    ) -> Result<Vec<Watermarks>, WatermarkError> {
        let timeout = self.source.query_timeout;
        let consumer = self.feeds[0].consumer();
        query(consumer, &self.source.topic, partitions, timeout)
    }

    pub(crate) fn consume(
        &self,
        starts: &[(PartitionId, u64)],
    ) -> Result<KafkaConsumer, ConsumeError> {
        self.check(starts)?;
        let partitions: Vec<_> = starts.iter().map(|(partition, _)| *partition).collect();
        let feeds = self.routes.take(&partitions)?;
        let inbox = Arc::new(Inbox::new(partitions.into_iter(), self.lane_max));
        // From here on the consumer's drop takes its partitions away again.
        let consumer = KafkaConsumer::new(Arc::clone(&inbox), Arc::clone(&self.routes));
        let mut shares: BTreeMap<usize, Vec<FeedStart>> = BTreeMap::new();
        for ((lane, (partition, offset)), feed) in starts.iter().enumerate().zip(feeds) {
            shares.entry(feed).or_default().push(FeedStart {
                partition: *partition,
                offset: *offset,
                lane,
            });
        }
        let (done, answers) = sync_channel(shares.len());
        for (feed, starts) in shares {
            let (inbox, done) = (Arc::clone(&inbox), done.clone());
            let add = Task::Add {
                starts,
                inbox,
                done,
            };
            self.routes.tasks[feed]
                .send(add)
                .map_err(|_| thread_died())?;
        }
        drop(done);
        answers.iter().collect::<Result<(), _>>()?;
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
        self.routes.tell_all(|| Task::Stop(reason.to_owned()));
    }
}

impl Drop for Readers {
    /// All are told before one is waited for.
    fn drop(&mut self) {
        for feed in &self.feeds {
            feed.close();
        }
    }
}

fn thread_died() -> ConsumeError {
    ConsumeError::Stopped("a thread that reads the log has ended".to_owned())
}

/// Which feed reads which partition.
pub(crate) struct Routes {
    tasks: Vec<Sender<Task>>,
    feed_of: Mutex<BTreeMap<PartitionId, usize>>,
}

impl Routes {
    /// Gives each partition to the feed that has the fewest; none if one of them is taken.
    fn take(&self, partitions: &[PartitionId]) -> Result<Vec<usize>, ConsumeError> {
        let mut feed_of = self.feed_of.lock();
        let mut loads = vec![0usize; self.tasks.len()];
        for feed in feed_of.values() {
            loads[*feed] += 1;
        }
        let mut taken = BTreeMap::new();
        let mut feeds = Vec::with_capacity(partitions.len());
        for partition in partitions {
            let (feed, load) = loads
                .iter_mut()
                .enumerate()
                .min_by_key(|(_, load)| **load)
                .ok_or_else(thread_died)?;
            *load += 1;
            let is_taken = feed_of.contains_key(partition);
            if is_taken || taken.insert(*partition, feed).is_some() {
                return Err(ConsumeError::Stopped(format!(
                    "partition {partition} is read by another consumer of this log"
                )));
            }
            feeds.push(feed);
        }
        feed_of.append(&mut taken);
        Ok(feeds)
    }

    /// The partition's lane has room again.
    pub(crate) fn resume(&self, partition: PartitionId) {
        let feed = self.feed_of.lock().get(&partition).copied();
        if let Some(tasks) = feed.and_then(|feed| self.tasks.get(feed)) {
            // A feed that has ended has ended the inbox too.
            drop(tasks.send(Task::Resume(partition)));
        }
    }

    /// Nobody takes from this inbox any more. A feed hears it before anybody can ask for the partitions again.
    pub(crate) fn let_go(&self, inbox: &Arc<Inbox>) {
        self.tell_all(|| Task::Remove(Arc::clone(inbox)));
        let mut feed_of = self.feed_of.lock();
        for partition in inbox.partitions() {
            feed_of.remove(&partition);
        }
    }

    fn tell_all(&self, task: impl Fn() -> Task) {
        for tasks in &self.tasks {
            // A thread that has ended reads no more anyway.
            drop(tasks.send(task()));
        }
    }
}
