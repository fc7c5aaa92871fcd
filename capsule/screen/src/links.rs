//! The hyperlinks (OSC 8) that cells refer to by number.

/// The most links that are kept; of more, none is a link until others left the screen.
const LINKS: usize = 1024;

/// The most bytes of all of them.
const BYTES: usize = 256 * 1024;

/// The longest target, as other terminals have it.
const TARGET: usize = 2083;

/// See the module. Number 0 is no link.
#[derive(Debug, Default)]
pub(crate) struct Links {
    /// The parameters and the target as they were written, by number less one.
    entries: Vec<Option<String>>,
    bytes: usize,
}

impl Links {
    /// The parameters and the target of a link, as OSC 8 has them.
    pub(crate) fn get(&self, number: u16) -> Option<&str> {
        let index = usize::from(number).checked_sub(1)?;
        self.entries.get(index)?.as_deref()
    }

    /// The number of a link, new or known; 0 when it is none or there is no room.
    ///
    /// `in_use` tells the numbers that cells still have, in order, when there is no room, so that the others can go.
    pub(crate) fn number(&mut self, parameters: &[u8], target: &[u8], in_use: impl FnOnce() -> Vec<u16>) -> u16 {
        // By the specification a target is printable ASCII; anything else could carry a sequence.
        let is_plain = |bytes: &[u8]| bytes.iter().all(|byte| (0x20..0x7f).contains(byte));
        if target.is_empty() || target.len() > TARGET || parameters.len() > 256 {
            return 0;
        }
        if !is_plain(parameters) || !is_plain(target) {
            return 0;
        }
        let link = format!("{};{}", String::from_utf8_lossy(parameters), String::from_utf8_lossy(target));
        let known = self.entries.iter().position(|entry| entry.as_ref() == Some(&link));
        if let Some(index) = known {
            return number(index);
        }
        if self.entries.len() >= LINKS || self.bytes + link.len() > BYTES {
            self.sweep(&in_use());
        }
        if self.bytes + link.len() > BYTES {
            return 0;
        }
        self.bytes += link.len();
        match self.entries.iter().position(Option::is_none) {
            Some(free) => {
                self.entries[free] = Some(link);
                number(free)
            }
            None if self.entries.len() < LINKS => {
                self.entries.push(Some(link));
                number(self.entries.len() - 1)
            }
            None => {
                self.bytes -= link.len();
                0
            }
        }
    }

    fn sweep(&mut self, in_use: &[u16]) {
        for (index, entry) in self.entries.iter_mut().enumerate() {
            if in_use.binary_search(&number(index)).is_err() {
                *entry = None;
            }
        }
        self.bytes = self.entries.iter().flatten().map(String::len).sum();
    }
}

fn number(index: usize) -> u16 {
    u16::try_from(index + 1).unwrap_or(0)
}
