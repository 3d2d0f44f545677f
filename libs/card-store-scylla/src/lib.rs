//! The card store of the cluster: ScyllaDB, or Apache Cassandra, over CQL.
//!
//! - [`Schema`] applies `deploy/cql/schema.cql`; [`CqlSession`] is the connection that all share.
//! - [`Ownership`] gives a partition to one owner at a time, each with a higher [`Epoch`].
//! - [`AssignedStore`] is the store of one assignment of one partition; [`ScyllaReader`] reads
//!   without owning anything.
//! - [`CqlBundles`], [`Members`], [`Skips`] and [`IdentityTable`] keep the rest of what the
//!   cluster shares.
//!
//! How a slow or dead owner is made harmless: each write of a card carries the stamp
//! term | epoch | version as its timestamp, so a late write of an earlier owner, or of an earlier
//! version, loses. The store itself never fences and never reads before it writes (STORE-4). An
//! owner re-writes what it loads from an earlier epoch under its own, and does the same to the
//! partition's checkpoint before it loads anything.
//!
//! Deliberately absent: deciding, the log, who should own a partition, and any knowledge of what a
//! body or row says.

#![warn(missing_docs)]
#![forbid(unsafe_code)]

mod assigned;
mod bundles;
mod cards;
mod checkpoints;
mod columns;
mod cuts;
mod database;
mod ended;
mod fault;
mod identity;
mod imports;
mod items;
mod lwt;
mod members;
mod metric_names;
mod mutation;
mod once;
mod ownership;
mod patience;
mod reader;
mod schema;
mod session;
mod settings;
mod skips;
mod stamp;
mod state;

pub use assigned::{AssignError, AssignedStore, Frozen};
pub use bundles::{CqlBundleError, CqlBundles};
pub use cards::Found;
pub use checkpoints::OwnedCheckpoint;
pub use columns::{all_rows, first_row};
pub use database::Database;
pub use ended::Ended;
pub use fault::Fault;
pub use identity::{IdentityError, IdentityTable, SwitchIdentity};
pub use imports::{ImportMark, ImportTable};
pub use lwt::LwtOutcome;
pub use members::{Member, Members};
pub use mutation::{Mutation, RowKind};
pub use once::{Once, insert_once};
pub use ownership::{Claim, OwnerRow, OwnerStatus, Ownership, OwnershipError};
pub use reader::ScyllaReader;
pub use schema::{SCHEMA_VERSION, Schema, SchemaError};
pub use session::{ConnectError, CqlSession};
pub use settings::{CqlSettings, Keyspace, Login, Reach, Replication, SettingsError};
pub use skips::{Skip, SkipError, Skips};
pub use stamp::{Assignment, Epoch, Stamp, StampError, Term};
