//! What of a Dockerfile must be known before it is built: what it starts from, and what it takes out of the context.
//!
//! Everything else of it is the engine's. Where a word depends on what is not known here, such as a variable of a base image, the
//! answer errs on the side of more: then all of the context counts.

mod instructions;
mod stage;
mod variables;

use std::collections::{BTreeMap, BTreeSet};

use instructions::{directive, instructions};
use stage::{Base, Stage, arguments};
use variables::Variables;

pub(super) use stage::{Copied, SecretMount};

/// The stages of a Dockerfile.
#[derive(Clone, Debug, Default)]
pub(super) struct Dockerfile {
    stages: Vec<Stage>,
    /// The stage that is built, by its place.
    target: usize,
    /// Names of the arguments that are declared before the first stage.
    declared: BTreeSet<String>,
    /// The image that reads it in the place of the engine (`# syntax=`).
    pub(super) frontend: Option<String>,
}

impl Dockerfile {
    /// Reads a Dockerfile whose arguments are `given` these values. What the engine will not understand is left out: it says so better.
    pub(super) fn parse(text: &str, given: &BTreeMap<String, String>) -> Self {
        let escape = match directive(text, "escape") {
            Some("`") => '`',
            Some(_) | None => '\\',
        };
        let mut declared = BTreeSet::new();
        let mut global = Variables::before_the_first_stage();
        let mut stages: Vec<Stage> = Vec::new();
        for instruction in instructions(text, escape) {
            match (instruction.name.as_str(), stages.last_mut()) {
                ("FROM", _) => stages.push(Stage::begin(&instruction, &stages, given, &global, escape)),
                ("ARG", None) => {
                    declared.extend(arguments(&instruction.rest));
                    global.argument(&instruction.rest, given, None, escape);
                }
                (_, Some(stage)) => {
                    let mut stage = std::mem::take(stage);
                    stage.carry_out(&instruction, &stages, given, &global, escape);
                    if let Some(last) = stages.last_mut() {
                        *last = stage;
                    }
                }
                // What stands before the first stage means nothing.
                (_, None) => {}
            }
        }
        let target = stages.len().saturating_sub(1);
        Self { stages, target, declared, frontend: directive(text, "syntax").map(str::to_owned) }
    }

    /// The same with this stage as the one that is built; `None` when it has none of that name.
    pub(super) fn built_up_to(self, stage: &str) -> Option<Self> {
        let by_number = stage.parse().ok().filter(|place| *place < self.stages.len());
        let target = self.stages.iter().rposition(|found| found.is_named(stage)).or(by_number)?;
        Some(Self { target, ..self })
    }

    /// Whether the stage that is built is the last one.
    pub(super) fn builds_the_last(&self) -> bool {
        self.target + 1 >= self.stages.len()
    }

    /// Names of the arguments that the stages that are built declare, and those before the first stage.
    pub(super) fn declared(&self) -> BTreeSet<&str> {
        let of_stages = self.needed().into_iter().flat_map(|stage| &self.stages[stage].declared);
        of_stages.chain(&self.declared).map(String::as_str).collect()
    }

    /// Secrets that the stages that are built read, those that are required first.
    pub(super) fn secrets(&self) -> Vec<&SecretMount> {
        let mut secrets: Vec<_> = self.needed().into_iter().flat_map(|stage| &self.stages[stage].secrets).collect();
        secrets.sort_by_key(|secret| !secret.required);
        secrets
    }

    /// What of it the classic builder, which carries out all stages up to the one that is built, does not know; as written.
    pub(super) fn newer(&self) -> Option<&str> {
        self.stages.iter().take(self.target + 1).find_map(|stage| stage.newer.as_deref())
    }

