//! Building in memory: a Dockerfile is read, its commands are guessed, the id is the content's.
//!
//! `RUN` knows `exit N`, `false` (fails) and `sleep` (waits until the build is cancelled); every other command succeeds at once.

use std::collections::BTreeMap;

use jackin_plan::world::{BuildRequest, BuildStep, Builder, ImageId, Labels};
use secrecy::SecretString;

use super::images::with_tag;
use super::world::{World, digest};
use crate::docker::{BuildProgress, EngineErrorCause};

/// One instruction, ready to be carried out.
pub(super) struct Instruction {
    text: String,
    /// Name of the result of this instruction and all before it.
    chain: String,
}

/// A build that was read and not begun.
pub(super) struct Plan {
    instructions: Vec<Instruction>,
    labels: Labels,
    base: Option<String>,
}

/// What comes of one instruction.
pub(super) enum Outcome {
    Done(BuildProgress),
    Failed(EngineErrorCause),
    /// It goes on until somebody ends it.
    Hangs,
}

impl Plan {
    /// Reads the Dockerfile of a context.
    pub(super) fn read(
        request: &BuildRequest,
        context: &[u8],
        secrets: &BTreeMap<String, SecretString>,
    ) -> Result<Self, EngineErrorCause> {
        let files = super::archive::files(context)?;
        let dockerfile = files.get(request.dockerfile.trim_start_matches("./"));
        let dockerfile = dockerfile.ok_or_else(|| failed(None, None, "Cannot locate specified Dockerfile", &[]))?;
        let mut texts = instructions(&String::from_utf8_lossy(dockerfile));
        let mut labels: Labels = texts.iter().filter_map(|text| label(text)).collect();
        labels.extend(request.labels.clone());
        let base = texts.iter().find_map(|text| text.strip_prefix("FROM ")).map(|base| base.trim().to_owned());
        if base.is_none() {
            return Err(failed(None, None, "dockerfile parse error: no build stage in current context", &[]));
        }
        if let Some(text) = texts.iter().find(|text| text.starts_with("RUN --mount")) {
            let required = text.split_once("type=secret,id=").and_then(|(_, rest)| rest.split_once(",required"));
            match (request.builder, required) {
                (Builder::Classic, _) => {
                    let message = "the --mount option requires BuildKit";
                    return Err(failed(Some(text), None, message, &[]));
                }
                (Builder::BuildKit, Some((id, _))) if !secrets.contains_key(id) => {
                    return Err(failed(Some(text), None, &format!("secret {id}: not found"), &[]));
                }
                (Builder::BuildKit, _) => {}
            }
        }
        if !request.labels.is_empty() {
            let pairs = request.labels.iter().map(|(key, value)| format!("{key}={value}"));
            texts.push(format!("LABEL {}", pairs.collect::<Vec<_>>().join(" ")));
        }
        let arguments = format!("{:?}", request.build_args);
        let mut chain = digest(&[arguments.as_bytes()]);
        let content = contents(&files);
        let chained = texts.into_iter().map(|text| {
            let copies = text.starts_with("COPY ") || text.starts_with("ADD ");
            let read = if copies { content.as_str() } else { "" };
            chain = digest(&[chain.as_bytes(), text.as_bytes(), read.as_bytes()]);
            Instruction { text, chain: chain.clone() }
        });
        Ok(Self { instructions: chained.collect(), labels, base })
    }

    pub(super) fn instructions(&self) -> &[Instruction] {
        &self.instructions
    }
}

impl World {
    pub(super) fn build_step(&mut self, plan: &Plan, index: usize) -> Vec<Outcome> {
        let Instruction { text, chain } = &plan.instructions[index];
        let header = format!("Step {}/{} : {text}", index + 1, plan.instructions.len());
        let mut outcomes = vec![Outcome::Done(BuildProgress::Line(header.clone()))];
        let cached = index > 0 && self.build_cache.contains(chain);
        if cached {
            outcomes.push(Outcome::Done(BuildProgress::Line(" ---> Using cache".to_owned())));
        } else if text.starts_with("RUN ") {
            outcomes.push(Outcome::Done(BuildProgress::Line(format!(" ---> Running in {}", &chain[..12]))));
        }
        if !cached && let Some(outcome) = self.trouble(plan, text, &header) {
            outcomes.push(outcome);
            return outcomes;
        }
        self.build_cache.insert(chain.clone());
        let step = BuildStep { instruction: text.clone(), duration_ms: 0, cached };
        outcomes.push(Outcome::Done(BuildProgress::Step(step)));
        outcomes
    }

    fn trouble(&self, plan: &Plan, text: &str, header: &str) -> Option<Outcome> {
        if let Some(base) = text.strip_prefix("FROM ") {
            let known = base == "scratch" || self.image(base).is_some() || self.registry.contains_key(&with_tag(base));
            let message = format!("pull access denied for {base}, repository does not exist");
            return (!known).then(|| Outcome::Failed(failed(Some(text), None, &message, &[header])));
        }
        debug_assert!(plan.base.is_some(), "a plan has a base");
        let command = text.strip_prefix("RUN ")?;
        let code = match command.split_once("exit ") {
            Some((_, code)) => code.trim().trim_end_matches(['"', ']', '\'']).parse().unwrap_or(1),
            None if command.trim() == "false" => 1,
            None => 0,
        };
        if command.contains("sleep ") {
            return Some(Outcome::Hangs);
        }
        let message = format!("The command '{command}' returned a non-zero code: {code}");
        (code != 0).then(|| Outcome::Failed(failed(Some(text), Some(code), &message, &[header])))
    }

    pub(super) fn finish_build(&mut self, plan: &Plan, request: &BuildRequest) -> ImageId {
        let base = plan.base.as_deref().and_then(|base| self.image(base)).map(|image| image.found.clone());
        let mut labels = base.as_ref().map(|base| base.labels.clone()).unwrap_or_default();
        labels.extend(plan.labels.clone());
        let base_id = base.map(|base| base.id.0).unwrap_or_default();
        let last = plan.instructions.last().map(|last| last.chain.clone()).unwrap_or_default();
        let id = self.keep_image(&digest(&[base_id.as_bytes(), last.as_bytes()]), &labels, 0);
        if let Some(image) = self.images.get_mut(&id) {
            image.last_instruction = plan.instructions.last().map(|last| last.text.clone());
        }
        for tag in &request.tags {
            self.name_image(&id, tag);
        }
        id
    }
}

fn failed(instruction: Option<&str>, exit_code: Option<i64>, message: &str, tail: &[&str]) -> EngineErrorCause {
    EngineErrorCause::BuildFailed {
        instruction: instruction.map(str::to_owned),
        exit_code,
        message: message.to_owned(),
        tail: tail.iter().map(|&line| line.to_owned()).collect(),
    }
}

/// Instructions of a Dockerfile, continued lines joined, comments left out.
fn instructions(dockerfile: &str) -> Vec<String> {
    let joined = dockerfile.replace("\\\n", " ");
    let lines = joined.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(str::to_owned).collect()
}

fn label(text: &str) -> Option<(String, String)> {
    let (key, value) = text.strip_prefix("LABEL ")?.split_once('=')?;
    Some((key.trim_matches('"').to_owned(), value.trim_matches('"').to_owned()))
}

fn contents(files: &BTreeMap<String, Vec<u8>>) -> String {
    let parts: Vec<&[u8]> = files.iter().flat_map(|(path, content)| [path.as_bytes(), content.as_slice()]).collect();
    digest(&parts)
}
