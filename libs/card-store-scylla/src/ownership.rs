//! Who owns each partition (STORE-4).
//!
//! A claim raises the partition's epoch by one conditional write, with a token that nobody else
//! has. Whatever the write's fate, reading the row at SERIAL afterwards finishes it or rules it
//! out, and the token tells whose it is. All writes to the table are conditional.

use std::time::Duration;

use scylla::statement::prepared::PreparedStatement;
use scylla::value::CqlTimestamp;

use crate::columns::{all_rows, first_row, narrow};
use crate::fault::Fault;
use crate::lwt::LwtOutcome;
use crate::metric_names::EPOCHS_USED_PERCENT;
use crate::session::CqlSession;
use crate::stamp::{Assignment, Epoch, StampError, Term, next_epoch};
use card::{PartitionId, Timestamp};

/// How often a claim is tried against other claimers and a database in trouble.
const ATTEMPTS_MAX: u32 = 40;
const PAUSE_MIN: Duration = Duration::from_millis(5);
const PAUSE_MAX: Duration = Duration::from_millis(500);
/// STORE-4: the alarm, at 90 % of the epochs of a term.
const EPOCH_ALARM_PERCENT: u16 = 90;

/// Why a partition cannot be claimed, or its owner's row not be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OwnershipError {
    /// A newer owner is there.
    #[error("{0} was superseded by {1}")]
    Superseded(Assignment, Assignment),
    /// No number is left.
    #[error(transparent)]
    Exhausted(#[from] StampError),
    /// The database did not answer well in many tries.
    #[error("partition owners: {0}")]
    Database(#[from] Fault),
    /// Others claimed the partition again and again.
    #[error("partition {0} is claimed by others all the time; let only one owner ask for it")]
    Contended(PartitionId),
    /// The system gives no random bytes.
    #[error("no random token for a claim: {0}")]
    Token(String),
}

/// A claim that holds until a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Partition, term and epoch of the new owner.
    pub assignment: Assignment,
}

/// What became of a partition in its owner's hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnerStatus {
    /// It is worked on, as far as is known.
    Owned,
    /// Its owner let go of it in good order.
    Released,
    /// It stopped and waits for an operator (OWN-5).
    Stopped {
        /// The record that could not be folded.
        offset: u64,
        /// Why.
        reason: String,
    },
}

/// A partition's owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerRow {
    /// Partition, term and epoch.
    pub assignment: Assignment,
    /// Who claimed it.
    pub owner: String,
    /// When, by the owner's clock.
    pub claimed_at: Timestamp,
    /// What became of it.
    pub status: OwnerStatus,
}

/// The table of owners. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ownership {
    session: CqlSession,
    insert: PreparedStatement,
    replace: PreparedStatement,
    change_status: PreparedStatement,
    read_one: PreparedStatement,
    read_all: PreparedStatement,
}

impl Ownership {
    /// Prepares the statements.
    ///
    /// # Errors
    /// When the database does not answer or has not the table.
    pub async fn open(session: CqlSession) -> Result<Self, Fault> {
        let columns = "SELECT partition, term, epoch, owner, claimed_at, status, stopped_offset, reason, claim_token \
                       FROM {keyspace}.partition_owners";
        Ok(Self {
            insert: session
                .prepare(
                    "INSERT INTO {keyspace}.partition_owners \
                     (partition, term, epoch, owner, claim_token, claimed_at, status) \
                     VALUES (?, ?, ?, ?, ?, ?, 'owned') IF NOT EXISTS",
                )
                .await?,
            replace: session
                .prepare(
                    "UPDATE {keyspace}.partition_owners \
                     SET term = ?, epoch = ?, owner = ?, claim_token = ?, claimed_at = ?, \
                     status = 'owned', stopped_offset = null, reason = null \
                     WHERE partition = ? IF term = ? AND epoch = ?",
                )
                .await?,
            change_status: session
                .prepare(
                    "UPDATE {keyspace}.partition_owners SET status = ?, stopped_offset = ?, reason = ? \
                     WHERE partition = ? IF term = ? AND epoch = ?",
                )
                .await?,
            read_one: session.prepare_serial(&format!("{columns} WHERE partition = ?")).await?,
            read_all: session.prepare(columns).await?,
            session,
        })
    }

