//! A running processor: recovery, workers, release stage and checkpoints, put together.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::blocking::blocking;
use crate::bundles::Bundles;
use crate::checkpoint::Checkpoints;
use crate::context::PartitionContext;
use crate::days::Days;
use crate::error::{StartError, StopReason};
use crate::gate::Gate;
use crate::live::LiveCards;
use crate::metric_names::{DecisionCounters, REPLAY_COMMANDS, REPLAY_SECONDS};
use crate::outstanding::Outstanding;
use crate::partition::{PartitionState, Shared};
use crate::recovery::{self, Folded, Recovered};
use crate::release::{self, Outlets, ReleaseQueue};
use crate::settings::ProcessorSettings;
use crate::totals::ControlTotals;
use crate::worker::{Lane, Phase, Worker};
use card::{Outcome, PartitionId, Position, Timestamp};
use card_store::{CardStore, WriteError};
use command_log::{CommandLog, Digest, PartitionGates, ReplySink, Sequence};
use telemetry::Tracer;

/// How often a wait for the fold to catch up looks again.
pub(crate) const LOOK_INTERVAL: Duration = Duration::from_millis(1);

/// What a processor works with.
pub struct Parts<S, L> {
    /// The cards.
    pub store: Arc<S>,
    /// The commands.
    pub log: Arc<L>,
    /// The rules bundles that barriers name.
    pub bundles: Arc<dyn Bundles>,
    /// Where replies go.
    pub replies: Arc<dyn ReplySink>,
    /// Names an outcome on the wire, for the metrics.
    pub code_of: fn(Outcome) -> String,
    /// The gates of this process; those of the folded partitions are opened and closed.
    pub gates: Arc<PartitionGates>,
    /// Positions that an operator skipped, read before the first record is folded (OWN-5).
    pub skips: BTreeSet<Position>,
    /// Traces sampled commands.
    pub tracer: Tracer,
    /// This machine's clock. Nothing is decided by it; a log whose clock runs ahead of it is not believed.
    pub wall_clock: fn() -> Timestamp,
}

/// Which partitions are folded here, and what becomes of the commands between their checkpoint and
/// the log's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Takeover {
    /// All partitions, folded to the end before anything else: whoever asked died with the process,
    /// so nothing is released.
    Everything,
    /// One partition, whose commands are folded and released again like new ones (LOG-3): whoever
    /// asked waits elsewhere.
    Partition(PartitionId),
}

/// What a recovery did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecoveryReport {
    /// Commands folded again.
    pub command_count: u64,
    /// How long it took.
    pub took: Duration,
}

/// A running processor.
pub struct Processor<S, L> {
    pub(crate) shared: Arc<Shared<S>>,
    pub(crate) log: Arc<L>,
    pub(crate) bundles: Arc<dyn Bundles>,
    checkpoints: Arc<Checkpoints<S, L>>,
    phase: watch::Sender<Phase>,
    stopping: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    report: RecoveryReport,
}

impl<S, L> std::fmt::Debug for Processor<S, L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Processor")
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}

