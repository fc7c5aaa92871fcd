//! The shell for images that have none: one command per line, found in `PATH` or built in.
//!
//! It knows quotes and `$NAME`, but no pipes, redirections or jobs: enough to look around and to start a program.

use std::io::{self, BufRead, IsTerminal, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// What goes on after a line.
enum Next {
    Line(u8),
    Exit(u8),
}

/// Runs one line, or asks for lines until the end of input.
pub(crate) fn run(line: Option<String>) -> ExitCode {
    // A program that is interrupted ends; the shell that started it stays. Only a handler does that: what is ignored is
    // inherited by the program, what is handled is not.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    if let Ok(runtime) = &runtime {
        let _guard = runtime.enter();
        let _interrupt = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt());
        let _quit = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::quit());
    }
    if let Some(line) = line {
        return match evaluate(&line) {
            Next::Line(code) | Next::Exit(code) => ExitCode::from(code),
        };
    }
    let is_terminal = io::stdin().is_terminal();
    let mut last = 0;
    loop {
        if is_terminal {
            let directory = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("?"));
            say(&format!("{} $ ", directory.display()));
        }
        let mut line = String::new();
        match io::stdin().lock().read_line(&mut line) {
            Ok(0) => return ExitCode::from(last),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return ExitCode::from(last),
        }
        match evaluate(&line) {
            Next::Line(code) => last = code,
            Next::Exit(code) => return ExitCode::from(code),
        }
    }
}

fn say(text: &str) {
    let mut stdout = io::stdout().lock();
    // Who closed our output does not want to hear of it.
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

fn evaluate(line: &str) -> Next {
    let words = match words(line, |name| std::env::var(name).unwrap_or_default()) {
        Ok(words) => words,
        Err(error) => {
            complain(error);
            return Next::Line(2);
        }
    };
    let Some((command, arguments)) = words.split_first() else {
        return Next::Line(0);
    };
    let outcome = match command.as_str() {
        "exit" => return Next::Exit(arguments.first().and_then(|code| code.parse().ok()).unwrap_or(0)),
        "cd" => change_directory(arguments.first().map(String::as_str)),
        "pwd" => std::env::current_dir().map(|directory| say(&format!("{}\n", directory.display()))),
        "export" => {
            export(arguments);
            Ok(())
        }
        "echo" => {
            say(&format!("{}\n", arguments.join(" ")));
            Ok(())
        }
        "ls" => each_or_here(arguments, list),
        "cat" => each_or_here(arguments, |path| io::copy(&mut std::fs::File::open(path)?, &mut io::stdout()).map(drop)),
        _ => return Next::Line(start(command, arguments)),
    };
    match outcome {
        Ok(()) => Next::Line(0),
        Err(error) => {
            complain(&format!("{command}: {error}"));
            Next::Line(1)
        }
    }
}

fn change_directory(directory: Option<&str>) -> io::Result<()> {
    let home = std::env::var("HOME").unwrap_or_else(|_| "/".to_owned());
    std::env::set_current_dir(directory.unwrap_or(&home))
}

fn each_or_here(paths: &[String], show: impl Fn(&Path) -> io::Result<()>) -> io::Result<()> {
    if paths.is_empty() {
        return show(Path::new("."));
    }
    paths.iter().try_for_each(|path| show(Path::new(path)))
}

fn list(path: &Path) -> io::Result<()> {
    if !path.is_dir() {
        std::fs::symlink_metadata(path)?;
        say(&format!("{}\n", path.display()));
        return Ok(());
    }
    let mut names: Vec<String> = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let mark = if entry.file_type()?.is_dir() { "/" } else { "" };
        names.push(format!("{}{mark}\n", entry.file_name().to_string_lossy()));
    }
    names.sort();
    say(&names.concat());
    Ok(())
}

fn export(assignments: &[String]) {
    for assignment in assignments {
        if let Some((name, value)) = assignment.split_once('=').filter(|(name, _)| !name.is_empty()) {
            set_variable(name, value);
        }
    }
}

#[expect(unsafe_code, reason = "changing the environment is unsafe where other threads read it")]
fn set_variable(name: &str, value: &str) {
    // SAFETY: the shell is a process of its own with one thread.
    unsafe { std::env::set_var(name, value) };
}

fn start(command: &str, arguments: &[String]) -> u8 {
    match Command::new(command).args(arguments).status() {
        Ok(status) => {
            let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(127));
            u8::try_from(code).unwrap_or(255)
        }
        Err(error) => {
            complain(&format!("{command}: {error}"));
            if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 }
        }
    }
}

/// Splits a line as shells do: quotes, backslashes, variables, and comments.
fn words(line: &str, variable: impl Fn(&str) -> String) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = line.chars().peekable();
    let mut quote = None;
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), close) if close == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(characters.next()),
            (None | Some('"'), '$') => {
                let mut name = String::new();
                while let Some(next) = characters.next_if(|&next| next.is_ascii_alphanumeric() || next == '_') {
                    name.push(next);
                }
                let value = if name.is_empty() { "$".to_owned() } else { variable(&name) };
                word.get_or_insert_default().push_str(&value);
            }
            (None, '#') if word.is_none() => break,
            (None, space) if space.is_whitespace() => words.extend(word.take()),
            (_, other) => word.get_or_insert_default().push(other),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed");
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn lines_are_split_as_shells_do() {
        let split = |line| words(line, |name| format!("<{name}>"));
        assert_eq!(
            split("echo  a 'b c' \"d $HOME\" e\\ f # g"),
            Ok(["echo", "a", "b c", "d <HOME>", "e f"].map(String::from).to_vec())
        );
        assert_eq!(split("''"), Ok(vec![String::new()]));
        assert_eq!(split("  \n"), Ok(Vec::new()));
        assert_eq!(split("echo '$HOME' $ a#b"), Ok(["echo", "$HOME", "$", "a#b"].map(String::from).to_vec()));
        assert_eq!(split("echo 'open"), Err("a quote is not closed"));
    }
}
