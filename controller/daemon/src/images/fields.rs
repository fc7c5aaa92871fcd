//! One digest of a source's fields. How fields are folded for a label is [`jackin_plan::recipe`].

use jackin_api::words::{Digest, DigestMap};

use super::fingerprint::digest_of;

/// One digest of all fields.
pub(super) fn digest_of_fields(fields: &DigestMap) -> Digest {
    let parts: Vec<&[u8]> =
        fields.0.iter().flat_map(|(field, digest)| [field.as_bytes(), digest.0.as_bytes()]).collect();
    digest_of(&parts)
}
