//! One side of the comparison: what a file, a server or a jq expression reported, in the unit of the report.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::page_loads::side::PageSide;
use crate::{
    error::CommandError,
    finding::Finding,
    load_results::{Format, LoadProfile, LoadTest, P99, PageLoads, RequestFigures, Unit},
    values::{decimal::Decimal, figures::rounded},
};

/// A measurement, or why there is none.
pub type Figure = Result<Measurement, CommandError>;

/// One side of the comparison. Latencies are in the unit of the report.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    pub all: RequestFigures,
    pub endpoints: BTreeMap<String, RequestFigures>,
    /// There are more endpoints than are kept.
    pub endpoints_cut: bool,
    pub profile: LoadProfile,
    pub measured_at: Option<Timestamp>,
    /// Page loads in place of a load test: they have no p99.
    pub page_loads: Option<PageSide>,
    /// The p99 of each of several earlier runs; the p99 of this side is their median.
    pub sessions: Vec<Decimal>,
}

/// Which side, and what its settings say about units.
#[derive(Clone, Copy, Debug)]
pub struct Side {
    /// `results` or `baseline`.
    pub name: &'static str,
    /// `results-unit` or `baseline-unit`.
    pub own: Option<Unit>,
    /// `unit`.
    pub both: Option<Unit>,
}

/// The unit of a bare figure, if nothing says another one, and of the report.
pub const DEFAULT_UNIT: Unit = Unit::Milliseconds;

/// A figure that differs more than this from the p99 of the same results has another unit: units are a thousand apart.
const OTHER_UNIT: f64 = 30.0;

impl Side {
    /// The unit in which figures are compared and shown.
    pub fn shown(&self) -> Unit {
        self.both.unwrap_or(DEFAULT_UNIT)
    }

    fn setting(&self) -> String {
        format!("{}-unit", self.name)
    }

    /// The unit of a test's latencies: the format's own, or what the settings say. A team's own document has the default.
    fn unit_of(&self, test: &LoadTest) -> Result<Unit, CommandError> {
        if let (Some(own), Some(set)) = (test.unit, self.own)
            && own != set
        {
            let finding = Finding::inconclusive(format!("`{}`", self.setting())).actual(format!("{set}"));
            let expected = format!("{own}, which is the unit of {}", test.format);
            return Err(finding.expected(expected).next(format!("leave `{}` out", self.setting())).bad_input());
        }
        let plain = (test.format == Format::Plain).then_some(DEFAULT_UNIT);
        test.unit.or(self.own).or(self.both).or(plain).ok_or_else(|| {
            Finding::inconclusive(format!("unit of the {}", self.name))
                .actual(format!("{} does not say it", test.format))
                .expected("the same unit on both sides")
                .next(format!("set `{}` to `ns`, `us`, `ms` or `s`", self.setting()))
                .unobservable()
        })
    }
}

impl Measurement {
    /// The measurement of a load test in a known format.
    pub fn of_test(test: LoadTest, side: Side) -> Figure {
        let unit = match side.unit_of(&test) {
            // Why there is no figure comes before the question for its unit.
            Err(CommandError::Unobservable(_)) if matches!(test.all.p99, P99::Missing { .. }) => side.shown(),
            unit => unit?,
        };
        Ok(Self::in_unit(test, unit, side.shown()))
    }

    /// Of requests that the gate sent itself.
    pub fn of_requests(all: RequestFigures, from: Unit, to: Unit) -> Self {
        Self {
            all: all.map_latencies(|latency| from.convert(latency, to)),
            endpoints: BTreeMap::new(),
            endpoints_cut: false,
            profile: LoadProfile::default(),
            measured_at: None,
            page_loads: None,
            sessions: Vec::new(),
        }
    }

    /// Of page loads.
    pub fn of_page_loads(loads: &PageLoads) -> Self {
        Self::of_page_side(PageSide::of_loads(loads))
    }

