//! What is told of an Image beyond what every kind has: what was decided and why, what went into it, and who uses it.

use std::fmt::Write as _;

use jackin_api::kinds::{Image, Instance, RegistryLook};
use jackin_api::words::DigestMap;
use kube::ResourceExt;

use super::{field, section, short, table, timings};

/// Copied files that are listed; a context may have thousands.
const FILES: usize = 20;

pub(super) fn describe(text: &mut String, image: &Image, instances: &[Instance]) {
    let Some(status) = &image.status else { return };
    if let Some(decision) = &status.decision {
        field(text, "Decision", &decision.to_string());
    }
    if !status.reasons.is_empty() {
        section(text, "Reasons");
        for reason in &status.reasons {
            let change = reason.change.as_ref().map_or_else(String::new, |change| format!(": {change}"));
            let _ = writeln!(text, "  {}{change}", reason.reason);
        }
    }
    if let Some(image) = &status.image {
        field(text, "Image", &format!("{} ({})", image.name, short(&image.id)));
    }
    if let Some(commit) = &status.source_commit {
        field(text, "Commit", commit);
    }
    for (name, digest) in [("Recipe", &status.recipe), ("Built from", &status.image_recipe)] {
        if let Some(digest) = digest {
            field(text, name, digest.short());
        }
    }
    registry(text, &status.registry);
    inputs(text, &status.image_fields);
    if !status.steps.is_empty() {
        section(text, "Build");
        timings(text, &status.steps);
    }
    if let Some(retry) = &status.retry {
        field(text, "Retry", &format!("after {} failures, at {}", retry.failures, retry.after));
    }
    users(text, image, instances);
}

/// What registries last said.
fn registry(text: &mut String, looks: &[RegistryLook]) {
    if looks.is_empty() {
        return;
    }
    section(text, "Registry");
    let said = |look: &RegistryLook| match (&look.digest, &look.trouble) {
        (_, Some(trouble)) => trouble.clone(),
        (Some(digest), None) => short(digest).to_owned(),
        (None, None) => "not there".to_owned(),
    };
    let row = |look: &RegistryLook| vec![look.reference.clone(), look.checked_at.to_string(), said(look)];
    table(text, &looks.iter().map(row).collect::<Vec<_>>());
}

/// What the image that serves was made from.
fn inputs(text: &mut String, fields: &DigestMap) {
    if fields.0.is_empty() {
        return;
    }
    section(text, "Inputs");
    let (files, others): (Vec<_>, Vec<_>) = fields.0.iter().partition(|(name, _)| name.starts_with("files["));
    let shown = others.iter().chain(files.iter().take(FILES));
    table(text, &shown.map(|(name, digest)| vec![(*name).clone(), digest.short().to_owned()]).collect::<Vec<_>>());
    if let Some(more) = files.len().checked_sub(FILES).filter(|more| *more > 0) {
        let _ = writeln!(text, "  and {more} more files (`-o json` of `jackin get image` has all)");
    }
}

/// The instances of the image's role, and whether each runs on the image that serves.
fn users(text: &mut String, image: &Image, instances: &[Instance]) {
    let of_role = instances.iter().filter(|instance| instance.spec.role == image.spec.role);
    let serving = image.status.as_ref().and_then(|status| status.image.as_ref());
    let rows: Vec<_> = of_role
        .map(|instance| {
            let status = instance.status.as_ref();
            let phase = status.map_or_else(|| "Pending".to_owned(), |status| status.phase.to_string());
            let on = match (status.and_then(|status| status.image.as_ref()), serving) {
                (Some(on), Some(serving)) if on.id == serving.id => "this image".to_owned(),
                (Some(on), _) => format!("an older one ({})", short(&on.id)),
                (None, _) => "<none>".to_owned(),
            };
            vec![instance.name_any(), phase, on]
        })
        .collect();
    if rows.is_empty() {
        field(text, "Used by", "<none>");
        return;
    }
    section(text, "Used by");
    table(text, &rows);
}
