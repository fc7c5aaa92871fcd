//! What failed, how often, and when it is tried again.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Failures since the last success.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Retry {
    /// How many.
    pub failures: u32,
    /// When the next try is due, in RFC 3339.
    #[schemars(with = "String")]
    pub after: Timestamp,
    /// Generation that failed; another one is tried at once.
    pub generation: i64,
    /// When the first of them was, in RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
    /// How many of them were ends of its container, or starts that did not come to anything.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ends: u32,
    /// How its container last ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_exit: Option<LastExit>,
}

/// Repairs in a row, none of which lasted for a minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Repeated {
    /// How many.
    pub repairs: u32,
    /// When the last of them was, in RFC 3339.
    #[schemars(with = "String")]
    pub last: Timestamp,
    /// When the next one is due, in RFC 3339.
    #[schemars(with = "String")]
    pub after: Timestamp,
    /// Generation that the last of them was for.
    pub generation: i64,
}

/// How a container ended, kept for as long as its next start is in question.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastExit {
    /// Exit code of PID 1; 128 and the signal's number after a signal.
    pub code: i64,
    /// Whether the kernel killed one of its processes for want of memory.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub out_of_memory: bool,
    /// When it ended, in RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub at: Option<Timestamp>,
    /// The last lines that it printed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
}

/// Tries to read the engine that failed since one succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unread {
    /// How many.
    pub tries: u32,
    /// When the first of them was, in RFC 3339.
    #[schemars(with = "String")]
    pub since: Timestamp,
    /// When the next is due, in RFC 3339.
    #[schemars(with = "String")]
    pub after: Timestamp,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}
