//! One connection: moves bytes between the socket and its [`Checkout`], and opens it again.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::sync::mpsc::Sender;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout, timeout_at};

use super::checkout::{Checkout, Plan};
use super::error::SimError;
use super::pace::Pace;
use super::tally::Tally;
use iso8583::Dialect;
use iso8583::frame::{NextFrame, next_frame};

/// Room made in the buffer before each read.
const READ_SIZE: usize = 16 << 10;
/// Pause between two attempts to connect.
const RECONNECT_PAUSE: Duration = Duration::from_millis(50);
/// How often overdue answers are looked for.
const EXPIRE_EVERY: Duration = Duration::from_secs(1);

/// What the whole run shares with its connections.
#[derive(Debug)]
pub(crate) struct Control {
    ended: AtomicBool,
    answered: AtomicU64,
    /// One per connection; rung when a request is due or the run ends.
    bells: Vec<Arc<Notify>>,
}

impl Control {
    pub(crate) fn new(connections: u32) -> Self {
        let bells = (0..connections).map(|_| Arc::new(Notify::new())).collect();
        Self {
            ended: AtomicBool::new(false),
            answered: AtomicU64::new(0),
            bells,
        }
    }

    /// Nothing new is sent from here on.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.bells.iter().for_each(|bell| bell.notify_one());
    }

    pub(crate) fn bells(&self) -> Vec<Arc<Notify>> {
        self.bells.clone()
    }

    /// Answers of all connections so far.
    pub(crate) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }
}

/// How a connection ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// All was sent and answered, or given up in time.
    Done(Tally),
    /// The connection broke and could not be opened again.
    Broken(Tally, io::Error),
}

/// Why a conversation stopped before its end.
#[derive(Debug)]
enum Interruption {
    Broken(io::Error),
    Nonsense(SimError),
}

impl From<io::Error> for Interruption {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

impl From<SimError> for Interruption {
    fn from(error: SimError) -> Self {
        Self::Nonsense(error)
    }
}

/// A connection whose terminals are signed on.
#[derive(Debug)]
pub(crate) struct Connection {
    plan: Arc<Plan>,
    control: Arc<Control>,
    bell: Arc<Notify>,
    recorder: Option<Sender<Vec<u8>>>,
    checkout: Checkout,
    route: Route,
    wire: Wire,
}

/// Which of the switch's addresses a connection tries: one after another, round and round.
#[derive(Debug, Clone, Copy)]
struct Route {
    next: usize,
}

/// The socket and what is on its way through it.
#[derive(Debug)]
struct Wire {
    stream: TcpStream,
    received: BytesMut,
    out: Vec<u8>,
}

impl Connection {
    /// Connects number `index` and signs its terminals on.
    ///
    /// # Errors
    /// [`SimError::Unreachable`] when nothing answers, [`SimError::SignOnRefused`], and the errors
    /// of answers that cannot be read.
    pub(crate) async fn open(
        plan: Arc<Plan>,
        control: Arc<Control>,
        index: u32,
        recorder: Option<Sender<Vec<u8>>>,
    ) -> Result<Self, SimError> {
        let mut checkout = Checkout::new(Arc::clone(&plan), index)?;
        let mut route = Route {
            next: index as usize,
        };
        let patience = plan.args.reconnect_for.unwrap_or(Duration::ZERO);
        let wire = open_within(&plan, &mut checkout, &mut route, patience).await?;
        let bell = Arc::clone(&control.bells[index as usize]);
        Ok(Self {
            plan,
            control,
            bell,
            recorder,
            checkout,
            route,
            wire,
        })
    }

    /// Sends at the given pace until its end and waits for what is pending then.
    ///
    /// # Errors
    /// The errors of answers that cannot be read.
    pub(crate) async fn run(mut self, pace: Pace) -> Result<Ended, SimError> {
        self.checkout.start(pace);
        loop {
            let broken = match self.converse().await {
                Ok(()) => None,
                Err(Interruption::Nonsense(error)) => return Err(error),
                Err(Interruption::Broken(error)) => Some(error),
            };
            let Some(error) = broken else {
                let tally = self.finish().await;
                return Ok(Ended::Done(tally));
            };
            let Some(patience) = self.plan.args.reconnect_for else {
                let tally = self.finish().await;
                return Ok(Ended::Broken(tally, error));
            };
            self.checkout.lose_connection(Instant::now());
            let opened = open_within(&self.plan, &mut self.checkout, &mut self.route, patience);
            match opened.await {
                Ok(wire) => self.wire = wire,
                Err(SimError::Unreachable { source, .. }) => {
                    let tally = self.finish().await;
                    return Ok(Ended::Broken(tally, source));
                }
                Err(error) => return Err(error),
            }
            self.checkout.resume(&mut self.wire.out);
        }
    }

