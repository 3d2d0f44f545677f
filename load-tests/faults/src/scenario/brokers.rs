//! Brokers that die and freeze.

use std::time::Duration;

use super::{Effort, RETURN_LIMIT, stand};
use crate::error::{FaultError, demand};
use crate::facts::Facts;
use crate::load::Load;
use crate::record::{Kind, Seen};
use crate::rig::Rig;
use crate::wait::{hold, unix_ms};

const NAMES: [&str; 2] = ["p1", "p2"];

/// The only broker is killed, stopped and frozen, and comes back.
pub(super) fn restarted(
    rig: &mut Rig,
    effort: &Effort,
    facts: &mut Facts,
) -> Result<(), FaultError> {
    stand(rig, &NAMES, &["a1"])?;
    let mut load = rig.load(&effort.load())?;
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    let brokers = rig.site.brokers()?;
    let (mut killed, mut stopped, mut frozen) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..effort.rounds {
        brokers.kill(1)?;
        brokers.restart(1)?;
        killed.push(comes_back(&mut load, effort)?);
        brokers.stop(1)?;
        brokers.restart(1)?;
        stopped.push(comes_back(&mut load, effort)?);
        brokers.freeze(1)?;
        hold(effort.hold);
        brokers.thaw(1)?;
        frozen.push(comes_back(&mut load, effort)?);
    }
    rig.wait_settled(&NAMES)?;
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    rig.finish(load, facts)?;
    facts.times("broker killed, serves again: answers after", killed);
    facts.times("broker stopped, serves again: answers after", stopped);
    facts.time("broker frozen for", effort.hold);
    facts.times("broker goes on: answers after", frozen);
    facts.check = rig.check()?;
    Ok(())
}

/// Waits until payments are decided again, and gives how long from now the first answer took.
pub(super) fn comes_back(load: &mut Load, effort: &Effort) -> Result<Duration, FaultError> {
    let took = load.wait_answer(unix_ms(), RETURN_LIMIT)?;
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    Ok(took)
}

/// One of three brokers dies, then two: with one left nothing is approved, and nothing is lost.
pub(super) fn lost(rig: &mut Rig, effort: &Effort, facts: &mut Facts) -> Result<(), FaultError> {
    stand(rig, &NAMES, &["a1"])?;
    let mut load = rig.load(&effort.load())?;
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    let brokers = rig.site.brokers()?;
    let all = (0..rig.plan.partitions).collect();
    let (mut outages, mut one_down, mut back) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..effort.rounds {
        let killed_at = unix_ms();
        brokers.kill(3)?;
        load.wait_approved(killed_at, RETURN_LIMIT)?;
        one_down.extend(load.wait_first_answers(&all, killed_at, RETURN_LIMIT)?);
        brokers.kill(2)?;
        let two_down = unix_ms();
        hold(effort.hold);
        outages.push((two_down, unix_ms()));
        brokers.restart(2)?;
        back.push(comes_back(&mut load, effort)?);
        brokers.restart(3)?;
        load.wait_decided(effort.second(), RETURN_LIMIT)?;
    }
    rig.wait_settled(&NAMES)?;
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    let seen = rig.finish(load, facts)?;
    nothing_approved(&seen, &outages, "with one broker of three left")?;
    facts.times("one broker down: a partition answers after", one_down);
    facts.time("two brokers down for", effort.hold);
    facts.note("payments that were sent and approved meanwhile", 0);
    facts.times("second broker serves again: answers after", back);
    facts.check = rig.check()?;
    Ok(())
}

/// Demands that no payment that was sent during an outage was approved during it.
pub(super) fn nothing_approved(
    seen: &[Seen],
    outages: &[(u64, u64)],
    when: &str,
) -> Result<(), FaultError> {
    let is_within = |one: &Seen| {
        let is_in = |(from, to): &(u64, u64)| one.sent_ms > *from && one.ended_ms < *to;
        outages.iter().any(is_in)
    };
    let count = seen
        .iter()
        .filter(|one| one.kind != Kind::Inquiry && one.is_approved() && is_within(one))
        .count();
    demand(count == 0, || {
        format!("{count} payments were approved {when}")
    })
}
