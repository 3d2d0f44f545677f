//! The processes of a world and the partitions that they hold: the real processor over the real
//! store of the cluster, on a log and a database that are simulated.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::database::SimDatabase;
use crate::log::SimLog;
use crate::plan::PARTITIONS;
use crate::terminal::Terminals;
use crate::world::{Life, World, wall_clock};
use card::{PartitionId, Position, Reply, Rules};
use card_processor::{
    BundleError, Bundles, Parts, Processor, ProcessorSettings, StopReason, Takeover,
};
use card_store_scylla::{AssignedStore, Ended};
use command_log::{PartitionGates, ReplySink, TracedReply};

/// As the cluster has them.
const HANDOVER_PATIENCE: Duration = Duration::from_millis(700);
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
const RETRY_PAUSE: Duration = Duration::from_millis(500);
const STOPPED_RETRY: Duration = Duration::from_secs(10);

pub(crate) type Running = Processor<AssignedStore<SimDatabase>, SimLog>;

/// A running processor, which a checkpoint borrows.
pub(crate) type Slot = Arc<Mutex<Option<Running>>>;

/// The rules that every world has.
#[derive(Debug)]
pub(crate) struct SimBundles(pub(crate) Arc<Rules>);

impl Bundles for SimBundles {
    fn keep(&self, rules: &Rules) -> Result<[u8; 32], BundleError> {
        Ok(rules.hash())
    }

    fn find(&self, hash: &[u8; 32]) -> Result<Arc<Rules>, BundleError> {
        match self.0.hash() == *hash {
            true => Ok(Arc::clone(&self.0)),
            false => Err(BundleError::Store("there is no such bundle".to_owned())),
        }
    }
}

/// Where the replies of a process leave.
struct Outlet {
    world: Arc<World>,
    life: Arc<Life>,
    terminals: Arc<Terminals>,
}

impl ReplySink for Outlet {
    fn deliver(&self, replies: &mut Vec<Reply>, _: &[TracedReply]) {
        if self.life.is_dead() {
            return replies.clear();
        }
        let frozen_ms = self
            .life
            .frozen_until_ms()
            .saturating_sub(self.world.now_ms());
        if frozen_ms == 0 {
            replies.drain(..).for_each(|reply| self.leave(&reply));
            return;
        }
        // A process that stands still sends when it goes on, if it does.
        let (held, outlet) = (std::mem::take(replies), self.again());
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(frozen_ms)).await;
            if !outlet.life.is_dead() {
                held.iter().for_each(|reply| outlet.leave(reply));
            }
        });
    }
}

impl Outlet {
    fn again(&self) -> Self {
        Self {
            world: Arc::clone(&self.world),
            life: Arc::clone(&self.life),
            terminals: Arc::clone(&self.terminals),
        }
    }

    fn leave(&self, reply: &Reply) {
        let world = &self.world;
        world.oracle.lock().hear(world, self.life.node, reply);
        let weather = *world.weather.lock();
        let is_lost = !weather.is_calm && world.now_ms() < weather.replies_lost_until_ms;
        if !is_lost {
            self.terminals.hear(reply);
        }
    }
}

/// What shall become of a held partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    No,
    HandOver,
    Abandon,
}

/// What one process has.
pub(crate) struct Node {
    pub(crate) life: Arc<Life>,
    gates: Arc<PartitionGates>,
    held: BTreeMap<PartitionId, (watch::Sender<Leave>, JoinHandle<()>)>,
}

/// What every process is made of.
pub(crate) struct Group {
    pub(crate) world: Arc<World>,
    pub(crate) terminals: Arc<Terminals>,
    pub(crate) bundles: Arc<SimBundles>,
    pub(crate) nodes: Mutex<Vec<Node>>,
    /// The processors that run, for the checks at the end.
    pub(crate) running: Mutex<BTreeMap<(u8, PartitionId), Slot>>,
    /// Checkpoints that were asked for, so far.
    pub(crate) checkpoints: watch::Sender<u64>,
}

impl Node {
    pub(crate) fn new(number: u8) -> Self {
        Self {
            life: Life::new(number),
            gates: Arc::new(PartitionGates::closed(PARTITIONS)),
            held: BTreeMap::new(),
        }
    }
}

