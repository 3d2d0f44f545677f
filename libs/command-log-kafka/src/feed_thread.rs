//! The thread that reads: from the client into the lanes, and back-pressure from the lanes to the client.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use metrics::{Counter, counter};
use rdkafka::Offset;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};

use crate::birth::{Beginnings, judge};
use crate::context::{PlainContext, fatal_error};
use crate::feed::{FeedLane, FeedSource, FeedStart, Task, check_start};
use crate::inbox::{Inbox, Put};
use crate::metric_names::{READ_PAUSES, RECORDS_READ};
use crate::record;
use crate::watermarks::{list, query};
use card::PartitionId;
use command_log::ConsumeError;

/// How long a task may wait while nothing arrives. A record that arrives ends the wait at once.
const TASK_WAIT: Duration = Duration::from_millis(5);
/// After an error that may end reading, partitions are looked at, but not more often than this.
const INSPECT_EVERY: Duration = Duration::from_secs(1);

pub(crate) struct FeedThread {
    consumer: Arc<BaseConsumer<PlainContext>>,
    source: Arc<FeedSource>,
    lanes: BTreeMap<PartitionId, FeedLane>,
    inspect_at: Option<Instant>,
    inspected_at: Option<Instant>,
    read: Counter,
    pauses: Counter,
}

impl FeedThread {
    pub(crate) fn new(consumer: Arc<BaseConsumer<PlainContext>>, source: Arc<FeedSource>) -> Self {
        Self {
            consumer,
            source,
            lanes: BTreeMap::new(),
            inspect_at: None,
            inspected_at: None,
            read: counter!(RECORDS_READ),
            pauses: counter!(READ_PAUSES),
        }
    }

    /// Until the log is dropped.
    pub(crate) fn run(mut self, tasks: &Receiver<Task>) {
        let consumer = Arc::clone(&self.consumer);
        loop {
            match tasks.try_recv() {
                Ok(Task::Close) | Err(TryRecvError::Disconnected) => {
                    self.end_all("the log was closed");
                    return;
                }
                Ok(task) => self.work(task),
                Err(TryRecvError::Empty) => {}
            }
            match consumer.poll(TASK_WAIT) {
                Some(Ok(message)) => self.take(&message),
                Some(Err(error)) => self.note(&error),
                None => {}
            }
            if self.inspect_at.is_some_and(|at| at <= Instant::now()) {
                self.inspect();
            }
        }
    }

    fn work(&mut self, task: Task) {
        match task {
            Task::Add {
                starts,
                inbox,
                done,
            } => {
                // The asker may have given up.
                drop(done.send(self.add(&starts, &inbox)));
            }
            Task::Remove(inbox) => self.remove(&inbox),
            Task::Resume(partition) => self.resume(partition),
            Task::Stop(reason) => self.stop(&reason),
            Task::Close => {}
        }
    }

    fn add(&mut self, starts: &[FeedStart], inbox: &Arc<Inbox>) -> Result<(), ConsumeError> {
        let offsets: Vec<_> = starts
            .iter()
            .map(|start| (start.partition, start.offset))
            .collect();
        let assigned = self.assign(&offsets);
        assigned.map_err(|error| ConsumeError::Stopped(error.to_string()))?;
        for start in starts {
            let lane = FeedLane {
                inbox: Arc::clone(inbox),
                index: start.lane,
                next: start.offset,
                until: None,
            };
            self.lanes.insert(start.partition, lane);
        }
        Ok(())
    }

    /// Others keep flowing: neither loses nor repeats a record.
    fn assign(&self, starts: &[(PartitionId, u64)]) -> KafkaResult<()> {
        let mut wanted = TopicPartitionList::with_capacity(starts.len());
        for (partition, next) in starts {
            let offset = Offset::Offset(i64::try_from(*next).unwrap_or(i64::MAX));
            wanted.add_partition_offset(&self.source.topic, i32::from(partition.0), offset)?;
        }
        self.consumer.incremental_assign(&wanted)
    }

    fn list(&self, partitions: &[PartitionId]) -> KafkaResult<TopicPartitionList> {
        list(&self.source.topic, partitions, Offset::Invalid)
    }

