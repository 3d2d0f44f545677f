//! `floatswitch float`: what was owed to card holders at a past cut-over.
//!
//! Told from the totals that every partition set aside at its cut (LEDGER-2), so it takes as long
//! for ten cards as for ten million. `--verify` believes none of them: it goes through every card
//! and its journal, and demands the same to the fen.

mod folder;
mod print;
mod verify;

use std::path::PathBuf;

use crate::back_office;
use crate::books;
use crate::config;
use crate::days::{self, DaysWork};
use crate::engine::Opening;
use crate::exit::{DONE, FOUND_WRONG, Failure};
use crate::output::OutputForm;
use card::Day;
use operations::{DayDesk, DeskError, FloatAt, FloatError, FloatTold, float_at, parse_date};
use settings::Settings;
use verify::Verify;

const EXAMPLES: &str = "\
Examples:
  floatswitch float                        at the last cut-over that is whole
  floatswitch float --at 2026-11-24        at the cut-over that ended that day
  floatswitch float --cut 20782 --by account -o json
  floatswitch float --at 2026-11-24 --verify

The float is what is owed to card holders: accounts 2001 + 2002 + 2003 + 2203 + 2206.

Exit codes: 0 told, 1 --verify found it wrong, 2 no such day, 3 the switch cannot be reached, 4 there
was no such cut-over, or some partition has not passed it.";

/// What is asked.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct FloatArgs {
    /// The settings file of the switch.
    #[arg(long, value_name = "FILE", default_value = "switch.toml")]
    config: PathBuf,
    /// At the cut-over that ended this day, as 2026-11-24.
    #[arg(long, value_name = "DAY", value_parser = parse_date, conflicts_with = "cut")]
    at: Option<Day>,
    /// At the cut-over with this number.
    #[arg(long, value_name = "NUMBER")]
    cut: Option<u64>,
    /// How far it is broken down.
    #[arg(long, value_enum, default_value_t = By::Programme)]
    by: By,
    /// Computes it again from every card and its journal, and demands the same to the fen. Of an
    /// embedded switch, while it is stopped.
    #[arg(long)]
    verify: bool,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t = OutputForm::Text)]
    output: OutputForm,
}

/// How far a float is broken down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum By {
    /// A line for each card product.
    Programme,
    /// And one for each account of it.
    Account,
}

/// Runs the command.
pub(crate) async fn run(args: FloatArgs) -> Result<u8, Failure> {
    let settings = config::load(&args.config)?;
    let at = match (args.at, args.cut) {
        (Some(day), _) => FloatAt::EndOf(day),
        (None, Some(number)) => FloatAt::Cut(number),
        (None, None) => FloatAt::Latest,
    };
    let (told, verified) = if args.verify {
        let work = Verify { at };
        let (told, verified) = books::work_on(&settings, Opening::Existing, work).await?;
        (told, Some(verified))
    } else {
        (tell(&settings, at).await?, None)
    };
    print::print(
        &settings,
        (&told, verified.as_ref()),
        (args.by, args.output),
    )?;
    Ok(match verified.is_none_or(|verified| verified.is_clean()) {
        true => DONE,
        false => FOUND_WRONG,
    })
}

/// Asks the running switch, or the folder of a stopped one.
async fn tell(settings: &Settings, at: FloatAt) -> Result<FloatTold, Failure> {
    if let Some(client) = back_office::client(settings)? {
        let path = match at {
            FloatAt::Latest => "/v1/float".to_owned(),
            FloatAt::EndOf(day) => format!("/v1/float?at={}", operations::date(day)),
            FloatAt::Cut(number) => format!("/v1/float?cut={number}"),
        };
        if let Some(answer) = back_office::said(client.get(&path).await)? {
            return back_office::read(answer.body);
        }
    }
    if let Some(told) = folder::told(settings, at).await? {
        return Ok(told);
    }
    days::work_on(settings, Telling(at)).await
}

struct Telling(FloatAt);

impl DaysWork for Telling {
    type Done = FloatTold;

    async fn on<D: DayDesk>(self, desk: &D) -> Result<FloatTold, Failure> {
        float_at(desk, self.0).await.map_err(failure)
    }
}

/// What a refusal means to scripts.
fn failure(error: FloatError) -> Failure {
    match error {
        FloatError::NotYet(_) | FloatError::NoCut { .. } => Failure::refused(error),
        FloatError::Desk(DeskError::Unavailable(_)) => Failure::cannot_start(error),
        FloatError::Desk(DeskError::Damaged(_)) | FloatError::Overflow(_) => {
            Failure::found_wrong(error)
        }
    }
}
