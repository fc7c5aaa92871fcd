//! Small text: tables, ages, durations, and the nearest of several words.

use std::time::Duration;

use jackin_daemon::kinds::human_duration;
use jiff::Timestamp;

/// The word nearest to one that was typed, when one is near enough to be meant.
pub(crate) fn nearest<'a>(typed: &str, words: &[&'a str]) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    words
        .iter()
        .map(|word| (distance(&typed, &word.to_lowercase()), *word))
        .filter(|(distance, word)| *distance <= 1 + word.chars().count() / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// How many letters must be put in, taken out, replaced or swapped with their neighbour.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (row, left) in one.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, right) in other.iter().enumerate() {
            let replaced = last[column] + usize::from(left != right);
            let mut best = replaced.min(last[column + 1] + 1).min(current[column] + 1);
            let is_swap = row > 0 && column > 0 && *left == other[column - 1] && one[row - 1] == *right;
            if is_swap {
                best = best.min(before_last[column - 1] + 1);
            }
            current.push(best);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last.last().copied().unwrap_or_default()
}

/// Rows in columns, with three spaces between them as kubectl prints.
pub(crate) fn columns(rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (index, cell) in row.iter().enumerate() {
            let width = cell.chars().count();
            match widths.get_mut(index) {
                Some(known) => *known = (*known).max(width),
                None => widths.push(width),
            }
        }
    }
    lines(rows, &widths)
}

/// Rows in columns of given widths.
pub(crate) fn lines(rows: &[Vec<String>], widths: &[usize]) -> String {
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (index, cell) in row.iter().enumerate() {
            let width = widths.get(index).copied().unwrap_or_default();
            line.push_str(&format!("{cell:width$}   "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// How long ago something was, as kubectl writes it.
pub(crate) fn age(since: Timestamp, now: Timestamp) -> String {
    // Times of sessions are by the clock of their container's machine, which may be ahead.
    human_duration(now.duration_since(since).as_secs().max(0))
}

/// Reads a duration as people write it, `0` included.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    if text == "0" || text == "0s" {
        return Ok(Duration::ZERO);
    }
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let seconds = jackin_api::kinds::DurationText(text.to_owned()).seconds();
    seconds.map(Duration::from_secs).map_err(|_| "write it as in `30s`, `5m` or `1h30m`".to_owned())
}

/// A duration for people, without needless units.
pub(crate) fn brief(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3600, seconds % 3600 / 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, 0) => format!("{minutes}m"),
        (0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (hours, 0, _) => format!("{hours}h"),
        (hours, minutes, _) => format!("{hours}h{minutes}m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_the_word_and_another_word_does_not() {
        assert_eq!(nearest("moutns", &["mounts", "workdir"]), Some("mounts"));
        assert_eq!(nearest("read_only", &["readOnly", "source"]), Some("readOnly"));
        assert_eq!(nearest("banana", &["mounts", "workdir"]), None);
    }

    #[test]
    fn a_duration_is_read_with_and_without_unit() {
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert!(duration("soon").is_err());
        assert_eq!(brief(Duration::from_secs(5400)), "1h30m");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["NAME".to_owned(), "AGE".to_owned()], vec!["shop-main".to_owned(), "3s".to_owned()]];
        assert_eq!(columns(&rows), "NAME        AGE\nshop-main   3s\n");
    }
}