    fn remove(&mut self, inbox: &Arc<Inbox>) {
        let is_theirs = |lane: &FeedLane| Arc::ptr_eq(&lane.inbox, inbox);
        let theirs = self.lanes.extract_if(.., |_, lane| is_theirs(lane));
        let removed: Vec<_> = theirs.collect();
        self.let_go(&removed);
    }

    fn let_go(&self, removed: &[(PartitionId, FeedLane)]) {
        if removed.is_empty() {
            return;
        }
        let all: Vec<_> = removed.iter().map(|(partition, _)| *partition).collect();
        let paused: Vec<_> = removed
            .iter()
            .filter(|(_, lane)| lane.inbox.is_paused(lane.index))
            .map(|(partition, _)| *partition)
            .collect();
        // A pause would outlive the assignment.
        let resumed = self
            .list(&paused)
            .and_then(|list| self.consumer.resume(&list));
        let unassigned = self
            .list(&all)
            .and_then(|list| self.consumer.incremental_unassign(&list));
        if let Err(error) = resumed.and(unassigned) {
            tracing::warn!(%error, "partitions could not be let go of");
        }
    }

    fn resume(&self, partition: PartitionId) {
        if !self.lanes.contains_key(&partition) {
            return;
        }
        let resumed = self
            .list(&[partition])
            .and_then(|list| self.consumer.resume(&list));
        if let Err(error) = resumed {
            self.end(partition, &format!("reading cannot go on: {error}"));
        }
    }

    fn take(&mut self, message: &BorrowedMessage<'_>) {
        let place = record::position_of(message.partition(), message.offset());
        let Some(place) = place else { return };
        let Some(lane) = self.lanes.get_mut(&place.partition) else {
            return;
        };
        let record = match record::read(message) {
            Ok(record) => record,
            Err(error) => {
                let at = place.offset;
                self.end_and_let_go(
                    place.partition,
                    &format!("the record at offset {at} is not ours: {error}"),
                );
                return;
            }
        };
        if !lane.wants(&record) {
            return;
        }
        lane.next = place.offset + 1;
        self.read.increment(1);
        let (inbox, index) = (Arc::clone(&lane.inbox), lane.index);
        let is_at_end = lane.is_at_end();
        if inbox.put(index, record) == Put::Full && !is_at_end {
            self.pause(place.partition, &inbox, index);
        }
        if is_at_end {
            self.end_stopped(place.partition);
        }
    }

    /// The client forgets what it has read ahead and reads it again after the pause.
    fn pause(&self, partition: PartitionId, inbox: &Inbox, index: usize) {
        self.pauses.increment(1);
        let paused = self
            .list(&[partition])
            .and_then(|list| self.consumer.pause(&list));
        if let Err(error) = paused {
            tracing::warn!(%partition, %error, "reading could not be paused");
            inbox.not_paused(index);
        }
    }

    /// An error that the client does not heal by itself may concern any partition; it does not say which.
    fn note(&mut self, error: &KafkaError) {
        if let Some(reason) = fatal_error(self.consumer.client()) {
            self.end_all(&format!("the kafka consumer failed: {reason}"));
        } else if error.rdkafka_error_code().is_some_and(may_end_reading) {
            let soon = self.inspected_at.map(|at| at + INSPECT_EVERY);
            self.inspect_at = Some(soon.unwrap_or_else(Instant::now));
        }
    }

    /// Finds the partitions that can't be read on, and starts the others again where they were.
    fn inspect(&mut self) {
        self.inspect_at = None;
        self.inspected_at = Some(Instant::now());
        let partitions: Vec<_> = self.lanes.keys().copied().collect();
        let timeout = self.source.query_timeout;
        let held = match query(&self.consumer, &self.source.topic, &partitions, timeout) {
            Ok(held) => held,
            Err(error) if error.is_no_topic() => {
                self.end_all(&format!("the topic is gone: {error}"));
                return;
            }
            Err(error) => {
                tracing::warn!(%error, "partitions could not be inspected, trying again");
                self.inspect_at = Some(Instant::now() + INSPECT_EVERY);
                return;
            }
        };
        for held in held {
            let next = self.lanes.get(&held.partition).map(|lane| lane.next);
            let checked = next.map_or(Ok(()), |next| check_start(held, next));
            if let Err(error) = checked {
                self.end_and_let_go(held.partition, &error.to_string());
            }
        }
        self.check_births();
        self.restart_reading();
    }

