//! What is common to every link with an institution: open exchanges and sessions.
//!
//! Pure: time is an argument, nothing waits. [`Exchanges`] remembers who asked until the answer
//! comes or its deadline passes; [`Session`] says whether a terminal has signed on. Deliberately
//! absent: sockets, dialects, cards, what an answer means.

#![warn(missing_docs)]
#![forbid(unsafe_code)]

mod exchanges;
mod session;

pub use exchanges::{EXCHANGES_IN_FLIGHT_MAX, ExchangeId, Exchanges, Full};
pub use session::{NetworkRequest, Session, SignOn};