impl Group {
    /// A process is given a partition. What it still holds of it is dropped first (OWN-1).
    pub(crate) fn assign(self: &Arc<Self>, number: u8, partition: PartitionId) {
        let mut nodes = self.nodes.lock();
        let node = &mut nodes[usize::from(number)];
        if let Some((leave, _)) = node.held.remove(&partition) {
            leave.send_replace(Leave::Abandon);
        }
        self.world
            .tell([3, u64::from(number), u64::from(partition.0)], || {
                format!("node {number} is given partition {partition}")
            });
        let (leave, left) = watch::channel(Leave::No);
        let holding = Holding {
            group: Arc::clone(self),
            life: Arc::clone(&node.life),
            gates: Arc::clone(&node.gates),
            partition,
        };
        node.held
            .insert(partition, (leave, tokio::spawn(holding.run(left))));
    }

    /// A process is told to leave a partition. The task ends when it did.
    pub(crate) fn revoke(
        &self,
        number: u8,
        partition: PartitionId,
        how: Leave,
    ) -> Option<JoinHandle<()>> {
        let mut nodes = self.nodes.lock();
        let (leave, task) = nodes[usize::from(number)].held.remove(&partition)?;
        self.world
            .tell([4, u64::from(number), u64::from(partition.0)], || {
                format!("node {number} is told to leave partition {partition}: {how:?}")
            });
        leave.send_replace(how);
        Some(task)
    }

    /// A process has died: nothing of it goes on.
    pub(crate) fn bury(&self, number: u8) {
        let mut nodes = self.nodes.lock();
        let node = &mut nodes[usize::from(number)];
        node.life.die();
        self.world.tell([5, u64::from(number), 0], || {
            format!("node {number} is dead")
        });
        for (_, task) in node.held.values() {
            task.abort();
        }
        self.running.lock().retain(|(of, _), _| *of != number);
        *node = Node::new(number);
    }
}

/// One partition in the hands of one process: as `floatswitch cluster` holds it.
struct Holding {
    group: Arc<Group>,
    life: Arc<Life>,
    gates: Arc<PartitionGates>,
    partition: PartitionId,
}

/// Why a round of holding ended.
enum Ending {
    Left(Leave),
    Anew,
}

impl Holding {
    async fn run(self, mut leave: watch::Receiver<Leave>) {
        loop {
            let ended = Ended::new();
            let started = tokio::select! {
                biased;
                _ = told(&mut leave) => return,
                started = self.begin(&ended) => started,
            };
            let Some(processor) = started else {
                tokio::time::sleep(RETRY_PAUSE).await;
                continue;
            };
            let slot = Arc::new(Mutex::new(Some(processor)));
            let key = (self.life.node, self.partition);
            self.group.running.lock().insert(key, Arc::clone(&slot));
            let ending = self.watch(&slot, &ended, &mut leave).await;
            self.group.running.lock().remove(&key);
            let Some(processor) = slot.lock().take() else {
                return;
            };
            match ending {
                Ending::Left(Leave::HandOver) => {
                    drop(processor.hand_over(HANDOVER_PATIENCE).await);
                    ended.end();
                    return;
                }
                Ending::Left(Leave::Abandon | Leave::No) => {
                    ended.end();
                    return processor.abandon();
                }
                Ending::Anew => {
                    ended.end();
                    processor.abandon();
                }
            }
        }
    }

    async fn begin(&self, ended: &Ended) -> Option<Running> {
        let world = &self.group.world;
        self.life.operates(world).await;
        let assignment = world.tables.lock().claim(self.partition);
        world.tell(
            [6, u64::from(self.life.node), u64::from(assignment.epoch.0)],
            || format!("node {} claims {assignment}", self.life.node),
        );
        let database = SimDatabase::new(Arc::clone(world), Arc::clone(&self.life));
        let store = AssignedStore::for_assignment(database, assignment, ended.clone()).await;
        let started = match store {
            Ok(store) => self.start(store).await,
            Err(error) => Err(error.to_string()),
        };
        match started {
            Ok(processor) => Some(processor),
            Err(reason) => {
                world.tell([7, 0, 0], || {
                    format!("node {} cannot start: {reason}", self.life.node)
                });
                ended.end();
                None
            }
        }
    }

