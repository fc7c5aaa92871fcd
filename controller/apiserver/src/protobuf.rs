//! The little of Kubernetes' protobuf that newer clients cannot do without: the name and labels of a new namespace.
//!
//! `kubectl create namespace` sends built-in kinds as protobuf and does not fall back to JSON. The envelope is the magic
//! `k8s\0` and a message with the kind and the object's bytes; all fields needed are length-delimited.

use serde_json::{Map, Value, json};

/// The media type of such a body.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";
const MAGIC: &[u8] = b"k8s\0";

/// The namespace in a body as a JSON object; `None` when it is something else or malformed.
pub(crate) fn namespace(body: &[u8]) -> Option<Value> {
    let envelope = fields(body.strip_prefix(MAGIC)?)?;
    let type_meta = fields(first(&envelope, 1)?)?;
    let (api_version, kind) = (text(&type_meta, 1)?, text(&type_meta, 2)?);
    if (api_version, kind) != ("v1", "Namespace") {
        return None;
    }
    let object = fields(first(&envelope, 2)?)?;
    let metadata = fields(first(&object, 1)?)?;
    let mut sent = json!({"name": text(&metadata, 1).unwrap_or_default()});
    if let Some(prefix) = text(&metadata, 2).filter(|prefix| !prefix.is_empty()) {
        sent["generateName"] = prefix.into();
    }
    for (number, name) in [(11, "labels"), (12, "annotations")] {
        let mut map = Map::new();
        for (_, entry) in metadata.iter().filter(|(field, _)| *field == number) {
            let entry = fields(entry)?;
            map.insert(text(&entry, 1)?.to_owned(), text(&entry, 2).unwrap_or_default().into());
        }
        if !map.is_empty() {
            sent[name] = Value::Object(map);
        }
    }
    Some(json!({"apiVersion": api_version, "kind": kind, "metadata": sent}))
}

type Fields<'a> = Vec<(u64, &'a [u8])>;

fn first<'a>(fields: &Fields<'a>, number: u64) -> Option<&'a [u8]> {
    fields.iter().find(|(field, _)| *field == number).map(|(_, content)| *content)
}

fn text<'a>(fields: &Fields<'a>, number: u64) -> Option<&'a str> {
    std::str::from_utf8(first(fields, number)?).ok()
}

/// The length-delimited fields of a message; numbers are skipped.
fn fields(mut rest: &[u8]) -> Option<Fields<'_>> {
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (tag, after) = varint(rest)?;
        let (number, content, after) = match tag & 7 {
            0 => (None, &after[..0], varint(after)?.1),
            1 => (None, &after[..0], after.get(8..)?),
            2 => {
                let (length, after) = varint(after)?;
                let (content, after) = after.split_at_checked(usize::try_from(length).ok()?)?;
                (Some(tag >> 3), content, after)
            }
            5 => (None, &after[..0], after.get(4..)?),
            _ => return None,
        };
        found.extend(number.map(|number| (number, content)));
        rest = after;
    }
    Some(found)
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f).checked_shl(u32::try_from(index * 7).ok()?)?;
        if byte & 0x80 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![number << 3 | 2, u8::try_from(content.len()).unwrap()];
        bytes.extend(content);
        bytes
    }

    fn body(kind: &[u8]) -> Vec<u8> {
        let label = [field(1, b"a"), field(2, b"b")].concat();
        let metadata = [field(1, b"mine"), field(11, &label), vec![7 << 3, 3]].concat();
        let type_meta = [field(1, b"v1"), field(2, kind)].concat();
        [MAGIC.to_vec(), field(1, &type_meta), field(2, &field(1, &metadata))].concat()
    }

    #[test]
    fn a_namespace_has_its_name_and_labels() {
        let expected = json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "mine", "labels": {"a": "b"}},
        });
        assert_eq!(namespace(&body(b"Namespace")), Some(expected));
    }

    #[test]
    fn other_kinds_and_broken_bodies_are_nothing() {
        assert_eq!(namespace(&body(b"Pod")), None);
        let whole = body(b"Namespace");
        for length in 0..whole.len() {
            assert_eq!(namespace(&whole[..length]), None, "{length}");
        }
        assert_eq!(namespace(&[MAGIC, &[0xff; 20]].concat()), None);
    }
}
