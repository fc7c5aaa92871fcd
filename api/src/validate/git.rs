//! Addresses of repositories, and names of branches and tags in them.

use crate::kinds::GitSource;

use super::{Errors, FieldError, FieldReason};

/// The address in the one way of writing that trust is given to: no slashes at its end, scheme and host in lower case.
///
/// Absent for what is no address of a repository: a relative path, an option, a helper of git's such as `ext::`.
///
/// ```
/// use jackin_api::validate::normal_git_url;
/// assert_eq!(normal_git_url("HTTPS://Example.com/Team/role/").as_deref(), Some("https://example.com/Team/role"));
/// assert_eq!(normal_git_url("git@example.com:team/role.git").as_deref(), Some("git@example.com:team/role.git"));
/// assert_eq!(normal_git_url("--upload-pack=x"), None);
/// ```
pub fn normal_git_url(url: &str) -> Option<String> {
    let plain = |byte: u8| byte > b' ' && byte != 0x7f;
    let url = url.trim_end_matches('/');
    if url.is_empty() || url.starts_with('-') || url.contains("::") || !url.bytes().all(plain) {
        return None;
    }
    if let Some((scheme, rest)) = url.split_once("://") {
        let scheme = scheme.to_ascii_lowercase();
        let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let known = matches!(scheme.as_str(), "file" | "git" | "http" | "https" | "ssh");
        let (user, host) = host.rsplit_once('@').map_or(("", host), |(user, _)| host.split_at(user.len() + 1));
        let there = !host.is_empty() || scheme == "file";
        let option = host.starts_with('-') || user.starts_with('-');
        return (known && there && !option && !path.is_empty())
            .then(|| format!("{scheme}://{user}{}{path}", host.to_ascii_lowercase()));
    }
    let by_ssh = url.split_once(':').is_some_and(|(host, path)| {
        !host.contains('/')
            && !path.is_empty()
            && !host.rsplit('@').any(|part| part.is_empty() || part.starts_with('-'))
    });
    (url.starts_with('/') || by_ssh).then(|| url.to_owned())
}

/// Whether `name` can be the name of a branch or tag.
///
/// ```
/// use jackin_api::validate::is_git_reference;
/// assert!(is_git_reference("release/1.2") && is_git_reference("refs/tags/v1"));
/// assert!(!is_git_reference("-force") && !is_git_reference("a:b") && !is_git_reference("a..b"));
/// ```
pub fn is_git_reference(name: &str) -> bool {
    let inner = |byte: u8| byte > b' ' && !b"\x7f~^:?*[\\".contains(&byte);
    let part = |part: &str| {
        let locked = part.rsplit_once('.').is_some_and(|(_, end)| end == "lock");
        !part.is_empty() && !part.starts_with('.') && !part.ends_with('.') && !locked
    };
    let sound = !name.starts_with(['-', '+']) && !name.contains("..") && !name.contains("@{") && name != "@";
    sound && name.bytes().all(inner) && name.split('/').all(part)
}

/// Whether `id` is the whole id of a commit, and not a part of one or anything else, such as a path.
///
/// ```
/// use jackin_api::validate::is_git_commit;
/// assert!(is_git_commit("0123456789abcdef0123456789abcdef01234567"));
/// assert!(!is_git_commit("0123456") && !is_git_commit("../../../.aws"));
/// ```
pub fn is_git_commit(id: &str) -> bool {
    id.len() == 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Every rule that a source breaks which stands in something that was fetched, where nobody makes an address absolute.
///
/// ```
/// use jackin_api::{kinds::GitSource, validate::fetched_git_source};
/// let source = |url: &str| GitSource { url: url.to_owned(), ..GitSource::default() };
/// assert_eq!(fetched_git_source("source", &source("https://example.com/team/role")), []);
/// assert_eq!(fetched_git_source("source", &source("./role"))[0].field, "source.url");
/// ```
pub fn fetched_git_source(field: &str, git: &GitSource) -> Vec<FieldError> {
    let mut errors = Errors::default();
    if git.url.starts_with(['.', '~']) {
        not_an_address(field, &git.url, &mut errors);
    }
    check(field, git, &mut errors);
    errors.0
}

fn not_an_address(field: &str, url: &str, errors: &mut Errors) {
    let hint = "write it as `git clone` takes it: `https://…`, `ssh://…`, `file://…`, `user@host:path` or a path";
    errors.invalid(format!("{field}.url"), format!("not the address of a repository: `{url}`"), hint);
}

/// The rules of a source that stands in this field.
pub(super) fn check(field: &str, git: &GitSource, errors: &mut Errors) {
    let GitSource { url, reference, commit, trusted_url } = git;
    // What counts from the manifest's folder or the operator's home is made absolute before it is sent.
    if normal_git_url(url).is_none() && !url.starts_with(['.', '~']) {
        not_an_address(field, url, errors);
    } else if has_password(url) {
        let message = "the address holds a password, which everybody who reads the object would see";
        errors.push(FieldReason::Forbidden, format!("{field}.url"), message, "leave it to git's credential helper");
    }
    if let Some(reference) = reference
        && !is_git_reference(reference)
    {
        let message = format!("not the name of a branch or tag: `{reference}`");
        errors.invalid(format!("{field}.ref"), message, "write it as in `main` or `v1.2`");
    }
    if let Some(commit) = commit
        && !is_git_commit(commit)
    {
        errors.invalid(format!("{field}.commit"), format!("not a full commit id: `{commit}`"), "write all 40 digits");
    }
    if let Some(trusted) = trusted_url
        && normal_git_url(trusted) != normal_git_url(url)
    {
        let message = format!("trust is given to `{trusted}`, and the source is `{url}`");
        errors.invalid(
            format!("{field}.trustedUrl"),
            message,
            "write the same address, when what lies there is trusted",
        );
    }
}

fn has_password(url: &str) -> bool {
    let host = url.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or_default());
    host.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_would_take_for_something_else_is_no_address() {
        for url in [
            "",
            "-x",
            "ext::sh -c x",
            "ext::sh",
            "role",
            "./role",
            "ftp://host/x",
            "https://",
            "ssh://-oProxyCommand=x/y",
        ] {
            assert_eq!(normal_git_url(url), None, "{url}");
        }
        for url in ["-oX:path", "user@-oX:path", "https:///path", "https://host", "a b"] {
            assert_eq!(normal_git_url(url), None, "{url}");
        }
    }

    #[test]
    fn two_ways_to_write_an_address_are_one_and_two_addresses_are_two() {
        assert_eq!(normal_git_url("file:///srv/role//").as_deref(), Some("file:///srv/role"));
        assert_eq!(normal_git_url("SSH://Git@Host:22/x"), normal_git_url("ssh://Git@host:22/x"));
        assert_ne!(normal_git_url("https://host/Role"), normal_git_url("https://host/role"));
        assert_ne!(normal_git_url("https://host/role.git"), normal_git_url("https://host/role"));
    }

    #[test]
    fn a_password_in_an_address_is_seen() {
        assert!(has_password("https://me:secret@host/role"));
        assert!(!has_password("ssh://git@host:22/role") && !has_password("git@host:role"));
    }
}
