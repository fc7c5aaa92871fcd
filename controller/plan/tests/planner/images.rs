//! Whether an image serves, is fetched or is built, and why.

use std::collections::BTreeMap;

use jackin_api::kinds::{Image as ImageObject, ImageReference, ImageStatus, PullPolicy};
use jackin_api::words::{
    self, COMPONENT_IMAGE, ConditionStatus, ConditionType, DigestMap, FORMAT, ImageDecision, ImageReason, RECIPE,
    RECIPE_FIELDS, Reason,
};
use jackin_plan::digest::{digest_of, digest_of_map};
use jackin_plan::image::{ImageAction, ImagePlan, ObservedImage, plan, recipe_labels};
use jackin_plan::names::{ImageName, Owner};
use jackin_plan::status::{ImageOutcome, Unseen, image as status};
use jackin_plan::world::{Image, ImageId, Labels};
use jiff::Timestamp;

use crate::support::digest;

pub(crate) fn image(id: &str, tags: &[&str], labels: Labels) -> Image {
    Image {
        id: ImageId(id.to_owned()),
        content: None,
        tags: tags.iter().map(ToString::to_string).collect(),
        labels,
        size_bytes: 1,
        repository_digests: vec![],
        created_at: None,
    }
}

/// A source of one Dockerfile on one base that is there.
pub(crate) fn source() -> ObservedImage {
    let base = image("sha256:base", &["debian:1"], Labels::new());
    ObservedImage {
        name: name(),
        source: DigestMap(
            [("dockerfile".to_owned(), digest("FROM debian:1")), ("files[a]".to_owned(), digest("a"))].into(),
        ),
        commit: None,
        unfetched: None,
        unused: vec![],
        build: true,
        policy: PullPolicy::IfNotPresent,
        bases: BTreeMap::from([("debian:1".to_owned(), Some(base))]),
        published: None,
        found: vec![],
        others: vec![],
        kept: vec![],
        served: None,
        looks: BTreeMap::new(),
    }
}

/// The name of the images of the role, but for their recipes.
pub(crate) fn name() -> ImageName {
    let owner = Owner("0123456789ab".to_owned());
    ImageName { owner, namespace: "default".to_owned(), role: "dev".to_owned() }
}

pub(crate) fn all_fields(observed: &ObservedImage) -> DigestMap {
    let mut fields = observed.source.clone();
    fields.0.insert("base[debian:1]".to_owned(), digest_of(&"sha256:base"));
    fields
}

#[test]
fn a_base_built_again_from_equal_content_is_no_difference() {
    let mut observed = source();
    let mut with_base = |id: &str, content: &str| {
        let base = Image { content: Some(digest(content)), ..image(id, &["debian:1"], Labels::new()) };
        observed.bases.insert("debian:1".to_owned(), Some(base));
        decide(&observed).recipe
    };
    let first = with_base("sha256:monday", "equal");
    assert_eq!(with_base("sha256:tuesday", "equal"), first);
    assert_ne!(with_base("sha256:tuesday", "other"), first);
}

/// The same with an image of `fields` built before, which has our name besides others.
pub(crate) fn built(mut observed: ObservedImage, id: &str, tags: &[&str], fields: &DigestMap) -> ObservedImage {
    let recipe = digest_of_map(fields);
    let mut built = image(id, tags, recipe_labels(&recipe, fields));
    built.tags.push(name().of(&recipe));
    built.labels.extend(name().owner.labels(COMPONENT_IMAGE));
    observed.found.push(built);
    observed
}

pub(crate) fn decide(observed: &ObservedImage) -> ImagePlan {
    plan(observed, None, &ImageStatus::default())
}

pub(crate) fn reasons(plan: &ImagePlan) -> Vec<String> {
    let text = |reason: &jackin_api::kinds::ImageDecisionReason| match &reason.change {
        Some(change) => change.to_string(),
        None => reason.reason.to_string(),
    };
    plan.reasons.iter().map(text).collect()
}

#[test]
fn an_image_of_the_recipe_is_reused() {
    let observed = built(source(), "sha256:1", &["dev:1"], &all_fields(&source()));
    let plan = decide(&observed);
    assert_eq!((plan.decision, plan.reasons.len()), (ImageDecision::Reuse, 0));
    let ImageAction::Serve(serving) = plan.action else { panic!("{plan:?}") };
    let ours = name().of(&digest_of_map(&all_fields(&source())));
    assert_eq!((serving.id.as_str(), serving.name), ("sha256:1", ours));
}

