//! What is remembered of a request until its answer is written.
//!
//! Only what the answer repeats; no track, PIN block or chip data. The card number wipes itself.

use crate::interbank::write::Copies;
use crate::pos::write::Slip;
use crate::spans::Sampled;
use card::Place;
use iso8583::Message;

/// A request that waits for its reply.
#[derive(Debug)]
pub(crate) struct Parked {
    /// Where it was asked.
    pub(crate) place: Place,
    /// What the answer repeats, in the dialect's own way.
    pub(crate) repeat: Repeat,
    /// The request's trace, when it is sampled.
    pub(crate) sampled: Option<Box<Sampled>>,
}

/// What an answer repeats of its request.
#[derive(Debug)]
pub(crate) enum Repeat {
    /// To a terminal.
    Pos(Slip),
    /// To an institution.
    Interbank(Copies),
}

/// The trace number of a message (data element 11), when it has one.
pub(crate) fn trace_of(message: &Message<'_>) -> Option<u32> {
    message
        .number(11)
        .and_then(|trace| u32::try_from(trace).ok())
}
