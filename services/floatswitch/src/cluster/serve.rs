//! `floatswitch serve` with a [cluster] table: one process, with one role or both.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};

use super::assignments::{Assignments, Holdings};
use super::bundles::SharedBundles;
use super::days::ClusterDays;
use super::gates;
use super::member::Presence;
use super::office::Office;
use super::parts::ProcessorParts;
use super::place::{Place, TOPIC_TIMEOUT};
use crate::days::LedDays;
use crate::engine::now;
use crate::exit::{DONE, Failure};
use crate::plan;
use crate::router::Router;
use crate::serve::{Process, Role, announce_links, announce_operations};
use acquirer_connector::{Connector, Directory, StoreBatches};
use card_store_scylla::{Ownership, ScyllaReader, Skips};
use command_log::{PartitionGates, ReplySink, TraceContext};
use command_log_kafka::{KafkaLog, KafkaReplySink, Membership, ReplyReader};
use registry::MediaBook;
use settings::{Cluster, Settings};
use telemetry::trace::{self, SpanContext, SpanKind, SpanRecord, Tracer, span_name};

/// How long a stop waits for exchanges in flight to be answered.
const DRAIN_PATIENCE: Duration = Duration::from_secs(20);
/// How long a stop waits for the last replies to be taken by the broker.
const FLUSH_PATIENCE: Duration = Duration::from_secs(5);
/// Checkpoints bound what a takeover folds again, and so how long it takes.
const CHECKPOINT_INTERVAL_MAX: Duration = Duration::from_secs(1);

/// A running process of the cluster.
struct Node {
    acquirer: Option<Acquirer>,
    processor: Option<Deciding>,
    office: Option<Office>,
    presence: Presence,
}

struct Acquirer {
    connector: Connector,
    /// Ends with it.
    _replies: ReplyReader,
    gates: JoinHandle<()>,
}

struct Deciding {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    replies: Arc<KafkaReplySink>,
}

/// Runs until told to stop, by a signal or by `cluster drain`.
pub(crate) async fn serve(
    settings: &Settings,
    cluster: &Cluster,
    roles: &[Role],
    mut process: Process,
) -> Result<u8, Failure> {
    let name = process.name.clone();
    let place = Place::open(settings, cluster, &name).await?;
    let log = Arc::new(place.open_log().await?);
    let (told, holdings) = watch::channel(None);
    let presence = Presence::begin(&place.cql, &name, roles, holdings).await?;
    let tracer = process.tracer.clone();
    log.on_acknowledged(move |trace, took| append_ended(&tracer, trace, took));
    let mut node = Node {
        acquirer: None,
        processor: None,
        office: None,
        presence,
    };
    if roles.contains(&Role::Processor) {
        let (processor, holdings) =
            start_processor(settings, cluster, (&place, &log), &process).await?;
        told.send_replace(Some(holdings));
        node.processor = Some(processor);
    }
    if roles.contains(&Role::Acquirer) {
        node.acquirer =
            Some(start_acquirer(settings, cluster, (&place, &log), &process.tracer).await?);
    }
    if roles.contains(&Role::Operations) {
        node.office = Office::start(settings, cluster, (&place, &log), roles).await?;
    }
    announce(settings, &node, process.metrics)?;
    tokio::select! {
        () = process.stop.told() => {}
        () = node.presence.drain_wanted() => info!("told to drain"),
    }
    node.end(&log).await;
    Ok(DONE)
}

async fn start_processor(
    settings: &Settings,
    cluster: &Cluster,
    (place, log): (&Place, &Arc<KafkaLog>),
    process: &Process,
) -> Result<(Deciding, watch::Receiver<Holdings>), Failure> {
    let replies = KafkaReplySink::open(&place.kafka, &place.names, cluster.reply_partitions.get())
        .map_err(Failure::start_error)?;
    let replies = Arc::new(replies);
    let mut bounds = plan::processor(settings);
    bounds.worker_count = 1; // Each partition has a worker of its own.
    bounds.live_cards_max =
        (bounds.live_cards_max / usize::from(settings.log.partition_count.get())).max(64);
    bounds.checkpoint_interval = bounds.checkpoint_interval.min(CHECKPOINT_INTERVAL_MAX);
    let ownership = Ownership::open(place.cql.clone()).await;
    let ownership = ownership.map_err(Failure::start_error)?;
    let skips = Skips::open(place.cql.clone(), ownership.clone()).await;
    let skips = skips.map_err(Failure::start_error)?;
    let parts = ProcessorParts {
        offset_base: place.offset_base,
        name: process.name.clone(),
        cql: place.cql.clone(),
        log: Arc::clone(log),
        ownership,
        skips,
        bundles: Arc::new(SharedBundles::open(&place.cql).await?),
        replies: Arc::clone(&replies) as Arc<dyn ReplySink>,
        tracer: process.tracer.clone(),
        settings: bounds,
        switch: settings.clone(),
        watchdog: Duration::from_secs(cluster.watchdog_seconds.get().into()),
    };
    let options = super::place::membership_options(cluster, &process.name);
    let membership =
        Membership::join(&place.kafka, &place.names, &options).map_err(Failure::start_error)?;
    let (assignments, holdings) = Assignments::new(Arc::new(parts), membership);
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(assignments.run(stopped));
    let processor = Deciding {
        stop,
        task,
        replies,
    };
    Ok((processor, holdings))
}