    /// Of page loads, or of earlier sessions with them.
    pub fn of_page_side(side: PageSide) -> Self {
        let p99 = P99::Missing {
            why: "reports of Lighthouse have no p99".to_owned(),
            next: "compare them with the reports of the baseline: give both as `results` and `baseline`".to_owned(),
        };
        Self {
            all: RequestFigures::of_p99(p99),
            endpoints: BTreeMap::new(),
            endpoints_cut: false,
            profile: LoadProfile::default(),
            measured_at: None,
            page_loads: Some(side),
            sessions: Vec::new(),
        }
    }

    fn in_unit(test: LoadTest, from: Unit, to: Unit) -> Self {
        let converted = |figures: RequestFigures| figures.map_latencies(|latency| from.convert(latency, to));
        Self {
            all: converted(test.all),
            endpoints: test.endpoints.into_iter().map(|(name, figures)| (name, converted(figures))).collect(),
            endpoints_cut: test.endpoints_cut,
            profile: test.profile,
            measured_at: test.measured_at,
            page_loads: None,
            sessions: Vec::new(),
        }
    }

    /// The measurement by a jq expression. `test` is what the same results are in a known format: the expression decides the
    /// p99, and they tell whether it can be one.
    pub fn of_query(figures: &[Decimal], test: Option<LoadTest>, side: Side) -> Figure {
        let unit = side.own.unwrap_or(side.shown());
        let mut sessions: Vec<Decimal> = figures.iter().map(|figure| unit.convert(*figure, side.shown())).collect();
        sessions.sort_unstable();
        let p99 = sessions.get((sessions.len().max(1) - 1) / 2).copied().unwrap_or(Decimal::ZERO);
        let only = sessions.len() < 2;
        let exactly = P99::Between { low: p99, high: Some(p99) };
        let mut measurement = Self {
            all: RequestFigures::of_p99(exactly),
            endpoints: BTreeMap::new(),
            endpoints_cut: false,
            profile: LoadProfile::default(),
            measured_at: None,
            page_loads: None,
            sessions: if only { Vec::new() } else { sessions },
        };
        let Some(test) = test else { return Ok(measurement) };
        let (format, own_unit) = (test.format, test.unit);
        let own = Self::in_unit(test, own_unit.unwrap_or(unit), side.shown());
        if own_unit.is_some() && side.own.is_none() && side.both.is_none() {
            check_unit(p99, &own.all, format, side)?;
        }
        let same = own.all.least_p99() == Some(p99);
        measurement.all = RequestFigures {
            p99: match own.all.p99 {
                range if same => range,
                // How it counts failed requests is not known.
                _ if own.all.failures.is_some_and(|failures| failures > 0) => P99::Between { low: p99, high: None },
                _ => measurement.all.p99,
            },
            percentiles: Vec::new(),
            ..own.all
        };
        (measurement.profile, measurement.measured_at) = (own.profile, own.measured_at);
        Ok(measurement)
    }
}

/// Whether a figure without a unit can be of these requests.
fn check_unit(figure: Decimal, all: &RequestFigures, format: Format, side: Side) -> Result<(), CommandError> {
    let reported = all.least_p99().or_else(|| all.percentiles.last().map(|last| last.latency));
    let Some(reported) = reported.filter(|reported| !reported.is_zero() && !figure.is_zero()) else { return Ok(()) };
    let factor = figure.to_f64() / reported.to_f64();
    if (1.0 / OTHER_UNIT..=OTHER_UNIT).contains(&factor) {
        return Ok(());
    }
    let Side { name, .. } = side;
    let unit = side.shown();
    Err(Finding::inconclusive(format!("unit of `{name}-query`"))
        .actual(format!("{figure}, while {format} measured a p99 of {} {unit}", rounded(reported.to_f64())))
        .expected(format!("a figure in {unit}"))
        .next(format!(
            "leave `{name}-query` out, since {format} is understood, or set `{name}-unit` to the unit of the figure"
        ))
        .unobservable())
}
