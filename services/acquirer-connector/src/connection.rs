//! One connection: its parked exchanges, the answers that are ready, and its deadlines.
//!
//! The reader parks, the release stage delivers, the writer takes; each locks once per batch.
//! Everything has a bound (OWN-4): exchanges by `in_flight_max`, past which a request is refused;
//! answers that the peer does not take by the same number and by [`EDGE_ANSWERS_SIZE_MAX`] bytes,
//! past which its requests are read no further.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::metric_names::Cut;
use crate::repeat::Parked;
use card::Reply;
use link::{ExchangeId, Exchanges};

/// Bytes of edge answers that may wait for a slow peer before its requests are read no further.
const EDGE_ANSWERS_SIZE_MAX: usize = 64 * 1_024;

/// Stands for "not now" in the times of [`Activity`]; the clock starts above it.
const NEVER: u64 = 0;

/// A reply with the request it answers.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) reply: Reply,
    pub(crate) parked: Parked,
}

/// One life of one connection.
pub(crate) struct Connection {
    /// Its number among the connections of this process, part of its exchanges' addresses.
    pub(crate) number: u32,
    flow: Mutex<Flow>,
    /// Work for the writer, or the end of reading.
    pub(crate) writer_wake: Notify,
    /// Room for the reader, or the order to stop reading.
    pub(crate) reader_wake: Notify,
    stopping: AtomicBool,
    pub(crate) activity: Activity,
    pub(crate) limits: Limits,
    abort: OnceLock<AbortHandle>,
}

/// The part of a listener's settings that one connection keeps to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) idle_timeout: Duration,
    pub(crate) read_timeout: Duration,
    pub(crate) reply_timeout: Duration,
}

/// Times in milliseconds of the connector's own clock, read by the sweep.
#[derive(Debug)]
pub(crate) struct Activity {
    last_frame_at_ms: AtomicU64,
    frame_started_at_ms: AtomicU64,
    write_started_at_ms: AtomicU64,
}

struct Flow {
    exchanges: Exchanges<Parked>,
    ready: Vec<Answer>,
    /// Answers that the writer has taken and not yet written.
    writing_count: usize,
    edge_answers: Vec<u8>,
    reader: ReaderState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReaderState {
    Reads,
    WaitsForRoom,
    Ended,
}

/// What the writer shall do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriterTask {
    Write,
    Wait,
    /// Everything is answered and nothing more comes.
    Close,
}

impl Connection {
    pub(crate) fn new(number: u32, exchanges: Exchanges<Parked>, limits: Limits) -> Self {
        let flow = Flow {
            exchanges,
            ready: Vec::new(),
            writing_count: 0,
            edge_answers: Vec::new(),
            reader: ReaderState::Reads,
        };
        Self {
            number,
            flow: Mutex::new(flow),
            writer_wake: Notify::new(),
            reader_wake: Notify::new(),
            stopping: AtomicBool::new(false),
            activity: Activity {
                last_frame_at_ms: AtomicU64::new(NEVER),
                frame_started_at_ms: AtomicU64::new(NEVER),
                write_started_at_ms: AtomicU64::new(NEVER),
            },
            limits,
            abort: OnceLock::new(),
        }
    }

    /// Parks requests in order. Those that find no room come back (LINK: refuse when full).
    pub(crate) fn park(
        &self,
        requests: &mut Vec<Parked>,
        deadline_ms: u64,
        parked: &mut Vec<Result<ExchangeId, Parked>>,
    ) {
        let mut flow = self.flow.lock();
        for request in requests.drain(..) {
            parked.push(
                flow.exchanges
                    .park(request, deadline_ms)
                    .map_err(|(_, request)| request),
            );
        }
    }

    /// Takes requests out again that were not appended.
    pub(crate) fn unpark(&self, ids: impl Iterator<Item = ExchangeId>) -> Vec<Parked> {
        let mut flow = self.flow.lock();
        ids.filter_map(|id| flow.exchanges.take(id)).collect()
    }

    /// Hands over replies; returns how many nobody waits for any more.
    pub(crate) fn deliver(&self, replies: &[(ExchangeId, Reply)]) -> usize {
        let mut flow = self.flow.lock();
        let ready_before = flow.ready.len();
        for (id, reply) in replies {
            if let Some(parked) = flow.exchanges.take(*id) {
                flow.ready.push(Answer {
                    reply: *reply,
                    parked,
                });
            }
        }
        let answered = flow.ready.len() - ready_before;
        drop(flow);
        if answered > 0 {
            self.writer_wake.notify_one();
        }
        replies.len() - answered
    }

    /// Queues answers that the edge gave.
    pub(crate) fn answer_at_edge(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        self.flow.lock().edge_answers.append(bytes);
        self.writer_wake.notify_one();
    }

    /// Gives the writer what is ready. Both buffers must come empty.
    pub(crate) fn take_ready(&self, answers: &mut Vec<Answer>, bytes: &mut Vec<u8>) -> WriterTask {
        let mut flow = self.flow.lock();
        if !flow.ready.is_empty() || !flow.edge_answers.is_empty() {
            std::mem::swap(&mut flow.ready, answers);
            std::mem::swap(&mut flow.edge_answers, bytes);
            flow.writing_count = answers.len();
            return WriterTask::Write;
        }
        if flow.is_over() {
            WriterTask::Close
        } else {
            WriterTask::Wait
        }
    }

    /// What was taken last is on its way to the peer.
    pub(crate) fn written(&self) {
        let mut flow = self.flow.lock();
        flow.writing_count = 0;
        if flow.reader == ReaderState::WaitsForRoom {
            self.reader_wake.notify_one();
        }
    }

