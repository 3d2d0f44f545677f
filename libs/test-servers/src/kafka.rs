//! Apache Kafka in KRaft mode: every node is broker and controller.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::cluster::{Cluster, Node, Size, Software, Tuning};
use crate::error::ServerError;
use crate::jars::{Jars, output_tail};
use crate::loopback::LoopbackNet;
use crate::probe;

const BROKER_SETTINGS: &str = include_str!("../templates/kafka/server.properties");
const CLIENT_PORT: u16 = 9_092;
const CONTROLLER_PORT: u16 = 9_093;
/// Any 16 bytes in URL-safe Base64. Clusters of tests never meet, so one will do.
const CLUSTER_ID: &str = "ZmxvYXRzd2l0Y2h0ZXN0cw";
/// The same for a broker's data folder, without its last two digits: they must differ within a cluster.
const FOLDER_ID: &str = "ZmxvYXRzd2l0Y2hub2Rl";
/// A broker's data, in its folder.
const DATA: &str = "data";
/// A formatted data folder, beside the jars.
const FORMATTED: &str = "formatted";
const METADATA_LOG: &str = "__cluster_metadata-0";
/// What formatting is about: the features that the cluster begins with. The same for every broker.
const FIRST_SNAPSHOT: &str = "__cluster_metadata-0/00000000000000000000-0000000000.checkpoint";

/// A cluster of Kafka brokers.
pub type KafkaCluster = Cluster<Kafka>;

/// What a Kafka cluster should be like.
#[derive(Debug, Clone)]
pub struct KafkaOptions {
    /// Three brokers keep three copies of every topic, two of which must be in sync for a write.
    pub brokers: Size,
    /// Quick to start, or quick when warm.
    pub tuning: Tuning,
    /// Java's heap of each broker in MiB.
    pub heap_mib: u32,
    /// When a silent broker counts as gone. Partitions of a killed broker are silent for about as long, and a
    /// killed broker that is restarted waits until its old session is over.
    pub broker_session_timeout: Duration,
    /// When a member of a group of the new protocol counts as gone. With the classic protocol the client says
    /// it, and may say as little as 0.5 s here.
    pub group_session_timeout: Duration,
    /// How often members of a group of the new protocol report.
    pub group_heartbeat_interval: Duration,
    /// More broker settings; they win over those of this crate.
    pub settings: Vec<(String, String)>,
    /// How long the brokers may take until they serve.
    pub start_timeout: Duration,
}

// === impl KafkaOptions ===

impl Default for KafkaOptions {
    fn default() -> Self {
        Self {
            brokers: Size::One,
            tuning: Tuning::QuickStart,
            heap_mib: 384,
            broker_session_timeout: Duration::from_secs(3),
            group_session_timeout: Duration::from_secs(6),
            group_heartbeat_interval: Duration::from_secs(1),
            settings: Vec::new(),
            start_timeout: Duration::from_secs(120),
        }
    }
}

/// How Kafka is set up, started and asked.
#[derive(Debug)]
pub struct Kafka {
    jars: Jars,
    options: KafkaOptions,
    client_port: u16,
    controller_port: u16,
    voters: String,
}

// === impl KafkaCluster ===

impl Cluster<Kafka> {
    /// Starts a cluster and waits until all brokers serve and know each other.
    ///
    /// # Errors
    ///
    /// When the jars cannot be had or a broker does not become ready; the error quotes the broker's log.
    pub fn start(options: KafkaOptions) -> Result<Self, ServerError> {
        let jars = Jars::kafka()?;
        let size = options.brokers;
        let start_timeout = options.start_timeout;
        let net = LoopbackNet::take(size.count(), &[CLIENT_PORT, CONTROLLER_PORT])?;
        let controller_port = net.port(CONTROLLER_PORT);
        let voters: Vec<String> = (1..=size.count())
            .map(|number| format!("{number}@{}:{controller_port}", net.address(number)))
            .collect();
        let software = Kafka {
            jars,
            options,
            client_port: net.port(CLIENT_PORT),
            controller_port,
            voters: voters.join(","),
        };
        Self::start_all(software, net, size, start_timeout)
    }

    /// The brokers' addresses as clients take them: `host:port`, separated by commas.
    pub fn bootstrap(&self) -> String {
        let addresses = self
            .nodes()
            .map(|node| self.software.address(node).to_string());
        addresses.collect::<Vec<_>>().join(",")
    }
}

// === impl Kafka ===

impl Kafka {
    fn address(&self, node: &Node) -> SocketAddrV4 {
        SocketAddrV4::new(node.address, self.client_port)
    }

    fn settings_path(node: &Node) -> PathBuf {
        node.folder.join("server.properties")
    }

