//! The servers' jars, fetched once by Maven, and the Java that runs them.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::error::ServerError;
use crate::kafka;
use crate::process::ServerProcess;

const KAFKA_VERSION: &str = "4.4.0";
const CASSANDRA_VERSION: &str = "5.0.9";
const COPY_GOAL: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.9.0:copy-dependencies";
/// Cassandra 5 runs on no later one.
const JAVA_VERSION: &str = "17";
/// How a shell says that there is no such command.
const NOT_FOUND_CODE: i32 = 127;
const FETCH_TIMEOUT: Duration = Duration::from_secs(900);
const OUTPUT_LINES_MAX: usize = 30;

/// A server's jars in a folder of the cache, and the Java that runs them.
///
/// The cache is `$FLOATSWITCH_CACHE`, else `$XDG_CACHE_HOME/floatswitch`, else `~/.cache/floatswitch`.
#[derive(Debug, Clone)]
pub struct Jars {
    /// Holds the folder of the jars, and what else was made once at the fetch.
    folder: PathBuf,
    java: PathBuf,
}

// === impl Jars ===

impl Jars {
    /// Finds or fetches Apache Kafka, about 43 MB.
    ///
    /// # Errors
    ///
    /// When Java 17 is missing, or the jars are not in the cache and Maven is missing or cannot fetch them.
    pub fn kafka() -> Result<Self, ServerError> {
        Self::find_or_fetch(&Artifact {
            name: "kafka",
            version: KAFKA_VERSION,
            pom: include_str!("../templates/kafka/pom.xml"),
            finish: kafka::format_first_folder,
        })
    }

    /// Finds or fetches Apache Cassandra, about 67 MB.
    ///
    /// # Errors
    ///
    /// As for [`Jars::kafka`].
    pub fn cassandra() -> Result<Self, ServerError> {
        Self::find_or_fetch(&Artifact {
            name: "cassandra",
            version: CASSANDRA_VERSION,
            pom: include_str!("../templates/cassandra/pom.xml"),
            finish: |_| Ok(()),
        })
    }

    /// The folder of this server in the cache.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn jars_folder(&self) -> PathBuf {
        self.folder.join("jars")
    }

    /// Starts a command line: Java, its class path, and a folder for what it unpacks.
    pub(crate) fn java(&self, temporary: &Path) -> Vec<OsString> {
        vec![
            self.java.clone().into(),
            joined("-Djava.io.tmpdir=", temporary),
            "-XX:+UseSerialGC".into(),
            "-XX:-UsePerfData".into(),
            "-cp".into(),
            self.jars_folder().join("*").into(),
        ]
    }

    /// Finds the one jar whose name starts so.
    pub(crate) fn jar(&self, prefix: &str) -> Result<PathBuf, ServerError> {
        let folder = self.jars_folder();
        let action = || format!("find {prefix}*.jar in {}", folder.display());
        let entries = fs::read_dir(&folder).map_err(ServerError::io(action()))?;
        let mut names = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let has_prefix = |path: &PathBuf| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with(prefix))
        };
        names
            .find(has_prefix)
            .ok_or_else(|| ServerError::io(action())(io::ErrorKind::NotFound.into()))
    }

    fn find_or_fetch(artifact: &Artifact) -> Result<Self, ServerError> {
        let java = find_java()?;
        let servers = cache_folder()?.join("servers");
        let folder = servers.join(artifact.label());
        let jars = Self { folder, java };
        if !jars.folder.is_dir() {
            artifact.fetch(&servers, &jars)?;
        }
        Ok(jars)
    }
}

struct Artifact {
    name: &'static str,
    version: &'static str,
    pom: &'static str,
    /// Makes what all starts of the server use, once, beside the jars.
    finish: fn(&Jars) -> Result<(), ServerError>,
}

// === impl Artifact ===

impl Artifact {
    fn label(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }

