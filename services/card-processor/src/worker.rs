//! A worker: takes records of its partitions in log order and brings each to its card.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::bundles::Bundles;
use crate::context::PartitionContext;
use crate::error::StopReason;
use crate::inbox::Work;
use crate::live::{AfterCrash, LiveCards};
use crate::partition::Shared;
use crate::settings::{DEFERRED_MAX, LOG_AHEAD_MAX_MS, RECORDS_PER_POLL_MAX, WATERMARK_SPAN_MAX};
use card::{PartitionId, Position, Timestamp};
use card_store::CardStore;
use command_log::envelope::{decode_command, decode_mark};
use command_log::{LogConsumer, LogRecord, RecordKind};
use mutants::{Mutant, broken, note};

/// A worker's own view of a partition.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) partition: PartitionId,
    pub(crate) next_offset: u64,
    pub(crate) context: Arc<PartitionContext>,
    /// Commands that wait for a credit.
    deferred: VecDeque<Work>,
    /// Whether the gate is closed because too many wait.
    overfull: bool,
    /// Whether too many records wait behind the watermark.
    span_full: bool,
    stopped: bool,
}

impl Lane {
    pub(crate) fn new(
        partition: PartitionId,
        next_offset: u64,
        context: Arc<PartitionContext>,
    ) -> Self {
        Self {
            partition,
            next_offset,
            context,
            deferred: VecDeque::new(),
            overfull: false,
            span_full: false,
            stopped: false,
        }
    }
}

/// One worker.
pub(crate) struct Worker<S, C> {
    pub(crate) number: usize,
    pub(crate) shared: Arc<Shared<S>>,
    pub(crate) consumer: C,
    /// By partition number; none for other workers' partitions.
    pub(crate) lanes: Vec<Option<Lane>>,
    /// Commands that wait for a credit, over all lanes.
    pub(crate) deferred_count: usize,
    /// Lanes that take no more because of their watermark.
    pub(crate) full_lanes: usize,
    pub(crate) live: LiveCards<S>,
    pub(crate) bundles: Arc<dyn Bundles>,
    pub(crate) idle_card: Duration,
    /// Positions that an operator skipped (OWN-5).
    pub(crate) skips: Arc<BTreeSet<Position>>,
    pub(crate) wall_clock: fn() -> Timestamp,
    pub(crate) phase: watch::Receiver<Phase>,
}

/// What a worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Takes records.
    Running,
    /// Takes no more; what was dispatched is decided.
    Draining,
    /// Ends.
    Stopped,
}

impl<S: CardStore, C: LogConsumer> Worker<S, C> {
    /// Runs until told to stop, or the log stops.
    pub(crate) async fn run(mut self) {
        let mut batch = Vec::with_capacity(RECORDS_PER_POLL_MAX);
        let mut sweep = tokio::time::interval(Duration::from_secs(1));
        let shared = Arc::clone(&self.shared);
        let credit_given = &shared.credit_given[self.number];
        let crashed = self.live.crash_signal();
        loop {
            // Cancel safe: poll keeps records that it did not hand over; the others only wait.
            tokio::select! {
                biased;
                changed = self.phase.changed() => {
                    if changed.is_err() || *self.phase.borrow_and_update() == Phase::Stopped {
                        break;
                    }
                }
                () = crashed.notified() => self.after_crashes().await,
                () = credit_given.notified(), if self.has_deferred() => {
                    self.send_deferred().await;
                }
                polled = self.consumer.poll(&mut batch, RECORDS_PER_POLL_MAX), if self.takes_more() => {
                    if let Err(error) = polled {
                        self.stop_all(&error.to_string());
                        break;
                    }
                    let now = Instant::now();
                    let latest = Timestamp((self.wall_clock)().0.saturating_add(LOG_AHEAD_MAX_MS));
                    for record in batch.drain(..) {
                        self.take(record, (now, latest)).await;
                    }
                }
                _ = sweep.tick() => self.live.passivate_idle(self.idle_card, Instant::now()),
            }
        }
        self.live.drop_all();
    }

    /// LOG-3: lower = drop, higher = stop.
    async fn take(&mut self, record: LogRecord, (now, latest): (Instant, Timestamp)) {
        let partition = record.position.partition;
        let Some(Some(lane)) = self.lanes.get_mut(usize::from(partition.0)) else {
            return;
        };
        let is_lower = record.position.offset < lane.next_offset;
        if lane.stopped || (is_lower && !broken(Mutant::LowerOffsetTaken)) {
            return;
        }
        if record.position.offset > lane.next_offset && !broken(Mutant::GapPassed) {
            let gap = StopReason::Gap {
                expected: lane.next_offset,
                found: record.position.offset,
            };
            return self.stop(partition, gap);
        }
        // OWN-5: an operator's skip comes before everything that could stop the partition here.
        let is_skipped = self.skips.contains(&record.position) && !broken(Mutant::SkipNotRead);
        let is_ahead = record.appended_at > latest && !broken(Mutant::ClockBelieved);
        if is_ahead && !is_skipped {
            return self.stop(partition, StopReason::ClockAhead(record.position)); // LOG-5
        }
        lane.next_offset = record.position.offset + 1;
        if broken(Mutant::NextOffsetKept) {
            note(b"next offset", &lane.next_offset.to_be_bytes());
        }
        if is_skipped {
            return self.skip(record.position);
        }
        match record.kind {
            RecordKind::Mark => self.mark(&record),
            RecordKind::Command => self.command(record, now).await,
        }
    }

