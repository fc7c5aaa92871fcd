use std::os::unix::fs::symlink;

use jackin_api::kinds::{GitSource, Role, RolePlugins};
use serde_json::json;

use super::*;
use crate::images::{ObservedSource, observe_role, observe_source, source::Repositories};
use crate::tarball::tests::entries;
use jackin_plan::world::ImageId;

struct Folder(tempfile::TempDir);

impl Folder {
    /// A role whose folder has the marketplace `acme` in `market`, with this list of plugins.
    fn new(plugins: Value) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let list = json!({"name": "acme", "owner": {"name": "Acme"}, "plugins": plugins});
        folder
            .with("Dockerfile", "FROM debian:bookworm\n")
            .with("market/.claude-plugin/marketplace.json", &list.to_string())
            .with("market/plugins/hello/commands/hi.md", "Say hello.")
            .with("market/plugins/hello/.claude-plugin/plugin.json", r#"{"name": "hello", "version": "1"}"#)
    }

    fn hello() -> Self {
        Self::new(json!([{"name": "hello", "source": "./plugins/hello"}]))
    }

    fn path(&self) -> &Utf8Path {
        Utf8Path::from_path(self.0.path()).unwrap()
    }

    fn with(self, path: &str, text: &str) -> Self {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    fn role(&self, plugins: Value) -> Role {
        let mut role = Role::default();
        role.spec.source.path = Some(self.path().to_string());
        let plugins: RolePlugins = serde_json::from_value(plugins).unwrap();
        role.spec.plugins = BTreeMap::from([("claude".to_owned(), plugins)]);
        role
    }

    fn observe(&self) -> Result<ObservedSource, SourceError> {
        observe_source(&self.role(json!({"marketplaces": [{"path": "market"}], "plugins": ["hello@acme"]})))
    }

    fn failure(&self) -> String {
        self.observe().unwrap_err().to_string()
    }
}

async fn on_top(source: &ObservedSource) -> Vec<(String, String)> {
    let sent = entries(source.additions.archive(&ImageId("sha256:0".to_owned()))).await.unwrap();
    sent.into_iter().map(|(name, _, text)| (name, text)).collect()
}

#[tokio::test]
async fn a_plugin_is_put_into_the_image_as_it_is_and_counts_by_its_content() {
    let folder = Folder::hello();
    let before = folder.observe().unwrap();
    let names: Vec<_> = before.fields.0.keys().map(String::as_str).collect();
    assert_eq!(names, ["dockerfile", "plugins[claude/hello@acme]"]);
    let file = |name: &str, text: &str| (format!("jackin/plugins/claude/hello@acme/{name}"), text.to_owned());
    assert_eq!(
        on_top(&before).await[1..],
        [file(MANIFEST, r#"{"name": "hello", "version": "1"}"#), file("commands/hi.md", "Say hello.")]
    );
    let folder = folder.with("market/plugins/other/x", "1");
    assert_eq!(before.fields.changes_to(&folder.observe().unwrap().fields), []);
    let folder = folder.with("market/plugins/hello/commands/hi.md", "Say more.");
    let changes = before.fields.changes_to(&folder.observe().unwrap().fields);
    assert_eq!(changes.iter().map(ToString::to_string).collect::<Vec<_>>(), ["~ plugins[claude/hello@acme]"]);
}

#[tokio::test]
async fn what_a_plugin_does_not_say_of_itself_its_marketplace_says() {
    let folder = Folder::new(json!([
        {"name": "hello", "source": "./plugins/hello", "strict": false, "version": "9", "commands": ["./commands/hi.md"]}
    ]));
    let sent = on_top(&folder.observe().unwrap()).await;
    let manifests: Vec<_> = sent.iter().filter(|(name, _)| name.ends_with(MANIFEST)).collect();
    let [(_, text)] = manifests[..] else { panic!("{sent:?}") };
    let said: Value = serde_json::from_str(text).unwrap();
    assert_eq!(said, json!({"name": "hello", "version": "1", "commands": ["./commands/hi.md"]}));
}

#[test]
fn what_is_not_there_or_leads_out_is_told_by_name() {
    let failure = Folder::new(json!([{"name": "other", "source": "./x"}])).failure();
    assert!(failure.contains("`hello@acme`") && failure.contains("it has other"), "{failure}");
    let failure = Folder::new(json!([{"name": "hello", "source": "./none"}])).failure();
    assert!(failure.contains("does not exist"), "{failure}");
    let failure = Folder::new(json!([{"name": "hello", "source": "./../../.."}])).failure();
    assert!(failure.contains("outside"), "{failure}");
    let failure = Folder::new(json!([{"name": "hello", "source": {"source": "npm", "package": "x"}}])).failure();
    assert!(failure.contains("`npm` are not supported"), "{failure}");
    let failure = Folder::hello().with("market/.claude-plugin/marketplace.json", "{").failure();
    assert!(failure.contains("`market`") && failure.contains("cannot be read"), "{failure}");
    let folder = Folder::hello();
    symlink("/etc/passwd", folder.path().join("market/plugins/hello/secrets")).unwrap();
    assert!(folder.failure().contains("`secrets` leads out"), "{}", folder.failure());
}

#[test]
fn what_is_in_the_folder_counts_also_while_a_repository_is_not_fetched() {
    let digest = |folder: &Folder| {
        let marketplaces = json!([{"path": "market"}, {"git": {"url": "https://example.com/other"}}]);
        let role = folder.role(json!({"marketplaces": marketplaces, "plugins": ["hello@acme", "fmt@other"]}));
        crate::images::role_source_digest(&role).unwrap()
    };
    let folder = Folder::hello();
    let before = digest(&folder);
    let folder = folder.with("market/plugins/hello/commands/hi.md", "Say more.");
    assert_ne!(digest(&folder), before);
}

#[test]
fn a_repository_that_a_marketplace_names_obeys_the_rules_of_one_that_a_role_names() {
    let failure = |source: Value| {
        let source = [json!({"name": "hello", "source": source})];
        Folder::new(json!(source)).failure()
    };
    let github = |field: &str, value: &str| failure(json!({"source": "github", "repo": "acme/plugins", field: value}));
    for field in ["sha", "commit"] {
        let said = github(field, "../../../.aws");
        assert!(said.contains("`hello@acme`") && said.contains("not a full commit id: `../../../.aws`"), "{said}");
    }
    let said = github("ref", "--upload-pack=x");
    assert!(said.contains("not the name of a branch or tag"), "{said}");
    for url in ["ext::sh -c x", "-x", "./beside", "~/.aws"] {
        let said = failure(json!({"source": "url", "url": url}));
        assert!(said.contains("not the address of a repository"), "{url}: {said}");
    }
    let said = failure(json!({"source": "url", "url": "https://me:secret@example.com/x"}));
    assert!(said.contains("holds a password"), "{said}");
}

#[test]
fn a_plugin_of_another_repository_is_asked_for_and_then_found() {
    let folder = Folder::new(json!([
        {"name": "hello", "source": {"source": "git-subdir", "url": "acme/plugins", "path": "hello", "ref": "v1"}}
    ]));
    let source = |url: &str, reference: Option<&str>| GitSource {
        url: url.to_owned(),
        reference: reference.map(str::to_owned),
        ..GitSource::default()
    };
    let market = source("https://example.com/market", None);
    let role = folder.role(json!({"marketplaces": [{"git": {"url": market.url}}], "plugins": ["hello@acme"]}));
    let wanted = |fetched: &[Fetched]| look_up(Some(folder.path()), &role.spec.plugins, fetched).unwrap().wanted;
    assert_eq!(wanted(&[]), std::slice::from_ref(&market));
    let checkout = |path: &str| Checkout {
        folder: folder.path().join(path),
        commit: path.to_owned(),
        unfetched: None,
        again: None,
    };
    let mut plugins = vec![(market, checkout("market"))];
    let repository = source("https://github.com/acme/plugins", Some("v1"));
    assert_eq!(wanted(&plugins), std::slice::from_ref(&repository));
    let error = observe_role(&role, Repositories { source: None, plugins: plugins.clone() }).unwrap_err();
    assert!(matches!(error, SourceError::NotFetched), "{error}");
    plugins.push((repository, checkout("market/plugins")));
    assert_eq!(wanted(&plugins), []);
    let source = observe_role(&role, Repositories { source: None, plugins }).unwrap();
    assert!(source.fields.0.contains_key("plugins[claude/hello@acme]"));
}