    /// Fetches into a temporary folder and renames it, so an interrupted fetch leaves no half.
    ///
    /// Several first starts at once wait for one fetch at a file lock; the system frees it with its process.
    fn fetch(&self, servers: &Path, jars: &Jars) -> Result<(), ServerError> {
        let action = |what: &str| ServerError::io(format!("{what} in {}", servers.display()));
        fs::create_dir_all(servers).map_err(action("make the cache folder"))?;
        let lock_path = servers.join(format!("{}.lock", self.label()));
        let lock = File::create(lock_path).map_err(action("make a lock file"))?;
        lock.lock().map_err(action("lock a file"))?;
        if jars.folder.is_dir() {
            return Ok(());
        }
        let partial = tempfile::Builder::new()
            .prefix(&format!("{}.partial-", self.label()))
            .tempdir_in(servers)
            .map_err(action("make a temporary folder"))?;
        let pom = partial.path().join("pom.xml");
        fs::write(&pom, self.pom.replace("@VERSION@", self.version))
            .map_err(action("write pom.xml"))?;
        let fetched = Jars {
            folder: partial.path().to_owned(),
            java: jars.java.clone(),
        };
        self.copy_dependencies(partial.path(), &pom, &fetched.jars_folder())?;
        (self.finish)(&fetched)?;
        fs::rename(partial.path(), &jars.folder).map_err(action("rename the fetched folder"))
    }

    /// Runs Maven so that it ends with us, and takes the folder along: an orphan would go on writing to it.
    fn copy_dependencies(
        &self,
        partial: &Path,
        pom: &Path,
        jars: &Path,
    ) -> Result<(), ServerError> {
        let command: Vec<OsString> = vec![
            "mvn".into(),
            "-q".into(),
            "-B".into(),
            "-C".into(),
            "-f".into(),
            pom.into(),
            COPY_GOAL.into(),
            "-DincludeScope=runtime".into(),
            joined("-DoutputDirectory=", jars),
        ];
        let log = partial.join("mvn.log");
        let mut maven = ServerProcess::start(&command, &log, Some(partial))
            .map_err(ServerError::io("run mvn"))?;
        let status = maven.wait(FETCH_TIMEOUT);
        if status.is_some_and(|status| status.success()) && jars.is_dir() {
            return Ok(());
        }
        if status.and_then(|status| status.code()) == Some(NOT_FOUND_CODE) {
            return Err(ServerError::NoMaven);
        }
        let output = fs::read(&log).unwrap_or_default();
        Err(ServerError::NotFetched {
            artifact: self.label(),
            output: tail(&String::from_utf8_lossy(&output)),
        })
    }
}

/// The last lines of what a tool wrote to both of its outputs.
pub(crate) fn output_tail(output: &Output) -> String {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    tail(&String::from_utf8_lossy(&text))
}

/// The last lines of a text.
pub(crate) fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(OUTPUT_LINES_MAX)..].join("\n")
}

/// An option with a path as its value; the path need not be text.
pub(crate) fn joined(option: &str, path: &Path) -> OsString {
    let mut joined = OsString::from(option);
    joined.push(path);
    joined
}

fn cache_folder() -> Result<PathBuf, ServerError> {
    let folder = |name: &str| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    folder("FLOATSWITCH_CACHE")
        .or_else(|| Some(folder("XDG_CACHE_HOME")?.join("floatswitch")))
        .or_else(|| Some(folder("HOME")?.join(".cache/floatswitch")))
        .ok_or(ServerError::NoCacheFolder)
}

/// Finds Java 17: the one that is set up, else one that the system keeps beside it.
fn find_java() -> Result<PathBuf, ServerError> {
    let home = env::var_os("JAVA_HOME").map(|home| PathBuf::from(home).join("bin/java"));
    let installed = fs::read_dir("/usr/lib/jvm").ok().into_iter().flatten();
    let installed = installed
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().contains(JAVA_VERSION))
        .map(|path| path.join("bin/java"));
    home.into_iter()
        .chain([PathBuf::from("java")])
        .chain(installed)
        .find(|java| has_version(java))
        .ok_or(ServerError::NoJava)
}

fn has_version(java: &Path) -> bool {
    let output = Command::new(java)
        .arg("-version")
        .stdin(Stdio::null())
        .output();
    let expected = format!("version \"{JAVA_VERSION}");
    // Java writes its version to standard error.
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stderr).contains(&expected))
}