impl<S: CardStore, L: CommandLog> Processor<S, L> {
    /// Recovers, then folds what comes. Gates stay closed until [`Processor::open_gates`].
    ///
    /// # Errors
    /// [`StartError`] when log and store cannot be folded; nothing was released then.
    pub async fn start(
        parts: Parts<S, L>,
        settings: &ProcessorSettings,
        takeover: Takeover,
    ) -> Result<Self, StartError> {
        let started = Instant::now();
        let recovered = match &takeover {
            Takeover::Everything => recover_all(&parts, settings.worker_count).await?,
            Takeover::Partition(partition) => vec![take_over(&parts, *partition).await?],
        };
        let command_count = recovered.iter().map(|worker| worker.command_count).sum();
        let report = RecoveryReport {
            command_count,
            took: started.elapsed(),
        };
        if takeover == Takeover::Everything {
            tell(report);
        }
        let shared = Arc::new(share(&parts, &recovered, settings));
        let (phase, _) = watch::channel(Phase::Running);
        let (stopping, _) = watch::channel(false);
        let skips = Arc::new(parts.skips.clone());
        let mut tasks = Vec::new();
        for (number, recovered) in recovered.into_iter().enumerate() {
            let worker = Worker {
                number,
                shared: Arc::clone(&shared),
                consumer: recovered.consumer,
                lanes: lanes(recovered.partitions, parts.log.log_id().partition_count),
                deferred_count: 0,
                full_lanes: 0,
                live: live_cards(&shared, settings).await?,
                bundles: Arc::clone(&parts.bundles),
                idle_card: settings.idle_card,
                skips: Arc::clone(&skips),
                wall_clock: parts.wall_clock,
                phase: phase.subscribe(),
            };
            tasks.push(tokio::spawn(worker.run()));
        }
        tasks.push(tokio::spawn(release::run(
            Arc::clone(&shared),
            outlets(&parts),
        )));
        let checkpoints = Arc::new(Checkpoints {
            shared: Arc::clone(&shared),
            log: Arc::clone(&parts.log),
            interval: settings.checkpoint_interval,
            dirty_cards_max: settings.dirty_cards_max,
            made: Mutex::default(),
        });
        tasks.push(tokio::spawn(
            Arc::clone(&checkpoints).run(stopping.subscribe()),
        ));
        let Parts { log, bundles, .. } = parts;
        Ok(Self {
            shared,
            log,
            bundles,
            checkpoints,
            phase,
            stopping,
            tasks,
            report,
        })
    }

    /// What the recovery did.
    #[must_use]
    pub fn recovery(&self) -> RecoveryReport {
        self.report
    }

    /// Which partitions take commands.
    #[must_use]
    pub fn gates(&self) -> Arc<PartitionGates> {
        Arc::clone(&self.shared.gates)
    }

    /// Lets commands in.
    pub fn open_gates(&self) {
        for partition in self.partitions() {
            if self.shared.partition(partition).stop_reason().is_none() {
                self.shared.gates.open(partition);
            }
        }
    }

