//! Files of objects: read, parsed with positions, checked, and made independent of where they lie.
//!
//! The path of a file is the order of the submodules: [`source`] finds and reads it, [`parse`] makes a tree with positions of it
//! (and is alone in knowing YAML), [`typed`] makes objects of the tree, [`paths`] makes their paths absolute, [`check`] holds them
//! against the rules. What is done with the objects is the commands' business.
//!
//! # Guarantees
//!
//! - Every problem of every document is told, not only the first, each with its place.
//! - Nothing is sent anywhere while there is a problem: who gets objects from here has only sound ones.

mod check;
mod commits;
mod node;
mod parse;
mod paths;
mod problem;
mod source;
mod typed;

use std::sync::Arc;

use jackin_api::kinds::{Agent, Role, Workspace};
use kube::core::ObjectMeta;
use serde_json::Value;

pub(crate) use check::{Known, Wanted};
pub(crate) use commits::note_commits;
pub(crate) use source::Source;

use node::Node;
use problem::Problem;

use crate::command_error::{CommandError, Diagnostic, ErrorKind};
use crate::context::Context;
use crate::resource::{AGENT, ROLE, Resource, WORKSPACE};

/// Which files are meant.
#[derive(Debug, clap::Args)]
pub(crate) struct Files {
    /// File, folder or pattern of files to read; `-` is standard input
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    pub(crate) files: Vec<String>,
    /// Read folders with their subfolders
    #[arg(short = 'R', long, requires = "files")]
    pub(crate) recursive: bool,
}

/// An object that a file says.
#[derive(Clone, Debug)]
pub(crate) enum Object {
    Role(Box<Role>),
    Agent(Box<Agent>),
    Workspace(Box<Workspace>),
}

/// An object with the place that it comes from.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// What the file says, with absolute paths.
    pub(crate) object: Object,
    node: Node,
    source: Arc<Source>,
}

impl Object {
    pub(crate) fn resource(&self) -> &'static Resource {
        match self {
            Self::Role(_) => &ROLE,
            Self::Agent(_) => &AGENT,
            Self::Workspace(_) => &WORKSPACE,
        }
    }

    fn metadata(&self) -> &ObjectMeta {
        match self {
            Self::Role(role) => &role.metadata,
            Self::Agent(agent) => &agent.metadata,
            Self::Workspace(workspace) => &workspace.metadata,
        }
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        match self {
            Self::Role(role) => &mut role.metadata,
            Self::Agent(agent) => &mut agent.metadata,
            Self::Workspace(workspace) => &mut workspace.metadata,
        }
    }

    pub(crate) fn name(&self) -> &str {
        self.metadata().name.as_deref().unwrap_or_default()
    }

    pub(crate) fn namespace(&self) -> &str {
        self.metadata().namespace.as_deref().unwrap_or("default")
    }

    /// How output names it.
    pub(crate) fn label(&self) -> String {
        self.resource().label(self.name())
    }

    /// The object as JSON, without what only the server writes.
    pub(crate) fn to_json(&self) -> Value {
        let value = match self {
            Self::Role(role) => serde_json::to_value(role),
            Self::Agent(agent) => serde_json::to_value(agent),
            Self::Workspace(workspace) => serde_json::to_value(workspace),
        };
        let mut value = value.unwrap_or_default();
        if let Some(object) = value.as_object_mut() {
            object.remove("status");
        }
        value
    }

    /// The place in the order of applying: what others refer to comes first.
    pub(crate) fn rank(&self) -> u8 {
        match self {
            Self::Role(_) => 0,
            Self::Agent(_) => 1,
            Self::Workspace(_) => 2,
        }
    }
}

