//! The agents that are there without being applied.
//!
//! They are data: the files of `manifests/agents/`, compiled in. An Agent of the same name in a workspace's own namespace wins.

use jackin_api::SYSTEM_NAMESPACE;
use jackin_api::kinds::Agent;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;

const FILES: [(&str, &str); 5] = [
    ("amp.yaml", include_str!("../../../../manifests/agents/amp.yaml")),
    ("claude.yaml", include_str!("../../../../manifests/agents/claude.yaml")),
    ("codex.yaml", include_str!("../../../../manifests/agents/codex.yaml")),
    ("opencode.yaml", include_str!("../../../../manifests/agents/opencode.yaml")),
    ("shell.yaml", include_str!("../../../../manifests/agents/shell.yaml")),
];

/// Why the built-in agents are not all there.
#[derive(Debug, thiserror::Error)]
pub enum BuiltinError {
    /// A file that was compiled in is no Agent: a fault of the build.
    #[error("parse the built-in agent `{file}`")]
    Malformed {
        /// The file.
        file: &'static str,
        /// Why it does not parse.
        #[source]
        source: Box<serde_saphyr::Error>,
    },
    /// The API server did not answer as hoped.
    #[error("store the built-in agent `{agent}`")]
    Store {
        /// The agent.
        agent: String,
        /// What it answered.
        #[source]
        source: Box<kube::Error>,
    },
}

/// The built-in agents, in their namespace.
///
/// # Errors
/// When a file that was compiled in does not parse.
pub fn builtin_agents() -> Result<Vec<Agent>, BuiltinError> {
    FILES.into_iter().map(|(file, text)| parse(file, text)).collect()
}

fn parse(file: &'static str, text: &str) -> Result<Agent, BuiltinError> {
    let mut agent: Agent =
        serde_saphyr::from_str(text).map_err(|source| BuiltinError::Malformed { file, source: Box::new(source) })?;
    agent.metadata.namespace = Some(SYSTEM_NAMESPACE.to_owned());
    Ok(agent)
}

/// Creates the built-in agents that are missing and corrects the specs of those that differ. Writes nothing where nothing differs.
///
/// # Errors
/// When the API server refuses, or does not answer.
pub async fn ensure_builtin(client: Client) -> Result<(), BuiltinError> {
    let agents: Api<Agent> = Api::namespaced(client, SYSTEM_NAMESPACE);
    for agent in builtin_agents()? {
        let name = agent.name_any();
        ensure(&agents, &name, &agent)
            .await
            .map_err(|source| BuiltinError::Store { agent: name, source: Box::new(source) })?;
    }
    Ok(())
}

async fn ensure(agents: &Api<Agent>, name: &str, wanted: &Agent) -> Result<(), kube::Error> {
    match agents.get_opt(name).await? {
        None => {
            agents.create(&PostParams::default(), wanted).await?;
        }
        Some(found) if found.spec != wanted.spec => {
            // A JSON patch, because a merge would keep what the new version no longer says.
            let patch = json!([{"op": "replace", "path": "/spec", "value": wanted.spec}]);
            let patch = serde_json::from_value(patch).map_err(kube::Error::SerdeError)?;
            agents.patch(name, &PatchParams::default(), &Patch::Json::<()>(patch)).await?;
        }
        Some(_) => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use jackin_api::validate::Validate;

    use super::*;

    #[test]
    fn every_builtin_agent_parses_obeys_the_rules_and_is_named_like_its_file() {
        let agents = builtin_agents().expect("the files parse");
        for (agent, (file, _)) in agents.iter().zip(FILES) {
            assert_eq!(agent.validate(), Vec::new(), "{file}");
            assert_eq!(format!("{}.yaml", agent.name_any()), file);
        }
    }
}
