//! Images that somebody published, and bases that move: what is asked, what is fetched, and what serves meanwhile.

use jackin_api::kinds::{Image as ImageObject, ImageReference, ImageStatus, PullPolicy, RegistryLook};
use jackin_api::words::{
    self, COMPONENT_IMAGE, ConditionStatus, ConditionType, DigestMap, FORMAT, ImageDecision, ImageReason, OWNER, RECIPE,
};
use jackin_plan::digest::digest_of_map;
use jackin_plan::image::{ImageAction, ImagePlan, ObservedImage, counting, fetched, next_look_ms, plan, recipe_labels};
use jackin_plan::names::Owner;
use jackin_plan::status::{ImageOutcome, image as status};
use jackin_plan::world::Image;
use jiff::{SignedDuration, Timestamp};

use crate::images::{all_fields, built, decide, image, name, reasons, source};
use crate::support::digest;

const PUBLISHED: &str = "registry.example/dev:1";

/// What somebody else published of these fields.
fn published(id: &str, fields: &DigestMap) -> Image {
    let mut labels = Owner("ba9876543210".to_owned()).labels(COMPONENT_IMAGE);
    labels.extend(recipe_labels(&digest_of_map(fields), fields));
    Image { repository_digests: vec![format!("registry.example/dev@{id}-there")], ..image(id, &[PUBLISHED], labels) }
}

/// A role with a published image, of which this is here.
fn role(here: Option<Image>) -> ObservedImage {
    ObservedImage { published: Some((PUBLISHED.to_owned(), here)), ..source() }
}

/// The registry says that a name points to this.
fn says(mut observed: ObservedImage, reference: &str, digest: Option<&str>, trouble: Option<&str>) -> ObservedImage {
    let (digest, trouble) = (digest.map(str::to_owned), trouble.map(str::to_owned));
    let look = RegistryLook { reference: reference.to_owned(), digest, checked_at: Timestamp::UNIX_EPOCH, trouble };
    observed.looks.insert(reference.to_owned(), look);
    observed
}

/// It was given our name.
fn kept(mut image: Image) -> Image {
    let recipe = image.labels[RECIPE].clone();
    image.tags.push(name().of(&words::Digest(recipe)));
    image
}

fn edited() -> DigestMap {
    let mut fields = all_fields(&source());
    fields.0.insert("files[a]".to_owned(), digest("edited"));
    fields
}

fn serving(plan: &ImagePlan) -> &str {
    plan.action.serving().map_or("", |serving| &serving.id)
}

fn pulled() -> ImageAction {
    ImageAction::Pull { reference: PUBLISHED.to_owned() }
}

#[test]
fn an_image_of_the_recipe_serves_and_nobody_is_asked_about_the_published_one() {
    let observed = built(role(None), "sha256:1", &[], &all_fields(&source()));
    let plan = decide(&observed);
    assert_eq!((plan.decision, serving(&plan), plan.follows.names.len()), (ImageDecision::Reuse, "sha256:1", 0));
}

#[test]
fn where_nothing_is_here_the_published_image_is_fetched_and_no_base() {
    let mut observed = role(None);
    observed.bases.insert("debian:1".to_owned(), None);
    let plan = decide(&observed);
    assert_eq!((plan.decision, &plan.action), (ImageDecision::BuildFromPublished, &pulled()));
    assert_eq!(reasons(&plan), ["LocalImageMissing"]);
}

#[test]
fn a_fresh_one_gets_our_name_and_serves_without_its_base() {
    let mut observed = role(Some(published("sha256:p", &all_fields(&source()))));
    observed.bases.insert("debian:1".to_owned(), None);
    let plan = decide(&observed);
    let ImageAction::Name(named) = &plan.action else { panic!("{plan:?}") };
    let recipe = digest_of_map(&all_fields(&source()));
    assert_eq!((named.id.as_str(), &named.recipe, &named.name), ("sha256:p", &recipe, &name().of(&recipe)));
    assert_eq!(named.fields, all_fields(&source()), "it says what its base was");
    let observed = role(Some(kept(published("sha256:p", &all_fields(&source())))));
    let plan = decide(&observed);
    assert!(matches!(plan.action, ImageAction::Serve(_)), "{plan:?}");
    assert_eq!((plan.follows.names, plan.follows.due), (vec![PUBLISHED.to_owned()], vec![PUBLISHED.to_owned()]));
}

#[test]
fn a_stale_one_is_asked_for_once_and_then_the_role_is_built_with_every_difference_told() {
    let stale = role(Some(published("sha256:p", &edited())));
    let plan = decide(&stale);
    assert_eq!(plan.action, ImageAction::Ask { references: vec![PUBLISHED.to_owned()] });
    let same = says(stale.clone(), PUBLISHED, Some("sha256:p-there"), None);
    let plan = decide(&same);
    assert_eq!(
        (plan.decision, reasons(&plan)),
        (ImageDecision::BuildFromWorkspace, vec!["LocalImageMissing".to_owned(), "~ files[a]".to_owned()])
    );
    assert_eq!(plan.reasons[1].reason, ImageReason::PublishedImageStale);
    assert!(matches!(plan.action, ImageAction::Build { .. }));
    let moved = says(stale, PUBLISHED, Some("sha256:newer-there"), None);
    let plan = decide(&moved);
    assert_eq!((plan.decision, &plan.action), (ImageDecision::BuildFromPublished, &pulled()));
}

