//! Which objects a list or an event stream shows.

use std::collections::BTreeMap;

/// Labels that an object must bear, all of them, in the order in which they were asked for.
///
/// ```
/// use jackin_daemon::docker::LabelFilter;
///
/// let filter = LabelFilter::new().with("jackin.owner", "7c1f").present("jackin.instance");
/// let labels = [("jackin.owner", "7c1f"), ("jackin.instance", "main")];
/// assert!(filter.matches(&labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into()));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LabelFilter(Vec<(String, Option<String>)>);

impl LabelFilter {
    /// A filter that lets everything through.
    pub fn new() -> Self {
        Self::default()
    }

    /// Also demands this label with this value.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.push((key.into(), Some(value.into())));
        self
    }

    /// Also demands this label, whatever its value.
    #[must_use]
    pub fn present(mut self, key: impl Into<String>) -> Self {
        self.0.push((key.into(), None));
        self
    }

    /// The demands, in order: key, and value where one is demanded.
    pub fn demands(&self) -> &[(String, Option<String>)] {
        &self.0
    }

    /// Whether an object with these labels is shown.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|(key, wanted)| match (labels.get(key), wanted) {
            (Some(found), Some(wanted)) => found == wanted,
            (Some(_), None) => true,
            (None, _) => false,
        })
    }
}
