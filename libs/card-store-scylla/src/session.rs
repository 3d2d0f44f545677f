//! The connection to the cluster's database, shared by all parts of a process.
//!
//! The driver repeats nothing by itself: only the switch knows when the same bytes may go out again
//! (STORE-3). Reads are repeated here, writes by whoever asked for them.

use std::fmt;
use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use scylla::client::PoolSize;
use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::errors::ExecutionError;
use scylla::policies::load_balancing::{DefaultPolicy, LoadBalancingPolicy};
use scylla::policies::retry::FallthroughRetryPolicy;
use scylla::response::query_result::{QueryResult, QueryRowsResult};
use scylla::response::{PagingState, PagingStateResponse};
use scylla::serialize::row::SerializeRow;
use scylla::statement::batch::Batch;
use scylla::statement::prepared::PreparedStatement;
use scylla::statement::{Consistency, SerialConsistency};

use crate::cards::CardStatements;
use crate::checkpoints::CheckpointStatements;
use crate::cuts::CutStatements;
use crate::fault::Fault;
use crate::items::ItemStatements;
use crate::lwt::{LwtOutcome, outcome};
use crate::mutation::Mutation;
use crate::schema::{SCHEMA_VERSION, schema_version};
use crate::settings::{CqlSettings, Keyspace, Reach};

/// A frozen or lost node is noticed after the sum of the two.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(1);
/// Not shorter: a node on a machine with 25 runnable threads for 2 processors answers after more than a second.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(2);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a read is tried before the database counts as unavailable.
const READ_ATTEMPTS_MAX: u32 = 5;
/// The pause after the first failed read; it doubles.
const READ_PAUSE: Duration = Duration::from_millis(20);
const ROWS_PER_PAGE: i32 = 1_000;

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// No contact point answered as it should.
    #[error("connect to the database at {points}: {reason}")]
    Unreachable {
        /// The contact points.
        points: String,
        /// What the driver said.
        reason: String,
    },
    /// The keyspace or a table is missing.
    #[error(
        "keyspace {keyspace} does not hold the switch's tables ({reason}); run `floatswitch cluster init`"
    )]
    NoSchema {
        /// Which.
        keyspace: Keyspace,
        /// What the database said.
        reason: String,
    },
    /// Another version of the switch made the tables.
    #[error(
        "keyspace {keyspace} has schema version {found}, this version of the switch needs {SCHEMA_VERSION}"
    )]
    OtherSchema {
        /// Which.
        keyspace: Keyspace,
        /// Its version.
        found: i32,
    },
    /// The database answered, but not in time or not well.
    #[error("prepare statements: {0}")]
    Database(Fault),
}

/// A connection. Cheap to clone; all clones are one connection.
#[derive(Clone)]
pub struct CqlSession(Arc<Inner>);

struct Inner {
    session: Session,
    keyspace: Keyspace,
    reach: Reach,
    cards: CardStatements,
    checkpoints: CheckpointStatements,
    cuts: CutStatements,
    items: ItemStatements,
}

impl fmt::Debug for CqlSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CqlSession")
            .field("keyspace", &self.0.keyspace)
            .finish_non_exhaustive()
    }
}

impl CqlSession {
    /// Connects to a keyspace whose tables are there.
    ///
    /// # Errors
    /// As [`ConnectError`] says.
    pub async fn connect(settings: &CqlSettings) -> Result<Self, ConnectError> {
        let keyspace = settings.keyspace.clone();
        let session = open(settings).await?;
        let no_schema = |fault| match fault {
            Fault::Refused(reason) => ConnectError::NoSchema {
                keyspace: keyspace.clone(),
                reason,
            },
            other @ (Fault::Unknown(_) | Fault::NotDone(_)) => ConnectError::Database(other),
        };
        if let Some(found) = schema_version(&session, &keyspace)
            .await
            .map_err(no_schema)?
            && found != SCHEMA_VERSION
        {
            return Err(ConnectError::OtherSchema { keyspace, found });
        }
        let preparing = Preparing {
            session: &session,
            keyspace: &keyspace,
        };
        let cards = CardStatements::prepare(&preparing)
            .await
            .map_err(no_schema)?;
        let checkpoints = CheckpointStatements::prepare(&preparing)
            .await
            .map_err(no_schema)?;
        let cuts = CutStatements::prepare(&preparing)
            .await
            .map_err(no_schema)?;
        let items = ItemStatements::prepare(&preparing)
            .await
            .map_err(no_schema)?;
        let reach = settings.reach.clone();
        Ok(Self(Arc::new(Inner {
            session,
            keyspace,
            reach,
            cards,
            checkpoints,
            cuts,
            items,
        })))
    }

