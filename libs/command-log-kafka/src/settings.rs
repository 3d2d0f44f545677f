//! Where the brokers are, and how the topics of one switch are named.

use std::fmt;
use std::time::Duration;

use rdkafka::ClientConfig;

/// Properties that a user may pass on to the Kafka client. All others carry a promise of this crate.
const ALLOWED: &[&str] = &[
    "security.",
    "sasl.",
    "ssl.",
    "enable.ssl.",
    "enable.sasl.",
    "client.rack",
    "client.dns.lookup",
    "broker.address.",
    "socket.keepalive",
    "socket.send.",
    "socket.receive.",
    "debug",
];

/// How to reach the brokers. `Debug` shows no value of a property: it may be a password.
#[derive(Clone)]
pub struct KafkaSettings {
    bootstrap: String,
    client_id: String,
    properties: Vec<(String, String)>,
}

/// Why settings were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// There is no broker to start with.
    #[error("the list of brokers is empty: give at least one as HOST:PORT")]
    NoBrokers,
    /// The property is set by this crate.
    #[error(
        "kafka property {0} cannot be set: only those of security, sasl, ssl, sockets and racks can"
    )]
    Property(String),
    /// Kafka would not take the topic's name.
    #[error(
        "topic prefix {0:?} may have only letters, digits, dot, dash and underscore, up to 100"
    )]
    Prefix(String),
}

impl KafkaSettings {
    /// `bootstrap` is a list of `HOST:PORT`, separated by commas; `client_id` names this process in the
    /// brokers' logs.
    ///
    /// # Errors
    /// As [`SettingsError`] says.
    pub fn new(bootstrap: &str, client_id: &str) -> Result<Self, SettingsError> {
        if bootstrap.trim().is_empty() {
            return Err(SettingsError::NoBrokers);
        }
        Ok(Self {
            bootstrap: bootstrap.trim().to_owned(),
            client_id: client_id.to_owned(),
            properties: Vec::new(),
        })
    }

    /// Adds a property of the Kafka client, as librdkafka names it: TLS, SASL, sockets, racks.
    ///
    /// # Errors
    /// [`SettingsError::Property`] for one that this crate sets itself.
    pub fn with_property(mut self, name: &str, value: &str) -> Result<Self, SettingsError> {
        if !ALLOWED.iter().any(|allowed| name.starts_with(allowed)) {
            return Err(SettingsError::Property(name.to_owned()));
        }
        self.properties.push((name.to_owned(), value.to_owned()));
        Ok(self)
    }

    /// What all clients have in common. `role` tells the clients of one process apart.
    pub(crate) fn client(&self, role: &str) -> ClientConfig {
        let mut config = ClientConfig::new();
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        config
            .set("bootstrap.servers", &self.bootstrap)
            .set("client.id", format!("{}-{role}", self.client_id))
            .set("enable.metrics.push", "false")
            .set("socket.nagle.disable", "true")
            .set("log.connection.close", "false")
            // A broker that comes back is found within a second.
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000")
            // The default waits 10 s for a frozen broker to accept.
            .set("socket.connection.setup.timeout.ms", "3000");
        config
    }

    /// A consumer that is told what to read: no offsets of a group, no rebalance. Kafka wants a group name even
    /// so; nobody joins it.
    pub(crate) fn reader(&self, role: &str, group: &str) -> ClientConfig {
        let mut config = self.client(role);
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("isolation.level", "read_uncommitted")
            .set("auto.offset.reset", "error")
            .set("fetch.min.bytes", "1")
            // The defaults of the next two stall a reader for half a second and a whole one.
            .set("fetch.error.backoff.ms", "50")
            .set("fetch.queue.backoff.ms", "5");
        config
    }
}

impl fmt::Debug for KafkaSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.properties.iter().map(|(name, _)| name).collect();
        f.debug_struct("KafkaSettings")
            .field("bootstrap", &self.bootstrap)
            .field("client_id", &self.client_id)
            .field("properties", &names)
            .finish()
    }
}

/// The names that one switch uses in a Kafka cluster. The prefix keeps several switches apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicNames {
    prefix: String,
}

impl TopicNames {
    /// An empty prefix is good for a cluster with one switch.
    ///
    /// # Errors
    /// [`SettingsError::Prefix`] when Kafka would not take it.
    pub fn new(prefix: &str) -> Result<Self, SettingsError> {
        let is_good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if prefix.len() > 100 || !prefix.chars().all(is_good) {
            return Err(SettingsError::Prefix(prefix.to_owned()));
        }
        Ok(Self {
            prefix: prefix.to_owned(),
        })
    }

    /// The topic of the commands.
    #[must_use]
    pub fn commands(&self) -> String {
        format!("{}card.commands.v1", self.prefix)
    }

    /// The topic of the replies.
    #[must_use]
    pub fn replies(&self) -> String {
        format!("{}card.replies.v1", self.prefix)
    }

    /// The group of the processors ([`crate::Membership`]).
    #[must_use]
    pub fn processor_group(&self) -> String {
        format!("{}card-processor", self.prefix)
    }

    /// The group that readers name and never join.
    pub(crate) fn reader_group(&self) -> String {
        format!("{}log-reader", self.prefix)
    }
}

/// A duration as the Kafka client wants it.
pub(crate) fn millis(duration: Duration) -> String {
    duration.as_millis().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promises_cannot_be_set_away() {
        let settings = KafkaSettings::new("127.0.0.1:9092", "test").unwrap();
        for name in [
            "acks",
            "enable.idempotence",
            "group.id",
            "message.timeout.ms",
        ] {
            let refused = settings.clone().with_property(name, "0").unwrap_err();
            assert_eq!(refused, SettingsError::Property(name.to_owned()));
        }
        let secured = settings.with_property("sasl.password", "hidden").unwrap();
        assert!(!format!("{secured:?}").contains("hidden"));
        assert_eq!(secured.client("x").get("sasl.password"), Some("hidden"));
    }

    #[test]
    fn names_carry_the_prefix() {
        let names = TopicNames::new("prod.").unwrap();
        assert_eq!(names.commands(), "prod.card.commands.v1");
        assert_eq!(names.replies(), "prod.card.replies.v1");
        assert_eq!(names.processor_group(), "prod.card-processor");
        assert!(TopicNames::new("a b").is_err());
        assert!(KafkaSettings::new(" ", "test").is_err());
    }
}