    /// A topic that was created again may have as many records as the old one.
    fn check_births(&mut self) {
        let partitions: Vec<_> = self.lanes.keys().copied().collect();
        let deadline = Instant::now() + self.source.query_timeout;
        let found = Beginnings::open(&self.source.settings, &self.source.names)
            .and_then(|beginnings| beginnings.read(&partitions, deadline));
        match found {
            Ok(found) => {
                for (partition, beginning) in found {
                    if let Err(error) = judge(partition, &beginning, &self.source.id) {
                        self.end_and_let_go(partition, &error.to_string());
                    }
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the log could not be identified, trying again");
                self.inspect_at = Some(Instant::now() + INSPECT_EVERY);
            }
        }
    }

    /// The client may have given up on a partition that is in order.
    fn restart_reading(&mut self) {
        let lanes = self.lanes.iter();
        let flowing = lanes.filter(|(_, lane)| !lane.inbox.is_paused(lane.index));
        let starts: Vec<_> = flowing.map(|(id, lane)| (*id, lane.next)).collect();
        if starts.is_empty() {
            return;
        }
        let partitions: Vec<_> = starts.iter().map(|(partition, _)| *partition).collect();
        let restarted = self
            .list(&partitions)
            .and_then(|list| self.consumer.incremental_unassign(&list))
            .and_then(|()| self.assign(&starts));
        if let Err(error) = restarted {
            self.end_all(&format!("reading could not be started again: {error}"));
        }
    }

    fn stop(&mut self, reason: &str) {
        let partitions: Vec<_> = self.lanes.keys().copied().collect();
        let timeout = self.source.query_timeout;
        let Ok(held) = query(&self.consumer, &self.source.topic, &partitions, timeout) else {
            self.end_all(reason);
            return;
        };
        for held in held {
            if let Some(lane) = self.lanes.get_mut(&held.partition) {
                lane.until = Some((held.end, reason.to_owned()));
                if lane.is_at_end() {
                    self.end_stopped(held.partition);
                }
            }
        }
    }

    fn end_stopped(&mut self, partition: PartitionId) {
        let lane = self.lanes.get(&partition);
        if let Some((_, reason)) = lane.and_then(|lane| lane.until.clone()) {
            self.end_and_let_go(partition, &reason);
        }
    }

    fn end_all(&mut self, reason: &str) {
        let all: Vec<_> = self.lanes.keys().copied().collect();
        for partition in all {
            self.end_and_let_go(partition, reason);
        }
    }

    fn end_and_let_go(&mut self, partition: PartitionId, reason: &str) {
        self.end(partition, reason);
        if let Some(lane) = self.lanes.remove(&partition) {
            self.let_go(&[(partition, lane)]);
        }
    }

    fn end(&self, partition: PartitionId, reason: &str) {
        if let Some(lane) = self.lanes.get(&partition) {
            tracing::warn!(%partition, reason, "reading of a partition has ended");
            let reason = format!("partition {partition}: {reason}");
            lane.inbox.end(ConsumeError::Stopped(reason));
        }
    }
}

impl Drop for FeedThread {
    /// Whoever still waits must not wait for ever, whatever ended the thread.
    fn drop(&mut self) {
        for lane in self.lanes.values() {
            let reason = "the thread that reads the log has ended".to_owned();
            lane.inbox.end(ConsumeError::Stopped(reason));
        }
    }
}

fn is_gone(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition
    )
}

/// Transport errors, elections and time-outs are the client's to heal; it says what it does in the log.
fn may_end_reading(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    is_gone(code)
        || matches!(
            code,
            Code::AutoOffsetReset
                | Code::OffsetOutOfRange
                | Code::UnknownTopicId
                | Code::TopicAuthorizationFailed
                | Code::LogTruncation
        )
}
