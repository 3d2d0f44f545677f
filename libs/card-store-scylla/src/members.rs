//! The processes of the cluster, as they tell of themselves: for `cluster status` and `cluster drain`.
//!
//! Nothing is decided by this table; who owns a partition is in [`Ownership`](crate::Ownership).

use scylla::statement::prepared::PreparedStatement;
use scylla::value::CqlTimestamp;

use crate::columns::{all_rows, first_row};
use crate::fault::Fault;
use crate::session::CqlSession;
use card::Timestamp;

/// A process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name, one of a kind.
    pub name: String,
    /// What it does: `acquirer`, `processor`, separated by commas.
    pub roles: String,
    /// When it started, by its own clock.
    pub started_at: Timestamp,
    /// When it last told of itself, by its own clock.
    pub seen_at: Timestamp,
    /// Whether an operator asked it to let go of its work.
    pub drain: bool,
    /// Its partitions, lag and the like, for people to read.
    pub summary: String,
}

/// The table of members. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Members {
    session: CqlSession,
    join: PreparedStatement,
    heartbeat: PreparedStatement,
    request_drain: PreparedStatement,
    forget: PreparedStatement,
    drain_of: PreparedStatement,
    read_all: PreparedStatement,
}

impl Members {
    /// Prepares the statements.
    ///
    /// # Errors
    /// When the database does not answer or has not the table.
    pub async fn open(session: CqlSession) -> Result<Self, Fault> {
        let prepare = |cql| session.prepare(cql);
        Ok(Self {
            join: prepare(
                "INSERT INTO {keyspace}.members (name, roles, started_at, seen_at, drain, summary) \
                 VALUES (?, ?, ?, ?, false, '')",
            )
            .await?,
            heartbeat: prepare(
                "UPDATE {keyspace}.members SET seen_at = ?, summary = ? WHERE name = ?",
            )
            .await?,
            request_drain: prepare("UPDATE {keyspace}.members SET drain = true WHERE name = ?")
                .await?,
            forget: prepare("DELETE FROM {keyspace}.members WHERE name = ?").await?,
            drain_of: prepare("SELECT drain FROM {keyspace}.members WHERE name = ?").await?,
            read_all: prepare(
                "SELECT name, roles, started_at, seen_at, drain, summary FROM {keyspace}.members",
            )
            .await?,
            session,
        })
    }

    /// Tells that a process has started. An old request to drain is forgotten.
    ///
    /// # Errors
    /// When the database does not answer well.
    pub async fn join(&self, name: &str, roles: &str, started_at: Timestamp) -> Result<(), Fault> {
        let at = CqlTimestamp(started_at.0);
        let values = (name.to_owned(), roles.to_owned(), at, at);
        self.session.write(self.join.clone(), values).await
    }

    /// Tells that a process is alive, and what of it; answers whether it shall drain.
    ///
    /// # Errors
    /// When the database does not answer well.
    pub async fn heartbeat(
        &self,
        name: &str,
        seen_at: Timestamp,
        summary: &str,
    ) -> Result<bool, Fault> {
        let values = (CqlTimestamp(seen_at.0), summary.to_owned(), name.to_owned());
        self.session.write(self.heartbeat.clone(), values).await?;
        let rows = self.session.read(&self.drain_of, (name,)).await?;
        let row = first_row::<(Option<bool>,)>(&rows)?;
        Ok(row.and_then(|(drain,)| drain).unwrap_or(false))
    }

    /// Asks a process to let go of its work; it sees that at its next heartbeat. Answers whether
    /// there is such a process.
    ///
    /// # Errors
    /// When the database does not answer well.
    pub async fn request_drain(&self, name: &str) -> Result<bool, Fault> {
        let rows = self.session.read(&self.drain_of, (name,)).await?;
        if first_row::<(Option<bool>,)>(&rows)?.is_none() {
            return Ok(false);
        }
        self.session
            .write(self.request_drain.clone(), (name.to_owned(),))
            .await?;
        Ok(true)
    }

    /// Takes a process that is gone off the list.
    ///
    /// # Errors
    /// When the database does not answer well.
    pub async fn forget(&self, name: &str) -> Result<(), Fault> {
        self.session
            .write(self.forget.clone(), (name.to_owned(),))
            .await
    }

    /// All processes that ever told of themselves, by name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list(&self) -> Result<Vec<Member>, Fault> {
        let mut members = Vec::new();
        let take = |page| {
            members.extend(all_rows::<Columns>(&page)?.into_iter().map(member_of));
            Ok(())
        };
        self.session.read_pages(&self.read_all, take).await?;
        members.sort_unstable_by(|one: &Member, other| one.name.cmp(&other.name));
        Ok(members)
    }
}

type Columns = (
    String,
    Option<String>,
    Option<CqlTimestamp>,
    Option<CqlTimestamp>,
    Option<bool>,
    Option<String>,
);

fn member_of((name, roles, started_at, seen_at, drain, summary): Columns) -> Member {
    Member {
        name,
        roles: roles.unwrap_or_default(),
        started_at: Timestamp(started_at.map_or(0, |at| at.0)),
        seen_at: Timestamp(seen_at.map_or(0, |at| at.0)),
        drain: drain.unwrap_or(false),
        summary: summary.unwrap_or_default(),
    }
}
