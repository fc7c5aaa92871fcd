//! The recipe's fields on a label: folded where they are too many.
//!
//! Labels travel in the head of a request, which engines bound. The recipe's digest, on a label of its own, is always that of
//! all fields; the folded fields only serve to say what differs.

use std::collections::{BTreeMap, BTreeSet};

use jackin_api::words::{Digest, DigestMap};

use super::fingerprint::digest_of;

/// Bytes of JSON that a label of fields may have.
const LABEL_BYTES: usize = 48 * 1024;

/// The fields as a label can carry them: files folded into folders (`files[src/]`) just as far as is needed.
pub fn fields_for_label(fields: &DigestMap) -> DigestMap {
    let deepest = fields
        .0
        .keys()
        .filter_map(|field| file_of(field))
        .map(|path| path.matches('/').count())
        .max();
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
    let folders: BTreeSet<&str> = label
        .0
        .keys()
        .filter_map(|field| file_of(field))
        .filter(|path| path.ends_with('/'))
        .collect();
    if folders.is_empty() {
        return fields.clone();
    }
    fold(fields, |path| {
        let ends = path.match_indices('/').map(|(at, _)| at + 1);
        let above = std::iter::once("/").chain(ends.map(|end| &path[..end]));
        above.rev().find(|folder| folders.contains(folder))
    })
}

fn size(fields: &DigestMap) -> usize {
    fields
        .0
        .iter()
        .map(|(field, digest)| field.len() + digest.0.len() + 6)
        .sum()
}

fn file_of(field: &str) -> Option<&str> {
    field.strip_prefix("files[")?.strip_suffix(']')
}

/// The folder of `path` that has at most `depth` folders above and including it; `/` is the root.
fn folder_at(path: &str, depth: usize) -> &str {
    let end = path.match_indices('/').take(depth).last().map(|(at, _)| at + 1);
    end.map_or("/", |end| &path[..end])
}

fn fold<'a>(fields: &'a DigestMap, folder: impl Fn(&'a str) -> Option<&'a str>) -> DigestMap {
    let mut kept = BTreeMap::new();
    let mut folders: BTreeMap<&str, Vec<&[u8]>> = BTreeMap::new();
    for (field, digest) in &fields.0 {
        match file_of(field).and_then(|path| Some((path, folder(path)?))) {
            Some((path, folder)) => folders
                .entry(folder)
                .or_default()
                .extend([path.as_bytes(), digest.0.as_bytes()]),
            None => drop(kept.insert(field.clone(), digest.clone())),
        }
    }
    let folded = folders
        .into_iter()
        .map(|(folder, parts)| (format!("files[{folder}]"), digest_of(&parts)));
    kept.extend(folded);
    DigestMap(kept)
}

/// One digest of all fields.
pub(super) fn digest_of_fields(fields: &DigestMap) -> Digest {
    let parts: Vec<&[u8]> = fields
        .0
        .iter()
        .flat_map(|(field, digest)| [field.as_bytes(), digest.0.as_bytes()])
        .collect();
    digest_of(&parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::fingerprint::sha256;

    fn many() -> DigestMap {
        let files = (0..2000).map(|number| format!("files[src/part{}/file{number}]", number % 7));
        let fields = files.chain(["dockerfile".to_owned()]);
        DigestMap(fields.map(|field| (field.clone(), sha256(field))).collect())
    }

    #[test]
    fn a_large_map_fits_and_still_tells_the_folder_that_changed() {
        let old = many();
        let label = fields_for_label(&old);
        assert!(size(&label) <= LABEL_BYTES);
        let mut new = old.clone();
        new.0.insert("files[src/part3/new]".to_owned(), sha256("new"));
        let changes = label.changes_to(&fold_like(&new, &label));
        let changes: Vec<_> = changes.iter().map(ToString::to_string).collect();
        assert_eq!(changes, ["~ files[src/part3/]"]);
    }

    #[test]
    fn equal_maps_stay_equal_when_folded() {
        let label = fields_for_label(&many());
        assert_eq!(label, fold_like(&many(), &label));
    }

    #[test]
    fn a_small_map_is_not_folded() {
        let fields = DigestMap([("files[a]".to_owned(), sha256("a"))].into());
        assert_eq!(fields_for_label(&fields), fields);
        assert_eq!(fold_like(&fields, &fields), fields);
    }
}
