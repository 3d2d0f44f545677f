//! Other hands than the switch's in its topics and tables.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Effort, RETURN_LIMIT, stand};
use crate::error::{FaultError, demand};
use crate::facts::Facts;
use crate::member::Role;
use crate::record::Seen;
use crate::rig::Rig;
use crate::status::PartitionStatus;
use crate::tamper;
use crate::terminal::{Purchase, Terminal};
use crate::wait::{unix_ms, wait_for};

/// Longer than any answer takes here, shorter than a connector waits.
const SILENCE: Duration = Duration::from_secs(5);
const CHANGED: u64 = 1;
/// Cards that pay beside the changed one.
const OTHERS: std::ops::RangeInclusive<u64> = 2..=20;

/// The topic is deleted and made again: nothing starts on it.
pub(super) fn topic_recreated(
    rig: &mut Rig,
    effort: &Effort,
    facts: &mut Facts,
) -> Result<(), FaultError> {
    stand(rig, &["p1"], &["a1"])?;
    let mut load = rig.load(&effort.load())?;
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    rig.finish(load, facts)?;
    facts.check = rig.check()?;
    rig.end()?;
    tamper::recreate_commands(rig)?;
    let commands = [&["cluster", "init"][..], &["cluster", "status"], &["check"]];
    for command in commands {
        let said = rig.refused(command)?;
        tells_why(&command.join(" "), &said)?;
    }
    for (name, role) in [("p1", Role::Processor), ("a1", Role::Acquirer)] {
        let said = rig.prepare(name, role)?.start_refused()?;
        tells_why(name, &said)?;
    }
    facts.note("refused", "init, status, check, processor, acquirer");
    Ok(())
}

fn tells_why(who: &str, said: &str) -> Result<(), FaultError> {
    demand(said.contains("the topic was re-created"), || {
        format!("{who} refused without telling why: {said}")
    })
}

/// A card's state is put back by hand to what it was before it paid: every byte of it is the switch's own. The
/// check finds it, the card stops, the others go on.
pub(super) fn card_changed(
    rig: &mut Rig,
    effort: &Effort,
    facts: &mut Facts,
) -> Result<(), FaultError> {
    stand(rig, &["p1"], &["a1"])?;
    let shown = rig.show_card(CHANGED)?;
    let card = shown["card"].as_str().unwrap_or_default();
    let before = tamper::state_of(rig, card)?;
    let mut load = rig.load(&effort.load())?;
    load.wait_paid(CHANGED, RETURN_LIMIT)?;
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    let seen = rig.finish(load, facts)?;
    facts.check = rig.check()?;
    rig.member("p1")?.terminate()?;
    tamper::set_state(rig, card, &before)?;
    facts.note("found by check", found_by_check(rig, card)?);
    rig.start("p1", Role::Processor)?;
    rig.wait_settled(&["p1"])?;
    let neighbours = others_are_answered(rig, &seen)?;
    let others = OTHERS.count();
    facts.note("other cards that were asked and answered", others);
    facts.note("of them in the same partition, behind it", neighbours);
    let stopped = rig.metric("switch_cards_stopped");
    demand(stopped == 1, || {
        format!("{stopped} cards are told as stopped, not 1")
    })?;
    demand(rig.member("p1")?.has_logged(card), || {
        format!("no log line names card {card}")
    })?;
    facts.note(
        "alarm",
        "switch_cards_stopped 1, and a log line that names the card",
    );
    Ok(())
}

/// Demands that the check finds the card, and nothing but it and the sums that it spoils.
fn found_by_check(rig: &Rig, card: &str) -> Result<String, FaultError> {
    let (output, told) = rig.check_output()?;
    let against = told["against"]["findings"].as_array();
    let findings = told["findings"].as_array().into_iter().chain(against);
    let findings: Vec<_> = findings.flatten().filter_map(|one| one.as_str()).collect();
    let is_told = findings.iter().any(|finding| finding.contains(card));
    let is_only_that =
        (findings.iter()).all(|one| one.contains(card) || one.starts_with("programme"));
    let is_right = output.status.code() == Some(1) && is_told && is_only_that;
    demand(is_right, || {
        format!("the check of a changed card {card} found {findings:?}")
    })?;
    Ok(findings.first().copied().unwrap_or_default().to_owned())
}

