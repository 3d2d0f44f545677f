//! The rules of one prepaid card: commands in, decisions out.
//!
//! Knows nothing of ISO 8583, Kafka, Scylla, actors or the clock. Start at [`decide`]; the life of
//! a purchase is in `docs/flows/purchase.md`.

#![warn(
    missing_docs,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation
)]

mod again;
mod body;
pub mod calendar;
mod card;
mod codec;
mod command;
mod counters;
mod decide;
mod decision;
mod entry;
mod ids;
mod outcome;
mod programme;
mod row;
mod rules;

pub use card::{
    BODY_SIZE_MAX, Card, HOLDS_MAX, Hold, Loss, MediumStatus, UNCLEARED_MAX, Uncleared,
};
pub use codec::CodecError;
pub use command::{
    Adjusted, Channel, CheckFact, Command, CompletionForm, Counterparty, CreditSource, EntryMode,
    Facts, FeeTerms, LossForm, OriginalRef, Place, ReplaceReason, ReplyTo, Request,
};
pub use decide::{Context, Need, Recalled, amount_of, apply, decide, kind_of, needs, programme_of};
pub use decision::{Decision, Written};
pub use entry::{Entry, Kind, RING_ENTRIES_MAX, Step};
pub use ids::{
    AcquirerId, CardId, CardIdError, Day, Fingerprint, LegKey, MerchantId, PartitionId, Position,
    ProgrammeId, TerminalId, Timestamp, Version,
};
pub use outcome::{DeclineReason, Outcome, Reply};
pub use programme::{
    Acceptance, CATEGORIES_MAX, CardKind, Channels, Limits, Offered, Programme, Rules,
};
pub use row::{Case, Row};
