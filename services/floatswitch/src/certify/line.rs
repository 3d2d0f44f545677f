//! The connection of one place of a script: frames out, answers in, lines that are cut.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::certify::message::{Answered, Sent};
use crate::exit::Failure;
use iso8583::frame::{NextFrame, next_frame};
use iso8583::{Dialect, Message};

/// Where a script is played, and how.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// HOST:PORT of the switch's listener.
    pub(super) address: String,
    pub(super) dialect: &'static Dialect,
    /// How long an answer may take.
    pub(super) patience: Duration,
}

/// One connection, opened when it is needed and after each cut.
#[derive(Debug)]
pub(super) struct Line {
    target: Target,
    stream: Option<TcpStream>,
    received: Vec<u8>,
    /// Answers that nobody has asked for yet.
    waiting: Vec<Answered>,
}

impl Line {
    pub(super) fn new(target: &Target) -> Self {
        Self {
            target: target.clone(),
            stream: None,
            received: Vec::new(),
            waiting: Vec::new(),
        }
    }

    /// Writes frames in one go.
    pub(super) async fn send(&mut self, frames: &[u8]) -> Result<(), Failure> {
        if self.stream.is_none() {
            let address = &self.target.address;
            let stream = TcpStream::connect(address).await.map_err(|error| {
                Failure::cannot_start(format!(
                    "cannot reach {address}: {error}; start the switch, or name its listener with --target"
                ))
            })?;
            stream.set_nodelay(true)?;
            self.stream = Some(stream);
            self.received.clear();
        }
        match &mut self.stream {
            Some(stream) => Ok(stream.write_all(frames).await?),
            None => Ok(()),
        }
    }

    /// Cuts the connection: what is on its way is lost.
    pub(super) fn cut(&mut self) {
        self.stream = None;
        self.received.clear();
        self.waiting.clear();
    }

    /// The answer to a message, by its type and trace number; none within the patience.
    pub(super) async fn answer_to(&mut self, sent: &Sent) -> Result<Option<Answered>, Failure> {
        let deadline = Instant::now() + self.target.patience;
        loop {
            let wanted = |answer: &Answered| {
                Some(answer.mti) == sent.mti.response()
                    && answer.fields.get(&11) == sent.fields.get(&11)
            };
            if let Some(index) = self.waiting.iter().position(wanted) {
                return Ok(Some(self.waiting.swap_remove(index)));
            }
            let Some(stream) = &mut self.stream else {
                return Ok(None);
            };
            match timeout_at(deadline, stream.read_buf(&mut self.received)).await {
                Err(_) => return Ok(None),
                Ok(Err(_) | Ok(0)) => {
                    self.cut();
                    return Ok(None);
                }
                Ok(Ok(_)) => self.take_frames()?,
            }
        }
    }

    fn take_frames(&mut self) -> Result<(), Failure> {
        loop {
            let next = next_frame(self.target.dialect, &self.received).map_err(garbage)?;
            match next {
                NextFrame::Incomplete { .. } => return Ok(()),
                NextFrame::Idle { consumed } => {
                    self.received.drain(..consumed);
                }
                NextFrame::Frame { body, consumed } => {
                    let body = self.received.get(body).unwrap_or_default();
                    let message = Message::decode(self.target.dialect, body).map_err(garbage)?;
                    self.waiting.push(Answered::of(&message));
                    self.received.drain(..consumed);
                }
            }
        }
    }
}

fn garbage(error: impl std::fmt::Display) -> Failure {
    Failure::found_wrong(format!(
        "the switch's bytes are no message of this dialect: {error}; does the script's `speaks` fit the listener?"
    ))
}
