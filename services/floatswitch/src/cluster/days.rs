//! The settlement days of a running cluster: read from the card store, marked through the log.
//!
//! Every owner opens and freezes what its clock asks for in its own partition; here an operator does
//! it for all, and completes what was cut short.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;
use tokio::task::JoinSet;

use super::place::{Place, cql_settings};
use crate::days::{DaysWork, kept_cut, kept_days, store_error};
use crate::exit::Failure;
use card::{Day, PartitionId};
use card_processor::append_mark;
use card_store::CardStore as _;
use card_store_scylla::{CqlSession, IdentityTable, ScyllaReader};
use command_log::envelope::Mark;
use command_log_kafka::KafkaLog;
use operations::{CutBooks, DayDesk, DeskError, PartitionDays};
use settings::{Cluster, Settings};

/// How long the owners may take to pass a mark and to keep it.
const PASS_PATIENCE: Duration = Duration::from_secs(30);
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// Partitions that are asked for their cut at once.
const READS_AT_ONCE: usize = 64;

/// The days of a cluster.
pub(super) struct ClusterDays {
    settings: Settings,
    cluster: Cluster,
    reader: ScyllaReader,
    partition_count: u16,
    /// Opened by the first mark: whoever only reads needs no log.
    log: OnceCell<Arc<KafkaLog>>,
}

/// Works on the days of a cluster.
pub(crate) async fn work_on_days<W: DaysWork>(
    settings: &Settings,
    cluster: &Cluster,
    work: W,
) -> Result<W::Done, Failure> {
    let session = CqlSession::connect(&cql_settings(cluster)?).await;
    let session = session.map_err(Failure::start_error)?;
    let identity = IdentityTable::open(session.clone()).await;
    let identity = identity.map_err(Failure::start_error)?;
    let identity = identity.read().await.map_err(Failure::start_error)?;
    let identity = identity.ok_or_else(|| {
        let keyspace = cluster.keyspace.as_str();
        Failure::cannot_start(format!(
            "keyspace {keyspace} belongs to no switch yet: run `floatswitch cluster init`"
        ))
    })?;
    let days = ClusterDays {
        settings: settings.clone(),
        cluster: cluster.clone(),
        reader: ScyllaReader::new(session),
        partition_count: identity.partition_count,
        log: OnceCell::new(),
    };
    work.on(&days).await
}

impl ClusterDays {
    /// The days of a cluster that is open already.
    pub(super) fn of_place(
        settings: &Settings,
        cluster: &Cluster,
        (place, log): (&Place, &Arc<KafkaLog>),
    ) -> Self {
        Self {
            settings: settings.clone(),
            cluster: cluster.clone(),
            reader: ScyllaReader::new(place.cql.clone()),
            partition_count: place.log_id.partition_count,
            log: OnceCell::new_with(Some(Arc::clone(log))),
        }
    }

    async fn log(&self) -> Result<&Arc<KafkaLog>, DeskError> {
        let open = async || {
            let place = Place::open(&self.settings, &self.cluster, "days").await?;
            place.open_log().await.map(Arc::new)
        };
        let log = self.log.get_or_try_init(open).await;
        log.map_err(|failure: Failure| DeskError::Unavailable(failure.message))
    }

    /// Marks the partitions that want it, and waits until none does any more.
    async fn mark(
        &self,
        mark: Mark,
        wants: impl Fn(&PartitionDays) -> bool + Send,
    ) -> Result<(), DeskError> {
        let wanting = |days: Vec<PartitionDays>| -> Vec<PartitionId> {
            let wanting = days.iter().filter(|one| wants(one));
            wanting.map(|one| one.partition).collect()
        };
        let partitions = wanting(self.days().await?);
        if partitions.is_empty() {
            return Ok(());
        }
        let appended = append_mark(self.log().await?, &partitions, mark);
        let appended = tokio::time::timeout(PASS_PATIENCE, appended).await;
        let appended = appended.map_err(|_| {
            DeskError::Unavailable("the log takes no marks: look at the brokers".to_owned())
        })?;
        appended.map_err(|error| DeskError::Unavailable(error.to_string()))?;
        let deadline = Instant::now() + PASS_PATIENCE;
        loop {
            let left = wanting(self.days().await?).len();
            if left == 0 {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(DeskError::Unavailable(format!(
                    "the mark is in the log, and {left} partitions have not passed it: see \
                     `floatswitch cluster status`"
                )));
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }
}

impl DayDesk for ClusterDays {
    async fn days(&self) -> Result<Vec<PartitionDays>, DeskError> {
        let made = self.reader.checkpoints().await.map_err(store_error)?;
        kept_days(&made, self.partition_count)
    }

    async fn cut(&self, day: Day) -> Result<(), DeskError> {
        let lags = move |one: &PartitionDays| one.cut_number < u64::from(day.0);
        self.mark(Mark::cut(day), lags).await
    }

    async fn freeze(&self, day: Day) -> Result<(), DeskError> {
        let lags = move |one: &PartitionDays| one.frozen_through < day && one.day > day;
        self.mark(Mark::freeze(day), lags).await
    }

    async fn first_cuts(
        &self,
        from: u64,
    ) -> Result<Vec<(PartitionId, Option<CutBooks>)>, DeskError> {
        let mut left = (0..self.partition_count).map(PartitionId);
        let mut reads = JoinSet::new();
        let mut cuts = Vec::with_capacity(usize::from(self.partition_count));
        loop {
            while reads.len() < READS_AT_ONCE
                && let Some(partition) = left.next()
            {
                let reader = self.reader.clone();
                let read = async move { (partition, kept_cut(&reader, partition, from).await) };
                reads.spawn(read);
            }
            let Some(read) = reads.join_next().await else {
                break;
            };
            let read = read.map_err(|error| DeskError::Unavailable(error.to_string()));
            let (partition, cut) = read?;
            cuts.push((partition, cut?));
        }
        cuts.sort_by_key(|(partition, _)| *partition);
        Ok(cuts)
    }
}
