//! The rules of one prepaid card: commands in, decisions out.
//!
//! Knows nothing of ISO 8583, Kafka, Scylla, actors or the clock. Start at [`decide`]; the life of
//! a purchase is in `docs/flows/purchase.md`.

#![warn(missing_docs)]

mod command;
mod ids;
mod outcome;

pub use command::{
    CheckFact, Command, CompletionForm, CreditSource, Facts, FeeTerms, OriginalRef, Place, ReplyTo,
    Request,
};
pub use ids::{
    CardId, CardIdError, Day, Fingerprint, LegKey, MerchantId, PartitionId, Position, ProgrammeId,
    TerminalId, Timestamp, Version,
};
pub use outcome::{DeclineReason, Outcome, Reply};
