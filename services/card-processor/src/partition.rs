//! What all parts of a processor share, and the state of each partition in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::error::StopReason;
use crate::outstanding::Outstanding;
use crate::release::ReleaseQueue;
use card::{CardId, PartitionId, Position};
use command_log::PartitionGates;
use telemetry::Tracer;

/// One partition, as seen by worker, actors, release stage and checkpoints.
#[derive(Debug)]
pub(crate) struct PartitionState {
    pub(crate) outstanding: Mutex<Outstanding>,
    /// Commands that may still be sent to actors (OWN-4).
    credits: AtomicU32,
    stopped: Mutex<Option<StopReason>>,
}

impl PartitionState {
    pub(crate) fn new(outstanding: Outstanding, credits: u32) -> Self {
        Self {
            outstanding: Mutex::new(outstanding),
            credits: AtomicU32::new(credits),
            stopped: Mutex::new(None),
        }
    }

    /// Takes a credit, if one is left.
    pub(crate) fn take_credit(&self) -> bool {
        self.credits
            .try_update(Ordering::AcqRel, Ordering::Acquire, |left| {
                left.checked_sub(1)
            })
            .is_ok()
    }

    pub(crate) fn give_credit(&self) {
        self.credits.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn stop_reason(&self) -> Option<StopReason> {
        self.stopped.lock().clone()
    }
}

/// Shared by all parts of one processor.
#[derive(Debug)]
pub(crate) struct Shared<S> {
    pub(crate) store: Arc<S>,
    /// By partition number; none for those that are folded elsewhere.
    partitions: Box<[Option<PartitionState>]>,
    /// Set when the partitions are no longer ours: stops that follow are no news.
    ended: AtomicBool,
    stuck_cards: AtomicU32,
    /// Commands released since the start: a partition that has work makes progress.
    pub(crate) released_count: AtomicU64,
    pub(crate) gates: Arc<PartitionGates>,
    pub(crate) release: ReleaseQueue,
    pub(crate) tracer: Tracer,
    /// The last record that any written decision came from: what a checkpoint must wait for.
    decided_through: AtomicU64,
    /// Credits came back: one signal for each worker.
    pub(crate) credit_given: Box<[Notify]>,
}

impl<S> Shared<S> {
    pub(crate) fn new(
        store: Arc<S>,
        partitions: Box<[Option<PartitionState>]>,
        gates: Arc<PartitionGates>,
        (release, tracer): (ReleaseQueue, Tracer),
        worker_count: usize,
    ) -> Self {
        Self {
            store,
            partitions,
            ended: AtomicBool::new(false),
            stuck_cards: AtomicU32::new(0),
            released_count: AtomicU64::new(0),
            gates,
            release,
            tracer,
            decided_through: AtomicU64::new(0),
            credit_given: (0..worker_count).map(|_| Notify::new()).collect(),
        }
    }

    /// The state of a partition of ours.
    ///
    /// # Panics
    /// When it is folded elsewhere: a bug of ours.
    pub(crate) fn partition(&self, id: PartitionId) -> &PartitionState {
        self.partitions[usize::from(id.0)]
            .as_ref()
            .expect("only records of our partitions are read")
    }

    /// The partitions of this processor.
    pub(crate) fn owned(&self) -> impl Iterator<Item = (PartitionId, &PartitionState)> {
        let all = (0..).map(PartitionId).zip(&self.partitions);
        all.filter_map(|(id, state)| state.as_ref().map(|state| (id, state)))
    }

    /// The partitions belong to somebody else now, and so do their alarms.
    pub(crate) fn end(&self) {
        if self.ended.swap(true, Ordering::AcqRel) {
            return;
        }
        let stopped = self
            .owned()
            .filter(|(_, state)| state.stop_reason().is_some());
        let stopped = u32::try_from(stopped.count()).unwrap_or(u32::MAX);
        metrics::gauge!(crate::metric_names::PARTITIONS_STOPPED).decrement(stopped);
        let cards = self.stuck_cards.load(Ordering::Acquire);
        metrics::gauge!(crate::metric_names::CARDS_STOPPED).decrement(cards);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Said before a decision's write, so that whoever freezes the store afterwards knows how far
    /// the log must be safe.
    pub(crate) fn will_write(&self, sequence: command_log::Sequence) {
        self.decided_through.fetch_max(sequence.0, Ordering::AcqRel);
    }

    pub(crate) fn decided_through(&self) -> command_log::Sequence {
        command_log::Sequence(self.decided_through.load(Ordering::Acquire))
    }

    /// Stops a partition: nothing more of it is decided here, and its gate closes so that the edge
    /// appends nothing more.
    pub(crate) fn stop(&self, id: PartitionId, reason: StopReason) {
        let mut stopped = self.partition(id).stopped.lock();
        if stopped.is_some() || self.has_ended() {
            return;
        }
        tracing::error!(partition = %id, %reason, "partition stopped");
        metrics::gauge!(crate::metric_names::PARTITIONS_STOPPED).increment(1);
        self.gates.close(id);
        *stopped = Some(reason);
    }

    /// A card that cannot go on. Its commands wait, and those of other cards pass them, until so many
    /// records are behind the watermark that the partition takes no more.
    pub(crate) fn card_stuck(&self, card: CardId, position: Position, reason: &str) {
        tracing::error!(%card, %position, reason, "card stopped");
        self.stuck_cards.fetch_add(1, Ordering::AcqRel);
        metrics::gauge!(crate::metric_names::CARDS_STOPPED).increment(1);
    }
}
