//! The back office's endpoint of a serving process, and how the command line asks it.

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::days::OwnDays;
use crate::engine::{Engine, now};
use crate::exit::Failure;
use operations::{Client, ClientAnswer, ClientError, Parts, Server, Token};
use settings::{Operations, Settings};

/// How long a stop waits for requests that are being answered.
pub(crate) const STOP_PATIENCE: Duration = Duration::from_secs(12);

/// Starts the endpoint of an embedded switch, if its settings have one.
pub(crate) async fn start(settings: &Settings, engine: &Engine) -> Result<Option<Server>, Failure> {
    let Some(operations) = &settings.operations else {
        return Ok(None);
    };
    let parts = Parts {
        log: Arc::clone(&engine.log),
        store: Arc::clone(&engine.store),
        days: OwnDays(engine.processor.days()),
        media: Arc::clone(&engine.media),
        hasher: engine.hasher.clone(),
        gates: engine.processor.gates(),
        token: token(operations)?,
        clock: now,
        reply_partition: 0,
        utc_offset_minutes: settings.day.utc_offset_minutes.get(),
    };
    let listen = operations.listen.resolve().map_err(Failure::start_error)?;
    let server = Server::start(listen, parts).await;
    let server = server.map_err(Failure::start_error)?;
    engine.router.connect_operations(server.reply_sink());
    Ok(Some(server))
}

/// The token of the settings.
pub(crate) fn token(operations: &Operations) -> Result<Token, Failure> {
    Token::load(&operations.token_file).map_err(Failure::usage)
}

/// A client of the endpoint that the settings name, none when they name none.
pub(crate) fn client(settings: &Settings) -> Result<Option<Client>, Failure> {
    let Some(operations) = &settings.operations else {
        return Ok(None);
    };
    let listen = operations.listen.resolve().map_err(Failure::start_error)?;
    Ok(Some(Client::new(listen, token(operations)?)))
}

/// What a running switch said; none when none runs.
pub(crate) fn said(
    answer: Result<ClientAnswer, ClientError>,
) -> Result<Option<ClientAnswer>, Failure> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(ClientError::NotRunning(_)) => Ok(None),
        Err(error @ ClientError::Failed { .. }) => Err(Failure::cannot_start(error)),
        Err(ClientError::Refused { status, told }) => Err(match status {
            400 | 401 | 405 | 413 => Failure::usage(told.message),
            404 | 409 => Failure::refused(told.message),
            500 => Failure::found_wrong(told.message),
            _ => Failure::cannot_start(told.message),
        }),
    }
}

/// An answer as what it is expected to be.
pub(crate) fn read<T: DeserializeOwned>(body: Value) -> Result<T, Failure> {
    serde_json::from_value(body).map_err(|error| {
        Failure::cannot_start(format!(
            "the switch answers in another form than this program reads ({error}): use the version \
             that it runs"
        ))
    })
}
