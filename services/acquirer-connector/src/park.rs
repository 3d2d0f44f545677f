//! What is remembered of a request until its answer is written.
//!
//! Only what the answer repeats; no track, PIN block or chip data. The card number wipes itself.

use crate::spans::Sampled;
use card::Place;
use iso8583::{Mti, PosF60, Prefix};
use money::Amount;
use pan::Pan;

/// A request that waits for its reply.
#[derive(Debug)]
pub(crate) struct Parked {
    /// Of the answer: TPDU turned round.
    pub(crate) prefix: Prefix,
    /// Of the answer.
    pub(crate) mti: Mti,
    /// Data element 2, when it came.
    pub(crate) pan: Option<Pan>,
    /// Data element 3.
    pub(crate) processing_code: [u8; 6],
    /// Data element 4, when it came.
    pub(crate) amount: Option<Amount>,
    /// Data element 11.
    pub(crate) trace: u32,
    /// Data element 25.
    pub(crate) condition_code: [u8; 2],
    /// Data elements 41 and 42.
    pub(crate) place: Place,
    /// Data element 60.
    pub(crate) custom: PosF60,
    /// The request's trace, when it is sampled.
    pub(crate) sampled: Option<Box<Sampled>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_number_is_masked_in_debug_form() {
        let parked = Parked {
            prefix: Prefix::Pos {
                tpdu: [0; 5],
                header: [0; 6],
            },
            mti: Mti::FINANCIAL_RESPONSE,
            pan: Some(Pan::parse(b"6299990100001238").unwrap()),
            processing_code: *b"000000",
            amount: None,
            trace: 1,
            condition_code: *b"00",
            place: Place {
                merchant: card::MerchantId(*b"898999954110001"),
                terminal: card::TerminalId(*b"70000001"),
                batch: 0,
                trace: 0,
            },
            custom: PosF60::parse(b"22000001000").unwrap(),
            sampled: None,
        };
        let shown = format!("{parked:?}");
        assert!(
            shown.contains("1238") && !shown.contains("0100001238"),
            "{shown}"
        );
    }
}
