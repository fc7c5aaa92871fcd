//! Listing objects, whole or in pages of one consistent snapshot.

use std::sync::Arc;

use axum::response::Response;
use serde_json::json;

use super::pages::{self, Snapshot};
use super::{Call, json_response};
use crate::status_error::StatusError;
use crate::store::Object;

pub(crate) fn list(call: &Call) -> Result<Response, StatusError> {
    let limit = call.options.limit.unwrap_or(usize::MAX);
    let scope = scope(call);
    let page = match &call.options.continue_token {
        Some(token) => {
            let mut pages = call.server.pages();
            let (id, offset, snapshot) = pages.find(token, &scope)?;
            let end = offset.saturating_add(limit).min(snapshot.objects.len());
            let next = (end < snapshot.objects.len()).then(|| pages::token(id, end));
            page(&snapshot, offset, end, next)
        }
        None => first_page(call, limit, scope)?,
    };
    let mut metadata = json!({"resourceVersion": page.resource_version.to_string()});
    if let Some(token) = page.continue_token {
        metadata["continue"] = token.into();
        // With a selector Kubernetes does not count what remains.
        if call.options.label_selector.is_empty() && call.options.field_selector.is_empty() {
            metadata["remainingItemCount"] = page.remaining.into();
        }
    }
    let served = &call.target.served;
    let body = call.representation.list(served, &page.objects, metadata, call.options.include_object, call.now);
    Ok(json_response(200, body))
}

struct Page {
    objects: Vec<Arc<Object>>,
    resource_version: u64,
    remaining: usize,
    continue_token: Option<String>,
}

fn page(snapshot: &Snapshot, start: usize, end: usize, continue_token: Option<String>) -> Page {
    Page {
        objects: snapshot.objects.get(start..end).unwrap_or_default().to_vec(),
        resource_version: snapshot.resource_version,
        remaining: snapshot.objects.len() - end,
        continue_token,
    }
}

fn first_page(call: &Call, limit: usize, scope: String) -> Result<Page, StatusError> {
    let selector = call.selector()?;
    let shared = call.server.store().shared();
    let (mut objects, resource_version) = shared.list(&call.target.served.storage, call.target.namespace.as_deref());
    check_version(call, resource_version)?;
    if !selector.is_empty() {
        objects.retain(|object| selector.matches(object));
    }
    let end = limit.min(objects.len());
    let more = end < objects.len();
    let snapshot = Snapshot { objects: Arc::new(objects), resource_version, scope };
    let token = more.then(|| call.server.pages().keep(snapshot.clone(), end));
    Ok(page(&snapshot, 0, end, token))
}

fn check_version(call: &Call, current: u64) -> Result<(), StatusError> {
    match call.options.resource_version {
        Some(wanted) if wanted > current => Err(StatusError::version_too_large(wanted, current)),
        Some(wanted) if call.options.exact_version && wanted != current => Err(StatusError::expired(format!(
            "The resourceVersion for the provided list is too old: {wanted}, current: {current}"
        ))),
        _ => Ok(()),
    }
}

fn scope(call: &Call) -> String {
    let Call { target, options, .. } = call;
    format!(
        "{}\0{}\0{}\0{}",
        target.served.storage,
        target.namespace.as_deref().unwrap_or_default(),
        options.label_selector,
        options.field_selector
    )
}
