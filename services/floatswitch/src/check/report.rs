//! What the check prints.

use std::io::Write;

use serde_json::{Value, json};

use crate::check::Checked;
use crate::check::audit::{Finding, Findings};
use crate::exit::Failure;
use crate::output::{OutputForm, yuan};
use settings::Settings;

/// Findings that people are shown.
const SHOWN_MAX: usize = 20;

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
        writeln!(out, "programme {number}, {name}: {} cards", sums.card_count)?;
        writeln!(
            out,
            "  float by cards           {:>20}",
            yuan(sums.by_states)
        )?;
        writeln!(
            out,
            "  float by journal rows    {:>20}",
            yuan(sums.by_rows.float())
        )?;
        writeln!(
            out,
            "  float by control totals  {:>20}",
            yuan(sums.by_totals.float())
        )?;
        let surplus = sums.by_rows.coverage_surplus();
        writeln!(out, "  covered, with a surplus  {:>20}", yuan(surplus))?;
    }
    let (rows, entries, cases) = (audit.row_count, audit.entry_count, audit.case_count);
    writeln!(
        out,
        "{rows} journal rows, {entries} with money, {cases} cases for people to look at"
    )?;
    if let Some(against) = &checked.against {
        writeln!(
            out,
            "record: {} answered, {} without an answer; {} decisions booked for them",
            against.answered_count, against.unanswered_count, against.booked_count
        )?;
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

fn show(out: &mut impl Write, findings: &Findings) -> Result<(), Failure> {
    for finding in findings.kept.iter().take(SHOWN_MAX) {
        writeln!(out, "WRONG {}", line(finding))?;
    }
    let hidden = findings.count.saturating_sub(SHOWN_MAX as u64);
    if hidden > 0 {
        writeln!(
            out,
            "WRONG and {hidden} more; -o json has the first thousand"
        )?;
    }
    Ok(())
}

fn line(finding: &Finding) -> String {
    match (finding.card, finding.version) {
        (Some(card), Some(version)) => format!("card {card} version {version}: {}", finding.what),
        (Some(card), None) => format!("card {card}: {}", finding.what),
        (None, _) => finding.what.clone(),
    }
}

fn as_json(checked: &Checked) -> Value {
    let programmes: Vec<Value> = checked
        .audit
        .programmes
        .iter()
        .map(|(number, sums)| {
            json!({
                "programme": number.0,
                "cards": sums.card_count,
                "float_fen": {
                    "by_cards": fen(sums.by_states),
                    "by_rows": fen(sums.by_rows.float()),
                    "by_totals": fen(sums.by_totals.float()),
                },
                "coverage_surplus_fen": fen(sums.by_rows.coverage_surplus()),
            })
        })
        .collect();
    let against = checked.against.as_ref().map(|against| {
        json!({
            "answered": against.answered_count,
            "unanswered": against.unanswered_count,
            "booked": against.booked_count,
            "findings": lines(&against.findings),
        })
    });
    json!({
        "clean": checked.is_clean(),
        "programmes": programmes,
        "rows": checked.audit.row_count,
        "entries": checked.audit.entry_count,
        "cases": checked.audit.case_count,
        "findings": lines(&checked.audit.findings),
        "against": against,
    })
}

fn lines(findings: &Findings) -> Vec<String> {
    findings.kept.iter().map(line).collect()
}

/// Floats stay far below 2^63 fen.
fn fen(minor: i128) -> i64 {
    i64::try_from(minor).unwrap_or(i64::MAX)
}
