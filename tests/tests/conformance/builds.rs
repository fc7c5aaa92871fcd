//! Rules of builds.

crate::rules! {
    a_build_carries_labels_and_tells_its_steps
    the_same_build_again_is_cached_and_gives_the_same_image
    a_failing_build_names_the_instruction_and_leaves_no_container
    a_build_of_a_bad_dockerfile_fails_and_is_not_unknown
    a_cancelled_build_ends_at_once_and_leaves_no_container
    what_a_build_ends_with_is_told_apart_from_what_is_built_on_it
    a_build_by_buildkit_carries_name_and_labels_and_ends_with_a_label
    a_secret_reaches_the_step_that_requires_it_and_one_that_is_not_given_fails_it
    a_build_that_needs_buildkit_is_refused_by_the_classic_builder
    a_failing_build_by_buildkit_names_the_instruction_and_leaves_no_image
    a_cancelled_build_by_buildkit_ends_at_once
}

mod rule {
    use std::time::{Duration, Instant};

    use anyhow::{Context, Result, ensure};
    use jackin_daemon::docker::{BuildMaterial, EngineError};
    use jackin_daemon::docker::{BuildProgress, EngineErrorCause, LabelFilter};
    use jackin_plan::names::is_label_of_ours;
    use jackin_plan::world::{BuildRequest, BuildStep, Builder, ImageId};
    use tokio::sync::mpsc;
    use tokio_util::sync::CancellationToken;

    use crate::stage::{PATIENCE, Stage, TINY, context_of, eventually};

    /// A Dockerfile whose steps no other test has cached, and whose step containers can be told from others'.
    fn dockerfile(stage: &Stage, rest: &str) -> String {
        format!("FROM {TINY}\nLABEL jackin.build={}\n{rest}", stage.owner)
    }

    async fn step_containers(stage: &Stage) -> Result<usize> {
        let filter = LabelFilter::new().with("jackin.build", &stage.owner);
        Ok(stage.engine.list_containers(&filter).await?.len())
    }

    fn steps(told: &[BuildProgress]) -> Vec<&BuildStep> {
        let mut steps = Vec::new();
        for news in told {
            if let BuildProgress::Step(step) = news {
                steps.push(step);
            }
        }
        steps
    }

    pub(super) async fn a_build_carries_labels_and_tells_its_steps(stage: &Stage) -> Result<()> {
        let (built, told) = stage.build("built", &dockerfile(stage, "RUN true\n")).await;
        let id = built?;
        let image = stage.engine.inspect_image(&format!("{}:1", stage.name("built"))).await?.context("no image")?;
        assert_eq!(image.id, id);
        assert_eq!(image.tags, [format!("{}:1", stage.name("built"))]);
        let mut labels = stage.labels();
        labels.insert("jackin.build".into(), stage.owner.clone());
        assert_eq!(image.labels, labels);
        let steps = steps(&told);
        assert_eq!(steps[0].instruction, format!("FROM {TINY}"));
        assert_eq!((steps[2].instruction.as_str(), steps[2].cached), ("RUN true", false));
        ensure!(told.iter().any(|news| matches!(news, BuildProgress::Line(line) if line.contains("RUN true"))));
        Ok(())
    }

    pub(super) async fn what_a_build_ends_with_is_told_apart_from_what_is_built_on_it(stage: &Stage) -> Result<()> {
        let first = stage.build("first", &dockerfile(stage, "RUN true\n")).await.0?;
        let last = stage.engine.last_instruction(&first).await?.context("no history")?;
        ensure!(is_label_of_ours(&last), "{last}");
        let mut request = stage.build_request("second");
        request.labels.clear();
        let context = context_of(&format!("FROM {}:1\nRUN true\n", stage.name("first")));
        let cancel = CancellationToken::new();
        let second = stage.engine.build_image(&request, context.into(), mpsc::unbounded_channel().0, cancel).await?;
        let last = stage.engine.last_instruction(&second).await?.context("no history")?;
        ensure!(last.ends_with("true") && !is_label_of_ours(&last), "{last}");
        stage.engine.remove_image(&second.0).await?;
        assert_eq!(stage.engine.last_instruction(&ImageId(format!("sha256:{}", "0".repeat(64)))).await?, None);
        Ok(())
    }

