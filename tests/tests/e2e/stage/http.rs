//! Requests of HTTP, as far as servers of rules read them.

use std::io::{BufRead, BufReader, Read};

use anyhow::Result;

/// One request.
pub(crate) struct Request {
    /// Method, address and version.
    pub(crate) line: String,
    /// What comes after the head.
    pub(crate) content: Vec<u8>,
}

impl Request {
    /// Reads one, whose head says how long its content is.
    pub(crate) fn read(stream: impl Read) -> Result<Self> {
        let mut reader = BufReader::new(stream);
        let mut first = String::new();
        reader.read_line(&mut first)?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        let mut content = vec![0; length];
        reader.read_exact(&mut content)?;
        Ok(Self { line: first, content })
    }
}
