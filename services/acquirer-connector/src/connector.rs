//! The whole connector: start, deliver replies, drain.

mod dry_link;

use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tracing::{debug, info};

use crate::connections::{Address, Connections, Delivery};
use crate::directory::Directory;
use crate::listener::{Listener, Running};
use crate::metric_names::{Metrics, gauge_step};
use crate::settings::{Clock, ConnectorSettings, ListenerSettings, StartError};
use crate::spans;
use card::{Reply, ReplyTo};
use command_log::{AppendError, CommandLog, NewRecord, PartitionGates, ReplySink, TracedReply};
use registry::ParticipantId;
use telemetry::Tracer;

pub use dry_link::{DryLink, DryRequest};

/// How often deadlines are looked at; each is kept to within this.
const SWEEP_INTERVAL: Duration = Duration::from_millis(100);

type Submit = Box<dyn Fn(Vec<NewRecord>) -> Result<(), AppendError> + Send + Sync>;

/// What all listeners have in common.
pub(crate) struct Shared {
    /// Names this life of the connector in reply addresses.
    pub(crate) incarnation: u64,
    pub(crate) reply_partition: u16,
    pub(crate) tracer: Tracer,
    pub(crate) issuer: ParticipantId,
    pub(crate) utc_offset_minutes: i16,
    pub(crate) partition_count: u16,
    pub(crate) directory: Directory,
    pub(crate) gates: Arc<PartitionGates>,
    pub(crate) submit: Submit,
    pub(crate) clock: Clock,
    pub(crate) connections: Connections,
    /// Used by whoever delivers replies; there is one release stage, so nobody waits for it.
    delivery: Mutex<Delivery>,
    pub(crate) metrics: Metrics,
    started_at: Instant,
}

impl Shared {
    /// Milliseconds since shortly before the start, by a clock that never goes back. Never 0.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.started_at.elapsed().as_millis())
            .unwrap_or(u64::MAX)
            .saturating_add(1)
    }
}

/// The running connector. Dropping it closes every connection at once; [`Connector::drain`] first
/// answers what is in flight.
#[derive(Debug)]
pub struct Connector {
    replies: Replies,
    addresses: Vec<SocketAddr>,
    stop: watch::Sender<Running>,
    listeners: JoinSet<()>,
    /// Looks at deadlines until the connector is gone.
    _sweep: JoinSet<()>,
}

/// What a drain left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Requests that got no answer: their fate is for the terminals' reversals to settle.
    pub unanswered_count: usize,
}

impl Connector {
    /// Binds all listeners and begins to accept.
    ///
    /// Requests for a partition whose gate is closed are answered 96, so this may be called before
    /// the partitions have recovered.
    ///
    /// # Errors
    /// [`StartError`]; nothing listens then.
    pub async fn start<L: CommandLog>(
        settings: ConnectorSettings,
        log: Arc<L>,
        directory: Directory,
        gates: Arc<PartitionGates>,
        clock: Clock,
    ) -> Result<Self, StartError> {
        settings.validate()?;
        let shared = Arc::new(Shared {
            incarnation: new_incarnation(),
            reply_partition: settings.reply_partition,
            tracer: settings.tracer,
            issuer: settings.issuer,
            utc_offset_minutes: settings.utc_offset_minutes,
            partition_count: log.log_id().partition_count,
            directory,
            gates,
            submit: Box::new(move |records| log.submit(records)),
            clock,
            connections: Connections::default(),
            delivery: Mutex::default(),
            metrics: Metrics::new(),
            started_at: Instant::now(),
        });
        let mut sockets = Vec::new();
        for listener in settings.listeners {
            let socket = listen(&listener).await?;
            sockets.push((listener, socket));
        }
        Ok(Self::run(shared, sockets))
    }

