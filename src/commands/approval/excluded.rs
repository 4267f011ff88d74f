//! The people who had a part in the release, from the report of `evidence`. A list that is too long for the report is made again
//! from what it follows from, and must have the digest that the report carries.

use std::time::Duration;

use crate::{
    config::Config,
    context::CommandContext,
    finding::Finding,
    people::{
        digest::{PeopleDigest, sha256_of},
        look::PeopleObserver,
        recompute::recompute,
    },
    results::{ReceivedReports, batch::BatchEvidence},
    secret::Secret,
    subject::Subject,
    values::HumanDuration,
};

/// How to ask the service's repository.
pub struct SourceAccess<'a> {
    pub token: Option<&'a Secret>,
    /// Time limit of one request.
    pub request_timeout: HumanDuration,
    /// How long a read is repeated while GitHub is busy.
    pub time_limit: Duration,
}

/// The logins that the report of `evidence` names or stands for.
///
/// # Errors
/// The report has neither a list nor its digest; they differ; the list cannot be made again.
pub fn from_evidence(
    reports: &ReceivedReports,
    subject: &Subject,
    config: &Config,
    source: &SourceAccess,
    ctx: &CommandContext,
) -> Result<Vec<String>, Finding> {
    let run = ctx.runner_env.run.as_ref();
    let output = |name| reports.output("evidence", name, subject, run);
    let people = output("people").filter(|people| !people.trim().is_empty());
    let digest = people.map(serde_json::from_str::<PeopleDigest>).transpose().map_err(|error| {
        Finding::inconclusive("independence")
            .actual(format!("the output `people` of `evidence` cannot be read: {error}"))
            .expected("the number of people who had a part in the release, and the digest of their logins")
            .next("use the same version of promote-gates in all jobs, and start it again")
    })?;
    let listed = output("excluded").map(|logins| {
        logins.lines().map(str::trim).filter(|login| !login.is_empty()).map(ToOwned::to_owned).collect::<Vec<_>>()
    });
    match (listed, digest) {
        (Some(listed), Some(digest)) if sha256_of(listed.iter().map(String::as_str)) != digest.sha256 => {
            Err(Finding::inconclusive("independence")
                .actual(format!(
                    "{} logins in `excluded`, which are not the people of the output `people`",
                    listed.len()
                ))
                .expected(format!("the {} people that `evidence` counted", digest.count))
                .next("use the same version of promote-gates in all jobs, and start it again"))
        }
        (Some(listed), _) => Ok(listed),
        (None, Some(digest)) => make_again(&digest, subject, config, source, ctx),
        (None, None) => Err(Finding::inconclusive("independence")
            .actual("the report of `evidence` does not name who had a part in the release")
            .expected("its output `excluded`, or `people`")
            .next("use the same version of promote-gates in all jobs, and start it again")),
    }
}

/// The logins that the report of `evidence` about several services names: all of those who had a part in one of them.
///
/// # Errors
/// The report has no list.
pub fn of_batch(batch: &BatchEvidence<'_>) -> Result<Vec<String>, Finding> {
    let listed = batch.report.outputs.get("excluded").ok_or_else(|| {
        Finding::inconclusive("independence")
            .actual("the report of `evidence` does not name who had a part in the releases")
            .expected("its output `excluded`")
            .next("use the same version of promote-gates in all jobs, and start it again")
    })?;
    Ok(listed.lines().map(str::trim).filter(|login| !login.is_empty()).map(ToOwned::to_owned).collect())
}

fn make_again(
    digest: &PeopleDigest,
    subject: &Subject,
    config: &Config,
    source: &SourceAccess,
    ctx: &CommandContext,
) -> Result<Vec<String>, Finding> {
    let service = subject.service.as_ref();
    let origin = service.and_then(|service| config.services.get(service)).ok_or_else(|| {
        Finding::inconclusive("independence")
            .actual("no source of the service is known here, so its people cannot be listed")
            .expected("the service in `services` of the config file")
            .next("check out the repository with the config file, and pass `subject`")
    })?;
    ctx.log.say(&format!("{} people had a part in this release: asking GitHub for them", digest.count));
    let github = ctx.github(source.token, source.request_timeout).map_err(|error| {
        error.finding().unwrap_or_else(|| Finding::inconclusive("independence").actual("no client for GitHub"))
    })?;
    let observer = PeopleObserver {
        github: &github,
        repository: &origin.repository,
        paths: &origin.paths,
        execution: &ctx.execution,
        time_limit: source.time_limit,
    };
    recompute(&observer, digest, &config.people).map_err(|finding| finding.for_check("independence"))
}
