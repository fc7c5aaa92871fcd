//! Several windows on one session: all see it, one types.

use anyhow::Result;

use super::desk::{Desk, PROMPT};

#[test]
fn a_second_window_sees_everything_and_types_nothing() -> Result<()> {
    let desk = Desk::new()?;
    let writer = desk.attached("writer")?;
    let watcher = desk.attached("watcher")?;
    writer.enter("echo from the writer $((40 + 2))")?;
    watcher.wait_for("\nfrom the writer 42\n")?;

    watcher.enter("echo from the watcher $((41 + 2))")?;
    watcher.press(&["C-\\"])?;
    let told = watcher.wait_for("detached from desk-one; the session goes on")?;
    assert!(
        told.contains("another client writes to desk-one; you were watching (take over with --take-over)"),
        "{told}"
    );
    writer.enter("echo still the writer $((42 + 2))")?;
    let screen = writer.wait_for("\nstill the writer 44\n")?;
    assert!(!screen.contains("from the watcher"), "{screen}");
    Ok(())
}

#[test]
fn taking_over_makes_the_former_writer_a_watcher() -> Result<()> {
    let desk = Desk::new()?;
    let former = desk.attached("former")?;
    let writer = desk.window("writer")?;
    writer.enter("jackin attach desk-one --take-over")?;
    writer.wait_for_prompt(PROMPT)?;
    writer.enter("echo taken $((40 + 2))")?;
    writer.wait_for("\ntaken 42\n")?;
    former.wait_for("\ntaken 42\n")?;

    former.enter("echo from the former $((41 + 2))")?;
    former.press(&["C-\\"])?;
    let told = former.wait_for("detached from desk-one; the session goes on")?;
    assert!(told.contains("another client took desk-one over; you were watching since"), "{told}");
    writer.enter("echo mine $((42 + 2))")?;
    let screen = writer.wait_for("\nmine 44\n")?;
    assert!(!screen.contains("from the former"), "{screen}");
    Ok(())
}

#[test]
fn who_asks_to_watch_leaves_the_keyboard_and_the_size_to_others() -> Result<()> {
    let desk = Desk::new()?;
    let watcher = desk.window("watcher")?;
    watcher.resize(60, 15)?;
    watcher.enter("jackin attach desk-one --watch")?;
    watcher.wait_for_prompt(PROMPT)?;
    let writer = desk.attached("writer")?;
    writer.enter("stty size")?;
    writer.wait_for("\n30 100\n")?;
    watcher.wait_for("30 100\n")?;
    watcher.press(&["C-\\"])?;
    let told = watcher.wait_for("detached from desk-one; the session goes on")?;
    assert!(!told.contains("another client"), "{told}");
    Ok(())
}
