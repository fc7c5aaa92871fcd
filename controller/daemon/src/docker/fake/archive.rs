//! Reading the archives that the fake is sent.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use flate2::read::GzDecoder;

use crate::docker::EngineErrorCause;

/// Regular files by path, without a leading `./` or `/`.
pub(super) fn files(archive: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, EngineErrorCause> {
    let read = match archive.starts_with(&[0x1f, 0x8b]) {
        true => read(GzDecoder::new(archive)),
        false => read(archive),
    };
    read.map_err(|error| EngineErrorCause::BadArchive { source: Arc::new(error) })
}

fn read(source: impl Read) -> std::io::Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(source).entries()? {
        let mut entry = entry?;
        if entry.header().entry_type().is_file() {
            let path = entry.path()?.to_string_lossy().trim_start_matches("./").trim_start_matches('/').to_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            files.insert(path, content);
        }
    }
    Ok(files)
}
