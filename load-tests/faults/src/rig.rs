//! One cluster of processes, on settings, topics and tables of its own.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::error::{FaultError, demand};
use crate::facts::{CheckFacts, Facts};
use crate::load::{Load, LoadPlan};
use crate::member::{Member, Role};
use crate::metrics;
use crate::record::Seen;
use crate::settings_file::{free_port, list, set};
use crate::site::Site;
use crate::status::Status;
use crate::wait::wait_for;

/// How long partitions may take until all have an owner that runs.
pub(crate) const SETTLE_LIMIT: Duration = Duration::from_secs(90);
/// What each card has at first, below the most that it may have, so that top-ups fit.
const BALANCE: &str = "4000.00";

/// How big the cluster is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RigPlan {
    pub(crate) partitions: u16,
    pub(crate) cards: u64,
    /// When a silent processor loses its partitions.
    pub(crate) session_timeout_seconds: u32,
}

/// A cluster under test. Its processes end with it.
#[derive(Debug)]
pub(crate) struct Rig {
    pub(crate) site: Site,
    pub(crate) plan: RigPlan,
    /// What the names of its topics begin with, and its keyspace.
    pub(crate) name: String,
    members: BTreeMap<String, Member>,
    settings: String,
    loads_count: u32,
    records: Vec<PathBuf>,
    folder: TempDir,
}

// === impl Rig ===

impl Rig {
    /// Writes settings, and has the switch make topics and tables.
    pub(crate) fn new(site: &Site, plan: RigPlan) -> Result<Self, FaultError> {
        let folder = tempfile::Builder::new()
            .prefix("floatswitch-faults-")
            .tempdir();
        let mut rig = Self {
            site: site.clone(),
            plan,
            name: Site::unique_name(),
            members: BTreeMap::new(),
            settings: String::new(),
            loads_count: 0,
            records: Vec::new(),
            folder: folder.map_err(FaultError::io("make a temporary folder"))?,
        };
        rig.settings = rig.settings_text()?;
        let (listen, metrics) = (free_port(), free_port());
        rig.write_settings("switch", listen, metrics)?;
        rig.run(&["cluster", "init"])?;
        Ok(rig)
    }

    fn settings_text(&self) -> Result<String, FaultError> {
        let example = self.path("example.toml");
        let made = Command::new(&self.site.program)
            .args(["init", "--cluster", "--config"])
            .arg(&example)
            .output()
            .map_err(FaultError::io("run floatswitch"))?;
        succeeded("init --cluster", &made)?;
        let example = fs::read_to_string(example).map_err(FaultError::io("read settings"))?;
        let quoted = |text: &str| format!("\"{text}\"");
        let copies = self.site.card_copies();
        let values = [
            ("data_dir", quoted(&self.path("data").display().to_string())),
            ("partition_count", self.plan.partitions.to_string()),
            ("kafka", list(self.site.kafka.split(','))),
            ("topic_prefix", quoted(&format!("{}.", self.name))),
            ("topic_replication", self.site.topic_copies().to_string()),
            ("reply_partitions", "4".to_owned()),
            // So that the next day can be opened by hand at any hour.
            ("cut_at", quoted("00:00")),
            ("cql", list(self.site.cassandra.split(','))),
            ("keyspace", quoted(&self.name)),
            ("cql_replication", format!("{{ dc1 = {copies} }}")),
            (
                "session_timeout_seconds",
                self.plan.session_timeout_seconds.to_string(),
            ),
        ];
        let settings = values.iter();
        Ok(settings.fold(example, |text, (key, value)| set(&text, key, value)))
    }

    fn write_settings(&self, name: &str, listen: u16, metrics: u16) -> Result<PathBuf, FaultError> {
        let path = self.path(&format!("{name}.toml"));
        let address = |port: u16| format!("\"127.0.0.1:{port}\"");
        let text = set(&self.settings, "listen", &address(listen));
        let text = set(&text, "metrics_listen", &address(metrics));
        fs::write(&path, text).map_err(FaultError::io("write settings"))?;
        Ok(path)
    }

