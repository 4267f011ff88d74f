//! The store of baselines that `baseline` writes: read before anything is measured, and held against what was measured.

pub mod judge;

use super::{
    compare::{Limits, longest_p99, max_ratio},
    judge::Undecided,
    measurement::Measurement,
    page_loads::side::PageSide,
    plausible::Difference,
    sessions::{Absence, EarlierSessions, to_ms},
};
use crate::{
    baselines::{
        BaselineQuery, BaselineStore, FIGURES, FiguresOutput, NoBaseline, ProfilePart, SessionFigures, SessionPages,
        SessionProfile, SessionRun, is_release,
    },
    commands::baseline::place::{Place, PlaceSettings, StorePath},
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    load_results::{LoadProfile, RequestFigures, Unit},
    observe::read_until_answered,
    report::Outcome,
    secret::Secret,
    subject::{Service, Subject, Tag},
    values::{HumanDuration, Ratio, decimal::Decimal},
    world::{git::Branch, github::Repository, http::Header, trusted::TrustedSource},
};
use judge::{DriftRule, Measured, drift, no_baseline, page_drift, trend};

/// Settings of the store.
#[derive(Debug, clap::Args)]
pub struct StoreArgs {
    /// Baselines that the action `baseline` keeps: a file in the workspace, with `baseline-branch` a file of that branch, or an http(s) URL;
    /// `{service}` stands for the name of the service
    #[arg(long, value_name = "FILE|URL")]
    pub baseline_store: Option<StorePath>,
    /// Branch that has the file of `baseline-store`, read by GitHub's API
    #[arg(long, value_name = "BRANCH")]
    pub baseline_branch: Option<Branch>,
    /// Repository of `baseline-branch` [default: that of the workflow]
    #[arg(long, value_name = "OWNER/NAME")]
    pub baseline_repository: Option<Repository>,
    /// How many days old the newest session of `baseline-store` may be
    #[arg(long, value_name = "DAYS", default_value = "90", value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub max_baseline_days: u32,
    /// Tag of a release in `baseline-store`: the p99, or each median of page loads, may be at most `max-drift` times that of the release,
    /// however small each step since was
    #[arg(long, value_name = "TAG")]
    pub drift_from: Option<Tag>,
    /// Maximum ratio of a figure to that of `drift-from`
    #[arg(long, value_name = "RATIO", default_value = "1.5", value_parser = max_ratio)]
    pub max_drift: Ratio,
    /// Token with Contents: read, for `baseline-branch`
    #[arg(long, value_name = "GITHUB_TOKEN")]
    pub token: Option<Secret>,
}

/// The store of the service, and what is asked of it.
pub struct ReadStore<'a> {
    args: &'a StoreArgs,
    store: BaselineStore,
    place: Place,
    service: Service,
    subject: &'a Subject,
    allowed: Vec<ProfilePart>,
    run: Option<SessionRun>,
    now: jiff::Timestamp,
}

