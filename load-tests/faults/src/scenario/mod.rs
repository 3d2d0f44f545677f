//! The stories: what is done to a cluster under load, and what must hold all the while.

mod acquirers;
mod brokers;
mod days;
mod group;
#[cfg(feature = "drivers")]
mod hands;
mod list;
mod nodes;
mod processors;
mod steady;

use std::time::{Duration, Instant};

use crate::error::FaultError;
use crate::facts::Facts;
use crate::load::LoadPlan;
use crate::member::Role;
use crate::rig::{Rig, RigPlan};
use crate::site::Site;

/// How long anything that must come back may take.
const RETURN_LIMIT: Duration = Duration::from_secs(120);

/// The servers that a scenario needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServersNeeded {
    /// One of each, left unharmed: any will do.
    Any,
    /// One of each, of our own, to be killed and frozen.
    Own,
    /// Three brokers of our own and one node.
    ThreeBrokers,
    /// One broker and three nodes of our own.
    ThreeNodes,
}

/// How hard a scenario tries.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// How often the fault comes.
    pub rounds: u32,
    /// How long a freeze, an outage, or a load without faults lasts.
    pub hold: Duration,
    /// Requests a second.
    pub rate: u64,
    /// Partitions of the log.
    pub partitions: u16,
    /// Cards that pay.
    pub cards: u64,
}

// === impl Effort ===

impl Effort {
    /// So many answers come in a second.
    fn second(&self) -> usize {
        usize::try_from(self.rate).unwrap_or(usize::MAX)
    }

    fn load(&self) -> LoadPlan {
        LoadPlan {
            connections: 8,
            // One that waits for a dead partition is not free: several seconds of the rate.
            in_flight: u32::try_from((self.rate / 2).clamp(16, 1_000)).unwrap_or(16),
            rate: self.rate,
            cards: self.cards,
            zipf: None,
            answer_timeout: Duration::from_secs(10),
        }
    }
}

/// What is done, and what must hold.
#[derive(Debug)]
pub struct Scenario {
    /// For the command line.
    pub name: &'static str,
    /// What is done, as a phrase.
    pub fault: &'static str,
    /// What must hold besides clean books, as a phrase.
    pub promise: &'static str,
    /// The servers that it needs.
    pub needs: ServersNeeded,
    /// For the tests; none when it is too long for them.
    pub quick: Option<Effort>,
    /// For the report.
    pub long: Effort,
    play: fn(&mut Rig, &Effort, &mut Facts) -> Result<(), FaultError>,
}

// === impl Scenario ===

impl Scenario {
    /// All of them, in the order of the report.
    pub fn all() -> &'static [Self] {
        list::ALL
    }

    /// One of them.
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::all().iter().find(|scenario| scenario.name == name)
    }

    /// Plays it.
    ///
    /// # Errors
    ///
    /// When a promise is broken or something does not come back; the folder with settings, records and log
    /// lines is kept then, and named.
    pub fn run(&self, site: &Site, effort: &Effort) -> Result<Facts, FaultError> {
        let began = Instant::now();
        let plan = RigPlan {
            partitions: effort.partitions,
            cards: effort.cards,
            session_timeout_seconds: 6,
        };
        let mut rig = Rig::new(site, plan)?;
        let mut facts = Facts::default();
        let played = (self.play)(&mut rig, effort, &mut facts).and_then(|()| rig.end());
        match played {
            Ok(slowest) => facts.time("clean end of every process, the slowest", slowest),
            Err(cause) => return Err(rig.explain(cause)),
        }
        #[cfg(feature = "drivers")]
        crate::tamper::remove(&rig)?;
        facts.took = began.elapsed();
        Ok(facts)
    }
}

/// Starts processors and acquirers and puts cards on the books.
fn stand(rig: &mut Rig, processors: &[&str], acquirers: &[&str]) -> Result<(), FaultError> {
    for name in processors {
        rig.start(name, Role::Processor)?;
    }
    for name in acquirers {
        rig.start(name, Role::Acquirer)?;
    }
    rig.wait_settled(processors)?;
    rig.issue_cards()
}
