//! What the rest of the program asks of the cluster.

use std::sync::Arc;

use super::args::ClusterCommand;
use super::target::ClusterTarget;
use super::{drain, init, place, skip, status};
use crate::exit::Failure;
use crate::transfer::{self, Archive, Imported};
use card_store_scylla::Schema;
use command_log_kafka::delete_topics;
use settings::{Cluster, Settings};

pub(crate) use super::books::work_on_books;
pub(crate) use super::days::work_on_days;
pub(crate) use super::serve::serve;

/// Runs a command of `floatswitch cluster`.
pub(crate) async fn run(command: ClusterCommand) -> Result<u8, Failure> {
    match command {
        ClusterCommand::Init(args) => init::run(args).await,
        ClusterCommand::Status(args) => status::run(args).await,
        ClusterCommand::Drain(args) => drain::run(args).await,
        ClusterCommand::Skip(args) => skip::run(args).await,
    }
}

/// Takes an archive into a new cluster, which it makes.
pub(crate) async fn import(
    settings: &Settings,
    cluster: &Cluster,
    archive: &Archive,
) -> Result<Imported, Failure> {
    let verified = transfer::verify(archive)?;
    let target = ClusterTarget::open(settings, cluster, archive.manifest.offset_base).await?;
    transfer::into(&Arc::new(target), archive, verified).await
}

/// Makes topics, tables and key, and puts the settings' rules in force.
pub(crate) async fn prepare(settings: &Settings) -> Result<(), Failure> {
    init::prepare(settings, cluster_of(settings)?)
        .await
        .map(drop)
}

/// Removes topics and tables: for the demo's own ones only.
pub(crate) async fn remove(settings: &Settings) -> Result<(), Failure> {
    let cluster = cluster_of(settings)?;
    let kafka = place::kafka_settings(cluster, "remove")?;
    delete_topics(&kafka, &place::names(cluster)?, place::TOPIC_TIMEOUT)
        .await
        .map_err(Failure::start_error)?;
    Schema::drop_all(&place::cql_settings(cluster)?)
        .await
        .map_err(Failure::start_error)
}

/// The [cluster] table, which such a command needs.
pub(super) fn cluster_of(settings: &Settings) -> Result<&Cluster, Failure> {
    settings.cluster.as_ref().ok_or_else(|| {
        Failure::usage(
            "the settings have no [cluster] table: write one, as `floatswitch init --cluster` shows",
        )
    })
}
