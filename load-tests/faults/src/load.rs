//! `sim pos` beside the cluster: many terminals that pay while things die.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::error::{FaultError, demand};
use crate::facts::LoadFacts;
use crate::guard::Guard;
use crate::record::{Ending, Kind, Record, Seen, first_answers};
use crate::wait::wait_for;

/// Everything a terminal may ask for, reversals without need included.
const MIX: &str = "purchase=66,balance=5,void=6,refund=3,preauth=6,completion=3,completion-advice=1,\
                   preauth-void=2,completion-void=2,top-up=2,reversal=4";
/// A load that nobody stops ends by itself.
const DURATION_MAX: &str = "3h";
/// How long terminals keep dialling, and repeating reversals after the end.
const PATIENCE: Duration = Duration::from_secs(120);
/// What an answer to a load that was told to end may take beyond its patience.
const END_SLACK: Duration = Duration::from_secs(60);

/// How many terminals pay, and how often.
#[derive(Debug, Clone)]
pub(crate) struct LoadPlan {
    pub(crate) connections: u32,
    /// Terminals on each.
    pub(crate) in_flight: u32,
    /// Requests a second, all together; 0 is flat out.
    pub(crate) rate: u64,
    /// Cards that pay, from serial number 1.
    pub(crate) cards: u64,
    /// Exponent of a zipf distribution of cards; none is an even one.
    pub(crate) zipf: Option<&'static str>,
    /// A terminal reverses what has no answer after this time.
    pub(crate) answer_timeout: Duration,
}

/// A load that runs.
#[derive(Debug)]
pub(crate) struct Load {
    _guard: Guard,
    child: Child,
    out: PathBuf,
    err: PathBuf,
    record: Record,
}

// === impl Load ===

impl Load {
    /// Starts one; `number` is its batch, so no two loads on the same books may have the same.
    pub(crate) fn start(
        (program, folder): (&Path, &Path),
        addresses: &[String],
        plan: &LoadPlan,
        (number, partition_count): (u32, u16),
    ) -> Result<(Self, PathBuf), FaultError> {
        let path = |kind: &str| folder.join(format!("load-{number}.{kind}"));
        let (record, out, err) = (path("csv"), path("out"), path("err"));
        let mut command = Command::new(program);
        command
            .args([
                "sim",
                "pos",
                "--quiet",
                "-o",
                "json",
                "--duration",
                DURATION_MAX,
            ])
            .args(["--amount-fen", "1..=9", "--mix", MIX])
            .args(["--connect", &addresses.join(",")])
            .args(["--connections", &plan.connections.to_string()])
            .args(["--in-flight", &plan.in_flight.to_string()])
            .args(["--cards", &plan.cards.to_string()])
            .args([
                "--batch",
                &number.to_string(),
                "--seed",
                &number.to_string(),
            ])
            .args(["--reconnect-for", &format!("{}s", PATIENCE.as_secs())])
            .args([
                "--answer-timeout",
                &format!("{}ms", plan.answer_timeout.as_millis()),
            ])
            .arg("--record")
            .arg(&record);
        if plan.rate > 0 {
            command.args(["--rate", &plan.rate.to_string()]);
        }
        if let Some(exponent) = plan.zipf {
            command.args(["--distribution", "zipf", "--zipf-exponent", exponent]);
        }
        let action = || FaultError::io("start a load");
        let child = command
            .stdin(Stdio::null())
            .stdout(File::create(&out).map_err(action())?)
            .stderr(File::create(&err).map_err(action())?)
            .spawn()
            .map_err(action())?;
        let load = Self {
            _guard: Guard::of(&child).map_err(action())?,
            child,
            out,
            err,
            record: Record::new(&record, partition_count),
        };
        Ok((load, record))
    }

    /// What its terminals saw so far.
    pub(crate) fn seen(&mut self) -> Result<&[Seen], FaultError> {
        let status = self
            .child
            .try_wait()
            .map_err(FaultError::io("look after a load"))?;
        if let Some(status) = status {
            return Err(self.failure(status.code()));
        }
        self.record.refresh()
    }

    /// Waits until so many more requests are over, answered or not.
    pub(crate) fn wait_ended(&mut self, more: usize, limit: Duration) -> Result<(), FaultError> {
        let wanted = self.seen()?.len() + more;
        let what = format!("{more} more requests are over");
        wait_for(&what, limit, || {
            Ok((self.seen()?.len() >= wanted).then_some(()))
        })
    }

