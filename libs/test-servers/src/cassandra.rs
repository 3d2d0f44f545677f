//! Apache Cassandra 5, which stands in for ScyllaDB: the same protocol and language, other latencies.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddrV4;
use std::time::Duration;

use crate::cluster::{Cluster, Node, Size, Software, Tuning};
use crate::error::ServerError;
use crate::jars::{Jars, joined};
use crate::loopback::LoopbackNet;
use crate::probe;

const CQL_PORT: u16 = 9_042;
const STORAGE_PORT: u16 = 7_000;

/// A cluster of Cassandra nodes in one data centre, `dc1`.
pub type CassandraCluster = Cluster<Cassandra>;

/// When a write is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitlogSync {
    /// After the commit log is on disk. Nothing acknowledged is lost when a node is killed.
    Batch,
    /// At once; the log goes to disk every 10 s. Shows what durability costs.
    Periodic,
}

/// What a Cassandra cluster should be like.
#[derive(Debug, Clone)]
pub struct CassandraOptions {
    /// One node, or three with tokens spread evenly.
    pub nodes: Size,
    /// When a write is acknowledged.
    pub commitlog_sync: CommitlogSync,
    /// Quick to start, or quick when warm.
    pub tuning: Tuning,
    /// Java's heap of each node in MiB.
    pub heap_mib: u32,
    /// How long a coordinator waits for copies at a read, a write, or a conditional write.
    pub request_timeout: Duration,
    /// More lines of `cassandra.yaml`; none may repeat a key of this crate's template.
    pub settings: Vec<(String, String)>,
    /// How long the nodes may take until they serve.
    pub start_timeout: Duration,
}

// === impl CassandraOptions ===

impl Default for CassandraOptions {
    fn default() -> Self {
        Self {
            nodes: Size::One,
            commitlog_sync: CommitlogSync::Batch,
            tuning: Tuning::QuickStart,
            heap_mib: 512,
            request_timeout: Duration::from_secs(2),
            settings: Vec::new(),
            start_timeout: Duration::from_secs(120),
        }
    }
}

/// How Cassandra is set up, started and asked.
#[derive(Debug)]
pub struct Cassandra {
    jars: Jars,
    options: CassandraOptions,
    cql_port: u16,
    storage_port: u16,
    seeds: String,
}

// === impl CassandraCluster ===

impl Cluster<Cassandra> {
    /// Starts a cluster and waits until all nodes serve and see each other.
    ///
    /// # Errors
    ///
    /// When the jars cannot be had or a node does not become ready; the error quotes the node's log.
    pub fn start(options: CassandraOptions) -> Result<Self, ServerError> {
        let jars = Jars::cassandra()?;
        let size = options.nodes;
        let start_timeout = options.start_timeout;
        let net = LoopbackNet::take(size.count(), &[CQL_PORT, STORAGE_PORT])?;
        let seeds: Vec<String> = (1..=size.count())
            .map(|number| net.address(number).to_string())
            .collect();
        let software = Cassandra {
            jars,
            options,
            cql_port: net.port(CQL_PORT),
            storage_port: net.port(STORAGE_PORT),
            seeds: seeds.join(","),
        };
        Self::start_all(software, net, size, start_timeout)
    }

    /// The nodes' addresses for CQL, `host:port` each.
    pub fn contact_points(&self) -> Vec<String> {
        let addresses = self.nodes().map(|node| self.software.address(node));
        addresses.map(|address| address.to_string()).collect()
    }
}

// === impl Cassandra ===

impl Cassandra {
    fn address(&self, node: &Node) -> SocketAddrV4 {
        SocketAddrV4::new(node.address, self.cql_port)
    }

