//! The consumer group as a hint of who should own what.
//!
//! The group spreads partitions over processes and notices dead ones. It proves nothing: two processes may believe
//! for a while that they have the same partition. Who owns it is decided in the store, by epochs; this module only
//! says when to try, and when to let go. It reads no record: partitions are paused as they are assigned.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use parking_lot::Mutex;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use tokio::sync::{mpsc, oneshot};

use crate::membership_thread::{MembershipContext, Task, run};
use crate::settings::{KafkaSettings, TopicNames, millis};
use card::PartitionId;

/// Events that may wait for the owner. A rebalance waits for room.
const EVENTS_MAX: usize = 64;
/// A member whose thread hangs this long is no member.
const POLL_INTERVAL_MAX: Duration = Duration::from_secs(30);

/// How the members of the group agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupProtocol {
    /// The old one, with cooperative sticky assignment: a member computes who gets what.
    Classic {
        /// When a silent member counts as dead. The broker's `group.min.session.timeout.ms` is the least.
        session_timeout: Duration,
        /// How often members report: a third of the session or less.
        heartbeat: Duration,
    },
    /// KIP-848: the broker computes. Session and heartbeat are the broker's `group.consumer.session.timeout.ms`
    /// and `group.consumer.heartbeat.interval.ms`; a client cannot set them.
    Consumer,
}

/// How a process is a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MembershipOptions {
    /// See [`GroupProtocol`].
    pub protocol: GroupProtocol,
    /// Names this member over restarts (static membership): one that comes back within the session gets its
    /// partitions again and nobody else gets them meanwhile.
    pub instance_id: Option<String>,
    /// How long a planned handover waits for [`Revocation::released`].
    pub revoke_wait: Duration,
}

impl Default for MembershipOptions {
    fn default() -> Self {
        Self {
            protocol: GroupProtocol::Classic {
                session_timeout: Duration::from_secs(6),
                heartbeat: Duration::from_millis(500),
            },
            instance_id: None,
            revoke_wait: Duration::from_millis(900),
        }
    }
}

/// What the group says.
#[derive(Debug)]
pub enum MembershipEvent {
    /// These are ours too now, as far as the group knows. May be empty: a member that gets none.
    Assigned(Vec<PartitionId>),
    /// Others are to have these. They get them as soon as it is released, or after `revoke_wait`.
    Revoked(Revocation),
    /// Others have these already, or may: let go at once (OWN-1).
    Lost(Vec<PartitionId>),
    /// This member has ended for good: join again, or stop. What it held is lost before.
    Failed(String),
}

/// A planned handover. Dropping it releases too.
#[derive(Debug)]
pub struct Revocation {
    /// What is to be let go of.
    pub partitions: Vec<PartitionId>,
    pub(crate) number: u64,
    pub(crate) tasks: Sender<Task>,
}

impl Revocation {
    /// Says that nothing of these partitions is being done here any more.
    pub fn released(self) {
        drop(self);
    }
}

impl Drop for Revocation {
    fn drop(&mut self) {
        // A member that has ended waits no more.
        drop(self.tasks.send(Task::Released(self.number)));
    }
}

/// Why a process could not become a member.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot join the group of processors: {0}")]
pub struct MembershipError(String);

/// A membership in the group of the processors: one client and one thread.
pub struct Membership {
    tasks: Sender<Task>,
    commits: Arc<Mutex<BTreeMap<PartitionId, u64>>>,
    ended: Option<oneshot::Receiver<()>>,
}

impl Membership {
    /// Asks to become a member. What the group says comes through the channel; take it quickly, a rebalance of
    /// the whole group may be waiting.
    ///
    /// # Errors
    /// When the client cannot be made. Brokers that do not answer are tried for ever.
    pub fn join(
        settings: &KafkaSettings,
        names: &TopicNames,
        options: &MembershipOptions,
    ) -> Result<(Self, mpsc::Receiver<MembershipEvent>), MembershipError> {
        let failed = |error: KafkaError| MembershipError(error.to_string());
        let (events, inbound) = mpsc::channel(EVENTS_MAX);
        let (tasks, outbound) = channel();
        let commits = Arc::new(Mutex::new(BTreeMap::new()));
        let context = MembershipContext::new(
            names.commands(),
            events,
            (tasks.clone(), outbound),
            Arc::clone(&commits),
            options.revoke_wait,
        );
        let config = config(settings, names, options);
        let consumer = BaseConsumer::from_config_and_context(&config, context).map_err(failed)?;
        consumer.subscribe(&[&names.commands()]).map_err(failed)?;
        let (ending, ended) = oneshot::channel();
        let thread = std::thread::Builder::new().name("kafka-membership".into());
        let work = move || {
            run(consumer);
            let _asker_may_be_gone = ending.send(());
        };
        thread
            .spawn(work)
            .map_err(|error| MembershipError(error.to_string()))?;
        let member = Self {
            tasks,
            commits,
            ended: Some(ended),
        };
        Ok((member, inbound))
    }

    /// Tells Kafka how far the partitions are done, for its lag tools only: the checkpoint that counts is in the
    /// store. Done soon by the polling thread (OWN-3); only the newest offset of a partition counts. The offset is
    /// that of the next record.
    pub fn commit(&self, done: &[(PartitionId, u64)]) {
        self.commits.lock().extend(done.iter().copied());
    }

    /// Leaves the group, so that others take over at once. What is held comes as [`MembershipEvent::Revoked`]
    /// first: go on taking events meanwhile. Returns when the group knows, or the brokers cannot be told.
    pub async fn leave(mut self) {
        drop(self.tasks.send(Task::Leave));
        if let Some(ended) = self.ended.take() {
            // An error says that the thread has ended too.
            drop(ended.await);
        }
    }
}

impl Drop for Membership {
    /// Leaves without waiting.
    fn drop(&mut self) {
        drop(self.tasks.send(Task::Leave));
    }
}

impl fmt::Debug for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Membership").finish_non_exhaustive()
    }
}

fn config(
    settings: &KafkaSettings,
    names: &TopicNames,
    options: &MembershipOptions,
) -> ClientConfig {
    let mut config = settings.client("member");
    config
        .set("group.id", names.processor_group())
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "latest")
        // It is paused at once; what slips through should be little.
        .set("queued.min.messages", "1")
        .set("queued.max.messages.kbytes", "1")
        .set("fetch.message.max.bytes", "1024");
    match options.protocol {
        GroupProtocol::Classic {
            session_timeout,
            heartbeat,
        } => config
            .set("group.protocol", "classic")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", millis(session_timeout))
            .set("heartbeat.interval.ms", millis(heartbeat))
            .set(
                "max.poll.interval.ms",
                millis(POLL_INTERVAL_MAX.max(session_timeout * 2)),
            ),
        GroupProtocol::Consumer => config
            .set("group.protocol", "consumer")
            .set("max.poll.interval.ms", millis(POLL_INTERVAL_MAX)),
    };
    if let Some(instance) = &options.instance_id {
        config.set("group.instance.id", instance);
    }
    config
}
