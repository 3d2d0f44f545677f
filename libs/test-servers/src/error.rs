//! Why a server could not be started or reached.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

/// Why a test server is not there. Never a reason to skip a test.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// No Java 17 was found.
    #[error(
        "java 17 is missing (looked at JAVA_HOME, the path and /usr/lib/jvm); \
         on Debian: apt-get install openjdk-17-jre-headless maven"
    )]
    NoJava,
    /// The jars are not in the cache, and there is no Maven to fetch them.
    #[error("mvn is missing; on Debian: apt-get install openjdk-17-jre-headless maven")]
    NoMaven,
    /// Maven could not fetch the jars.
    #[error("mvn could not fetch {artifact}; it said:\n{output}")]
    NotFetched {
        /// Name and version.
        artifact: String,
        /// The end of what Maven wrote.
        output: String,
    },
    /// Neither `FLOATSWITCH_CACHE` nor `XDG_CACHE_HOME` nor `HOME` is set.
    #[error("no folder to keep the servers in; set FLOATSWITCH_CACHE")]
    NoCacheFolder,
    /// Every loopback network that was tried is taken.
    #[error("no free loopback network of {tried} that were tried; end other test runs")]
    NoNetwork {
        /// How many were tried.
        tried: u32,
    },
    /// A file or a process of ours failed.
    #[error("could not {action}: {cause}")]
    Io {
        /// What was being done.
        action: String,
        /// Why it failed; part of the message, because tests print no chain.
        cause: io::Error,
    },
    /// The jars are there, but Kafka's own tool could not format a data folder.
    #[error("kafka's storage tool failed; it said:\n{output}")]
    NotFormatted {
        /// The end of what the tool wrote.
        output: String,
    },
    /// The server ended before it was ready.
    #[error("{node} ended ({status}) before it was ready; its log ends:\n{log_tail}")]
    Ended {
        /// The node.
        node: String,
        /// How it ended.
        status: ExitStatus,
        /// The last lines of its log.
        log_tail: String,
    },
    /// The server is slow, or does not find the others.
    #[error("{node} was not ready within {} s; its log ends:\n{log_tail}", timeout.as_secs())]
    NotReady {
        /// The node.
        node: String,
        /// How long it had.
        timeout: Duration,
        /// The last lines of its log.
        log_tail: String,
    },
    /// The cluster has fewer nodes.
    #[error("there is no node {number}; nodes are 1 to {nodes_count}")]
    NoSuchNode {
        /// The number asked for.
        number: usize,
        /// How many nodes there are.
        nodes_count: usize,
    },
    /// The node is down, so it takes no signal.
    #[error("{node} is not running; restart it first")]
    NotRunning {
        /// The node.
        node: String,
    },
    /// The node is frozen or not, contrary to what the call needs.
    #[error("{node} did not {what} within {} s", timeout.as_secs())]
    Unmoved {
        /// The node.
        node: String,
        /// What it should have done.
        what: &'static str,
        /// How long it had.
        timeout: Duration,
    },
}

// === impl ServerError ===

impl ServerError {
    /// Makes an error of a failed file or process operation; `action` is a verb phrase.
    pub(crate) fn io(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        |cause| Self::Io { action, cause }
    }
}
