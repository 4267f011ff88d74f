//! What a session measured of pages, in place of a load test, and how.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{figures::ProfilePart, output::FiguresOutput};
use crate::values::clip;

/// How many pages a session keeps, the slowest ones.
const MOST_PAGES: usize = 50;
/// The longest list of pages in a message, in characters.
const LONGEST_LIST: usize = 200;

/// The medians of one session, and how it was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SessionPages {
    /// The form factor, the throttling, and the major version of Lighthouse.
    pub settings: String,
    /// The scheme and host of the pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// By the path with its query.
    pub pages: BTreeMap<String, PageMedians>,
}

/// The medians of one page. Absent: too few of its loads have the figure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PageMedians {
    /// Largest Contentful Paint, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lcp: Option<f64>,
    /// Total Blocking Time, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tbt: Option<f64>,
    /// In bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer_size: Option<f64>,
    /// How often the page was loaded.
    pub loads: usize,
}

impl PageMedians {
    const fn has_figures(&self) -> bool {
        self.lcp.is_some() || self.tbt.is_some() || self.transfer_size.is_some()
    }

    fn is_usable(&self) -> bool {
        let is_over_zero = |figure: Option<f64>| figure.is_none_or(|figure| figure.is_finite() && figure > 0.0);
        // A page without long tasks blocks for no time.
        let is_possible = self.tbt.is_none_or(|tbt| tbt.is_finite() && tbt >= 0.0);
        is_over_zero(self.lcp) && is_over_zero(self.transfer_size) && is_possible
    }
}

impl FiguresOutput for SessionPages {
    fn is_usable(&self) -> bool {
        self.pages.values().all(PageMedians::is_usable)
    }
}

impl SessionPages {
    /// Whether anything was measured.
    #[must_use]
    pub fn has_figures(&self) -> bool {
        self.pages.values().any(PageMedians::has_figures)
    }

    /// The same with the slowest pages only, so that a file stays small.
    #[must_use]
    pub fn shortened(mut self) -> Self {
        let mut slowest: Vec<(String, PageMedians)> = std::mem::take(&mut self.pages).into_iter().collect();
        slowest.sort_by(|(_, one), (_, other)| other.lcp.unwrap_or(0.0).total_cmp(&one.lcp.unwrap_or(0.0)));
        slowest.truncate(MOST_PAGES);
        self.pages = slowest.into_iter().collect();
        self
    }

    /// The first difference that is not in `allowed`: what differs, here and there. Sessions of other pages have nothing to compare.
    #[must_use]
    pub fn differs_from(&self, other: &Self, allowed: &[ProfilePart]) -> Option<(&'static str, String, String)> {
        if self.settings != other.settings {
            return Some(("setting of Lighthouse", self.settings.clone(), other.settings.clone()));
        }
        let targets = self.target.as_ref().zip(other.target.as_ref()).filter(|(ours, theirs)| ours != theirs);
        if let Some((ours, theirs)) = targets.filter(|_| !allowed.contains(&ProfilePart::Target)) {
            return Some(("target", clip(ours, LONGEST_LIST), clip(theirs, LONGEST_LIST)));
        }
        let shares_a_page = self.pages.keys().any(|page| other.pages.contains_key(page));
        (!shares_a_page).then(|| ("page", self.list(), other.list()))
    }

    /// How it was measured, in one line.
    pub(super) fn profile(&self) -> String {
        format!("pages {}, {}", self.settings, self.target.as_deref().unwrap_or_default())
    }

    fn list(&self) -> String {
        let names: Vec<&str> = self.pages.keys().map(String::as_str).collect();
        if names.is_empty() { "none".to_owned() } else { clip(&names.join(", "), LONGEST_LIST) }
    }
}
