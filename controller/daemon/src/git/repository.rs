//! The bare repository of one address.

use camino::{Utf8Path, Utf8PathBuf};
use fs_err::tokio as fs;

use crate::images::digest_of;
use crate::metrics::{self, Beyond};

use super::GitError;
use super::program::{git, run};

/// The bare repository of one address.
pub(super) struct Repository {
    url: String,
    /// Where it is.
    pub(super) path: Utf8PathBuf,
}

impl Repository {
    /// That of an address, below the folder of all.
    pub(super) fn of(all: &Utf8Path, url: &str) -> Self {
        let path = all.join(digest_of(&[url.as_bytes()]).0.trim_start_matches("sha256:"));
        Self { url: url.to_owned(), path }
    }

    /// Fetches a branch or tag; the commit that it is. It is remembered, so that [`Self::commit_of`] knows it without a network.
    pub(super) async fn fetch(&self, reference: &str) -> Result<String, GitError> {
        self.fetch_into(&[&format!("+{reference}:{}", kept(reference))], true).await?;
        let found = self.commit_of(reference).await?;
        found.ok_or_else(|| self.failed(format!("`{reference}` is no commit")))
    }

    /// The commit that a branch or tag was when it was fetched last; `None` when it never was.
    pub(super) async fn commit_of(&self, reference: &str) -> Result<Option<String>, GitError> {
        self.commit(&kept(reference)).await
    }

    /// Fetches a commit unless it is here.
    pub(super) async fn have_commit(&self, commit: &str) -> Result<(), GitError> {
        if self.commit(commit).await?.is_some() {
            return Ok(());
        }
        let alone = self.fetch_into(&[&format!("+{commit}:refs/jackin/commits/{commit}")], true).await;
        if alone.is_err() {
            // Not every server gives a commit by its id alone.
            let all = ["+refs/heads/*:refs/jackin/heads/*", "+refs/tags/*:refs/jackin/tags/*"];
            self.fetch_into(&all, false).await?;
        }
        let missing = || GitError::NoCommit { url: self.url.clone(), commit: commit.to_owned() };
        self.commit(commit).await?.map(drop).ok_or_else(missing)
    }

    async fn fetch_into(&self, refspecs: &[&str], shallow: bool) -> Result<(), GitError> {
        self.make().await?;
        let mut arguments = vec!["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head"];
        // What was fetched shallow before is completed by the most that there is.
        arguments.push(if shallow { "--depth=1" } else { "--depth=2147483647" });
        arguments.extend(["--", &self.url]);
        arguments.extend(refspecs);
        metrics::network_call(Beyond::Git);
        run(git(Some(&self.path), &arguments)).await.map(drop).map_err(|said| self.failed(said))
    }

    async fn commit(&self, name: &str) -> Result<Option<String>, GitError> {
        if !self.path.is_dir() {
            return Ok(None);
        }
        let name = format!("{name}^{{commit}}");
        let arguments = ["rev-parse", "--verify", "--quiet", "--end-of-options", &name];
        // Quiet about what is not there, and about nothing else.
        match run(git(Some(&self.path), &arguments)).await {
            Ok(id) => Ok(Some(String::from_utf8_lossy(&id).trim().to_owned())),
            Err(said) if said.starts_with("fatal") || said.contains("cannot be run") => Err(GitError::Command { said }),
            Err(_) => Ok(None),
        }
    }

    /// Makes it, whole or not at all.
    async fn make(&self) -> Result<(), GitError> {
        if self.path.is_dir() {
            return Ok(());
        }
        let failed = |error| GitError::io(&self.path, error);
        let temporary = self.path.with_extension("new");
        _ = fs::remove_dir_all(&temporary).await;
        fs::create_dir_all(&temporary).await.map_err(failed)?;
        let arguments = ["init", "--quiet", "--bare", "--template=", "--", temporary.as_str()];
        run(git(None, &arguments)).await.map_err(|said| GitError::Command { said })?;
        fs::rename(&temporary, &self.path).await.map_err(failed)
    }

    fn failed(&self, said: String) -> GitError {
        GitError::Fetch { url: self.url.clone(), said }
    }
}

/// Where what a branch or tag was is kept: `main` and `main/x` may both have been one, at different times.
fn kept(reference: &str) -> String {
    let digest = digest_of(&[reference.as_bytes()]);
    format!("refs/jackin/wanted/{}", digest.0.trim_start_matches("sha256:"))
}
