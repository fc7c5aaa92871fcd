//! What the controller says that it did, from the page of its metrics.

use std::collections::BTreeMap;

use super::stage::Stage;

/// Counts so far.
pub(crate) struct Counts(BTreeMap<&'static str, f64>);

impl Counts {
    /// Asks the controller.
    pub(crate) async fn of(stage: &Stage) -> anyhow::Result<Self> {
        let page = stage.connection().await?.get_text("/metrics").await?;
        let sum = |counted: &dyn Fn(&str) -> bool| {
            let lines = page.lines().filter(|line| !line.starts_with('#') && counted(line));
            lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum::<f64>()
        };
        let engine = |line: &str| line.starts_with("jackin_engine_requests_total");
        let files = |result: &'static str| {
            move |line: &str| line.starts_with("jackin_source_files_total") && line.contains(result)
        };
        let network = |line: &str| line.starts_with("jackin_network_calls_total");
        Ok(Self(BTreeMap::from([
            ("engine calls", sum(&engine)),
            ("network calls", sum(&network)),
            ("files read", sum(&files("\"read\""))),
            ("files looked at", sum(&files("\"unchanged\""))),
        ])))
    }

    /// What was done between an earlier moment and this one.
    pub(crate) fn since(&self, earlier: &Self) -> BTreeMap<String, f64> {
        self.0.iter().map(|(name, count)| ((*name).to_owned(), count - earlier.0[name])).collect()
    }
}
