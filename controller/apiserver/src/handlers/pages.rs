//! The snapshots behind `limit` and `continue`: later pages show the list as it was when the first was sent.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::time::{Duration, Instant};
use uuid::Uuid;

use crate::status_error::StatusError;
use crate::store::Object;

/// How long a continue token is good.
const LIFETIME: Duration = Duration::from_secs(300);
/// How many lists can be under way at once; the oldest gives way.
const MAX_SNAPSHOTS: usize = 64;

/// The rest of one list.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) objects: Arc<Vec<Arc<Object>>>,
    pub(crate) resource_version: u64,
    /// What was listed: a token is good for the same list only.
    pub(crate) scope: String,
}

#[derive(Debug, Default)]
pub(crate) struct Pages {
    snapshots: VecDeque<(Uuid, Instant, Snapshot)>,
}

impl Pages {
    /// Keeps a snapshot; the token continues after `offset`.
    pub(crate) fn keep(&mut self, snapshot: Snapshot, offset: usize) -> String {
        self.forget_old();
        if self.snapshots.len() >= MAX_SNAPSHOTS {
            self.snapshots.pop_front();
        }
        let id = Uuid::new_v4();
        self.snapshots.push_back((id, Instant::now(), snapshot));
        token(id, offset)
    }

    /// The snapshot of a token with its id and offset.
    pub(crate) fn find(&mut self, token: &str, scope: &str) -> Result<(Uuid, usize, Snapshot), StatusError> {
        self.forget_old();
        let malformed = || StatusError::bad_request("continue key is not valid");
        let (id, offset) = token.split_once('.').ok_or_else(malformed)?;
        let id = Uuid::try_parse(id).map_err(|_| malformed())?;
        let offset = offset.parse().map_err(|_| malformed())?;
        let (_, _, snapshot) = self.snapshots.iter().find(|(known, ..)| *known == id).ok_or_else(|| {
            StatusError::expired(
                "The provided continue parameter is too old to display a consistent list result. You can start a new \
                 list without the continue parameter.",
            )
        })?;
        if snapshot.scope == scope { Ok((id, offset, snapshot.clone())) } else { Err(malformed()) }
    }

    fn forget_old(&mut self) {
        while self.snapshots.front().is_some_and(|(_, made, _)| made.elapsed() > LIFETIME) {
            self.snapshots.pop_front();
        }
    }
}

pub(crate) fn token(id: Uuid, offset: usize) -> String {
    format!("{}.{offset}", id.simple())
}
