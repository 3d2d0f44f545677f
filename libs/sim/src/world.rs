//! What all parts of a simulated world share: its clock, its weather, its story, and what was found
//! to be wrong in it.

use std::cell::Cell;
use std::fmt;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::database::Tables;
use crate::log::Records;
use crate::oracle::Oracle;
use crate::plan::REPLICAS;
use crate::rng::Rng;
use card::Timestamp;

/// Where the clock of a world begins: 2026-01-01 00:00 UTC.
const BEGIN_MS: i64 = 1_767_225_600_000;

thread_local! {
    /// When this thread's world began, and how far its wall clock was moved since.
    static CLOCK: Cell<Option<(Instant, i64)>> = const { Cell::new(None) };
}

/// The wall clock of this thread's world.
pub(crate) fn wall_clock() -> Timestamp {
    let (began, moved_ms) = CLOCK.get().expect("a world has begun on this thread");
    let passed = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
    Timestamp(BEGIN_MS + passed + moved_ms)
}

/// Nothing happens for so long.
pub(crate) fn pass_time(ms: i64) {
    if let Some((began, moved_ms)) = CLOCK.get() {
        CLOCK.set(Some((began, moved_ms + ms)));
    }
}

/// Something that must never be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The invariant that does not hold.
    pub invariant: &'static str,
    /// What was seen.
    pub seen: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.seen)
    }
}

/// What the network is like.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weather {
    /// Lost or much delayed, in a thousand.
    pub(crate) bad_until_ms: u64,
    pub(crate) replies_lost_until_ms: u64,
    pub(crate) down_until_ms: [u64; REPLICAS],
    /// Nothing goes wrong any more.
    pub(crate) is_calm: bool,
}

/// A crash of an actor that is to come.
#[derive(Debug, Clone)]
pub(crate) struct Panics {
    pub(crate) card: u8,
    pub(crate) left: u8,
    pub(crate) after_sending: bool,
    /// The decision at which it crashed last, and how often.
    pub(crate) at: (Vec<u8>, u32),
}

/// One world, alone on its thread.
pub(crate) struct World {
    began: Instant,
    rng: Mutex<Rng>,
    pub(crate) weather: Mutex<Weather>,
    pub(crate) panics: Mutex<Vec<Panics>>,
    pub(crate) records: Mutex<Records>,
    /// Something was appended.
    pub(crate) appended: Notify,
    pub(crate) tables: Mutex<Tables>,
    pub(crate) oracle: Mutex<Oracle>,
    violation: Mutex<Option<Violation>>,
    /// Ends the story.
    pub(crate) violated: Notify,
    story: Option<Mutex<Vec<String>>>,
    trace: AtomicU64,
}

