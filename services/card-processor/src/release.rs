//! The release stage: replies leave here, when their decision is durable, and nowhere else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::context::Booked;
use crate::gate::{Durable, Gate};
use crate::metric_names::DecisionCounters;
use crate::partition::Shared;
use crate::spans::Steps;
use card::{Decision, Kind, Position, Reply};
use command_log::{Digest, ReplySink, Sequence, TracedReply};

/// What a decided command leaves to release.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(crate) position: Position,
    pub(crate) sequence: Sequence,
    pub(crate) kind: Kind,
    pub(crate) reply: Option<Reply>,
    pub(crate) booked: Option<Box<Booked>>,
    pub(crate) digest: Option<Digest>,
    /// The trace, when the command is sampled.
    pub(crate) steps: Option<Steps>,
}

/// What a later fold is compared with: the head of the card's hash chain, shortened.
pub(crate) fn digest_of(decision: &Decision) -> Option<Digest> {
    let written = decision.written.as_ref()?;
    written
        .hash
        .first_chunk()
        .map(|head| u64::from_le_bytes(*head))
}

/// Decisions on their way to the release stage, in version order for each card. Bounded by the
/// credits (OWN-4).
#[derive(Debug)]
pub(crate) struct ReleaseQueue {
    decided: Mutex<Vec<Decided>>,
    offered: Notify,
    gate: Gate,
    closed: AtomicBool,
}

impl ReleaseQueue {
    pub(crate) fn new(gate: Gate) -> Self {
        let decided = Mutex::default();
        Self {
            decided,
            offered: Notify::new(),
            gate,
            closed: AtomicBool::new(false),
        }
    }

    /// Adds decisions of a card, behind its earlier ones. The stage is woken only when one may go
    /// at once; otherwise the next sync wakes it.
    pub(crate) fn offer(&self, decided: Vec<Decided>) {
        let Some(first) = decided.first().map(|decided| decided.sequence) else {
            return;
        };
        self.decided.lock().extend(decided);
        if self.gate.is_open_for(first) {
            self.offered.notify_one();
        }
    }

    /// Ends the stage.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.offered.notify_one();
    }
}

/// Notes digests of released decisions with the log.
pub(crate) type Witness = Box<dyn Fn(&[(Position, Digest)]) + Send + Sync>;

/// Where released things go.
pub(crate) struct Outlets {
    pub(crate) replies: Arc<dyn ReplySink>,
    pub(crate) witness: Witness,
    pub(crate) counters: DecisionCounters,
}

/// Runs until the queue is closed or the log stops for good.
pub(crate) async fn run<S>(shared: Arc<Shared<S>>, outlets: Outlets) {
    let queue = &shared.release;
    let mut gate = queue.gate.clone();
    let mut waiting = Vec::new();
    let mut passed = Vec::new();
    let mut replies = Vec::new();
    let mut digests = Vec::new();
    let mut traced = Vec::new();
    while !queue.closed.load(Ordering::Acquire) {
        // Cancel safe: both arms only wait; what they announce is looked at below.
        let goes_on = tokio::select! {
            biased;
            goes_on = gate.advanced() => goes_on,
            () = queue.offered.notified() => true,
        };
        waiting.append(&mut queue.decided.lock());
        gate.pass(&mut waiting, &mut passed, |decided| decided.sequence);
        for durable in passed.drain(..) {
            release(
                &shared,
                &outlets,
                durable,
                (&mut replies, &mut digests, &mut traced),
            );
        }
        shared.credit_given.iter().for_each(Notify::notify_one);
        outlets.replies.deliver(&mut replies, &traced);
        traced.clear();
        (outlets.witness)(&digests);
        digests.clear();
        if !goes_on {
            tracing::error!("command log stopped; no more decisions are released");
            return;
        }
    }
}

/// Lists of what leaves in one turn.
type Leaving<'a> = (
    &'a mut Vec<Reply>,
    &'a mut Vec<(Position, Digest)>,
    &'a mut Vec<TracedReply>,
);

/// OWN-2: takes what is durable, by value; hands the reply over, moves the watermark (OWN-3) and
/// gives the credit back.
fn release<S>(
    shared: &Shared<S>,
    outlets: &Outlets,
    durable: Durable<Decided>,
    (replies, digests, traced): Leaving<'_>,
) {
    let decided = durable.into_inner();
    let partition = shared.partition(decided.position.partition);
    if let Some(reply) = decided.reply {
        outlets.counters.count(decided.kind, reply.outcome);
        traced.extend(decided.steps.map(|steps| steps.released(reply.reply_to)));
        replies.push(reply);
    }
    digests.extend(decided.digest.map(|digest| (decided.position, digest)));
    partition
        .outstanding
        .lock()
        .released(decided.position.offset, decided.booked);
    partition.give_credit();
    shared.released_count.fetch_add(1, Ordering::AcqRel);
}
