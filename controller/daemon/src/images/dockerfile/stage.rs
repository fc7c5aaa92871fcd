//! One stage of a Dockerfile: what it starts from, and what it takes from where.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::instructions::{Instruction, instructions};
use super::variables::{Variables, is_of_the_builder};
use crate::images::glob;

/// Something that a build copies out of its context.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::images) enum Copied {
    /// What a path means, which may have wildcards; folders with all that is in them.
    Path(String),
    /// All of it, also where what is copied cannot be told.
    Everything,
}

impl fmt::Display for Copied {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => formatter.write_str(path),
            Self::Everything => formatter.write_str("everything"),
        }
    }
}

/// A secret that a step reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::images) struct SecretMount {
    /// Its id.
    pub(in crate::images) id: String,
    /// Whether the step fails without it.
    pub(in crate::images) required: bool,
}

/// What a stage takes something from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Base {
    /// `scratch`.
    #[default]
    Nothing,
    /// An earlier stage, by its place.
    Stage(usize),
    /// An image.
    Image(String),
    /// It depends on what is not known: any earlier stage, or an image.
    Unknown,
}

/// One stage.
#[derive(Clone, Debug, Default)]
pub(super) struct Stage {
    name: String,
    base: Base,
    others: Vec<Base>,
    variables: Variables,
    triggers: Vec<Instruction>,
    /// What it copies out of the context.
    pub(super) copied: Vec<Copied>,
    /// Names of the arguments that it declares.
    pub(super) declared: BTreeSet<String>,
    /// Secrets that its steps read.
    pub(super) secrets: Vec<SecretMount>,
    /// The first part of it that the classic builder does not know, as written.
    pub(super) newer: Option<String>,
}

impl Stage {
    /// The stage that a `FROM` begins.
    pub(super) fn begin(
        from: &Instruction,
        earlier: &[Self],
        given: &BTreeMap<String, String>,
        global: &Variables,
        escape: char,
    ) -> Self {
        let words: Vec<&str> = from.rest.split_whitespace().collect();
        let base = match global.expand(words.first().unwrap_or(&"scratch"), escape) {
            Ok(reference) if reference == "scratch" => Base::Nothing,
            Ok(reference) => match earlier.iter().rposition(|stage| stage.is_named(&reference)) {
                Some(place) => Base::Stage(place),
                None => Base::Image(reference),
            },
            Err(_) => Base::Unknown,
        };
        let mut stage = Self { base, ..Self::default() };
        if words.get(1).is_some_and(|word| word.eq_ignore_ascii_case("as")) {
            words.get(2).copied().unwrap_or_default().clone_into(&mut stage.name);
        }
        if stage.base == Base::Unknown {
            stage.newer = Some(format!("FROM {}", from.rest));
        }
        match stage.base {
            Base::Nothing => {}
            Base::Image(_) | Base::Unknown => stage.variables.inherits = true,
            Base::Stage(place) => {
                stage.variables = earlier[place].variables.of_a_stage_on_top();
                for trigger in &earlier[place].triggers {
                    stage.carry_out(trigger, earlier, given, global, escape);
                }
            }
        }
        stage
    }

    /// Everything that it takes something from, the context apart.
    pub(super) fn takes_from(&self) -> impl Iterator<Item = &Base> {
        std::iter::once(&self.base).chain(&self.others)
    }

    pub(super) fn is_named(&self, name: &str) -> bool {
        !self.name.is_empty() && self.name.eq_ignore_ascii_case(name)
    }

    /// Takes one more instruction in.
    pub(super) fn carry_out(
        &mut self,
        instruction: &Instruction,
        earlier: &[Self],
        given: &BTreeMap<String, String>,
        global: &Variables,
        escape: char,
    ) {
        if self.newer.is_none() {
            self.newer = newer(instruction);
        }
        match instruction.name.as_str() {
            "ARG" => {
                self.declared.extend(arguments(&instruction.rest));
                self.variables.argument(&instruction.rest, given, Some(global), escape);
            }
            "ENV" => self.variables.environment(&instruction.rest, escape),
            "ONBUILD" => self.triggers.extend(instructions(&instruction.rest, escape)),
            "COPY" | "ADD" => match instruction.flags.iter().find(|(name, _)| name == "from") {
                Some((_, from)) => self.others.push(other(from, earlier)),
                None => self.copy(instruction, escape),
            },
            "RUN" => {
                let mounts = instruction.flags.iter().filter(|(name, _)| name == "mount");
                mounts.for_each(|(_, mount)| self.mount(mount, earlier));
            }
            _ => {}
        }
    }

