//! `floatswitch batch show`: what a terminal's batch is made of, and what came of it when the terminal
//! settled it.

use std::io::Write;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::books::{self, Books, Work};
use crate::config;
use crate::engine::Opening;
use crate::exit::{DONE, Failure};
use crate::output::OutputForm;
use card::AcquirerId;
use card_store::{BatchItem, BatchName, CardStore as _};
use registry::{ParticipantId, merchant_id, terminal_id};

/// Which batch.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct BatchArgs {
    /// The settings file.
    #[arg(long, value_name = "FILE", default_value = "switch.toml")]
    config: PathBuf,
    /// Who connects the terminal (its id in the settings).
    #[arg(long, value_name = "ID")]
    acquirer: String,
    /// The merchant (data element 42).
    #[arg(long, value_name = "ID")]
    merchant: String,
    /// The terminal (data element 41).
    #[arg(long, value_name = "ID")]
    terminal: String,
    /// The number of the batch (data element 60.2).
    #[arg(long, value_name = "NUMBER")]
    batch: u32,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t = OutputForm::Text)]
    output: OutputForm,
}

/// Runs the command.
pub(crate) async fn run(args: BatchArgs) -> Result<u8, Failure> {
    let settings = config::load(&args.config)?;
    let name = BatchName {
        acquirer: AcquirerId(
            *ParticipantId::parse(&args.acquirer)
                .map_err(Failure::usage)?
                .padded(),
        ),
        merchant: merchant_id(&args.merchant).map_err(Failure::usage)?,
        terminal: terminal_id(&args.terminal).map_err(Failure::usage)?,
        batch: args.batch,
    };
    let show = Show {
        name,
        form: args.output,
    };
    books::work_on(&settings, Opening::Existing, show).await
}

struct Show {
    name: BatchName,
    form: OutputForm,
}

impl Work for Show {
    type Done = u8;

    async fn on<B: Books>(self, books: &B) -> Result<u8, Failure> {
        let store = books.store();
        let mut items = store
            .batch_items(self.name)
            .await
            .map_err(Failure::start_error)?;
        items.sort_by_key(|item| (item.trace, item.position.offset));
        let settled = store.batch(self.name).await.map_err(Failure::start_error)?;
        let settled: Option<Value> = match settled {
            Some(bytes) => Some(serde_json::from_slice(&bytes).map_err(Failure::found_wrong)?),
            None => None,
        };
        let mut out = std::io::stdout().lock();
        match self.form {
            OutputForm::Json => {
                let items: Vec<Value> = items.iter().map(json_of).collect();
                writeln!(out, "{}", json!({ "items": items, "settled": settled }))?;
            }
            OutputForm::Text => print(&mut out, &items, settled.as_ref())?,
        }
        Ok(DONE)
    }
}

pub(crate) fn json_of(item: &BatchItem) -> Value {
    json!({
        "trace": item.trace,
        "kind": item.kind.text(),
        "amount_fen": item.amount.minor(),
        "card": item.card.to_string(),
        "version": item.version.0,
        "acted_on": item.link.0,
        "position": item.position.to_string(),
    })
}

/// The items, one in a line.
pub(crate) fn print_items(out: &mut impl Write, items: &[BatchItem]) -> std::io::Result<()> {
    writeln!(
        out,
        "trace   kind                     amount  card, version (acted on)"
    )?;
    for item in items {
        writeln!(
            out,
            "{:06}  {:<20} {:>10}  {} {} ({})",
            item.trace,
            item.kind.text(),
            item.amount.to_string(),
            item.card,
            item.version.0,
            item.link.0
        )?;
    }
    Ok(())
}

fn print(
    out: &mut impl Write,
    items: &[BatchItem],
    settled: Option<&Value>,
) -> std::io::Result<()> {
    print_items(out, items)?;
    let Some(settled) = settled else {
        return writeln!(out, "{} items, not settled yet", items.len());
    };
    let balanced = settled["balanced"] == Value::Bool(true);
    let word = if balanced { "balanced" } else { "NOT balanced" };
    writeln!(out, "{} items, {word}", items.len())?;
    for side in ["told", "ours"] {
        let sums = &settled[side];
        if sums.is_object() {
            writeln!(
                out,
                "  {side}: debits {} in {}, credits {} in {} (fen, items)",
                sums["debit_fen"], sums["debit_count"], sums["credit_fen"], sums["credit_count"]
            )?;
        }
    }
    for difference in settled["differences"].as_array().into_iter().flatten() {
        writeln!(
            out,
            "  trace {}: {}, terminal {} fen, ours {} fen",
            difference["trace"], difference["what"], difference["told_fen"], difference["ours_fen"]
        )?;
    }
    Ok(())
}
