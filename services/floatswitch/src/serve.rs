//! `floatswitch serve`: the switch with its links, until it is told to stop.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::back_office;
use crate::cluster;
use crate::config;
use crate::engine::{Engine, Opening, now};
use crate::exit::{DONE, Failure};
use crate::plan;
use acquirer_connector::Connector;
use operations::Server;
use settings::Settings;
use telemetry::Tracer;

/// How long a stop waits for exchanges in flight to be answered.
const DRAIN_PATIENCE: Duration = Duration::from_secs(20);

/// How often the settlement day is compared with the clock.
const DAY_LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// A serving switch.
pub(crate) struct Switch {
    pub(crate) engine: Engine,
    pub(crate) connector: Connector,
    pub(crate) operations: Option<Server>,
}

impl Switch {
    /// Recovers, takes up work, and listens.
    pub(crate) async fn start(settings: &Settings, tracer: &Tracer) -> Result<Self, Failure> {
        // First, so that a mistake in a dialect file is told before the data folder is touched.
        let links = plan::connector(settings, tracer)?;
        let engine = Engine::open_traced(settings, Opening::CreateIfNew, tracer.clone()).await?;
        engine.take_up(settings).await?;
        let connector = Connector::start(
            links,
            Arc::clone(&engine.log),
            engine.directory(settings)?,
            engine.processor.gates(),
            Arc::new(now),
        )
        .await
        .map_err(Failure::start_error)?;
        engine.router.connect(connector.reply_sink());
        let operations = back_office::start(settings, &engine).await?;
        Ok(Self {
            engine,
            connector,
            operations,
        })
    }

    /// Answers what is in flight, then closes with a full checkpoint.
    pub(crate) async fn stop(self) -> Result<(), Failure> {
        if let Some(operations) = self.operations {
            operations.stop(back_office::STOP_PATIENCE).await;
        }
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

/// What to run.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ServeArgs {
    /// The settings file.
    #[arg(long, value_name = "FILE", default_value = "switch.toml")]
    pub(crate) config: PathBuf,
    /// What this process does; all of it by default. A switch without a [cluster] table does all.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Role::ALL)]
    pub(crate) roles: Vec<Role>,
    /// The name of this process in the cluster: host and process number by default. With
    /// static_membership it must be the same after a restart.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// What a process of a cluster may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Role {
    /// Takes messages from acquirers and answers them.
    Acquirer,
    /// Decides commands on their cards.
    Processor,
    /// Answers the back office over HTTP, when the settings have an [operations] table.
    Operations,
}

impl Role {
    pub(crate) const ALL: [Self; 3] = [Self::Acquirer, Self::Processor, Self::Operations];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Acquirer => "acquirer",
            Self::Processor => "processor",
            Self::Operations => "operations",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Tells when the process shall end.
pub(crate) struct StopSignal {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignal {
    pub(crate) fn listen() -> Result<Self, Failure> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for SIGTERM or SIGINT. Cancel safe.
    pub(crate) async fn told(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Runs until SIGTERM or SIGINT.
pub(crate) async fn run(args: ServeArgs) -> Result<u8, Failure> {
    let settings = config::load(&args.config)?;
    config::start_logging(&settings)?;
    let metrics = settings
        .metrics_listen
        .resolve()
        .map_err(Failure::start_error)?;
    let metrics = telemetry::start_metrics(metrics).map_err(Failure::start_error)?;
    let stop = StopSignal::listen()?;
    let name = args.name.clone().unwrap_or_else(own_name);
    let (tracer, guard) = config::start_tracing(&settings, &name)?;
    let process = Process {
        name,
        metrics: metrics.address(),
        tracer,
        stop,
    };
    let served = match &settings.cluster {
        Some(cluster) => cluster::serve(&settings, cluster, &args.roles, process).await,
        None if Role::ALL.iter().all(|role| args.roles.contains(role)) => {
            run_embedded(&settings, process).await
        }
        None => Err(Failure::usage(
            "a switch without a [cluster] table has all roles: leave --roles away",
        )),
    };
    if let Some(guard) = guard {
        guard.close().await;
    }
    served
}

/// One serving process, whatever it serves.
pub(crate) struct Process {
    /// Its name in the cluster and in traces.
    pub(crate) name: String,
    /// Where its metrics are.
    pub(crate) metrics: SocketAddr,
    pub(crate) tracer: Tracer,
    pub(crate) stop: StopSignal,
}

/// Host and process number.
fn own_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = match host.trim() {
        "" => "floatswitch",
        host => host,
    };
    format!("{host}-{}", std::process::id())
}

async fn run_embedded(settings: &Settings, mut process: Process) -> Result<u8, Failure> {
    let switch = Switch::start(settings, &process.tracer).await?;
    tracing::info!(name = process.name, "serving");
    announce(settings, &switch, process.metrics)?;
    let mut look = tokio::time::interval(DAY_LOOK_INTERVAL);
    loop {
        tokio::select! {
            () = process.stop.told() => break,
            _ = look.tick() => watch(settings, &switch).await?,
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
    switch.engine.keep_days(settings).await
}

fn announce(settings: &Settings, switch: &Switch, metrics: SocketAddr) -> Result<(), Failure> {
    let recovery = switch.engine.processor.recovery();
    let mut out = std::io::stdout().lock();
    let ms = recovery.took.as_millis();
    writeln!(
        out,
        "recovered {} commands in {ms} ms",
        recovery.command_count
    )?;
    announce_links(settings, &switch.connector, &mut out)?;
    announce_operations(switch.operations.as_ref(), &mut out)?;
    writeln!(out, "metrics on http://{metrics}/metrics")?;
    writeln!(out, "ready")?;
    Ok(out.flush()?)
}

/// Tells where the back office may ask.
pub(crate) fn announce_operations(
    operations: Option<&Server>,
    out: &mut impl Write,
) -> Result<(), Failure> {
    if let Some(server) = operations {
        let address = server.address();
        writeln!(out, "operations on http://{address}/v1/, no TLS")?;
    }
    Ok(())
}

/// Tells where each acquirer may dial in, and what is not checked there.
pub(crate) fn announce_links(
    settings: &Settings,
    connector: &Connector,
    out: &mut impl Write,
) -> Result<(), Failure> {
    for (acquirer, address) in settings.acquirers.iter().zip(connector.addresses()) {
        let (id, name) = (acquirer.id.as_str(), acquirer.name.as_str());
        let dialect = acquirer.dialect.as_str();
        writeln!(
            out,
            "listening on {address} for acquirer {id} ({name}), dialect {dialect}"
        )?;
        writeln!(out, "  MAC, PIN and chip data of this link are NOT checked")?;
    }
    Ok(())
}
