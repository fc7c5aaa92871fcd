use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;
use crate::images::SourceError;
use crate::tarball::tests::entries;

/// A cache, and an npm that serves one package and counts its calls.
struct Registry {
    folder: tempfile::TempDir,
    programs: ProgramStore,
}

impl Registry {
    fn new(files: &[(&str, u32, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| Utf8Path::from_path(folder.path()).unwrap().join(name);
        pack(&path("served.tgz"), files);
        let mut programs = ProgramStore::new(path("cache"));
        programs.npm.program = path("npm").into_string();
        let registry = Self { programs, folder };
        let integrity = cache::integrity(&registry.path("served.tgz")).unwrap();
        registry.answers(&format!("echo '{{\"version\": \"1.2.3\", \"dist\": {{\"integrity\": \"{integrity}\"}}}}'"));
        registry
    }

    fn path(&self, name: &str) -> Utf8PathBuf {
        Utf8Path::from_path(self.folder.path()).unwrap().join(name)
    }

    /// Lets npm answer a view with this piece of shell; a pack gives the served archive.
    fn answers(&self, view: &str) {
        let root = self.path("");
        let script = format!(
            "#!/bin/sh\necho \"$1 $2\" >>{root}calls\ncase $1 in\nview) echo 'warning' >&2; {view};;\npack) cp {root}served.tgz \"$6\"/x-1.tgz;;\nesac\n"
        );
        // Written by another process: a file that this one holds open for writing could not be run.
        let temporary = self.path("npm.new");
        std::fs::write(&temporary, script).unwrap();
        std::fs::set_permissions(&temporary, std::fs::Permissions::from_mode(0o755)).unwrap();
        let copied =
            std::process::Command::new("cp").args(["-p", temporary.as_str(), self.path("npm").as_str()]).status();
        assert!(copied.unwrap().success());
    }

    fn calls(&self) -> Vec<String> {
        let calls = std::fs::read_to_string(self.path("calls")).unwrap_or_default();
        calls.lines().map(ToOwned::to_owned).collect()
    }

    async fn resolve(&self, agent: &Agent) -> Result<ResolvedProgram, InstallError> {
        self.programs.resolve(agent).await.map(Option::unwrap)
    }

    async fn sent(&self, agent: &Agent) -> Result<Vec<(String, u32, String)>, InstallError> {
        let program = self.resolve(agent).await?;
        let archive = self.programs.archive(&program).await?;
        entries(archive).await.map_err(|error| InstallError::io("archive", error))
    }
}

fn pack(path: &Utf8Path, files: &[(&str, u32, &str)]) {
    let file = std::fs::File::create(path).unwrap();
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(file, flate2::Compression::fast()));
    for (name, mode, content) in files {
        let mut header = tar::Header::new_ustar();
        // Written past the builder, which refuses what an attacker would not.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_mode(*mode);
        header.set_mtime(499_162_500);
        match content.strip_prefix("-> ") {
            Some(target) => {
                header.set_entry_type(tar::EntryType::Symlink);
                header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
                header.set_size(0);
            }
            None => header.set_size(content.len().try_into().unwrap()),
        }
        header.set_cksum();
        tar.append(&header, if content.starts_with("-> ") { &[] } else { content.as_bytes() }).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap().flush().unwrap();
}

fn agent(npm: NpmInstall) -> Agent {
    let mut agent = Agent::new("tool", Default::default());
    agent.spec.command = vec!["tool".to_owned(), "--yes".to_owned()];
    agent.spec.install = Some(Install { npm: Some(npm), ..Install::default() });
    agent
}

fn pinned() -> NpmInstall {
    NpmInstall {
        package: "@some/tool".to_owned(),
        version: Some("1.2.3".to_owned()),
        program: "vendor/tool".to_owned(),
        ..NpmInstall::default()
    }
}

const FILES: [(&str, u32, &str); 3] = [
    ("package/package.json", 0o644, "{}"),
    ("package/vendor/tool", 0o644, "run"),
    ("package/t", 0o777, "-> vendor/tool"),
];

#[tokio::test]
async fn a_package_becomes_pkg_and_bin() {
    let registry = Registry::new(&FILES);
    let sent = registry.sent(&agent(pinned())).await.unwrap();
    let sent: Vec<_> = sent.iter().map(|(path, mode, content)| (path.as_str(), *mode, content.as_str())).collect();
    assert_eq!(
        sent,
        [
            ("bin", 0o755, ""),
            ("bin/tool", 0o777, "-> ../pkg/vendor/tool"),
            ("pkg/package.json", 0o644, "{}"),
            ("pkg/vendor/tool", 0o755, "run"),
            ("pkg/t", 0o777, "-> vendor/tool"),
        ]
    );
}

#[tokio::test]
async fn a_version_is_asked_for_once_and_downloaded_once() {
    let registry = Registry::new(&FILES);
    let first = registry.resolve(&agent(pinned())).await.unwrap();
    let later = ProgramStore { npm: registry.programs.npm.clone(), ..ProgramStore::new(registry.path("cache")) };
    assert_eq!(later.resolve(&agent(pinned())).await.unwrap().unwrap(), first);
    registry.sent(&agent(pinned())).await.unwrap();
    later.archive(&first).await.unwrap();
    assert_eq!(registry.calls(), ["view @some/tool@1.2.3", "pack @some/tool@1.2.3"]);
}

#[tokio::test]
async fn a_channel_stays_at_the_version_that_it_first_gave() {
    let registry = Registry::new(&FILES);
    let channel = agent(NpmInstall { version: None, channel: Some("stable".to_owned()), ..pinned() });
    let first = registry.resolve(&channel).await.unwrap();
    registry.answers("echo '{\"version\": \"9.9.9\", \"dist\": {\"integrity\": \"sha512-new\"}}'");
    assert_eq!(registry.resolve(&channel).await.unwrap(), first);
    assert_eq!(first.version, "1.2.3");
}

#[tokio::test]
async fn nobody_is_asked_about_what_the_agent_says_itself() {
    let registry = Registry::new(&FILES);
    let integrity = cache::integrity(&registry.path("served.tgz")).unwrap();
    let said = agent(NpmInstall { integrity: Some(integrity), ..pinned() });
    let resolved = registry.resolve(&said).await.unwrap();
    assert_eq!(registry.calls(), Vec::<String>::new());
    assert_eq!(registry.resolve(&agent(pinned())).await.unwrap().content, resolved.content);
    registry.sent(&said).await.unwrap();
}

#[tokio::test]
async fn an_archive_that_was_not_promised_is_never_kept() {
    let registry = Registry::new(&FILES);
    let program = registry.resolve(&agent(pinned())).await.unwrap();
    let served = registry.path("served.tgz");
    let good = std::fs::read(&served).unwrap();
    pack(&served, &[("package/vendor/tool", 0o755, "evil")]);
    for _ in 0..2 {
        let error = registry.programs.archive(&program).await.unwrap_err();
        assert!(matches!(error, InstallError::IntegrityMismatch { .. }), "{error}");
    }
    std::fs::write(&served, good).unwrap();
    registry.programs.archive(&program).await.unwrap();
    let left: Vec<_> = std::fs::read_dir(registry.path("cache")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left.len(), 2, "a receipt and an archive: {left:?}");
}

#[tokio::test]
async fn what_the_agent_promises_counts_more_than_what_the_registry_says() {
    let registry = Registry::new(&FILES);
    let install = NpmInstall { version: None, channel: Some("latest".to_owned()), ..pinned() };
    let said = agent(NpmInstall { integrity: Some("sha512-other".to_owned()), ..install });
    let error = registry.resolve(&said).await.unwrap_err();
    assert!(matches!(error, InstallError::IntegrityMismatch { expected, .. } if expected == "sha512-other"));
}

#[tokio::test]
async fn npms_complaints_have_types() {
    let registry = Registry::new(&FILES);
    let answer = async |code: &str| {
        registry.answers(&format!("echo '{{\"error\": {{\"code\": \"{code}\", \"summary\": \"why\"}}}}'; exit 1"));
        registry.resolve(&agent(pinned())).await.unwrap_err()
    };
    assert!(matches!(answer("E404").await, InstallError::NoSuchVersion { .. }));
    assert!(matches!(answer("ETARGET").await, InstallError::NoSuchVersion { .. }));
    assert!(matches!(answer("ENOTFOUND").await, InstallError::Offline { .. }));
    assert!(matches!(answer("E500").await, InstallError::NpmFailed { summary, .. } if summary == "why"));
    registry.answers("echo '{\"version\": \"1.2.3\", \"dist\": {\"integrity\": \"sha1-old\"}}'");
    assert!(matches!(registry.resolve(&agent(pinned())).await, Err(InstallError::NoIntegrity { .. })));
    registry.answers("");
    assert!(matches!(registry.resolve(&agent(pinned())).await, Err(InstallError::NoSuchVersion { .. })));
}

#[tokio::test]
async fn without_npm_the_hint_says_what_to_install() {
    let mut registry = Registry::new(&FILES);
    registry.programs.npm.program = "/nonexistent/npm".to_owned();
    let error = registry.resolve(&agent(pinned())).await.unwrap_err();
    assert!(matches!(error, InstallError::NpmMissing { .. }));
    assert!(error.hint().unwrap().contains("npm"));
}

#[tokio::test]
async fn a_program_that_is_not_in_the_package_is_named() {
    let registry = Registry::new(&FILES);
    for program in ["bin/none", "vendor", "../t"] {
        let error = registry.sent(&agent(NpmInstall { program: program.to_owned(), ..pinned() })).await.unwrap_err();
        assert!(matches!(error, InstallError::ProgramMissing { .. }), "{program}: {error}");
    }
}

#[tokio::test]
async fn an_entry_that_leads_out_fails_the_archive() {
    for entry in [
        ("package/../../etc/x", "evil"),
        ("/package/x", "evil"),
        ("package/link", "-> /etc/passwd"),
        ("package/link", "-> ../x"),
        ("package/vendor/link", "-> a/../../../x"),
    ] {
        let registry = Registry::new(&[("package/vendor/tool", 0o755, "run"), (entry.0, 0o644, entry.1)]);
        assert!(registry.sent(&agent(pinned())).await.is_err(), "{entry:?}");
    }
}

fn host(path: &Utf8Path, program: Option<&str>) -> Agent {
    let mut agent = agent(NpmInstall::default());
    let install = HostPathInstall { path: path.to_string(), program: program.map(ToOwned::to_owned) };
    agent.spec.install = Some(Install { host_path: Some(install), ..Install::default() });
    agent
}

fn executable(path: &Utf8Path, content: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn a_program_of_the_host_is_copied_by_content() {
    let registry = Registry::new(&FILES);
    let path = registry.path("opt/tool-1");
    executable(&path, "one");
    symlink("tool-1", registry.path("opt/tool")).unwrap();
    let first = registry.resolve(&host(&path, None)).await.unwrap();
    let sent = registry.sent(&host(&registry.path("opt/tool"), None)).await.unwrap();
    assert_eq!(sent[1].2, "-> ../pkg/tool-1");
    assert_eq!(sent[2], ("pkg/tool-1".to_owned(), 0o755, "one".to_owned()));
    assert_eq!(registry.resolve(&host(&registry.path("opt/tool"), None)).await.unwrap().content, first.content);
    std::fs::write(&path, "two").unwrap();
    assert_ne!(registry.resolve(&host(&path, None)).await.unwrap().content, first.content);
    let stale = registry.programs.archive(&first).await.unwrap();
    assert!(stale.collect().await.is_err(), "what was resolved is not what is there");
}

#[tokio::test]
async fn a_folder_of_the_host_needs_its_program_named_and_keeps_inside() {
    let registry = Registry::new(&FILES);
    let folder = registry.path("opt");
    executable(&folder.join("bin/tool"), "run");
    std::fs::write(folder.join("data"), "1").unwrap();
    let sent = registry.sent(&host(&folder, Some("bin/tool"))).await.unwrap();
    let paths: Vec<_> = sent.iter().map(|(path, ..)| path.as_str()).collect();
    assert_eq!(paths, ["bin", "bin/tool", "pkg/bin/tool", "pkg/data"]);
    let error = async |program| registry.resolve(&host(&folder, program)).await.unwrap_err();
    assert!(matches!(error(None).await, InstallError::ProgramNotNamed { .. }));
    assert!(matches!(error(Some("none")).await, InstallError::ProgramMissing { .. }));
    assert!(matches!(error(Some("data")).await, InstallError::NotExecutable { .. }));
    let missing = registry.resolve(&host(&folder.join("none"), None)).await.unwrap_err();
    assert!(matches!(missing, InstallError::Host(SourceError::Missing { .. })));
    symlink("/etc", folder.join("out")).unwrap();
    assert!(matches!(error(Some("bin/tool")).await, InstallError::Unsafe { .. }));
}

#[tokio::test]
async fn an_agent_without_install_has_no_volume_and_other_installs_are_refused() {
    let registry = Registry::new(&FILES);
    let mut agent = agent(pinned());
    agent.spec.install = None;
    assert_eq!(registry.programs.resolve(&agent).await.unwrap(), None);
    agent.spec.install = Some(Install { url: Some(Default::default()), ..Install::default() });
    assert!(matches!(registry.programs.resolve(&agent).await, Err(InstallError::NotSupported { install: "url" })));
}
