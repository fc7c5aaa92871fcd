//! An independent referee: tmux's own emulator shows the same bytes, and what we paint of them.
//!
//! Twice for each stream: the stream itself in a pane of tmux must look like our screen, and our paint in another pane must look like it
//! too. Where tmux follows other rules than xterm, the case says so, and only the paint is compared. Where there is no tmux there is no
//! referee; `docker/packages.sh` installs it for the tests.

#[path = "../src/tests/cases.rs"]
#[allow(dead_code, reason = "what a case should look like is known to the other tests of it")]
mod cases;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use cases::{Case, Step};
use jackin_api::wire::Size;
use jackin_screen::{Color, Screen, Style, flag};

/// How long a pane may take to show a few kilobytes, on the busiest of machines.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server of tmux, ended with its panes when dropped.
struct Referee {
    folder: tempfile::TempDir,
}

impl Referee {
    fn new() -> Self {
        let referee = Self { folder: tempfile::tempdir().expect("a folder") };
        let settings = "set -g status off\nset -g history-limit 100\nset -g default-terminal tmux-256color\n";
        std::fs::write(referee.folder.path().join("settings"), settings).expect("settings");
        // The server ends with its last session; this one is there as long as the referee.
        referee.tmux(&["new-session", "-d", "-s", "there", "exec sleep 100000"]);
        referee
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let settings = self.folder.path().join("settings");
        let output = Command::new("tmux")
            .args(["-u", "-S"])
            .arg(self.folder.path().join("socket"))
            .arg("-f")
            .arg(settings)
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .output()
            .expect("run tmux: is the package `tmux` installed?");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    /// What a pane shows of a stream, once it has taken all of it.
    fn look(&self, stream: &[u8], size: Size) -> Look {
        let file = self.folder.path().join("stream");
        // A title is the last thing that it takes, and is not seen on the screen.
        std::fs::write(&file, [stream, b"\x1b]2;taken whole\x1b\\"].concat()).expect("written");
        let (columns, rows) = (size.cols.to_string(), size.rows.to_string());
        let command = format!("stty raw -echo; cat {}; exec sleep 1000", file.display());
        self.tmux(&["new-session", "-d", "-s", "pane", "-x", &columns, "-y", &rows, &command]);
        let begun = Instant::now();
        let state =
            "#{pane_title}|#{cursor_y} #{cursor_x}|#{alternate_on}|#{scroll_region_upper} #{scroll_region_lower}";
        let state = loop {
            let told = self.tmux(&["display-message", "-t", "pane", "-p", state]);
            if let Some(told) = told.trim_end().strip_prefix("taken whole|") {
                break told.to_owned();
            }
            assert!(begun.elapsed() < PATIENCE, "tmux does not take the stream: {told:?}");
            std::thread::sleep(Duration::from_millis(5));
        };
        let capture = self.tmux(&["capture-pane", "-t", "pane", "-p", "-e", "-N"]);
        self.tmux(&["kill-session", "-t", "pane"]);
        Look::of_capture(&capture, &state, size)
    }
}

impl Drop for Referee {
    fn drop(&mut self) {
        let socket = self.folder.path().join("socket");
        // It may have ended by itself.
        let _ = Command::new("tmux").arg("-S").arg(socket).arg("kill-server").output();
    }
}

/// What is compared: each row's characters with how they look, and the cursor.
#[derive(Debug, PartialEq, Eq)]
struct Look {
    rows: Vec<String>,
    cursor: (u16, u16),
}

impl Look {
    fn of_screen(screen: &Screen) -> Self {
        Self { rows: rows(screen), cursor: screen.cursor() }
    }