#[test]
fn a_registry_that_has_none_or_cannot_be_asked_leaves_the_build() {
    for (trouble, reason) in [(None, "PublishedImageMissing"), (Some("refused"), "RegistryUnreachable")] {
        let plan = decide(&says(role(None), PUBLISHED, None, trouble));
        assert_eq!(reasons(&plan), ["LocalImageMissing", reason]);
        assert!(matches!(plan.action, ImageAction::Build { .. }), "{plan:?}");
    }
}

#[test]
fn one_that_moved_is_fetched_while_the_old_one_serves_and_takes_its_place_only_when_it_is_fresh() {
    let here = kept(published("sha256:p", &all_fields(&source())));
    let plan = decide(&says(role(Some(here.clone())), PUBLISHED, Some("sha256:q-there"), None));
    assert_eq!(
        (plan.decision, reasons(&plan)),
        (ImageDecision::RefreshInBackground, vec!["PublishedImageMoved".to_owned()])
    );
    assert!(matches!(plan.action, ImageAction::Refresh { .. }));
    assert_eq!(serving(&plan), "sha256:p");

    let after = |fields: &DigestMap| {
        let old = Image { tags: vec![here.tags[1].clone()], ..here.clone() };
        let observed = ObservedImage { kept: vec![old], ..role(Some(published("sha256:q", fields))) };
        decide(&says(observed, PUBLISHED, Some("sha256:q-there"), None))
    };
    assert_eq!(serving(&after(&all_fields(&source()))), "sha256:q");
    let stale = after(&edited());
    assert_eq!((stale.decision, serving(&stale)), (ImageDecision::Reuse, "sha256:p"));
}

#[test]
fn a_registry_that_cannot_be_asked_takes_nothing_from_an_image_that_serves() {
    let here = kept(published("sha256:p", &all_fields(&source())));
    let plan = decide(&says(role(Some(here)), PUBLISHED, None, Some("connection refused")));
    let outcome = ImageOutcome::Planned { plan, begun: false };
    let status = status(&ImageObject::default(), &outcome, None, Timestamp::UNIX_EPOCH, 0.0);
    let is = |type_| words::find(&status.conditions, type_).map(|found| (found.status, found.reason.clone()));
    assert_eq!(is(ConditionType::Ready), Some((ConditionStatus::True, "ImageValid".to_owned())));
    assert_eq!(is(ConditionType::Stale), Some((ConditionStatus::Unknown, "RegistryUnreachable".to_owned())));
}

#[test]
fn never_fetches_nothing_and_asks_nobody() {
    let never = |observed| ObservedImage { policy: PullPolicy::Never, ..observed };
    assert!(matches!(decide(&never(role(None))).action, ImageAction::Build { .. }));
    let here = kept(published("sha256:p", &all_fields(&source())));
    assert_eq!(decide(&never(role(Some(here)))).follows.names, Vec::<String>::new());
    let mut observed = never(role(None));
    observed.bases.insert("debian:1".to_owned(), None);
    let plan = decide(&observed);
    assert_eq!(plan.action, ImageAction::Missing { reference: "debian:1".to_owned() });
    let outcome = ImageOutcome::Planned { plan, begun: false };
    let status = status(&ImageObject::default(), &outcome, None, Timestamp::UNIX_EPOCH, 0.0);
    let stalled = words::find(&status.conditions, ConditionType::Stalled).expect("a condition");
    assert_eq!(stalled.reason, "ImageMissing");
    assert!(stalled.message.contains("`docker pull debian:1`"), "{}", stalled.message);
}

/// The role with its base followed, and an image of it that serves.
fn followed() -> (ObservedImage, ImageStatus) {
    let observed = built(source(), "sha256:1", &[], &all_fields(&source()));
    let image = ImageReference { id: "sha256:1".to_owned(), name: observed.found[0].tags[0].clone() };
    let served = Some(observed.found[0].clone());
    let observed = ObservedImage { policy: PullPolicy::Always, served, ..observed };
    (observed, ImageStatus { image: Some(image), ..ImageStatus::default() })
}

