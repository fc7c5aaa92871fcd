//! What nothing refers to is shown, and removed only as far as was asked for.

use jackin_api::words as labels;
use jackin_plan::names::Owner;
use jackin_plan::strays::{Inventory, Needs, Options, References, SeenContainer, Stray, StrayKind, strays};
use jackin_plan::world::{ContainerId, ContainerState, Image, ImageId, Labels, Network, NetworkId, Volume};

const EVERYTHING: Options = Options {
    volumes: true,
    images: true,
    force: true,
    only_images: false,
    older_than_seconds: None,
    keep_bytes: None,
};

fn owner() -> Owner {
    Owner("0123456789ab".to_owned())
}

fn labelled(component: &str, more: &[(&str, &str)]) -> Labels {
    let mut all = owner().labels(component);
    all.extend(more.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    all
}

fn of_instance(instance: &str) -> Labels {
    labelled(labels::COMPONENT_ROLE, &[(labels::NAMESPACE, "default"), (labels::INSTANCE, instance)])
}

fn container(name: &str, state: ContainerState, labels: Labels) -> SeenContainer {
    SeenContainer {
        id: ContainerId(format!("id of {name}")),
        name: name.to_owned(),
        state,
        labels,
        image: ImageId("sha256:role".to_owned()),
        networks: vec![],
        volumes: vec![],
    }
}

fn network(name: &str, labels: Labels) -> Network {
    Network { id: NetworkId(name.to_owned()), name: name.to_owned(), labels, internal: false, members: vec![] }
}

fn volume(name: &str, labels: Labels) -> Volume {
    Volume { name: name.to_owned(), labels }
}

fn role_image(id: &str, recipe: &str) -> Image {
    let recipe = labels::Digest(format!("sha256:{recipe}"));
    let more = [(labels::NAMESPACE, "default"), (labels::ROLE, "dev"), (labels::RECIPE, recipe.0.as_str())];
    let labels = labelled(labels::COMPONENT_IMAGE, &more);
    let tags = vec![owner().image("default", "dev", &recipe)];
    Image {
        id: ImageId(id.to_owned()),
        content: None,
        tags,
        labels,
        size_bytes: 7,
        repository_digests: vec![],
        created_at: None,
    }
}

/// The instance `shop-main` with all that it uses, and nothing else.
fn settled() -> (Inventory, References) {
    let program = labelled(labels::COMPONENT_AGENT, &[(labels::AGENT, "codex")]);
    let main = SeenContainer {
        networks: vec!["shop".to_owned()],
        volumes: vec!["old-program".to_owned()],
        ..container("main", ContainerState::Running, of_instance("shop-main"))
    };
    let inventory = Inventory {
        containers: vec![main],
        networks: vec![network("shop", labelled(labels::COMPONENT_NETWORK, &[]))],
        // A running instance keeps the version that it started with.
        volumes: vec![volume("program", program.clone()), volume("old-program", program)],
        images: vec![role_image("sha256:role", "aaaaaaaaaaaaaaaa"), role_image("sha256:next", "bbbbbbbbbbbbbbbb")],
        ..Inventory::default()
    };
    let references = References {
        instances: [("default".to_owned(), "shop-main".to_owned())].into(),
        networks: ["shop".to_owned()].into(),
        volumes: ["program".to_owned()].into(),
        images: ["sha256:next".to_owned()].into(),
        ..References::default()
    };
    (inventory, references)
}

fn found(inventory: &Inventory, references: &References, options: Options) -> Vec<(StrayKind, String, Option<Needs>)> {
    let told = |stray: Stray| (stray.kind, stray.name, stray.needs);
    strays(&owner(), inventory, references, options).into_iter().map(told).collect()
}

#[test]
fn what_an_instance_uses_is_no_stray_whether_it_runs_or_not() {
    let (mut inventory, references) = settled();
    for state in [ContainerState::Running, ContainerState::Exited, ContainerState::Created, ContainerState::Dead] {
        inventory.containers[0].state = state;
        assert_eq!(found(&inventory, &references, EVERYTHING), []);
    }
}

#[test]
fn a_container_without_its_instance_goes_and_one_with_processes_takes_force() {
    let (mut inventory, references) = settled();
    inventory.containers.push(container("gone", ContainerState::Exited, of_instance("shop-gone")));
    inventory.containers.push(container("alive", ContainerState::Paused, of_instance("shop-alive")));
    let strays = strays(&owner(), &inventory, &references, Options::default());
    let told: Vec<_> = strays.iter().map(|stray| (stray.name.as_str(), stray.is_pruned(Options::default()))).collect();
    assert_eq!(told, [("gone", true), ("alive", false)]);
    assert!(strays[1].is_pruned(Options { force: true, ..Options::default() }));
}

#[test]
fn what_bears_our_labels_and_was_not_made_by_us_is_no_stray() {
    let inherited = |image: &str| {
        let mut labels = of_instance("shop-gone");
        labels.insert(labels::IMAGE.to_owned(), image.to_owned());
        labels
    };
    let mut committed = role_image("sha256:committed", "cccccccccccccccc");
    committed.tags = vec!["backup:1".to_owned()];
    let mut derived = role_image("sha256:derived", "dddddddddddddddd");
    derived.tags.clear();
    let theirs = Labels::from([(labels::OWNER.to_owned(), "ba9876543210".to_owned())]);
    let inventory = Inventory {
        containers: vec![
            container("committed", ContainerState::Exited, inherited("sha256:other")),
            container("run", ContainerState::Exited, labelled(labels::COMPONENT_IMAGE, &[])),
            container("other", ContainerState::Exited, theirs.clone()),
        ],
        networks: vec![network("theirs", theirs.clone()), network("alike", labelled(labels::COMPONENT_ROLE, &[]))],
        volumes: vec![volume("theirs", theirs)],
        images: vec![committed, derived],
        ..Inventory::default()
    };
    assert_eq!(found(&inventory, &References::default(), EVERYTHING), []);
}

#[test]
fn a_network_waits_for_its_users_and_goes_with_those_that_go() {
    let (mut inventory, references) = settled();
    inventory.networks.push(network("old", labelled(labels::COMPONENT_NETWORK, &[])));
    let guest = |labels: Labels| SeenContainer {
        networks: vec!["old".to_owned()],
        ..container("guest", ContainerState::Exited, labels)
    };
    inventory.containers.push(guest(Labels::new()));
    let users = Some(Needs::Users(vec!["guest".to_owned()]));
    assert_eq!(found(&inventory, &references, EVERYTHING), [(StrayKind::Network, "old".to_owned(), users)]);
    inventory.containers[1] = guest(of_instance("shop-gone"));
    let expected = [(StrayKind::Container, "guest".to_owned(), None), (StrayKind::Network, "old".to_owned(), None)];
    assert_eq!(found(&inventory, &references, Options::default()), expected);
}

#[test]
fn programs_that_nobody_would_mount_go_and_those_of_an_agent_that_could_not_be_read_stay() {
    let (mut inventory, mut references) = settled();
    let claude = labelled(labels::COMPONENT_AGENT, &[(labels::AGENT, "claude")]);
    inventory.volumes.push(volume("claude-1", claude));
    assert_eq!(found(&inventory, &references, Options::default()), [(StrayKind::Volume, "claude-1".to_owned(), None)]);
    references.unread_agents.insert("claude".to_owned());
    assert_eq!(found(&inventory, &references, Options::default()), []);
}

#[test]
fn a_volume_that_may_hold_data_takes_consent_and_stays_with_its_instance() {
    let data = |instance: &str| labelled("data", &[(labels::NAMESPACE, "default"), (labels::INSTANCE, instance)]);
    let (mut inventory, references) = settled();
    inventory.volumes.push(volume("main-data", data("shop-main")));
    inventory.volumes.push(volume("gone-data", data("shop-gone")));
    inventory.volumes.push(volume("whose", labelled("data", &[])));
    let strays = strays(&owner(), &inventory, &references, EVERYTHING);
    let [only] = strays.as_slice() else { panic!("{strays:?}") };
    assert_eq!((only.name.as_str(), only.needs.clone()), ("gone-data", Some(Needs::Volumes)));
    assert!(!only.is_pruned(Options { volumes: false, ..EVERYTHING }));
}

#[test]
fn an_image_that_nothing_serves_or_uses_takes_consent_and_tells_its_size() {
    let (mut inventory, references) = settled();
    inventory.images.push(role_image("sha256:old", "eeeeeeeeeeeeeeee"));
    let told = strays(&owner(), &inventory, &references, Options::default());
    let [only] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((only.id.as_str(), only.size_bytes, only.is_pruned(Options::default())), ("sha256:old", Some(7), false));
    assert!(only.is_pruned(Options { images: true, ..Options::default() }));

    // One that is just being built is about to serve.
    let mut references = references;
    references.recipes.insert("sha256:eeeeeeeeeeeeeeee".to_owned());
    assert_eq!(found(&inventory, &references, EVERYTHING), []);
}

/// Unused images made so many hours ago, of 7 bytes each, and which of them an option removes.
fn removed(hours: &[Option<i64>], options: Options) -> Vec<String> {
    let now: jiff::Timestamp = "2026-01-10T00:00:00Z".parse().expect("a time");
    let made = |hours: i64| now.checked_sub(jiff::SignedDuration::from_hours(hours)).expect("a time");
    let image = |hours: &Option<i64>| {
        let name = hours.map_or("unknown".to_owned(), |hours| format!("{hours}h"));
        Image { created_at: hours.map(made), ..role_image(&name, &format!("{name:f>16}")) }
    };
    let inventory = Inventory { images: hours.iter().map(image).collect(), at: now, ..Inventory::default() };
    let found = strays(&owner(), &inventory, &References::default(), options);
    found.into_iter().filter(|stray| stray.is_pruned(options)).map(|stray| stray.id).collect()
}

#[test]
fn unused_images_go_by_age_and_the_oldest_first_until_the_rest_has_room() {
    let all = [Some(1), Some(48), None, Some(100), Some(2), Some(-3)];
    let images = Options { only_images: true, images: true, ..Options::default() };
    let (day, room) = (Some(24 * 3600), |images: u64| Some(images * 7));
    for (older_than_seconds, keep_bytes, expected) in [
        (None, None, &["unknown", "-3h", "1h", "2h", "48h", "100h"][..]),
        (day, None, &["48h", "100h"]),
        (None, room(6), &[]),
        (None, room(5), &["100h"]),
        (None, room(2), &["1h", "2h", "48h", "100h"]),
        (None, Some(0), &["unknown", "-3h", "1h", "2h", "48h", "100h"]),
        (day, room(5), &["100h"]),
        (day, Some(0), &["48h", "100h"]),
    ] {
        let options = Options { older_than_seconds, keep_bytes, ..images };
        assert_eq!(removed(&all, options), expected, "{older_than_seconds:?} {keep_bytes:?}");
    }
    assert_eq!(removed(&all, Options { images: false, ..images }), <[String; 0]>::default());
}

#[test]
fn of_an_image_that_somebody_published_our_name_goes() {
    let mut published = role_image("sha256:published", "ffffffffffffffff");
    published.labels.insert(labels::OWNER.to_owned(), "ba9876543210".to_owned());
    let name = published.tags[0].clone();
    let theirs = Image { tags: vec!["a.example/dev:1".to_owned()], ..published.clone() };
    published.tags.insert(0, "a.example/dev:1".to_owned());
    let inventory = Inventory { images: vec![published, theirs], ..Inventory::default() };
    assert_eq!(found(&inventory, &References::default(), EVERYTHING), [(StrayKind::Image, name, None)]);
}

#[test]
fn of_images_only_nothing_else_is_told_and_what_a_stray_container_uses_stays() {
    let (mut inventory, mut references) = settled();
    references.instances.clear();
    references.images.clear();
    inventory.containers[0].state = ContainerState::Exited;
    let images = Options { only_images: true, images: true, ..Options::default() };
    let told: Vec<_> = strays(&owner(), &inventory, &references, images).into_iter().map(|stray| stray.id).collect();
    assert_eq!(told, ["sha256:next"]);
}
