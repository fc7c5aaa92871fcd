//! A program of somebody else's on the daemon's socket: with kube-rs it does what it does against a cluster.
//!
//! The daemon is the real process on a home of its own, its controllers at work beside the test. Objects here need nothing of an
//! engine. What the API machinery does in detail is tested in process: the machinery in `jackin-apiserver`, our kinds on it in
//! `api_server.rs`.

#[path = "socket/controller.rs"]
mod controller;
#[path = "socket/kinds.rs"]
mod kinds;
#[path = "socket/objects.rs"]
mod objects;
#[path = "socket/recorder.rs"]
mod recorder;
#[path = "socket/refusals.rs"]
mod refusals;
#[path = "socket/stage.rs"]
mod stage;
#[path = "socket/watching.rs"]
mod watching;
