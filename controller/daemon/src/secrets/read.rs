//! One reference, by scheme.

use std::io;

use jackin_api::kinds::{Reference, ReferenceTarget};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use crate::metrics;

use super::program::{Ended, run};
use super::{Failure, Policy, VALUE_BYTES};

pub(super) async fn read(reference: &Reference, policy: &Policy) -> Result<SecretString, Failure> {
    let target = reference.target().map_err(|error| Failure::new(error.to_string()))?;
    metrics::secret_read(match &target {
        ReferenceTarget::Environment(_) => "env",
        ReferenceTarget::File(_) => "file",
        ReferenceTarget::OnePassword(_) => "op",
        ReferenceTarget::Command(_) => "cmd",
    });
    match target {
        ReferenceTarget::Environment(name) => variable(&name, policy),
        ReferenceTarget::File(path) => file(&path).await,
        ReferenceTarget::OnePassword(item) => one_password(&item, policy).await,
        ReferenceTarget::Command(line) if policy.allow_commands => command(&line).await,
        ReferenceTarget::Command(_) => Err(Failure::new("commands are not enabled")
            .with_hint(format!("start the controller with {}=1 to allow them", Policy::ALLOW_COMMANDS))),
    }
}

fn variable(name: &str, policy: &Policy) -> Result<SecretString, Failure> {
    (policy.environment)(name).map(SecretString::from).ok_or_else(|| {
        Failure::new(format!("the controller's environment has no variable `{name}` in UTF-8")).with_hint(format!(
            "set it and restart the controller: `jackin controller stop`, then `{name}=… jackin controller start`"
        ))
    })
}

async fn file(path: &str) -> Result<SecretString, Failure> {
    let failed = |error: io::Error| Failure::new(error.to_string());
    let metadata = tokio::fs::metadata(path).await.map_err(failed)?;
    // A pipe would be waited for, and a device may never end.
    if !metadata.is_file() {
        return Err(Failure::new("it is not a regular file"));
    }
    let file = tokio::fs::File::open(path).await.map_err(failed)?;
    let value = bounded(file).await.map_err(failed)?;
    text(value)
}

async fn one_password(item: &str, policy: &Policy) -> Result<SecretString, Failure> {
    let mut command = Command::new(&policy.one_password);
    command.args(["read", "--no-newline", item]);
    let Ended { status, output, errors } = run(command).await.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Failure::new(format!("the program `{}` is not installed", policy.one_password))
            .with_hint("install the command line program of 1Password, or use another kind of reference"),
        _ => Failure::new(error.to_string()),
    })?;
    if status.success() {
        return text(output);
    }
    let said = String::from_utf8_lossy(&errors);
    let said = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it said nothing");
    Err(Failure::new(format!("the program of 1Password failed: {said}"))
        .with_hint("sign in with `op signin`, and try `op read` by hand"))
}

pub(super) async fn github_token(policy: &Policy) -> Result<SecretString, Failure> {
    let hint = "sign in with `gh auth login`, or write where it is read from in `spec.build.secrets` of the role";
    let mut command = Command::new(&policy.github);
    command.args(["auth", "token"]);
    let Ended { status, output, .. } = run(command).await.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            Failure::new(format!("the program `{}` is not installed", policy.github)).with_hint(hint)
        }
        _ => Failure::new(error.to_string()).with_hint(hint),
    })?;
    let token = text(output).map_err(|failure| failure.with_hint(hint))?;
    if status.success() && !token.expose_secret().is_empty() {
        return Ok(token);
    }
    Err(Failure::new(format!("`{} auth token` gave none", policy.github)).with_hint(hint))
}

async fn command(line: &str) -> Result<SecretString, Failure> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", line]);
    let ended = run(command).await.map_err(|error| Failure::new(error.to_string()))?;
    if ended.status.success() {
        return text(ended.output);
    }
    // What it printed may be or hold the secret.
    Err(Failure::new(format!("the command failed: {}", ended.status)).with_hint("run it by hand to see what it says"))
}

/// All of it, when that is not more than a value may have.
pub(super) async fn bounded(reader: impl tokio::io::AsyncRead + Unpin) -> io::Result<Zeroizing<Vec<u8>>> {
    // The whole room at once: a buffer that grows leaves copies of what it held behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(VALUE_BYTES + 1));
    let most = u64::try_from(VALUE_BYTES).unwrap_or(u64::MAX);
    let mut reader = reader.take(most + 1);
    while bytes.len() <= VALUE_BYTES && reader.read_buf(&mut *bytes).await? > 0 {}
    if bytes.len() > VALUE_BYTES {
        let message = format!("the value has more than {} KiB", VALUE_BYTES / 1024);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

/// The value without the line break at its end.
fn text(bytes: Zeroizing<Vec<u8>>) -> Result<SecretString, Failure> {
    let text = std::str::from_utf8(&bytes).map_err(|_| Failure::new("the value is not text in UTF-8"))?;
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    if text.contains('\0') {
        return Err(Failure::new("the value has a zero byte, which no variable can have"));
    }
    Ok(SecretString::from(text))
}
