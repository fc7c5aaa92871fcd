//! Figures, and how they are shown: as a table for people and as JSON of the same.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};

/// Figures of the parts of a whole, by name.
pub(crate) type Parts = BTreeMap<String, Samples>;

/// A duration in milliseconds.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Figures of the same thing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn push(&mut self, value: f64) {
        self.0.push(value);
        self.0.sort_by(f64::total_cmp);
    }

    /// The figure below which this part of all lies, by the nearest one that was measured.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn quantile(&self, part: f64) -> f64 {
        let rank = (self.0.len() as f64 * part).ceil() as usize;
        self.0.get(rank.max(1) - 1).copied().unwrap_or(f64::NAN)
    }

    fn min(&self) -> f64 {
        self.quantile(0.0)
    }

    fn median(&self) -> f64 {
        let middle = self.0.len() / 2;
        if self.0.len().is_multiple_of(2) && middle > 0 {
            return f64::midpoint(self.0[middle - 1], self.0[middle]);
        }
        self.0.get(middle).copied().unwrap_or(f64::NAN)
    }

    fn p99(&self) -> f64 {
        self.quantile(0.99)
    }

    fn json(&self) -> Value {
        json!({"n": self.0.len(), "min": self.min(), "median": self.median(), "p99": self.p99(), "samples": self.0})
    }
}

/// What a figure is held against.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bar {
    /// The ratio of our median to the bare one, at most.
    Ratio(f64),
    /// What our median is over the bare one, in milliseconds, at most.
    Over(f64),
    /// Our median in milliseconds, at most.
    Milliseconds(f64),
    /// The figure itself, at most, with its unit.
    AtMost(f64, &'static str),
    /// The figure itself must be less, with its unit.
    Below(f64, &'static str),
}

/// One thing that was measured.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) bar: Bar,
    pub(crate) ours: Samples,
    pub(crate) bare: Option<Samples>,
    pub(crate) ours_parts: Parts,
    pub(crate) bare_parts: Parts,
}

impl Row {
    /// One without figures yet.
    pub(crate) fn new(name: &'static str, bar: Bar) -> Self {
        let (ours, ours_parts, bare_parts) = (Samples::default(), Parts::new(), Parts::new());
        Self { name, bar, ours, bare: None, ours_parts, bare_parts }
    }

    /// With these figures of ours and of the bare side.
    pub(crate) fn with(mut self, ours: &[f64], bare: &[f64]) -> Self {
        let samples = |figures: &[f64]| {
            let mut samples = Samples::default();
            figures.iter().for_each(|figure| samples.push(*figure));
            samples
        };
        (self.ours, self.bare) = (samples(ours), Some(samples(bare)));
        self
    }

    /// Takes figures of our parts.
    pub(crate) fn note_ours(&mut self, parts: BTreeMap<String, f64>) {
        for (part, value) in parts {
            self.ours_parts.entry(part).or_default().push(value);
        }
    }

    fn ratio(&self, of: fn(&Samples) -> f64) -> Option<f64> {
        self.bare.as_ref().map(|bare| of(&self.ours) / of(bare))
    }

    /// Whether the bar is met, by the medians.
    fn is_met(&self) -> bool {
        let median = self.ours.median();
        match self.bar {
            Bar::Ratio(most) => self.ratio(Samples::median).is_some_and(|ratio| ratio <= most),
            Bar::Over(most) => self.bare.as_ref().is_some_and(|bare| median - bare.median() <= most),
            Bar::Milliseconds(most) | Bar::AtMost(most, _) => median <= most,
            Bar::Below(limit, _) => median < limit,
        }
    }

