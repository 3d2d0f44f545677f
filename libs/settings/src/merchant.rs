//! Settings of one merchant and the fee it pays.

use serde::Deserialize;

use crate::value::{Ans, Digits, Label, Within};

/// A shop that takes our cards.
///
/// Its fee for a purchase is `amount * fee_rate_ppm / 1000000`, rounded half up to the fen, plus
/// `fee_fixed_fen`, then kept between `fee_min_fen` and `fee_max_fen`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Merchant {
    /// Merchant id (DE42), 15 characters.
    pub id: Ans<15>,
    /// Its name in lists.
    pub name: Label,
    /// Merchant category code (DE18), 4 digits, from its contract.
    pub mcc: Digits<4, 4>,
    /// Number of the company group it belongs to. Single-purpose cards of that group work here.
    pub group: Option<Within<u32, 1, 4_294_967_295>>,
    /// Whether prepaid cards may pay it over the internet: a web shop of the programme's own physical
    /// merchants, or public utilities; by law no others.
    pub online_allowed: bool,
    /// Parts per million of the amount, 0 to 1000000; 3800 is 0.38 %.
    pub fee_rate_ppm: Within<u32, 0, 1_000_000>,
    /// Added to each fee, in fen.
    pub fee_fixed_fen: Within<u64, 0, 100_000_000>,
    /// Least fee of one purchase, in fen.
    pub fee_min_fen: Within<u64, 0, 100_000_000>,
    /// Greatest fee of one purchase, in fen.
    pub fee_max_fen: Within<u64, 0, 100_000_000>,
}
