//! Answers to terminals: data elements, in order, into the buffer of one write.

use crate::answer::{Answering, CURRENCY, Extra, Verdict, edge_reference};
use crate::calendar::LocalTime;
use crate::repeat::trace_of;
use crate::response_code::ResponseCode;
use card::{Place, Timestamp};
use iso8583::{
    BALANCE_SIZE, Balance, BalanceKind, EncodeError, Encoder, Message, Mti, PosF60, Prefix,
};
use money::{Amount, Currency};
use pan::Pan;

/// Account type that terminals show in a balance.
const BALANCE_ACCOUNT_TYPE: u8 = 10;
/// Data element 63 of an approval: the issuer's brand.
const BRAND: &[u8] = b"CUP";

/// What an answer repeats of a terminal's request.
#[derive(Debug)]
pub(crate) struct Slip {
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
    /// Data element 60.
    pub(crate) custom: PosF60,
}

impl Answering {
    /// Answers a request of a terminal.
    pub(crate) fn to_terminal(
        &self,
        slip: &Slip,
        place: &Place,
        verdict: &Verdict,
        buffer: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let booked = verdict.booked;
        let mut encoder = Encoder::new(self.dialect, buffer, &slip.prefix, slip.mti);
        if let Some(pan) = &slip.pan {
            encoder.digits(2, pan.expose());
        }
        encoder.digits(3, slip.processing_code);
        if let Some(amount) = slip.amount {
            encoder.number(4, amount.minor());
        }
        encoder.number(11, slip.trace.into());
        encoder
            .digits(12, verdict.at.time)
            .digits(13, verdict.at.date);
        if let Some(booked) = booked {
            encoder.digits(15, booked.settlement_date());
        }
        encoder.digits(25, slip.condition_code);
        encoder
            .digits(32, self.acquirer.padded().trim_ascii_end())
            .text(37, verdict.reference);
        if let Some(booked) = booked {
            encoder.text(38, booked.approval_code);
        }
        encoder.text(39, verdict.code.for_terminals().as_bytes());
        encoder
            .text(41, place.terminal.0)
            .text(42, place.merchant.0);
        if verdict.code.is_approval() {
            encoder.text(
                44,
                [*self.issuer.padded(), *self.acquirer.padded()].as_flattened(),
            );
        }
        encoder.text(49, CURRENCY);
        if let Some(available) = verdict.available {
            encoder.text(54, balance(available));
        }
        if let Some(custom) = slip.custom.to_digits() {
            encoder.digits(60, custom);
        }
        if booked.is_some() {
            encoder.text(63, BRAND);
        }
        encoder.finish()
    }

    /// Answers a terminal's message by itself, with what there is to say beside the code.
    pub(crate) fn edge_to_terminal(
        &self,
        message: &Message<'_>,
        (code, extra): (ResponseCode, Extra<'_>),
        now: Timestamp,
        buffer: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let at = LocalTime::at(now, self.offset);
        let reference = edge_reference(&at, trace_of(message).unwrap_or(0));
        let mut encoder = Encoder::answer(message, buffer)?;
        for number in [2, 3, 4, 11] {
            encoder.echo(number, message);
        }
        encoder
            .digits(12, at.time)
            .digits(13, at.date)
            .echo(25, message);
        encoder
            .digits(32, self.acquirer.padded().trim_ascii_end())
            .text(37, reference)
            .text(39, code.for_terminals().as_bytes());
        encoder.echo(41, message).echo(42, message);
        if let Some(totals) = extra.totals {
            encoder.digits(48, totals);
        }
        encoder.echo(49, message).echo(60, message);
        if let Some(parameters) = extra.parameters {
            encoder.bytes(62, parameters);
        }
        encoder.finish()
    }
}

/// One balance of data element 54.
pub(crate) fn balance(available: Amount) -> [u8; BALANCE_SIZE] {
    let balance = Balance {
        account_type: BALANCE_ACCOUNT_TYPE,
        kind: BalanceKind::Available,
        currency: Currency::CNY.number(),
        amount: i64::try_from(available.minor()).unwrap_or(i64::MAX),
    };
    // An amount has at most twelve digits, by its own type.
    balance.to_text().unwrap_or([b' '; BALANCE_SIZE])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_number_is_masked_in_debug_form() {
        let slip = Slip {
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
            custom: PosF60::parse(b"22000001000").unwrap(),
        };
        let shown = format!("{slip:?}");
        assert!(
            shown.contains("1238") && !shown.contains("0100001238"),
            "{shown}"
        );
    }
}
