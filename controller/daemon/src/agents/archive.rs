//! What a program's volume holds, as an archive: `pkg/` and `bin/`.

use std::fs::File;
use std::io;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use flate2::read::MultiGzDecoder;

use crate::docker::Archive;
use crate::images::add;
use crate::tarball::{self, Tarball};

use super::InstallError;
use super::host::HostProgram;

/// Folder of the package.
const PACKAGE: &str = "pkg";

/// Links of `bin/`, all to one program.
pub(super) struct Links {
    pub(super) bin: Vec<String>,
    /// Path inside the package.
    pub(super) program: Utf8PathBuf,
}

impl Links {
    fn add<W: io::Write>(&self, tarball: &mut Tarball<W>) -> io::Result<()> {
        tarball.folder(Utf8Path::new("bin"))?;
        let target = Utf8Path::new("..").join(PACKAGE).join(&self.program);
        self.bin.iter().try_for_each(|name| tarball.link(&Utf8Path::new("bin").join(name), &target))
    }
}

/// The volume of an npm package, made from its archive while it is read.
pub(super) fn of_package(path: Utf8PathBuf, links: Links) -> Archive {
    tarball::stream(move |tarball| {
        links.add(tarball)?;
        let mut archive = open(&path)?;
        for entry in archive.entries()? {
            let entry = entry?;
            let name = entry.path()?.to_string_lossy().into_owned();
            package_entry(tarball, entry, &links.program).map_err(|error| named(&name, &error))?;
        }
        Ok(())
    })
}

fn package_entry<W: io::Write>(
    tarball: &mut Tarball<W>,
    entry: tar::Entry<'_, impl io::Read>,
    program: &Utf8Path,
) -> io::Result<()> {
    let kind = entry.header().entry_type();
    if kind.is_pax_global_extensions() || kind.is_dir() {
        return Ok(());
    }
    let path = package_path(&entry)?;
    let target = Utf8Path::new(PACKAGE).join(&path);
    if kind.is_file() {
        let (size, mode) = (entry.size(), entry.header().mode()?);
        // Packages are not always packed with the bit that their program needs; npm itself sets it too.
        return tarball.file(&target, size, mode & 0o111 != 0 || path == *program, entry);
    }
    let link =
        entry.link_name()?.filter(|_| kind.is_symlink()).ok_or_else(|| unsafe_entry("it is neither file nor link"))?;
    let link = Utf8PathBuf::try_from(link.into_owned()).map_err(|_| unsafe_entry("its target is not in UTF-8"))?;
    if !stays_inside(&path, &link) {
        return Err(unsafe_entry("it leads out of the package"));
    }
    tarball.link(&target, &link)
}

/// The path of an entry without the first folder, whose name says nothing.
fn package_path(entry: &tar::Entry<'_, impl io::Read>) -> io::Result<Utf8PathBuf> {
    let path = entry.path()?.into_owned();
    let path = Utf8PathBuf::try_from(path).map_err(|_| unsafe_entry("its name is not in UTF-8"))?;
    let path = inner(&path).ok_or_else(|| unsafe_entry("it leads out of the package"))?;
    let below: Utf8PathBuf = path.components().skip(1).collect();
    if below.as_str().is_empty() { Err(unsafe_entry("it is beside the package's folder")) } else { Ok(below) }
}

/// The volume of files of the host, which must still be what was found.
pub(super) fn of_host(host: HostProgram, links: Links) -> Archive {
    tarball::stream(move |tarball| {
        links.add(tarball)?;
        host.entries.iter().try_for_each(|entry| add(tarball, &host.root, Utf8Path::new(PACKAGE), entry))
    })
}

/// Looks for the program in a package's archive, no further than it must.
pub(super) fn find_program(path: &Utf8Path, program: &Utf8Path, place: &str) -> Result<(), InstallError> {
    let find = || -> io::Result<bool> {
        for entry in open(path)?.entries()? {
            let entry = entry?;
            let kind = entry.header().entry_type();
            if (kind.is_file() || kind.is_symlink()) && package_path(&entry)? == *program {
                return Ok(true);
            }
        }
        Ok(false)
    };
    match find() {
        Ok(true) => Ok(()),
        Ok(false) => Err(InstallError::ProgramMissing { program: program.to_string(), place: format!("`{place}`") }),
        Err(error) if error.kind() == UNSAFE => {
            Err(InstallError::Unsafe { entry: error.to_string(), place: place.to_owned() })
        }
        Err(error) => Err(InstallError::io(path.as_str(), error)),
    }
}

fn open(path: &Utf8Path) -> io::Result<tar::Archive<MultiGzDecoder<io::BufReader<File>>>> {
    let file = io::BufReader::with_capacity(256 * 1024, File::open(path)?);
    Ok(tar::Archive::new(MultiGzDecoder::new(file)))
}

/// A relative path without `.`; `None` when it leads out of its folder.
pub(super) fn inner(path: &Utf8Path) -> Option<Utf8PathBuf> {
    let mut result = Utf8PathBuf::new();
    for component in path.components() {
        match component {
            Utf8Component::Normal(part) => result.push(part),
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir | Utf8Component::RootDir | Utf8Component::Prefix(_) => return None,
        }
    }
    (!result.as_str().is_empty()).then_some(result)
}

/// Whether a link at `path` leads somewhere inside the folder that `path` counts from.
pub(super) fn stays_inside(path: &Utf8Path, target: &Utf8Path) -> bool {
    let mut depth = path.components().count().saturating_sub(1);
    for component in target.components() {
        match component {
            Utf8Component::Normal(_) => depth += 1,
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir if depth > 0 => depth -= 1,
            Utf8Component::ParentDir | Utf8Component::RootDir | Utf8Component::Prefix(_) => return false,
        }
    }
    true
}

const UNSAFE: io::ErrorKind = io::ErrorKind::InvalidFilename;

fn unsafe_entry(why: &'static str) -> io::Error {
    io::Error::new(UNSAFE, why)
}

fn named(entry: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("`{entry}`: {error}"))
}
