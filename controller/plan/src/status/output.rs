//! The last lines of a container's output, as many as a status keeps.

use std::collections::BTreeSet;

/// The most characters that are kept.
const MOST: usize = 1000;

/// Whole last lines: those of programs first, and those of the capsule's own log as far as these leave room. Of a last line that is
/// longer than all that is kept, its end.
pub(super) fn last_lines(output: &str) -> String {
    let lines: Vec<_> = output.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let (mut kept, mut length) = (BTreeSet::new(), 0);
    'all: for of_capsule in [false, true] {
        for (index, line) in lines.iter().enumerate().rev().filter(|(_, line)| is_of_capsule(line) == of_capsule) {
            let characters = line.chars().count();
            if kept.is_empty() && characters > MOST {
                return format!("…{}", line.chars().skip(characters - MOST + 1).collect::<String>());
            }
            length += characters + usize::from(!kept.is_empty());
            if length > MOST {
                break 'all;
            }
            kept.insert(index);
        }
    }
    kept.into_iter().map(|index| lines[index]).collect::<Vec<_>>().join("\n")
}

/// Whether a line is of the capsule's log: an object in JSON with the name of its event.
fn is_of_capsule(line: &str) -> bool {
    let object = || serde_json::from_str::<serde_json::Value>(line).ok();
    line.starts_with('{') && object().is_some_and(|object| object["event"].is_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = r#"{"event":"ready","micros":7}"#;

    #[test]
    fn only_whole_lines_are_shown() {
        let lines: Vec<_> = (0..100).map(|number| format!("line {number} of a hundred")).collect();
        let shown = last_lines(&lines.join("\n"));
        assert!(shown.chars().count() <= MOST && shown.starts_with("line "), "{shown}");
        assert!(lines.join("\n").ends_with(&format!("\n{shown}")), "{shown}");
    }

    #[test]
    fn what_a_program_printed_goes_before_the_log_of_the_capsule() {
        let log = [LOG].repeat(60).join("\n");
        let shown = last_lines(&format!("the reason\n{log}\n"));
        assert!(shown.starts_with("the reason\n{"), "{shown}");
        assert_eq!(last_lines(&format!("{LOG}\nthe reason\n{LOG}")), format!("{LOG}\nthe reason\n{LOG}"));
        assert_eq!(last_lines(LOG), LOG);
        let own = ["a line of a program"].repeat(80).join("\n");
        assert!(!last_lines(&format!("{own}\n{LOG}")).contains("ready"), "there is no room for it");
    }

    #[test]
    fn of_a_line_that_is_too_long_the_end_is_shown() {
        let shown = last_lines(&format!("before\n{}the reason", "-".repeat(5_000)));
        assert_eq!((shown.chars().count(), shown.starts_with("…-"), shown.ends_with("the reason")), (MOST, true, true));
    }
}
