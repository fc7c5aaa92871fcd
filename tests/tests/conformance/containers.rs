//! Rules of containers.

crate::rules! {
    a_container_is_found_as_it_was_made
    an_object_that_does_not_exist_is_none_and_not_an_error
    a_name_is_given_once_and_the_holder_is_named
    starting_what_runs_and_stopping_what_stopped_is_success
    exit_codes_come_through
    a_stop_lets_the_process_end_by_itself
    a_kill_is_seen_as_137_and_a_second_one_is_refused
    pause_and_unpause_are_idempotent
    an_update_keeps_the_process_and_shows_the_new_limits
    a_limit_can_be_taken_away_under_a_running_process
    a_rename_keeps_the_id_and_refuses_a_taken_name
    a_running_container_is_removed_by_force_only_and_twice_is_success
    a_missing_image_is_told_and_nothing_is_left
    a_bind_of_a_missing_source_is_refused_and_nothing_is_left
    logs_are_the_last_lines_of_both_streams
    a_program_beside_pid_1_is_given_its_input_and_heard_to_its_end
    a_program_is_refused_in_what_does_not_run_or_is_paused
    a_filter_shows_only_what_bears_all_labels
}

mod rule {
    use anyhow::{Context, Result, ensure};
    use jackin_daemon::docker::{EngineErrorCause, LabelFilter};
    use jackin_plan::world::{ContainerId, ContainerState, ImageId, Limits, Mount, MountSource, RestartPolicy};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use crate::stage::{Stage, eventually};

    const MIB: i64 = 1024 * 1024;

    pub(super) async fn a_container_is_found_as_it_was_made(stage: &Stage) -> Result<()> {
        let mut spec = stage.sleeper("made");
        spec.limits = Limits { nano_cpus: Some(500_000_000), memory_bytes: Some(64 * MIB), pids: Some(32) };
        spec.restart = RestartPolicy::OnFailure;
        let id = stage.engine.create_container(&spec).await?;
        let made = stage.inspect(&id).await?;
        assert_eq!((made.name.as_str(), made.state, made.pid), (spec.name.as_str(), ContainerState::Created, None));
        assert_eq!((made.image, made.limits, made.restart), (spec.image.clone(), spec.limits, spec.restart));
        assert_eq!((made.labels, made.networks, made.exit), (spec.labels.clone(), vec![], None));
        assert_eq!(made.started_at, None);

        stage.engine.start_container(&id).await?;
        let running = stage.engine.inspect_container(&spec.name).await?.context("not found by name")?;
        assert_eq!((&running.id, running.state), (&id, ContainerState::Running));
        ensure!(running.pid.is_some() && running.started_at >= running.created_at, "{running:?}");

        let listed = stage.engine.list_containers(&stage.ours()).await?;
        let [only] = listed.as_slice() else { anyhow::bail!("listed {listed:?}") };
        assert_eq!((&only.id, &only.name, only.state), (&id, &spec.name, ContainerState::Running));
        assert_eq!((&only.labels, &only.image), (&spec.labels, &spec.image));
        Ok(())
    }

    pub(super) async fn an_object_that_does_not_exist_is_none_and_not_an_error(stage: &Stage) -> Result<()> {
        let name = stage.name("nothing");
        assert_eq!(stage.engine.inspect_container(&name).await?, None);
        assert_eq!(stage.engine.inspect_image(&name).await?, None);
        assert_eq!(stage.engine.inspect_network(&name).await?, None);
        assert_eq!(stage.engine.inspect_volume(&name).await?, None);
        // An engine answers to the beginning of an id; a name that happens to be one is still nobody's.
        let id = stage.engine.create_container(&stage.sleeper("prefix")).await?;
        assert_eq!(stage.engine.inspect_container(&id.0[..12]).await?, None);

        let missing = ContainerId("0".repeat(64));
        let error = stage.engine.start_container(&missing).await.expect_err("started nothing");
        ensure!(error.is_not_found() && !error.is_unknown(), "{error:?}");
        Ok(())
    }

    pub(super) async fn a_name_is_given_once_and_the_holder_is_named(stage: &Stage) -> Result<()> {
        let spec = stage.sleeper("twice");
        let first = stage.engine.create_container(&spec).await?;
        let error = stage.engine.create_container(&spec).await.expect_err("two of one name");
        let EngineErrorCause::NameConflict { holder } = &error.cause else { anyhow::bail!("{error:?}") };
        assert_eq!(holder.as_deref(), Some(first.0.as_str()));
        assert_eq!(stage.engine.list_containers(&stage.ours()).await?.len(), 1);
        Ok(())
    }