    /// A capture is lines with SGR sequences.
    fn of_capture(capture: &str, state: &str, size: Size) -> Self {
        let mut paper = Screen::new(size);
        // Line drawing characters are written there in G1.
        paper.process(b"\x1b[?7l\x1b)0");
        for (row, line) in capture.lines().take(usize::from(size.rows)).enumerate() {
            paper.process(format!("\x1b[{};1H{line}", row + 1).as_bytes());
        }
        let mut numbers = state.split(['|', ' ']).map(|number| number.parse::<u16>().expect("a number"));
        let (row, column) = (numbers.next().expect("a row"), numbers.next().expect("a column"));
        // A cursor that waits to wrap is beyond the last column there.
        Self { rows: rows(&paper), cursor: (row, column.min(size.cols - 1)) }
    }
}

/// The rows in a notation in which what looks the same is the same: of a blank only its ground is seen.
fn rows(screen: &Screen) -> Vec<String> {
    let row = |cells: &[jackin_screen::Cell]| {
        let mut text = String::new();
        let mut last = String::from("plain");
        for cell in cells.iter().filter(|cell| !cell.is_right_half()) {
            let look = look(cell.text().trim().is_empty(), cell.style());
            if look != last {
                text += &format!("<{look}>");
                last = look;
            }
            text += cell.text();
        }
        text.trim_end().to_owned()
    };
    screen.rows().map(row).collect()
}

fn look(is_blank: bool, style: Style) -> String {
    // Neither does a capture tell of overlines, nor has tmux protected characters.
    let flags = style.flags & !(flag::OVERLINE | flag::PROTECTED);
    let is_seen = !is_blank || style.underline > 0 || style.has(flag::INVERSE | flag::STRIKE);
    let named = |color: Color| if color == Color::Default { String::new() } else { format!("{color:?}") };
    let mut look = format!("on {}", named(style.background));
    if is_seen {
        look = format!("{} {look} {:x} {}", named(style.foreground), flags, style.underline);
    }
    if look == "on " || look == " on  0 0" { "plain".to_owned() } else { look }
}

/// A row without the ground at its end: of cells that were erased in colour a capture does not tell, of spaces it does.
fn without_ground(row: &str) -> &str {
    let row = row.trim_end();
    let last = row
        .rfind('<')
        .filter(|start| row.ends_with('>') && row[*start..].starts_with("<on ") || row[*start..] == *"<plain>");
    last.map_or(row, |start| without_ground(&row[..start]))
}

fn play(case: &Case) -> Option<(Vec<u8>, Screen)> {
    let mut screen = Screen::new(case.size());
    let mut stream = Vec::new();
    for step in &case.steps {
        let Step::Feed(bytes) = step else { return None };
        screen.process(bytes);
        stream.extend(bytes);
    }
    Some((stream, screen))
}

/// Compares what a stream shows, or what our paint of it does, which has only spaces.
fn compare(wrong: &mut Vec<String>, name: &str, found: &Look, ours: &Look, is_paint: bool) {
    let shown = |row: &str| if is_paint { row.to_owned() } else { without_ground(row).to_owned() };
    let rows = |look: &Look| look.rows.iter().map(|row| shown(row)).collect::<Vec<_>>();
    for (row, (theirs, ours)) in
        rows(found).iter().zip(rows(ours)).enumerate().filter(|(_, (theirs, ours))| *theirs != ours)
    {
        wrong.push(format!("{name}: row {}: tmux has {theirs:?}, we have {ours:?}", row + 1));
    }
    if found.cursor != ours.cursor {
        wrong.push(format!("{name}: the cursor: tmux has {:?}, we have {:?}", found.cursor, ours.cursor));
    }
}

fn has_tmux() -> bool {
    Command::new("tmux").arg("-V").output().is_ok_and(|output| output.status.success())
}

#[test]
fn tmux_shows_each_case_as_we_do_and_each_paint_of_ours() {
    assert!(has_tmux(), "the package `tmux` is missing: docker/packages.sh installs it");
    let referee = Referee::new();
    let mut wrong = Vec::new();
    for case in cases::cases() {
        let Some((stream, screen)) = play(&case) else { continue };
        let ours = Look::of_screen(&screen);
        if !case.tells("tmux") {
            compare(&mut wrong, &case.name, &referee.look(&stream, case.size()), &ours, false);
        }
        if !case.tells("tmux-paint") {
            let painted = referee.look(&screen.paint(None, false), case.size());
            compare(&mut wrong, &format!("{}, painted", case.name), &painted, &ours, true);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A program's output as it was recorded on a terminal whose size is in its name: vim, less, htop and a shell, driven by keys.
fn recordings() -> Vec<(String, Size, Vec<u8>)> {
    let files = std::fs::read_dir(cases::folder().join("recorded")).expect("recordings");
    let mut recordings: Vec<(String, Size, Vec<u8>)> = files
        .map(|file| {
            let file = file.expect("a file").path();
            let name = file.file_name().expect("a name").to_string_lossy().into_owned();
            let size = name.split('.').nth(1).and_then(|size| size.split_once('x')).expect("NAME.ROWSxCOLUMNS");
            let size = Size { rows: size.0.parse().expect("rows"), cols: size.1.parse().expect("columns") };
            (name, size, read(&file))
        })
        .collect();
    recordings.sort_by(|one, other| one.0.cmp(&other.0));
    recordings
}

fn read(file: &Path) -> Vec<u8> {
    std::fs::read(file).expect("a recording")
}

/// Where a recording is looked at: its end, and some moments at which a program shows its cursor because it is done.
fn moments(stream: &[u8]) -> Vec<usize> {
    let shown = b"\x1b[?25h";
    let all: Vec<usize> = (shown.len()..stream.len()).filter(|end| stream[..*end].ends_with(shown)).collect();
    let some = all.iter().step_by((all.len() / 6).max(1)).copied();
    some.chain([stream.len()]).collect()
}

#[test]
fn tmux_shows_recorded_programs_as_we_do_and_our_paints_of_them() {
    assert!(has_tmux(), "the package `tmux` is missing: docker/packages.sh installs it");
    let referee = Referee::new();
    let mut wrong = Vec::new();
    let recordings = recordings();
    assert!(recordings.len() >= 4, "only {} recordings", recordings.len());
    for (name, size, stream) in recordings {
        for end in moments(&stream) {
            let mut screen = Screen::new(size);
            screen.process(&stream[..end]);
            let ours = Look::of_screen(&screen);
            let name = format!("{name} up to {end}");
            compare(&mut wrong, &name, &referee.look(&stream[..end], size), &ours, false);
            let painted = referee.look(&screen.paint(None, false), size);
            compare(&mut wrong, &format!("{name}, painted"), &painted, &ours, true);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
