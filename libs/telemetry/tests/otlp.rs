//! Spans on their way to a collector: what arrives, and what happens when none is there.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use metrics::LocalRecorderGuard;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use tokio::net::TcpSocket;

use telemetry::otlp_receiver::{OtlpReceiver, ReceivedSpan};
use telemetry::trace::{Attribute, SpanKind, SpanRecord, span_name};
use telemetry::{SpanContext, Tracer, TracingError, TracingGuard, TracingSettings};

/// How many spans wait at most, as the switch promises.
const QUEUE_SPANS_MAX: usize = 4_096;
/// Far more than anything here takes.
const LONG: Duration = Duration::from_secs(30);
const EXPORTED: &str = "switch_trace_spans_exported_total";
const DROPPED: &str = "switch_trace_spans_dropped_total";

fn start(endpoint: String, sample_one_in: u32) -> Result<(Tracer, TracingGuard), TracingError> {
    Tracer::start(TracingSettings {
        endpoint,
        sample_one_in: NonZeroU32::new(sample_one_in).expect("one in at least one"),
        service_name: "floatswitch".to_owned(),
        service_instance: "node-3".to_owned(),
    })
}

/// An address where nobody listens, and nobody can while the socket is kept.
fn nowhere() -> (String, TcpSocket) {
    let socket = TcpSocket::new_v4().expect("a socket");
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(any_port).expect("a free port");
    let address = socket.local_addr().expect("the port");
    (format!("http://{address}"), socket)
}

/// For tests that send nothing.
fn anywhere() -> String {
    "http://127.0.0.1:4318".to_owned()
}

fn at(microseconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(1_790_000_000_000_000 + microseconds)
}

fn span(context: SpanContext, parent: Option<SpanContext>, name: &'static str) -> SpanRecord {
    SpanRecord {
        context,
        parent: parent.map(|parent| parent.span_id),
        name,
        kind: SpanKind::Internal,
        started_at: at(0),
        ended_at: at(10),
        attributes: Vec::new(),
    }
}

fn root_span(tracer: &Tracer) -> SpanRecord {
    span(
        tracer.sample().expect("all are sampled"),
        None,
        span_name::REQUEST,
    )
}

/// The metrics of this test alone: it runs on one thread, and so does its runtime.
struct Counted {
    handle: PrometheusHandle,
    _guard: LocalRecorderGuard<'static>,
}

impl Counted {
    fn start() -> Self {
        let recorder: &'static PrometheusRecorder =
            Box::leak(Box::new(PrometheusBuilder::new().build_recorder()));
        Self {
            handle: recorder.handle(),
            _guard: metrics::set_default_local_recorder(recorder),
        }
    }

    fn all(&self) -> BTreeMap<String, usize> {
        let text = self.handle.render();
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        let counts = lines.filter(|(name, _)| name.starts_with("switch_"));
        counts
            .map(|(name, count)| (name.to_owned(), count.parse().expect("a count")))
            .collect()
    }

    fn value(&self, name: &str) -> usize {
        self.all().get(name).copied().unwrap_or_default()
    }

    #[track_caller]
    fn check(&self, expected: &[(&str, usize)]) {
        let expected = expected
            .iter()
            .map(|(name, count)| ((*name).to_owned(), *count));
        assert_eq!(self.all(), expected.collect());
    }
}

fn dropped(reason: &str) -> String {
    format!("{DROPPED}{{reason=\"{reason}\"}}")
}

#[track_caller]
fn named<'a>(spans: &'a [ReceivedSpan], name: &str) -> &'a ReceivedSpan {
    let found = spans.iter().find(|span| span.name == name);
    found.unwrap_or_else(|| panic!("no span {name}"))
}

fn attributes(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    owned.collect()
}

