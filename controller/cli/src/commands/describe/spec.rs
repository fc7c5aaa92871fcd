//! The spec of any kind, as an outline.

use std::fmt::Write as _;

use serde_json::Value;

pub(super) fn describe(text: &mut String, spec: &Value) {
    if spec.as_object().is_some_and(|spec| !spec.is_empty()) {
        super::section(text, "Spec");
        outline(text, spec, 1);
    }
}

fn outline(text: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match one_line(value) {
                    Some(line) => {
                        let _ = writeln!(text, "{indent}{name}: {line}");
                    }
                    None => {
                        let _ = writeln!(text, "{indent}{name}:");
                        outline(text, value, depth + 1);
                    }
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                match one_line(item) {
                    Some(line) => {
                        let _ = writeln!(text, "{indent}- {line}");
                    }
                    None => {
                        let mut nested = String::new();
                        outline(&mut nested, item, depth + 1);
                        let rest = nested.get(indent.len() + 2..).unwrap_or_default();
                        let _ = write!(text, "{indent}- {rest}");
                    }
                }
            }
        }
        other => {
            for line in other.as_str().unwrap_or_default().lines() {
                let _ = writeln!(text, "{indent}{line}");
            }
        }
    }
}

/// A value that fits on the line of its name.
fn one_line(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => (!text.contains('\n')).then(|| text.clone()),
        Value::Object(fields) => fields.is_empty().then(|| "{}".to_owned()),
        Value::Array(items) => {
            let plain: Option<Vec<_>> =
                items.iter().map(|item| if item.is_object() { None } else { one_line(item) }).collect();
            plain.map(|items| items.join(", "))
        }
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn an_outline_keeps_lists_of_maps_together() {
        let mut text = String::new();
        let spec = json!({"workdir": "/w", "roles": ["a", "b"], "mounts": [{"source": "/s", "target": "/t"}]});
        super::describe(&mut text, &spec);
        let lines: Vec<_> = text.lines().collect();
        assert!(lines.contains(&"    - source: /s"), "{text}");
        assert!(lines.contains(&"      target: /t"), "{text}");
        assert!(lines.contains(&"  roles: a, b"), "{text}");
    }
}