    pub(super) async fn the_same_build_again_is_cached_and_gives_the_same_image(stage: &Stage) -> Result<()> {
        let text = dockerfile(stage, "RUN true\n");
        let first = stage.build("cached", &text).await.0?;
        let (second, told) = stage.build("cached", &text).await;
        assert_eq!(second?, first);
        ensure!(steps(&told).iter().skip(1).all(|step| step.cached), "{told:?}");
        let other = stage.build("cached", &dockerfile(stage, "RUN true && true\n")).await.0?;
        ensure!(other != first, "another Dockerfile gave the same image");
        Ok(())
    }

    pub(super) async fn a_failing_build_names_the_instruction_and_leaves_no_container(stage: &Stage) -> Result<()> {
        let (built, told) = stage.build("failing", &dockerfile(stage, "RUN exit 3\nRUN true\n")).await;
        let error = built.expect_err("built the impossible");
        let EngineErrorCause::BuildFailed { instruction, exit_code, tail, .. } = &error.cause else {
            anyhow::bail!("{error:?}");
        };
        assert_eq!((instruction.as_deref(), *exit_code), (Some("RUN exit 3"), Some(3)));
        ensure!(!tail.is_empty() && tail.len() <= 20 && !error.is_unknown(), "{error:?}");
        assert_eq!(steps(&told).len(), 2);
        assert_eq!(step_containers(stage).await?, 0);
        assert_eq!(stage.engine.inspect_image(&format!("{}:1", stage.name("failing"))).await?, None);
        Ok(())
    }

    pub(super) async fn a_build_of_a_bad_dockerfile_fails_and_is_not_unknown(stage: &Stage) -> Result<()> {
        let error = stage.build("stageless", "RUN true\n").await.0.expect_err("built from nothing");
        let EngineErrorCause::BuildFailed { instruction, exit_code, .. } = &error.cause else {
            anyhow::bail!("{error:?}");
        };
        assert_eq!((instruction, exit_code), (&None, &None));
        let request = stage.build_request("fileless");
        let (progress, _) = mpsc::unbounded_channel();
        let empty = crate::stage::archive_of(&[("other", "")]);
        let built = stage.engine.build_image(&request, empty.into(), progress, CancellationToken::new()).await;
        let error = built.expect_err("built without a Dockerfile");
        ensure!(matches!(error.cause, EngineErrorCause::BuildFailed { .. }) && !error.is_unknown(), "{error:?}");
        Ok(())
    }

    pub(super) async fn a_cancelled_build_ends_at_once_and_leaves_no_container(stage: &Stage) -> Result<()> {
        let (progress, mut heard) = mpsc::unbounded_channel();
        let cancel = CancellationToken::new();
        let request = stage.build_request("cancelled");
        let context = context_of(&dockerfile(stage, "RUN sleep 1000\n"));
        let build = stage.engine.build_image(&request, context.into(), progress, cancel.clone());
        let watch = async {
            while let Some(news) = heard.recv().await {
                if matches!(&news, BuildProgress::Line(line) if line.contains("Running in")) {
                    break;
                }
            }
            cancel.cancel();
            Instant::now()
        };
        let (built, cancelled_at) = tokio::time::timeout(PATIENCE, async { tokio::join!(build, watch) }).await?;
        let error = built.expect_err("slept for nothing");
        ensure!(matches!(error.cause, EngineErrorCause::Cancelled), "{error:?}");
        ensure!(cancelled_at.elapsed() < Duration::from_secs(2), "cancelling took {:?}", cancelled_at.elapsed());
        eventually("the step's container to go", async || Ok((step_containers(stage).await? == 0).then_some(()))).await
    }

    /// What of a Dockerfile only BuildKit knows.
    const SECRET: &str = "RUN --mount=type=secret,id=token,required grep -q hunter2 /run/secrets/token";

    fn by_buildkit(stage: &Stage, suffix: &str) -> BuildRequest {
        BuildRequest { builder: Builder::BuildKit, ..stage.build_request(suffix) }
    }

    async fn build_by_buildkit(
        stage: &Stage,
        suffix: &str,
        material: BuildMaterial,
    ) -> (Result<ImageId, EngineError>, Vec<BuildProgress>) {
        let (progress, mut heard) = mpsc::unbounded_channel();
        let request = by_buildkit(stage, suffix);
        let built = stage.engine.build_image(&request, material, progress, CancellationToken::new()).await;
        let mut told = Vec::new();
        while let Ok(news) = heard.try_recv() {
            told.push(news);
        }
        (built, told)
    }

