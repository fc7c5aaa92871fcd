use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use camino::Utf8Path;

use super::*;

struct Stage {
    folder: tempfile::TempDir,
    seconds: Arc<AtomicI64>,
    sources: GitSources,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let seconds = Arc::new(AtomicI64::new(1_700_000_000));
        let read = seconds.clone();
        let clock = Clock::reading(move || Timestamp::from_second(read.load(Ordering::SeqCst)).unwrap());
        let home = Home::at(Utf8Path::from_path(folder.path()).unwrap().join("home"));
        let stage = Self { sources: GitSources::new(&home, clock), folder, seconds };
        stage.git(&["init", "--quiet", "--initial-branch=main", "."]);
        stage.commit("first");
        stage
    }

    fn path(&self) -> String {
        let path = self.folder.path().join("repository");
        std::fs::create_dir_all(&path).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn git(&self, arguments: &[&str]) -> String {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false"];
        let output = Command::new("git").current_dir(self.path()).args(identity).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn commit(&self, text: &str) -> String {
        std::fs::write(Utf8Path::new(&self.path()).join("Dockerfile"), text).unwrap();
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", text]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// The id of an object of the repository, which git makes of its input.
    fn object(&self, arguments: &[&str], input: &str) -> String {
        let mut git = Command::new("git");
        git.current_dir(self.path()).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = git.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A line of a tree with a link.
    fn link(&self, name: &str, target: &str) -> String {
        format!("120000 blob {}\t{name}\n", self.object(&["hash-object", "-w", "--stdin"], target))
    }

    /// A line of a tree with a tree of these lines, which need not be sound.
    fn tree(&self, name: &str, lines: &[String]) -> String {
        format!("040000 tree {}\t{name}\n", self.object(&["mktree"], &lines.concat()))
    }

    fn source(&self) -> GitSource {
        GitSource { url: format!("file://{}", self.path()), ..GitSource::default() }
    }

    fn remove_repository(&self) {
        std::fs::remove_dir_all(self.path()).unwrap();
    }

    fn pass(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }
}

fn text(checkout: &Checkout) -> String {
    std::fs::read_to_string(checkout.folder.join("Dockerfile")).unwrap()
}

#[tokio::test]
async fn a_branch_that_moved_is_seen_when_its_window_is_over_or_when_somebody_asks() {
    let stage = Stage::new();
    let look = async |asked| stage.sources.checkout(&stage.source(), asked).await.unwrap();
    assert_eq!(text(&look(None).await), "first");
    stage.commit("second");
    stage.pass(599);
    assert_eq!(text(&look(None).await), "first");
    assert_eq!(look(None).await.again, Some(Duration::from_secs(1)));
    stage.pass(1);
    assert_eq!(text(&look(None).await), "second");
    stage.commit("third");
    assert_eq!(text(&look(Some("once")).await), "third");
    stage.commit("fourth");
    assert_eq!(text(&look(Some("once")).await), "third", "a request is served once");
}

#[tokio::test]
async fn what_is_cached_serves_while_the_repository_is_away_and_that_is_told() {
    let stage = Stage::new();
    let before = stage.sources.checkout(&stage.source(), None).await.unwrap();
    let source = stage.source();
    stage.remove_repository();
    stage.pass(600);
    let after = stage.sources.checkout(&source, None).await.unwrap();
    assert_eq!((&after.commit, &after.folder), (&before.commit, &before.folder));
    assert!(after.unfetched.is_some_and(|why| why.contains("fetch from")));
    assert_eq!(after.again, Some(FAILED_WINDOW));
}

#[tokio::test]
async fn a_commit_that_is_cached_needs_no_repository_and_one_that_is_not_is_unknown() {
    let stage = Stage::new();
    let first = stage.git(&["rev-parse", "HEAD"]);
    stage.commit("second");
    let pinned = |commit: &str| GitSource { commit: Some(commit.to_owned()), ..stage.source() };
    let (source, missing) = (pinned(&first), pinned(&"0".repeat(40)));
    assert_eq!(text(&stage.sources.checkout(&source, None).await.unwrap()), "first");
    let absent = stage.sources.checkout(&missing, None).await.unwrap_err();
    assert!(matches!(absent, GitError::NoCommit { .. }) && !absent.is_unknown(), "{absent}");
    stage.remove_repository();
    assert_eq!(text(&stage.sources.checkout(&source, None).await.unwrap()), "first");
    assert!(stage.sources.checkout(&missing, None).await.unwrap_err().is_unknown());
}

#[tokio::test]
async fn files_are_as_they_are_in_the_commit_and_a_link_outside_is_refused() {
    let stage = Stage::new();
    let folder = Utf8PathBuf::from(stage.path());
    std::fs::write(folder.join(".gitattributes"), "* export-subst filter=none eol=crlf\nhidden export-ignore\n")
        .unwrap();
    std::fs::write(folder.join("hidden"), "$Format:%H$\n").unwrap();
    std::os::unix::fs::symlink("hidden", folder.join("link")).unwrap();
    stage.commit("second");
    let checkout = stage.sources.checkout(&stage.source(), None).await.unwrap();
    assert_eq!(std::fs::read_to_string(checkout.folder.join("link")).unwrap(), "$Format:%H$\n");

    std::os::unix::fs::symlink("/etc/passwd", folder.join("out")).unwrap();
    stage.commit("third");
    let refused = stage.sources.checkout(&stage.source(), Some("now")).await.unwrap_err();
    assert!(matches!(refused, GitError::LinkOutside { .. }), "{refused}");
}

#[tokio::test]
async fn a_commit_with_a_link_and_a_folder_of_one_name_writes_nothing_outside_of_its_own_folder() {
    let stage = Stage::new();
    let climbs = ["a"; 4].iter().fold(stage.link("b", "../../../.."), |inner, name| stage.tree(name, &[inner]));
    let payload = stage.tree("b", &[stage.link(".bash_login", "home/payload")]);
    let root = stage.object(&["mktree"], &[stage.link("a", "."), climbs, payload].concat());
    let commit = stage.git(&["commit-tree", "-m", "hostile", &root]);
    stage.git(&["update-ref", "refs/heads/main", &commit]);
    let refused = stage.sources.checkout(&stage.source(), None).await.unwrap_err();
    assert!(matches!(&refused, GitError::PathTwice { path, .. } if path == "a/a/a/a/b"), "{refused}");
    let beside = std::fs::read_dir(stage.folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut beside: Vec<_> = beside.collect();
    beside.sort();
    assert_eq!(beside, ["home", "repository"]);
}

#[tokio::test]
async fn what_is_no_id_of_a_commit_is_refused_and_no_folder_is_taken_for_its_files() {
    let stage = Stage::new();
    let elsewhere = stage.folder.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::fs::create_dir_all(stage.folder.path().join("home/cache/sources")).unwrap();
    for commit in [elsewhere.to_str().unwrap(), "../../../elsewhere", "", ".", &"0".repeat(39), &"g".repeat(40)] {
        let source = GitSource { commit: Some(commit.to_owned()), ..stage.source() };
        let refused = stage.sources.checkout(&source, None).await.unwrap_err();
        assert!(matches!(refused, GitError::BadCommit { .. }), "{commit}: {refused}");
    }
}
