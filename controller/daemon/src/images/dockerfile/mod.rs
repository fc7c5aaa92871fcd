//! What of a Dockerfile must be known before it is built: what it starts from, and what it takes out of the context.
//!
//! Everything else of it is the engine's. Where a word depends on what is not known here, such as a variable of a base image, the
//! answer errs on the side of more: then all of the context counts.

mod instructions;
mod stage;
mod variables;

use std::collections::{BTreeMap, BTreeSet};

use instructions::{directive, instructions};
use stage::{Base, Stage};
use variables::Variables;

pub(super) use stage::Copied;

/// The stages of a Dockerfile.
#[derive(Clone, Debug, Default)]
pub(super) struct Dockerfile {
    stages: Vec<Stage>,
}

impl Dockerfile {
    /// Reads a Dockerfile. What the engine will not understand is left out: it says so better.
    pub(super) fn parse(text: &str) -> Self {
        let escape = match directive(text, "escape") {
            Some("`") => '`',
            Some(_) | None => '\\',
        };
        let given = BTreeMap::new();
        let mut global = Variables::before_the_first_stage();
        let mut stages: Vec<Stage> = Vec::new();
        for instruction in instructions(text, escape) {
            match (instruction.name.as_str(), stages.last_mut()) {
                ("FROM", _) => stages.push(Stage::begin(&instruction, &stages, &global, escape)),
                ("ARG", None) => global.argument(&instruction.rest, &given, None, escape),
                (_, Some(stage)) => {
                    let mut stage = std::mem::take(stage);
                    stage.carry_out(&instruction, &stages, &given, &global, escape);
                    if let Some(last) = stages.last_mut() {
                        *last = stage;
                    }
                }
                // What stands before the first stage means nothing.
                (_, None) => {}
            }
        }
        Self { stages }
    }

    /// References of all images that the last stage takes something from, sorted.
    pub(super) fn bases(&self) -> Vec<String> {
        let taken = self.needed().into_iter().flat_map(|stage| self.stages[stage].takes_from());
        let images = taken.filter_map(|base| match base {
            Base::Image(reference) => Some(reference.clone()),
            Base::Stage(_) | Base::Nothing | Base::Unknown => None,
        });
        images.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// What the last stage and those that it takes something from copy out of the context.
    pub(super) fn copied(&self) -> BTreeSet<Copied> {
        self.needed().into_iter().flat_map(|stage| self.stages[stage].copied.iter().cloned()).collect()
    }

    /// What any stage copies out of the context. The classic builder carries out all of them.
    pub(super) fn copied_by_any(&self) -> BTreeSet<Copied> {
        self.stages.iter().flat_map(|stage| stage.copied.iter().cloned()).collect()
    }

    /// The last stage and all that it takes something from, by their places.
    fn needed(&self) -> BTreeSet<usize> {
        let mut needed = BTreeSet::new();
        let mut open: Vec<usize> = self.stages.len().checked_sub(1).into_iter().collect();
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

    fn bases(text: &str) -> Vec<String> {
        Dockerfile::parse(text).bases()
    }

    fn copied(text: &str) -> Vec<String> {
        Dockerfile::parse(text).copied().iter().map(ToString::to_string).collect()
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
        assert_eq!(Dockerfile::parse(text).copied_by_any().len(), 3);
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
}
