//! Files that commands write where `--output` says.

use std::fs::{File, OpenOptions};

use camino::Utf8Path;

use crate::command_error::{CommandError, ErrorKind};

/// Makes the file; one that is there may be what somebody wants to keep.
///
/// # Errors
/// When it is there and is not to be replaced, or cannot be written.
pub(crate) fn create(path: &Utf8Path, overwrite: bool) -> Result<File, CommandError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).create_new(!overwrite);
    options.open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            CommandError::new(ErrorKind::Conflict, format!("`{path}` is there already"))
                .hint("`--output` names another file, `--overwrite` replaces this one")
        }
        _ => CommandError::failed(format!("`{path}` cannot be written"))
            .caused_by(&error)
            .hint("`--output` names another file"),
    })
}
