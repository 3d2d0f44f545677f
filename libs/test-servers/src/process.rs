//! One server process, that never outlives us.
//!
//! The server is the child of a small shell, which holds the reading end of a pipe from us. When the pipe
//! closes, because we dropped it or because we are gone, the shell kills the server and removes its files.

use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Arguments: the folder to remove when the pipe closes (empty: none), the log, the server's command line.
///
/// The server stays a child of this shell until its end, so its id is nobody else's. HUP is ignored, because the
/// system sends it to a group with a frozen process whose parent ends.
const GUARDED_START: &str = r#"
trap '' HUP INT
root=$1 log=$2
shift 2
exec 3<&0 </dev/null
"$@" >>"$log" 2>&1 3<&- &
server=$!
echo "$server"
exec >/dev/null
orphaned=
trap 'orphaned=1; kill -KILL "$server"' USR1
{ read -r _ <&3; kill -USR1 "$$"; } &
guard=$!
exec 3<&-
wait "$server"
status=$?
if [ -n "$orphaned" ]; then
  wait "$server"
  [ -z "$root" ] || rm -rf -- "$root"
else
  kill "$guard"
fi
exit "$status"
"#;

const ACTIVITY_CHECK_INTERVAL: Duration = Duration::from_millis(5);
const DROP_TIMEOUT: Duration = Duration::from_secs(10);

/// A running server, or one that has ended and was not looked at yet.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    /// The pipe; closing it ends the server.
    lifeline: Option<ChildStdin>,
    pid: Pid,
    ended: Receiver<io::Result<ExitStatus>>,
    status: Option<ExitStatus>,
    is_frozen: bool,
}

// === impl ServerProcess ===

impl ServerProcess {
    /// Starts a command line that appends to a log and works in the log's folder.
    ///
    /// When this value is dropped, or we end, while the server runs, the server is killed and `root` is removed.
    pub(crate) fn start(command: &[OsString], log: &Path, root: Option<&Path>) -> io::Result<Self> {
        let work_folder = log.parent().unwrap_or(Path::new("/"));
        let mut shell = Command::new("/bin/sh")
            .args(["-c", GUARDED_START, "test-server"])
            .arg(root.unwrap_or(Path::new("")))
            .arg(log)
            .args(command)
            .current_dir(work_folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // A group of its own: an interrupt from the terminal is for us, and we take the server with us.
            .process_group(0)
            .spawn()?;
        let lifeline = shell.stdin.take();
        let pid = announced_pid(&mut shell)?;
        Ok(Self {
            lifeline,
            pid,
            ended: watch(shell)?,
            status: None,
            is_frozen: false,
        })
    }

    /// The server's process id.
    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Waits for the server's end. Gives nothing when it runs on.
    pub(crate) fn wait(&mut self, timeout: Duration) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.ended.recv_timeout(timeout).ok()?.ok();
        }
        self.status
    }

    /// Sends a signal, unless the server has ended.
    pub(crate) fn signal(&mut self, signal: Signal) -> io::Result<()> {
        if self.wait(Duration::ZERO).is_some() {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(kill_process(self.pid, signal)?)
    }

    /// Freezes or thaws the server and waits until the system says so; false when it does not within the time-out.
    pub(crate) fn change_to(&mut self, activity: Activity, timeout: Duration) -> io::Result<bool> {
        self.signal(match activity {
            Activity::Active => Signal::CONT,
            Activity::Frozen => Signal::STOP,
        })?;
        self.is_frozen = activity == Activity::Frozen;
        let deadline = Instant::now() + timeout;
        while self.activity() != Some(activity) {
            if Instant::now() > deadline || self.wait(ACTIVITY_CHECK_INTERVAL).is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether we froze it.
    pub(crate) fn is_frozen(&self) -> bool {
        self.is_frozen
    }

    fn activity(&self) -> Option<Activity> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).ok()?;
        // The name before the state may hold anything, but the last bracket is its end.
        let (_, tail) = stat.rsplit_once(") ")?;
        Some(if tail.starts_with('T') {
            Activity::Frozen
        } else {
            Activity::Active
        })
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.lifeline = None;
        self.wait(DROP_TIMEOUT);
    }
}

/// Whether a process gets the processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activity {
    /// It runs or waits.
    Active,
    /// It was stopped by a signal and keeps everything it holds.
    Frozen,
}

fn announced_pid(shell: &mut Child) -> io::Result<Pid> {
    let mut line = String::new();
    if let Some(stdout) = shell.stdout.take() {
        BufReader::new(stdout).read_line(&mut line)?;
    }
    let raw = line.trim().parse::<i32>().ok();
    raw.and_then(Pid::from_raw)
        .ok_or_else(|| io::Error::other("the shell did not say the server's process id"))
}

/// Waits for the shell on a thread: the standard library has no wait with a time-out.
fn watch(mut shell: Child) -> io::Result<Receiver<io::Result<ExitStatus>>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let wait = move || {
        // Nobody listens any more when the server was dropped while the machine was very slow.
        drop(sender.send(shell.wait()));
    };
    // The thread ends with the shell, which ends with the pipe.
    thread::Builder::new()
        .name("test-server-exit".to_owned())
        .spawn(wait)?;
    Ok(receiver)
}
