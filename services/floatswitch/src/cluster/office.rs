//! The back office's endpoint of a cluster: any number of processes may have one.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tracing::{info, warn};

use super::days::ClusterDays;
use super::gates;
use super::place::{Place, TOPIC_TIMEOUT};
use super::serve::random_below;
use crate::back_office::{STOP_PATIENCE, token};
use crate::days::due;
use crate::engine::now;
use crate::exit::Failure;
use crate::serve::Role;
use card_processor::DayMarks;
use card_store_scylla::ScyllaReader;
use command_log::{PartitionGates, ReplySink};
use command_log_kafka::{KafkaLog, ReplyReader};
use operations::{DayDesk as _, DeskError, PartitionDays, Parts, Server};
use settings::{Cluster, Settings};

/// How often it is looked whether a cut or a freeze was cut short.
const DAYS_INTERVAL: Duration = Duration::from_secs(10);

/// The endpoint with what it needs.
pub(super) struct Office {
    server: Server,
    /// Ends with it.
    _replies: ReplyReader,
    gates: JoinHandle<()>,
    days: JoinHandle<()>,
}

impl Office {
    /// Starts the endpoint that the settings name. None when they name none, and other roles are
    /// left.
    pub(super) async fn start(
        settings: &Settings,
        cluster: &Cluster,
        (place, log): (&Place, &Arc<KafkaLog>),
        roles: &[Role],
    ) -> Result<Option<Self>, Failure> {
        let Some(operations) = &settings.operations else {
            return match roles {
                [Role::Operations] => Err(Failure::usage(
                    "the settings have no [operations] table: write one, as `floatswitch init` shows",
                )),
                _ => Ok(None),
            };
        };
        let reply_partition = random_below(cluster.reply_partitions.get())?;
        let open = Arc::new(PartitionGates::closed(place.log_id.partition_count));
        let gates = gates::follow(&place.cql, Arc::clone(&open)).await?;
        let parts = Parts {
            log: Arc::clone(log),
            store: Arc::new(ScyllaReader::new(place.cql.clone())),
            days: ClusterDays::of_place(settings, cluster, (place, log)),
            media: Arc::new(place.media().await?),
            hasher: place.hasher.clone(),
            gates: open,
            token: token(operations)?,
            clock: now,
            reply_partition,
            utc_offset_minutes: settings.day.utc_offset_minutes.get(),
        };
        let listen = operations.listen.resolve().map_err(Failure::start_error)?;
        let server = Server::start(listen, parts).await;
        let server = server.map_err(Failure::start_error)?;
        let sink = Arc::new(server.reply_sink()) as Arc<dyn ReplySink>;
        let (kafka, names) = (&place.kafka, &place.names);
        let replies = ReplyReader::start(kafka, names, reply_partition, sink, TOPIC_TIMEOUT);
        let days = ClusterDays::of_place(settings, cluster, (place, log));
        Ok(Some(Self {
            server,
            _replies: replies.map_err(Failure::start_error)?,
            gates,
            days: tokio::spawn(complete_days(settings.clone(), days)),
        }))
    }

    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    /// Answers what is asked already, and takes no more.
    pub(super) async fn end(self) {
        self.days.abort();
        self.server.stop(STOP_PATIENCE).await;
        self.gates.abort();
    }
}

/// Every owner opens and freezes what its clock asks for; a cut by hand that was cut short is
/// completed here. Several of these do no harm (LOG-5).
async fn complete_days(settings: Settings, days: ClusterDays) {
    let mut look = tokio::time::interval(DAYS_INTERVAL);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        if let Err(error) = complete(&settings, &days).await {
            warn!(%error, "complete the settlement days");
        }
    }
}

async fn complete(settings: &Settings, days: &ClusterDays) -> Result<(), DeskError> {
    // A partition that has no day yet is not open to anybody.
    let found = days.days().await?;
    let opened = found.iter().filter(|one| one.cut_number > 0);
    let marks: Vec<DayMarks> = opened.map(marks_of).collect();
    if marks.len() < found.len() {
        return Ok(());
    }
    let due = due(settings, now(), &marks);
    if let Some(day) = due.open {
        days.cut(day).await?;
        info!(
            day = operations::date(day),
            "settlement day opened everywhere"
        );
    }
    if let Some(day) = due.freeze {
        days.freeze(day).await?;
        info!(
            through = operations::date(day),
            "settlement days frozen everywhere"
        );
    }
    Ok(())
}

/// A day is its own number.
fn marks_of(days: &PartitionDays) -> DayMarks {
    DayMarks {
        cut_number: days.cut_number,
        day: days.day,
        freeze_number: u64::from(days.frozen_through.0),
        frozen_through: days.frozen_through,
    }
}
