//! The thread of a member: polls, tells the owner of each rebalance, and waits for it where that is due.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError};
use std::time::{Duration, Instant};

use metrics::counter;
use parking_lot::Mutex;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, Offset, TopicPartitionList};
use tokio::sync::mpsc;

use crate::birth::left;
use crate::context::{ClientLog, Throttle, fatal_error};
use crate::membership::{MembershipEvent, Revocation};
use crate::metric_names::{LABEL_EVENT, MEMBERSHIP_EVENTS};
use card::PartitionId;

/// How long a task may wait. A rebalance ends the wait at once.
const TASK_WAIT: Duration = Duration::from_millis(20);

/// What the owner asks of the thread.
#[derive(Debug)]
pub(crate) enum Task {
    /// The handover with this number may go on.
    Released(u64),
    /// Leave the group and end.
    Leave,
}

/// What the client calls, on the polling thread.
pub(crate) struct MembershipContext {
    topic: String,
    log: ClientLog,
    commit_failures: Throttle,
    events: mpsc::Sender<MembershipEvent>,
    to_self: Sender<Task>,
    tasks: Mutex<Receiver<Task>>,
    commits: Arc<Mutex<BTreeMap<PartitionId, u64>>>,
    revoke_wait: Duration,
    held: Mutex<BTreeSet<PartitionId>>,
    revocations: AtomicU64,
    is_leaving: AtomicBool,
}

impl MembershipContext {
    pub(crate) fn new(
        topic: String,
        events: mpsc::Sender<MembershipEvent>,
        (to_self, tasks): (Sender<Task>, Receiver<Task>),
        commits: Arc<Mutex<BTreeMap<PartitionId, u64>>>,
        revoke_wait: Duration,
    ) -> Self {
        Self {
            topic,
            log: ClientLog::new("member"),
            commit_failures: Throttle::new(),
            events,
            to_self,
            tasks: Mutex::new(tasks),
            commits,
            revoke_wait,
            held: Mutex::new(BTreeSet::new()),
            revocations: AtomicU64::new(0),
            is_leaving: AtomicBool::new(false),
        }
    }

    /// Waits for room: an event must not be lost. False when nobody listens any more.
    fn tell(&self, label: &'static str, event: MembershipEvent) -> bool {
        counter!(MEMBERSHIP_EVENTS, LABEL_EVENT => label).increment(1);
        self.events.blocking_send(event).is_ok()
    }

    fn assign(&self, consumer: &BaseConsumer<Self>, given: &TopicPartitionList) {
        let assigned = self
            .paused_list(given)
            .and_then(|list| consumer.incremental_assign(&list).map(|()| list))
            .and_then(|list| consumer.pause(&list));
        if let Err(error) = assigned {
            tracing::error!(%error, "an assignment could not be taken");
        }
        let partitions = ids(given);
        self.held.lock().extend(partitions.iter().copied());
        tracing::info!(?partitions, "partitions assigned by the group");
        self.tell("assigned", MembershipEvent::Assigned(partitions));
    }

