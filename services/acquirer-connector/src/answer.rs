//! Writes answers: data elements, in order, into the buffer of one write.

use crate::calendar::{LocalTime, UtcOffset, settlement_date};
use crate::park::Parked;
use crate::references::{approval_code, retrieval_reference};
use crate::response_code::ResponseCode;
use card::{Day, Reply, Timestamp};
use iso8583::{Balance, BalanceKind, Dialect, EncodeError, Encoder, Message};
use money::{Amount, Currency};
use registry::ParticipantId;

/// Account type that terminals show in a balance.
const BALANCE_ACCOUNT_TYPE: u8 = 10;
/// Data element 63 of an approval: the issuer's brand.
const BRAND: &[u8] = b"CUP";
const CURRENCY: &[u8] = b"156";

/// What answers on one link have in common.
#[derive(Debug)]
pub(crate) struct Answering {
    pub(crate) dialect: &'static Dialect,
    pub(crate) acquirer: ParticipantId,
    pub(crate) issuer: ParticipantId,
    pub(crate) offset: UtcOffset,
    pub(crate) partition_count: u16,
}

/// What is new in an answer; the rest repeats the request.
struct Verdict {
    code: ResponseCode,
    at: LocalTime,
    /// Data element 37.
    reference: [u8; 12],
    approval: Option<Approval>,
    /// Data element 54.
    available: Option<Amount>,
}

struct Approval {
    /// Data elements 15 and 38; none for an inquiry, which books nothing.
    booked: Option<([u8; 4], [u8; 6])>,
}

impl Answering {
    /// Answers with a card's reply.
    ///
    /// # Errors
    /// [`EncodeError`] when the answer does not fit the dialect: a fault of ours. Nothing is
    /// written then.
    pub(crate) fn reply(
        &self,
        parked: &Parked,
        reply: &Reply,
        buffer: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let booked = |day: Day| {
            let version = reply.version?;
            Some((settlement_date(day), approval_code(version)))
        };
        let verdict = Verdict {
            code: ResponseCode::of(reply.outcome),
            at: LocalTime::at(reply.decided_at, self.offset),
            reference: retrieval_reference(reply.position, self.partition_count),
            approval: reply.outcome.is_approved().then(|| Approval {
                booked: booked(reply.day),
            }),
            available: reply.available,
        };
        self.encode(parked, &verdict, buffer)
    }

    /// Answers a request that was certainly not appended.
    ///
    /// # Errors
    /// As [`Self::reply`].
    pub(crate) fn refusal(
        &self,
        parked: &Parked,
        code: ResponseCode,
        now: Timestamp,
        buffer: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let at = LocalTime::at(now, self.offset);
        let reference = edge_reference(&at, parked.trace);
        let verdict = Verdict {
            code,
            at,
            reference,
            approval: None,
            available: None,
        };
        self.encode(parked, &verdict, buffer)
    }

    /// Answers a message by itself: a network management request, or one that is no command.
    ///
    /// # Errors
    /// As [`Self::reply`].
    pub(crate) fn edge(
        &self,
        message: &Message<'_>,
        code: ResponseCode,
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
            .text(39, code.as_bytes());
        for number in [41, 42, 49, 60] {
            encoder.echo(number, message);
        }
        encoder.finish()
    }

    fn encode(
        &self,
        parked: &Parked,
        verdict: &Verdict,
        buffer: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let booked = verdict
            .approval
            .as_ref()
            .and_then(|approval| approval.booked);
        let mut encoder = Encoder::new(self.dialect, buffer, &parked.prefix, parked.mti);
        if let Some(pan) = &parked.pan {
            encoder.digits(2, pan.expose());
        }
        encoder.digits(3, parked.processing_code);
        if let Some(amount) = parked.amount {
            encoder.number(4, amount.minor());
        }
        encoder.number(11, parked.trace.into());
        encoder
            .digits(12, verdict.at.time)
            .digits(13, verdict.at.date);
        if let Some((settlement_date, _)) = booked {
            encoder.digits(15, settlement_date);
        }
        encoder.digits(25, parked.condition_code);
        encoder
            .digits(32, self.acquirer.padded().trim_ascii_end())
            .text(37, verdict.reference);
        if let Some((_, approval_code)) = booked {
            encoder.text(38, approval_code);
        }
        encoder.text(39, verdict.code.as_bytes());
        encoder
            .text(41, parked.place.terminal.0)
            .text(42, parked.place.merchant.0);
        if verdict.approval.is_some() {
            encoder.text(
                44,
                [*self.issuer.padded(), *self.acquirer.padded()].as_flattened(),
            );
        }
        encoder.text(49, CURRENCY);
        if let Some(available) = verdict.available {
            encoder.text(54, balance(available));
        }
        if let Some(custom) = parked.custom.to_digits() {
            encoder.digits(60, custom);
        }
        if booked.is_some() {
            encoder.text(63, BRAND);
        }
        encoder.finish()
    }
}

/// The trace number of a message, when it has one.
pub(crate) fn trace_of(message: &Message<'_>) -> Option<u32> {
    message
        .number(11)
        .and_then(|trace| u32::try_from(trace).ok())
}

/// Data element 37 of an answer without a log position: MMDDhh and the trace. No record has it,
/// because read as a position it is far beyond any log.
fn edge_reference(at: &LocalTime, trace: u32) -> [u8; 12] {
    let [mo1, mo2, d1, d2] = at.date;
    let [h1, h2, ..] = at.time;
    let digit = |divisor: u32| b'0' + u8::try_from(trace / divisor % 10).unwrap_or(0);
    let [t1, t2, t3, t4, t5, t6] = [100_000, 10_000, 1_000, 100, 10, 1].map(digit);
    [mo1, mo2, d1, d2, h1, h2, t1, t2, t3, t4, t5, t6]
}

fn balance(available: Amount) -> [u8; iso8583::BALANCE_SIZE] {
    let balance = Balance {
        account_type: BALANCE_ACCOUNT_TYPE,
        kind: BalanceKind::Available,
        currency: Currency::CNY.number(),
        amount: i64::try_from(available.minor()).unwrap_or(i64::MAX),
    };
    // An amount has at most twelve digits, by its own type.
    balance.to_text().unwrap_or([b' '; iso8583::BALANCE_SIZE])
}