async fn start_acquirer(
    settings: &Settings,
    cluster: &Cluster,
    (place, log): (&Place, &Arc<KafkaLog>),
    tracer: &Tracer,
) -> Result<Acquirer, Failure> {
    let router = Arc::<Router>::default();
    let reply_partition = random_below(cluster.reply_partitions.get())?;
    let sink = Arc::clone(&router) as Arc<dyn ReplySink>;
    let replies = ReplyReader::start(
        &place.kafka,
        &place.names,
        reply_partition,
        sink,
        TOPIC_TIMEOUT,
    )
    .map_err(Failure::start_error)?;
    let mut connector = plan::connector(settings, tracer)?;
    connector.reply_partition = reply_partition;
    let media: Arc<dyn MediaBook> = Arc::new(place.media().await?);
    let directory = Directory {
        register: plan::register(settings)?,
        media,
        batches: Arc::new(StoreBatches(Arc::new(ScyllaReader::new(place.cql.clone())))),
        days: Arc::new(LedDays(ClusterDays::of_place(
            settings,
            cluster,
            (place, log),
        ))),
        hasher: place.hasher.clone(),
    };
    let open = Arc::new(PartitionGates::closed(place.log_id.partition_count));
    let gates = gates::follow(&place.cql, Arc::clone(&open)).await?;
    let connector = Connector::start(connector, Arc::clone(log), directory, open, Arc::new(now))
        .await
        .map_err(Failure::start_error)?;
    router.connect(connector.reply_sink());
    Ok(Acquirer {
        connector,
        _replies: replies,
        gates,
    })
}

/// One of the partitions of the replies topic; connectors that share one take what is theirs.
pub(super) fn random_below(count: u16) -> Result<u16, Failure> {
    let mut random = [0u8; 2];
    getrandom::fill(&mut random).map_err(Failure::start_error)?;
    Ok(u16::from_le_bytes(random) % count.max(1))
}

impl Node {
    /// Links first, so that what is in flight is answered; then the partitions, one handover each.
    async fn end(self, log: &Arc<KafkaLog>) {
        info!("stopping: answering what is in flight");
        if let Some(office) = self.office {
            office.end().await;
        }
        if let Some(acquirer) = self.acquirer {
            let drained = acquirer.connector.drain(DRAIN_PATIENCE).await;
            if drained.unanswered_count > 0 {
                warn!(
                    count = drained.unanswered_count,
                    "exchanges left unanswered"
                );
            }
            acquirer.gates.abort();
        }
        if let Some(processor) = self.processor {
            processor.stop.send_replace(true);
            if let Err(error) = processor.task.await {
                warn!(%error, "the processor's task failed");
            }
            let replies = processor.replies;
            let flushed = tokio::task::spawn_blocking(move || replies.flush(FLUSH_PATIENCE)).await;
            if !matches!(flushed, Ok(Ok(()))) {
                warn!("some replies were not taken by the broker");
            }
        }
        let log = Arc::clone(log);
        drop(tokio::task::spawn_blocking(move || log.flush(FLUSH_PATIENCE)).await);
        self.presence.end().await;
        info!("stopped");
    }
}

fn announce(settings: &Settings, node: &Node, metrics: SocketAddr) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "member {}", node.presence.name())?;
    if let Some(acquirer) = &node.acquirer {
        announce_links(settings, &acquirer.connector, &mut out)?;
    }
    announce_operations(node.office.as_ref().map(Office::server), &mut out)?;
    writeln!(out, "metrics on http://{metrics}/metrics")?;
    writeln!(out, "ready")?;
    Ok(out.flush()?)
}

/// From the submit of a sampled command to its acknowledgement by all replicas in sync.
fn append_ended(tracer: &Tracer, cause: TraceContext, took: Duration) {
    let ended_at = trace::now();
    let cause = SpanContext {
        trace_id: cause.trace_id,
        span_id: cause.span_id,
    };
    tracer.record(SpanRecord {
        context: tracer.child_of(cause),
        parent: Some(cause.span_id),
        name: span_name::LOG_APPEND,
        kind: SpanKind::Producer,
        started_at: ended_at.checked_sub(took).unwrap_or(ended_at),
        ended_at,
        attributes: Vec::new(),
    });
}
