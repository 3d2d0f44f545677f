//! One terminal of our own: it can do what `sim pos` never does, repeat a purchase word for word.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use iso8583::frame::{NextFrame, next_frame};
use iso8583::{Dialect, Encoder, Message, Mti, Prefix};
use pan::Pan;

use crate::error::FaultError;

/// A terminal of the example settings that no load uses.
const TERMINAL: &str = "70000001";
const MERCHANT: &str = "898999954110001";
pub(crate) const BIN: &str = "629999";
const PAN_LENGTH: usize = 16;
const PREFIX: Prefix = Prefix::Pos {
    tpdu: [0x60, 0x00, 0x03, 0x00, 0x00],
    header: [0x60, 0x31, 0x00, 0x31, 0x10, 0x01],
};
const BATCH: u32 = 1;

/// A purchase with the numbers that its terminal gave it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Purchase {
    pub(crate) serial: u64,
    pub(crate) amount_fen: u64,
    pub(crate) trace: u32,
}

/// What a receipt has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Data element 39.
    pub(crate) code: String,
    /// Data element 37.
    pub(crate) rrn: String,
    /// Data element 38.
    pub(crate) approval: String,
}

/// The terminal, connected.
#[derive(Debug)]
pub(crate) struct Terminal {
    stream: TcpStream,
    received: Vec<u8>,
}

// === impl Terminal ===

impl Terminal {
    pub(crate) fn connect(address: &str) -> Result<Self, FaultError> {
        let stream = TcpStream::connect(address).map_err(FaultError::io("reach an acquirer"))?;
        Ok(Self {
            stream,
            received: Vec::new(),
        })
    }

    /// Sends a purchase and does not wait.
    pub(crate) fn send(&mut self, purchase: &Purchase) -> Result<(), FaultError> {
        let frame = purchase.encode()?;
        self.stream
            .write_all(&frame)
            .map_err(FaultError::io("send a purchase"))
    }

    /// Waits for the answer to the last purchase; none when it does not come in time.
    pub(crate) fn receive(&mut self, limit: Duration) -> Result<Option<Answer>, FaultError> {
        let action = || FaultError::io("receive an answer");
        self.stream
            .set_read_timeout(Some(limit))
            .map_err(action())?;
        loop {
            if let Some(answer) = self.take_answer()? {
                return Ok(Some(answer));
            }
            let mut part = [0; 4_096];
            match self.stream.read(&mut part) {
                Ok(0) => return Err(action()(std::io::ErrorKind::UnexpectedEof.into())),
                Ok(size) => self.received.extend_from_slice(&part[..size]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(action()(error)),
            }
        }
    }

    fn take_answer(&mut self) -> Result<Option<Answer>, FaultError> {
        let unreadable =
            |error: &dyn std::fmt::Display| FaultError::Broken(format!("an answer: {error}"));
        match next_frame(Dialect::pos(), &self.received).map_err(|error| unreadable(&error))? {
            NextFrame::Incomplete { .. } => Ok(None),
            NextFrame::Idle { consumed } => {
                self.received.drain(..consumed);
                self.take_answer()
            }
            NextFrame::Frame { body, consumed } => {
                let message = Message::decode(Dialect::pos(), &self.received[body])
                    .map_err(|error| unreadable(&error))?;
                let text = |number| {
                    let content = message.text(number).unwrap_or_default();
                    String::from_utf8_lossy(content).into_owned()
                };
                let answer = Answer {
                    code: text(39),
                    rrn: text(37),
                    approval: text(38),
                };
                self.received.drain(..consumed);
                Ok(Some(answer))
            }
        }
    }
}

// === impl Purchase ===

impl Purchase {
    fn encode(&self) -> Result<Vec<u8>, FaultError> {
        let pan = card_number(self.serial)?;
        let mut frame = Vec::new();
        let mut encoder = Encoder::new(Dialect::pos(), &mut frame, &PREFIX, Mti::FINANCIAL_REQUEST);
        encoder
            .digits(2, pan.expose())
            .number(3, 0)
            .number(4, self.amount_fen)
            .number(11, self.trace.into())
            .number(22, 22)
            .number(25, 0)
            .text(41, TERMINAL)
            .text(42, MERCHANT)
            .text(49, "156")
            .digits(60, format!("22{BATCH:06}00020"));
        encoder
            .finish()
            .map_err(|error| FaultError::Driver(format!("encode a purchase: {error}")))?;
        drop(encoder);
        Ok(frame)
    }

    /// The line of a record, as `sim pos` would have written it.
    pub(crate) fn line(&self, answer: &Answer) -> String {
        let Self {
            serial,
            amount_fen,
            trace,
        } = self;
        let Answer {
            code,
            rrn,
            approval,
        } = answer;
        format!(
            "{TERMINAL},{MERCHANT},{BATCH},{trace},0200,purchase,{amount_fen},{code},{rrn},{approval},\
             {BIN},{serial},,,0,0\n"
        )
    }
}

/// The number of a test card, as `card issue` and `sim pos` make it.
pub(crate) fn card_number(serial: u64) -> Result<Pan, FaultError> {
    Pan::from_bin_and_serial(BIN, serial, PAN_LENGTH)
        .map_err(|error| FaultError::Driver(format!("number of test card {serial}: {error}")))
}