    pub(super) async fn starting_what_runs_and_stopping_what_stopped_is_success(stage: &Stage) -> Result<()> {
        let id = stage.run(&stage.sleeper("again")).await?;
        let before = stage.inspect(&id).await?;
        stage.engine.start_container(&id).await?;
        assert_eq!(stage.inspect(&id).await?.pid, before.pid);
        stage.engine.stop_container(&id, 0).await?;
        stage.engine.stop_container(&id, 0).await?;
        let stopped = stage.inspect(&id).await?;
        assert_eq!((stopped.state, stopped.pid), (ContainerState::Exited, None));
        Ok(())
    }

    pub(super) async fn exit_codes_come_through(stage: &Stage) -> Result<()> {
        let (_, code) = stage.run_to_end(&stage.script("seven", "exit 7")).await?;
        assert_eq!(code, 7);
        let (id, code) = stage.run_to_end(&stage.script("zero", "true")).await?;
        assert_eq!(code, 0);
        let exit = stage.inspect(&id).await?.exit.context("no exit")?;
        ensure!(!exit.out_of_memory && exit.error.is_none() && exit.finished_at.is_some(), "{exit:?}");
        Ok(())
    }

    pub(super) async fn a_stop_lets_the_process_end_by_itself(stage: &Stage) -> Result<()> {
        let spec = stage.script("trap", "trap 'exit 5' TERM; echo ready; sleep 1000 & wait");
        let id = stage.run(&spec).await?;
        // Before the trap is set, PID 1 takes no notice of the signal.
        crate::stage::eventually("the trap", async || {
            Ok(stage.engine.container_logs(&id, 10).await?.contains("ready").then_some(()))
        })
        .await?;
        stage.engine.stop_container(&id, 20).await?;
        let exit = stage.inspect(&id).await?.exit.context("no exit")?;
        assert_eq!(exit.code, 5);
        Ok(())
    }

    pub(super) async fn a_kill_is_seen_as_137_and_a_second_one_is_refused(stage: &Stage) -> Result<()> {
        let id = stage.run(&stage.sleeper("killed")).await?;
        stage.engine.kill_container(&id, "SIGKILL").await?;
        let ended = stage.wait_for_state(&id, ContainerState::Exited).await?;
        assert_eq!(ended.exit.context("no exit")?.code, 137);
        let error = stage.engine.kill_container(&id, "SIGKILL").await.expect_err("killed the dead");
        ensure!(matches!(error.cause, EngineErrorCause::Refused { status: 409, .. }), "{error:?}");
        stage.engine.start_container(&id).await?;
        assert_eq!(stage.inspect(&id).await?.state, ContainerState::Running);
        Ok(())
    }

    pub(super) async fn pause_and_unpause_are_idempotent(stage: &Stage) -> Result<()> {
        let id = stage.run(&stage.sleeper("paused")).await?;
        let before = stage.inspect(&id).await?;
        stage.engine.unpause_container(&id).await?;
        stage.engine.pause_container(&id).await?;
        stage.engine.pause_container(&id).await?;
        assert_eq!(stage.inspect(&id).await?.state, ContainerState::Paused);
        let error = stage.engine.start_container(&id).await.expect_err("started the paused");
        ensure!(matches!(error.cause, EngineErrorCause::Refused { .. }), "{error:?}");
        stage.engine.unpause_container(&id).await?;
        stage.engine.unpause_container(&id).await?;
        // The engine may hear of the pause once more after it was taken back, and then of its end.
        let runs = async || {
            let after = stage.inspect(&id).await?;
            Ok((after.state == ContainerState::Running).then_some(after))
        };
        assert_eq!(eventually("it to run again", runs).await?.pid, before.pid);

        stage.engine.stop_container(&id, 0).await?;
        let error = stage.engine.pause_container(&id).await.expect_err("paused the stopped");
        ensure!(matches!(error.cause, EngineErrorCause::Refused { .. }) && !error.is_unknown(), "{error:?}");
        Ok(())
    }

