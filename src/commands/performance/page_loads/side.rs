//! One side of a comparison of page loads: the loads themselves, or the medians of earlier sessions.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::{
    baselines::{PageMedians, SessionPages, median},
    load_results::{PageLoad, PageLoads, PageMetric},
};

/// The fewest loads whose median one outlier does not move.
pub const FEWEST: usize = 3;
/// One load without a figure, or one of so many, is a disturbance; more are a page that often does not load.
const ONE_OF: usize = 10;

/// What the figures of a side are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleKind {
    /// Single loads.
    Loads,
    /// Sessions, each the median of its loads.
    Sessions,
}

/// One figure of one page.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub kind: SampleKind,
    /// In ascending order.
    pub figures: Vec<f64>,
    /// Why other loads have none.
    missing: Vec<String>,
}

impl Sample {
    const fn empty(kind: SampleKind) -> Self {
        Self { kind, figures: Vec::new(), missing: Vec::new() }
    }

    fn of_loads(loads: &[PageLoad], metric: PageMetric) -> Self {
        let mut sample = Self::empty(SampleKind::Loads);
        for load in loads {
            match load.figures.get(&metric) {
                Some(Ok(figure)) => sample.figures.push(figure.to_f64()),
                Some(Err(why)) => sample.missing.push(why.clone()),
                None => {}
            }
        }
        sample.figures.sort_unstable_by(f64::total_cmp);
        sample
    }

    fn of_sessions<'m>(medians: impl Iterator<Item = &'m PageMedians>, metric: PageMetric) -> Self {
        let mut figures: Vec<f64> = medians.filter_map(|page| of_metric(page, metric)).collect();
        figures.sort_unstable_by(f64::total_cmp);
        Self { figures, ..Self::empty(SampleKind::Sessions) }
    }

    /// `None` of too few loads, or if too many of them have no figure: those would be the slowest.
    pub fn median(&self) -> Option<f64> {
        let fewest = match self.kind {
            SampleKind::Loads => FEWEST,
            SampleKind::Sessions => 1,
        };
        let tolerated = (self.loads() / ONE_OF).max(1);
        let is_measured = self.figures.len() >= fewest && self.missing.len() <= tolerated;
        median(&mut self.figures.clone()).filter(|_| is_measured)
    }

    const fn loads(&self) -> usize {
        self.figures.len() + self.missing.len()
    }

    /// How many loads have no figure, and why the first of them has none.
    pub fn without_figure(&self) -> Option<String> {
        let why = self.missing.first()?;
        let have = if self.missing.len() == 1 { "has" } else { "have" };
        let loads = if self.loads() == 1 { "load" } else { "loads" };
        Some(format!("{} of {} {loads} {have} no figure: {why}", self.missing.len(), self.loads()))
    }

    /// Why there is no median.
    pub fn shortage(&self) -> String {
        match (self.kind, self.without_figure(), self.figures.len()) {
            (SampleKind::Sessions, ..) => "no session has this figure".to_owned(),
            (SampleKind::Loads, Some(without), _) => without,
            (SampleKind::Loads, None, 1) => "1 load".to_owned(),
            (SampleKind::Loads, None, count) => format!("{count} loads"),
        }
    }
}

const fn of_metric(page: &PageMedians, metric: PageMetric) -> Option<f64> {
    match metric {
        PageMetric::LargestContentfulPaint => page.lcp,
        PageMetric::TotalBlockingTime => page.tbt,
        PageMetric::TransferSize => page.transfer_size,
    }
}

/// One side.
#[derive(Clone, Debug, PartialEq)]
pub struct PageSide {
    pub kind: SampleKind,
    /// How the loads were measured; one setting, unless reports of several kinds are mixed.
    pub settings: BTreeSet<String>,
    /// Of the oldest and of the newest load.
    pub measured_at: Option<[Timestamp; 2]>,
    /// A load does not say when it was measured.
    is_undated: bool,
    /// By the page.
    pub samples: BTreeMap<String, [Sample; 3]>,
    /// The pages that the other side must have, too.
    pub required: BTreeSet<String>,
    /// The scheme and host of each load.
    targets: BTreeSet<String>,
    /// How often each page was loaded.
    loads: BTreeMap<String, usize>,
}

