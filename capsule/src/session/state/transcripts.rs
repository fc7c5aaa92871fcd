//! The rules of the built-in agents, held against what the real programs wrote.
//!
//! `capsule/tests/transcripts/` has their output with its times, as asciicast; beside it `i` is what was typed, `h` what a hook reported, and `m`
//! a moment with a name. They were recorded with the versions that their titles name, driven on a model server of a test that
//! answers with one command to run.

use jackin_api::kinds::Agent;
use jackin_api::wire::{Millis, Recognition, SessionState, Size};
use jackin_screen::Screen;

use super::judge::{Claim, Heard, Judge, Judgment, Seen};
use super::status::StatusScanner;
use super::{SETTLE, rules};

/// One line of a transcript: its time in milliseconds, its kind, what it says.
struct Line {
    at: u64,
    kind: String,
    text: String,
}

/// A session in which a transcript is played.
struct Player {
    /// Whether it hears hooks and OSC 7501.
    hears: bool,
    recognition: Recognition,
    screen: Screen,
    status: StatusScanner,
    judge: Judge,
    hook: Option<Heard>,
    typed_at: Option<Millis>,
    has_output: bool,
    claim: Claim,
    again: Option<u64>,
}

impl Player {
    fn of(agent: &str, size: Size) -> Self {
        let file = format!("{}/../manifests/agents/{agent}.yaml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(file).expect("a built-in agent");
        let agent: Agent = serde_saphyr::from_str(&text).expect("an Agent");
        let recognition = agent.spec.state.and_then(|state| state.to_wire()).expect("it has rules");
        Self {
            hears: true,
            recognition,
            screen: Screen::new(size),
            status: StatusScanner::default(),
            judge: Judge::default(),
            hook: None,
            typed_at: None,
            has_output: false,
            claim: Claim::new(SessionState::Starting, ""),
            again: None,
        }
    }

    fn take(&mut self, line: &Line) {
        match line.kind.as_str() {
            "o" => {
                self.status.process(line.text.as_bytes());
                self.screen.process(line.text.as_bytes());
                self.has_output = true;
            }
            "i" => self.typed_at = Some(Millis(line.at)),
            "h" => {
                let (state, evidence) = line.text.split_once('|').expect("a state and its evidence");
                let state = serde_json::from_value(state.into()).expect("a state");
                self.hook = Some(Heard { claim: Claim::new(state, evidence), at: Millis(line.at) });
            }
            _ => {}
        }
    }

    /// Judges as the capsule does: a little after something happened, and again when that was asked for before `until`.
    fn judge(&mut self, at: u64, until: u64) {
        let mut next = at + u64::try_from(SETTLE.as_millis()).expect("short");
        loop {
            let Judgment { claim, again } = self.judge.judge(self.look(next));
            self.claim = claim;
            self.again = again.map(|again| next + u64::try_from(again.as_millis()).expect("short"));
            match self.again {
                Some(again) if again < until => next = again,
                _ => return,
            }
        }
    }

    fn look(&self, at: u64) -> Seen {
        let text = self.screen.text();
        let rows: Vec<_> = text.lines().collect();
        Seen {
            at: Millis(at),
            has_output: self.has_output,
            is_recognised: true,
            hook: self.hook.clone().filter(|_| self.hears),
            status: self.status.record().filter(|_| self.hears).map(|claim| (self.status.reports(), claim.clone())),
            signal: rules::title(&self.recognition, self.screen.title())
                .or_else(|| rules::progress(self.screen.progress())),
            screen: rules::screen(&self.recognition, &rows),
            typed_at: self.typed_at,
            ..Seen::default()
        }
    }
}

fn lines(text: &str) -> Vec<Line> {
    let read = |line: &str| {
        let (at, kind, text): (f64, String, String) = serde_json::from_str(line).expect("a line of a transcript");
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds of a recording")]
        let at = (at * 1000.0) as u64;
        Line { at, kind, text }
    };
    text.lines().skip(1).map(read).collect()
}

/// The state at each moment that has a name, with its evidence.
fn played(name: &str) -> Vec<String> {
    play(name, true)
}

/// The same where neither hooks nor OSC 7501 are heard unless it `hears` them.
fn play(name: &str, hears: bool) -> Vec<String> {
    let file = format!("{}/tests/transcripts/{name}.cast", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(file).expect("a transcript");
    let (agent, _) = name.split_once('-').expect("the name begins with its agent");
    let mut player = Player { hears, ..Player::of(agent, Size { rows: 30, cols: 100 }) };
    let lines = lines(&text);
    let mut told = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        if line.kind == "m" {
            let Claim { state, evidence } = &player.claim;
            told.push(format!("{}: {state:?}, {evidence}", line.text));
            continue;
        }
        player.take(line);
        let until = lines.get(index + 1).map_or(u64::MAX, |next| next.at);
        player.judge(line.at, until);
    }
    told
}

#[test]
fn claude_is_followed_through_a_turn_by_its_hooks_and_its_status() {
    let told = [
        "ready: Idle, status idle",
        "working: Working, hook UserPromptSubmit",
        "asking: WaitingForPermission, status blocked permission: approve Bash: touch made-by-the-agent",
        "going on: Working, hook PostToolUse",
        "done: WaitingForInput, status done",
        "at it again: Working, hook UserPromptSubmit",
        "interrupted: Idle, status idle",
    ];
    assert_eq!(played("claude-work"), told);
}

#[test]
fn claude_is_followed_by_its_title_and_its_screen_where_it_tells_nothing() {
    let told = [
        "ready: Idle, screen: `❯`",
        "working: Working, title: `◑ Make a file`",
        "asking: WaitingForPermission, screen: `Do you want to`",
        "going on: Working, title: `◐ Make a file`",
        "done: WaitingForInput, screen: `❯`",
        "at it again: Working, title: `◐ Make a file`",
        "interrupted: WaitingForInput, screen: `❯`",
    ];
    assert_eq!(played("claude-shown"), told);
}

#[test]
fn codex_is_followed_through_a_turn() {
    let told = [
        "ready: Idle, status idle",
        "working: Working, status working",
        "asking: WaitingForPermission, status blocked permission",
        "going on: Working, status working",
        "done: WaitingForInput, status done",
        "at it again: Working, status working",
        "interrupted: Idle, status idle",
    ];
    assert_eq!(played("codex-work"), told);
}

#[test]
fn opencode_is_followed_through_a_turn() {
    let told = [
        "ready: Idle, screen: `ctrl+p commands`",
        "working: Working, screen: `esc interrupt`",
        "asking: WaitingForPermission, screen: `△ Permission required`",
        "going on: Working, screen: `esc interrupt`",
        "done: WaitingForInput, screen: `ctrl+p commands`",
        "at it again: Working, screen: `esc interrupt`",
        "interrupted: WaitingForInput, screen: `ctrl+p commands`",
    ];
    assert_eq!(played("opencode-work"), told);
}

#[test]
fn where_a_program_is_not_heard_its_screen_and_title_tell_the_same() {
    for name in ["claude-work", "codex-work"] {
        let heard = played(name);
        let seen = play(name, false);
        let states = |told: &[String]| -> Vec<String> {
            // What it shows does not tell a turn that was broken off from one that ended.
            let words = told.iter().filter_map(|line| line.split(", ").next().map(str::to_owned));
            words.filter(|word| !word.starts_with("interrupted")).collect()
        };
        assert_eq!(states(&heard), states(&seen), "{name}");
    }
}

#[test]
fn an_agent_without_a_login_says_so_on_its_first_screen() {
    for agent in ["amp", "claude", "codex", "opencode"] {
        let told = played(&format!("{agent}-login"));
        assert!(told[0].starts_with("login: AuthNeeded, screen: "), "{agent}: {told:?}");
    }
}
