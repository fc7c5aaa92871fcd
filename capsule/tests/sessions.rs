//! Sessions outlive their viewers; many watch, one writes.

mod support;

use jackin_api::wire::{
    Attach, AttachMode, Capture, CaptureFormat, Control, ErrorCode, Event, Exit, Frame, Kill, Notice, Rename, Reply,
    Request, SessionState, Signal, Size, Spawn, StateRule,
};
use support::{Capsule, eventually, script, shell, watching, writing};

#[test]
fn a_detached_session_goes_on_and_is_painted_when_attached_again() {
    let capsule = Capsule::start();
    capsule.shell("main");
    let mut first = capsule.attach("main");
    let sign = capsule.folder.path().join("sign");
    let line = format!("echo mark$((40+2)); until [ -e {} ]; do sleep 0.01; done; echo went$((1+1))\r", sign.display());
    first.input(line.as_bytes());
    first.see("mark42");
    first.control(Control::Detach);
    assert_eq!(first.next(), None, "the capsule closes after a detach");
    eventually("nobody is attached", || capsule.session("main").attached == 0);
    std::fs::write(&sign, "").expect("a file");
    eventually("it goes on", || capsule.screen("main").contains("went2"));

    let mut second = capsule.client();
    let attached = second.attach(&writing("main", 24, 80));
    assert_eq!(attached.mode, AttachMode::Write);
    let Some(Frame::Paint(paint)) = second.next() else { panic!("the first frame is not a paint") };
    assert!(String::from_utf8_lossy(&paint).contains("mark42"));
}

#[test]
fn a_session_is_started_once_per_name_while_it_lives() {
    let capsule = Capsule::start();
    let first = capsule.shell("main");
    let again = capsule.shell("main");
    assert!(first.created && !again.created);
    assert_eq!(first.id, again.id);
    let mut client = capsule.attach("main");
    client.input(b"exit 7\r");
    assert_eq!(client.finish().0, Some(Exit::with_code(7)));
    let next = capsule.shell("main");
    assert!(next.created);
    assert_ne!(next.id, first.id);
    assert_eq!(capsule.status().sessions.len(), 1, "the new one takes the ended one's place");
}

#[test]
fn an_exit_code_and_a_signal_are_both_told() {
    let capsule = Capsule::start();
    capsule.client().spawn(&script("code", "exit 3"));
    eventually("the code", || capsule.session("code").exit == Some(Exit::with_code(3)));
    capsule.client().spawn(&script("signal", "sleep 1000"));
    let kill = Kill { session: "signal".to_owned(), signal: Signal::Kill };
    assert_eq!(capsule.client().ask(Request::Kill(kill.clone())), Reply::Done);
    eventually("the signal", || capsule.session("signal").exit == Some(Exit::by_signal(9)));
    assert_eq!(capsule.session("signal").state, SessionState::Exited);
    assert_eq!(capsule.client().refused(Request::Kill(kill)).code, ErrorCode::SessionEnded);
}

#[test]
fn the_terminal_has_the_writers_size() {
    let capsule = Capsule::start();
    capsule.client().spawn(&Spawn { size: Size { rows: 11, cols: 33 }, ..shell("main") });
    let mut watcher = capsule.client();
    watcher.attach(&Attach { size: Some(Size { rows: 99, cols: 99 }), ..watching("main") });
    assert_eq!(capsule.session("main").size, Size { rows: 11, cols: 33 });
    let mut writer = capsule.client();
    writer.attach(&writing("main", 30, 100));
    writer.input(b"stty size\r");
    writer.see("30 100");
    writer.control(Control::Resize { size: Size { rows: 41, cols: 121 } });
    writer.input(b"stty size\r");
    writer.see("41 121");
    watcher.control(Control::Resize { size: Size { rows: 7, cols: 7 } });
    watcher.see("41 121");
    assert_eq!(capsule.session("main").size, Size { rows: 41, cols: 121 });
}

