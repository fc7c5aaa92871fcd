//! The fixture and the model.

mod case;
mod model;
mod texts;

pub(crate) use case::{Case, agent, digest, session};
pub(crate) use model::Model;
pub(crate) use texts::{names, pending, rejections, steps};
