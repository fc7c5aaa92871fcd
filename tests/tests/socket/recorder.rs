//! Events of somebody else's program.

use anyhow::{Context, Result};
use jackin_api::kinds::Role;
use k8s_openapi::api::core::v1::Event as CoreEvent;
use k8s_openapi::api::events::v1::Event as StoredEvent;
use kube::api::{ListParams, PostParams};
use kube::runtime::events::{Event, EventType, Recorder};
use kube::{Api, Resource, ResourceExt};

use super::stage::{Stage, role};

fn tidied() -> Event {
    Event {
        type_: EventType::Warning,
        reason: "Tidied".to_owned(),
        note: Some("nothing is left".to_owned()),
        action: "Tidy".to_owned(),
        secondary: None,
    }
}

#[tokio::test]
async fn an_event_that_comes_again_is_counted_and_both_event_apis_and_the_command_line_show_it() -> Result<()> {
    let stage = Stage::new()?;
    let client = stage.client().await?;
    let roles: Api<Role> = Api::default_namespaced(client.clone());
    let object = roles.create(&PostParams::default(), &role("tools")).await?;
    let recorder = Recorder::new(client.clone(), "test-controller".into());
    for _ in 0..3 {
        recorder.publish(&tidied(), &object.object_ref(&())).await?;
    }

    let events: Api<StoredEvent> = Api::default_namespaced(client.clone());
    let told: Vec<_> = events
        .list(&ListParams::default())
        .await?
        .into_iter()
        .filter(|event| event.reason.as_deref() == Some("Tidied"))
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    let event = &told[0];
    assert_eq!(event.note.as_deref(), Some("nothing is left"));
    assert_eq!(event.type_.as_deref(), Some("Warning"));
    assert_eq!(event.series.as_ref().map(|series| series.count), Some(3));
    let regarding = event.regarding.as_ref().context("an object")?;
    assert_eq!((regarding.kind.as_deref(), regarding.uid.clone()), (Some("Role"), object.uid()));

    let events: Api<CoreEvent> = Api::default_namespaced(client);
    let regarding = format!("involvedObject.kind=Role,involvedObject.name={},reason=Tidied", object.name_any());
    let told = events.list(&ListParams::default().fields(&regarding)).await?.items;
    let told: Vec<_> = told.iter().map(|event| (event.message.as_deref(), event.count)).collect();
    assert_eq!(told, [(Some("nothing is left"), Some(3))]);

    let shown = stage.home.must(&["events"])?;
    assert!(shown.lines().any(|line| line.contains("Tidied") && line.contains("nothing is left")), "{shown}");
    Ok(())
}