/// The steps of one purchase as the connector and the processor record them.
fn record_purchase(tracer: &Tracer) -> [SpanContext; 6] {
    let request = tracer.sample().expect("all are sampled");
    let append = tracer.child_of(request);
    // The processor sees what a header of the log carried.
    let header = append.to_traceparent();
    let carried = SpanContext::parse_traceparent(&header).expect("a valid header");
    let wait = tracer.child_of(carried);
    let decide = tracer.child_of(wait);
    let write = tracer.child_of(wait);
    let reply = tracer.child_of(wait);

    tracer.record(SpanRecord {
        kind: SpanKind::Producer,
        started_at: at(100),
        ended_at: at(1_400),
        attributes: vec![Attribute::Partition(7), Attribute::Offset(123_456_789_012)],
        ..span(append, Some(request), span_name::LOG_APPEND)
    });
    tracer.record(SpanRecord {
        kind: SpanKind::Consumer,
        started_at: at(1_000),
        ended_at: at(1_500),
        ..span(wait, Some(carried), span_name::LOG_WAIT)
    });
    tracer.record(SpanRecord {
        started_at: at(1_500),
        ended_at: at(1_520),
        attributes: vec![Attribute::Kind("purchase"), Attribute::ResponseCode(*b"51")],
        ..span(decide, Some(wait), span_name::DECIDE)
    });
    tracer.record(SpanRecord {
        kind: SpanKind::Client,
        started_at: at(1_520),
        ended_at: at(3_000),
        ..span(write, Some(wait), span_name::STORE_WRITE)
    });
    tracer.record(SpanRecord {
        // The clock stepped back in between.
        started_at: at(3_000),
        ended_at: at(2_900),
        ..span(reply, Some(wait), span_name::REPLY)
    });
    tracer.record(SpanRecord {
        kind: SpanKind::Server,
        started_at: at(0),
        ended_at: at(3_500),
        attributes: vec![
            Attribute::Mti(*b"0200"),
            Attribute::Acquirer(*b"48221000   "),
            Attribute::ResponseCode(*b"51"),
        ],
        ..span(request, None, span_name::REQUEST)
    });
    [request, append, wait, decide, write, reply]
}

#[tokio::test]
async fn a_purchase_is_one_trace_with_the_time_of_every_hop() {
    let counted = Counted::start();
    let receiver = OtlpReceiver::start().unwrap();
    let (tracer, guard) = start(receiver.endpoint(), 1).unwrap();
    let [request, append, wait, decide, write, reply] = record_purchase(&tracer);
    guard.close().await;

    let spans = receiver.spans();
    assert_eq!(spans.len(), 6);
    counted.check(&[(EXPORTED, 6)]);
    let ids: HashSet<_> = spans.iter().map(|span| span.span_id).collect();
    assert_eq!(ids.len(), 6);
    for (name, context, parent, microseconds) in [
        (span_name::REQUEST, request, None, 3_500),
        (span_name::LOG_APPEND, append, Some(request), 1_300),
        (span_name::LOG_WAIT, wait, Some(append), 500),
        (span_name::DECIDE, decide, Some(wait), 20),
        (span_name::STORE_WRITE, write, Some(wait), 1_480),
        (span_name::REPLY, reply, Some(wait), 0),
    ] {
        let span = named(&spans, name);
        assert_eq!(span.trace_id, request.trace_id, "{name}");
        assert_eq!(span.span_id, context.span_id, "{name}");
        assert_eq!(
            span.parent_span_id,
            parent.map(|parent| parent.span_id),
            "{name}"
        );
        assert_eq!(
            span.duration(),
            Duration::from_micros(microseconds),
            "{name}"
        );
        assert_eq!(span.service, "floatswitch");
        assert_eq!(span.service_instance, "node-3");
    }
    let decided = named(&spans, span_name::DECIDE);
    assert_eq!(decided.start_ns, 1_790_000_000_001_500_000);
    assert_eq!(decided.end_ns, 1_790_000_000_001_520_000);
}

