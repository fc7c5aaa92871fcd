//! The words in which jackin explains itself: conditions, reasons, plans, changes.
//!
//! Every word is a value of an enum whose documentation says exactly when it is used. Text for people is made from these; scripts
//! read the values.

mod change;
mod condition;
mod labels;
mod phase;
mod plan;
mod reason;

pub use change::{Change, ChangeKind, Digest, DigestMap};
pub use condition::{Condition, ConditionStatus, ConditionType, Conditions, find, is_true};
pub use labels::*;
pub use phase::Phase;
pub use plan::{ImageDecision, ImageReason, PlanKind, Rejection, RejectionReason};
pub use reason::Reason;
