//! `floatswitch cluster status`: who is there, who has which partition, and how far each is.

use std::io::Write;
use std::time::Duration;

use serde_json::json;

use super::args::StatusArgs;
use super::books::ends;
use super::place::Place;
use crate::config;
use crate::engine::now;
use crate::exit::{DONE, FOUND_WRONG, Failure};
use crate::output::OutputForm;
use card::PartitionId;
use card_store::{CardStore as _, PartitionCheckpoint};
use card_store_scylla::{Member, Members, OwnerRow, OwnerStatus, Ownership, ScyllaReader};

/// A member that told nothing for this time is gone.
const SILENT_AFTER: Duration = Duration::from_secs(10);
/// More records than this between checkpoint and end need a look.
const LAG_MANY: u64 = 10_000;

/// One partition, as the store and the log tell of it.
struct Line {
    partition: PartitionId,
    owner: Option<OwnerRow>,
    /// The first record that is not in a checkpoint.
    watermark: u64,
    end: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    /// Its owner is no member that lives.
    Orphaned,
    Unowned,
    Stopped,
}

impl State {
    const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Orphaned => "owner is gone",
            Self::Unowned => "no owner",
            Self::Stopped => "STOPPED",
        }
    }
}

impl Line {
    fn lag(&self) -> u64 {
        self.end.saturating_sub(self.watermark)
    }

    fn needs_a_look(&self) -> bool {
        self.state != State::Running || self.lag() > LAG_MANY
    }
}

/// Runs the command.
pub(super) async fn run(args: StatusArgs) -> Result<u8, Failure> {
    let settings = config::load(&args.config)?;
    let cluster = super::cluster_of(&settings)?;
    let place = Place::open(&settings, cluster, "status").await?;
    let members = Members::open(place.cql.clone())
        .await
        .map_err(Failure::start_error)?;
    let members = members.list().await.map_err(Failure::start_error)?;
    let lines = lines(&place, &members).await?;
    match args.output {
        OutputForm::Json => print_json(&members, &lines)?,
        OutputForm::Text => print_text(&args, &members, &lines)?,
    }
    let all_run = lines.iter().all(|line| line.state == State::Running);
    Ok(if all_run { DONE } else { FOUND_WRONG })
}

async fn lines(place: &Place, members: &[Member]) -> Result<Vec<Line>, Failure> {
    let ownership = Ownership::open(place.cql.clone())
        .await
        .map_err(Failure::start_error)?;
    let owners = ownership.owners().await.map_err(Failure::start_error)?;
    let reader = ScyllaReader::new(place.cql.clone());
    let checkpoints = reader.checkpoints().await.map_err(Failure::start_error)?;
    let line = |(partition, end): (PartitionId, u64)| {
        let owner = owners
            .iter()
            .find(|owner| owner.assignment.partition == partition)
            .cloned();
        let reached = |one: &&PartitionCheckpoint| one.partition == partition;
        Line {
            partition,
            watermark: checkpoints
                .iter()
                .find(reached)
                .map_or(0, |one| one.next_offset),
            end,
            state: state(owner.as_ref(), members),
            owner,
        }
    };
    Ok(ends(place).await?.into_iter().map(line).collect())
}

fn state(owner: Option<&OwnerRow>, members: &[Member]) -> State {
    let Some(owner) = owner else {
        return State::Unowned;
    };
    match owner.status {
        OwnerStatus::Stopped { .. } => return State::Stopped,
        OwnerStatus::Released => return State::Unowned,
        OwnerStatus::Owned => {}
    }
    let lives = members
        .iter()
        .any(|member| member.name == owner.owner && !is_silent(member));
    if lives {
        State::Running
    } else {
        State::Orphaned
    }
}

/// Where and why an owner stopped, if it did.
fn stop(owner: &OwnerRow) -> Option<(u64, &str)> {
    match &owner.status {
        OwnerStatus::Stopped { offset, reason } => Some((*offset, reason)),
        OwnerStatus::Owned | OwnerStatus::Released => None,
    }
}

fn is_silent(member: &Member) -> bool {
    silent_for(member) > SILENT_AFTER
}

fn silent_for(member: &Member) -> Duration {
    Duration::from_millis(u64::try_from(now().0.saturating_sub(member.seen_at.0)).unwrap_or(0))
}

fn print_text(args: &StatusArgs, members: &[Member], lines: &[Line]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "members")?;
    for member in members {
        let state = match (is_silent(member), member.drain) {
            (true, _) => format!("silent for {} s", silent_for(member).as_secs()),
            (false, true) => "draining".to_owned(),
            (false, false) => "here".to_owned(),
        };
        writeln!(
            out,
            "  {:<24} {:<20} {:<16} {}",
            member.name, member.roles, state, member.summary
        )?;
    }
    let running = lines
        .iter()
        .filter(|line| line.state == State::Running)
        .count();
    let lag: u64 = lines.iter().map(Line::lag).sum();
    writeln!(
        out,
        "partitions {}, running {running}, records in no checkpoint {lag}",
        lines.len()
    )?;
    for line in lines {
        if !args.all && !line.needs_a_look() {
            continue;
        }
        let owner = line.owner.as_ref().map_or_else(
            || "-".to_owned(),
            |owner| format!("{} epoch {}", owner.owner, owner.assignment.epoch),
        );
        writeln!(
            out,
            "  {:>5}  {owner:<32} {:>12} of {:>12}, lag {:>8}  {}",
            line.partition.0,
            line.watermark,
            line.end,
            line.lag(),
            line.state.name()
        )?;
        if let Some((offset, reason)) = line.owner.as_ref().and_then(stop) {
            writeln!(out, "         at offset {offset}: {reason}")?;
        }
    }
    Ok(())
}

fn print_json(members: &[Member], lines: &[Line]) -> Result<(), Failure> {
    let members: Vec<_> = members
        .iter()
        .map(|member| {
            json!({
                "name": member.name,
                "roles": member.roles,
                "silent_ms": u64::try_from(silent_for(member).as_millis()).unwrap_or(u64::MAX),
                "drain": member.drain,
                "summary": member.summary,
            })
        })
        .collect();
    let partitions: Vec<_> = lines
        .iter()
        .map(|line| {
            let stop = line.owner.as_ref().and_then(stop);
            json!({
                "partition": line.partition.0,
                "owner": line.owner.as_ref().map(|owner| owner.owner.clone()),
                "term": line.owner.as_ref().map(|owner| owner.assignment.term.number()),
                "epoch": line.owner.as_ref().map(|owner| owner.assignment.epoch.0),
                "watermark": line.watermark,
                "end": line.end,
                "lag": line.lag(),
                "state": line.state.name(),
                "stopped_offset": stop.map(|(offset, _)| offset),
                "reason": stop.map(|(_, reason)| reason),
            })
        })
        .collect();
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{}",
        json!({ "members": members, "partitions": partitions })
    )?;
    Ok(())
}
