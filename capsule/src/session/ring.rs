//! The latest bytes of a stream, addressed by their position in it.

use std::collections::VecDeque;

/// Keeps the last `capacity` bytes.
#[derive(Debug)]
pub(super) struct Ring {
    bytes: VecDeque<u8>,
    capacity: usize,
    /// The position of the next byte.
    end: u64,
}

impl Ring {
    pub(super) fn new(capacity: usize) -> Self {
        Self { bytes: VecDeque::new(), capacity, end: 0 }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.end += bytes.len() as u64;
        let bytes = &bytes[bytes.len().saturating_sub(self.capacity)..];
        let surplus = (self.bytes.len() + bytes.len()).saturating_sub(self.capacity);
        self.bytes.drain(..surplus);
        self.bytes.extend(bytes);
    }

    /// The position of the oldest byte that is kept.
    pub(super) fn start(&self) -> u64 {
        self.end - self.bytes.len() as u64
    }

    /// The position after the newest byte.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// At most `limit` bytes from a position on, or nothing when they are not kept any more.
    pub(super) fn read(&self, from: u64, limit: usize) -> Option<Vec<u8>> {
        let skipped = usize::try_from(from.checked_sub(self.start())?).ok()?;
        Some(self.bytes.iter().skip(skipped).take(limit).copied().collect())
    }

    /// Where the last `lines` lines begin.
    pub(super) fn start_of_last_lines(&self, lines: u32) -> u64 {
        let mut wanted = lines;
        let mut position = self.end;
        for (index, &byte) in self.bytes.iter().rev().enumerate() {
            // The newest byte ends a line, it does not begin one.
            if byte == b'\n' && index > 0 {
                wanted = wanted.saturating_sub(1);
            }
            if wanted == 0 {
                return position;
            }
            position -= 1;
        }
        position
    }
}

#[cfg(test)]
mod tests {
    use super::Ring;

    #[test]
    fn only_the_latest_bytes_are_kept_and_positions_go_on() {
        let mut ring = Ring::new(8);
        ring.push(b"abcdef");
        ring.push(b"ghij");
        assert_eq!((ring.start(), ring.end()), (2, 10));
        assert_eq!(ring.read(4, 3).as_deref(), Some(&b"efg"[..]));
        assert_eq!(ring.read(10, 3).as_deref(), Some(&b""[..]));
        assert_eq!(ring.read(1, 3), None);
        ring.push(&[b'x'; 100]);
        assert_eq!(ring.read(102, 100).as_deref(), Some(&b"xxxxxxxx"[..]));
    }

    #[test]
    fn lines_are_counted_from_the_end() {
        let mut ring = Ring::new(100);
        ring.push(b"one\ntwo\nthree\n");
        let last = |lines| ring.read(ring.start_of_last_lines(lines), 100);
        assert_eq!(last(1).as_deref(), Some(&b"three\n"[..]));
        assert_eq!(last(2).as_deref(), Some(&b"two\nthree\n"[..]));
        assert_eq!(last(9).as_deref(), Some(&b"one\ntwo\nthree\n"[..]));
        assert_eq!(last(0).as_deref(), Some(&b""[..]));
    }
}
