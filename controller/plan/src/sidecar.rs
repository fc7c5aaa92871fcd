//! The sidecar of an instance: an engine of its own, in a container beside the one that its sessions run in.
//!
//! # Flow
//! [`launch`] turns a desired instance into the container of its sidecar, as [`crate::launch`] does for the instance's own, and
//! [`identity`] is what the latter fixes of it.
//!
//! # Guarantees
//! The two share a directory of the host with the engine's socket, and the mounts, so that a path means the same inside and to the
//! inner engine. They share no namespace: a sidecar that is started again, or made again from the same fields, is no difference.
//! What the inner engine keeps is on a volume of its own that outlives both containers.
//!
//! # Caveats
//! `image.content` is a version: it moves only when the sidecar is replaced for another reason or on request. The privileges are
//! less than `privileged` and are no wall all the same: who controls the inner engine can reach the host.

use std::collections::BTreeMap;

use jackin_api::words::{self as labels, Change, Digest, DigestMap};

use crate::desired::{Desired, DesiredSidecar, Site};
use crate::digest::{digest_of, digest_of_map};
use crate::launch::{bind, mount_fields};
use crate::network;
use crate::observed::SidecarSeen;
use crate::world::{
    Confinement, Container, ContainerSpec, Image, Labels, Limits, Mount, MountSource, RestartPolicy, Security, Volume,
    VolumeSpec,
};

/// Name of the engine's socket in the shared directory.
pub const SOCKET: &str = "docker.sock";

/// Where the shared directory is mounted, inside of both.
pub(crate) const SOCKETS: &str = "/jackin/docker";

/// Where the inner engine keeps what it has.
const DATA: &str = "/var/lib/docker";

/// Seconds that the inner engine has to stop its containers.
pub(crate) const STOP_SECONDS: u32 = 10;

/// The field that is a version.
const CONTENT: &str = "image.content";

/// What an engine and the containers that it starts need. The port leaves out what the host lacks.
const CAPABILITIES: [&str; 22] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "KILL",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_ADMIN",
    "SYS_CHROOT",
    "SYS_NICE",
    "SYS_PTRACE",
    "SYS_RESOURCE",
    "SYSLOG",
];

/// What the sidecar's container would be, and the digests of what it fixes.
#[derive(Clone, Debug, PartialEq)]
pub struct SidecarLaunch {
    /// The container.
    pub spec: ContainerSpec,
    /// Digests of what a creation fixes, by field.
    pub fields: DigestMap,
}

/// The directory on the host with the engine's socket, beside that of the capsule's.
pub fn sockets(run: &str) -> String {
    format!("{run}.docker")
}

/// The value of `DOCKER_HOST` inside.
pub(crate) fn docker_host() -> String {
    format!("unix://{SOCKETS}/{SOCKET}")
}

/// The volume with the inner engine's data.
pub fn data_volume(site: &Site, desired: &Desired, sidecar: &DesiredSidecar) -> VolumeSpec {
    let mut labels = object_labels(site, desired, labels::COMPONENT_DATA);
    labels.insert(labels::VOLUME.to_owned(), digest_of(&sidecar.medium).0);
    let name = site.owner.data_volume(&desired.key.namespace, &desired.key.name, &sidecar.data);
    VolumeSpec { name, labels, medium: sidecar.medium }
}

/// Whether a volume that is there is not what this one would be, so that only another one in its place would do.
pub fn must_replace(found: &Volume, wanted: &VolumeSpec) -> bool {
    found.name == wanted.name && found.labels.get(labels::VOLUME) != wanted.labels.get(labels::VOLUME)
}

/// Names of the volumes with data of the instance that nothing uses and its spec does not ask for, sorted.
///
/// While a sidecar runs on another volume than the wanted one, none is said to be free.
pub fn reclaimable(site: &Site, desired: &Desired, seen: &SidecarSeen) -> Vec<String> {
    let wanted = desired.sidecar.as_ref().map(|sidecar| data_volume(site, desired, sidecar).name);
    let settled = |container: &Container| {
        let fields = container.labels.get(labels::LAUNCH_FIELDS);
        let fields = fields.and_then(|text| serde_json::from_str::<DigestMap>(text).ok());
        let data = desired.sidecar.as_ref().map(|sidecar| digest_of(&(&sidecar.data, sidecar.medium)));
        data.is_some() && fields.and_then(|fields| fields.0.get("data").cloned()) == data
    };
    if !seen.containers.iter().all(settled) {
        return Vec::new();
    }
    let names = seen.volumes.iter().map(|volume| volume.name.clone());
    names.filter(|name| Some(name) != wanted.as_ref()).collect()
}

