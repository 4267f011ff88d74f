//! `baseline`: keeps what `performance` measured, and marks the releases that were promoted. It judges nothing.
//!
//! [`place`] reads and writes the file of a service, and [`plan`] decides what it becomes.

pub mod place;
mod plan;
mod write;

use std::str::FromStr;

use serde::Deserialize;

use super::comment::collect::{Collected, collect};
use crate::{
    baselines::{StoredSession, is_release},
    command::{Branding, Command, CommandKind, RunInputs},
    context::CommandContext,
    error::{CommandError, ValueError},
    finding::Finding,
    reconcile::reconcile,
    report::{Outcome, Output, Report},
    secret::Secret,
    subject::{Service, Subject, Tag},
    values::{HumanDuration, nonzero_duration},
    world::{files::Glob, git::Branch, github::Repository},
};
use place::{Place, PlaceSettings, StorePath, read_only};
use plan::{StoreResult, StoreUpdate};
use write::StoreWrite;

/// The gate whose sessions are kept.
const GATE: &str = "performance";

/// Settings of `baseline`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Outputs of the steps or jobs with the reports of `performance`: the expression `toJSON(steps)` or `toJSON(needs)`
    #[arg(long, value_name = "JSON")]
    pub results: Option<String>,
    /// Files with reports of `performance`: paths or globs in the workspace
    #[arg(long, value_name = "GLOB")]
    pub reports: Vec<Glob>,
    /// Releases that are in production now: the output `subjects` of `promote`, or one subject as JSON. Their sessions become the baseline
    #[arg(long, value_name = "JSON")]
    pub promoted: Option<PromotedReleases>,
    /// File of a service's sessions, in the workspace or with `branch` on that branch; `{service}` stands for the name of the service
    #[arg(long, value_name = "FILE", default_value = "baselines/{service}.json")]
    pub store: StorePath,
    /// Branch that has the file: it is read and written by GitHub's API. Without it, the file is one of the workspace
    #[arg(long, value_name = "BRANCH")]
    pub branch: Option<Branch>,
    /// Repository of `branch` [default: that of the workflow]
    #[arg(long, value_name = "OWNER/NAME")]
    pub repository: Option<Repository>,
    /// Tags of releases whose sessions stay for ever, such as the one that `drift-from` names
    #[arg(long, value_name = "TAG")]
    pub keep: Vec<Tag>,
    /// Token with Contents: write, for `branch`
    #[arg(long, value_name = "DISPATCHER_APP_TOKEN")]
    pub token: Option<Secret>,
    /// How long all requests may take, repetitions included: other jobs may write at the same time
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = nonzero_duration)]
    pub timeout: HumanDuration,
}

/// A list of subjects, or one.
#[derive(Clone, Debug)]
pub struct PromotedReleases(Vec<Subject>);

impl FromStr for PromotedReleases {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum OneOrMany {
            Many(Vec<Subject>),
            One(Box<Subject>),
        }
        const ACCEPTED: ValueError = ValueError::new(
            "the output `subjects` of `promote`, or a subject such as `{\"service\": \"checkout-service\", \"tag\": \"1.4.2\"}`: a \
             service, and a tag, digest or commit",
        );
        let subjects = match serde_json::from_str(text).map_err(|_| ACCEPTED)? {
            OneOrMany::Many(subjects) => subjects,
            OneOrMany::One(subject) => vec![*subject],
        };
        let is_whole = |subject: &Subject| subject.service.is_some() && is_release(subject);
        if subjects.iter().all(is_whole) { Ok(Self(subjects)) } else { Err(ACCEPTED) }
    }
}

impl Command for Args {
    const NAME: &'static str = "baseline";
    const ABOUT: &'static str = "Keep the figures of promoted releases, with which `performance` compares the next one";
    const KIND: CommandKind = CommandKind::Display;
    const BRANDING: Option<Branding> = Some(Branding { icon: "database", color: "blue" });
    const OUTPUTS: &'static [Output] = &[
        Output { name: "changed", help: "Whether a file changed: `true` or `false`" },
        Output { name: "sessions", help: "How many sessions of promoted releases the files have now" },
    ];

    fn run(&self, _: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        run(self, &ctx.within(self.timeout))
    }
}