    /// Where the tables are.
    #[must_use]
    pub fn keyspace(&self) -> &Keyspace {
        &self.0.keyspace
    }

    pub(crate) fn cards(&self) -> &CardStatements {
        &self.0.cards
    }

    pub(crate) fn checkpoints(&self) -> &CheckpointStatements {
        &self.0.checkpoints
    }

    pub(crate) fn cuts(&self) -> &CutStatements {
        &self.0.cuts
    }

    pub(crate) fn items(&self) -> &ItemStatements {
        &self.0.items
    }

    /// Prepares a statement; `{keyspace}` in it stands for the keyspace.
    ///
    /// # Errors
    /// [`Fault::Refused`] when a table or column is not there; the others as they say.
    pub async fn prepare(&self, cql: &str) -> Result<PreparedStatement, Fault> {
        let Inner {
            session, keyspace, ..
        } = &*self.0;
        Preparing { session, keyspace }.statement(cql).await
    }

    /// Prepares a read that sees every conditional write of its row, also one of unknown outcome,
    /// which is finished or ruled out by it.
    ///
    /// # Errors
    /// As [`CqlSession::prepare`].
    pub async fn prepare_serial(&self, cql: &str) -> Result<PreparedStatement, Fault> {
        let mut statement = self.prepare(cql).await?;
        statement.set_consistency(match self.0.reach {
            Reach::Everywhere => Consistency::Serial,
            Reach::Datacenter(_) => Consistency::LocalSerial,
        });
        Ok(statement)
    }

    /// Reads at quorum, again after a failure, a few times. May be cancelled.
    ///
    /// # Errors
    /// The last failure.
    pub async fn read(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<QueryRowsResult, Fault> {
        let result = patiently(|| self.0.session.execute_unpaged(statement, &values)).await?;
        rows_of(result)
    }

    /// Reads all rows, page by page, and gives each page to `take`.
    ///
    /// # Errors
    /// The last failure, of the database or of `take`.
    pub async fn read_pages(
        &self,
        statement: &PreparedStatement,
        mut take: impl FnMut(QueryRowsResult) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut state = PagingState::start();
        loop {
            let page = || {
                self.0
                    .session
                    .execute_single_page(statement, (), state.clone())
            };
            let (result, next) = patiently(page).await?;
            take(rows_of(result)?)?;
            match next {
                PagingStateResponse::HasMorePages { state: next } => state = next,
                PagingStateResponse::NoMorePages => return Ok(()),
            }
        }
    }

    /// Writes at quorum, once. The request is never cancelled: it goes on when this is dropped.
    ///
    /// # Errors
    /// [`Fault::Unknown`] when it may or may not be done; the others as they say.
    pub async fn write<V>(&self, statement: PreparedStatement, values: V) -> Result<(), Fault>
    where
        V: SerializeRow + Send + Sync + 'static,
    {
        let session = self.clone();
        let request = async move { session.0.session.execute_unpaged(&statement, &values).await };
        run_to_its_end(request).await.map(drop)
    }

    /// Makes a conditional write, once. The request is never cancelled.
    ///
    /// # Errors
    /// [`Fault::Unknown`] when it may have been applied: read the row back with
    /// [`CqlSession::prepare_serial`]. The others as they say.
    pub async fn write_if<V>(
        &self,
        statement: PreparedStatement,
        values: V,
    ) -> Result<LwtOutcome, Fault>
    where
        V: SerializeRow + Send + Sync + 'static,
    {
        let session = self.clone();
        let request = async move { session.0.session.execute_unpaged(&statement, &values).await };
        outcome(rows_of(run_to_its_end(request).await?)?)
    }

    /// STORE-1: sends all of a card's write as one mutation of one partition under one stamp, once.
    pub(crate) async fn send(&self, mutation: Arc<Mutation>) -> Result<(), Fault> {
        let session = self.clone();
        let request = async move {
            let batch: Batch = mutation.batch(&session.0.cards.insert_row);
            session.0.session.batch(&batch, mutation.values()).await
        };
        run_to_its_end(request).await.map(drop)
    }
}

/// What is needed to prepare statements before there is a [`CqlSession`].
pub(crate) struct Preparing<'a> {
    session: &'a Session,
    keyspace: &'a Keyspace,
}