    fn settings(&self, node: &Node) -> String {
        let mut text = BROKER_SETTINGS.to_owned();
        let client = self.address(node);
        let controller = SocketAddrV4::new(node.address, self.controller_port);
        let (copies, in_sync) = match self.options.brokers {
            Size::One => (1, 1),
            Size::Three => (3, 2),
        };
        let listeners = format!("PLAINTEXT://{client},CONTROLLER://{controller}");
        let millis = |duration: Duration| duration.as_millis().to_string();
        let ours = [
            ("node.id", node.number.to_string()),
            ("log.dirs", node.folder.join(DATA).display().to_string()),
            ("controller.quorum.voters", self.voters.clone()),
            ("listeners", listeners),
            ("advertised.listeners", format!("PLAINTEXT://{client}")),
            ("default.replication.factor", copies.to_string()),
            ("min.insync.replicas", in_sync.to_string()),
            ("offsets.topic.replication.factor", copies.to_string()),
            (
                "transaction.state.log.replication.factor",
                copies.to_string(),
            ),
            ("transaction.state.log.min.isr", in_sync.to_string()),
            (
                "share.coordinator.state.topic.replication.factor",
                copies.to_string(),
            ),
            ("share.coordinator.state.topic.min.isr", in_sync.to_string()),
            (
                "broker.session.timeout.ms",
                millis(self.options.broker_session_timeout),
            ),
            (
                "group.consumer.session.timeout.ms",
                millis(self.options.group_session_timeout),
            ),
            (
                "group.consumer.heartbeat.interval.ms",
                millis(self.options.group_heartbeat_interval),
            ),
        ];
        let ours = ours.iter().map(|(key, value)| (*key, value));
        let theirs = self.options.settings.iter();
        let theirs = theirs.map(|(key, value)| (key.as_str(), value));
        // A later line wins over an earlier one.
        let lines = ours
            .chain(theirs)
            .map(|(key, value)| format!("{key}={value}\n"));
        text.extend(lines);
        text
    }
}

impl Software for Kafka {
    const NAME: &str = "kafka";

    fn prepare(&self, node: &Node) -> Result<(), ServerError> {
        let path = Self::settings_path(node);
        fs::write(&path, self.settings(node))
            .map_err(ServerError::io("write a broker's settings"))?;
        let data = node.folder.join(DATA);
        let snapshot = data.join(FIRST_SNAPSHOT);
        let action = || ServerError::io("lay out a broker's data folder");
        fs::create_dir_all(data.join(METADATA_LOG)).map_err(action())?;
        fs::copy(
            self.jars.folder().join(FORMATTED).join(FIRST_SNAPSHOT),
            snapshot,
        )
        .map_err(action())?;
        let identity = format!(
            "version=1\nnode.id={number}\ndirectory.id={FOLDER_ID}{number}A\ncluster.id={CLUSTER_ID}\n",
            number = node.number
        );
        fs::write(data.join("meta.properties"), identity).map_err(action())
    }

    fn command(&self, node: &Node) -> Result<Vec<OsString>, ServerError> {
        let mut command = self.jars.java(&node.temporary());
        command.push("-Dorg.slf4j.simpleLogger.showDateTime=true".into());
        command.push("-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS".into());
        command.push("-Xms64m".into());
        command.push(format!("-Xmx{}m", self.options.heap_mib).into());
        command.extend(self.options.tuning.java_options());
        command.push("kafka.Kafka".into());
        command.push(Self::settings_path(node).into());
        Ok(command)
    }

    fn are_ready(&self, nodes: &[&Node]) -> bool {
        nodes.iter().all(|node| {
            // A broker that is not serving yet refuses; one that was fenced off is not in the list.
            let Ok(known) = probe::kafka_brokers(self.address(node)) else {
                return false;
            };
            nodes
                .iter()
                .all(|other| i32::try_from(other.number).is_ok_and(|id| known.contains(&id)))
        })
    }
}

/// Runs Kafka's format tool once for all brokers to come: it takes as long as the broker itself.
pub(crate) fn format_first_folder(jars: &Jars) -> Result<(), ServerError> {
    let action = || ServerError::io("format a folder with kafka's tool");
    let settings = jars.folder().join("formatted.properties");
    let text = format!(
        "{BROKER_SETTINGS}\nnode.id=1\nlog.dirs={}\nlisteners=PLAINTEXT://:9092,CONTROLLER://:9093\n\
         controller.quorum.voters=1@127.0.0.1:9093\n",
        jars.folder().join(FORMATTED).display()
    );
    fs::write(&settings, text).map_err(action())?;
    let java = jars.java(&std::env::temp_dir());
    let output = Command::new(&java[0])
        .args(&java[1..])
        .arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
        .args(["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c"])
        .arg(&settings)
        .stdin(Stdio::null())
        .output()
        .map_err(action())?;
    if output.status.success() && jars.folder().join(FORMATTED).join(FIRST_SNAPSHOT).is_file() {
        return Ok(());
    }
    Err(ServerError::NotFormatted {
        output: output_tail(&output),
    })
}