impl World {
    /// Begins a world. Its clock is that of the runtime.
    pub(crate) fn begin(seed: u64, (oracle, is_told): (Oracle, Tell)) -> Arc<Self> {
        let began = Instant::now();
        CLOCK.set(Some((began, 0)));
        Arc::new(Self {
            began,
            rng: Mutex::new(Rng::new(seed)),
            weather: Mutex::default(),
            panics: Mutex::default(),
            records: Mutex::new(Records::new()),
            appended: Notify::new(),
            tables: Mutex::default(),
            oracle: Mutex::new(oracle),
            violation: Mutex::default(),
            violated: Notify::new(),
            story: (is_told == Tell::Yes).then(Mutex::default),
            trace: AtomicU64::new(0xcbf2_9ce4_8422_2325),
        })
    }

    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn draw<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(&mut self.rng.lock())
    }

    /// How long a round trip takes now.
    pub(crate) fn latency(&self) -> Duration {
        let is_bad = self.is_bad();
        let us = self.draw(|rng| match is_bad && rng.one_in_thousand(150) {
            true => rng.between(100_000, 3_000_000),
            false => rng.between(100, 4_000),
        });
        Duration::from_micros(us)
    }

    pub(crate) fn is_bad(&self) -> bool {
        let weather = *self.weather.lock();
        !weather.is_calm && self.now_ms() < weather.bad_until_ms
    }

    pub(crate) fn is_up(&self, replica: usize) -> bool {
        let weather = *self.weather.lock();
        weather.is_calm || self.now_ms() >= weather.down_until_ms[replica]
    }

    pub(crate) fn is_calm(&self) -> bool {
        self.weather.lock().is_calm
    }

    /// Notes an event in the trace, and in the story when one is wanted.
    pub(crate) fn tell(&self, numbers: [u64; 3], line: impl FnOnce() -> String) {
        let mut hash = self.trace.load(Ordering::Relaxed);
        for number in numbers.into_iter().chain([self.now_ms()]) {
            hash = (hash ^ number).wrapping_mul(0x0000_0100_0000_01b3);
            hash ^= hash >> 29;
        }
        self.trace.store(hash, Ordering::Relaxed);
        if let Some(story) = &self.story {
            let ms = self.now_ms();
            let line = format!("{:>4}.{:03} s  {}", ms / 1_000, ms % 1_000, line());
            story.lock().push(line);
        }
    }

    /// Two runs of a seed have the same trace.
    pub(crate) fn trace(&self) -> u64 {
        self.trace.load(Ordering::Relaxed)
    }

    pub(crate) fn story(&self) -> Vec<String> {
        let story = self.story.as_ref();
        story.map(|story| story.lock().clone()).unwrap_or_default()
    }

    /// Something is wrong. The first one counts.
    pub(crate) fn violate(&self, invariant: &'static str, seen: impl Into<String>) {
        let mut violation = self.violation.lock();
        if violation.is_none() {
            let found = Violation {
                invariant,
                seen: seen.into(),
            };
            self.tell([99, 0, 0], || format!("VIOLATED  {found}"));
            *violation = Some(found);
            self.violated.notify_one();
        }
    }

    pub(crate) fn violation(&self) -> Option<Violation> {
        self.violation.lock().clone()
    }
}

/// Whether the story is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tell {
    Yes,
    No,
}

/// One life of a process.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) node: u8,
    dead: AtomicBool,
    /// Operations that it still makes before it dies.
    operations_left: AtomicU64,
    frozen_until_ms: AtomicU64,
    pub(crate) died: Notify,
}

impl Life {
    pub(crate) fn new(node: u8) -> Arc<Self> {
        Arc::new(Self {
            node,
            dead: AtomicBool::new(false),
            operations_left: AtomicU64::new(u64::MAX),
            frozen_until_ms: AtomicU64::new(0),
            died: Notify::new(),
        })
    }

    pub(crate) fn die_after(&self, operations: u64) {
        self.operations_left.store(operations, Ordering::Relaxed);
    }

    pub(crate) fn freeze_until(&self, ms: u64) {
        self.frozen_until_ms.fetch_max(ms, Ordering::Relaxed);
    }

    pub(crate) fn thaw(&self) {
        self.frozen_until_ms.store(0, Ordering::Relaxed);
        self.operations_left.store(u64::MAX, Ordering::Relaxed);
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    pub(crate) fn frozen_until_ms(&self) -> u64 {
        self.frozen_until_ms.load(Ordering::Relaxed)
    }

    pub(crate) fn die(&self) {
        self.dead.store(true, Ordering::Relaxed);
        self.died.notify_one();
    }

    /// Begins an operation that waits for nothing. False: the process is dead, or stands still.
    pub(crate) fn operates_now(&self, world: &World) -> bool {
        !self.counts_down() && world.now_ms() >= self.frozen_until_ms()
    }

    /// Whether it is dead by now.
    fn counts_down(&self) -> bool {
        if self.is_dead() {
            return true;
        }
        let left = self.operations_left.load(Ordering::Relaxed);
        if left == u64::MAX {
            return false;
        }
        self.operations_left
            .store(left.saturating_sub(1), Ordering::Relaxed);
        if left == 0 {
            self.die();
        }
        left == 0
    }

    /// Begins an operation, which takes a while. Never comes back to a dead process.
    pub(crate) async fn operates(&self, world: &World) {
        self.lives(world).await;
        tokio::time::sleep(world.latency()).await;
        self.lives(world).await;
    }

    async fn lives(&self, world: &World) {
        loop {
            if self.counts_down() {
                return pending().await;
            }
            let frozen_ms = self.frozen_until_ms().saturating_sub(world.now_ms());
            if frozen_ms == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(frozen_ms)).await;
        }
    }
}
