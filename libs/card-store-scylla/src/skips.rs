//! Records that a partition passes over because two people said so (OWN-5).

use scylla::statement::prepared::PreparedStatement;
use scylla::value::CqlTimestamp;

use crate::columns::{all_rows, narrow};
use crate::fault::Fault;
use crate::once::{Once, insert_once};
use crate::ownership::{OwnerStatus, Ownership};
use crate::session::CqlSession;
use crate::stamp::{Assignment, Epoch, Term};
use card::{PartitionId, Timestamp};

/// One record to pass over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skip {
    /// The assignment that stopped at it.
    pub stopped: Assignment,
    /// The record.
    pub offset: u64,
    /// Why it may be passed over.
    pub reason: String,
    /// Who asked.
    pub asked_by: String,
    /// Who approved: somebody else.
    pub approved_by: String,
    /// When, by the operator's clock.
    pub at: Timestamp,
}

/// Why a skip was not recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SkipError {
    /// One pair of eyes.
    #[error("a skip needs two different people; `{0}` cannot approve what `{0}` asked for")]
    OnePerson(String),
    /// Nobody will know why.
    #[error("a skip needs a reason and two names")]
    Incomplete,
    /// The partition works, or was never owned.
    #[error("partition {0} is not stopped; only the record at which it stopped can be skipped")]
    NotStopped(PartitionId),
    /// The partition stopped elsewhere, or again.
    #[error("{found} stopped at offset {offset}; give that epoch and offset")]
    StoppedElsewhere {
        /// The assignment that is stopped.
        found: Assignment,
        /// Where.
        offset: u64,
    },
    /// The record is skipped already, on other grounds.
    #[error(
        "offset {offset} was skipped before, asked by {asked_by} and approved by {approved_by}"
    )]
    AlreadySkipped {
        /// Which.
        offset: u64,
        /// Who asked.
        asked_by: String,
        /// Who approved.
        approved_by: String,
    },
    /// The database did not answer well.
    #[error("skips: {0}")]
    Database(#[from] Fault),
}

/// The table of skips. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Skips {
    session: CqlSession,
    ownership: Ownership,
    insert: PreparedStatement,
    read: PreparedStatement,
    read_serial: PreparedStatement,
}

impl Skips {
    /// Prepares the statements.
    ///
    /// # Errors
    /// When the database does not answer or has not the table.
    pub async fn open(session: CqlSession, ownership: Ownership) -> Result<Self, Fault> {
        let of_partition = "SELECT partition, offset, term, epoch, reason, asked_by, approved_by, at \
                            FROM {keyspace}.partition_skips WHERE partition = ?";
        Ok(Self {
            insert: session
                .prepare(
                    "INSERT INTO {keyspace}.partition_skips \
                     (partition, offset, term, epoch, reason, asked_by, approved_by, at) \
                     VALUES (?, ?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS",
                )
                .await?,
            read: session.prepare_serial(of_partition).await?,
            read_serial: session
                .prepare_serial(&format!("{of_partition} AND offset = ?"))
                .await?,
            session,
            ownership,
        })
    }

    /// The skips of a partition, in the order of their offsets. Read before the partition is folded.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn of_partition(&self, partition: PartitionId) -> Result<Vec<Skip>, Fault> {
        let rows = self
            .session
            .read(&self.read, (i32::from(partition.0),))
            .await?;
        all_rows::<Columns>(&rows)?
            .into_iter()
            .map(skip_of)
            .collect()
    }

    /// Records a skip of the record at which an assignment stopped. It never changes.
    ///
    /// # Errors
    /// As [`SkipError`] says.
    pub async fn add(&self, skip: &Skip) -> Result<(), SkipError> {
        check_people(skip)?;
        self.check_stopped(skip).await?;
        let values = columns_of(skip)?;
        let read = || self.find(skip.stopped.partition, skip.offset);
        match insert_once(&self.session, &self.insert, &values, read).await? {
            Once::Written => {}
            Once::There(there) if there == *skip => {}
            Once::There(there) => {
                return Err(SkipError::AlreadySkipped {
                    offset: there.offset,
                    asked_by: there.asked_by,
                    approved_by: there.approved_by,
                });
            }
        }
        let Skip {
            stopped,
            offset,
            reason,
            asked_by,
            approved_by,
            ..
        } = skip;
        tracing::warn!(assignment = %stopped, offset, reason, asked_by, approved_by, "a record will be skipped");
        Ok(())
    }

    async fn check_stopped(&self, skip: &Skip) -> Result<(), SkipError> {
        let partition = skip.stopped.partition;
        let owner = self.ownership.owner(partition).await?;
        let owner = owner.ok_or(SkipError::NotStopped(partition))?;
        let OwnerStatus::Stopped { offset, .. } = owner.status else {
            return Err(SkipError::NotStopped(partition));
        };
        if owner.assignment != skip.stopped || offset != skip.offset {
            return Err(SkipError::StoppedElsewhere {
                found: owner.assignment,
                offset,
            });
        }
        Ok(())
    }

    async fn find(&self, partition: PartitionId, offset: u64) -> Result<Option<Skip>, Fault> {
        let values = (i32::from(partition.0), number_of(offset)?);
        let rows = self.session.read(&self.read_serial, values).await?;
        all_rows::<Columns>(&rows)?
            .into_iter()
            .next()
            .map(skip_of)
            .transpose()
    }
}

