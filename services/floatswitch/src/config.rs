//! Settings file and logging of a command.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use tracing::Level;

use crate::exit::{DONE, Failure};
use operations::{Token, TokenError};
use settings::{LogFormat, LogLevel, Settings};
use telemetry::{Tracer, TracingGuard, TracingSettings};

/// Reads the settings file; each mistake is told with what to write instead.
pub(crate) fn load(path: &Path) -> Result<Settings, Failure> {
    if !path.exists() {
        return Err(Failure::usage(format!(
            "{} is not there: write one with `floatswitch init`, or name another with --config",
            path.display()
        )));
    }
    Settings::load(path).map_err(Failure::usage)
}

/// Log lines on standard error, as the settings say.
pub(crate) fn start_logging(settings: &Settings) -> Result<(), Failure> {
    let format = match settings.log_format {
        LogFormat::Text => telemetry::LogFormat::Text,
        LogFormat::Json => telemetry::LogFormat::Json,
    };
    let level = match settings.log_level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
    };
    telemetry::start_logging(format, level).map_err(Failure::cannot_start)
}

/// Traces of sampled requests, as the settings say. The guard sends what is queued at the end.
pub(crate) fn start_tracing(
    settings: &Settings,
    instance: &str,
) -> Result<(Tracer, Option<TracingGuard>), Failure> {
    let Some(tracing) = &settings.tracing else {
        return Ok((Tracer::off(), None));
    };
    let sample_one_in = NonZeroU32::new(tracing.sample_one_in.get()).unwrap_or(NonZeroU32::MIN);
    let (tracer, guard) = Tracer::start(TracingSettings {
        endpoint: tracing.otlp_endpoint.clone(),
        sample_one_in,
        service_name: "floatswitch".to_owned(),
        service_instance: instance.to_owned(),
    })
    .map_err(Failure::usage)?;
    Ok((tracer, Some(guard)))
}

/// Which example is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Example {
    Embedded,
    Cluster,
}

impl From<bool> for Example {
    fn from(cluster: bool) -> Self {
        if cluster {
            Self::Cluster
        } else {
            Self::Embedded
        }
    }
}

impl Example {
    fn text(self) -> String {
        let cluster = match self {
            Self::Embedded => "",
            Self::Cluster => settings::cluster_example(),
        };
        format!("{}{cluster}", settings::example())
    }

    /// What to do with the file.
    fn next_steps(self) -> &'static [&'static str] {
        match self {
            Self::Embedded => &[
                "card issue --config {path} --programme 1 --count 1000 --balance 500.00",
                "serve --config {path}",
            ],
            Self::Cluster => &[
                "cluster init --config {path}",
                "serve --config {path} --roles processor",
                "serve --config {path} --roles acquirer",
                "card issue --config {path} --programme 1 --count 1000 --balance 500.00",
                "cluster status --config {path}",
            ],
        }
    }
}

/// The token of the back office lies beside the settings.
const TOKEN_FILE: &str = "operations.token";

/// Where it is, and the settings with that place in them.
fn with_token(path: &Path, text: &str) -> (PathBuf, String) {
    let token = match path.parent() {
        Some(folder) => folder.join(TOKEN_FILE),
        None => PathBuf::from(TOKEN_FILE),
    };
    let quoted = toml::Value::String(token.display().to_string()).to_string();
    let text = text.replace(&format!("\"{TOKEN_FILE}\""), &quoted);
    (token, text)
}

/// Makes the token, once: what is there stays.
fn make_token(path: &Path) -> Result<&'static str, Failure> {
    match Token::create(path) {
        Ok(_) => Ok("the token of the back office"),
        Err(TokenError::Exists(_)) => Ok("the token of the back office, as it was"),
        Err(error) => Err(Failure::start_error(error)),
    }
}

/// `floatswitch init`: writes the commented example; an existing file is left alone.
pub(crate) fn init(path: &Path, example: Example) -> Result<u8, Failure> {
    use std::io::Write as _;
    let (token, text) = with_token(path, &example.text());
    let made = std::fs::File::create_new(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    match made {
        Ok(()) => {
            let path = path.display().to_string();
            let what = make_token(&token)?;
            let mut out = std::io::stdout().lock();
            writeln!(out, "wrote {path}: read it, then")?;
            writeln!(out, "  {}: {what}, keep it secret", token.display())?;
            for step in example.next_steps() {
                writeln!(out, "  floatswitch {}", step.replace("{path}", &path))?;
            }
            Ok(DONE)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(Failure::usage(
            format!("{} is there already: it was not touched", path.display()),
        )),
        Err(error) => Err(Failure::cannot_start(format!(
            "write {}: {error}",
            path.display()
        ))),
    }
}
