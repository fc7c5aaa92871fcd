//! Pictures: what is drawn, and that nothing a program writes becomes markup.

use proptest::prelude::*;

use super::*;

fn texts(picture: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(picture).expect("an XML document");
    document
        .descendants()
        .filter(|node| node.has_tag_name("text"))
        .map(|node| node.text().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn a_picture_has_colours_attributes_wide_characters_and_the_cursor() {
    let ansi = "\x1b[1;31mred\x1b[0m \x1b[4;48;5;17munder\x1b[0m\r\n你\u{301}好 \x1b[7minverse\x1b[0;3;38;2;1;2;3mrgb\x1b[0m\r\n\
                \x1b[8mhidden\x1b[0;2mdim\x1b[0;9;53mlines\x1b[0m\x1b[41m  \x1b[0m";
    insta::assert_snapshot!(svg(ansi.as_bytes(), Size { rows: 4, cols: 20 }, Some((2, 3))));
}

#[test]
fn markup_and_entities_of_a_program_are_text() {
    let ansi = "</text><script>alert(1)</script> &amp; \"' ]]>";
    let picture = svg(ansi.as_bytes(), Size { rows: 1, cols: 60 }, None);
    assert_eq!(texts(&picture).concat(), ansi);
    assert!(!picture.contains("<script") && !picture.contains("class=\"cursor\""), "{picture}");
}

#[test]
fn links_are_not_in_a_picture_and_nothing_turns_the_direction_of_text() {
    let ansi = "\x1b]8;;javascript:alert(1)\x07link\x1b]8;;\x07 a\u{202e}b\u{ffff}";
    let picture = svg(ansi.as_bytes(), Size { rows: 1, cols: 20 }, None);
    assert!(!picture.contains("javascript") && !picture.contains('\u{202e}') && !picture.contains('\u{ffff}'));
    assert_eq!(texts(&picture).concat().trim_end().chars().filter(char::is_ascii).collect::<String>(), "linkab");
}

#[test]
fn a_hidden_cursor_is_not_drawn() {
    let drawn = |ansi: &[u8]| svg(ansi, SIZE, Some((0, 0))).contains("class=\"cursor\"");
    assert!(drawn(b"x") && !drawn(b"\x1b[?25l"));
}

#[test]
fn a_size_that_lies_is_bounded() {
    let picture = svg(b"x", Size { rows: u16::MAX, cols: u16::MAX }, Some((u16::MAX, u16::MAX)));
    assert!(picture.contains("width=\"4516\" height=\"36016\""), "{}", &picture[..200]);
    assert!(svg(b"x", Size { rows: 0, cols: 0 }, Some((9, 9))).contains("class=\"cursor\""));
}

proptest! {
    #[test]
    fn whatever_a_program_writes_the_picture_is_a_document(stream in stream()) {
        let picture = svg(&stream, SIZE, Some((3, 3)));
        let document = roxmltree::Document::parse(&picture);
        prop_assert!(document.is_ok(), "{document:?}: {}", stream.escape_ascii());
        let known = ["svg", "rect", "g", "text"];
        let document = document.expect("a document");
        prop_assert!(document.descendants().filter(roxmltree::Node::is_element).all(|node| known.contains(&node.tag_name().name())));
    }
}
