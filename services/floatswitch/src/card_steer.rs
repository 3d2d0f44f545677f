//! `floatswitch card loss`, `unfreeze` and `replace`: what the back office asks of a card while the
//! switch runs, through its endpoint.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::back_office;
use crate::card_choice::CardChoice;
use crate::config;
use crate::exit::{DONE, Failure, REFUSED};
use crate::output::OutputForm;
use operations::DecidedTold;

/// More than two card numbers and their line ends.
const INPUT_MAX: u64 = 64;

/// What each of them is told.
#[derive(Debug, Clone, Args)]
pub(crate) struct SteerArgs {
    #[command(flatten)]
    card: CardChoice,
    /// Names this request: repeated with the same name it is done once. Made up when it is left out.
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    /// The settings file of the switch, with an [operations] table.
    #[arg(long, value_name = "FILE", default_value = "switch.toml")]
    config: PathBuf,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t = OutputForm::Text)]
    output: OutputForm,
}

const LOSS_EXAMPLES: &str = "\
Examples:
  floatswitch card loss 0001f9a0c0ffee00112233445566778899 --form temporary
  floatswitch card loss --pan-stdin --form formal < number

In effect at the position that is printed: no later debit is approved.
Exit codes: 0 approved, 2 usage, 3 the switch cannot be reached, or its answer did not come: repeat it
with the --key that is printed, 4 refused by the card, or no such card.";

/// `card loss`.
#[derive(Debug, Clone, Args)]
#[command(after_help = LOSS_EXAMPLES)]
pub(crate) struct LossArgs {
    /// How long it holds: by telephone it ends by itself after the programme's days, with papers it
    /// stays until it is lifted.
    #[arg(long, value_enum)]
    form: Form,
    #[command(flatten)]
    shared: SteerArgs,
}

/// How long a loss report holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    Temporary,
    Formal,
}

/// `card unfreeze`.
#[derive(Debug, Clone, Args)]
pub(crate) struct UnfreezeArgs {
    #[command(flatten)]
    shared: SteerArgs,
}

const REPLACE_EXAMPLES: &str = "\
The new number is read from standard input, where no process list keeps it; with --pan-stdin the
card's own number is the first line and the new one the second.

Example:
  floatswitch card replace 0001f9a0c0ffee00112233445566778899 --reason damaged < new-number";

/// `card replace`.
#[derive(Debug, Clone, Args)]
#[command(after_help = REPLACE_EXAMPLES)]
pub(crate) struct ReplaceArgs {
    /// Why: a lost medium must belong to a registered card, a damaged one was handed in.
    #[arg(long, value_enum)]
    reason: Reason,
    /// The new medium's last month of validity; as before when it is left out.
    #[arg(long, value_name = "YYMM")]
    expiry: Option<String>,
    #[command(flatten)]
    shared: SteerArgs,
}

/// Why a medium is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Reason {
    Lost,
    Damaged,
}

/// Reports a loss.
pub(crate) async fn loss(args: LossArgs) -> Result<u8, Failure> {
    let form = match args.form {
        Form::Temporary => "temporary",
        Form::Formal => "formal",
    };
    let mut input = Input::naming(&args.shared.card)?;
    let mut body = args.shared.card.named(&mut input)?;
    body["form"] = json!(form);
    ask("/v1/cards/loss", &args.shared, &body).await
}

/// Lifts a loss report.
pub(crate) async fn unfreeze(args: UnfreezeArgs) -> Result<u8, Failure> {
    let mut input = Input::naming(&args.shared.card)?;
    let body = args.shared.card.named(&mut input)?;
    ask("/v1/cards/unfreeze", &args.shared, &body).await
}

/// Gives the card another medium.
pub(crate) async fn replace(args: ReplaceArgs) -> Result<u8, Failure> {
    let reason = match args.reason {
        Reason::Lost => "lost",
        Reason::Damaged => "damaged",
    };
    let mut input = Input::read()?;
    let mut body = args.shared.card.named(&mut input)?;
    body["new_number"] = json!(input.line()?);
    body["reason"] = json!(reason);
    if let Some(expiry) = &args.expiry {
        body["expiry"] = json!(expiry);
    }
    ask("/v1/cards/replace", &args.shared, &body).await
}

/// Lines of standard input: card numbers.
pub(crate) struct Input(Zeroizing<String>);

impl Input {
    fn read() -> Result<Self, Failure> {
        let mut text = Zeroizing::new(String::with_capacity(128)); // Never grows: no copy stays.
        std::io::stdin().take(INPUT_MAX).read_to_string(&mut text)?;
        Ok(Self(text))
    }

    /// Reads them only if the card is named by its number.
    fn naming(card: &CardChoice) -> Result<Self, Failure> {
        match card.reads_number() {
            true => Self::read(),
            false => Ok(Self(Zeroizing::default())),
        }
    }

    /// Takes the next line.
    pub(crate) fn line(&mut self) -> Result<String, Failure> {
        let text = self.0.trim_start().to_owned();
        let (line, rest) = text.split_once('\n').unwrap_or((&text, ""));
        let line = line.trim_end().to_owned();
        self.0 = Zeroizing::new(rest.to_owned());
        match line.is_empty() {
            true => Err(Failure::usage(
                "standard input lacks a card number: one a line",
            )),
            false => Ok(line),
        }
    }
}

async fn ask(path: &str, args: &SteerArgs, body: &Value) -> Result<u8, Failure> {
    let settings = config::load(&args.config)?;
    let client = back_office::client(&settings)?.ok_or_else(|| {
        Failure::usage(
            "the settings have no [operations] table: write one, as `floatswitch init` shows, and \
             start the switch with it",
        )
    })?;
    let key = match &args.key {
        Some(key) => key.clone(),
        None => made_up_key()?,
    };
    let answer = back_office::said(client.post(path, Some(&key), body).await);
    let answer = answer.map_err(|failure| match failure.code {
        crate::exit::CANNOT_START => Failure::cannot_start(format!(
            "{}; to repeat it safely add --key {key}",
            failure.message
        )),
        _ => failure,
    })?;
    let answer = answer.ok_or_else(|| {
        Failure::cannot_start("the switch does not run: start it with `floatswitch serve`")
    })?;
    let told: DecidedTold = back_office::read(answer.body)?;
    print(&told, args.output)?;
    Ok(if told.is_approved() { DONE } else { REFUSED })
}

fn made_up_key() -> Result<String, Failure> {
    let mut random = [0u8; 16];
    getrandom::fill(&mut random).map_err(Failure::start_error)?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn print(told: &DecidedTold, form: OutputForm) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match (form, &told.reason) {
        (OutputForm::Json, _) => {
            let text = serde_json::to_string(told).map_err(Failure::cannot_start)?;
            writeln!(out, "{text}")?;
        }
        (OutputForm::Text, None) => writeln!(
            out,
            "approved: card {}, medium {}, in effect at {} on {}, after {} ms{}",
            told.card,
            told.medium,
            told.position,
            told.day,
            told.effect_ms,
            if told.replayed {
                " (decided before)"
            } else {
                ""
            }
        )?,
        (OutputForm::Text, Some(reason)) => {
            writeln!(out, "declined: card {}: {reason}", told.card)?;
        }
    }
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_a_line_each() {
        let mut input = Input(Zeroizing::new(
            "6299990000000017\n6299990000000025".to_owned(),
        ));
        assert_eq!(input.line().unwrap(), "6299990000000017");
        assert_eq!(input.line().unwrap(), "6299990000000025");
        assert!(input.line().is_err());
    }
}
