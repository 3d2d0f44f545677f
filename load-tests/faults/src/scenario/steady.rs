//! Loads without faults: many payments for a long time, and all of them on few cards.

use super::{Effort, RETURN_LIMIT, stand};
use crate::error::FaultError;
use crate::facts::Facts;
use crate::load::LoadPlan;
use crate::record::{longest_silence, longest_wait};
use crate::rig::Rig;
use crate::wait::{hold, unix_ms};

/// So many requests a second for so long.
pub(super) fn even(rig: &mut Rig, effort: &Effort, facts: &mut Facts) -> Result<(), FaultError> {
    stand(rig, &["p1", "p2"], &["a1"])?;
    let mut load = rig.load(&effort.load())?;
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    let began = unix_ms();
    hold(effort.hold);
    let ended = unix_ms();
    let seen = rig.finish(load, facts)?;
    facts.time("for", effort.hold);
    facts.note("requests a second", effort.rate);
    facts.time(
        "longest silence of the whole",
        longest_silence(&seen, (began, ended)),
    );
    facts.time(
        "longest wait of a terminal",
        longest_wait(&seen, (began, ended)),
    );
    facts.check = rig.check()?;
    Ok(())
}

/// Card 1 far more often than card 2, and so on; then all terminals at once on card 1.
pub(super) fn hot(rig: &mut Rig, effort: &Effort, facts: &mut Facts) -> Result<(), FaultError> {
    stand(rig, &["p1"], &["a1"])?;
    let zipf = LoadPlan {
        zipf: Some("1.1"),
        ..effort.load()
    };
    let mut load = rig.load(&zipf)?;
    hold(effort.hold);
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    rig.finish(load, facts)?;
    let one = LoadPlan {
        rate: 0,
        cards: 1,
        in_flight: 16,
        ..effort.load()
    };
    let mut load = rig.load(&one)?;
    hold(effort.hold);
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    let (told, _) = load.stop()?;
    facts.note(
        "all on one card, 128 in flight: answers a second",
        told.per_second,
    );
    facts.note(
        "all on one card: p50, p99 in us",
        format!("{}, {}", told.p50_us, told.p99_us),
    );
    facts.load.add(&told);
    facts.check = rig.check()?;
    Ok(())
}