#[test]
fn a_second_writer_watches_unless_it_takes_over() {
    let capsule = Capsule::start();
    capsule.shell("main");
    let mut first = capsule.client();
    assert_eq!(first.attach(&writing("main", 24, 80)).mode, AttachMode::Write);
    let mut second = capsule.client();
    assert_eq!(second.attach(&writing("main", 24, 80)).mode, AttachMode::Watch);
    second.input(b"echo from-the-watcher\r");
    first.input(b"echo from-the-writer\r");
    second.see("from-the-writer\r\n");

    let mut third = capsule.client();
    let attached = third.attach(&Attach { takeover: true, ..writing("main", 24, 80) });
    assert_eq!(attached.mode, AttachMode::Write);
    assert_eq!((attached.session.attached, attached.session.writer), (3, true));
    while first.next() != Some(Frame::Event(Event::TakenOver)) {}
    first.input(b"echo from-the-former\r");
    third.input(b"echo from-the-new\r");
    first.see("from-the-new\r\n");
    third.see("from-the-new\r\n");
    assert!(!third.text().contains("from-the-former") && !third.text().contains("from-the-watcher"));
}

#[test]
fn without_a_name_the_oldest_live_session_is_meant() {
    let capsule = Capsule::start();
    let nothing = capsule.client().refused(Request::Attach(Attach::default()));
    assert_eq!(nothing.code, ErrorCode::NoSession);
    capsule.client().spawn(&script("gone", "true"));
    eventually("it ended", || !capsule.session("gone").is_live());
    capsule.shell("older");
    capsule.shell("younger");
    assert_eq!(capsule.client().attach(&Attach::default()).session.name, "older");
    let unknown = capsule.client().refused(Request::Attach(watching("other")));
    assert_eq!((unknown.code, unknown.message.as_str()), (ErrorCode::NoSession, "there is no session `other`"));
}

#[test]
fn an_ended_session_still_shows_its_last_screen() {
    let capsule = Capsule::start();
    capsule.client().spawn(&script("main", "echo last words"));
    eventually("it ended", || !capsule.session("main").is_live());
    let mut client = capsule.client();
    client.attach(&watching("main"));
    assert_eq!(client.finish().0, Some(Exit::with_code(0)));
    assert!(client.text().contains("last words"));
    let capture = Request::Capture(Capture {
        session: Some("main".to_owned()),
        format: CaptureFormat::Text,
        ..Capture::default()
    });
    let Reply::Captured(captured) = capsule.client().ask(capture) else { panic!("not captured") };
    assert_eq!((captured.contents.as_str(), captured.cursor), ("last words", (1, 0)));
}

#[test]
fn a_shells_state_follows_its_foreground_process() {
    let capsule = Capsule::start();
    let mut subscriber = capsule.client();
    assert!(matches!(subscriber.ask(Request::Subscribe), Reply::Status(_)));
    let mut until = |wanted: SessionState| loop {
        match subscriber.next() {
            Some(Frame::Notice(Notice::StateChanged { state, evidence, .. })) if state == wanted => return evidence,
            Some(Frame::Notice(_)) => {}
            other => panic!("{other:?} instead of {wanted:?}"),
        }
    };
    capsule.client().spawn(&Spawn { state_rule: StateRule::Foreground, ..shell("main") });
    until(SessionState::Idle);
    let mut client = capsule.attach("main");
    client.input(b"sleep 1000\r");
    assert_eq!(until(SessionState::Working), "sleep in the foreground");
    client.input(b"\x03");
    until(SessionState::Idle);
}

