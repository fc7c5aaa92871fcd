//! What a program tells its terminal beside what it draws, and what the terminal answers.

/// The longest title or notification that is kept, in characters.
const TITLE: usize = 256;

/// How many bytes of answers may wait within one chunk of output.
const ANSWERS: usize = 4096;

/// How far a program says that it is (OSC 9;4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// So many percent are done.
    Percent(u8),
    /// It failed at so many percent.
    Failed(u8),
    /// It works, nobody knows how long.
    Busy,
    /// It was halted at so many percent.
    Paused(u8),
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    pub(crate) title: String,
    pub(crate) bells: u64,
    pub(crate) progress: Option<Progress>,
    pub(crate) notifications: u64,
    pub(crate) notification: String,
    answers: Vec<u8>,
}

impl Reports {
    pub(crate) fn ring(&mut self) {
        self.bells = self.bells.saturating_add(1);
    }

    pub(crate) fn set_title(&mut self, title: &[u8]) {
        self.title = shown(title);
    }

    /// OSC 9 and OSC 777: words for a person who looks elsewhere.
    pub(crate) fn notify(&mut self, text: &[u8]) {
        self.notifications = self.notifications.saturating_add(1);
        self.notification = shown(text);
    }

    /// `OSC 9 ; 4 ; state ; percent`.
    pub(crate) fn set_progress(&mut self, state: &[u8], percent: Option<&[u8]>) {
        let percent = percent
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| digits.parse::<u8>().ok())
            .unwrap_or(0)
            .min(100);
        self.progress = match state {
            b"1" => Some(Progress::Percent(percent)),
            b"2" => Some(Progress::Failed(percent)),
            b"3" => Some(Progress::Busy),
            b"4" => Some(Progress::Paused(percent)),
            _ => None,
        };
    }

    pub(crate) fn answer(&mut self, answer: &str) {
        if self.answers.len() + answer.len() <= ANSWERS {
            self.answers.extend_from_slice(answer.as_bytes());
        }
    }

    pub(crate) fn take_answers(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.answers)
    }
}

fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(text).chars().filter(|character| !character.is_control()).take(TITLE).collect()
}
