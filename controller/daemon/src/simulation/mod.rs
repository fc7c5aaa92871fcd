//! The real controllers on a simulated world: the engine in memory, capsules and files in memory, virtual time, faults from a seed.
//!
//! # Flow
//! [`simulate`] rolls a script from a seed ([`script`]): edits, requests, hands at the engine, ends of containers, crashes of the
//! controller, an engine that is away. It is played in virtual time against one life of the controller after another
//! ([`daemon`]), while calls fail, dawdle and overtake each other ([`faults`]). [`guard`] looks at every call in its moment. After
//! each phase the faults end, and once nothing changes any more [`properties`] must hold. Last comes one more edit in the quiet,
//! which may not cost more than the model's cheapest sequence ([`price`]).
//!
//! # Guarantees
//! The same seed gives the same transcript: everything runs in one thread, time is the runtime's paused clock, chance comes from
//! the seed, nothing polls in the order of a hash map, each `select!` says which branch comes first, who waits is woken in the order
//! of waiting (a `watch` channel does not keep it), no file is opened.
//!
//! # Assumptions
//! The engine in memory behaves as a real one, which the conformance suite holds it to. Passes, plans, statuses, the API server, its
//! watches and the wakes are the product's own. Two things are not: the store's disk, whose promises [`jackin_apiserver::Medium`]
//! keeps, and kube-runtime's queue ([`queue`] says why).

mod capsules;
mod daemon;
mod faults;
mod files;
mod guard;
mod logs;
mod operator;
mod price;
mod programs;
mod properties;
mod queue;
mod run;
mod script;
mod time;
mod transcript;
mod wish;

pub use run::{Report, simulate};
