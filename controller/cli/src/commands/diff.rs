//! `jackin diff`: what applying the files would change, which repair that needs, and why.

use std::fmt::Write as _;

use jackin_api::LAST_APPLIED_ANNOTATION;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Ended;
use super::apply::{self, Step};
use crate::command_error::CommandError;
use crate::console::{Console, Paint};
use crate::context::Context;
use crate::manifest::{self, Files};

/// Show what applying the files would change, which repair it needs and why.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit code 0 when nothing would change, 1 when something would, 2 when the files are wrong.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    files: Files,
    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// JSON
    Json,
}

/// What would change in one object.
#[derive(Debug, Serialize)]
struct ObjectDiff {
    object: String,
    change: &'static str,
    fields: Vec<FieldDiff>,
}

/// One field that would change.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct FieldDiff {
    field: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    old: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new: Option<Value>,
}

/// What the planner would do, as far as it is shown; the rest is passed on as it came.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Plans {
    #[serde(default)]
    instances: Vec<Value>,
    #[serde(default)]
    images: Vec<Value>,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Ended {
    let mut manifests = manifest::load(&arguments.files, context)?;
    manifests.sort_by_key(|manifest| manifest.object.rank());
    let connection = context.connect().await?;
    let client = connection.kube();
    apply::check_references(&client, &manifests).await?;
    let live = apply::fetch(Some(&client), &manifests).await?;
    let mut diffs = Vec::new();
    for (manifest, live) in manifests.iter().zip(&live) {
        let step = Step::of(manifest, live.as_ref())?;
        let Some(new) = apply::write(&client, manifest, &step, true).await? else {
            continue;
        };
        let broken = |error| CommandError::from(kube::Error::SerdeError(error));
        let old = live.as_ref().map(serde_json::to_value).transpose().map_err(broken)?;
        let fields = compare(&old.clone().unwrap_or_default(), &serde_json::to_value(new).map_err(broken)?);
        if old.is_some() && fields.is_empty() {
            continue;
        }
        let change = if old.is_some() { "changed" } else { "created" };
        diffs.push(ObjectDiff { object: manifest.object.label(), change, fields });
    }
    let objects: Vec<_> = manifests.iter().map(|manifest| manifest.object.to_json()).collect();
    let plans: Plans = connection.post_json("/jackin/v1/plan", &json!({ "objects": objects })).await?;
    let code = u8::from(!diffs.is_empty());
    if arguments.output.is_some() {
        let diff = json!({ "objects": diffs, "instances": plans.instances, "images": plans.images });
        context.console.line(&format!("{diff:#}"))?;
        return Ok(code);
    }
    context.console.write(&render(&context.console, &diffs, &plans))?;
    Ok(code)
}

/// What of two objects differs, in what a file can say.
fn compare(old: &Value, new: &Value) -> Vec<FieldDiff> {
    let mut fields = Vec::new();
    for part in ["labels", "annotations"] {
        let (mut old, mut new) = (old["metadata"][part].clone(), new["metadata"][part].clone());
        for side in [&mut old, &mut new] {
            if let Some(side) = side.as_object_mut() {
                side.remove(LAST_APPLIED_ANNOTATION);
            }
        }
        differences(&format!("metadata.{part}"), Some(&old), Some(&new), &mut fields);
    }
    differences("spec", old.get("spec"), new.get("spec"), &mut fields);
    fields
}

fn differences(field: &str, old: Option<&Value>, new: Option<&Value>, fields: &mut Vec<FieldDiff>) {
    let (old, new) = (old.filter(|value| !value.is_null()), new.filter(|value| !value.is_null()));
    if old == new {
        return;
    }
    let empty = json!({});
    match (old, new) {
        (Some(Value::Array(before)), Some(Value::Array(after))) => {
            for index in 0..before.len().max(after.len()) {
                differences(&format!("{field}[{index}]"), before.get(index), after.get(index), fields);
            }
        }
        (Some(Value::Object(_)) | None, Some(Value::Object(_))) | (Some(Value::Object(_)), None) => {
            let (old, new) = (old.unwrap_or(&empty), new.unwrap_or(&empty));
            let names = old.as_object().into_iter().chain(new.as_object()).flat_map(serde_json::Map::keys);
            let names: std::collections::BTreeSet<_> = names.collect();
            for name in names {
                differences(&format!("{field}.{name}"), old.get(name), new.get(name), fields);
            }
        }
        _ => fields.push(FieldDiff { field: field.to_owned(), old: old.cloned(), new: new.cloned() }),
    }
}

