//! What is told of the command that a session runs.

/// How much of it is told, in bytes of JSON: the status of as many sessions as there may be has to fit a frame.
const TOLD: usize = 4 * 1024;

/// What stands for the rest of an argument, and for the arguments after it.
const REST: char = '…';

/// A command's arguments, or as many of their characters as are told.
pub(super) fn told(argv: &[String]) -> Vec<String> {
    let mut room = TOLD;
    let mut told = Vec::new();
    for argument in argv {
        // With its quotes and its comma.
        let taken = prefix(argument, room.saturating_sub(3));
        room = room.saturating_sub(3 + taken.chars().map(length).sum::<usize>());
        if room == 0 || taken.len() < argument.len() {
            told.push(format!("{taken}{REST}"));
            break;
        }
        told.push(taken.to_owned());
    }
    told
}

/// The longest beginning of a text that has room.
fn prefix(text: &str, room: usize) -> &str {
    let mut end = 0;
    let cut = text.char_indices().find(|&(_, character)| {
        end += length(character);
        end > room
    });
    cut.map_or(text, |(index, _)| &text[..index])
}

/// How long a character is in JSON, at most.
fn length(character: char) -> usize {
    match character {
        '"' | '\\' => 2,
        _ if character.is_control() => 6,
        _ => character.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(text: &str, count: usize) -> Vec<String> {
        vec![text.to_owned(); count]
    }

    #[test]
    fn a_command_is_told_whole_unless_it_is_very_long() {
        for whole in [arguments("make", 1), arguments("", 3), arguments(&"x".repeat(1000), 4)] {
            assert_eq!(told(&whole), whole);
        }
    }

    #[test]
    fn whatever_the_command_what_is_told_of_it_is_bounded_and_ends_at_a_character() {
        let texts =
            [("é".repeat(9000), 3), ("\u{1}\"\\".repeat(2000), 3), (String::new(), 5000), ("a".to_owned(), 5000)];
        for argv in texts.map(|(text, count)| arguments(&text, count)) {
            let told = told(&argv);
            let json = serde_json::to_string(&told).expect("json");
            assert!(json.len() <= TOLD + 8, "{} bytes", json.len());
            let (last, whole) = told.split_last().expect("something");
            assert_eq!(whole, &argv[..whole.len()]);
            assert!(last.ends_with(REST) && argv[0].starts_with(last.trim_end_matches(REST)), "{last}");
        }
    }
}
