//! What runs on a session's terminal before its agent: the hooks, one after the other, and then the agent in the same process.
//!
//! Being the session's own process from its first moment, it is stopped, killed and looked at as the agent would be. How the hooks
//! go is told on a descriptor that closes by itself when the agent takes over; [`crate::hooks`] is its other end.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use jackin_api::wire::{Exit, Hook};
use rustix::fs::FlockOperation;
use rustix::io::{Errno, FdFlags};

use crate::arguments::{HookFile, Prelude};
use crate::environment::Variables;
use crate::hooks::Report;
use crate::program;

/// What says in the home that the first hook is done; locked by who runs it.
const DONE: &str = ".jackin/setupOnce";

/// The most bytes of variables that are taken over from a shell.
const ENVIRONMENT: u64 = 1024 * 1024;

/// Variables that a shell sets for itself.
const OF_SHELLS: [&str; 4] = ["_", "PWD", "OLDPWD", "SHLVL"];

/// Why a hook kept the agent from starting.
#[derive(Debug, PartialEq, Eq)]
enum Failure {
    /// It ended so.
    Ended(Exit),
    /// It could not be run.
    NotRun(String),
}

impl Failure {
    /// What a shell would end with.
    fn code(&self) -> u8 {
        match self {
            Self::Ended(exit) => u8::try_from(exit.shell_code()).unwrap_or(1),
            Self::NotRun(_) => 126,
        }
    }
}

/// Runs the hooks and becomes the agent; comes back only when it cannot.
pub(crate) fn run(prelude: Prelude) -> ExitCode {
    let Prelude { report, hooks, argv } = prelude;
    let mut report = match take(report) {
        Ok(report) => report,
        Err(error) => return complain(&format!("tell of hooks: {error}"), 126),
    };
    let mut variables: Variables = std::env::vars_os().collect();
    for HookFile { hook, path } in &hooks {
        if let Err(failure) = carry_out(*hook, path, &mut variables, &mut report) {
            tell(&mut report, &Report::Failed(failure_words(&failure)));
            return ExitCode::from(failure.code());
        }
    }
    become_agent(&argv, &variables)
}

/// Prints all variables, each with a zero byte after it.
pub(crate) fn print_environment() -> ExitCode {
    let mut text = Vec::new();
    for (name, value) in std::env::vars_os() {
        text.extend([name.as_bytes(), b"=", value.as_bytes(), b"\0"].concat());
    }
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(&text).and_then(|()| stdout.flush());
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The descriptor to report on, kept from the hooks and from the agent.
#[expect(unsafe_code, reason = "a descriptor that was inherited is only known by its number")]
fn take(descriptor: i32) -> io::Result<File> {
    if descriptor <= 2 {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    // SAFETY: only looked at, and an error when it is not open.
    let inherited = unsafe { BorrowedFd::borrow_raw(descriptor) };
    rustix::io::fcntl_setfd(inherited, FdFlags::CLOEXEC)?;
    // SAFETY: it is open, was handed to this process for this, and nothing else here has it.
    Ok(File::from(unsafe { OwnedFd::from_raw_fd(descriptor) }))
}

/// Tells something and waits until it was heard.
fn tell(report: &mut File, news: &Report) {
    // The capsule is this process's parent: when it is gone, so is who would want to know.
    let _ = report.write_all(news.line().as_bytes()).and_then(|()| report.read(&mut [0]));
}

fn failure_words(failure: &Failure) -> Result<Exit, String> {
    match failure {
        Failure::Ended(exit) => Ok(*exit),
        Failure::NotRun(error) => Err(error.clone()),
    }
}

fn carry_out(hook: Hook, path: &Path, variables: &mut Variables, report: &mut File) -> Result<(), Failure> {
    let is_setup = hook == Hook::SetupOnce;
    let mut done = if is_setup { Some(open_done(variables)) } else { None };
    if let Some(Ok(file)) = &mut done
        && is_done(file)
    {
        return Ok(());
    }
    tell(report, &Report::Began(hook));
    let done =
        done.transpose().map_err(|error| Failure::NotRun(format!("remember that it ran in ~/{DONE}: {error}")))?;
    match hook {
        Hook::Source => source(path, variables)?,
        Hook::SetupOnce | Hook::Preflight | Hook::Unknown => execute(path, variables)?,
    }
    if let Some(mut file) = done {
        let noted = file.write_all(b"done\n");
        noted.map_err(|error| Failure::NotRun(format!("write down in ~/{DONE} that it ran: {error}")))?;
    }
    tell(report, &Report::Passed);
    Ok(())
}

/// The file in the home that says whether the first hook is done, locked: of two sessions, one runs it and the other waits.
fn open_done(variables: &Variables) -> io::Result<File> {
    let home = variables.get(OsStr::new("HOME")).filter(|home| !home.is_empty());
    let path = PathBuf::from(home.ok_or_else(|| io::Error::other("there is no HOME"))?).join(DONE);
    if let Some(folder) = path.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let file = File::options().read(true).append(true).create(true).mode(0o600).open(path)?;
    rustix::fs::flock(&file, FlockOperation::LockExclusive)?;
    Ok(file)
}

fn is_done(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.len() > 0)
}

/// Runs a hook as a program. One that does not say by what it is run is a script, as shells have it.
fn execute(path: &Path, variables: &Variables) -> Result<(), Failure> {
    let run = |mut command: Command| command.env_clear().envs(variables).status();
    let status = match run(Command::new(path)) {
        Err(error) if error.raw_os_error() == Some(Errno::NOEXEC.raw_os_error()) => {
            let mut command = Command::new(shell(variables)?);
            command.arg(path);
            run(command)
        }
        other => other,
    };
    let status = status.map_err(|error| {
        let missing = error.kind() == io::ErrorKind::NotFound && path.exists();
        Failure::NotRun(if missing {
            "the program that its first line names is not in the image".to_owned()
        } else {
            format!("run {}: {error}", path.display())
        })
    })?;
    ended(status)
}

fn ended(status: std::process::ExitStatus) -> Result<(), Failure> {
    match (status.success(), status.code(), status.signal()) {
        (true, _, _) => Ok(()),
        (false, code, signal) => Err(Failure::Ended(Exit { code, signal })),
    }
}

/// Has a shell read a hook, and takes over the variables that it then exports.
fn source(path: &Path, variables: &mut Variables) -> Result<(), Failure> {
    let own = std::env::current_exe().map_err(|error| Failure::NotRun(format!("find this program: {error}")))?;
    // What the hook prints is shown; the variables go another way.
    let script = format!(
        ". {hook} >&2\nset -- $?\n[ \"$1\" = 0 ] || exit \"$1\"\nexec {own} environment",
        hook = quoted(path),
        own = quoted(&own),
    );
    let mut child = Command::new(shell(variables)?)
        .args(["-c", &script])
        .env_clear()
        .envs(&*variables)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| Failure::NotRun(format!("start the image's shell: {error}")))?;
    let mut text = Vec::new();
    let read = child.stdout.take().map(|stdout| stdout.take(ENVIRONMENT + 1).read_to_end(&mut text));
    let status = child.wait().map_err(|error| Failure::NotRun(format!("wait for the image's shell: {error}")))?;
    ended(status)?;
    match read {
        Some(Ok(_)) if text.len() as u64 <= ENVIRONMENT => {}
        Some(Ok(_)) => return Err(Failure::NotRun(format!("it exports more than {ENVIRONMENT} bytes"))),
        Some(Err(error)) => return Err(Failure::NotRun(format!("read what it exports: {error}"))),
        None => return Err(Failure::NotRun("read what it exports: there is no pipe".to_owned())),
    }
    *variables = exported(&text, variables);
    Ok(())
}

