//! What programs write to their terminal, and worse.

use std::fmt::Write;

use jackin_api::wire::Size;
use jackin_screen::{ClipboardFilter, Screen, svg};

use super::ensure;
use crate::dice::Dice;

/// The most bytes of a history.
const HISTORY: usize = 512 * 1024;

/// How often in a thousand a stream is also painted, split and drawn.
const THOROUGH: u64 = 40;

pub(super) fn play(dice: &mut Dice) -> Result<(), String> {
    let size = size(dice);
    let mut screen = Screen::new(size);
    let mut filter = ClipboardFilter::default();
    // What was written since the screen was new, as long as it kept its size.
    let mut stream = Some(Vec::new());
    for _ in 0..=dice.below(3) {
        let parts = if dice.permille(100) { 60 } else { 8 };
        let written: Vec<u8> = (0..dice.below(parts)).flat_map(|_| part(dice, size)).collect();
        let shown = filter.pass(&written);
        ensure(shown.len() <= written.len() + 256, || format!("{} bytes of {}", shown.len(), written.len()))?;
        screen.process(&shown);
        if dice.permille(100) {
            screen.resize(self::size(dice));
            stream = None;
        }
        if let Some(stream) = &mut stream {
            stream.extend(shown);
        }
    }
    ensure(screen.restarts() == 0, || format!("the screen was started anew: {}", told(stream.as_deref())))?;
    let kept: usize = screen.history(usize::MAX).map(str::len).sum();
    ensure(kept <= HISTORY, || format!("a history of {kept} bytes"))?;
    if dice.permille(THOROUGH) { thorough(dice, &screen, stream.as_deref()) } else { Ok(()) }
}

/// Paints, splits and draws.
fn thorough(dice: &mut Dice, screen: &Screen, stream: Option<&[u8]>) -> Result<(), String> {
    let paint = screen.paint(None, dice.permille(500));
    ensure(
        paint.len() <= 64 * 1024 + 2500 * usize::from(screen.size().rows) * usize::from(screen.size().cols),
        || format!("a paint of {} bytes", paint.len()),
    )?;
    let mut painted = Screen::new(screen.size());
    painted.process(&paint);
    let same = |one: &Screen, other: &Screen| one.paint(None, false) == other.paint(None, false);
    ensure(same(&painted, screen), || format!("its paint shows something else: {}", told(stream)))?;
    if let Some(stream) = stream.filter(|stream| !stream.is_empty()) {
        let cut = usize::try_from(dice.below(stream.len() as u64)).unwrap_or(0);
        let mut split = Screen::new(screen.size());
        split.process(&stream[..cut]);
        split.process(&stream[cut..]);
        ensure(same(&split, screen), || format!("split at {cut} it shows something else: {}", told(Some(stream))))?;
    }
    let _ = screen.paint(Some(size(dice)), true);
    let picture = svg(&paint, screen.size(), Some(screen.cursor()));
    ensure(picture.ends_with("</svg>\n"), || "a picture without an end".to_owned())
}

fn told(stream: Option<&[u8]>) -> String {
    stream.map_or_else(|| "after a change of its size".to_owned(), |stream| stream.escape_ascii().to_string())
}

fn size(dice: &mut Dice) -> Size {
    let short = |dice: &mut Dice, most: u64| u16::try_from(dice.below(most)).unwrap_or(0);
    Size { rows: short(dice, 30), cols: short(dice, 60) }
}

/// A few bytes: text, sequences with likely and unlikely parameters, pieces of both.
fn part(dice: &mut Dice, size: Size) -> Vec<u8> {
    let mut text = String::new();
    // Writing into a string does not fail.
    let _ = match dice.below(12) {
        0 | 1 => {
            write!(text, "{}", dice.pick(&["text", "你好", "e\u{301}", "🙂\u{200d}", "\u{7f}", " ", "\u{9b}", "─"]))
        }
        2 => write!(text, "{}", "0123456789".repeat(usize::try_from(dice.below(12)).unwrap_or(0))),
        3 => write!(
            text,
            "{}",
            dice.pick(&["\r", "\n", "\t", "\u{8}", "\u{7}", "\u{e}", "\u{f}", "\u{b}", "\0", "\u{18}"])
        ),
        4 => write!(text, "\x1b[{};{}H", dice.below(u64::from(size.rows) + 3), dice.below(u64::from(size.cols) + 3)),
        5 => write!(text, "\x1b[{};{}r", dice.below(u64::from(size.rows) + 3), dice.below(u64::from(size.rows) + 3)),
        6 | 7 => {
            let prefix = dice.pick(&["", "", "", "?", ">", "!", "=", "<"]);
            let middle = dice.pick(&["", "", "", " ", "$", "\"", "'", "#"]);
            let number = dice.pick(&[
                "",
                "0",
                "1",
                "2",
                "3",
                "7",
                "99",
                "65535",
                "99999999999",
                "1;2;3;4;5",
                "4:3",
                "38;5",
                "38:2::1:2:3",
            ]);
            let last = char::from(0x40 + u8::try_from(dice.below(63)).unwrap_or(0));
            write!(text, "\x1b[{prefix}{number}{middle}{last}")
        }
        8 => {
            let mode =
                dice.pick(&[1, 3, 5, 6, 7, 9, 12, 25, 45, 47, 66, 69, 1000, 1003, 1006, 1047, 1048, 1049, 2004, 2026]);
            write!(text, "\x1b[?{mode}{}", dice.pick(&["h", "h", "l"]))
        }
        9 => {
            let place = dice.pick(&["", "", "(", ")", "*", "+", "#", " ", "%"]);
            write!(text, "\x1b{place}{}", char::from(0x30 + u8::try_from(dice.below(79)).unwrap_or(0)))
        }
        10 => {
            let start = dice.pick(&[
                "]0;",
                "]2;",
                "]8;;",
                "]8;id=1;",
                "]9;4;",
                "]52;c;",
                "]1337;Copy",
                "P",
                "P$q",
                "X",
                "^",
                "_",
                "]11;?",
            ]);
            let middle = dice.pick(&["", "https://e.x/", "1;50", "\u{1}", "q", "aGk="]).repeat(if dice.permille(50) {
                900
            } else {
                1
            });
            write!(text, "\x1b{start}{middle}{}", dice.pick(&["\u{7}", "\x1b\\", "", "\u{18}", "\x1b[m"]))
        }
        _ => {
            let rubbish = |dice: &mut Dice| u8::try_from(dice.below(256)).unwrap_or(0);
            return (0..dice.below(8)).map(|_| rubbish(dice)).collect();
        }
    };
    let mut bytes = text.into_bytes();
    if dice.permille(80) {
        bytes.truncate(usize::try_from(dice.below(bytes.len() as u64 + 1)).unwrap_or(0));
    }
    bytes
}
