//! Frames that were valid once.

use jackin_api::wire::{
    Attach, Capture, Captured, Control, DATA_CHUNK, Decoder, Environment, ErrorCode, Event, Exec, Exit, Frame,
    HEADER_BYTES, Hello, Hook, HookRun, Kill, MAX_PAYLOAD, Millis, Notice, Output, Personalise, Reply, ReplyError,
    Request, Session, SessionState, Signal, Size, Spawn, Spawned, Status,
};

use super::ensure;
use crate::capsule::{CapsuleError, greeting, sanitize};
use crate::dice::Dice;

/// The longest string that may come out, in characters; see `capsule/sanitize.rs`.
const CHARACTERS: usize = 256;

/// The longest list.
const ENTRIES: usize = 256;

pub(super) fn play(dice: &mut Dice) -> Result<(), String> {
    let mut stream: Vec<u8> = (0..=dice.below(3)).flat_map(|_| frame(dice)).collect();
    for _ in 0..dice.below(6) {
        mutate(&mut stream, dice);
    }
    let mut decoder = Decoder::default();
    let mut rest = stream.as_slice();
    while !rest.is_empty() {
        let length = usize::try_from(dice.below(400)).unwrap_or(0).min(rest.len() - 1) + 1;
        let (chunk, after) = rest.split_at(length);
        rest = after;
        decoder.push(chunk);
        while let Ok(Some(raw)) = decoder.next_frame() {
            let Ok(frame) = Frame::parse(raw) else { continue };
            check(frame)?;
        }
        ensure(decoder.pending() <= HEADER_BYTES + MAX_PAYLOAD + DATA_CHUNK, || {
            format!("the decoder holds {} bytes", decoder.pending())
        })?;
    }
    Ok(())
}

