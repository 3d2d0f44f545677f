//! Processors that come and go in good order.

use std::time::Duration;

use super::{Effort, RETURN_LIMIT, stand};
use crate::error::FaultError;
use crate::facts::Facts;
use crate::member::Role;
use crate::record::{longest_silence, longest_wait};
use crate::rig::Rig;
use crate::wait::unix_ms;

/// Two processors join and leave beside one that stays, as fast as they can.
pub(super) fn storm(rig: &mut Rig, effort: &Effort, facts: &mut Facts) -> Result<(), FaultError> {
    stand(rig, &["p1"], &["a1"])?;
    let mut load = rig.load(&effort.load())?;
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    let began = unix_ms();
    for name in ["p2", "p3"].iter().cycle().take(effort.rounds as usize) {
        let member = rig.prepare(name, Role::Processor)?;
        if member.is_running() {
            member.terminate()?;
        } else {
            member.start()?;
        }
        // A second of the load between one change and the next, answered or not.
        load.wait_ended(effort.second(), RETURN_LIMIT)?;
    }
    let changed = unix_ms();
    rig.wait_settled(&["p1"])?;
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    let ended = unix_ms();
    let seen = rig.finish(load, facts)?;
    facts.note("joins and leaves", effort.rounds);
    let each = Duration::from_millis((changed - began) / u64::from(effort.rounds.max(1)));
    facts.time("one every", each);
    facts.time(
        "longest silence of the whole",
        longest_silence(&seen, (began, ended)),
    );
    facts.time(
        "longest wait of a terminal that got its answer",
        longest_wait(&seen, (began, ended)),
    );
    facts.check = rig.check()?;
    Ok(())
}

/// Every process is told to end and started again, one after another, while terminals pay.
pub(super) fn rolling(rig: &mut Rig, effort: &Effort, facts: &mut Facts) -> Result<(), FaultError> {
    let (processors, acquirers) = (["p1", "p2"], ["a1", "a2"]);
    stand(rig, &processors, &acquirers)?;
    let mut load = rig.load(&effort.load())?;
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    let began = unix_ms();
    let mut handovers = Vec::new();
    for _ in 0..effort.rounds {
        for name in processors {
            let asked = unix_ms();
            rig.member(name)?.terminate()?;
            load.wait_decided(effort.second(), RETURN_LIMIT)?;
            handovers.push((asked, unix_ms()));
            rig.start(name, Role::Processor)?;
            rig.wait_settled(&processors)?;
            load.wait_decided(effort.second(), RETURN_LIMIT)?;
        }
        for name in acquirers {
            rig.member(name)?.terminate()?;
            load.wait_decided(effort.second(), RETURN_LIMIT)?;
            rig.start(name, Role::Acquirer)?;
            load.wait_decided(effort.second(), RETURN_LIMIT)?;
        }
    }
    let ended = unix_ms();
    let seen = rig.finish(load, facts)?;
    let handovers = handovers
        .into_iter()
        .map(|window| longest_wait(&seen, window));
    facts.times(
        "longest wait while a processor hands over",
        handovers.collect(),
    );
    facts.time(
        "longest silence of the whole",
        longest_silence(&seen, (began, ended)),
    );
    facts.time(
        "longest wait of a terminal that got its answer",
        longest_wait(&seen, (began, ended)),
    );
    facts.check = rig.check()?;
    Ok(())
}