impl StoreArgs {
    /// Reads the store, if there is one.
    ///
    /// # Errors
    /// Bad input; a file that cannot be read or is no store of this service: then nothing is known of earlier attempts either.
    pub fn read<'a>(
        &'a self,
        subject: &'a Subject,
        (headers, timeout): (&[Header], HumanDuration),
        allowed: &[Difference],
        ctx: &CommandContext,
    ) -> Result<Option<ReadStore<'a>>, CommandError> {
        let bad = |check: &str, actual: &str, expected: &str, next: &str| {
            Finding::inconclusive(check).actual(actual).expected(expected).next(next).bad_input()
        };
        let Some(path) = &self.baseline_store else {
            let named = [
                (self.baseline_branch.is_some(), "`baseline-branch`"),
                (self.baseline_repository.is_some(), "`baseline-repository`"),
                (self.drift_from.is_some(), "`drift-from`"),
            ];
            let Some((_, name)) = named.into_iter().find(|(is_given, _)| *is_given) else { return Ok(None) };
            return Err(bad(
                name,
                "given without `baseline-store`",
                "the file of the baselines with it",
                "give `baseline-store`, such as `baselines/{service}.json`",
            ));
        };
        let Some(service) = subject.service.clone().filter(|_| is_release(subject)) else {
            return Err(bad(
                "`baseline-store`",
                "given, and the subject does not say which service and which release this is",
                "a service, and a tag, a digest or a commit",
                "give `service` and `tag`, or `subject`",
            ));
        };
        let settings = PlaceSettings {
            path,
            branch: self.baseline_branch.as_ref(),
            repository: self.baseline_repository.as_ref(),
            token: self.token.as_ref(),
            headers,
            names: ["baseline-store", "baseline-branch", "baseline-repository"],
        };
        let place = settings.place(&service, ctx)?;
        let trusted = match &place {
            Place::File(_) => ctx.trusted_baselines()?,
            Place::Url { .. } | Place::Branch { .. } => TrustedSource::Nothing,
        };
        let file = read_until_answered(&ctx.execution, timeout.0, || place.read(&service, &trusted))?;
        let part = |difference: &Difference| match difference {
            Difference::Target => ProfilePart::Target,
            Difference::Load => ProfilePart::Load,
            Difference::Machine => ProfilePart::Machine,
        };
        Ok(Some(ReadStore {
            args: self,
            store: file.store,
            place,
            service,
            subject,
            allowed: allowed.iter().map(part).collect(),
            run: ctx.runner_env.run.as_ref().map(SessionRun::from),
            now: ctx.execution.clock.wall(),
        }))
    }
}

impl ReadStore<'_> {
    fn query(&self) -> BaselineQuery<'_> {
        BaselineQuery {
            release: self.subject,
            allowed: &self.allowed,
            now: self.now,
            max_days: self.args.max_baseline_days,
        }
    }

    /// Where the baselines are, for messages.
    pub fn place(&self) -> String {
        self.place.to_string()
    }

    /// The attempts at this release that did not pass, and the sessions that one session is compared with.
    pub fn earlier(&self, profile: &SessionProfile) -> EarlierSessions {
        let failed = self.store.failed_attempts(self.subject, self.run.as_ref());
        match self.store.baseline(&self.query(), profile) {
            Ok(sessions) => EarlierSessions::of_figures(sessions, failed, None),
            Err(none) => EarlierSessions::of_figures([], failed, Some(self.absence(&none, Measured::LoadTest))),
        }
    }

    fn absence(&self, none: &NoBaseline, measured: Measured) -> Absence {
        let branch = self.args.baseline_branch.as_ref().map(Branch::as_str);
        no_baseline(none, measured, &self.service, &self.place(), branch)
    }

    /// What results are compared with, as the other side of a comparison.
    ///
    /// # Errors
    /// There is nothing that can be compared.
    pub fn side(&self, results: Option<&Measurement>, unit: Unit) -> Result<Measurement, CommandError> {
        let unobservable = |none: &NoBaseline, measured: Measured| {
            let Absence { actual, next } = self.absence(none, measured);
            let expected = match measured {
                Measured::LoadTest => "the p99 of releases that were promoted, measured in the same way",
                Measured::PageLoads => "page loads of releases that were promoted, measured in the same way",
            };
            Finding::inconclusive("baseline").actual(actual).expected(expected).next(next).unobservable()
        };
        if let Some(pages) = results.and_then(|results| results.page_loads.as_ref()) {
            let sessions = self.store.page_baseline(&self.query(), &pages.session());
            let sessions = sessions.map_err(|none| unobservable(&none, Measured::PageLoads))?;
            return Ok(Measurement::of_page_side(PageSide::of_sessions(&sessions)));
        }
        let profile = results.map(|results| profile_of(&results.profile)).unwrap_or_default();
        let sessions = self.store.baseline(&self.query(), &profile);
        Ok(judge::side(&sessions.map_err(|none| unobservable(&none, Measured::LoadTest))?, unit))
    }

    /// Adds what the store says about a measured session: the drift since a fixed release, and the trend.
    pub fn complete(&self, outcome: &mut Outcome, rule: SessionRule) {
        let SessionRule { unit, undecided, min_delta } = rule;
        let Some(text) = outcome.outputs.get(FIGURES) else { return };
        let limits = Limits { max_ratio: self.args.max_drift, min_ratio: Ratio(f64::MIN_POSITIVE), unit };
        let drift_rule = self.args.drift_from.as_ref().map(|tag| DriftRule { tag, limits, undecided, min_delta });
        let query = self.query();
        if let Some(pages) = SessionPages::from_output(text) {
            if let Some(rule) = &drift_rule {
                let fixed = self.store.pages_of_release(rule.tag, &query, &pages);
                let all = self.store.page_baseline(&query, &pages).unwrap_or_default();
                let (findings, tables) = page_drift(rule, &pages, [&fixed, &all], &self.place());
                outcome.findings.extend(findings);
                outcome.tables.extend(tables);
            }
            let lcps = pages.pages.iter().filter_map(|(page, medians)| Some((page, medians.lcp?)));
            if let Some((page, lcp)) = lcps.max_by(|(_, one), (_, other)| one.total_cmp(other)) {
                outcome.trend =
                    trend(&format!("LCP of {page}"), lcp, self.store.page_trend(&query, &pages, page), unit);
            }
        } else if let Some(session) = SessionFigures::from_output(text) {
            if let Some(rule) = &drift_rule {
                let fixed = self.store.of_release(rule.tag, &query, &session.profile);
                let all = self.store.baseline(&query, &session.profile).unwrap_or_default();
                outcome.findings.push(drift(rule, &session, &fixed, &all, &self.place()));
            }
            outcome.trend = trend("p99", session.all, self.store.trend(&query, &session.profile), unit);
        }
    }
}

