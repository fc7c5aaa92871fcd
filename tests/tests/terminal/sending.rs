//! `jackin send`: typing into a session that others look at, or nobody.

use anyhow::Result;

use super::desk::{Desk, PROMPT};

fn said(desk: &Desk, arguments: &[&str]) -> Result<(i32, String)> {
    let ran = desk.home.run(&[&["send", "desk-one"], arguments].concat())?;
    Ok((ran.status.code().unwrap_or(-1), String::from_utf8_lossy(&ran.stderr).into_owned()))
}

#[test]
fn what_is_sent_is_typed_beside_the_writer_whose_window_keeps_its_size() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.attached("one")?;
    assert_eq!(said(&desk, &["stty size;", "echo sent $((40 + 2))", "--enter"])?, (0, String::new()));
    window.wait_for("\n30 100\nsent 42\n")?;
    // The keys of the writer go on.
    window.enter("echo typed $((41 + 2))")?;
    window.wait_for("\ntyped 43\n")?;
    // Keys after the text, and a key that recalls the last line.
    window.enter("echo begun $((40 + 2)); cat")?;
    window.wait_for("\nbegun 42\n")?;
    assert_eq!(said(&desk, &["--keys", "C-c"])?.0, 0);
    window.wait_for_prompt(PROMPT)?;
    assert_eq!(said(&desk, &["clear", "--enter"])?.0, 0);
    window.wait_for_start(PROMPT)?;
    assert_eq!(said(&desk, &["--keys", "Up,Up,Home,#,Enter"])?.0, 0);
    window.wait_for("# #echo begun")?;
    Ok(())
}

#[test]
fn keys_reach_a_full_screen_program_in_its_own_modes() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.attached("one")?;
    desk.inside("printf 'one\\ntwo\\nthree\\n' > /tmp/file")?;
    window.enter("vim -u NONE -N -n --cmd 'set ruler' /tmp/file")?;
    window.wait_for("1,1")?;
    assert_eq!(said(&desk, &["--keys", "Down,Down,Right"])?.0, 0);
    window.wait_for("3,2")?;
    assert_eq!(said(&desk, &["--keys", "i"])?.0, 0);
    window.wait_for("-- INSERT --")?;
    // A paste comes as it is, also where the program would indent typed lines.
    assert_eq!(said(&desk, &["--paste", "pasted\n  lines"])?.0, 0);
    window.wait_for("tpasted\n  lineshree")?;
    assert_eq!(said(&desk, &["--keys", "Escape"])?.0, 0);
    assert_eq!(said(&desk, &[":q!", "--enter"])?.0, 0);
    window.wait_for_prompt(PROMPT)?;
    Ok(())
}

#[test]
fn what_cannot_be_sent_says_why() -> Result<()> {
    let desk = Desk::new()?;
    let (code, told) = said(&desk, &[])?;
    assert_eq!((code, told.as_str()), (2, "error: nothing is to be sent\nhint: name text, `--keys` or `--enter`\n"));
    let (code, told) = said(&desk, &["--keys", "Entr"])?;
    assert!(code == 2 && told.contains("did you mean `Enter`?"), "{code} {told}");
    let (code, told) = said(&desk, &["--session", "nobody", "x"])?;
    let expected = "error: there is no session `nobody`\nhint: `jackin sessions desk-one` lists those that are there\n";
    assert_eq!((code, told.as_str()), (1, expected));
    let (code, told) = said(&desk, &[&"x".repeat(70_000)])?;
    assert!(code == 2 && told.contains("more than may be sent at once"), "{code} {told}");
    Ok(())
}

#[test]
fn a_screen_is_captured_as_text_as_bytes_and_as_a_picture_with_what_left_it() -> Result<()> {
    let desk = Desk::new()?;
    let window = desk.attached("one")?;
    window.enter("for line in $(seq 1 50); do printf '\\e[31mline %s\\e[0m\\n' $line; done; echo done $((40 + 2))")?;
    window.wait_for("\ndone 42\n")?;
    let capture = |arguments: &[&str]| desk.home.must(&[&["capture", "desk-one"], arguments].concat());
    let text = capture(&[])?;
    assert!(text.contains("\nline 50\ndone 42\n") && !text.contains("line 2\n"), "{text}");
    let text = capture(&["--history", "100"])?;
    assert!(text.contains("\nline 1\nline 2\n") && text.contains("\ndone 42\n"), "{text}");
    let ansi = capture(&["--format", "ansi"])?;
    assert!(ansi.contains("line 50") && ansi.contains('\u{1b}'), "{ansi:?}");
    let path = desk.home.files().join("screen.svg");
    assert_eq!(capture(&["--format", "svg", "-o", path.to_str().expect("UTF-8")])?, "");
    let svg = std::fs::read_to_string(&path)?;
    assert!(svg.starts_with("<svg ") && svg.contains("line 50") && svg.trim_end().ends_with("</svg>"), "{svg}");
    Ok(())
}
