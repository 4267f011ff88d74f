//! The store of baselines that `baseline` writes: read before anything is measured, and held against what was measured.

pub mod judge;

use super::{
    compare::{Limits, longest_p99, max_ratio},
    judge::Undecided,
    measurement::Measurement,
    plausible::Difference,
    sessions::{Absence, EarlierSessions, to_ms},
};
use crate::{
    baselines::{
        BaselineQuery, BaselineStore, FIGURES, NoBaseline, ProfilePart, SessionFigures, SessionProfile, SessionRun,
        is_release,
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
use judge::{DriftRule, drift, no_baseline, trend};

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
    /// Tag of a release in `baseline-store`: the p99 may be at most `max-drift` times its p99, however small each step since was
    #[arg(long, value_name = "TAG")]
    pub drift_from: Option<Tag>,
    /// Maximum ratio of the p99 to that of `drift-from`
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
    fn query<'q>(&'q self, profile: &'q SessionProfile) -> BaselineQuery<'q> {
        BaselineQuery {
            release: self.subject,
            profile,
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
        match self.store.baseline(&self.query(profile)) {
            Ok(sessions) => EarlierSessions::of_figures(sessions, failed, None),
            Err(none) => EarlierSessions::of_figures([], failed, Some(self.absence(&none))),
        }
    }

    fn absence(&self, none: &NoBaseline) -> Absence {
        no_baseline(none, &self.service, &self.place(), self.args.baseline_branch.as_ref().map(Branch::as_str))
    }

    /// The baseline as one side of a comparison.
    ///
    /// # Errors
    /// There is none that can be compared.
    pub fn side(&self, profile: &SessionProfile, unit: Unit) -> Result<Measurement, CommandError> {
        let sessions = self.store.baseline(&self.query(profile)).map_err(|none| {
            let Absence { actual, next } = self.absence(&none);
            let expected = "the p99 of releases that were promoted, measured in the same way";
            Finding::inconclusive("baseline").actual(actual).expected(expected).next(next).unobservable()
        })?;
        Ok(judge::side(&sessions, unit))
    }

    /// Adds what the store says about a measured session: the drift since a fixed release, and the trend.
    pub fn complete(&self, outcome: &mut Outcome, unit: Unit, undecided: Undecided) {
        let Some(session) = outcome.outputs.get(FIGURES).and_then(|text| SessionFigures::from_output(text)) else {
            return;
        };
        let query = self.query(&session.profile);
        if let Some(tag) = &self.args.drift_from {
            let rule = DriftRule {
                tag,
                limits: Limits { max_ratio: self.args.max_drift, min_ratio: Ratio(f64::MIN_POSITIVE), unit },
                undecided,
            };
            let fixed = self.store.of_release(tag, &query);
            let all = self.store.baseline(&query).unwrap_or_default();
            outcome.findings.push(drift(&rule, &session, &fixed, &all, &self.place()));
        }
        outcome.trend = trend(&session, self.store.trend(&query), unit);
    }
}

/// The figures of results that were measured before, if their p99 is known.
pub fn figures_of(results: &Measurement, unit: Unit) -> Option<SessionFigures> {
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
