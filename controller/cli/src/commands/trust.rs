//! `jackin trust`: whose repositories may be fetched and built on this machine.

use camino::Utf8Path;
use clap::Subcommand;
use jackin_api::validate::normal_git_url;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Ended;
use super::output::Output;
use crate::command_error::CommandError;
use crate::context::Context;

/// Say whose repositories may be fetched and built on this machine.
#[derive(Debug, Subcommand)]
pub(crate) enum Arguments {
    /// Trust repositories: roles from them are fetched and built from now on
    Add(Repositories),
    /// Print the repositories that are trusted
    List(List),
    /// Trust repositories no longer: nothing new of them is fetched or built, and what runs goes on
    Remove(Repositories),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Repositories {
    /// Addresses, as a role's `spec.source.git.url` has them
    #[arg(required = true, value_name = "URL")]
    urls: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct List {
    #[command(flatten)]
    output: Output,
}

/// What the controller answers to a change.
#[derive(Deserialize)]
struct Changed {
    url: String,
    changed: bool,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Ended {
    match arguments {
        Arguments::Add(Repositories { urls }) => change(context, urls, true, ["trusted", "is trusted already"]).await,
        Arguments::Remove(Repositories { urls }) => {
            change(context, urls, false, ["trusted no longer", "was not trusted"]).await
        }
        Arguments::List(List { output }) => list(context, *output).await,
    }
}

async fn change(context: &Context, urls: &[String], trusted: bool, [done, nothing]: [&str; 2]) -> Ended {
    let urls = urls.iter().map(|url| address(url)).collect::<Result<Vec<_>, _>>()?;
    let connection = context.connect().await?;
    for url in urls {
        let request = json!({ "url": url, "trusted": trusted });
        let Changed { url, changed } = connection.post_json("/jackin/v1/trust", &request).await?;
        context.console.line(&format!("{url} {}", if changed { done } else { nothing }))?;
    }
    Ok(0)
}

async fn list(context: &Context, output: Output) -> Ended {
    #[derive(Deserialize)]
    struct Answer {
        git: Vec<String>,
    }
    let answer: Value = context.connect().await?.get_json("/jackin/v1/trust").await?;
    if output.is_json() {
        context.console.line(&format!("{answer:#}"))?;
        return Ok(0);
    }
    let Answer { git } = serde_json::from_value(answer).map_err(std::io::Error::from)?;
    if git.is_empty() {
        context.console.say("No repository is trusted");
    }
    for url in git {
        context.console.line(&url)?;
    }
    Ok(0)
}

/// The address in full: a path counts from here.
fn address(url: &str) -> Result<String, CommandError> {
    let url = if url.starts_with('.') {
        let path = camino::absolute_utf8(Utf8Path::new(url))?;
        path.canonicalize_utf8().unwrap_or(path).into_string()
    } else {
        url.to_owned()
    };
    normal_git_url(&url).ok_or_else(|| {
        CommandError::bad_input(format!("not the address of a repository: `{url}`"))
            .hint("write it as in the role: `https://…`, `ssh://…`, `file://…`, `user@host:path` or a path")
    })
}
