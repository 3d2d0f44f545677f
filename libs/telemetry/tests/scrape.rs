//! Metrics as Prometheus sees them, over real HTTP.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use metrics::{counter, gauge, histogram};

use telemetry::metric::{self, MetricKind};
use telemetry::{MetricsError, start_metrics};

fn local() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn scrape(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// One test, because metrics belong to the process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scrape_shows_every_metric_with_buckets() {
    let handle = start_metrics(local()).unwrap();
    assert_ne!(handle.address().port(), 0);
    for one in metric::ALL {
        match one.kind {
            MetricKind::Counter => counter!(one.name).increment(1),
            MetricKind::Gauge => gauge!(one.name).set(1),
            MetricKind::Histogram(_) => histogram!(one.name).record(Duration::from_micros(300)),
        }
    }
    counter!(metric::DECISIONS_TOTAL, metric::LABEL_KIND => "purchase", metric::LABEL_CODE => "51")
        .increment(2);
    metric::set_float_fen(7, 123_456_789_012);

    let address = handle.address();
    let answer = tokio::task::spawn_blocking(move || scrape(address))
        .await
        .unwrap()
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    for one in metric::ALL {
        assert!(
            answer.contains(&format!("# HELP {} {}", one.name, one.description)),
            "{}",
            one.name
        );
        if matches!(one.kind, MetricKind::Histogram(_)) {
            assert!(
                answer.contains(&format!("# TYPE {} histogram", one.name)),
                "{}",
                one.name
            );
            assert!(
                answer.contains(&format!("{}_bucket{{le=\"+Inf\"}} 1", one.name)),
                "{}",
                one.name
            );
        }
    }
    assert!(answer.contains("switch_sync_seconds_bucket{le=\"0.00025\"} 0"));
    assert!(answer.contains("switch_sync_seconds_bucket{le=\"0.0005\"} 1"));
    assert!(answer.contains("switch_decisions_total{kind=\"purchase\",code=\"51\"} 2"));
    assert!(answer.contains("switch_float_fen{programme=\"7\"} 123456789012"));

    assert!(matches!(
        start_metrics(local()),
        Err(MetricsError::AlreadyStarted)
    ));
}

#[tokio::test]
async fn a_taken_port_is_a_clear_error() {
    let other = TcpListener::bind(local()).unwrap();
    let address = other.local_addr().unwrap();
    let error = start_metrics(address).unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("cannot listen on {address} for metrics: ")),
        "{error}"
    );
    assert!(
        error.ends_with("change `metrics_listen` or stop the program that uses it"),
        "{error}"
    );
}

#[test]
fn outside_a_runtime_nothing_panics() {
    assert!(matches!(
        start_metrics(local()),
        Err(MetricsError::NoRuntime)
    ));
}