    fn run(shared: Arc<Shared>, sockets: Vec<(ListenerSettings, Bound)>) -> Self {
        let (stop, stopped) = watch::channel(Running::Accepting);
        let mut listeners = JoinSet::new();
        let mut addresses = Vec::new();
        for (settings, bound) in sockets {
            addresses.push(bound.address);
            let listener = Arc::new(Listener::new(Arc::clone(&shared), settings));
            listeners.spawn(listener.run(bound.socket, stopped.clone()));
        }
        let mut sweep = JoinSet::new();
        sweep.spawn(sweep_forever(Arc::clone(&shared)));
        Self {
            replies: Replies(shared),
            addresses,
            stop,
            listeners,
            _sweep: sweep,
        }
    }

    /// Where the listeners listen, in the order of the settings.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Takes the replies that the processor releases.
    #[must_use]
    pub fn reply_sink(&self) -> Replies {
        self.replies.clone()
    }

    /// Shuts down in order: accepts no more, reads no more, answers what is in flight, closes.
    /// After `patience` what is left is cut off.
    pub async fn drain(mut self, patience: Duration) -> Drained {
        // Without listeners nobody hears it, and nothing needs to.
        self.stop.send_replace(Running::Draining);
        let all_closed = async { while self.listeners.join_next().await.is_some() {} };
        let in_time = timeout(patience, all_closed).await.is_ok();
        let mut unanswered_count = 0;
        self.replies.0.connections.for_each(|connection| {
            unanswered_count += connection.in_flight_count();
        });
        info!(in_time, unanswered_count, "connections drained");
        Drained { unanswered_count }
    }
}

struct Bound {
    socket: TcpListener,
    address: SocketAddr,
}

async fn listen(settings: &ListenerSettings) -> Result<Bound, StartError> {
    let failed = |source| StartError::Listen {
        listen: settings.listen,
        acquirer: settings.name.clone(),
        source,
    };
    let socket = TcpListener::bind(settings.listen).await.map_err(failed)?;
    let address = socket.local_addr().map_err(failed)?;
    Ok(Bound { socket, address })
}

/// A number that no other life of a connector has: the standard library's per-process random keys.
/// Replies to an earlier life must not find an exchange of this one. Never 0, which is nobody's.
fn new_incarnation() -> u64 {
    RandomState::new().hash_one(std::process::id()).max(1)
}

/// The way back from the processor to the parked exchanges.
#[derive(Clone)]
pub struct Replies(Arc<Shared>);

impl std::fmt::Debug for Replies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replies").finish_non_exhaustive()
    }
}

impl ReplySink for Replies {
    fn deliver(&self, replies: &mut Vec<Reply>, traced: &[TracedReply]) {
        for traced in traced {
            if traced.reply_to.incarnation == self.0.incarnation {
                spans::reply_came(&self.0.tracer, traced);
            }
        }
        let mut delivery = self.0.delivery.lock();
        let mut late_count = 0;
        for reply in replies.drain(..) {
            match reply.reply_to {
                ReplyTo::NOBODY => {}
                to if to.incarnation == self.0.incarnation => {
                    delivery.add(Address::of(to), reply);
                }
                _ => late_count += 1,
            }
        }
        late_count += self.0.connections.deliver(&mut delivery);
        if late_count > 0 {
            self.0
                .metrics
                .replies_late
                .increment(u64::try_from(late_count).unwrap_or(u64::MAX));
        }
    }
}

/// Expires exchanges and cuts connections that are past a deadline.
async fn sweep_forever(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now_ms = shared.now_ms();
        let mut expired_count = 0;
        shared.connections.for_each(|connection| {
            expired_count += connection.expire(now_ms);
            if let Some(cut) = connection.overdue(now_ms) {
                debug!(reason = cut.label(), "connection cut");
                shared.metrics.connection_cut(cut);
                connection.abort();
            }
        });
        if expired_count > 0 {
            shared
                .metrics
                .exchanges_in_flight
                .decrement(gauge_step(expired_count));
            let expired_count = u64::try_from(expired_count).unwrap_or(u64::MAX);
            shared.metrics.exchanges_expired.increment(expired_count);
        }
    }
}
