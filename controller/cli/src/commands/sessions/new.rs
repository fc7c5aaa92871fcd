//! `jackin sessions new`: a session that nobody looks at yet.

use jackin_api::wire::{Session, Spawn};

use super::super::capsule::Way;
use super::super::{Ended, capsule};
use crate::capsule_error::Of;
use crate::command_error::{CommandError, ErrorKind};
use crate::context::Context;
use crate::resource;

/// Start a session without attaching to it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Without an agent and a command it is a session of the instance's own agent. `jackin attach INSTANCE --session NAME` \
                  shows it."
)]
pub(super) struct Arguments {
    /// Instance
    instance: String,
    /// Run this agent
    #[arg(long)]
    agent: Option<String>,
    /// Its name; that of the agent or command with a number behind it when absent
    #[arg(long)]
    name: Option<String>,
    /// A variable over those that the instance's sessions have
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// Where it starts, instead of the instance's working directory
    #[arg(short = 'w', long, visible_alias = "cwd", value_name = "DIRECTORY")]
    workdir: Option<String>,
    /// Command with its arguments
    #[arg(last = true, value_name = "COMMAND", conflicts_with = "agent")]
    command: Vec<String>,
}

pub(super) async fn run(arguments: &Arguments, context: &Context) -> Ended {
    let instance = resource::instance_name(&arguments.instance)?;
    let connection = context.connect().await?;
    let (mut client, reach) = capsule::open(&connection, context, instance, Way::default()).await?;
    let known = client.status().await.of(instance)?.sessions;
    let mut spawn = match (arguments.command.first(), &arguments.agent) {
        (Some(program), _) => Spawn {
            name: name_of(program),
            argv: arguments.command.clone(),
            cwd: reach.session.cwd.clone(),
            ..Spawn::default()
        },
        (None, Some(agent)) => capsule::session_of(&connection, context.namespace(), instance, agent).await?,
        (None, None) => reach.session.clone(),
    };
    spawn.name = match &arguments.name {
        Some(name) => name.clone(),
        None => free_name(&spawn.name, &known),
    };
    spawn.env.0.extend(arguments.env.iter().cloned());
    spawn.cwd = arguments.workdir.clone().or(spawn.cwd);
    let name = spawn.name.clone();
    if !client.spawn(spawn).await.of(instance)?.created {
        return Err(CommandError::new(ErrorKind::Conflict, format!("session `{name}` is alive already"))
            .hint(format!("`jackin attach {instance} --session {name}` shows it; `--name` names another one")));
    }
    context.console.line(&format!("session/{name} started"))?;
    Ok(0)
}

/// What a session of a program is called: its file name, as far as a session may be called so.
fn name_of(program: &str) -> String {
    let file = program.rsplit('/').next().unwrap_or(program);
    let is_allowed = |character: &char| character.is_ascii_alphanumeric() || "._-".contains(*character);
    let name: String = file.chars().filter(is_allowed).take(50).collect();
    if name.is_empty() { "command".to_owned() } else { name }
}

/// The name itself, or the first with a number behind it, that no live session has and that is no id.
fn free_name(name: &str, known: &[Session]) -> String {
    let is_free =
        |name: &str| !Session::is_id(name) && !known.iter().any(|session| session.is_live() && session.name == name);
    if is_free(name) {
        return name.to_owned();
    }
    let between = if Session::is_id(&format!("{name}-2")) { '.' } else { '-' };
    let mut numbered = (2..).map(|number: u32| format!("{name}{between}{number}"));
    numbered.find(|name| is_free(name)).unwrap_or_else(|| name.to_owned())
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as in `NAME=VALUE`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_gives_its_session_a_name_that_one_may_have() {
        assert_eq!(name_of("/usr/bin/htop"), "htop");
        assert_eq!(name_of("./my tool"), "mytool");
        assert_eq!(name_of("日本/"), "command");
    }

    #[test]
    fn a_second_session_of_a_program_has_a_number_behind_its_name_and_never_an_id() {
        let session = |name: &str| {
            let json = serde_json::json!({ "id": "s-1", "name": name, "pid": 1 });
            serde_json::from_value::<Session>(json).expect("a session")
        };
        assert_eq!(free_name("htop", &[]), "htop");
        assert_eq!(free_name("htop", &[session("htop"), session("htop-2")]), "htop-3");
        assert_eq!(free_name("s", &[session("s")]), "s.2");
        assert_eq!(free_name("s-9", &[]), "s-9-2");
    }
}
