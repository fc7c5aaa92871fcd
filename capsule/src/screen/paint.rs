//! The bytes that show a screen on a terminal, whatever that terminal showed before.

use jackin_api::wire::Size;

use super::Screen;

/// The plain state that a paint starts from: attributes, character sets, scroll region, origin, insert, wrap; then no mouse, focus
/// or paste reports, and the usual cursor and keypad keys.
const PLAIN: &[u8] = b"\x1b[0m\x1b(B\x1b)B\x0f\x1b[?6l\x1b[r\x1b[4l\x1b[20l\x1b[?7h\
\x1b[?9l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1005l\x1b[?1006l\x1b[?1015l\x1b[?1016l\x1b[?1004l\x1b[?2004l\x1b[?1l\x1b>";

impl Screen {
    /// What paints this screen: cells, cursor, modes, title, and the beginning of a sequence that is not complete.
    ///
    /// A viewer of another size than the screen's gets each row at its place; otherwise rows that wrapped do so again, so that a
    /// terminal selects them as one line. A *repaint* also undoes whatever an earlier paint of this session left.
    pub(crate) fn paint(&self, viewer: Option<Size>, is_repaint: bool) -> Vec<u8> {
        let screen = self.parser.screen();
        let is_alternate = screen.alternate_screen();
        let mut bytes = Vec::with_capacity(16 * 1024);
        if is_repaint {
            // The bytes that the viewer missed may have begun a sequence before and never ended it.
            bytes.extend_from_slice(b"\x18\x1b[?1049l");
        }
        bytes.extend_from_slice(PLAIN);
        if is_alternate {
            bytes.extend_from_slice(&self.main);
            bytes.extend_from_slice(b"\x1b[0m\x1b[?1049h");
        }
        if viewer.is_none_or(|viewer| viewer == self.size) {
            bytes.extend_from_slice(screen.contents_formatted().as_bytes());
        } else {
            self.paint_rows(&mut bytes);
        }
        self.paint_region(&mut bytes);
        bytes.extend_from_slice(screen.input_mode_formatted().as_bytes());
        bytes.extend_from_slice(self.parser.callbacks().formatted(is_alternate).as_bytes());
        bytes.extend_from_slice(&self.scanner.character_sets());
        bytes.extend_from_slice(self.scanner.unfinished());
        bytes
    }

    /// Each row at its place, then the cursor and the attributes in use.
    fn paint_rows(&self, bytes: &mut Vec<u8>) {
        let screen = self.parser.screen();
        bytes.extend_from_slice(b"\x1b[?25l\x1b[H\x1b[J");
        for (index, row) in screen.rows_formatted(0, self.size.cols).enumerate() {
            bytes.extend_from_slice(format!("\x1b[0m\x1b[{};1H", index + 1).as_bytes());
            bytes.extend_from_slice(row.as_bytes());
        }
        bytes.extend_from_slice(screen.cursor_state_formatted().as_bytes());
        bytes.extend_from_slice(b"\x1b[0m");
        bytes.extend_from_slice(screen.attributes_formatted().as_bytes());
    }

    /// The scroll region. Setting it moves the cursor, which then has to be put back.
    fn paint_region(&self, bytes: &mut Vec<u8>) {
        let region = self.scanner.region();
        if region.is_none() && !self.scanner.has_origin() {
            return;
        }
        let (top, bottom) = region.unwrap_or((1, self.size.rows));
        bytes.extend_from_slice(format!("\x1b[{top};{}r", bottom.min(self.size.rows)).as_bytes());
        let (row, column) = self.cursor();
        let first = if self.scanner.has_origin() {
            bytes.extend_from_slice(b"\x1b[?6h");
            top - 1
        } else {
            0
        };
        bytes.extend_from_slice(format!("\x1b[{};{}H", row.saturating_sub(first) + 1, column + 1).as_bytes());
    }
}
