//! `floatswitch day`: where the settlement days are, and the marks that open and freeze them.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::back_office;
use crate::config;
use crate::days::{self, DaysWork};
use crate::engine::now;
use crate::exit::{DONE, FOUND_WRONG, Failure};
use crate::output::OutputForm;
use crate::plan;
use card::Day;
use operations::{DayDesk, DayError, DayStatusTold, DeskError, parse_date, steps};
use settings::Settings;

/// Partitions that are listed when some lag behind.
const LISTED_MAX: usize = 20;

/// Where the settlement days are, and the marks that open and freeze them.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum DayCommand {
    /// Shows the open day, the last cut of the partitions, and through which day all is frozen.
    Status(DayArgs),
    /// Opens the next settlement day in all partitions; completes a cut that was cut short.
    Cut(CutArgs),
    /// Freezes days that are over: what undoes their work is dated with the open day from then on.
    Freeze(FreezeArgs),
}

/// What each of them is told.
#[derive(Debug, Clone, Args)]
pub(crate) struct DayArgs {
    /// The settings file of the switch.
    #[arg(long, value_name = "FILE", default_value = "switch.toml")]
    config: PathBuf,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t = OutputForm::Text)]
    output: OutputForm,
}

const STEP_HELP: &str = "\
A day is its own number: asking again, or from several machines, does nothing more.

Exit codes: 0 done, 1 some partitions lag behind: ask again, 2 no such day, 3 the switch cannot be
reached, 4 refused: days do not go back, and are not opened more than a day ahead.";

/// `day cut`.
#[derive(Debug, Clone, Args)]
#[command(after_help = STEP_HELP)]
pub(crate) struct CutArgs {
    /// The day to open, as 2026-11-25; the next one when it is left out.
    #[arg(long, value_name = "DAY", value_parser = parse_date)]
    day: Option<Day>,
    #[command(flatten)]
    shared: DayArgs,
}

/// `day freeze`.
#[derive(Debug, Clone, Args)]
#[command(after_help = STEP_HELP)]
pub(crate) struct FreezeArgs {
    /// The last day to freeze, as 2026-11-24; all days that are over when it is left out.
    #[arg(long, value_name = "DAY", value_parser = parse_date)]
    through: Option<Day>,
    #[command(flatten)]
    shared: DayArgs,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Look,
    Cut(Option<Day>),
    Freeze(Option<Day>),
}

/// Runs the command.
pub(crate) async fn run(command: DayCommand) -> Result<u8, Failure> {
    let (step, args) = match command {
        DayCommand::Status(args) => (Step::Look, args),
        DayCommand::Cut(args) => (Step::Cut(args.day), args.shared),
        DayCommand::Freeze(args) => (Step::Freeze(args.through), args.shared),
    };
    let settings = config::load(&args.config)?;
    let told = take(&settings, step).await?;
    print(&told, args.output)?;
    Ok(match told.lagging.as_slice() {
        [] => DONE,
        _ => FOUND_WRONG,
    })
}

/// Asks the running switch, or takes the step on the folder of a stopped one.
async fn take(settings: &Settings, step: Step) -> Result<DayStatusTold, Failure> {
    if let Some(client) = back_office::client(settings)? {
        let day = |name: &str, day: Option<Day>| match day {
            Some(day) => json!({ name: operations::date(day) }),
            None => json!({}),
        };
        let answer = match step {
            Step::Look => client.get("/v1/day").await,
            Step::Cut(wanted) => client.post("/v1/day/cut", None, &day("day", wanted)).await,
            Step::Freeze(wanted) => {
                let body = day("through", wanted);
                client.post("/v1/day/freeze", None, &body).await
            }
        };
        if let Some(answer) = back_office::said(answer)? {
            return back_office::read(answer.body);
        }
    }
    let today = plan::calendar_day(settings, now());
    days::work_on(settings, Taking { step, today }).await
}

struct Taking {
    step: Step,
    today: Day,
}

impl DaysWork for Taking {
    type Done = DayStatusTold;

    async fn on<D: DayDesk>(self, desk: &D) -> Result<DayStatusTold, Failure> {
        let status = match self.step {
            Step::Look => steps::status(desk).await.map_err(DayError::Desk),
            Step::Cut(wanted) => steps::cut(desk, wanted, self.today).await,
            Step::Freeze(wanted) => steps::freeze(desk, wanted).await,
        };
        Ok(status.map_err(failure)?.told())
    }
}

/// What a refusal means to scripts.
fn failure(error: DayError) -> Failure {
    match error {
        DayError::Refused(refusal) => Failure::refused(refusal),
        DayError::Desk(error @ DeskError::Unavailable(_)) => Failure::cannot_start(error),
        DayError::Desk(error @ DeskError::Damaged(_)) => Failure::found_wrong(error),
    }
}

fn print(told: &DayStatusTold, form: OutputForm) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match form {
        OutputForm::Json => {
            let text = serde_json::to_string(told).map_err(Failure::cannot_start)?;
            writeln!(out, "{text}")?;
        }
        OutputForm::Text => text(&mut out, told)?,
    }
    Ok(out.flush()?)
}

fn text(out: &mut impl Write, told: &DayStatusTold) -> Result<(), Failure> {
    let or_none = |day: &Option<String>| day.clone().unwrap_or_else(|| "none".to_owned());
    let (count, number) = (told.partition_count, told.cut_number);
    writeln!(out, "open day        {}", or_none(&told.open_day))?;
    writeln!(out, "last cut        {number} in all {count} partitions")?;
    writeln!(out, "frozen through  {}", or_none(&told.frozen_through))?;
    for one in told.lagging.iter().take(LISTED_MAX) {
        writeln!(
            out,
            "LAGS partition {}: {} is open since cut {}, frozen through {}",
            one.partition, one.open_day, one.cut_number, one.frozen_through
        )?;
    }
    let hidden = told.lagging.len().saturating_sub(LISTED_MAX);
    if hidden > 0 {
        writeln!(out, "LAGS and {hidden} more")?;
    }
    if !told.lagging.is_empty() {
        writeln!(
            out,
            "a cut or a freeze was cut short: repeat it, or let the running switch complete it"
        )?;
    }
    Ok(())
}
