//! How an Agent's file says by what its sessions' state is recognised.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::{self, Place, SessionState};

/// How the state of a session is recognised, beside what its program and its hooks report themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StateRecognition {
    /// `foreground`: idle while the program itself is alone in front of its terminal, working while it runs something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<StateRule>,
    /// Texts that it shows, and what they mean. In each place the first that matches counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<TextRule>,
}

/// Rules by which a session's state is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum StateRule {
    /// By the process group in front of the terminal.
    Foreground,
}

/// A text that a program shows, and the state that it means. Exactly one of `title` and `screen` is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TextRule {
    /// What it means.
    pub state: ShownState,
    /// It is in the window title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<TextMatch>,
    /// It is on the screen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screen: Option<ScreenMatch>,
    /// Where the text is known from: the program, its version, and how it was seen.
    pub source: String,
}

/// States that a text can mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ShownState {
    /// It is doing something.
    #[default]
    Working,
    /// It waits for words from a person; idle while it has not worked yet.
    WaitingForInput,
    /// It waits for a person's consent.
    WaitingForPermission,
    /// It has nothing to do.
    Idle,
    /// It needs a login before it can do anything.
    AuthNeeded,
}

/// What a text must be like. All that is given must hold; one of `startsWith`, `all` and `any` is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TextMatch {
    /// It begins with one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub starts_with: Vec<String>,
    /// It has all of these in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub all: Vec<String>,
    /// It has one of these in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub any: Vec<String>,
    /// It has none of these in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub none: Vec<String>,
}

/// What the screen must be like. All that is given must hold; one of `startsWith`, `all` and `any` is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScreenMatch {
    /// How many rows count, from the last that shows something upwards; all of them when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<u16>,
    /// One of its rows begins with one of these, after the spaces before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub starts_with: Vec<String>,
    /// Each of these is in one of its rows. A row ends at its last character that is no space.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub all: Vec<String>,
    /// One of these is in one of its rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub any: Vec<String>,
    /// None of these is in any of its rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub none: Vec<String>,
}

/// A file that the agent needs in its home.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HomeFile {
    /// Where, under the home. What is in `.jackin/` is jackin's own and follows `content` at each start of a session; any other is
    /// written only where there is none.
    pub path: String,
    /// What it has in it.
    pub content: String,
}

impl StateRecognition {
    /// What a capsule is told of it; nothing where it has no texts.
    #[must_use]
    pub fn to_wire(&self) -> Option<wire::Recognition> {
        let rules: Vec<_> = self.rules.iter().map(TextRule::to_wire).collect();
        (!rules.is_empty()).then_some(wire::Recognition { rules })
    }
}

impl TextRule {
    fn to_wire(&self) -> wire::Rule {
        let state = match self.state {
            ShownState::Working => SessionState::Working,
            ShownState::WaitingForInput => SessionState::WaitingForInput,
            ShownState::WaitingForPermission => SessionState::WaitingForPermission,
            ShownState::Idle => SessionState::Idle,
            ShownState::AuthNeeded => SessionState::AuthNeeded,
        };
        match (&self.title, &self.screen) {
            (Some(TextMatch { starts_with, all, any, none }), _) => wire::Rule {
                state,
                place: Place::Title,
                lines: 0,
                starts_with: starts_with.clone(),
                all: all.clone(),
                any: any.clone(),
                none: none.clone(),
            },
            (None, Some(ScreenMatch { lines, starts_with, all, any, none })) => wire::Rule {
                state,
                place: Place::Screen,
                lines: lines.unwrap_or_default(),
                starts_with: starts_with.clone(),
                all: all.clone(),
                any: any.clone(),
                none: none.clone(),
            },
            (None, None) => wire::Rule { state, ..wire::Rule::default() },
        }
    }
}
