//! The back office of a running switch, over HTTP: loss reports, replacement, settlement days, and the
//! float at each past cut-over.
//!
//! - [`Server`] takes requests, each with the token of its owner; `routes.rs` says which there are.
//! - `cards.rs` appends commands to the same log as the acquirers' connectors, and waits for the
//!   card's decision like them.
//! - [`DayDesk`] is the port to whatever keeps the days; [`DayStatus`] says where they are and which
//!   day a wish leads to; [`steps`] takes them on.
//! - [`float_at`] tells the float at a past cut from the totals that each partition set aside
//!   (LEDGER-2), without looking at any card.
//! - [`Client`] asks the endpoint, for the command line.
//!
//! Deliberately absent: deciding, which log and which store, ISO 8583, TLS.

#![warn(missing_docs)]
#![forbid(unsafe_code)]

mod body;
mod cards;
mod client;
mod commands;
mod day;
mod desk;
mod exchanges;
mod float;
pub mod metric_names;
mod rate;
mod refusal;
mod routes;
mod server;
pub mod steps;
mod token;

pub use cards::{CardTold, DecidedTold, MediumTold};
pub use client::{Client, ClientAnswer, ClientError};
pub use day::{DayRefusal, DayStatus, DayStatusTold, LaggingTold, PartitionDays, date, parse_date};
pub use desk::{CutBooks, DayDesk, DeskError};
pub use exchanges::Replies;
pub use float::{AccountTold, FloatAt, FloatError, FloatTold, ProgrammeTold, first_cuts, float_at};
pub use refusal::RefusalTold;
pub use server::{IDEMPOTENCY_KEY, Parts, Server, StartError};
pub use steps::DayError;
pub use token::{Token, TokenError};
