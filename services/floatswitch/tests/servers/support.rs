//! `floatswitch` processes on folders, ports, topics and tables of their own.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub(crate) fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_floatswitch"))
}

pub(crate) fn run(config: &Path, arguments: &[&str]) {
    let done = program()
        .args(arguments)
        .arg("--config")
        .arg(config)
        .output()
        .unwrap();
    assert!(done.status.success(), "{arguments:?}: {done:?}");
}

/// A serving process; it is told to stop, so that it sends what it has.
pub(crate) struct Serving {
    child: Child,
    lines: Vec<String>,
}

impl Serving {
    pub(crate) fn start(config: &Path, roles: &[&str]) -> Self {
        let mut child = program()
            .args(["serve", "--config"])
            .arg(config)
            .args(roles)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut lines = Vec::new();
        while lines.last().is_none_or(|line| line != "ready\n") {
            let mut line = String::new();
            assert!(output.read_line(&mut line).unwrap() > 0, "{lines:?}");
            lines.push(line);
        }
        Self { child, lines }
    }

    pub(crate) fn address(&self) -> &str {
        let line = self
            .lines
            .iter()
            .find_map(|line| line.strip_prefix("listening on "));
        line.unwrap().split(' ').next().unwrap()
    }

    /// Where the listener of an acquirer is.
    pub(crate) fn address_of(&self, acquirer: &str) -> String {
        let of_it = format!(" for acquirer {acquirer} ");
        let line = self.lines.iter().find(|line| line.contains(&of_it));
        let address = line.and_then(|line| line.strip_prefix("listening on "));
        address.unwrap().split(' ').next().unwrap().to_owned()
    }

    /// What a line says between its beginning and an end.
    pub(crate) fn told_after(&self, beginning: &str, end: &str) -> String {
        let rest = self
            .lines
            .iter()
            .find_map(|line| line.strip_prefix(beginning));
        rest.unwrap().split(end).next().unwrap().to_owned()
    }

    pub(crate) fn stop(mut self) {
        let pid = i32::try_from(self.child.id()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

/// The example's settings on a folder and free ports, with tables added.
pub(crate) fn settings(folder: &Path, name: &str, added: &str) -> PathBuf {
    let data = folder.join(name);
    let text: String = settings::example()
        .lines()
        .map(|line| match line.split(" =").next() {
            Some("data_dir") => format!("data_dir = \"{}\"\n", data.display()),
            Some("metrics_listen") => "metrics_listen = \"127.0.0.1:0\"\n".to_owned(),
            Some("listen") => "listen = \"127.0.0.1:0\"\n".to_owned(),
            Some("partition_count") => "partition_count = 4\n".to_owned(),
            Some("segment_size_mib") => "segment_size_mib = 4\n".to_owned(),
            _ => format!("{line}\n"),
        })
        .collect();
    let config = folder.join(format!("{name}.toml"));
    std::fs::write(&config, text + added).unwrap();
    config
}

/// The table of a cluster on the tests' servers, with topics and tables of its own.
pub(crate) fn cluster() -> String {
    let name = test_servers::unique("servers");
    settings::cluster_example()
        .replace("127.0.0.1:9092", test_servers::shared_kafka())
        .replace("127.0.0.1:9042", test_servers::shared_cassandra())
        .replace(
            "topic_prefix = \"\"",
            &format!("topic_prefix = \"{name}.\""),
        )
        .replace(
            "keyspace = \"floatswitch\"",
            &format!("keyspace = \"{name}\""),
        )
        .replace("dc1 = 1", "replication_factor = 1")
}
