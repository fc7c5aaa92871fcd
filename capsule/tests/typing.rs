//! What is typed by who does not look, and the sizes that viewers hear of.

mod support;

use jackin_api::wire::{
    Attach, Control, ErrorCode, Event, Exit, Frame, Kill, Reply, Request, Signal, Size, Spawn, Stroke, Typing,
};
use support::{Capsule, eventually, script, shell, watching, writing};

fn text(text: &str) -> Stroke {
    Stroke::Text { text: text.to_owned() }
}

fn paste(text: &str) -> Stroke {
    Stroke::Paste { text: text.to_owned() }
}

fn up() -> Stroke {
    Stroke::Key { normal: "\x1b[A".to_owned(), application: "\x1bOA".to_owned() }
}

fn send(session: &str, strokes: Vec<Stroke>) -> Request {
    Request::Send(Typing { session: Some(session.to_owned()), strokes })
}

/// Shows what it reads, byte by byte, once it has set modes.
fn reader(name: &str, modes: &str, bytes: usize) -> Spawn {
    script(
        name,
        &format!("stty raw -echo; printf '{modes}ready'; head -c {bytes} | od -An -c | tr -s ' \\n' ' '; sleep 1000"),
    )
}

#[test]
fn what_is_sent_runs_though_another_client_writes_and_its_place_and_size_stay() {
    let capsule = Capsule::start();
    capsule.shell("main");
    let mut writer = capsule.client();
    writer.attach(&writing("main", 30, 90));
    assert_eq!(capsule.client().ask(send("main", vec![text("stty size; echo $((6*7))\n")])), Reply::Done);
    writer.see("30 90\r\n42\r\n");
    let session = capsule.session("main");
    assert_eq!((session.attached, session.writer, session.size), (1, true, Size { rows: 30, cols: 90 }));
}

#[test]
fn a_key_is_what_it_is_in_the_mode_that_the_program_is_in() {
    let capsule = Capsule::start();
    for (name, modes, shown) in [("normal", "", "ready 033 [ A"), ("application", r"\033[?1h", "ready 033 O A")] {
        capsule.client().spawn(&reader(name, modes, 3));
        eventually("it reads", || capsule.screen(name).contains("ready"));
        assert_eq!(capsule.client().ask(send(name, vec![up()])), Reply::Done);
        eventually("the key", || capsule.screen(name).contains(shown));
    }
}

#[test]
fn a_paste_is_marked_for_who_asked_and_cannot_end_itself() {
    let capsule = Capsule::start();
    let evil = "a\nb\x1b[201~c";
    for (name, modes, bytes, shown) in [
        ("plain", "", 4, r"ready a \r b 033"),
        ("marked", r"\033[?2004h", 21, r"ready 033 [ 2 0 0 ~ a \r b [ 2 0 1 ~ c 033 [ 2 0 1 ~"),
    ] {
        capsule.client().spawn(&reader(name, modes, bytes));
        eventually("it reads", || capsule.screen(name).contains("ready"));
        assert_eq!(capsule.client().ask(send(name, vec![paste(evil)])), Reply::Done);
        eventually("the paste", || capsule.screen(name).contains(shown));
    }
}

#[test]
fn too_much_and_what_nobody_reads_is_refused_as_a_whole() {
    let capsule = Capsule::start();
    let refused = |name, strokes| capsule.client().refused(send(name, strokes)).code;
    capsule.client().spawn(&script("deaf", "stty raw -echo; printf ready; sleep 1000"));
    eventually("it is deaf", || capsule.screen("deaf").contains("ready"));
    assert_eq!(refused("deaf", vec![text(&"x".repeat(Typing::MOST + 1))]), ErrorCode::BadRequest);
    assert_eq!(refused("deaf", vec![Stroke::Unknown]), ErrorCode::BadRequest);
    assert_eq!(refused("nobody", vec![text("x")]), ErrorCode::NoSession);
    let piece = text(&"x".repeat(Typing::MOST));
    let accepted =
        (0..64).take_while(|_| capsule.client().ask(send("deaf", vec![piece.clone()])) == Reply::Done).count();
    assert!((1..64).contains(&accepted), "{accepted} times as much as may wait");
    assert_eq!(refused("deaf", vec![piece]), ErrorCode::Failed);
    // What it did not read goes with it.
    let kill = Kill { session: "deaf".to_owned(), signal: Signal::Kill };
    assert_eq!(capsule.client().ask(Request::Kill(kill)), Reply::Done);
    eventually("it ended", || !capsule.session("deaf").is_live());

    capsule.client().spawn(&script("gone", "true"));
    eventually("it ended", || !capsule.session("gone").is_live());
    assert_eq!(refused("gone", vec![text("x")]), ErrorCode::SessionEnded);
}

