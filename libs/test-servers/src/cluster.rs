//! A cluster of one kind of server: starting it, and doing harm to single nodes.

use std::ffi::OsString;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::error::ServerError;
use crate::jars::tail;
use crate::loopback::LoopbackNet;
use crate::process::{Activity, ServerProcess};

/// Set to anything, the servers' folders with data and logs are kept.
const KEEP_VARIABLE: &str = "FLOATSWITCH_KEEP_SERVERS";
const LOG_NAME: &str = "server.log";
const READY_CHECK_INTERVAL: Duration = Duration::from_millis(20);
const SIGNAL_TIMEOUT: Duration = Duration::from_secs(10);
const STOP_TIMEOUT: Duration = Duration::from_secs(60);

/// How many nodes a cluster has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// One node: no copies.
    One,
    /// Three nodes with three copies; two must answer.
    Three,
}

// === impl Size ===

impl Size {
    pub(crate) fn count(self) -> usize {
        match self {
            Self::One => 1,
            Self::Three => 3,
        }
    }
}

/// What Java's compiler should do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tuning {
    /// Compile quickly and trust the jars: half the processor time until a server is up. For tests.
    QuickStart,
    /// Compile well: for figures.
    Throughput,
}

// === impl Tuning ===

impl Tuning {
    pub(crate) fn java_options(self) -> impl Iterator<Item = OsString> {
        let options: &[&str] = match self {
            Self::QuickStart => &[
                "-XX:TieredStopAtLevel=1",
                "-XX:+UnlockDiagnosticVMOptions",
                "-XX:-BytecodeVerificationRemote",
            ],
            Self::Throughput => &[],
        };
        options.iter().map(OsString::from)
    }
}

/// Where one node lives.
#[derive(Debug, Clone)]
pub struct Node {
    /// From 1.
    pub number: usize,
    /// Its own loopback address.
    pub address: Ipv4Addr,
    /// Settings, data and log.
    pub folder: PathBuf,
}

// === impl Node ===

impl Node {
    fn log(&self) -> PathBuf {
        self.folder.join(LOG_NAME)
    }

    /// A folder for what the server unpacks.
    pub(crate) fn temporary(&self) -> PathBuf {
        self.folder.join("tmp")
    }
}

/// A kind of server: [`Kafka`](crate::Kafka) or [`Cassandra`](crate::Cassandra).
pub trait Software: Send + Sync {
    /// How it is called in errors.
    const NAME: &str;

    /// Writes the node's settings and whatever it needs before its first start.
    ///
    /// # Errors
    ///
    /// When a file cannot be written or a tool fails.
    fn prepare(&self, node: &Node) -> Result<(), ServerError>;

    /// The command line that runs the node in the foreground, its log on standard output.
    ///
    /// # Errors
    ///
    /// When a part of the server is not in its folder.
    fn command(&self, node: &Node) -> Result<Vec<OsString>, ServerError>;

    /// Tells whether each of these nodes serves and sees the others of them.
    fn are_ready(&self, nodes: &[&Node]) -> bool;
}

/// A running cluster, stopped and removed when dropped. Calls block, and may come from several threads.
#[derive(Debug)]
pub struct Cluster<S> {
    pub(crate) software: S,
    // First the servers end, then their folder and their network are given back.
    slots: Vec<Slot>,
    folder: TempDir,
    _net: LoopbackNet,
    start_timeout: Duration,
}

#[derive(Debug)]
struct Slot {
    node: Node,
    /// None while the node is down because we ended it.
    process: Mutex<Option<ServerProcess>>,
}

// === impl Cluster ===

impl<S: Software> Cluster<S> {
    pub(crate) fn start_all(
        software: S,
        net: LoopbackNet,
        size: Size,
        start_timeout: Duration,
    ) -> Result<Self, ServerError> {
        let folder = new_folder(S::NAME)?;
        let slots = (1..=size.count()).map(|number| Slot {
            node: Node {
                number,
                address: net.address(number),
                folder: folder.path().join(number.to_string()),
            },
            process: Mutex::new(None),
        });
        let slots = slots.collect();
        let cluster = Self {
            software,
            slots,
            folder,
            _net: net,
            start_timeout,
        };
        cluster.launch_all()?;
        cluster.wait_ready(&cluster.slots)?;
        Ok(cluster)
    }