    /// From the end, so that no committed offset is asked for and nothing is read before the pause.
    fn paused_list(&self, given: &TopicPartitionList) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::with_capacity(given.count());
        for element in given.elements() {
            list.add_partition_offset(&self.topic, element.partition(), Offset::End)?;
        }
        Ok(list)
    }

    fn revoke(&self, consumer: &BaseConsumer<Self>, taken: &TopicPartitionList) {
        let mut partitions = ids(taken);
        // What was lost before needs no second word.
        partitions.retain(|partition| self.held.lock().contains(partition));
        if consumer.assignment_lost() {
            self.lose(&partitions);
        } else {
            self.hand_over(consumer, &partitions);
        }
        if let Err(error) = consumer.incremental_unassign(taken) {
            tracing::error!(%error, "an assignment could not be given back");
        }
        let mut held = self.held.lock();
        held.retain(|partition| !partitions.contains(partition));
    }

    fn lose(&self, partitions: &[PartitionId]) {
        if partitions.is_empty() {
            return;
        }
        tracing::warn!(
            ?partitions,
            "partitions lost: the group went on without this member"
        );
        let all = partitions.to_vec();
        self.tell("lost", MembershipEvent::Lost(all));
    }

    fn hand_over(&self, consumer: &BaseConsumer<Self>, partitions: &[PartitionId]) {
        if partitions.is_empty() {
            return;
        }
        tracing::info!(?partitions, "partitions revoked by the group");
        let number = self.revocations.fetch_add(1, Ordering::Relaxed);
        let deadline = Instant::now() + self.revoke_wait;
        let revocation = Revocation {
            partitions: partitions.to_vec(),
            number,
            tasks: self.to_self.clone(),
        };
        // Nobody listening is as good as released.
        let is_told = self.tell("revoked", MembershipEvent::Revoked(revocation));
        if is_told && !self.is_released(number, deadline) {
            tracing::warn!(
                ?partitions,
                "partitions are handed over before they were released"
            );
        }
        self.commit(consumer);
        if consumer.assignment_lost() {
            self.lose(partitions);
        }
    }

    fn is_released(&self, number: u64, deadline: Instant) -> bool {
        let tasks = self.tasks.lock();
        loop {
            match tasks.recv_timeout(left(deadline)) {
                Ok(Task::Released(released)) if released == number => return true,
                // Of a handover that was not waited for.
                Ok(Task::Released(_)) => {}
                Ok(Task::Leave) => self.is_leaving.store(true, Ordering::Relaxed),
                Err(_) => return false,
            }
        }
    }

    fn commit(&self, consumer: &BaseConsumer<Self>) {
        let done = std::mem::take(&mut *self.commits.lock());
        if done.is_empty() {
            return;
        }
        let held = self.held.lock();
        let mut list = TopicPartitionList::with_capacity(done.len());
        for (partition, next) in done
            .iter()
            .filter(|(partition, _)| held.contains(partition))
        {
            let offset = Offset::Offset(i64::try_from(*next).unwrap_or(i64::MAX));
            let index = i32::from(partition.0);
            if let Err(error) = list.add_partition_offset(&self.topic, index, offset) {
                self.commit_failed(&error);
            }
        }
        if list.count() > 0
            && let Err(error) = consumer.commit(&list, CommitMode::Async)
        {
            self.commit_failed(&error);
        }
    }

    fn commit_failed(&self, error: &KafkaError) {
        if let Some(held_back) = self.commit_failures.pass() {
            tracing::warn!(%error, held_back, "offsets could not be committed for the lag tools");
        }
    }

    fn is_asked_to_leave(&self) -> bool {
        loop {
            match self.tasks.lock().try_recv() {
                Ok(Task::Leave) | Err(TryRecvError::Disconnected) => return true,
                Ok(Task::Released(_)) => {}
                Err(TryRecvError::Empty) => return self.is_leaving.load(Ordering::Relaxed),
            }
        }
    }
}

impl ClientContext for MembershipContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.log.line(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.log.error(&error, reason);
    }
}

impl ConsumerContext for MembershipContext {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        kind: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        if kind == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            self.assign(consumer, partitions);
        } else {
            self.revoke(consumer, partitions);
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _offsets: &TopicPartitionList) {
        if let Err(error) = result {
            self.commit_failed(&error);
        }
    }
}

fn ids(list: &TopicPartitionList) -> Vec<PartitionId> {
    let elements = list.elements();
    let indexes = elements
        .iter()
        .map(|element| u16::try_from(element.partition()));
    indexes.filter_map(Result::ok).map(PartitionId).collect()
}

/// Until the owner leaves or the member fails for good. Dropping the consumer leaves the group, and calls
/// [`ConsumerContext::rebalance`] for what is still held.
pub(crate) fn run(consumer: BaseConsumer<MembershipContext>) {
    let context = Arc::clone(consumer.context());
    while !context.is_asked_to_leave() {
        if let Some(Err(_)) = consumer.poll(TASK_WAIT)
            && let Some(reason) = fatal_error(consumer.client())
        {
            let held = std::mem::take(&mut *context.held.lock());
            context.lose(&held.into_iter().collect::<Vec<_>>());
            context.tell("failed", MembershipEvent::Failed(reason));
            break;
        }
        context.commit(&consumer);
    }
    drop(consumer);
}