#[tokio::test]
async fn facts_of_a_step_arrive_under_their_names() {
    let receiver = OtlpReceiver::start().unwrap();
    let (tracer, guard) = start(receiver.endpoint(), 1).unwrap();
    record_purchase(&tracer);
    guard.close().await;

    let spans = receiver.spans();
    let of = |name| &named(&spans, name).attributes;
    assert_eq!(
        *of(span_name::REQUEST),
        attributes(&[
            ("switch.acquirer", "48221000"),
            ("switch.mti", "0200"),
            ("switch.response_code", "51"),
        ])
    );
    assert_eq!(
        *of(span_name::LOG_APPEND),
        attributes(&[("switch.offset", "123456789012"), ("switch.partition", "7"),])
    );
    assert_eq!(
        *of(span_name::DECIDE),
        attributes(&[("switch.kind", "purchase"), ("switch.response_code", "51"),])
    );
    assert!(of(span_name::REPLY).is_empty());
}

/// Nobody has to close for it: a span waits a second for company, then leaves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_leave_by_themselves() {
    let receiver = OtlpReceiver::start().unwrap();
    let (tracer, _guard) = start(receiver.endpoint(), 1).unwrap();
    for _ in 0..3 {
        tracer.record(root_span(&tracer));
    }
    let arrived = tokio::task::spawn_blocking(move || receiver.wait_for_spans(3, LONG));
    assert_eq!(arrived.await.unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_guard_still_sends_what_is_queued() {
    let receiver = OtlpReceiver::start().unwrap();
    let (tracer, guard) = start(receiver.endpoint(), 1).unwrap();
    tracer.record(root_span(&tracer));
    drop(guard);
    let arrived = tokio::task::spawn_blocking(move || receiver.wait_for_spans(1, LONG));
    assert_eq!(arrived.await.unwrap().len(), 1);
}

#[tokio::test]
async fn one_request_in_so_many_is_sampled() {
    let (tracer, _guard) = start(anywhere(), 10).unwrap();
    let sampled: Vec<_> = (0..100_000).filter_map(|_| tracer.sample()).collect();
    // Ten thousand with a deviation of 95; so far off it is a mistake, not chance.
    assert!(
        (9_000..11_000).contains(&sampled.len()),
        "{}",
        sampled.len()
    );
    let traces: HashSet<_> = sampled.iter().map(|context| context.trace_id).collect();
    assert_eq!(traces.len(), sampled.len());

    let (all, _guard) = start(anywhere(), 1).unwrap();
    assert!((0..1_000).all(|_| all.sample().is_some()));
}

/// The runtime has one thread and the test does not let go of it, so nothing is sent in between.
#[tokio::test]
async fn a_full_queue_drops_and_counts_and_never_blocks() {
    let counted = Counted::start();
    let receiver = OtlpReceiver::start().unwrap();
    let (tracer, guard) = start(receiver.endpoint(), 1).unwrap();
    for _ in 0..QUEUE_SPANS_MAX + 10 {
        tracer.record(root_span(&tracer));
    }
    counted.check(&[(&dropped("queue_full"), 10)]);

    guard.close().await;
    assert_eq!(receiver.spans().len(), QUEUE_SPANS_MAX);
    tracer.record(root_span(&tracer));
    counted.check(&[
        (EXPORTED, QUEUE_SPANS_MAX),
        (&dropped("queue_full"), 10),
        (&dropped("closed"), 1),
    ]);
}

#[tokio::test]
async fn without_a_collector_spans_are_dropped_and_counted() {
    let counted = Counted::start();
    let (endpoint, _socket) = nowhere();
    let (tracer, guard) = start(endpoint, 1).unwrap();
    for _ in 0..5 {
        tracer.record(root_span(&tracer));
    }
    guard.close().await;
    counted.check(&[(&dropped("export_failed"), 5)]);
}

/// It accepts connections and says nothing: the worst kind of being down.
#[tokio::test]
async fn a_silent_collector_cannot_hold_up_the_end() {
    let counted = Counted::start();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let (tracer, guard) = start(endpoint, 1).unwrap();
    for _ in 0..QUEUE_SPANS_MAX {
        tracer.record(root_span(&tracer));
    }
    let started_at = Instant::now();
    guard.close().await;
    // Eight batches of two seconds would be sixteen.
    assert!(started_at.elapsed() < Duration::from_secs(10));
    // The first batch had its time, the last none: how many in between depends on the machine.
    let (failed, closed) = (
        counted.value(&dropped("export_failed")),
        counted.value(&dropped("closed")),
    );
    assert_eq!(failed + closed, QUEUE_SPANS_MAX);
    assert!(failed > 0 && closed > 0, "{failed} + {closed}");
}

#[tokio::test]
async fn a_busy_collector_is_asked_again() {
    let counted = Counted::start();
    let receiver = OtlpReceiver::start().unwrap();
    receiver.refuse_next(1);
    let (tracer, guard) = start(receiver.endpoint(), 1).unwrap();
    tracer.record(root_span(&tracer));
    guard.close().await;
    assert_eq!(receiver.spans().len(), 1);
    counted.check(&[(EXPORTED, 1)]);
}

/// Log lines of this test alone.
#[derive(Debug, Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic before").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn text(&self) -> String {
        let bytes = self.0.lock().expect("no panic before").clone();
        String::from_utf8(bytes).expect("text")
    }
}

