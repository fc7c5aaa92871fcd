//! What a capsule says of itself, made safe to store and to show.
//!
//! A program in the container chooses titles and may replace the capsule's words by its own; none of them may reach a terminal,
//! a table or a log with control characters in it, or grow without end.

use jackin_api::wire::{Attached, HookRun, Notice, Reply, ReplyError, Session, Status};

/// The most characters that a string keeps.
const CHARACTERS: usize = 256;

/// The most entries that a list keeps.
const ENTRIES: usize = 256;

pub(crate) fn reply(reply: Reply) -> Reply {
    match reply {
        Reply::Status(status) => Reply::Status(self::status(status)),
        Reply::Attached(Attached { session, mode }) => {
            Reply::Attached(Attached { session: self::session(session), mode })
        }
        Reply::Error(error) => Reply::Error(refusal(error)),
        Reply::Spawned(mut spawned) => {
            spawned.id = text(spawned.id);
            Reply::Spawned(spawned)
        }
        // A captured screen is data, bounded by its frame.
        Reply::Captured(captured) => Reply::Captured(captured),
        Reply::Done | Reply::Started { .. } | Reply::Unknown => reply,
    }
}

pub(crate) fn refusal(error: ReplyError) -> ReplyError {
    let ReplyError { code, message } = error;
    ReplyError { code, message: text(message) }
}

pub(crate) fn notice(notice: Notice) -> Notice {
    match notice {
        Notice::SessionStarted { session } => Notice::SessionStarted { session: self::session(session) },
        Notice::StateChanged { id, name, state, evidence } => {
            Notice::StateChanged { id: text(id), name: text(name), state, evidence: text(evidence) }
        }
        Notice::HooksChanged { id, name } => Notice::HooksChanged { id: text(id), name: text(name) },
        Notice::SessionRenamed { id, name } => Notice::SessionRenamed { id: text(id), name: text(name) },
        Notice::SessionExited { id, name, exit } => Notice::SessionExited { id: text(id), name: text(name), exit },
        Notice::ViewersChanged { id, name, attached, writer } => {
            Notice::ViewersChanged { id: text(id), name: text(name), attached, writer }
        }
        Notice::Personalised { digest } => Notice::Personalised { digest: text(digest) },
        Notice::Missed { .. } | Notice::Unknown => notice,
    }
}

fn status(status: Status) -> Status {
    let Status { version, started_at, environment_digest, sessions, hooks } = status;
    Status {
        version: text(version),
        started_at,
        environment_digest: environment_digest.map(text),
        sessions: sessions.into_iter().take(ENTRIES).map(session).collect(),
        hooks: hooks.into_iter().take(ENTRIES).map(hook_run).collect(),
    }
}

fn hook_run(run: HookRun) -> HookRun {
    let HookRun { hook, session, started_at, duration_ms, exit, error, output } = run;
    let lines: Vec<_> = output.lines().take(HookRun::LINES).map(|line| text(line.to_owned())).collect();
    HookRun {
        hook,
        session: text(session),
        started_at,
        duration_ms,
        exit,
        error: error.map(text),
        output: lines.join("\n"),
    }
}

fn session(session: Session) -> Session {
    let Session {
        id,
        name,
        agent,
        argv,
        pid,
        state,
        evidence,
        state_since,
        exit,
        attached,
        writer,
        created_at,
        last_output_at,
        size,
        title,
        preparing,
        failed_hook,
    } = session;
    Session {
        id: text(id),
        name: text(name),
        agent: text(agent),
        argv: argv.into_iter().take(ENTRIES).map(text).collect(),
        pid,
        state,
        evidence: text(evidence),
        state_since,
        exit,
        attached,
        writer,
        created_at,
        last_output_at,
        size,
        title: text(title),
        preparing,
        failed_hook: failed_hook.map(|run| Box::new(hook_run(*run))),
    }
}

pub(crate) fn text(text: String) -> String {
    if text.len() <= CHARACTERS && !text.chars().any(is_harmful) {
        return text;
    }
    text.chars().take(CHARACTERS).map(|character| if is_harmful(character) { '\u{fffd}' } else { character }).collect()
}

/// Control characters, and those that change the direction of the text around them.
fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn control_characters_and_length_do_not_pass() {
        assert_eq!(text("vim \u{1b}]52;c;AAAA\u{7}".to_owned()), "vim \u{fffd}]52;c;AAAA\u{fffd}");
        assert_eq!(text("\u{202e}txt".to_owned()), "\u{fffd}txt");
        assert_eq!(text("é".repeat(1000)).chars().count(), 256);
        assert_eq!(text("main".to_owned()), "main");
    }
}
