use std::convert::Infallible;

use super::*;
use crate::docker::fake::{FailureTime, FakeEngine};
use crate::docker::{EngineErrorCause, Operation};
use jackin_plan::world::Labels;

const VOLUME: &str = "jackin.0123ab.capsule.c0ffee";

fn owner() -> Owner {
    Owner("0123ab4567cd".to_owned())
}

fn volumes(engine: &FakeEngine) -> Volumes {
    Volumes::new(Arc::new(engine.clone()), owner())
}

fn spec() -> VolumeSpec {
    VolumeSpec { name: VOLUME.to_owned(), labels: owner().labels(COMPONENT_CAPSULE), medium: Default::default() }
}

fn content() -> Archive {
    crate::tarball::stream(|tarball| tarball.file("program".into(), 1, true, b"x".as_slice()))
}

async fn fill(volumes: &Volumes) -> Result<(), VolumeError> {
    volumes.ensure_filled(&spec(), async { Ok::<_, Infallible>(content()) }).await
}

fn writes(engine: &FakeEngine) -> Vec<Operation> {
    engine.writes().into_iter().map(|recorded| recorded.operation).collect()
}

#[tokio::test]
async fn a_volume_is_filled_once_however_many_ask() {
    let engine = FakeEngine::new();
    let volumes = volumes(&engine);
    let (one, two, three) = tokio::join!(fill(&volumes), fill(&volumes), fill(&volumes));
    for filled in [one, two, three] {
        filled.unwrap();
    }
    use Operation::{CreateContainer, ImportImage, PutArchive, RemoveContainer};
    assert_eq!(writes(&engine), [ImportImage, CreateContainer, PutArchive, RemoveContainer]);
    assert_eq!(volumes.observe().await.unwrap().programs, BTreeSet::from([VOLUME.to_owned()]));
    assert_eq!(engine.inspect_volume(VOLUME).await.unwrap().unwrap().labels, spec().labels);
}

#[tokio::test]
async fn a_fill_that_broke_off_is_not_ready_and_is_done_again() {
    use FailureTime::{AfterEffect, BeforeEffect};
    let breaks = [
        (Operation::PutArchive, BeforeEffect),
        (Operation::PutArchive, AfterEffect),
        (Operation::RemoveContainer, BeforeEffect),
    ];
    for (operation, time) in breaks {
        let engine = FakeEngine::new();
        engine.fail_next(operation, EngineErrorCause::Refused { status: 500, message: "no".to_owned() }, time);
        fill(&volumes(&engine)).await.unwrap_err();
        assert_eq!(volumes(&engine).observe().await.unwrap().programs, BTreeSet::new(), "{operation:?} {time:?}");
        fill(&volumes(&engine)).await.unwrap();
        assert_eq!(volumes(&engine).observe().await.unwrap().programs.len(), 1);
        assert_eq!(engine.list_containers(&LabelFilter::new()).await.unwrap(), []);
    }
}

#[tokio::test]
async fn content_that_cannot_be_had_leaves_nothing_on_the_engine() {
    let engine = FakeEngine::new();
    let failing = async { Err::<Archive, _>(std::io::Error::other("offline")) };
    let error = volumes(&engine).ensure_filled(&spec(), failing).await.unwrap_err();
    assert!(matches!(error, VolumeError::Content { .. }));
    assert_eq!(writes(&engine), []);
}

#[tokio::test]
async fn a_volume_of_somebody_else_is_left_alone() {
    let engine = FakeEngine::new();
    engine.create_volume(&VolumeSpec { labels: Labels::new(), ..spec() }).await.unwrap();
    engine.clear_operations();
    let error = fill(&volumes(&engine)).await.unwrap_err();
    assert!(matches!(error, VolumeError::Foreign { .. }));
    assert_eq!(writes(&engine), []);
}

#[tokio::test]
async fn a_filler_that_appears_meanwhile_is_another_daemons() {
    let engine = FakeEngine::new();
    let error = volumes(&engine)
        .ensure_filled(&spec(), async {
            let other = volumes(&engine);
            other.create_filler(&spec()).await.map(|_| content())
        })
        .await
        .unwrap_err();
    assert!(matches!(error, VolumeError::InProgress { .. }), "{error}");
    assert_eq!(engine.list_containers(&LabelFilter::new()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_engine_that_cannot_be_reached_leaves_it_unknown() {
    let engine = FakeEngine::new();
    engine.set_unreachable(true);
    assert!(fill(&volumes(&engine)).await.unwrap_err().is_unknown());
    assert!(volumes(&engine).observe().await.unwrap_err().is_unknown());
}