    /// Waits until so many more requests were decided and answered.
    pub(crate) fn wait_decided(&mut self, more: usize, limit: Duration) -> Result<(), FaultError> {
        let count = |seen: &[Seen]| seen.iter().filter(|one| one.decided_by().is_some()).count();
        let wanted = count(self.seen()?) + more;
        let what = format!("{more} more answers");
        wait_for(&what, limit, || {
            Ok((count(self.seen()?) >= wanted).then_some(()))
        })
    }

    /// Waits for the first answer of a partition after a moment, and gives how long it took.
    pub(crate) fn wait_answer(
        &mut self,
        since_ms: u64,
        limit: Duration,
    ) -> Result<Duration, FaultError> {
        wait_for("an answer", limit, || {
            let decided = self.seen()?.iter().filter(|one| one.decided_by().is_some());
            let first = decided.map(|one| one.ended_ms).filter(|at| *at >= since_ms);
            let took = first.min().map(|first| first - since_ms);
            Ok(took.map(Duration::from_millis))
        })
    }

    /// Waits until something that was sent after a moment was approved.
    pub(crate) fn wait_approved(
        &mut self,
        since_ms: u64,
        limit: Duration,
    ) -> Result<(), FaultError> {
        let is_new = |one: &Seen| one.is_approved() && one.sent_ms >= since_ms;
        wait_for("an approval of a new request", limit, || {
            Ok(self.seen()?.iter().any(is_new).then_some(()))
        })
    }

    /// Waits until a payment of a card was approved.
    #[cfg(feature = "drivers")]
    pub(crate) fn wait_paid(&mut self, serial: u64, limit: Duration) -> Result<(), FaultError> {
        let is_it =
            |one: &Seen| one.serial == serial && one.kind == Kind::Payment && one.is_approved();
        wait_for("a payment of the card", limit, || {
            Ok(self.seen()?.iter().any(is_it).then_some(()))
        })
    }

    /// Waits until each of these partitions answered after a moment, and gives how long each took.
    pub(crate) fn wait_first_answers(
        &mut self,
        partitions: &BTreeSet<u16>,
        since_ms: u64,
        limit: Duration,
    ) -> Result<Vec<Duration>, FaultError> {
        let mut firsts = first_answers(self.seen()?, partitions, since_ms);
        let waited = wait_for("an answer of each partition", limit, || {
            firsts = first_answers(self.seen()?, partitions, since_ms);
            Ok((firsts.len() == partitions.len()).then_some(()))
        });
        if matches!(waited, Err(FaultError::Overdue { .. })) {
            let silent: Vec<_> = partitions
                .iter()
                .filter(|one| !firsts.contains_key(one))
                .collect();
            let what = format!("answers of partitions {silent:?}");
            return Err(FaultError::Overdue { what, limit });
        }
        waited?;
        Ok(firsts.into_values().collect())
    }

    /// Has its terminals ask nothing new, waits until what is open is settled, and gives what they saw.
    pub(crate) fn stop(mut self) -> Result<(LoadFacts, Vec<Seen>), FaultError> {
        let raw = i32::try_from(self.child.id()).ok();
        if let Some(pid) = raw.and_then(Pid::from_raw) {
            kill_process(pid, Signal::INT)
                .map_err(|error| FaultError::io("end a load")(error.into()))?;
        }
        let limit = PATIENCE + END_SLACK;
        let status = wait_for("the load ends", limit, || {
            self.child
                .try_wait()
                .map_err(FaultError::io("look after a load"))
        })?;
        if !status.success() {
            return Err(self.failure(status.code()));
        }
        let seen = self.record.refresh()?.to_vec();
        let text = fs::read_to_string(&self.out).map_err(FaultError::io("read a load's result"))?;
        let summary: Value = serde_json::from_str(&text)
            .map_err(|_| FaultError::Driver(format!("not the JSON of a load: {text}")))?;
        let lost = seen.iter().filter(|one| is_lost(one));
        let facts = LoadFacts::of(&summary, lost.count() as u64);
        demand(facts.answered > 0, || {
            "no request was answered at all".to_owned()
        })?;
        Ok((facts, seen))
    }

    fn failure(&self, code: Option<i32>) -> FaultError {
        FaultError::Command {
            command: "sim pos".to_owned(),
            code,
            said: fs::read_to_string(&self.err).unwrap_or_default(),
        }
    }
}

fn is_lost(one: &Seen) -> bool {
    one.ending == Ending::Lost && one.kind != Kind::Reversal
}

impl Drop for Load {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