/// The variables that a shell exported, without what it set for itself.
fn exported(text: &[u8], before: &Variables) -> Variables {
    let pairs = text.split(|byte| *byte == 0).filter_map(|pair| {
        let equals = pair.iter().position(|byte| *byte == b'=').filter(|at| *at > 0)?;
        let (name, value) = (&pair[..equals], &pair[equals + 1..]);
        Some((OsString::from_vec(name.to_vec()), OsString::from_vec(value.to_vec())))
    });
    let mut variables: Variables = pairs.collect();
    for name in OF_SHELLS.map(OsStr::new) {
        match before.get(name) {
            Some(value) => _ = variables.insert(name.to_owned(), value.clone()),
            None => _ = variables.remove(name),
        }
    }
    variables
}

/// The image's POSIX shell.
fn shell(variables: &Variables) -> Result<PathBuf, Failure> {
    let found = ["/bin/sh", "/usr/bin/sh", "sh"]
        .iter()
        .find_map(|name| program::find(&[(*name).to_owned()], variables, Path::new("/"), Path::new("/")).ok());
    let missing = || Failure::NotRun("the image has no POSIX shell `sh`, which this hook needs".to_owned());
    found.map(|program| program.path).ok_or_else(missing)
}

/// A path as a word for a shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"))
}

fn become_agent(argv: &[String], variables: &Variables) -> ExitCode {
    let directory = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    let own = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe"));
    let program = match program::find(argv, variables, &directory, &own) {
        Ok(program) => program,
        Err(refused) => return complain(&refused.message, 127),
    };
    let error =
        Command::new(&program.path).arg0(&program.name).args(&program.arguments).env_clear().envs(variables).exec();
    complain(&format!("start `{}`: {error}", program.path.display()), 126)
}

fn complain(text: &str, code: u8) -> ExitCode {
    let _ = writeln!(io::stderr(), "jackin: {text}");
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Variables {
        pairs.iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    #[test]
    fn what_a_shell_sets_for_itself_stays_as_it_was() {
        let before = variables(&[("PWD", "/work"), ("GONE", "1")]);
        let text = b"A=1\0B=x=\ny\0PWD=/elsewhere\0SHLVL=1\0_=/bin/x\0=odd\0";
        assert_eq!(exported(text, &before), variables(&[("A", "1"), ("B", "x=\ny"), ("PWD", "/work")]));
    }

    #[test]
    fn a_script_without_a_first_line_is_run_by_the_shell() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("a script");
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("executable");
            path
        };
        let variables = variables(&[("PATH", "/usr/bin:/bin")]);
        assert_eq!(execute(&script("plain", "exit 0\n"), &variables), Ok(()));
        assert_eq!(execute(&script("fails", "exit 4\n"), &variables), Err(Failure::Ended(Exit::with_code(4))));
        let killed = execute(&script("killed", "#!/bin/sh\nkill -9 $$\n"), &variables);
        assert_eq!(killed, Err(Failure::Ended(Exit::by_signal(9))));
        let odd = execute(&script("odd", "#!/no/such/interpreter\n"), &variables).expect_err("it cannot be run");
        assert_eq!(odd, Failure::NotRun("the program that its first line names is not in the image".to_owned()));
        let missing = execute(&folder.path().join("none"), &variables).expect_err("it is not there");
        assert!(matches!(missing, Failure::NotRun(text) if text.starts_with("run ")));
    }
}
