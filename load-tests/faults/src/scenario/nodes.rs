//! Nodes of the card store that die and freeze.

use std::time::Duration;

use super::brokers::{comes_back, nothing_approved};
use super::{Effort, RETURN_LIMIT, stand};
use crate::error::FaultError;
use crate::facts::Facts;
use crate::rig::Rig;
use crate::wait::{hold, unix_ms};

/// The only node is killed and frozen: writes of unknown fate, and late ones, when it comes back.
pub(super) fn restarted(
    rig: &mut Rig,
    effort: &Effort,
    facts: &mut Facts,
) -> Result<(), FaultError> {
    let nodes = rig.site.nodes()?;
    stand(rig, &["p1", "p2"], &["a1"])?;
    let mut load = rig.load(&effort.load())?;
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    let mut outages = Vec::new();
    for _ in 0..effort.rounds {
        let killed_at = unix_ms();
        nodes.kill(1)?;
        let down = unix_ms();
        outages.push((down, unix_ms()));
        nodes.restart(1)?;
        comes_back(
            &mut load,
            effort,
            facts,
            ("node killed and started again: approvals after", killed_at),
        )?;
        nodes.freeze(1)?;
        let frozen_at = unix_ms();
        hold(effort.hold);
        let thawed_at = unix_ms();
        outages.push((frozen_at, thawed_at));
        nodes.thaw(1)?;
        facts.time("node frozen for", effort.hold);
        comes_back(
            &mut load,
            effort,
            facts,
            ("approvals after its thaw", thawed_at),
        )?;
    }
    rig.wait_settled(&[])?;
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    let seen = rig.finish(load, facts)?;
    nothing_approved(&seen, &outages, "without the card store")?;
    facts.check = rig.check()?;
    Ok(())
}

/// One of three nodes freezes, dies, then two: with one left nothing is approved, and nothing is lost.
pub(super) fn lost(rig: &mut Rig, effort: &Effort, facts: &mut Facts) -> Result<(), FaultError> {
    let nodes = rig.site.nodes()?;
    stand(rig, &["p1", "p2"], &["a1"])?;
    let mut load = rig.load(&effort.load())?;
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    let all = (0..rig.plan.partitions).collect();
    let mut outages = Vec::new();
    for _ in 0..effort.rounds {
        let frozen_at = unix_ms();
        nodes.freeze(3)?;
        let firsts = load.wait_first_answers(&all, frozen_at, RETURN_LIMIT)?;
        facts.times("one node frozen: a partition answers after", firsts);
        nodes.thaw(3)?;
        let one_down = unix_ms();
        nodes.kill(3)?;
        let firsts = load.wait_first_answers(&all, one_down, RETURN_LIMIT)?;
        facts.times("one node down: a partition answers after", firsts);
        nodes.kill(2)?;
        let two_down = unix_ms();
        hold(effort.hold);
        let back = unix_ms();
        outages.push((two_down, back));
        nodes.restart(2)?;
        load.wait_approved(back, RETURN_LIMIT)?;
        facts.time(
            "second node back: approvals after",
            Duration::from_millis(unix_ms() - back),
        );
        nodes.restart(3)?;
        load.wait_decided(2 * effort.second(), RETURN_LIMIT)?;
    }
    rig.wait_settled(&[])?;
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    let seen = rig.finish(load, facts)?;
    nothing_approved(&seen, &outages, "with one node of three left")?;
    facts.time("two nodes down for", effort.hold);
    facts.note("requests sent and approved meanwhile", 0);
    facts.check = rig.check()?;
    Ok(())
}