    /// Whether the answers that the peer has not taken yet allow to read on. If not, its own
    /// sending comes to a halt by TCP, and no request is refused for it.
    pub(crate) fn may_read(&self) -> bool {
        let mut flow = self.flow.lock();
        let unwritten = flow.ready.len() + flow.writing_count;
        let may_read = unwritten < flow.exchanges.in_flight_max()
            && flow.edge_answers.len() < EDGE_ANSWERS_SIZE_MAX;
        flow.reader = if may_read {
            ReaderState::Reads
        } else {
            ReaderState::WaitsForRoom
        };
        may_read
    }

    /// Reads no more requests; what is in flight is still answered.
    pub(crate) fn stop_reading(&self) {
        self.stopping.store(true, Ordering::Release);
        self.reader_wake.notify_one();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// The reader has ended: the writer closes when everything is answered.
    pub(crate) fn end_reading(&self) {
        self.flow.lock().reader = ReaderState::Ended;
        // The rest of a frame will not be waited for; what is in flight has its own deadline.
        self.activity.note_pause();
        self.writer_wake.notify_one();
    }

    /// Drops exchanges whose deadline has passed; returns how many. Their fate is unknown, so
    /// nothing is answered.
    pub(crate) fn expire(&self, now_ms: u64) -> usize {
        let mut flow = self.flow.lock();
        let expired = flow.exchanges.expire(now_ms).len();
        let is_over = flow.is_over();
        drop(flow);
        if is_over {
            self.writer_wake.notify_one();
        }
        expired
    }

    /// Requests without an answer yet.
    pub(crate) fn in_flight_count(&self) -> usize {
        self.flow.lock().in_flight_count()
    }

    /// Drops everything; returns how many requests were in flight, and the generation that a
    /// successor goes on with.
    pub(crate) fn close(&self) -> (usize, u32) {
        let mut flow = self.flow.lock();
        let in_flight_count = flow.in_flight_count();
        flow.exchanges.expire(u64::MAX);
        flow.ready.clear();
        (in_flight_count, flow.exchanges.generation_next())
    }

    /// Whether a deadline of the connection itself has passed.
    pub(crate) fn overdue(&self, now_ms: u64) -> Option<Cut> {
        let has_passed = |since: &AtomicU64, timeout: Duration| {
            let since_ms = since.load(Ordering::Relaxed);
            since_ms != NEVER && now_ms.saturating_sub(since_ms) >= millis(timeout)
        };
        if has_passed(&self.activity.write_started_at_ms, self.limits.read_timeout) {
            return Some(Cut::SlowReader);
        }
        if has_passed(&self.activity.frame_started_at_ms, self.limits.read_timeout) {
            return Some(Cut::SlowFrame);
        }
        let is_quiet = || self.flow.lock().is_quiet();
        if has_passed(&self.activity.last_frame_at_ms, self.limits.idle_timeout) && is_quiet() {
            return Some(Cut::Idle);
        }
        None
    }

    /// Lets the sweep end the connection.
    pub(crate) fn abort_with(&self, handle: AbortHandle) {
        // A connection is started once.
        self.abort.get_or_init(|| handle);
    }

    /// Ends the connection now, whatever it does.
    pub(crate) fn abort(&self) {
        if let Some(handle) = self.abort.get() {
            handle.abort();
        }
    }
}

impl Flow {
    fn in_flight_count(&self) -> usize {
        self.exchanges.len() + self.ready.len()
    }

    fn is_quiet(&self) -> bool {
        self.in_flight_count() == 0 && self.writing_count == 0
    }

    fn is_over(&self) -> bool {
        self.reader == ReaderState::Ended && self.exchanges.is_empty()
    }
}

/// Whether a read left part of a frame behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    None,
    Some,
}

impl Activity {
    /// The connection was opened.
    pub(crate) fn note_open(&self, now_ms: u64) {
        self.last_frame_at_ms.store(now_ms, Ordering::Relaxed);
    }

    /// A read brought so many whole frames.
    pub(crate) fn note_read(&self, now_ms: u64, frame_count: usize, rest: Rest) {
        if frame_count > 0 {
            self.last_frame_at_ms.store(now_ms, Ordering::Relaxed);
        }
        let was_started = self.frame_started_at_ms.load(Ordering::Relaxed) != NEVER;
        match rest {
            Rest::None => self.frame_started_at_ms.store(NEVER, Ordering::Relaxed),
            // Still the same frame: its deadline stays.
            Rest::Some if frame_count == 0 && was_started => {}
            Rest::Some => self.frame_started_at_ms.store(now_ms, Ordering::Relaxed),
        }
    }

    /// Nothing is read for a while, or never again: no frame can be late.
    pub(crate) fn note_pause(&self) {
        self.frame_started_at_ms.store(NEVER, Ordering::Relaxed);
    }

    /// Reading goes on; the rest of a frame has its whole time from now.
    pub(crate) fn note_resume(&self, now_ms: u64, rest: Rest) {
        match rest {
            Rest::None => {}
            Rest::Some => self.frame_started_at_ms.store(now_ms, Ordering::Relaxed),
        }
    }

    pub(crate) fn write_started(&self, now_ms: u64) {
        self.write_started_at_ms.store(now_ms, Ordering::Relaxed);
    }

    pub(crate) fn write_ended(&self) {
        self.write_started_at_ms.store(NEVER, Ordering::Relaxed);
    }
}

/// Whole milliseconds of a duration.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
