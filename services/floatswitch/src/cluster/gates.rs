//! What connectors may append, as the ownership table tells: a stopped partition decides nothing, so
//! the edge answers 96 before anything is appended. A partition that only changes its owner stays
//! open: its next owner decides what was appended meanwhile.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tracing::warn;

use crate::exit::Failure;
use card::PartitionId;
use card_store_scylla::{CqlSession, OwnerRow, OwnerStatus, Ownership};
use command_log::PartitionGates;

/// How often the table is read.
const INTERVAL: Duration = Duration::from_secs(1);

/// Opens and closes gates, from now on until aborted. The first look is over when this returns.
pub(super) async fn follow(
    cql: &CqlSession,
    gates: Arc<PartitionGates>,
) -> Result<JoinHandle<()>, Failure> {
    let ownership = Ownership::open(cql.clone()).await;
    let ownership = ownership.map_err(Failure::start_error)?;
    let owners = ownership.owners().await.map_err(Failure::start_error)?;
    apply(&owners, &gates);
    Ok(tokio::spawn(async move {
        let mut tick = tokio::time::interval(INTERVAL);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            match ownership.owners().await {
                Ok(owners) => apply(&owners, &gates),
                // What was known last holds: requests are appended, and decided when there is a store.
                Err(error) => warn!(%error, "read the owners of partitions"),
            }
        }
    }))
}

fn apply(owners: &[OwnerRow], gates: &PartitionGates) {
    for partition in gates.partitions() {
        match owners.iter().find(|owner| is_stopped(owner, partition)) {
            Some(_) => gates.close(partition),
            None => gates.open(partition),
        }
    }
}

fn is_stopped(owner: &OwnerRow, partition: PartitionId) -> bool {
    owner.assignment.partition == partition && matches!(owner.status, OwnerStatus::Stopped { .. })
}
