mod cases;
mod clipboard;
mod corpus;
mod svg;

use proptest::prelude::*;

use super::*;

const SIZE: Size = Size { rows: 10, cols: 40 };

fn screen(bytes: &[u8]) -> Screen {
    let mut screen = Screen::new(SIZE);
    screen.process(bytes);
    screen
}

/// A fresh terminal that shows what the screen's paint paints.
fn painted(original: &Screen) -> Screen {
    screen(&original.paint(Some(SIZE), false))
}

/// All that a person could see or a program could notice: what paints it, which also keeps what is only saved.
fn looks(screen: &Screen) -> String {
    let cursor = (screen.terminal.cursor.row, screen.terminal.cursor.column, screen.terminal.cursor.wraps_next);
    format!("{cursor:?} {}", screen.paint(None, false).escape_ascii())
}

#[test]
fn a_paint_restores_cells_colours_cursor_and_every_mode() {
    let cases: [&[u8]; 14] = [
        b"plain\r\n\x1b[1;31mred\x1b[0m \x1b[48;2;1;2;3mrgb",
        b"\x1b[?1049h\x1b[2;3Halternate \xe4\xbd\xa0\xe5\xa5\xbd e\xcc\x81",
        b"\x1b[?2004h\x1b[?1000h\x1b[?1006h\x1b[?1004h",
        b"\x1b[?1003h\x1b[?1016h\x1b[?2031h",
        b"\x1b[?1h\x1b=\x1b[?25l",
        b"\x1b[4 q\x1b[?12h",
        b"\x1b[?7l\x1b[4h",
        b"\x1b[3;7rscrolling\x1b[5;5H",
        b"\x1b[3;7r\x1b[?6h\x1b[2;2Hat the origin",
        b"\x1b]2;a title\x07",
        b"\x1b[>7u\x1b[>1u\x1b[>4;2m",
        b"\x1b[?1049h\x1b[>7u",
        b"\x1b(0lqqk\x1b(B then \x1b)0\x0eqq",
        b"a line that is longer than the screen is wide, so that it wraps\r\n",
    ];
    for case in cases {
        let original = screen(case);
        assert_eq!(looks(&painted(&original)), looks(&original), "{}", case.escape_ascii());
        let mut repainted = screen(b"\x1b[?1049h\x1b[5;6r\x1b[?1002h\x1b[?2004h\x1b[1mrubbish\x1b[4 q\x1bH\x1b[<7;1");
        repainted.process(&original.paint(Some(SIZE), true));
        assert_eq!(looks(&repainted), looks(&original), "{}", case.escape_ascii());
    }
}

#[test]
fn the_main_screen_comes_back_when_the_program_leaves_the_alternate_one() {
    let mut original = screen(b"before\r\n\x1b[?1049hfull screen");
    let mut other = painted(&original);
    for screen in [&mut original, &mut other] {
        screen.process(b"\x1b[?1049lafter");
        assert_eq!(screen.text(), "before\nafter");
    }
}

#[test]
fn line_drawing_characters_are_drawn_as_lines() {
    assert_eq!(screen(b"\x1b(0lqk\x1b(Blqk").text(), "┌─┐lqk");
    assert_eq!(screen(b"\x1b)0x\x0ex\x0fx").text(), "x│x");
}

#[test]
fn an_unfinished_sequence_goes_on_after_the_paint() {
    for (before, after, text) in [
        (&b"one\x1b[3"[..], &b"1mtwo"[..], "onetwo"),
        (b"one\x1b]2;ti", b"tle\x07two", "onetwo"),
        (b"one\xe4\xbd", b"\xa0two", "one你two"),
        (b"one\x1b", b"7two", "onetwo"),
    ] {
        let mut other = painted(&screen(before));
        other.process(after);
        assert_eq!(other.text(), text, "{}", before.escape_ascii());
    }
}

