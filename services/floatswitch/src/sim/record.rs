//! The record of a run: one line for each answered request, and for each that stayed unanswered.
//!
//! It is what the outside saw, written apart from the switch, so that `check --against` can prove
//! that each answer is booked exactly once and that nothing else is. A line has the columns of
//! [`HEADER`]; a request whose answer never came has no code, and its fate is open. Cards are named
//! by BIN and serial number, never by their number.

use super::answer::Answer;
use super::packed::put_ascii;
use super::terminal::Request;

/// The first line of the file.
pub(crate) const HEADER: &str = "terminal,merchant,batch,stan,mti,kind,amount_fen,code,rrn,\
     approval,bin,serial,original_batch,original_stan\n";

/// What is the same in all lines of one connection.
#[derive(Debug, Clone)]
pub(crate) struct RecordPlace {
    pub(crate) merchant: String,
    pub(crate) bin: [u8; 6],
}

impl RecordPlace {
    /// Appends the line of a request with its answer, or of one that stayed without.
    pub(crate) fn write(
        &self,
        (terminal, mti, request): (u32, [u8; 4], &Request),
        answer: Option<&Answer>,
        out: &mut Vec<u8>,
    ) {
        put_number(out, terminal.into());
        put_column(out, self.merchant.as_bytes());
        put_number_column(out, request.trace.batch.into());
        put_number_column(out, request.trace.stan.into());
        put_column(out, &mti);
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
        let columns: [&str; 14] = line.split(',').collect::<Vec<_>>().try_into().ok()?;
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
        ] = rest;
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
    use iso8583::Mti;

    use super::super::kind::{Ask, Kind};
    use super::super::template::{Original, Trace};
    use super::*;

    fn line(request: &Request, answer: Option<&Answer>) -> String {
        let place = RecordPlace {
            merchant: "898999954110001".to_owned(),
            bin: *b"629999",
        };
        let mut out = Vec::new();
        place.write((10_000_001, *b"0200", request), answer, &mut out);
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
            "10000001,898999954110001,1,42,0200,void,120,00,051119300501,A12345,629999,17,1,41\n"
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
