//! Lighthouse's report in JSON (`--output=json`, and the `lhr-*.json` of Lighthouse CI): one page load. Several of them are a list, or one
//! after the other.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::{
    json::{at, decimal},
    load_test::ReadError,
};
use crate::values::{clip, decimal::Decimal};

/// What a page load is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PageMetric {
    /// When the largest element is painted, in milliseconds.
    LargestContentfulPaint,
    /// How long long tasks kept the page from answering, in milliseconds.
    TotalBlockingTime,
    /// What was transferred, in bytes.
    TransferSize,
}

impl PageMetric {
    pub const ALL: [Self; 3] = [Self::LargestContentfulPaint, Self::TotalBlockingTime, Self::TransferSize];

    /// The name of the audit in a report.
    #[must_use]
    pub const fn audit(self) -> &'static str {
        match self {
            Self::LargestContentfulPaint => "largest-contentful-paint",
            Self::TotalBlockingTime => "total-blocking-time",
            Self::TransferSize => "total-byte-weight",
        }
    }

    /// The name in messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LargestContentfulPaint => "LCP",
            Self::TotalBlockingTime => "TBT",
            Self::TransferSize => "transfer size",
        }
    }
}

/// The loads of each page, by its path with the query; all of one way to measure.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PageLoads {
    pub pages: BTreeMap<String, Vec<PageLoad>>,
}

/// One load of a page.
#[derive(Clone, Debug, PartialEq)]
pub struct PageLoad {
    /// Each figure, or why there is none.
    pub figures: BTreeMap<PageMetric, Result<Decimal, String>>,
    /// What two loads that are compared must have in common: the form factor, the throttling, and the major version.
    pub settings: String,
    /// The scheme and host of the page.
    pub target: Option<String>,
    pub measured_at: Option<Timestamp>,
}

/// The reports in a document; `None` if it is something else.
pub(super) fn recognize(document: &Value) -> Option<Result<PageLoads, ReadError>> {
    let reports: Vec<&Value> = match document {
        Value::Array(elements) if !elements.is_empty() => elements.iter().flat_map(flattened).collect(),
        one => vec![one],
    };
    // The list of Lighthouse CI names the files of its reports.
    if reports.iter().all(|one| one.get("jsonPath").is_some() && one.get("isRepresentativeRun").is_some()) {
        let error = ReadError::malformed("the manifest of Lighthouse CI, which has no figures");
        let error = error.expected("the reports of Lighthouse in JSON");
        return Some(Err(
            error.next("give all reports in one file: `jq --slurp . .lighthouseci/lhr-*.json >lighthouse.json`")
        ));
    }
    // PageSpeed Insights wraps the report.
    let reports: Vec<&Value> = reports.into_iter().map(|one| one.get("lighthouseResult").unwrap_or(one)).collect();
    let is_report =
        |one: &&Value| one.get("lighthouseVersion").is_some() && one.get("audits").is_some_and(Value::is_object);
    let found = reports.iter().filter(|one| is_report(one)).count();
    if found == 0 {
        return None;
    }
    if found < reports.len() {
        let error = ReadError::malformed(format!(
            "{} of {} documents are no reports of Lighthouse",
            reports.len() - found,
            reports.len()
        ));
        return Some(Err(error.next("give the reports alone, without the manifest and other files")));
    }
    let mut loads = PageLoads::default();
    for report in reports {
        loads.pages.entry(page(report)).or_default().push(load(report));
    }
    Some(Ok(loads))
}

/// A list in a list, as `jq --slurp` makes of several lists.
fn flattened(element: &Value) -> Vec<&Value> {
    match element {
        Value::Array(inner) => inner.iter().collect(),
        one => vec![one],
    }
}

fn url(report: &Value) -> &str {
    let text = |key: &str| report.get(key).and_then(Value::as_str);
    text("requestedUrl").or_else(|| text("finalDisplayedUrl")).or_else(|| text("finalUrl")).unwrap_or_default()
}

/// The scheme and host of the page, without a password.
fn target(report: &Value) -> Option<String> {
    let (scheme, rest) = url(report).split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    Some(format!("{scheme}://{}", authority.rsplit('@').next()?))
}

/// The path of the page with its query: staging and its baseline have other hosts.
fn page(report: &Value) -> String {
    let url = url(report);
    let path = url.split_once("://").map_or(url, |(_, rest)| rest.find(['/', '?']).map_or("", |at| &rest[at..]));
    let path = path.split('#').next().unwrap_or_default();
    if path.is_empty() { "/".to_owned() } else { path.to_owned() }
}

fn load(report: &Value) -> PageLoad {
    let text = |path: &[&str]| at(report, path).and_then(Value::as_str).unwrap_or_default().to_owned();
    // A page that failed to load has audits, too, each with an error.
    let code = text(&["runtimeError", "code"]);
    let failed =
        (!code.is_empty() && code != "NO_ERROR").then(|| format!("{code}: {}", text(&["runtimeError", "message"])));
    let figure = |metric: PageMetric| match &failed {
        Some(why) => Err(clip(why, 300)),
        None => audit(report, metric),
    };
    let major = text(&["lighthouseVersion"]).split('.').next().unwrap_or_default().to_owned();
    let (form, throttling) = (text(&["configSettings", "formFactor"]), text(&["configSettings", "throttlingMethod"]));
    // Before version 7 the form factor had another name.
    let form = if form.is_empty() { text(&["configSettings", "emulatedFormFactor"]) } else { form };
    let settings = [form, throttling, format!("Lighthouse {major}")];
    PageLoad {
        figures: PageMetric::ALL.map(|metric| (metric, figure(metric))).into(),
        settings: settings.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", "),
        target: target(report),
        measured_at: text(&["fetchTime"]).parse().ok(),
    }
}

fn audit(report: &Value, metric: PageMetric) -> Result<Decimal, String> {
    let name = metric.audit();
    let Some(audit) = at(report, &["audits", name]).filter(|audit| audit.is_object()) else {
        return Err(format!("no audit `{name}`"));
    };
    let text = |key: &str| audit.get(key).and_then(Value::as_str).unwrap_or_default();
    if text("scoreDisplayMode") == "error" {
        return Err(clip(&format!("`{name}` failed: {}", text("errorMessage")), 200));
    }
    // A figure of 0 is an answer of TBT, and of no other one.
    let is_possible = |figure: &Decimal| metric == PageMetric::TotalBlockingTime || !figure.is_zero();
    match audit.get("numericValue") {
        None | Some(Value::Null) => Err(format!("`{name}` has no figure")),
        Some(Value::Number(number)) => decimal(&Value::Number(number.clone()))
            .filter(is_possible)
            .ok_or_else(|| format!("`{name}` is {number}, which cannot be")),
        Some(other) => Err(clip(&format!("`{name}` is {other}, not a number"), 200)),
    }
}