#[test]
fn a_writer_that_is_gone_leaves_its_place_though_the_program_reads_nothing() {
    let capsule = Capsule::start();
    capsule.client().spawn(&script("deaf", "stty raw -echo; printf ready; sleep 1000"));
    eventually("it is deaf", || capsule.screen("deaf").contains("ready"));
    let mut writer = capsule.client();
    writer.attach(&writing("deaf", 24, 80));
    // In frames, as a client sends them: one of them waits.
    for _ in 0..7 {
        writer.input(&[b'x'; 64 * 1024]);
    }
    assert!(capsule.session("deaf").writer);
    drop(writer);
    eventually("its place is free", || {
        let session = capsule.session("deaf");
        (session.attached, session.writer) == (0, false)
    });
}

#[test]
fn what_a_writer_typed_before_it_left_is_read_to_its_end() {
    let capsule = Capsule::start();
    let sign = capsule.folder.path().join("sign");
    let line = format!("stty raw -echo; printf ready; head -c 400000 | wc -c > {}; sleep 1000", sign.display());
    capsule.client().spawn(&script("slow", &line));
    eventually("it reads", || capsule.screen("slow").contains("ready"));
    let mut writer = capsule.client();
    writer.attach(&writing("slow", 24, 80));
    writer.input(&[b'x'; 400_000]);
    drop(writer);
    eventually("all of it", || std::fs::read_to_string(&sign).is_ok_and(|count| count.trim() == "400000"));
}

#[test]
fn a_viewer_hears_of_each_size_between_what_was_shown_before_and_after_it() {
    let capsule = Capsule::start();
    capsule.client().spawn(&Spawn { size: Size { rows: 11, cols: 33 }, ..shell("main") });
    let mut watcher = capsule.client();
    let attached = watcher.attach(&watching("main"));
    assert_eq!(attached.session.size, Size { rows: 11, cols: 33 });
    let mut writer = capsule.client();
    writer.attach(&writing("main", 20, 60));
    for size in [Size { rows: 21, cols: 61 }, Size { rows: 22, cols: 62 }] {
        let sign = format!("{}-{}", size.rows, size.cols);
        writer.input(format!("echo before-{}-$(({} + 0))\r", size.rows, size.cols).as_bytes());
        writer.see(&format!("before-{sign}\r\n"));
        writer.control(Control::Resize { size });
        writer.input(format!("echo after-{}-$(({} + 0)); \r", size.rows, size.cols).as_bytes());
        writer.see(&format!("after-{sign}\r\n"));
    }
    writer.input(b"exit 3\r");
    let mut seen = Vec::new();
    // How many sizes there were at each paint: who watches is painted anew after each, who writes is not.
    let mut paints = Vec::new();
    loop {
        match watcher.next() {
            Some(Frame::Paint(bytes)) => {
                paints.push(seen.len());
                watcher.shown.extend(bytes);
            }
            Some(Frame::Output(bytes)) => watcher.shown.extend(bytes),
            Some(Frame::Event(Event::Resized { size })) => seen.push((size.rows, watcher.text())),
            Some(Frame::Event(Event::Ended { exit })) => break assert_eq!(exit, Some(Exit::with_code(3))),
            other => panic!("unexpected: {other:?}"),
        }
    }
    let rows: Vec<_> = seen.iter().map(|(rows, _)| *rows).collect();
    assert_eq!(rows, [20, 21, 22]);
    assert_eq!(paints.iter().filter(|&&sizes| sizes > 0).collect::<Vec<_>>(), [&1, &2, &3]);
    assert!(seen[1].1.contains("before-21-61\r\n") && !seen[1].1.contains("after-21-61\r\n"));
    assert!(seen[2].1.contains("before-22-62\r\n") && !seen[2].1.contains("after-22-62\r\n"));
}

#[test]
fn a_writer_is_told_of_its_own_size_only_when_that_changes_the_sessions() {
    let capsule = Capsule::start();
    capsule.shell("main");
    let mut writer = capsule.client();
    let attached = writer.attach(&Attach { ..writing("main", 30, 90) });
    assert_eq!(attached.session.size, Size { rows: 30, cols: 90 }, "its own size came with it");
    writer.input(b"exit 4\r");
    assert!(matches!(writer.next(), Some(Frame::Paint(_))), "and is not told again");
    assert_eq!(writer.finish().0, Some(Exit::with_code(4)));
}