    /// Sends and receives until all is done.
    async fn converse(&mut self) -> Result<(), Interruption> {
        let mut expire = interval(EXPIRE_EVERY);
        expire.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let now = Instant::now();
            if self.control.ended.load(Ordering::Acquire) {
                self.checkout.end(now);
            }
            self.checkout.send_due(now, &mut self.wire.out);
            self.wire.send().await?;
            self.keep_lines().await;
            if self.checkout.is_done(now) {
                return Ok(());
            }
            tokio::select! {
                // Reading is cancel safe: bytes are in the buffer or still in the socket.
                read = self.wire.read() => {
                    read?;
                    self.take_answers()?;
                }
                () = self.bell.notified() => {}
                _ = expire.tick() => {
                    self.checkout.expire(Instant::now(), &mut self.wire.out);
                }
            }
        }
    }

    fn take_answers(&mut self) -> Result<(), Interruption> {
        let before = self.checkout.answered();
        let taken = self.wire.take_answers(&mut self.checkout);
        let answered = self.checkout.answered() - before;
        self.control.answered.fetch_add(answered, Ordering::Relaxed);
        Ok(taken?)
    }

    async fn keep_lines(&mut self) {
        let Some(recorder) = &self.recorder else {
            return;
        };
        let lines = self.checkout.take_lines();
        if !lines.is_empty() {
            // A recorder that is gone has met an error, which it reports at the end of the run.
            drop(recorder.send(lines).await);
        }
    }

    async fn finish(&mut self) -> Tally {
        let tally = self.checkout.finish(Instant::now());
        self.keep_lines().await;
        tally
    }
}

impl Route {
    fn take<'a>(&mut self, plan: &'a Plan) -> &'a str {
        let addresses = &plan.args.connect;
        let address = &addresses[self.next % addresses.len()];
        self.next = self.next.wrapping_add(1);
        address
    }
}

/// Tries to open the connection until `patience` is over; each address at least once.
async fn open_within(
    plan: &Plan,
    checkout: &mut Checkout,
    route: &mut Route,
    patience: Duration,
) -> Result<Wire, SimError> {
    let deadline = tokio::time::Instant::now() + patience;
    let attempt_max = plan.args.answer_timeout;
    let mut untried_count = plan.args.connect.len();
    loop {
        let address = route.take(plan);
        untried_count = untried_count.saturating_sub(1);
        let attempt = timeout(attempt_max, open_once(address, checkout));
        let source = match attempt.await {
            Ok(Ok(wire)) => return Ok(wire),
            Ok(Err(Interruption::Nonsense(error))) => return Err(error),
            Ok(Err(Interruption::Broken(source))) => source,
            Err(_) => io::Error::from(io::ErrorKind::TimedOut),
        };
        if untried_count > 0 {
            continue;
        }
        let pause = timeout_at(deadline, sleep(RECONNECT_PAUSE));
        if patience.is_zero() || pause.await.is_err() {
            let address = address.to_owned();
            return Err(SimError::Unreachable { address, source });
        }
    }
}

async fn open_once(address: &str, checkout: &mut Checkout) -> Result<Wire, Interruption> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut wire = Wire {
        stream,
        received: BytesMut::new(),
        out: Vec::new(),
    };
    checkout.sign_on(&mut wire.out);
    wire.send().await?;
    while !checkout.is_signed_on() {
        wire.read().await?;
        wire.take_answers(checkout)?;
    }
    Ok(wire)
}

impl Wire {
    /// All that is due leaves in one write.
    async fn send(&mut self) -> io::Result<()> {
        if !self.out.is_empty() {
            self.stream.write_all(&self.out).await?;
            self.out.clear();
        }
        Ok(())
    }

    async fn read(&mut self) -> io::Result<()> {
        self.received.reserve(READ_SIZE);
        match self.stream.read_buf(&mut self.received).await? {
            0 => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
            _ => Ok(()),
        }
    }

    /// Hands over every whole frame.
    fn take_answers(&mut self, checkout: &mut Checkout) -> Result<(), SimError> {
        let now = Instant::now();
        loop {
            match next_frame(Dialect::pos(), &self.received)? {
                NextFrame::Incomplete { .. } => return Ok(()),
                NextFrame::Idle { consumed } => self.received.advance(consumed),
                NextFrame::Frame { body, consumed } => {
                    checkout.receive(&self.received[body], now)?;
                    self.received.advance(consumed);
                }
            }
        }
    }
}
