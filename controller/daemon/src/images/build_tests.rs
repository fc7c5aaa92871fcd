use std::sync::Arc;

use super::*;
use crate::docker::fake::FakeEngine;
use crate::docker::{EngineErrorCause, Operation};
use crate::images::{Builds, observe_source};
use jackin_api::kinds::{Hooks, Role};
use jackin_api::words::{COMPONENT, RECIPE, RECIPE_FIELDS};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new(dockerfile: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("Dockerfile", dockerfile);
        folder
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.0.path().join(name), content).unwrap();
    }

    fn role(&self) -> Role {
        let mut role = Role::default();
        role.spec.source.path = Some(self.0.path().to_str().unwrap().to_owned());
        role
    }

    fn inputs(&self) -> BuildInputs {
        Self::inputs_of(&self.role())
    }

    fn inputs_of(role: &Role) -> BuildInputs {
        let source = observe_source(role).unwrap();
        let fields = source.fields.clone();
        BuildInputs {
            owner: Owner("0123ab4567cd".to_owned()),
            namespace: "default".to_owned(),
            role: "tools".to_owned(),
            recipe: source.content(),
            source,
            fields,
            no_cache: false,
            references: crate::secrets::Policy::from_environment(),
        }
    }
}

fn engine() -> FakeEngine {
    let engine = FakeEngine::new();
    engine.seed_image("tiny:1", &Labels::new());
    engine
}

fn builds(engine: &FakeEngine) -> usize {
    engine.operations().iter().filter(|recorded| recorded.operation == Operation::BuildImage).count()
}

#[tokio::test]
async fn the_image_bears_its_recipe_and_tells_its_steps() {
    let (engine, folder) = (engine(), Folder::new("FROM tiny:1\nRUN true\n"));
    let inputs = folder.inputs();
    let builds = Builds::new(Arc::new(engine.clone()), 1);
    let mut heard = 0;
    let built = builds.build(inputs.clone(), |_| heard += 1).await.unwrap();
    assert!(built.steps.iter().any(|step| step.instruction.contains("RUN true")), "{:?}", built.steps);
    assert!(heard >= built.steps.len());
    assert!(!built.steps.iter().any(|step| step.instruction.contains("LABEL")), "{:?}", built.steps);
    let image = engine.inspect_image(&built.name).await.unwrap().unwrap();
    assert_eq!(image.labels[RECIPE], inputs.recipe.0);
    let fields: DigestMap = serde_json::from_str(&image.labels[RECIPE_FIELDS]).unwrap();
    assert_eq!(fields, inputs.fields);
    assert_eq!(built.changes, []);
}

#[tokio::test]
async fn hooks_are_put_on_top_of_an_image_that_has_no_name() {
    let (engine, folder) = (engine(), Folder::new("FROM tiny:1\nRUN true\n"));
    folder.write("check.sh", "exit 0");
    let mut role = folder.role();
    role.spec.hooks = Some(Hooks { preflight: Some("check.sh".to_owned()), ..Hooks::default() });
    let inputs = Folder::inputs_of(&role);
    let built = build(&engine, &inputs, |_| {}, CancellationToken::new()).await.unwrap();
    assert_eq!(builds(&engine), 2);
    let steps: Vec<_> = built.steps.iter().map(|step| step.instruction.as_str()).collect();
    assert!(steps.contains(&"RUN true") && steps.contains(&"COPY jackin/hooks/ /jackin/hooks/"), "{steps:?}");
    let image = engine.inspect_image(&built.name).await.unwrap().unwrap();
    assert_eq!(image.labels[RECIPE], inputs.recipe.0);
    assert_eq!(image.labels[COMPONENT], COMPONENT_IMAGE);
}

#[tokio::test]
async fn however_many_want_a_recipe_it_is_built_once() {
    let (engine, folder) = (engine(), Folder::new("FROM tiny:1\n"));
    let builds_of = Builds::new(Arc::new(engine.clone()), 2);
    let want = || builds_of.build(folder.inputs(), |_| {});
    let (one, two, three) = tokio::join!(want(), want(), want());
    assert_eq!((one.unwrap().id.clone(), two.unwrap().id.clone()), {
        let id = three.unwrap().id.clone();
        (id.clone(), id)
    });
    assert_eq!(builds(&engine), 1);
    want().await.unwrap();
    assert_eq!(builds(&engine), 2, "a finished build is not kept");
}

