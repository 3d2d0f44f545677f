//! Whether cards were brought here from another switch, and whether all of them arrived.

use bytes::Bytes;
use scylla::statement::prepared::PreparedStatement;

use crate::columns::first_row;
use crate::fault::Fault;
use crate::session::CqlSession;

/// How far an import came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportMark {
    /// Names what is, or was, imported.
    pub archive: [u8; 32],
    /// Whether all of it is here and was proved. Before that nobody may be served.
    pub is_done: bool,
}

/// The table of one row. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ImportTable {
    session: CqlSession,
    write: PreparedStatement,
    read: PreparedStatement,
}

impl ImportTable {
    /// Prepares the statements.
    ///
    /// # Errors
    /// When the database does not answer or has not the table.
    pub async fn open(session: CqlSession) -> Result<Self, Fault> {
        Ok(Self {
            write: session
                .prepare(
                    "INSERT INTO {keyspace}.cluster_imports (id, archive, done) VALUES (0, ?, ?)",
                )
                .await?,
            read: session
                .prepare("SELECT archive, done FROM {keyspace}.cluster_imports WHERE id = 0")
                .await?,
            session,
        })
    }

    /// What was noted last; none when nothing was ever imported.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn read(&self) -> Result<Option<ImportMark>, Fault> {
        let rows = self.session.read(&self.read, ()).await?;
        let Some((archive, done)) = first_row::<(Option<Bytes>, Option<bool>)>(&rows)? else {
            return Ok(None);
        };
        let archive = archive.unwrap_or_default();
        let archive = archive.as_ref().try_into();
        Ok(Some(ImportMark {
            archive: archive
                .map_err(|_| Fault::Refused("the import's name has not 32 bytes".to_owned()))?,
            is_done: done.unwrap_or(false),
        }))
    }

    /// Notes how far it came; durable when this returns.
    ///
    /// # Errors
    /// When the database does not answer well; it may be repeated.
    pub async fn write(&self, mark: ImportMark) -> Result<(), Fault> {
        let values = (Bytes::copy_from_slice(&mark.archive), mark.is_done);
        self.session.write(self.write.clone(), values).await
    }
}
