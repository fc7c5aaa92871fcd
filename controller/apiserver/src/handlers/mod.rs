//! One module per verb; what they share is here.

pub(crate) mod admission;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod pages;
pub(crate) mod patch;
pub(crate) mod update;
pub(crate) mod watch;

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use jiff::Timestamp;
use serde_json::Value;

use crate::options::Options;
use crate::registry::Served;
use crate::representation::Representation;
use crate::selector::Selector;
use crate::server::ApiServer;
use crate::status_error::StatusError;
use crate::store::{Key, Object};

/// What a URL points at.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) served: Arc<Served>,
    /// Absent for objects of the whole cluster, and for lists over all namespaces.
    pub(crate) namespace: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<Subresource>,
}

/// A part of an object with a path of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Subresource {
    Status,
}

/// A request with everything but its body.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) server: ApiServer,
    pub(crate) target: Target,
    pub(crate) options: Options,
    pub(crate) representation: Representation,
    pub(crate) now: Timestamp,
}

impl Call {
    pub(crate) fn namespace(&self) -> &str {
        self.target.namespace.as_deref().unwrap_or_default()
    }

    pub(crate) fn name(&self) -> &str {
        self.target.name.as_deref().unwrap_or_default()
    }

    pub(crate) fn key(&self) -> Key {
        Key::new(&self.target.served.storage, self.namespace(), self.name())
    }

    pub(crate) fn not_found(&self) -> StatusError {
        StatusError::not_found(&self.target.served, self.name())
    }

    /// What a list or a watch asks for; a name in the URL of a watch is a selector by name.
    pub(crate) fn selector(&self) -> Result<Selector, StatusError> {
        let mut fields = self.options.field_selector.clone();
        if let Some(name) = &self.target.name {
            fields = format!("metadata.name={name},{fields}");
        }
        Selector::parse(&self.options.label_selector, &fields, &self.target.served)
    }

    pub(crate) fn object_response(&self, code: u16, object: &Object) -> Response {
        let served = &self.target.served;
        json_response(code, self.representation.object(served, object, self.options.include_object, self.now))
    }
}

/// Parses a body that has to be JSON.
pub(crate) fn parse(body: &[u8]) -> Result<Value, StatusError> {
    serde_json::from_slice(body)
        .map_err(|error| StatusError::bad_request(format!("the body of the request is not JSON: {error}")))
}

pub(crate) fn json_response(code: u16, body: Bytes) -> Response {
    response(code, "application/json", Body::from(body))
}

pub(crate) fn response(code: u16, content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = http::StatusCode::from_u16(code).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
