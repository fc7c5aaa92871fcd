//! Plugins of a role: marketplaces, and what is taken of them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::GitSource;

/// The plugins of one agent. They are content of the image, materialised once however often it is started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RolePlugins {
    /// Where plugins come from: folders with a `.claude-plugin/marketplace.json`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marketplaces: Vec<Marketplace>,
    /// What is taken of them: `PLUGIN@MARKETPLACE`, by the name that the marketplace gives itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<PluginId>,
}

/// Where a marketplace lies. Exactly one field is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Marketplace {
    /// A folder of the role's source, by path relative to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// A git repository. Nothing is fetched from it before it is trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<GitSource>,
}

impl fmt::Display for Marketplace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.git.as_ref().map(|git| git.url.as_str());
        formatter.write_str(self.path.as_deref().or(url).unwrap_or("nowhere"))
    }
}

/// A plugin by its name and that of its marketplace, written `PLUGIN@MARKETPLACE`.
///
/// ```
/// use jackin_api::kinds::PluginId;
/// let id: PluginId = "formatter@acme".parse().unwrap();
/// assert_eq!((id.name.as_str(), id.marketplace.as_str()), ("formatter", "acme"));
/// assert!("formatter".parse::<PluginId>().is_err() && "../x@acme".parse::<PluginId>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PluginId {
    /// Its name in the marketplace.
    pub name: String,
    /// The marketplace's name.
    pub marketplace: String,
}

/// A text that is no [`PluginId`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a plugin: `{text}`; write it as in `formatter@acme`, with letters, digits, `.`, `_` and `-`")]
pub struct NoPluginId {
    text: String,
}

impl std::str::FromStr for PluginId {
    type Err = NoPluginId;

    fn from_str(text: &str) -> Result<Self, NoPluginId> {
        let is_name = |part: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            part.len() <= 128
                && part.bytes().all(plain)
                && part.starts_with(|first: char| first.is_ascii_alphanumeric())
        };
        match text.split_once('@') {
            Some((name, marketplace)) if is_name(name) && is_name(marketplace) => {
                Ok(Self { name: name.to_owned(), marketplace: marketplace.to_owned() })
            }
            _ => Err(NoPluginId { text: text.to_owned() }),
        }
    }
}

impl fmt::Display for PluginId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, marketplace } = self;
        write!(formatter, "{name}@{marketplace}")
    }
}

impl Serialize for PluginId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PluginId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for PluginId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PluginId".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let part = "[A-Za-z0-9][A-Za-z0-9._-]{0,127}";
        schemars::json_schema!({"type": "string", "pattern": format!("^{part}@{part}$")})
    }
}
