//! The HTTP server: who may connect, how much a request may be, and who is believed.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use crate::cards::Cards;
use crate::desk::DayDesk;
use crate::exchanges::{Exchanges, Replies};
use crate::rate::Rate;
use crate::refusal::Refusal;
use crate::routes::{Answer, Asked, Route, Routes};
use crate::token::Token;
use card::Timestamp;
use card_store::CardStore;
use command_log::{CommandLog, PartitionGates};
use pan::PanHasher;
use registry::MediaBook;

/// The header that names a request; the same name is the same request.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Connections at once; one more waits until one is closed.
const CONNECTIONS_MAX: usize = 64;
/// No body of ours is longer.
const BODY_SIZE_MAX: usize = 4_096;
/// Head of a request, with all its headers.
const HEAD_SIZE_MAX: usize = 16 * 1_024;
/// A head that has begun must be complete within this time, and so must a body.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Requests taken in a second.
const REQUESTS_PER_SECOND_MAX: u32 = 500;
/// Requests without the right token that are looked at in a second.
const STRANGERS_PER_SECOND_MAX: u32 = 10;

/// What the back office works with.
pub struct Parts<L, S, D> {
    /// The commands.
    pub log: Arc<L>,
    /// The cards, to show them.
    pub store: Arc<S>,
    /// The settlement days.
    pub days: D,
    /// Which medium belongs to which card.
    pub media: Arc<dyn MediaBook>,
    /// Hashes card numbers.
    pub hasher: PanHasher,
    /// Which partitions take commands.
    pub gates: Arc<PartitionGates>,
    /// What a caller must show.
    pub token: Token,
    /// This machine's clock.
    pub clock: fn() -> Timestamp,
    /// Where replies come back.
    pub reply_partition: u16,
    /// Local time minus UTC.
    pub utc_offset_minutes: i16,
}

impl<L, S, D> std::fmt::Debug for Parts<L, S, D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}

/// Why there is no endpoint.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error(
        "listen on {address} for operations: {source}; name a free port in `operations.listen`"
    )]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// No random number for the reply address.
    #[error("no random numbers: {0}")]
    Random(String),
}

/// The running endpoint. Dropped, it ends at once; [`Server::stop`] lets requests end first.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    replies: Replies,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Server {
    /// Listens, and answers from now on.
    ///
    /// # Errors
    /// As [`StartError`] says.
    pub async fn start<L, S, D>(
        listen: SocketAddr,
        parts: Parts<L, S, D>,
    ) -> Result<Self, StartError>
    where
        L: CommandLog,
        S: CardStore,
        D: DayDesk + 'static,
    {
        let failed = |source| StartError::Listen {
            address: listen,
            source,
        };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let mut random = [0u8; 8];
        getrandom::fill(&mut random).map_err(|error| StartError::Random(error.to_string()))?;
        // 0 is nobody and 1 the desk that issues cards.
        let incarnation = u64::from_le_bytes(random).max(2);
        let exchanges = Arc::new(Exchanges::new(parts.reply_partition, incarnation));
        let replies = Replies(Arc::clone(&exchanges));
        let door = Arc::new(door(parts, exchanges));
        let (stop, stopping) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, door, stopping));
        Ok(Self {
            address,
            replies,
            stop,
            tasks,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where replies to it go.
    #[must_use]
    pub fn reply_sink(&self) -> Replies {
        self.replies.clone()
    }

    /// Takes no more requests, and waits for those that are being answered, as far as `patience`
    /// goes.
    pub async fn stop(mut self, patience: Duration) {
        self.stop.send_replace(true);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(patience, ended).await.is_err() {
            tracing::warn!("requests of the back office are left unanswered");
        }
    }
}

fn door<L, S, D>(parts: Parts<L, S, D>, exchanges: Arc<Exchanges>) -> Door<L, S, D> {
    let now = Instant::now();
    Door {
        routes: Routes {
            cards: Cards {
                log: parts.log,
                store: parts.store,
                media: parts.media,
                hasher: parts.hasher,
                gates: parts.gates,
                exchanges,
                clock: parts.clock,
            },
            days: parts.days,
            utc_offset_minutes: parts.utc_offset_minutes,
        },
        token: parts.token,
        requests: Rate::new(REQUESTS_PER_SECOND_MAX, now),
        strangers: Rate::new(STRANGERS_PER_SECOND_MAX, now),
    }
}

/// Where requests come in.
struct Door<L, S, D> {
    routes: Routes<L, S, D>,
    token: Token,
    requests: Rate,
    strangers: Rate,
}

async fn accept<L, S, D>(
    listener: TcpListener,
    door: Arc<Door<L, S, D>>,
    mut stopping: watch::Receiver<bool>,
) where
    L: CommandLog,
    S: CardStore,
    D: DayDesk + 'static,
{
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        // Cancel safe: both arms only wait.
        let permit = tokio::select! {
            () = told(&mut stopping) => break,
            permit = Arc::clone(&room).acquire_owned() => permit,
        };
        let accepted = tokio::select! {
            () = told(&mut stopping) => break,
            accepted = listener.accept() => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, _)) => {
                let serve = converse(stream, Arc::clone(&door), stopping.clone());
                connections.spawn(async move {
                    serve.await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "accept a connection of the back office");
                tokio::time::sleep(Duration::from_millis(100)).await; // Out of descriptors, say.
            }
        }
    }
    while connections.join_next().await.is_some() {}
}

