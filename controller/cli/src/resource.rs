//! Kinds by the words that people type for them, and `KIND NAME` arguments.

use kube::Api;
use kube::core::{ApiResource, DynamicObject};

use crate::command_error::CommandError;
use crate::text::nearest;

/// A kind of objects that the API serves.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) singular: &'static str,
    pub(crate) short: &'static str,
    pub(crate) is_namespaced: bool,
}

const fn ours(kind: &'static str, plural: &'static str, singular: &'static str, short: &'static str) -> Resource {
    Resource {
        group: jackin_api::GROUP,
        version: jackin_api::VERSION,
        kind,
        plural,
        singular,
        short,
        is_namespaced: true,
    }
}

pub(crate) static ROLE: Resource = ours("Role", "roles", "role", "");
pub(crate) static AGENT: Resource = ours("Agent", "agents", "agent", "");
pub(crate) static WORKSPACE: Resource = ours("Workspace", "workspaces", "workspace", "ws");
pub(crate) static INSTANCE: Resource = ours("Instance", "instances", "instance", "in");
pub(crate) static IMAGE: Resource = ours("Image", "images", "image", "img");
static EVENT: Resource = Resource { group: "", version: "v1", ..ours("Event", "events", "event", "ev") };
static NAMESPACE: Resource =
    Resource { group: "", version: "v1", is_namespaced: false, ..ours("Namespace", "namespaces", "namespace", "ns") };

/// What `all` means, in the order in which it is printed.
static ALL: [&Resource; 5] = [&WORKSPACE, &INSTANCE, &IMAGE, &ROLE, &AGENT];
static KNOWN: [&Resource; 7] = [&WORKSPACE, &INSTANCE, &IMAGE, &ROLE, &AGENT, &EVENT, &NAMESPACE];

impl Resource {
    /// The description that `kube` needs.
    pub(crate) fn api_resource(&self) -> ApiResource {
        let gvk = kube::core::GroupVersionKind::gvk(self.group, self.version, self.kind);
        ApiResource::from_gvk_with_plural(&gvk, self.plural)
    }

    /// The objects of this kind in a namespace.
    pub(crate) fn api(&self, client: kube::Client, namespace: &str) -> Api<DynamicObject> {
        if self.is_namespaced {
            Api::namespaced_with(client, namespace, &self.api_resource())
        } else {
            Api::all_with(client, &self.api_resource())
        }
    }

    /// The address of this kind's list.
    pub(crate) fn path(&self, namespace: Option<&str>) -> String {
        let root = if self.group.is_empty() {
            format!("/api/{}", self.version)
        } else {
            format!("/apis/{}/{}", self.group, self.version)
        };
        match namespace {
            Some(namespace) if self.is_namespaced => format!("{root}/namespaces/{namespace}/{}", self.plural),
            _ => format!("{root}/{}", self.plural),
        }
    }

    /// How output names an object, such as `workspace.jackin.dev/shop`.
    pub(crate) fn label(&self, name: &str) -> String {
        if self.group.is_empty() {
            format!("{}/{name}", self.singular)
        } else {
            format!("{}.{}/{name}", self.singular, self.group)
        }
    }
}

/// The kind that a word means: its plural, singular, kind or short name, also with the group after a dot.
pub(crate) fn find(word: &str) -> Option<&'static Resource> {
    let word = word.to_ascii_lowercase();
    let (word, group) = word.split_once('.').map_or((word.as_str(), None), |(word, group)| (word, Some(group)));
    KNOWN.into_iter().find(|resource| {
        let names = [resource.plural, resource.singular, resource.short];
        let is_group = group
            .is_none_or(|group| group == resource.group || group == format!("{}.{}", resource.version, resource.group));
        !word.is_empty() && names.contains(&word) && is_group
    })
}

