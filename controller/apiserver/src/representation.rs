//! Which shape of an answer a client wants: the objects, a table, or their metadata; and how a list is put together.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use http::HeaderMap;
use http::header::ACCEPT;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::options::IncludeObject;
use crate::registry::Served;
use crate::status_error::StatusError;
use crate::store::Object;
use crate::table;

/// The shape that was negotiated.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Representation {
    Object,
    /// With the version of `meta.k8s.io` that was asked for.
    Table(String),
    Metadata,
}

impl Representation {
    /// The first acceptable media type decides; quality values are not read.
    pub(crate) fn negotiate(headers: &HeaderMap) -> Result<Self, StatusError> {
        let accepted: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
        let accepted = accepted.join(",");
        if accepted.trim().is_empty() {
            return Ok(Self::Object);
        }
        accepted.split(',').find_map(Self::of_media_type).ok_or_else(StatusError::not_acceptable)
    }

    fn of_media_type(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        if !matches!(parts.next()?, "application/json" | "application/*" | "*/*") {
            return None;
        }
        let (mut wanted, mut group, mut version) = ("", "meta.k8s.io", "v1");
        for (name, value) in parts.filter_map(|parameter| parameter.split_once('=')) {
            match name.trim() {
                "as" => wanted = value.trim(),
                "g" => group = value.trim(),
                "v" => version = value.trim(),
                _ => {}
            }
        }
        match (wanted, group, version) {
            ("", ..) => Some(Self::Object),
            ("Table", "meta.k8s.io", "v1" | "v1beta1") => Some(Self::Table(version.to_owned())),
            ("PartialObjectMetadata" | "PartialObjectMetadataList", "meta.k8s.io", "v1" | "v1beta1") => {
                Some(Self::Metadata)
            }
            _ => None,
        }
    }

    /// One object in this shape.
    pub(crate) fn object(&self, served: &Served, object: &Object, include: IncludeObject, now: Timestamp) -> Bytes {
        self.event_object(served, object, include, now, true)
    }

    /// One object in this shape; in a watch only the first table has column definitions.
    pub(crate) fn event_object(
        &self,
        served: &Served,
        object: &Object,
        include: IncludeObject,
        now: Timestamp,
        with_columns: bool,
    ) -> Bytes {
        match self {
            Self::Object => served.bytes(object),
            Self::Table(version) => {
                let value = served.value(object);
                let metadata = json!({"resourceVersion": value["metadata"]["resourceVersion"]});
                let table = table::table(served, &[value], metadata, version, include, with_columns, now);
                Bytes::from(table.to_string())
            }
            Self::Metadata => Bytes::from(partial(&served.value(object)).to_string()),
        }
    }

    /// A list in this shape; in the plain shape the stored bytes are put together without parsing them.
    pub(crate) fn list(
        &self,
        served: &Served,
        objects: &[Arc<Object>],
        metadata: Value,
        include: IncludeObject,
        now: Timestamp,
    ) -> Bytes {
        match self {
            Self::Object => {
                let kind = format!("{}List", served.definition.kind);
                join(&kind, &served.api_version(), &metadata, objects.iter().map(|object| served.bytes(object)))
            }
            Self::Table(version) => {
                let values: Vec<Value> = objects.iter().map(|object| served.value(object)).collect();
                Bytes::from(table::table(served, &values, metadata, version, include, true, now).to_string())
            }
            Self::Metadata => {
                let partials = objects.iter().map(|object| Bytes::from(partial(&served.value(object)).to_string()));
                join("PartialObjectMetadataList", "meta.k8s.io/v1", &metadata, partials)
            }
        }
    }
}

/// Only the metadata of an object.
pub(crate) fn partial(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

fn join(kind: &str, api_version: &str, metadata: &Value, items: impl Iterator<Item = Bytes>) -> Bytes {
    let mut out = BytesMut::with_capacity(4096);
    out.put_slice(
        format!("{{\"kind\":{},\"apiVersion\":{},\"metadata\":{metadata},\"items\":[", json!(kind), json!(api_version))
            .as_bytes(),
    );
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.put_u8(b',');
        }
        out.put_slice(&item);
    }
    out.put_slice(b"]}");
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn negotiate(accept: &str) -> Result<Representation, StatusError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().unwrap());
        Representation::negotiate(&headers)
    }

    #[test]
    fn parameters_of_a_media_type_come_in_any_order() {
        let table = Representation::Table("v1".to_owned());
        assert_eq!(negotiate("application/json;as=Table;v=v1;g=meta.k8s.io, application/json"), Ok(table.clone()));
        assert_eq!(negotiate("application/json; g=meta.k8s.io; as=Table; v=v1"), Ok(table));
    }

    #[test]
    fn an_unknown_shape_is_skipped() {
        let discovery = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
        assert_eq!(negotiate(discovery), Ok(Representation::Object));
        assert_eq!(negotiate("application/vnd.kubernetes.protobuf,*/*"), Ok(Representation::Object));
    }

    #[test]
    fn nothing_acceptable_is_406() {
        assert_eq!(negotiate("application/yaml").unwrap_err().code, 406);
    }
}
