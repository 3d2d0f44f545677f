//! What a connection to the cluster's database needs to know.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// How to reach the database. There is no default: the cluster's settings say it.
#[derive(Debug, Clone)]
pub struct CqlSettings {
    /// `host:port` of some nodes; the others are found through them.
    pub contact_points: Vec<String>,
    /// Where the switch keeps its tables.
    pub keyspace: Keyspace,
    /// Which nodes make a quorum.
    pub reach: Reach,
    /// How long a request may take before its outcome counts as unknown. Longer than the server's
    /// own time-out (2 s), or the server's more exact answers never arrive.
    pub request_timeout: Duration,
    /// Who we are, when the database asks.
    pub login: Option<Login>,
}

/// Which nodes make a quorum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Those of all data centres: QUORUM and SERIAL.
    Everywhere,
    /// Those of one data centre: `LOCAL_QUORUM` and `LOCAL_SERIAL`. All owners must name the same
    /// one, or two could own a partition at once.
    Datacenter(String),
}

/// A user of the database.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub user: String,
    /// The password; no log shows it.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// The name of a keyspace: a lower-case letter, then letters, digits or `_`, 48 at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyspace(String);

/// A name that CQL cannot take as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Of a keyspace.
    #[error(
        "`{0}` is no keyspace name: use a lower-case letter, then letters, digits or _, 48 at most"
    )]
    Keyspace(String),
    /// Of a data centre.
    #[error("`{0}` is no data centre name: use letters, digits, _, - or .")]
    Datacenter(String),
    /// No copies, no data.
    #[error("a replication factor of 0 keeps nothing; use 3, or 1 to try things out")]
    NoReplicas,
}

impl Keyspace {
    /// Checks a name.
    ///
    /// # Errors
    /// [`SettingsError::Keyspace`] when it would have to be quoted.
    pub fn new(name: &str) -> Result<Self, SettingsError> {
        let is_good = name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.len() <= 48
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !is_good {
            return Err(SettingsError::Keyspace(name.to_owned()));
        }
        Ok(Self(name.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Keyspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How many copies a new keyspace keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replication(String);

impl Replication {
    /// This many in every data centre. 3 for RPO 0 at the loss of a node, 1 to try things out.
    ///
    /// # Errors
    /// [`SettingsError::NoReplicas`] for 0.
    pub fn everywhere(factor: u8) -> Result<Self, SettingsError> {
        Self::of([("replication_factor".to_owned(), factor)])
    }

    /// This many in each of these data centres.
    ///
    /// # Errors
    /// [`SettingsError`] for a bad name or a factor of 0.
    pub fn per_datacenter(factors: &BTreeMap<String, u8>) -> Result<Self, SettingsError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        for name in factors.keys() {
            if name.is_empty() || !name.bytes().all(is_plain) {
                return Err(SettingsError::Datacenter(name.clone()));
            }
        }
        Self::of(factors.iter().map(|(name, factor)| (name.clone(), *factor)))
    }

    fn of(factors: impl IntoIterator<Item = (String, u8)>) -> Result<Self, SettingsError> {
        let mut map = "{'class': 'NetworkTopologyStrategy'".to_owned();
        let mut total = 0;
        for (name, factor) in factors {
            if factor == 0 {
                return Err(SettingsError::NoReplicas);
            }
            total += u32::from(factor);
            map.push_str(&format!(", '{name}': {factor}"));
        }
        if total == 0 {
            return Err(SettingsError::NoReplicas);
        }
        map.push('}');
        Ok(Self(map))
    }

    /// The map that CQL takes.
    #[must_use]
    pub fn as_cql(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_need_no_quotes() {
        for good in ["floatswitch", "t_1", "a"] {
            assert_eq!(Keyspace::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "1a", "A", "a-b", "a;drop", "é", &"a".repeat(49)] {
            assert_eq!(
                Keyspace::new(bad),
                Err(SettingsError::Keyspace(bad.to_owned()))
            );
        }
    }

    #[test]
    fn replication_is_a_cql_map() {
        let everywhere = Replication::everywhere(3).unwrap();
        assert_eq!(
            everywhere.as_cql(),
            "{'class': 'NetworkTopologyStrategy', 'replication_factor': 3}"
        );
        let two = BTreeMap::from([("dc1".to_owned(), 3), ("dc2".to_owned(), 2)]);
        assert_eq!(
            Replication::per_datacenter(&two).unwrap().as_cql(),
            "{'class': 'NetworkTopologyStrategy', 'dc1': 3, 'dc2': 2}"
        );
        assert_eq!(Replication::everywhere(0), Err(SettingsError::NoReplicas));
        let none = BTreeMap::new();
        assert_eq!(
            Replication::per_datacenter(&none),
            Err(SettingsError::NoReplicas)
        );
        let quoted = BTreeMap::from([("d'c".to_owned(), 1)]);
        assert_eq!(
            Replication::per_datacenter(&quoted),
            Err(SettingsError::Datacenter("d'c".to_owned()))
        );
    }

    #[test]
    fn no_log_shows_a_password() {
        let login = Login {
            user: "switch".to_owned(),
            password: "hunter2".to_owned(),
        };
        let shown = format!("{login:?}");
        assert!(shown.contains("switch") && !shown.contains("hunter2"));
    }
}
