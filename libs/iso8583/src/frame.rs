//! Frames of a byte stream: a length, then that many bytes.
//!
//! [`next_frame`] looks at what a connection has received so far. [`begin`] and [`finish`] put a
//! length in front of what is written between them, so that many answers can be gathered in one
//! buffer and leave in one write.

use std::ops::Range;

use crate::dialect::{Dialect, FrameLength};
use crate::packed;

/// What the received bytes start with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextFrame {
    /// Part of a frame.
    Incomplete {
        /// At least this many bytes more must come. Never over the largest frame.
        needed: usize,
    },
    /// The probe of an idle line, which is a length of zero. It needs no answer.
    Idle {
        /// Bytes to drop from the front of the buffer.
        consumed: usize,
    },
    /// A whole frame.
    Frame {
        /// Where its body is in the buffer.
        body: Range<usize>,
        /// Bytes to drop from the front of the buffer once the body is done with.
        consumed: usize,
    },
}

/// Why a stream cannot be cut into frames. Nothing after it can be trusted: close the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Length digits that are none.
    #[error("frame length is not four digits, the peer speaks another dialect")]
    NotDigits,
    /// A frame without a body, in a dialect without probes.
    #[error("frame of length 0, the peer speaks another dialect")]
    Empty,
    /// Over the dialect's largest frame.
    #[error("frame of {size} bytes is over the limit of {size_max}")]
    TooLong {
        /// Bytes the peer wants to send, or we do.
        size: usize,
        /// Bytes of the largest frame.
        size_max: usize,
    },
}

/// Cuts the frame at the front of a buffer. Looks at the length only; allocates nothing.
///
/// # Errors
/// [`FrameError`] when the length can be none of this dialect.
pub fn next_frame(dialect: &Dialect, buffer: &[u8]) -> Result<NextFrame, FrameError> {
    let prefix_size = dialect.frame_length.size();
    let Some(length) = buffer.get(..prefix_size) else {
        return Ok(NextFrame::Incomplete {
            needed: prefix_size - buffer.len(),
        });
    };
    let size = dialect.frame_length.read(length)?;
    if size > dialect.frame_size_max {
        return Err(FrameError::TooLong {
            size,
            size_max: dialect.frame_size_max,
        });
    }
    let end = prefix_size + size;
    match (size, dialect.frame_length) {
        (0, FrameLength::BigEndian2) => Err(FrameError::Empty),
        (0, FrameLength::AsciiDigits4) => Ok(NextFrame::Idle { consumed: end }),
        (_, _) if buffer.len() < end => Ok(NextFrame::Incomplete {
            needed: end - buffer.len(),
        }),
        (_, _) => Ok(NextFrame::Frame {
            body: prefix_size..end,
            consumed: end,
        }),
    }
}

/// A frame that is being written.
#[derive(Debug)]
#[must_use = "the length of the frame is not set until it is finished"]
pub struct FrameStart {
    start: usize,
}

/// Leaves room for the length at the end of the buffer.
pub fn begin(dialect: &Dialect, buffer: &mut Vec<u8>) -> FrameStart {
    let start = buffer.len();
    buffer.resize(start + dialect.frame_length.size(), 0);
    FrameStart { start }
}

/// Sets the length to what was written since `begin`.
///
/// # Errors
/// [`FrameError::TooLong`] for more than the dialect's largest frame; the buffer then ends where
/// the frame began.
pub fn finish(
    dialect: &Dialect,
    buffer: &mut Vec<u8>,
    frame: &FrameStart,
) -> Result<(), FrameError> {
    let body_start = frame.start + dialect.frame_length.size();
    let size = buffer.len().saturating_sub(body_start);
    if size > dialect.frame_size_max {
        buffer.truncate(frame.start);
        return Err(FrameError::TooLong {
            size,
            size_max: dialect.frame_size_max,
        });
    }
    if let Some(length) = buffer.get_mut(frame.start..body_start) {
        dialect.frame_length.write(size, length);
    }
    Ok(())
}

impl FrameStart {
    /// Index of the first byte of the body.
    pub(crate) fn body_start(&self, dialect: &Dialect) -> usize {
        self.start + dialect.frame_length.size()
    }

    /// Drops what was written since `begin`, and the length.
    pub(crate) fn abandon(&self, buffer: &mut Vec<u8>) {
        buffer.truncate(self.start);
    }
}

