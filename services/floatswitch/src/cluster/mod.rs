//! The switch on many machines: commands in Kafka, cards in ScyllaDB, processors that come and go.
//!
//! Built with the feature `cluster` only, so that the embedded switch needs no C library.

use crate::books::Work;
use crate::exit::Failure;
use settings::{Cluster, Settings};

/// Works on the books of a cluster.
pub(crate) async fn work_on_books<W: Work>(
    _settings: &Settings,
    _cluster: &Cluster,
    _work: W,
) -> Result<W::Done, Failure> {
    Err(not_built())
}

fn not_built() -> Failure {
    Failure::usage(
        "the settings have a [cluster] table, and this program was built without the cluster: build \
         it with `--features cluster`, or take the table away",
    )
}
