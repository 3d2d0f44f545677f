//! The report of a certification: what was played, what came back, who signs.

use std::io::{self, Write};

use serde::Serialize;

use crate::certify::play::{Outcome, Played};
use crate::engine::now;
use card::calendar::Civil;

/// Everything that a report tells.
#[derive(Debug)]
pub(super) struct Report<'r> {
    pub(super) title: &'r str,
    pub(super) file: String,
    /// SHA-256 of the script, so that a signature is about this text and no other.
    pub(super) script_hash: String,
    pub(super) target: &'r str,
    pub(super) dialect: &'r str,
    pub(super) played: Vec<Played>,
    pub(super) messages: Messages,
}

/// Whether a report shows the messages themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Messages {
    Shown,
    LeftOut,
}

#[derive(Serialize)]
struct Line<'r> {
    line: usize,
    text: &'r str,
    result: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    answer: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'r str>,
}

impl Report<'_> {
    /// Lines that did not hold.
    pub(super) fn broken_count(&self) -> usize {
        let broken = |played: &&Played| matches!(played.result, Outcome::Broken(_));
        self.played.iter().filter(broken).count()
    }

    fn checked_count(&self) -> usize {
        let heading = |played: &&Played| played.result == Outcome::Heading;
        self.played.len() - self.played.iter().filter(heading).count()
    }

    /// For people: to be read, kept and signed.
    pub(super) fn write_text(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "Certification: {}", self.title)?;
        writeln!(
            out,
            "  script   {} (SHA-256 {})",
            self.file, self.script_hash
        )?;
        writeln!(
            out,
            "  switch   {} ({})",
            self.target,
            env!("CARGO_PKG_VERSION")
        )?;
        writeln!(out, "  dialect  {}", self.dialect)?;
        writeln!(out, "  played   {} UTC\n", moment())?;
        for played in &self.played {
            match &played.result {
                Outcome::Heading => {
                    let title = played.text.trim_start_matches("step").trim();
                    writeln!(out, "\n{}", title.trim_matches('"'))?;
                }
                Outcome::Held => writeln!(out, "  ok      {:>4}  {}", played.line, played.text)?,
                Outcome::Broken(_) => {
                    writeln!(out, "  BROKEN  {:>4}  {}", played.line, played.text)?;
                }
            }
            if !played.answer.is_empty() {
                writeln!(out, "                  {}", played.answer)?;
            }
            if let Outcome::Broken(why) = &played.result {
                writeln!(out, "                  {why}")?;
            }
            self.write_messages(played, out)?;
        }
        let (checked, broken) = (self.checked_count(), self.broken_count());
        writeln!(
            out,
            "\n{checked} lines played, {} held, {broken} broken.",
            checked - broken
        )?;
        let verdict = if broken == 0 { "PASSED" } else { "NOT PASSED" };
        writeln!(out, "Result: {verdict}\n")?;
        writeln!(
            out,
            "For the acquirer: ____________________    For the switch: ____________________"
        )
    }

    fn write_messages(&self, played: &Played, out: &mut impl Write) -> io::Result<()> {
        if self.messages == Messages::LeftOut {
            return Ok(());
        }
        for line in played.messages.iter().flat_map(|message| message.lines()) {
            writeln!(out, "        {line}")?;
        }
        Ok(())
    }

    /// For programs.
    pub(super) fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        let lines: Vec<Line<'_>> = self.played.iter().map(line).collect();
        let report = serde_json::json!({
            "title": self.title,
            "script": self.file,
            "script_sha256": self.script_hash,
            "target": self.target,
            "dialect": self.dialect,
            "played_at": moment(),
            "passed": self.broken_count() == 0,
            "lines": lines,
        });
        writeln!(out, "{report}")
    }
}

fn line(played: &Played) -> Line<'_> {
    let (result, problem) = match &played.result {
        Outcome::Heading => ("heading", None),
        Outcome::Held => ("held", None),
        Outcome::Broken(why) => ("broken", Some(why.as_str())),
    };
    Line {
        line: played.line,
        text: &played.text,
        result,
        answer: &played.answer,
        problem,
    }
}

fn moment() -> String {
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
    } = Civil::at(now(), 0);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}
