//! What a program reports of itself over its terminal: the Program Status Protocol, OSC 7501.
//!
//! `ESC ] 7501 ; state=blocked:kind=permission:app=NAME:msg=BASE64 ESC \` (or a bell at its end) replaces what was reported before;
//! `state=clear` takes it back. A report with an `id` is of a part of the program and is not looked at. A program that asks
//! `ESC ] 7501 ; ?` whether anybody listens is answered with its own words, before any other answer: it takes the answer to a
//! question that it asked later for a no.
//!
//! Splitting a stream at any byte changes nothing, and what is kept of an unfinished sequence is bounded.

use jackin_api::wire::{Report, SessionState};

use super::judge::Claim;

/// The longest sequence that is looked at, in bytes. The protocol itself allows no longer one.
const LONGEST: usize = 4096;

const START: &[u8] = b"7501;";

/// Follows the byte stream for reports.
#[derive(Debug, Default)]
pub(in crate::session) struct StatusScanner {
    place: Place,
    held: Vec<u8>,
    record: Option<Claim>,
    reports: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    #[default]
    Outside,
    /// After an ESC.
    Escape,
    /// In an OSC that is, so far, one of these.
    Report,
    /// In one, after an ESC that may begin its end.
    ReportEscape,
}

impl StatusScanner {
    /// Takes what the program wrote; gives what is to be answered.
    pub(in crate::session) fn process(&mut self, mut bytes: &[u8]) -> Vec<u8> {
        let mut answers = Vec::new();
        while let Some((&byte, rest)) = bytes.split_first() {
            if self.place == Place::Outside {
                let Some(escape) = bytes.iter().position(|&byte| byte == 0x1b) else { break };
                bytes = &bytes[escape + 1..];
                self.place = Place::Escape;
                continue;
            }
            bytes = rest;
            self.advance(byte, &mut answers);
        }
        answers
    }

    /// What the program reported last, unless it took that back.
    pub(super) fn record(&self) -> Option<&Claim> {
        self.record.as_ref()
    }

    /// How many reports there were.
    pub(super) fn reports(&self) -> u64 {
        self.reports
    }

    /// The program that reported is gone.
    pub(super) fn forget(&mut self) {
        self.record = None;
    }

    fn advance(&mut self, byte: u8, answers: &mut Vec<u8>) {
        self.place = match (self.place, byte) {
            (Place::Escape, b']') => {
                self.held.clear();
                Place::Report
            }
            (Place::Report, 0x07) => self.end(b"\x07", answers),
            (Place::ReportEscape, b'\\') => self.end(b"\x1b\\", answers),
            (Place::ReportEscape, b']') => {
                self.held.clear();
                Place::Report
            }
            (Place::Report, 0x1b) => Place::ReportEscape,
            // CAN and SUB end any sequence.
            (Place::Report, 0x18 | 0x1a) => Place::Outside,
            (Place::Report, _) => self.keep(byte),
            (Place::Escape | Place::ReportEscape, 0x1b) => Place::Escape,
            (Place::Outside | Place::Escape | Place::ReportEscape, _) => Place::Outside,
        };
    }

    fn keep(&mut self, byte: u8) -> Place {
        let is_start = START.get(self.held.len()).is_none_or(|&expected| expected == byte);
        if !is_start || self.held.len() == LONGEST {
            self.held.clear();
            return Place::Outside;
        }
        self.held.push(byte);
        Place::Report
    }

    fn end(&mut self, terminator: &[u8], answers: &mut Vec<u8>) -> Place {
        if let Some(body) = self.held.strip_prefix(START) {
            if body.first() == Some(&b'?') {
                answers.extend_from_slice(b"\x1b]7501;?");
                answers.extend_from_slice(terminator);
            } else if let Some(record) = read(&String::from_utf8_lossy(body)) {
                self.reports += 1;
                self.record = record;
            }
        }
        self.held.clear();
        Place::Outside
    }
}

/// What a report says: nothing where it is not of the program as a whole or not understood, else the claim or that there is none.
fn read(body: &str) -> Option<Option<Claim>> {
    let value = |name: &str| body.split(':').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    if value("id").is_some() {
        return None;
    }
    let said = value("state")?;
    let state = match (said, value("kind")) {
        ("clear", _) => return Some(None),
        ("working", _) => SessionState::Working,
        ("idle", _) => SessionState::Idle,
        // There is a result that nobody has seen.
        ("done" | "error", _) => SessionState::WaitingForInput,
        ("blocked", Some("permission")) => SessionState::WaitingForPermission,
        ("blocked", Some("auth")) => SessionState::AuthNeeded,
        ("blocked", _) => SessionState::WaitingForInput,
        _ => return None,
    };
    let kind = value("kind").map(|kind| format!(" {kind}")).unwrap_or_default();
    let message = value("msg").and_then(base64).map(|message| format!(": {message}")).unwrap_or_default();
    Some(Some(Claim::new(state, &format!("status {said}{kind}{message}"))))
}