#[test]
fn a_base_that_is_followed_and_moved_is_fetched_and_built_on_while_the_older_one_serves() {
    let (observed, known) = followed();
    assert_eq!(plan(&observed, None, &known).follows.due, ["debian:1"]);
    let moved = says(observed.clone(), "debian:1", Some("sha256:new"), None);
    let first = plan(&moved, None, &known);
    assert_eq!(
        (first.decision, reasons(&first), serving(&first)),
        (ImageDecision::RefreshInBackground, vec!["~ base[debian:1]".to_owned()], "sha256:1")
    );
    assert!(matches!(first.action, ImageAction::Refresh { .. }));

    let mut fetched = says(observed, "debian:1", Some("sha256:new"), None);
    let base = image("sha256:new", &["debian:1"], Default::default());
    fetched.bases.insert("debian:1".to_owned(), Some(base));
    let second = plan(&fetched, None, &known);
    assert_eq!(
        (second.decision, reasons(&second), serving(&second)),
        (ImageDecision::RefreshInBackground, vec!["~ base[debian:1]".to_owned()], "sha256:1")
    );
    assert!(matches!(second.action, ImageAction::Build { .. }));
    let outcome = ImageOutcome::Planned { plan: second, begun: true };
    let after = status(&ImageObject::default(), &outcome, None, Timestamp::UNIX_EPOCH, 0.0);
    assert!(words::is_true(&after.conditions, ConditionType::Built), "the older one serves");
    assert!(words::is_true(&after.conditions, ConditionType::Stale));

    fetched.source.0.insert("files[a]".to_owned(), digest("edited"));
    assert_eq!(plan(&fetched, None, &known).decision, ImageDecision::BuildFromWorkspace, "the source moved as well");
}

#[test]
fn a_first_build_asks_for_bases_that_are_followed_and_fetches_those_that_moved() {
    let always = ObservedImage { policy: PullPolicy::Always, ..source() };
    assert_eq!(decide(&always).action, ImageAction::Ask { references: vec!["debian:1".to_owned()] });
    let moved = says(always.clone(), "debian:1", Some("sha256:new"), None);
    assert_eq!(decide(&moved).action, ImageAction::Pull { reference: "debian:1".to_owned() });
    let unknown = says(always, "debian:1", None, Some("refused"));
    assert!(matches!(decide(&unknown).action, ImageAction::Build { .. }));
}

#[test]
fn an_image_of_another_format_whose_fields_agree_serves_under_its_own_recipe() {
    let mut observed = source();
    observed.source.0.insert("format".to_owned(), digest("today"));
    let mut fields = all_fields(&observed);
    fields.0.insert("format".to_owned(), digest("before"));
    let mut observed = built(observed, "sha256:1", &[], &fields);
    assert!(matches!(decide(&observed).action, ImageAction::Build { .. }), "of today's format");
    observed.found[0].labels.insert(FORMAT.to_owned(), "0".to_owned());
    let plan = decide(&observed);
    assert_eq!((plan.decision, plan.recipe), (ImageDecision::Reuse, Some(digest_of_map(&fields))));
    observed.source.0.insert("files[a]".to_owned(), digest("edited"));
    let plan = decide(&observed);
    assert_eq!(reasons(&plan), ["RecipeVersionChanged", "~ files[a]", "~ format"]);
}

#[test]
fn an_image_whose_name_went_to_other_content_gets_it_back_and_nothing_is_built() {
    let (observed, known) = followed();
    let served = observed.found[0].clone();
    let lost = Image { tags: Vec::new(), ..served.clone() };
    let observed = ObservedImage { found: vec![], served: Some(lost), policy: PullPolicy::IfNotPresent, ..observed };
    let plan = plan(&observed, None, &known);
    assert_eq!((plan.reasons[0].reason, reasons(&plan)), (ImageReason::ImageNameMoved, vec!["~ image".to_owned()]));
    let ImageAction::Name(named) = plan.action else { panic!("{plan:?}") };
    assert_eq!((named.id.as_str(), &named.name), ("sha256:1", &served.tags[0]));
}

#[test]
fn somebody_else_s_image_under_our_name_counts_only_with_the_recipe_that_the_name_says() {
    let foreign = kept(published("sha256:p", &all_fields(&source())));
    assert!(name().adopted(&foreign));
    assert!(!name().adopted(&published("sha256:p", &all_fields(&source()))));
    let mut ours = foreign;
    ours.labels.insert(OWNER.to_owned(), name().owner.0);
    assert!(!name().adopted(&ours), "what is ours was built");
}

#[test]
fn an_answer_counts_for_ten_minutes_and_a_failure_for_one() {
    let at = |seconds| Timestamp::UNIX_EPOCH.checked_add(SignedDuration::from_secs(seconds)).expect("a time");
    let look = |trouble: Option<&str>| RegistryLook {
        reference: PUBLISHED.to_owned(),
        digest: None,
        checked_at: at(1000),
        trouble: trouble.map(str::to_owned),
    };
    for (trouble, window) in [(None, 600), (Some("refused"), 60)] {
        let looks = [look(trouble)];
        assert_eq!(counting(&looks, at(1000 + window - 1)).len(), 1);
        assert_eq!(counting(&looks, at(1000 + window)).len(), 0);
        let names = [PUBLISHED.to_owned()];
        assert_eq!(next_look_ms(&names, &looks, at(1000 + window - 2)), Some(2000));
        assert_eq!(next_look_ms(&[], &looks, at(1000)), None);
    }
    assert_eq!(counting(&[look(None)], at(999)).len(), 0, "the clock was set back");
}

#[test]
fn what_was_fetched_is_what_the_registry_has() {
    let here = published("sha256:p", &all_fields(&source()));
    let look = fetched(PUBLISHED, &here, Timestamp::UNIX_EPOCH);
    assert_eq!(look.digest.as_deref(), Some("sha256:p-there"));
}