#[test]
fn a_shell_works_as_long_as_anything_of_its_session_lives_though_nobody_looks_and_nothing_is_printed() {
    let job = "until [ -e $SIGN ]; do sleep 0.01; done";
    // A job, one whose parent has ended, and one that ignores the hangup.
    for left in [format!("{{ {job}; }} &"), format!("({job} &)"), format!("(nohup sh -c '{job}' >/dev/null 2>&1 &)")] {
        let capsule = Capsule::start();
        let sign = capsule.folder.path().join("sign");
        let spawn = Spawn { state_rule: StateRule::Foreground, ..shell("main") };
        let env = [("PS1", "> "), ("SIGN", sign.to_str().expect("a path"))].into_iter().collect();
        capsule.client().spawn(&Spawn { env, ..spawn });
        let is = |wanted| capsule.session("main").state == wanted;
        eventually("it is idle", || is(SessionState::Idle));
        let mut typist = capsule.attach("main");
        typist.input(format!("{left}\recho back$((40+2))\r").as_bytes());
        typist.see("back42");
        drop(typist);
        eventually("the job alone keeps it at work", || {
            let session = capsule.session("main");
            session.attached == 0 && session.evidence == "the shell has something in the background"
        });
        assert!(is(SessionState::Working));
        std::fs::write(&sign, "").expect("a file");
        eventually("it is idle again", || is(SessionState::Idle));
    }
}

#[test]
fn without_a_rule_nothing_is_claimed() {
    let capsule = Capsule::start();
    capsule.client().spawn(&script("quiet", "sleep 1000"));
    capsule.client().spawn(&script("loud", "echo hello; sleep 1000"));
    eventually("it was judged", || capsule.session("loud").state == SessionState::Unknown);
    assert_eq!(capsule.session("quiet").state, SessionState::Starting);
}

#[test]
fn subscribers_hear_of_starts_viewers_and_ends() {
    let capsule = Capsule::start();
    let mut subscriber = capsule.client();
    subscriber.ask(Request::Subscribe);
    capsule.shell("main");
    capsule.attach("main").input(b"exit 5\r");
    let mut heard = Vec::new();
    loop {
        match subscriber.next() {
            Some(Frame::Notice(Notice::SessionStarted { session })) => heard.push(format!("started {}", session.name)),
            Some(Frame::Notice(Notice::ViewersChanged { attached, writer, .. })) => {
                heard.push(format!("viewers {attached} {writer}"))
            }
            Some(Frame::Notice(Notice::SessionExited { exit, .. })) => {
                heard.push(format!("exited {}", exit.shell_code()))
            }
            Some(Frame::Notice(_)) => {}
            other => panic!("not a notice: {other:?}"),
        }
        if heard.contains(&"exited 5".to_owned()) && heard.contains(&"viewers 0 false".to_owned()) {
            break;
        }
    }
    assert_eq!(heard[..2], ["started main", "viewers 1 true"]);
}

#[test]
fn a_program_that_asks_its_terminal_is_answered_while_nobody_looks() {
    let capsule = Capsule::start();
    let ask = r"stty raw -echo; printf '\033[2;5H\033[6n'; answer=$(dd bs=1 count=6 2>/dev/null | tail -c +3); stty sane; echo; echo at=$answer";
    capsule.client().spawn(&script("main", ask));
    eventually("the answer", || capsule.screen("main").contains("at=2;5R"));
}

#[test]
fn a_full_screen_program_is_painted_with_its_modes() {
    let capsule = Capsule::start();
    let draw = r"printf '\033[?1049h\033[?2004h\033[?1000h\033[?1006h\033[?1h\033[?25l\033]2;the title\007\033[4;6Hcentre'; sleep 1000";
    capsule.client().spawn(&script("main", draw));
    eventually("it drew", || capsule.session("main").title == "the title");
    let mut client = capsule.client();
    client.attach(&writing("main", 24, 80));
    client.see("centre");
    let paint = client.text();
    for mode in
        ["\x1b[?1049h", "\x1b[?2004h", "\x1b[?1000h", "\x1b[?1006h", "\x1b[?1h", "\x1b[?25l", "\x1b]2;the title\x07"]
    {
        assert!(paint.contains(mode), "{} is missing in {}", mode.escape_debug(), paint.escape_debug());
    }
}

#[test]
fn names_that_could_mislead_are_refused() {
    let capsule = Capsule::start();
    for name in ["", "a b", "a/b", "\x1b[31m", "ä", &"x".repeat(64)] {
        let refused = capsule.client().refused(Request::Spawn(shell(name)));
        assert_eq!(refused.code, ErrorCode::BadRequest, "{name:?}");
    }
}