    /// Kills a node as `kill -9` does; it keeps its data.
    ///
    /// # Errors
    ///
    /// When there is no such node, or it is not running.
    pub fn kill(&self, number: usize) -> Result<(), ServerError> {
        let slot = self.slot(number)?;
        let mut held = slot.process.lock();
        let process = self.running(slot, &mut held)?;
        self.signal(slot, process, Signal::KILL)?;
        if process.wait(SIGNAL_TIMEOUT).is_none() {
            return Err(self.unmoved(slot, "end", SIGNAL_TIMEOUT));
        }
        *held = None;
        Ok(())
    }

    /// Freezes a node as a long pause does: it holds its connections and answers nothing.
    ///
    /// # Errors
    ///
    /// When there is no such node, or it is not running.
    pub fn freeze(&self, number: usize) -> Result<(), ServerError> {
        self.change_activity(number, Activity::Frozen)
    }

    /// Lets a frozen node go on.
    ///
    /// # Errors
    ///
    /// When there is no such node, or it is not running.
    pub fn thaw(&self, number: usize) -> Result<(), ServerError> {
        self.change_activity(number, Activity::Active)
    }

    /// Asks a node to end in good order and waits for it; a frozen one is thawed first.
    ///
    /// # Errors
    ///
    /// When there is no such node, it is not running, or it does not end.
    pub fn stop(&self, number: usize) -> Result<(), ServerError> {
        let slot = self.slot(number)?;
        self.stop_held(slot, &mut slot.process.lock())
    }

    /// Starts a node again on its data and address, stopping it first if it runs, and waits until it serves and
    /// the nodes that run see each other.
    ///
    /// # Errors
    ///
    /// When there is no such node, or it does not become ready; the error quotes the log.
    pub fn restart(&self, number: usize) -> Result<(), ServerError> {
        let slot = self.slot(number)?;
        let mut held = slot.process.lock();
        if self.running(slot, &mut held).is_ok() {
            self.stop_held(slot, &mut held)?;
        }
        self.launch(slot, &mut held)?;
        drop(held);
        self.wait_ready(std::slice::from_ref(slot))
    }

    /// The process id of a node that runs or is frozen.
    pub fn pid(&self, number: usize) -> Option<u32> {
        let slot = self.slot(number).ok()?;
        let mut held = slot.process.lock();
        let process = self.running(slot, &mut held).ok()?;
        Some(process.pid())
    }

    /// Where a node writes its log, all its runs in one file.
    ///
    /// # Errors
    ///
    /// When there is no such node.
    pub fn log_path(&self, number: usize) -> Result<PathBuf, ServerError> {
        Ok(self.slot(number)?.node.log())
    }

