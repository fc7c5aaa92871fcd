//! A picture of a screen: an SVG that needs nothing else, of cells of one size, so that turning it into pixels is a matter of a scale.
//!
//! What the cells hold comes from a program in a container. Nothing of it becomes markup: text is escaped, hyperlinks are left out,
//! and characters that turn the direction of text around are not drawn.

use std::fmt::Write;

use jackin_api::wire::Size;

use crate::cell::Cell;
use crate::parser::Parser;
use crate::style::{Color, Style, flag};
use crate::terminal::Terminal;

/// The width and height of a cell, in pixels at scale 1.
const CELL: (usize, usize) = (9, 18);

/// How far below a cell's top its characters stand.
const BASE: usize = 14;

/// Free space around the screen.
const MARGIN: usize = 8;

/// The most rows and columns that are drawn: a screen and its history.
const MOST: (u16, u16) = (2000, Size::MAX);

const FAMILY: &str = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace";

/// What a colour is that a program left to the terminal.
const TEXT: &str = "#cccccc";
const GROUND: &str = "#000000";

/// The first sixteen of the palette, as an xterm has them.
const PALETTE: [&str; 16] = [
    "#000000", "#cd0000", "#00cd00", "#cdcd00", "#0000ee", "#cd00cd", "#00cdcd", "#e5e5e5", "#7f7f7f", "#ff0000",
    "#00ff00", "#ffff00", "#5c5cff", "#ff00ff", "#00ffff", "#ffffff",
];

/// Draws what these bytes show on a terminal of this size, with the cursor at this row and column, from 0.
///
/// The bytes are what a capsule gave for a capture: they may be anything, and so may the size.
#[must_use]
pub fn svg(ansi: &[u8], size: Size, cursor: Option<(u16, u16)>) -> String {
    let (rows, columns) = (size.rows.clamp(1, MOST.0), size.cols.clamp(2, MOST.1));
    let mut terminal = Terminal::new(usize::from(rows), usize::from(columns));
    let mut parser = Parser::default();
    for byte in ansi {
        parser.advance(*byte, &mut |event| terminal.obey(event));
    }
    let cursor = cursor.filter(|_| terminal.modes.is_set(25));
    let (width, height) = (terminal.columns() * CELL.0 + 2 * MARGIN, terminal.rows() * CELL.1 + 2 * MARGIN);
    let mut picture = Picture::default();
    picture.add(format_args!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"{FAMILY}\" font-size=\"15\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"{GROUND}\"/>\n\
         <g transform=\"translate({MARGIN} {MARGIN})\" xml:space=\"preserve\" style=\"unicode-bidi: bidi-override\">\n"
    ));
    for (index, row) in terminal.grid().rows.iter().enumerate() {
        picture.row(index, &row.cells);
    }
    if let Some((row, column)) = cursor {
        picture.cursor(usize::from(row.min(rows - 1)), usize::from(column.min(columns - 1)));
    }
    picture.text.push_str("</g>\n</svg>\n");
    picture.text
}

#[derive(Default)]
struct Picture {
    text: String,
}

impl Picture {
    fn add(&mut self, arguments: std::fmt::Arguments<'_>) {
        // Writing into a string does not fail.
        let _ = self.text.write_fmt(arguments);
    }

    fn row(&mut self, row: usize, cells: &[Cell]) {
        let mut column = 0;
        while let Some(first) = cells.get(column) {
            let length = run(&cells[column..]);
            self.run(row, column, &cells[column..column + length], Look::of(first.style));
            column += length;
        }
    }

    /// Cells of one look, which are drawn as one.
    fn run(&mut self, row: usize, column: usize, cells: &[Cell], look: Look) {
        let (x, y, width) = (column * CELL.0, row * CELL.1, cells.len() * CELL.0);
        if look.ground != GROUND {
            self.add(format_args!(
                "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{}\" fill=\"{}\"/>\n",
                CELL.1, look.ground
            ));
        }
        let text: String = cells.iter().map(Cell::text).collect();
        // Spaces at an end are nothing to draw, and not every program that reads SVG keeps them.
        let (shown, before) = match (look.decoration.is_empty(), text.trim_start_matches(' ')) {
            (true, shown) => (shown.trim_end_matches(' '), text.len() - shown.len()),
            (false, _) => (text.as_str(), 0),
        };
        if look.is_hidden || shown.is_empty() {
            return;
        }
        let (x, base) = (x + before * CELL.0, y + BASE);
        let width = width - (text.len() - shown.len()) * CELL.0;
        self.add(format_args!(
            "<text x=\"{x}\" y=\"{base}\" textLength=\"{width}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{}\"{}{}>",
            look.text, look.attributes, look.decoration
        ));
        escape(&mut self.text, shown);
        self.text.push_str("</text>\n");
    }

