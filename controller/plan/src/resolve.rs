//! References followed, defaults applied, every gap named.

use std::collections::BTreeMap;

use jackin_api::kinds::{
    Agent, AgentSpec, Approval, CredentialMode, DockerDataMedium, DockerMode, Hooks, Image, Instance, Isolation,
    ReclaimPolicy, Resources, Role, ValueSource,
};
use jackin_api::wire::Hook;
use jackin_api::words::{self, ConditionType};
use kube::ResourceExt;

use crate::desired::{
    Desired, DesiredDisruption, DesiredImage, DesiredMount, DesiredSidecar, Gap, Goal, InstanceKey, ServingImage,
};
use crate::digest::image_revision;
use crate::world::{Confinement, Limits, RestartPolicy, Security, VolumeMedium};

/// Processes that an instance may have where nobody says otherwise.
const DEFAULT_PIDS: i64 = 4096;

/// Image of a sidecar where the role names no other.
const DEFAULT_SIDECAR_IMAGE: &str = "jackin-dind:bookworm";

/// Name of a sidecar's volume where the role gives no other.
const DEFAULT_SIDECAR_DATA: &str = "docker";

/// Capabilities that an instance keeps: what installing packages as root inside needs, and PID 1 to end its processes.
const DEFAULT_CAPABILITIES: [&str; 7] =
    ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID"];

/// The objects of one instance, as the store has them.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The instance.
    pub instance: Instance,
    /// Its role, if there is one of that name.
    pub role: Option<Role>,
    /// Agents that its namespace sees, by name.
    pub agents: BTreeMap<String, Agent>,
    /// The image of its role, if there is one.
    pub image: Option<Image>,
    /// Its durable home on the host.
    pub home: String,
    /// The directory of its capsule's socket on the host.
    pub run: String,
}

/// What a snapshot amounts to.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// It should run like this.
    Run(Box<Desired>),
    /// It should be stopped.
    Stop,
    /// It should be gone.
    Remove {
        /// The directory of its capsule's socket on the host.
        run: String,
        /// Its durable home on the host.
        home: String,
        /// What becomes of its volumes that hold data.
        reclaim: ReclaimPolicy,
    },
    /// It cannot be said what it should be.
    Unresolved(Vec<Gap>),
}

/// What the instance of this snapshot should be.
pub fn resolve(snapshot: &Snapshot) -> Wanted {
    let instance = &snapshot.instance;
    if instance.metadata.deletion_timestamp.is_some() {
        return Wanted::Remove {
            run: snapshot.run.clone(),
            home: snapshot.home.clone(),
            reclaim: reclaim_of(instance),
        };
    }
    if Goal::from(instance.spec.run) == Goal::Stop {
        return Wanted::Stop;
    }
    let mut gaps = Vec::new();
    let Some(role) = &snapshot.role else {
        gaps.push(Gap {
            field: "spec.role".to_owned(),
            message: format!("role `{}` does not exist", instance.spec.role),
            hint: "apply the role, or choose one that `jackin get roles` lists".to_owned(),
        });
        return Wanted::Unresolved(gaps);
    };
    let agents = agents_of(role, snapshot, &mut gaps);
    let environment = environment_of(role, instance, &agents, &mut gaps);
    if !gaps.is_empty() {
        return Wanted::Unresolved(gaps);
    }
    let restart = instance.spec.restart.clone().filter(|request| {
        let served = instance.status.as_ref().and_then(|status| status.restarted.as_ref());
        served != Some(&request.id)
    });
    let spec = &instance.spec;
    Wanted::Run(Box::new(Desired {
        key: InstanceKey { namespace: instance.namespace().unwrap_or_default(), name: instance.identity().to_owned() },
        workspace: spec.workspace.clone(),
        role: spec.role.clone(),
        goal: Goal::Run,
        suspended: spec.suspend,
        restart,
        start: spec.start.clone(),
        idle_after_seconds: idle_after_of(instance),
        agent: spec.agent.clone(),
        agents,
        workdir: spec.workdir.clone(),
        mounts: spec.mounts.iter().map(DesiredMount::from).collect(),
        home: snapshot.home.clone(),
        run: snapshot.run.clone(),
        environment,
        network: spec.network.clone().unwrap_or_default(),
        limits: limits_of(role.spec.resources.as_ref(), spec.resources.as_ref()),
        restart_policy: restart_policy_of(instance),
        security: security_of(role),
        disruption: disruption_of(instance),
        image: image_of(role, snapshot),
        requested_build: snapshot.image.as_ref().and_then(|image| image.status.as_ref()?.rebuilt.clone()),
        hooks: hooks_of(role),
        plugins: role.spec.plugins.keys().cloned().collect(),
        sidecar: sidecar_of(role),
        reclaim: reclaim_of(instance),
        approval: approval_of(instance),
    }))
}

