//! The script that makes the quickstart's repository.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use super::documents::repository;

fn run(program: &Path, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program:?}: {error}"))
}

#[test]
fn the_quickstart_repository_is_made_once_and_an_existing_folder_is_never_touched() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("prepare.sh");
    fs::copy(repository().join("examples/quickstart/prepare.sh"), &script).expect("the script is copied");
    let project = folder.path().join("project");
    let log = || {
        let log = run(Path::new("git"), &["-C", project.to_str().expect("UTF-8"), "log", "--format=%H %s"]);
        String::from_utf8_lossy(&log.stdout).into_owned()
    };
    assert!(run(&script, &[]).status.success());
    let first = log();
    assert_eq!(first.lines().count(), 1, "{first}");
    fs::write(project.join("work.txt"), "not committed").expect("work is written");
    assert!(run(&script, &[]).status.success());
    assert_eq!((log(), project.join("work.txt").exists()), (first, true));

    fs::remove_dir_all(project.join(".git")).expect("it is no repository any more");
    let refused = run(&script, &[]);
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("hint: "));
    assert!(project.join("work.txt").exists() && !project.join(".git").exists());
    let left: Vec<_> = fs::read_dir(folder.path()).expect("the folder").collect();
    assert_eq!(left.len(), 2, "something half made is left: {left:?}");
}