    fn settings(&self, node: &Node) -> String {
        let sync = match self.options.commitlog_sync {
            CommitlogSync::Batch => "batch",
            CommitlogSync::Periodic => "periodic\ncommitlog_sync_period: 10000ms",
        };
        let request_timeout = format!("{}ms", self.options.request_timeout.as_millis());
        let filled = [
            ("@SEEDS@", self.seeds.clone()),
            ("@ADDRESS@", node.address.to_string()),
            ("@CQL_PORT@", self.cql_port.to_string()),
            ("@STORAGE_PORT@", self.storage_port.to_string()),
            (
                "@TOKEN@",
                token(node.number, self.options.nodes.count()).to_string(),
            ),
            ("@SYNC@", sync.to_owned()),
            ("@REQUEST_TIMEOUT@", request_timeout),
        ];
        let template = include_str!("../templates/cassandra/cassandra.yaml.in").to_owned();
        let text = filled
            .iter()
            .fold(template, |text, (name, value)| text.replace(name, value));
        let more = self.options.settings.iter();
        more.fold(text, |text, (key, value)| format!("{text}{key}: {value}\n"))
    }
}

impl Software for Cassandra {
    const NAME: &str = "cassandra";

    fn prepare(&self, node: &Node) -> Result<(), ServerError> {
        let files = [
            ("cassandra.yaml", self.settings(node)),
            (
                "cassandra-rackdc.properties",
                "dc=dc1\nrack=r1\n".to_owned(),
            ),
            (
                "jvm.options",
                include_str!("../templates/cassandra/jvm.options").to_owned(),
            ),
            (
                "logback.xml",
                include_str!("../templates/cassandra/logback.xml").to_owned(),
            ),
        ];
        for (name, text) in files {
            fs::write(node.folder.join(name), text)
                .map_err(ServerError::io(format!("write a node's {name}")))?;
        }
        Ok(())
    }

    fn command(&self, node: &Node) -> Result<Vec<OsString>, ServerError> {
        let file = |name: &str| node.folder.join(name);
        let mut command = self.jars.java(&node.temporary());
        command.push(joined("@", &file("jvm.options")));
        // Run by root, Cassandra locks the heap that Java has committed.
        command.push("-Xms64m".into());
        command.push(format!("-Xmx{}m", self.options.heap_mib).into());
        command.extend(self.options.tuning.java_options());
        command.extend([
            joined("-javaagent:", &self.jars.jar("jamm-")?),
            joined("-Dlogback.configurationFile=", &file("logback.xml")),
            joined("-Dcassandra.config=file://", &file("cassandra.yaml")),
            joined(
                "-Dcassandra-rackdc.properties=file://",
                &file("cassandra-rackdc.properties"),
            ),
            joined("-Dcassandra.storagedir=", &node.folder),
            joined("-Dcassandra.logdir=", &node.folder),
            "org.apache.cassandra.service.CassandraDaemon".into(),
        ]);
        Ok(command)
    }

    fn are_ready(&self, nodes: &[&Node]) -> bool {
        let Ok(copies) = u8::try_from(nodes.len()) else {
            return false;
        };
        nodes.iter().all(|node| {
            let address = self.address(node);
            probe::cassandra_serves(address).is_ok()
                && probe::cassandra_reads_copies(address, copies).is_ok()
        })
    }
}

/// The first token of a node's part of the ring; the parts are equal. The smallest number is no token.
fn token(number: usize, count: usize) -> i64 {
    let part = i128::from(u64::MAX) / count as i128;
    let first = i128::from(i64::MIN) + 1 + part * (number as i128 - 1);
    i64::try_from(first).expect("a number below the count keeps the token in range")
}

#[cfg(test)]
mod tests {
    use super::token;

    #[test]
    fn tokens_divide_the_ring() {
        assert_eq!(token(1, 1), i64::MIN + 1);
        let tokens = [1, 2, 3].map(|number| token(number, 3));
        assert_eq!(
            tokens[1].wrapping_sub(tokens[0]),
            tokens[2].wrapping_sub(tokens[1])
        );
        assert!(tokens.is_sorted());
    }
}
