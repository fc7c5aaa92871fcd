//! Which entries of a context a build copies.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use super::dockerfile::Copied;
use super::glob::{Token, clean, matches, tokens};

/// More links than this lead in a circle.
const LINKS: usize = 40;

/// What is copied, ready to be asked about paths.
pub(super) struct Copies {
    everything: bool,
    /// Patterns by the names of their paths.
    patterns: Vec<Vec<Vec<Token>>>,
}

impl Copies {
    /// What these mean in a context that has `links`, by path, and where each leads.
    pub(super) fn of(copied: &BTreeSet<Copied>, links: &BTreeMap<Utf8PathBuf, Utf8PathBuf>) -> Self {
        let mut copies = Self { everything: false, patterns: Vec::new() };
        for copied in copied {
            match copied {
                Copied::Everything => copies.everything = true,
                Copied::Path(path) => copies.add(path, links, LINKS),
            }
        }
        copies
    }

    /// Adds a path, and where it leads when a link is on the way or at its end.
    fn add(&mut self, path: &str, links: &BTreeMap<Utf8PathBuf, Utf8PathBuf>, left: usize) {
        let names = path.split('/').map(|name| tokens(&without_double_stars(name))).collect::<Option<Vec<_>>>();
        let Some(pattern) = names.filter(|_| left > 0) else {
            // The engine will say what is wrong with it; until then it may mean anything.
            self.everything = true;
            return;
        };
        for (at, target) in links {
            let names: Vec<&str> = at.as_str().split('/').collect();
            let on_the_way = names.len() <= pattern.len()
                && names.iter().zip(&pattern).all(|(name, pattern)| matches(pattern, name));
            if on_the_way {
                let folder = at.parent().filter(|_| !target.is_absolute()).unwrap_or(Utf8Path::new(""));
                let rest: Vec<&str> = path.split('/').skip(names.len()).collect();
                match clean(&format!("/{}/{}", folder.join(target.strip_prefix("/").unwrap_or(target)), rest.join("/")))
                {
                    all if all == "." => self.everything = true,
                    leads => self.add(&leads, links, left - 1),
                }
            }
        }
        self.patterns.push(pattern);
    }

    /// Whether an entry is copied.
    pub(super) fn have(&self, path: &Utf8Path) -> bool {
        self.everything
            || self.patterns.iter().any(|pattern| {
                let mut names = path.as_str().split('/');
                pattern.iter().all(|part| names.next().is_some_and(|name| matches(part, name)))
            })
    }
}

/// Two stars mean no more than one within a name.
fn without_double_stars(name: &str) -> String {
    let mut result = String::new();
    for character in name.chars() {
        if character != '*' || !result.ends_with('*') {
            result.push(character);
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATHS: [&str; 7] = ["a", "src/main.rs", "src/deep/lib.rs", "source/x", "link", "other/link", "target/file"];

    fn links(pairs: &[(&str, &str)]) -> BTreeMap<Utf8PathBuf, Utf8PathBuf> {
        pairs.iter().map(|(path, target)| (Utf8PathBuf::from(path), Utf8PathBuf::from(target))).collect()
    }

    fn copied(sources: &[&str]) -> Vec<&'static str> {
        let sources = sources.iter().map(|source| Copied::Path((*source).to_owned())).collect();
        let copies = Copies::of(&sources, &links(&[("link", "other/link"), ("other/link", "../target")]));
        PATHS.into_iter().filter(|path| copies.have(Utf8Path::new(path))).collect()
    }

    #[test]
    fn a_folder_means_all_that_is_in_it_and_a_star_stays_within_a_name() {
        assert_eq!(copied(&["src"]), ["src/main.rs", "src/deep/lib.rs"]);
        assert_eq!(copied(&["src/*.rs"]), ["src/main.rs"]);
        assert_eq!(copied(&["s*"]), ["src/main.rs", "src/deep/lib.rs", "source/x"]);
        assert_eq!(copied(&["s**", "none"]), ["src/main.rs", "src/deep/lib.rs", "source/x"]);
    }

    #[test]
    fn what_is_behind_links_is_copied_with_all_links_on_the_way() {
        assert_eq!(copied(&["link"]), ["link", "other/link", "target/file"]);
        assert_eq!(copied(&["other/link/file"]), ["target/file"]);
    }

    #[test]
    fn a_circle_of_links_and_what_is_no_pattern_may_mean_anything() {
        for source in ["a", "[x"] {
            let copies = Copies::of(&BTreeSet::from([Copied::Path(source.to_owned())]), &links(&[("a", "a")]));
            assert!(copies.have(Utf8Path::new("b")), "{source}");
        }
    }
}
