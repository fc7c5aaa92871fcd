//! Writing a recording, line by line as things happen: one that is cut short is still a recording.

use std::io::{self, Write};
use std::time::Duration;

use jackin_api::wire::Size;
use serde_json::{Value, json};

/// What a recording begins with.
#[derive(Debug)]
pub(crate) struct Start {
    /// The terminal's size.
    pub(crate) size: Size,
    /// When it began, in seconds since the Unix epoch.
    pub(crate) at: i64,
    /// Its title.
    pub(crate) title: String,
    /// The longest pause in seconds that a player should make.
    pub(crate) idle_limit: Option<f64>,
}

/// A recording that is being written.
#[derive(Debug)]
pub(crate) struct Recording<W> {
    file: W,
    /// The beginning of a character whose end has not come yet.
    held: Vec<u8>,
}

impl<W: Write> Recording<W> {
    /// Begins one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn begin(file: W, start: &Start) -> io::Result<Self> {
        let Start { size: Size { rows, cols }, at, title, idle_limit } = start;
        let mut header = json!({
            "version": 2,
            "width": cols,
            "height": rows,
            "timestamp": at,
            "title": title,
            "env": { "TERM": "xterm-256color" },
        });
        if let Some(limit) = idle_limit {
            header["idle_time_limit"] = json!(limit);
        }
        let mut recording = Self { file, held: Vec::new() };
        recording.line(&header)?;
        Ok(recording)
    }

    /// Writes what the terminal showed at a time since the beginning.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn output(&mut self, at: Duration, bytes: &[u8]) -> io::Result<()> {
        let text = self.characters(bytes);
        if text.is_empty() { Ok(()) } else { self.event(at, "o", &text) }
    }

    /// Writes that the terminal has another size from a time on.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn resize(&mut self, at: Duration, Size { rows, cols }: Size) -> io::Result<()> {
        self.event(at, "r", &format!("{cols}x{rows}"))
    }

    /// The whole characters of what came so far. Bytes that are none are replaced, as a terminal does.
    fn characters(&mut self, bytes: &[u8]) -> String {
        let mut all = std::mem::take(&mut self.held);
        all.extend_from_slice(bytes);
        let whole = match all.utf8_chunks().last() {
            // The last bytes may be the beginning of a character of four bytes at most; that is known once more come.
            Some(chunk) if is_beginning(chunk.invalid()) => all.len() - chunk.invalid().len(),
            _ => all.len(),
        };
        self.held = all.split_off(whole);
        String::from_utf8_lossy(&all).into_owned()
    }

    fn event(&mut self, at: Duration, code: &str, data: &str) -> io::Result<()> {
        // Microseconds, which is what players count in.
        let seconds = (at.as_secs_f64() * 1e6).round() / 1e6;
        self.line(&json!([seconds, code, data]))
    }

    fn line(&mut self, value: &Value) -> io::Result<()> {
        writeln!(self.file, "{value}")?;
        self.file.flush()
    }
}

/// Whether bytes at the end that are no character yet could become one.
fn is_beginning(bytes: &[u8]) -> bool {
    !bytes.is_empty() && std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Start {
        Start { size: Size { rows: 24, cols: 80 }, at: 1_700_000_000, title: "desk".to_owned(), idle_limit: Some(1.5) }
    }

    #[test]
    fn a_recording_is_a_header_and_an_event_a_line() {
        let mut file = Vec::new();
        let mut recording = Recording::begin(&mut file, &start()).expect("begun");
        recording.output(Duration::from_millis(1500), b"\x1b[H\"hi\"\r\n").expect("written");
        recording.resize(Duration::from_secs(2), Size { rows: 30, cols: 100 }).expect("written");
        let text = String::from_utf8(file).expect("text");
        let lines: Vec<&str> = text.lines().collect();
        let header: Value = serde_json::from_str(lines[0]).expect("json");
        assert_eq!(
            header,
            json!({"version": 2, "width": 80, "height": 24, "timestamp": 1_700_000_000, "title": "desk",
                "env": {"TERM": "xterm-256color"}, "idle_time_limit": 1.5})
        );
        assert_eq!(lines[1..], [r#"[1.5,"o","\u001b[H\"hi\"\r\n"]"#, r#"[2.0,"r","100x30"]"#]);
    }

    #[test]
    fn a_character_in_pieces_is_written_whole_wherever_it_is_cut() {
        let text = "a日é𝄞b".as_bytes();
        for cut in 0..=text.len() {
            let mut recording = Recording { file: io::sink(), held: Vec::new() };
            let pieces = [recording.characters(&text[..cut]), recording.characters(&text[cut..])];
            assert_eq!(pieces.concat(), "a日é𝄞b", "cut at {cut}");
        }
        let mut recording = Recording { file: io::sink(), held: Vec::new() };
        assert_eq!(recording.characters(b"\xffx\xe6"), "\u{fffd}x");
        assert_eq!(recording.characters(b"x"), "\u{fffd}x", "what becomes none is replaced as well");
    }
}