/// Asks the changed card, which stays silent, then others behind it. Gives how many of them are in its partition.
fn others_are_answered(rig: &mut Rig, seen: &[Seen]) -> Result<usize, FaultError> {
    let partitions: BTreeMap<u64, u16> = seen
        .iter()
        .filter_map(|one| Some((one.serial, one.decided_by()?)))
        .collect();
    let address = rig.addresses().remove(0);
    let mut terminal = Terminal::connect(&address)?;
    let mut ask = |serial: u64, limit| {
        let trace = u32::try_from(serial).unwrap_or(0);
        let (amount_fen, serial) = (5, serial);
        terminal.send(&Purchase {
            serial,
            amount_fen,
            trace,
        })?;
        terminal.receive(limit)
    };
    let changed = ask(CHANGED, SILENCE)?;
    demand(changed.is_none(), || {
        format!("the changed card was answered: {changed:?}")
    })?;
    for serial in OTHERS {
        let answer = ask(serial, RETURN_LIMIT)?;
        let is_approved = answer.as_ref().is_some_and(|answer| answer.code == "00");
        demand(is_approved, || {
            format!("card {serial} was answered {answer:?}")
        })?;
    }
    let changed = partitions.get(&CHANGED);
    Ok(OTHERS
        .filter(|serial| partitions.get(serial) == changed)
        .count())
}

/// A record that nobody can read stops its partition until two people have it skipped.
pub(super) fn poison(rig: &mut Rig, effort: &Effort, facts: &mut Facts) -> Result<(), FaultError> {
    let processors = ["p1", "p2"];
    stand(rig, &processors, &["a1"])?;
    let mut load = rig.load(&effort.load())?;
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    let poisoned = 1;
    let appended_at = unix_ms();
    let offset = tamper::append_garbage(rig, poisoned)?;
    let stopped = wait_stopped(rig)?;
    demand(
        (
            stopped.partition,
            stopped.stopped.as_ref().map(|(at, _)| *at),
        ) == (poisoned, Some(offset)),
        || format!("partition {poisoned} got garbage at {offset}, and status tells of {stopped:?}"),
    )?;
    facts.time(
        "told as stopped after",
        Duration::from_millis(unix_ms() - appended_at),
    );
    facts.note(
        "reason",
        stopped
            .stopped
            .map(|(_, reason)| reason)
            .unwrap_or_default(),
    );
    let code = rig.output(&["cluster", "status"])?.status.code();
    demand(code == Some(1), || {
        format!("cluster status ended with {code:?} beside a stopped partition")
    })?;
    let metric = rig.metric("switch_partitions_stopped");
    demand(metric == 1, || {
        format!("{metric} partitions are told as stopped, not 1")
    })?;
    let numbers = (poisoned.to_string(), offset.to_string());
    let others: BTreeSet<u16> = (0..rig.plan.partitions)
        .filter(|one| *one != poisoned)
        .collect();
    load.wait_first_answers(&others, unix_ms(), RETURN_LIMIT)?;
    let said = rig.refused(&skip_by(&numbers, "Wang Fang"))?;
    facts.note("one name twice", said.lines().last().unwrap_or_default());
    let skipped_at = unix_ms();
    rig.run(&skip_by(&numbers, "Li Na"))?;
    let firsts = load.wait_first_answers(&BTreeSet::from([poisoned]), skipped_at, RETURN_LIMIT)?;
    facts.times(
        "skipped by two people: its cards are answered after",
        firsts,
    );
    rig.wait_settled(&processors)?;
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    rig.finish(load, facts)?;
    facts.check = rig.check()?;
    Ok(())
}

fn wait_stopped(rig: &Rig) -> Result<PartitionStatus, FaultError> {
    wait_for("a partition is told as stopped", RETURN_LIMIT, || {
        Ok(rig.status()?.stopped().next().cloned())
    })
}

fn skip_by<'a>((partition, offset): &'a (String, String), approver: &'a str) -> Vec<&'a str> {
    let place = [
        "cluster",
        "skip",
        "--partition",
        partition,
        "--offset",
        offset,
    ];
    let people = ["--asked-by", "Wang Fang", "--approved-by", approver];
    [
        &place[..],
        &people,
        &["--reason", "garbage of a fault test"],
    ]
    .concat()
}
