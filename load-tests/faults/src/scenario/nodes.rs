//! Nodes of the card store that die and freeze.

use super::brokers::{comes_back, nothing_approved};
use super::{Effort, RETURN_LIMIT, stand};
use crate::error::FaultError;
use crate::facts::Facts;
use crate::rig::Rig;
use crate::wait::{hold, unix_ms};

const NAMES: [&str; 2] = ["p1", "p2"];

/// The only node is killed and frozen: writes of unknown fate, and late ones, when it comes back.
pub(super) fn restarted(
    rig: &mut Rig,
    effort: &Effort,
    facts: &mut Facts,
) -> Result<(), FaultError> {
    stand(rig, &NAMES, &["a1"])?;
    let mut load = rig.load(&effort.load())?;
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    let nodes = rig.site.nodes()?;
    let (mut outages, mut killed, mut frozen) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..effort.rounds {
        nodes.kill(1)?;
        // Nothing answers before it is told to start.
        let down = unix_ms();
        load.wait_ended(1, RETURN_LIMIT)?;
        outages.push((down, unix_ms()));
        nodes.restart(1)?;
        killed.push(comes_back(&mut load, effort)?);
        nodes.freeze(1)?;
        let frozen_at = unix_ms();
        hold(effort.hold);
        outages.push((frozen_at, unix_ms()));
        nodes.thaw(1)?;
        frozen.push(comes_back(&mut load, effort)?);
    }
    rig.wait_settled(&NAMES)?;
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    let seen = rig.finish(load, facts)?;
    nothing_approved(&seen, &outages, "without the card store")?;
    facts.times("node killed, serves again: answers after", killed);
    facts.time("node frozen for", effort.hold);
    facts.times("node goes on: answers after", frozen);
    facts.note("payments that were sent and approved meanwhile", 0);
    facts.check = rig.check()?;
    Ok(())
}

/// One of three nodes freezes, dies, then two: with one left nothing is approved, and nothing is lost.
pub(super) fn lost(rig: &mut Rig, effort: &Effort, facts: &mut Facts) -> Result<(), FaultError> {
    stand(rig, &NAMES, &["a1"])?;
    let mut load = rig.load(&effort.load())?;
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    let nodes = rig.site.nodes()?;
    let all = (0..rig.plan.partitions).collect();
    let (mut frozen, mut one_down) = (Vec::new(), Vec::new());
    let (mut outages, mut back) = (Vec::new(), Vec::new());
    for _ in 0..effort.rounds {
        let frozen_at = unix_ms();
        nodes.freeze(3)?;
        frozen.extend(load.wait_first_answers(&all, frozen_at, RETURN_LIMIT)?);
        nodes.thaw(3)?;
        let killed_at = unix_ms();
        nodes.kill(3)?;
        one_down.extend(load.wait_first_answers(&all, killed_at, RETURN_LIMIT)?);
        nodes.kill(2)?;
        let two_down = unix_ms();
        hold(effort.hold);
        outages.push((two_down, unix_ms()));
        nodes.restart(2)?;
        back.push(comes_back(&mut load, effort)?);
        nodes.restart(3)?;
        load.wait_decided(effort.second(), RETURN_LIMIT)?;
    }
    rig.wait_settled(&NAMES)?;
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    let seen = rig.finish(load, facts)?;
    nothing_approved(&seen, &outages, "with one node of three left")?;
    facts.times("one node frozen: a partition answers after", frozen);
    facts.times("one node down: a partition answers after", one_down);
    facts.time("two nodes down for", effort.hold);
    facts.note("payments that were sent and approved meanwhile", 0);
    facts.times("second node serves again: answers after", back);
    facts.check = rig.check()?;
    Ok(())
}
