//! Answers to institutions: the request's own data elements, and what is new.

use zeroize::Zeroizing;

use crate::answer::{AnswerError, Answering, Verdict};
use crate::interbank::action_code::action_code;
use crate::interbank::reconcile::{Agreement, Reconciled};
use crate::pos::write::balance;
use crate::refusal::Refusal;
use crate::response_code::ResponseCode;
use crate::speech::Tongue;
use iso8583::frame::{self, NextFrame};
use iso8583::{EncodeError, Encoder, Message, MtiClass};

/// Data elements of an answer, ascending; those that are new in it among those that repeat the
/// request's. What a dialect does not have is left out.
const FINANCIAL: &[u8] = &[
    2, 3, 4, 7, 11, 12, 13, 15, 18, 25, 28, 32, 33, 37, 38, 39, 41, 42, 49, 54, 60, 100, 102, 103,
    121, 122, 123,
];
/// Those of them that a 1993 answer has: 25 is a reason there, 24 stays the function.
const FINANCIAL_1993: &[u8] = &[
    2, 3, 4, 7, 11, 12, 15, 24, 32, 33, 37, 38, 39, 41, 42, 49, 54, 100, 102, 103,
];
const NETWORK: &[u8] = &[7, 11, 12, 13, 15, 24, 32, 33, 39, 70, 93, 94, 100];

/// Those of a reconciliation, whose lines are ours.
const RECONCILIATION: &[u8] = &[
    7, 11, 12, 13, 15, 32, 33, 39, 50, 66, 74, 75, 76, 77, 78, 79, 80, 81, 86, 87, 88, 89, 97, 99,
    100,
];
const RECONCILIATION_1993: &[u8] = &[
    7, 11, 12, 15, 24, 28, 29, 32, 33, 39, 50, 74, 75, 76, 77, 78, 79, 80, 81, 86, 87, 88, 89, 97,
    99, 100,
];

const SETTLEMENT_CODE: u8 = 66;
const SETTLEMENT_DATE: u8 = 15;
const RETRIEVAL_REFERENCE: u8 = 37;
const APPROVAL_CODE: u8 = 38;
const RESPONSE_CODE: u8 = 39;
const BALANCE: u8 = 54;
const POINT_OF_SERVICE: u8 = 60;
/// Where data element 60 of the interbank network tells the card's nature, and that of a prepaid
/// card.
const CARD_NATURE: std::ops::Range<usize> = 26..28;
const PREPAID: &[u8] = b"05";

/// The data elements of a request that its answer repeats, as a frame of their own. Holds a card
/// number, so it wipes itself and shows nothing.
pub(crate) struct Copies {
    tongue: Tongue,
    frame: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Copies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Copies").finish_non_exhaustive()
    }
}

impl Answering {
    /// Takes what an answer repeats out of a request. Never a track, PIN block or chip data.
    pub(crate) fn copies(&self, message: &Message<'_>, tongue: Tongue) -> Result<Copies, Refusal> {
        let mut frame = Zeroizing::new(Vec::with_capacity(256));
        let mut encoder = Encoder::new(self.dialect, &mut frame, &message.prefix(), message.mti());
        for number in elements(message, tongue) {
            encoder.echo(*number, message);
        }
        // What was decoded encodes again; only a frame over the dialect's own limit would not.
        encoder.finish().map_err(|_| Refusal::NotAppended)?;
        drop(encoder);
        Ok(Copies { tongue, frame })
    }

    /// Answers a request of an institution.
    pub(crate) fn to_institution(
        &self,
        copies: &Copies,
        verdict: &Verdict,
        buffer: &mut Vec<u8>,
    ) -> Result<(), AnswerError> {
        let next =
            frame::next_frame(self.dialect, &copies.frame).map_err(|_| AnswerError::Copies)?;
        let NextFrame::Frame { body, .. } = next else {
            return Err(AnswerError::Copies);
        };
        let body = copies.frame.get(body).unwrap_or_default();
        let message = Message::decode(self.dialect, body).map_err(|_| AnswerError::Copies)?;
        let mut encoder = Encoder::answer(&message, buffer)?;
        for number in elements(&message, copies.tongue) {
            match *number {
                SETTLEMENT_DATE => settlement_date(&mut encoder, copies.tongue, verdict, &message),
                RETRIEVAL_REFERENCE if !message.has(RETRIEVAL_REFERENCE) => {
                    encoder.text(RETRIEVAL_REFERENCE, verdict.reference);
                }
                APPROVAL_CODE => approval_code(&mut encoder, verdict, &message),
                RESPONSE_CODE => code(&mut encoder, copies.tongue, verdict.code, &message),
                BALANCE => {
                    if let Some(available) = verdict.available {
                        encoder.text(BALANCE, balance(available));
                    }
                }
                POINT_OF_SERVICE => {
                    point_of_service(&mut encoder, copies.tongue, verdict, &message)
                }
                other => {
                    encoder.echo(other, &message);
                }
            }
        }
        Ok(encoder.finish()?)
    }

