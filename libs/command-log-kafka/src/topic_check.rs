//! Whether a topic that exists already can carry a log. Knows no client: it is given what the brokers say.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::context::as_ms;
use crate::topic_file::TopicSpec;

/// What a topic should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WantedTopic {
    pub(crate) name: String,
    pub(crate) partitions: u16,
    pub(crate) replication: u16,
    pub(crate) retention: Duration,
    pub(crate) settings: BTreeMap<String, String>,
}

impl WantedTopic {
    pub(crate) fn new(name: String, spec: &TopicSpec) -> Self {
        Self {
            name,
            partitions: spec.partitions,
            replication: spec.replication,
            retention: Duration::from_hours(u64::from(spec.retention_hours)),
            settings: spec.settings.clone(),
        }
    }

    /// All settings that a new topic gets.
    pub(crate) fn all_settings(&self) -> BTreeMap<String, String> {
        let mut all = self.settings.clone();
        all.insert("retention.ms".into(), as_ms(self.retention).to_string());
        let copies = min_insync(usize::from(self.replication));
        all.insert("min.insync.replicas".into(), copies.to_string());
        all
    }
}

/// How many copies must hold a record before it is acknowledged (LOG-1).
fn min_insync(replication: usize) -> usize {
    replication.min(2)
}

/// What a topic is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundTopic {
    pub(crate) partitions: usize,
    /// Of the partition with the fewest copies.
    pub(crate) replication: usize,
    pub(crate) settings: BTreeMap<String, String>,
}

/// One thing that is wrong with a topic, with what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopicProblem {
    /// Cards would be looked for in other partitions.
    #[error(
        "it has {found} partitions, wanted {wanted}: the count is fixed for life; \
         configure {found}, or start over with a new prefix"
    )]
    PartitionCount {
        /// What it has.
        found: usize,
        /// What the plan says.
        wanted: u16,
    },
    /// A lost disk would be lost records.
    #[error("it has {found} copies, wanted {wanted}: add some with kafka-reassign-partitions.sh")]
    Replication {
        /// What it has.
        found: usize,
        /// What the plan says.
        wanted: u16,
    },
    /// A setting breaks a promise of the log.
    #[error("{name} is {found}, must be {wanted}: change it with kafka-configs.sh --alter")]
    Setting {
        /// Kafka's name.
        name: String,
        /// What it is; `unknown` when the brokers do not say.
        found: String,
        /// What it must be.
        wanted: String,
    },
}

/// Everything that is wrong.
pub(crate) fn problems(wanted: &WantedTopic, found: &FoundTopic) -> Vec<TopicProblem> {
    let mut problems = Vec::new();
    if found.partitions != usize::from(wanted.partitions) {
        problems.push(TopicProblem::PartitionCount {
            found: found.partitions,
            wanted: wanted.partitions,
        });
    }
    if found.replication < usize::from(wanted.replication) {
        problems.push(TopicProblem::Replication {
            found: found.replication,
            wanted: wanted.replication,
        });
    }
    let fixed = [
        "cleanup.policy",
        "message.timestamp.type",
        "unclean.leader.election.enable",
    ];
    for name in fixed {
        let value = wanted.settings.get(name).map(String::as_str);
        problems.extend(value.and_then(|value| equal(found, name, value)));
    }
    let least = |name: &str, value: u64| at_least(found, name, value);
    let copies = u64::try_from(min_insync(found.replication)).unwrap_or(u64::MAX);
    problems.extend(least("min.insync.replicas", copies));
    problems.extend(least("retention.ms", as_ms(wanted.retention)));
    for name in ["max.message.bytes", "retention.bytes"] {
        let value = wanted.settings.get(name);
        problems.extend(value.and_then(|value| match value.parse() {
            Ok(value) => least(name, value),
            Err(_) => equal(found, name, value),
        }));
    }
    problems
}

fn equal(found: &FoundTopic, name: &str, wanted: &str) -> Option<TopicProblem> {
    let value = found.settings.get(name).map(String::as_str);
    (value != Some(wanted)).then(|| setting(name, value, wanted.to_owned()))
}

/// Kafka writes -1 for "without limit".
fn at_least(found: &FoundTopic, name: &str, wanted: u64) -> Option<TopicProblem> {
    let value = found.settings.get(name).map(String::as_str);
    let is_enough = match value {
        Some("-1") => true,
        Some(text) => text.parse::<u64>().is_ok_and(|value| value >= wanted),
        None => false,
    };
    (!is_enough).then(|| setting(name, value, format!("{wanted} or more")))
}

fn setting(name: &str, found: Option<&str>, wanted: String) -> TopicProblem {
    TopicProblem::Setting {
        name: name.to_owned(),
        found: found.unwrap_or("unknown").to_owned(),
        wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topic_file::topic_file;

    fn wanted() -> WantedTopic {
        WantedTopic::new("x".into(), &topic_file().commands)
    }

    /// What a topic made to this plan looks like.
    fn made() -> FoundTopic {
        FoundTopic {
            partitions: 256,
            replication: 3,
            settings: wanted().all_settings(),
        }
    }

    fn with(name: &str, value: &str) -> Vec<TopicProblem> {
        let mut found = made();
        found.settings.insert(name.into(), value.into());
        problems(&wanted(), &found)
    }

    #[track_caller]
    fn check_good(name: &str, value: &str) {
        assert_eq!(with(name, value), [], "{name}={value}");
    }

    #[track_caller]
    fn check_bad(name: &str, value: &str) {
        let problems = with(name, value);
        assert_eq!(problems.len(), 1, "{name}={value}: {problems:?}");
        assert!(problems[0].to_string().contains(name));
    }

    #[test]
    fn settings_that_break_a_promise_are_found() {
        check_good("cleanup.policy", "delete");
        check_bad("cleanup.policy", "compact");
        check_bad("cleanup.policy", "compact,delete");
        check_bad("message.timestamp.type", "CreateTime");
        check_bad("unclean.leader.election.enable", "true");
        check_bad("min.insync.replicas", "1");
        check_good("min.insync.replicas", "3");
        check_bad("max.message.bytes", "1000");
        check_good("max.message.bytes", "1048576");
        check_bad("retention.ms", "3600000");
        check_good("retention.ms", "-1");
        check_bad("retention.bytes", "1000000");
        check_good("compression.type", "lz4");
    }

    #[test]
    fn shape_must_fit() {
        assert_eq!(problems(&wanted(), &made()), []);
        let count = |partitions, replication| {
            let found = FoundTopic {
                partitions,
                replication,
                ..made()
            };
            problems(&wanted(), &found).len()
        };
        assert_eq!(count(255, 3), 1);
        assert_eq!(count(257, 3), 1);
        assert_eq!(count(256, 2), 1);
        assert_eq!(count(256, 5), 0);
        assert_eq!(count(1, 1), 2);
    }

    #[test]
    fn one_copy_needs_one_in_sync() {
        let wanted = WantedTopic {
            replication: 1,
            ..wanted()
        };
        assert_eq!(wanted.all_settings()["min.insync.replicas"], "1");
    }
}