    /// Waits until everything that is in the log now is decided and released, or stopped.
    pub async fn folded(&self) {
        let ends: Vec<(PartitionId, u64)> = self
            .partitions()
            .map(|id| (id, self.log.end_offset(id)))
            .collect();
        let behind = |(id, end): &(PartitionId, u64)| {
            let state = self.shared.partition(*id);
            state.stop_reason().is_none() && state.outstanding.lock().watermark() < *end
        };
        while ends.iter().any(behind) {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// The control totals of all that was released, and the context of the first partition here.
    #[must_use]
    pub fn totals(&self) -> (ControlTotals, PartitionContext) {
        let mut all = ControlTotals::default();
        let mut first = None;
        for (_, state) in self.shared.owned() {
            let outstanding = state.outstanding.lock();
            all.add(outstanding.totals());
            first.get_or_insert_with(|| PartitionContext::clone(outstanding.context()));
        }
        (all, first.unwrap_or(PartitionContext::EMPTY))
    }

    /// The days of the partitions here, for whoever steers and tells them.
    #[must_use]
    pub fn days(&self) -> Days<S, L> {
        Days::new(Arc::clone(&self.shared), Arc::clone(&self.log))
    }

    /// The first record of each partition that is not released.
    #[must_use]
    pub fn watermarks(&self) -> Vec<(PartitionId, u64)> {
        let watermark = |state: &PartitionState| state.outstanding.lock().watermark();
        self.shared
            .owned()
            .map(|(id, state)| (id, watermark(state)))
            .collect()
    }

    /// Commands released since the start.
    #[must_use]
    pub fn released_count(&self) -> u64 {
        self.shared.released_count.load(Ordering::Acquire)
    }

    /// The offsets of the last checkpoint, from where another owner would go on.
    #[must_use]
    pub fn checkpointed(&self) -> Vec<(PartitionId, u64)> {
        self.checkpoints.made.lock().clone()
    }

    /// Commands that are dispatched and not released.
    #[must_use]
    pub fn outstanding_count(&self) -> usize {
        self.shared
            .owned()
            .map(|(_, state)| state.outstanding.lock().len())
            .sum()
    }

    /// The partitions that stopped, and why.
    #[must_use]
    pub fn stopped(&self) -> Vec<(PartitionId, StopReason)> {
        let stopped = self.shared.owned();
        stopped
            .filter_map(|(id, state)| state.stop_reason().map(|reason| (id, reason)))
            .collect()
    }

    /// Makes a checkpoint now.
    ///
    /// # Errors
    /// [`WriteError`] when the store cannot be written; the log still has everything.
    pub async fn checkpoint(&self) -> Result<(), WriteError> {
        self.checkpoints.make().await
    }

    /// Closes the gates, decides and releases what is in the log, and makes a last checkpoint, so
    /// that the next start has nothing to fold.
    ///
    /// # Errors
    /// [`WriteError`] when that checkpoint fails; the log still has everything.
    pub async fn stop(self, patience: Duration) -> Result<(), WriteError> {
        for partition in self.partitions() {
            self.shared.gates.close(partition);
        }
        if tokio::time::timeout(patience, self.folded()).await.is_err() {
            tracing::warn!("stopping with commands undecided; the next start decides them");
        }
        self.close().await
    }

    /// Lets go of the partitions for another owner: takes no more records, decides and releases
    /// what was dispatched as far as `patience` goes, and makes a last checkpoint. What is left is
    /// released again by the next owner (LOG-3).
    ///
    /// # Errors
    /// [`WriteError`] when that checkpoint fails; the next owner begins at the one before.
    pub async fn hand_over(self, patience: Duration) -> Result<(), WriteError> {
        for partition in self.partitions() {
            self.shared.gates.close(partition);
        }
        self.phase.send_replace(Phase::Draining);
        let drained = async {
            while self.outstanding_count() > 0 && self.stopped().is_empty() {
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
        };
        if tokio::time::timeout(patience, drained).await.is_err() {
            let count = self.outstanding_count();
            tracing::warn!(count, "handing over with commands undecided");
        }
        self.close().await
    }

    /// Drops everything at once: the partitions are somebody else's already (OWN-1). What is on its
    /// way may still land; it is what the new owner would write.
    pub fn abandon(self) {
        self.shared.end();
        for partition in self.partitions() {
            self.shared.gates.close(partition);
        }
        self.phase.send_replace(Phase::Stopped);
        self.stopping.send_replace(true);
        self.shared.release.close();
    }

    async fn close(self) -> Result<(), WriteError> {
        self.phase.send_replace(Phase::Stopped);
        self.stopping.send_replace(true);
        self.shared.release.close();
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of the processor failed");
            }
        }
        let made = self.checkpoints.make().await;
        self.shared.end();
        made
    }

    fn partitions(&self) -> impl Iterator<Item = PartitionId> {
        self.shared.owned().map(|(id, _)| id)
    }
}

fn tell(report: RecoveryReport) {
    metrics::gauge!(REPLAY_SECONDS).set(report.took);
    metrics::counter!(REPLAY_COMMANDS).absolute(report.command_count);
    let ms = u64::try_from(report.took.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(commands = report.command_count, ms, "recovered");
}

async fn recover_all<S: CardStore, L: CommandLog>(
    parts: &Parts<S, L>,
    worker_count: u16,
) -> Result<Vec<Recovered<L::Consumer>>, StartError> {
    let count = parts.log.log_id().partition_count;
    let checkpoints = parts.store.checkpoints().await?;
    let mut tasks = Vec::new();
    for worker in 0..worker_count.clamp(1, count) {
        let own = (worker..count)
            .step_by(usize::from(worker_count.max(1)))
            .map(PartitionId);
        let begin = recovery::begin(own, &checkpoints, &*parts.bundles)?;
        let (store, log) = (Arc::clone(&parts.store), Arc::clone(&parts.log));
        let bundles = Arc::clone(&parts.bundles);
        tasks.push(tokio::spawn(recovery::recover(store, log, bundles, begin)));
    }
    let mut recovered = Vec::new();
    for task in tasks {
        recovered.push(
            task.await
                .map_err(|error| StartError::Workers(error.to_string()))??,
        );
    }
    Ok(recovered)
}

/// The partition as its last owner left it: folding begins at the checkpoint.
async fn take_over<S: CardStore, L: CommandLog>(
    parts: &Parts<S, L>,
    partition: PartitionId,
) -> Result<Recovered<L::Consumer>, StartError> {
    let checkpoints = parts.store.checkpoints().await?;
    let own = std::iter::once(partition);
    let partitions = recovery::begin(own, &checkpoints, &*parts.bundles)?;
    let starts: Vec<(PartitionId, u64)> = partitions
        .iter()
        .map(|folded| (folded.partition, folded.next_offset))
        .collect();
    // A log on other machines is asked where it ends, and may take its time to answer.
    let log = Arc::clone(&parts.log);
    let consumer = blocking(move || log.consume(&starts)).await;
    let consumer = consumer.map_err(|error| StartError::Workers(error.to_string()))??;
    Ok(Recovered {
        consumer,
        partitions,
        command_count: 0,
        through: Sequence(0),
    })
}

fn share<S: CardStore, L: CommandLog>(
    parts: &Parts<S, L>,
    recovered: &[Recovered<L::Consumer>],
    settings: &ProcessorSettings,
) -> Shared<S> {
    let count = parts.log.log_id().partition_count;
    let mut partitions: Vec<Option<PartitionState>> = (0..count).map(|_| None).collect();
    for folded in recovered.iter().flat_map(|worker| &worker.partitions) {
        let context = Arc::clone(&folded.context);
        let booked = (
            folded.totals.clone(),
            folded.cuts.clone(),
            folded.items.clone(),
        );
        let outstanding = Outstanding::new(folded.next_offset, context, booked);
        let state = PartitionState::new(outstanding, settings.credits_per_partition);
        partitions[usize::from(folded.partition.0)] = Some(state);
    }
    let gates = Arc::clone(&parts.gates);
    let queue = ReleaseQueue::new(Gate::new(parts.log.durable()));
    let store = Arc::clone(&parts.store);
    let shared = Shared::new(
        store,
        partitions.into(),
        gates,
        (queue, parts.tracer.clone()),
        recovered.len(),
    );
    let through = recovered.iter().map(|worker| worker.through).max();
    shared.will_write(through.unwrap_or(Sequence(0)));
    shared
}

fn lanes(partitions: Vec<Folded>, count: u16) -> Vec<Option<Lane>> {
    let mut lanes: Vec<Option<Lane>> = (0..count).map(|_| None).collect();
    for folded in partitions {
        let lane = Lane::new(folded.partition, folded.next_offset, folded.context);
        lanes[usize::from(folded.partition.0)] = Some(lane);
    }
    lanes
}

async fn live_cards<S: CardStore>(
    shared: &Arc<Shared<S>>,
    settings: &ProcessorSettings,
) -> Result<LiveCards<S>, StartError> {
    let own_max = settings.live_cards_max / usize::from(settings.worker_count.max(1));
    LiveCards::new(Arc::clone(shared), own_max.max(1))
        .await
        .map_err(|error| StartError::Workers(error.to_string()))
}

fn outlets<S, L: CommandLog>(parts: &Parts<S, L>) -> Outlets {
    let log = Arc::clone(&parts.log);
    Outlets {
        replies: Arc::clone(&parts.replies),
        witness: Box::new(move |decided: &[(Position, Digest)]| log.witness(decided)),
        counters: DecisionCounters::new(parts.code_of),
    }
}

impl<S, L> std::fmt::Debug for Parts<S, L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}
