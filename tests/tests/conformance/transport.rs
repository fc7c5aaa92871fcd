//! Rules of the way to the engine: where it is, what is sent, what its silence means. These need no engine.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::{Result, ensure};
use futures::StreamExt;
use jackin_api::words::Reason;
use jackin_daemon::docker::fake::{FailureTime, FakeEngine};
use jackin_daemon::docker::{
    Archive, DockerEngine, Engine, EngineAddress, EngineError, EngineErrorCause, LabelFilter, Operation,
};
use jackin_plan::world::{
    BuildRequest, Builder, ContainerId, ContainerSpec, ImageId, Limits, NetworkId, NetworkSpec, RestartPolicy,
    Security, VolumeSpec,
};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

/// SHA-256 of `lab`: the folder of a context is the digest of its name.
const LAB: &str = "a51146d38077ff992eba84cf1d5e9b249073503eb74868699016153b031a38f7";

fn resolve(variables: &[(&str, &str)], folder: Option<&Path>) -> Result<EngineAddress, EngineError> {
    let value = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    EngineAddress::resolve(value, folder)
}

fn unix(path: &str) -> EngineAddress {
    EngineAddress::Unix(path.into())
}

#[test]
fn the_engine_is_looked_for_where_the_docker_client_looks() -> Result<()> {
    let folder = tempfile::tempdir()?;
    assert_eq!(resolve(&[], Some(folder.path()))?, unix("/var/run/docker.sock"));
    std::fs::write(folder.path().join("config.json"), r#"{"currentContext": "lab", "auths": {}}"#)?;
    let error = resolve(&[], Some(folder.path())).expect_err("a context that is not there");
    ensure!(error.is_not_found(), "{error:?}");
    let meta = folder.path().join("contexts/meta").join(LAB);
    std::fs::create_dir_all(&meta)?;
    let text =
        r#"{"Name":"lab","Metadata":{},"Endpoints":{"docker":{"Host":"unix:///run/lab.sock","SkipTLSVerify":false}}}"#;
    std::fs::write(meta.join("meta.json"), text)?;
    assert_eq!(resolve(&[], Some(folder.path()))?, unix("/run/lab.sock"));
    assert_eq!(resolve(&[("DOCKER_CONTEXT", "default")], Some(folder.path()))?, unix("/var/run/docker.sock"));
    let host = [("DOCKER_HOST", "tcp://127.0.0.1:2375"), ("DOCKER_CONTEXT", "lab")];
    assert_eq!(resolve(&host, Some(folder.path()))?, EngineAddress::Tcp("127.0.0.1:2375".into()));
    Ok(())
}

#[test]
fn a_transport_that_is_not_spoken_is_told_with_a_way_out() {
    for (host, tls) in
        [("ssh://me@there", ""), ("tcp://there:2376", "1"), ("npipe:////./pipe/docker", ""), ("there", "")]
    {
        let error =
            resolve(&[("DOCKER_HOST", host), ("DOCKER_TLS_VERIFY", tls)][..1 + usize::from(!tls.is_empty())], None)
                .expect_err(host);
        let EngineErrorCause::NotSupported { address, hint } = &error.cause else { panic!("{error:?}") };
        assert_eq!(address, host);
        assert!(hint.contains("unix://"), "{hint}");
    }
}

/// An engine that answers each request with the first answer whose path it asks for, and notes what was asked.
struct Wire {
    folder: tempfile::TempDir,
    engine: DockerEngine,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Wire {
    fn open(answers: &'static [(&'static str, &'static str)]) -> Result<Self> {
        let wire = Self::closed()?;
        wire.answer(answers)?;
        Ok(wire)
    }

    /// An engine whose socket is not there yet.
    fn closed() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let engine = DockerEngine::new(EngineAddress::Unix(folder.path().join("engine.sock")));
        Ok(Self { folder, engine, asked: Arc::default() })
    }

    fn answer(&self, answers: &'static [(&'static str, &'static str)]) -> Result<()> {
        let listener = UnixListener::bind(self.folder.path().join("engine.sock"))?;
        let notes = Arc::clone(&self.asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut stream = BufReader::new(stream);
                let mut head = String::new();
                while stream.read_line(&mut head).await.is_ok_and(|read| read > 2) {}
                let target = head.split(' ').nth(1).unwrap_or_default();
                let path = target.split('?').next().unwrap_or_default().to_owned();
                notes.lock().expect("no panic holds it").push(path.clone());
                let answer = answers.iter().find(|(asked, _)| path.ends_with(asked)).map(|(_, answer)| *answer);
                // Without an answer the connection is closed: an engine that dies while it works.
                if let Some((status, body)) = answer.and_then(|answer| answer.split_once(' ')) {
                    let length = body.len();
                    let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
                    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
                }
            }
        });
        Ok(())
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic holds it").clone()
    }
}