#[test]
fn a_character_in_pieces_does_not_swallow_the_next_one() {
    let mut screen = screen(b"\xc2");
    screen.process(b"\xae \xce\xa3");
    assert_eq!(screen.text(), "® Σ");
}

#[test]
fn the_history_comes_before_the_screen_as_characters_or_with_colours() {
    let mut screen = Screen::new(Size { rows: 2, cols: 10 });
    screen.process("one\r\n\x1b[31m你 \x1b]8;;https://e.x/\x07two\x1b]8;;\x07\x1b[0m\r\nthree\r\nfour".as_bytes());
    assert_eq!(screen.text(), "three\nfour");
    assert_eq!(screen.text_with(1), "你 two\nthree\nfour");
    assert_eq!(screen.text_with(9), "one\n你 two\nthree\nfour");
    assert_eq!(screen.lines(1), ["\x1b[0;31m你 \x1b]8;;https://e.x/\x1b\\two\x1b[0m\x1b]8;;\x1b\\", "three", "four"]);
}

#[test]
fn the_history_is_bounded_in_lines_and_in_bytes() {
    let mut screen = Screen::new(Size { rows: 2, cols: 200 });
    for number in 0..3000 {
        screen.process(format!("line {number}\r\n").as_bytes());
    }
    assert_eq!(screen.history(usize::MAX).count(), 1000);
    assert_eq!(screen.history(1).collect::<Vec<_>>(), ["line 2998"]);
    for _ in 0..3000 {
        screen.process("\x1b[31ma\x1b[32mb".repeat(100).as_bytes());
    }
    assert!(screen.history(usize::MAX).map(str::len).sum::<usize>() <= 512 * 1024);
}

#[test]
fn a_viewer_of_another_size_gets_each_row_at_its_place() {
    let original = screen(b"a line that is longer than the screen is wide, so that it wraps\r\nshort");
    let mut wide = Screen::new(Size { rows: 20, cols: 100 });
    wide.process(&original.paint(Some(Size { rows: 20, cols: 100 }), false));
    assert_eq!(wide.text(), original.text());
    assert_eq!(wide.cursor(), original.cursor());
}

#[test]
fn questions_are_answered() {
    let mut screen = Screen::new(SIZE);
    for (question, answer) in [
        (&b"\x1b[3;4H\x1b[6n"[..], &b"\x1b[3;4R"[..]),
        (b"\x1b[c", b"\x1b[?62;22c"),
        (b"\x1b[5n", b"\x1b[0n"),
        (b"\x1b[18t", b"\x1b[8;10;40t"),
        (b"\x1b]11;?\x1b\\", b"\x1b]11;rgb:0000/0000/0000\x1b\\"),
        (b"\x1b[?2026$p", b"\x1b[?2026;0$y"),
        (b"no question", b""),
    ] {
        assert_eq!(screen.process(question), answer, "{}", question.escape_ascii());
    }
}

#[test]
fn a_title_cannot_carry_control_characters_or_grow() {
    let mut screen = screen(b"\x1b]2;a\x08b\x07");
    assert_eq!(screen.title(), "ab");
    screen.process(&[b"\x1b]2;".as_slice(), &[b'x'; 5000], b"\x07"].concat());
    assert!(screen.title().len() <= 256, "{}", screen.title().len());
}

