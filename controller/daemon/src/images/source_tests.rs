use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.with("Dockerfile", "FROM debian:bookworm\nCOPY . /app\n")
    }

    fn path(&self) -> &Utf8Path {
        Utf8Path::from_path(self.0.path()).unwrap()
    }

    fn with(self, path: &str, content: &str) -> Self {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    fn observe(&self) -> ObservedSource {
        observe_source(&self.role(Hooks::default())).unwrap()
    }

    fn role(&self, hooks: Hooks) -> Role {
        let mut role = Role::default();
        role.spec.source.path = Some(self.path().to_string());
        role.spec.hooks = Some(hooks);
        role
    }

    fn names(&self) -> Vec<String> {
        self.observe().fields.0.into_keys().collect()
    }

    fn sent(&self) -> Vec<String> {
        match self.observe().kind {
            SourceKind::Folder { entries, .. } => entries.iter().map(|entry| entry.path.to_string()).collect(),
            other => panic!("{other:?}"),
        }
    }
}

fn changes(before: &ObservedSource, after: &ObservedSource) -> Vec<String> {
    before.fields.changes_to(&after.fields).iter().map(ToString::to_string).collect()
}

#[test]
fn a_copy_at_another_place_and_time_has_the_same_digest() {
    let files = |folder: Folder| folder.with("src/main.rs", "fn main() {}").with("a", "1");
    let (one, two) = (files(Folder::new()), files(Folder::new()));
    let old = std::fs::File::options().write(true).open(two.path().join("a")).unwrap();
    old.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(source_digest(one.path()).unwrap(), source_digest(two.path()).unwrap());
}

#[test]
fn a_folder_behind_a_link_is_the_folder() {
    let folder = Folder::new();
    let other = tempfile::tempdir().unwrap();
    let link = Utf8Path::from_path(other.path()).unwrap().join("link");
    symlink(folder.path(), &link).unwrap();
    assert_eq!(source_digest(&link).unwrap(), source_digest(folder.path()).unwrap());
}

