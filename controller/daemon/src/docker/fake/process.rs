//! What PID 1 does in a container that has no kernel beneath it.
//!
//! Enough of a shell for tests: `echo`, `cat`, `touch`, `exit`, `sleep`, `true`, `false`, `trap 'exit N' TERM`, joined by `;`, with
//! `|| exit N` behind. A program that is not known here runs until it is told to end, as an init does.

use futures::StreamExt;
use tokio_util::io::ReaderStream;

use crate::docker::ExecStream;

/// What the process can see and change outside itself.
pub(super) trait Files {
    /// The content of a file.
    fn read(&self, path: &str) -> Option<Vec<u8>>;
    /// Makes an empty file; answers whether that was allowed.
    fn touch(&mut self, path: &str) -> bool;
}

/// A process after it ran as far as it can without waiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Process {
    /// What it printed.
    pub(super) output: String,
    /// Its exit code, when it has ended.
    pub(super) ended: Option<i64>,
    /// What it exits with on `SIGTERM`; `None` when it takes no notice.
    pub(super) on_terminate: Option<i64>,
}

/// Runs a command as PID 1.
pub(super) fn run(command: &[String], files: &mut impl Files) -> Process {
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    let words = match words.as_slice() {
        [program, rest @ ..] if base_name(program) == "busybox" => rest,
        all => all,
    };
    let mut process = Process { output: String::new(), ended: None, on_terminate: None };
    match words {
        [shell, "-c", script] if base_name(shell) == "sh" => process.script(script, files),
        [program, ..] if matches!(base_name(program), "sleep" | "cat" | "true" | "false" | "echo") => {
            let line = [&[base_name(program)], &words[1..]].concat().join(" ");
            process.script(&line, files);
        }
        _ => process.on_terminate = Some(143),
    }
    process
}

/// Runs a program beside PID 1: `cat` and `echo` are known, and nothing else says anything.
pub(super) fn beside(command: &[String]) -> ExecStream {
    let words: Vec<&str> = command.iter().map(String::as_str).filter(|word| base_name(word) != "busybox").collect();
    let (reads, input) = tokio::io::duplex(64 * 1024);
    let output = match words.as_slice() {
        ["cat"] => ReaderStream::new(reads).boxed(),
        ["echo", rest @ ..] => {
            let line = format!("{}\n", rest.join(" "));
            futures::stream::once(std::future::ready(Ok(line.into()))).boxed()
        }
        _ => futures::stream::empty().boxed(),
    };
    ExecStream { input: Box::pin(input), output }
}

impl Process {
    fn script(&mut self, script: &str, files: &mut impl Files) {
        for statement in statements(script) {
            match self.statement(statement, files) {
                Flow::Next => {}
                Flow::Wait => return,
                Flow::Exit(code) => {
                    self.ended = Some(code);
                    return;
                }
            }
        }
        self.ended = Some(0);
    }

    fn statement(&mut self, statement: &str, files: &mut impl Files) -> Flow {
        let (simple, otherwise) = match statement.split_once("||") {
            Some((simple, otherwise)) => (simple.trim(), Some(otherwise.trim())),
            None => (statement.trim(), None),
        };
        let simple = simple.strip_prefix("exec ").unwrap_or(simple);
        let (word, rest) = simple.split_once(' ').unwrap_or((simple, ""));
        let worked = match word {
            "sleep" | "wait" => return Flow::Wait,
            "exit" => return Flow::Exit(rest.trim().parse().unwrap_or_default()),
            "trap" => {
                let code = rest.trim_start_matches("'exit ").split('\'').next().and_then(|code| code.parse().ok());
                self.on_terminate = code;
                true
            }
            "echo" => {
                self.output.push_str(rest.trim_matches(['"', '\'']));
                self.output.push('\n');
                true
            }
            "cat" => match files.read(rest) {
                Some(content) => {
                    self.output.push_str(&String::from_utf8_lossy(&content));
                    true
                }
                None => false,
            },
            "touch" => files.touch(rest),
            "false" => false,
            _ => true,
        };
        match otherwise {
            Some(otherwise) if !worked => self.statement(otherwise, files),
            None if !worked && word != "touch" => Flow::Exit(1),
            _ => Flow::Next,
        }
    }
}

enum Flow {
    Next,
    Wait,
    Exit(i64),
}

/// Statements of a script: split at `;`, but not inside quotes.
fn statements(script: &str) -> Vec<&str> {
    let mut quoted = false;
    let split = script.split(move |letter| {
        quoted ^= letter == '\'';
        letter == ';' && !quoted
    });
    split.map(str::trim).filter(|statement| !statement.is_empty()).collect()
}

fn base_name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl Files for Nothing {
        fn read(&self, _: &str) -> Option<Vec<u8>> {
            None
        }
        fn touch(&mut self, _: &str) -> bool {
            false
        }
    }

    fn ran(command: &[&str]) -> Process {
        run(&command.iter().map(|&word| word.to_owned()).collect::<Vec<_>>(), &mut Nothing)
    }

    #[test]
    fn a_script_prints_traps_and_waits() {
        let process = ran(&["/bin/busybox", "sh", "-c", "echo one; trap 'exit 5' TERM; sleep 9 & wait"]);
        assert_eq!(process, Process { output: "one\n".into(), ended: None, on_terminate: Some(5) });
    }

    #[test]
    fn an_alternative_runs_only_when_the_first_failed() {
        assert_eq!(ran(&["sh", "-c", "touch /x || exit 9; exit 0"]).ended, Some(9));
        assert_eq!(ran(&["sh", "-c", "true || exit 9; exit 4"]).ended, Some(4));
    }
}
