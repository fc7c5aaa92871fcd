//! Reading a recording.

use std::io::{self, BufRead};
use std::time::Duration;

use serde::Deserialize;

/// Why a file cannot be played.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CastError {
    /// The file cannot be read.
    #[error("read the recording")]
    Io(#[from] io::Error),
    /// A line is not what the format says.
    #[error("understand line {line} of the recording")]
    Malformed {
        /// Which one, from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// There is no recording in it, or one of a version that is not known.
    #[error("play a recording of version {version}: 2 and 3 are known")]
    Version {
        /// What its header says; 0 for none.
        version: u64,
    },
}

/// Something to be shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moment {
    /// How long after the one before.
    pub(crate) after: Duration,
    /// What the terminal showed; nothing for other events, which take their time.
    pub(crate) shown: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    version: u64,
    #[serde(default)]
    width: Option<u16>,
    #[serde(default)]
    height: Option<u16>,
    #[serde(default)]
    term: Option<Term>,
    #[serde(default)]
    idle_time_limit: Option<f64>,
}

/// The terminal in a header of version 3.
#[derive(Deserialize)]
struct Term {
    cols: u16,
    rows: u16,
}

/// A recording that is being read.
#[derive(Debug)]
pub(crate) struct Reader<R> {
    file: R,
    line: usize,
    has_intervals: bool,
    /// The time of the event before, where times count from the beginning.
    last: f64,
    /// The size that it was recorded at, in columns and rows.
    pub(crate) size: Option<(u16, u16)>,
    /// The longest pause in seconds, as whoever recorded it meant it.
    pub(crate) idle_limit: Option<f64>,
}

impl<R: BufRead> Reader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// When there is none of a known version.
    pub(crate) fn open(file: R) -> Result<Self, CastError> {
        let mut reader = Self { file, line: 0, has_intervals: false, last: 0.0, size: None, idle_limit: None };
        let Some(line) = reader.next_line()? else { return Err(CastError::Version { version: 0 }) };
        let Header { version, width, height, term, idle_time_limit } = reader.parse(&line)?;
        match version {
            2 => reader.size = width.zip(height),
            3 => reader.size = term.map(|Term { cols, rows }| (cols, rows)),
            _ => return Err(CastError::Version { version }),
        }
        reader.has_intervals = version == 3;
        reader.idle_limit = idle_time_limit;
        Ok(reader)
    }

    /// What comes next, or nothing at the end.
    ///
    /// # Errors
    /// When the file cannot be read, or a line is malformed.
    pub(crate) fn next_moment(&mut self) -> Result<Option<Moment>, CastError> {
        let Some(line) = self.next_line()? else { return Ok(None) };
        let (time, code, data): (f64, String, serde_json::Value) = self.parse(&line)?;
        let seconds = if self.has_intervals { time } else { time - std::mem::replace(&mut self.last, time) };
        let after = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        let shown = (code == "o").then(|| data.as_str().map(str::to_owned)).flatten();
        Ok(Some(Moment { after, shown }))
    }

    /// The next line that is not empty and no comment.
    fn next_line(&mut self) -> Result<Option<String>, CastError> {
        loop {
            let mut line = String::new();
            self.line += 1;
            if self.file.read_line(&mut line)? == 0 {
                return Ok(None);
            }
            if !line.trim().is_empty() && !line.starts_with('#') {
                return Ok(Some(line));
            }
        }
    }

    fn parse<T: for<'a> Deserialize<'a>>(&self, line: &str) -> Result<T, CastError> {
        serde_json::from_str(line).map_err(|source| CastError::Malformed { line: self.line, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(text: &str) -> Result<Vec<(u64, Option<String>)>, CastError> {
        let mut reader = Reader::open(text.as_bytes())?;
        let mut moments = Vec::new();
        while let Some(Moment { after, shown }) = reader.next_moment()? {
            moments.push((u64::try_from(after.as_millis()).unwrap_or(u64::MAX), shown));
        }
        Ok(moments)
    }

    #[test]
    fn both_versions_give_the_same_moments() {
        let second = "{\"version\":2,\"width\":80,\"height\":24}\n[0.5,\"o\",\"a\"]\n[1.5,\"r\",\"90x30\"]\n[1.75,\"o\",\"b\"]\n";
        let third = "{\"version\":3,\"term\":{\"cols\":80,\"rows\":24}}\n[0.5,\"o\",\"a\"]\n# aside\n[1.0,\"r\",\"90x30\"]\n[0.25,\"o\",\"b\"]\n";
        let expected = [(500, Some("a".to_owned())), (1000, None), (250, Some("b".to_owned()))];
        for text in [second, third] {
            assert_eq!(moments(text).expect("a recording"), expected);
            assert_eq!(Reader::open(text.as_bytes()).expect("a recording").size, Some((80, 24)));
        }
    }

    #[test]
    fn what_is_no_recording_is_told_with_its_line() {
        assert!(matches!(moments(""), Err(CastError::Version { version: 0 })));
        assert!(matches!(moments("{\"version\":1}"), Err(CastError::Version { version: 1 })));
        assert!(matches!(moments("hello"), Err(CastError::Malformed { line: 1, .. })));
        assert!(matches!(moments("{\"version\":2}\n\n[1,\"o\"]"), Err(CastError::Malformed { line: 3, .. })));
    }

    #[test]
    fn a_time_that_goes_back_is_no_pause() {
        let text = "{\"version\":2}\n[5,\"o\",\"a\"]\n[1,\"o\",\"b\"]\n";
        assert_eq!(moments(text).expect("a recording")[1], (0, Some("b".to_owned())));
    }
}