/// The text of the usual base64, as far as an evidence goes.
fn base64(text: &str) -> Option<String> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let mut bytes = Vec::new();
    for group in text.trim_end_matches('=').as_bytes().chunks(4).take(Report::EVIDENCE) {
        let mut bits = 0_u32;
        for index in 0..4 {
            bits = bits << 6 | u32::from(group.get(index).map_or(Some(0), |&byte| digit(byte))?);
        }
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len().max(1)]);
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn after(stream: &[u8]) -> Option<(SessionState, String)> {
        let mut scanner = StatusScanner::default();
        scanner.process(stream);
        scanner.record().map(|claim| (claim.state, claim.evidence.clone()))
    }

    #[test]
    fn each_report_replaces_the_one_before_and_clear_takes_it_back() {
        let claim = |state, evidence: &str| Some((state, evidence.to_owned()));
        let asked = b"\x1b]7501;state=blocked:app=claude-code:kind=permission:msg=YXBwcm92ZSBCYXNoOiBscw==\x07";
        let permission = claim(SessionState::WaitingForPermission, "status blocked permission: approve Bash: ls");
        assert_eq!(after(asked), permission);
        assert_eq!(
            after(&[&asked[..], b"\x1b]7501;state=done:app=x\x1b\\"].concat()).map(|known| known.1),
            Some("status done".to_owned())
        );
        assert_eq!(after(&[&asked[..], b"\x1b]7501;state=clear\x1b\\"].concat()), None);
        assert_eq!(
            after(b"\x1b]7501;kind=auth:state=blocked\x07"),
            claim(SessionState::AuthNeeded, "status blocked auth")
        );
    }

    #[test]
    fn what_is_of_a_part_of_the_program_or_not_understood_changes_nothing() {
        let known = b"\x1b]7501;state=working\x07";
        for other in ["7501;state=done:id=build", "7501;state=dreaming", "7501;", "750;state=done", "0;7501;state=done"]
        {
            let stream = [&known[..], format!("\x1b]{other}\x07").as_bytes()].concat();
            assert_eq!(after(&stream).map(|known| known.0), Some(SessionState::Working), "{other}");
        }
    }

    #[test]
    fn the_question_is_answered_with_its_own_words_and_end() {
        let mut scanner = StatusScanner::default();
        assert_eq!(scanner.process(b"a\x1b]7501;?\x07b\x1b]7501;?\x1b\\\x1b[c"), b"\x1b]7501;?\x07\x1b]7501;?\x1b\\");
        assert_eq!(scanner.record(), None);
    }

    #[test]
    fn a_message_is_bounded_and_a_sequence_without_end_keeps_nothing() {
        let long = format!("\x1b]7501;state=working:msg={}\x07", "YWFh".repeat(900));
        let (_, evidence) = after(long.as_bytes()).expect("understood");
        assert!(evidence.chars().count() <= Report::EVIDENCE, "{evidence}");
        let mut scanner = StatusScanner::default();
        scanner.process(format!("\x1b]7501;state=working:msg={}", "a".repeat(100_000)).as_bytes());
        assert!(scanner.held.capacity() <= 2 * LONGEST, "{}", scanner.held.capacity());
        scanner.process(b"\x07\x1b]7501;state=idle\x07");
        assert_eq!(scanner.record().map(|claim| claim.state), Some(SessionState::Idle));
    }

    fn piece() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            prop::sample::select(vec![
                &b"\x1b]7501;state=working\x07"[..],
                b"\x1b]7501;state=done\x1b\\",
                b"\x1b]7501;?\x07",
                b"\x1b]0;title\x07",
                b"\x1b[31m",
                b"\x1b",
                b"\x1b]7501;state=blocked:kind=permission:msg=YQ==\x1b\\",
            ])
            .prop_map(<[u8]>::to_vec),
            prop::collection::vec(any::<u8>(), 0..6),
        ]
    }

    proptest! {
        #[test]
        fn splitting_a_stream_at_any_byte_changes_nothing(pieces in prop::collection::vec(piece(), 0..12), cut in any::<prop::sample::Index>()) {
            let stream = pieces.concat();
            let cut = cut.index(stream.len() + 1);
            let mut whole = StatusScanner::default();
            let answers = whole.process(&stream);
            let mut parts = StatusScanner::default();
            let mut others = parts.process(&stream[..cut]);
            others.extend(parts.process(&stream[cut..]));
            prop_assert_eq!(answers, others);
            prop_assert_eq!((whole.record(), whole.reports()), (parts.record(), parts.reports()));
        }
    }
}
