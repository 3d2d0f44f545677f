//! A terminal's side of a connection.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use iso8583::frame::{NextFrame, next_frame};
use iso8583::{Dialect, Message};

/// Far longer than anything here takes: reached only when an answer will never come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Peer {
    dialect: &'static Dialect,
    stream: TcpStream,
    received: Vec<u8>,
}

/// An answer as it came, without its length.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    dialect: &'static Dialect,
    pub(crate) body: Vec<u8>,
}

impl Peer {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::speaking(Dialect::pos(), address).await
    }

    pub(crate) async fn speaking(dialect: &'static Dialect, address: SocketAddr) -> Self {
        Self {
            dialect,
            stream: TcpStream::connect(address).await.unwrap(),
            received: Vec::new(),
        }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Sends until the other side is gone.
    pub(crate) async fn send_until_cut(&mut self, bytes: &[u8]) {
        let send = async { while self.stream.write_all(bytes).await.is_ok() {} };
        timeout(PATIENCE, send)
            .await
            .expect("the connection is cut in time");
    }

    /// Says that nothing more will be sent.
    pub(crate) async fn finish_sending(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    pub(crate) async fn receive(&mut self) -> Answer {
        self.next()
            .await
            .expect("an answer, not the end of the connection")
    }

    pub(crate) async fn receive_many(&mut self, count: usize) -> Vec<Answer> {
        let mut answers = Vec::new();
        while answers.len() < count {
            answers.push(self.receive().await);
        }
        answers
    }

    pub(crate) async fn ask(&mut self, request: &[u8]) -> Answer {
        self.send(request).await;
        self.receive().await
    }

    /// Whether the connection ends with nothing more to read.
    pub(crate) async fn is_closed(&mut self) -> bool {
        self.next().await.is_none()
    }

    async fn next(&mut self) -> Option<Answer> {
        loop {
            match next_frame(self.dialect, &self.received).unwrap() {
                NextFrame::Frame { body, consumed } => {
                    let answer = self.received[body].to_vec();
                    self.received.drain(..consumed);
                    return Some(Answer {
                        dialect: self.dialect,
                        body: answer,
                    });
                }
                NextFrame::Incomplete { .. } | NextFrame::Idle { .. } => {}
            }
            let read = self.stream.read_buf(&mut self.received);
            // A reset after the last answer is an end like any other.
            if timeout(PATIENCE, read)
                .await
                .expect("something happens in time")
                .unwrap_or(0)
                == 0
            {
                return None;
            }
        }
    }
}

impl Answer {
    pub(crate) fn message(&self) -> Message<'_> {
        Message::decode(self.dialect, &self.body).unwrap()
    }

    pub(crate) fn mti(&self) -> String {
        self.message().mti().to_string()
    }

    /// A data element as text or digits.
    pub(crate) fn value(&self, number: u8) -> Option<String> {
        let message = self.message();
        let text = message.text(number).map(<[u8]>::to_vec);
        let value = text.or_else(|| message.digits(number).map(|digits| digits.to_vec()))?;
        Some(String::from_utf8(value).unwrap())
    }

    /// The numbers of its data elements.
    pub(crate) fn numbers(&self) -> Vec<u8> {
        self.message()
            .fields()
            .map(|field| field.number())
            .collect()
    }

    /// Asserts that it is these data elements and no other.
    #[track_caller]
    pub(crate) fn check(&self, mti: &str, fields: &[(u8, &str)]) {
        assert_eq!(self.mti(), mti);
        let expected: Vec<_> = fields.iter().map(|(number, _)| *number).collect();
        assert_eq!(self.numbers(), expected);
        for (number, value) in fields {
            assert_eq!(self.value(*number).as_deref(), Some(*value), "de{number}");
        }
    }

    /// Data element 39.
    pub(crate) fn code(&self) -> String {
        self.value(39).unwrap()
    }

    /// Data element 11.
    pub(crate) fn trace(&self) -> u64 {
        self.message().number(11).unwrap()
    }
}
