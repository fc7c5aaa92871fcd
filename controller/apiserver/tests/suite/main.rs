//! The API server from the outside: over its router with two toy kinds, and through unmodified kube-rs clients.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod deletion;
mod discovery;
mod events;
mod kube_client;
mod listing;
mod objects;
mod persistence;
mod replay;
mod support;
mod watching;
