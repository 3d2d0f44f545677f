//! `floatswitch batch day`: what was booked for an acquirer on a settlement day, what came of the day
//! when the acquirer reconciled it, and what it last told of its own day.

use std::io::Write;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::batch_show::{json_of, print_items};
use crate::books::{self, Books, Work};
use crate::config;
use crate::engine::Opening;
use crate::exit::{DONE, Failure};
use crate::output::OutputForm;
use card::{AcquirerId, Day, PartitionId};
use card_store::{BatchName, CardStore};
use operations::parse_date;
use registry::ParticipantId;

/// Which day of whom.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DayArgs {
    /// The settings file.
    #[arg(long, value_name = "FILE", default_value = "switch.toml")]
    config: PathBuf,
    /// The acquirer (its id in the settings).
    #[arg(long, value_name = "ID")]
    acquirer: String,
    /// The settlement day, as 2026-11-25.
    #[arg(long, value_name = "DAY", value_parser = parse_date)]
    day: Day,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t = OutputForm::Text)]
    output: OutputForm,
}

/// Runs the command.
pub(crate) async fn run(args: DayArgs) -> Result<u8, Failure> {
    let settings = config::load(&args.config)?;
    let acquirer = ParticipantId::parse(&args.acquirer).map_err(Failure::usage)?;
    let show = Show {
        acquirer: AcquirerId(*acquirer.padded()),
        day: args.day,
        form: args.output,
    };
    books::work_on(&settings, Opening::Existing, show).await
}

struct Show {
    acquirer: AcquirerId,
    day: Day,
    form: OutputForm,
}

impl Work for Show {
    type Done = u8;

    async fn on<B: Books>(self, books: &B) -> Result<u8, Failure> {
        let store = books.store();
        let name = |partition| BatchName::of_day(self.acquirer, self.day, PartitionId(partition));
        let mut items = Vec::new();
        for partition in 0..books.partition_count() {
            let found = store.batch_items(name(partition)).await;
            items.extend(found.map_err(Failure::start_error)?);
        }
        let reconciled = noted(store, name(0)).await?;
        let cut_over = noted(store, BatchName::of_cut_over(self.acquirer)).await?;
        let mut out = std::io::stdout().lock();
        match self.form {
            OutputForm::Json => {
                let items: Vec<Value> = items.iter().map(json_of).collect();
                let all = json!({ "items": items, "reconciled": reconciled, "cut_over": cut_over });
                writeln!(out, "{all}")?;
            }
            OutputForm::Text => {
                print_items(&mut out, &items)?;
                print_outcome(&mut out, items.len(), reconciled.as_ref())?;
                print_cut_over(&mut out, cut_over.as_ref())?;
            }
        }
        Ok(DONE)
    }
}

/// What is kept under a name.
async fn noted<S: CardStore>(store: &S, name: BatchName) -> Result<Option<Value>, Failure> {
    let kept = store.batch(name).await.map_err(Failure::start_error)?;
    let read = kept.map(|bytes| serde_json::from_slice(&bytes));
    read.transpose().map_err(Failure::found_wrong)
}

/// The last that the network told of its day.
fn print_cut_over(out: &mut impl Write, cut_over: Option<&Value>) -> std::io::Result<()> {
    let Some(cut_over) = cut_over else {
        return Ok(());
    };
    let text = |name: &str| cut_over[name].as_str().unwrap_or_default();
    writeln!(
        out,
        "its last cut-over: to {}, {} here then",
        text("day"),
        text("here")
    )
}

fn print_outcome(
    out: &mut impl Write,
    item_count: usize,
    reconciled: Option<&Value>,
) -> std::io::Result<()> {
    let Some(reconciled) = reconciled else {
        return writeln!(out, "{item_count} items, not reconciled yet");
    };
    let is = |name: &str| reconciled[name] == Value::Bool(true);
    let balance = if is("balanced") {
        "in balance"
    } else {
        "OUT OF BALANCE"
    };
    let progress = if is("day_is_over") {
        "day over"
    } else {
        "day still open"
    };
    writeln!(
        out,
        "{item_count} items, {balance} when reconciled, {progress} then"
    )?;
    for difference in reconciled["differences"].as_array().into_iter().flatten() {
        writeln!(
            out,
            "  data element {}, {}: the acquirer {}, ours {}",
            difference["element"],
            difference["name"].as_str().unwrap_or_default(),
            difference["told"],
            difference["ours"]
        )?;
    }
    Ok(())
}
