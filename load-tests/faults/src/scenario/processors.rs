//! Processors that die, and one that does not know that it is dead.

use std::time::Instant;

use super::{Effort, RETURN_LIMIT, stand};
use crate::error::FaultError;
use crate::facts::Facts;
use crate::member::Role;
use crate::record::{longest_silence, longest_wait};
use crate::rig::Rig;
use crate::wait::{hold, unix_ms};

const NAMES: [&str; 2] = ["p1", "p2"];

/// `kill -9` under load, each time until the other one decides on all its partitions, and back.
pub(super) fn killed(rig: &mut Rig, effort: &Effort, facts: &mut Facts) -> Result<(), FaultError> {
    stand(rig, &NAMES, &["a1"])?;
    let mut load = rig.load(&effort.load())?;
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    let began = unix_ms();
    let mut takeovers = Vec::new();
    for (round, victim) in (0..effort.rounds).zip(NAMES.iter().cycle()) {
        let orphans = rig.status()?.owned_by(victim);
        // Moments spread over two seconds of the load.
        let moment = (round as usize * 7_919) % (2 * effort.second());
        load.wait_decided(1 + moment, RETURN_LIMIT)?;
        let killed_at = unix_ms();
        rig.member(victim)?.kill()?;
        takeovers.extend(load.wait_first_answers(&orphans, killed_at, RETURN_LIMIT)?);
        rig.start(victim, Role::Processor)?;
        rig.wait_settled(&NAMES)?;
    }
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    let ended = unix_ms();
    let seen = rig.finish(load, facts)?;
    facts.note("kills", effort.rounds);
    facts.times("takeover of a partition", takeovers);
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

/// SIGSTOP for longer than the session, then SIGCONT: it goes on deciding what is not its own any more.
pub(super) fn frozen(rig: &mut Rig, effort: &Effort, facts: &mut Facts) -> Result<(), FaultError> {
    stand(rig, &NAMES, &["a1"])?;
    let mut load = rig.load(&effort.load())?;
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    let began = unix_ms();
    let mut takeovers = Vec::new();
    for victim in NAMES.iter().cycle().take(effort.rounds as usize) {
        let orphans = rig.status()?.owned_by(victim);
        let (frozen_at, since) = (unix_ms(), Instant::now());
        rig.member(victim)?.freeze()?;
        takeovers.extend(load.wait_first_answers(&orphans, frozen_at, RETURN_LIMIT)?);
        hold(effort.hold.saturating_sub(since.elapsed()));
        rig.member(victim)?.thaw()?;
        rig.wait_settled(&NAMES)?;
        load.wait_decided(effort.second(), RETURN_LIMIT)?;
    }
    let ended = unix_ms();
    let seen = rig.finish(load, facts)?;
    facts.note("freezes", effort.rounds);
    facts.time("each for at least", effort.hold);
    facts.times("takeover of a partition", takeovers);
    facts.time(
        "longest silence of the whole",
        longest_silence(&seen, (began, ended)),
    );
    facts.check = rig.check()?;
    Ok(())
}
