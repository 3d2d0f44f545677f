//! `floatswitch serve`: the switch with its links, until it is told to stop.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::config;
use crate::engine::{Engine, Opening, now};
use crate::exit::{DONE, Failure};
use crate::plan;
use acquirer_connector::Connector;
use settings::Settings;

/// How long a stop waits for exchanges in flight to be answered.
const DRAIN_PATIENCE: Duration = Duration::from_secs(20);

/// How often the settlement day is compared with the clock.
const DAY_LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// A serving switch.
pub(crate) struct Switch {
    pub(crate) engine: Engine,
    pub(crate) connector: Connector,
}

impl Switch {
    /// Recovers, takes up work, and listens.
    pub(crate) async fn start(settings: &Settings) -> Result<Self, Failure> {
        let engine = Engine::open(settings, Opening::CreateIfNew).await?;
        engine.take_up(settings).await?;
        let connector = Connector::start(
            plan::connector(settings)?,
            Arc::clone(&engine.log),
            engine.directory(settings)?,
            engine.processor.gates(),
            Arc::new(now),
        )
        .await
        .map_err(Failure::start_error)?;
        engine.router.connect(connector.reply_sink());
        Ok(Self { engine, connector })
    }

    /// Answers what is in flight, then closes with a full checkpoint.
    pub(crate) async fn stop(self) -> Result<(), Failure> {
        let drained = self.connector.drain(DRAIN_PATIENCE).await;
        if drained.unanswered_count > 0 {
            tracing::warn!(
                count = drained.unanswered_count,
                "exchanges left unanswered"
            );
        }
        self.engine.close().await
    }
}

/// Runs until SIGTERM or SIGINT.
pub(crate) async fn run(config: &Path) -> Result<u8, Failure> {
    let settings = config::load(config)?;
    config::start_logging(&settings)?;
    let metrics = settings
        .metrics_listen
        .resolve()
        .map_err(Failure::start_error)?;
    let metrics = telemetry::start_metrics(metrics).map_err(Failure::start_error)?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let switch = Switch::start(&settings).await?;
    announce(&settings, &switch, metrics.address())?;
    let mut look = tokio::time::interval(DAY_LOOK_INTERVAL);
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = look.tick() => watch(&settings, &switch).await?,
        }
    }
    tracing::info!("stopping: answering what is in flight");
    switch.stop().await?;
    tracing::info!("stopped; nothing is left to fold");
    Ok(DONE)
}

/// Opens the next settlement day when it is time, and ends the process when the log has failed:
/// after a failed sync nothing may be acknowledged any more (LOG-1).
async fn watch(settings: &Settings, switch: &Switch) -> Result<(), Failure> {
    if let Some(reason) = switch.engine.log.failed() {
        return Err(Failure::cannot_start(format!(
            "command log stopped: {reason}"
        )));
    }
    let (totals, _) = switch.engine.processor.totals();
    for (programme, books) in totals.programmes() {
        let float = u64::try_from(books.float()).unwrap_or_default();
        telemetry::metric::set_float_fen(programme.0, float);
    }
    switch.engine.cut(settings).await
}

fn announce(
    settings: &Settings,
    switch: &Switch,
    metrics: std::net::SocketAddr,
) -> Result<(), Failure> {
    let recovery = switch.engine.processor.recovery();
    let mut out = std::io::stdout().lock();
    let ms = recovery.took.as_millis();
    writeln!(
        out,
        "recovered {} commands in {ms} ms",
        recovery.command_count
    )?;
    for (acquirer, address) in settings.acquirers.iter().zip(switch.connector.addresses()) {
        let (id, name) = (acquirer.id.as_str(), acquirer.name.as_str());
        writeln!(
            out,
            "listening on {address} for acquirer {id} ({name}), dialect pos"
        )?;
        writeln!(out, "  MAC, PIN and chip data of this link are NOT checked")?;
    }
    writeln!(out, "metrics on http://{metrics}/metrics")?;
    writeln!(out, "ready")?;
    Ok(out.flush()?)
}