    pub(super) async fn an_update_keeps_the_process_and_shows_the_new_limits(stage: &Stage) -> Result<()> {
        let mut spec = stage.sleeper("updated");
        spec.limits = Limits { nano_cpus: Some(500_000_000), memory_bytes: Some(64 * MIB), pids: Some(32) };
        let id = stage.run(&spec).await?;
        let before = stage.inspect(&id).await?;
        // Up, then down: memory and swap must move together in both directions.
        for megabytes in [128, 32] {
            let wanted = Limits { nano_cpus: Some(250_000_000), memory_bytes: Some(megabytes * MIB), pids: Some(64) };
            stage.engine.update_container(&id, &wanted, RestartPolicy::UnlessStopped).await?;
            let after = stage.inspect(&id).await?;
            assert_eq!((after.limits, after.restart), (wanted, RestartPolicy::UnlessStopped));
            assert_eq!((after.id, after.pid, after.started_at), (id.clone(), before.pid, before.started_at));
        }
        Ok(())
    }

    pub(super) async fn a_limit_can_be_taken_away_under_a_running_process(stage: &Stage) -> Result<()> {
        let mut spec = stage.sleeper("unlimited");
        let limits = Limits { nano_cpus: Some(500_000_000), memory_bytes: Some(64 * MIB), pids: Some(32) };
        spec.limits = limits;
        let id = stage.run(&spec).await?;
        let before = stage.inspect(&id).await?;
        for wanted in [Limits::default(), Limits::default(), limits] {
            stage.engine.update_container(&id, &wanted, RestartPolicy::No).await?;
            let after = stage.inspect(&id).await?;
            assert_eq!((after.limits, after.pid), (wanted, before.pid));
        }
        Ok(())
    }

    pub(super) async fn a_rename_keeps_the_id_and_refuses_a_taken_name(stage: &Stage) -> Result<()> {
        let id = stage.run(&stage.sleeper("old")).await?;
        let other = stage.engine.create_container(&stage.sleeper("other")).await?;
        stage.engine.rename_container(&id, &stage.name("new")).await?;
        stage.engine.rename_container(&id, &stage.name("new")).await?;
        assert_eq!(stage.inspect(&id).await?.name, stage.name("new"));
        assert_eq!(stage.engine.inspect_container(&stage.name("old")).await?, None);
        let error = stage.engine.rename_container(&id, &stage.name("other")).await.expect_err("two of one name");
        let EngineErrorCause::NameConflict { holder } = &error.cause else { anyhow::bail!("{error:?}") };
        assert_eq!(holder.as_deref(), Some(other.0.as_str()));
        Ok(())
    }

    pub(super) async fn a_running_container_is_removed_by_force_only_and_twice_is_success(stage: &Stage) -> Result<()> {
        let id = stage.run(&stage.sleeper("removed")).await?;
        let error = stage.engine.remove_container(&id, false).await.expect_err("removed the running");
        ensure!(matches!(error.cause, EngineErrorCause::InUse { .. }), "{error:?}");
        assert_eq!(stage.inspect(&id).await?.state, ContainerState::Running);
        let (one, other) =
            tokio::join!(stage.engine.remove_container(&id, true), stage.engine.remove_container(&id, true));
        one.and(other)?;
        assert_eq!(stage.engine.inspect_container(&id.0).await?, None);
        stage.engine.remove_container(&id, false).await?;
        Ok(())
    }

    pub(super) async fn a_missing_image_is_told_and_nothing_is_left(stage: &Stage) -> Result<()> {
        let mut spec = stage.sleeper("imageless");
        spec.image = ImageId(format!("sha256:{}", "0".repeat(64)));
        let error = stage.engine.create_container(&spec).await.expect_err("made of nothing");
        let EngineErrorCause::ImageMissing { image } = &error.cause else { anyhow::bail!("{error:?}") };
        assert_eq!(*image, spec.image.0);
        assert_eq!(stage.engine.inspect_container(&spec.name).await?, None);
        Ok(())
    }