#[test]
fn the_reasons_of_a_build_compare_with_the_image_that_serves_and_else_with_the_newest() {
    let with = |content: &str| {
        let mut fields = all_fields(&source());
        fields.0.insert("files[a]".to_owned(), digest(content));
        fields.0.insert(format!("files[only in {content}]"), digest("x"));
        fields
    };
    let observed = built(source(), "sha256:newest", &["ours:2"], &with("newest"));
    let observed = built(observed, "sha256:serves", &["ours:1"], &with("serving"));
    assert_eq!(reasons(&decide(&observed)), ["~ files[a]", "- files[only in newest]"]);
    let image = ImageReference { id: "sha256:serves".to_owned(), ..ImageReference::default() };
    let status = ImageStatus { image: Some(image), ..ImageStatus::default() };
    assert_eq!(reasons(&plan(&observed, None, &status)), ["~ files[a]", "- files[only in serving]"]);
}

#[test]
fn without_any_image_the_reason_is_that_it_is_missing() {
    let plan = decide(&source());
    assert_eq!(
        (plan.decision, reasons(&plan)),
        (ImageDecision::BuildFromWorkspace, vec!["LocalImageMissing".to_owned()])
    );
    assert!(matches!(plan.action, ImageAction::Build { .. }));
}

#[test]
fn every_field_that_differs_is_a_reason() {
    let mut old = all_fields(&source());
    old.0.insert("dockerfile".to_owned(), digest("FROM debian:0"));
    old.0.insert("files[gone]".to_owned(), digest("gone"));
    old.0.remove("files[a]");
    old.0.insert("base[debian:1]".to_owned(), digest("older"));
    let plan = decide(&built(source(), "sha256:1", &["dev:1"], &old));
    assert_eq!(reasons(&plan), ["~ base[debian:1]", "~ dockerfile", "+ files[a]", "- files[gone]"]);
    assert!(plan.reasons.iter().all(|reason| reason.reason == ImageReason::RecipeFieldChanged));
}

#[test]
fn an_image_without_readable_fields_or_of_another_format_says_so() {
    let labels = Labels::from([(RECIPE.to_owned(), "sha256:x".to_owned()), (FORMAT.to_owned(), "0".to_owned())]);
    let mut observed = source();
    observed.found.push(image("sha256:1", &["dev:1"], labels));
    assert_eq!(reasons(&decide(&observed)), ["RecipeVersionChanged", "MissingRecipeLabel"]);
}

#[test]
fn a_rebuild_is_served_once_for_each_request() {
    let observed = built(source(), "sha256:1", &["dev:1"], &all_fields(&source()));
    let request = "now".to_owned();
    let first = plan(&observed, Some(&request), &ImageStatus::default());
    assert_eq!(reasons(&first), ["ExplicitRebuild"]);
    assert!(matches!(first.action, ImageAction::Build { .. }));
    let served = ImageStatus { rebuilt: Some(request.clone()), ..ImageStatus::default() };
    assert_eq!(plan(&observed, Some(&request), &served).decision, ImageDecision::Reuse);
}

#[test]
fn a_missing_base_is_fetched_first_and_the_recipe_waits_for_it() {
    let mut observed = source();
    observed.bases.insert("debian:1".to_owned(), None);
    let plan = decide(&observed);
    assert_eq!(plan.recipe, None);
    assert_eq!(plan.action, ImageAction::Pull { reference: "debian:1".to_owned() });
    let object = ImageObject::default();
    let status = status(&object, &ImageOutcome::Planned { plan, begun: true }, None, Timestamp::UNIX_EPOCH, 0.0);
    let resolved = words::find(&status.conditions, ConditionType::RecipeResolved).expect("a condition");
    assert_eq!((resolved.status, resolved.reason.as_str()), (ConditionStatus::False, "DependenciesNotReady"));
}

#[test]
fn an_image_used_as_it_is_follows_its_name_and_tells_that_it_moved() {
    let mut observed = source();
    (observed.build, observed.source) = (false, DigestMap::default());
    let first = decide(&observed);
    let ImageAction::Serve(serving) = &first.action else { panic!("{first:?}") };
    assert_eq!((serving.id.as_str(), first.reasons.len()), ("sha256:base", 0));
    let known = ImageStatus {
        image_recipe: Some(serving.recipe.clone()),
        image_fields: serving.fields.clone(),
        ..ImageStatus::default()
    };
    observed.bases.insert("debian:1".to_owned(), Some(image("sha256:moved", &["debian:1"], Labels::new())));
    let second = plan(&observed, None, &known);
    assert_eq!(reasons(&second), ["~ base[debian:1]"]);
    let ImageAction::Serve(serving) = second.action else { panic!("{second:?}") };
    assert_eq!(serving.id, "sha256:moved");
}