    fn copy(&mut self, instruction: &Instruction, escape: char) {
        let listed: Option<Vec<String>> = serde_json::from_str(&instruction.rest).ok();
        let mut words = listed.unwrap_or_else(|| instruction.rest.split_whitespace().map(str::to_owned).collect());
        // The last is where to.
        words.pop();
        for word in words.iter().filter(|word| !word.starts_with("<<")) {
            match self.variables.expand(word, escape) {
                Ok(source) if instruction.name == "ADD" && is_remote(&source) => {}
                Ok(source) => self.copied.push(path(&source)),
                Err(_) => self.copied.push(Copied::Everything),
            }
        }
    }

    fn mount(&mut self, mount: &str, earlier: &[Self]) {
        let option = |wanted: &[&str]| {
            let mut options = mount.split(',').filter_map(|option| option.split_once('='));
            options.find(|(name, _)| wanted.contains(name)).map(|(_, value)| value)
        };
        match (option(&["type"]).unwrap_or("bind"), option(&["from"])) {
            (_, Some(from)) => self.others.push(other(from, earlier)),
            ("secret", None) => {
                self.secrets.extend(secret(mount, option(&["id"]), option(&["target", "dst", "destination"])))
            }
            ("bind", None) => self.copied.push(match option(&["source", "src"]) {
                // Variables are put in by newer builders only.
                Some(source) if source.contains('$') => Copied::Everything,
                source => path(source.unwrap_or(".")),
            }),
            (_, None) => {}
        }
    }
}

/// Names of the arguments in the text after `ARG`.
pub(super) fn arguments(text: &str) -> impl Iterator<Item = String> {
    text.split_whitespace().map(|word| word.split_once('=').map_or(word, |(name, _)| name).to_owned())
}

/// The secret that a mount is for; without an id it is called like its file.
fn secret(mount: &str, id: Option<&str>, target: Option<&str>) -> Option<SecretMount> {
    let id = id.or_else(|| target?.rsplit('/').next()).filter(|id| !id.is_empty())?.to_owned();
    let required = mount.split(',').any(|option| matches!(option, "required" | "required=true" | "required=1"));
    Some(SecretMount { id, required })
}

/// What of an instruction the classic builder does not know, as written.
fn newer(instruction: &Instruction) -> Option<String> {
    let flags: &[&str] = match instruction.name.as_str() {
        "RUN" => &["mount", "network", "security"],
        "COPY" => &["chmod", "link", "parents", "exclude"],
        "ADD" => &["chmod", "link", "checksum", "keep-git-dir", "exclude"],
        "ARG" => {
            let of_the_builder = arguments(&instruction.rest).find(|name| is_of_the_builder(name));
            return of_the_builder.map(|name| format!("ARG {name}"));
        }
        _ => &[],
    };
    let flag = instruction.flags.iter().find(|(name, _)| flags.contains(&name.as_str()));
    let heredoc = || instruction.heredocs.first().map(|end| format!("{} <<{end}", instruction.name));
    flag.map(|(name, _)| format!("{} --{name}", instruction.name)).or_else(heredoc)
}

/// What `--from=` means.
fn other(from: &str, earlier: &[Stage]) -> Base {
    let by_name = || earlier.iter().rposition(|stage| stage.is_named(from));
    match from.parse().ok().filter(|place| *place < earlier.len()).or_else(by_name) {
        Some(place) => Base::Stage(place),
        None if from.contains('$') => Base::Unknown,
        None if from == "scratch" => Base::Nothing,
        None => Base::Image(from.to_owned()),
    }
}

/// A source in the context. What leads above the context is the context.
fn path(source: &str) -> Copied {
    match glob::clean(&format!("/{source}")) {
        all if all == "." => Copied::Everything,
        path => Copied::Path(path),
    }
}

/// Whether `ADD` fetches it.
fn is_remote(source: &str) -> bool {
    ["http://", "https://", "ftp://", "git://", "git@", "ssh://"].iter().any(|scheme| source.starts_with(scheme))
}