    /// What an operator skipped is neither read nor decided.
    fn skip(&self, position: Position) {
        tracing::warn!(%position, "record skipped, as an operator said");
        let state = self.shared.partition(position.partition);
        let mut outstanding = state.outstanding.lock();
        outstanding.dispatched();
        outstanding.released(position.offset, None);
    }

    fn mark(&mut self, record: &LogRecord) {
        let position = record.position;
        let Some(Some(lane)) = self.lanes.get_mut(usize::from(position.partition.0)) else {
            return;
        };
        let context = match decode_mark(&record.payload) {
            Ok(mark) => lane.context.after(mark, position, &*self.bundles),
            Err(error) => Err(StopReason::Unreadable {
                position,
                reason: error.to_string(),
            }),
        };
        match context {
            Ok(context) => {
                lane.context = Arc::new(context);
                let state = self.shared.partition(position.partition);
                // A checkpoint behind the mark must not outlive it.
                self.shared.will_write(record.sequence);
                let mut outstanding = state.outstanding.lock();
                outstanding.marked(Arc::clone(&lane.context), record.appended_at);
            }
            Err(reason) => self.stop(position.partition, reason),
        }
    }

    async fn command(&mut self, record: LogRecord, now: Instant) {
        let position = record.position;
        let command = match decode_command(&record.payload) {
            Ok(command) => command,
            Err(error) => {
                let reason = error.to_string();
                return self.stop(
                    position.partition,
                    StopReason::Unreadable { position, reason },
                );
            }
        };
        let Some(Some(lane)) = self.lanes.get_mut(usize::from(position.partition.0)) else {
            return;
        };
        let partition = position.partition;
        let state = self.shared.partition(partition);
        if state.outstanding.lock().dispatched() >= WATERMARK_SPAN_MAX && !lane.span_full {
            lane.span_full = true;
            self.full_lanes += 1;
            tracing::error!(%partition, "a stuck card holds the partition up: repair it");
            self.shared.gates.close(partition); // OWN-4
        }
        let work = Work {
            command,
            position,
            sequence: record.sequence,
            appended_at: record.appended_at,
            context: Arc::clone(&lane.context),
            crashes: 0,
            trace: record.trace,
        };
        if lane.deferred.is_empty() && state.take_credit() {
            return self.route(work, now).await;
        }
        lane.deferred.push_back(work);
        self.deferred_count += 1;
        if lane.deferred.len() >= DEFERRED_MAX {
            lane.overfull = true;
            self.shared.gates.close(position.partition); // OWN-4: the edge answers 96 from here.
        }
    }

    async fn route(&mut self, work: Work, now: Instant) {
        let position = work.position;
        if let Err(error) = self.live.route(work, now).await {
            let reason = error.to_string();
            self.stop(position.partition, StopReason::Card { position, reason });
        }
    }

    async fn send_deferred(&mut self) {
        let now = Instant::now();
        for index in 0..self.lanes.len() {
            while let Some(work) = self.next_deferred(index) {
                self.route(work, now).await;
            }
        }
    }

    fn next_deferred(&mut self, index: usize) -> Option<Work> {
        let lane = self.lanes.get_mut(index)?.as_mut()?;
        let partition = lane.partition;
        if lane.deferred.is_empty() || !self.shared.partition(partition).take_credit() {
            return None;
        }
        let work = lane.deferred.pop_front()?;
        self.deferred_count -= 1;
        if lane.overfull && lane.deferred.is_empty() {
            lane.overfull = false;
            self.shared.gates.open(partition);
        }
        Some(work)
    }

    async fn after_crashes(&mut self) {
        let restarted = match self.live.restart_crashed().await {
            Ok(restarted) => restarted,
            Err(error) => return self.stop_all(&error.to_string()),
        };
        for after in restarted {
            if let AfterCrash::Poison(partition, position) = after {
                self.stop(partition, StopReason::Poison(position)); // OWN-5
            }
        }
    }

    fn has_deferred(&self) -> bool {
        self.deferred_count > 0
    }

    /// Records keep coming while every running lane has room for one poll's worth.
    fn takes_more(&mut self) -> bool {
        if *self.phase.borrow() != Phase::Running {
            return false;
        }
        if self.full_lanes > 0 && !self.spans_have_room() {
            return false;
        }
        let full = |lane: &Lane| lane.deferred.len() >= 2 * DEFERRED_MAX;
        self.deferred_count < 2 * DEFERRED_MAX || !self.lanes.iter().flatten().any(full)
    }

    /// Looks again at the lanes whose watermark was too far behind.
    fn spans_have_room(&mut self) -> bool {
        for lane in self.lanes.iter_mut().flatten() {
            let outstanding = &self.shared.partition(lane.partition).outstanding;
            if lane.span_full && outstanding.lock().len() < WATERMARK_SPAN_MAX {
                lane.span_full = false;
                self.full_lanes -= 1;
                self.shared.gates.open(lane.partition);
            }
        }
        self.full_lanes == 0
    }

    fn stop(&mut self, partition: PartitionId, reason: StopReason) {
        if let Some(Some(lane)) = self.lanes.get_mut(usize::from(partition.0)) {
            lane.stopped = true;
            self.deferred_count -= lane.deferred.len();
            lane.deferred.clear(); // They are in the log, and decided after the next start.
        }
        self.shared.stop(partition, reason);
    }

    fn stop_all(&mut self, reason: &str) {
        let lanes: Vec<PartitionId> = self
            .lanes
            .iter()
            .flatten()
            .map(|lane| lane.partition)
            .collect();
        for partition in lanes {
            self.stop(partition, StopReason::Ended(reason.to_owned()));
        }
    }
}
