//! `floatswitch check`: proves books, balances and hash chains of a stopped switch, and that what
//! the outside was told is what was booked.
//!
//! It opens the folder as `serve` does, so the log is folded first, and then believes nothing: every
//! card's state is compared with its journal, row by row, and the float is told three ways.

mod against;
mod audit;
mod findings;
mod progress;
mod report;
#[cfg(test)]
mod tests;
mod told;
mod walk;

use std::path::PathBuf;

use crate::books::{self, Books, Work};
use crate::config;
use crate::engine::Opening;
use crate::exit::{DONE, FOUND_WRONG, Failure};
use crate::output::OutputForm;
use card_store::CardStore as _;
use settings::Settings;

pub(crate) use against::Against;
pub(crate) use audit::Audit;
pub(crate) use progress::Progress;

/// Cards read in one go.
const CARDS_PER_PAGE: usize = 1_024;

const EXAMPLES: &str = "\
Examples:
  floatswitch check                          the books of ./switch.toml
  floatswitch check --against run.csv        and what run.csv says of them
  floatswitch check --against monday.csv --against tuesday.csv -o json

Exit codes: 0 clean, 1 something is wrong: one line for each finding, with card id, version and
what; 2 a settings or record file cannot be used, 3 the folder cannot be opened.";

/// What to check.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CheckArgs {
    /// The settings file of the switch, which must be stopped.
    #[arg(long, value_name = "FILE", default_value = "switch.toml")]
    pub(crate) config: PathBuf,
    /// A record that `sim pos --record` wrote: proves that each recorded answer is booked exactly
    /// once, as it was answered, and that nothing else of those terminals is. May be repeated: give
    /// every record of the folder's life.
    #[arg(long, value_name = "FILE")]
    pub(crate) against: Vec<PathBuf>,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t = OutputForm::Text)]
    pub(crate) output: OutputForm,
}

/// Runs the command.
pub(crate) async fn run(args: CheckArgs) -> Result<u8, Failure> {
    let settings = config::load(&args.config)?;
    let check = Check {
        settings: &settings,
        records: &args.against,
    };
    let checked = books::work_on(&settings, Opening::Existing, check).await?;
    report::print(&settings, &checked, args.output)?;
    Ok(if checked.is_clean() {
        DONE
    } else {
        FOUND_WRONG
    })
}

/// What a check came to.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) audit: Audit,
    pub(crate) against: Option<Against>,
}

impl Checked {
    /// Whether nothing wrong was found.
    pub(crate) fn is_clean(&self) -> bool {
        self.audit.findings.is_empty()
            && self
                .against
                .as_ref()
                .is_none_or(|against| against.findings.is_empty())
    }
}

struct Check<'a> {
    settings: &'a Settings,
    records: &'a [PathBuf],
}

impl Work for Check<'_> {
    type Done = Checked;

    async fn on<B: Books>(self, books: &B) -> Result<Checked, Failure> {
        check(books, self.settings, self.records).await
    }
}

/// Checks opened books.
pub(crate) async fn check<B: Books>(
    books: &B,
    settings: &Settings,
    records: &[PathBuf],
) -> Result<Checked, Failure> {
    let mut against = match records {
        [] => None,
        files => Some(told::read_records(settings, books, files).await?),
    };
    let totals = books.settled().await?;
    let mut audit = Audit::new(books.partition_count());
    let mut progress = Progress::new();
    let mut after = None;
    loop {
        let page = books
            .store()
            .cards_after(after, CARDS_PER_PAGE)
            .await
            .map_err(Failure::cannot_start)?;
        let Some(last) = page.last() else { break };
        after = Some(*last);
        for card in page {
            audit.card(books.store(), card, against.as_mut()).await;
        }
        progress.tell(&audit);
    }
    progress.end();
    audit.compare_totals(&totals);
    if let Some(against) = &mut against {
        against.conclude();
    }
    Ok(Checked { audit, against })
}
