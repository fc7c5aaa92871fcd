//! Digests of values: canonical JSON (RFC 8785), then SHA-256, in the engine's notation.

use jackin_api::kinds::{Role, RoleSpec};
use jackin_api::words::{Digest, DigestMap};
use kube::ResourceExt;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// Digest of a value. Equal values have equal digests, whatever the order of their keys.
///
/// ```
/// use jackin_plan::digest::digest_of;
/// assert_eq!(digest_of(&[1, 2]), digest_of(&vec![1, 2]));
/// ```
pub fn digest_of<T: Serialize>(value: &T) -> Digest {
    // Only values of our own types come here, and all of them are serialisable: no map with keys that are no strings, no NaN.
    digest_of_bytes(&serde_json_canonicalizer::to_vec(value).unwrap_or_default())
}

/// Digest of bytes.
pub fn digest_of_bytes(bytes: &[u8]) -> Digest {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(bytes) {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    Digest(text)
}

/// Digest of a map of digests.
pub fn digest_of_map(map: &DigestMap) -> Digest {
    digest_of(map)
}

/// Revision of what a role's image is made from: the source and its content, and nothing that only containers see.
pub fn image_revision(role: &Role) -> String {
    let source = role.annotations().get(jackin_api::SOURCE_DIGEST_ANNOTATION);
    let RoleSpec { source: from, build, published_image, pull_policy, hooks, plugins, .. } = &role.spec;
    digest_of(&(from, build, published_image, pull_policy, hooks, plugins, source)).short().to_owned()
}

/// Revision of a role: its spec, and the content of its source as `jackin apply` saw it.
pub fn role_revision(role: &Role) -> String {
    #[derive(Serialize)]
    struct Revision<'a> {
        spec: &'a RoleSpec,
        source: Option<&'a String>,
    }
    let source = role.annotations().get(jackin_api::SOURCE_DIGEST_ANNOTATION);
    digest_of(&Revision { spec: &role.spec, source }).short().to_owned()
}
