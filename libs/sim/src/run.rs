//! One story from its beginning to its end.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{self, PanicHookInfo};
use std::sync::{Arc, Once};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::log::Trick;
use crate::node::{Group, Leave, Node, SimBundles};
use crate::oracle::{FIRST_DAY, Oracle};
use crate::plan::{CARDS_MAX, Fault, Happening, NODES, PARTITIONS, Plan, Shape, Told};
use crate::terminal::{PROGRAMME, Terminals, command, issue};
use crate::verdict;
use crate::world::{Panics, Tell, Violation, World, pass_time};
use card::{Day, PartitionId, Programme, Rules};
use command_log::envelope::{LOGIC_VERSION, Mark, encode_command, encode_mark};
use command_log::{NewRecord, RecordKind, partition_of};

/// What a crash that was asked for says.
pub(crate) const INJECTED: &str = "a crash that was asked for";
/// How long a story may go on after everything is calm.
const QUIET_MS: u64 = 180_000;
const TEN_YEARS_MS: i64 = 10 * 365 * 86_400_000;

/// What came of a plan.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) violation: Option<Violation>,
    pub(crate) trace: u64,
    pub(crate) story: Vec<String>,
    /// How long it lasted in its own time.
    pub(crate) lasted: Duration,
}

thread_local! {
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

static HOOK: Once = Once::new();

/// Panics on this thread are part of the story.
fn listen_for_panics() {
    HOOK.call_once(|| panic::set_hook(Box::new(note_panic)));
    PANIC.take();
}

fn note_panic(info: &PanicHookInfo<'_>) {
    let text = info.payload_as_str().unwrap_or("a panic without words");
    if text == INJECTED {
        return;
    }
    let at = info.location().map(ToString::to_string).unwrap_or_default();
    PANIC.with_borrow_mut(|panic| {
        panic.get_or_insert_with(|| format!("{text} ({at})"));
    });
}

/// Plays a plan, alone on this thread.
pub(crate) fn play(plan: &Plan, tell: Tell) -> Outcome {
    listen_for_panics();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime of one thread can be made");
    let told = runtime.block_on(story(plan, tell));
    drop(runtime);
    told
}

async fn story(plan: &Plan, tell: Tell) -> Outcome {
    let began = Instant::now();
    let world = World::begin(plan.seed, (Oracle::new(), tell));
    let group = Arc::new(Group {
        world: Arc::clone(&world),
        terminals: Arc::default(),
        bundles: Arc::new(SimBundles(Arc::new(rules()))),
        nodes: parking_lot::Mutex::new((0..3).map(Node::new).collect()),
        running: parking_lot::Mutex::default(),
        checkpoints: watch::Sender::new(0),
    });
    let stage = Stage {
        group: Arc::clone(&group),
        owners: Arc::default(),
        day: Arc::default(),
    };
    tokio::select! {
        biased;
        () = world.violated.notified() => {}
        () = stage.perform(plan) => {}
    }
    if let Some(panic) = PANIC.take() {
        world.violate("panic", panic);
    }
    Outcome {
        violation: world.violation(),
        trace: world.trace(),
        story: world.story(),
        lasted: began.elapsed(),
    }
}

fn rules() -> Rules {
    Rules {
        utc_offset_minutes: 480,
        programmes: BTreeMap::from([(PROGRAMME, Programme::example())]),
    }
}

/// Plays the plan.
#[derive(Clone)]
struct Stage {
    group: Arc<Group>,
    /// Who was given each partition last.
    owners: Arc<parking_lot::Mutex<BTreeMap<PartitionId, u8>>>,
    day: Arc<parking_lot::Mutex<u16>>,
}

impl Stage {
    async fn perform(&self, plan: &Plan) {
        self.open();
        let began = Instant::now();
        for step in &plan.steps {
            tokio::time::sleep_until(began + Duration::from_millis(step.at_ms)).await;
            match step.what {
                Happening::Ask(ask) => {
                    let (terminals, world) = self.parts();
                    tokio::spawn(terminals.play(world, step.id, ask));
                }
                Happening::Fault(fault) => self.go_wrong(fault, plan.shape),
            }
        }
        tokio::time::sleep(Duration::from_secs(8)).await;
        self.calm_down().await;
        let quiet = Duration::from_millis(QUIET_MS);
        let world = &self.group.world;
        if tokio::time::timeout(quiet, self.settle()).await.is_err() {
            let open = self.group.terminals.unanswered();
            let untold = world.oracle.lock().untold(crate::world::wall_clock());
            let text =
                format!("steps {open:?} have no answer, records {untold:?} were never released");
            return world.violate("liveness", text);
        }
        verdict::check(&self.group);
    }

    fn parts(&self) -> (Arc<Terminals>, Arc<World>) {
        (
            Arc::clone(&self.group.terminals),
            Arc::clone(&self.group.world),
        )
    }

    /// Rules, a day, cards, owners.
    fn open(&self) {
        *self.day.lock() = FIRST_DAY;
        for partition in (0..PARTITIONS).map(PartitionId) {
            let rules_hash = self.group.bundles.0.hash();
            let logic_version = LOGIC_VERSION;
            self.mark(
                partition,
                Mark::Barrier {
                    rules_hash,
                    logic_version,
                },
            );
            self.mark(partition, Mark::cut(Day(FIRST_DAY)));
        }
        let world = &self.group.world;
        for card in 0..u8::try_from(CARDS_MAX).unwrap_or(1) {
            let sent = issue(card);
            let command = command(&sent, u64::from(card) + 2);
            let record = world.append(NewRecord {
                partition: partition_of(command.card, PARTITIONS),
                kind: RecordKind::Command,
                payload: encode_command(&command),
                trace: None,
            });
            let said = Some((sent, u64::from(card) + 2));
            world.oracle.lock().take(world, &record, said);
        }
        for partition in (0..PARTITIONS).map(PartitionId) {
            let node = u8::try_from(u64::from(partition.0) % NODES).unwrap_or(0);
            self.give(partition, node);
        }
    }

    fn mark(&self, partition: PartitionId, mark: Mark) {
        let world = &self.group.world;
        let record = world.append(NewRecord {
            partition,
            kind: RecordKind::Mark,
            payload: encode_mark(mark),
            trace: None,
        });
        world
            .oracle
            .lock()
            .mark(partition, mark, record.appended_at);
        world.tell([10, u64::from(partition.0), record.position.offset], || {
            format!("log {}: {mark:?}", record.position)
        });
    }

    fn give(&self, partition: PartitionId, node: u8) {
        self.owners.lock().insert(partition, node);
        self.group.assign(node, partition);
    }

    fn go_wrong(&self, fault: Fault, shape: Shape) {
        let world = &self.group.world;
        world.tell([11, 0, 0], || format!("FAULT  {fault:?}"));
        let until = |ms: u16| world.now_ms() + u64::from(ms);
        match fault {
            Fault::Crash {
                node,
                after_operations,
                down_ms,
            } => {
                self.crash(node, after_operations, down_ms);
            }
            Fault::Freeze { node, ms } => self.freeze(node, ms),
            Fault::Move {
                partition,
                node,
                told,
            } => {
                tokio::spawn(
                    self.clone()
                        .hand_on(PartitionId(u16::from(partition)), node, told),
                );
            }
            Fault::ReplicaDown { replica, ms } => {
                world.weather.lock().down_until_ms[usize::from(replica)] = until(ms);
            }
            Fault::BadNetwork { ms } => world.weather.lock().bad_until_ms = until(ms),
            Fault::LoseReplies { ms } => world.weather.lock().replies_lost_until_ms = until(ms),
            Fault::Panic {
                card,
                times,
                after_sending,
            } => {
                // Once a card and story: more could make a poison of what is written already.
                let mut panics = world.panics.lock();
                if panics.iter().all(|known| known.card != card) {
                    panics.push(Panics {
                        card,
                        left: times,
                        after_sending,
                        at: (Vec::new(), 0),
                    });
                }
            }
            Fault::ReadAgain { partition, count } => {
                self.trick(partition, Trick::ReadAgain(u64::from(count)));
            }
            Fault::Gap { partition } => self.trick(partition, Trick::Gap),
            Fault::TimePasses { hours } => pass_time(i64::from(hours) * 3_600_000),
            Fault::ClockBack { seconds } => {
                world.records.lock().behind_ms = i64::from(seconds) * 1_000;
            }
            Fault::ClockLeap { partition } => {
                let partition = PartitionId(u16::from(partition));
                world.records.lock().leap = Some((partition, TEN_YEARS_MS));
            }
            Fault::Cut => self.cut(),
            Fault::FreezeDays => {
                let day = *self.day.lock();
                (0..PARTITIONS).for_each(|p| self.mark(PartitionId(p), Mark::freeze(Day(day - 1))));
            }
            Fault::Checkpoint => self.group.checkpoints.send_modify(|count| *count += 1),
        }
        debug_assert!(shape != Shape::Operator || !matches!(fault, Fault::Move { .. }));
    }

    fn trick(&self, partition: u8, trick: Trick) {
        let mut records = self.group.world.records.lock();
        records.tricks[usize::from(partition)].push_back(trick);
    }

    /// Two owners may open the same day: the second mark does nothing.
    fn cut(&self) {
        let day = {
            let mut day = self.day.lock();
            *day += 1;
            *day
        };
        for partition in (0..PARTITIONS).map(PartitionId) {
            self.mark(partition, Mark::cut(Day(day)));
            if self.group.world.draw(|rng| rng.one_in_thousand(300)) {
                self.mark(partition, Mark::cut(Day(day)));
            }
        }
    }

    fn crash(&self, node: u8, after_operations: u16, down_ms: u16) {
        let life = Arc::clone(&self.group.nodes.lock()[usize::from(node)].life);
        life.die_after(u64::from(after_operations));
        let stage = self.clone();
        tokio::spawn(async move {
            life.died.notified().await;
            let own: Vec<PartitionId> = stage.held_by(node);
            stage.group.bury(node);
            tokio::time::sleep(Duration::from_millis(u64::from(down_ms))).await;
            for partition in own {
                if stage.owners.lock().get(&partition) == Some(&node) {
                    let next = stage.group.world.draw(|rng| rng.below(NODES));
                    stage.give(partition, u8::try_from(next).unwrap_or(0));
                }
            }
        });
    }

    fn held_by(&self, node: u8) -> Vec<PartitionId> {
        let owners = self.owners.lock();
        let own = owners.iter().filter(|(_, owner)| **owner == node);
        own.map(|(partition, _)| *partition).collect()
    }

    /// The group misses it after a while, and gives away what it has.
    fn freeze(&self, node: u8, ms: u16) {
        let life = Arc::clone(&self.group.nodes.lock()[usize::from(node)].life);
        life.freeze_until(self.group.world.now_ms() + u64::from(ms));
        let stage = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(3_000)).await;
            if stage.group.world.now_ms() < life.frozen_until_ms() && !life.is_dead() {
                for partition in stage.held_by(node) {
                    let told = Told::Late { ms };
                    let next = u8::try_from((u64::from(node) + 1) % NODES).unwrap_or(0);
                    tokio::spawn(stage.clone().hand_on(partition, next, told));
                }
            }
        });
    }

    async fn hand_on(self, partition: PartitionId, node: u8, told: Told) {
        let Some(former) = self.owners.lock().insert(partition, node) else {
            return;
        };
        if former == node {
            return self.group.assign(node, partition);
        }
        match told {
            Told::InTime => {
                if let Some(left) = self.group.revoke(former, partition, Leave::HandOver) {
                    let patience = Duration::from_secs(5);
                    drop(tokio::time::timeout(patience, left).await);
                }
                self.group.assign(node, partition);
            }
            Told::Late { ms } => {
                self.group.assign(node, partition);
                tokio::time::sleep(Duration::from_millis(u64::from(ms))).await;
                if self.owners.lock().get(&partition) != Some(&former) {
                    self.group.revoke(former, partition, Leave::Abandon);
                }
            }
            Told::Never => self.group.assign(node, partition),
        }
    }

    /// Everything that was wrong is right again; each partition has one owner, who knows it.
    async fn calm_down(&self) {
        let world = &self.group.world;
        world.tell([12, 0, 0], || "everything is calm from here on".to_owned());
        world.weather.lock().is_calm = true;
        world.panics.lock().clear();
        {
            let mut records = world.records.lock();
            records.tricks.iter_mut().for_each(|tricks| tricks.clear());
            records.leap = None;
        }
        self.group
            .nodes
            .lock()
            .iter()
            .for_each(|node| node.life.thaw());
        // Those that are down come back, and late requests arrive.
        tokio::time::sleep(Duration::from_secs(75)).await;
        for partition in (0..PARTITIONS).map(PartitionId) {
            for node in 0..u8::try_from(NODES).unwrap_or(0) {
                let is_owner = self.owners.lock().get(&partition) == Some(&node);
                if !is_owner {
                    self.group.revoke(node, partition, Leave::Abandon);
                }
            }
        }
    }

    /// Asks until everything is answered and released.
    async fn settle(&self) {
        let (terminals, world) = self.parts();
        loop {
            let unanswered = terminals.unanswered();
            let untold = world.oracle.lock().untold(crate::world::wall_clock());
            if unanswered.is_empty() && untold.is_empty() {
                break;
            }
            for step in unanswered {
                terminals.repeat(&world, step).await;
            }
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        // What was answered before is answered again, and in the same way.
        for step in terminals.answered() {
            if world.draw(|rng| rng.one_in_thousand(250)) {
                terminals.repeat(&world, step).await;
            }
        }
        while !world
            .oracle
            .lock()
            .untold(crate::world::wall_clock())
            .is_empty()
        {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        // A checkpoint each, and nothing is left to fold.
        self.group.checkpoints.send_modify(|count| *count += 1);
        while !verdict::is_settled(&self.group) {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}