type Columns = (
    i32,
    i64,
    Option<i32>,
    Option<i32>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<CqlTimestamp>,
);

fn check_people(skip: &Skip) -> Result<(), SkipError> {
    let name = |text: &str| text.trim().to_lowercase();
    let (asked_by, approved_by) = (name(&skip.asked_by), name(&skip.approved_by));
    if asked_by.is_empty() || approved_by.is_empty() || skip.reason.trim().is_empty() {
        return Err(SkipError::Incomplete);
    }
    if asked_by == approved_by {
        return Err(SkipError::OnePerson(asked_by));
    }
    Ok(())
}

fn skip_of(columns: Columns) -> Result<Skip, Fault> {
    let (partition, offset, term, epoch, reason, asked_by, approved_by, at) = columns;
    let by_hand = || {
        Fault::Refused(format!(
            "a skip of partition {partition} was written by hand"
        ))
    };
    let stopped = Assignment {
        partition: PartitionId(narrow("partition", Some(partition))?),
        term: Term::new(narrow("term", term)?).map_err(|_| by_hand())?,
        epoch: Epoch(narrow("epoch", epoch)?),
    };
    Ok(Skip {
        stopped,
        offset: u64::try_from(offset).map_err(|_| by_hand())?,
        reason: reason.ok_or_else(by_hand)?,
        asked_by: asked_by.ok_or_else(by_hand)?,
        approved_by: approved_by.ok_or_else(by_hand)?,
        at: Timestamp(at.ok_or_else(by_hand)?.0),
    })
}

type Values = (i32, i64, i32, i32, String, String, String, CqlTimestamp);

fn columns_of(skip: &Skip) -> Result<Values, Fault> {
    let Assignment {
        partition,
        term,
        epoch,
    } = skip.stopped;
    Ok((
        i32::from(partition.0),
        number_of(skip.offset)?,
        i32::from(term.number()),
        i32::from(epoch.0),
        skip.reason.clone(),
        skip.asked_by.clone(),
        skip.approved_by.clone(),
        CqlTimestamp(skip.at.0),
    ))
}

fn number_of(offset: u64) -> Result<i64, Fault> {
    i64::try_from(offset).map_err(|_| Fault::Refused("an offset over 2^63".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_different_people_and_a_reason() {
        let check = |asked_by: &str, approved_by: &str, reason: &str| {
            let stopped = Assignment {
                partition: PartitionId(1),
                term: Term::FIRST,
                epoch: Epoch(2),
            };
            check_people(&Skip {
                stopped,
                offset: 7,
                reason: reason.to_owned(),
                asked_by: asked_by.to_owned(),
                approved_by: approved_by.to_owned(),
                at: Timestamp(0),
            })
        };
        assert_eq!(check("lin", "wang", "poison"), Ok(()));
        assert_eq!(
            check("lin", " Lin", "poison"),
            Err(SkipError::OnePerson("lin".to_owned()))
        );
        for (asked_by, approved_by, reason) in
            [("", "wang", "x"), ("lin", " ", "x"), ("lin", "wang", " ")]
        {
            assert_eq!(
                check(asked_by, approved_by, reason),
                Err(SkipError::Incomplete)
            );
        }
    }
}