#[test]
fn every_kind_of_edit_names_its_file() {
    let folder = Folder::new().with("edited", "1").with("removed", "1").with("run.sh", "1");
    symlink("edited", folder.path().join("link")).unwrap();
    let before = folder.observe();
    let folder = folder.with("edited", "2").with("added", "1").with("Dockerfile", "FROM scratch\nCOPY . /\n");
    std::fs::remove_file(folder.path().join("removed")).unwrap();
    std::fs::remove_file(folder.path().join("link")).unwrap();
    symlink("added", folder.path().join("link")).unwrap();
    std::fs::set_permissions(folder.path().join("run.sh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    assert_eq!(
        changes(&before, &folder.observe()),
        [
            "~ dockerfile",
            "+ files[added]",
            "~ files[edited]",
            "+ files[empty]",
            "~ files[link]",
            "- files[removed]",
            "~ files[run.sh]",
        ]
    );
}

#[test]
fn an_ignored_file_changes_nothing_until_it_is_taken_back() {
    let folder = Folder::new().with(".dockerignore", "notes\n.dockerignore\n").with("notes/a", "1");
    let before = folder.observe();
    let folder = folder.with("notes/a", "2");
    assert_eq!(changes(&before, &folder.observe()), Vec::<String>::new());
    let folder = folder.with(".dockerignore", "notes\n.dockerignore\n!notes/a\n");
    assert_eq!(changes(&before, &folder.observe()), ["+ files[notes/a]"]);
}

#[test]
fn only_what_is_copied_counts_is_read_and_is_sent() {
    let folder = Folder::new().with("Dockerfile", "FROM debian:bookworm\nCOPY src *.toml /app/\n");
    let folder = folder.with("src/main.rs", "1").with("a.toml", "1").with("README.md", "1").with("docs/a.toml", "1");
    assert_eq!(folder.names(), ["dockerfile", "files[a.toml]", "files[src/main.rs]"]);
    assert_eq!(folder.sent(), ["Dockerfile", "a.toml", "src/main.rs"]);
    let before = folder.observe();
    let folder = folder.with("README.md", "2").with("src/main.rs", "2");
    assert_eq!(changes(&before, &folder.observe()), ["~ files[src/main.rs]"]);
}

#[test]
fn what_only_an_unused_stage_copies_is_sent_and_does_not_count() {
    let folder = Folder::new().with("Dockerfile", "FROM a AS unused\nCOPY tool /\nFROM b\nCOPY src /\n");
    let folder = folder.with("tool", "1").with("src/main.rs", "1");
    assert_eq!(folder.names(), ["dockerfile", "files[src/main.rs]"]);
    assert_eq!(folder.sent(), ["Dockerfile", "src/main.rs", "tool"]);
    assert_eq!(folder.observe().bases, ["b"]);
}

#[test]
fn the_dockerfile_and_the_ignore_file_are_sent_even_when_ignored() {
    let folder = Folder::new().with(".dockerignore", "*").with("a", "1");
    assert_eq!(folder.sent(), [".dockerignore", "Dockerfile"]);
    assert_eq!(folder.names(), ["dockerfile"]);
}

#[test]
fn what_is_ignored_is_not_even_read() {
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::new().with(".dockerignore", "odd\n").with("odd/a", "1");
    let name = std::ffi::OsStr::from_bytes(b"odd/\xff");
    std::fs::write(folder.path().as_std_path().join(name), "").unwrap();
    assert_eq!(folder.sent(), [".dockerignore", "Dockerfile"]);
    let folder = folder.with(".dockerignore", "none\n");
    assert!(matches!(source_digest(folder.path()), Err(SourceError::NameNotUtf8 { .. })));
}

#[test]
fn pipes_and_sockets_are_left_out() {
    let folder = Folder::new();
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
    assert_eq!(folder.sent(), ["Dockerfile"]);
}

#[test]
fn a_hook_is_named_even_where_the_context_ignores_it() {
    let folder = Folder::new().with(".dockerignore", "hooks\n").with("hooks/setup.sh", "1");
    let hooks = Hooks { setup_once: Some("hooks/setup.sh".to_owned()), ..Hooks::default() };
    let role = folder.role(hooks);
    let before = observe_source(&role).unwrap();
    let digest = role_source_digest(&role).unwrap();
    let folder = folder.with("hooks/setup.sh", "2");
    assert_eq!(changes(&before, &observe_source(&role).unwrap()), ["~ hooks[hooks/setup.sh]"]);
    assert_ne!(digest, role_source_digest(&role).unwrap());
    drop(folder);
}

#[test]
fn a_hook_that_leads_out_of_the_source_is_refused() {
    let folder = Folder::new();
    symlink("/etc/hostname", folder.path().join("out")).unwrap();
    let hook = |path: &str| Hooks { source: Some(path.to_owned()), ..Hooks::default() };
    let error = observe_source(&folder.role(hook("out"))).unwrap_err();
    assert!(matches!(error, SourceError::HookOutside { .. }), "{error}");
    let error = observe_source(&folder.role(hook("none"))).unwrap_err();
    assert!(matches!(error, SourceError::HookMissing { .. }), "{error}");
}

#[test]
fn what_is_missing_is_told_from_what_cannot_be_read() {
    let folder = Folder::new();
    std::fs::remove_file(folder.path().join("Dockerfile")).unwrap();
    assert!(matches!(source_digest(folder.path()), Err(SourceError::NoDockerfile { .. })));
    assert!(matches!(source_digest(&folder.path().join("none")), Err(SourceError::Missing { .. })));
    let looped = folder.path().join("loop");
    symlink("loop", &looped).unwrap();
    let error = source_digest(&looped).unwrap_err();
    assert!(error.is_unknown(), "{error}");
}

#[test]
fn the_source_gives_its_own_fields_and_names_its_bases() {
    let source = Folder::new().observe();
    assert_eq!(source.bases, ["debian:bookworm"]);
    assert_eq!(source.fields.0.keys().collect::<Vec<_>>(), ["dockerfile"]);
}

#[test]
fn sources_without_a_folder() {
    let mut role = Role::default();
    assert!(matches!(observe_source(&role), Err(SourceError::NoSource)));
    role.spec.source.inline = Some(jackin_api::kinds::InlineSource { dockerfile: "FROM a:1\n".to_owned() });
    assert_eq!(observe_source(&role).unwrap().bases, ["a:1"]);
    role.spec.source = RoleSource { image: Some("b:2".to_owned()), ..RoleSource::default() };
    let source = observe_source(&role).unwrap();
    assert!(!source.is_built());
    assert_eq!(source.bases, ["b:2"]);
    role.spec.source = RoleSource { git: Some(Default::default()), ..RoleSource::default() };
    assert!(matches!(observe_source(&role), Err(SourceError::NotFetched)));
}
