//! What a running switch says of itself on its metrics address.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Report;
use settings::Settings;
use telemetry::metric;

const PATIENCE: Duration = Duration::from_secs(3);
/// Far above what all metrics take.
const ANSWER_SIZE_MAX: u64 = 4 << 20;

/// Asks a running switch.
pub(super) async fn look(settings: &Settings, report: &mut Report) {
    let Some(address) = address(settings, report) else {
        return;
    };
    let advice = "without them nobody sees the switch: look at its log lines";
    match timeout(PATIENCE, fetch(address)).await {
        Ok(Ok(text)) => {
            report.ok("metrics", format!("http://{address}/metrics answers"));
            judge(&text, report);
        }
        Ok(Err(error)) => report.fail("metrics", format!("{address}: {error}"), advice),
        Err(_) => report.fail("metrics", format!("{address} does not answer"), advice),
    }
}

/// Whether a stopped switch will get its address.
pub(super) fn look_free(settings: &Settings, report: &mut Report) {
    let Some(address) = address(settings, report) else {
        return;
    };
    match TcpListener::bind(address) {
        Ok(_) => report.ok("metrics", format!("{address} is free")),
        Err(error) => {
            let text = format!("{address} cannot be listened on: {error}");
            let advice = "write a free address of this machine in `metrics_listen`";
            report.fail("metrics", text, advice);
        }
    }
}

fn address(settings: &Settings, report: &mut Report) -> Option<SocketAddr> {
    let advice = "write an address of this machine, with a port, in `metrics_listen`";
    match settings.metrics_listen.resolve() {
        Ok(address) if address.port() == 0 => {
            report.warn("metrics", "the port is chosen at each start", advice);
            None
        }
        Ok(address) => Some(address),
        Err(error) => {
            let listen = settings.metrics_listen.as_str();
            report.fail("metrics", format!("{listen}: {error}"), advice);
            None
        }
    }
}

async fn fetch(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream
        .take(ANSWER_SIZE_MAX)
        .read_to_end(&mut answer)
        .await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn judge(text: &str, report: &mut Report) {
    let value = |name| value_of(text, name).unwrap_or(0);
    let stopped = value(metric::PARTITIONS_STOPPED);
    if stopped == 0 {
        report.ok("log", "all partitions take payments");
    } else {
        let text = format!("{stopped} partitions have stopped: their cards cannot pay");
        let advice = "the log lines say at which position and why; then restart, or restore";
        report.fail("log", text, advice);
    }
    let stopped = value(metric::CARDS_STOPPED);
    if stopped > 0 {
        let text = format!("{stopped} cards have stopped: their data is not as it was written");
        report.fail(
            "cards",
            text,
            "the log lines name them; run `check` on a stopped switch",
        );
    }
    report.ok(
        "recovery",
        format!(
            "{} commands were folded at its start; {} cards wait for the next checkpoint",
            value(metric::REPLAY_COMMANDS_TOTAL),
            value(metric::DIRTY_CARDS),
        ),
    );
    report.ok(
        "load",
        format!(
            "{} connections, {} requests in flight, {} cards in memory",
            value(metric::CONNECTIONS),
            value(metric::EXCHANGES_IN_FLIGHT),
            value(metric::LIVE_CARDS),
        ),
    );
}

/// The sum of a metric's series; `None` when it has none. Only whole numbers are counted here.
fn value_of(text: &str, name: &str) -> Option<u64> {
    let mut sum = None;
    for line in text.lines() {
        let Some(rest) = line.strip_prefix(name) else {
            continue;
        };
        if !rest.starts_with([' ', '{']) {
            continue; // Another metric, whose name begins alike.
        }
        let Some(number) = rest.rsplit(' ').next() else {
            continue;
        };
        let whole = number.split('.').next().unwrap_or_default();
        if let Ok(value) = whole.parse::<u64>() {
            sum = Some(sum.unwrap_or(0) + value);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_summed_over_their_series() {
        let text = "# TYPE switch_connections gauge\n\
            switch_connections{acquirer=\"1\"} 2\n\
            switch_connections{acquirer=\"2\"} 3\n\
            switch_connections_cut_total 9\n\
            switch_live_cards 7\n";
        assert_eq!(value_of(text, "switch_connections"), Some(5));
        assert_eq!(value_of(text, "switch_live_cards"), Some(7));
        assert_eq!(value_of(text, "switch_dirty_cards"), None);
    }

    #[test]
    fn a_stopped_partition_is_wrong() {
        let mut report = Report::default();
        judge("switch_partitions_stopped 2\n", &mut report);
        assert_eq!(report.count(super::super::Health::Fail), 1);
        let mut report = Report::default();
        judge("switch_partitions_stopped 0\n", &mut report);
        assert_eq!(report.count(super::super::Health::Fail), 0);
    }
}
