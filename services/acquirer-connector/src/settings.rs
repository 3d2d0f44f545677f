//! What the connector is told at its start. Plain values; the program maps its configuration here.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use card::Timestamp;
use iso8583::Dialect;
use link::SignOn;
use registry::ParticipantId;
use telemetry::Tracer;

/// Most connections over all listeners: the address of an exchange has this much room for them.
pub const CONNECTIONS_MAX: usize = 1 << 18;

/// Tells the time for local dates on the wire. Deadlines do not use it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Settings of the whole connector.
#[derive(Debug, Clone)]
pub struct ConnectorSettings {
    /// Our own institution code; approvals carry it as the issuer's (data element 44).
    pub issuer: ParticipantId,
    /// Local time minus UTC in minutes, without summer time; 480 in China.
    pub utc_offset_minutes: i16,
    /// The partition of the replies topic that this process reads; 0 when there is no topic.
    pub reply_partition: u16,
    /// Traces one request in so many.
    pub tracer: Tracer,
    /// One for each acquirer.
    pub listeners: Vec<ListenerSettings>,
}

/// Settings of one acquirer's listener.
#[derive(Debug, Clone)]
pub struct ListenerSettings {
    /// The acquirer's institution code (data element 32). It is part of every key of its requests.
    pub acquirer: ParticipantId,
    /// Its name in log lines.
    pub name: String,
    /// Where its connections arrive; port 0 takes any free one.
    pub listen: SocketAddr,
    /// The form of its messages.
    pub dialect: &'static Dialect,
    /// Open connections; one more is closed at once.
    pub connections_max: usize,
    /// Unanswered requests of one connection, at most [`link::EXCHANGES_IN_FLIGHT_MAX`]; one more
    /// is answered 96.
    pub in_flight_max: usize,
    /// Longest frame in bytes after its length; a longer one ends the connection. Never over the
    /// dialect's own limit.
    pub frame_size_max: usize,
    /// A connection without a frame and with nothing in flight is closed after this.
    pub idle_timeout: Duration,
    /// A frame that has started must be complete within this, and the peer must take our answers
    /// within it.
    pub read_timeout: Duration,
    /// A request without a decision is given up after this: no answer, its fate is unknown, the
    /// terminal's reversal settles it.
    pub reply_timeout: Duration,
    /// Whether its terminals settle their batches here.
    pub batch_settlement: BatchSettlement,
    /// Whether the institution reconciles its days here.
    pub day_reconciliation: DayReconciliation,
    /// What the cut-over of the institution does here.
    pub cut_over: CutOver,
    /// What a terminal that asks for its parameters is told in data element 62: tags of two digits,
    /// each with its value behind it. Empty: nothing.
    pub terminal_parameters: Arc<[u8]>,
    /// Whether a terminal must sign on before its first payment.
    pub sign_on: SignOn,
}

/// Whether terminals settle their batches here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchSettlement {
    /// Each booked payment leaves an item of its batch, and the batch desk is open.
    Offered,
    /// Nothing is kept for it, and the batch desk answers that it is not offered.
    NotOffered,
}

/// Whether an institution reconciles its settlement days here (0500, 0520).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayReconciliation {
    /// Each booked payment leaves an item of its day, which the institution's totals are compared with.
    Offered,
    /// Nothing is kept for it, and a reconciliation is answered as not offered.
    NotOffered,
}

/// What the cut-over of a network does here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CutOver {
    /// The network leads the settlement days of this switch: its new day is opened.
    OpensDay,
    /// It is noted and compared.
    IsNoted,
}

/// Why the connector could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address is taken, or not ours.
    #[error("cannot listen on {listen} for acquirer {acquirer}: {source}; choose another address")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// Whose listener it is.
        acquirer: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// More connections than an exchange's address can tell apart.
    #[error("listeners allow {wanted} connections together; allow at most {CONNECTIONS_MAX}")]
    TooManyConnections {
        /// The sum over all listeners.
        wanted: usize,
    },
}

impl ConnectorSettings {
    /// Checks what the types do not.
    pub(crate) fn validate(&self) -> Result<(), StartError> {
        let wanted = self
            .listeners
            .iter()
            .map(|listener| listener.connections_max);
        let wanted = wanted.fold(0, usize::saturating_add);
        if wanted > CONNECTIONS_MAX {
            return Err(StartError::TooManyConnections { wanted });
        }
        Ok(())
    }
}
