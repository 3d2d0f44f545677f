//! Connectors that die between a request and its answer.

use std::time::Duration;

use super::{Effort, RETURN_LIMIT, stand};
use crate::error::{FaultError, demand};
use crate::facts::Facts;
use crate::member::Role;
use crate::rig::Rig;
use crate::terminal::{Answer, Purchase, Terminal};
use crate::wait::{unix_ms, wait_for};

const NAMES: [&str; 2] = ["a1", "a2"];
const ANSWER_LIMIT: Duration = Duration::from_secs(14);
const REPEATED: Purchase = Purchase {
    serial: 1,
    amount_fen: 77,
    trace: 1,
};

/// A purchase is in the log when its connector dies: the repeat through another one finds its answer. Then
/// connectors die under load.
pub(super) fn killed(rig: &mut Rig, effort: &Effort, facts: &mut Facts) -> Result<(), FaultError> {
    stand(rig, &["p1"], &NAMES)?;
    let answer = repeated_elsewhere(rig)?;
    rig.add_record("repeated.csv", &REPEATED.line(&answer))?;
    facts.note(
        "answer of the purchase whose connector died, from another one",
        format!("{}, RRN {}", answer.code, answer.rrn),
    );
    rig.start(NAMES[0], Role::Acquirer)?;
    let mut load = rig.load(&effort.load())?;
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    let mut returns = Vec::new();
    for victim in NAMES.iter().cycle().take(effort.rounds as usize) {
        let killed_at = unix_ms();
        rig.member(victim)?.kill()?;
        load.wait_approved(killed_at, RETURN_LIMIT)?;
        returns.push(Duration::from_millis(unix_ms() - killed_at));
        load.wait_decided(effort.second(), RETURN_LIMIT)?;
        rig.start(victim, Role::Acquirer)?;
    }
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    rig.finish(load, facts)?;
    facts.note("kills under load", effort.rounds);
    facts.times("a new request is approved after", returns);
    facts.check = rig.check()?;
    Ok(())
}

/// Has a purchase appended, kills its connector before it can be answered, and asks again elsewhere.
fn repeated_elsewhere(rig: &mut Rig) -> Result<Answer, FaultError> {
    let addresses = rig.addresses();
    let before = rig.status()?;
    rig.member("p1")?.freeze()?;
    let mut first = Terminal::connect(&addresses[0])?;
    first.send(&REPEATED)?;
    let position = wait_for("the purchase is in the log", RETURN_LIMIT, || {
        let now = rig.status()?;
        let pairs = before.partitions.iter().zip(&now.partitions);
        let grown = pairs.into_iter().find(|(before, now)| now.end > before.end);
        Ok(grown.map(|(before, _)| (before.partition, before.end)))
    })?;
    rig.member(NAMES[0])?.kill()?;
    rig.member("p1")?.thaw()?;
    rig.wait_settled(&["p1"])?;
    let mut second = Terminal::connect(&addresses[1])?;
    let mut ask = || {
        second.send(&REPEATED)?;
        let answer = second.receive(ANSWER_LIMIT)?;
        answer.ok_or_else(|| FaultError::Broken("the repeat got no answer".to_owned()))
    };
    let (answer, again) = (ask()?, ask()?);
    demand(answer == again && answer.code == "00", || {
        format!("repeats were answered differently: {answer:?} and {again:?}")
    })?;
    let (partition, offset) = position;
    let decided = u64::from_str_radix(&answer.rrn, 36).unwrap_or(0);
    let wanted = offset * u64::from(rig.plan.partitions) + u64::from(partition);
    demand(decided == wanted, || {
        format!("the answer is that of record {decided}, the purchase was record {wanted}")
    })?;
    Ok(answer)
}
