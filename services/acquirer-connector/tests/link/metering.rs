//! Counts what the connector reports.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use parking_lot::Mutex;

/// Counters by name, and by label value where there is one: `name` or `name/value`.
#[derive(Debug, Default, Clone)]
pub(crate) struct Meter {
    counters: Arc<Mutex<BTreeMap<String, Arc<AtomicU64>>>>,
    gauges: Arc<Mutex<BTreeMap<String, Arc<AtomicU64>>>>,
}

impl Meter {
    pub(crate) fn count(&self, name: &str) -> u64 {
        let counters = self.counters.lock();
        counters
            .get(name)
            .expect("a counter of this name")
            .load(Ordering::SeqCst)
    }

    /// A gauge, which here only ever holds whole numbers.
    pub(crate) fn level(&self, name: &str) -> i64 {
        let gauges = self.gauges.lock();
        let bits = gauges
            .get(name)
            .expect("a gauge of this name")
            .load(Ordering::SeqCst);
        whole(bits)
    }
}

#[expect(clippy::disallowed_types, reason = "gauges are floating point")]
fn whole(bits: u64) -> i64 {
    f64::from_bits(bits) as i64
}

fn name_of(key: &Key) -> String {
    let values = key.labels().map(metrics::Label::value);
    std::iter::once(key.name())
        .chain(values)
        .collect::<Vec<_>>()
        .join("/")
}

impl Recorder for Meter {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(Arc::clone(
            self.counters.lock().entry(name_of(key)).or_default(),
        ))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(Arc::clone(
            self.gauges.lock().entry(name_of(key)).or_default(),
        ))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}
