//! What a build is given of what its role declares: no more than its Dockerfile asks for.

use std::collections::{BTreeMap, BTreeSet};

use jackin_api::kinds::{BuildSecret, Reference, RoleBuild};
use jackin_api::words::Digest;
use jackin_plan::world::Builder;

use super::SourceError;
use super::dockerfile::Dockerfile;
use super::fingerprint::sha256;

/// Arguments that every builder takes without their being declared, and which say how to reach the network, not what is built.
const PROXIES: [&str; 5] = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"];

/// Ids by which a Dockerfile asks for the operator's own token of GitHub.
const GITHUB_TOKEN: [&str; 2] = ["github_token", "GITHUB_TOKEN"];

/// What a build is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildDemand {
    /// Values of build arguments.
    pub args: BTreeMap<String, String>,
    /// Where the secrets that its steps read come from, by id.
    pub secrets: BTreeMap<String, SecretOrigin>,
    /// Name of the stage that is built; the last one when absent.
    pub target: Option<String>,
    /// Who builds it.
    pub builder: Builder,
    /// What of the Dockerfile needs that builder, as written; absent for the classic one, which does for most.
    pub newer: Option<String>,
    /// The image that reads the Dockerfile in the place of the engine, where it names one.
    pub frontend: Option<String>,
    /// Fields of the role that nothing asks for.
    pub unused: Vec<String>,
}

/// Where a build's secret comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretOrigin {
    /// The role gives a reference.
    Declared(Reference),
    /// The operator's own token of GitHub, which nobody declared and the Dockerfile asks for by its id.
    GitHub {
        /// Whether the build fails without it.
        required: bool,
    },
}

impl BuildDemand {
    /// What the build of a Dockerfile is given.
    ///
    /// # Errors
    /// When it has no stage of the name that is wanted, or requires a secret that nobody declares.
    pub(super) fn read(text: &str, declared: &RoleBuild) -> Result<(Dockerfile, Self), SourceError> {
        let RoleBuild { args, secrets, target } = declared;
        let parsed = Dockerfile::parse(text, args);
        let dockerfile = match target {
            Some(stage) => {
                parsed.built_up_to(stage).ok_or_else(|| SourceError::NoSuchStage { stage: stage.clone() })?
            }
            None => parsed,
        };
        let asked = dockerfile.declared();
        let (given, unasked): (BTreeMap<_, _>, BTreeMap<_, _>) =
            args.clone().into_iter().partition(|(name, _)| asked.contains(name.as_str()) || is_proxy(name));
        let origins = origins(&dockerfile, secrets)?;
        let mut unused: Vec<_> = unasked.into_keys().map(|name| format!("spec.build.args.{name}")).collect();
        let unread = secrets.keys().filter(|id| !origins.contains_key(*id));
        unused.extend(unread.map(|id| format!("spec.build.secrets.{id}")));
        let newer = dockerfile.newer().map(str::to_owned);
        let demand = Self {
            args: given,
            secrets: origins,
            target: target.clone().filter(|_| !dockerfile.builds_the_last()),
            builder: if newer.is_some() { Builder::BuildKit } else { Builder::Classic },
            newer,
            frontend: dockerfile.frontend.clone(),
            unused,
        };
        Ok((dockerfile, demand))
    }

    /// The fields of the recipe that it gives: arguments by value, secrets by id alone, and the stage.
    ///
    /// Proxies are in none, nor are a secret's value and its reference.
    pub(super) fn fields(&self) -> BTreeMap<String, Digest> {
        let args = self.args.iter().filter(|(name, _)| !is_proxy(name));
        let args = args.map(|(name, value)| (format!("args[{name}]"), sha256(value)));
        let declared = self.secrets.iter().filter(|(_, origin)| matches!(origin, SecretOrigin::Declared(_)));
        let secrets = declared.map(|(id, _)| (format!("secrets[{id}]"), sha256(id)));
        let target = self.target.iter().map(|target| ("target".to_owned(), sha256(target)));
        args.chain(secrets).chain(target).collect()
    }
}

