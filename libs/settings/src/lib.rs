//! Settings of the switch: a TOML file in, values that cannot be wrong out.
//!
//! [`load`] reads any settings struct and explains each mistake: the file, the line, the key, what was found
//! and what to write instead. [`Settings`] is the file of `floatswitch serve --config FILE`; it has no
//! default for anything that moves money or sets a limit, so every such number is written down where the
//! operator can see it. [`example`] is that file with comments.
//!
//! Knows nothing of sockets, cards or the log; it opens one file and reads no environment variable.
#![warn(missing_docs)]

mod acquirer;
mod cluster;
mod law;
mod load;
mod merchant;
mod near;
mod place;
mod process;
mod programme;
mod schema;
mod validate;
mod value;

pub use acquirer::{Acquirer, EdgeCheck, Terminals};
pub use cluster::{Cluster, Consistency, GroupProtocol, Tracing};
pub use load::{Problem, SettingsError, load, parse};
pub use merchant::Merchant;
pub use process::{CardProcessor, CommandLog, LogFormat, LogLevel, Operations, SettlementDay};
pub use programme::{Channel, Programme, ProgrammeKind};
pub use schema::{Settings, cluster_example, example};
pub use validate::Finding;
pub use value::{
    Ans, ClockTime, CutAt, DialectName, Digits, Identifier, Label, ListenAddress, TopicPrefix,
    Within,
};
