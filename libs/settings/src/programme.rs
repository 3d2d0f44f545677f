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
    /// Most of one purchase or hold, in fen; 0 = no limit.
    pub transaction_max_fen: Within<u64, 0, 1_000_000_000>,
    /// Most of all purchases and holds of a local day, in fen; 0 = no limit.
    pub day_max_fen: Within<u64, 0, 1_000_000_000>,
    /// Most purchases and holds in a local day; 0 = no limit.
    pub day_count_max: Within<u32, 0, 1_000_000>,
    /// Most of all purchases and holds of a local month, in fen; 0 = no limit.
    pub month_max_fen: Within<u64, 0, 1_000_000_000>,
    /// Most purchases and holds in a local month; 0 = no limit.
    pub month_count_max: Within<u32, 0, 1_000_000>,
    /// Most cash that machines and agents may load on a card in a local day, in fen; 0 = none.
    pub agent_top_up_day_max_fen: Within<u64, 0, 1_000_000_000>,
    /// Merchant categories (DE18) where alone the card is good; empty = all.
    pub accepted_mccs: Vec<Digits<4, 4>>,
    /// Merchant categories (DE18) where the card is not good. The law names those that give cash.
    pub blocked_mccs: Vec<Digits<4, 4>>,
    /// Channels where the card is not good.
    pub blocked_channels: Vec<Channel>,
    /// Whether it is a ticket for local transport and nothing else: then the caps and validities of
    /// the law do not hold, and `accepted_mccs` may name transport only.
    pub transit_only: bool,
    /// Most of a tip in percent of its sale, 0 to 100.
    pub tip_ratio_percent: Within<u8, 0, 100>,
    /// Days after which a loss report by telephone ends by itself, 1 to 30; registered cards only.
    pub temporary_loss_days: Option<Within<u8, 1, 30>>,
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

/// How a payment or top-up is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// At a counter with staff.
    Attended,
    /// At a machine.
    SelfService,
    /// Over the internet.
    Online,
    /// By letter or telephone.
    MailOrPhone,
    /// At somebody who acts for the issuer.
    Agent,
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
