//! Finding and reading the files.

use std::io::Read;

use camino::{Utf8Path, Utf8PathBuf};

use crate::command_error::CommandError;

/// The largest file that is read.
const LARGEST: u64 = 16 << 20;

/// One text of objects.
#[derive(Debug)]
pub(crate) struct Source {
    /// Its name as it was typed, for people.
    pub(crate) name: String,
    /// The folder that its relative paths start from. Absolute.
    pub(crate) folder: Utf8PathBuf,
    /// What it holds.
    pub(crate) text: String,
}

/// The texts that were named: files, folders, patterns, and `-` for standard input, each file once.
///
/// # Errors
/// When something that was named is not there or cannot be read.
pub(super) fn read(names: &[String], is_recursive: bool) -> Result<Vec<Source>, CommandError> {
    let mut paths: Vec<Utf8PathBuf> = Vec::new();
    let mut sources = Vec::new();
    let mut has_input = false;
    for name in names {
        if name == "-" {
            if !std::mem::replace(&mut has_input, true) {
                sources.push(standard_input()?);
            }
            continue;
        }
        for path in expand(name, is_recursive)? {
            if !paths.contains(&path) {
                sources.push(file(&path)?);
                paths.push(path);
            }
        }
    }
    Ok(sources)
}

fn expand(name: &str, is_recursive: bool) -> Result<Vec<Utf8PathBuf>, CommandError> {
    let path = Utf8Path::new(name);
    if path.is_dir() {
        let mut files = Vec::new();
        folder(path, is_recursive, &mut files)?;
        if files.is_empty() {
            return Err(CommandError::bad_input(format!("no `*.yaml` or `*.yml` in the folder `{name}`"))
                .hint("`-R` looks into its subfolders too"));
        }
        return Ok(files);
    }
    if path.exists() {
        return Ok(vec![path.to_owned()]);
    }
    if name.contains(['*', '?', '[']) {
        return pattern(name);
    }
    Err(CommandError::bad_input(format!("no file or folder `{name}`"))
        .hint("`-f` takes files, folders, patterns and `-`"))
}

fn pattern(name: &str) -> Result<Vec<Utf8PathBuf>, CommandError> {
    let malformed = |error: &dyn std::fmt::Display| {
        CommandError::bad_input(format!("not a pattern of files: `{name}`")).hint(error.to_string())
    };
    let mut files = Vec::new();
    for path in glob::glob(name).map_err(|error| malformed(&error))? {
        let path = path.map_err(|error| malformed(&error))?;
        let path = Utf8PathBuf::from_path_buf(path).map_err(|path| name_not_utf8(&path))?;
        if path.is_file() {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(CommandError::bad_input(format!("no file fits the pattern `{name}`"))
            .hint("`ls` tells what is there; `**` stands for folders of any depth"));
    }
    Ok(files)
}

fn folder(path: &Utf8Path, is_recursive: bool, files: &mut Vec<Utf8PathBuf>) -> Result<(), CommandError> {
    let unreadable = |error: std::io::Error| CommandError::bad_input(format!("cannot read `{path}`")).caused_by(&error);
    let mut entries = Vec::new();
    for entry in path.read_dir_utf8().map_err(unreadable)? {
        entries.push(entry.map_err(unreadable)?.into_path());
    }
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            if is_recursive {
                folder(&entry, true, files)?;
            }
        } else if matches!(entry.extension(), Some("yaml" | "yml")) {
            files.push(entry);
        }
    }
    Ok(())
}

fn file(path: &Utf8Path) -> Result<Source, CommandError> {
    let unreadable = |error: std::io::Error| CommandError::bad_input(format!("cannot read `{path}`")).caused_by(&error);
    let opened = fs_err::File::open(path).map_err(unreadable)?;
    let text = text(opened, path.as_str())?;
    let absolute = camino::absolute_utf8(path).map_err(unreadable)?;
    Ok(Source {
        name: path.to_string(),
        folder: absolute.parent().map_or_else(|| Utf8PathBuf::from("/"), Utf8Path::to_owned),
        text,
    })
}

fn standard_input() -> Result<Source, CommandError> {
    let folder = std::env::current_dir()?;
    Ok(Source {
        name: "-".to_owned(),
        folder: Utf8PathBuf::from_path_buf(folder).map_err(|path| name_not_utf8(&path))?,
        text: text(std::io::stdin().lock(), "standard input")?,
    })
}

fn text(reader: impl Read, name: &str) -> Result<String, CommandError> {
    let mut bytes = Vec::new();
    let read = reader.take(LARGEST + 1).read_to_end(&mut bytes);
    read.map_err(|error| CommandError::bad_input(format!("cannot read `{name}`")).caused_by(&error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(CommandError::bad_input(format!("`{name}` is larger than {} MiB", LARGEST >> 20))
            .hint("split it; a folder of files can be named too"));
    }
    let text = String::from_utf8(bytes).map_err(|_| {
        CommandError::bad_input(format!("`{name}` is not in UTF-8"))
            .hint("`file` tells what it is in, and `iconv` makes UTF-8 of it")
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn name_not_utf8(name: &std::path::Path) -> CommandError {
    CommandError::bad_input(format!("the name `{}` is not in UTF-8", name.display())).hint("give it another one")
}
