//! The record of a run: one line for each answered request, and for each that stayed unanswered.
//!
//! It is what the outside saw, written apart from the switch, so that `check --against` can prove
//! that each answer is booked exactly once and that nothing else is. A line has the columns of
//! [`HEADER`]; a request whose answer never came has no code, and its fate is open. Cards are named
//! by BIN and serial number, never by their number. The last two columns are for measuring outages:
//! when a request was sent first, and when its answer came or was given up, in milliseconds of Unix time.

use std::time::Instant;

use super::answer::Answer;
use super::packed::put_ascii;
use super::terminal::Request;
use card::Timestamp;

/// The first line of the file.
pub(crate) const HEADER: &str = "terminal,merchant,batch,stan,mti,kind,amount_fen,code,rrn,\
     approval,bin,serial,original_batch,original_stan,sent_ms,ended_ms\n";

/// Tells the moments of a run as the world does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunClock {
    start: Instant,
    start_ms: u64,
}

impl RunClock {
    /// The clock of a run that starts now.
    pub(crate) fn start(now: Timestamp) -> Self {
        Self {
            start: Instant::now(),
            start_ms: u64::try_from(now.0).unwrap_or(0),
        }
    }

    fn millis(&self, moment: Instant) -> u64 {
        let since = moment.saturating_duration_since(self.start).as_millis();
        self.start_ms
            .saturating_add(u64::try_from(since).unwrap_or(u64::MAX))
    }
}

/// What is the same in all lines of one connection.
#[derive(Debug, Clone)]
pub(crate) struct RecordPlace {
    pub(crate) merchant: String,
    pub(crate) bin: [u8; 6],
    pub(crate) clock: RunClock,
}

/// A request that is over.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    pub(crate) terminal: u32,
    pub(crate) mti: [u8; 4],
    pub(crate) request: &'a Request,
    pub(crate) sent_at: Instant,
    /// When its answer came or was given up.
    pub(crate) ended_at: Instant,
}

impl RecordPlace {
    /// Appends the line of a request with its answer, or of one that stayed without.
    pub(crate) fn write(&self, step: &Step<'_>, answer: Option<&Answer>, out: &mut Vec<u8>) {
        let request = step.request;
        put_number(out, step.terminal.into());
        put_column(out, self.merchant.as_bytes());
        put_number_column(out, request.trace.batch.into());
        put_number_column(out, request.trace.stan.into());
        put_column(out, &step.mti);
        put_column(out, request.ask.name().as_bytes());
        put_number_column(out, request.amount_fen);
        put_column(out, answer.map_or(&[], |answer| &answer.code));
        put_column(
            out,
            answer
                .and_then(|answer| answer.rrn.as_ref())
                .map_or(&[], |rrn| rrn),
        );
        let approval = answer.and_then(|answer| answer.approval.as_ref());
        put_column(out, approval.map_or(&[], |approval| approval));
        put_column(out, &self.bin);
        put_number_column(out, request.card);
        match &request.original {
            Some(original) => {
                put_number_column(out, original.trace.batch.into());
                put_number_column(out, original.trace.stan.into());
            }
            None => out.extend_from_slice(b",,"),
        }
        put_number_column(out, self.clock.millis(step.sent_at));
        put_number_column(out, self.clock.millis(step.ended_at));
        out.push(b'\n');
    }
}

fn put_column(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b',');
    out.extend_from_slice(text);
}

fn put_number_column(out: &mut Vec<u8>, number: u64) {
    out.push(b',');
    put_number(out, number);
}

fn put_number(out: &mut Vec<u8>, number: u64) {
    let mut digits = [b'0'; 20];
    put_ascii(&mut digits, number);
    let first = digits
        .iter()
        .position(|digit| *digit != b'0')
        .unwrap_or(digits.len() - 1);
    out.extend_from_slice(&digits[first..]);
}

/// One line as `check` reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordedRequest {
    /// Terminal id (DE41).
    pub(crate) terminal: u32,
    /// Merchant id (DE42).
    pub(crate) merchant: String,
    /// Batch (in DE60).
    pub(crate) batch: u32,
    /// Trace (DE11).
    pub(crate) stan: u32,
    /// Message type of the request, such as `0200`.
    pub(crate) mti: String,
    /// A name of `--mix`.
    pub(crate) kind: String,
    /// 0 for an inquiry.
    pub(crate) amount_fen: u64,
    /// Response code (DE39); `None` when no answer came.
    pub(crate) code: Option<String>,
    /// Retrieval reference number (DE37).
    pub(crate) rrn: Option<String>,
    /// Approval code (DE38).
    pub(crate) approval: Option<String>,
    /// First six digits of the card.
    pub(crate) bin: String,
    /// Its serial number.
    pub(crate) serial: u64,
    /// Batch and trace of the step it refers to.
    pub(crate) original: Option<(u32, u32)>,
}

