//! A small OpenTelemetry collector for tests: takes spans by OTLP over HTTP/1.1 and keeps them in memory.
//!
//! Understands just what an exporter sends: `POST /v1/traces` with a length and protobuf. No TLS, no gRPC,
//! no compression. It is for tests only; what it is sent stays in memory until it is dropped.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use parking_lot::{Condvar, Mutex};
use prost::Message;

/// Largest request that is taken, in bytes.
const REQUEST_SIZE_MAX: u64 = 16 * 1024 * 1024;

/// A span as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedSpan {
    /// The trace.
    pub trace_id: [u8; 16],
    /// The step.
    pub span_id: [u8; 8],
    /// The step that caused it; `None` for the first.
    pub parent_span_id: Option<[u8; 8]>,
    /// The step's name.
    pub name: String,
    /// When it began, in nanoseconds since 1970.
    pub start_ns: u64,
    /// When it ended, in nanoseconds since 1970.
    pub end_ns: u64,
    /// The program that sent it.
    pub service: String,
    /// Which of several equal processes sent it.
    pub service_instance: String,
    /// Its attributes as text.
    pub attributes: BTreeMap<String, String>,
}

// === impl ReceivedSpan ===

impl ReceivedSpan {
    /// How long the step took.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::from_nanos(self.end_ns.saturating_sub(self.start_ns))
    }
}

/// A collector on a port of its own; it ends when dropped.
#[derive(Debug)]
pub struct OtlpReceiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct State {
    spans: Vec<ReceivedSpan>,
    refusals_left: usize,
    /// Kept to be cut at the end.
    connections: Vec<TcpStream>,
    is_closed: bool,
}

// === impl OtlpReceiver ===

impl OtlpReceiver {
    /// Listens on a free port of this host.
    ///
    /// # Errors
    ///
    /// What the system says when there is none, or no thread.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let served = Arc::clone(&shared);
        let acceptor = thread::Builder::new()
            .name("otlp-receiver".to_owned())
            .spawn(move || accept(&listener, &served))?;
        Ok(Self {
            address,
            shared,
            acceptor: Some(acceptor),
        })
    }

    /// The base address to be given as `tracing.endpoint`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that arrived until now, in the order of arrival.
    #[must_use]
    pub fn spans(&self) -> Vec<ReceivedSpan> {
        self.shared.state.lock().spans.clone()
    }

    /// Waits until `count` spans have arrived or the time is over; returns everything that arrived.
    #[must_use]
    pub fn wait_for_spans(&self, count: usize, timeout: Duration) -> Vec<ReceivedSpan> {
        let deadline = Instant::now() + timeout;
        let mut state = self.shared.state.lock();
        let is_short = |state: &mut State| state.spans.len() < count;
        self.shared
            .arrived
            .wait_while_until(&mut state, is_short, deadline);
        state.spans.clone()
    }

    /// Answers the next requests by 503, as an overloaded collector does. Their spans are not kept.
    pub fn refuse_next(&self, requests: usize) {
        self.shared.state.lock().refusals_left = requests;
    }
}

impl Drop for OtlpReceiver {
    fn drop(&mut self) {
        let connections = {
            let mut state = self.shared.state.lock();
            state.is_closed = true;
            std::mem::take(&mut state.connections)
        };
        for connection in connections {
            // The peer may have closed it before.
            connection.shutdown(Shutdown::Both).ok();
        }
        // Wakes the acceptor, which then sees that it is over.
        let is_woken = TcpStream::connect(self.address).is_ok();
        if let Some(acceptor) = self.acceptor.take().filter(|_| is_woken) {
            acceptor.join().ok();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for connection in listener.incoming() {
        let Ok(connection) = connection else {
            continue;
        };
        let Ok(kept) = connection.try_clone() else {
            continue;
        };
        {
            let mut state = shared.state.lock();
            if state.is_closed {
                return;
            }
            state.connections.push(kept);
        }
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            // An exporter that goes away in the middle is no matter of ours.
            converse(&connection, &shared).ok();
            // The kept handle alone would hold the connection open.
            connection.shutdown(Shutdown::Both).ok();
        });
    }
}

/// Answers requests until the peer closes.
fn converse(connection: &TcpStream, shared: &Shared) -> io::Result<()> {
    let mut requests = BufReader::new(connection);
    let mut answers = connection;
    while let Some(request) = read_request(&mut requests)? {
        let status = answer(&request, shared);
        write!(
            answers,
            "HTTP/1.1 {status}\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n"
        )?;
    }
    Ok(())
}