#[tokio::test]
async fn a_failed_build_fails_for_all_who_waited() {
    let (engine, folder) = (engine(), Folder::new("FROM tiny:1\nRUN exit 3\n"));
    let builds_of = Builds::new(Arc::new(engine.clone()), 2);
    let want = || builds_of.build(folder.inputs(), |_| {});
    let (one, two) = tokio::join!(want(), want());
    for error in [one.unwrap_err(), two.unwrap_err()] {
        let BuildError::Engine { source, .. } = &*error else { panic!("{error}") };
        assert!(matches!(source.cause, EngineErrorCause::BuildFailed { exit_code: Some(3), .. }));
    }
    assert_eq!(builds(&engine), 1);
}

#[tokio::test]
async fn a_build_goes_on_while_one_wants_it_and_ends_with_the_last() {
    let (engine, folder) = (engine(), Folder::new("FROM tiny:1\nRUN sleep 600\n"));
    let builds_of = Arc::new(Builds::new(Arc::new(engine.clone()), 1));
    let want = || {
        let (builds_of, inputs) = (builds_of.clone(), folder.inputs());
        let (heard, mut hears) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move { builds_of.build(inputs, |item| drop(heard.send(item))).await });
        (task, async move { hears.recv().await.unwrap() })
    };
    let (one, one_hears) = want();
    one_hears.await;
    let (two, _) = want();
    while builds_of.interest(&folder.inputs().recipe) < 2 {
        tokio::task::yield_now().await;
    }
    one.abort();
    assert!(one.await.unwrap_err().is_cancelled());
    assert_eq!(builds_of.running(), [folder.inputs().recipe]);
    two.abort();
    assert!(two.await.unwrap_err().is_cancelled());
    // The only turn becomes free when the build has ended.
    folder.write("Dockerfile", "FROM tiny:1\n");
    let next = builds_of.build(folder.inputs(), |_| {});
    tokio::time::timeout(std::time::Duration::from_secs(20), next).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_was_built_of_a_source_that_changed_meanwhile_is_told_and_gone() {
    let (engine, folder) = (engine(), Folder::new("FROM tiny:1\nCOPY . /all\n"));
    let inputs = folder.inputs();
    let built = build(&engine, &inputs, |_| folder.write("late", "1"), CancellationToken::new()).await.unwrap();
    assert_eq!(built.changes.iter().map(ToString::to_string).collect::<Vec<_>>(), ["+ files[late]"]);
    assert_eq!(engine.inspect_image(&built.id.0).await.unwrap(), None, "it bears the recipe of other files");
}

#[tokio::test]
async fn builds_are_given_up_when_the_controller_ends() {
    let (engine, folder) = (engine(), Folder::new("FROM tiny:1\nRUN sleep 3600\n"));
    let builds_of = Builds::new(Arc::new(engine), 1);
    let (running, later) = tokio::join!(builds_of.build(folder.inputs(), |_| {}), async {
        builds_of.close();
        builds_of.build(folder.inputs(), |_| {}).await
    });
    for outcome in [running, later] {
        let error = outcome.unwrap_err();
        let BuildError::Engine { source, .. } = &*error else { panic!("{error}") };
        assert!(matches!(source.cause, EngineErrorCause::Cancelled), "{source:?}");
    }
}

#[tokio::test]
async fn a_source_that_changed_before_it_was_sent_fails_the_build() {
    let (engine, folder) = (engine(), Folder::new("FROM tiny:1\n"));
    let inputs = folder.inputs();
    folder.write("Dockerfile", "FROM tiny:1\nRUN true\n");
    let error = Builds::new(Arc::new(engine), 1).build(inputs, |_| {}).await.unwrap_err();
    let BuildError::Engine { source, .. } = &*error else { panic!("{error}") };
    assert!(matches!(source.cause, EngineErrorCause::BadArchive { .. }));
}