impl RecordedRequest {
    /// Reads a line; `None` when it has another form, as a line cut by a full disk has.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let columns: [&str; 16] = line.split(',').collect::<Vec<_>>().try_into().ok()?;
        let [
            terminal,
            merchant,
            batch,
            stan,
            mti,
            kind,
            amount_fen,
            rest @ ..,
        ] = columns;
        let [
            code,
            rrn,
            approval,
            bin,
            serial,
            original_batch,
            original_stan,
            sent_ms,
            ended_ms,
        ] = rest;
        // Nothing here is told from them, but a cut line must not pass for a whole one.
        sent_ms.parse::<u64>().and(ended_ms.parse::<u64>()).ok()?;
        let present = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let original = match (original_batch, original_stan) {
            ("", "") => None,
            (batch, stan) => Some((batch.parse().ok()?, stan.parse().ok()?)),
        };
        Some(Self {
            terminal: terminal.parse().ok()?,
            merchant: merchant.to_owned(),
            batch: batch.parse().ok()?,
            stan: stan.parse().ok()?,
            mti: mti.to_owned(),
            kind: kind.to_owned(),
            amount_fen: amount_fen.parse().ok()?,
            code: present(code),
            rrn: present(rrn),
            approval: present(approval),
            bin: bin.to_owned(),
            serial: serial.parse().ok()?,
            original,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use iso8583::Mti;

    use super::super::kind::{Ask, Kind};
    use super::super::template::{Original, Trace};
    use super::*;

    fn line(request: &Request, answer: Option<&Answer>) -> String {
        let place = RecordPlace {
            merchant: "898999954110001".to_owned(),
            bin: *b"629999",
            clock: RunClock::start(Timestamp(1_700_000_000_000)),
        };
        let sent_at = place.clock.start + Duration::from_millis(250);
        let step = Step {
            terminal: 10_000_001,
            mti: *b"0200",
            request,
            sent_at,
            ended_at: sent_at + Duration::from_millis(5),
        };
        let mut out = Vec::new();
        place.write(&step, answer, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn request(original: Option<Original>) -> Request {
        Request {
            ask: Ask::Step(Kind::Void),
            card: 17,
            amount_fen: 120,
            trace: Trace { batch: 1, stan: 42 },
            original,
        }
    }

    #[test]
    fn an_answered_request_is_read_back() {
        let original = Original {
            trace: Trace { batch: 1, stan: 41 },
            date: [0x05, 0x11],
            rrn: [b'1'; 12],
            approval: [b'A'; 6],
        };
        let answer = Answer {
            mti: Mti::FINANCIAL_RESPONSE,
            terminal: 10_000_001,
            stan: 42,
            code: *b"00",
            rrn: Some(*b"051119300501"),
            approval: Some(*b"A12345"),
            date: None,
        };
        let line = line(&request(Some(original)), Some(&answer));
        assert_eq!(
            line,
            "10000001,898999954110001,1,42,0200,void,120,00,051119300501,A12345,629999,17,1,41,\
             1700000000250,1700000000255\n"
        );
        let read = RecordedRequest::parse(line.trim_end()).unwrap();
        assert_eq!(
            (read.code.as_deref(), read.original),
            (Some("00"), Some((1, 41)))
        );
        assert_eq!((read.serial, read.amount_fen), (17, 120));
    }

    #[test]
    fn a_request_without_an_answer_has_no_code() {
        let line = line(&request(None), None);
        let read = RecordedRequest::parse(line.trim_end()).unwrap();
        assert_eq!(
            (read.code, read.rrn, read.approval, read.original),
            (None, None, None, None)
        );
        assert_eq!(
            HEADER.trim_end().split(',').count(),
            line.split(',').count()
        );
    }

    #[test]
    fn a_cut_line_is_no_line() {
        assert_eq!(
            RecordedRequest::parse("10000001,898999954110001,1,42,02"),
            None
        );
        assert_eq!(RecordedRequest::parse(""), None);
    }
}
