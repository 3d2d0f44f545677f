//! What `floatswitch float` prints.

use std::io::Write;

use serde_json::json;

use super::By;
use super::verify::Verified;
use crate::exit::Failure;
use crate::output::{OutputForm, moment, yuan};
use card::Timestamp;
use ledger::Account;
use operations::{FloatTold, ProgrammeTold};
use settings::Settings;

/// Prints a float, and what a verification came to.
pub(super) fn print(
    settings: &Settings,
    (told, verified): (&FloatTold, Option<&Verified>),
    (by, form): (By, OutputForm),
) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match form {
        OutputForm::Json => {
            let mut value = serde_json::to_value(told).map_err(Failure::cannot_start)?;
            if let Some(verified) = verified {
                value["verified"] = json!({
                    "clean": verified.is_clean(),
                    "cards": verified.card_count,
                    "entries": verified.entry_count,
                    "findings": verified.findings,
                });
            }
            writeln!(out, "{value}")?;
        }
        OutputForm::Text => {
            text(&mut out, settings, told, by)?;
            if let Some(verified) = verified {
                verification(&mut out, verified)?;
            }
        }
    }
    Ok(out.flush()?)
}

fn text(
    out: &mut impl Write,
    settings: &Settings,
    told: &FloatTold,
    by: By,
) -> Result<(), Failure> {
    let (number, end_of) = (told.cut_number, &told.end_of);
    writeln!(
        out,
        "float at the end of {end_of}, cut {number}, marked {} to {}",
        moment(Timestamp(told.cut_from_ms)),
        moment(Timestamp(told.cut_through_ms))
    )?;
    for programme in &told.programmes {
        let number = programme.programme;
        let mut named = settings.programmes.iter();
        let named = named.find(|one| one.number.get() == number);
        let name = named.map_or("not in the settings", |one| one.name.as_str());
        let name = format!("programme {number}, {name}");
        writeln!(out, "{name:<40} {:>20}", yuan(programme.float_fen.into()))?;
        if by == By::Account {
            accounts(out, programme)?;
        }
    }
    writeln!(out, "{:<40} {:>20}", "all", yuan(told.float_fen.into()))?;
    Ok(())
}

/// Debits less credits, so what is owed is negative.
fn accounts(out: &mut impl Write, programme: &ProgrammeTold) -> Result<(), Failure> {
    for account in &programme.accounts {
        let number = account.account;
        let name = Account::from_number(number).map(|account| format!("{account:?}"));
        let name = format!("  {number} {}", name.unwrap_or_default());
        let mark = if account.is_float() { "  float" } else { "" };
        let balance = yuan(account.debit_fen.into());
        writeln!(out, "{name:<40} {balance:>20}{mark}")?;
    }
    Ok(())
}

fn verification(out: &mut impl Write, verified: &Verified) -> Result<(), Failure> {
    let (cards, entries) = (verified.card_count, verified.entry_count);
    writeln!(
        out,
        "computed again from {cards} cards and {entries} entries before the cut"
    )?;
    for finding in &verified.findings {
        writeln!(out, "WRONG {finding}")?;
    }
    if verified.is_clean() {
        writeln!(out, "equal to the fen, by entries and by card states")?;
    }
    Ok(())
}
