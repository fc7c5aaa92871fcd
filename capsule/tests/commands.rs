//! Commands beside the sessions, their environment, and the output that sessions left.

mod support;

use std::io::Write;

use jackin_api::wire::{
    Control, ErrorCode, Exec, Exit, Frame, FrameKind, Output, Personalise, Reply, Request, Signal, Size, Spawn,
};
use support::{Capsule, eventually, exec, script, shell};

#[test]
fn ten_megabytes_go_through_a_command_both_ways_unharmed() {
    let capsule = Capsule::start();
    let mut client = capsule.client();
    client.exec(&exec(&["cat"]));
    let sent: Vec<u8> =
        (0..10 * 1024 * 1024_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut stream = client.stream.try_clone().expect("a second handle");
    let copy = sent.clone();
    let writer = std::thread::spawn(move || {
        for chunk in copy.chunks(100_000) {
            stream.write_all(&Frame::data(FrameKind::Input, chunk)).expect("sent");
        }
        stream.write_all(&Frame::Control(Control::Eof).encode().expect("a frame")).expect("sent");
    });
    let (exit, errors) = client.finish();
    writer.join().expect("written");
    assert_eq!((exit, errors.len(), client.shown.len()), (Some(Exit::with_code(0)), 0, sent.len()));
    assert!(client.shown == sent, "the bytes differ");
}

#[test]
fn output_errors_and_exit_code_come_apart() {
    let capsule = Capsule::start();
    let mut client = capsule.client();
    client.exec(&exec(&["/bin/sh", "-c", "echo out; echo err >&2; exit 42"]));
    assert_eq!(client.finish(), (Some(Exit::with_code(42)), b"err\n".to_vec()));
    assert_eq!(client.text(), "out\n");
}

#[test]
fn a_child_that_keeps_the_output_open_does_not_delay_the_end() {
    let capsule = Capsule::start();
    let mut client = capsule.client();
    client.exec(&exec(&["/bin/sh", "-c", "sleep 1000 & echo started $!"]));
    assert_eq!(client.finish().0, Some(Exit::with_code(0)));
    let text = client.text();
    let pid: u32 = text.trim().trim_start_matches("started ").parse().expect("a pid");
    rustix::process::kill_process(support::pid_of(pid), rustix::process::Signal::KILL).expect("killed");
}

#[test]
fn a_command_on_a_terminal_has_its_size_and_its_signals() {
    let capsule = Capsule::start();
    let mut client = capsule.client();
    client.exec(&Exec {
        tty: Some(Size { rows: 12, cols: 34 }),
        ..exec(&["/bin/sh", "-c", "stty size; tty; echo $TERM; exec sleep 1000"])
    });
    client.see("12 34");
    client.see("/dev/pts/");
    client.see("xterm-256color");
    client.input(b"\x03");
    assert_eq!(client.finish().0, Some(Exit::by_signal(2)));
}

#[test]
fn a_signal_reaches_a_command_and_a_lost_client_hangs_it_up() {
    let capsule = Capsule::start();
    let mut client = capsule.client();
    client.exec(&exec(&[
        "/bin/sh",
        "-c",
        "trap 'echo got term; exit 9' TERM; echo ready; while :; do sleep 0.01; done",
    ]));
    client.see("ready");
    client.control(Control::Signal { signal: Signal::Term });
    assert_eq!(client.finish().0, Some(Exit::with_code(9)));

    let mut lost = capsule.client();
    lost.exec(&exec(&["sleep", "1000"]));
    eventually("it runs", || !capsule.children().is_empty());
    drop(lost);
    eventually("it is gone", || capsule.children().is_empty());
}

#[test]
fn a_command_that_reads_nothing_still_gets_its_signals_and_is_hung_up_with_its_client() {
    let capsule = Capsule::start();
    let mut client = capsule.client();
    client.exec(&exec(&["sleep", "1000"]));
    client.input(&[b'x'; 200_000]);
    client.control(Control::Signal { signal: Signal::Term });
    assert_eq!(client.finish().0, Some(Exit::by_signal(15)));

    for tty in [None, Some(Size::default())] {
        let mut lost = capsule.client();
        lost.exec(&Exec { tty, ..exec(&["/bin/sh", "-c", "stty raw -echo 2>/dev/null; echo deaf; exec sleep 1000"]) });
        lost.see("deaf");
        lost.input(&[b'x'; 400_000]);
        drop(lost);
        eventually("it is gone", || capsule.children().is_empty());
    }
}

#[test]
fn what_cannot_be_run_is_refused_with_its_reason() {
    let capsule = Capsule::start();
    let refused = |exec: Exec| capsule.client().refused(Request::Exec(exec));
    let missing = refused(exec(&["no-such-program"]));
    assert_eq!(
        (missing.code, missing.message.as_str()),
        (ErrorCode::ProgramNotFound, "there is no program `no-such-program`")
    );
    let notes = capsule.folder.path().join("notes");
    std::fs::write(&notes, "text").expect("a file");
    assert_eq!(refused(exec(&[notes.to_str().expect("a path")])).code, ErrorCode::NotExecutable);
    assert_eq!(refused(Exec { cwd: Some("/no/such".to_owned()), ..exec(&["true"]) }).code, ErrorCode::BadRequest);
    assert_eq!(refused(exec(&[])).code, ErrorCode::BadRequest);
}

#[test]
fn new_sessions_and_commands_get_the_environment_that_was_set_last() {
    let capsule = Capsule::start();
    assert_eq!(capsule.status().environment_digest, None);
    let personalise = |value: &str| {
        Request::Personalise(Personalise {
            digest: format!("digest-of-{value}"),
            env: [("SECRET", value)].into_iter().collect(),
            path_prepend: vec!["/agents/bin".to_owned()],
        })
    };
    assert_eq!(capsule.client().ask(personalise("one")), Reply::Done);
    capsule.client().spawn(&script("old", "read line; echo $SECRET"));
    assert_eq!(capsule.client().ask(personalise("two")), Reply::Done);
    assert_eq!(capsule.status().environment_digest.as_deref(), Some("digest-of-two"));
    let mut old = capsule.attach("old");
    old.input(b"\r");
    old.see("one");

    let mut client = capsule.client();
    client.exec(&exec(&["/bin/sh", "-c", "echo $SECRET $PATH $COLORTERM $LANG $TERM"]));
    client.finish();
    assert!(client.text().starts_with("two /agents/bin:"), "{}", client.text());
    assert!(client.text().contains(" truecolor "), "{}", client.text());
    let mut extra = capsule.client();
    extra.exec(&Exec { env: [("SECRET", "three")].into_iter().collect(), ..exec(&["/bin/sh", "-c", "echo $SECRET"]) });
    extra.finish();
    assert_eq!(extra.text(), "three\n");
}

#[test]
fn the_home_is_made_and_given() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().join("home/agent");
    let capsule = Capsule::start_with(&["--home", home.to_str().expect("a path"), "--home-dir", ".codex"]);
    assert!(home.join(".codex").is_dir());
    let mut client = capsule.client();
    client.exec(&exec(&["/bin/sh", "-c", "echo $HOME"]));
    client.finish();
    assert_eq!(client.text().trim(), home.to_str().expect("a path"));
}

