//! Status of kinds that nothing is done about: roles and agents.

use jackin_api::kinds::ObjectStatus;
use jackin_api::words::{ConditionType, Conditions, Reason};
use jiff::Timestamp;

/// Status of an object that was accepted, with the fields that this version does not act on.
pub fn object(
    previous: Option<&ObjectStatus>,
    generation: i64,
    not_acted_on: &[String],
    now: Timestamp,
) -> ObjectStatus {
    let before = previous.map(|status| status.conditions.as_slice()).unwrap_or_default();
    let mut conditions = Conditions::new(before, generation, now);
    conditions.set(ConditionType::Ready, true, Reason::Accepted, "");
    state_not_acted_on(&mut conditions, not_acted_on);
    ObjectStatus { observed_generation: generation, conditions: conditions.finish() }
}

/// States the fields that are accepted and not acted on, when there are any.
pub(super) fn state_not_acted_on(conditions: &mut Conditions, fields: &[String]) {
    if !fields.is_empty() {
        let message = format!("accepted, but this version does nothing about: {}", fields.join(", "));
        conditions.set(ConditionType::FieldsNotActedOn, true, Reason::NotActedOn, message);
    }
}