#[test]
fn a_sequence_that_is_begun_is_no_part_of_what_is_captured() {
    let capsule = Capsule::start();
    capsule.client().spawn(&script("main", r"printf 'shown\033]52;c;AAAA'; sleep 1000"));
    eventually("it printed", || capsule.screen("main").contains("shown"));
    let capture = Capture { session: Some("main".to_owned()), format: CaptureFormat::Ansi, ..Capture::default() };
    let Reply::Captured(captured) = capsule.client().ask(Request::Capture(capture)) else { panic!("not captured") };
    assert!(captured.contents.contains("shown") && !captured.contents.contains("AAAA"), "{:?}", captured.contents);
    let mut viewer = capsule.attach("main");
    viewer.see("\x1b]52;c;AAAA");
}

#[test]
fn an_id_is_no_name_so_what_is_asked_by_id_reaches_that_session() {
    let capsule = Capsule::start();
    let main = capsule.shell("main");
    for id in [main.id.as_str(), "s-7", "s-00"] {
        let spawn = capsule.client().refused(Request::Spawn(shell(id)));
        let rename = Request::Rename(Rename { session: "main".to_owned(), name: id.to_owned() });
        assert_eq!([spawn.code, capsule.client().refused(rename).code], [ErrorCode::BadRequest; 2], "{id}");
    }
    for name in ["s-", "s-1a", "s1", "S-1"] {
        assert!(capsule.shell(name).created, "{name}");
    }
    assert_eq!(capsule.client().attach(&watching(&main.id)).session.name, "main");
}

#[test]
fn long_commands_leave_room_for_the_status_and_whoever_subscribes() {
    let capsule = Capsule::start();
    let long = "x".repeat(100_000);
    for name in (0..12).map(|number| format!("long-{number}")) {
        let mut spawn = script(&name, "sleep 1000");
        spawn.argv.push(long.clone());
        capsule.client().spawn(&spawn);
    }
    let sessions = capsule.status().sessions;
    assert_eq!(sessions.len(), 12);
    assert!(sessions.iter().all(|session| session.argv[..3] == ["/bin/sh", "-c", "sleep 1000"]));
    assert!(matches!(capsule.client().ask(Request::Subscribe), Reply::Status(_)));
}

#[test]
fn a_session_is_renamed_to_a_name_that_no_live_one_has_and_goes_on() {
    let capsule = Capsule::start();
    let mut subscriber = capsule.client();
    subscriber.ask(Request::Subscribe);
    let spawned = capsule.shell("main");
    capsule.shell("other");
    capsule.client().spawn(&script("gone", "true"));
    eventually("it ended", || !capsule.session("gone").is_live());
    let mut viewer = capsule.attach("main");
    let rename =
        |session: &str, name: &str| Request::Rename(Rename { session: session.to_owned(), name: name.to_owned() });
    let refused = |session, name| capsule.client().refused(rename(session, name)).code;
    assert_eq!(refused("main", "other"), ErrorCode::NameTaken);
    assert_eq!(refused("main", "a b"), ErrorCode::BadRequest);
    assert_eq!(refused("nobody", "new"), ErrorCode::NoSession);
    assert_eq!(refused("gone", "new"), ErrorCode::SessionEnded);

    assert_eq!(capsule.client().ask(rename("main", "main")), Reply::Done, "its own name is free for it");
    assert_eq!(capsule.client().ask(rename("main", "gone")), Reply::Done, "an ended one makes room");
    let told = loop {
        match subscriber.next() {
            Some(Frame::Notice(Notice::SessionRenamed { id, name })) if name != "main" => break (id, name),
            Some(Frame::Notice(_)) => {}
            other => panic!("not a notice: {other:?}"),
        }
    };
    assert_eq!(told, (spawned.id.clone(), "gone".to_owned()));
    let names: Vec<_> = capsule.status().sessions.into_iter().map(|session| (session.id, session.name)).collect();
    assert_eq!(names, [(spawned.id, "gone".to_owned()), ("s-2".to_owned(), "other".to_owned())]);
    viewer.input(b"echo $((6*7))\r");
    viewer.see("42\r\n");
}
