//! What export and import print.

use std::io::{self, Write};
use std::path::Path;

use super::archive::{Archive, ProgrammeTold, Told};
use super::import::Imported;
use super::verify;
use crate::exit::Failure;
use crate::output::{moment, yuan};
use card::Timestamp;

/// A finished export.
pub(super) fn exported(archive: &Archive) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    head(&mut out, archive)?;
    table(&mut out, &[&archive.manifest.told()])?;
    let folder = archive.folder.display();
    writeln!(out, "clean: every chain, balance and float was proved")?;
    writeln!(out, "carry keys/pan-hash.key by another way, and then")?;
    writeln!(
        out,
        "  floatswitch import --config cluster.toml --from {folder}"
    )?;
    Ok(out.flush()?)
}

/// Books that are not exported.
pub(super) fn not_clean(findings: &[String]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    for finding in findings {
        writeln!(out, "WRONG {finding}")?;
    }
    writeln!(
        out,
        "WRONG: nothing was exported. Keep the folder as it is and call whoever runs the switch"
    )?;
    Ok(out.flush()?)
}

/// A finished import: the archive on the left, what was read back on the right.
pub(super) fn imported(
    archive: &Archive,
    imported: &Imported,
    config: &Path,
) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    head(&mut out, archive)?;
    writeln!(out, "{:<26} {:>20} {:>20}", "", "archive", "here")?;
    table(&mut out, &[&archive.manifest.told(), &imported.here])?;
    let config = config.display();
    writeln!(
        out,
        "equal: every state, row, old key and medium, byte by byte"
    )?;
    writeln!(out, "prove it once more any time")?;
    writeln!(out, "  floatswitch check --config {config}")?;
    Ok(out.flush()?)
}

fn head(out: &mut impl Write, archive: &Archive) -> Result<(), Failure> {
    let manifest = &archive.manifest;
    let mib = verify::size(&manifest.files).div_ceil(1024 * 1024);
    writeln!(
        out,
        "archive {}: {} segments, {mib} MiB, made {}",
        archive.folder.display(),
        manifest.files.len(),
        moment(Timestamp(manifest.made_at_ms))
    )?;
    writeln!(out, "id {}", archive.id)?;
    writeln!(
        out,
        "of log {}, {} partitions up to {}; the new log begins at {}",
        manifest.log.incarnation,
        manifest.log.partition_count,
        manifest.log.end_offset_max,
        manifest.offset_base
    )?;
    Ok(())
}

/// One column for each telling.
fn table(out: &mut impl Write, told: &[&Told]) -> Result<(), Failure> {
    let first = told.first().map(|told| told.programmes.as_slice());
    for (index, programme) in first.unwrap_or_default().iter().enumerate() {
        writeln!(out, "programme {}", programme.programme)?;
        let columns = told.iter().map(|told| told.programmes.get(index));
        let columns: Vec<_> = columns.flatten().map(money).collect();
        lines(out, &columns)?;
    }
    let columns: Vec<_> = told.iter().map(|told| counts(told)).collect();
    writeln!(out, "all")?;
    lines(out, &columns)
}

type Column = Vec<(&'static str, String)>;

fn lines(out: &mut impl Write, columns: &[Column]) -> Result<(), Failure> {
    for (row, (name, _)) in columns.first().into_iter().flatten().enumerate() {
        write!(out, "  {name:<24}")?;
        for (_, value) in columns.iter().filter_map(|column| column.get(row)) {
            write!(out, " {value:>20}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn money(programme: &ProgrammeTold) -> Column {
    let float = programme.float_fen;
    vec![
        ("cards", programme.cards.to_string()),
        ("entries", programme.entries.to_string()),
        ("float by cards", yuan(float.by_cards)),
        ("float by journal rows", yuan(float.by_rows)),
        ("float by control totals", yuan(float.by_totals)),
        ("debits less credits", yuan(programme.trial_balance_fen)),
    ]
}

fn counts(told: &Told) -> Column {
    let contents = told.contents;
    [
        ("cards", contents.cards),
        ("journal rows", contents.journal_rows),
        ("old keys", contents.old_keys),
        ("media", contents.media),
        ("partitions", contents.partitions),
        ("rules bundles", contents.rules_bundles),
        ("cuts", contents.cuts),
    ]
    .map(|(name, count)| (name, count.to_string()))
    .to_vec()
}