impl PageSide {
    #[must_use]
    pub fn of_loads(loads: &PageLoads) -> Self {
        let all = || loads.pages.values().flatten();
        let samples = |loads: &[PageLoad]| PageMetric::ALL.map(|metric| Sample::of_loads(loads, metric));
        Self {
            kind: SampleKind::Loads,
            settings: all().map(|load| load.settings.clone()).collect(),
            measured_at: all().filter_map(|load| load.measured_at).fold(None, |times, time| Some(widened(times, time))),
            is_undated: all().any(|load| load.measured_at.is_none()),
            samples: loads.pages.iter().map(|(page, loads)| (page.clone(), samples(loads))).collect(),
            required: loads.pages.keys().cloned().collect(),
            targets: all().filter_map(|load| load.target.clone()).collect(),
            loads: loads.pages.iter().map(|(page, loads)| (page.clone(), loads.len())).collect(),
        }
    }

    /// Of earlier sessions, the oldest first. A page that is in none but older ones may have gone since.
    #[must_use]
    pub fn of_sessions(sessions: &[&SessionPages]) -> Self {
        let names: BTreeSet<&String> = sessions.iter().flat_map(|session| session.pages.keys()).collect();
        let of = |page: &String| sessions.iter().filter_map(|session| session.pages.get(page)).collect::<Vec<_>>();
        let samples = |medians: &[&PageMedians]| {
            PageMetric::ALL.map(|metric| Sample::of_sessions(medians.iter().copied(), metric))
        };
        Self {
            kind: SampleKind::Sessions,
            settings: sessions.iter().map(|session| session.settings.clone()).collect(),
            measured_at: None,
            is_undated: false,
            samples: names.iter().map(|page| ((*page).clone(), samples(&of(page)))).collect(),
            required: sessions.last().map(|last| last.pages.keys().cloned().collect()).unwrap_or_default(),
            targets: sessions.iter().filter_map(|session| session.target.clone()).collect(),
            loads: names.iter().map(|page| ((*page).clone(), of(page).iter().map(|one| one.loads).sum())).collect(),
        }
    }

    /// Loads that do not say when they were measured are as old as their file.
    pub fn date_by_file(&mut self, written: Option<Timestamp>) {
        if let Some(written) = written.filter(|_| self.is_undated) {
            self.measured_at = Some(widened(self.measured_at, written));
        }
    }

    /// The figures of this side as a session keeps them.
    #[must_use]
    pub fn session(&self) -> SessionPages {
        let listed = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join("; ");
        let page = |(name, [lcp, tbt, size]): (&String, &[Sample; 3])| {
            let loads = self.loads.get(name).copied().unwrap_or_default();
            let medians = PageMedians { lcp: lcp.median(), tbt: tbt.median(), transfer_size: size.median(), loads };
            (name.clone(), medians)
        };
        SessionPages {
            settings: listed(&self.settings),
            target: Some(listed(&self.targets)).filter(|targets| !targets.is_empty()),
            pages: self.samples.iter().map(page).collect(),
        }
    }

    /// The figures of a page; a page that this side does not know has none.
    pub fn samples_of(&self, page: &str) -> [Sample; 3] {
        let none = || std::array::from_fn(|_| Sample::empty(self.kind));
        self.samples.get(page).cloned().unwrap_or_else(none)
    }
}

/// The oldest and the newest time, with one more.
fn widened(times: Option<[Timestamp; 2]>, time: Timestamp) -> [Timestamp; 2] {
    times.map_or([time; 2], |[oldest, newest]| [oldest.min(time), newest.max(time)])
}
