//! The recipe's fields on a label: folded where they are too many.
//!
//! Labels travel in the head of a request, which engines bound, and statuses are read by people. The recipe's digest is always
//! that of all fields; the folded fields only serve to say what differs. How fields are read from a source is the daemon's.

use std::collections::{BTreeMap, BTreeSet};

use jackin_api::words::{Change, Digest, DigestMap};

use crate::digest::digest_of;

/// Bytes of JSON that a label of fields may have.
const LABEL_BYTES: usize = 48 * 1024;

/// The fields as a label can carry them: files folded into folders (`files[src/]`) just as far as is needed.
///
/// ```
/// use jackin_api::words::{Digest, DigestMap};
/// let few = DigestMap([("files[src/main.rs]".to_owned(), Digest("sha256:1".to_owned()))].into());
/// assert_eq!(jackin_plan::recipe::fields_for_label(&few), few);
/// ```
pub fn fields_for_label(fields: &DigestMap) -> DigestMap {
    let deepest = fields.0.keys().filter_map(|field| file_of(field)).map(|path| path.matches('/').count()).max();
    let mut folded = fields.clone();
    for depth in (0..=deepest.unwrap_or(0)).rev() {
        if size(&folded) <= LABEL_BYTES {
            return folded;
        }
        folded = fold(fields, |path| Some(folder_at(path, depth)));
    }
    folded
}

/// The fields, with files folded into the folders that `label` has folded.
///
/// The result can be compared with `label` field by field.
pub fn fold_like(fields: &DigestMap, label: &DigestMap) -> DigestMap {
    let folders: BTreeSet<&str> =
        label.0.keys().filter_map(|field| file_of(field)).filter(|path| is_folder(path)).collect();
    if folders.is_empty() {
        return fields.clone();
    }
    fold(fields, |path| {
        if is_folder(path) && folders.contains(path) {
            return None;
        }
        let ends = path.match_indices('/').map(|(at, _)| at + 1);
        let above = std::iter::once("/").chain(ends.map(|end| &path[..end]));
        above.rev().find(|folder| folders.contains(folder))
    })
}

/// All differences between two maps of fields, either of which may be folded.
pub fn changes(before: &DigestMap, now: &DigestMap) -> Vec<Change> {
    fold_like(before, now).changes_to(&fold_like(now, before))
}

fn size(fields: &DigestMap) -> usize {
    fields.0.iter().map(|(field, digest)| field.len() + digest.0.len() + 6).sum()
}

fn file_of(field: &str) -> Option<&str> {
    field.strip_prefix("files[")?.strip_suffix(']')
}

fn is_folder(path: &str) -> bool {
    path.ends_with('/')
}

/// The folder of `path` that has at most `depth` folders above and including it; `/` is the root.
fn folder_at(path: &str, depth: usize) -> &str {
    let end = path.match_indices('/').take(depth).last().map(|(at, _)| at + 1);
    end.map_or("/", |end| &path[..end])
}

fn fold<'a>(fields: &'a DigestMap, folder: impl Fn(&'a str) -> Option<&'a str>) -> DigestMap {
    let mut kept = BTreeMap::new();
    let mut folders: BTreeMap<&str, Vec<(&str, &Digest)>> = BTreeMap::new();
    for (field, digest) in &fields.0 {
        match file_of(field).and_then(|path| Some((path, folder(path)?))) {
            Some((path, folder)) => folders.entry(folder).or_default().push((path, digest)),
            None => drop(kept.insert(field.clone(), digest.clone())),
        }
    }
    let folded = folders.into_iter().map(|(folder, parts)| (format!("files[{folder}]"), digest_of(&parts)));
    kept.extend(folded);
    DigestMap(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many() -> DigestMap {
        let files = (0..2000).map(|number| format!("files[src/part{}/file{number}]", number % 7));
        let fields = files.chain(["dockerfile".to_owned()]);
        DigestMap(fields.map(|field| (field.clone(), digest_of(&field))).collect())
    }

    fn with(mut fields: DigestMap, field: &str) -> DigestMap {
        fields.0.insert(field.to_owned(), digest_of(&"new"));
        fields
    }

    fn texts(changes: &[Change]) -> Vec<String> {
        changes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_large_map_fits_and_still_tells_the_folder_that_changed() {
        let label = fields_for_label(&many());
        assert!(size(&label) <= LABEL_BYTES);
        let new = with(many(), "files[src/part3/new]");
        assert_eq!(texts(&changes(&label, &new)), ["~ files[src/part3/]"]);
        assert_eq!(texts(&changes(&label, &fields_for_label(&new))), ["~ files[src/part3/]"]);
    }

    #[test]
    fn equal_maps_stay_equal_when_folded() {
        let label = fields_for_label(&many());
        assert_eq!(label, fold_like(&many(), &label));
        assert_eq!(changes(&label, &many()), []);
        assert_eq!(changes(&many(), &label), []);
    }

    #[test]
    fn a_small_map_is_not_folded() {
        let fields = DigestMap([("files[a]".to_owned(), digest_of(&"a"))].into());
        assert_eq!(fields_for_label(&fields), fields);
        assert_eq!(fold_like(&fields, &fields), fields);
    }

    #[test]
    fn ten_thousand_files_at_the_root_still_fit() {
        let files = (0..10_000).map(|number| format!("files[file{number}]"));
        let fields = DigestMap(files.map(|field| (field.clone(), digest_of(&field))).collect());
        let label = fields_for_label(&fields);
        assert_eq!(label.0.keys().collect::<Vec<_>>(), ["files[/]"]);
        let new = with(fields, "files[file7]");
        assert_eq!(texts(&changes(&label, &new)), ["~ files[/]"]);
    }
}