impl FrameLength {
    fn size(self) -> usize {
        match self {
            Self::BigEndian2 => 2,
            Self::AsciiDigits4 => 4,
        }
    }

    fn read(self, bytes: &[u8]) -> Result<usize, FrameError> {
        let length = match self {
            Self::BigEndian2 => bytes.try_into().ok().map(u16::from_be_bytes).map(u64::from),
            Self::AsciiDigits4 => packed::ascii_number(bytes),
        };
        length
            .and_then(|length| usize::try_from(length).ok())
            .ok_or(FrameError::NotDigits)
    }

    fn write(self, size: usize, bytes: &mut [u8]) {
        match self {
            Self::BigEndian2 => {
                let length = u16::try_from(size).unwrap_or(u16::MAX);
                bytes.copy_from_slice(&length.to_be_bytes());
            }
            Self::AsciiDigits4 => {
                packed::write_ascii_number(u64::try_from(size).unwrap_or(u64::MAX), bytes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(dialect: &Dialect, buffer: &[u8], expected: Result<NextFrame, FrameError>) {
        assert_eq!(next_frame(dialect, buffer), expected);
    }

    #[test]
    fn frames_of_terminals() {
        let pos = Dialect::pos();
        check(pos, &[], Ok(NextFrame::Incomplete { needed: 2 }));
        check(pos, &[0x00], Ok(NextFrame::Incomplete { needed: 1 }));
        check(pos, &[0x00, 0x03], Ok(NextFrame::Incomplete { needed: 3 }));
        check(
            pos,
            &[0x00, 0x03, 1, 2],
            Ok(NextFrame::Incomplete { needed: 1 }),
        );
        check(
            pos,
            &[0x00, 0x02, 1, 2, 3],
            Ok(NextFrame::Frame {
                body: 2..4,
                consumed: 4,
            }),
        );
        check(pos, &[0x00, 0x00], Err(FrameError::Empty));
        check(
            pos,
            &[0x10, 0x01],
            Err(FrameError::TooLong {
                size: 4_097,
                size_max: 4_096,
            }),
        );
        check(
            pos,
            b"GE",
            Err(FrameError::TooLong {
                size: 0x4745,
                size_max: 4_096,
            }),
        );
    }

    #[test]
    fn frames_of_institutions() {
        let cups = Dialect::cups();
        check(cups, b"035", Ok(NextFrame::Incomplete { needed: 1 }));
        check(cups, b"0000", Ok(NextFrame::Idle { consumed: 4 }));
        check(cups, b"0000035", Ok(NextFrame::Idle { consumed: 4 }));
        check(
            cups,
            b"0002ab0",
            Ok(NextFrame::Frame {
                body: 4..6,
                consumed: 6,
            }),
        );
        check(cups, b"GET ", Err(FrameError::NotDigits));
        check(
            cups,
            b"5121",
            Err(FrameError::TooLong {
                size: 5_121,
                size_max: 5_120,
            }),
        );
    }

    #[test]
    fn frames_are_gathered_in_one_buffer() {
        for dialect in [Dialect::pos(), Dialect::cups()] {
            let mut buffer = Vec::new();
            for body in [b"first".as_slice(), b"second one"] {
                let frame = begin(dialect, &mut buffer);
                buffer.extend_from_slice(body);
                finish(dialect, &mut buffer, &frame).unwrap();
            }
            for expected in [b"first".as_slice(), b"second one"] {
                let Ok(NextFrame::Frame { body, consumed }) = next_frame(dialect, &buffer) else {
                    panic!("no frame where one was written");
                };
                assert_eq!(buffer.get(body), Some(expected));
                buffer.drain(..consumed);
            }
            assert!(buffer.is_empty());
        }
    }

    #[test]
    fn what_is_too_long_leaves_no_trace() {
        let pos = Dialect::pos();
        let mut buffer = b"before".to_vec();
        let frame = begin(pos, &mut buffer);
        buffer.resize(buffer.len() + 4_097, 0);
        let error = finish(pos, &mut buffer, &frame).unwrap_err();
        assert_eq!(
            error,
            FrameError::TooLong {
                size: 4_097,
                size_max: 4_096
            }
        );
        assert_eq!(buffer, b"before");
    }
}
