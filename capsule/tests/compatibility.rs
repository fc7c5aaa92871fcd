//! A client of an earlier release is served as it was: what it said then is said again, byte for byte.

mod support;

use std::collections::{BTreeMap, VecDeque};
use std::io::{Read, Write};

use jackin_api::wire::{DATA_CHUNK, Decoder, FrameKind, RawFrame};
use serde_json::Value;
use support::{Capsule, Client};

/// One line of a recording.
struct Said<'a> {
    connection: u32,
    by_client: bool,
    kind: u8,
    payload: Vec<u8>,
    line: &'a str,
}

fn recorded(text: &str) -> Vec<Said<'_>> {
    let said = |line| {
        let mut fields = str::splitn(line, 4, ' ');
        let mut next = || fields.next().expect("four fields");
        let (connection, speaker, kind, payload) = (next(), next(), next(), next());
        Said {
            connection: connection.parse().expect("a number"),
            by_client: speaker == ">",
            kind: kind.parse().expect("a number"),
            payload: unescaped(payload),
            line,
        }
    };
    text.lines().filter(|line| !line.starts_with('#')).map(said).collect()
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        let escaped = if character == '\\' { rest.next() } else { None };
        bytes.push(match escaped {
            None => u8::try_from(character).expect("seven bits"),
            Some('n') => b'\n',
            Some('r') => b'\r',
            Some('t') => b'\t',
            Some('x') => {
                let digits: String = rest.by_ref().take(2).collect();
                u8::from_str_radix(&digits, 16).expect("two digits")
            }
            Some(other) => u8::try_from(other).expect("seven bits"),
        });
    }
    bytes
}

/// One connection of a client that knows the first release and nothing later.
struct Former {
    client: Client,
    decoder: Decoder,
    /// Data that arrived and was not looked for yet, by its kind.
    data: BTreeMap<u8, VecDeque<u8>>,
    frames: VecDeque<RawFrame>,
}

impl Former {
    fn say(&mut self, said: &Said<'_>) {
        let length = u32::try_from(said.payload.len()).expect("short");
        let bytes = [&length.to_be_bytes()[..], &[said.kind], &said.payload].concat();
        self.client.stream.write_all(&bytes).expect("sent");
    }

    fn arrives(&mut self, line: &str) {
        let mut buffer = vec![0; DATA_CHUNK];
        let count = self.client.stream.read(&mut buffer).unwrap_or_else(|error| panic!("{error} instead of {line}"));
        assert_ne!(count, 0, "the capsule closed");
        self.decoder.push(&buffer[..count]);
        while let Some(frame) = self.decoder.next_frame().expect("frames") {
            if frame.kind >= FrameKind::Input as u8 {
                self.data.entry(shown(frame.kind)).or_default().extend(frame.payload);
            } else {
                self.frames.push_back(frame);
            }
        }
    }

    /// The next frame of a kind; as the first release did, it skips in a stream what it does not know.
    fn hear(&mut self, said: &Said<'_>) {
        if said.kind >= FrameKind::Input as u8 {
            return self.hear_data(said);
        }
        let expected: Value = serde_json::from_slice(&said.payload).expect("json");
        loop {
            let Some(frame) = self.frames.pop_front() else {
                self.arrives(said.line);
                continue;
            };
            let told: Value = serde_json::from_slice(&frame.payload).expect("json");
            if frame.kind == said.kind && told["kind"] == expected["kind"] {
                return assert_covers(&told, &expected, said.line);
            }
            let is_skipped = matches!(frame.kind, 5 | 6);
            assert!(is_skipped, "{} {told} came instead of {}", frame.kind, said.line);
        }
    }

    /// Output comes as it did, in whatever pieces; how a screen is painted may change, what is on it not.
    fn hear_data(&mut self, said: &Said<'_>) {
        let wanted = match said.kind == FrameKind::Paint as u8 {
            true => b"first hello there".to_vec(),
            false => said.payload.clone(),
        };
        loop {
            let data = self.data.entry(shown(said.kind)).or_default();
            let arrived = data.make_contiguous();
            if let Some(at) = arrived.windows(wanted.len()).position(|window| window == wanted) {
                data.drain(..at + wanted.len());
                return;
            }
            self.arrives(said.line);
        }
    }
}

/// A paint shows what output would have shown: which of the two it is depends on who was first, program or viewer.
fn shown(kind: u8) -> u8 {
    if kind == FrameKind::Paint as u8 { FrameKind::Output as u8 } else { kind }
}

/// Everything that was told then is told now, in the same type; more may be told.
fn assert_covers(told: &Value, expected: &Value, line: &str) {
    match (told, expected) {
        (Value::Object(told), Value::Object(expected)) => {
            // Whether a program has printed by then is its own affair.
            for (name, expected) in expected.iter().filter(|(name, _)| *name != "last_output_at") {
                let told = told.get(name).unwrap_or_else(|| panic!("`{name}` is missing in the answer to {line}"));
                if matches!(name.as_str(), "kind" | "code" | "mode" | "created" | "id" | "name" | "exit") {
                    assert_eq!(told, expected, "`{name}` of {line}");
                }
                assert_covers(told, expected, line);
            }
        }
        (Value::Array(told), Value::Array(expected)) => {
            assert_eq!(told.len(), expected.len(), "{line}");
            told.iter().zip(expected).for_each(|(told, expected)| assert_covers(told, expected, line));
        }
        _ => assert_eq!(std::mem::discriminant(told), std::mem::discriminant(expected), "{told} in {line}"),
    }
}

#[test]
fn a_client_of_the_first_release_is_answered_as_the_first_release_did() {
    let capsule = Capsule::start();
    let mut connections: BTreeMap<u32, Former> = BTreeMap::new();
    for said in recorded(include_str!("conversations/first.txt")) {
        let former = connections.entry(said.connection).or_insert_with(|| Former {
            client: Client::raw(&capsule.socket()),
            decoder: Decoder::default(),
            data: BTreeMap::new(),
            frames: VecDeque::new(),
        });
        if said.by_client { former.say(&said) } else { former.hear(&said) }
    }
}
