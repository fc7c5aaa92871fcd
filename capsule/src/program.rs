//! Which program an argv means: looked up as a shell would, so that the answer to a wrong one is exact.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use jackin_api::wire::{ErrorCode, ReplyError, SHELL};
use rustix::fs::Access;

use crate::arguments::HookFile;
use crate::environment::Variables;
use crate::serve::refuse;

/// A program that is there and may be run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Program {
    /// Its file.
    pub(crate) path: PathBuf,
    /// What it is called as.
    pub(crate) name: OsString,
    /// Its arguments.
    pub(crate) arguments: Vec<OsString>,
}

/// Finds the program of an argv, for a process with these variables in this directory.
pub(crate) fn find(
    argv: &[String],
    variables: &Variables,
    directory: &Path,
    own: &Path,
) -> Result<Program, ReplyError> {
    let Some((first, rest)) = argv.split_first().filter(|(first, _)| !first.is_empty()) else {
        return Err(refuse(ErrorCode::BadRequest, "the argv is empty"));
    };
    if argv.iter().any(|argument| argument.contains('\0')) {
        return Err(refuse(ErrorCode::BadRequest, "the argv contains a zero byte"));
    }
    let arguments = rest.iter().map(OsString::from).collect();
    if first == SHELL {
        return Ok(match shell(variables) {
            Some(path) => Program { name: path.file_name().unwrap_or_default().into(), path, arguments },
            None => own_shell(own, arguments),
        });
    }
    let path = look_up(first, variables, directory)?;
    Ok(Program { path, name: first.into(), arguments })
}

/// What runs these hooks and then the argv, and tells of it on a descriptor.
pub(crate) fn prelude(own: &Path, report: i32, hooks: &[HookFile], argv: &[String]) -> Result<Program, ReplyError> {
    if argv.first().is_none_or(String::is_empty) || argv.iter().any(|argument| argument.contains('\0')) {
        return Err(refuse(ErrorCode::BadRequest, "the argv is empty or contains a zero byte"));
    }
    let mut arguments: Vec<OsString> = vec!["prelude".into(), "--report".into(), report.to_string().into()];
    arguments.extend(hooks.iter().flat_map(|hook| ["--hook".into(), hook.argument()]));
    arguments.push("--".into());
    arguments.extend(argv.iter().map(OsString::from));
    Ok(Program { path: own.to_owned(), name: "jackin-capsule".into(), arguments })
}

fn look_up(name: &str, variables: &Variables, directory: &Path) -> Result<PathBuf, ReplyError> {
    let mut is_there = false;
    let candidates: Vec<PathBuf> = if name.contains('/') {
        vec![directory.join(name)]
    } else {
        let path = variables.get(OsStr::new("PATH")).map_or(OsStr::new(""), OsString::as_os_str);
        std::env::split_paths(path).map(|folder| directory.join(folder).join(name)).collect()
    };
    for candidate in candidates {
        if is_runnable(&candidate) {
            return Ok(candidate);
        }
        is_there |= candidate.exists();
    }
    if is_there {
        return Err(refuse(ErrorCode::NotExecutable, &format!("program `{name}` may not be run")));
    }
    Err(refuse(ErrorCode::ProgramNotFound, &format!("there is no program `{name}`")))
}

fn is_runnable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, Access::EXEC_OK).is_ok()
}

/// The image's own shell: `SHELL`, the user's, bash, sh, whichever is first there.
fn shell(variables: &Variables) -> Option<PathBuf> {
    let named = variables.get(OsStr::new("SHELL")).map(PathBuf::from);
    let of_user = std::fs::read_to_string("/etc/passwd")
        .ok()
        .and_then(|users| shell_of_user(&users, rustix::process::getuid().as_raw()));
    let usual = ["/bin/bash", "/usr/bin/bash", "/bin/sh", "/usr/bin/sh"].map(PathBuf::from);
    named.into_iter().chain(of_user).chain(usual).find(|path| path.is_absolute() && is_runnable(path))
}

fn shell_of_user(users: &str, uid: u32) -> Option<PathBuf> {
    let user = users.lines().find(|line| line.split(':').nth(2).is_some_and(|field| field.parse() == Ok(uid)))?;
    let shell = Path::new(user.split(':').nth(6)?.trim());
    let is_a_refusal = shell.file_name().is_none_or(|name| name == "nologin" || name == "false");
    (!is_a_refusal).then(|| shell.to_owned())
}

fn own_shell(own: &Path, arguments: Vec<OsString>) -> Program {
    let arguments = std::iter::once("shell".into()).chain(arguments).collect();
    Program { path: own.to_owned(), name: "jackin-capsule".into(), arguments }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_shell_is_the_one_in_the_user_list_unless_it_refuses_logins() {
        let users = "root:x:0:0:root:/root:/bin/zsh\ndaemon:x:1:1::/:/usr/sbin/nologin\nshort:x:2\n";
        assert_eq!(shell_of_user(users, 0), Some(PathBuf::from("/bin/zsh")));
        assert_eq!(shell_of_user(users, 1), None);
        assert_eq!(shell_of_user(users, 2), None);
        assert_eq!(shell_of_user(users, 12345), None);
    }

    #[test]
    fn a_program_that_is_not_there_and_one_that_may_not_run_are_told_apart() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("notes"), "text").expect("a file");
        let variables = [("PATH".into(), folder.path().into())].into_iter().collect();
        let find = |argv: &[&str]| {
            let argv: Vec<String> = argv.iter().map(|&argument| argument.to_owned()).collect();
            find(&argv, &variables, Path::new("/"), Path::new("/capsule")).map_err(|refused| refused.code)
        };
        assert_eq!(find(&["nothing"]), Err(ErrorCode::ProgramNotFound));
        assert_eq!(find(&["/nothing"]), Err(ErrorCode::ProgramNotFound));
        assert_eq!(find(&["notes"]), Err(ErrorCode::NotExecutable));
        assert_eq!(find(&[]), Err(ErrorCode::BadRequest));
    }

    #[test]
    fn an_image_without_a_shell_gets_the_capsules_own() {
        let program = own_shell(Path::new("/jackin/capsule"), vec!["-c".into(), "ls".into()]);
        assert_eq!(program.arguments, ["shell", "-c", "ls"]);
    }
}
