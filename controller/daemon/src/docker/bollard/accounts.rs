//! The container's lists of users and groups, where the image does not know whom it is run as.
//!
//! Programs look their user up: a shell for its prompt, ssh and git for a name and a home. Instances run as the operator, whom no image
//! knows, so a line for them is added in the container before it starts; the image stays as it is, and one that knows the user is left
//! alone. What an image needs is found with its first container and remembered.

use bollard::Docker;
use bollard::query_parameters::DownloadFromContainerOptions;
use camino::Utf8Path;
use futures::TryStreamExt;
use jackin_plan::world::{ContainerId, ContainerSpec};

use super::DockerEngine;
use super::connect::within;
use super::failure::Failure;
use super::limit;
use crate::docker::{EngineError, Operation};
use crate::tarball;

/// A list of more bytes is none that we would write.
const LONGEST: usize = 1 << 20;

/// Name of the user, and of its group, where the image has no other of that name.
const NAME: &str = "agent";

/// A list of users or groups, by its path below `/`, with the line that it lacks.
pub(super) type Lists = Vec<(&'static str, String)>;

impl DockerEngine {
    /// Lets a container that was not started yet know its user.
    pub(super) async fn introduce_user(&self, id: &ContainerId, spec: &ContainerSpec) -> Result<(), EngineError> {
        let Some((uid, gid)) = stranger(spec) else { return Ok(()) };
        let key = (spec.image.0.clone(), uid, gid);
        let known = self.accounts.lock().await.get(&key).cloned();
        let lists = match known {
            Some(lists) => lists,
            None => {
                let lists = self.lists(id, spec, uid, gid).await?;
                self.accounts.lock().await.insert(key, lists.clone());
                lists
            }
        };
        if lists.is_empty() {
            return Ok(());
        }
        let archive = tarball::whole(|tarball| {
            lists.iter().try_for_each(|(path, text)| {
                tarball.file(Utf8Path::new(path), u64::try_from(text.len()).unwrap_or(u64::MAX), false, text.as_bytes())
            })
        });
        self.unpack(id, "/", archive).await
    }

    /// The lists that do not know the user or its group, with them in it.
    async fn lists(&self, id: &ContainerId, spec: &ContainerSpec, uid: u32, gid: u32) -> Result<Lists, EngineError> {
        let client = self.client(Operation::InspectContainer, &id.0).await?;
        let home = spec.env.get("HOME").map_or("/", String::as_str);
        let user = |name: &str| format!("{name}:x:{uid}:{gid}:{name}:{home}:/bin/sh");
        let group = |name: &str| format!("{name}:x:{gid}:");
        let mut lists = Lists::new();
        if let Some(text) = read(client, id, "etc/passwd").await?.and_then(|text| with(&text, uid, user)) {
            lists.push(("etc/passwd", text));
        }
        if let Some(text) = read(client, id, "etc/group").await?.and_then(|text| with(&text, gid, group)) {
            lists.push(("etc/group", text));
        }
        Ok(lists)
    }
}

/// Who a container runs as, where an image may not know them. Nothing can be added to a root file system that refuses writes.
fn stranger(spec: &ContainerSpec) -> Option<(u32, u32)> {
    let (uid, gid) = spec.user.as_ref()?.split_once(':')?;
    let (uid, gid) = (uid.parse().ok()?, gid.parse().ok()?);
    (uid != 0 && !spec.security.read_only_rootfs).then_some((uid, gid))
}

/// The text of a file of the container: empty where there is none, and nothing where it is no text file of its own.
async fn read(client: &Docker, id: &ContainerId, path: &str) -> Result<Option<String>, EngineError> {
    let options = DownloadFromContainerOptions { path: format!("/{path}") };
    let received =
        client.download_from_container(&id.0, Some(options)).try_fold(Vec::new(), |mut all, part| async move {
            if all.len() < LONGEST {
                all.extend_from_slice(&part);
            }
            Ok(all)
        });
    match within(limit::READ, received).await {
        Ok(archive) => Ok(only_file(&archive)),
        Err(Failure::Answer { status: 404, .. }) => Ok(Some(String::new())),
        Err(failure) => Err(failure.into_error(Operation::InspectContainer, &id.0)),
    }
}

/// The text of the one regular file in an archive.
fn only_file(archive: &[u8]) -> Option<String> {
    let mut archive = tar::Archive::new(archive);
    let mut entry = archive.entries().ok()?.next()?.ok()?;
    if !entry.header().entry_type().is_file() {
        return None;
    }
    let mut text = String::new();
    std::io::Read::read_to_string(&mut entry, &mut text).ok()?;
    Some(text)
}

/// A list with one line more, by a name that is free in it; nothing where it has the number already.
fn with(text: &str, number: u32, line: impl Fn(&str) -> String) -> Option<String> {
    let mut entries = text.lines().map(|line| line.split(':'));
    let is_known = entries.clone().any(|mut fields| fields.nth(2).and_then(|field| field.parse().ok()) == Some(number));
    if is_known {
        return None;
    }
    let is_taken = entries.any(|mut fields| fields.next() == Some(NAME));
    let name = if is_taken { format!("{NAME}-{number}") } else { NAME.to_owned() };
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    Some(format!("{text}{end}{}\n", line(&name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_not_in_the_list_gets_a_line_with_a_free_name() {
        let line = |name: &str| format!("{name}:x:1000:1000::/home/agent:/bin/sh");
        assert_eq!(with("", 1000, line).as_deref(), Some("agent:x:1000:1000::/home/agent:/bin/sh\n"));
        let known = "root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/bash\n";
        assert_eq!(with(known, 1000, line), None);
        let taken = "agent:x:7:7::/:/bin/sh";
        let expected = "agent:x:7:7::/:/bin/sh\nagent-1000:x:1000:1000::/home/agent:/bin/sh\n";
        assert_eq!(with(taken, 1000, line).as_deref(), Some(expected));
        // A number elsewhere in a line is no entry's.
        assert!(with("x:1000:1:1::/:/\n", 1000, line).is_some());
    }

    #[test]
    fn a_list_is_read_only_where_it_is_a_file_of_its_own() {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        builder.append_link(&mut header, "passwd", "/nix/store/passwd").unwrap();
        assert_eq!(only_file(&builder.into_inner().unwrap()), None);
        assert_eq!(only_file(b"no archive"), None);
    }
}
