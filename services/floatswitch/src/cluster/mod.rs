//! The switch on many machines: commands in Kafka, cards in ScyllaDB, processors that come and go.
//!
//! Built with the feature `cluster` only, so that the embedded switch needs no C library; without it
//! every command that needs a cluster says so.

#[cfg(not(feature = "cluster"))]
mod absent;
mod args;

pub(crate) use args::ClusterCommand;

#[cfg(not(feature = "cluster"))]
pub(crate) use absent::{prepare, remove, run, serve, work_on_books};