    /// Answers an institution's message by itself.
    pub(crate) fn edge_to_institution(
        &self,
        message: &Message<'_>,
        (tongue, response_code): (Tongue, ResponseCode),
        buffer: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let mut encoder = Encoder::answer(message, buffer)?;
        for number in elements(message, tongue) {
            match *number {
                RESPONSE_CODE => code(&mut encoder, tongue, response_code, message),
                APPROVAL_CODE | BALANCE => {}
                other => {
                    encoder.echo(other, message);
                }
            }
        }
        encoder.finish()
    }

    /// Answers a reconciliation with what our books have.
    pub(crate) fn reconciled(
        &self,
        message: &Message<'_>,
        (tongue, reconciled): (Tongue, &Reconciled),
        buffer: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let mut encoder = Encoder::answer(message, buffer)?;
        for number in elements(message, tongue) {
            match *number {
                RESPONSE_CODE => agreement_code(&mut encoder, tongue, reconciled.agreement),
                SETTLEMENT_CODE => {
                    encoder.digits(
                        SETTLEMENT_CODE,
                        match reconciled.agreement {
                            Agreement::InBalance => b"1",
                            Agreement::OutOfBalance => b"2",
                        },
                    );
                }
                other if reconciled.ours.write(other, &mut encoder) => {}
                other => {
                    encoder.echo(other, message);
                }
            }
        }
        encoder.finish()
    }
}

/// The comparison was done, whatever came of it; in the 1993 version the code tells that too.
fn agreement_code(encoder: &mut Encoder<'_>, tongue: Tongue, agreement: Agreement) {
    match (tongue, agreement) {
        (Tongue::Cups | Tongue::Iso87, _) => {
            encoder.text(RESPONSE_CODE, ResponseCode::APPROVED.as_bytes())
        }
        (Tongue::Iso93, Agreement::InBalance) => encoder.digits(RESPONSE_CODE, b"500"),
        (Tongue::Iso93, Agreement::OutOfBalance) => encoder.digits(RESPONSE_CODE, b"501"),
    };
}

fn elements(message: &Message<'_>, tongue: Tongue) -> &'static [u8] {
    match (message.mti().class(), tongue) {
        (MtiClass::NetworkManagement, _) => NETWORK,
        (MtiClass::Reconciliation, Tongue::Cups | Tongue::Iso87) => RECONCILIATION,
        (MtiClass::Reconciliation, Tongue::Iso93) => RECONCILIATION_1993,
        (
            MtiClass::Authorization
            | MtiClass::Financial
            | MtiClass::FileAction
            | MtiClass::Reversal
            | MtiClass::Administrative,
            Tongue::Cups | Tongue::Iso87,
        ) => FINANCIAL,
        (
            MtiClass::Authorization
            | MtiClass::Financial
            | MtiClass::FileAction
            | MtiClass::Reversal
            | MtiClass::Administrative,
            Tongue::Iso93,
        ) => FINANCIAL_1993,
    }
}

/// The day that a booking counts for; without one, what the request said.
fn settlement_date(
    encoder: &mut Encoder<'_>,
    tongue: Tongue,
    verdict: &Verdict,
    message: &Message<'_>,
) {
    match (verdict.booked, tongue) {
        (Some(booked), Tongue::Cups | Tongue::Iso87) => {
            encoder.digits(SETTLEMENT_DATE, booked.settlement_date());
        }
        (Some(booked), Tongue::Iso93) => {
            encoder.digits(SETTLEMENT_DATE, booked.settlement_date_with_year());
        }
        (None, _) => {
            encoder.echo(SETTLEMENT_DATE, message);
        }
    }
}

/// The request's, with the nature of the card when the interbank network's has room for it.
fn point_of_service(
    encoder: &mut Encoder<'_>,
    tongue: Tongue,
    verdict: &Verdict,
    message: &Message<'_>,
) {
    let text = message.text(POINT_OF_SERVICE).map(<[u8]>::to_vec);
    let is_told = tongue == Tongue::Cups && verdict.code.is_approval();
    match text.filter(|_| is_told) {
        Some(mut text) => {
            if let Some(nature) = text.get_mut(CARD_NATURE) {
                nature.copy_from_slice(PREPAID);
            }
            encoder.text(POINT_OF_SERVICE, text);
        }
        None => {
            encoder.echo(POINT_OF_SERVICE, message);
        }
    }
}

/// Ours, of a booking; the answer to a reversal has none.
fn approval_code(encoder: &mut Encoder<'_>, verdict: &Verdict, message: &Message<'_>) {
    if message.mti().class() == MtiClass::Reversal {
        return;
    }
    if let Some(booked) = verdict.booked {
        encoder.text(APPROVAL_CODE, booked.approval_code);
    }
}

/// Two characters, three digits in the 1993 version.
fn code(
    encoder: &mut Encoder<'_>,
    tongue: Tongue,
    response_code: ResponseCode,
    message: &Message<'_>,
) {
    match tongue {
        Tongue::Cups | Tongue::Iso87 => {
            encoder.text(RESPONSE_CODE, response_code.as_bytes());
        }
        Tongue::Iso93 => {
            encoder.digits(
                RESPONSE_CODE,
                action_code(response_code, message.mti().class()),
            );
        }
    }
}
