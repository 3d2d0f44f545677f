//! Rules and settlement days are put in force by marks in the log, never beside it (LOG-5).

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::bundles::BundleError;
use crate::context::PartitionContext;
use crate::processor::Processor;
use card::{Day, PartitionId, Position, ProgrammeId, Rules};
use card_store::CardStore;
use command_log::envelope::{Mark, encode_mark};
use command_log::{AppendError, CommandLog, NewRecord, RecordKind};

impl<S: CardStore, L: CommandLog> Processor<S, L> {
    /// Puts rules in force at every partition, by a barrier (LOG-5). A partition that has them
    /// already gets none.
    ///
    /// # Errors
    /// [`InstallError`] when the bundle cannot be kept or the barrier cannot be appended.
    pub async fn install_rules(&self, rules: &Rules) -> Result<(), InstallError> {
        if let Some(current) = self.totals().1.rules {
            check_successor(&current, rules)?;
        }
        let rules_hash = self.bundles.keep(rules)?;
        let logic_version = command_log::envelope::LOGIC_VERSION;
        let barrier = Mark::Barrier {
            rules_hash,
            logic_version,
        };
        let wanted = |context: &PartitionContext| context.rules_hash != rules_hash;
        Ok(self.days().mark_where(barrier, wanted).await?)
    }

    /// As [`crate::Days::cut`].
    ///
    /// # Errors
    /// [`InstallError`] when the mark cannot be appended.
    pub async fn cut(&self, day: Day) -> Result<(), InstallError> {
        Ok(self.days().cut(day).await?)
    }
}

/// Appends a mark to partitions, all at once, and waits until each is durable. What was appended
/// before an error stays: whoever repeats it completes it (LOG-5).
///
/// # Errors
/// The first [`AppendError`].
pub async fn append_mark<L: CommandLog>(
    log: &Arc<L>,
    partitions: &[PartitionId],
    mark: Mark,
) -> Result<Vec<Position>, AppendError> {
    let payload = encode_mark(mark);
    let mut appends = JoinSet::new();
    for partition in partitions {
        let log = Arc::clone(log);
        let record = NewRecord {
            partition: *partition,
            kind: RecordKind::Mark,
            payload: payload.clone(),
            trace: None,
        };
        appends.spawn(async move { log.append(record).await });
    }
    let mut positions = Vec::with_capacity(partitions.len());
    while let Some(appended) = appends.join_next().await {
        let appended = appended.map_err(|error| AppendError::Unknown(error.to_string()))?;
        positions.push(appended?);
    }
    Ok(positions)
}

/// Whether rules may follow others. Cards of a programme that is gone, or that is of another kind all
/// at once, could not be decided or would be booked to another account.
///
/// # Errors
/// [`InstallError::ProgrammeGone`] and [`InstallError::KindChanged`].
pub fn check_successor(current: &Rules, next: &Rules) -> Result<(), InstallError> {
    for (id, programme) in &current.programmes {
        match next.programmes.get(id) {
            None => return Err(InstallError::ProgrammeGone(*id)),
            Some(new) if new.kind != programme.kind => {
                return Err(InstallError::KindChanged(*id));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Why rules or a day cannot be put in force.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// A programme that may have cards is missing.
    #[error("programme {0} has been in force and is missing now: put it back into the settings")]
    ProgrammeGone(ProgrammeId),
    /// A programme changed between registered and anonymous.
    #[error(
        "programme {0} changed its kind: its cards are booked by it, give new cards a new number"
    )]
    KindChanged(ProgrammeId),
    /// The bundle cannot be kept.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The mark cannot be appended.
    #[error("append a mark: {0}")]
    Append(#[from] AppendError),
}
