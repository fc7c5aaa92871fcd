//! What is brought up to be measured: a role, and a workspace of its instances.

use std::path::PathBuf;

use super::stage::Stage;

/// Image of all instances, or the one that theirs is built on.
pub(crate) const IMAGE: &str = "jackin-tiny:1";

/// A role and a workspace, both of this name.
pub(crate) struct Subject {
    /// Their name.
    pub(crate) name: &'static str,
    /// The role's source, in YAML.
    source: &'static str,
}

impl Subject {
    /// An image that is used as it is.
    pub(crate) const PLAIN: Self = Self { name: "bench", source: "image: \"jackin-tiny:1\"" };
    /// A folder of [`super::warm::FILES`] files, which lies beside the manifest.
    pub(crate) const FILES: Self = Self { name: "files", source: "path: ./files" };

    /// The name of an instance.
    pub(crate) fn instance(&self, index: usize) -> String {
        format!("{}-i-{index}", self.name)
    }

    /// A manifest with this many instances.
    pub(crate) fn manifest(&self, stage: &Stage, count: usize) -> anyhow::Result<PathBuf> {
        let Self { name, source } = self;
        let path = stage.directory().join(format!("{name}-{count}.yaml"));
        let text = format!(
            "apiVersion: jackin.dev/v1alpha1\nkind: Role\nmetadata: {{name: {name}}}\nspec:\n  \
             source: {{{source}}}\n  agents: [shell]\n  resources: {{memory: 64Mi, pids: 64}}\n---\n\
             apiVersion: jackin.dev/v1alpha1\nkind: Workspace\nmetadata: {{name: {name}}}\nspec:\n  workdir: /workspace\n  \
             mounts:\n  - {{source: ./workspace, target: /workspace}}\n  roles: [{name}]\n  instances:\n  \
             - {{name: i, role: {name}, agent: shell, count: {count}}}\n"
        );
        std::fs::write(&path, text)?;
        Ok(path)
    }
}
