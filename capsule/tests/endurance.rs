//! Bad clients, floods, orphans, and the end.

mod support;

use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};

use jackin_api::wire::{ErrorCode, Event, Exit, Frame, FrameKind, Hello, Output, PROTOCOL, Reply, Request};
use rustix::process::Signal;
use support::{Capsule, Client, eventually, exec, launch, script, shell, watching, writing};

#[test]
fn bad_clients_end_their_own_connections_only() {
    let capsule = Capsule::start();
    capsule.shell("main");
    let hello = Frame::Hello(Hello { protocol: PROTOCOL, version: "test".to_owned() }).encode().expect("a frame");
    let oversize = [0xff, 0xff, 0xff, 0xff, FrameKind::Request as u8];
    let after_hello = |bytes: &[u8]| [hello.as_slice(), bytes].concat();
    let streams: [Vec<u8>; 7] = [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        vec![0; 100_000],
        oversize.to_vec(),
        after_hello(&oversize),
        after_hello(&Frame::data(FrameKind::Input, b"typed at nothing")),
        after_hello(&[0, 0, 0, 9, FrameKind::Request as u8, b'{']),
        Vec::new(),
    ];
    for bytes in &streams {
        let mut client = Client::raw(&capsule.socket());
        // The capsule may close before everything is written.
        let _ = client.stream.write_all(bytes);
        client.stream.shutdown(std::net::Shutdown::Write).expect("shut");
        // It hangs up; a reset is a way to do that.
        let _ = client.stream.read_to_end(&mut Vec::new());
    }
    let mut client = capsule.client();
    client.stream.write_all(&[0, 0, 0, 1, FrameKind::Request as u8, b'{']).expect("sent");
    let Some(Frame::Reply(Reply::Error(refused))) = client.next() else { panic!("not refused") };
    assert_eq!(refused.code, ErrorCode::BadRequest);
    assert!(client.status().sessions[0].is_live(), "and the connection goes on");
}

#[test]
fn what_a_later_client_says_is_refused_or_skipped() {
    let capsule = Capsule::start();
    let mut client = capsule.client();
    client.stream.write_all(&[0, 0, 0, 2, 200, 1, 2]).expect("an unknown frame");
    assert_eq!(client.refused(Request::Unknown).code, ErrorCode::UnknownRequest);
    let mut later = Client::raw(&capsule.socket());
    later.send(&Frame::Hello(Hello { protocol: 99, version: "later".to_owned() }));
    assert!(matches!(later.next(), Some(Frame::Hello(_))));
    assert_eq!(later.status().sessions, []);
    let mut alien = Client::raw(&capsule.socket());
    alien.send(&Frame::Hello(Hello { protocol: 0, version: "alien".to_owned() }));
    assert!(matches!(alien.next(), Some(Frame::Hello(_))));
    let Some(Frame::Reply(Reply::Error(refused))) = alien.next() else { panic!("not refused") };
    assert_eq!(refused.code, ErrorCode::UnsupportedProtocol);
}

#[test]
fn connections_are_bounded_and_a_closed_one_makes_room() {
    let capsule = Capsule::start();
    let mut clients: Vec<Client> = (0..128).map(|_| capsule.client()).collect();
    let mut surplus = Client::raw(&capsule.socket());
    assert!(matches!(surplus.next(), Some(Frame::Hello(_))));
    let Some(Frame::Reply(Reply::Error(refused))) = surplus.next() else { panic!("not refused") };
    assert_eq!(refused.code, ErrorCode::TooMany);
    assert_eq!(surplus.next(), None);
    clients.truncate(10);
    eventually("there is room", || {
        let mut client = Client::raw(&capsule.socket());
        client.greet();
        client.send(&Frame::Request(Request::Status));
        matches!(client.next(), Some(Frame::Reply(Reply::Status(_))))
    });
}

