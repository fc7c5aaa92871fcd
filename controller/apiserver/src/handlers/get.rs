//! Reading one object.

use axum::response::Response;

use super::Call;
use crate::status_error::StatusError;

pub(crate) fn get(call: &Call) -> Result<Response, StatusError> {
    let object = call.server.store().shared().get(&call.key()).ok_or_else(|| call.not_found())?;
    Ok(call.object_response(200, &object))
}