    /// The nodes in the order of their numbers.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.slots.iter().map(|slot| &slot.node)
    }

    fn slot(&self, number: usize) -> Result<&Slot, ServerError> {
        let slot = number
            .checked_sub(1)
            .and_then(|index| self.slots.get(index));
        slot.ok_or(ServerError::NoSuchNode {
            number,
            nodes_count: self.slots.len(),
        })
    }

    /// Starts all nodes, none waiting for another: they need each other to become ready.
    fn launch_all(&self) -> Result<(), ServerError> {
        for slot in &self.slots {
            fs::create_dir_all(slot.node.temporary())
                .map_err(ServerError::io("make a node's folder"))?;
            self.software.prepare(&slot.node)?;
            self.launch(slot, &mut slot.process.lock())?;
        }
        Ok(())
    }

    /// Starts a node that is down. A process that is replaced while it runs would take the whole folder with it.
    fn launch(&self, slot: &Slot, held: &mut Option<ServerProcess>) -> Result<(), ServerError> {
        let command = self.software.command(&slot.node)?;
        let root = (!is_kept()).then(|| self.folder.path());
        let process = ServerProcess::start(&command, &slot.node.log(), root)
            .map_err(ServerError::io(format!("start {}", name::<S>(&slot.node))))?;
        *held = Some(process);
        Ok(())
    }

    fn stop_held(&self, slot: &Slot, held: &mut Option<ServerProcess>) -> Result<(), ServerError> {
        let process = self.running(slot, held)?;
        self.signal(slot, process, Signal::TERM)?;
        self.signal(slot, process, Signal::CONT)?;
        if process.wait(STOP_TIMEOUT).is_none() {
            return Err(self.unmoved(slot, "stop", STOP_TIMEOUT));
        }
        *held = None;
        Ok(())
    }

    fn wait_ready(&self, started: &[Slot]) -> Result<(), ServerError> {
        let deadline = Instant::now() + self.start_timeout;
        loop {
            for slot in started {
                self.check_start(slot, deadline)?;
            }
            self.check_alive()?;
            if self.are_running_ready() {
                return Ok(());
            }
        }
    }

    /// Tells whether the nodes that should serve do. Those that are down or frozen are left alone.
    fn are_running_ready(&self) -> bool {
        let running = self.slots.iter().filter(|slot| {
            let mut held = slot.process.lock();
            let process = self.running(slot, &mut held);
            process.is_ok_and(|process| !process.is_frozen())
        });
        let nodes: Vec<&Node> = running.map(|slot| &slot.node).collect();
        self.software.are_ready(&nodes)
    }

    /// Fails when a node that nobody ended has ended: without this, whoever counts on it waits in vain.
    fn check_alive(&self) -> Result<(), ServerError> {
        for slot in &self.slots {
            let mut held = slot.process.lock();
            let ended = held
                .as_mut()
                .and_then(|process| process.wait(Duration::ZERO));
            if let Some(status) = ended {
                return Err(ended_by_itself::<S>(slot, status));
            }
        }
        Ok(())
    }

    /// Waits a moment for a node that is starting, and fails when there is nothing to wait for.
    fn check_start(&self, slot: &Slot, deadline: Instant) -> Result<(), ServerError> {
        let mut held = slot.process.lock();
        let process = held.as_mut().ok_or_else(|| self.not_running(slot))?;
        if let Some(status) = process.wait(READY_CHECK_INTERVAL) {
            *held = None;
            return Err(ended_by_itself::<S>(slot, status));
        }
        if Instant::now() < deadline {
            return Ok(());
        }
        Err(ServerError::NotReady {
            node: name::<S>(&slot.node),
            timeout: self.start_timeout,
            log_tail: log_tail(&slot.node.log()),
        })
    }

    fn change_activity(&self, number: usize, activity: Activity) -> Result<(), ServerError> {
        let slot = self.slot(number)?;
        let mut held = slot.process.lock();
        let process = self.running(slot, &mut held)?;
        let what = match activity {
            Activity::Active => "go on",
            Activity::Frozen => "freeze",
        };
        let is_done = process
            .change_to(activity, SIGNAL_TIMEOUT)
            .map_err(ServerError::io(signal_action::<S>(slot)))?;
        if is_done {
            return Ok(());
        }
        Err(self.unmoved(slot, what, SIGNAL_TIMEOUT))
    }

    /// The process of a node, if it has not ended.
    fn running<'a>(
        &self,
        slot: &Slot,
        held: &'a mut Option<ServerProcess>,
    ) -> Result<&'a mut ServerProcess, ServerError> {
        let process = held.as_mut().ok_or_else(|| self.not_running(slot))?;
        if process.wait(Duration::ZERO).is_some() {
            return Err(self.not_running(slot));
        }
        Ok(process)
    }

    fn signal(
        &self,
        slot: &Slot,
        process: &mut ServerProcess,
        signal: Signal,
    ) -> Result<(), ServerError> {
        let action = signal_action::<S>(slot);
        process.signal(signal).map_err(ServerError::io(action))
    }

    fn not_running(&self, slot: &Slot) -> ServerError {
        ServerError::NotRunning {
            node: name::<S>(&slot.node),
        }
    }

    fn unmoved(&self, slot: &Slot, what: &'static str, timeout: Duration) -> ServerError {
        ServerError::Unmoved {
            node: name::<S>(&slot.node),
            what,
            timeout,
        }
    }
}

fn ended_by_itself<S: Software>(slot: &Slot, status: ExitStatus) -> ServerError {
    ServerError::Ended {
        node: name::<S>(&slot.node),
        status,
        log_tail: log_tail(&slot.node.log()),
    }
}

fn name<S: Software>(node: &Node) -> String {
    format!("{} node {} ({})", S::NAME, node.number, node.address)
}

fn signal_action<S: Software>(slot: &Slot) -> String {
    format!("send a signal to {}", name::<S>(&slot.node))
}

fn new_folder(name: &str) -> Result<TempDir, ServerError> {
    let mut folder = tempfile::Builder::new()
        .prefix(&format!("floatswitch-{name}-"))
        .tempdir()
        .map_err(ServerError::io("make a temporary folder"))?;
    folder.disable_cleanup(is_kept());
    Ok(folder)
}

fn is_kept() -> bool {
    std::env::var_os(KEEP_VARIABLE).is_some()
}

fn log_tail(log: &Path) -> String {
    match fs::read(log) {
        Ok(bytes) => tail(&String::from_utf8_lossy(&bytes)),
        Err(error) => format!("(no log at {}: {error})", log.display()),
    }
}
