//! The API server with our kinds, as a kube-rs program sees it: what holds against a cluster holds here.
//!
//! In process: the client's service is the server's router. The machinery itself is tested in `jackin-apiserver`, the same over the
//! daemon's socket with the daemon's own tests.

#[path = "api_server/controller.rs"]
mod controller;
#[path = "api_server/machine.rs"]
mod machine;
#[path = "api_server/restart.rs"]
mod restart;
#[path = "api_server/writes.rs"]
mod writes;

use jackin_api::kinds::Instance;
use jackin_daemon::kinds::{builtin_agents, definitions, ensure_builtin};
use kube::api::{ListParams, PostParams};
use kube::{Api, ResourceExt};
use machine::Machine;
use serde_json::{Value, json};

async fn table(client: &kube::Client, plural: &str) -> Value {
    let request = http::Request::get(format!("/apis/jackin.dev/v1alpha1/namespaces/default/{plural}"))
        .header("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json")
        .body(Vec::new())
        .expect("a request");
    client.request(request).await.expect("a table")
}

#[tokio::test]
async fn tables_have_our_columns_and_wide_ones_have_priority_one() {
    let client = Machine::in_memory().client();
    let mut shown = Vec::new();
    for definition in definitions() {
        let table = table(&client, &definition.plural).await;
        let columns = table["columnDefinitions"].as_array().expect("columns").iter();
        let heading = |column: &Value| {
            let mark = if column["priority"] == 0 { "" } else { "*" };
            format!("{}{mark}", column["name"].as_str().unwrap_or_default().to_uppercase())
        };
        shown.push(format!("{}: {}", definition.plural, columns.map(heading).collect::<Vec<_>>().join(" ")));
    }
    let expected = [
        "roles: NAME SOURCE AGENTS READY AGE",
        "agents: NAME INSTALL VERSION READY AGE",
        "workspaces: NAME READY STATUS AGE WORKDIR* ROLES*",
        "instances: NAME PHASE READY PLAN AGENT STATE SESSIONS AGE WORKSPACE* ROLE* CONTAINER* IMAGE* REASON*",
        "images: NAME ROLE DECISION BUILT RECIPE STALE AGE IMAGE*",
    ];
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn rows_show_the_status_and_nothing_that_a_terminal_would_obey() {
    let client = Machine::in_memory().client();
    let instances: Api<Instance> = Api::default_namespaced(client.clone());
    let spec = json!({"workspace": "shop", "template": "main", "role": "tools", "agent": "shell", "workdir": "/work"});
    let mut instance: Instance =
        serde_json::from_value(json!({"metadata": {"name": "shop-main"}, "spec": spec})).expect("an instance");
    instance = instances.create(&PostParams::default(), &instance).await.expect("it is created");
    let cells = |table: &Value| table["rows"][0]["cells"].as_array().expect("cells").clone();
    let fresh = cells(&table(&client, "instances").await);
    assert_eq!(
        fresh[..7],
        [json!("shop-main"), json!("Pending"), json!("Unknown"), json!("-"), json!("shell"), json!("-"), json!(0)]
    );

    let condition = json!({
        "type": "Ready", "status": "True", "reason": "AsDesired", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z",
    });
    let status = json!({
        "phase": "Running", "plan": "CreateFromValidImage", "conditions": [condition],
        "container": {"id": "0123456789abcdef", "name": "c"}, "image": {"id": "sha256:1", "name": "tools:1"},
        "sessions": [
            {"id": "2", "agent": "codex", "state": "Idle"},
            {"id": "1", "agent": "shell", "state": "Working\u{1b}]0;x\u{7}"},
        ],
    });
    instance.status = Some(serde_json::from_value(status).expect("a status"));
    instances.replace_status("shop-main", &PostParams::default(), &instance).await.expect("its status is written");
    let mut running = cells(&table(&client, "instances").await);
    let age = running.remove(7);
    assert!(age.as_str().is_some_and(|age| age.ends_with('s')), "{age}");
    let expected = json!([
        "shop-main",
        "Running",
        "True",
        "CreateFromValidImage",
        "shell",
        "Working]0;x",
        2,
        "shop",
        "tools",
        "0123456789ab",
        "tools:1",
        "AsDesired",
    ]);
    assert_eq!(Value::Array(running), expected);
}

#[tokio::test]
async fn built_in_agents_are_stored_once_and_corrected_when_they_differ() {
    let machine = Machine::in_memory();
    let client = machine.client();
    let agents: Api<jackin_api::kinds::Agent> = Api::namespaced(client.clone(), jackin_api::SYSTEM_NAMESPACE);
    ensure_builtin(client.clone()).await.expect("they are stored");
    let first = agents.list(&ListParams::default()).await.expect("a list");
    let names: Vec<_> = first.iter().map(ResourceExt::name_any).collect();
    assert_eq!(names, builtin_agents().expect("they parse").iter().map(ResourceExt::name_any).collect::<Vec<_>>());

    ensure_builtin(client.clone()).await.expect("they are there");
    let second = agents.list(&ListParams::default()).await.expect("a list");
    assert_eq!(second.metadata.resource_version, first.metadata.resource_version, "something was written");

    let mut edited = agents.get("shell").await.expect("the shell");
    edited.spec.homes = vec![".edited".to_owned()];
    agents.replace("shell", &PostParams::default(), &edited).await.expect("it is edited");
    ensure_builtin(client).await.expect("it is corrected");
    assert_eq!(agents.get("shell").await.expect("the shell").spec.homes, Vec::<String>::new());
}
