//! Where the cluster is, from the settings, and whether it is the one that the store belongs to.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use crate::engine::now;
use crate::exit::Failure;
use crate::folder::DataFolder;
use card_store_scylla::{
    CqlSession, CqlSettings, IdentityTable, ImportTable, Keyspace, Login, Reach, Replication,
    SwitchIdentity,
};
use command_log::LogId;
use command_log_kafka::{
    GroupProtocol, KafkaLog, KafkaSettings, LogOptions, MembershipOptions, TopicNames, TopicPlan,
    verify_log,
};
use pan::PanHasher;
use registry::pan_hash_key;
use registry_scylla::CqlMedia;
use settings::{Cluster, Consistency, ListenAddress, Settings};

/// How long brokers may take to tell of their topics.
pub(super) const TOPIC_TIMEOUT: Duration = Duration::from_secs(20);
/// Longer than the server's own time-out of 2 s, so that its more exact answers arrive.
const CQL_TIMEOUT: Duration = Duration::from_secs(4);
/// A member hears of a rebalance with its next heartbeat, so these are part of a handover.
const HEARTBEAT_MAX: Duration = Duration::from_millis(500);
/// The key that stands for a replication in every data centre alike.
const EVERYWHERE: &str = "replication_factor";

/// A cluster that is there, and is the one that it should be.
pub(super) struct Place {
    pub(super) kafka: KafkaSettings,
    pub(super) names: TopicNames,
    pub(super) cql: CqlSession,
    pub(super) log_id: LogId,
    /// What is added to the offsets of the topic.
    pub(super) offset_base: u64,
    pub(super) hasher: PanHasher,
}

impl Place {
    /// Connects to the store and compares the topics with what it knows (LOG-2).
    pub(super) async fn open(
        settings: &Settings,
        cluster: &Cluster,
        name: &str,
    ) -> Result<Self, Failure> {
        let place = Self::open_unfinished(settings, cluster, name).await?;
        let imports = ImportTable::open(place.cql.clone()).await;
        let imports = imports.map_err(Failure::start_error)?;
        match imports.read().await.map_err(Failure::start_error)? {
            Some(mark) if !mark.is_done => Err(Failure::cannot_start(
                "an import into this cluster was cut short, and not all cards are here: repeat \
                 `floatswitch import` with the same archive",
            )),
            Some(_) | None => Ok(place),
        }
    }

    /// The same, also when cards are still being brought in.
    pub(super) async fn open_unfinished(
        settings: &Settings,
        cluster: &Cluster,
        name: &str,
    ) -> Result<Self, Failure> {
        let hasher = pan_hash_key::load(&DataFolder::new(&settings.data_dir).pan_hash_key())
            .map_err(Failure::start_error)?;
        let cql = CqlSession::connect(&cql_settings(cluster)?)
            .await
            .map_err(Failure::start_error)?;
        let identity = IdentityTable::open(cql.clone()).await;
        let identity = identity.map_err(Failure::start_error)?;
        let identity = identity.read().await.map_err(Failure::start_error)?;
        let identity = identity.ok_or_else(|| {
            let keyspace = cluster.keyspace.as_str();
            Failure::cannot_start(format!(
                "keyspace {keyspace} belongs to no switch yet: run `floatswitch cluster init`"
            ))
        })?;
        same_switch(settings, cluster, &identity, &hasher)?;
        let kafka = kafka_settings(cluster, name)?;
        let names = names(cluster)?;
        let log_id = log_id(&identity)?;
        let (asked, expected) = ((kafka.clone(), names.clone()), log_id.clone());
        let verified = tokio::task::spawn_blocking(move || {
            verify_log(&asked.0, &asked.1, &expected, TOPIC_TIMEOUT)
        });
        verified
            .await
            .map_err(Failure::start_error)?
            .map_err(Failure::start_error)?;
        Ok(Self {
            kafka,
            names,
            cql,
            log_id,
            offset_base: identity.offset_base,
            hasher,
        })
    }

    /// Opens the log of the cluster.
    pub(super) async fn open_log(&self) -> Result<KafkaLog, Failure> {
        let (kafka, names, id) = (self.kafka.clone(), self.names.clone(), self.log_id.clone());
        let options = LogOptions {
            offset_base: self.offset_base,
            ..LogOptions::default()
        };
        let opening =
            tokio::task::spawn_blocking(move || KafkaLog::open(&kafka, &names, id, &options));
        opening
            .await
            .map_err(Failure::start_error)?
            .map_err(Failure::start_error)
    }

    /// The media of all cards.
    pub(super) async fn media(&self) -> Result<CqlMedia, Failure> {
        CqlMedia::open(self.cql.clone())
            .await
            .map_err(Failure::start_error)
    }
}

/// The log that the store belongs to.
fn log_id(identity: &SwitchIdentity) -> Result<LogId, Failure> {
    let incarnation = identity.log_incarnation.as_ref().try_into();
    let hash_version = u8::try_from(identity.hash_version);
    match (incarnation, hash_version) {
        (Ok(incarnation), Ok(hash_version)) => Ok(LogId {
            incarnation,
            partition_count: identity.partition_count,
            hash_version,
        }),
        _ => Err(Failure::cannot_start(
            "the store's table cluster_identity is damaged",
        )),
    }
}