/// The container of `sidecar` from an image that is there.
pub fn launch(site: &Site, desired: &Desired, sidecar: &DesiredSidecar, image: &Image) -> SidecarLaunch {
    let fields = fields(site, desired, sidecar, Some(image));
    let mut labels = object_labels(site, desired, labels::COMPONENT_SIDECAR);
    labels.insert(labels::IMAGE.to_owned(), image.id.0.clone());
    labels.insert(labels::LAUNCH.to_owned(), digest_of_map(&fields).0);
    // Serialising a map of strings cannot fail.
    labels.insert(labels::LAUNCH_FIELDS.to_owned(), serde_json::to_string(&fields).unwrap_or_default());
    let volume = data_volume(site, desired, sidecar);
    // Without the digest of its medium: should the volume be gone by then, the engine makes a plain one, which is seen to differ.
    let volume_labels = volume.labels.into_iter().filter(|(key, _)| key != labels::VOLUME).collect();
    let mut mounts = vec![
        Mount {
            target: DATA.to_owned(),
            source: MountSource::Volume { name: volume.name, labels: volume_labels },
            read_only: false,
        },
        bind(SOCKETS, &sockets(&desired.run), false),
    ];
    mounts.extend(desired.mounts.iter().map(|mount| bind(&mount.target, &mount.source, mount.read_only)));
    let spec = ContainerSpec {
        name: site.owner.sidecar(&desired.key.namespace, &desired.key.name),
        image: image.id.clone(),
        command: command(site),
        env: BTreeMap::new(),
        user: Some("0:0".to_owned()),
        workdir: None,
        hostname: Some("docker".to_owned()),
        labels,
        mounts,
        networks: vec![network::name(&site.owner, desired)],
        aliases: vec![alias(desired)],
        limits: Limits::default(),
        restart: RestartPolicy::No,
        security: security(),
        stop_timeout_seconds: STOP_SECONDS,
    };
    SidecarLaunch { spec, fields }
}

/// Name under which the others on the network find what the inner engine publishes.
pub(crate) fn alias(desired: &Desired) -> String {
    format!("{}-docker", desired.key.name)
}

/// Digests of what a creation fixes. Without the image, its content is not among them.
pub(crate) fn fields(site: &Site, desired: &Desired, sidecar: &DesiredSidecar, image: Option<&Image>) -> DigestMap {
    let mut fields: BTreeMap<_, _> = identity(site, desired, sidecar).into();
    fields.extend(mount_fields(desired));
    if let Some(image) = image {
        fields.insert(CONTENT.to_owned(), content_of(image));
    }
    DigestMap(fields)
}

/// What the instance's own container fixes of its sidecar.
pub(crate) fn identity(site: &Site, desired: &Desired, sidecar: &DesiredSidecar) -> [(String, Digest); 5] {
    [
        ("image", digest_of(&sidecar.image)),
        ("command", digest_of(&command(site))),
        ("data", digest_of(&(&sidecar.data, sidecar.medium))),
        ("sockets", digest_of(&sockets(&desired.run))),
        ("security", digest_of(&security())),
    ]
    .map(|(field, digest)| (field.to_owned(), digest))
}

/// What differs between the fields that a sidecar was made from and those of now, as far as it can be told.
pub(crate) fn changes(made_from: &DigestMap, now: &DigestMap) -> Vec<Change> {
    let mut changes = made_from.changes_to(now);
    changes.retain(|change| !is_version(change) || now.0.contains_key(CONTENT));
    changes
}

/// Whether a field is a version, which moves only when the sidecar is replaced for another reason or on request.
pub(crate) fn is_version(change: &Change) -> bool {
    change.field == CONTENT
}

/// What an image is made from, as far as it says so: one that was built again of the same recipe is no difference.
fn content_of(image: &Image) -> Digest {
    digest_of(image.labels.get(labels::RECIPE).unwrap_or(&image.id.0))
}

/// The image's entrypoint with the arguments of its engine. Sessions reach the socket by their group.
fn command(site: &Site) -> Vec<String> {
    let group = site.user.split_once(':').map_or("0", |(_, group)| group);
    ["jackin-dind", "--host", &docker_host(), "--group", group].map(str::to_owned).into()
}

fn security() -> Security {
    Security {
        capabilities: CAPABILITIES.map(str::to_owned).into(),
        read_only_rootfs: false,
        no_new_privileges: false,
        confinement: Confinement::NestedEngine,
    }
}

fn object_labels(site: &Site, desired: &Desired, component: &str) -> Labels {
    let mut all = site.owner.labels(component);
    let key = &desired.key;
    let of =
        [(labels::NAMESPACE, &key.namespace), (labels::WORKSPACE, &desired.workspace), (labels::INSTANCE, &key.name)];
    all.extend(of.map(|(label, value)| (label.to_owned(), value.clone())));
    all
}
