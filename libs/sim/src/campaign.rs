//! Many seeds, on all cores; and what is told of the first one that fails.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::plan::{Plan, Step};
use crate::run::{self, Outcome};
use crate::world::{Tell, Violation};
use mutants::Mutant;

/// How often a failing plan is played while it is shrunk.
const SHRINK_TRIES_MAX: u32 = 400;

/// Which seeds are played, and with which line broken.
#[derive(Debug, Clone, Copy)]
pub struct Campaign {
    /// The first seed.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// The broken line, in a build that can.
    pub mutant: Option<Mutant>,
}

/// What came of a campaign.
#[derive(Debug, Clone)]
pub struct Report {
    /// Seeds that were played.
    pub played: u64,
    /// How long they lasted in their own time.
    pub simulated: Duration,
    /// How long they took.
    pub took: Duration,
    /// The lowest seed that failed.
    pub failed: Option<(u64, Violation)>,
}

impl Report {
    /// Seeds a second.
    #[must_use]
    pub fn seeds_per_second(&self) -> u128 {
        u128::from(self.played) * 1_000 / self.took.as_millis().max(1)
    }

    /// Simulated time for each second.
    #[must_use]
    pub fn ratio(&self) -> u128 {
        self.simulated.as_millis() / self.took.as_millis().max(1)
    }
}

#[derive(Debug, Default)]
struct Tally {
    next: AtomicU64,
    played: AtomicU64,
    simulated_ms: AtomicU64,
    stop: AtomicBool,
    failed: Mutex<Option<(u64, Violation)>>,
}

impl Campaign {
    /// Plays the seeds, until one fails. `progress` is told now and then how many were played.
    #[must_use]
    pub fn run(&self, progress: impl Fn(u64) + Sync) -> Report {
        let started = Instant::now();
        let tally = Tally::default();
        let threads = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| self.work(&tally, &progress));
            }
        });
        Report {
            played: tally.played.into_inner(),
            simulated: Duration::from_millis(tally.simulated_ms.into_inner()),
            took: started.elapsed(),
            failed: tally.failed.into_inner(),
        }
    }

    fn work(&self, tally: &Tally, progress: &(impl Fn(u64) + Sync)) {
        loop {
            let index = tally.next.fetch_add(1, Ordering::Relaxed);
            if index >= self.count || tally.stop.load(Ordering::Relaxed) {
                return;
            }
            let seed = self.first + index;
            let told = play(seed, self.mutant, Tell::No);
            let lasted = u64::try_from(told.lasted.as_millis()).unwrap_or(0);
            tally.simulated_ms.fetch_add(lasted, Ordering::Relaxed);
            progress(tally.played.fetch_add(1, Ordering::Relaxed) + 1);
            if let Some(violation) = told.violation {
                tally.stop.store(true, Ordering::Relaxed);
                let mut failed = tally.failed.lock();
                if failed.as_ref().is_none_or(|(lowest, _)| seed < *lowest) {
                    *failed = Some((seed, violation));
                }
            }
        }
    }
}

fn play(seed: u64, mutant: Option<Mutant>, tell: Tell) -> Outcome {
    play_plan(&Plan::of(seed), mutant, tell)
}

fn play_plan(plan: &Plan, mutant: Option<Mutant>, tell: Tell) -> Outcome {
    break_line(mutant);
    let told = run::play(plan, tell);
    break_line(None);
    told
}

#[cfg(feature = "mutants")]
fn break_line(mutant: Option<Mutant>) {
    mutants::breaking(mutant);
}

#[cfg(not(feature = "mutants"))]
fn break_line(_: Option<Mutant>) {}

/// What a seed plans: who asks what when, and what goes wrong when.
#[must_use]
pub fn plan_of(seed: u64) -> String {
    format!("{:?}", Plan::of(seed))
}

/// The trace of one play of a seed, for whoever looks for what differs between two plays: the plan is
/// the same, the order of what happens in the same millisecond may not be.
#[must_use]
pub fn trace_of(seed: u64) -> u64 {
    play(seed, None, Tell::No).trace
}

/// A failing seed in words: what does not hold, the shortest story that shows it, and how to play it
/// again. None when the seed does not fail.
#[must_use]
pub fn tell(seed: u64, mutant: Option<Mutant>) -> Option<String> {
    let plan = Plan::of(seed);
    let violation = play_plan(&plan, mutant, Tell::No).violation?;
    let shrunk = shrink(&plan, mutant, &violation);
    let told = play_plan(&shrunk, mutant, Tell::Yes);
    let broken = mutant.map(|mutant| format!(" --mutant {}", mutant.name()));
    let features = mutant.map_or("", |_| " --features mutants");
    let mut text = format!(
        "seed {seed} violates {violation}\n\nthe shortest story found ({} of {} steps, {} of {} s):\n",
        shrunk.steps.len(),
        plan.steps.len(),
        shrunk.length_ms() / 1_000,
        plan.length_ms() / 1_000,
    );
    let lines = told.story.iter().map(|line| {
        format!(
            "  {line}
"
        )
    });
    text.extend(lines);
    let broken = broken.unwrap_or_default();
    text += &format!(
        "\nto play it again:\n  cargo run --release -p sim{features} -- --seed {seed}{broken}\n"
    );
    Some(text)
}

/// Drops steps as long as the same invariant is violated.
fn shrink(plan: &Plan, mutant: Option<Mutant>, violation: &Violation) -> Plan {
    let mut best = plan.clone();
    let mut tries = 0;
    let mut size = best.steps.len().div_ceil(2);
    while size > 0 && tries < SHRINK_TRIES_MAX {
        let mut from = 0;
        let mut is_shorter = false;
        while from < best.steps.len() && tries < SHRINK_TRIES_MAX {
            tries += 1;
            let shorter = Plan {
                steps: without(&best.steps, from, size),
                ..best.clone()
            };
            let found = play_plan(&shorter, mutant, Tell::No).violation;
            if found.is_some_and(|found| found.invariant == violation.invariant) {
                best = shorter;
                is_shorter = true;
            } else {
                from += size;
            }
        }
        if !is_shorter || size > 1 {
            size /= 2;
        }
    }
    best
}

fn without(steps: &[Step], from: usize, count: usize) -> Vec<Step> {
    let to = (from + count).min(steps.len());
    [&steps[..from], &steps[to..]].concat()
}
