//! The tables of the cluster: applied once, and recognised ever after.

use std::time::Duration;

use scylla::client::session::Session;
use scylla::response::query_result::QueryRowsResult;
use scylla::statement::unprepared::Statement;

use crate::columns::{all_rows, first_row};
use crate::fault::Fault;
use crate::session::{ConnectError, open, patiently, rows_of};
use crate::settings::{CqlSettings, Keyspace, Replication};

/// The version of the tables in `deploy/cql/schema.cql`; raised with every change there.
pub const SCHEMA_VERSION: i32 = 3;
/// All nodes take part in making a table, so it takes longer than any other request.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(60);
const CHANGE_ATTEMPTS_MAX: u32 = 5;
const AGREEMENT_PAUSE: Duration = Duration::from_millis(200);
const READ_TIMEOUT: Duration = Duration::from_secs(10);
const STATEMENTS: &str = include_str!("../../../deploy/cql/schema.cql");

/// Why the tables were not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Another version of the switch made them.
    #[error(
        "keyspace {keyspace} has schema version {found}, this version of the switch makes {SCHEMA_VERSION}; use another keyspace"
    )]
    OtherVersion {
        /// Which.
        keyspace: Keyspace,
        /// Its version.
        found: i32,
    },
    /// Somebody else's tables.
    #[error(
        "keyspace {keyspace} holds tables that are not the switch's ({table}); use another keyspace"
    )]
    Foreign {
        /// Which.
        keyspace: Keyspace,
        /// One of them.
        table: String,
    },
    /// The database did not do it; it may be repeated.
    #[error("apply schema: {0}")]
    Database(Fault),
    /// The nodes do not all know the tables yet; it may be repeated.
    #[error("wait until all nodes agree on the schema: {0}")]
    Disagreement(String),
}

/// The tables.
#[derive(Debug)]
pub struct Schema;

impl Schema {
    /// Makes what is missing and waits until all nodes know it. May be repeated; one process at a
    /// time.
    ///
    /// # Errors
    /// As [`SchemaError`] says. A keyspace of another version, or of somebody else, is left as it is.
    pub async fn apply(
        settings: &CqlSettings,
        replication: &Replication,
    ) -> Result<(), SchemaError> {
        let session = open(settings).await?;
        let keyspace = &settings.keyspace;
        refuse_foreign(&session, keyspace).await?;
        for statement in statements() {
            let cql = statement
                .replace("{keyspace}", keyspace.as_str())
                .replace("{replication}", replication.as_cql());
            change(&session, &cql).await?;
        }
        agreement(&session).await
    }

    /// Drops the keyspace with everything in it: for demos and tests on borrowed servers. One that is
    /// not there is no error; one that is not a switch's is left as it is.
    ///
    /// # Errors
    /// As [`SchemaError`] says.
    pub async fn drop_all(settings: &CqlSettings) -> Result<(), SchemaError> {
        let session = open(settings).await?;
        refuse_foreign(&session, &settings.keyspace).await?;
        let cql = format!("DROP KEYSPACE IF EXISTS {}", settings.keyspace);
        change(&session, &cql).await
    }
}

/// Makes a change that may be repeated, and repeats it when a busy server lost the answer. All
/// nodes know of the first one before the second is sent, or they could make the table twice.
async fn change(session: &Session, cql: &str) -> Result<(), SchemaError> {
    let mut statement = Statement::new(cql);
    statement.set_request_timeout(Some(CHANGE_TIMEOUT));
    for _ in 1..CHANGE_ATTEMPTS_MAX {
        let changed = session.query_unpaged(statement.clone(), ()).await;
        match changed.map_err(Fault::from) {
            Ok(_) => return Ok(()),
            Err(Fault::Refused(reason)) => {
                return Err(SchemaError::Database(Fault::Refused(reason)));
            }
            Err(fault @ (Fault::Unknown(_) | Fault::NotDone(_))) => {
                tracing::warn!(%fault, "change the schema, again");
                agreement(session).await?;
            }
        }
    }
    let changed = session.query_unpaged(statement, ()).await;
    changed
        .map(drop)
        .map_err(|error| SchemaError::Database(Fault::from(error)))
}

/// Waits until all nodes know the same tables.
async fn agreement(session: &Session) -> Result<(), SchemaError> {
    let mut last = String::new();
    for _ in 0..CHANGE_ATTEMPTS_MAX {
        match session.await_schema_agreement().await {
            Ok(_) => return Ok(()),
            Err(error) => last = error.to_string(),
        }
        tokio::time::sleep(AGREEMENT_PAUSE).await;
    }
    Err(SchemaError::Disagreement(last))
}

/// The version that an initialised keyspace has.
pub(crate) async fn schema_version(
    session: &Session,
    keyspace: &Keyspace,
) -> Result<Option<i32>, Fault> {
    let cql = format!("SELECT schema_version FROM {keyspace}.cluster_identity WHERE id = 0");
    let rows = query(session, &cql).await?;
    Ok(first_row::<(i32,)>(&rows)?.map(|(version,)| version))
}

/// A keyspace is ours when it is empty or has the table of the identity, which is made first.
async fn refuse_foreign(session: &Session, keyspace: &Keyspace) -> Result<(), SchemaError> {
    // A keyspace's name needs no quotes but these.
    let cql =
        format!("SELECT table_name FROM system_schema.tables WHERE keyspace_name = '{keyspace}'");
    let rows = query(session, &cql).await.map_err(SchemaError::Database)?;
    let rows = all_rows::<(String,)>(&rows).map_err(SchemaError::Database)?;
    let tables: Vec<String> = rows.into_iter().map(|(name,)| name).collect();
    if tables.iter().any(|table| table == "cluster_identity") {
        let found = schema_version(session, keyspace)
            .await
            .map_err(SchemaError::Database)?;
        return match found {
            None | Some(SCHEMA_VERSION) => Ok(()),
            Some(found) => Err(SchemaError::OtherVersion {
                keyspace: keyspace.clone(),
                found,
            }),
        };
    }
    match tables.into_iter().next() {
        None => Ok(()),
        Some(table) => Err(SchemaError::Foreign {
            keyspace: keyspace.clone(),
            table,
        }),
    }
}

/// Reads without values, with the patience that a start may have.
async fn query(session: &Session, cql: &str) -> Result<QueryRowsResult, Fault> {
    let mut statement = Statement::new(cql);
    statement.set_request_timeout(Some(READ_TIMEOUT));
    let result = patiently(|| session.query_unpaged(statement.clone(), ())).await?;
    rows_of(result)
}

/// The statements of the file, without comments.
fn statements() -> Vec<String> {
    let lines = STATEMENTS
        .lines()
        .map(|line| line.split("--").next().unwrap_or_default().trim_end());
    let text: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    let text = text.join("\n");
    text.split_terminator(';')
        .map(|statement| statement.trim().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_may_be_repeated() {
        let statements = statements();
        assert_eq!(statements.len(), 15);
        for statement in statements {
            assert!(
                statement.contains(" IF NOT EXISTS {keyspace}"),
                "{statement}"
            );
        }
    }

    #[test]
    fn cards_are_never_conditional_counted_or_expired() {
        // STORE-4, and only what ScyllaDB and Cassandra share.
        let text = statements().join(";").to_lowercase();
        for banned in [
            "ttl",
            "counter",
            "cdc",
            "index",
            "materialized",
            "scylla",
            "compaction",
        ] {
            assert!(!text.contains(banned), "{banned}");
        }
    }
}
