//! Reasons of conditions and events.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a condition has its status. One word for scripts; the message beside it has the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// All that the spec wants is there.
    AsDesired,
    /// Something that this depends on is not there yet.
    DependenciesNotReady,
    /// A step of the chosen plan is under way.
    Converging,
    /// The object is being deleted.
    Deleting,
    /// Nothing of this kind was asked for.
    NotRequested,
    /// Nothing is needed.
    NotNeeded,
    /// The object was accepted.
    Accepted,
    /// The object names another that does not exist.
    ReferenceMissing,
    /// The spec has fields that this version does not act on.
    NotActedOn,
    /// Nobody answers at the engine's address: there is no socket, nobody accepts, or the connection broke before the answer.
    /// Whether a call had an effect is not known.
    EngineUnreachable,
    /// The engine took a call and did not answer within our time limit. Whether the call had an effect is not known.
    EngineTimeout,
    /// The engine answered a call with something that is no answer to it. Whether the call had an effect is not known.
    EngineAnswerUnclear,
    /// The engine answered a call with an error, for no cause that has a word of its own.
    EngineRefused,
    /// The engine answered a call with an error for want of space on its disk.
    EngineNoSpace,
    /// The engine answered a call with an error because what it writes to is read-only.
    EngineReadOnly,
    /// A file or directory of ours on the host could not be looked at.
    HostUnreadable,
    /// An object of the engine that is not ours has the name.
    NameConflict,
    /// The network is there and this installation made it.
    NetworkOurs,
    /// The network is there and somebody else made it: it is used as it is and never removed.
    NetworkNotOurs,
    /// Several networks of the engine have the name, so that none can be chosen.
    NetworkAmbiguous,
    /// The spec wants a network without a way out, and the one of the name has one.
    NetworkNotInternal,
    /// Containers of somebody else are on it.
    InUseByOthers,
    /// A mount's source does not exist on the host.
    MountSourceMissing,
    /// A mount's source leads to a place that may not be mounted.
    MountSourceForbidden,
    /// A mount asks for an isolation that this version does not materialise.
    IsolationNotSupported,
    /// Every mount's source is there.
    MountsPresent,
    /// An image of the current recipe is there.
    ImageValid,
    /// The image is being built.
    Building,
    /// The image is being fetched.
    Pulling,
    /// The image could not be built.
    BuildFailed,
    /// The image could not be fetched.
    PullFailed,
    /// An image that is needed is not on the engine, and the role's `pullPolicy` is `never`.
    ImageMissing,
    /// What the image came from moved at its registry: the image serves while the new one is fetched or built.
    Refreshing,
    /// A registry could not be asked whether what the image came from moved; the image serves.
    RegistryUnreachable,
    /// The role's source could not be read.
    SourceUnreadable,
    /// The role's repository could not be fetched from, whoever failed; a commit of it that was fetched before may serve.
    SourceUnreachable,
    /// The role's repository was not trusted by the operator: nothing is fetched from it and nothing of it is built.
    Untrusted,
    /// A secret that the Dockerfile requires is given by nobody or could not be read, so that the build was not begun.
    BuildSecretMissing,
    /// The Dockerfile needs BuildKit and the engine has none, so that the build was not begun.
    BuilderMissing,
    /// The Dockerfile does not ask for what the role gives to its build.
    NotAskedFor,
    /// The image that serves was built of another recipe.
    RecipeChanged,
    /// The recipe could be computed.
    RecipeComputed,
    /// An agent's program could not be installed.
    AgentInstallFailed,
    /// The capsule answers.
    CapsuleAnswers,
    /// The capsule does not answer.
    CapsuleUnresponsive,
    /// The engine of the sidecar answers.
    SidecarAnswers,
    /// The sidecar is being made or started.
    SidecarStarting,
    /// The sidecar runs and its engine does not answer.
    SidecarUnresponsive,
    /// The sidecar ended, or could not be made or started.
    SidecarFailed,
    /// The image of the sidecar is not on the engine.
    SidecarImageMissing,
    /// A volume that would have to be replaced holds data.
    VolumeHoldsData,
    /// The container is not running.
    ContainerNotRunning,
    /// The container ended three times or more, none of them after it had stayed up for half a minute, and not for want of memory;
    /// the next start waits.
    CrashLoop,
    /// The same as `CrashLoop`, where the kernel killed a process of the container for want of memory.
    OutOfMemory,
    /// Five repairs in a row or more were carried out and none lasted for a minute, as somebody or something undoes them, or its spec
    /// goes back and forth; the next one waits.
    RepairUndone,
    /// A step failed and is tried again later.
    StepFailed,
    /// A reference could not be read.
    ReferenceUnreadable,
    /// The references were read.
    ReferencesRead,
    /// Hooks of the role run before the first session, whose agent starts after them.
    HooksRunning,
    /// A hook of the role ended with something else than 0 or could not be run, so that the agent of the first session was not started; it is
    /// tried again later.
    HookFailed,
    /// The hooks of the role ran before the first session.
    HooksDone,
    /// A repair waits for live sessions.
    SessionsLive,
    /// A repair waits for `jackin restart`.
    RestartNeeded,
    /// Repairs are held back by the workspace's `spec.suspend`.
    Suspended,
    /// The container differs from the spec.
    FieldsDiffer,
    /// The container is as the spec wants it.
    NoDrift,
    /// No repair waits.
    NothingPending,
    /// Of the sessions that wait for a person, the one that waits longest has ended its turn or asked something.
    WaitingForInput,
    /// Of the sessions that wait for a person, the one that waits longest asks for consent to do something.
    WaitingForPermission,
    /// Of the sessions that wait for a person, the one that waits longest needs a login before it can do anything.
    AuthNeeded,
    /// No session waits for a person.
    NoSessionWaits,
    /// It is stopped on purpose.
    Stopped,
    /// It was stopped because no session had been live for as long as `lifecycle.idleAfter` of its workspace says, and nobody has
    /// started it since.
    Idle,
    /// Every instance is ready.
    AllReady,
    /// Some instances are not ready.
    SomeNotReady,
    /// Of some instances it is not known whether they are ready, and none is known to need somebody.
    SomeUnknown,
}

impl Reason {
    /// Whether it says that nothing could be learnt, neither that something is so nor that it is not.
    pub fn is_unknown(self) -> bool {
        matches!(self, Self::EngineUnreachable | Self::EngineTimeout | Self::EngineAnswerUnclear | Self::HostUnreadable)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}
