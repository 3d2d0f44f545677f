//! Settings of one programme: a card product with its rules.

use serde::Deserialize;

use crate::value::{Digits, Label, Within};

/// A card product with its rules.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Programme {
    /// Number of the programme for life, 1 to 65535; it is kept in every card.
    pub number: Within<u16, 1, 65_535>,
    /// Its name in lists and metrics.
    pub name: Label,
    /// Which law applies and where the card works.
    pub kind: ProgrammeKind,
    /// For single-purpose cards: the company group whose merchants take them.
    pub group: Option<Within<u32, 1, 4_294_967_295>>,
    /// Leading digits of its card numbers, 1 to 12 digits each; the longest match routes.
    pub bins: Vec<Digits<1, 12>>,
    /// Digits of a card number, 13 to 19.
    pub pan_length: Within<u8, 13, 19>,
    /// Most that may be on one card, in fen. The law sets the ceiling.
    pub balance_cap_fen: Within<u64, 1, 1_000_000_000>,
    /// Months from sale to expiry, for anonymous cards only; at least 36.
    pub validity_months: Option<Within<u16, 1, 1200>>,
    /// Whether the card can be topped up after its sale.
    pub reloadable: bool,
    /// Whether merchants may place holds.
    pub preauth_allowed: bool,
    /// An uncaptured hold is released after this time, 1 to 30 days.
    pub hold_lifetime_days: Within<u8, 1, 30>,
    /// A completion may take up to this share of its hold, 100 to 115 per cent.
    pub completion_ratio_percent: Within<u8, 100, 115>,
    /// Credit of a void can be spent after this time, 1 to 2592000 seconds: until then the void itself may be reversed.
    pub reversal_window_seconds: Within<u32, 1, 2_592_000>,
    /// A purchase can be refunded for this time, 1 to 3650 days.
    pub refund_window_days: Within<u16, 1, 3650>,
    /// A repeated request is recognised for this time, 8 to 400 days (CARD-2).
    pub key_retention_days: Within<u16, 8, 400>,
}

/// Which law applies to a programme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProgrammeKind {
    /// Multi-purpose, the holder is known: no expiry.
    Registered,
    /// Multi-purpose, the holder is not known: lower cap, a validity.
    Anonymous,
    /// Works only in one company group. With a validity it is anonymous, without one registered.
    SinglePurpose,
}