/// Waits until all shall end. Cancel safe.
async fn told(stopping: &mut watch::Receiver<bool>) {
    // A server that is gone wants the same.
    drop(stopping.wait_for(|stop| *stop).await);
}

/// Answers one connection until it ends, or all shall.
async fn converse<L, S, D>(
    stream: TcpStream,
    door: Arc<Door<L, S, D>>,
    mut stopping: watch::Receiver<bool>,
) where
    L: CommandLog,
    S: CardStore,
    D: DayDesk + 'static,
{
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "set TCP_NODELAY");
    }
    let service = service_fn(|request| {
        let door = Arc::clone(&door);
        async move { Ok::<_, Infallible>(door.take(request).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(READ_TIMEOUT)
        .max_buf_size(HEAD_SIZE_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    // Cancel safe: the connection is only polled, and goes on below when all shall end.
    let ended = tokio::select! {
        ended = &mut connection => Some(ended),
        () = told(&mut stopping) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection of the back office");
    }
}

impl<L, S, D> Door<L, S, D>
where
    L: CommandLog,
    S: CardStore,
    D: DayDesk,
{
    async fn take(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let received_at = Instant::now();
        let route = Route::find(request.method().as_str(), request.uri().path());
        let name = route.as_ref().map_or("none", |route| route.shape().1);
        let answer = match self.admit(request.headers(), received_at) {
            Ok(()) => self.answer(route, request, received_at).await,
            Err(refusal) => Err(refusal),
        };
        let response = respond(answer);
        crate::metric_names::answered(name, response.status().as_u16());
        response
    }

    /// Whether the caller is one of ours, and not one too many.
    fn admit(&self, headers: &HeaderMap, now: Instant) -> Result<(), Refusal> {
        let shown = headers.get(AUTHORIZATION).map(|value| value.as_bytes());
        let shown = shown.and_then(|value| value.strip_prefix(b"Bearer "));
        let is_ours = shown.is_some_and(|shown| self.token.is(shown));
        let busy = || {
            let message = "too many requests at once, nothing was done: repeat it after a second";
            Refusal::new(429, "too_many_requests", message)
        };
        if is_ours {
            return self.requests.take(now).then_some(()).ok_or_else(busy);
        }
        if !self.strangers.take(now) {
            return Err(busy());
        }
        tracing::warn!("a request of the back office came without the right token");
        Err(Refusal::new(
            401,
            "not_authorized",
            "show the token of the file in `operations.token_file`: Authorization: Bearer TOKEN",
        ))
    }

    async fn answer(
        &self,
        route: Result<Route, Refusal>,
        request: Request<Incoming>,
        received_at: Instant,
    ) -> Result<Answer, Refusal> {
        let route = route?;
        let (head, body) = request.into_parts();
        let body = body_of(body).await?;
        let asked = Asked {
            route,
            query: head.uri.query().unwrap_or_default(),
            idempotency_key: head.headers.get(IDEMPOTENCY_KEY).map(|key| key.as_bytes()),
            body: &body,
            received_at,
        };
        self.routes.answer(&asked).await
    }
}

/// The body, which may hold card numbers: wiped when it was read.
async fn body_of(body: Incoming) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let collected = Limited::new(body, BODY_SIZE_MAX).collect();
    let collected = tokio::time::timeout(READ_TIMEOUT, collected).await;
    match collected {
        Ok(Ok(body)) => Ok(Zeroizing::new(body.to_bytes().to_vec())),
        Ok(Err(_)) => Err(Refusal::new(
            413,
            "body_too_long",
            format!("the body was cut off, or is longer than {BODY_SIZE_MAX} bytes: send less"),
        )),
        Err(_) => {
            let message = "the body did not come in time, nothing was done: repeat it";
            Err(Refusal::new(408, "body_too_late", message))
        }
    }
}

fn respond(answer: Result<Answer, Refusal>) -> Response<Full<Bytes>> {
    let (status, value) = answer.unwrap_or_else(|refusal| {
        let told = serde_json::to_value(refusal.told()).unwrap_or_default();
        (refusal.status, told)
    });
    let mut response = Response::new(Full::new(Bytes::from(format!("{value}\n"))));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        hyper::header::HeaderValue::from_static("application/json"),
    );
    if status == 429 || status == 503 {
        headers.insert(RETRY_AFTER, hyper::header::HeaderValue::from_static("1"));
    }
    response
}