/// How a session is judged by the store.
#[derive(Clone, Copy, Debug)]
pub struct SessionRule {
    pub unit: Unit,
    pub undecided: Undecided,
    /// A difference of page loads in milliseconds that users do not notice.
    pub min_delta: f64,
}

/// The output of results that were measured before, if they have figures. Page loads without figures still say what was measured.
pub fn output_of(results: &Measurement, unit: Unit) -> Option<String> {
    match &results.page_loads {
        Some(pages) => Some(pages.session().to_output()),
        None => Some(figures_of(results, unit)?.to_output()),
    }
}

/// The figures of a load test, if their p99 is known.
fn figures_of(results: &Measurement, unit: Unit) -> Option<SessionFigures> {
    let p99 = |figures: &RequestFigures| {
        longest_p99(figures).filter(|p99| !p99.is_zero()).map(|p99| to_ms(p99.to_f64(), unit))
    };
    let endpoints = results.endpoints.iter().filter_map(|(name, figures)| Some((name.clone(), p99(figures)?)));
    let percentiles = results.all.percentiles.iter();
    let shown = |latency: Decimal| to_ms(latency.to_f64(), unit);
    Some(SessionFigures {
        all: p99(&results.all)?,
        endpoints: endpoints.collect(),
        percentiles: percentiles.map(|known| (known.percent.to_string(), shown(known.latency))).collect(),
        requests: results.all.requests,
        failures: results.all.failures,
        profile: profile_of(&results.profile),
    })
}

/// What results say about how they were measured.
pub fn profile_of(profile: &LoadProfile) -> SessionProfile {
    let LoadProfile { target, users, rate, machine } = profile;
    SessionProfile {
        target: target.clone(),
        users: *users,
        rate: rate.map(Decimal::to_f64),
        duration: None,
        machine: machine.clone(),
    }
}

/// Writes the profile into the figures of an outcome.
pub fn describe(outcome: &mut Outcome, profile: &SessionProfile) {
    if let Some(text) = outcome.outputs.get_mut(FIGURES)
        && let Some(figures) = SessionFigures::from_output(text)
    {
        *text = SessionFigures { profile: profile.clone(), ..figures }.to_output();
    }
}
