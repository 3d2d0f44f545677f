//! Which switch the keyspace belongs to (LOG-2): written once, compared at every start.

use bytes::Bytes;
use scylla::statement::prepared::PreparedStatement;
use scylla::value::CqlTimestamp;

use crate::columns::{first_row, narrow};
use crate::fault::Fault;
use crate::once::{Once, insert_once};
use crate::schema::SCHEMA_VERSION;
use crate::session::CqlSession;
use card::Timestamp;

/// What never changes in the life of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwitchIdentity {
    /// Tells one creation of the log's topics from another.
    pub log_incarnation: Bytes,
    /// Partitions of the log.
    pub partition_count: u16,
    /// The function from card to partition.
    pub hash_version: u16,
    /// What is added to the offsets of the topic. More than 0 when the cards came from another log: this
    /// one goes on where that one ended, so that positions stay unique on each card.
    pub offset_base: u64,
    /// What the names of the topics begin with.
    pub kafka_prefix: String,
    /// The hash of a number that is nobody's, under the key of the PAN hash.
    pub pan_key_check: Bytes,
    /// When the cluster was made, by the operator's clock; not compared.
    pub created_at: Timestamp,
}

/// Why the identity cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Another switch is there.
    #[error(
        "keyspace belongs to a switch with another {field} ({found}); use another keyspace or correct the settings"
    )]
    Other {
        /// What differs.
        field: &'static str,
        /// What is there.
        found: String,
    },
    /// The database did not answer well.
    #[error("identity of the switch: {0}")]
    Database(#[from] Fault),
}

/// The table of one row. Cheap to clone.
#[derive(Debug, Clone)]
pub struct IdentityTable {
    session: CqlSession,
    insert: PreparedStatement,
    read: PreparedStatement,
}

impl IdentityTable {
    /// Prepares the statements.
    ///
    /// # Errors
    /// When the database does not answer or has not the table.
    pub async fn open(session: CqlSession) -> Result<Self, Fault> {
        Ok(Self {
            insert: session
                .prepare(
                    "INSERT INTO {keyspace}.cluster_identity (id, schema_version, log_incarnation, \
                     partition_count, hash_version, offset_base, kafka_prefix, pan_key_check, created_at) \
                     VALUES (0, ?, ?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS",
                )
                .await?,
            read: session
                .prepare_serial(
                    "SELECT log_incarnation, partition_count, hash_version, offset_base, kafka_prefix, \
                     pan_key_check, created_at FROM {keyspace}.cluster_identity WHERE id = 0",
                )
                .await?,
            session,
        })
    }

    /// What is written, if anything is.
    ///
    /// # Errors
    /// When the database does not answer, or somebody else wrote the row.
    pub async fn read(&self) -> Result<Option<SwitchIdentity>, Fault> {
        let rows = self.session.read(&self.read, ()).await?;
        first_row::<Columns>(&rows)?.map(identity_of).transpose()
    }

    /// Writes the identity, unless it is there; tells what holds from now on. May be repeated.
    ///
    /// # Errors
    /// [`IdentityError::Other`] when another one is there.
    pub async fn write_once(
        &self,
        identity: &SwitchIdentity,
    ) -> Result<SwitchIdentity, IdentityError> {
        let values = values_of(identity);
        match insert_once(&self.session, &self.insert, &values, || self.read()).await? {
            Once::Written => Ok(identity.clone()),
            Once::There(there) => there.must_be(identity),
        }
    }
}

impl SwitchIdentity {
    /// Gives this identity back when it is that of the same switch.
    ///
    /// # Errors
    /// [`IdentityError::Other`] names the first difference.
    pub fn must_be(self, other: &Self) -> Result<Self, IdentityError> {
        let shown = |found: String, field| Err(IdentityError::Other { field, found });
        if self.log_incarnation != other.log_incarnation {
            return shown(hex(&self.log_incarnation), "log incarnation");
        }
        if self.partition_count != other.partition_count {
            return shown(self.partition_count.to_string(), "partition count");
        }
        if self.hash_version != other.hash_version {
            return shown(self.hash_version.to_string(), "hash version");
        }
        if self.offset_base != other.offset_base {
            return shown(self.offset_base.to_string(), "offset base");
        }
        if self.kafka_prefix != other.kafka_prefix {
            return shown(self.kafka_prefix, "topic prefix");
        }
        if self.pan_key_check != other.pan_key_check {
            return shown(
                hex(&self.pan_key_check),
                "key of the PAN hash, by its check value",
            );
        }
        Ok(self)
    }
}

type Columns = (
    Option<Bytes>,
    Option<i32>,
    Option<i32>,
    Option<i64>,
    Option<String>,
    Option<Bytes>,
    Option<CqlTimestamp>,
);
type Values = (i32, Bytes, i32, i32, i64, String, Bytes, CqlTimestamp);

fn identity_of(columns: Columns) -> Result<SwitchIdentity, Fault> {
    let (
        log_incarnation,
        partition_count,
        hash_version,
        offset_base,
        kafka_prefix,
        pan_key_check,
        created_at,
    ) = columns;
    Ok(SwitchIdentity {
        // An empty blob or text may come back as none.
        log_incarnation: log_incarnation.unwrap_or_default(),
        partition_count: narrow("partition_count", partition_count)?,
        hash_version: narrow("hash_version", hash_version)?,
        // Kept as a signed number; it was an unsigned one.
        offset_base: u64::try_from(offset_base.unwrap_or(0)).unwrap_or(0),
        kafka_prefix: kafka_prefix.unwrap_or_default(),
        pan_key_check: pan_key_check.unwrap_or_default(),
        created_at: Timestamp(created_at.map_or(0, |at| at.0)),
    })
}

fn values_of(identity: &SwitchIdentity) -> Values {
    (
        SCHEMA_VERSION,
        identity.log_incarnation.clone(),
        i32::from(identity.partition_count),
        i32::from(identity.hash_version),
        i64::try_from(identity.offset_base).unwrap_or(i64::MAX),
        identity.kafka_prefix.clone(),
        identity.pan_key_check.clone(),
        CqlTimestamp(identity.created_at.0),
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
