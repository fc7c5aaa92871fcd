//! The page about how it is built leads to what is there.

use std::fs;

use super::documents::repository;

const FOLDERS: [&str; 7] = ["api/", "capsule/", "controller/", "docker/", "examples/", "manifests/", "tests/"];

#[test]
fn every_path_in_the_architecture_is_there() {
    let root = repository();
    let text = fs::read_to_string(root.join("ARCHITECTURE.md")).expect("the page");
    let is_rooted = |word: &&str| FOLDERS.iter().any(|folder| word.starts_with(folder));
    let (mut is_block, mut paths) = (false, Vec::new());
    for line in text.lines() {
        if line.starts_with("```") {
            is_block = !is_block;
        } else if is_block {
            // Within a block, names also count from the folder that stands above them.
            paths.extend(line.split_whitespace().filter(is_rooted));
        } else {
            paths.extend(line.split('`').skip(1).step_by(2).filter(|word| word.contains('/')));
        }
    }
    let missing: Vec<_> = paths.iter().filter(|path| !root.join(path).exists()).collect();
    assert!(missing.is_empty() && paths.len() > 40, "{missing:?} of {}", paths.len());
}
