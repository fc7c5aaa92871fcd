//! The operator's terminal: the real `jackin attach` and `jackin exec`, driven through tmux, on a real engine.
//!
//! tmux is the judge of what is on the screen: it interprets what the client writes and shows cells and colours. The screen model
//! itself and the capsule's sessions have tests of their own beside the capsule.

#[path = "terminal/agents.rs"]
mod agents;
#[path = "terminal/attaching.rs"]
mod attaching;
#[path = "terminal/commands.rs"]
mod commands;
#[path = "terminal/desk.rs"]
mod desk;
#[path = "terminal/ending.rs"]
mod ending;
#[path = "terminal/leaving.rs"]
mod leaving;
#[path = "terminal/logging.rs"]
mod logging;
#[path = "terminal/programs.rs"]
mod programs;
#[path = "terminal/recording.rs"]
mod recording;
#[path = "terminal/sending.rs"]
mod sending;
#[path = "terminal/sessions.rs"]
mod sessions;
#[path = "terminal/viewers.rs"]
mod viewers;
#[path = "terminal/ways.rs"]
mod ways;
#[path = "terminal/window.rs"]
mod window;
