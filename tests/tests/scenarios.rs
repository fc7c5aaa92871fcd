//! Scenarios in text: what is given, what happens, and a golden transcript of every pass.
//!
//! One file in `scenarios/cases` is one scenario: a sentence that is a rule, then commands (`> …`), some followed by YAML. They are
//! played through the real stages of a pass (workspace, image, resolve, ladder, check, status) on the model of the engine, and what
//! was planned and done is compared with the file of the same name in `scenarios/golden`. To write a new scenario, add a text file;
//! to accept its transcript: `INSTA_UPDATE=always cargo nextest run -p jackin-tests --test scenarios`, and read what was written.
//!
//! Whatever a file says, these hold for each settling: what `jackin diff` would have shown is what was done; the cheapest sequence that
//! the model knows is no cheaper, also after a pass was interrupted; no session was ended that no policy or person gave up.

mod scenarios {
    pub(crate) mod budget;
    pub(crate) mod play;
    pub(crate) mod stage;
    pub(crate) mod transcript;
}

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use scenarios::play::play;

/// The scenarios, by name.
fn cases() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/cases");
    let entries = fs::read_dir(folder).expect("a folder of scenarios");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, fs::read_to_string(path).expect("a scenario in UTF-8"))
        })
        .collect()
}

#[test]
fn every_scenario_gives_its_golden_transcript() {
    let mut failed = Vec::new();
    for (name, script) in cases() {
        let played = std::panic::catch_unwind(|| {
            let mut settings = insta::Settings::clone_current();
            settings.set_snapshot_path("scenarios/golden");
            settings.set_prepend_module_to_snapshot(false);
            settings.set_omit_expression(true);
            settings.bind(|| insta::assert_snapshot!(name.clone(), play(&script)));
        });
        if played.is_err() {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "these scenarios differ from their golden transcripts: {failed:?}");
}
