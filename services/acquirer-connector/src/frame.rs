//! Cuts what one connection has received into frames.

use std::ops::Range;

use crate::metric_names::FrameRefusal;
use iso8583::Dialect;
use iso8583::frame::{FrameError, NextFrame, next_frame};

/// Bytes of the longest length in front of a frame.
const LENGTH_SIZE_MAX: usize = 4;
/// Bytes of the buffer of a quiet connection.
const READ_SIZE_MIN: usize = 4 * 1_024;
/// Bytes that a busy connection reads at once.
const READ_SIZE_MAX: usize = 64 * 1_024;

/// Received bytes, of which whole frames are cut from the front.
///
/// Grows only when a read has filled it, or for the rest of a frame whose length is within the
/// limit; the limit is checked before.
#[derive(Debug)]
pub(crate) struct ReadBuffer {
    dialect: &'static Dialect,
    frame_size_max: usize,
    bytes: Vec<u8>,
    consumed: usize,
}

impl ReadBuffer {
    pub(crate) fn new(dialect: &'static Dialect, frame_size_max: usize) -> Self {
        Self {
            dialect,
            frame_size_max,
            bytes: Vec::new(),
            consumed: 0,
        }
    }

    /// Where to read more bytes to, with room in it.
    pub(crate) fn space(&mut self) -> &mut Vec<u8> {
        let was_filled = self.bytes.len() == self.bytes.capacity();
        self.bytes.drain(..self.consumed);
        self.consumed = 0;
        if was_filled {
            let capacity = (self.bytes.capacity() * 2).clamp(READ_SIZE_MIN, READ_SIZE_MAX);
            // At least one byte: the rest of a frame that is longer than the usual buffer.
            self.bytes
                .reserve(capacity.saturating_sub(self.bytes.len()).max(1));
        }
        &mut self.bytes
    }

    /// The bytes of a place that [`Self::next_frame`] gave.
    pub(crate) fn body(&self, place: Range<usize>) -> &[u8] {
        self.bytes.get(place).unwrap_or_default()
    }

    /// Whether part of a frame is there.
    pub(crate) fn has_rest(&self) -> bool {
        self.consumed < self.bytes.len()
    }

    /// The place of the next whole frame's body; `None` when more must be read first.
    ///
    /// # Errors
    /// The bytes are not frames of this dialect or too long ones. What follows is meaningless.
    pub(crate) fn next_frame(&mut self) -> Result<Option<Range<usize>>, FrameRefusal> {
        loop {
            let rest = self.bytes.get(self.consumed..).unwrap_or_default();
            let start = self.consumed;
            match next_frame(self.dialect, rest).map_err(FrameRefusal::from)? {
                NextFrame::Idle { consumed } => self.consumed += consumed,
                NextFrame::Incomplete { needed } if rest.len() + needed > self.size_max() => {
                    return Err(FrameRefusal::TooLong);
                }
                NextFrame::Incomplete { .. } => return Ok(None),
                NextFrame::Frame { body, .. } if body.len() > self.frame_size_max => {
                    return Err(FrameRefusal::TooLong);
                }
                NextFrame::Frame { body, consumed } => {
                    self.consumed += consumed;
                    return Ok(Some(start + body.start..start + body.end));
                }
            }
        }
    }

    /// Most bytes of a frame with its length.
    fn size_max(&self) -> usize {
        self.frame_size_max + LENGTH_SIZE_MAX
    }
}

impl From<FrameError> for FrameRefusal {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::NotDigits | FrameError::Empty => Self::Framing,
            FrameError::TooLong { .. } => Self::TooLong,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cuts a stream that arrives in pieces of `piece` bytes.
    fn cut(stream: &[u8], piece: usize, size_max: usize) -> Result<Vec<Vec<u8>>, FrameRefusal> {
        let mut buffer = ReadBuffer::new(Dialect::pos(), size_max);
        let mut frames = Vec::new();
        for part in stream.chunks(piece) {
            buffer.space().extend_from_slice(part);
            while let Some(place) = buffer.next_frame()? {
                frames.push(buffer.body(place).to_vec());
            }
        }
        assert!(buffer.bytes.capacity() <= READ_SIZE_MAX.max(stream.len() * 2));
        Ok(frames)
    }

    fn stream(sizes: &[u16]) -> (Vec<Vec<u8>>, Vec<u8>) {
        let frames: Vec<_> = sizes
            .iter()
            .map(|size| vec![7; usize::from(*size)])
            .collect();
        let lengths = sizes.iter().map(|size| size.to_be_bytes());
        let bytes = lengths
            .zip(&frames)
            .flat_map(|(length, frame)| [&length[..], frame].concat());
        (frames.clone(), bytes.collect())
    }

    #[test]
    fn frames_are_the_same_however_they_arrive() {
        let (frames, bytes) = stream(&[1, 4_096, 100, 3, 2_000, 1]);
        for piece in [1, 2, 3, 7, 100, 4_096, usize::MAX] {
            assert_eq!(
                cut(&bytes, piece, 4_096),
                Ok(frames.clone()),
                "pieces of {piece}"
            );
        }
    }

    #[test]
    fn too_long_frames_are_refused_before_they_are_read() {
        let (_, bytes) = stream(&[300]);
        assert_eq!(cut(&bytes[..2], 2, 200), Err(FrameRefusal::TooLong));
        assert_eq!(cut(&bytes, 1_000, 200), Err(FrameRefusal::TooLong));
        assert_eq!(cut(&[0xFF, 0xFF], 2, 65_535), Err(FrameRefusal::TooLong));
        assert_eq!(cut(&[0, 0, 1], 3, 200), Err(FrameRefusal::Framing));
    }

    #[test]
    fn a_busy_connection_gets_a_larger_buffer_up_to_a_bound() {
        let mut buffer = ReadBuffer::new(Dialect::pos(), 4_096);
        let (_, bytes) = stream(&[1_022]);
        for _ in 0..20 {
            let space = buffer.space();
            while space.len() + bytes.len() <= space.capacity() {
                space.extend_from_slice(&bytes);
            }
            while buffer.next_frame().unwrap().is_some() {}
            assert!(!buffer.has_rest());
        }
        assert_eq!(buffer.bytes.capacity(), READ_SIZE_MAX);
    }
}