    pub(super) async fn a_build_by_buildkit_carries_name_and_labels_and_ends_with_a_label(stage: &Stage) -> Result<()> {
        ensure!(stage.engine.has_buildkit().await?, "this engine has no BuildKit");
        let step = format!("RUN --mount=type=cache,target=/cache : {}\n", stage.owner);
        let text = dockerfile(stage, &step);
        let (built, told) = build_by_buildkit(stage, "kit", context_of(&text).into()).await;
        let id = built?;
        let image = stage.engine.inspect_image(&format!("{}:1", stage.name("kit"))).await?.context("no image")?;
        assert_eq!(image.id, id);
        let mut labels = stage.labels();
        labels.insert("jackin.build".into(), stage.owner.clone());
        assert_eq!(image.labels, labels);
        let run = steps(&told).into_iter().find(|step| step.instruction.contains("--mount=type=cache"));
        ensure!(run.is_some_and(|step| !step.cached), "{told:?}");
        let last = stage.engine.last_instruction(&id).await?.context("no history")?;
        ensure!(is_label_of_ours(&last), "{last}");
        let (again, told) = build_by_buildkit(stage, "kit", context_of(&text).into()).await;
        assert_eq!(again?, id);
        ensure!(steps(&told).iter().any(|step| step.cached && step.instruction.contains("--mount")), "{told:?}");
        Ok(())
    }

    pub(super) async fn a_secret_reaches_the_step_that_requires_it_and_one_that_is_not_given_fails_it(
        stage: &Stage,
    ) -> Result<()> {
        let material =
            || BuildMaterial::from(context_of(&dockerfile(stage, &format!("{SECRET} && : {}\n", stage.owner))));
        let error = build_by_buildkit(stage, "secret", material()).await.0.expect_err("built without the secret");
        ensure!(matches!(error.cause, EngineErrorCause::BuildFailed { .. }), "{error:?}");
        build_by_buildkit(stage, "secret", material().with_secret("token", "hunter2")).await.0?;
        Ok(())
    }

    pub(super) async fn a_build_that_needs_buildkit_is_refused_by_the_classic_builder(stage: &Stage) -> Result<()> {
        let (built, _) = stage.build("classic", &dockerfile(stage, &format!("{SECRET}\n"))).await;
        let error = built.expect_err("built what it does not know");
        ensure!(error.full_message().contains("requires BuildKit"), "{}", error.full_message());
        Ok(())
    }

    pub(super) async fn a_failing_build_by_buildkit_names_the_instruction_and_leaves_no_image(
        stage: &Stage,
    ) -> Result<()> {
        let context = context_of(&dockerfile(stage, "RUN exit 3\nRUN true\n"));
        let (built, _) = build_by_buildkit(stage, "failing-kit", context.into()).await;
        let error = built.expect_err("built the impossible");
        let EngineErrorCause::BuildFailed { instruction, exit_code, .. } = &error.cause else {
            anyhow::bail!("{error:?}");
        };
        assert_eq!((instruction.as_deref(), *exit_code), (Some("RUN exit 3"), Some(3)));
        let filter = LabelFilter::new().with("jackin.build", &stage.owner);
        assert_eq!(stage.engine.list_images(&filter).await?, []);
        Ok(())
    }

    pub(super) async fn a_cancelled_build_by_buildkit_ends_at_once(stage: &Stage) -> Result<()> {
        let (progress, mut heard) = mpsc::unbounded_channel();
        let cancel = CancellationToken::new();
        let request = by_buildkit(stage, "cancelled-kit");
        let context = context_of(&dockerfile(stage, "RUN sleep 1000\n"));
        let build = stage.engine.build_image(&request, context.into(), progress, cancel.clone());
        let watch = async {
            while let Some(news) = heard.recv().await {
                if matches!(&news, BuildProgress::Line(line) if line.contains("RUN sleep 1000")) {
                    break;
                }
            }
            cancel.cancel();
        };
        let (built, ()) = tokio::time::timeout(PATIENCE, async { tokio::join!(build, watch) }).await?;
        let error = built.expect_err("slept for nothing");
        ensure!(matches!(error.cause, EngineErrorCause::Cancelled), "{error:?}");
        Ok(())
    }
}