#[tokio::test]
async fn only_the_first_loss_and_the_recovery_are_logged() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let receiver = Arc::new(OtlpReceiver::start().unwrap());
    // Two batches are refused at all three attempts.
    receiver.refuse_next(6);
    let (tracer, guard) = start(receiver.endpoint(), 1).unwrap();
    for _ in 0..3 * 512 {
        tracer.record(root_span(&tracer));
    }
    let waiting = Arc::clone(&receiver);
    let arrived = tokio::task::spawn_blocking(move || waiting.wait_for_spans(512, LONG));
    assert_eq!(arrived.await.unwrap().len(), 512);
    guard.close().await;

    let text = lines.text();
    let lost = "traces do not arrive at the collector and are dropped error=";
    assert_eq!(text.matches(lost).count(), 1, "{text}");
    assert_eq!(text.matches("status code: 503").count(), 1, "{text}");
    assert_eq!(
        text.matches("arrive at the collector again").count(),
        1,
        "{text}"
    );
}

/// A trace goes on through processes that were asked to sample nothing themselves.
#[tokio::test]
async fn spans_of_others_traces_are_recorded() {
    let receiver = OtlpReceiver::start().unwrap();
    let (tracer, guard) = start(receiver.endpoint(), u32::MAX).unwrap();
    let carried = SpanContext {
        trace_id: [0xab; 16],
        span_id: [0xcd; 8],
    };
    let wait = tracer.child_of(carried);
    tracer.record(span(wait, Some(carried), span_name::LOG_WAIT));
    guard.close().await;
    let spans = receiver.spans();
    assert_eq!(spans[0].trace_id, carried.trace_id);
    assert_eq!(spans[0].parent_span_id, Some(carried.span_id));
    assert_ne!(spans[0].span_id, carried.span_id);
}

#[test]
fn outside_a_runtime_nothing_panics() {
    assert!(matches!(start(anywhere(), 1), Err(TracingError::NoRuntime)));
}

#[tokio::test]
async fn a_wrong_endpoint_is_a_clear_error() {
    let error = start("https://collector:4318".to_owned(), 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`tracing.endpoint` asks for TLS, which is left to a collector beside the switch; \
         give the base address of a collector, such as http://127.0.0.1:4318"
    );
    for endpoint in ["http://", "http://a b", "http://[::1"] {
        let error = start(endpoint.to_owned(), 1).unwrap_err().to_string();
        assert!(error.contains("check `tracing.endpoint`"), "{error}");
    }
}
