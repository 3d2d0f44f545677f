//! The part of an answer that a terminal looks at.

use super::error::SimError;
use super::packed::{read_ascii, read_packed};
use iso8583::{Dialect, Message, Mti};

/// What came back. Text of the peer is kept only where it is letters and digits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) mti: Mti,
    /// Terminal id (DE41); 0 when it is none of ours.
    pub(crate) terminal: u32,
    /// Trace (DE11).
    pub(crate) stan: u32,
    /// Response code (DE39).
    pub(crate) code: [u8; 2],
    /// Retrieval reference number (DE37).
    pub(crate) rrn: Option<[u8; 12]>,
    /// Approval code (DE38).
    pub(crate) approval: Option<[u8; 6]>,
    /// Local date (DE13), MMDD, packed.
    pub(crate) date: Option<[u8; 2]>,
}

impl Answer {
    /// Reads the body of a frame.
    ///
    /// # Errors
    /// [`SimError::Answer`] for bytes that are no message, [`SimError::AnswerIncomplete`] for one
    /// without terminal, trace or response code.
    pub(crate) fn read(body: &[u8]) -> Result<Self, SimError> {
        let message = Message::decode(Dialect::pos(), body)?;
        let content = |number| message.field(number).map(|field| field.content());
        let terminal = content(41).ok_or(SimError::AnswerIncomplete)?;
        let stan = content(11)
            .and_then(read_packed)
            .ok_or(SimError::AnswerIncomplete)?;
        Ok(Self {
            mti: message.mti(),
            terminal: read_ascii(terminal)
                .and_then(|id| u32::try_from(id).ok())
                .unwrap_or(0),
            stan: u32::try_from(stan).map_err(|_| SimError::AnswerIncomplete)?,
            code: content(39)
                .and_then(alphanumeric)
                .ok_or(SimError::AnswerIncomplete)?,
            rrn: content(37).and_then(alphanumeric),
            approval: content(38).and_then(alphanumeric),
            date: content(13).and_then(|date| date.try_into().ok()),
        })
    }

    /// Whether the step was done.
    pub(crate) fn is_approved(&self) -> bool {
        matches!(
            &self.code,
            b"00" | b"10" | b"11" | b"16" | b"A2" | b"A4" | b"A5" | b"A6"
        )
    }

    /// Whether it says to ask again later: the switch has decided nothing.
    pub(crate) fn puts_off(&self) -> bool {
        matches!(&self.code, b"91" | b"96")
    }
}

fn alphanumeric<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    let bytes: [u8; N] = bytes.try_into().ok()?;
    bytes.iter().all(u8::is_ascii_alphanumeric).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use iso8583::{Encoder, Prefix};

    use super::*;

    const PREFIX: Prefix = Prefix::Pos {
        tpdu: [0x60; 5],
        header: [0; 6],
    };

    fn body(fill: impl FnOnce(&mut Encoder<'_>)) -> Vec<u8> {
        let mut frame = Vec::new();
        let mut encoder =
            Encoder::new(Dialect::pos(), &mut frame, &PREFIX, Mti::FINANCIAL_RESPONSE);
        fill(&mut encoder);
        encoder.finish().unwrap();
        drop(encoder);
        frame.split_off(2)
    }

    #[test]
    fn an_answer_is_read() {
        let body = body(|encoder| {
            encoder
                .number(11, 3)
                .number(13, 511)
                .text(37, "051119300501")
                .text(38, "A12345");
            encoder.text(39, "00").text(41, "70000001");
        });
        let answer = Answer::read(&body).unwrap();
        assert_eq!((answer.terminal, answer.stan), (70_000_001, 3));
        assert_eq!(answer.rrn, Some(*b"051119300501"));
        assert_eq!(answer.approval, Some(*b"A12345"));
        assert_eq!(answer.date, Some([0x05, 0x11]));
        assert!(answer.is_approved());
    }

    #[test]
    fn text_that_could_break_the_record_is_dropped() {
        let body = body(|encoder| {
            encoder
                .number(11, 3)
                .text(37, "05111930,\n01")
                .text(39, "51")
                .text(41, "ABCDEFGH");
        });
        let answer = Answer::read(&body).unwrap();
        assert_eq!((answer.terminal, answer.rrn), (0, None));
        assert!(!answer.is_approved());
    }

    #[test]
    fn an_answer_needs_terminal_trace_and_code() {
        let no_code = body(|encoder| {
            encoder.number(11, 3).text(41, "70000001");
        });
        assert!(matches!(
            Answer::read(&no_code),
            Err(SimError::AnswerIncomplete)
        ));
        assert!(matches!(Answer::read(b"x"), Err(SimError::Answer(_))));
    }
}
