//! Which rule of an agent matches what its session shows.
//!
//! A rule has texts, not patterns: a search for a text costs the same whatever a program prints, and a text can be read off a screen.

use jackin_api::wire::{Place, Recognition, Rule, SessionState};
use jackin_screen::Progress;

use super::judge::Claim;

/// What the window title says.
pub(super) fn title(recognition: &Recognition, title: &str) -> Option<Claim> {
    let rule = of(recognition, Place::Title).find(|rule| matches(rule, &[title]))?;
    Some(Claim::new(rule.state, &format!("title: `{title}`")))
}

/// What a program says of its progress (OSC 9;4): one that goes on is at work, whatever it is; any other tells nothing.
pub(super) fn progress(progress: Option<Progress>) -> Option<Claim> {
    let evidence = match progress? {
        Progress::Percent(percent) => format!("progress: {percent} %"),
        Progress::Busy => "progress: busy".to_owned(),
        Progress::Failed(_) | Progress::Paused(_) => return None,
    };
    Some(Claim::new(SessionState::Working, &evidence))
}

/// What the screen says, a text per row.
pub(super) fn screen(recognition: &Recognition, rows: &[&str]) -> Option<Claim> {
    let end = rows.iter().rposition(|row| !row.trim().is_empty()).map_or(0, |last| last + 1);
    let region = |rule: &Rule| {
        let lines = if rule.lines == 0 { end } else { usize::from(rule.lines) };
        &rows[end.saturating_sub(lines)..end]
    };
    let rule = of(recognition, Place::Screen).find(|rule| matches(rule, region(rule)))?;
    Some(Claim::new(rule.state, &format!("screen: `{}`", proof(rule))))
}

/// Whether any rule looks at the screen.
pub(super) fn needs_screen(recognition: &Recognition) -> bool {
    of(recognition, Place::Screen).next().is_some()
}

fn of(recognition: &Recognition, place: Place) -> impl Iterator<Item = &Rule> {
    recognition.rules.iter().take(Recognition::RULES).filter(move |rule| rule.place == place)
}

fn matches(rule: &Rule, rows: &[&str]) -> bool {
    let has = |text: &String| rows.iter().any(|row| row.contains(text.as_str()));
    let starts = |text: &String| rows.iter().any(|row| row.trim_start().starts_with(text.as_str()));
    let says_something = !(rule.all.is_empty() && rule.any.is_empty() && rule.starts_with.is_empty());
    says_something
        && rule.all.iter().all(has)
        && (rule.any.is_empty() || rule.any.iter().any(has))
        && (rule.starts_with.is_empty() || rule.starts_with.iter().any(starts))
        && !rule.none.iter().any(has)
}

/// The text of a rule that a person looks for first.
fn proof(rule: &Rule) -> &str {
    [&rule.all, &rule.starts_with, &rule.any].into_iter().flatten().next().map_or("", String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    fn permission() -> Rule {
        Rule {
            state: SessionState::WaitingForPermission,
            place: Place::Screen,
            lines: 3,
            all: texts(&["Do you want", "1. Yes"]),
            none: texts(&["answered"]),
            ..Rule::default()
        }
    }

    #[test]
    fn a_rule_of_the_screen_sees_the_last_rows_that_show_something() {
        let recognition = Recognition { rules: vec![permission()] };
        let state = |rows: &[&str]| screen(&recognition, rows).map(|claim| (claim.state, claim.evidence));
        let found = Some((SessionState::WaitingForPermission, "screen: `Do you want`".to_owned()));
        assert_eq!(state(&["above", "Do you want to?", " > 1. Yes", "  2. No", "", ""]), found);
        assert_eq!(state(&["Do you want to?", " > 1. Yes", "  2. No", "below"]), None, "too far up");
        assert_eq!(state(&["Do you want to?"]), None, "a part");
        assert_eq!(state(&["Do you want to? 1. Yes", "answered"]), None, "what must not be there");
        assert_eq!(state(&[]), None);
    }

    #[test]
    fn only_progress_that_goes_on_is_work() {
        let state = |shown| progress(Some(shown)).map(|claim| claim.state);
        assert_eq!(state(Progress::Percent(40)), Some(SessionState::Working));
        assert_eq!(state(Progress::Busy), Some(SessionState::Working));
        assert_eq!((state(Progress::Failed(3)), state(Progress::Paused(3)), progress(None)), (None, None, None));
    }

    #[test]
    fn the_first_rule_of_a_place_counts_and_one_without_a_text_matches_nothing() {
        let working = Rule {
            state: SessionState::Working,
            place: Place::Title,
            starts_with: texts(&["◐ ", "◑ "]),
            ..Rule::default()
        };
        let any = Rule { state: SessionState::Idle, place: Place::Title, any: texts(&["Make"]), ..Rule::default() };
        let empty = Rule { state: SessionState::AuthNeeded, place: Place::Title, ..Rule::default() };
        let recognition = Recognition { rules: vec![empty, working, any, permission()] };
        assert_eq!(title(&recognition, "◑ Make it").map(|claim| claim.state), Some(SessionState::Working));
        assert_eq!(title(&recognition, "Make it").map(|claim| claim.state), Some(SessionState::Idle));
        assert_eq!(title(&recognition, "Do you want 1. Yes"), None);
    }
}