    async fn start(&self, store: AssignedStore<SimDatabase>) -> Result<Running, String> {
        let world = &self.group.world;
        // Read before the first record is folded (OWN-5).
        let skips = world.oracle.lock().skips();
        let outlet = Outlet {
            world: Arc::clone(world),
            life: Arc::clone(&self.life),
            terminals: Arc::clone(&self.group.terminals),
        };
        let parts = Parts {
            store: Arc::new(store),
            log: Arc::new(SimLog::new(Arc::clone(world), Arc::clone(&self.life))),
            bundles: Arc::clone(&self.group.bundles) as Arc<dyn Bundles>,
            replies: Arc::new(outlet),
            code_of: |outcome| outcome.number().to_string(),
            gates: Arc::clone(&self.gates),
            skips,
            tracer: telemetry::Tracer::off(),
            wall_clock,
        };
        let settings = ProcessorSettings {
            worker_count: 1,
            credits_per_partition: 32,
            live_cards_max: 3,
            idle_card: Duration::from_secs(2),
            checkpoint_interval: Duration::from_secs(3),
            dirty_cards_max: 8,
        };
        let started = Processor::start(parts, &settings, Takeover::Partition(self.partition)).await;
        let processor = started.map_err(|error| error.to_string())?;
        processor.open_gates();
        Ok(processor)
    }

    async fn watch(
        &self,
        slot: &Mutex<Option<Running>>,
        ended: &Ended,
        leave: &mut watch::Receiver<Leave>,
    ) -> Ending {
        let mut look = tokio::time::interval(LOOK_INTERVAL);
        let mut checkpoints = self.group.checkpoints.subscribe();
        let mut stopped_at: Option<(StopReason, Instant)> = None;
        loop {
            tokio::select! {
                biased;
                left = told(leave) => return Ending::Left(left),
                () = ended.ended() => return Ending::Anew,
                asked = checkpoints.changed() => if asked.is_ok() {
                    self.checkpoint(slot).await;
                },
                _ = look.tick() => {}
            }
            let stopped = slot
                .lock()
                .as_ref()
                .and_then(|running| running.stopped().pop());
            let Some((_, reason)) = stopped else {
                continue;
            };
            match &stopped_at {
                None => {
                    self.tell_stopped(&reason);
                    stopped_at = Some((reason, Instant::now()));
                }
                Some((reason, at)) if at.elapsed() > STOPPED_RETRY => {
                    if let Some(position) = to_skip(reason) {
                        self.group.world.oracle.lock().skip(position);
                        self.group.world.tell([8, position.offset, 0], || {
                            format!("an operator skips {position}")
                        });
                    }
                    return Ending::Anew;
                }
                Some(_) => {}
            }
        }
    }

    async fn checkpoint(&self, slot: &Mutex<Option<Running>>) {
        // The processor is lent out for that long; a crash takes it with it.
        let Some(running) = slot.lock().take() else {
            return;
        };
        drop(running.checkpoint().await);
        *slot.lock() = Some(running);
    }

    fn tell_stopped(&self, reason: &StopReason) {
        let world = &self.group.world;
        world.tell([9, u64::from(self.life.node), 0], || {
            format!(
                "node {}: partition {} stopped: {reason}",
                self.life.node, self.partition
            )
        });
    }
}

/// What only an operator gets past.
fn to_skip(reason: &StopReason) -> Option<Position> {
    match reason {
        StopReason::Poison(position)
        | StopReason::ClockAhead(position)
        | StopReason::Unreadable { position, .. } => Some(*position),
        StopReason::Gap { .. }
        | StopReason::Ended(_)
        | StopReason::UnknownRules(_)
        | StopReason::NoRules(_)
        | StopReason::Differs(_)
        | StopReason::Card { .. } => None,
    }
}

async fn told(leave: &mut watch::Receiver<Leave>) -> Leave {
    let told = leave.wait_for(|leave| *leave != Leave::No).await;
    told.map_or(Leave::Abandon, |leave| *leave)
}
