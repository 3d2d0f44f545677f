//! One partition, from the moment it is ours to the moment it is not: claim, fold, watch, let go.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tracing::{error, info, warn};

use super::parts::ProcessorParts;
use crate::days;
use crate::engine::now;
use card::{PartitionId, Position};
use card_processor::{Processor, StopReason, Takeover};
use card_store_scylla::{AssignedStore, Claim, Ended};
use command_log_kafka::KafkaLog;

/// How long a handover lets dispatched commands be decided. What is left is released again by the
/// next owner.
const HANDOVER_PATIENCE: Duration = Duration::from_millis(700);
/// How often a partition is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// How long a claim or a start that failed waits before the next try.
const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// A partition that stopped is taken anew after this time, in case its cause is gone.
const STOPPED_RETRY: Duration = Duration::from_secs(10);
/// The watchdog waits twice as long after each time that it did not help, at most this many times.
const WATCHDOG_DOUBLINGS_MAX: u32 = 5;

/// What shall become of an assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    /// Hold it.
    No,
    /// Decide what was dispatched, make a checkpoint, let go.
    HandOver,
    /// It is somebody else's already: drop everything (OWN-1).
    Abandon,
}

/// What others may see of a held partition.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// From where another owner would go on.
    pub(super) checkpointed: Option<u64>,
    pub(super) outstanding_count: usize,
}

/// Why a round of holding ended.
enum Ending {
    Left(Leave),
    /// Drop it and claim it anew.
    Anew(&'static str),
}

type Running = Processor<AssignedStore, KafkaLog>;

/// One round of holding.
struct Round {
    partition: PartitionId,
    claim: Claim,
    processor: Running,
    ended: Ended,
}

/// Holds a partition until told to leave it.
pub(super) async fn hold(
    parts: Arc<ProcessorParts>,
    partition: PartitionId,
    mut leave: watch::Receiver<Leave>,
    seen: watch::Sender<Seen>,
) {
    let mut watchdog_doublings = 0;
    loop {
        let started = tokio::select! {
                        biased;
            _ = told_to(&mut leave) => return,
            round = begin(&parts, partition) => round,
        };
        let Some(round) = started else {
            tokio::time::sleep(RETRY_PAUSE).await;
            continue;
        };
        let watching = Watching {
            parts: &parts,
            round: &round,
            watchdog: parts.watchdog * 2u32.pow(watchdog_doublings),
            seen: &seen,
        };
        let began = Instant::now();
        match watching.run(&mut leave).await {
            Ending::Left(Leave::HandOver) => return round.hand_over().await,
            Ending::Left(Leave::Abandon | Leave::No) => return round.abandon(),
            Ending::Anew(why) => {
                warn!(%partition, why, "partition is taken anew");
                round.abandon();
                watchdog_doublings = match began.elapsed() < parts.watchdog * 40 {
                    true => (watchdog_doublings + 1).min(WATCHDOG_DOUBLINGS_MAX),
                    false => 0,
                };
            }
        }
    }
}

/// Claims the partition and starts to fold it. None: not now, the reason is told.
async fn begin(parts: &ProcessorParts, partition: PartitionId) -> Option<Round> {
    let claim = match parts.ownership.claim(partition, &parts.name, now()).await {
        Ok(claim) => claim,
        Err(error) => {
            warn!(%partition, %error, "claim a partition");
            return None;
        }
    };
    let ended = Ended::new();
    let started = start(parts, partition, claim, &ended).await;
    match started {
        Ok(processor) => {
            info!(assignment = %claim.assignment, "partition is ours");
            Some(Round {
                partition,
                claim,
                processor,
                ended,
            })
        }
        Err(reason) => {
            ended.end();
            error!(%partition, reason, "start of a partition");
            None
        }
    }
}

async fn start(
    parts: &ProcessorParts,
    partition: PartitionId,
    claim: Claim,
    ended: &Ended,
) -> Result<Running, String> {
    let store = AssignedStore::for_assignment(parts.cql.clone(), claim.assignment, ended.clone())
        .await
        .map_err(|error| error.to_string())?;
    let skips = parts.skips.of_partition(partition).await;
    let skips = skips.map_err(|error| error.to_string())?;
    let skips = skips.iter().map(|skip| Position {
        partition,
        offset: skip.offset,
    });
    let parts_of_one = parts.of_one(Arc::new(store), skips.collect());
    let takeover = Takeover::Partition(partition);
    let started = Processor::start(parts_of_one, &parts.settings, takeover).await;
    started.map_err(|error| error.to_string())
}

impl Round {
    async fn hand_over(self) {
        let partition = self.partition;
        if let Err(error) = self.processor.hand_over(HANDOVER_PATIENCE).await {
            warn!(%partition, %error, "last checkpoint of a partition");
        }
        self.ended.end();
        info!(%partition, "partition handed over");
    }

