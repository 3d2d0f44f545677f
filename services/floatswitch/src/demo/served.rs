//! The switch of the demo: this program once more as `serve`, a process that can be killed.

use std::fs::File;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use super::world::World;
use crate::exit::Failure;

/// How long a start or a stop may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running switch. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Served {
    child: Child,
    /// Kept open: the switch may still print.
    _lines: Lines<BufReader<ChildStdout>>,
    pub(super) said: Said,
    /// From starting the process until it was ready.
    pub(super) took: Duration,
}

/// What the switch said when it was ready.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Where terminals dial in.
    pub(super) address: Option<SocketAddr>,
    /// Where its numbers are.
    pub(super) metrics: String,
    /// What it had to fold again.
    pub(super) recovered: String,
}

impl Served {
    /// Starts the switch and waits until it listens.
    pub(super) async fn start(world: &World) -> Result<Self, Failure> {
        let program = std::env::current_exe()
            .map_err(|error| Failure::cannot_start(format!("find this program: {error}")))?;
        let log = File::options()
            .create(true)
            .append(true)
            .open(&world.log_file)
            .map_err(|error| Failure::cannot_start(format!("make the switch's log: {error}")))?;
        let started_at = Instant::now();
        let mut child = Command::new(program)
            .args(["serve", "--name", "demo", "--config"])
            .arg(&world.config)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| Failure::cannot_start(format!("start the switch: {error}")))?;
        let stdout = child.stdout.take();
        let stdout = stdout.ok_or_else(|| Failure::cannot_start("the switch has no output"))?;
        let mut lines = BufReader::new(stdout).lines();
        let said = timeout(PATIENCE, listen(&mut lines)).await;
        let said = said.map_err(|_| Failure::cannot_start("the switch does not get ready"))?;
        Ok(Self {
            child,
            _lines: lines,
            said: said?,
            took: started_at.elapsed(),
        })
    }

    /// Where terminals dial in.
    pub(super) fn address(&self) -> Result<SocketAddr, Failure> {
        let address = self.said.address;
        address.ok_or_else(|| Failure::cannot_start("the switch does not listen"))
    }

    /// Where its numbers are, as `HOST:PORT`.
    pub(super) fn metrics_address(&self) -> &str {
        let url = self.said.metrics.trim_start_matches("http://");
        url.trim_end_matches("/metrics")
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    /// `kill -9`: no goodbye, nothing flushed.
    pub(super) async fn kill(mut self) -> Result<(), Failure> {
        self.child
            .kill()
            .await
            .map_err(|error| Failure::cannot_start(format!("kill the switch: {error}")))
    }

    /// SIGTERM: it answers what is in flight and closes its books.
    pub(super) async fn stop(mut self) -> Result<(), Failure> {
        self.signal(rustix::process::Signal::TERM)?;
        let status = timeout(PATIENCE, self.child.wait()).await;
        match status {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(Failure::cannot_start(format!(
                "the switch did not stop well: {status}"
            ))),
            Ok(Err(error)) => Err(Failure::cannot_start(format!("stop the switch: {error}"))),
            Err(_) => Err(Failure::cannot_start("the switch does not stop")),
        }
    }

    /// Waits until it ends by itself.
    pub(super) async fn ended(&mut self) -> Result<(), Failure> {
        let status = self.child.wait().await;
        let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        Err(Failure::cannot_start(format!("the switch ended: {how}")))
    }

    fn signal(&self, signal: rustix::process::Signal) -> Result<(), Failure> {
        let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok());
        let pid = pid.and_then(rustix::process::Pid::from_raw);
        let pid = pid.ok_or_else(|| Failure::cannot_start("the switch has ended already"))?;
        rustix::process::kill_process(pid, signal)
            .map_err(|error| Failure::cannot_start(format!("signal the switch: {error}")))
    }
}

/// Reads what the switch prints until it is ready.
async fn listen(lines: &mut Lines<BufReader<ChildStdout>>) -> Result<Said, Failure> {
    let mut said = Said::default();
    loop {
        let line = lines.next_line().await?;
        let line = line.ok_or_else(|| Failure::cannot_start("the switch did not start"))?;
        if let Some(rest) = line.strip_prefix("listening on ") {
            let address = rest.split(' ').next().unwrap_or_default();
            said.address = said.address.or(address.parse().ok());
        } else if let Some(url) = line.strip_prefix("metrics on ") {
            url.clone_into(&mut said.metrics);
        } else if line.starts_with("recovered ") {
            said.recovered = line;
        } else if line == "ready" {
            return Ok(said);
        }
    }
}

/// A failure with what the switch wrote on its standard error.
pub(super) fn with_log(failure: &Failure, world: &World) -> Failure {
    let log = std::fs::read_to_string(&world.log_file).unwrap_or_default();
    let message = match log.trim_end() {
        "" => failure.message.clone(),
        log => format!("{}\nthe switch says:\n{log}", failure.message),
    };
    Failure {
        code: failure.code,
        message,
    }
}
