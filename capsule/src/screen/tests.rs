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

/// All that a person could see or a program could notice.
fn looks(screen: &Screen) -> impl PartialEq + std::fmt::Debug + use<> {
    let shown = screen.parser.screen();
    (
        shown.contents_formatted(),
        shown.input_mode_formatted(),
        shown.alternate_screen(),
        screen.parser.callbacks().formatted(shown.alternate_screen()),
        (screen.scanner.region(), screen.scanner.has_origin(), screen.scanner.character_sets()),
    )
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
        let repainted = {
            let mut other = screen(b"\x1b[?1049h\x1b[5;6r\x1b[?1002h\x1b[?2004h\x1b[1mrubbish\x1b[<7;1");
            other.process(&original.paint(Some(SIZE), true));
            other
        };
        assert_eq!(
            repainted.parser.screen().contents_formatted(),
            original.parser.screen().contents_formatted(),
            "{}",
            case.escape_ascii()
        );
        assert_eq!(
            repainted.parser.screen().input_mode_formatted(),
            original.parser.screen().input_mode_formatted(),
            "{}",
            case.escape_ascii()
        );
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
        "[a-z ]{0,30}".prop_map(String::into_bytes),
        "\\PC{0,6}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..6),
        (0..2100u16, any::<bool>())
            .prop_map(|(mode, set)| format!("\x1b[?{mode}{}", if set { 'h' } else { 'l' }).into_bytes()),
        ("[0-9;]{0,6}", "[@-~]").prop_map(|(numbers, last)| format!("\x1b[{numbers}{last}").into_bytes()),
        prop::sample::select(vec![
            &b"\r\n"[..],
            b"\x1b[?1049h",
            b"\x1b[?1049l",
            b"\x1b(0",
            b"\x1b(B",
            b"\x0e",
            b"\x0f",
            b"\x1bc",
            b"\x1b]2;t\x07",
            b"\x1b[2;5r",
            b"\x1b[?6h",
            b"\x1b[2J",
            b"\x1b[m",
            b"\x1b[>1u",
            b"\x1b7",
            b"\x1b8",
        ])
        .prop_map(<[u8]>::to_vec),
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
    fn no_stream_and_no_resize_starts_the_screen_anew(
        stream in stream(),
        more in stream(),
        rows in 1..30u16,
        cols in 2..80u16,
    ) {
        let mut parser = parser(SIZE);
        parser.process(&stream);
        let (rows, cols) = cells(Size { rows, cols });
        parser.set_size(rows, cols);
        parser.process(&more);
    }
}
