//! What the check prints.

use std::io::Write;

use serde_json::{Value, json};

use crate::check::audit::ProgrammeSums;
use crate::check::findings::Findings;
use crate::check::{Against, Checked};
use crate::exit::Failure;
use crate::output::{OutputForm, yuan};
use settings::Settings;

/// Prints the result.
pub(crate) fn print(
    settings: &Settings,
    checked: &Checked,
    form: OutputForm,
) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match form {
        OutputForm::Text => human(&mut out, settings, checked)?,
        OutputForm::Json => writeln!(out, "{}", as_json(checked))?,
    }
    Ok(out.flush()?)
}

/// The check for people.
pub(crate) fn human(
    out: &mut impl Write,
    settings: &Settings,
    checked: &Checked,
) -> Result<(), Failure> {
    let audit = &checked.audit;
    for (number, sums) in &audit.programmes {
        let named = settings
            .programmes
            .iter()
            .find(|p| p.number.get() == number.0);
        let name = named.map_or("not in the settings", |programme| programme.name.as_str());
        let (cards, entries) = (sums.card_count, sums.entry_count);
        writeln!(
            out,
            "programme {number}, {name}: {cards} cards, {entries} entries"
        )?;
        for (what, fen) in told(sums) {
            writeln!(out, "  {what:<24} {:>20}", yuan(fen))?;
        }
    }
    let (rows, entries, cases) = (audit.row_count, audit.entry_count(), audit.case_count);
    writeln!(
        out,
        "{rows} journal rows, {entries} with money, {cases} cases for people to look at"
    )?;
    if let Some(against) = &checked.against {
        record(out, against)?;
        show(out, &against.findings)?;
    }
    show(out, &audit.findings)?;
    match checked.is_clean() {
        true => writeln!(out, "clean")?,
        false => writeln!(
            out,
            "WRONG: keep the folder as it is and call whoever runs the switch"
        )?,
    }
    Ok(())
}

fn told(sums: &ProgrammeSums) -> [(&'static str, i128); 5] {
    [
        ("float by cards", sums.by_states),
        ("float by journal rows", sums.by_rows.float()),
        ("float by control totals", sums.by_totals.float()),
        ("covered, with a surplus", sums.by_rows.coverage_surplus()),
        ("debits less credits", sums.by_rows.trial_balance()),
    ]
}

fn record(out: &mut impl Write, against: &Against) -> Result<(), Failure> {
    writeln!(
        out,
        "record: {} answered, {} without an answer; {} decisions booked for them",
        against.answered_count, against.unanswered_count, against.booked_count
    )?;
    if against.repeated_count > 0 {
        let count = against.repeated_count;
        writeln!(out, "record: {count} lines tell of a request once more")?;
    }
    if against.open_count > 0 {
        let count = against.open_count;
        writeln!(
            out,
            "record: {count} without an answer are booked, and no answer to their reversal is recorded"
        )?;
    }
    Ok(())
}

fn show(out: &mut impl Write, findings: &Findings) -> Result<(), Failure> {
    for finding in &findings.kept {
        writeln!(out, "WRONG {finding}")?;
    }
    let hidden = findings.count.saturating_sub(findings.kept.len() as u64);
    if hidden > 0 {
        writeln!(out, "WRONG and {hidden} more")?;
    }
    Ok(())
}

fn as_json(checked: &Checked) -> Value {
    let programmes = checked.audit.programmes.iter().map(|(number, sums)| {
        json!({
            "programme": number.0,
            "cards": sums.card_count,
            "entries": sums.entry_count,
            "float_fen": {
                "by_cards": fen(sums.by_states),
                "by_rows": fen(sums.by_rows.float()),
                "by_totals": fen(sums.by_totals.float()),
            },
            "coverage_surplus_fen": fen(sums.by_rows.coverage_surplus()),
            "trial_balance_fen": fen(sums.by_rows.trial_balance()),
        })
    });
    let against = checked.against.as_ref().map(|against| {
        json!({
            "answered": against.answered_count,
            "unanswered": against.unanswered_count,
            "repeated": against.repeated_count,
            "booked": against.booked_count,
            "open": against.open_count,
            "finding_count": against.findings.count,
            "findings": lines(&against.findings),
        })
    });
    json!({
        "clean": checked.is_clean(),
        "programmes": programmes.collect::<Vec<_>>(),
        "rows": checked.audit.row_count,
        "entries": checked.audit.entry_count(),
        "cases": checked.audit.case_count,
        "finding_count": checked.audit.findings.count,
        "findings": lines(&checked.audit.findings),
        "against": against,
    })
}

fn lines(findings: &Findings) -> Vec<String> {
    findings.kept.iter().map(ToString::to_string).collect()
}

/// Floats stay far below 2^63 fen.
fn fen(minor: i128) -> i64 {
    i64::try_from(minor).unwrap_or(i64::MAX)
}
