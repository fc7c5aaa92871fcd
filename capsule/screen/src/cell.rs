//! A cell: one character with the marks upon it, and how it looks.

use crate::style::Style;

/// How many bytes of a character and its marks are kept: enough for a base and a dozen marks of most scripts.
const BYTES: usize = 28;

/// What part of a character a cell has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    /// The left half of a wide one, which has its text.
    Left,
    /// The right half of a wide one, which has no text.
    Right,
}

/// One place on a screen. A place where nothing was written holds a space.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    bytes: [u8; BYTES],
    length: u8,
    part: Part,
    pub(crate) style: Style,
}

impl std::fmt::Debug for Cell {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:?}", self.text())
    }
}

impl Cell {
    /// Nothing, on this ground.
    pub(crate) fn blank(style: Style) -> Self {
        let mut bytes = [0; BYTES];
        bytes[0] = b' ';
        Self { bytes, length: 1, part: Part::Whole, style }
    }

    pub(crate) fn new(character: char, is_wide: bool, style: Style) -> Self {
        let mut bytes = [0; BYTES];
        let length = character.encode_utf8(&mut bytes).len();
        let part = if is_wide { Part::Left } else { Part::Whole };
        Self { bytes, length: u8::try_from(length).unwrap_or(0), part, style }
    }

    /// The right half that belongs to this left one.
    pub(crate) fn right_half(self) -> Self {
        Self { bytes: [0; BYTES], length: 0, part: Part::Right, style: self.style }
    }

    /// Adds a mark, as long as there is room.
    pub(crate) fn combine(&mut self, mark: char) {
        let length = usize::from(self.length);
        if self.part != Part::Right && length + mark.len_utf8() <= BYTES {
            mark.encode_utf8(&mut self.bytes[length..]);
            self.length += u8::try_from(mark.len_utf8()).unwrap_or(0);
        }
    }

    /// Its character with its marks; empty for the right half of a wide one.
    #[must_use]
    pub fn text(&self) -> &str {
        // Only whole characters were ever written into it.
        std::str::from_utf8(&self.bytes[..usize::from(self.length)]).unwrap_or(" ")
    }

    /// How it looks.
    #[must_use]
    pub fn style(&self) -> Style {
        self.style
    }

    /// Whether its character takes the next cell as well.
    #[must_use]
    pub fn is_wide(&self) -> bool {
        self.part == Part::Left
    }

    /// Whether it is the right half of the character before it.
    #[must_use]
    pub fn is_right_half(&self) -> bool {
        self.part == Part::Right
    }

    /// Whether nothing is to be seen of it.
    pub(crate) fn is_blank(&self) -> bool {
        self.part == Part::Whole && self.style == Style::default() && self.bytes[0] == b' ' && self.length == 1
    }
}