const VERSION: (&str, &str) = ("/version", r#"200 {"ApiVersion":"1.45","MinAPIVersion":"1.24","Version":"26.1.5"}"#);

#[tokio::test]
async fn every_request_after_the_first_names_the_version_agreed_on() -> Result<()> {
    let wire = Wire::open(&[VERSION, ("/volumes", r#"200 {"Volumes":[]}"#)])?;
    wire.engine.list_volumes(&LabelFilter::new()).await?;
    assert_eq!(wire.asked(), ["/version", "/v1.41/volumes"]);
    assert_eq!(wire.engine.ping().await?.api_version, "1.41");
    Ok(())
}

#[tokio::test]
async fn what_the_engines_runtime_finds_done_already_is_done() -> Result<()> {
    let resumed = r#"500 {"message":"Cannot unpause container c: cannot resume a running process: unknown"}"#;
    let paused = r#"500 {"message":"Cannot pause container c: cannot pause a paused container: unknown"}"#;
    let wire = Wire::open(Box::leak(Box::new([VERSION, ("/c/unpause", resumed), ("/c/pause", paused)])))?;
    let id = ContainerId("c".to_owned());
    wire.engine.unpause_container(&id).await?;
    wire.engine.pause_container(&id).await?;
    Ok(())
}

#[tokio::test]
async fn an_engine_that_dropped_our_version_is_spoken_to_in_its_oldest() -> Result<()> {
    let version = ("/version", r#"200 {"ApiVersion":"1.53","MinAPIVersion":"1.44"}"#);
    let wire = Wire::open(Box::leak(Box::new([version, ("/volumes", r#"200 {"Volumes":null}"#)])))?;
    wire.engine.list_volumes(&LabelFilter::new()).await?;
    assert_eq!(wire.asked(), ["/version", "/v1.44/volumes"]);
    Ok(())
}

#[tokio::test]
async fn an_older_engine_is_spoken_to_in_its_newest() -> Result<()> {
    let version = ("/version", r#"200 {"ApiVersion":"1.40","MinAPIVersion":"1.12"}"#);
    let wire = Wire::open(Box::leak(Box::new([version, ("/volumes", r#"200 {"Volumes":[]}"#)])))?;
    wire.engine.list_volumes(&LabelFilter::new()).await?;
    assert_eq!(wire.asked(), ["/version", "/v1.40/volumes"]);
    Ok(())
}

#[tokio::test]
async fn nothing_is_concluded_from_silence_nonsense_or_an_engine_in_trouble() -> Result<()> {
    let silent = Wire::open(&[VERSION])?;
    let error = silent.engine.inspect_volume("x").await.expect_err("answered nothing");
    ensure!(matches!(error.cause, EngineErrorCause::Unreachable { .. }) && error.is_unknown(), "{error:?}");

    let nonsense = Wire::open(&[VERSION, ("/volumes/x", "200 <html>")])?;
    let error = nonsense.engine.inspect_volume("x").await.expect_err("understood nonsense");
    ensure!(matches!(error.cause, EngineErrorCause::BadAnswer { .. }) && error.is_unknown(), "{error:?}");

    let troubled = Wire::open(&[VERSION, ("/volumes/x", r#"500 {"message":"database is locked"}"#)])?;
    let error = troubled.engine.inspect_volume("x").await.expect_err("answered 500");
    ensure!(matches!(error.cause, EngineErrorCause::Refused { status: 500, .. }) && error.is_unknown(), "{error:?}");
    assert_eq!(error.full_message(), "failed to inspect volume x: the engine refused (500): database is locked");

    let full = Wire::open(&[VERSION, ("/volumes/create", r#"500 {"message":"write: no space left on device"}"#)])?;
    let spec = VolumeSpec { name: "x".into(), labels: Default::default(), medium: Default::default() };
    let error = full.engine.create_volume(&spec).await.expect_err("wrote on a full disk");
    ensure!(matches!(error.cause, EngineErrorCause::NoSpace { .. }) && !error.is_unknown(), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn nothing_that_is_not_about_an_object_says_that_it_is_missing() -> Result<()> {
    let other = Wire::open(&[VERSION, ("/volumes/x", r#"404 {"message":"page not found"}"#)])?;
    let error = other.engine.inspect_volume("x").await.expect_err("something else answered");
    ensure!(matches!(error.cause, EngineErrorCause::Refused { status: 404, .. }), "{error:?}");
    let missing = Wire::open(&[VERSION, ("/volumes/x", r#"404 {"message":"get x: no such volume"}"#)])?;
    assert_eq!(missing.engine.inspect_volume("x").await?, None);
    let read_only =
        Wire::open(&[VERSION, ("/volumes/create", r#"500 {"message":"mkdir /x: read-only file system"}"#)])?;
    let spec = VolumeSpec { name: "x".into(), labels: Default::default(), medium: Default::default() };
    let error = read_only.engine.create_volume(&spec).await.expect_err("wrote what cannot be written");
    assert_eq!(error.reason(), Reason::EngineReadOnly);
    Ok(())
}

fn anything() -> ContainerSpec {
    ContainerSpec {
        name: "c".into(),
        image: ImageId("sha256:0".into()),
        command: Vec::new(),
        env: Default::default(),
        user: None,
        workdir: None,
        hostname: None,
        labels: Default::default(),
        mounts: Vec::new(),
        networks: Vec::new(),
        aliases: Vec::new(),
        limits: Limits::default(),
        restart: RestartPolicy::No,
        security: Security::default(),
        stop_timeout_seconds: 1,
    }
}

/// How every call of the port ended, each alone with an engine that answers no more.
async fn all_calls(engine: &DockerEngine) -> Vec<Result<(), EngineError>> {
    let (all, labels) = (LabelFilter::new(), Default::default());
    let (container, network, image) = (ContainerId("c".into()), NetworkId("n".into()), ImageId("sha256:0".into()));
    let volume = VolumeSpec { name: "v".into(), labels: Default::default(), medium: Default::default() };
    let nothing = || Archive::from_reader(tokio::io::empty());
    let build = BuildRequest {
        tags: vec!["x:1".into()],
        dockerfile: "Dockerfile".into(),
        labels: Default::default(),
        no_cache: false,
        build_args: Default::default(),
        target: None,
        builder: Default::default(),
    };
    let kit = BuildRequest { builder: Builder::BuildKit, ..build.clone() };
    let (progress, _heard) = tokio::sync::mpsc::unbounded_channel();
    let net = NetworkSpec { name: "n".into(), labels: Default::default(), internal: false };
    vec![
        engine.ping().await.map(drop),
        engine.list_containers(&all).await.map(drop),
        engine.inspect_container("c").await.map(drop),
        engine.create_container(&anything()).await.map(drop),
        engine.start_container(&container).await,
        engine.pause_container(&container).await,
        engine.unpause_container(&container).await,
        engine.stop_container(&container, 1).await,
        engine.kill_container(&container, "SIGKILL").await,
        engine.remove_container(&container, true).await,
        engine.rename_container(&container, "d").await,
        engine.update_container(&container, &Limits::default(), RestartPolicy::No).await,
        engine.put_archive(&container, "/", nothing()).await,
        engine.container_logs(&container, 1).await.map(drop),
        engine.list_images(&all).await.map(drop),
        engine.inspect_image("x").await.map(drop),
        engine.has_buildkit().await.map(drop),
        engine.build_image(&build, nothing().into(), progress.clone(), CancellationToken::new()).await.map(drop),
        engine.build_image(&kit, nothing().into(), progress, CancellationToken::new()).await.map(drop),
        engine.pull_image("x").await.map(drop),
        engine.import_image(nothing(), "x", &labels).await.map(drop),
        engine.tag_image(&image, "x").await,
        engine.remove_image("x").await,
        engine.list_networks(&all).await.map(drop),
        engine.inspect_network("n").await.map(drop),
        engine.create_network(&net).await.map(drop),
        engine.remove_network(&network).await,
        engine.connect_network(&network, &container, &[]).await,
        engine.disconnect_network(&network, &container, true).await,
        engine.list_volumes(&all).await.map(drop),
        engine.inspect_volume("v").await.map(drop),
        engine.create_volume(&volume).await,
        engine.remove_volume("v").await,
    ]
}

#[tokio::test]
async fn every_call_ends_with_an_engine_that_accepts_and_never_answers() -> Result<()> {
    let wire = Wire::closed()?;
    let listener = UnixListener::bind(wire.folder.path().join("engine.sock"))?;
    let silent = Arc::new(AtomicBool::new(false));
    let hushed = Arc::clone(&silent);
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            let mut head = String::new();
            while stream.read_line(&mut head).await.is_ok_and(|read| read > 2) {}
            if hushed.load(Ordering::Relaxed) {
                held.push(stream);
                continue;
            }
            let (_, body) = VERSION.1.split_once(' ').expect("a status");
            let length = body.len();
            let head = format!("HTTP/1.1 200 X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        }
    });
    wire.engine.ping().await?;
    // What the first creation asks for beside the creation itself is asked once.
    wire.engine.create_container(&anything()).await.expect_err("the answer was of something else");
    silent.store(true, Ordering::Relaxed);
    // From here on, time passes as soon as everybody waits for it.
    tokio::time::pause();
    for (index, ended) in all_calls(&wire.engine).await.into_iter().enumerate() {
        let error = ended.expect_err("nobody answered");
        assert_eq!(error.reason(), Reason::EngineTimeout, "call {index}: {error:?}");
        ensure!(error.is_unknown(), "{error:?}");
    }
    let events: Vec<_> = wire.engine.events(&LabelFilter::new(), None).collect().await;
    ensure!(events.iter().all(Result::is_err), "{events:?}");
    Ok(())
}

#[tokio::test]
async fn an_engine_that_is_started_later_is_found() -> Result<()> {
    let wire = Wire::closed()?;
    let error = wire.engine.ping().await.expect_err("nobody is there");
    ensure!(matches!(error.cause, EngineErrorCause::Unreachable { .. }) && error.is_unknown(), "{error:?}");
    wire.answer(&[VERSION])?;
    assert_eq!(wire.engine.ping().await?.version, "26.1.5");
    Ok(())
}

#[tokio::test]
async fn the_fake_tells_reads_from_writes_and_fails_on_demand() -> Result<()> {
    let fake = FakeEngine::new();
    let spec = VolumeSpec { name: "v".into(), labels: Default::default(), medium: Default::default() };
    fake.fail_next(Operation::CreateVolume, EngineErrorCause::Cancelled, FailureTime::BeforeEffect);
    fake.create_volume(&spec).await.expect_err("the failure asked for");
    assert_eq!(fake.inspect_volume("v").await?, None);
    fake.fail_next(Operation::CreateVolume, EngineErrorCause::Cancelled, FailureTime::AfterEffect);
    fake.create_volume(&spec).await.expect_err("the failure asked for");
    ensure!(fake.inspect_volume("v").await?.is_some());
    assert_eq!(fake.operations().len(), 3);
    let writes: Vec<_> = fake.writes().into_iter().map(|write| (write.operation, write.object)).collect();
    assert_eq!(writes, [(Operation::CreateVolume, "v".to_owned())]);
    fake.set_unreachable(true);
    ensure!(fake.inspect_volume("v").await.expect_err("it is away").is_unknown());
    fake.set_unreachable(false);
    ensure!(fake.inspect_volume("v").await?.is_some(), "it lost what it held");
    Ok(())
}
