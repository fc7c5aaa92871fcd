//! How far each object is: a line that changes on a terminal, a line for each change elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::console::{Console, Paint};

/// The lines of all objects.
pub(super) struct Progress {
    console: Console,
    screen: Option<MultiProgress>,
    lines: BTreeMap<String, Line>,
}

struct Line {
    state: String,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(super) fn new(console: &Console) -> Self {
        let screen = console.talk_is_terminal().then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr()));
        Self { console: *console, screen, lines: BTreeMap::new() }
    }

    /// Says where an object is; nothing when that was said before.
    pub(super) fn tell(&mut self, object: &str, state: &str, is_done: bool) {
        let known = self.lines.get(object).is_some_and(|line| line.state == state);
        if known {
            return;
        }
        let text = format!("{object}: {state}");
        let bar = self.lines.remove(object).and_then(|line| line.bar).or_else(|| self.bar());
        match &bar {
            Some(bar) if is_done => bar.finish_with_message(self.console.paint_talk(Paint::Good, &text)),
            Some(bar) => bar.set_message(text),
            None => self.console.say(&text),
        }
        self.lines.insert(object.to_owned(), Line { state: state.to_owned(), bar });
    }

    fn bar(&self) -> Option<ProgressBar> {
        let screen = self.screen.as_ref()?;
        let bar = screen.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Some(bar)
    }

    /// Leaves the lines as they are and goes on below them.
    pub(super) fn end(self) {
        for bar in self.lines.into_values().filter_map(|line| line.bar) {
            bar.abandon();
        }
    }
}
