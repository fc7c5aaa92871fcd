//! Names of images, taken apart as the engine's API wants them.

/// Repository and tag of a reference; a reference without a tag means `latest`, one with a digest has none.
pub(super) fn repository_and_tag(reference: &str) -> (&str, Option<&str>) {
    if reference.contains('@') {
        return (reference, None);
    }
    match reference.rsplit_once(':') {
        // A colon before the last slash belongs to the registry's port.
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (reference, Some("latest")),
    }
}

/// How the docker client keeps the login for Docker Hub.
const HUB: &str = "https://index.docker.io/v1/";

/// The registry that a reference names, as the docker client keeps logins: by its host.
pub(super) fn registry_of(reference: &str) -> &str {
    match reference.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => kept_as(host),
        _ => HUB,
    }
}

/// How the docker client keeps the login for a host.
pub(super) fn kept_as(host: &str) -> &str {
    match host {
        "docker.io" | "index.docker.io" | "registry-1.docker.io" => HUB,
        host => host,
    }
}

/// Whether it is an id, not a name.
pub(super) fn is_id(reference: &str) -> bool {
    reference.strip_prefix("sha256:").is_some_and(is_full_id)
}

/// Whether it has the form of a full id of a container or network.
pub(super) fn is_full_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_not_taken_for_a_tag_and_no_tag_means_latest() {
        assert_eq!(repository_and_tag("debian"), ("debian", Some("latest")));
        assert_eq!(repository_and_tag("debian:12"), ("debian", Some("12")));
        assert_eq!(repository_and_tag("127.0.0.1:5000/a/b"), ("127.0.0.1:5000/a/b", Some("latest")));
        assert_eq!(repository_and_tag("127.0.0.1:5000/a/b:1"), ("127.0.0.1:5000/a/b", Some("1")));
        assert_eq!(repository_and_tag("a@sha256:00"), ("a@sha256:00", None));
    }

    #[test]
    fn a_registry_is_the_host_that_a_reference_begins_with_and_docker_hub_without_one() {
        assert_eq!(registry_of("127.0.0.1:5000/a/b:1"), "127.0.0.1:5000");
        assert_eq!(registry_of("registry.example/a@sha256:00"), "registry.example");
        assert_eq!(registry_of("localhost/a"), "localhost");
        for of_the_hub in ["debian", "debian:12", "library/debian", "docker.io/library/debian:12"] {
            assert_eq!(registry_of(of_the_hub), HUB, "{of_the_hub}");
        }
    }
}
