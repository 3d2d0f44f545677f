//! ISO 8583 links with acquirers: frames in, commands to the log, replies back as frames.
//!
//! A payment takes the steps that the modules are named for: [`frame`](self) cuts the stream,
//! `decode` reads the message, `translate` makes a command with its facts, `park` remembers who
//! asked, `publish` hands all commands of one read to the log, and `answer` writes the replies that
//! [`Replies`] delivers, all that are ready in one write.
//!
//! What the edge answers by itself was certainly not appended: sign-on and sign-off, messages that
//! are no command (30, 40), unknown places and cards (03, 14, 97), and 96 when a bound is reached
//! or the log refuses. After an append of unknown fate it answers nothing.
//!
//! Deliberately absent: whether a card pays. This crate asks and reports.
#![warn(missing_docs)]
#![forbid(unsafe_code)]

mod answer;
mod ask;
mod batch_book;
mod calendar;
mod connection;
mod connections;
mod connector;
mod converse;
mod decode;
mod directory;
mod frame;
mod interbank;
pub mod keys;
mod listener;
mod metric_names;
mod pos;
mod publish;
mod recent;
pub mod references;
mod refusal;
mod repeat;
mod response_code;
mod sessions;
mod settings;
mod spans;
mod speech;
mod switch_days;
mod translate;

pub use batch_book::{BatchBook, DayProgress, Later, StoreBatches};
pub use connector::{Connector, Drained, DryLink, DryRequest, Replies};
pub use directory::Directory;
pub use metric_names::{
    CONNECTIONS, CONNECTIONS_CUT_TOTAL, CONNECTIONS_REFUSED_TOTAL, EDGE_ANSWERS_TOTAL,
    EXCHANGES_EXPIRED_TOTAL, EXCHANGES_IN_FLIGHT, FRAMES_REFUSED_TOTAL, REPLIES_LATE_TOTAL,
};
pub use response_code::ResponseCode;
pub use settings::{
    BatchSettlement, CONNECTIONS_MAX, Clock, ConnectorSettings, CutOver, DayReconciliation,
    ListenerSettings, StartError,
};
pub use switch_days::{DayNotOpened, SwitchDays};
