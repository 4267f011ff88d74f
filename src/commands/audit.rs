//! `audit`: how often the gates were bypassed, and by whom, from the infra repository's commits alone.
//!
//! | observed | verdict |
//! |---|---|
//! | no more emergencies in any 30 days than `budget`, no more images changed by hand than `by-hand` | passed |
//! | more of either; with `stale-after`, a validated release that waits for longer | blocked |
//! | a history that is too short; pull requests of promotions that GitHub does not show | inconclusive |
//!
//! [`look`] reads the repository, [`look_merges`] asks how pull requests were merged, [`merge`] decides what bypassed them,
//! [`figures`] counts, [`judge`](mod@judge) decides and [`tables`] renders.

mod figures;
mod json;
mod judge;
mod look;
mod look_merges;
mod merge;
mod observations;
mod short_image;
mod tables;
#[cfg(test)]
mod tests;
mod validations;

use std::{path::PathBuf, str::FromStr, time::Duration};

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};

use crate::{
    command::{Branding, Command, CommandKind, RunInputs},
    config::Config,
    context::{CommandContext, REQUEST_TIMEOUT},
    error::{CommandError, ValueError},
    finding::Finding,
    ledger::{ImageLayout, InfraRepo, OverlayLayout, RunChecker, infra_repo::InfraRepoArgs},
    report::{Outcome, Output},
    secret::Secret,
    subject::Subject,
    values::{HumanDuration, nonzero_duration},
    world::files::write_atomically_by,
};
use figures::AuditFigures;
use json::Document;
use judge::{judge, title};
use look::{check_runs, fetch_verifying_runs, observe};
use look_merges::{MergeChecker, check_merges};
use tables::tables;
use validations::{UnpromotedReleases, find_unpromoted, judge_validations};

/// How long the remote is asked again while it does not answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// Settings of `audit`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Start of the audited period: a number of days such as `90d`, or a date such as `2026-01-31` (UTC)
    #[arg(long, value_name = "DAYS|DATE", default_value = "30d")]
    pub since: Since,
    /// How many emergencies an environment may have in any 30 days
    #[arg(long, value_name = "NUMBER", default_value = "2")]
    pub budget: u32,
    /// How many commits may change an image without being in the ledger
    #[arg(long, value_name = "NUMBER", default_value = "0")]
    pub by_hand: u32,
    /// How long a validated release may wait for its promotion, such as `3d`; with it, the releases that were validated and never promoted are listed, too [default: not checked]
    #[arg(long, value_name = "DURATION", value_parser = nonzero_duration)]
    pub stale_after: Option<HumanDuration>,
    /// File for all figures in JSON
    #[arg(long, value_name = "FILE")]
    pub output_file: Option<PathBuf>,
    #[command(flatten)]
    pub repo: InfraRepoArgs,
    /// The image's name in the manifests (`images[].name`); `{service}` is filled in [default: the entries of the service's image, else all]
    #[arg(long, value_name = "NAME")]
    pub image_name: Option<String>,
    /// Token that may read the infra repository (Contents: read), its workflow runs (Actions: read), with `stale-after` also their annotations (Checks: read), and the pull requests of promotions (Pull requests: read); without it, git uses the checkout's own credentials, no run is checked, and promotions by pull request are inconclusive
    #[arg(long, value_name = "GITHUB_TOKEN")]
    pub token: Option<Secret>,
    /// How long all reads may take; a remote that does not answer is asked again for a minute
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = nonzero_duration)]
    pub timeout: HumanDuration,
}

impl Command for Args {
    const NAME: &'static str = "audit";
    const ABOUT: &'static str =
        "Audit the ledger: promotions, emergencies against their budget, rollbacks, approvals per person";
    const KIND: CommandKind = CommandKind::Rules;
    const BRANDING: Option<Branding> = Some(Branding { icon: "book-open", color: "green" });
    const OUTPUTS: &'static [Output] = &[
        Output {
            name: "json-path",
            help: "Path of the JSON file with all figures, ledger entries and changes by hand",
        },
        Output { name: "promotions", help: "How many promotions passed the gates" },
        Output { name: "emergencies", help: "How many promotions bypassed the gates" },
        Output { name: "rollbacks", help: "How many promotions were rolled back" },
        Output { name: "by-hand", help: "How many commits changed an image and are not in the ledger" },
    ];

    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        run(self, inputs.subject, inputs.config, &ctx.within(self.timeout))
    }
}