impl Preparing<'_> {
    pub(crate) async fn statement(&self, cql: &str) -> Result<PreparedStatement, Fault> {
        let cql = cql.replace("{keyspace}", self.keyspace.as_str());
        let mut statement = self.session.prepare(cql).await?;
        statement.set_page_size(ROWS_PER_PAGE);
        Ok(statement)
    }
}

/// Opens a session of the driver, without a keyspace of its own.
pub(crate) async fn open(settings: &CqlSettings) -> Result<Session, ConnectError> {
    let (consistency, serial) = match settings.reach {
        Reach::Everywhere => (Consistency::Quorum, SerialConsistency::Serial),
        Reach::Datacenter(_) => (Consistency::LocalQuorum, SerialConsistency::LocalSerial),
    };
    let profile = ExecutionProfile::builder()
        .consistency(consistency)
        .serial_consistency(Some(serial))
        .request_timeout(Some(settings.request_timeout))
        .retry_policy(Arc::new(FallthroughRetryPolicy::new()))
        .speculative_execution_policy(None)
        .load_balancing_policy(routing(&settings.reach))
        .build();
    let mut builder = SessionBuilder::new()
        .known_nodes(&settings.contact_points)
        .default_execution_profile_handle(profile.into_handle())
        .keyspaces_to_fetch([settings.keyspace.as_str()])
        .connection_timeout(CONNECT_TIMEOUT)
        .keepalive_interval(KEEPALIVE_INTERVAL)
        .keepalive_timeout(KEEPALIVE_TIMEOUT)
        .pool_size(PoolSize::PerShard(NonZeroUsize::MIN));
    // A TLS context would be set here; the driver takes one with its feature `rustls-023`.
    if let Some(login) = &settings.login {
        builder = builder.user(&login.user, &login.password);
    }
    builder
        .build()
        .await
        .map_err(|error| ConnectError::Unreachable {
            points: settings.contact_points.join(", "),
            reason: error.to_string(),
        })
}

fn routing(reach: &Reach) -> Arc<dyn LoadBalancingPolicy> {
    let policy = DefaultPolicy::builder().token_aware(true);
    match reach {
        Reach::Everywhere => policy.build(),
        Reach::Datacenter(name) => policy.prefer_datacenter(name.clone()).build(),
    }
}

/// Runs a request in a task of its own, so that it reaches its end whoever waits for it (STORE-3).
async fn run_to_its_end<F>(request: F) -> Result<QueryResult, Fault>
where
    F: Future<Output = Result<QueryResult, ExecutionError>> + Send + 'static,
{
    match tokio::spawn(request).await {
        Ok(answer) => answer.map_err(Fault::from),
        Err(error) => Err(Fault::Unknown(error.to_string())),
    }
}

/// Tries a read a few times, with growing pauses.
pub(crate) async fn patiently<T, F>(mut attempt: impl FnMut() -> F) -> Result<T, Fault>
where
    F: Future<Output = Result<T, ExecutionError>>,
{
    let mut pause = READ_PAUSE;
    for _ in 1..READ_ATTEMPTS_MAX {
        match attempt().await.map_err(Fault::from) {
            Err(Fault::Unknown(_) | Fault::NotDone(_)) => tokio::time::sleep(pause).await,
            done => return done,
        }
        pause *= 2;
    }
    attempt().await.map_err(Fault::from)
}

pub(crate) fn rows_of(result: QueryResult) -> Result<QueryRowsResult, Fault> {
    result
        .into_rows_result()
        .map_err(|error| Fault::Refused(error.to_string()))
}
