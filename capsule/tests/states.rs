//! What a capsule says of a session's state, by the program's own words, by its hooks, and by what it shows.

mod support;

use jackin_api::wire::{
    ErrorCode, Frame, HomeFile, Notice, Place, Recognition, Reply, Report, Request, Rule, SessionState, Spawn,
    StateRule,
};
use support::{Capsule, eventually, script, shell};

fn on_screen(state: SessionState, text: &str) -> Rule {
    Rule { state, place: Place::Screen, all: vec![text.to_owned()], ..Rule::default() }
}

fn recognised(name: &str, line: &str, rules: Vec<Rule>) -> Spawn {
    Spawn { recognition: Some(Box::new(Recognition { rules })), ..script(name, line) }
}

fn is(capsule: &Capsule, name: &str, state: SessionState, evidence: &str) {
    eventually(&format!("{state:?}, {evidence}"), || {
        let session = capsule.session(name);
        session.state == state && session.evidence == evidence
    });
}

#[test]
fn an_agents_hook_reports_with_the_capsules_own_program() {
    let capsule = Capsule::start();
    let hook = "\"$JACKIN_CAPSULE\" report --state waiting-for-permission --evidence 'hook PermissionRequest'";
    capsule.client().spawn(&script("agent", &format!("{hook} && echo reported && sleep 1000")));
    is(&capsule, "agent", SessionState::WaitingForPermission, "hook PermissionRequest");
    eventually("the hook ended well", || capsule.screen("agent") == "reported");
    let since = capsule.session("agent").state_since.expect("a time");
    let session = capsule.session("agent");
    assert!(since >= session.created_at, "{session:?}");
    let report = |state| Request::Report(Report { session: session.id.clone(), state, ..Report::default() });
    assert_eq!(capsule.client().ask(report(SessionState::WaitingForPermission)), Reply::Done);
    is(&capsule, "agent", SessionState::WaitingForPermission, "hook");
    assert_eq!(capsule.session("agent").state_since, Some(since), "the state is the same");
    assert_eq!(capsule.client().refused(report(SessionState::Exited)).code, ErrorCode::BadRequest);
    assert_eq!(capsule.client().ask(report(SessionState::Unknown)), Reply::Done);
    is(&capsule, "agent", SessionState::Unknown, "no rule for this agent");
}

#[test]
fn a_hook_is_quiet_and_ends_well_where_no_capsule_answers() {
    for (socket, session) in [("/nowhere/jackin.sock", "s-1"), ("", "")] {
        let ran = std::process::Command::new(env!("CARGO_BIN_EXE_jackin-capsule"))
            .args(["report", "--state", "working"])
            .env("JACKIN_SOCKET", socket)
            .env("JACKIN_SESSION", session)
            .output()
            .expect("it runs");
        assert!(ran.status.success() && ran.stdout.is_empty() && ran.stderr.is_empty(), "{ran:?}");
    }
    let wrong = std::process::Command::new(env!("CARGO_BIN_EXE_jackin-capsule")).args(["report"]).output();
    assert_eq!(wrong.expect("it runs").status.code(), Some(1), "2 is an agent's word for a refusal");
}

#[test]
fn a_report_of_a_session_that_ended_or_never_was_is_refused() {
    let capsule = Capsule::start();
    capsule.client().spawn(&script("short", "exit 0"));
    eventually("it ended", || capsule.session("short").exit.is_some());
    let report = |session: &str| {
        Request::Report(Report { session: session.to_owned(), state: SessionState::Working, ..Report::default() })
    };
    assert_eq!(capsule.client().refused(report("short")).code, ErrorCode::SessionEnded);
    assert_eq!(capsule.client().refused(report("none")).code, ErrorCode::NoSession);
    assert_eq!(capsule.session("short").state, SessionState::Exited);
}

#[test]
fn a_program_that_asks_for_a_listener_is_answered_and_its_reports_count() {
    let capsule = Capsule::start();
    // Also while a viewer's terminal answers everything else.
    let line = r"stty raw -echo; printf '\033]7501;?\007'; head -c 9 | tr '\033\007' '<>'; \
        printf '\033]7501;state=blocked:kind=permission:msg=cHVzaD8=\007'; head -c 1 >/dev/null; \
        printf '\033]7501;state=working\007'; sleep 1000";
    capsule.client().spawn(&script("asking", &format!("read go; {line}")));
    let mut viewer = capsule.attach("asking");
    viewer.input(b"go\n");
    viewer.see("<]7501;?>");
    is(&capsule, "asking", SessionState::WaitingForPermission, "status blocked permission: push?");
    viewer.input(b"y");
    is(&capsule, "asking", SessionState::Working, "status working");
}