#[test]
fn a_viewer_that_does_not_read_neither_slows_a_flood_nor_fills_memory() {
    let capsule = Capsule::start();
    capsule.client().spawn(&script("flood", "i=0; while [ $i -lt 40 ]; do head -c 50000 /dev/zero | tr '\\0' x; i=$((i+1)); done; echo; echo the end; read line"));
    let mut slow = capsule.client();
    slow.attach(&writing("flood", 24, 80));
    let mut fast = capsule.client();
    fast.attach(&watching("flood"));
    fast.see("the end");
    assert!(capsule.memory() < 40_000, "{} kB", capsule.memory());
    slow.see("the end");
    assert!(slow.shown.len() < 1_500_000, "{} bytes: the slow one was not painted anew", slow.shown.len());
    slow.input(b"\r");
    assert_eq!(slow.finish().0, Some(Exit::with_code(0)));
}

#[test]
fn a_flood_delays_no_other_session() {
    let capsule = Capsule::start();
    capsule.client().spawn(&script("flood", "yes"));
    capsule.shell("main");
    let mut flooded = capsule.client();
    flooded.attach(&watching("flood"));
    flooded.see("y\r\ny");
    let mut client = capsule.attach("main");
    client.input(b"echo $((6*7))\r");
    client.see("42\r\n");
    assert!(capsule.memory() < 40_000, "{} kB", capsule.memory());
}

#[test]
fn orphans_are_reaped_and_take_no_exit_code_from_others() {
    let capsule = Capsule::start();
    let orphans = "for i in 1 2 3 4 5 6 7 8 9 10; do (sleep 0.0$i &) ; done; exit 11";
    for _ in 0..5 {
        let mut client = capsule.client();
        client.exec(&exec(&["/bin/sh", "-c", orphans]));
        assert_eq!(client.finish().0, Some(Exit::with_code(11)));
    }
    eventually("none is left, dead or alive", || capsule.children().is_empty());
}

#[test]
fn the_socket_is_its_owners_alone_and_replaces_an_old_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("jackin.sock");
    let mut first = launch(&socket, &[]);
    first.kill().expect("killed");
    first.wait().expect("reaped");
    let left = std::fs::symlink_metadata(&socket).expect("left behind");
    assert!(left.file_type().is_socket());
    let mut second = launch(&socket, &[]);
    let mode = std::fs::symlink_metadata(&socket).expect("a socket").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let mut client = Client::raw(&socket);
    client.greet();
    second.kill().expect("killed");
    second.wait().expect("reaped");
}

#[test]
fn it_stops_gracefully_when_its_sessions_do() {
    let mut capsule = Capsule::start();
    capsule.shell("main");
    capsule
        .client()
        .spawn(&script("trapping", "trap 'echo bye; exit 5' HUP TERM; echo ready; while :; do sleep 0.01; done"));
    let mut client = capsule.attach("trapping");
    client.see("ready");
    capsule.signal(Signal::TERM);
    assert_eq!(client.finish().0, Some(Exit::with_code(5)));
    assert!(client.text().contains("bye"));
    assert_eq!(capsule.wait().code(), Some(0));
    assert!(!capsule.socket().exists());
}

#[test]
fn a_session_that_will_not_stop_is_killed_after_the_timeout() {
    let mut capsule = Capsule::start();
    capsule.client().spawn(&script("stubborn", "trap '' HUP TERM; echo ready; while :; do sleep 0.01; done"));
    let mut client = capsule.attach("stubborn");
    client.see("ready");
    capsule.signal(Signal::INT);
    let mut late = capsule.client();
    eventually(
        "it stops",
        || matches!(late.ask(Request::Spawn(shell("late"))), Reply::Error(error) if error.code == ErrorCode::Stopping),
    );
    loop {
        match client.next() {
            Some(Frame::Event(Event::Ended { exit })) => break assert_eq!(exit, Some(Exit::by_signal(9))),
            Some(_) => {}
            None => panic!("no end was told"),
        }
    }
    assert_eq!(capsule.wait().code(), Some(143));
}

