//! One serving process of the cluster, and the harm that can be done to it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::error::{FaultError, demand};
use crate::guard::Guard;
use crate::wait::wait_for;

/// How long a process may take until it serves, on a machine that starts servers meanwhile.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long it may take to end in good order: more than it waits for answers in flight.
const END_LIMIT: Duration = Duration::from_secs(60);
const SIGNAL_LIMIT: Duration = Duration::from_secs(10);
/// Lines of a log that an error quotes.
const QUOTED_LINES: usize = 12;
const QUOTED_WIDTH: usize = 240;

/// What a process does in the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Takes messages from terminals.
    Acquirer,
    /// Decides on cards.
    Processor,
    /// Answers the back office.
    Operations,
}

// === impl Role ===

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Acquirer => "acquirer",
            Self::Processor => "processor",
            Self::Operations => "operations",
        }
    }
}

/// A process of the cluster with a name of its own; it may die and live again.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) config: PathBuf,
    pub(crate) port: u16,
    pub(crate) metrics_port: u16,
    program: PathBuf,
    folder: PathBuf,
    lives: u32,
    child: Option<Child>,
    guard: Option<Guard>,
}

// === impl Member ===

impl Member {
    /// A process that does not run yet.
    pub(crate) fn new(
        (name, role): (&str, Role),
        config: PathBuf,
        (port, metrics_port): (u16, u16),
        (program, folder): (&Path, &Path),
    ) -> Self {
        Self {
            name: name.to_owned(),
            role,
            config,
            port,
            metrics_port,
            program: program.to_owned(),
            folder: folder.to_owned(),
            lives: 0,
            child: None,
            guard: None,
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        self.child.is_some()
    }

    /// Starts it and waits until it says that it is ready.
    pub(crate) fn start(&mut self) -> Result<(), FaultError> {
        self.begin()?;
        let what = format!("{} is ready", self.name);
        wait_for(&what, START_LIMIT, || self.look_for_ready())
    }

    /// Starts it where it must refuse, and gives what it said.
    pub(crate) fn start_refused(&mut self) -> Result<String, FaultError> {
        self.begin()?;
        let what = format!("{} refuses to start", self.name);
        let status = wait_for(&what, START_LIMIT, || self.ended())?;
        let said = self.log();
        demand(status.code().is_some_and(|code| code > 1), || {
            format!(
                "{} ended with {status} where it must refuse: {said}",
                self.name
            )
        })?;
        Ok(said)
    }

    fn begin(&mut self) -> Result<(), FaultError> {
        self.lives += 1;
        let action = || FaultError::io(format!("start {}", self.name));
        let out = File::create(self.out_path()).map_err(action())?;
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_path());
        let child = Command::new(&self.program)
            .args(["serve", "--roles", self.role.name(), "--name", &self.name])
            .arg("--config")
            .arg(&self.config)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(log.map_err(action())?)
            .spawn()
            .map_err(action())?;
        self.guard = Some(Guard::of(&child).map_err(action())?);
        self.child = Some(child);
        Ok(())
    }

    fn look_for_ready(&mut self) -> Result<Option<()>, FaultError> {
        if let Some(status) = self.ended()? {
            return Err(FaultError::Command {
                command: format!("serve --roles {} --name {}", self.role.name(), self.name),
                code: status.code(),
                said: self.log(),
            });
        }
        let out = fs::read_to_string(self.out_path()).map_err(FaultError::io("read an output"))?;
        Ok(out.lines().any(|line| line == "ready").then_some(()))
    }

    /// How it ended, if it did.
    fn ended(&mut self) -> Result<Option<ExitStatus>, FaultError> {
        let action = format!("look after {}", self.name);
        let status = self.child()?.try_wait().map_err(FaultError::io(action))?;
        if status.is_some() {
            self.guard = None;
            self.child = None;
        }
        Ok(status)
    }

    /// `kill -9`: nothing is flushed, nothing is said.
    pub(crate) fn kill(&mut self) -> Result<(), FaultError> {
        let action = || FaultError::io(format!("kill {}", self.name));
        self.guard = None;
        let mut child = self.child.take().ok_or_else(|| self.not_running())?;
        child.kill().map_err(action())?;
        child.wait().map_err(action()).map(drop)
    }

    /// Asks it to end in good order, and gives how long it took.
    pub(crate) fn terminate(&mut self) -> Result<Duration, FaultError> {
        let asked = Instant::now();
        self.signal(Signal::TERM)?;
        self.wait_end()?;
        Ok(asked.elapsed())
    }

    /// Waits for its end, which must be in good order.
    pub(crate) fn wait_end(&mut self) -> Result<(), FaultError> {
        let what = format!("{} ends", self.name);
        let status = wait_for(&what, END_LIMIT, || self.ended())?;
        demand(status.success(), || {
            format!("{} ended with {status}: {}", self.name, self.log())
        })
    }

    /// Takes the processor from it; it keeps all that it holds.
    pub(crate) fn freeze(&mut self) -> Result<(), FaultError> {
        self.signal(Signal::STOP)?;
        self.wait_activity('T')
    }

    /// Lets it go on as if no time had passed.
    pub(crate) fn thaw(&mut self) -> Result<(), FaultError> {
        self.signal(Signal::CONT)
    }

    fn signal(&mut self, signal: Signal) -> Result<(), FaultError> {
        let action = format!("send a signal to {}", self.name);
        let raw = i32::try_from(self.child()?.id()).ok();
        let pid = raw
            .and_then(Pid::from_raw)
            .ok_or_else(|| self.not_running())?;
        kill_process(pid, signal).map_err(|error| FaultError::io(action)(error.into()))
    }

    fn wait_activity(&mut self, wanted: char) -> Result<(), FaultError> {
        let stat = format!("/proc/{}/stat", self.child()?.id());
        let what = format!("{} is in state {wanted}", self.name);
        wait_for(&what, SIGNAL_LIMIT, || {
            let text = fs::read_to_string(&stat).map_err(FaultError::io("read /proc"))?;
            // The name before the state may hold anything, but the last bracket is its end.
            let is_there = text
                .rsplit_once(") ")
                .is_some_and(|(_, tail)| tail.starts_with(wanted));
            Ok(is_there.then_some(()))
        })
    }

    fn child(&mut self) -> Result<&mut Child, FaultError> {
        match self.child {
            Some(ref mut child) => Ok(child),
            None => Err(FaultError::Driver(format!("{} does not run", self.name))),
        }
    }

    fn not_running(&self) -> FaultError {
        FaultError::Driver(format!("{} does not run", self.name))
    }

    /// The end of what it logged, in all its lives.
    pub(crate) fn log(&self) -> String {
        let text = fs::read_to_string(self.log_path()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let first = lines.len().saturating_sub(QUOTED_LINES);
        let cut = |line: &&str| line.chars().take(QUOTED_WIDTH).collect::<String>();
        lines[first..]
            .iter()
            .map(cut)
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Whether it ever logged a line with this.
    pub(crate) fn has_logged(&self, part: &str) -> bool {
        let text = fs::read_to_string(self.log_path()).unwrap_or_default();
        text.lines().any(|line| line.contains(part))
    }

    fn log_path(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.name))
    }

    fn out_path(&self) -> PathBuf {
        self.folder
            .join(format!("{}.{}.out", self.name, self.lives))
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.guard = None;
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}
