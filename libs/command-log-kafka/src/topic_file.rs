//! The topics as `deploy/kafka/topics.toml` describes them. The file is part of the binary.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// One topic of the file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TopicSpec {
    pub(crate) name: String,
    pub(crate) partitions: u16,
    pub(crate) replication: u16,
    pub(crate) retention_hours: u32,
    /// By Kafka's own names.
    pub(crate) settings: BTreeMap<String, String>,
}

/// The whole file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TopicFile {
    pub(crate) commands: TopicSpec,
    pub(crate) replies: TopicSpec,
}

/// The largest record that fits into the topics; the envelope of a command has a few hundred bytes.
pub(crate) const RECORD_BYTES_MAX: usize = 60 * 1024;

pub(crate) fn topic_file() -> &'static TopicFile {
    static FILE: LazyLock<TopicFile> = LazyLock::new(|| {
        toml::from_str(include_str!("../../../deploy/kafka/topics.toml"))
            .expect("a test reads the file that is built in")
    });
    &FILE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::TopicNames;

    #[test]
    fn the_file_says_what_the_code_knows() {
        let file = topic_file();
        let names = TopicNames::new("").unwrap();
        assert_eq!(file.commands.name, names.commands());
        assert_eq!(file.replies.name, names.replies());
        for spec in [&file.commands, &file.replies] {
            let limit: usize = spec.settings["max.message.bytes"].parse().unwrap();
            assert!(RECORD_BYTES_MAX < limit, "a record and its frame must fit");
        }
    }
}