/// Streams in which sequences are likely, whole and broken.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let parts = prop_oneof![
        "[a-z ]{0,50}".prop_map(String::into_bytes),
        "\\PC{0,6}".prop_map(String::into_bytes),
        "[你好🙂e\u{301}\u{200d}]{0,9}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..6),
        (0..2100u16, any::<bool>())
            .prop_map(|(mode, set)| format!("\x1b[?{mode}{}", if set { 'h' } else { 'l' }).into_bytes()),
        ("[?>=!]?", "[0-9;:]{0,6}", "[ $'\"]?", "[@-~]")
            .prop_map(|(prefix, numbers, middle, last)| format!("\x1b[{prefix}{numbers}{middle}{last}").into_bytes()),
        (1..12u16, 1..42u16).prop_map(|(row, column)| format!("\x1b[{row};{column}H").into_bytes()),
        (1..12u16, 1..12u16).prop_map(|(top, bottom)| format!("\x1b[{top};{bottom}r").into_bytes()),
        ("[()*+#]?", "[0-~]").prop_map(|(place, last)| format!("\x1b{place}{last}").into_bytes()),
        prop::sample::select(
            [
                "\r\n",
                "\n",
                "\t",
                "\x08",
                "\x1b[?1049h",
                "\x1b[?1049l",
                "\x1b[?47h",
                "\x1b[?6h",
                "\x1b[?6l",
                "\x1b[?7l",
                "\x1b[?7h",
                "\x1b[4h",
                "\x1b[4l",
                "\x1b(0",
                "\x1b(B",
                "\x0e",
                "\x0f",
                "\x1bc",
                "\x1b[!p",
                "\x1b]2;t\x07",
                "\x1b]8;;https://e.x/\x1b\\",
                "\x1b]8;;\x07",
                "\x1b]9;4;1;5\x07",
                "\x1bPq",
                "\x1b\\",
                "\x1b[2J",
                "\x1b[m",
                "\x1b[1;38;5;9;4:3m",
                "\x1b[44m",
                "\x1b[>1u",
                "\x1b7",
                "\x1b8",
                "\x1bM",
                "\x1bH",
                "\x1b[3g",
                "\x1b[5b",
            ]
            .map(|sequence| sequence.as_bytes().to_vec())
            .to_vec()
        ),
    ];
    prop::collection::vec(parts, 0..25).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn splitting_a_stream_at_any_byte_changes_nothing(stream in stream(), cut in any::<prop::sample::Index>()) {
        let cut = cut.index(stream.len() + 1);
        let mut split = screen(&stream[..cut]);
        split.process(&stream[cut..]);
        prop_assert_eq!(looks(&split), looks(&screen(&stream)), "{} | {}", stream[..cut].escape_ascii(), stream[cut..].escape_ascii());
    }

    #[test]
    fn a_paint_shows_the_same_and_a_paint_of_it_is_the_same_paint(stream in stream()) {
        let original = screen(&stream);
        let once = painted(&original);
        prop_assert_eq!(looks(&once), looks(&original), "{}", stream.escape_ascii());
        prop_assert_eq!(looks(&painted(&once)), looks(&original), "{}", stream.escape_ascii());
    }

    #[test]
    fn a_paint_and_the_rest_show_what_the_whole_would(before in stream(), after in stream(), is_repaint in any::<bool>()) {
        let original = screen(&before);
        let mut other = screen(b"\x1b[?1049h\x1b[5;6r\x1b[?1002h\x1b[1mrubbish\x1b[4 q\x1bH\x1b]2;ti");
        if !is_repaint {
            other = screen(b"");
        }
        other.process(&original.paint(Some(SIZE), is_repaint));
        // What a paint does not carry: what REP repeats after a movement, and the alternate screen's text while the main one is shown,
        // which 47 and 1047 would show again.
        prop_assume!(!original.parser.unfinished().ends_with(b"47"));
        let after: Vec<u8> = after.into_iter().filter(|byte| !matches!(byte, b'b' | b'7')).collect();
        let mut whole = original;
        whole.process(&after);
        other.process(&after);
        prop_assert_eq!(looks(&other), looks(&whole), "{} | {}", before.escape_ascii(), after.escape_ascii());
    }

    #[test]
    fn no_stream_and_no_resize_starts_the_screen_anew(
        stream in stream(),
        more in stream(),
        rows in 1..30u16,
        cols in 2..80u16,
    ) {
        let mut screen = screen(&stream);
        screen.resize(Size { rows, cols });
        screen.process(&more);
        let _ = screen.paint(Some(SIZE), true);
        screen.resize(SIZE);
        screen.process(&stream);
        prop_assert_eq!(screen.restarts(), 0);
    }
}
