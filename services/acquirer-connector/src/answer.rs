//! Answers: what is new in them, in the words of no dialect. Each dialect's writer forms the frame.

use crate::calendar::{LocalTime, UtcOffset, settlement_date, settlement_date_with_year};
use crate::references::{approval_code, retrieval_reference};
use crate::repeat::{Parked, Repeat};
use crate::response_code::ResponseCode;
use crate::speech::Speech;
use card::{Day, Reply, Timestamp};
use iso8583::{Dialect, EncodeError, Message};
use money::Amount;
use registry::ParticipantId;

/// Why an answer was not written: a fault of ours, or of a dialect file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnswerError {
    #[error(transparent)]
    Encode(#[from] EncodeError),
    #[error("the copies of the request do not decode")]
    Copies,
}

pub(crate) const CURRENCY: &[u8] = b"156";

/// What answers on one link have in common.
#[derive(Debug)]
pub(crate) struct Answering {
    pub(crate) dialect: &'static Dialect,
    pub(crate) speech: Speech,
    pub(crate) acquirer: ParticipantId,
    pub(crate) issuer: ParticipantId,
    pub(crate) offset: UtcOffset,
    pub(crate) partition_count: u16,
}

/// What some answers of the edge say beside their code.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Extra<'e> {
    /// Data element 48.
    pub(crate) totals: Option<&'e [u8]>,
    /// Data element 62.
    pub(crate) parameters: Option<&'e [u8]>,
}

/// What is new in an answer; the rest repeats the request.
pub(crate) struct Verdict {
    pub(crate) code: ResponseCode,
    pub(crate) at: LocalTime,
    /// Data element 37, where we give it.
    pub(crate) reference: [u8; 12],
    /// Of an approval that wrote.
    pub(crate) booked: Option<Booked>,
    /// Data element 54.
    pub(crate) available: Option<Amount>,
}

/// Data elements 15 and 38 of an approval; none for an inquiry, which books nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Booked {
    pub(crate) day: Day,
    pub(crate) approval_code: [u8; 6],
}

impl Booked {
    fn of(reply: &Reply) -> Option<Self> {
        let version = reply.version.filter(|_| reply.outcome.is_approved())?;
        Some(Self {
            day: reply.day,
            approval_code: approval_code(version),
        })
    }

    /// Data element 15, MMDD.
    pub(crate) fn settlement_date(self) -> [u8; 4] {
        settlement_date(self.day)
    }

    /// The same of the 1993 version, YYMMDD.
    pub(crate) fn settlement_date_with_year(self) -> [u8; 6] {
        settlement_date_with_year(self.day)
    }
}

impl Answering {
    /// Answers with a card's reply.
    ///
    /// # Errors
    /// [`AnswerError`] when the answer does not fit the dialect: a fault of ours, or of a dialect
    /// file. Nothing is written then.
    pub(crate) fn reply(
        &self,
        parked: &Parked,
        reply: &Reply,
        buffer: &mut Vec<u8>,
    ) -> Result<(), AnswerError> {
        let verdict = Verdict {
            code: ResponseCode::of(reply.outcome),
            at: LocalTime::at(reply.decided_at, self.offset),
            reference: retrieval_reference(reply.position, self.partition_count),
            booked: Booked::of(reply),
            available: reply.available,
        };
        self.write(parked, &verdict, buffer)
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
    ) -> Result<(), AnswerError> {
        let at = LocalTime::at(now, self.offset);
        let trace = match &parked.repeat {
            Repeat::Pos(slip) => slip.trace,
            Repeat::Interbank(_) => 0, // Its reference is the sender's own.
        };
        let verdict = Verdict {
            code,
            reference: edge_reference(&at, trace),
            at,
            booked: None,
            available: None,
        };
        self.write(parked, &verdict, buffer)
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
    ) -> Result<(), AnswerError> {
        match self.speech {
            Speech::Pos => {
                Ok(self.edge_to_terminal(message, (code, Extra::default()), now, buffer)?)
            }
            Speech::Interbank(tongue) => {
                Ok(self.edge_to_institution(message, (tongue, code), buffer)?)
            }
        }
    }

    /// Answers a terminal with more than a code.
    ///
    /// # Errors
    /// As [`Self::reply`].
    pub(crate) fn desk(
        &self,
        message: &Message<'_>,
        answer: (ResponseCode, Extra<'_>),
        now: Timestamp,
        buffer: &mut Vec<u8>,
    ) -> Result<(), AnswerError> {
        Ok(self.edge_to_terminal(message, answer, now, buffer)?)
    }

    fn write(
        &self,
        parked: &Parked,
        verdict: &Verdict,
        buffer: &mut Vec<u8>,
    ) -> Result<(), AnswerError> {
        match &parked.repeat {
            Repeat::Pos(slip) => Ok(self.to_terminal(slip, &parked.place, verdict, buffer)?),
            Repeat::Interbank(copies) => self.to_institution(copies, verdict, buffer),
        }
    }
}

/// Data element 37 of an answer without a log position: MMDDhh and the trace. No record has it,
/// because read as a position it is far beyond any log.
pub(crate) fn edge_reference(at: &LocalTime, trace: u32) -> [u8; 12] {
    let [mo1, mo2, d1, d2] = at.date;
    let [h1, h2, ..] = at.time;
    let digit = |divisor: u32| b'0' + u8::try_from(trace / divisor % 10).unwrap_or(0);
    let [t1, t2, t3, t4, t5, t6] = [100_000, 10_000, 1_000, 100, 10, 1].map(digit);
    [mo1, mo2, d1, d2, h1, h2, t1, t2, t3, t4, t5, t6]
}