    /// References of all images that the stage that is built takes something from, sorted.
    pub(super) fn bases(&self) -> Vec<String> {
        let taken = self.needed().into_iter().flat_map(|stage| self.stages[stage].takes_from());
        let images = taken.filter_map(|base| match base {
            Base::Image(reference) => Some(reference.clone()),
            Base::Stage(_) | Base::Nothing | Base::Unknown => None,
        });
        images.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// What the stage that is built and those that it takes something from copy out of the context.
    pub(super) fn copied(&self) -> BTreeSet<Copied> {
        self.needed().into_iter().flat_map(|stage| self.stages[stage].copied.iter().cloned()).collect()
    }

    /// What any stage copies out of the context. The classic builder carries out all of them.
    pub(super) fn copied_by_any(&self) -> BTreeSet<Copied> {
        self.stages.iter().flat_map(|stage| stage.copied.iter().cloned()).collect()
    }

    /// The stage that is built and all that it takes something from, by their places.
    fn needed(&self) -> BTreeSet<usize> {
        let mut needed = BTreeSet::new();
        let mut open: Vec<usize> = (0..self.stages.len()).filter(|place| *place == self.target).collect();
        while let Some(stage) = open.pop() {
            if needed.insert(stage) {
                open.extend(self.stages[stage].takes_from().flat_map(|base| match base {
                    Base::Stage(earlier) => *earlier..*earlier + 1,
                    Base::Unknown => 0..stage,
                    Base::Image(_) | Base::Nothing => 0..0,
                }));
            }
        }
        needed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Dockerfile {
        Dockerfile::parse(text, &BTreeMap::new())
    }

    fn bases(text: &str) -> Vec<String> {
        parse(text).bases()
    }

    fn copied(text: &str) -> Vec<String> {
        parse(text).copied().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn stages_and_scratch_are_no_bases() {
        let text = "FROM --platform=linux/amd64 golang:1 AS Build\nFROM scratch\nCOPY --from=build /a /a\nCOPY --from=0 /b /b\nCOPY --from=busybox:1 /c /c\nRUN --mount=type=bind,from=tools:2,target=/t true\n";
        assert_eq!(bases(text), ["busybox:1", "golang:1", "tools:2"]);
    }

    #[test]
    fn a_stage_that_nothing_takes_from_does_not_count() {
        let text = "FROM unused:1 AS one\nCOPY one /\nFROM used:1 AS two\nCOPY two /\nFROM three:1\nCOPY --from=two /x /\nCOPY three /\n";
        assert_eq!(bases(text), ["three:1", "used:1"]);
        assert_eq!(copied(text), ["three", "two"]);
        assert_eq!(parse(text).copied_by_any().len(), 3);
    }

    #[test]
    fn arguments_before_the_first_from_are_put_in() {
        let text = "ARG TAG=\"bookworm\"\nARG NAME=debian\nFROM a:${NONE:-x} as a\nFROM b:${TAG:+y} as b\nFROM ${NAME}:$TAG\nCOPY --from=a / /\nCOPY --from=b / /\n";
        assert_eq!(bases(text), ["a:x", "b:y", "debian:bookworm"]);
    }

    #[test]
    fn a_stage_that_depends_on_the_platform_may_be_any_of_the_earlier_ones() {
        let text = "FROM a AS of-amd64\nCOPY a /\nFROM b AS of-arm64\nCOPY b /\nFROM of-$TARGETARCH\n";
        assert_eq!(
            (bases(text), copied(text)),
            (vec!["a".to_owned(), "b".to_owned()], vec!["a".to_owned(), "b".to_owned()])
        );
    }

    #[test]
    fn sources_are_cleaned_and_what_is_not_of_the_context_is_none() {
        let text = "FROM a\nCOPY [\"with space\", \"./x/../y/\", \"/dest/\"]\nADD https://example.com/z ../up /dest/\nCOPY <<EOF /inline\nCOPY no /\nEOF\nCOPY --chown=1:2 *.rs /src/\n";
        assert_eq!(copied(text), ["*.rs", "up", "with space", "y"]);
    }

    #[test]
    fn variables_are_put_in_and_those_of_the_base_make_everything_count() {
        let set = "FROM a\nARG DIR=src\nENV SUB=$DIR/deep\nCOPY ${SUB} /x\n";
        assert_eq!(copied(set), ["src/deep"]);
        assert_eq!(copied("FROM a\nCOPY $OF_THE_BASE /x\n"), ["everything"]);
        assert_eq!(copied("FROM scratch\nCOPY x$NOTHING /x\n"), ["x"]);
    }

    #[test]
    fn mounts_of_the_context_are_copied_from_and_triggers_run_in_the_stage_on_top() {
        let text = "FROM a\nRUN --mount=type=bind,source=tools,target=/t --mount=type=cache,target=/c --mount=type=secret,id=k true\n";
        assert_eq!(copied(text), ["tools"]);
        assert_eq!(copied("FROM a\nRUN --mount=target=/t true\n"), ["everything"]);
        let triggers = "FROM a AS base\nONBUILD COPY later /\nCOPY now /\nFROM base\n";
        assert_eq!(copied(triggers), ["later", "now"]);
        assert_eq!(copied("FROM a\nONBUILD COPY later /\n"), Vec::<String>::new());
    }

    #[test]
    fn only_the_stages_up_to_the_target_count() {
        let text = "ARG TAG=1\nFROM a:$TAG AS tools\nARG TOOLS\nCOPY tools /\nFROM b AS last\nARG LAST\nCOPY last /\n";
        let given = BTreeMap::from([("TAG".to_owned(), "2".to_owned())]);
        let target = Dockerfile::parse(text, &given).built_up_to("Tools").unwrap();
        assert_eq!(target.bases(), ["a:2"]);
        assert_eq!(target.copied().iter().map(ToString::to_string).collect::<Vec<_>>(), ["tools"]);
        assert_eq!(target.declared().into_iter().collect::<Vec<_>>(), ["TAG", "TOOLS"]);
        assert_eq!(parse(text).declared().into_iter().collect::<Vec<_>>(), ["LAST", "TAG"]);
        assert!(parse(text).built_up_to("last").unwrap().builds_the_last());
        assert!(parse(text).built_up_to("none").is_none());
    }

    #[test]
    fn secrets_of_the_stages_that_are_built_are_asked_for_by_id_or_by_file() {
        let text = "FROM a AS unused\nRUN --mount=type=secret,id=other,required true\nFROM b\nRUN --mount=type=secret,id=token --mount=type=secret,target=/run/key,required=true true\n";
        let parsed = parse(text);
        let asked: Vec<_> = parsed.secrets().into_iter().map(|secret| (secret.id.as_str(), secret.required)).collect();
        assert_eq!(asked, [("key", true), ("token", false)]);
    }

    #[test]
    fn what_the_classic_builder_does_not_know_is_told_as_written() {
        let newer = |text: &str| parse(text).newer().map(str::to_owned);
        assert_eq!(newer("# syntax=docker/dockerfile:1\nFROM a\nRUN make\nCOPY --chown=1 b /\n"), None);
        assert_eq!(newer("FROM a\nRUN --mount=type=cache,target=/c make\n").as_deref(), Some("RUN --mount"));
        assert_eq!(newer("FROM a\nCOPY --chmod=755 b /\n").as_deref(), Some("COPY --chmod"));
        assert_eq!(newer("FROM a\nRUN <<EOF\nmake\nEOF\n").as_deref(), Some("RUN <<EOF"));
        assert_eq!(newer("FROM a\nARG TARGETARCH\n").as_deref(), Some("ARG TARGETARCH"));
        let after = parse("FROM a AS one\nFROM b\nRUN --network=none make\n").built_up_to("one").unwrap();
        assert_eq!(after.newer(), None);
    }
}