#[test]
fn what_is_on_the_screen_is_judged_by_the_rules_of_the_agent() {
    let capsule = Capsule::start();
    let rules = vec![
        on_screen(SessionState::WaitingForPermission, "Proceed?"),
        on_screen(SessionState::Working, "esc to interrupt"),
        on_screen(SessionState::WaitingForInput, ">"),
    ];
    let line = "printf '> '; read a; printf '\\033[2J\\033[Hesc to interrupt'; read b; \
                printf '\\033[2J\\033[HProceed?'; read c; printf '\\033[2J\\033[H> '; sleep 1000";
    capsule.client().spawn(&recognised("agent", line, rules));
    is(&capsule, "agent", SessionState::Idle, "screen: `>`");
    let mut viewer = capsule.attach("agent");
    viewer.input(b"\n");
    is(&capsule, "agent", SessionState::Working, "screen: `esc to interrupt`");
    viewer.input(b"\n");
    is(&capsule, "agent", SessionState::WaitingForPermission, "screen: `Proceed?`");
    viewer.input(b"\n");
    is(&capsule, "agent", SessionState::WaitingForInput, "screen: `>`");
}

#[test]
fn a_program_in_a_shell_reports_for_it_until_the_shell_has_the_terminal_again() {
    let capsule = Capsule::start();
    capsule.client().spawn(&Spawn { state_rule: StateRule::Foreground, ..shell("main") });
    let mut viewer = capsule.attach("main");
    viewer.input(b"sh -c 'printf \"\\033]7501;state=done\\007\"; read a; kill -9 $$'\r");
    is(&capsule, "main", SessionState::WaitingForInput, "status done");
    viewer.input(b"\r");
    eventually("the shell is idle", || capsule.session("main").state == SessionState::Idle);
}

#[test]
fn each_change_of_state_is_told_once() {
    let capsule = Capsule::start();
    let mut subscriber = capsule.client();
    assert!(matches!(subscriber.ask(Request::Subscribe), Reply::Status(_)));
    let report = |state| format!("printf '\\033]7501;state={state}\\007'; read a; ");
    let line = [report("working"), report("working"), report("done")].concat();
    capsule.client().spawn(&script("agent", &format!("{line} exit 0")));
    let mut viewer = capsule.attach("agent");
    is(&capsule, "agent", SessionState::Working, "status working");
    viewer.input(b"\n\n");
    is(&capsule, "agent", SessionState::WaitingForInput, "status done");
    viewer.input(b"\n");
    let mut told = Vec::new();
    loop {
        match subscriber.next() {
            Some(Frame::Notice(Notice::StateChanged { state, .. })) => told.push(state),
            Some(Frame::Notice(Notice::SessionExited { .. })) => break,
            Some(Frame::Notice(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    let from_work = told.iter().skip_while(|state| **state == SessionState::Starting).collect::<Vec<_>>();
    assert_eq!(from_work, [&SessionState::Working, &SessionState::WaitingForInput]);
}

#[test]
fn an_agents_files_are_in_the_home_before_it_starts() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().to_str().expect("a path");
    let capsule = Capsule::start_with(&["--home", home]);
    let file = |path: &str| HomeFile { path: path.to_owned(), content: format!("content of {path}") };
    let line = "cat \"$HOME/.agent.json\" \"$HOME/.jackin/hook.js\"; sleep 1000";
    let spawn = Spawn { files: vec![file(".agent.json"), file(".jackin/hook.js")], ..script("agent", line) };
    capsule.client().spawn(&spawn);
    let shown = "content of .agent.jsoncontent of .jackin/hook.js";
    eventually("both are there", || capsule.screen("agent") == shown);
    let out = Spawn { files: vec![file("../out")], ..script("other", "exit 0") };
    assert_eq!(capsule.client().refused(Request::Spawn(out)).code, ErrorCode::BadRequest);
}