    pub(super) async fn a_bind_of_a_missing_source_is_refused_and_nothing_is_left(stage: &Stage) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let missing = folder.path().join("missing");
        let path = missing.to_string_lossy().into_owned();
        let mut spec = stage.sleeper("bound");
        spec.mounts = vec![Mount { target: "/work".into(), source: MountSource::Bind { path }, read_only: false }];
        let error = stage.engine.create_container(&spec).await.expect_err("bound nothing");
        ensure!(matches!(error.cause, EngineErrorCause::Refused { status: 400, .. }), "{error:?}");
        ensure!(!missing.exists(), "the source was made");
        assert_eq!(stage.engine.inspect_container(&spec.name).await?, None);
        std::fs::create_dir(&missing)?;
        stage.run(&spec).await?;
        Ok(())
    }

    pub(super) async fn logs_are_the_last_lines_of_both_streams(stage: &Stage) -> Result<()> {
        let spec = stage.script("logs", "echo one; echo two; echo three");
        let (id, _) = stage.run_to_end(&spec).await?;
        let last = crate::stage::eventually("the last line", async || {
            let last = stage.engine.container_logs(&id, 2).await?;
            Ok(last.contains("three").then_some(last))
        });
        assert_eq!(last.await?, "two\nthree\n");
        Ok(())
    }

    pub(super) async fn a_program_beside_pid_1_is_given_its_input_and_heard_to_its_end(stage: &Stage) -> Result<()> {
        let id = stage.run(&stage.sleeper("beside")).await?;
        let exec = async |command: &[&str]| {
            let command: Vec<_> = command.iter().map(|&word| word.to_owned()).collect();
            Ok::<_, anyhow::Error>(stage.engine.exec(&id, &command).await?.into_duplex())
        };
        let mut heard = String::new();
        exec(&["/bin/busybox", "echo", "hello", "there"]).await?.read_to_string(&mut heard).await?;
        assert_eq!(heard, "hello there\n");

        let mut cat = exec(&["/bin/busybox", "cat"]).await?;
        let mut echoed = vec![0; 300_000];
        let sent: Vec<u8> = (0..echoed.len()).map(|index| u8::try_from(index % 251).unwrap_or_default()).collect();
        let (mut reading, mut writing) = tokio::io::split(&mut cat);
        let (wrote, read) = tokio::join!(
            async {
                writing.write_all(&sent).await?;
                writing.shutdown().await
            },
            reading.read_exact(&mut echoed)
        );
        wrote?;
        read?;
        assert!(echoed == sent, "it came back changed");
        assert_eq!(reading.read(&mut [0; 1]).await?, 0, "it ends with its input");
        assert_eq!(stage.inspect(&id).await?.state, ContainerState::Running);
        Ok(())
    }

    pub(super) async fn a_program_is_refused_in_what_does_not_run_or_is_paused(stage: &Stage) -> Result<()> {
        let id = stage.run(&stage.sleeper("still")).await?;
        let command = ["/bin/busybox", "true"].map(str::to_owned);
        let refused = async |what| {
            let error = stage.engine.exec(&id, &command).await.map(drop).expect_err(what);
            ensure!(matches!(error.cause, EngineErrorCause::Refused { .. }), "{what}: {error:?}");
            Ok(())
        };
        stage.engine.pause_container(&id).await?;
        refused("it is paused").await?;
        stage.engine.unpause_container(&id).await?;
        stage.engine.kill_container(&id, "SIGKILL").await?;
        crate::stage::eventually("it ended", async || {
            Ok((stage.inspect(&id).await?.state != ContainerState::Running).then_some(()))
        })
        .await?;
        refused("it ended").await
    }

    pub(super) async fn a_filter_shows_only_what_bears_all_labels(stage: &Stage) -> Result<()> {
        let mut spec = stage.sleeper("blue");
        spec.labels.insert("jackin.colour".into(), "blue".into());
        stage.engine.create_container(&spec).await?;
        stage.engine.create_container(&stage.sleeper("plain")).await?;
        let shown = async |filter: LabelFilter| {
            let found = stage.engine.list_containers(&filter).await?;
            Ok::<_, anyhow::Error>(found.into_iter().map(|found| found.name).collect::<Vec<_>>())
        };
        assert_eq!(shown(stage.ours()).await?, [stage.name("blue"), stage.name("plain")]);
        assert_eq!(shown(stage.ours().present("jackin.colour")).await?, [stage.name("blue")]);
        assert_eq!(shown(stage.ours().with("jackin.colour", "blue")).await?, [stage.name("blue")]);
        assert_eq!(shown(stage.ours().with("jackin.colour", "red")).await?, Vec::<String>::new());
        Ok(())
    }
}
