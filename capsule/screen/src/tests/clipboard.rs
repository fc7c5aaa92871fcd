//! What reaches the clipboard, and everything that does not.

use proptest::prelude::*;

use super::stream;
use crate::ClipboardFilter;

fn passed(bytes: &[u8]) -> Vec<u8> {
    ClipboardFilter::default().pass(bytes)
}

#[test]
fn the_clipboard_is_not_reached_however_the_command_is_written() {
    for stream in [
        &b"\x1b]52;c;c2VjcmV0\x07"[..],
        b"\x1b]52;c;?\x1b\\",
        b"\x1b]0052;c;c2VjcmV0\x07",
        b"\x1b]5\x002;c;c2VjcmV0\x07",
        b"\x1b\x00]52;c;c2VjcmV0\x07",
        b"\x1b\xc3\xa9]52;c;c2VjcmV0\x07",
        b"\xc2\x9d52;c;c2VjcmV0\xc2\x9c",
        b"\x1b\xc2\x9d52;c;c2VjcmV0\x07",
        b"\x1b]1\xc2\x9d52;c;c2VjcmV0\x07",
        b"\x1b]5522;type=write;c2VjcmV0\x1b\\",
        b"\x1b]1337;Copy=:c2VjcmV0\x07",
        b"\x1b]1337;CopyToClipboard=\x07",
        b"\x1b]1337;EndCopy\x07",
        b"\x1bPtmux;\x1b\x1b]52;c;c2VjcmV0\x07\x1b\\",
        b"\x1bP\x1b]52;c;c2VjcmV0\x07\x1b\\",
        b"\x1b]52;c;c2\x1b[31mVjcmV0\x07",
    ] {
        let shown = passed(&[b"before ", stream, b" after"].concat());
        let text = String::from_utf8_lossy(&shown).into_owned();
        assert!(text.starts_with("before ") && text.ends_with(" after"), "{text:?}");
        assert!(!text.contains("52;") && !text.contains("5522;") && !text.contains("opy"), "{text:?}");
    }
}

#[test]
fn what_stands_around_a_dropped_command_does_not_become_another_one() {
    let shown = passed(b"\x1b\x1b]52;c;x\x07]52;c;c2VjcmV0\x07");
    assert_eq!(passed(&shown), shown, "nothing more is to be dropped");
    assert_eq!(shown, b"\x1b\x1b\\]52;c;c2VjcmV0\x07", "which is the end of a string, and text");
}

#[test]
fn a_command_that_never_ends_is_not_kept() {
    let mut filter = ClipboardFilter::default();
    assert_eq!(filter.pass(b"\x1b]52;c;"), b"");
    for _ in 0..1000 {
        assert_eq!(filter.pass(&[b'A'; 1000]), b"");
    }
    assert_eq!(filter.pass(b"\x18text"), b"\x1b\\\x18text");
}

#[test]
fn everything_else_passes_byte_for_byte() {
    for stream in [
        &b"\x1b]2;52;a title\x07"[..],
        b"\x1b]8;;https://e.x/52;\x1b\\link\x1b]8;;\x1b\\",
        b"\x1b]520;x\x07\x1b]5;2\x07\x1b]1337;File=inline=1:AAAA\x07\x1b]1337;CurrentDir=/\x07\x1b]52\x07",
        b"\x1b[52;1H\x1b(0\x1b7\x1b\x1b[m\x1b]",
        "naïve “quotes” — ¢ £ © 你好 🙂".as_bytes(),
        b"\xc2",
        b"\xff\x9d52;\xe2\x80\x9d",
    ] {
        let mut filter = ClipboardFilter::default();
        let mut shown = filter.pass(stream);
        // What is held back comes with what follows.
        shown.extend(filter.pass(b"end"));
        assert_eq!(shown, [stream, b"end"].concat(), "{}", stream.escape_ascii());
    }
}

/// Streams in which the command is likely, whole and broken.
fn attempts() -> impl Strategy<Value = Vec<u8>> {
    let parts = prop::sample::select(
        [
            "\x1b", "]", "\x1b]", "5", "2", "52", "52;", "0", ";", "c;", "?", "\x07", "\x1b\\", "\x18", "\0", "\u{9d}",
            "\u{9c}", "é", "\x1bP", "tmux;", "1337;", "Co", "py", "end", "=", "55", "[m", "text",
        ]
        .map(|part| part.as_bytes().to_vec())
        .to_vec(),
    );
    prop::collection::vec(parts, 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn splitting_a_stream_changes_nothing_of_what_passes(
        stream in prop_oneof![stream(), attempts()],
        cut in any::<prop::sample::Index>(),
    ) {
        let cut = cut.index(stream.len() + 1);
        let mut split = ClipboardFilter::default();
        let mut shown = split.pass(&stream[..cut]);
        shown.extend(split.pass(&stream[cut..]));
        prop_assert_eq!(shown, passed(&stream), "{}", stream.escape_ascii());
    }

    #[test]
    fn what_passed_passes_again_as_it_is(stream in prop_oneof![stream(), attempts()]) {
        let once = passed(&stream);
        let mut filter = ClipboardFilter::default();
        let mut twice = filter.pass(&once);
        twice.extend(filter.pass(b"\x18"));
        prop_assert_eq!(twice, [once.as_slice(), b"\x18"].concat(), "{}", stream.escape_ascii());
    }

    #[test]
    fn no_terminal_sees_a_command_for_the_clipboard(stream in attempts()) {
        // Our own parser reads as terminals do that are lenient with what comes in between.
        let mut parser = crate::parser::Parser::default();
        let mut seen = Vec::new();
        for byte in passed(&stream) {
            parser.advance(byte, &mut |event| {
                if let crate::parser::Event::Text { kind: crate::parser::TextKind::Osc, bytes } = event {
                    let printable: Vec<u8> = bytes.iter().copied().filter(|byte| !byte.is_ascii_control()).collect();
                    let digits = printable.iter().take_while(|byte| **byte == b'0').count();
                    seen.push(printable[digits..].to_vec());
                }
            });
        }
        let reaches = |command: &Vec<u8>| {
            let lower = command.to_ascii_lowercase();
            [&b"52;"[..], b"5522;", b"1337;copy", b"1337;endcopy"].iter().any(|start| lower.starts_with(start))
        };
        prop_assert!(!seen.iter().any(reaches), "{}", stream.escape_ascii());
    }
}