    fn cursor(&mut self, row: usize, column: usize) {
        let (x, y) = (column * CELL.0, row * CELL.1);
        self.add(format_args!(
            "<rect class=\"cursor\" x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\" fill=\"{TEXT}\" fill-opacity=\"0.6\"/>\n",
            CELL.0, CELL.1
        ));
    }
}

/// How many cells from the first on are drawn together: plain characters of one look, or one that a font may draw in another width.
fn run(cells: &[Cell]) -> usize {
    if !is_plain(&cells[0]) {
        return 1 + usize::from(cells[0].is_wide() && cells.len() > 1);
    }
    let seen = |cell: &Cell| Style { link: 0, ..cell.style };
    cells.iter().take_while(|cell| is_plain(cell) && seen(cell) == seen(&cells[0])).count()
}

fn is_plain(cell: &Cell) -> bool {
    cell.text().len() == 1
}

/// A style as attributes of SVG.
struct Look {
    text: String,
    ground: String,
    attributes: String,
    decoration: String,
    is_hidden: bool,
}

impl Look {
    fn of(style: Style) -> Self {
        let mut text = style.foreground.css(TEXT);
        let mut ground = style.background.css(GROUND);
        if style.has(flag::INVERSE) {
            std::mem::swap(&mut text, &mut ground);
        }
        let mut attributes = String::new();
        for (flag, attribute) in [
            (flag::BOLD, " font-weight=\"bold\""),
            (flag::ITALIC, " font-style=\"italic\""),
            (flag::DIM, " fill-opacity=\"0.6\""),
        ] {
            if style.has(flag) {
                attributes.push_str(attribute);
            }
        }
        let mut lines = Vec::new();
        match style.underline {
            0 => {}
            2 => lines.push("underline double"),
            3 => lines.push("underline wavy"),
            4 => lines.push("underline dotted"),
            5 => lines.push("underline dashed"),
            _ => lines.push("underline"),
        }
        if style.has(flag::STRIKE) {
            lines.push("line-through");
        }
        if style.has(flag::OVERLINE) {
            lines.push("overline");
        }
        let color = match style.underline_color {
            Color::Default => String::new(),
            color => format!(" {}", color.css(TEXT)),
        };
        let decoration = if lines.is_empty() {
            String::new()
        } else {
            format!(" style=\"text-decoration: {}{color}\"", lines.join(" "))
        };
        Self { text, ground, attributes, decoration, is_hidden: style.has(flag::INVISIBLE) }
    }
}

impl Color {
    fn css(self, default: &str) -> String {
        match self {
            Self::Default => default.to_owned(),
            Self::Index(index @ 0..=15) => PALETTE[usize::from(index)].to_owned(),
            Self::Index(index @ 16..=231) => {
                let level = |of: u8| if of == 0 { 0 } else { 55 + 40 * of };
                let index = index - 16;
                hexadecimal(level(index / 36), level(index / 6 % 6), level(index % 6))
            }
            Self::Index(index) => {
                let level = 8 + 10 * (index - 232);
                hexadecimal(level, level, level)
            }
            Self::Rgb(red, green, blue) => hexadecimal(red, green, blue),
        }
    }
}

fn hexadecimal(red: u8, green: u8, blue: u8) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Text as XML has it; what XML has no way to say is replaced.
fn escape(into: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            '\u{fffe}' | '\u{ffff}' => into.push(char::REPLACEMENT_CHARACTER),
            character if character.is_control() => into.push(char::REPLACEMENT_CHARACTER),
            character => into.push(character),
        }
    }
}