#[test]
fn ten_thousand_files_are_folded_in_labels_and_statuses_and_still_compared() {
    let mut observed = source();
    for number in 0..10_000 {
        let field = format!("files[src/part{}/file{number}]", number % 9);
        observed.source.0.insert(field.clone(), digest(&field));
    }
    let fields = all_fields(&observed);
    let observed = built(observed, "sha256:1", &["dev:1"], &fields);
    assert!(observed.found[0].labels[RECIPE_FIELDS].len() < 50_000);
    let ImageAction::Serve(serving) = decide(&observed).action else { panic!("it is reused") };
    assert!(serving.fields.0.len() < 100);
    let mut edited = observed.clone();
    edited.source.0.insert("files[src/part3/new]".to_owned(), digest("new"));
    assert_eq!(reasons(&decide(&edited)), ["~ files[src/part3/]"]);
}

fn object(status: Option<ImageStatus>) -> ImageObject {
    let mut object = ImageObject::new("dev", jackin_api::kinds::ImageSpec::default());
    object.metadata.generation = Some(3);
    object.status = status;
    object
}

fn served() -> ImageStatus {
    let observed = built(source(), "sha256:1", &["dev:1"], &all_fields(&source()));
    let outcome = ImageOutcome::Planned { plan: decide(&observed), begun: false };
    status(&object(None), &outcome, None, Timestamp::UNIX_EPOCH, 0.0)
}

fn is(status: &ImageStatus, type_: ConditionType) -> Option<ConditionStatus> {
    words::find(&status.conditions, type_).map(|condition| condition.status)
}

#[test]
fn a_second_identical_pass_over_an_image_gives_an_identical_status() {
    let observed = built(source(), "sha256:1", &["dev:1"], &all_fields(&source()));
    let outcome = ImageOutcome::Planned { plan: decide(&observed), begun: false };
    let later = Timestamp::UNIX_EPOCH.checked_add(jiff::SignedDuration::from_hours(1)).expect("a time");
    assert_eq!(status(&object(Some(served())), &outcome, None, later, 0.7), served());
    assert_eq!(is(&served(), ConditionType::Ready), Some(ConditionStatus::True));
    assert_eq!(is(&served(), ConditionType::Reconciling), None);
}

#[test]
fn a_failed_build_keeps_the_older_image_and_is_stale() {
    let mut observed = built(source(), "sha256:1", &["dev:1"], &all_fields(&source()));
    observed.source.0.insert("files[a]".to_owned(), digest("edited"));
    let outcome = ImageOutcome::Failed {
        plan: decide(&observed),
        reason: Reason::BuildFailed,
        message: "make failed".to_owned(),
        steps: vec![],
    };
    let failed = status(&object(Some(served())), &outcome, None, Timestamp::UNIX_EPOCH, 0.0);
    assert_eq!(failed.image.as_ref().map(|image| image.id.as_str()), Some("sha256:1"));
    assert_eq!(is(&failed, ConditionType::Stale), Some(ConditionStatus::True));
    assert_eq!(is(&failed, ConditionType::Stalled), Some(ConditionStatus::True));
    assert_eq!(failed.retry.as_ref().map(|retry| retry.failures), Some(1));
    let again = status(&object(Some(failed)), &outcome, None, Timestamp::UNIX_EPOCH, 0.0);
    assert_eq!(again.retry.map(|retry| retry.failures), Some(2));
}

#[test]
fn an_engine_that_cannot_be_read_leaves_what_was_known_and_claims_nothing() {
    let unseen = Unseen { reason: Reason::EngineTimeout, message: "no answer".to_owned() };
    let unknown = status(&object(Some(served())), &ImageOutcome::Unknown(unseen), None, Timestamp::UNIX_EPOCH, 0.0);
    assert_eq!((&unknown.image, &unknown.recipe), (&served().image, &served().recipe));
    assert_eq!(is(&unknown, ConditionType::Ready), Some(ConditionStatus::Unknown));
    assert_eq!(is(&unknown, ConditionType::RecipeResolved), Some(ConditionStatus::True));
    assert_eq!((unknown.retry, unknown.unread.map(|unread| unread.tries)), (None, Some(1)));
}

#[test]
fn a_build_whose_end_is_not_known_is_neither_built_nor_failed() {
    let plan = decide(&source());
    let message = "no answer".to_owned();
    let outcome = ImageOutcome::Failed { plan, reason: Reason::EngineTimeout, message, steps: vec![] };
    let unknown = status(&object(None), &outcome, None, Timestamp::UNIX_EPOCH, 0.0);
    assert_eq!(is(&unknown, ConditionType::Built), Some(ConditionStatus::Unknown));
    assert_eq!(is(&unknown, ConditionType::Stalled), None);
    assert_eq!(unknown.retry.map(|retry| retry.failures), Some(1));
}
