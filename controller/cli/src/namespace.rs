//! The namespace that commands are meant for, and the same in the commands that are told to be typed next.

use crate::args::Global;

/// The namespace of who asks for none.
const DEFAULT: &str = "default";

/// Where it is read when no flag says it; `jackin notify` sets it for what it runs.
const VARIABLE: &str = "JACKIN_NAMESPACE";

/// The commands that mean objects of a namespace.
const COMMANDS: [&str; 17] = [
    "apply", "approve", "attach", "capture", "delete", "describe", "diff", "events", "exec", "get", "logs", "record",
    "restart", "send", "sessions", "start", "stop",
];

/// The namespace that was asked for: by the flag, by the environment, or not at all.
pub(crate) fn of(global: &Global) -> String {
    let asked = global.namespace.clone().or_else(|| std::env::var(VARIABLE).ok());
    asked.filter(|name| !name.is_empty()).unwrap_or_else(|| DEFAULT.to_owned())
}

/// A text in which each `jackin …` in backquotes that means objects of a namespace says of which, unless it does already.
pub(crate) fn say(text: &str, namespace: &str) -> String {
    let parts = text.split('`').enumerate().map(|(index, part)| {
        let command = if index % 2 == 1 { part.strip_prefix("jackin ") } else { None };
        match command.filter(|command| is_without(command)) {
            Some(command) => format!("jackin -n {namespace} {command}"),
            None => part.to_owned(),
        }
    });
    parts.collect::<Vec<_>>().join("`")
}

/// As [`say`], where it is not the one that commands are for anyway.
pub(crate) fn say_another(text: &str, namespace: &str) -> String {
    if namespace == DEFAULT { text.to_owned() } else { say(text, namespace) }
}

/// Whether a command means objects of a namespace and does not say of which.
fn is_without(command: &str) -> bool {
    let mut words = command.split_whitespace().take_while(|word| *word != "--");
    let means_objects = words.next().is_some_and(|first| COMMANDS.contains(&first));
    means_objects && !words.any(|word| matches!(word, "-n" | "-A"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_means_objects_says_of_which_namespace() {
        let hint = "`jackin describe instance x` tells how it fares; `jackin doctor` tells of the engine";
        let said = "`jackin -n shop describe instance x` tells how it fares; `jackin doctor` tells of the engine";
        assert_eq!(say(hint, "shop"), said);
        assert_eq!(say(said, "other"), said, "what is said already is left alone");
        assert_eq!(say("`jackin get instances -A` lists all", "shop"), "`jackin get instances -A` lists all");
        assert_eq!(say("`jackin exec x -- grep -n y`", "shop"), "`jackin -n shop exec x -- grep -n y`");
        assert_eq!(say("jackin get roles, without quotes: `odd", "shop"), "jackin get roles, without quotes: `odd");
    }
}