/// What the host would do with a frame from inside, and that either end can write it again.
fn check(frame: Frame) -> Result<(), String> {
    check_greeting(frame.clone())?;
    let safe = match frame {
        Frame::Reply(reply) => Frame::Reply(sanitize::reply(reply)),
        Frame::Notice(notice) => Frame::Notice(sanitize::notice(notice)),
        other => other,
    };
    let value = match &safe {
        // A captured screen is data, bounded by its frame.
        Frame::Reply(Reply::Captured(_)) => None,
        Frame::Reply(reply) => serde_json::to_value(reply).ok(),
        Frame::Notice(notice) => serde_json::to_value(notice).ok(),
        _ => None,
    };
    if let Some(value) = value {
        is_safe(&value)?;
    }
    let encoded = safe.encode().map_err(|error| format!("it cannot be written again: {error}"));
    let encoded = match encoded {
        Ok(encoded) => encoded,
        // Escapes may make a text longer than the frame that it came in.
        Err(error) if error.contains("exceeds") => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut decoder = Decoder::default();
    decoder.push(&encoded);
    let again = decoder.next_frame().ok().flatten().and_then(|raw| Frame::parse(raw).ok());
    let is_kept = matches!(safe, Frame::Unknown { .. }) || again.as_ref() == Some(&safe);
    ensure(is_kept, || format!("{safe:?} comes back as {again:?}"))
}

/// What is told of a frame that is the first of its connection.
fn check_greeting(frame: Frame) -> Result<(), String> {
    let told = match greeting(Some(frame)) {
        Ok(hello) => hello.version,
        Err(CapsuleError::Refused(refusal)) => refusal.message,
        Err(CapsuleError::UnsupportedProtocol { version, .. }) => version,
        Err(error) => error.to_string(),
    };
    is_safe(&serde_json::Value::String(told))
}

fn is_safe(value: &serde_json::Value) -> Result<(), String> {
    match value {
        serde_json::Value::String(text) => {
            ensure(text.chars().count() <= CHARACTERS * HookRun::LINES + HookRun::LINES, || {
                format!("a text of {} bytes", text.len())
            })?;
            let is_harmful = |line: &str| line.chars().any(char::is_control) || line.chars().count() > CHARACTERS;
            // Only a hook's output has lines.
            ensure(!text.split('\n').any(is_harmful), || format!("the text {text:?}"))
        }
        serde_json::Value::Array(entries) => {
            ensure(entries.len() <= ENTRIES, || format!("a list of {}", entries.len()))?;
            entries.iter().try_for_each(is_safe)
        }
        serde_json::Value::Object(fields) => fields.values().try_for_each(is_safe),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => Ok(()),
    }
}

/// The usual number, and once in thirty times the one that is too many.
fn often(dice: &mut Dice, usual: usize, many: usize) -> usize {
    if dice.permille(33) { many } else { usual }
}

/// Bytes of a valid frame of either direction.
fn frame(dice: &mut Dice) -> Vec<u8> {
    let text = |dice: &mut Dice| {
        dice.pick(&[
            "",
            "main",
            "s-1",
            "\u{1b}]52;c;AA\u{7}",
            "\u{202e}txt",
            "\0",
            "\u{9b}2J",
            "é🙂",
            "a\nb",
            "\u{ffff}",
        ])
        .repeat(often(dice, 1, 400))
    };
    let size = Size { rows: dice.pick(&[0, 1, 24, u16::MAX]), cols: dice.pick(&[0, 1, 80, u16::MAX]) };
    let environment: Environment = [(text(dice), text(dice))].into_iter().collect();
    let argv = vec![text(dice); often(dice, 2, 300)];
    let frame = match dice.below(22) {
        0 => Frame::Hello(Hello { protocol: dice.pick(&[0, 1, 9]), version: text(dice) }),
        1 => Frame::Request(Request::Status),
        2 => Frame::Request(Request::Personalise(Personalise {
            digest: text(dice),
            env: environment,
            path_prepend: argv,
        })),
        3 => {
            Frame::Request(Request::Spawn(Spawn { name: text(dice), argv, env: environment, size, ..Spawn::default() }))
        }
        4 => {
            Frame::Request(Request::Attach(Attach { session: Some(text(dice)), size: Some(size), ..Attach::default() }))
        }
        5 => Frame::Request(Request::Exec(Exec { argv, env: environment, tty: Some(size), ..Exec::default() })),
        6 => Frame::Request(Request::Kill(Kill { session: text(dice), signal: Signal::Kill })),
        7 => Frame::Request(Request::Capture(Capture {
            session: Some(text(dice)),
            history: u32::MAX,
            ..Capture::default()
        })),
        8 => Frame::Request(Request::Output(Output { session: None, follow: true, tail: Some(u32::MAX) })),
        9 => Frame::Control(Control::Resize { size }),
        10 => Frame::Input(text(dice).into_bytes()),
        11 => Frame::Output(text(dice).into_bytes()),
        12 => Frame::Paint(text(dice).into_bytes()),
        13 => Frame::Event(Event::Ended { exit: Some(Exit::by_signal(i32::MIN)) }),
        14 => Frame::Reply(Reply::Error(ReplyError { code: ErrorCode::Failed, message: text(dice) })),
        15 => Frame::Reply(Reply::Spawned(Spawned { id: text(dice), created: true })),
        16 => Frame::Reply(Reply::Captured(Captured { contents: text(dice), cursor: (9, 9), size })),
        17 => Frame::Notice(Notice::Personalised { digest: text(dice) }),
        18 => Frame::Notice(Notice::SessionStarted { session: session(dice, argv, size) }),
        19 => Frame::Notice(Notice::StateChanged {
            id: text(dice),
            name: text(dice),
            state: SessionState::Idle,
            evidence: text(dice),
        }),
        _ => Frame::Reply(Reply::Status(Status {
            version: text(dice),
            started_at: Millis(u64::MAX),
            environment_digest: Some(text(dice)),
            sessions: vec![session(dice, argv, size); dice.pick(&[0, 1, 2])],
            hooks: vec![hook_run(&text(dice))],
        })),
    };
    frame.encode().unwrap_or_default()
}

fn session(dice: &mut Dice, argv: Vec<String>, size: Size) -> Session {
    let text = dice.pick(&["main", "\u{1b}[2J", "\u{202e}", "x\ry"]).repeat(often(dice, 1, 300));
    let json = serde_json::json!({"id": text, "name": text, "agent": text, "argv": argv, "pid": u32::MAX, "evidence": text,
        "title": text, "size": size, "failed_hook": hook_run(&text)});
    serde_json::from_value(json).unwrap_or_else(|error| unreachable!("a session: {error}"))
}

fn hook_run(text: &str) -> HookRun {
    let text = text.to_owned();
    HookRun {
        hook: Hook::Preflight,
        session: text.clone(),
        started_at: Millis(1),
        duration_ms: Some(u64::MAX),
        exit: None,
        error: Some(text.clone()),
        output: format!("{text}\n").repeat(HookRun::LINES + 2),
    }
}

/// Lies, cuts, repetitions, and JSON of other shapes.
fn mutate(stream: &mut Vec<u8>, dice: &mut Dice) {
    if stream.is_empty() {
        return;
    }
    let length = stream.len();
    let index = |dice: &mut Dice, length: usize| usize::try_from(dice.below(length as u64)).unwrap_or(0);
    let at = index(dice, length);
    match dice.below(7) {
        0 => stream[at] ^= 1 << dice.below(8),
        1 => stream.truncate(at),
        2 => {
            let piece = stream[at..].to_vec();
            stream.extend_from_slice(&piece[..piece.len().min(2000)]);
        }
        // A length that lies, where a frame begins.
        3 => {
            let lie = dice.pick(&[0_u32, 1, 0xff, 0x0010_0000, 0x0010_0001, 0x7fff_ffff, u32::MAX]);
            let end = length.min(4);
            stream[..end].copy_from_slice(&lie.to_be_bytes()[..end]);
        }
        4 => {
            let token = dice.pick(&[
                &b"null"[..],
                b"1e999",
                b"-1",
                b"99999999999999999999",
                b"[[[[[[[[",
                b"{\"kind\":",
                b"\"\\ud800\"",
                b"\\u001b[2J",
                b"\xff\xfe",
                b"}",
                b"]",
                b",",
                b"true",
                b"\"kind\":\"later\"",
                b"{}",
                b"\"\"",
            ]);
            stream.splice(at..at, token.iter().copied());
        }
        5 => {
            let end = (at + index(dice, 40)).min(length);
            stream.drain(at..end);
        }
        // The kind of the first frame.
        _ => {
            if let Some(kind) = stream.get_mut(4) {
                *kind = dice.pick(&[0, 1, 2, 3, 4, 5, 6, 16, 17, 18, 19, 77, 255]);
            }
        }
    }
}
