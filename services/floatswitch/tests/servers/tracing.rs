//! One trace of a payment, from the TCP frame to its answer, as a collector of traces gets it: through
//! log, actor, store and reply, with a time for each hop. On a folder, and on real servers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use telemetry::otlp_receiver::{OtlpReceiver, ReceivedSpan};

use crate::support::{Serving, cluster, program, run, settings};

const PATIENCE: Duration = Duration::from_secs(30);
/// Hops of every mode; a cluster also tells how long the brokers took to acknowledge.
const HOPS: [&str; 5] = ["request", "log.wait", "decide", "store.write", "reply"];

/// Every request is traced.
fn tracing(receiver: &OtlpReceiver) -> String {
    let endpoint = receiver.endpoint();
    format!("\n[tracing]\notlp_endpoint = \"{endpoint}\"\nsample_one_in = 1\n")
}

fn pay_once(config: &Path, address: &str) {
    let paid = program()
        .args(["sim", "pos", "--connect", address, "--cards", "1"])
        .args(["--connections", "1", "--in-flight", "1", "--count", "1"])
        .args(["--mix", "purchase=1", "--quiet"])
        .output()
        .unwrap();
    assert!(paid.status.success(), "{}: {paid:?}", config.display());
}

/// The trace whose root is a request, by the names of its spans.
fn trace(receiver: &OtlpReceiver, hops: &[&str]) -> BTreeMap<String, ReceivedSpan> {
    let wanted: BTreeSet<&str> = hops.iter().copied().collect();
    for count in 1.. {
        let spans = receiver.wait_for_spans(count, PATIENCE);
        assert!(spans.len() >= count, "only {spans:#?}");
        let requests = spans.iter().filter(|span| span.name == "request");
        for request in requests {
            let of_it = spans
                .iter()
                .filter(|span| span.trace_id == request.trace_id)
                .map(|span| (span.name.clone(), span.clone()));
            let trace: BTreeMap<_, _> = of_it.collect();
            if trace.keys().map(String::as_str).collect::<BTreeSet<_>>() == wanted {
                return trace;
            }
        }
    }
    unreachable!("counting goes on")
}

/// Each hop is inside the request, caused by it or by one of its hops, and says nothing of the card.
fn check(trace: &BTreeMap<String, ReceivedSpan>) {
    let request = &trace["request"];
    assert_eq!(request.parent_span_id, None);
    assert_eq!(request.attributes["switch.response_code"], "00");
    let ids: BTreeSet<_> = trace.values().map(|span| span.span_id).collect();
    assert_eq!(ids.len(), trace.len(), "each hop has an id of its own");
    for span in trace.values() {
        assert!(
            span.parent_span_id
                .is_none_or(|parent| ids.contains(&parent))
        );
        assert!(span.end_ns <= request.end_ns, "{} ends after it", span.name);
        let texts = span.attributes.values();
        assert!(
            texts.into_iter().all(|text| text.len() < 13),
            "no card number: {span:?}"
        );
    }
    let place = |span: &ReceivedSpan| span.attributes["switch.offset"].clone();
    assert_eq!(place(&trace["decide"]), place(request), "the same record");
    let order = ["decide", "store.write", "reply"].map(|name| trace[name].start_ns / 1_000);
    assert!(order.is_sorted(), "{order:?}");
}

#[test]
fn a_payment_on_a_folder_is_one_trace() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), OtlpReceiver::start().unwrap());
    let config = settings(folder.path(), "switch", &tracing(&receiver));
    let issue = ["card", "issue", "--programme", "1", "--balance", "10"];
    run(&config, &issue);
    let serving = Serving::start(&config, &[]);
    pay_once(&config, serving.address());
    serving.stop();
    check(&trace(&receiver, &HOPS));
}

#[test]
fn a_payment_through_two_processes_and_real_servers_is_one_trace() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), OtlpReceiver::start().unwrap());
    let added = cluster() + &tracing(&receiver);
    let config = settings(folder.path(), "switch", &added);
    run(&config, &["cluster", "init"]);
    let processor = Serving::start(&config, &["--roles", "processor", "--name", "p1"]);
    let acquirer = Serving::start(&config, &["--roles", "acquirer", "--name", "a1"]);
    let issue = ["card", "issue", "--programme", "1", "--balance", "10"];
    run(&config, &issue);
    pay_once(&config, acquirer.address());
    acquirer.stop();
    processor.stop();
    let mut hops = HOPS.to_vec();
    hops.push("log.append");
    let trace = trace(&receiver, &hops);
    check(&trace);
    let by = |name: &str| trace[name].service_instance.as_str();
    assert_eq!(
        ["request", "log.append", "reply"].map(by),
        ["a1"; 3],
        "the edge tells of these"
    );
    assert_eq!(["log.wait", "decide", "store.write"].map(by), ["p1"; 3]);
    for (name, span) in &trace {
        println!("{name:<12} {:>8} us", span.duration().as_micros());
    }
}
