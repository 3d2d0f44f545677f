//! `floatswitch cluster init`: makes what is missing, verifies what is there, and puts the settings'
//! rules in force.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::args::InitArgs;
use super::bundles::SharedBundles;
use super::place::{self, Place, TOPIC_TIMEOUT};
use crate::config;
use crate::days;
use crate::engine::now;
use crate::exit::{DONE, Failure};
use crate::folder::DataFolder;
use crate::plan;
use card::{PartitionId, Rules};
use card_processor::{Bundles, DayMarks, append_mark, check_successor, read_checkpoint};
use card_store::CardStore as _;
use card_store_scylla::{CqlSession, IdentityTable, Schema, ScyllaReader, SwitchIdentity};
use command_log::envelope::{LOGIC_VERSION, Mark};
use command_log_kafka::{KafkaLog, TopicReport, create_or_verify};
use pan::PanHasher;
use registry::pan_hash_key;
use settings::{Cluster, Settings};

/// How long the marks may take to be appended.
const MARK_TIMEOUT: Duration = Duration::from_secs(30);

/// What was done.
#[derive(Debug)]
pub(super) struct Prepared {
    topics: TopicReport,
    /// Partitions that got the settings' rules.
    installed: usize,
}

/// Runs the command.
pub(super) async fn run(args: InitArgs) -> Result<u8, Failure> {
    let settings = config::load(&args.config)?;
    let cluster = super::cluster_of(&settings)?;
    let prepared = prepare(&settings, cluster).await?;
    let mut out = std::io::stdout().lock();
    let key = DataFolder::new(&settings.data_dir).pan_hash_key();
    writeln!(out, "key        {}", key.display())?;
    writeln!(
        out,
        "           every process needs this file; keep a copy where the cards' copies are not"
    )?;
    writeln!(out, "keyspace   {}", cluster.keyspace.as_str())?;
    match prepared.topics.created.as_slice() {
        [] => writeln!(out, "topics     verified")?,
        created => writeln!(out, "topics     made {}", created.join(", "))?,
    }
    let count = prepared.topics.log_id.partition_count;
    writeln!(out, "partitions {count}")?;
    match prepared.installed {
        0 => writeln!(out, "rules      in force")?,
        installed => writeln!(out, "rules      put in force at {installed} partitions")?,
    }
    Ok(DONE)
}

/// Makes what is missing and verifies what is there. May be repeated.
pub(super) async fn prepare(settings: &Settings, cluster: &Cluster) -> Result<Prepared, Failure> {
    let (cql, topics) = found(settings, cluster, None).await?;
    let installed = install_rules(settings, cluster, &cql).await?;
    Ok(Prepared { topics, installed })
}

/// Key, tables, topics and identity, without rules: a cluster that cards may be brought to. A new one
/// counts its offsets from `offset_base`; without it, from 0.
pub(super) async fn found(
    settings: &Settings,
    cluster: &Cluster,
    offset_base: Option<u64>,
) -> Result<(CqlSession, TopicReport), Failure> {
    let cql_settings = place::cql_settings(cluster)?;
    Schema::apply(&cql_settings, &place::replication(cluster)?)
        .await
        .map_err(Failure::start_error)?;
    let cql = CqlSession::connect(&cql_settings).await;
    let cql = cql.map_err(Failure::start_error)?;
    let identities = IdentityTable::open(cql.clone()).await;
    let identities = identities.map_err(Failure::start_error)?;
    let known = identities.read().await.map_err(Failure::start_error)?;
    let hasher = hash_key(settings, known.as_ref())?;
    if let Some(known) = &known {
        place::same_switch(settings, cluster, known, &hasher)?;
    }
    let topics = create_or_verify(
        &place::kafka_settings(cluster, "init")?,
        &place::topic_plan(settings, cluster)?,
        place::known_log(known.as_ref())?.as_ref(),
        TOPIC_TIMEOUT,
    )
    .await
    .map_err(Failure::start_error)?;
    let of_known = known.map(|known| known.offset_base);
    let offset_base = offset_base.or(of_known).unwrap_or(0);
    let identity = place::identity_of((&topics.log_id, offset_base), cluster, &hasher)?;
    identities
        .write_once(&identity)
        .await
        .map_err(Failure::start_error)?;
    Ok((cql, topics))
}

