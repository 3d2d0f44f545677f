//! The switch on many machines: commands in Kafka, cards in ScyllaDB, processors that come and go.
//!
//! [`init`] makes the cluster and `place.rs` opens it; `serve.rs` runs one process of it;
//! `assignments.rs` follows the consumer group and `assignment.rs` holds one partition, from claim to
//! handover. `books.rs` is what back-office commands work on.
//!
//! Built with the feature `cluster` only, so that the embedded switch needs no C library; without it
//! every command that needs a cluster says so.

#[cfg(not(feature = "cluster"))]
mod absent;
mod args;
#[cfg(feature = "cluster")]
mod assignment;
#[cfg(feature = "cluster")]
mod assignments;
#[cfg(feature = "cluster")]
mod books;
#[cfg(feature = "cluster")]
mod bundles;
#[cfg(feature = "cluster")]
mod days;
#[cfg(feature = "cluster")]
mod drain;
#[cfg(feature = "cluster")]
mod gates;
#[cfg(feature = "cluster")]
mod init;
#[cfg(feature = "cluster")]
mod member;
#[cfg(feature = "cluster")]
mod metric_names;
#[cfg(feature = "cluster")]
mod office;
#[cfg(feature = "cluster")]
mod parts;
#[cfg(feature = "cluster")]
mod place;
#[cfg(feature = "cluster")]
mod present;
#[cfg(feature = "cluster")]
mod serve;
#[cfg(feature = "cluster")]
mod skip;
#[cfg(feature = "cluster")]
mod status;
#[cfg(feature = "cluster")]
mod target;

pub(crate) use args::ClusterCommand;

#[cfg(not(feature = "cluster"))]
pub(crate) use absent::{import, prepare, remove, run, serve, work_on_books, work_on_days};
#[cfg(feature = "cluster")]
use present::cluster_of;
#[cfg(feature = "cluster")]
pub(crate) use present::{import, prepare, remove, run, serve, work_on_books, work_on_days};
