//! `floatswitch msg`: ISO 8583 frames as people and programs can read them, and back.
//!
//! Works on hex, one frame a line, and on JSON objects, one a line (`form.rs`). Card numbers,
//! tracks, PIN blocks and keys are masked unless they are asked for. Dialect files are printed and
//! checked here too.
//!
//! Not here: what a frame does to a card, and whether its MAC is right.

mod form;
mod hex;
mod meaning;
mod table;

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use crate::dialect;
use crate::exit::{DONE, FOUND_WRONG, Failure};
use crate::output::OutputForm;
use form::{ErrorForm, MessageForm, Problem};
pub(crate) use hex::{hex, unhex};
use iso8583::frame::{NextFrame, next_frame};
use iso8583::{DecodeError, Dialect, Disclosure, Message, OwnedMessage};
pub(crate) use table::table;

/// What to do with messages.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum MsgCommand {
    /// Reads frames as hex, one a line, and prints what they say.
    ///
    /// With `-o json` each frame is one object a line, which `msg encode` takes back. A frame that
    /// cannot be decoded has an error in its place, and the exit code is then 1. Empty lines, and
    /// those that start with `#`, are passed over.
    Decode(DecodeArgs),
    /// Reads JSON objects, one a line, and prints each frame as hex.
    ///
    /// Takes what `msg decode -o json --reveal` prints. Lengths, bitmap and the total length of a
    /// header are computed; data elements may be in any order.
    Encode(EncodeArgs),
    /// Checks a dialect file, and prints the table that it makes.
    ///
    /// A mistake is told as FILE:LINE with what to write; the exit code is then 1.
    Lint(LintArgs),
    /// Prints the file of a built-in dialect, to be copied and changed.
    Dialect(DialectArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct LintArgs {
    /// The dialect file.
    file: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DialectArgs {
    /// pos, cups, or one of ISO 8583 such as iso87-ascii; a name that is none lists them all.
    name: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DecodeArgs {
    /// The form of the messages: a built-in dialect or the path of a dialect file.
    #[arg(long, default_value = "pos")]
    dialect: String,
    /// How to print them.
    #[arg(short, long, value_enum, default_value_t = OutputForm::Text)]
    output: OutputForm,
    /// Shows card numbers, tracks, PIN blocks and keys. For test data only.
    #[arg(long)]
    reveal: bool,
    /// The frames; standard input if none is named.
    file: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct EncodeArgs {
    /// The form of the messages: a built-in dialect or the path of a dialect file.
    #[arg(long, default_value = "pos")]
    dialect: String,
    /// The objects; standard input if none is named.
    file: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(command: MsgCommand) -> Result<u8, Failure> {
    match command {
        MsgCommand::Decode(args) => decode_all(&args),
        MsgCommand::Encode(args) => encode_all(&args),
        MsgCommand::Lint(args) => lint(&args.file),
        MsgCommand::Dialect(args) => print_dialect(&args.name),
    }
}

fn lint(file: &Path) -> Result<u8, Failure> {
    let dialect = match dialect::read(file) {
        Ok(dialect) => dialect,
        Err(dialect::FileError::Mistake(message)) => {
            return Err(Failure {
                code: FOUND_WRONG,
                message,
            });
        }
        Err(error @ dialect::FileError::Unreadable(_)) => return Err(error.into()),
    };
    let mut out = std::io::stdout().lock();
    let count = dialect.fields().count();
    let file = file.display();
    writeln!(out, "{dialect}\n{file}: good, {count} data elements")?;
    Ok(DONE)
}

fn print_dialect(name: &str) -> Result<u8, Failure> {
    let file = dialect::builtin_file(name)?;
    write!(std::io::stdout().lock(), "{file}")?;
    Ok(DONE)
}

fn decode_all(args: &DecodeArgs) -> Result<u8, Failure> {
    let dialect = dialect::find(&args.dialect, Path::new(""))?;
    let disclosure = if args.reveal {
        Disclosure::Revealed
    } else {
        Disclosure::Masked
    };
    each_line(args.file.as_deref(), |line| {
        let decoded = decode(dialect, line, disclosure);
        let text = match (&decoded, args.output) {
            (Ok(message), OutputForm::Text) => table(dialect, message),
            (Err(problem), OutputForm::Text) => format!("cannot be decoded: {}\n", problem.message),
            (Ok(message), OutputForm::Json) => json(&MessageForm::of(dialect, message))?,
            (Err(problem), OutputForm::Json) => json(&ErrorForm { error: problem })?,
        };
        Ok((text, decoded.is_ok()))
    })
}

fn encode_all(args: &EncodeArgs) -> Result<u8, Failure> {
    let dialect = dialect::find(&args.dialect, Path::new(""))?;
    each_line(args.file.as_deref(), |line| {
        let encoded = encode(dialect, line);
        let text = match &encoded {
            Ok(frame) => hex(frame),
            Err(problem) => json(&ErrorForm { error: problem })?,
        };
        Ok((text, encoded.is_ok()))
    })
}

/// Reads one frame as hex.
fn decode(
    dialect: &'static Dialect,
    line: &str,
    disclosure: Disclosure,
) -> Result<OwnedMessage, Problem> {
    let frame = unhex(line).map_err(Problem::plain)?;
    let next = next_frame(dialect, &frame).map_err(Problem::plain)?;
    let (body, consumed) = match next {
        NextFrame::Frame { body, consumed } => (body, consumed),
        NextFrame::Incomplete { needed } => {
            let message = format!("frame is cut short: {needed} bytes are missing at its end");
            return Err(Problem::at(frame.len(), message));
        }
        NextFrame::Idle { .. } => return Err(Problem::plain("probe of an idle line, no message")),
    };
    let extra = frame.len().saturating_sub(consumed);
    if extra > 0 {
        let message = format!("{extra} bytes after the frame: write one frame a line");
        return Err(Problem::at(consumed, message));
    }
    let body = frame.get(body).unwrap_or_default();
    let message = Message::decode(dialect, body).map_err(problem_of)?;
    Ok(OwnedMessage::of(&message, disclosure))
}

fn problem_of(error: DecodeError) -> Problem {
    Problem {
        field: error.field,
        offset: Some(error.offset),
        message: error.to_string(),
    }
}

/// Reads one JSON object and writes its frame.
fn encode(dialect: &'static Dialect, line: &str) -> Result<Vec<u8>, Problem> {
    let message = MessageForm::read(line)?.into_message(dialect)?;
    let mut frame = Vec::new();
    message
        .encode(dialect, &mut frame)
        .map_err(|error| Problem {
            field: form::field_of(&error),
            ..Problem::plain(error)
        })?;
    Ok(frame)
}

fn json(form: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string(form).map_err(Failure::cannot_start)
}

/// Prints what becomes of each line that is not empty; 1 when one of them was not well.
fn each_line(
    file: Option<&Path>,
    mut act: impl FnMut(&str) -> Result<(String, bool), Failure>,
) -> Result<u8, Failure> {
    let mut input = open(file)?;
    let mut out = std::io::stdout().lock();
    let mut code = DONE;
    let mut line = Vec::new();
    loop {
        line.clear();
        let count = input.read_until(b'\n', &mut line);
        if count.map_err(|error| Failure::cannot_start(format!("read the input: {error}")))? == 0 {
            return Ok(code);
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let (result, is_well) = act(text)?;
        writeln!(out, "{result}")?;
        if !is_well {
            code = FOUND_WRONG;
        }
    }
}

fn open(file: Option<&Path>) -> Result<Box<dyn BufRead>, Failure> {
    match file {
        Some(path) if path != Path::new("-") => {
            let opened = File::open(path)
                .map_err(|error| Failure::usage(format!("open {}: {error}", path.display())))?;
            Ok(Box::new(BufReader::new(opened)))
        }
        Some(_) | None => Ok(Box::new(std::io::stdin().lock())),
    }
}
