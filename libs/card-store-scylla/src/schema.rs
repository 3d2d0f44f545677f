//! The tables of the cluster: applied once, and recognised ever after.

use std::time::Duration;

use scylla::client::session::Session;
use scylla::errors::ExecutionError;
use scylla::statement::unprepared::Statement;

use crate::fault::Fault;
use crate::session::{ConnectError, open};
use crate::settings::{CqlSettings, Keyspace, Replication};

/// The version of the tables in `deploy/cql/schema.cql`; raised with every change there.
pub const SCHEMA_VERSION: i32 = 1;
/// All nodes take part in making a table, so it takes longer than any other request.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(60);
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
            let mut statement = Statement::new(cql);
            statement.set_request_timeout(Some(STATEMENT_TIMEOUT));
            let made = session.query_unpaged(statement, ()).await;
            made.map_err(database)?;
        }
        let agreed = session.await_schema_agreement().await;
        agreed.map_err(|error| SchemaError::Disagreement(error.to_string()))?;
        Ok(())
    }
}

impl Schema {
    /// Drops the keyspace with everything in it: for demos and tests on borrowed servers. One that is
    /// not there is no error; one that is not a switch's is left as it is.
    ///
    /// # Errors
    /// As [`SchemaError`] says.
    pub async fn drop_all(settings: &CqlSettings) -> Result<(), SchemaError> {
        let session = open(settings).await?;
        refuse_foreign(&session, &settings.keyspace).await?;
        let cql = format!("DROP KEYSPACE IF EXISTS {}", settings.keyspace);
        session.query_unpaged(cql, ()).await.map_err(database)?;
        Ok(())
    }
}

/// The version that an initialised keyspace has.
pub(crate) async fn schema_version(
    session: &Session,
    keyspace: &Keyspace,
) -> Result<Option<i32>, Fault> {
    let cql = format!("SELECT schema_version FROM {keyspace}.cluster_identity WHERE id = 0");
    let result = session.query_unpaged(cql, ()).await?;
    let unreadable = |error: String| Fault::Refused(error);
    let rows = result
        .into_rows_result()
        .map_err(|error| unreadable(error.to_string()))?;
    let row = rows
        .maybe_first_row::<(i32,)>()
        .map_err(|error| unreadable(error.to_string()))?;
    Ok(row.map(|(version,)| version))
}

/// A keyspace is ours when it is empty or has the table of the identity, which is made first.
async fn refuse_foreign(session: &Session, keyspace: &Keyspace) -> Result<(), SchemaError> {
    let cql = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?";
    let result = session
        .query_unpaged(cql, (keyspace.as_str(),))
        .await
        .map_err(database)?;
    let unreadable = |error: String| SchemaError::Database(Fault::Refused(error));
    let rows = result
        .into_rows_result()
        .map_err(|error| unreadable(error.to_string()))?;
    let rows = rows
        .rows::<(String,)>()
        .map_err(|error| unreadable(error.to_string()))?;
    let tables: Vec<String> = rows
        .map(|row| {
            row.map(|(name,)| name)
                .map_err(|error| unreadable(error.to_string()))
        })
        .collect::<Result<_, _>>()?;
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

fn database(error: ExecutionError) -> SchemaError {
    SchemaError::Database(Fault::from(error))
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
        assert_eq!(statements.len(), 12);
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
