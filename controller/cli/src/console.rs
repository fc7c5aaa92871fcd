//! What reaches the person: data on standard output, talk on standard error, colours where a terminal shows them.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::command_error::{CommandError, Diagnostic, Place};

/// The two outputs of the program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Console {
    colour_output: bool,
    colour_talk: bool,
    talk_is_terminal: bool,
}

/// Emphasis. It adds to the words and never carries what they do not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    Good,
    Bad,
    Change,
    Strong,
    Faint,
}

impl Paint {
    fn code(self) -> &'static str {
        match self {
            Self::Good => "32",
            Self::Bad => "1;31",
            Self::Change => "33",
            Self::Strong => "1",
            Self::Faint => "2",
        }
    }
}

impl Console {
    pub(crate) fn new(no_colour: bool) -> Self {
        let refused = no_colour
            || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let talk_is_terminal = std::io::stderr().is_terminal();
        Self {
            colour_output: !refused && std::io::stdout().is_terminal(),
            colour_talk: !refused && talk_is_terminal,
            talk_is_terminal,
        }
    }

    /// Writes data to standard output as it is.
    pub(crate) fn write(&self, text: &str) -> Result<(), CommandError> {
        let mut output = std::io::stdout().lock();
        output.write_all(text.as_bytes())?;
        Ok(output.flush()?)
    }

    /// Writes a line of data to standard output.
    pub(crate) fn line(&self, text: &str) -> Result<(), CommandError> {
        self.write(&format!("{text}\n"))
    }

    /// Says a line on standard error. When nobody can hear it, nothing is lost.
    pub(crate) fn say(&self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// Whether a person is likely to read standard error as it is written.
    pub(crate) fn talk_is_terminal(&self) -> bool {
        self.talk_is_terminal
    }

    /// Emphasis for standard output.
    pub(crate) fn paint(&self, paint: Paint, text: &str) -> String {
        painted(self.colour_output, paint, text)
    }

    /// Emphasis for standard error.
    pub(crate) fn paint_talk(&self, paint: Paint, text: &str) -> String {
        painted(self.colour_talk, paint, text)
    }

    /// Says an error, each of its diagnostics as a paragraph.
    pub(crate) fn report(&self, error: &CommandError) {
        let paragraphs: Vec<_> = error.diagnostics().iter().map(|diagnostic| self.paragraph(diagnostic)).collect();
        if !paragraphs.is_empty() {
            let _ = write!(std::io::stderr().lock(), "{}", paragraphs.join("\n"));
        }
    }

    fn paragraph(&self, diagnostic: &Diagnostic) -> String {
        let mut text = format!("{} {}\n", self.paint_talk(Paint::Bad, "error:"), diagnostic.message);
        if let Some(place) = &diagnostic.place {
            let Place { source, line, column, field } = place;
            let _ = write!(text, "at {}:{line}:{column}", source.name);
            let _ = if field.is_empty() { writeln!(text) } else { writeln!(text, " · {field}") };
            if self.talk_is_terminal {
                text.push_str(&self.excerpt(place));
            }
        }
        for cause in &diagnostic.causes {
            let _ = writeln!(text, "{} {cause}", self.paint_talk(Paint::Faint, "cause:"));
        }
        for hint in &diagnostic.hints {
            let _ = writeln!(text, "{} {hint}", self.paint_talk(Paint::Good, "hint:"));
        }
        text
    }

    fn excerpt(&self, place: &Place) -> String {
        let text = &place.source.text;
        let Some((start, line)) = line_of(text, place.line) else {
            return String::new();
        };
        let skip = line.char_indices().nth(place.column.saturating_sub(1)).map_or(line.len(), |(index, _)| index);
        let rest = &line[skip..];
        let length = rest.find([' ', ',', '}', ']', ':']).unwrap_or(rest.len()).max(usize::from(!rest.is_empty()));
        let span = start + skip..(start + skip + length).min(text.len());
        let renderer = if self.colour_talk { Renderer::styled() } else { Renderer::plain() };
        let snippet = Snippet::source(text.as_str()).fold(true).annotation(AnnotationKind::Primary.span(span));
        let group = annotate_snippets::Group::with_level(Level::ERROR).element(snippet);
        format!("{}\n", renderer.render(&[group]))
    }
}

/// A line of a text by its number from 1, and where it starts.
fn line_of(text: &str, number: usize) -> Option<(usize, &str)> {
    let mut start = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        if index + 1 == number {
            return Some((start, line.trim_end_matches(['\n', '\r'])));
        }
        start += line.len();
    }
    None
}

fn painted(wanted: bool, paint: Paint, text: &str) -> String {
    if wanted { format!("\x1b[{}m{text}\x1b[0m", paint.code()) } else { text.to_owned() }
}

/// Sends what the libraries trace to standard error.
pub(crate) fn trace(verbosity: u8) {
    let filter = match verbosity {
        0 => "info",
        1 => "jackin=debug,jackin_daemon=debug,info",
        _ => "debug",
    };
    let _ = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .try_init();
}
