//! The partitions that the consumer group gives to this process. The group is a hint: who owns a
//! partition is settled by the epoch that its owner claims.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

use super::assignment::{self, Leave, Seen};
use super::parts::ProcessorParts;
use card::PartitionId;
use command_log_kafka::{Membership, MembershipEvent};

/// How often watermarks are committed to the group, for the tools that show its lag.
const COMMIT_INTERVAL: Duration = Duration::from_secs(1);

/// How long the brokers may take to hear that this process leaves.
const LEAVE_PATIENCE: Duration = Duration::from_secs(8);

/// A partition that is held.
struct Held {
    leave: watch::Sender<Leave>,
    seen: watch::Receiver<Seen>,
    task: JoinHandle<()>,
}

/// What is held, for the member's row.
#[derive(Debug, Clone, Default)]
pub(super) struct Holdings {
    pub(super) partitions: Vec<PartitionId>,
    pub(super) outstanding_count: usize,
}

/// Follows the group until told to leave it.
pub(super) struct Assignments {
    parts: Arc<ProcessorParts>,
    membership: Option<Membership>,
    events: mpsc::Receiver<MembershipEvent>,
    held: BTreeMap<PartitionId, Held>,
    holdings: watch::Sender<Holdings>,
}

impl Assignments {
    pub(super) fn new(
        parts: Arc<ProcessorParts>,
        (membership, events): (Membership, mpsc::Receiver<MembershipEvent>),
    ) -> (Self, watch::Receiver<Holdings>) {
        let (holdings, told) = watch::channel(Holdings::default());
        let assignments = Self {
            parts,
            membership: Some(membership),
            events,
            held: BTreeMap::new(),
            holdings,
        };
        (assignments, told)
    }

    /// Runs until `stop` says so; then everything is handed over and the group is left.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut commit = tokio::time::interval(COMMIT_INTERVAL);
        loop {
            tokio::select! {
                biased;
                () = told(&mut stop) => break,
                event = self.events.recv() => match event {
                    Some(event) => self.follow(event).await,
                    None => {
                        error!("the client of the consumer group has ended; this process must be restarted");
                        break;
                    }
                },
                _ = commit.tick() => self.commit(),
            }
        }
        info!(count = self.held.len(), "handing over all partitions");
        self.commit();
        self.leave().await;
        let rest: Vec<PartitionId> = self.held.keys().copied().collect();
        self.let_go(&rest, Leave::HandOver).await;
    }

    /// Leaves the group. It asks for the partitions back meanwhile.
    async fn leave(&mut self) {
        let Some(membership) = self.membership.take() else {
            return;
        };
        let mut left = pin!(tokio::time::timeout(LEAVE_PATIENCE, membership.leave()));
        loop {
            tokio::select! {
                told = &mut left => {
                    if told.is_err() {
                        warn!("the brokers do not hear that this process leaves; the session time-out tells them");
                    }
                    return;
                }
                Some(event) = self.events.recv() => self.follow(event).await,
            }
        }
    }

    async fn follow(&mut self, event: MembershipEvent) {
        match event {
            MembershipEvent::Assigned(partitions) => {
                info!(count = partitions.len(), "partitions assigned");
                // OWN-1: what is still held from an earlier assignment is dropped first.
                self.let_go(&partitions, Leave::Abandon).await;
                for partition in partitions {
                    self.take(partition);
                }
            }
            MembershipEvent::Revoked(revocation) => {
                info!(count = revocation.partitions.len(), "partitions revoked");
                self.let_go(&revocation.partitions, Leave::HandOver).await;
                revocation.released();
            }
            MembershipEvent::Lost(partitions) => {
                warn!(count = partitions.len(), "partitions lost");
                self.let_go(&partitions, Leave::Abandon).await;
            }
            MembershipEvent::Failed(reason) => {
                error!(reason, "this process is no member of the group any more");
                let all: Vec<PartitionId> = self.held.keys().copied().collect();
                self.let_go(&all, Leave::Abandon).await;
            }
        }
        self.show();
    }

    fn take(&mut self, partition: PartitionId) {
        let (leave, left) = watch::channel(Leave::No);
        let (show, seen) = watch::channel(Seen::default());
        let parts = Arc::clone(&self.parts);
        let task = tokio::spawn(assignment::hold(parts, partition, left, show));
        self.held.insert(partition, Held { leave, seen, task });
    }

    /// Lets go of partitions, all at once, and waits until each is let go of.
    async fn let_go(&mut self, partitions: &[PartitionId], how: Leave) {
        let mut leaving = Vec::new();
        for partition in partitions {
            if let Some(held) = self.held.remove(partition) {
                held.leave.send_replace(how);
                leaving.push(held);
            }
        }
        for held in leaving {
            if let Err(error) = held.task.await {
                warn!(%error, "a partition's task failed");
            }
        }
    }

    /// OWN-3: only what a checkpoint has made durable.
    fn commit(&self) {
        let offsets: Vec<(PartitionId, u64)> = self
            .held
            .iter()
            .filter_map(|(partition, held)| {
                held.seen
                    .borrow()
                    .checkpointed
                    .map(|offset| (*partition, offset.saturating_sub(self.parts.offset_base)))
            })
            .collect();
        if let Some(membership) = &self.membership
            && !offsets.is_empty()
        {
            membership.commit(&offsets);
        }
        self.show();
    }

    fn show(&self) {
        let outstanding = self.held.values();
        let outstanding_count = outstanding
            .map(|held| held.seen.borrow().outstanding_count)
            .sum();
        self.holdings.send_replace(Holdings {
            partitions: self.held.keys().copied().collect(),
            outstanding_count,
        });
    }
}

/// Waits until a flag is raised. Cancel safe.
async fn told(flag: &mut watch::Receiver<bool>) {
    // A sender that is gone cannot ask for anything else.
    drop(flag.wait_for(|raised| *raised).await);
}
