//! What a client types into a session that it does not look at.

use serde::{Deserialize, Serialize};

/// Strokes that reach the program in one piece, whoever else types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typing {
    /// Name or id; the oldest live session when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// What is typed, in this order.
    pub strokes: Vec<Stroke>,
}

impl Typing {
    /// The most bytes that one request may come to.
    pub const MOST: usize = 64 * 1024;
}

/// Something that is typed. Only the capsule knows which modes the program is in, and what a key is in them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Stroke {
    /// Characters one after the other; the end of a line is Enter.
    Text {
        /// The characters.
        text: String,
    },
    /// As [`Text`](Self::Text), told to be pasted where the program asked to know that.
    Paste {
        /// The characters.
        text: String,
    },
    /// A key.
    Key {
        /// What it sends.
        normal: String,
        /// What it sends while the program has its cursor keys in application mode.
        application: String,
    },
    /// Something of a later version.
    #[serde(other)]
    Unknown,
}

impl std::fmt::Debug for Stroke {
    // Somebody may type a password.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text { text } => write!(formatter, "Text {{ {} bytes }}", text.len()),
            Self::Paste { text } => write!(formatter, "Paste {{ {} bytes }}", text.len()),
            Self::Key { .. } => write!(formatter, "Key"),
            Self::Unknown => write!(formatter, "Unknown"),
        }
    }
}
