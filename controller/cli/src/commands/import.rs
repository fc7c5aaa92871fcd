//! `jackin import`: environments that others describe in their own words, as objects of ours.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use clap::Subcommand;
use jackin_api::validate::Validate;

use super::Ended;
use crate::command_error::{CommandError, Diagnostic, ErrorKind, Place};
use crate::context::Context;
use crate::import::{Format, Imported, Input, Malformed, Told, convert};
use crate::manifest::{Source, to_yaml};

/// Print an object that is made of a file of another tool.
#[derive(Debug, Subcommand)]
pub(crate) enum Arguments {
    /// Print a Role, made of a folder's `jackin.role.toml` or `devcontainer.json`; what a role cannot say is named beside it
    Role(Folder),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Folder {
    /// The folder; its path is that of the role's source
    #[arg(value_name = "FOLDER")]
    folder: Utf8PathBuf,
    /// Name of the role, instead of what the file calls it
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

/// Files that are looked for, the first that is there counts, and what they are written in.
const FILES: [(&str, &str, Format); 4] = [
    ("", "jackin.role.toml", Format::RoleToml),
    (".devcontainer", "devcontainer.json", Format::Devcontainer),
    ("", ".devcontainer.json", Format::Devcontainer),
    ("", "devcontainer.json", Format::Devcontainer),
];

pub(crate) fn run(arguments: &Arguments, context: &Context) -> Ended {
    let Arguments::Role(Folder { folder, name }) = arguments;
    let (inside, format, source) = find(folder)?;
    let input = Input { text: &source.text, format, folder: folder.as_str(), inside };
    let Imported { mut role, told } = convert(&input).map_err(|malformed| at(&Arc::new(source), malformed))?;
    if name.is_some() {
        role.metadata.name.clone_from(name);
    }
    let broken = role.validate().into_iter().map(|error| {
        let hints = error.hint.into_iter().collect();
        Diagnostic { message: format!("{}: {}", error.field, error.message), hints, ..Diagnostic::default() }
    });
    let broken: Vec<_> = broken.collect();
    for Told { field, message } in &told {
        context.console.say(&format!("{field}: {message}"));
    }
    if !broken.is_empty() {
        return Err(CommandError::of(ErrorKind::BadInput, broken));
    }
    let value = serde_json::to_value(&role).map_err(std::io::Error::from)?;
    context.console.write(&to_yaml(&value)?)?;
    Ok(0)
}

fn find(folder: &Utf8Path) -> Result<(&'static str, Format, Source), CommandError> {
    for (inside, file, format) in FILES {
        let path = folder.join(inside).join(file);
        if path.is_file() {
            let text = fs_err::read_to_string(&path)?;
            return Ok((inside, format, Source { name: path.to_string(), folder: folder.to_owned(), text }));
        }
    }
    let names: Vec<_> =
        FILES.iter().map(|(inside, file, _)| format!("`{}`", Utf8Path::new(inside).join(file))).collect();
    Err(CommandError::bad_input(format!("nothing to import in the folder `{folder}`"))
        .hint(format!("it is looked for {}", names.join(", "))))
}

/// The error with its place in the file.
fn at(source: &Arc<Source>, malformed: Malformed) -> CommandError {
    let before = source.text.get(..malformed.offset).unwrap_or(&source.text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let place = Place {
        source: Arc::clone(source),
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        field: String::new(),
    };
    let diagnostic = Diagnostic { message: malformed.message, place: Some(place), ..Diagnostic::default() };
    CommandError::of(ErrorKind::BadInput, vec![diagnostic])
}