fn hooks_of(role: &Role) -> Vec<Hook> {
    let Some(Hooks { setup_once, source, preflight }) = &role.spec.hooks else { return Vec::new() };
    let all = [(Hook::SetupOnce, setup_once), (Hook::Source, source), (Hook::Preflight, preflight)];
    all.into_iter().filter_map(|(hook, path)| path.as_ref().map(|_| hook)).collect()
}

fn sidecar_of(role: &Role) -> Option<DesiredSidecar> {
    let docker = role.spec.docker.as_ref().filter(|docker| docker.mode == DockerMode::Dind)?;
    let data = docker.data.clone().unwrap_or_default();
    Some(DesiredSidecar {
        image: docker.image.clone().unwrap_or_else(|| DEFAULT_SIDECAR_IMAGE.to_owned()),
        data: data.name.unwrap_or_else(|| DEFAULT_SIDECAR_DATA.to_owned()),
        medium: match data.medium {
            DockerDataMedium::Disk => VolumeMedium::Disk,
            DockerDataMedium::Memory => {
                VolumeMedium::Memory { size_bytes: data.size.and_then(|size| size.bytes().ok()) }
            }
        },
    })
}

fn reclaim_of(instance: &Instance) -> ReclaimPolicy {
    let lifecycle = instance.spec.lifecycle.as_ref();
    lifecycle.and_then(|lifecycle| lifecycle.volume_reclaim_policy).unwrap_or_default()
}

fn idle_after_of(instance: &Instance) -> Option<u64> {
    instance.spec.lifecycle.as_ref()?.idle_after.as_ref()?.seconds().ok()
}

/// What somebody agreed to lose, until the consent was used.
fn approval_of(instance: &Instance) -> Option<Approval> {
    let used = instance.status.as_ref().and_then(|status| status.approved.as_ref());
    instance.spec.approval.clone().filter(|approval| used != Some(&approval.id))
}

fn agents_of(role: &Role, snapshot: &Snapshot, gaps: &mut Vec<Gap>) -> BTreeMap<String, AgentSpec> {
    let wanted = &snapshot.instance.spec.agent;
    let allowed = role.spec.agents.iter().map(String::as_str);
    let names: std::collections::BTreeSet<&str> = allowed.chain(["shell"]).collect();
    if !names.contains(wanted.as_str()) {
        gaps.push(Gap {
            field: "spec.agent".to_owned(),
            message: format!("role `{}` does not support agent `{wanted}`", snapshot.instance.spec.role),
            hint: format!("add it to the role's `agents`, or choose one of {}", role.spec.agents.join(", ")),
        });
    }
    let mut found = BTreeMap::new();
    for name in names {
        match snapshot.agents.get(name) {
            Some(agent) => {
                if agent.spec.plugins.is_none() && role.spec.plugins.contains_key(name) {
                    gaps.push(Gap {
                        field: format!("spec.plugins.{name}"),
                        message: format!("agent `{name}` takes no plugins"),
                        hint: "leave them out, or say in the Agent's `spec.plugins` how it is told of them".to_owned(),
                    });
                }
                found.insert(name.to_owned(), agent.spec.clone());
            }
            None => gaps.push(Gap {
                field: "spec.agents".to_owned(),
                message: format!("agent `{name}` does not exist"),
                hint: "apply the agent, or choose one that `jackin get agents -A` lists".to_owned(),
            }),
        }
    }
    found
}

fn environment_of(
    role: &Role,
    instance: &Instance,
    agents: &BTreeMap<String, AgentSpec>,
    gaps: &mut Vec<Gap>,
) -> BTreeMap<String, ValueSource> {
    let mut environment = BTreeMap::new();
    for (name, declaration) in &role.spec.env {
        if let Some(default) = &declaration.default {
            environment.insert(name.clone(), ValueSource { value: Some(default.clone()), from: None });
        } else if declaration.required && !instance.spec.env.contains_key(name) {
            let prompt = declaration.prompt.as_ref().map(|prompt| format!(" ({prompt})")).unwrap_or_default();
            gaps.push(Gap {
                field: format!("spec.env.{name}"),
                message: format!("the role requires `{name}`{prompt}"),
                hint: format!("give it in the workspace: `env: {{{name}: {{value: …}}}}`"),
            });
        }
    }
    environment.extend(instance.spec.env.clone());
    for (agent, credential) in &instance.spec.credentials {
        let Some(reference) = &credential.from else { continue };
        let declared = agents.get(agent).and_then(|spec| spec.credentials.as_ref());
        let variable = match credential.mode {
            CredentialMode::ApiKey => declared.and_then(|credentials| credentials.api_key.as_ref()),
            CredentialMode::OauthToken => declared.and_then(|credentials| credentials.oauth_token.as_ref()),
            CredentialMode::Token | CredentialMode::Sync | CredentialMode::Ignore => None,
        };
        let source = ValueSource { value: None, from: Some(reference.clone()) };
        if let Some(variable) = variable {
            environment.insert(variable.env.clone(), source);
        } else if credential.mode == CredentialMode::Token {
            environment.insert("GH_TOKEN".to_owned(), source.clone());
            environment.insert("GITHUB_TOKEN".to_owned(), source);
        } else if agents.contains_key(agent) {
            gaps.push(Gap {
                field: format!("spec.credentials.{agent}.mode"),
                message: format!("agent `{agent}` names no variable for this mode"),
                hint: "add it to the agent's `credentials`, or choose another mode".to_owned(),
            });
        }
    }
    environment
}

