//! `floatswitch sim pos`: many point-of-sale terminals against a switch in another process.
//!
//! It measures, and it keeps a record of what the outside saw, apart from the switch. Each
//! connection has a [`checkout::Checkout`] with `--in-flight` terminals; each terminal has one
//! request in flight, takes its own traces and, when a connection breaks, reverses what has no
//! answer before it goes on, as real ones do.
//!
//! It shares the processors with the switch, so it is frugal: requests are copied from templates
//! and patched, all that is due leaves in one write, and answers are read without allocation.
//!
//! Not here: PIN, MAC and chip data; any knowledge of the switch's books, which `check` has.

mod answer;
mod args;
mod cards;
mod checkout;
mod connection;
mod error;
mod kind;
mod pace;
mod packed;
mod progress;
mod random;
pub(crate) mod record;
mod recorder;
mod tally;
mod template;
mod terminal;
#[cfg(test)]
mod tests;
mod zipf;

pub(crate) use args::PosSimArgs;
pub(crate) use error::SimError;

use std::future::pending;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use crate::engine::now;
use args::Distribution;
use cards::{Cards, Popularity};
use checkout::Plan;
use connection::{Connection, Control, Ended};
use pace::{Arrivals, BellRinger, Pace};
use record::RunClock;
use recorder::Recorder;
use tally::{Summary, Tally};
use template::Templates;
use zipf::Zipf;

/// How long to send when neither a duration nor a count is given.
const DURATION_DEFAULT: Duration = Duration::from_secs(10);
/// The connection to the switch broke and the run ended early.
const EXIT_BROKEN: u8 = 3;

/// Runs the simulation, prints its result and returns the exit code.
///
/// # Errors
/// [`SimError`] when there is no result to print.
pub(crate) async fn run(args: PosSimArgs) -> Result<u8, SimError> {
    let form = args.output;
    let outcome = simulate(args).await?;
    outcome.summary.print(form)?;
    let Some(broken) = outcome.broken else {
        return Ok(0);
    };
    // The exit code says it too, so nothing is lost with stderr.
    drop(writeln!(
        io::stderr(),
        "error: the connection broke and the run ended early: {broken}"
    ));
    Ok(EXIT_BROKEN)
}

/// What a run came to.
#[derive(Debug)]
struct RunOutcome {
    summary: Summary,
    /// Why it ended early, if it did.
    broken: Option<io::Error>,
}

async fn simulate(args: PosSimArgs) -> Result<RunOutcome, SimError> {
    let (recorder, lines) = match &args.record {
        Some(path) => {
            let (recorder, lines) = Recorder::start(path)?;
            (Some(recorder), Some(lines))
        }
        None => (None, None),
    };
    let plan = Arc::new(plan(args)?);
    let control = Arc::new(Control::new(plan.args.connections));
    let connections = open_all(&plan, &control, lines).await?;
    let _progress = progress::start(&plan.args, Arc::clone(&control));
    let start = Instant::now();
    let ended = send_all(&plan, &control, connections, start).await;
    // Whatever happened, the record holds all that was answered before.
    if let Some(recorder) = recorder {
        recorder.finish().await?;
    }
    let (tally, broken) = ended?;
    Ok(RunOutcome {
        summary: tally.summary(start),
        broken,
    })
}

fn plan(args: PosSimArgs) -> Result<Plan, SimError> {
    let popularity = match args.distribution {
        Distribution::Uniform => Popularity::Uniform,
        Distribution::Zipf => Popularity::Zipf(Zipf::new(args.cards, args.zipf_exponent)),
    };
    Ok(Plan {
        cards: Cards::new(args.bin, args.cards, popularity),
        templates: Templates::new(&args.merchant)?,
        clock: RunClock::start(now()),
        args,
    })
}

/// Opens them one after another: the run starts when all are there.
async fn open_all(
    plan: &Arc<Plan>,
    control: &Arc<Control>,
    lines: Option<Sender<Vec<u8>>>,
) -> Result<Vec<Connection>, SimError> {
    let mut connections = Vec::with_capacity(plan.args.connections as usize);
    for index in 0..plan.args.connections {
        let (plan, control) = (Arc::clone(plan), Arc::clone(control));
        connections.push(Connection::open(plan, control, index, lines.clone()).await?);
    }
    Ok(connections)
}

/// Runs all connections to their end and sums them up.
async fn send_all(
    plan: &Plan,
    control: &Arc<Control>,
    connections: Vec<Connection>,
    start: Instant,
) -> Result<(Tally, Option<io::Error>), SimError> {
    let args = &plan.args;
    let arrivals = args.rate.map(|rate| Arrivals { start, rate });
    let duration = args
        .duration
        .or(args.count.is_none().then_some(DURATION_DEFAULT));
    let end_at = duration.map(|duration| start + duration);
    let ringer = arrivals.map(|arrivals| BellRinger::start(arrivals, control.bells()));
    let mut running = JoinSet::new();
    for (index, connection) in (0..).zip(connections) {
        let pace = Pace::new((index, args.connections), arrivals, end_at, args.count);
        running.spawn(connection.run(pace));
    }
    let collected = tokio::select! {
        collected = collect(&mut running, control) => collected,
        // The end wakes the connections that wait for a request to be due.
        never = end(control, end_at) => match never {},
    };
    if let Some(ringer) = ringer {
        ringer.stop();
    }
    collected
}

/// Ends the run at its time or when the user interrupts it.
async fn end(control: &Control, end_at: Option<Instant>) -> std::convert::Infallible {
    let at_end = async {
        match end_at {
            Some(end_at) => sleep_until(end_at.into()).await,
            None => pending().await,
        }
    };
    tokio::select! {
        () = at_end => {}
        Ok(()) = tokio::signal::ctrl_c() => {}
    }
    control.end();
    pending().await
}

async fn collect(
    running: &mut JoinSet<Result<Ended, SimError>>,
    control: &Control,
) -> Result<(Tally, Option<io::Error>), SimError> {
    let mut total = Tally::new();
    let mut broken = None;
    while let Some(ended) = running.join_next().await {
        match ended.map_err(|_| SimError::Panicked)?? {
            Ended::Done(tally) => total.add(&tally),
            Ended::Broken(tally, error) => {
                total.add(&tally);
                broken.get_or_insert(error);
                control.end();
            }
        }
    }
    Ok((total, broken))
}
