//! Real servers for the demo, when it is told of some: the same story, as a cluster.

use crate::exit::Failure;

/// The cluster's servers; none of them for the embedded demo.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Servers {
    /// Plays the story as a cluster, with its commands in this Kafka. Topics of its own are made, and
    /// removed at the end.
    #[arg(long, value_name = "HOST:PORT", requires = "cql")]
    kafka: Option<String>,
    /// And with its cards in this ScyllaDB or Cassandra, in a keyspace of its own.
    #[arg(long, value_name = "HOST:PORT", requires = "kafka")]
    cql: Option<String>,
}

impl Servers {
    /// The settings of a cluster on these servers; empty for the embedded demo.
    pub(super) fn settings_text(&self) -> Result<String, Failure> {
        let (Some(kafka), Some(cql)) = (&self.kafka, &self.cql) else {
            return Ok(String::new());
        };
        let mut random = [0u8; 4];
        getrandom::fill(&mut random).map_err(Failure::start_error)?;
        let name = u32::from_le_bytes(random);
        let (kafka, cql) = (quoted(kafka), quoted(cql));
        Ok(format!(
            r#"
[cluster]
kafka = [{kafka}]
topic_prefix = "demo-{name:08x}."
topic_replication = 1
reply_partitions = 4
cql = [{cql}]
keyspace = "demo_{name:08x}"
cql_replication = {{ replication_factor = 1 }}
consistency = "quorum"
group_protocol = "classic"
session_timeout_seconds = 6
static_membership = true
watchdog_seconds = 30
"#
        ))
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
