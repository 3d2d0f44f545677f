//! A point-of-sale terminal of the demo: one TCP connection, one request at a time.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::receipt::Receipt;
use super::request::{Ask, Business, Place, Session};
use super::world::Card;
use crate::exit::Failure;
use iso8583::frame::{NextFrame, next_frame};
use iso8583::{Dialect, EncodeError, Message, Mti};

/// The batch that all terminals of the demo are in.
const BATCH: u32 = 1;
/// A terminal of the demo gives up long before a real one, which waits 60 s.
const PATIENCE: Duration = Duration::from_secs(10);
const READ_SIZE: usize = 4_096;

/// A terminal, which may have hung up.
#[derive(Debug)]
pub(super) struct Terminal {
    place: Place,
    trace: u32,
    line: Option<Line>,
}

/// An open connection and what came over it.
#[derive(Debug)]
struct Line {
    stream: TcpStream,
    received: Vec<u8>,
}

/// Which answer is waited for.
struct Wanted {
    mti: Mti,
    trace: u32,
    batch: u32,
}

impl Terminal {
    /// A terminal that has not dialled yet.
    pub(super) fn new(place: Place) -> Self {
        Self {
            place,
            trace: 0,
            line: None,
        }
    }

    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// Connects, also after the line was cut.
    pub(super) async fn dial(&mut self, address: SocketAddr) -> Result<(), Failure> {
        let stream = TcpStream::connect(address).await.map_err(|error| {
            Failure::cannot_start(format!("terminal cannot reach {address}: {error}"))
        })?;
        stream.set_nodelay(true).map_err(line_error)?;
        self.line = Some(Line {
            stream,
            received: Vec::new(),
        });
        Ok(())
    }

    /// Drops the line without reading what is on it.
    pub(super) fn hang_up(&mut self) {
        self.line = None;
    }

    /// A new request with the next trace number.
    pub(super) fn request(&mut self, business: Business, card: &Card, amount_fen: u64) -> Ask {
        let numbers = self.next_numbers();
        Ask::new(self.place, numbers, business, card, amount_fen)
    }

    /// Sends requests in one write and does not wait.
    pub(super) async fn send(&mut self, asks: &[Ask]) -> Result<(), Failure> {
        let mut frames = Vec::new();
        for ask in asks {
            ask.encode(&mut frames).map_err(encode_error)?;
        }
        self.write(&frames).await
    }

    /// Waits for the answer to a request.
    pub(super) async fn receive(&mut self, ask: &Ask) -> Result<Receipt, Failure> {
        self.read(&Wanted {
            mti: ask.mti(),
            trace: ask.trace,
            batch: ask.batch,
        })
        .await
    }

    /// Sends a request and waits for its answer.
    pub(super) async fn ask(&mut self, ask: &Ask) -> Result<Receipt, Failure> {
        self.send(std::slice::from_ref(ask)).await?;
        self.receive(ask).await
    }

    /// Says something of its session and waits for the answer.
    pub(super) async fn tell(&mut self, session: Session) -> Result<Receipt, Failure> {
        let (batch, trace) = self.next_numbers();
        let mut frame = Vec::new();
        session
            .encode(self.place, (batch, trace), &mut frame)
            .map_err(encode_error)?;
        self.write(&frame).await?;
        let mti = session.mti();
        self.read(&Wanted { mti, trace, batch }).await
    }

    fn next_numbers(&mut self) -> (u32, u32) {
        self.trace += 1;
        (BATCH, self.trace)
    }

    async fn write(&mut self, frames: &[u8]) -> Result<(), Failure> {
        let line = self.line.as_mut().ok_or_else(no_line)?;
        line.stream.write_all(frames).await.map_err(line_error)
    }

    /// Reads until the wanted answer; answers to others come too late and are passed over.
    async fn read(&mut self, wanted: &Wanted) -> Result<Receipt, Failure> {
        let line = self.line.as_mut().ok_or_else(no_line)?;
        timeout(PATIENCE, line.read(wanted))
            .await
            .map_err(|_| Failure::cannot_start("the switch did not answer"))?
    }
}

impl Line {
    async fn read(&mut self, wanted: &Wanted) -> Result<Receipt, Failure> {
        loop {
            while let Some(receipt) = self.take_frame(wanted)? {
                if let Some(receipt) = receipt.0 {
                    return Ok(receipt);
                }
            }
            self.received.reserve(READ_SIZE);
            let count = self.stream.read_buf(&mut self.received).await;
            if count.map_err(line_error)? == 0 {
                return Err(Failure::cannot_start("the switch closed the line"));
            }
        }
    }

    /// Takes the next whole frame; inside, the receipt when it is the wanted answer.
    fn take_frame(&mut self, wanted: &Wanted) -> Result<Option<Passed>, Failure> {
        let pos = Dialect::pos();
        let next = next_frame(pos, &self.received).map_err(not_iso)?;
        let NextFrame::Frame { body, consumed } = next else {
            return Ok(None);
        };
        let body = self.received.get(body).unwrap_or_default();
        let message = Message::decode(pos, body).map_err(not_iso)?;
        let is_wanted = Some(message.mti()) == wanted.mti.response()
            && message.number(11) == Some(wanted.trace.into());
        let receipt = is_wanted.then(|| Receipt::read(&message, wanted.batch));
        self.received.drain(..consumed);
        Ok(Some(Passed(receipt)))
    }
}

/// A frame that was taken, and what it holds for the one who waits.
struct Passed(Option<Receipt>);

fn no_line() -> Failure {
    Failure::cannot_start("the terminal has no line")
}

fn line_error(error: std::io::Error) -> Failure {
    Failure::cannot_start(format!("the line to the switch broke: {error}"))
}

fn encode_error(error: EncodeError) -> Failure {
    Failure::cannot_start(format!(
        "a request of the demo does not fit its dialect: {error}"
    ))
}

fn not_iso(error: impl std::fmt::Display) -> Failure {
    Failure::cannot_start(format!("an answer of the switch cannot be read: {error}"))
}