    fn abandon(self) {
        self.ended.end();
        self.processor.abandon();
    }
}

struct Watching<'a> {
    parts: &'a ProcessorParts,
    round: &'a Round,
    watchdog: Duration,
    seen: &'a watch::Sender<Seen>,
}

impl Watching<'_> {
    /// Looks until told to leave, or until the partition is better taken anew.
    async fn run(&self, leave: &mut watch::Receiver<Leave>) -> Ending {
        let mut look = tokio::time::interval(LOOK_INTERVAL);
        let mut progress = (self.round.processor.released_count(), Instant::now());
        loop {
            tokio::select! {
                biased;
                                left = told_to(leave) => return Ending::Left(left),
                () = self.round.ended.ended() => return Ending::Anew("somebody else claimed it"),
                _ = look.tick() => {}
            }
            self.show();
            if let Some((_, reason)) = self.round.processor.stopped().pop() {
                return self.stopped(&reason, leave).await;
            }
            let released = self.round.processor.released_count();
            if released != progress.0 || self.round.processor.outstanding_count() == 0 {
                progress = (released, Instant::now());
            }
            if progress.1.elapsed() > self.watchdog {
                metrics::counter!(super::metric_names::WATCHDOG).increment(1);
                return Ending::Anew("it has work and makes no progress");
            }
            self.keep_days().await;
        }
    }

    fn show(&self) {
        let processor = &self.round.processor;
        self.seen.send_replace(Seen {
            checkpointed: processor.checkpointed().first().map(|(_, offset)| *offset),
            outstanding_count: processor.outstanding_count(),
        });
    }

    /// Opens and freezes the settlement days that are due.
    async fn keep_days(&self) {
        let (_, context) = self.round.processor.totals();
        if context.rules.is_none() {
            return;
        }
        let days = self.round.processor.days();
        let kept = days::keep(&self.parts.switch, &days);
        let kept = tokio::time::timeout(self.parts.watchdog, kept).await;
        if let Ok(Err(error)) = kept {
            warn!(partition = %self.round.partition, %error, "open or freeze settlement days");
        }
    }

    /// Tells that the partition stopped, and waits: for an operator's skip of that record (OWN-5), or
    /// for a while, in case the cause is gone.
    async fn stopped(&self, reason: &StopReason, leave: &mut watch::Receiver<Leave>) -> Ending {
        let partition = self.round.partition;
        let offset = reason.position().map_or_else(
            || {
                self.round
                    .processor
                    .watermarks()
                    .first()
                    .map_or(0, |(_, offset)| *offset)
            },
            |position| position.offset,
        );
        let told = self
            .parts
            .ownership
            .mark_stopped(self.round.claim.assignment, offset, &reason.to_string())
            .await;
        if let Err(error) = told {
            warn!(%partition, %error, "tell that a partition stopped");
        }
        let retry_at = Instant::now() + STOPPED_RETRY;
        let waits_for_skip = matches!(
            reason,
            StopReason::Poison(_) | StopReason::Unreadable { .. }
        );
        let mut look = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                biased;
                                left = told_to(leave) => return Ending::Left(left),
                () = self.round.ended.ended() => return Ending::Anew("somebody else claimed it"),
                _ = look.tick() => {}
            }
            match self.parts.skips.of_partition(partition).await {
                Ok(skips) if skips.iter().any(|skip| skip.offset == offset) => {
                    return Ending::Anew("an operator skipped the record that stopped it");
                }
                Ok(_) => {}
                Err(error) => warn!(%partition, %error, "read the skips of a partition"),
            }
            if !waits_for_skip && Instant::now() >= retry_at {
                return Ending::Anew("it stopped a while ago");
            }
        }
    }
}

/// Waits until the partition shall be left, and tells how. Cancel safe.
async fn told_to(leave: &mut watch::Receiver<Leave>) -> Leave {
    let told = leave.wait_for(|leave| *leave != Leave::No).await;
    told.map_or(Leave::Abandon, |leave| *leave)
}
