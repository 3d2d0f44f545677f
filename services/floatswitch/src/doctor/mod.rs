//! `floatswitch doctor`: is this switch, running or stopped, as it should be, and what to do if not.
//!
//! Looks at settings, folder, disk, links and recovery. Changes nothing that a start would not
//! change too. What it cannot see it says; the books themselves are `check`'s business.

mod disk;
mod links;
mod recovery;
mod scrape;

use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;

use crate::config;
use crate::exit::{DONE, FOUND_WRONG, Failure};
use crate::folder::{Contents, DataFolder};
use crate::output::OutputForm;
use command_log_embedded::{DataLock, LockError};
use settings::Settings;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DoctorArgs {
    /// The settings file.
    #[arg(long, value_name = "FILE", default_value = "switch.toml")]
    config: PathBuf,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t = OutputForm::Text)]
    output: OutputForm,
}

/// How well a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Health {
    Ok,
    /// Works, and somebody should know or change it.
    Warn,
    /// Does not work.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    state: Health,
    topic: &'static str,
    text: String,
    /// What to do; none when all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

/// All that was looked at, in order.
#[derive(Debug, Default)]
struct Report {
    findings: Vec<Finding>,
}

/// Who has the data folder.
#[derive(Debug)]
enum Holder {
    /// Nobody; it is ours while this lives.
    Nobody { _lock: DataLock },
    /// A running switch.
    Switch { pid: String },
    /// There is no switch in it yet, or it cannot be looked at.
    Unknown,
}

impl Report {
    fn ok(&mut self, topic: &'static str, text: impl Into<String>) {
        self.add(Health::Ok, topic, text.into(), None);
    }

    fn warn(&mut self, topic: &'static str, text: impl Into<String>, advice: impl Into<String>) {
        self.add(Health::Warn, topic, text.into(), Some(advice.into()));
    }

    fn fail(&mut self, topic: &'static str, text: impl Into<String>, advice: impl Into<String>) {
        self.add(Health::Fail, topic, text.into(), Some(advice.into()));
    }

    fn add(&mut self, state: Health, topic: &'static str, text: String, advice: Option<String>) {
        self.findings.push(Finding {
            state,
            topic,
            text,
            advice,
        });
    }

    fn count(&self, state: Health) -> usize {
        let of_state = self
            .findings
            .iter()
            .filter(|finding| finding.state == state);
        of_state.count()
    }
}

/// Runs the command.
pub(crate) async fn run(args: DoctorArgs) -> Result<u8, Failure> {
    let mut report = Report::default();
    match config::load(&args.config) {
        Ok(settings) => examine(&settings, &args, &mut report).await,
        Err(failure) => report.fail(
            "settings",
            failure.message,
            "correct the file, then ask again",
        ),
    }
    match args.output {
        OutputForm::Text => print_text(&report)?,
        OutputForm::Json => print_json(&report)?,
    }
    Ok(match report.count(Health::Fail) {
        0 => DONE,
        _ => FOUND_WRONG,
    })
}

async fn examine(settings: &Settings, args: &DoctorArgs, report: &mut Report) {
    let count = |count: usize, noun: &str| match count {
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    };
    report.ok(
        "settings",
        format!(
            "{} is valid: {}, {}, {}",
            args.config.display(),
            count(settings.acquirers.len(), "acquirer"),
            count(settings.merchants.len(), "merchant"),
            count(settings.programmes.len(), "programme"),
        ),
    );
    let folder = DataFolder::new(&settings.data_dir);
    let holder = holder(&folder, report);
    disk::look(settings, &folder, report);
    links::look(settings, &holder, report).await;
    match &holder {
        Holder::Nobody { .. } => {
            scrape::look_free(settings, report);
            recovery::look(settings, &folder, report).await;
        }
        Holder::Switch { .. } => scrape::look(settings, report).await,
        Holder::Unknown => scrape::look_free(settings, report),
    }
}

/// Takes the lock if it is free.
fn holder(folder: &DataFolder, report: &mut Report) -> Holder {
    let root = folder.root().display();
    match folder.contents() {
        Ok(Contents::Switch) => {}
        Ok(Contents::Nothing) => {
            report.warn(
                "folder",
                format!("{root} holds no switch yet"),
                "nothing is wrong: the first start, or `floatswitch card issue`, makes one",
            );
            return Holder::Unknown;
        }
        Err(failure) => {
            report.fail(
                "folder",
                failure.message,
                "name the switch's own folder in `data_dir`",
            );
            return Holder::Unknown;
        }
    }
    report.ok("folder", format!("{root} holds a switch"));
    match DataLock::acquire(folder.root()) {
        Ok(lock) => {
            report.ok("lock", "free: no switch runs in this folder");
            Holder::Nobody { _lock: lock }
        }
        Err(LockError::InUse { pid, .. }) => {
            report.ok("lock", format!("held by process {pid}: the switch runs"));
            Holder::Switch { pid }
        }
        Err(error @ LockError::Io { .. }) => {
            let advice = "the switch's user must own the folder and be able to write to it";
            report.fail("lock", error.to_string(), advice);
            Holder::Unknown
        }
    }
}

fn print_text(report: &Report) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    for finding in &report.findings {
        let state = match finding.state {
            Health::Ok => "ok",
            Health::Warn => "warn",
            Health::Fail => "FAIL",
        };
        writeln!(out, "{state:<5} {:<9} {}", finding.topic, finding.text)?;
        if let Some(advice) = &finding.advice {
            writeln!(out, "{:<15} -> {advice}", "")?;
        }
    }
    let (warn, fail) = (report.count(Health::Warn), report.count(Health::Fail));
    writeln!(out)?;
    match fail {
        0 => writeln!(out, "nothing is wrong, {warn} to know of")?,
        _ => writeln!(out, "{fail} WRONG, {warn} to know of")?,
    }
    Ok(())
}

fn print_json(report: &Report) -> Result<(), Failure> {
    let object = serde_json::json!({
        "ok": report.count(Health::Fail) == 0,
        "findings": report.findings,
    });
    Ok(writeln!(std::io::stdout().lock(), "{object}")?)
}

/// Microseconds as milliseconds with two decimals.
fn milliseconds(micros: u128) -> String {
    format!("{}.{:02} ms", micros / 1_000, micros % 1_000 / 10)
}

/// Bytes in the largest unit that leaves a whole number worth reading.
fn size(bytes: u64) -> String {
    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;
    match bytes {
        0..KIB => format!("{bytes} bytes"),
        KIB..MIB => format!("{} KiB", bytes / KIB),
        MIB..GIB => format!("{} MiB", bytes / MIB),
        _ => format!("{}.{} GiB", bytes / GIB, bytes % GIB * 10 / GIB),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(size(12), "12 bytes");
        assert_eq!(size(4_096), "4 KiB");
        assert_eq!(size(256 << 20), "256 MiB");
        assert_eq!(size((5 << 30) / 2), "2.5 GiB");
        assert_eq!(milliseconds(230), "0.23 ms");
        assert_eq!(milliseconds(1_042), "1.04 ms");
    }
}