    /// Settings with an endpoint of the back office, for a process and for whoever asks it.
    fn write_operations(
        &self,
        name: &str,
        listen: u16,
        metrics: u16,
    ) -> Result<PathBuf, FaultError> {
        let path = self.write_settings(name, free_port(), metrics)?;
        let action = || FaultError::io("write settings");
        let token = self.path("operations.token"); // Of `init`.
        let table = format!(
            "\n[operations]\nlisten = \"127.0.0.1:{listen}\"\ntoken_file = \"{}\"\n",
            token.display()
        );
        let text = fs::read_to_string(&path).map_err(action())?;
        fs::write(&path, text + &table).map_err(action())?;
        Ok(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The commands topic, as the switch names it.
    #[cfg(feature = "drivers")]
    pub(crate) fn commands_topic(&self) -> String {
        format!("{}.card.commands.v1", self.name)
    }

    // === commands ===

    /// Runs a command to its end, which must be a good one, and gives what it printed.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<String, FaultError> {
        let output = self.output(arguments)?;
        succeeded(&arguments.join(" "), &output)?;
        Ok(text(&output.stdout))
    }

    /// Runs a command that prints JSON, with the settings of a process, to a good end.
    pub(crate) fn told(&self, of: &str, arguments: &[&str]) -> Result<Value, FaultError> {
        let config = self.path(&format!("{of}.toml"));
        let output = Command::new(&self.site.program)
            .args(arguments)
            .args(["-o", "json", "--config"])
            .arg(config)
            .stdin(Stdio::null())
            .output()
            .map_err(FaultError::io("run floatswitch"))?;
        succeeded(&arguments.join(" "), &output)?;
        first_json(&text(&output.stdout))
    }

    /// Runs a command to whatever end.
    pub(crate) fn output(&self, arguments: &[&str]) -> Result<Output, FaultError> {
        self.command(arguments)
            .stdin(Stdio::null())
            .output()
            .map_err(FaultError::io("run floatswitch"))
    }

    /// Runs a command that must be refused, and gives what it said.
    pub(crate) fn refused(&self, arguments: &[&str]) -> Result<String, FaultError> {
        let output = self.output(arguments)?;
        let said = text(&output.stdout) + &text(&output.stderr);
        let is_refused = output.status.code().is_some_and(|code| code > 1);
        demand(is_refused, || {
            let (command, status) = (arguments.join(" "), output.status);
            format!("`{command}` ended with {status} where it must refuse: {said}")
        })?;
        Ok(said)
    }

    /// What `card show` tells of a card.
    pub(crate) fn show_card(&self, serial: u64) -> Result<Value, FaultError> {
        let action = || FaultError::io("run floatswitch");
        let number = crate::terminal::card_number(serial)?;
        let mut child = self
            .command(&["card", "show", "--pan-stdin", "-o", "json", "--last", "0"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(action())?;
        if let Some(mut input) = child.stdin.take() {
            input
                .write_all(number.expose().as_bytes())
                .map_err(action())?;
        }
        let output = child.wait_with_output().map_err(action())?;
        succeeded("card show", &output)?;
        first_json(&text(&output.stdout))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.site.program);
        command
            .args(arguments)
            .arg("--config")
            .arg(self.path("switch.toml"));
        command
    }

    /// Puts the cards on the books; a processor must run.
    pub(crate) fn issue_cards(&self) -> Result<(), FaultError> {
        let count = self.plan.cards.to_string();
        let sold = ["--count", &count, "--balance", BALANCE];
        self.run(&[&["card", "issue", "--programme", "1"], &sold[..]].concat())
            .map(drop)
    }

    /// Who has what now.
    pub(crate) fn status(&self) -> Result<Status, FaultError> {
        // Its exit code tells of partitions without an owner, which is no failure here.
        let output = self.output(&["cluster", "status", "--all", "-o", "json"])?;
        match output.status.code() {
            Some(0 | 1) => Status::parse(&text(&output.stdout)),
            _ => Err(failure("cluster status", &output)),
        }
    }

    /// Waits until every partition is decided by a process that runs, and each of these decides some.
    pub(crate) fn wait_settled(&self, names: &[&str]) -> Result<Status, FaultError> {
        let running: Vec<String> = (self.members.values())
            .filter(|member| member.is_running() && member.role == Role::Processor)
            .map(|member| member.name.clone())
            .collect();
        let what = format!("{} have all partitions", running.join(" and "));
        wait_for(&what, SETTLE_LIMIT, || {
            // Brokers and nodes may be about to come back.
            let Ok(status) = self.status() else {
                return Ok(None);
            };
            let is_settled = status.is_run_by(&running)
                && names.iter().all(|name| !status.owned_by(name).is_empty());
            Ok(is_settled.then_some(status))
        })
    }

    // === processes ===

    /// Starts a process, the first time with settings and ports of its own.
    pub(crate) fn start(&mut self, name: &str, role: Role) -> Result<(), FaultError> {
        self.prepare(name, role)?.start()
    }

    /// A process that may or may not run.
    pub(crate) fn prepare(&mut self, name: &str, role: Role) -> Result<&mut Member, FaultError> {
        if !self.members.contains_key(name) {
            let (port, metrics_port) = (free_port(), free_port());
            let config = match role {
                Role::Acquirer | Role::Processor => {
                    self.write_settings(name, port, metrics_port)?
                }
                Role::Operations => self.write_operations(name, port, metrics_port)?,
            };
            let places = (self.site.program.as_path(), self.folder.path());
            let member = Member::new((name, role), config, (port, metrics_port), places);
            self.members.insert(name.to_owned(), member);
        }
        self.member(name)
    }

    /// A process that was started before.
    pub(crate) fn member(&mut self, name: &str) -> Result<&mut Member, FaultError> {
        let missing = || FaultError::Driver(format!("no process {name} was started"));
        self.members.get_mut(name).ok_or_else(missing)
    }

    /// Where the terminals may dial in: every acquirer that was started, whether it lives or not.
    pub(crate) fn addresses(&self) -> Vec<String> {
        let acquirers = self
            .members
            .values()
            .filter(|member| member.role == Role::Acquirer);
        acquirers
            .map(|member| format!("127.0.0.1:{}", member.port))
            .collect()
    }

    /// A metric summed over the processes that run and answer.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let running = self.members.values().filter(|member| member.is_running());
        running
            .filter_map(|member| metrics::scrape(member.metrics_port, name).ok())
            .sum()
    }

    // === load and judgement ===

    /// Starts terminals that pay until they are stopped.
    pub(crate) fn load(&mut self, plan: &LoadPlan) -> Result<Load, FaultError> {
        self.loads_count += 1;
        let place = (self.site.program.as_path(), self.folder.path());
        let numbers = (self.loads_count, self.plan.partitions);
        let (load, record) = Load::start(place, &self.addresses(), plan, numbers)?;
        self.records.push(record);
        Ok(load)
    }

    /// Ends a load, adds what it saw to the facts and gives it.
    pub(crate) fn finish(&self, load: Load, facts: &mut Facts) -> Result<Vec<Seen>, FaultError> {
        let (told, seen) = load.stop()?;
        facts.load.add(&told);
        Ok(seen)
    }

    /// Adds a record that was written by hand.
    pub(crate) fn add_record(&mut self, name: &str, lines: &str) -> Result<(), FaultError> {
        let path = self.path(name);
        fs::write(&path, lines).map_err(FaultError::io("write a record"))?;
        self.records.push(path);
        Ok(())
    }

    /// Proves the books against every record; anything wrong or open is a broken promise.
    pub(crate) fn check(&self) -> Result<CheckFacts, FaultError> {
        let (output, told) = self.check_output()?;
        let against = &told["against"];
        let is_right = output.status.success() && told["clean"] == true && against["open"] == 0;
        demand(is_right, || {
            let said = text(&output.stderr);
            let findings = &told["findings"];
            format!(
                "`check --against` ended with {}: {findings} {against} {said}",
                output.status
            )
        })?;
        let number = |value: &Value| value.as_u64().unwrap_or(0);
        let programmes = told["programmes"].as_array().into_iter().flatten();
        Ok(CheckFacts {
            cards: programmes
                .map(|programme| number(&programme["cards"]))
                .sum(),
            rows: number(&told["rows"]),
            answered: number(&against["answered"]),
            unanswered: number(&against["unanswered"]),
            booked: number(&against["booked"]),
        })
    }

    /// Runs the check to whatever verdict.
    pub(crate) fn check_output(&self) -> Result<(Output, Value), FaultError> {
        let records = self.records.iter().filter_map(|record| record.to_str());
        let records: Vec<&str> = records.flat_map(|record| ["--against", record]).collect();
        let output = self.output(&[&["check", "-o", "json"], &records[..]].concat())?;
        match output.status.code() {
            Some(0 | 1) => {
                let told = first_json(&text(&output.stdout))?;
                Ok((output, told))
            }
            _ => Err(failure("check --against", &output)),
        }
    }

    /// Keeps the folder and quotes the logs, for whoever looks for the cause.
    pub(crate) fn explain(mut self, cause: FaultError) -> FaultError {
        self.folder.disable_cleanup(true);
        let logs = self
            .members
            .values()
            .map(|member| format!("--- {}\n{}\n", member.name, member.log()));
        FaultError::InFolder {
            cause: Box::new(cause),
            folder: self.folder.path().display().to_string(),
            lines: logs.collect(),
        }
    }

    /// Ends every process in good order, and gives how long the slowest took.
    pub(crate) fn end(&mut self) -> Result<Duration, FaultError> {
        let mut slowest = Duration::ZERO;
        for role in [Role::Operations, Role::Acquirer, Role::Processor] {
            let running = self.members.values_mut();
            for member in running.filter(|member| member.role == role && member.is_running()) {
                slowest = slowest.max(member.terminate()?);
            }
        }
        Ok(slowest)
    }
}

fn succeeded(command: &str, output: &Output) -> Result<(), FaultError> {
    match output.status.success() {
        true => Ok(()),
        false => Err(failure(command, output)),
    }
}

fn failure(command: &str, output: &Output) -> FaultError {
    FaultError::Command {
        command: command.to_owned(),
        code: output.status.code(),
        said: text(&output.stdout) + &text(&output.stderr),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn first_json(text: &str) -> Result<Value, FaultError> {
    let line = text.lines().next().unwrap_or_default();
    serde_json::from_str(line).map_err(|_| FaultError::Driver(format!("not JSON: {text}")))
}