/// The sound objects of files, each in the namespace that it or the command line says, in the order of the files.
///
/// # Errors
/// With every problem of every document.
pub(crate) fn load(files: &Files, context: &Context) -> Result<Vec<Manifest>, CommandError> {
    if files.files.is_empty() {
        return Err(
            CommandError::bad_input("no file is named").hint("name one with `-f FILE`; `-f -` reads standard input")
        );
    }
    let mut diagnostics = Vec::new();
    let mut manifests = Vec::new();
    for source in source::read(&files.files, files.recursive)? {
        let source = Arc::new(source);
        let (nodes, problems) = parse::documents(&source.text);
        diagnostics.extend(problems.into_iter().map(|problem| problem.at(&source)));
        for node in nodes {
            match read(&node, &source, context) {
                Ok(object) => manifests.push(Manifest { object, node, source: Arc::clone(&source) }),
                Err(problems) => diagnostics.extend(problems.into_iter().map(|problem| problem.at(&source))),
            }
        }
    }
    diagnostics.extend(check::duplicates(&manifests));
    diagnostics.extend(check::references_within(&manifests));
    if !diagnostics.is_empty() {
        return Err(broken(diagnostics));
    }
    if manifests.is_empty() {
        return Err(
            CommandError::bad_input("the files hold no objects").hint("write at least one Role, Agent or Workspace")
        );
    }
    Ok(manifests)
}

/// The kind, namespace and name of each object of files, which need not be sound beyond that.
///
/// # Errors
/// With every document that does not say them.
pub(crate) fn identities(
    files: &Files,
    context: &Context,
) -> Result<Vec<(&'static Resource, String, String)>, CommandError> {
    let mut diagnostics = Vec::new();
    let mut identities = Vec::new();
    for source in source::read(&files.files, files.recursive)? {
        let source = Arc::new(source);
        let (nodes, problems) = parse::documents(&source.text);
        diagnostics.extend(problems.into_iter().map(|problem| problem.at(&source)));
        for node in nodes {
            match typed::identity(&node) {
                Ok((kind, namespace, name)) => {
                    let resource = crate::resource::find(kind).unwrap_or(&WORKSPACE);
                    let namespace = namespace.unwrap_or_else(|| context.namespace().to_owned());
                    identities.push((resource, namespace, name));
                }
                Err(problems) => diagnostics.extend(problems.into_iter().map(|problem| problem.at(&source))),
            }
        }
    }
    if diagnostics.is_empty() { Ok(identities) } else { Err(broken(diagnostics)) }
}

/// An object as YAML.
///
/// # Errors
/// When it cannot be written so.
pub(crate) fn to_yaml(value: &Value) -> Result<String, CommandError> {
    parse::to_yaml(value).map_err(|error| CommandError::failed("an object cannot be written as YAML").caused_by(&error))
}

/// What the objects refer to and the set itself does not hold.
pub(crate) fn wanted(manifests: &[Manifest]) -> Wanted {
    check::wanted(manifests)
}

/// Checks the references with what the server knows.
///
/// # Errors
/// With every reference to what is neither in the set nor on the server.
pub(crate) fn check_references(manifests: &[Manifest], known: &Known) -> Result<(), CommandError> {
    let diagnostics = check::references(manifests, known);
    if diagnostics.is_empty() { Ok(()) } else { Err(broken(diagnostics)) }
}

fn broken(diagnostics: Vec<Diagnostic>) -> CommandError {
    CommandError::of(ErrorKind::BadInput, diagnostics)
}

fn read(node: &Node, source: &Source, context: &Context) -> Result<Object, Vec<Problem>> {
    let (object, mut problems) = typed::object(node);
    let Some(mut object) = object else {
        return Err(in_order(problems));
    };
    problems.extend(check::namespace(&object, node, context.namespace_asked()));
    problems.extend(check::rules(&object, node));
    let namespace = object.metadata().namespace.clone().unwrap_or_else(|| context.namespace().to_owned());
    object.metadata_mut().namespace = Some(namespace);
    problems.extend(paths::resolve(&mut object, node, &source.folder));
    for problem in check::rules(&object, node).into_iter().chain(check::home(&object, node)) {
        if !problems.iter().any(|earlier| earlier.field == problem.field) {
            problems.push(problem);
        }
    }
    if problems.is_empty() {
        return Ok(object);
    }
    Err(in_order(problems))
}

/// Problems as somebody meets them who reads the file from its top.
fn in_order(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by_key(|problem| (problem.position.line, problem.position.column));
    problems
}