fn limits_of(role: Option<&Resources>, instance: Option<&Resources>) -> Limits {
    let field = |get: fn(&Resources) -> Option<i64>| instance.and_then(get).or_else(|| role.and_then(get));
    Limits {
        nano_cpus: field(|resources| resources.cpus.as_ref()?.billionths().ok()),
        memory_bytes: field(|resources| resources.memory.as_ref()?.bytes().ok()),
        pids: field(|resources| resources.pids.map(i64::from)).or(Some(DEFAULT_PIDS)),
    }
}

fn restart_policy_of(instance: &Instance) -> RestartPolicy {
    let chosen = instance.spec.lifecycle.as_ref().and_then(|lifecycle| lifecycle.restart_policy);
    match chosen.unwrap_or_default() {
        jackin_api::kinds::RestartPolicy::No => RestartPolicy::No,
        jackin_api::kinds::RestartPolicy::OnFailure => RestartPolicy::OnFailure,
        jackin_api::kinds::RestartPolicy::UnlessStopped => RestartPolicy::UnlessStopped,
    }
}

fn security_of(role: &Role) -> Security {
    let security = role.spec.security.clone().unwrap_or_default();
    let mut capabilities: Vec<_> = DEFAULT_CAPABILITIES.map(str::to_owned).into();
    capabilities.extend(security.capabilities.unwrap_or_default().add);
    capabilities.sort();
    capabilities.dedup();
    Security {
        capabilities,
        read_only_rootfs: security.read_only_root_filesystem,
        no_new_privileges: true,
        confinement: Confinement::Engine,
    }
}

fn disruption_of(instance: &Instance) -> DesiredDisruption {
    let disruption = instance.spec.disruption.clone().unwrap_or_default();
    let deadline_seconds = disruption.deadline.and_then(|deadline| deadline.seconds().ok());
    DesiredDisruption { policy: disruption.policy, deadline_seconds }
}

fn image_of(role: &Role, snapshot: &Snapshot) -> DesiredImage {
    let missing = |why: &str| DesiredImage::Invalid { why: why.to_owned(), failed: false, serving: None };
    let Some(image) = &snapshot.image else {
        return missing("its Image object is not there yet");
    };
    let Some(status) = &image.status else {
        return missing("nothing is known of it yet");
    };
    let serving = status.image.as_ref().zip(status.image_recipe.as_ref()).map(|(image, recipe)| ServingImage {
        id: image.id.clone(),
        name: image.name.clone(),
        recipe: recipe.clone(),
        fields: status.image_fields.clone(),
    });
    let current = status.observed_generation == image.metadata.generation.unwrap_or_default()
        && image.spec.role_revision == image_revision(role);
    let built = words::find(&status.conditions, ConditionType::Built);
    match (current, built, serving) {
        (true, Some(built), Some(serving)) if built.status == words::ConditionStatus::True => {
            DesiredImage::Valid(serving)
        }
        (current, built, serving) => DesiredImage::Invalid {
            why: match built {
                _ if !current => "its Image object was not looked at for the role as it is now".to_owned(),
                Some(built) if !built.message.is_empty() => built.message.clone(),
                Some(built) => format!("{}: {}", built.reason, built.status),
                None => "nothing is known of it yet".to_owned(),
            },
            failed: current && words::is_true(&status.conditions, ConditionType::Stalled),
            serving,
        },
    }
}

/// Mounts that ask for an isolation that is not materialised.
pub fn unsupported_isolation(mounts: &[DesiredMount]) -> Option<&DesiredMount> {
    mounts.iter().find(|mount| mount.isolation != Isolation::Shared)
}