/// What the store shall know of the switch.
pub(super) fn identity_of(
    (log_id, offset_base): (&LogId, u64),
    cluster: &Cluster,
    hasher: &PanHasher,
) -> Result<SwitchIdentity, Failure> {
    Ok(SwitchIdentity {
        log_incarnation: Bytes::copy_from_slice(&log_id.incarnation),
        partition_count: log_id.partition_count,
        hash_version: log_id.hash_version.into(),
        offset_base,
        kafka_prefix: cluster.topic_prefix.as_str().to_owned(),
        pan_key_check: key_check(hasher)?,
        created_at: now(),
    })
}

/// The log that a known store belongs to.
pub(super) fn known_log(known: Option<&SwitchIdentity>) -> Result<Option<LogId>, Failure> {
    known.map(log_id).transpose()
}

/// How this process takes part in the group of processors.
pub(super) fn membership_options(cluster: &Cluster, name: &str) -> MembershipOptions {
    let session_timeout = Duration::from_secs(cluster.session_timeout_seconds.get().into());
    MembershipOptions {
        protocol: match cluster.group_protocol {
            settings::GroupProtocol::Classic => GroupProtocol::Classic {
                session_timeout,
                heartbeat: (session_timeout / 4).min(HEARTBEAT_MAX),
            },
            settings::GroupProtocol::Consumer => GroupProtocol::Consumer,
        },
        instance_id: cluster.static_membership.then(|| name.to_owned()),
        ..MembershipOptions::default()
    }
}

/// Whether settings and key are those that the store was made with.
pub(super) fn same_switch(
    settings: &Settings,
    cluster: &Cluster,
    identity: &SwitchIdentity,
    hasher: &PanHasher,
) -> Result<(), Failure> {
    let keyspace = cluster.keyspace.as_str();
    let refuse = |what: String| Err(Failure::cannot_start(what));
    let (found, wanted) = (identity.partition_count, settings.log.partition_count.get());
    if found != wanted {
        return refuse(format!(
            "keyspace {keyspace} belongs to a log of {found} partitions, the settings say {wanted}: \
             the number is fixed for life, write {found}"
        ));
    }
    let (found, wanted) = (
        identity.kafka_prefix.as_str(),
        cluster.topic_prefix.as_str(),
    );
    if found != wanted {
        return refuse(format!(
            "keyspace {keyspace} belongs to the topics \"{found}card.*\", the settings say \
             \"{wanted}\": write topic_prefix = \"{found}\", or name another keyspace"
        ));
    }
    if identity.pan_key_check != key_check(hasher)? {
        return refuse(format!(
            "the key of card number hashes is not the one that keyspace {keyspace} was made with: \
             put that file into the data folder's `keys`"
        ));
    }
    Ok(())
}

/// Tells one key from another: the hash of nobody's number.
pub(super) fn key_check(hasher: &PanHasher) -> Result<Bytes, Failure> {
    let nobody = pan::Pan::parse(b"0000000000000").map_err(Failure::usage)?;
    Ok(Bytes::copy_from_slice(hasher.hash(&nobody).as_bytes()))
}

pub(super) fn names(cluster: &Cluster) -> Result<TopicNames, Failure> {
    TopicNames::new(cluster.topic_prefix.as_str()).map_err(Failure::usage)
}

pub(super) fn kafka_settings(cluster: &Cluster, name: &str) -> Result<KafkaSettings, Failure> {
    let brokers: Vec<&str> = cluster.kafka.iter().map(ListenAddress::as_str).collect();
    KafkaSettings::new(&brokers.join(","), name).map_err(Failure::usage)
}

pub(super) fn topic_plan(settings: &Settings, cluster: &Cluster) -> Result<TopicPlan, Failure> {
    Ok(TopicPlan {
        partition_count: settings.log.partition_count.get(),
        reply_partition_count: cluster.reply_partitions.get(),
        replication_factor: u16::try_from(cluster.topic_replication.get())
            .map_err(Failure::usage)?,
        ..TopicPlan::new(names(cluster)?)
    })
}

pub(super) fn cql_settings(cluster: &Cluster) -> Result<CqlSettings, Failure> {
    let reach = match cluster.consistency {
        Consistency::Quorum => Reach::Everywhere,
        Consistency::LocalQuorum => Reach::Datacenter(local_datacenter(cluster)?),
    };
    Ok(CqlSettings {
        contact_points: cluster
            .cql
            .iter()
            .map(|node| node.as_str().to_owned())
            .collect(),
        keyspace: Keyspace::new(cluster.keyspace.as_str()).map_err(Failure::usage)?,
        reach,
        request_timeout: CQL_TIMEOUT,
        login: login(cluster)?,
    })
}

/// With LOCAL_QUORUM all owners must be in one data centre: the first that the settings name.
fn local_datacenter(cluster: &Cluster) -> Result<String, Failure> {
    let mut names = cluster.cql_replication.keys();
    names
        .find(|name| *name != EVERYWHERE)
        .cloned()
        .ok_or_else(|| {
            Failure::usage("\"local-quorum\" needs the data centre's name in cql_replication")
        })
}

fn login(cluster: &Cluster) -> Result<Option<Login>, Failure> {
    let (Some(user), Some(file)) = (&cluster.cql_user, &cluster.cql_password_file) else {
        return Ok(None);
    };
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::cannot_start(format!("read {}: {error}", file.display())))?;
    Ok(Some(Login {
        user: user.clone(),
        password: text.lines().next().unwrap_or_default().to_owned(),
    }))
}

pub(super) fn replication(cluster: &Cluster) -> Result<Replication, Failure> {
    let factors: BTreeMap<String, u8> = cluster
        .cql_replication
        .iter()
        .map(|(name, factor)| (name.clone(), factor.get()))
        .collect();
    Replication::per_datacenter(&factors).map_err(Failure::usage)
}