fn render(console: &Console, diffs: &[ObjectDiff], plans: &Plans) -> String {
    let mut text = String::new();
    for diff in diffs {
        let _ = writeln!(text, "{} {}", console.paint(Paint::Strong, &diff.object), diff.change);
        for FieldDiff { field, old, new } in &diff.fields {
            let (paint, line) = match (old, new) {
                (None, Some(new)) => (Paint::Good, format!("  + {field}: {}", short(new))),
                (Some(old), None) => (Paint::Bad, format!("  - {field}: {}", short(old))),
                (old, new) => {
                    let shown = |value: &Option<Value>| value.as_ref().map_or_else(String::new, short);
                    (Paint::Change, format!("  ~ {field}: {} -> {}", shown(old), shown(new)))
                }
            };
            let _ = writeln!(text, "{}", console.paint(paint, &line));
        }
    }
    if diffs.is_empty() {
        return text;
    }
    for image in &plans.images {
        let _ = writeln!(text, "{} {}", console.paint(Paint::Strong, &named("image", image)), word(image, "decision"));
        reasons(&mut text, image);
    }
    for instance in &plans.instances {
        let _ =
            writeln!(text, "{} {}", console.paint(Paint::Strong, &named("instance", instance)), word(instance, "plan"));
        reasons(&mut text, instance);
        for rejected in instance["rejectedPlans"].as_array().into_iter().flatten() {
            let _ = writeln!(text, "  not {}: {}", word(rejected, "plan"), word(rejected, "message"));
        }
        for operation in instance["operations"].as_array().into_iter().flatten() {
            let _ = writeln!(text, "  {} {}", word(operation, "step"), word(operation, "object"));
        }
        if let Some(pending) = instance.get("pendingRepair").filter(|pending| !pending.is_null()) {
            let waits_for: Vec<_> =
                instance["waitsFor"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let _ = writeln!(text, "  {} waits for {}", word(pending, "plan"), waits_for.join(", "));
            reasons(&mut text, pending);
        }
    }
    text
}

fn named(kind: &str, value: &Value) -> String {
    format!("{kind}/{}", word(value, "name"))
}

fn word<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// Reasons are texts, changes of fields, or reasons of an image with such a change.
fn reasons(text: &mut String, of: &Value) {
    for reason in of["reasons"].as_array().into_iter().flatten() {
        let change = if reason["change"].is_object() { &reason["change"] } else { reason };
        let line = match (reason.as_str(), change["field"].as_str()) {
            (Some(reason), _) => reason.to_owned(),
            (None, Some(field)) => {
                let sign = match change["change"].as_str() {
                    Some("Added") => '+',
                    Some("Removed") => '-',
                    _ => '~',
                };
                format!("{sign} {field}")
            }
            (None, None) => reason["reason"].as_str().or(reason["message"].as_str()).unwrap_or_default().to_owned(),
        };
        let _ = writeln!(text, "  {line}");
    }
}

/// A value on one line.
fn short(value: &Value) -> String {
    match value {
        Value::String(text) if !text.contains('\n') => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_file_can_say_is_compared_field_by_field() {
        let old = json!({"metadata": {"uid": "1", "labels": {"a": "1"}, "annotations": {LAST_APPLIED_ANNOTATION: "x"}},
                         "spec": {"workdir": "/w", "mounts": [{"source": "/a"}]}, "status": {"ready": 1}});
        let new = json!({"metadata": {"uid": "2", "annotations": {LAST_APPLIED_ANNOTATION: "y"}},
                         "spec": {"workdir": "/w", "mounts": [{"source": "/b"}, {"source": "/c"}]}});
        let fields = compare(&old, &new);
        let text = render(
            &Console::new(true),
            &[ObjectDiff { object: "o".into(), change: "changed", fields }],
            &Plans::default(),
        );
        assert_eq!(
            text,
            "o changed\n  - metadata.labels.a: 1\n  ~ spec.mounts[0].source: /a -> /b\n  + spec.mounts[1].source: /c\n"
        );
    }
}