/// The key is made with the switch and never again: another one would find no card.
fn hash_key(settings: &Settings, known: Option<&SwitchIdentity>) -> Result<PanHasher, Failure> {
    let path = DataFolder::new(&settings.data_dir).pan_hash_key();
    if known.is_some() || path.exists() {
        return pan_hash_key::load(&path).map_err(Failure::start_error);
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| {
            Failure::cannot_start(format!("create {}: {error}", folder.display()))
        })?;
    }
    pan_hash_key::create(&path).map_err(Failure::start_error)
}

/// Appends a barrier, and a first settlement day, to the partitions that have not these rules yet.
pub(super) async fn install_rules(
    settings: &Settings,
    cluster: &Cluster,
    cql: &CqlSession,
) -> Result<usize, Failure> {
    let rules = plan::rules(settings)?;
    let bundles = SharedBundles::open(cql).await?;
    let behind = behind(settings, &rules, &bundles, cql).await?;
    if behind.all.is_empty() {
        return Ok(0);
    }
    let rules_hash = tokio::task::block_in_place(|| bundles.keep(&rules));
    let rules_hash = rules_hash.map_err(Failure::start_error)?;
    let barrier = Mark::Barrier {
        rules_hash,
        logic_version: LOGIC_VERSION,
    };
    let place = Place::open(settings, cluster, "init").await?;
    let log = Arc::new(place.open_log().await?);
    append(&log, &behind.all, barrier).await?;
    if let Some(day) = days::due(settings, now(), &[DayMarks::default()]).open {
        append(&log, &behind.new, Mark::cut(day)).await?;
    }
    Ok(behind.all.len())
}

/// Partitions that have not the settings' rules.
#[derive(Default)]
struct Behind {
    all: Vec<PartitionId>,
    /// Those that have none at all, and so no day either.
    new: Vec<PartitionId>,
}

/// The partitions whose last checkpoint has other rules, or that have none yet.
async fn behind(
    settings: &Settings,
    rules: &Rules,
    bundles: &SharedBundles,
    cql: &CqlSession,
) -> Result<Behind, Failure> {
    let checkpoints = ScyllaReader::new(cql.clone()).checkpoints().await;
    let checkpoints = checkpoints.map_err(Failure::start_error)?;
    let mut behind = Behind::default();
    for partition in (0..settings.log.partition_count.get()).map(PartitionId) {
        let checkpoint = checkpoints.iter().find(|one| one.partition == partition);
        let Some(checkpoint) = checkpoint else {
            behind.all.push(partition);
            behind.new.push(partition);
            continue;
        };
        let read = tokio::task::block_in_place(|| read_checkpoint(checkpoint, bundles));
        let (context, _) = read.map_err(Failure::cannot_start)?;
        match &context.rules {
            Some(_) if context.rules_hash == rules.hash() => {}
            Some(current) => {
                check_successor(current, rules).map_err(Failure::start_error)?;
                behind.all.push(partition);
            }
            None => {
                behind.all.push(partition);
                behind.new.push(partition);
            }
        }
    }
    Ok(behind)
}

async fn append(
    log: &Arc<KafkaLog>,
    partitions: &[PartitionId],
    mark: Mark,
) -> Result<(), Failure> {
    let appended = append_mark(log, partitions, mark);
    let appended = tokio::time::timeout(MARK_TIMEOUT, appended).await;
    let appended = appended
        .map_err(|_| Failure::cannot_start("the log takes no marks: look at the brokers"))?;
    appended.map(drop).map_err(Failure::start_error)
}
