//! The model's frame: 2 bytes of length, then card, key, outcome and filling, 250 bytes in all.
//!
//! Its size is that of a purchase with its answer; its content costs next to nothing to read, which
//! is the point.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

pub(crate) const BODY_SIZE: usize = 250;
pub(crate) const FRAME_SIZE: usize = 2 + BODY_SIZE;
/// Cards of the model; the same folded state for each.
pub(crate) const CARD_COUNT: u64 = 100_000;
/// Frames that may be in flight over all connections.
pub(crate) const IN_FLIGHT_MAX: usize = 1 << 16;

const BUFFER_SIZE: usize = 64 << 10;
const OUTCOME_AT: usize = 18;

/// One request or its answer.
pub(crate) type Frame = [u8; FRAME_SIZE];

/// What the model decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Approved,
    Declined,
}

/// Appends a request.
pub(crate) fn put_request(out: &mut Vec<u8>, card: u64, key: u64) {
    out.extend_from_slice(&(BODY_SIZE as u16).to_be_bytes());
    out.extend_from_slice(&card.to_be_bytes());
    out.extend_from_slice(&key.to_be_bytes());
    out.extend_from_slice(&[b'1'; BODY_SIZE - 16]);
}

pub(crate) fn card(frame: &Frame) -> u64 {
    be_u64(frame, 2)
}

pub(crate) fn key(frame: &Frame) -> u64 {
    be_u64(frame, 10)
}

pub(crate) fn set_outcome(frame: &mut Frame, outcome: Outcome) {
    frame[OUTCOME_AT] = match outcome {
        Outcome::Approved => b'0',
        Outcome::Declined => b'5',
    };
}

fn be_u64(frame: &Frame, at: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&frame[at..at + 8]);
    u64::from_be_bytes(bytes)
}

/// Cuts whole frames from a stream.
#[derive(Debug)]
pub(crate) struct FrameReader {
    buffer: Vec<u8>,
    filled: usize,
}

impl FrameReader {
    pub(crate) fn new() -> Self {
        Self {
            buffer: vec![0; BUFFER_SIZE],
            filled: 0,
        }
    }

    /// Reads once and gives every whole frame to `take`; returns their number, or `None` at the end
    /// of the stream.
    ///
    /// # Errors
    /// The socket's, and `InvalidData` for a frame of another length.
    pub(crate) async fn read<R: AsyncRead + Unpin>(
        &mut self,
        stream: &mut R,
        mut take: impl FnMut(&Frame),
    ) -> io::Result<Option<usize>> {
        let read = stream.read(&mut self.buffer[self.filled..]).await?;
        if read == 0 {
            return Ok(None);
        }
        self.filled += read;
        let (frames, _) = self.buffer[..self.filled].as_chunks::<FRAME_SIZE>();
        for frame in frames {
            if frame[..2] != (BODY_SIZE as u16).to_be_bytes() {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "not a model frame",
                ));
            }
            take(frame);
        }
        let count = frames.len();
        self.buffer.copy_within(count * FRAME_SIZE..self.filled, 0);
        self.filled -= count * FRAME_SIZE;
        Ok(Some(count))
    }
}