    fn verdict(&self) -> &'static str {
        if self.is_met() { "met" } else { "MISSED" }
    }

    fn bar_text(&self) -> String {
        match self.bar {
            Bar::Ratio(most) => format!("{most:.2}"),
            Bar::Over(most) => format!("+{most} ms"),
            Bar::Milliseconds(most) => format!("{most} ms"),
            Bar::AtMost(most, unit) => format!("{most} {unit}"),
            Bar::Below(limit, unit) => format!("< {limit} {unit}"),
        }
    }

    /// All of it in one line.
    pub(crate) fn line(&self) -> String {
        let cells = self.cells();
        let mut line = format!("  {}: ", cells[0]);
        for (title, cell) in TITLES.iter().zip(&cells).skip(1) {
            if cell != "-" {
                _ = write!(line, "{title} {cell}, ");
            }
        }
        for (side, parts) in [("ours", &self.ours_parts), ("bare", &self.bare_parts)] {
            if !parts.is_empty() {
                let all: Vec<_> = parts.iter().map(|(part, of)| format!("{part} {:.1}", of.median())).collect();
                _ = write!(line, "\n    {side}: {}", all.join(", "));
            }
        }
        line.trim_end_matches(", ").to_owned()
    }

    fn cells(&self) -> [String; TITLES.len()] {
        let ratio = |of| self.ratio(of).map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.3}"));
        [
            self.name.to_owned(),
            triple(Some(&self.ours)),
            triple(self.bare.as_ref()),
            ratio(Samples::median),
            ratio(Samples::min),
            self.bar_text(),
            self.verdict().to_owned(),
        ]
    }

    fn json(&self) -> Value {
        let parts = |parts: &Parts| parts.iter().map(|(part, of)| (part.clone(), of.json())).collect::<Value>();
        let (bar, unit) = match self.bar {
            Bar::Ratio(bar) => (bar, "ratio"),
            Bar::Over(bar) => (bar, "ms over bare"),
            Bar::Milliseconds(bar) => (bar, "ms"),
            Bar::AtMost(bar, unit) | Bar::Below(bar, unit) => (bar, unit),
        };
        json!({
            "name": self.name,
            "bar": bar,
            "unit": unit,
            "met": self.is_met(),
            "ours": self.ours.json(),
            "bare": self.bare.as_ref().map(Samples::json),
            "ratioOfMedians": self.ratio(Samples::median),
            "ratioOfMins": self.ratio(Samples::min),
            "oursParts": parts(&self.ours_parts),
            "bareParts": parts(&self.bare_parts),
        })
    }
}

const TITLES: [&str; 7] = ["MEASURE", "OURS", "BARE", "MEDIANS", "MINS", "BAR", "VERDICT"];

/// Minimum, median and the figure that one in a hundred exceeds; a single figure as it is.
fn triple(samples: Option<&Samples>) -> String {
    match samples {
        None => "-".to_owned(),
        Some(single) if single.0.len() == 1 => format!("{:.2}", single.median()),
        Some(samples) => format!("{:.1} / {:.1} / {:.1}", samples.min(), samples.median(), samples.p99()),
    }
}

/// All that was measured in a run.
pub(crate) struct Report {
    about: Value,
    rows: Vec<Row>,
}

impl Report {
    pub(crate) fn new(about: Value) -> Self {
        Self { about, rows: Vec::new() }
    }

    pub(crate) fn push(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Whether every bar is met.
    pub(crate) fn all_met(&self) -> bool {
        self.rows.iter().all(Row::is_met)
    }

    /// The table, with times in milliseconds as min / median / p99.
    pub(crate) fn table(&self) -> String {
        let mut lines = vec![TITLES.map(str::to_owned)];
        lines.extend(self.rows.iter().map(Row::cells));
        let widths: Vec<_> =
            (0..TITLES.len()).map(|cell| lines.iter().map(|line| line[cell].len()).max().unwrap_or_default()).collect();
        let mut table =
            format!("{}\ntimes in milliseconds: min / median / p99; ratios of ours to bare\n\n", self.about);
        for line in lines {
            let padded: Vec<_> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
            table.push_str(padded.join("  ").trim_end());
            table.push('\n');
        }
        table.trim_end().to_owned()
    }

    /// The same as JSON, with every sample.
    pub(crate) fn json(&self) -> Value {
        let rows: Vec<_> = self.rows.iter().map(Row::json).collect();
        json!({"about": self.about, "allMet": self.all_met(), "measures": rows})
    }
}
