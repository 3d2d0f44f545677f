//! One server of each kind for all tests of a process.

use std::env;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::cassandra::{CassandraCluster, CassandraOptions};
use crate::error::ServerError;
use crate::kafka::{KafkaCluster, KafkaOptions};

/// Names a Kafka that runs already: `host:port`, several separated by commas.
pub const KAFKA_VARIABLE: &str = "FLOATSWITCH_TEST_KAFKA";
/// Names a Cassandra or ScyllaDB that runs already: `host:port`, several separated by commas.
pub const CASSANDRA_VARIABLE: &str = "FLOATSWITCH_TEST_CQL";

const PREFIX_SIZE_MAX: usize = 24;

/// A server to test against: one that runs already, or one of our own, which ends with this value.
#[derive(Debug)]
pub struct Served<C> {
    addresses: String,
    _own: Option<C>,
}

// === impl Served ===

impl<C> Served<C> {
    /// Where it listens: `host:port`, several separated by commas.
    pub fn addresses(&self) -> &str {
        &self.addresses
    }

    fn configured(variable: &str) -> Option<Self> {
        let addresses = env::var(variable).ok().filter(|value| !value.is_empty())?;
        Some(Self {
            addresses,
            _own: None,
        })
    }
}

impl Served<KafkaCluster> {
    /// Takes the Kafka of [`KAFKA_VARIABLE`], or starts one broker.
    ///
    /// # Errors
    ///
    /// As for [`KafkaCluster::start`].
    pub fn kafka() -> Result<Self, ServerError> {
        Self::kafka_like(KafkaOptions::default())
    }

    /// Takes the Kafka of [`KAFKA_VARIABLE`], or starts one with these options.
    ///
    /// # Errors
    ///
    /// As for [`KafkaCluster::start`].
    pub fn kafka_like(options: KafkaOptions) -> Result<Self, ServerError> {
        if let Some(configured) = Self::configured(KAFKA_VARIABLE) {
            return Ok(configured);
        }
        let cluster = KafkaCluster::start(options)?;
        Ok(Self {
            addresses: cluster.bootstrap(),
            _own: Some(cluster),
        })
    }
}

impl Served<CassandraCluster> {
    /// Takes the Cassandra of [`CASSANDRA_VARIABLE`], or starts one node.
    ///
    /// # Errors
    ///
    /// As for [`CassandraCluster::start`].
    pub fn cassandra() -> Result<Self, ServerError> {
        Self::cassandra_like(CassandraOptions::default())
    }

    /// Takes the Cassandra of [`CASSANDRA_VARIABLE`], or starts one with these options.
    ///
    /// # Errors
    ///
    /// As for [`CassandraCluster::start`].
    pub fn cassandra_like(options: CassandraOptions) -> Result<Self, ServerError> {
        if let Some(configured) = Self::configured(CASSANDRA_VARIABLE) {
            return Ok(configured);
        }
        let cluster = CassandraCluster::start(options)?;
        Ok(Self {
            addresses: cluster.contact_points().join(","),
            _own: Some(cluster),
        })
    }
}

/// Gives the bootstrap address of the Kafka that all tests of this process share: `host:port`, several separated
/// by commas.
///
/// It is the one of [`KAFKA_VARIABLE`], else one broker of our own, started by the first call, gone with the
/// process. The first call takes seconds.
///
/// # Panics
///
/// When the broker does not start, with the reason: a test is never skipped.
pub fn shared_kafka() -> &'static str {
    static SHARED: OnceLock<Result<Served<KafkaCluster>, ServerError>> = OnceLock::new();
    match SHARED.get_or_init(Served::kafka) {
        Ok(kafka) => kafka.addresses(),
        Err(error) => panic!("no kafka for the tests: {error}"),
    }
}

/// Gives the contact points of the Cassandra that all tests of this process share: `host:port`, several separated
/// by commas.
///
/// They are those of [`CASSANDRA_VARIABLE`], else one node of our own as for [`shared_kafka`].
///
/// # Panics
///
/// When the node does not start, with the reason: a test is never skipped.
pub fn shared_cassandra() -> &'static str {
    static SHARED: OnceLock<Result<Served<CassandraCluster>, ServerError>> = OnceLock::new();
    match SHARED.get_or_init(Served::cassandra) {
        Ok(cassandra) => cassandra.addresses(),
        Err(error) => panic!("no cassandra for the tests: {error}"),
    }
}

/// Makes a name that no other test has, in this process or another: for topics, groups and keyspaces.
///
/// The name is `prefix`, random digits of this process and a number, within 48 characters of `a-z0-9_`.
///
/// # Panics
///
/// When the prefix does not start with a letter, is longer than 24, or holds other characters.
pub fn unique(prefix: &str) -> String {
    static PROCESS: OnceLock<u64> = OnceLock::new();
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let is_allowed =
        |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    assert!(
        prefix.starts_with(|letter: char| letter.is_ascii_lowercase())
            && prefix.chars().all(is_allowed)
            && prefix.len() <= PREFIX_SIZE_MAX,
        "`{prefix}` should be a-z0-9_, start with a letter, and have {PREFIX_SIZE_MAX} at most"
    );
    // The seed of a hasher is the standard library's only randomness. A process id would come again, and the
    // server may have seen it.
    let process = PROCESS.get_or_init(|| RandomState::new().hash_one(0));
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{prefix}_{:010x}_{count}", process >> 24)
}

#[cfg(test)]
mod tests {
    use super::unique;

    #[test]
    fn names_differ_and_fit_a_keyspace() {
        let longest = "a_prefix_of_twenty_four_";
        let names = [unique("cards"), unique("cards"), unique(longest)];
        assert_ne!(names[0], names[1]);
        for name in names {
            assert!(name.len() <= 48, "{name}");
            assert!(
                name.chars()
                    .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
            );
        }
    }
}
