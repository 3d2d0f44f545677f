//! The connector over real TCP, with a log in memory and the test in the processor's place.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod answers;
mod batches;
mod bounds;
mod cut_over;
mod drain;
mod edges;
mod garbage;
mod institution;
mod interbank;
mod metering;
mod payments;
mod peer;
mod reconciliation;
mod refusals;
mod requests;
mod secrets;
mod sessions;
mod switch;