#[test]
fn what_costs_much_to_show_is_kept_whole_and_in_order_to_its_programs_last_words() {
    let capsule = Capsule::start();
    // Each line repeats a character over the whole screen and clears it, in nine bytes and a number.
    let line =
        "stty -opost; for number in $(seq 1000 1999); do printf 'b\\033[9999b\\033c%s' $number; done; printf last";
    let names = ["one", "two", "three"];
    for name in names {
        capsule.client().spawn(&script(name, line));
    }
    let expected: String = (1000..2000).map(|number| format!("b\x1b[9999b\x1bc{number}")).collect();
    for name in names {
        let mut follower = capsule.client();
        follower.ask(Request::Output(Output { session: Some(name.to_owned()), follow: true, tail: None }));
        assert_eq!(follower.finish().0, Some(Exit::with_code(0)));
        assert!(follower.text() == format!("{expected}last"), "{} bytes of {name}", follower.shown.len());
    }
}

#[test]
fn ten_floods_with_three_viewers_each_lose_nothing_for_their_writers_and_stay_small() {
    const SESSIONS: usize = 10;
    // The whole of it where the capsule is optimised: a debug build takes minutes for half a gigabyte.
    const BYTES: u64 = if cfg!(debug_assertions) { 2_000_000 } else { 50_000_000 };
    let capsule = Capsule::start();
    capsule.shell("idle");
    // Lines of all sorts of lengths and characters, with the terminal's own translation off, so that bytes can be counted.
    let line = "0123456789 \u{65e5}\u{672c} \\033[31mred\\033[0m the quick brown fox jumps over the lazy dog";
    let flood = format!(
        "stty -opost -echo; printf ready; read line; yes \"$(printf '{line}\\r')\" | head -c {BYTES}; printf '\\r\\nthe end'; read line"
    );
    let viewers: Vec<_> = (0..SESSIONS)
        .map(|number| {
            let name = format!("flood-{number}");
            capsule.client().spawn(&script(&name, &flood));
            let (mut writer, mut watcher, mut stuck) = (capsule.client(), capsule.client(), capsule.client());
            writer.attach(&writing(&name, 24, 80));
            // What is typed before would be echoed. The first paint is among what was seen by then.
            writer.see("ready");
            watcher.attach(&watching(&name));
            stuck.attach(&watching(&name));
            (writer, watcher, stuck)
        })
        .collect();
    let mut stuck_ones = Vec::new();
    let mut threads = Vec::new();
    for (mut writer, mut watcher, stuck) in viewers {
        stuck_ones.push(stuck);
        threads.push(std::thread::spawn(move || {
            writer.input(b"\n");
            assert_eq!(count(&mut writer), (BYTES + 9, 0), "bytes, and paints after the first, of a writer that reads");
        }));
        threads.push(std::thread::spawn(move || {
            // A watcher may be painted anew; it sees the end all the same.
            count(&mut watcher);
        }));
    }
    let mut typist = capsule.attach("idle");
    for number in 0..20 {
        typist.input(format!("echo key-$(({number} + 1000))\r").as_bytes());
        typist.see(&format!("key-{}\r\n", number + 1000));
    }
    threads.into_iter().for_each(|thread| thread.join().expect("its viewer saw the end"));
    for stuck in &mut stuck_ones {
        stuck.see("the end");
        assert!(stuck.shown.len() < 1_500_000, "{} bytes for who does not read", stuck.shown.len());
    }
    assert!(capsule.peak_memory() < 64_000, "{} kB at its peak", capsule.peak_memory());
}

/// Reads until the end is shown; how many bytes of output there were, and how many paints.
fn count(viewer: &mut Client) -> (u64, u32) {
    let (mut bytes, mut paints) = (0, 0);
    let mut last = Vec::new();
    loop {
        let shown = match viewer.next() {
            Some(Frame::Paint(shown)) => {
                paints += 1;
                shown
            }
            Some(Frame::Output(shown)) => {
                bytes += shown.len() as u64;
                shown
            }
            Some(Frame::Event(Event::Resized { .. })) => continue,
            other => panic!("{other:?} after {bytes} bytes"),
        };
        last.extend_from_slice(&shown[shown.len().saturating_sub(4096)..]);
        last.drain(..last.len().saturating_sub(8192));
        if last.windows(7).any(|window| window == b"the end") {
            return (bytes, paints);
        }
    }
}
