//! The Kubernetes API machinery over any set of kinds.
//!
//! An embedder hands in [`KindDefinition`]s (names, schema, columns, an admission function) and a [`Store`]; it gets an
//! [`axum::Router`] that answers as a Kubernetes API server does: discovery, OpenAPI, list, watch, create, update,
//! patch, delete, status, tables, events, namespaces. `kube::Client::new(server.router(), "default")` works unmodified.
//!
//! Flow of a write: the handler parses and checks the request, a job runs on the store's one writer thread over the
//! current objects (patch, admission, metadata, garbage collection), the batch is committed to disk, becomes visible to
//! readers, and is announced to watchers, in the order of its resource versions.
//!
//! Guarantees: a resource version is never used for two contents, also across crashes; a write that changes nothing
//! changes nothing; a watcher sees every change after the version that it asked for, or an `Expired` error.
//!
//! Not here: TLS and authentication (the listener's business), conversion between versions of a kind, server-side apply
//! (answered with 415), and whatever the kinds mean (the embedder's admission function).

#![forbid(unsafe_code)]

mod age;
mod discovery;
mod events;
mod garbage;
mod handlers;
mod kind;
mod metadata;
mod namespaces;
mod openapi;
mod openapi_v2;
mod options;
mod protobuf;
mod registry;
mod representation;
mod router;
mod selector;
mod server;
mod status_error;
mod store;
mod table;

pub use age::{age_of, human_duration};
pub use kind::{
    Admission, BuildInfo, Column, FieldError, FieldErrorReason, FieldValidation, KindDefinition, Operation,
};
pub use server::ApiServer;
pub use status_error::StatusError;
pub use store::{Medium, Store, StoreError};