#[test]
fn kept_output_is_told_and_followed_until_the_end() {
    let capsule = Capsule::start();
    capsule.client().spawn(&script("main", "echo one; echo two; echo three; read line; echo four"));
    let output = |follow, tail| Request::Output(Output { session: Some("main".to_owned()), follow, tail });
    let kept = |tail| {
        let mut client = capsule.client();
        assert_eq!(client.ask(output(false, tail)), Reply::Done);
        assert_eq!(client.finish().0, None);
        client.text()
    };
    eventually("it printed", || kept(None).contains("three"));
    assert_eq!(kept(None), "one\r\ntwo\r\nthree\r\n");
    assert_eq!(kept(Some(2)), "two\r\nthree\r\n");
    let mut follower = capsule.client();
    follower.ask(output(true, Some(1)));
    follower.see("three");
    capsule.attach("main").input(b"\r");
    assert_eq!(follower.finish().0, Some(Exit::with_code(0)));
    assert!(follower.text().ends_with("four\r\n"), "{:?}", follower.text());
}

#[test]
fn who_does_not_follow_gets_what_was_kept_when_it_asked_however_slowly_it_reads() {
    let capsule = Capsule::start();
    let sign = capsule.folder.path().join("sign");
    let line =
        format!("seq 1 60000; echo all; until [ -e {} ]; do sleep 0.01; done; echo later; sleep 1000", sign.display());
    capsule.client().spawn(&script("main", &line));
    eventually("it printed", || capsule.screen("main").contains("all"));
    let mut slow = capsule.client();
    slow.ask(Request::Output(Output { session: None, follow: false, tail: None }));
    std::fs::write(&sign, "").expect("a file");
    eventually("it goes on", || capsule.screen("main").contains("later"));
    assert_eq!(slow.finish().0, None);
    assert!(slow.text().contains("59000\r\n") && !slow.text().contains("later"), "{} bytes", slow.shown.len());
}

#[test]
fn the_images_own_shell_is_found_and_the_built_in_one_works() {
    let capsule = Capsule::start();
    let mut client = capsule.client();
    client.exec(&exec(&["@shell", "-c", "echo from $0"]));
    client.finish();
    assert_eq!(client.text(), "from sh\n");

    let own = env!("CARGO_BIN_EXE_jackin-capsule");
    capsule.client().spawn(&Spawn { argv: vec![own.to_owned(), "shell".to_owned()], ..shell("builtin") });
    let mut session = capsule.attach("builtin");
    session.input(b"cd /\r");
    session.see("/ $ ");
    session.input(b"export WORD='two words'; \r");
    session.input(b"echo \"$WORD\" and more\r");
    session.see("and more\r\n");
    session.input(b"sleep 1000\r");
    eventually("it sleeps", || {
        capsule.session("builtin").is_live() && grandchildren(&capsule).contains(&"sleep".to_owned())
    });
    session.input(b"\x03");
    session.input(b"exit 4\r");
    assert_eq!(session.finish().0, Some(Exit::with_code(4)));
}

fn grandchildren(capsule: &Capsule) -> Vec<String> {
    let of = |pid: u32| std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let all = capsule.children().into_iter().map(of).collect::<Vec<_>>().join(" ");
    all.split_whitespace()
        .map(|pid| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned())
        .collect()
}
