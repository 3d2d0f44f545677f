//! Brokers that die and freeze.

use std::time::Duration;

use super::{Effort, RETURN_LIMIT, stand};
use crate::error::{FaultError, demand};
use crate::facts::Facts;
use crate::load::Load;
use crate::record::{Kind, Seen};
use crate::rig::Rig;
use crate::wait::{hold, unix_ms};

/// The only broker is killed, stopped and frozen, and comes back.
pub(super) fn restarted(
    rig: &mut Rig,
    effort: &Effort,
    facts: &mut Facts,
) -> Result<(), FaultError> {
    stand(rig, &["p1", "p2"], &["a1"])?;
    let mut load = rig.load(&effort.load())?;
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    let brokers = rig.site.brokers()?;
    for _ in 0..effort.rounds {
        let killed_at = unix_ms();
        brokers.kill(1)?;
        brokers.restart(1)?;
        comes_back(
            &mut load,
            effort,
            facts,
            (
                "broker killed and started again: approvals after",
                killed_at,
            ),
        )?;
        let stopped_at = unix_ms();
        brokers.restart(1)?;
        comes_back(
            &mut load,
            effort,
            facts,
            (
                "broker stopped and started again: approvals after",
                stopped_at,
            ),
        )?;
        brokers.freeze(1)?;
        hold(effort.hold);
        let thawed_at = unix_ms();
        brokers.thaw(1)?;
        facts.time("broker frozen for", effort.hold);
        comes_back(
            &mut load,
            effort,
            facts,
            ("approvals after its thaw", thawed_at),
        )?;
    }
    rig.wait_settled(&[])?;
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    rig.finish(load, facts)?;
    facts.check = rig.check()?;
    Ok(())
}

/// Waits until new requests are approved again.
pub(super) fn comes_back(
    load: &mut Load,
    effort: &Effort,
    facts: &mut Facts,
    (what, since_ms): (&str, u64),
) -> Result<(), FaultError> {
    load.wait_approved(since_ms, RETURN_LIMIT)?;
    facts.time(what, Duration::from_millis(unix_ms() - since_ms));
    load.wait_decided(effort.second(), RETURN_LIMIT)
}

/// One of three brokers dies, then two: with one left nothing is approved, and nothing is lost.
pub(super) fn lost(rig: &mut Rig, effort: &Effort, facts: &mut Facts) -> Result<(), FaultError> {
    stand(rig, &["p1", "p2"], &["a1"])?;
    let mut load = rig.load(&effort.load())?;
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    let brokers = rig.site.brokers()?;
    let mut outages = Vec::new();
    for _ in 0..effort.rounds {
        let one_down = unix_ms();
        brokers.kill(3)?;
        load.wait_approved(one_down, RETURN_LIMIT)?;
        let all = (0..rig.plan.partitions).collect();
        let firsts = load.wait_first_answers(&all, one_down, RETURN_LIMIT)?;
        facts.times("one broker down: a partition answers after", firsts);
        brokers.kill(2)?;
        let two_down = unix_ms();
        hold(effort.hold);
        let back = unix_ms();
        outages.push((two_down, back));
        brokers.restart(2)?;
        load.wait_approved(back, RETURN_LIMIT)?;
        facts.time(
            "second broker back: approvals after",
            Duration::from_millis(unix_ms() - back),
        );
        brokers.restart(3)?;
        load.wait_decided(2 * effort.second(), RETURN_LIMIT)?;
    }
    rig.wait_settled(&[])?;
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    let seen = rig.finish(load, facts)?;
    nothing_approved(&seen, &outages, "with one broker of three left")?;
    facts.time("two brokers down for", effort.hold);
    facts.note("requests sent and approved meanwhile", 0);
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