/// Adds the sessions, marks the promoted releases, and writes the file of each service.
///
/// # Errors
/// Bad input; a signal; a file that cannot be read or written.
fn run(args: &Args, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    if args.results.is_none() && args.reports.is_empty() && args.promoted.is_none() {
        return Err(Finding::inconclusive("`results`, `reports`, `promoted`")
            .actual("none is given")
            .expected("the report of `performance`, or the releases that were promoted")
            .next(
                "behind `performance`, add `results: ${{ toJSON(steps) }}`; behind `promote`, \
                 `promoted: ${{ steps.promote.outputs.subjects }}`",
            )
            .bad_input());
    }
    if let StorePath::Url(url) = &args.store {
        return Err(read_only(url).bad_input());
    }
    let Collected { reports, missing } =
        collect(args.results.as_deref(), &args.reports, &[], ctx.runner_env.run.as_ref(), Args::NAME)?;
    let (measured, mut findings) = sessions(reports);
    findings.extend(missing);
    let promoted = args.promoted.as_ref().map(|releases| releases.0.as_slice()).unwrap_or_default();
    let mut services: Vec<&Service> = measured.iter().map(|(service, _)| service).collect();
    services.extend(promoted.iter().filter_map(|subject| subject.service.as_ref()));
    services.sort_unstable();
    services.dedup();
    if services.is_empty() && findings.is_empty() && args.promoted.is_none() {
        findings.push(
            Finding::inconclusive("reports")
                .actual("none of `performance` in `results` and `reports`")
                .expected("the report of a session")
                .next("give the step of `performance` an `id`, and run this step behind it with `if: ${{ !cancelled() }}`"),
        );
    }
    let settings = PlaceSettings {
        path: &args.store,
        branch: args.branch.as_ref(),
        repository: args.repository.as_ref(),
        token: args.token.as_ref(),
        headers: &[],
        names: ["store", "branch", "repository"],
    };
    let now = ctx.execution.clock.wall();
    let (mut changed, mut count) = (false, 0);
    for service in services {
        let of_service = measured.iter().filter(|(theirs, _)| theirs == service).map(|(_, session)| session.clone());
        let of_promoted = promoted.iter().filter(|subject| subject.service.as_ref() == Some(service));
        let update = StoreUpdate {
            sessions: of_service.collect(),
            promoted: of_promoted.cloned().collect(),
            keep: args.keep.clone(),
            now,
        };
        let place = settings.place(service, ctx)?;
        let write = StoreWrite { place: &place, service, update: &update };
        match reconcile(&ctx.execution, args.timeout.0, &write) {
            Ok(Some(result)) => {
                changed |= result.is_change();
                count += result.promoted_sessions;
                findings.extend(result_findings(service, &place, &result));
            }
            Ok(None) => findings.push(Finding::inconclusive(check(service)).actual("dry-run: nothing was written")),
            // One service keeps no other back.
            Err(CommandError::Refused(finding) | CommandError::Unobservable(finding)) => findings.push(finding),
            Err(error) => return Err(error),
        }
    }
    if findings.is_empty() {
        findings.push(Finding::passed("baseline").actual("no release was promoted"));
    }
    let outputs = [("changed", changed.to_string()), ("sessions", count.to_string())];
    Ok(Outcome { outputs: outputs.into(), ..Outcome::from(findings) })
}

/// The sessions in reports, each with its service, and findings on reports that cannot be kept.
fn sessions(reports: Vec<Report>) -> (Vec<(Service, StoredSession)>, Vec<Finding>) {
    let (mut sessions, mut findings) = (Vec::new(), Vec::new());
    // What a dry-run measured counts for nothing.
    for report in reports.into_iter().filter(|report| report.command == GATE && !report.dry_run) {
        let Some(service) = report.subject.service.clone().filter(|_| is_release(&report.subject)) else {
            findings.push(
                Finding::inconclusive("report of `performance`")
                    .actual("it does not say which service and which release it measured")
                    .expected("a service, and a tag, a digest or a commit")
                    .next("give `performance` the inputs `service` and `tag`, or `subject`"),
            );
            continue;
        };
        match StoredSession::of_report(&report) {
            Ok(session) => sessions.push((service, session)),
            Err(unstorable) => findings.push(
                Finding::inconclusive(format!("report about {}", report.subject))
                    .actual(unstorable.actual)
                    .expected("the p99 that it measured")
                    .next(unstorable.next),
            ),
        }
    }
    (sessions, findings)
}

fn check(service: &Service) -> String {
    format!("baselines of {service}")
}

fn result_findings(service: &Service, place: &Place, result: &StoreResult) -> Vec<Finding> {
    let StoreResult { added, marked, removed, promoted_sessions, without_session } = result;
    let parts = [
        (*added, "sessions added"),
        (*marked, "sessions of a promoted release marked"),
        (*removed, "old sessions removed"),
    ];
    let mut parts: Vec<String> =
        parts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if parts.is_empty() {
        parts.push("up to date".to_owned());
    }
    parts.push(format!("{promoted_sessions} sessions of promoted releases in {place}"));
    let written = Finding::passed(check(service)).actual(parts.join(", ")).expected("every session, once");
    let missing = without_session.iter().map(|release| {
        Finding::inconclusive(format!("baseline {release}"))
            .actual("promoted, and no session of this release has figures")
            .expected("what `performance` measured of it")
            .next(
                "let the validation run `baseline` behind `performance`; now, run `performance` on this release, and then `baseline` \
                 with its report and with `promoted`",
            )
    });
    std::iter::once(written).chain(missing).collect()
}
