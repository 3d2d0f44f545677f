//! The end of the journal that is not in the files yet. Pure bookkeeping: no file, no lock.

use std::collections::VecDeque;
use std::sync::Arc;

use super::segments::{SEGMENT_HEADER_SIZE, segment_header};
use super::{Address, row};
use card::CardId;
use card_store::JournalRow;

/// A buffer of this many bytes goes to the file.
const BUFFER_SIZE: usize = 256 << 10;
/// Writers wait when so many full buffers have not reached the file.
pub(super) const SEALED_BUFFERS_MAX: usize = 64;
/// Empty buffers that are kept for reuse.
const SPARE_BUFFERS_MAX: usize = 4;

/// Bytes that go to one place of one segment.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) at: Address,
    pub(super) bytes: Vec<u8>,
}

/// Buffers that follow each other up to the end of the journal.
#[derive(Debug)]
pub(super) struct Tail {
    /// Where the open buffer begins.
    at: Address,
    open: Vec<u8>,
    /// Oldest first. The oldest may be on its way to the file.
    sealed: VecDeque<Arc<Sealed>>,
    sealed_count: u64,
    written_count: u64,
    spare: Vec<Vec<u8>>,
    segment_size_max: u32,
}

impl Tail {
    /// Goes on at `end`, or begins the first segment when there is none.
    pub(super) fn new(end: Address, segment_size_max: u32) -> Self {
        let mut tail = Self {
            at: end,
            open: Vec::with_capacity(BUFFER_SIZE),
            sealed: VecDeque::new(),
            sealed_count: 0,
            written_count: 0,
            spare: Vec::new(),
            segment_size_max,
        };
        if end == Address::NONE {
            tail.begin_segment(1);
        }
        tail
    }

    /// Appends one row and returns its address.
    pub(super) fn push(&mut self, card: CardId, row: &JournalRow, previous: Address) -> Address {
        let size = row::encoded_size(row);
        if size > self.segment_size_max.saturating_sub(self.end().offset) {
            self.seal();
            self.begin_segment(self.at.segment + 1);
        }
        let address = self.end();
        row::encode(&mut self.open, card, row, previous);
        address
    }

    /// Where the next row goes, if the segment has room for it.
    pub(super) fn end(&self) -> Address {
        Address::new(self.at.segment, self.at.offset + size_of(&self.open))
    }

    pub(super) fn is_full(&self) -> bool {
        self.open.len() >= BUFFER_SIZE
    }

    pub(super) fn is_overloaded(&self) -> bool {
        self.sealed.len() >= SEALED_BUFFERS_MAX
    }

    /// Closes the open buffer and begins another one behind it.
    pub(super) fn seal(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let end = self.end();
        let next = self
            .spare
            .pop()
            .unwrap_or_else(|| Vec::with_capacity(BUFFER_SIZE));
        let bytes = std::mem::replace(&mut self.open, next);
        self.sealed
            .push_back(Arc::new(Sealed { at: self.at, bytes }));
        self.sealed_count += 1;
        self.at = end;
    }

    pub(super) fn oldest_sealed(&self) -> Option<Arc<Sealed>> {
        self.sealed.front().cloned()
    }

    /// Forgets the oldest sealed buffer: the file has it.
    pub(super) fn written(&mut self, sealed: Arc<Sealed>) {
        self.sealed.pop_front();
        self.written_count += 1;
        // A buffer that grew far over its size is not kept.
        if let Ok(Sealed { mut bytes, .. }) = Arc::try_unwrap(sealed)
            && self.spare.len() < SPARE_BUFFERS_MAX
            && bytes.capacity() <= 2 * BUFFER_SIZE
        {
            bytes.clear();
            self.spare.push(bytes);
        }
    }

    /// Buffers sealed since the start.
    pub(super) fn sealed_count(&self) -> u64 {
        self.sealed_count
    }

    /// Buffers of those that are in the files.
    pub(super) fn written_count(&self) -> u64 {
        self.written_count
    }

    /// The bytes in memory from this address on, if it is in memory.
    pub(super) fn bytes_from(&self, address: Address) -> Option<&[u8]> {
        let sealed = self.sealed.iter().map(|sealed| (sealed.at, &sealed.bytes));
        sealed
            .chain([(self.at, &self.open)])
            .find_map(|(at, bytes)| {
                let index = address.offset.checked_sub(at.offset)?;
                let index = usize::try_from(index).ok()?;
                let is_here = at.segment == address.segment && index < bytes.len();
                if is_here { bytes.get(index..) } else { None }
            })
    }

    fn begin_segment(&mut self, number: u32) {
        self.at = Address::new(number, 0);
        self.open.extend_from_slice(&segment_header(number));
        debug_assert_eq!(size_of(&self.open), SEGMENT_HEADER_SIZE);
    }
}

fn size_of(buffer: &[u8]) -> u32 {
    u32::try_from(buffer.len()).expect("a buffer is smaller than a segment")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use card::Version;

    use super::*;

    fn row_of(size: usize) -> JournalRow {
        JournalRow {
            version: Version(1),
            bytes: Bytes::from(vec![7; size - row::ROW_HEADER_SIZE]),
        }
    }

    fn push(tail: &mut Tail, size: usize) -> (u32, u32) {
        let Address { segment, offset } =
            tail.push(CardId::new(1, [1; 14]), &row_of(size), Address::NONE);
        (segment, offset)
    }

    #[test]
    fn segments_are_filled_to_their_size_and_no_further() {
        let mut tail = Tail::new(Address::NONE, 216);
        let found: Vec<_> = [100, 100, 100, 99, 1_000, 36]
            .map(|size| push(&mut tail, size))
            .into();
        assert_eq!(
            found,
            [(1, 16), (1, 116), (2, 16), (2, 116), (3, 16), (4, 16)]
        );
        assert_eq!(tail.end(), Address::new(4, 52));
    }

    #[test]
    fn goes_on_where_a_segment_ended() {
        let mut tail = Tail::new(Address::new(3, 150), 216);
        assert_eq!(push(&mut tail, 66), (3, 150));
        assert_eq!(push(&mut tail, 66), (4, 16));
    }

    #[test]
    fn rows_are_found_in_every_buffer_until_they_are_written() {
        let mut tail = Tail::new(Address::NONE, 1_000);
        push(&mut tail, 100);
        tail.seal();
        tail.seal(); // Nothing to seal.
        push(&mut tail, 50);
        let found = |tail: &Tail, offset| {
            tail.bytes_from(Address::new(1, offset))
                .map(|bytes| bytes.len())
        };
        assert_eq!(found(&tail, 16), Some(100));
        assert_eq!(found(&tail, 116), Some(50));
        assert_eq!(found(&tail, 166), None, "behind the end");
        assert_eq!(
            tail.bytes_from(Address::new(2, 16)),
            None,
            "another segment"
        );

        let sealed = tail.oldest_sealed().unwrap();
        assert_eq!((sealed.at, sealed.bytes.len()), (Address::new(1, 0), 116));
        tail.written(sealed);
        assert_eq!(found(&tail, 16), None, "in the file");
        assert_eq!(found(&tail, 116), Some(50));
        assert_eq!((tail.sealed_count(), tail.written_count()), (1, 1));
        assert!(tail.oldest_sealed().is_none());
    }
}
