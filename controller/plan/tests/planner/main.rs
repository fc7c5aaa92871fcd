//! What the planner decides, case by case and over everything that can be seen.
//!
//! `support` has the fixture, by chained builders, and a model of the engine that carries out steps. Each other module has the
//! rules of one subject.

mod damping;
mod disruption;
mod everything;
mod exhaustive;
mod hooks;
mod idle;
mod images;
mod interrupted;
mod launches;
mod model;
mod networks;
mod obstacles;
mod projecting;
mod published;
mod resolving;
mod rungs;
mod sidecars;
mod statuses;
mod strays;
mod support;
mod suspended;
mod workspaces;
