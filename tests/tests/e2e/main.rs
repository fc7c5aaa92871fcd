//! The rules of convergence, played with the built `jackin` on the real engine.
//!
//! Each test has a home of its own and so an owner id of its own; it sees and sweeps only that owner's objects. What a person does
//! beside jackin is done with the `docker` command. Rules that need no engine are tested where they are decided, in `plan`.

mod stage;

mod agents;
mod builds;
mod commands;
mod contexts;
mod convergence;
mod crash;
mod deletion;
mod drift;
mod engine;
mod examples;
mod failures;
mod homes;
mod hooks;
mod hostile;
mod idempotence;
mod images;
mod lifecycle;
mod live;
mod logins;
mod model;
mod networks;
mod ownership;
mod plugins;
mod pruning;
mod published;
mod recipes;
mod recognition;
mod repositories;
mod secrets;
mod sessions;
mod sidecar;
mod strangers;
mod unknown;
mod waiting;
