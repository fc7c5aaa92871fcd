//! What the server says about itself: version, groups, resources.

use serde_json::{Value, json};

use crate::registry::{Role, Served};
use crate::server::ApiServer;

/// The newest Kubernetes whose wire behaviour this server follows; clients choose features by it.
const KUBERNETES_MINOR: &str = "33";

/// The document at a path; `None` when there is none.
pub(crate) fn answer(server: &ApiServer, segments: &[&str]) -> Option<Value> {
    match segments {
        ["version"] => Some(version(server)),
        ["api"] => Some(json!({
            "kind": "APIVersions", "apiVersion": "v1", "versions": ["v1"], "serverAddressByClientCIDRs": [],
        })),
        ["api", "v1"] => Some(resources(server, "", "v1")),
        ["apis"] => Some(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups(server)})),
        ["apis", name] => groups(server).into_iter().find(|group| group["name"] == *name).map(|mut group| {
            group["kind"] = "APIGroup".into();
            group["apiVersion"] = "v1".into();
            group
        }),
        ["apis", group, version] => {
            let known = *group == "authorization.k8s.io" && *version == "v1";
            let known = known || server.registry().in_version(group, version).next().is_some();
            known.then(|| resources(server, group, version))
        }
        _ => None,
    }
}

fn version(server: &ApiServer) -> Value {
    let build = server.build();
    json!({
        "major": "1",
        "minor": KUBERNETES_MINOR,
        "gitVersion": format!("v1.{KUBERNETES_MINOR}.0+{}", build.version),
        "gitCommit": build.git,
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "none",
        "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    })
}

fn groups(server: &ApiServer) -> Vec<Value> {
    let mut groups: Vec<Value> = Vec::new();
    let mut pairs = server.registry().group_versions();
    pairs.push(("authorization.k8s.io".to_owned(), "v1".to_owned()));
    for (group, version) in pairs {
        let entry = json!({"groupVersion": format!("{group}/{version}"), "version": version});
        if let Some(known) = groups.iter_mut().find(|known| known["name"] == *group)
            && let Some(versions) = known["versions"].as_array_mut()
        {
            versions.push(entry);
        } else {
            groups.push(json!({"name": group, "versions": [entry], "preferredVersion": entry}));
        }
    }
    groups
}

fn resources(server: &ApiServer, group: &str, version: &str) -> Value {
    let mut list: Vec<Value> =
        server.registry().in_version(group, version).flat_map(|served| entries(served)).collect();
    if group == "authorization.k8s.io" {
        list.push(json!({
            "name": "selfsubjectaccessreviews", "singularName": "selfsubjectaccessreview", "namespaced": false,
            "kind": "SelfSubjectAccessReview", "verbs": ["create"],
        }));
    }
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": list})
}

fn entries(served: &Served) -> Vec<Value> {
    let definition = &served.definition;
    let mut verbs = vec!["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    if served.role == Role::Namespace {
        verbs.retain(|verb| *verb != "deletecollection");
    }
    let mut resource = json!({
        "name": definition.plural,
        "singularName": definition.singular,
        "namespaced": definition.namespaced,
        "kind": definition.kind,
        "verbs": verbs,
    });
    if !definition.short_names.is_empty() {
        resource["shortNames"] = json!(definition.short_names);
    }
    if !definition.categories.is_empty() {
        resource["categories"] = json!(definition.categories);
    }
    let mut list = vec![resource];
    if served.has_status {
        list.push(json!({
            "name": format!("{}/status", definition.plural),
            "singularName": "",
            "namespaced": definition.namespaced,
            "kind": definition.kind,
            "verbs": ["get", "patch", "update"],
        }));
    }
    list
}
