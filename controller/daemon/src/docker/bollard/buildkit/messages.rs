//! The messages of BuildKit that we read and write, with the fields of them that we need.
//!
//! Numbers are those of `moby/buildkit`: `api/services/control/control.proto`, `session/secrets/secrets.proto`, `session/auth/auth.proto`, and of gRPC's `health.proto`.

use prost::Message;

/// News of a build: a part of the graph of its steps.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Status {
    #[prost(message, repeated, tag = "1")]
    pub(super) vertexes: Vec<Vertex>,
    #[prost(message, repeated, tag = "3")]
    pub(super) logs: Vec<Log>,
}

/// A step.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Vertex {
    #[prost(string, tag = "1")]
    pub(super) digest: String,
    #[prost(string, tag = "3")]
    pub(super) name: String,
    #[prost(bool, tag = "4")]
    pub(super) cached: bool,
    #[prost(message, optional, tag = "5")]
    pub(super) started: Option<Time>,
    #[prost(message, optional, tag = "6")]
    pub(super) completed: Option<Time>,
    #[prost(string, tag = "7")]
    pub(super) error: String,
}

/// A moment, by the engine's clock.
#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Time {
    #[prost(int64, tag = "1")]
    pub(super) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(super) nanos: i32,
}

/// Output of a step.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Log {
    #[prost(string, tag = "1")]
    pub(super) vertex: String,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) text: Vec<u8>,
}

/// A step asks for a secret.
#[derive(Clone, PartialEq, Message)]
pub(super) struct SecretWanted {
    #[prost(string, tag = "1")]
    pub(super) id: String,
}

/// The secret. It has no `Debug` that prints.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(super) struct SecretGiven {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) value: Vec<u8>,
}

impl std::fmt::Debug for SecretGiven {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SecretGiven(..)")
    }
}

/// A registry asks for a login.
#[derive(Clone, PartialEq, Message)]
pub(super) struct LoginWanted {
    #[prost(string, tag = "1")]
    pub(super) host: String,
}

/// The login: name and password, or a token without a name. It has no `Debug` that prints.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(super) struct LoginGiven {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) secret: String,
}

impl std::fmt::Debug for LoginGiven {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("LoginGiven(..)")
    }
}

/// Whether the session is there.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Health {
    /// 1 where it is.
    #[prost(int32, tag = "1")]
    pub(super) status: i32,
}
