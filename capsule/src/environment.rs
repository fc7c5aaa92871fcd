//! What sessions and execs get as their environment.
//!
//! From weakest to strongest: defaults, the container's own variables, what the controller personalised, what the request adds.
//! Personalised values live in memory only and are wiped when they are replaced.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use jackin_api::wire::{Environment, ErrorCode, Personalise, ReplyError};
use zeroize::Zeroizing;

use crate::account;
use crate::serve::refuse;

/// Where programs are looked for when the container says nothing.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A value of fewer bytes is no secret that would be worth hiding, and would make a text unreadable.
const SECRET: usize = 6;

/// A process's variables by name.
pub(crate) type Variables = BTreeMap<OsString, OsString>;

/// What the controller set.
#[derive(Default)]
pub(crate) struct Personality {
    digest: Option<String>,
    variables: BTreeMap<String, Zeroizing<String>>,
    path_prepend: Vec<String>,
}

impl Personality {
    /// Takes what a client sent, when all its names and values can be an environment.
    pub(crate) fn new(personalise: Personalise) -> Result<Self, ReplyError> {
        let Personalise { digest, env, path_prepend } = personalise;
        let variables =
            env.0.into_iter().map(|(name, value)| (name, Zeroizing::new(value))).collect::<BTreeMap<_, _>>();
        for (name, value) in &variables {
            check(name, value)?;
        }
        if path_prepend.iter().any(|directory| directory.contains([':', '\0'])) {
            return Err(refuse(ErrorCode::BadRequest, "a directory of the path contains `:` or a zero byte"));
        }
        Ok(Self { digest: Some(digest), variables, path_prepend })
    }

    /// The digest that came with it.
    pub(crate) fn digest(&self) -> Option<String> {
        self.digest.clone()
    }

    /// A text in which no value stands that is long enough to be a secret, nor a line of one.
    pub(crate) fn hide(&self, text: &str) -> String {
        let mut values: Vec<&str> = self.variables.values().flat_map(|value| value.lines()).map(str::trim).collect();
        values.retain(|value| value.len() >= SECRET);
        // Of two that overlap the longer one goes first, or a part of it would stay.
        values.sort_unstable_by_key(|value| std::cmp::Reverse(value.len()));
        values.into_iter().fold(text.to_owned(), |text, value| text.replace(value, "***"))
    }

    /// The variables of a new process.
    pub(crate) fn variables(
        &self,
        container: &Variables,
        home: Option<&Path>,
        extra: &Environment,
    ) -> Result<Variables, ReplyError> {
        let mut variables = container.clone();
        default(&mut variables, "PATH", PATH);
        default(&mut variables, "COLORTERM", "truecolor");
        // Nobody logged in, and programs ask for the name all the same.
        let name = account::own_name();
        default(&mut variables, "USER", &name);
        default(&mut variables, "LOGNAME", &name);
        if !variables.contains_key(OsStr::new("LC_ALL")) {
            default(&mut variables, "LANG", "C.UTF-8");
        }
        // The engine's own TERM describes the terminal of the container's log, not a session's.
        variables.insert("TERM".into(), "xterm-256color".into());
        if let Some(home) = home {
            variables.insert("HOME".into(), home.into());
        }
        for (name, value) in &self.variables {
            variables.insert(name.into(), value.as_str().into());
        }
        for (name, value) in &extra.0 {
            check(name, value)?;
            variables.insert(name.into(), value.into());
        }
        self.prepend_path(&mut variables);
        Ok(variables)
    }

    fn prepend_path(&self, variables: &mut Variables) {
        let Some(path) = variables.get_mut(OsStr::new("PATH")) else {
            return;
        };
        let mut joined = OsString::new();
        for directory in &self.path_prepend {
            joined.push(directory);
            joined.push(":");
        }
        joined.push(&path);
        *path = joined;
    }
}

fn default(variables: &mut Variables, name: &str, value: &str) {
    variables.entry(name.into()).or_insert_with(|| value.into());
}

/// Names the variable that cannot be one, never its value.
fn check(name: &str, value: &str) -> Result<(), ReplyError> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(refuse(ErrorCode::BadRequest, &format!("`{}` is not a variable's name", name.escape_default())));
    }
    if value.contains('\0') {
        return Err(refuse(ErrorCode::BadRequest, &format!("the value of `{name}` contains a zero byte")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(variables: &Variables, name: &str) -> Option<String> {
        variables.get(OsStr::new(name)).map(|value| value.to_string_lossy().into_owned())
    }

    #[test]
    fn the_request_wins_over_the_controller_and_the_controller_over_the_container() {
        let container =
            [("A", "container"), ("B", "container"), ("C", "container"), ("PATH", "/bin"), ("TERM", "dumb")]
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect();
        let personality = Personality::new(Personalise {
            digest: "d".to_owned(),
            env: [("B", "controller"), ("C", "controller")].into_iter().collect(),
            path_prepend: vec!["/agents/codex/bin".to_owned(), "/agents/amp".to_owned()],
        })
        .expect("valid");
        let extra = [("C", "request")].into_iter().collect();
        let variables = personality.variables(&container, Some(Path::new("/home/agent")), &extra).expect("valid");
        assert_eq!(get(&variables, "A").as_deref(), Some("container"));
        assert_eq!(get(&variables, "B").as_deref(), Some("controller"));
        assert_eq!(get(&variables, "C").as_deref(), Some("request"));
        assert_eq!(get(&variables, "PATH").as_deref(), Some("/agents/codex/bin:/agents/amp:/bin"));
        assert_eq!(get(&variables, "TERM").as_deref(), Some("xterm-256color"));
        assert_eq!(get(&variables, "LANG").as_deref(), Some("C.UTF-8"));
        assert_eq!(get(&variables, "HOME").as_deref(), Some("/home/agent"));
    }

    #[test]
    fn values_are_hidden_in_a_text_also_line_by_line() {
        let env =
            [("TOKEN", "hunter2hunter2"), ("KEY", "-----begin\nabcdefgh\n"), ("SHORT", "dev"), ("PART", "hunter2")];
        let env = env.into_iter().collect();
        let personality = Personality::new(Personalise { env, ..Personalise::default() }).expect("valid");
        let text = "TOKEN=hunter2hunter2 in dev\nabcdefgh\nhunter2";
        assert_eq!(personality.hide(text), "TOKEN=*** in dev\n***\n***");
    }

    #[test]
    fn a_name_that_cannot_be_one_is_refused_without_its_value() {
        let env = [("A=B", "hunter2")].into_iter().collect();
        let refused = Personality::new(Personalise { env, ..Personalise::default() }).err().expect("refused");
        assert_eq!(refused.message, "`A=B` is not a variable's name");
    }
}
