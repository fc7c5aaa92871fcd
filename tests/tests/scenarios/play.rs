//! A script, read line by line and played.

use std::fmt::Write as _;

use jackin_api::wire::SessionState;
use jackin_plan::world::ContainerState;
use jiff::SignedDuration;

use super::stage::Stage;

/// The transcript of a script.
pub(crate) fn play(script: &str) -> String {
    let mut stage = Stage::new();
    let mut lines = script.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(command) = line.strip_prefix("> ") else {
            let _ = writeln!(stage.transcript.text, "{line}");
            continue;
        };
        let mut block = String::new();
        while let Some(more) = lines.next_if(|line| line.starts_with("  ")) {
            block.push_str(&more[2..]);
            block.push('\n');
        }
        let _ = writeln!(stage.transcript.text, "> {command}");
        obey(&mut stage, command, &block);
    }
    stage.transcript.finish()
}

/// One command. The words are those of the commands that a person types, `engine` for what is done to the engine by hand.
fn obey(stage: &mut Stage, command: &str, block: &str) {
    let words: Vec<_> = command.split_whitespace().collect();
    match words[..] {
        ["apply"] => stage.apply(block),
        ["settle"] => stage.settle(),
        ["settle", "quietly"] => {
            let said = stage.transcript.text.len();
            stage.settle();
            stage.transcript.text.truncate(said);
        }
        ["notice", instance] => stage.notice(instance),
        ["delete", workspace] => stage.delete(workspace),
        ["diff"] => stage.diff(),
        ["crash", instance, "after", steps] => stage.crash(instance, steps.parse().expect("a number of steps")),
        ["wait", time] => stage.now = stage.now.checked_add(duration(time)).expect("a time"),
        ["restart", instance] => stage.restart(instance, false),
        ["restart", instance, "--recreate"] => stage.restart(instance, true),
        ["stop", instance] => stage.run_state(instance, jackin_api::kinds::RunState::Stopped),
        ["start", instance] => stage.run_state(instance, jackin_api::kinds::RunState::Running),
        ["wake", instance] => stage.wake(instance),
        ["rebuild", role] => stage.rebuild(role),
        ["session", instance, state] => stage.session(instance, state_of(state), 0),
        ["session", instance, state, "attached"] => stage.session(instance, state_of(state), 1),
        ["capsule", instance, "silent"] => stage.silent(instance, true),
        ["capsule", instance, "answers"] => stage.silent(instance, false),
        ["engine", "rm", instance] => stage.remove_container(instance),
        ["engine", "exit", instance, code] => stage.end(instance, code.parse().expect("an exit code")),
        ["engine", "pause", instance] => stage.container(instance).state = ContainerState::Paused,
        ["engine", "dead", instance] => stage.container(instance).state = ContainerState::Dead,
        ["engine", "rename", instance, name] => name.clone_into(&mut stage.container(instance).name),
        ["engine", "limit", instance, bytes] => {
            stage.container(instance).limits.memory_bytes = Some(bytes.parse().expect("a number of bytes"));
        }
        ["engine", "disconnect", instance] => {
            stage.container(instance).networks.clear();
            stage.container(instance).network_ids.clear();
        }
        ["engine", "run", name] => stage.foreign(name, false),
        ["engine", "look-alike", name] => stage.foreign(name, true),
        ["engine", "rm-foreign", name] => stage.remove_foreign(name),
        ["engine", "rmi", role] => stage.remove_image(role),
        ["engine", "network", name] => stage.foreign_network(name),
        ["engine", "away"] => stage.away(),
        ["host", "missing", path] => stage.source(path, false),
        ["host", "present", path] => stage.source(path, true),
        ["fail", step, ..] => {
            let why = command.split_once(step).map_or("", |(_, why)| why.trim());
            stage.world.failing.insert(step.to_owned(), why.to_owned());
        }
        ["heal"] => stage.world.failing.clear(),
        _ => panic!("no such command: {command}"),
    }
}

fn duration(text: &str) -> SignedDuration {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn state_of(word: &str) -> SessionState {
    let states = [SessionState::Working, SessionState::Idle, SessionState::WaitingForInput, SessionState::Exited];
    states.into_iter().find(|state| format!("{state:?}").eq_ignore_ascii_case(word)).unwrap_or_else(|| panic!("{word}"))
}