    /// Makes `owner` the owner of a partition, whoever had it: its epoch is higher than every one
    /// before. `at` is only shown.
    ///
    /// # Errors
    /// As [`OwnershipError`] says. The claim may then still have been made; nobody has it.
    pub async fn claim(
        &self,
        partition: PartitionId,
        owner: &str,
        at: Timestamp,
    ) -> Result<Claim, OwnershipError> {
        let asked = Asked {
            owner,
            at,
            token: token()?,
        };
        let mut pause = PAUSE_MIN;
        let mut last = OwnershipError::Contended(partition);
        for _ in 0..ATTEMPTS_MAX {
            match self.try_claim(partition, &asked).await {
                Ok(Some(assignment)) => {
                    note_epochs_used(assignment);
                    return Ok(Claim { assignment });
                }
                Ok(None) => last = OwnershipError::Contended(partition),
                Err(error @ OwnershipError::Database(Fault::Unknown(_) | Fault::NotDone(_))) => {
                    last = error
                }
                Err(error) => return Err(error),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
        Err(last)
    }

    /// Tries for the epoch after the present one; none when another claimer was faster.
    async fn try_claim(
        &self,
        partition: PartitionId,
        asked: &Asked<'_>,
    ) -> Result<Option<Assignment>, OwnershipError> {
        let found = self.read(partition).await?;
        if let Some(found) = &found
            && found.token == asked.token
        {
            // An earlier attempt of this claim, of unknown outcome, was done after all.
            return Ok(Some(found.row.assignment));
        }
        let present = found.map(|found| found.row.assignment);
        let (term, epoch) = match present {
            None => (Term::FIRST, Epoch::FIRST),
            Some(present) => next_epoch(present.term, present.epoch)?,
        };
        let next = Assignment {
            partition,
            term,
            epoch,
        };
        match self.write_claim(present, next, asked).await {
            Ok(LwtOutcome::Applied) => Ok(Some(next)),
            Ok(LwtOutcome::NotApplied) => Ok(None),
            Err(fault) => Err(fault.into()),
        }
    }

    async fn write_claim(
        &self,
        present: Option<Assignment>,
        next: Assignment,
        asked: &Asked<'_>,
    ) -> Result<LwtOutcome, Fault> {
        let (owner, token) = (asked.owner.to_owned(), asked.token.clone());
        let claimed_at = CqlTimestamp(asked.at.0);
        let (key, term, epoch) = columns_of(next);
        match present {
            None => {
                let values = (key, term, epoch, owner, token, claimed_at);
                self.session.write_if(self.insert.clone(), values).await
            }
            Some(present) => {
                let (_, present_term, present_epoch) = columns_of(present);
                let values = (
                    term,
                    epoch,
                    owner,
                    token,
                    claimed_at,
                    key,
                    present_term,
                    present_epoch,
                );
                self.session.write_if(self.replace.clone(), values).await
            }
        }
    }

    /// Notes that an assignment stopped at a record and waits for an operator (OWN-5).
    ///
    /// # Errors
    /// [`OwnershipError::Superseded`] when somebody else owns the partition by now.
    pub async fn mark_stopped(
        &self,
        assignment: Assignment,
        offset: u64,
        reason: &str,
    ) -> Result<(), OwnershipError> {
        let reason = reason.to_owned();
        self.change(assignment, OwnerStatus::Stopped { offset, reason })
            .await
    }

    /// Notes that an assignment was given up in good order, so that a status shows no dead owner.
    ///
    /// # Errors
    /// [`OwnershipError::Superseded`] when somebody else owns the partition by now.
    pub async fn release(&self, assignment: Assignment) -> Result<(), OwnershipError> {
        self.change(assignment, OwnerStatus::Released).await
    }

    /// The same values again do no harm, so an unknown outcome is simply tried again.
    async fn change(
        &self,
        assignment: Assignment,
        status: OwnerStatus,
    ) -> Result<(), OwnershipError> {
        let mut pause = PAUSE_MIN;
        let mut last = OwnershipError::Contended(assignment.partition);
        for _ in 0..ATTEMPTS_MAX {
            match self.write_status(assignment, &status).await {
                Ok(LwtOutcome::Applied) => return Ok(()),
                Ok(LwtOutcome::NotApplied) => match self.read(assignment.partition).await? {
                    Some(found) if found.row.assignment == assignment => {}
                    Some(found) => {
                        return Err(OwnershipError::Superseded(assignment, found.row.assignment));
                    }
                    None => {
                        return Err(Fault::Refused("the partition has no owner".to_owned()).into());
                    }
                },
                Err(Fault::Refused(reason)) => return Err(Fault::Refused(reason).into()),
                Err(fault @ (Fault::Unknown(_) | Fault::NotDone(_))) => last = fault.into(),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
        Err(last)
    }

    async fn write_status(
        &self,
        assignment: Assignment,
        status: &OwnerStatus,
    ) -> Result<LwtOutcome, Fault> {
        let (name, offset, reason) = match status {
            OwnerStatus::Owned => (OWNED, None, None),
            OwnerStatus::Released => (RELEASED, None, None),
            OwnerStatus::Stopped { offset, reason } => {
                (STOPPED, Some(*offset), Some(reason.clone()))
            }
        };
        let offset = offset.map(i64::try_from).transpose();
        let offset = offset.map_err(|_| Fault::Refused("an offset over 2^63".to_owned()))?;
        let (key, term, epoch) = columns_of(assignment);
        let values = (name, offset, reason, key, term, epoch);
        self.session
            .write_if(self.change_status.clone(), values)
            .await
    }

    /// The owner of one partition, as certain as can be.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn owner(&self, partition: PartitionId) -> Result<Option<OwnerRow>, Fault> {
        Ok(self.read(partition).await?.map(|found| found.row))
    }

    /// The owners of all partitions that ever had one, in the order of the partitions. For showing:
    /// a claim of this moment may be missing.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn owners(&self) -> Result<Vec<OwnerRow>, Fault> {
        let mut owners = Vec::new();
        let take = |page| {
            for columns in all_rows::<Columns>(&page)? {
                owners.push(found(columns)?.row);
            }
            Ok(())
        };
        self.session.read_pages(&self.read_all, take).await?;
        owners.sort_unstable_by_key(|row| row.assignment.partition);
        Ok(owners)
    }

    async fn read(&self, partition: PartitionId) -> Result<Option<Found>, Fault> {
        let rows = self
            .session
            .read(&self.read_one, (i32::from(partition.0),))
            .await?;
        first_row::<Columns>(&rows)?.map(found).transpose()
    }
}

const OWNED: &str = "owned";
const RELEASED: &str = "released";
const STOPPED: &str = "stopped";

/// Who asks for a partition.
struct Asked<'a> {
    owner: &'a str,
    at: Timestamp,
    token: Vec<u8>,
}

/// An owner with the token of the claim.
struct Found {
    row: OwnerRow,
    token: Vec<u8>,
}

type Columns = (
    i32,
    Option<i32>,
    Option<i32>,
    Option<String>,
    Option<CqlTimestamp>,
    Option<String>,
    Option<i64>,
    Option<String>,
    Option<Vec<u8>>,
);

fn found(columns: Columns) -> Result<Found, Fault> {
    let (partition, term, epoch, owner, claimed_at, status, stopped_offset, reason, token) =
        columns;
    let by_hand = || {
        Fault::Refused(format!(
            "owner of partition {partition} was written by hand"
        ))
    };
    let assignment = Assignment {
        partition: PartitionId(narrow("partition", Some(partition))?),
        term: Term::new(narrow("term", term)?).map_err(|_| by_hand())?,
        epoch: Epoch(narrow("epoch", epoch)?),
    };
    let stopped_offset = stopped_offset.and_then(|offset| u64::try_from(offset).ok());
    let status = match (status.as_deref(), stopped_offset) {
        (Some(OWNED), _) => OwnerStatus::Owned,
        (Some(RELEASED), _) => OwnerStatus::Released,
        (Some(STOPPED), Some(offset)) => OwnerStatus::Stopped {
            offset,
            reason: reason.unwrap_or_default(),
        },
        _ => return Err(by_hand()),
    };
    let row = OwnerRow {
        assignment,
        owner: owner.unwrap_or_default(),
        claimed_at: Timestamp(claimed_at.map_or(0, |at| at.0)),
        status,
    };
    Ok(Found {
        row,
        token: token.unwrap_or_default(),
    })
}

fn columns_of(assignment: Assignment) -> (i32, i32, i32) {
    (
        i32::from(assignment.partition.0),
        i32::from(assignment.term.number()),
        i32::from(assignment.epoch.0),
    )
}

fn note_epochs_used(assignment: Assignment) {
    let percent = epochs_used_percent(assignment.epoch);
    metrics::gauge!(EPOCHS_USED_PERCENT).set(percent);
    if percent >= EPOCH_ALARM_PERCENT || assignment.term == Term::MAX {
        tracing::error!(%assignment, percent, "epochs of this term are nearly used up; the next term follows by itself, up to term {}", Term::MAX);
    }
}

fn epochs_used_percent(epoch: Epoch) -> u16 {
    u16::try_from(u32::from(epoch.0) * 100 / u32::from(u16::MAX)).unwrap_or(u16::MAX)
}

fn token() -> Result<Vec<u8>, OwnershipError> {
    let mut token = vec![0; 16];
    let failed = |reason: String| OwnershipError::Token(reason);
    let filled = rustix::rand::getrandom(&mut token[..], rustix::rand::GetRandomFlags::empty());
    match filled {
        Ok(16) => Ok(token),
        Ok(count) => Err(failed(format!("only {count} bytes"))),
        Err(error) => Err(failed(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alarm_comes_at_ninety_percent() {
        for (epoch, percent) in [
            (1, 0),
            (32_768, 50),
            (58_981, 89),
            (58_982, 90),
            (u16::MAX, 100),
        ] {
            assert_eq!(epochs_used_percent(Epoch(epoch)), percent, "{epoch}");
        }
    }
}
