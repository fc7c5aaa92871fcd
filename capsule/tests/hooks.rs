//! Hooks run before a session's agent, in their order, and one that fails keeps it from starting.

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use jackin_api::wire::{
    Exit, Hook, HookRun, Kill, Output, Personalise, Reply, Request, Session, SessionState, Signal, Spawn,
};
use support::{Capsule, eventually, exec, script};
use tempfile::TempDir;

/// A folder with hooks and the home in which they run.
struct Hooks {
    folder: TempDir,
    arguments: Vec<String>,
}

impl Hooks {
    fn new(hooks: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut arguments = vec!["--home".to_owned(), folder.path().join("home").display().to_string()];
        for (name, text) in hooks {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("a hook");
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("executable");
            arguments.extend(["--hook".to_owned(), format!("{name}={}", path.display())]);
        }
        Self { folder, arguments }
    }

    fn start(&self) -> Capsule {
        let arguments: Vec<_> = self.arguments.iter().map(String::as_str).collect();
        Capsule::start_with(&arguments)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What hooks and agents noted, in their order.
    fn noted(&self) -> String {
        std::fs::read_to_string(self.path("notes")).unwrap_or_default().replace('\n', " ")
    }

    /// A line of a script that notes a word.
    fn note(&self, word: &str) -> String {
        format!("echo {word} >> {}", self.path("notes").display())
    }

    fn script(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("a hook");
    }
}

fn ended(capsule: &Capsule, name: &str) -> Session {
    eventually("the session ends", || capsule.session(name).exit.is_some());
    capsule.session(name)
}

fn failed(session: &Session) -> Option<Hook> {
    session.failed_hook.as_ref().map(|run| run.hook)
}

fn run(capsule: &Capsule, hook: Hook) -> HookRun {
    capsule.status().hooks.into_iter().find(|run| run.hook == hook).expect("a run of the hook")
}

#[test]
fn hooks_run_in_their_order_and_the_agent_in_what_they_left() {
    let hooks = Hooks::new(&[("setupOnce", ""), ("source", ""), ("preflight", "")]);
    hooks.script("setupOnce", &hooks.note("setup"));
    hooks.script("source", &format!("{}\nexport COLOUR='dark blue'\nunset GONE", hooks.note("source")));
    hooks.script("preflight", &format!("#!/bin/sh\n{}\necho checked", hooks.note("preflight-in-$COLOUR")));
    let capsule = hooks.start();
    let agent = Spawn {
        env: [("GONE", "1")].into_iter().collect(),
        ..script("main", &format!("{}; echo pid $$", hooks.note("agent-in-$COLOUR-${GONE:-nothing}")))
    };
    capsule.client().spawn(&agent);
    let session = ended(&capsule, "main");
    assert_eq!(hooks.noted(), "setup source preflight-in-dark blue agent-in-dark blue-nothing ");
    assert_eq!((session.exit, failed(&session), session.preparing), (Some(Exit::with_code(0)), None, false));
    assert!(capsule.screen("main").contains(&format!("pid {}", session.pid)), "the agent is the session's process");
    let preflight = run(&capsule, Hook::Preflight);
    assert_eq!((preflight.exit, preflight.output.as_str()), (Some(Exit::with_code(0)), "checked"));
    assert!(preflight.duration_ms.is_some());

    capsule.client().spawn(&Spawn { name: "second".to_owned(), ..agent });
    ended(&capsule, "second");
    let again = " source preflight-in-dark blue agent-in-dark blue-nothing ";
    assert!(hooks.noted().ends_with(again) && hooks.noted().matches("setup").count() == 1, "{}", hooks.noted());
}

#[test]
fn the_first_hook_does_not_run_again_for_the_same_home_also_in_another_capsule() {
    let hooks = Hooks::new(&[("setupOnce", "")]);
    hooks.script("setupOnce", &format!("{}; exit 1", hooks.note("failed")));
    let capsule = hooks.start();
    capsule.client().spawn(&script("main", "true"));
    assert_eq!(failed(&ended(&capsule, "main")), Some(Hook::SetupOnce));
    hooks.script("setupOnce", &hooks.note("done"));
    capsule.client().spawn(&script("main", "true"));
    eventually("it is done", || capsule.session("main").exit == Some(Exit::with_code(0)));
    drop(capsule);

    let capsule = hooks.start();
    capsule.client().spawn(&script("main", "true"));
    assert_eq!(failed(&ended(&capsule, "main")), None);
    assert_eq!(capsule.status().hooks, []);
    assert_eq!(hooks.noted(), "failed done ");
}

#[test]
fn a_hook_that_fails_keeps_the_agent_from_starting_and_is_told_with_its_last_lines() {
    let many = "i=0; while [ $i -lt 50 ]; do i=$((i+1)); echo line $i; done; printf '\\033[31mred\\033[0m\\n'; exit 3";
    let hooks = Hooks::new(&[("preflight", many)]);
    let capsule = hooks.start();
    capsule.client().spawn(&script("main", &hooks.note("agent")));
    let session = ended(&capsule, "main");
    assert_eq!((session.exit, failed(&session)), (Some(Exit::with_code(3)), Some(Hook::Preflight)));
    let run = run(&capsule, Hook::Preflight);
    let lines: Vec<_> = run.output.lines().collect();
    assert_eq!((lines.len(), lines[0], lines[19]), (HookRun::LINES, "line 32", "red"));
    assert!(run.has_failed() && run.session == session.id, "{run:?}");
    assert!(capsule.screen("main").contains("jackin: hook `preflight` ended with 3; the agent is not started"));
    assert_eq!(hooks.noted(), "");

    let mut client = capsule.client();
    client.exec(&exec(&["/bin/sh", "-c", "echo beside"]));
    assert_eq!(client.finish().0, Some(Exit::with_code(0)), "a command beside the sessions runs without hooks");
}

#[test]
fn a_sourced_hook_that_fails_or_exits_is_a_failure_of_it() {
    for (text, code) in [("false", 1), ("exit 5", 5), ("set -e\nfalse\ntrue", 1), ("if", 2)] {
        let hooks = Hooks::new(&[("source", text)]);
        let capsule = hooks.start();
        capsule.client().spawn(&script("main", "true"));
        let session = ended(&capsule, "main");
        assert_eq!((failed(&session), session.exit), (Some(Hook::Source), Some(Exit::with_code(code))), "{text}");
    }
}

#[test]
fn an_image_without_a_shell_cannot_source_and_that_is_named() {
    let hooks = Hooks::new(&[("preflight", "#!/no/such/interpreter\n")]);
    let capsule = hooks.start();
    capsule.client().spawn(&script("main", "true"));
    assert_eq!(ended(&capsule, "main").exit, Some(Exit::with_code(126)));
    let error = run(&capsule, Hook::Preflight).error.expect("an error");
    assert_eq!(error, "the program that its first line names is not in the image");
}

#[test]
fn a_hook_is_killed_with_its_session_and_stopped_with_the_capsule() {
    let hooks = Hooks::new(&[("preflight", "")]);
    hooks.script("preflight", &format!("#!/bin/sh\n{}\nexec sleep 1000", hooks.note("began")));
    let mut capsule = hooks.start();
    capsule.client().spawn(&script("main", "true"));
    eventually("it begins", || hooks.noted().contains("began"));
    let session = capsule.session("main");
    assert!(session.preparing && session.state == SessionState::Starting, "{session:?}");
    assert_eq!(run(&capsule, Hook::Preflight).duration_ms, None);
    let kill = Kill { session: "main".to_owned(), signal: Signal::Term };
    assert_eq!(capsule.client().ask(Request::Kill(kill)), Reply::Done);
    assert_eq!(failed(&ended(&capsule, "main")), Some(Hook::Preflight));
    assert_eq!(run(&capsule, Hook::Preflight).exit, Some(Exit::by_signal(15)));

    capsule.client().spawn(&script("main", "true"));
    eventually("it begins again", || hooks.noted().matches("began").count() == 2);
    capsule.signal(rustix::process::Signal::TERM);
    assert!(capsule.wait().success(), "nothing had to be killed");
}

#[test]
fn who_attaches_early_sees_what_a_hook_prints_and_may_answer_it() {
    let hooks = Hooks::new(&[("preflight", "#!/bin/sh\nprintf 'go on? '; read answer; [ \"$answer\" = yes ]\n")]);
    let capsule = hooks.start();
    capsule.client().spawn(&script("main", "echo agent$((40+2)); read line"));
    let mut viewer = capsule.attach("main");
    viewer.see("go on? ");
    viewer.input(b"yes\r");
    viewer.see("agent42");
    let mut client = capsule.client();
    let output = Output { session: Some("main".to_owned()), follow: false, tail: None };
    assert_eq!(client.ask(Request::Output(output)), Reply::Done);
    client.finish();
    assert!(client.text().contains("go on? "), "its output stays in that of the session");
}

#[test]
fn what_a_hook_prints_of_the_values_that_it_was_given_is_not_kept_however_long_they_are() {
    let plain = "echo the token is $TOKEN; exit 1";
    let coloured = "printf 'the token is '; for half in 1-300 301-; do printf '%s\\033[1m' $(echo $TOKEN | cut -c$half); done; exit 1";
    let much = "echo the token is $TOKEN; head -c 15000 /dev/zero | tr '\\0' x; exit 1";
    let long: String = (0..100).map(|number| format!("s3cr{number:02}")).collect();
    let cases = [(plain, "s3cr3t-t0ken"), (plain, long.as_str()), (coloured, long.as_str()), (much, long.as_str())];
    for (hook, token) in cases {
        let hooks = Hooks::new(&[("preflight", hook)]);
        let capsule = hooks.start();
        let env = [("TOKEN", token)].into_iter().collect();
        let personalise = Personalise { digest: "d".to_owned(), env, path_prepend: vec![] };
        assert_eq!(capsule.client().ask(Request::Personalise(personalise)), Reply::Done);
        capsule.client().spawn(&script("main", "true"));
        ended(&capsule, "main");
        let output = run(&capsule, Hook::Preflight).output;
        assert!(output == "the token is ***" || (hook == much && output.contains("xxx")), "{hook}: {output}");
        assert!(!output.contains("s3cr"), "{hook}: {output}");
    }
}
