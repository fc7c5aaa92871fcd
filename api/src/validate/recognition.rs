//! Rules of what an Agent's state is recognised by, and of its files.

use crate::kinds::{HomeFile, StateRecognition, TextRule};
use crate::wire;

use super::names::require_inner_path;
use super::{Errors, FieldReason};

pub(super) fn check(state: &StateRecognition, errors: &mut Errors) {
    if state.rules.len() > wire::Recognition::RULES {
        let message = format!("{} rules are more than {}", state.rules.len(), wire::Recognition::RULES);
        errors.invalid("spec.state.rules", message, "leave out those that tell least");
    }
    for (index, rule) in state.rules.iter().enumerate() {
        check_rule(&format!("spec.state.rules[{index}]"), rule, errors);
    }
}

fn check_rule(field: &str, rule: &TextRule, errors: &mut Errors) {
    errors.exactly_one(field, &[("title", rule.title.is_some()), ("screen", rule.screen.is_some())]);
    if rule.source.trim().is_empty() {
        let hint = "name the program, its version and how the text was seen";
        errors.push(FieldReason::Required, format!("{field}.source"), "it does not say where its text is from", hint);
    }
    let (place, positive, none) = match (&rule.title, &rule.screen) {
        (Some(title), _) => ("title", [&title.starts_with, &title.all, &title.any], &title.none),
        (None, Some(screen)) => ("screen", [&screen.starts_with, &screen.all, &screen.any], &screen.none),
        (None, None) => return,
    };
    if positive.iter().all(|texts| texts.is_empty()) {
        let hint = "give `startsWith`, `all` or `any`";
        errors.push(FieldReason::Required, format!("{field}.{place}"), "it names no text that must be there", hint);
    }
    let is_odd =
        |text: &&String| text.is_empty() || text.len() > wire::Recognition::TEXT || text.contains(char::is_control);
    if let Some(odd) = positive.into_iter().chain([none]).flatten().find(is_odd) {
        let message = format!("not a text of one row: `{}`", odd.escape_debug());
        let hint = "write 1 to 256 bytes without control characters; several texts apart";
        errors.invalid(format!("{field}.{place}"), message, hint);
    }
}

pub(super) fn check_files(files: &[HomeFile], errors: &mut Errors) {
    for (index, file) in files.iter().enumerate() {
        require_inner_path(errors, &format!("spec.files[{index}].path"), &file.path);
        if files[..index].iter().any(|other| other.path == file.path) {
            let message = format!("`{}` is listed twice", file.path);
            errors.push(FieldReason::Duplicate, format!("spec.files[{index}].path"), message, "");
        }
    }
    let bytes: usize = files.iter().map(|file| file.content.len()).sum();
    if bytes > wire::HomeFile::BYTES {
        let message = format!("{bytes} bytes are more than {}", wire::HomeFile::BYTES);
        errors.invalid("spec.files", message, "put large files into the image");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Errors, FieldReason};

    fn wrong(spec: serde_json::Value) -> Vec<(String, FieldReason)> {
        let mut errors = Errors::default();
        let mut spec: crate::kinds::AgentSpec = serde_json::from_value(spec).expect("a spec");
        spec.command = vec!["agent".to_owned()];
        super::super::agent::check(&spec, &mut errors);
        errors.0.into_iter().map(|error| (error.field, error.reason)).collect()
    }

    fn rules(rule: &serde_json::Value) -> serde_json::Value {
        json!({"command": [], "state": {"rules": [rule]}})
    }

    #[test]
    fn a_rule_has_one_place_a_text_and_a_source() {
        let good = json!({"state": "working", "title": {"startsWith": ["*"]}, "source": "seen in 1.0"});
        assert_eq!(wrong(rules(&good)), []);
        let both = json!({"state": "working", "title": {"any": ["*"]}, "screen": {"any": ["*"]}, "source": "seen"});
        assert_eq!(wrong(rules(&both)).len(), 1);
        let unsaid = json!({"state": "working", "title": {"any": ["*"]}, "source": ""});
        assert_eq!(wrong(rules(&unsaid)), [("spec.state.rules[0].source".to_owned(), FieldReason::Required)]);
        let negative = json!({"state": "working", "screen": {"none": ["*"]}, "source": "seen"});
        assert_eq!(wrong(rules(&negative)), [("spec.state.rules[0].screen".to_owned(), FieldReason::Required)]);
        let rows = json!({"state": "working", "screen": {"any": ["a\nb"]}, "source": "seen"});
        assert_eq!(wrong(rules(&rows)), [("spec.state.rules[0].screen".to_owned(), FieldReason::Invalid)]);
    }

    #[test]
    fn files_stay_in_the_home_and_are_there_once() {
        let file = |path: &str| json!({"path": path, "content": "x"});
        let files = json!({"command": [], "files": [file(".a"), file("../b"), file(".a")]});
        let expected = [
            ("spec.files[1].path".to_owned(), FieldReason::Invalid),
            ("spec.files[2].path".to_owned(), FieldReason::Duplicate),
        ];
        assert_eq!(wrong(files), expected);
    }
}
