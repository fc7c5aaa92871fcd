//! The container of an instance, and the launch digest over it.
//!
//! # Flow
//! [`launch`] turns a desired instance into the one container that serves it, once every input is known; [`Launch::fields`] is the
//! map of digests that is stored on the container, so that a later pass can say why it differs.
//!
//! # Guarantees
//! The digest covers what a creation fixes and nothing that can change later: limits, restart policy, networks and the
//! environment of sessions are not in it. An image counts by its recipe, not by its id: an image that was built again from equal
//! content is no difference.
//!
//! # Caveats
//! `agents[…]`, `capsule` and `image.build` are versions. A difference in them alone never replaces a container that runs: see
//! [`is_version`]. What an agent is installed from is a field beside its content, so that a moved version shows before anything was
//! fetched. `image.build` is the last build that somebody asked for, so that one which made nothing else of equal content shows too.

use std::collections::BTreeMap;

use jackin_api::kinds::{AgentSpec, HomeFile, StateRecognition};
use jackin_api::wire;
use jackin_api::words::{self as labels, Change, Digest, DigestMap};

use crate::desired::{Desired, ServingImage, Site};
use crate::digest::{digest_of, digest_of_map};
use crate::network;
use crate::observed::{Observed, Program};
use crate::sidecar;
use crate::step::Personalisation;
use crate::world::{ContainerSpec, ImageId, Mount, MountSource, VolumeMedium, VolumeSpec};

/// The field of the last build of the image that somebody asked for.
const REQUESTED_BUILD: &str = "image.build";

/// The home of sessions, inside.
const HOME: &str = "/home/agent";
/// Where the capsule is mounted, inside.
const CAPSULE: &str = "/jackin/bin";
/// Where its socket lies, inside.
const RUN: &str = "/jackin/run";
/// Where agents' programs are mounted, inside.
const AGENTS: &str = "/jackin/agents";
/// Where an image has the hooks of its role, each in a file of its name.
pub const HOOKS: &str = "/jackin/hooks";

/// Where an image has the plugins of its role: a folder for each agent, and in it one for each plugin.
pub const PLUGINS: &str = "/jackin/plugins";
/// Seconds that the capsule gives to sessions before it kills them.
const SESSION_STOP_SECONDS: u32 = 8;
/// Seconds that the engine gives to the capsule, which needs a moment after its sessions ended.
pub(crate) const STOP_SECONDS: u32 = SESSION_STOP_SECONDS + 2;

/// What a container would be, and the digests of what it fixes.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    /// The container, under its final name.
    pub spec: ContainerSpec,
    /// Digests of what a creation fixes, by field.
    pub fields: DigestMap,
}

/// Volumes that an instance mounts, by what goes into them.
pub(crate) fn capsule_volume(site: &Site) -> VolumeSpec {
    let mut volume_labels = site.owner.labels(labels::COMPONENT_CAPSULE);
    volume_labels.insert(labels::CONTENT.to_owned(), site.capsule.0.clone());
    VolumeSpec { name: site.owner.capsule_volume(&site.capsule), labels: volume_labels, medium: VolumeMedium::Disk }
}

/// The volume of an agent's program of this content.
pub(crate) fn agent_volume(site: &Site, agent: &str, content: &Digest) -> VolumeSpec {
    let mut volume_labels = site.owner.labels(labels::COMPONENT_AGENT);
    volume_labels.insert(labels::CONTENT.to_owned(), content.0.clone());
    volume_labels.insert(labels::AGENT.to_owned(), agent.to_owned());
    VolumeSpec { name: site.owner.agent_volume(agent, content), labels: volume_labels, medium: VolumeMedium::Disk }
}

/// The container of `desired` on `image`, once the content of every program is known.
pub fn launch(site: &Site, desired: &Desired, observed: &Observed, image: &ServingImage) -> Option<Launch> {
    let mut mounts = vec![volume_mount(CAPSULE.to_owned(), capsule_volume(site))];
    for agent in desired.agents.keys() {
        match observed.programs.get(agent) {
            Some(Program::Known { content }) => {
                mounts.push(volume_mount(format!("{AGENTS}/{agent}"), agent_volume(site, agent, content)))
            }
            Some(Program::InImage) => {}
            Some(Program::Unfetched | Program::Unavailable { .. }) | None => return None,
        }
    }
    mounts.push(bind(HOME, &desired.home, false));
    mounts.push(bind(RUN, &desired.run, false));
    if desired.sidecar.is_some() {
        mounts.push(bind(sidecar::SOCKETS, &sidecar::sockets(&desired.run), true));
    }
    for mount in &desired.mounts {
        mounts.push(bind(&mount.target, &mount.source, mount.read_only));
    }
    if desired.security.read_only_rootfs {
        // Programs unpack libraries into /tmp and run them from there.
        mounts.push(Mount {
            target: "/tmp".to_owned(),
            source: MountSource::Tmpfs { size_bytes: None, exec: true },
            read_only: false,
        });
    }
    let fields = fields(site, desired, observed, Some(image));
    let spec = ContainerSpec {
        name: site.owner.container(&desired.key.namespace, &desired.key.name),
        image: ImageId(image.id.clone()),
        command: command(desired),
        env: environment(desired),
        user: Some(site.user.clone()),
        workdir: None,
        hostname: Some(desired.key.name.clone()),
        labels: container_labels(site, desired, image, &fields),
        mounts,
        networks: vec![network::name(&site.owner, desired)],
        aliases: vec![desired.key.name.clone()],
        limits: desired.limits,
        restart: desired.restart_policy,
        security: desired.security.clone(),
        stop_timeout_seconds: STOP_SECONDS,
    };
    Some(Launch { spec, fields })
}