fn find_or_explain(word: &str) -> Result<&'static Resource, CommandError> {
    find(word).ok_or_else(|| {
        let error = CommandError::bad_input(format!("unknown kind: `{word}`"));
        let kinds = KNOWN.map(|resource| resource.plural);
        match nearest(word, &kinds) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!("kinds are {}", kinds.join(", "))),
        }
    })
}

/// Objects of one kind: those named, or all where none is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Selected {
    pub(crate) resource: &'static Resource,
    pub(crate) names: Vec<String>,
}

/// What the words `KIND[,KIND] [NAME..]` or `KIND/NAME..` select.
pub(crate) fn select(words: &[String]) -> Result<Vec<Selected>, CommandError> {
    let Some(first) = words.first() else {
        return Err(CommandError::bad_input("no kind is named").hint("name one, as in `instances` or `workspace/shop`"));
    };
    if words.iter().any(|word| word.contains('/')) {
        return select_slashed(words);
    }
    let names = &words[1..];
    let mut selected: Vec<Selected> = Vec::new();
    for word in first.split(',').filter(|word| !word.is_empty()) {
        let resources = if word == "all" || word == "jackin" { ALL.to_vec() } else { vec![find_or_explain(word)?] };
        for resource in resources {
            if !selected.iter().any(|earlier| earlier.resource == resource) {
                selected.push(Selected { resource, names: names.to_vec() });
            }
        }
    }
    if selected.is_empty() {
        return Err(CommandError::bad_input("no kind is named").hint("name one, as in `instances`"));
    }
    if selected.len() > 1 && !names.is_empty() {
        return Err(CommandError::bad_input("names of objects need exactly one kind")
            .hint("write objects of several kinds as `KIND/NAME KIND/NAME`"));
    }
    Ok(selected)
}

fn select_slashed(words: &[String]) -> Result<Vec<Selected>, CommandError> {
    let mut selected: Vec<Selected> = Vec::new();
    for word in words {
        let Some((kind, name)) = word.split_once('/').filter(|(kind, name)| !kind.is_empty() && !name.is_empty())
        else {
            return Err(CommandError::bad_input(format!("`{word}` is not `KIND/NAME`"))
                .hint("where one object is written as `KIND/NAME`, all are"));
        };
        let resource = find_or_explain(kind)?;
        match selected.iter_mut().find(|earlier| earlier.resource == resource) {
            Some(earlier) => earlier.names.push(name.to_owned()),
            None => selected.push(Selected { resource, names: vec![name.to_owned()] }),
        }
    }
    Ok(selected)
}

/// The name in an argument that means an instance: `NAME` or `instance/NAME`.
pub(crate) fn instance_name(word: &str) -> Result<&str, CommandError> {
    match word.split_once('/') {
        None => Ok(word),
        Some((kind, name)) if find(kind) == Some(&INSTANCE) => Ok(name),
        Some(_) => Err(CommandError::bad_input(format!("`{word}` is not an instance"))
            .hint("`jackin get instances` lists those that are there")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn selected(text: &str) -> Vec<(&'static str, Vec<String>)> {
        let selected = select(&words(text)).expect("is a selection");
        selected.into_iter().map(|one| (one.resource.plural, one.names)).collect()
    }

    #[test]
    fn a_kind_is_found_by_every_word_for_it() {
        for word in ["ws", "workspace", "Workspaces", "workspaces.jackin.dev", "workspace.v1alpha1.jackin.dev"] {
            assert_eq!(find(word), Some(&WORKSPACE), "{word}");
        }
        assert_eq!(find(""), None);
        assert_eq!(find("workspaces.example.org"), None);
    }

    #[test]
    fn slashed_objects_of_one_kind_come_together() {
        let expected = vec![("workspaces", words("a b")), ("instances", words("c"))];
        assert_eq!(selected("ws/a in/c workspace/b"), expected);
    }

    #[test]
    fn several_kinds_take_no_names() {
        assert_eq!(selected("ws,in,ws").len(), 2);
        assert!(select(&words("ws,in shop")).is_err());
        assert!(select(&words("ws/shop main")).is_err());
    }
}
