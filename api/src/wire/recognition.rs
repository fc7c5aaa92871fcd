//! How a session's state is recognised where no process tells it, and what an agent's own hooks report.

use serde::{Deserialize, Serialize};

use super::SessionState;

/// What tells a session's state, beside what the program reports of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Recognition {
    /// In each place the first that matches counts.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

impl Recognition {
    /// The most rules that are looked at.
    pub const RULES: usize = 64;
    /// The longest text of a rule, and the most texts in one, in bytes and in number.
    pub const TEXT: usize = 256;
}

/// A text that is seen in a place, and the state that it means.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rule {
    /// What it means.
    #[serde(default)]
    pub state: SessionState,
    /// Where it is looked for.
    #[serde(default)]
    pub place: Place,
    /// How many rows of the screen count, from the last that shows something upwards; all where it is 0.
    #[serde(default)]
    pub lines: u16,
    /// It begins with one of these; on a screen, one of its rows does, without the spaces before.
    #[serde(default)]
    pub starts_with: Vec<String>,
    /// It has all of these in it.
    #[serde(default)]
    pub all: Vec<String>,
    /// It has one of these in it.
    #[serde(default)]
    pub any: Vec<String>,
    /// It has none of these in it.
    #[serde(default)]
    pub none: Vec<String>,
}

/// Where a rule looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// The window title that the program set.
    Title,
    /// What is on the screen.
    Screen,
    /// Nowhere; also a place of a later version.
    #[default]
    #[serde(other)]
    Nowhere,
}

/// See [`Request::Report`](super::Request::Report): what a hook of the agent knows of its session.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Report {
    /// The session's id or name.
    pub session: String,
    /// What it does; `unknown` takes back what was reported before.
    pub state: SessionState,
    /// Where that is known from, in a few words such as `hook Stop`.
    #[serde(default)]
    pub evidence: String,
}

impl Report {
    /// The most characters of evidence that are kept.
    pub const EVIDENCE: usize = 160;
}

/// A file of the agent that its session needs in its home.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HomeFile {
    /// Where, inside the home. What is in [`HomeFile::OWN`] is jackin's own and follows `content`; any other is written only
    /// where there is none.
    pub path: String,
    /// What it has in it.
    pub content: String,
}

impl HomeFile {
    /// The folder of the home in which all files are jackin's own.
    pub const OWN: &'static str = ".jackin";
    /// The most bytes of all files of a session together.
    pub const BYTES: usize = 128 * 1024;
}
