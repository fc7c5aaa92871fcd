//! The query parameters and the delete options of a request.

use http::Uri;
use serde::Deserialize;

use crate::garbage::Propagation;
use crate::kind::FieldValidation;
use crate::status_error::StatusError;

/// Query parameters that the server acts on; others (`fieldManager`, `pretty`) are accepted and ignored.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) label_selector: String,
    pub(crate) field_selector: String,
    pub(crate) limit: Option<usize>,
    pub(crate) continue_token: Option<String>,
    pub(crate) resource_version: Option<u64>,
    pub(crate) exact_version: bool,
    pub(crate) timeout_seconds: Option<u64>,
    pub(crate) watch: bool,
    pub(crate) bookmarks: bool,
    pub(crate) send_initial_events: Option<bool>,
    pub(crate) dry_run: bool,
    pub(crate) field_validation: FieldValidation,
    pub(crate) include_object: IncludeObject,
    pub(crate) propagation: Option<Propagation>,
}

/// What the rows of a table carry beside their cells.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum IncludeObject {
    None,
    #[default]
    Metadata,
    Object,
}

impl Options {
    pub(crate) fn parse(uri: &Uri) -> Result<Self, StatusError> {
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|error| StatusError::bad_request(format!("malformed query: {error}")))?;
        let mut options = Self::default();
        for (name, value) in &pairs.0 {
            options.set(name, value)?;
        }
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), StatusError> {
        match name {
            "labelSelector" => value.clone_into(&mut self.label_selector),
            "fieldSelector" => value.clone_into(&mut self.field_selector),
            "limit" => self.limit = number(name, value)?.filter(|limit| *limit > 0),
            "continue" => self.continue_token = Some(value.to_owned()).filter(|token| !token.is_empty()),
            "resourceVersion" => {
                self.resource_version = if value.is_empty() {
                    None
                } else {
                    Some(value.parse().map_err(|_| bad_value(name, value, "must be a version that this server gave"))?)
                };
            }
            "resourceVersionMatch" => self.exact_version = value == "Exact",
            "timeoutSeconds" => self.timeout_seconds = number(name, value)?,
            "watch" => self.watch = boolean(name, value)?,
            "allowWatchBookmarks" => self.bookmarks = boolean(name, value)?,
            "sendInitialEvents" => self.send_initial_events = Some(boolean(name, value)?),
            "dryRun" => self.dry_run |= dry_run(value)?,
            "fieldValidation" => {
                self.field_validation = match value {
                    "" | "Strict" => FieldValidation::Strict,
                    "Warn" => FieldValidation::Warn,
                    "Ignore" => FieldValidation::Ignore,
                    _ => return Err(bad_value(name, value, "supported values: Ignore, Strict, Warn")),
                };
            }
            "includeObject" => {
                self.include_object = match value {
                    "None" => IncludeObject::None,
                    "" | "Metadata" => IncludeObject::Metadata,
                    "Object" => IncludeObject::Object,
                    _ => return Err(bad_value(name, value, "supported values: Metadata, None, Object")),
                };
            }
            "propagationPolicy" => self.propagation = Some(propagation(value)?),
            "orphanDependents" => {
                self.propagation =
                    Some(if boolean(name, value)? { Propagation::Orphan } else { Propagation::Background });
            }
            _ => {}
        }
        Ok(())
    }
}

/// The body of a deletion; what is absent is taken from the query.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct DeleteOptions {
    preconditions: Option<Preconditions>,
    propagation_policy: Option<String>,
    orphan_dependents: Option<bool>,
    dry_run: Option<Vec<String>>,
}

/// What has to be true of the object for its deletion.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Preconditions {
    pub(crate) uid: Option<String>,
    pub(crate) resource_version: Option<String>,
}

/// A deletion as asked for by query and body together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deletion {
    pub(crate) preconditions: Preconditions,
    pub(crate) propagation: Propagation,
    pub(crate) dry_run: bool,
}

impl Deletion {
    pub(crate) fn parse(options: &Options, body: &[u8]) -> Result<Self, StatusError> {
        let sent: DeleteOptions = if body.is_empty() {
            DeleteOptions::default()
        } else {
            serde_json::from_slice(body)
                .map_err(|error| StatusError::bad_request(format!("malformed delete options: {error}")))?
        };
        let mut wants_dry_run = options.dry_run;
        for value in sent.dry_run.unwrap_or_default() {
            wants_dry_run |= dry_run(&value)?;
        }
        let from_body = match (sent.propagation_policy, sent.orphan_dependents) {
            (Some(policy), _) => Some(propagation(&policy)?),
            (None, Some(true)) => Some(Propagation::Orphan),
            (None, Some(false)) => Some(Propagation::Background),
            (None, None) => None,
        };
        Ok(Self {
            preconditions: sent.preconditions.unwrap_or_default(),
            propagation: from_body.or(options.propagation).unwrap_or_default(),
            dry_run: wants_dry_run,
        })
    }
}

fn dry_run(value: &str) -> Result<bool, StatusError> {
    match value {
        "" => Ok(false),
        "All" => Ok(true),
        _ => Err(bad_value("dryRun", value, "supported values: All")),
    }
}

fn propagation(value: &str) -> Result<Propagation, StatusError> {
    match value {
        "" | "Background" => Ok(Propagation::Background),
        "Foreground" => Ok(Propagation::Foreground),
        "Orphan" => Ok(Propagation::Orphan),
        _ => Err(bad_value("propagationPolicy", value, "supported values: Background, Foreground, Orphan")),
    }
}

fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<Option<T>, StatusError> {
    if value.is_empty() {
        return Ok(None);
    }
    value.parse().map(Some).map_err(|_| bad_value(name, value, "must be a number"))
}

/// As Kubernetes converts booleans in a query: everything but a clear no is a yes.
fn boolean(name: &str, value: &str) -> Result<bool, StatusError> {
    match value {
        "false" | "False" | "0" => Ok(false),
        "" | "true" | "True" | "1" => Ok(true),
        _ => Err(bad_value(name, value, "must be true or false")),
    }
}

fn bad_value(name: &str, value: &str, why: &str) -> StatusError {
    StatusError::bad_request(format!("{name}: Invalid value: {value:?}: {why}"))
}