/// The start of the audited period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    Days(u16),
    Day(Date),
}

impl FromStr for Since {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const ACCEPTED: ValueError =
            ValueError::new("days such as `90d`, from 1 to 3660, or a day such as `2026-01-31`");
        if let Some(days) = text.strip_suffix('d') {
            let days = days.parse().ok().filter(|days| (1..=3660).contains(days) && !text.starts_with('+'));
            return days.map(Self::Days).ok_or(ACCEPTED);
        }
        let shape = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        text.parse().ok().filter(|_| shape).map(Self::Day).ok_or(ACCEPTED)
    }
}

impl Since {
    fn start(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Days(days) => now.checked_sub(SignedDuration::from_hours(24 * i64::from(days))).ok(),
            Self::Day(day) => day.to_zoned(TimeZone::UTC).ok().map(|day| day.timestamp()),
        }
    }
}

/// Reads the ledger and the image changes without an entry, and reports both.
///
/// # Errors
/// Bad input; a history that cannot be read.
fn run(args: &Args, subject: &Subject, config: &Config, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    let now = ctx.execution.clock.wall();
    let since = args.since.start(now).filter(|since| *since < now).ok_or_else(|| {
        Finding::inconclusive("`since`").actual("a day in the future").expected("a past day").bad_input()
    })?;
    let layout = ImageLayout::new(&args.repo.file, &config.services).map_err(Finding::bad_input)?;
    let layout = OverlayLayout::new(layout, args.image_name.as_deref(), subject);
    layout.check_owners().map_err(Finding::bad_input)?;
    let repo = InfraRepo::open(&args.repo, args.token.as_ref(), &config.services, ctx)?.patient_for(PATIENCE);
    let mut observations = repo.read(ctx, || observe(&repo, &layout, since, now))?;
    let repository = ctx.own_repository();
    let github = ctx.github(args.token.as_ref(), REQUEST_TIMEOUT)?;
    let known = match (&args.token, &repository) {
        (None, _) => Err("`token` is not given".to_owned()),
        (Some(_), Err(_)) => Err("this is no workflow run".to_owned()),
        (Some(_), Ok(repository)) => Ok(repository),
    };
    let (people, execution) = (&config.people, &ctx.execution);
    let merges = known.clone().map(|repository| MergeChecker { github: &github, repository, people, execution });
    check_merges(&mut observations, &merges);
    let checker =
        known.map(|repository| RunChecker::new(&github, repository, ctx.runner_env.run.as_ref(), &ctx.execution));
    observations.runs = check_runs(&observations, &checker);
    if args.stale_after.is_some() {
        observations.validations = Some(match (&args.token, &repository) {
            (None, _) => Err(Finding::inconclusive("`token`").actual("not given").next("give a token that reads runs")),
            (Some(_), Err(_)) => Err(Finding::inconclusive("GITHUB_REPOSITORY").actual("this is no workflow run")),
            (Some(_), Ok(repository)) => {
                fetch_verifying_runs(&github, repository, &observations, &ctx.execution).map(|(runs, unread)| {
                    let is_audited = |service: &_, environment: &_| layout.scope.includes(service, environment);
                    UnpromotedReleases { all: find_unpromoted(runs, &observations.entries, is_audited), unread }
                })
            }
        });
    }
    let figures = AuditFigures::count(&observations);
    let mut findings = judge(&observations, &figures, args.budget, args.by_hand);
    if let (Some(found), Some(stale_after)) = (&observations.validations, args.stale_after) {
        findings.extend(judge_validations(found, now, stale_after));
    }
    let page = repo.web_address(ctx.runner_env.server_url.as_deref());
    let mut outcome = Outcome {
        title: Some(title(&observations, &figures, args.budget)),
        tables: tables(&observations, &figures, args.budget, page.as_deref()),
        ..Outcome::default()
    };
    outcome.outputs.extend([
        ("promotions", figures.counts.normal.to_string()),
        ("emergencies", figures.counts.emergency.to_string()),
        ("rollbacks", figures.counts.rollback.to_string()),
        ("by-hand", observations.by_hand.len().to_string()),
    ]);
    if let Some(path) = &args.output_file {
        let document = Document { observations: &observations, figures: &figures, budget: args.budget };
        match write_atomically_by(path, |file| json::write(&document, file)) {
            Ok(()) => drop(outcome.outputs.insert("json-path", path.display().to_string())),
            Err(finding) => findings.push(finding),
        }
    }
    outcome.findings = findings;
    Ok(outcome)
}
