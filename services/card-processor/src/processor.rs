//! A running processor: recovery, workers, release stage and checkpoints, put together.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::bundles::{BundleError, BundleFolder};
use crate::checkpoint::Checkpoints;
use crate::context::{ControlTotals, PartitionContext};
use crate::error::{StartError, StopReason};
use crate::gate::Gate;
use crate::live::LiveCards;
use crate::metric_names::{DecisionCounters, REPLAY_COMMANDS, REPLAY_SECONDS};
use crate::outstanding::Outstanding;
use crate::partition::{PartitionState, Shared};
use crate::recovery::{self, Folded, Recovered};
use crate::release::{self, Outlets, ReleaseQueue};
use crate::settings::ProcessorSettings;
use crate::worker::{Lane, Worker};
use card::{Day, Outcome, PartitionId, Position, ProgrammeId, Rules};
use card_store::{CardStore, WriteError};
use command_log::envelope::{Mark, encode_mark};
use command_log::{
    AppendError, CommandLog, Digest, NewRecord, PartitionGates, RecordKind, ReplySink, Sequence,
};

/// How often a wait for the fold to catch up looks again.
const LOOK_INTERVAL: Duration = Duration::from_millis(1);

/// What a processor works with.
pub struct Parts<S, L> {
    /// The cards.
    pub store: Arc<S>,
    /// The commands.
    pub log: Arc<L>,
    /// The rules bundles that barriers name.
    pub bundles: Arc<BundleFolder>,
    /// Where replies go.
    pub replies: Arc<dyn ReplySink>,
    /// Names an outcome on the wire, for the metrics.
    pub code_of: fn(Outcome) -> String,
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
    shared: Arc<Shared<S>>,
    log: Arc<L>,
    bundles: Arc<BundleFolder>,
    checkpoints: Arc<Checkpoints<S, L>>,
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
    ) -> Result<Self, StartError> {
        let started = Instant::now();
        let recovered = recover_all(&parts, settings.worker_count).await?;
        let command_count = recovered.iter().map(|worker| worker.command_count).sum();
        let report = RecoveryReport {
            command_count,
            took: started.elapsed(),
        };
        tell(report);
        let shared = Arc::new(share(&parts, &recovered, settings));
        let (stopping, _) = watch::channel(false);
        let mut tasks = Vec::new();
        for (number, worker) in recovered.into_iter().enumerate() {
            let worker = make_worker(&parts, &shared, worker, (number, settings, &stopping)).await;
            let worker = worker.map_err(|error| StartError::Workers(error.to_string()))?;
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

    /// Puts rules in force at every partition, by a barrier (LOG-5). A partition that has them
    /// already gets none.
    ///
    /// # Errors
    /// [`InstallError`] when the bundle cannot be kept or the barrier cannot be appended.
    pub async fn install_rules(&self, rules: &Rules) -> Result<(), InstallError> {
        self.keeps_programmes(rules)?;
        let rules_hash = self.bundles.keep(rules)?;
        let logic_version = command_log::envelope::LOGIC_VERSION;
        let barrier = Mark::Barrier {
            rules_hash,
            logic_version,
        };
        self.mark_where(barrier, |context| context.rules_hash != rules_hash)
            .await
    }

    /// Cards of a programme that is gone, or that is of another kind all at once, could not be
    /// decided or would be booked to another account.
    fn keeps_programmes(&self, rules: &Rules) -> Result<(), InstallError> {
        let (_, context) = self.totals();
        let Some(current) = context.rules else {
            return Ok(());
        };
        for (id, programme) in &current.programmes {
            match rules.programmes.get(id) {
                None => return Err(InstallError::ProgrammeGone(*id)),
                Some(new) if new.kind != programme.kind => {
                    return Err(InstallError::KindChanged(*id));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Dates new work with a day from here on (LOG-5).
    ///
    /// # Errors
    /// [`InstallError`] when the mark cannot be appended.
    pub async fn cut(&self, day: Day) -> Result<(), InstallError> {
        let number = u64::from(day.0);
        let mark = Mark::Cut { number, day };
        self.mark_where(mark, |context| context.cut_number < number)
            .await
    }

    async fn mark_where(
        &self,
        mark: Mark,
        wanted: impl Fn(&PartitionContext) -> bool,
    ) -> Result<(), InstallError> {
        let payload = encode_mark(mark);
        let wanted = |partition: &PartitionId| {
            wanted(
                self.shared
                    .partition(*partition)
                    .outstanding
                    .lock()
                    .context(),
            )
        };
        let records: Vec<NewRecord> = self
            .partitions()
            .filter(wanted)
            .map(|partition| NewRecord {
                partition,
                kind: RecordKind::Mark,
                payload: payload.clone(),
            })
            .collect();
        let mut last = None;
        for record in records {
            last = Some(record.clone());
            self.log.submit(vec![record])?;
        }
        if last.is_some() {
            self.log.append(tick(PartitionId(0))).await?;
            self.folded().await;
        }
        Ok(())
    }

    /// Waits until everything that is in the log now is decided and released, or stopped.
    pub async fn folded(&self) {
        let ends: Vec<u64> = self
            .partitions()
            .map(|id| self.log.end_offset(id))
            .collect();
        let behind = |(id, end): (PartitionId, &u64)| {
            let state = self.shared.partition(id);
            state.stop_reason().is_none() && state.outstanding.lock().watermark() < *end
        };
        while self.partitions().zip(&ends).any(behind) {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// The control totals of all that was released, and the context of partition 0.
    #[must_use]
    pub fn totals(&self) -> (ControlTotals, PartitionContext) {
        let mut all = ControlTotals::default();
        for state in &self.shared.partitions {
            all.add(state.outstanding.lock().totals());
        }
        let first = self.shared.partition(PartitionId(0));
        let context = PartitionContext::clone(first.outstanding.lock().context());
        (all, context)
    }

    /// Commands that are dispatched and not released.
    #[must_use]
    pub fn outstanding_count(&self) -> usize {
        self.shared
            .partitions
            .iter()
            .map(|state| state.outstanding.lock().len())
            .sum()
    }

    /// The partitions that stopped, and why.
    #[must_use]
    pub fn stopped(&self) -> Vec<(PartitionId, StopReason)> {
        let reason = |id| {
            self.shared
                .partition(id)
                .stop_reason()
                .map(|reason| (id, reason))
        };
        self.partitions().filter_map(reason).collect()
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
        self.stopping.send_replace(true);
        self.shared.release.close();
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of the processor failed");
            }
        }
        self.checkpoints.make().await
    }

    fn partitions(&self) -> impl Iterator<Item = PartitionId> + use<S, L> {
        (0..self.log.log_id().partition_count).map(PartitionId)
    }
}

/// Why rules or a day cannot be put in force.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// A programme that may have cards is missing.
    #[error("programme {0} has been in force and is missing now: put it back into the settings")]
    ProgrammeGone(ProgrammeId),
    /// A programme changed between registered and anonymous.
    #[error(
        "programme {0} changed its kind: its cards are booked by it, give new cards a new number"
    )]
    KindChanged(ProgrammeId),
    /// The bundle cannot be kept.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The mark cannot be appended.
    #[error("append a mark: {0}")]
    Append(#[from] AppendError),
}

fn tick(partition: PartitionId) -> NewRecord {
    NewRecord {
        partition,
        kind: RecordKind::Mark,
        payload: encode_mark(Mark::Tick),
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
    let checkpoints = parts.store.checkpoints()?;
    let mut tasks = Vec::new();
    for worker in 0..worker_count.clamp(1, count) {
        let own = (worker..count)
            .step_by(usize::from(worker_count.max(1)))
            .map(PartitionId);
        let begin = recovery::begin(own, &checkpoints, &parts.bundles)?;
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

fn share<S: CardStore, L: CommandLog>(
    parts: &Parts<S, L>,
    recovered: &[Recovered<L::Consumer>],
    settings: &ProcessorSettings,
) -> Shared<S> {
    let mut folded: Vec<&Folded> = recovered
        .iter()
        .flat_map(|worker| &worker.partitions)
        .collect();
    folded.sort_by_key(|folded| folded.partition);
    let partitions = folded.iter().map(|folded| {
        let context = Arc::clone(&folded.context);
        let outstanding = Outstanding::new(folded.next_offset, context, folded.totals.clone());
        PartitionState::new(outstanding, settings.credits_per_partition)
    });
    let gates = Arc::new(PartitionGates::closed(parts.log.log_id().partition_count));
    let queue = ReleaseQueue::new(Gate::new(parts.log.durable()));
    let store = Arc::clone(&parts.store);
    let shared = Shared::new(store, partitions.collect(), gates, queue, recovered.len());
    let through = recovered.iter().map(|worker| worker.through).max();
    shared.will_write(through.unwrap_or(Sequence(0)));
    shared
}

async fn make_worker<S: CardStore, L: CommandLog>(
    parts: &Parts<S, L>,
    shared: &Arc<Shared<S>>,
    recovered: Recovered<L::Consumer>,
    (number, settings, stopping): (usize, &ProcessorSettings, &watch::Sender<bool>),
) -> Result<Worker<S, L::Consumer>, ractor::SpawnErr> {
    let count = usize::from(parts.log.log_id().partition_count);
    let mut lanes: Vec<Option<Lane>> = (0..count).map(|_| None).collect();
    for folded in recovered.partitions {
        let lane = Lane::new(folded.partition, folded.next_offset, folded.context);
        if let Some(slot) = lanes.get_mut(usize::from(folded.partition.0)) {
            *slot = Some(lane);
        }
    }
    let own_max = settings.live_cards_max / usize::from(settings.worker_count.max(1));
    Ok(Worker {
        number,
        shared: Arc::clone(shared),
        consumer: recovered.consumer,
        lanes,
        deferred_count: 0,
        live: LiveCards::new(Arc::clone(shared), own_max.max(1)).await?,
        bundles: Arc::clone(&parts.bundles),
        idle_card: settings.idle_card,
        stopping: stopping.subscribe(),
    })
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
