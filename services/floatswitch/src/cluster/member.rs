//! This process in the members table: that it lives, what it has, and whether it shall drain.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::warn;

use super::assignments::Holdings;
use crate::engine::now;
use crate::exit::Failure;
use crate::serve::Role;
use card_store_scylla::{CqlSession, Members};

/// How often a process tells of itself.
const INTERVAL: Duration = Duration::from_secs(1);

/// Told by the processor, once there is one.
pub(super) type HoldingsWatch = watch::Receiver<Option<watch::Receiver<Holdings>>>;

/// Keeps the row of this process.
pub(super) struct Presence {
    members: Members,
    name: String,
    drain: watch::Receiver<bool>,
    task: JoinHandle<()>,
}

impl Presence {
    pub(super) async fn begin(
        cql: &CqlSession,
        name: &str,
        roles: &[Role],
        holdings: HoldingsWatch,
    ) -> Result<Self, Failure> {
        let members = Members::open(cql.clone())
            .await
            .map_err(Failure::start_error)?;
        let roles: Vec<&str> = roles.iter().map(|role| role.name()).collect();
        let begun = members.join(name, &roles.join(","), now()).await;
        begun.map_err(Failure::start_error)?;
        let (tell, drain) = watch::channel(false);
        let (row, own) = (members.clone(), name.to_owned());
        let task = tokio::spawn(async move {
            let mut tick = tokio::time::interval(INTERVAL);
            tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tick.tick().await;
                match row.heartbeat(&own, now(), &summary(&holdings)).await {
                    Ok(wanted) => drop(
                        tell.send_if_modified(|told| !std::mem::replace(told, wanted) && wanted),
                    ),
                    Err(error) => warn!(%error, "tell that this process lives"),
                }
            }
        });
        Ok(Self {
            members,
            name: name.to_owned(),
            drain,
            task,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Waits until somebody asks this process to drain.
    pub(super) async fn drain_wanted(&mut self) {
        if self.drain.wait_for(|wanted| *wanted).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Takes the row away.
    pub(super) async fn end(self) {
        self.task.abort();
        if let Err(error) = self.members.forget(&self.name).await {
            warn!(%error, "take this process off the list of members");
        }
    }
}

fn summary(holdings: &HoldingsWatch) -> String {
    let holdings = holdings.borrow();
    let Some(holdings) = holdings.as_ref() else {
        return String::new();
    };
    let holdings = holdings.borrow();
    format!(
        "{} partitions, {} commands at work",
        holdings.partitions.len(),
        holdings.outstanding_count
    )
}