#[derive(Debug, Default)]
struct Request {
    line: String,
    content_type: String,
    body: Vec<u8>,
}

/// Reads one request; `None` when the peer closed before it.
fn read_request(source: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut request = Request::default();
    if source.read_line(&mut request.line)? == 0 {
        return Ok(None);
    }
    let mut body_size = None;
    loop {
        let mut header = String::new();
        source.read_line(&mut header)?;
        let Some((name, value)) = header.split_once(':') else {
            break; // The empty line before the body.
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => body_size = value.trim().parse::<u64>().ok(),
            "content-type" => value.trim().clone_into(&mut request.content_type),
            _ => {}
        }
    }
    let body_size = body_size.filter(|size| *size <= REQUEST_SIZE_MAX);
    let body_size = body_size.ok_or(io::ErrorKind::InvalidData)?;
    source.take(body_size).read_to_end(&mut request.body)?;
    Ok(Some(request))
}

/// Keeps the spans of a request; returns the status line's end.
fn answer(request: &Request, shared: &Shared) -> &'static str {
    if !request.line.starts_with("POST /v1/traces HTTP/1.1") {
        return "404 Not Found";
    }
    if request.content_type != "application/x-protobuf" {
        return "415 Unsupported Media Type";
    }
    let Some(spans) = decode(&request.body) else {
        return "400 Bad Request";
    };
    let mut state = shared.state.lock();
    if state.refusals_left > 0 {
        state.refusals_left -= 1;
        return "503 Service Unavailable";
    }
    state.spans.extend(spans);
    shared.arrived.notify_all();
    "200 OK"
}

/// `None` when it is no such message or an id has the wrong length.
fn decode(body: &[u8]) -> Option<Vec<ReceivedSpan>> {
    let request = ExportTraceServiceRequest::decode(body).ok()?;
    let mut received = Vec::new();
    for of_resource in request.resource_spans {
        let resource = resource_attributes(of_resource.resource);
        for of_scope in of_resource.scope_spans {
            for span in of_scope.spans {
                received.push(received_span(span, &resource)?);
            }
        }
    }
    Some(received)
}

fn received_span(span: Span, resource: &BTreeMap<String, String>) -> Option<ReceivedSpan> {
    let of_resource = |name: &str| resource.get(name).cloned().unwrap_or_default();
    let parent_span_id = if span.parent_span_id.is_empty() {
        None
    } else {
        Some(span.parent_span_id.try_into().ok()?)
    };
    Some(ReceivedSpan {
        trace_id: span.trace_id.try_into().ok()?,
        span_id: span.span_id.try_into().ok()?,
        parent_span_id,
        name: span.name,
        start_ns: span.start_time_unix_nano,
        end_ns: span.end_time_unix_nano,
        service: of_resource("service.name"),
        service_instance: of_resource("service.instance.id"),
        attributes: as_text(span.attributes),
    })
}

fn resource_attributes(resource: Option<Resource>) -> BTreeMap<String, String> {
    as_text(
        resource
            .map(|resource| resource.attributes)
            .unwrap_or_default(),
    )
}

fn as_text(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let texts = attributes
        .into_iter()
        .map(|attribute| (attribute.key, value_text(attribute.value)));
    texts.collect()
}

fn value_text(value: Option<AnyValue>) -> String {
    match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(flag)) => flag.to_string(),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpStream};

    use super::OtlpReceiver;

    #[track_caller]
    fn check(request: &[u8], expected: &str) {
        let receiver = OtlpReceiver::start().unwrap();
        let mut stream = TcpStream::connect(receiver.address).unwrap();
        stream.write_all(request).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.lines().next().unwrap_or_default();
        assert_eq!(status, expected);
        assert!(receiver.spans().is_empty());
    }

    #[test]
    fn only_traces_are_taken() {
        let length = "Content-Length: 2\r\n\r\n";
        let protobuf = "content-type: application/x-protobuf\r\n";
        check(
            format!("POST /v1/logs HTTP/1.1\r\n{protobuf}{length}\0\0").as_bytes(),
            "HTTP/1.1 404 Not Found",
        );
        check(
            format!("POST /v1/traces HTTP/1.1\r\nContent-Type: application/json\r\n{length}{{}}")
                .as_bytes(),
            "HTTP/1.1 415 Unsupported Media Type",
        );
        check(
            format!("POST /v1/traces HTTP/1.1\r\n{protobuf}{length}\0\0").as_bytes(),
            "HTTP/1.1 400 Bad Request",
        );
        check(b"POST /v1/traces HTTP/1.1\r\n\r\n", "");
        check(b"", "");
    }
}
