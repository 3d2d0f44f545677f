//! Results for tests, with round numbers.

use crate::measured::{Comparison, Embedded, Part};

const MACHINE: &str = r#"{"commit": "0123abc", "at": "2026-11-24 10:36", "processors": 2, "model": "a model",
    "memory_gib": 24, "kernel": "6.1", "file_system": "ext4", "load_average": "0.10 0.20 0.30"}"#;

fn part_text(switch: u64, model: u64) -> String {
    format!(
        r#"{{"y1": {{"per_second": 10000, "latency_us": {{"p50": 90, "p99": 150, "max": 9000}}}},
        "y2": {{"per_second": {model}, "latency_us": {{"p50": 400, "p99": 900, "max": 9000}}}},
        "load": {{"requests": 1000, "answered": 1000, "approved": 990, "unsent": 0, "per_second": {switch},
            "latency_us": {{"p50": 200, "p99": 5000, "max": 20000}}}},
        "connections": 16, "in_flight": 16, "records_per_sync": 27,
        "cpu": {{"server": 110, "load": 60, "other": 3, "stolen": 1}}}}"#
    )
}

pub(crate) fn part(switch: u64, model: u64) -> Part {
    serde_json::from_str(&part_text(switch, model)).expect("a part")
}

pub(crate) fn embedded() -> Embedded {
    let part = part_text(100_000, 500_000);
    let cold = format!(
        r#"{{"part": {part}, "cards": 10000000, "issue_ms": 400000, "idle_kib": 200000, "ready_ms": 900,
        "was_dropped": true, "loads": 9900, "disk_mib": 7000}}"#
    );
    let text = format!(
        r#"{{"machine": {MACHINE}, "seconds": 10, "cards": 100000, "parts": {{
        "E1": {part}, "E2": {part}, "E3": {part}, "E4": {part}, "E5": {part}, "hot": {part}, "E8": {part},
        "E7": {{"idle_kib": 100000, "live_kib": 1100000, "live": 100000, "paid_kib": 1400000, "paid": 100000}},
        "E9": {cold}, "E9-zipf": {part},
        "recovery": {{"y1": {{"per_second": 1, "latency_us": {{"p50": 90, "p99": 150, "max": 9000}}}},
            "commands": 1000000, "ms": 3000, "ready_ms": 3400}}}}}}"#
    );
    serde_json::from_str(&text).expect("what `run` writes")
}

pub(crate) fn comparison() -> Comparison {
    let one = r#"{"per_second": 1000, "latency_us": {"p50": 90, "p99": 150, "max": 9000}}"#;
    let load = r#"{"requests": 1000, "answered": 1000, "approved": 990, "unsent": 0, "per_second": 4000,
        "latency_us": {"p50": 200, "p99": 5000, "max": 20000}}"#;
    let cpu = r#"{"server": 110, "load": 60, "other": 3, "stolen": 1}"#;
    let rivals = ["switch", "postgres", "postgres-gathered"]
        .map(|name| format!(r#"{{"name": "{name}", "load": {load}, "cpu": {cpu}}}"#))
        .join(", ");
    let text = format!(
        r#"{{"machine": {MACHINE}, "seconds": 10, "cards": 100000, "postgres_version": "15.9",
        "pools": ["a transaction for each payment: 32 sessions"], "settings": ["shared_buffers = 2GB"],
        "rounds": [{{"connections": 16, "in_flight": 1, "y1": {one}, "y2": {one}, "rivals": [{rivals}]}}]}}"#
    );
    serde_json::from_str(&text).expect("what `postgres-run` writes")
}
