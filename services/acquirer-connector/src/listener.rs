//! One acquirer's port: accepts connections up to its bound and lets each converse.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tracing::{debug, info, warn};

use crate::answer::Answering;
use crate::calendar::UtcOffset;
use crate::connection::{Connection, Limits};
use crate::connector::Shared;
use crate::converse::converse;
use crate::metric_names::gauge_step;
use crate::pos::settle::Uploads;
use crate::recent::RecentRequests;
use crate::sessions::{InstitutionSession, Sessions};
use crate::settings::ListenerSettings;
use crate::speech::Speech;

/// How long to wait when the system has no more descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Messages of one acquirer about days that are worked on at once; one more is answered 96 (OWN-4).
const DAYS_AT_ONCE_MAX: usize = 4;

/// One acquirer's link: settings, sessions of its terminals, what they asked lately.
pub(crate) struct Listener {
    pub(crate) shared: Arc<Shared>,
    pub(crate) settings: ListenerSettings,
    pub(crate) answering: Answering,
    pub(crate) speech: Speech,
    pub(crate) sessions: Sessions,
    pub(crate) institution: InstitutionSession,
    pub(crate) uploads: Uploads,
    pub(crate) recent: RecentRequests,
    /// How many messages about days may be worked on at once.
    pub(crate) days_at_once: Semaphore,
}

impl Listener {
    pub(crate) fn new(shared: Arc<Shared>, settings: ListenerSettings) -> Self {
        let speech = Speech::of(settings.dialect);
        let answering = Answering {
            dialect: settings.dialect,
            speech,
            acquirer: settings.acquirer,
            issuer: shared.issuer,
            offset: UtcOffset::from_minutes(shared.utc_offset_minutes),
            partition_count: shared.partition_count,
        };
        Self {
            speech,
            sessions: Sessions::new(settings.sign_on),
            institution: InstitutionSession::new(settings.sign_on),
            uploads: Uploads::default(),
            recent: RecentRequests::new(),
            days_at_once: Semaphore::new(DAYS_AT_ONCE_MAX),
            answering,
            settings,
            shared,
        }
    }

    /// Accepts until told to stop, then waits until every connection has answered and closed.
    pub(crate) async fn run(
        self: Arc<Self>,
        socket: TcpListener,
        mut stop: watch::Receiver<Running>,
    ) {
        self.announce();
        let mut connections = JoinSet::new();
        loop {
            // Cancel safe: a connection that is not accepted now waits in the backlog.
            let accepted = tokio::select! {
                accepted = socket.accept() => accepted,
                _ = stop.wait_for(|running| *running == Running::Draining) => break,
            };
            while connections.try_join_next().is_some() {}
            match accepted {
                Ok((stream, _)) if connections.len() < self.settings.connections_max => {
                    self.serve(stream, &mut connections);
                }
                Ok(_) => self.shared.metrics.connections_refused.increment(1),
                Err(cause) => {
                    warn!(%cause, listener = %self.settings.name, "accept a connection");
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            }
        }
        drop(socket);
        self.shared.connections.for_each(Connection::stop_reading);
        while connections.join_next().await.is_some() {}
    }

    fn announce(&self) {
        info!(
            listener = %self.settings.name,
            acquirer = %self.settings.acquirer,
            dialect = self.settings.dialect.name(),
            "accepting connections"
        );
        warn!(
            listener = %self.settings.name,
            "MAC, PIN and chip cryptogram are NOT CHECKED on this link: whoever reaches its port is \
             believed; let only a trusted network reach it"
        );
    }

    fn serve(self: &Arc<Self>, stream: TcpStream, connections: &mut JoinSet<()>) {
        if let Err(cause) = stream.set_nodelay(true) {
            debug!(%cause, "peer was gone at once");
            return;
        }
        let settings = &self.settings;
        let limits = Limits {
            idle_timeout: settings.idle_timeout,
            read_timeout: settings.read_timeout,
            reply_timeout: settings.reply_timeout,
        };
        let connection = self.shared.connections.open(settings.in_flight_max, limits);
        connection.activity.note_open(self.shared.now_ms());
        let open = OpenConnection::new(Arc::clone(self), Arc::clone(&connection));
        let handle = connections.spawn(open.run(stream));
        connection.abort_with(handle);
    }
}

/// Whether connections are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Running {
    Accepting,
    Draining,
}

/// Takes a connection out of the books however its task ends.
struct OpenConnection {
    listener: Arc<Listener>,
    connection: Arc<Connection>,
}

impl OpenConnection {
    fn new(listener: Arc<Listener>, connection: Arc<Connection>) -> Self {
        listener.shared.metrics.connections.increment(gauge_step(1));
        Self {
            listener,
            connection,
        }
    }

    async fn run(self, stream: TcpStream) {
        let listener = Arc::clone(&self.listener);
        let connection = Arc::clone(&self.connection);
        if let Err(cause) = converse(listener, connection, stream).await {
            debug!(%cause, listener = %self.listener.settings.name, "connection ended");
        }
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        let shared = &self.listener.shared;
        let in_flight = shared.connections.close(&self.connection);
        shared
            .metrics
            .exchanges_in_flight
            .decrement(gauge_step(in_flight));
        shared.metrics.connections.decrement(gauge_step(1));
    }
}