/// Where the secrets that the Dockerfile asks for come from. One that is not required and not declared is left out, as builders do.
fn origins(
    dockerfile: &Dockerfile,
    declared: &BTreeMap<String, BuildSecret>,
) -> Result<BTreeMap<String, SecretOrigin>, SourceError> {
    let mut origins = BTreeMap::new();
    let mut missing = BTreeSet::new();
    for asked in dockerfile.secrets() {
        if origins.contains_key(&asked.id) {
            continue;
        }
        let origin = match declared.get(&asked.id) {
            Some(BuildSecret { from }) => SecretOrigin::Declared(from.clone()),
            None if GITHUB_TOKEN.contains(&asked.id.as_str()) => SecretOrigin::GitHub { required: asked.required },
            None => {
                missing.extend(asked.required.then(|| asked.id.clone()));
                continue;
            }
        };
        origins.insert(asked.id.clone(), origin);
    }
    match missing.pop_first() {
        Some(id) => Err(SourceError::SecretUndeclared { id }),
        None => Ok(origins),
    }
}

fn is_proxy(name: &str) -> bool {
    PROXIES.iter().any(|proxy| name == *proxy || name == proxy.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(value: serde_json::Value) -> RoleBuild {
        serde_json::from_value(value).unwrap()
    }

    fn demand(text: &str, value: serde_json::Value) -> BuildDemand {
        BuildDemand::read(text, &build(value)).unwrap().1
    }

    fn names(demand: &BuildDemand) -> Vec<String> {
        demand.fields().into_keys().collect()
    }

    #[test]
    fn only_what_the_dockerfile_declares_is_sent_and_counts() {
        let text = "FROM a\nARG VERSION=1\nRUN make\n";
        let demand = demand(text, serde_json::json!({"args": {"VERSION": "2", "OTHER": "3"}}));
        assert_eq!(demand.args, BTreeMap::from([("VERSION".to_owned(), "2".to_owned())]));
        assert_eq!(names(&demand), ["args[VERSION]"]);
        assert_eq!(demand.unused, ["spec.build.args.OTHER"]);
    }

    #[test]
    fn proxies_are_sent_and_never_count() {
        let args = serde_json::json!({"args": {"HTTP_PROXY": "http://p", "no_proxy": "x"}});
        for text in ["FROM a\n", "FROM a\nARG HTTP_PROXY\n"] {
            let demand = demand(text, args.clone());
            assert_eq!((demand.args.len(), names(&demand), demand.unused), (2, vec![], vec![]));
        }
    }

    #[test]
    fn a_secret_counts_by_its_id_and_not_by_where_it_comes_from() {
        let text = "FROM a\nRUN --mount=type=secret,id=token make\n";
        let of = |from: &str| {
            demand(text, serde_json::json!({"secrets": {"token": {"from": from}, "no": {"from": "env://N"}}}))
        };
        let (one, other) = (of("env://ONE"), of("file:///other"));
        assert_eq!(one.fields(), other.fields());
        assert_eq!(
            (names(&one), one.unused),
            (vec!["secrets[token]".to_owned()], vec!["spec.build.secrets.no".to_owned()])
        );
        assert_eq!(one.builder, Builder::BuildKit);
    }

    #[test]
    fn a_required_secret_that_nobody_declares_is_told_before_anything_is_built() {
        let text = "FROM a\nRUN --mount=type=secret,id=x,required make\nRUN --mount=type=secret,id=y make\n";
        let error = BuildDemand::read(text, &RoleBuild::default()).unwrap_err();
        assert!(matches!(&error, SourceError::SecretUndeclared { id } if id == "x"), "{error}");
    }

    #[test]
    fn the_token_of_github_is_only_thought_of_where_the_dockerfile_asks_for_it() {
        assert_eq!(demand("FROM a\n", serde_json::json!({})).secrets, BTreeMap::new());
        let text = "FROM a\nRUN --mount=type=secret,id=github_token make\n";
        let asked = demand(text, serde_json::json!({}));
        assert_eq!(asked.secrets["github_token"], SecretOrigin::GitHub { required: false });
        assert_eq!(names(&asked), Vec::<String>::new());
        let declared = demand(text, serde_json::json!({"secrets": {"github_token": {"from": "env://T"}}}));
        assert_eq!(declared.secrets["github_token"], SecretOrigin::Declared(Reference("env://T".to_owned())));
    }

    #[test]
    fn a_target_counts_unless_it_is_the_last_stage_and_must_be_there() {
        let text = "FROM a AS one\nFROM b AS two\n";
        assert_eq!(names(&demand(text, serde_json::json!({"target": "one"}))), ["target"]);
        assert_eq!(names(&demand(text, serde_json::json!({"target": "two"}))), Vec::<String>::new());
        let error = BuildDemand::read(text, &build(serde_json::json!({"target": "three"}))).unwrap_err();
        assert!(matches!(error, SourceError::NoSuchStage { .. }));
    }
}
