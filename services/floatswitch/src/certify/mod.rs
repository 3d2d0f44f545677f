//! `floatswitch certify`: plays an acquirer's script against a running switch and reports.
//!
//! The format of scripts is in `docs/certification.md`. Not here: load (`sim pos`), and the proof of
//! books (`check`).

mod line;
mod message;
mod names;
mod office;
mod parse;
mod play;
mod reconciliation;
mod report;
mod script;

use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::card_issue::{self, IssueArgs};
use crate::dialect;
use crate::exit::{DONE, FOUND_WRONG, Failure};
use crate::msg;
use crate::output::OutputForm;
use line::Target;
use office::Office;
use play::Player;
use report::{Messages, Report};
use script::Script;

/// What to certify, and where.
#[derive(Debug, clap::Args)]
pub(crate) struct CertifyArgs {
    /// The script.
    file: PathBuf,
    /// The listener of the switch.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8583")]
    target: String,
    /// The operations endpoint of the switch, for lines about its books and its back office.
    #[arg(long, value_name = "HOST:PORT")]
    operations: Option<String>,
    /// The file with the endpoint's token.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Issues the script's cards first, on the stopped switch or the cluster of these settings, and
    /// plays nothing.
    #[arg(long, value_name = "FILE")]
    prepare: Option<PathBuf>,
    /// Which round this is: each has cards and batches of its own, since a card is changed by what
    /// is played on it. Prepare and play with the same number.
    #[arg(long, value_name = "N", default_value_t = 0)]
    round: u32,
    /// How long an answer may take, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    patience_ms: u64,
    /// Shows every message and answer under its line, decoded, card numbers masked.
    #[arg(long)]
    show: bool,
    /// How to report.
    #[arg(short, long, value_enum, default_value_t = OutputForm::Text)]
    output: OutputForm,
}

/// Runs the command.
pub(crate) async fn run(args: CertifyArgs) -> Result<u8, Failure> {
    let file = args.file.display().to_string();
    let text = std::fs::read_to_string(&args.file)
        .map_err(|error| Failure::usage(format!("cannot read {file}: {error}")))?;
    let round = Round(args.round);
    let script =
        parse::parse(&text, round).map_err(|error| Failure::usage(format!("{file}, {error}")))?;
    if let Some(config) = &args.prepare {
        return prepare(&script, config).await;
    }
    let folder = args.file.parent().unwrap_or(Path::new(""));
    let dialect = dialect::find(&script.dialect, folder)?;
    let target = Target {
        address: args.target.clone(),
        dialect,
        patience: Duration::from_millis(args.patience_ms),
    };
    let hash = Sha256::digest(&text);
    let script_hash = msg::hex(&hash).to_ascii_lowercase();
    let endpoint = office::endpoint(args.operations.as_deref(), args.token_file.as_deref())?;
    let run = format!("certify-{}-{}", args.round, &script_hash[..16]);
    let office = Office::new(endpoint, run);
    let player = Player::new(&script, target, office, first_trace(&hash));
    let played = player.play().await?;
    let report = Report {
        title: &script.title,
        file,
        script_hash,
        target: &args.target,
        dialect: dialect.name(),
        played,
        messages: if args.show {
            Messages::Shown
        } else {
            Messages::LeftOut
        },
    };
    let mut out = std::io::stdout().lock();
    match args.output {
        OutputForm::Text => report.write_text(&mut out)?,
        OutputForm::Json => report.write_json(&mut out)?,
    }
    Ok(match report.broken_count() {
        0 => DONE,
        _ => FOUND_WRONG,
    })
}

/// One playing of a script, with serials and batches of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Round(u32);

impl Round {
    const SERIALS: u64 = 1_000_000;
    const BATCHES: u32 = 1_000_000;

    fn serial(self, serial: u64) -> u64 {
        serial.saturating_add(u64::from(self.0).saturating_mul(Self::SERIALS))
    }

    fn batch(self, batch: u32) -> u32 {
        batch.saturating_add(self.0) % Self::BATCHES
    }
}

/// Another script is another stretch of the terminals' numbers, so that none repeats a key.
fn first_trace(script_hash: &[u8]) -> u32 {
    let [a, b, ..] = script_hash else { return 0 };
    (u32::from(*a) << 8 | u32::from(*b)) % 999 * 1_000
}

/// Puts the script's cards on the books; those that are there already stay as they are.
async fn prepare(script: &Script, config: &Path) -> Result<u8, Failure> {
    for card in &script.cards {
        let args = IssueArgs {
            config: config.to_owned(),
            programme: card.programme,
            count: 1,
            from: card.serial,
            balance: card.balance,
        };
        card_issue::run(args).await?;
    }
    Ok(DONE)
}
