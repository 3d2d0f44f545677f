//! Serves the metrics to Prometheus over HTTP.

use std::net::{SocketAddr, TcpListener};

use metrics_exporter_prometheus::{
    BuildError, ExporterFuture, Matcher, PrometheusBuilder, PrometheusRecorder,
};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::metric::{self, Metric, MetricKind};

/// Ports tried when the caller leaves the choice to the system.
const PORT_ATTEMPTS_MAX: u32 = 8;

/// Why metrics could not be served.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// The address is taken, not ours, or not allowed.
    #[error(
        "cannot listen on {address} for metrics: {reason}; change `metrics_listen` or stop the program that uses it"
    )]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        reason: String,
    },
    /// Metrics were started before; they belong to the process and not to one switch in it.
    #[error("metrics are already served by this process; start them once")]
    AlreadyStarted,
    /// There is no async runtime to serve from.
    #[error("metrics need a running tokio runtime; start them inside one")]
    NoRuntime,
    /// The exporter refused its own settings: our mistake.
    #[error("the metrics exporter refused its settings: {0}")]
    Exporter(String),
}

/// Metrics that are being served; dropping it stops serving, recording goes on.
#[derive(Debug)]
pub struct MetricsHandle {
    address: SocketAddr,
    server: JoinHandle<()>,
}

// === impl MetricsHandle ===

impl MetricsHandle {
    /// Returns the address being served, with the port that was chosen when it was asked for as 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for MetricsHandle {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Starts to record all metrics of this process and to serve them at `http://ADDRESS/metrics`.
///
/// Call it once per process, inside a tokio runtime and before the first metric is recorded.
///
/// # Errors
///
/// [`MetricsError::Listen`] when the address cannot be used, else a mistake of the caller.
pub fn start_metrics(address: SocketAddr) -> Result<MetricsHandle, MetricsError> {
    let runtime = Handle::try_current().map_err(|_| MetricsError::NoRuntime)?;
    let (address, recorder, exporter) = bind(address)?;
    metrics::set_global_recorder(recorder).map_err(|_| MetricsError::AlreadyStarted)?;
    for one in metric::ALL {
        describe(one);
    }
    let server = runtime.spawn(async move {
        if let Err(error) = exporter.await {
            tracing::error!(?error, "metrics are no longer served");
        }
    });
    Ok(MetricsHandle { address, server })
}

/// Binds the address; port 0 is replaced by a free one, since the exporter cannot tell which it got.
fn bind(
    address: SocketAddr,
) -> Result<(SocketAddr, PrometheusRecorder, ExporterFuture), MetricsError> {
    if address.port() != 0 {
        let (recorder, exporter) = build(address)?;
        return Ok((address, recorder, exporter));
    }
    let mut attempt = 0;
    loop {
        attempt += 1;
        let chosen = free_address(address)?;
        match build(chosen) {
            Ok((recorder, exporter)) => return Ok((chosen, recorder, exporter)),
            // Someone else took the port between the two binds.
            Err(MetricsError::Listen { .. }) if attempt < PORT_ATTEMPTS_MAX => {}
            Err(error) => return Err(error),
        }
    }
}

fn free_address(address: SocketAddr) -> Result<SocketAddr, MetricsError> {
    let bound = TcpListener::bind(address).and_then(|listener| listener.local_addr());
    bound.map_err(|error| MetricsError::Listen {
        address,
        reason: error.to_string(),
    })
}

fn build(address: SocketAddr) -> Result<(PrometheusRecorder, ExporterFuture), MetricsError> {
    let mut builder = PrometheusBuilder::new().with_http_listener(address);
    for one in metric::ALL {
        // A histogram without buckets would become a summary, which cannot be added up over processes.
        if let MetricKind::Histogram(buckets) = one.kind {
            let matcher = Matcher::Full(one.name.to_owned());
            let set = builder.set_buckets_for_metric(matcher, buckets);
            builder = set.map_err(|error| MetricsError::Exporter(error.to_string()))?;
        }
    }
    builder.build().map_err(|error| build_error(address, error))
}

fn build_error(address: SocketAddr, error: BuildError) -> MetricsError {
    if let BuildError::FailedToCreateHTTPListener(reason) = error {
        return MetricsError::Listen { address, reason };
    }
    MetricsError::Exporter(error.to_string())
}

fn describe(metric: &Metric) {
    let Metric {
        name,
        kind,
        unit,
        description,
    } = *metric;
    match kind {
        MetricKind::Counter => metrics::describe_counter!(name, unit, description),
        MetricKind::Gauge => metrics::describe_gauge!(name, unit, description),
        MetricKind::Histogram(_) => metrics::describe_histogram!(name, unit, description),
    }
}