/// Digests of what a creation on `image` fixes. An image and contents of programs that are not known yet are not among them.
pub(crate) fn fields(site: &Site, desired: &Desired, observed: &Observed, image: Option<&ServingImage>) -> DigestMap {
    let mut fields = BTreeMap::from([
        ("capsule".to_owned(), site.capsule.clone()),
        ("command".to_owned(), digest_of(&command(desired))),
        ("env".to_owned(), digest_of(&environment(desired))),
        ("user".to_owned(), digest_of(&site.user)),
        ("home".to_owned(), digest_of(&desired.home)),
        ("run".to_owned(), digest_of(&desired.run)),
        ("security.capabilities".to_owned(), digest_of(&desired.security.capabilities)),
        ("security.readOnlyRootFilesystem".to_owned(), digest_of(&desired.security.read_only_rootfs)),
    ]);
    if let Some(image) = image {
        fields.insert("image".to_owned(), image.recipe.clone());
        let requested = desired.requested_build.as_ref();
        fields.extend(requested.map(|request| (REQUESTED_BUILD.to_owned(), digest_of(request))));
    }
    for (agent, spec) in &desired.agents {
        if let Some(install) = &spec.install {
            fields.insert(format!("agents[{agent}].install"), digest_of(install));
        }
        if let Some(Program::Known { content }) = observed.programs.get(agent) {
            fields.insert(format!("agents[{agent}]"), content.clone());
        }
    }
    if let Some(wanted) = &desired.sidecar {
        let identity = sidecar::identity(site, desired, wanted).into_iter();
        fields.extend(identity.map(|(field, digest)| (format!("sidecar.{field}"), digest)));
    }
    fields.extend(mount_fields(desired));
    DigestMap(fields)
}

/// Digests of the mounts.
pub(crate) fn mount_fields(desired: &Desired) -> impl Iterator<Item = (String, Digest)> {
    desired.mounts.iter().flat_map(|mount| {
        [
            (format!("mounts[{}].source", mount.target), digest_of(&mount.source)),
            (format!("mounts[{}].readOnly", mount.target), digest_of(&mount.read_only)),
        ]
    })
}

/// What differs between the fields that a container was made from and those of now, as far as it can be told.
///
/// The content of a program counts where it is known; what it is installed from counts only where it is not.
pub(crate) fn changes(made_from: &DigestMap, now: &DigestMap, observed: &Observed) -> Vec<Change> {
    let known = |agent: &str| matches!(observed.programs.get(agent), Some(Program::Known { .. } | Program::InImage));
    let counts = |change: &Change| match change.field.strip_prefix("agents[").and_then(|rest| rest.split_once(']')) {
        Some((agent, ".install")) => !known(agent),
        // An agent that is not wanted any more has no install; one whose program is not known may be the same.
        Some((agent, _)) => known(agent) || !now.0.contains_key(&format!("agents[{agent}].install")),
        // While nothing is known of the image, it is no difference.
        None => !["image", REQUESTED_BUILD].contains(&change.field.as_str()) || now.0.contains_key(&change.field),
    };
    let mut changes = made_from.changes_to(now);
    changes.retain(counts);
    changes
}

/// The environment of PID 1.
fn environment(desired: &Desired) -> BTreeMap<String, String> {
    let engine = desired.sidecar.as_ref().map(|_| ("DOCKER_HOST".to_owned(), sidecar::docker_host()));
    [("HOME".to_owned(), HOME.to_owned())].into_iter().chain(engine).collect()
}

/// What the engine runs in a container for a host that cannot reach its capsule's socket.
#[must_use]
pub fn connect_command() -> Vec<String> {
    [format!("{CAPSULE}/jackin-capsule"), "connect".to_owned(), "--socket".to_owned(), format!("{RUN}/jackin.sock")]
        .into()
}

fn command(desired: &Desired) -> Vec<String> {
    let mut command = vec![
        format!("{CAPSULE}/jackin-capsule"),
        "--socket".to_owned(),
        format!("{RUN}/jackin.sock"),
        "--stop-timeout".to_owned(),
        SESSION_STOP_SECONDS.to_string(),
        "--home".to_owned(),
        HOME.to_owned(),
    ];
    let homes = desired.agents.values().flat_map(|agent| &agent.homes);
    command.extend(homes.flat_map(|home| ["--home-dir".to_owned(), home.clone()]));
    let hooks = desired.hooks.iter().map(|hook| hook.name());
    command.extend(hooks.flat_map(|hook| ["--hook".to_owned(), format!("{hook}={HOOKS}/{hook}")]));
    command
}

fn container_labels(
    site: &Site,
    desired: &Desired,
    image: &ServingImage,
    fields: &DigestMap,
) -> BTreeMap<String, String> {
    // Serialising a map of strings cannot fail.
    let text = |map: &DigestMap| serde_json::to_string(map).unwrap_or_default();
    let mut all = site.owner.labels(labels::COMPONENT_ROLE);
    all.extend(
        [
            (labels::NAMESPACE, desired.key.namespace.clone()),
            (labels::WORKSPACE, desired.workspace.clone()),
            (labels::INSTANCE, desired.key.name.clone()),
            (labels::IMAGE, image.id.clone()),
            (labels::ROLE, desired.role.clone()),
            (labels::AGENT, desired.agent.clone()),
            (labels::RECIPE, image.recipe.0.clone()),
            (labels::RECIPE_FIELDS, text(&image.fields)),
            (labels::LAUNCH, digest_of_map(fields).0),
            (labels::LAUNCH_FIELDS, text(fields)),
            (labels::LIVE, live_digest(site, desired).0),
        ]
        .map(|(key, value)| (key.to_owned(), value)),
    );
    all
}

/// Digest of what can change under a running instance.
pub fn live_digest(site: &Site, desired: &Desired) -> Digest {
    let environment = personalisation(desired).digest;
    let network = (network::name(&site.owner, desired), desired.network.internal);
    digest_of(&(desired.limits, desired.restart_policy, network, environment))
}

/// What new sessions get.
pub fn personalisation(desired: &Desired) -> Personalisation {
    let path_prepend: Vec<_> = desired
        .agents
        .iter()
        .filter(|(_, agent)| agent.install.is_some())
        .map(|(name, _)| format!("{AGENTS}/{name}/bin"))
        .collect();
    Personalisation {
        digest: digest_of(&(&desired.environment, &path_prepend)),
        environment: desired.environment.clone(),
        path_prepend,
    }
}

/// The session of an agent in this instance, called `name`.
pub fn session(desired: &Desired, agent: &str, name: &str) -> Option<wire::Spawn> {
    let spec = desired.agents.get(agent)?;
    let rule = spec.state.as_ref().and_then(|state| state.rule);
    // What a request adds wins in the capsule, so what is weaker than the workspace's is left out here.
    let own = spec.env.iter().filter(|(name, _)| !desired.environment.contains_key(*name));
    Some(wire::Spawn {
        name: name.to_owned(),
        agent: agent.to_owned(),
        argv: argv(desired, agent, spec),
        env: own.map(|(name, value)| (name.clone(), value.clone())).collect(),
        cwd: Some(desired.workdir.clone()),
        state_rule: match rule {
            Some(jackin_api::kinds::StateRule::Foreground) => wire::StateRule::Foreground,
            None => wire::StateRule::None,
        },
        recognition: spec.state.as_ref().and_then(StateRecognition::to_wire).map(Box::new),
        files: spec.files.iter().map(home_file).collect(),
        ..wire::Spawn::default()
    })
}

fn home_file(file: &HomeFile) -> wire::HomeFile {
    let HomeFile { path, content } = file;
    wire::HomeFile { path: path.clone(), content: content.clone() }
}

/// What a session of an agent runs: its command, and where its plugins are.
fn argv(desired: &Desired, agent: &str, spec: &AgentSpec) -> Vec<String> {
    let told = spec.plugins.as_ref().filter(|_| desired.plugins.contains(agent));
    let told = told.map(|plugins| [plugins.option.clone(), format!("{PLUGINS}/{agent}")]);
    spec.command.iter().cloned().chain(told.into_iter().flatten()).collect()
}

/// Whether a field is a version, which moves only when the container is replaced for another reason or on request.
pub fn is_version(change: &Change) -> bool {
    change.field == "capsule" || change.field.starts_with("agents[") || is_requested_build(change)
}

/// Whether the image was built again because somebody asked for it. What runs is left on the one that it has; the next start takes the
/// new one, for which somebody asked.
pub fn is_requested_build(change: &Change) -> bool {
    change.field == REQUESTED_BUILD
}

pub(crate) fn bind(target: &str, path: &str, read_only: bool) -> Mount {
    Mount { target: target.to_owned(), source: MountSource::Bind { path: path.to_owned() }, read_only }
}

fn volume_mount(target: String, volume: VolumeSpec) -> Mount {
    let VolumeSpec { name, labels, medium: _ } = volume;
    Mount { target, source: MountSource::Volume { name, labels }, read_only: true }
}
