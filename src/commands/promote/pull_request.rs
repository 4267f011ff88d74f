//! `mode: pull-request`: the promotion is a pull request, and people review its only commit.
//!
//! Each step finds its own earlier work, so a run that was killed is finished by the next, and of several at once there is one branch
//! and one pull request:
//!
//! 1. [`branch`]: one branch for each evidence id, with one commit that has the trailers. Git refuses a second one, and nothing moves it.
//! 2. [`open`]: the pull request, which GitHub opens once for two branches; then its labels.
//! 3. [`supersede`]: of several open ones of a service and environment, the newest validation stays. Each run lists them after it has
//!    opened its own, so the later of two runs sees both.
//!
//! With `merge`, the step merges an approved pull request instead: [`merge`].
//!
//! [`body`] is the text for the people, [`look`] reads the branches, and [`plan`] decides.

pub mod args;
mod body;
mod branch;
mod look;
mod merge;
mod open;
mod plan;
mod session;
mod supersede;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::{evidence_outputs::EvidenceOutputs, freshness::Freshness, plan::Promote};
use crate::{
    context::{CommandContext, REQUEST_TIMEOUT},
    error::CommandError,
    finding::{Finding, Verdict},
    ledger::{self, InfraRepo, LedgerEntry, Promotion, PromotionBranch},
    observe::read_until_answered,
    people::digest::PeopleDigest,
    promotion::infra,
    reconcile::reconcile,
    report::{Effect, EffectState, Output, Report, Run},
    results::{ReceivedReports, batch::EVIDENCE, files::report_files},
    secret::Secret,
    subject::{Commit, Subject},
    values::HumanDuration,
    world::{
        git::{Branch, CommitIdentity},
        github::{MergeMethod, PullRequest},
    },
};
use args::PullRequestArgs;
use body::{DecisionPack, MAX_PROMOTIONS};
use branch::ProposeCommit;
use look::{read_rivals, read_tip};
use merge::MergePullRequest;
use open::{AddLabels, OpenPullRequest, target};
use plan::{ApprovedHead, Proposed, ProposedCommit, is_of_branch, newest_above, older_ones, superseded};
use session::{Session, branch_of, check_repository};
use supersede::{Superseded, close};

pub const PULL_REQUEST: Output =
    Output { name: "pull-request", help: "Number of the promotion's pull request, with `mode: pull-request`" };
pub const URL: Output =
    Output { name: "pull-request-url", help: "URL of the promotion's pull request, with `mode: pull-request`" };

/// A promotion that its required reports allow, and where it is proposed.
pub struct Proposal<'a> {
    pub promote: &'a Promote,
    /// The wanted state in words.
    pub expected: &'a str,
    /// The report of `evidence`, whole where its file is at hand.
    pub evidence: &'a Report,
    pub repo: &'a InfraRepo,
    pub committer: CommitIdentity,
    pub token: Option<&'a Secret>,
    pub args: &'a PullRequestArgs,
    pub timeout: HumanDuration,
}

/// How the action of a step ended.
#[derive(Debug)]
pub struct ActionResult {
    pub findings: Vec<Finding>,
    pub outputs: BTreeMap<&'static str, String>,
    /// Whether the branch has the wanted image.
    pub is_current: bool,
}

impl ActionResult {
    /// The end of a promotion on the branch: its finding and its outputs.
    #[must_use]
    pub fn of_promotion((finding, outputs): (Finding, BTreeMap<&'static str, String>)) -> Self {
        Self { is_current: finding.verdict == Verdict::Passed, findings: vec![finding], outputs }
    }
}

/// What the list of the people who had a part in the release follows from: the approval is judged in another run, which makes the list
/// again.
///
/// # Errors
/// The report of `evidence` does not have it.
pub fn people(reports: &ReceivedReports, subject: &Subject, run: Option<&Run>) -> Result<PeopleDigest, Finding> {
    let text = reports.output("evidence", "people", subject, run).filter(|text| !text.is_empty());
    let people = text.and_then(|text| serde_json::from_str(text).ok());
    people.ok_or_else(|| {
        Finding::inconclusive("evidence")
            .actual("its report has no output `people`, or one that cannot be read")
            .expected("the people who had a part in the release: an approval by pull request depends on them")
            .next("use the same version of promote-gates in all jobs, and an image whose source commit is known")
    })
}

/// The report of `evidence` among those that count, whole if its file is at hand: the text of a pull request shows it.
#[must_use]
pub fn evidence_report(counted: &[&Report], results: Option<&str>) -> Report {
    let compact = counted.iter().find(|report| report.command == EVIDENCE);
    let compact = compact.map_or_else(|| Report::open(EVIDENCE, String::new()), |report| (*report).clone());
    let mut whole = results.map(report_files).unwrap_or_default();
    let file = compact.full_sha256.as_ref().and_then(|sum| whole.remove(sum));
    // The file has no more rights than the report that counted.
    file.filter(|file| file.command == compact.command && file.subject == compact.subject).unwrap_or(compact)
}

/// Opens the pull request of a promotion, unless it is open, and closes those that it replaces.
///
/// # Errors
/// Bad input; a refusal; a read or a write that failed before the pull request was open.
pub fn propose(proposal: &Proposal<'_>, ctx: &CommandContext) -> Result<ActionResult, CommandError> {
    let Proposal { promote, expected, repo, args, timeout, .. } = proposal;
    check_token(proposal.token)?;
    let repository = ctx.own_repository()?;
    check_repository(repo, &repository, ctx)?;
    let (branch, name) = branch_of(promote).map_err(CommandError::Refused)?;
    let session = Session {
        promote,
        repo,
        on_branch: repo.on_branch(name),
        branch,
        github: &ctx.github(proposal.token, REQUEST_TIMEOUT)?,
        repository: &repository,
        committer: proposal.committer.clone(),
        labels: &args.labels.iter().map(ToString::to_string).collect::<Vec<_>>(),
        timeout: *timeout,
        ctx,
    };
    let proposed = match reconcile(&ctx.execution, timeout.0, &ProposeCommit::new(&session))? {
        Some(Proposed::Commit(proposed)) => proposed,
        Some(Proposed::Promoted(result)) => {
            let ended = infra::report_result("promotion", (*expected).to_owned(), Some(&result));
            return Ok(ActionResult::of_promotion(ended));
        }
        None => {
            let detail = format!("{} → {}", session.branch, repo.branch);
            ctx.execution.partial.begin_effect(Effect {
                target: target(&session),
                detail,
                state: EffectState::Planned,
            });
            return Ok(dry_run(expected));
        }
    };
    let entries = last_promotions(&session)?;
    let pack = DecisionPack {
        report: proposal.evidence,
        promotion: &promote.promotion,
        proposed: &proposed,
        base: repo.branch.as_str(),
        entries: &entries,
        run: ctx.runner_env.run.as_ref(),
    };
    let (commit, title, body) = (&proposed.commit, proposed.title.as_str(), pack.render());
    let change = OpenPullRequest { session: &session, commit, title, body: &body };
    let Some(opened) = reconcile(&ctx.execution, timeout.0, &change)? else { return Ok(dry_run(expected)) };
    let finding = Finding::passed("promotion").expected(*expected).actual(describe(&proposed, &opened));
    // From here on the pull request is open: a failure is one finding more, and the next run continues.
    let mut findings = vec![finding];
    if !session.labels.is_empty() {
        let labelled = reconcile(&ctx.execution, timeout.0, &AddLabels { session: &session, number: opened.number });
        findings.extend(failure(labelled.map(|_| ()), "labels")?);
    }
    let settled = settle(&session, &proposed, &opened);
    match settled {
        Ok(settled) => findings.extend(settled),
        Err(error) => findings.extend(failure(Err(error), "supersession")?),
    }
    Ok(ActionResult { findings, outputs: outputs(&proposed, &opened), is_current: false })
}

fn check_token(token: Option<&Secret>) -> Result<(), CommandError> {
    match token {
        Some(_) => Ok(()),
        None => Err(Finding::inconclusive("`token`")
            .actual("not given")
            .expected("a token with Contents: write and Pull requests: write, for `mode: pull-request`")
            .bad_input()),
    }
}

fn dry_run(expected: &str) -> ActionResult {
    let finding = Finding::inconclusive("promotion").actual("dry-run: nothing was written").expected(expected);
    let outputs = [(infra::CHANGED.name, "false".to_owned())].into();
    ActionResult { findings: vec![finding], outputs, is_current: false }
}

fn describe(proposed: &ProposedCommit, opened: &PullRequest) -> String {
    let ProposedCommit { commit, image, previous, .. } = proposed;
    let before = previous.as_deref().unwrap_or("no image entry");
    format!("{before} → {image} in commit {commit}, to be reviewed in #{}: {}", opened.number, opened.html_url)
}

fn outputs(proposed: &ProposedCommit, opened: &PullRequest) -> BTreeMap<&'static str, String> {
    [
        (infra::COMMIT.name, proposed.commit.to_string()),
        (infra::CHANGED.name, proposed.created.to_string()),
        (infra::PREVIOUS_IMAGE.name, proposed.previous.clone().unwrap_or_default()),
        (PULL_REQUEST.name, opened.number.to_string()),
        (URL.name, opened.html_url.clone()),
    ]
    .into()
}

/// The finding on a step that failed after the pull request was open.
fn failure(result: Result<(), CommandError>, check: &str) -> Result<Option<Finding>, CommandError> {
    match result {
        Ok(()) => Ok(None),
        Err(CommandError::Cancelled) => Err(CommandError::Cancelled),
        Err(error) => {
            let finding = error.finding().unwrap_or_else(|| Finding::inconclusive(check));
            let next = finding.next.clone().map_or_else(String::new, |next| format!("{next}; "));
            let next = format!("{next}run it again: the pull request is open and not opened twice");
            Ok(Some(finding.for_check(check).next(next)))
        }
    }
}

/// The last promotions of the service on the base branch, newest first.
fn last_promotions(session: &Session<'_>) -> Result<Vec<LedgerEntry>, CommandError> {
    let Session { repo, branch, ctx, .. } = session;
    repo.read(ctx, || {
        let tip = repo.fetch()?.ok_or_else(|| repo.no_branch())?;
        ledger::history(repo, &tip.commit, &branch.service, &branch.environment, |entries| {
            entries.len() >= MAX_PROMOTIONS
        })
    })
    .map_err(Finding::unobservable)
}

/// Lets the newest of several open pull requests stay. Runs after the own one is open.
fn settle(
    session: &Session<'_>,
    proposed: &ProposedCommit,
    opened: &PullRequest,
) -> Result<Vec<Finding>, CommandError> {
    let Session { promote, ctx, timeout, .. } = session;
    let own = &Promotion { image: proposed.image.clone(), ..promote.promotion.clone() };
    let rivals =
        read_until_answered(&ctx.execution, timeout.0, || read_rivals(session).map_err(Finding::unobservable))?;
    let now = ctx.execution.clock.wall();
    if let Some(newer) = newest_above(own, &rivals, now) {
        let replaced = Superseded {
            number: opened.number,
            branch: &session.branch,
            promotion: own,
            by: newer.number,
            newer: &newer.entry.promotion,
        };
        close(session, &replaced)?;
        return Ok(vec![superseded(own, newer)]);
    }
    let older = older_ones(own, &rivals, now);
    for rival in &older {
        close(session, &Superseded::rival(rival, opened.number, own))?;
    }
    if older.is_empty() {
        return Ok(Vec::new());
    }
    let numbers: Vec<String> = older.iter().map(|rival| format!("#{}", rival.number)).collect();
    Ok(vec![
        Finding::passed("older pull requests")
            .actual(format!("{} replaced by #{}", numbers.join(", "), opened.number))
            .expected("the newest validation alone to be open"),
    ])
}

/// The approved pull request that a step merges.
pub struct ApprovedMerge<'a> {
    /// The promotion as the settings and the reports have it; what the proposed commit says is added.
    pub promote: &'a mut Promote,
    /// The wanted state in words.
    pub expected: &'a str,
    pub method: MergeMethod,
    /// The reports that count, of which one is that of `approval`.
    pub counted: &'a [&'a Report],
    pub max_age: HumanDuration,
    pub repo: &'a InfraRepo,
    pub committer: CommitIdentity,
    pub token: Option<&'a Secret>,
    pub timeout: HumanDuration,
}

/// Merges an approved pull request, unless its image is in place.
///
/// # Errors
/// Bad input; a refusal; a read or a write that failed.
pub fn merge(approved: ApprovedMerge<'_>, ctx: &CommandContext) -> Result<ActionResult, CommandError> {
    let ApprovedMerge { promote, expected, method, counted, max_age, repo, committer, token, timeout } = approved;
    check_token(token)?;
    let repository = ctx.own_repository()?;
    check_repository(repo, &repository, ctx)?;
    let github = ctx.github(token, REQUEST_TIMEOUT)?;
    let head = approved_head(counted)?;
    let number = head.number;
    let found = read_until_answered(&ctx.execution, timeout.0, || github.pull_request(&repository, number));
    let found = found.map_err(Finding::unobservable)?.filter(|found| !found.is_of_fork());
    let names = found.and_then(|found| {
        let branch: PromotionBranch = found.head.branch.parse().ok()?;
        let promotion = &promote.promotion;
        let is_wanted = branch.service == promotion.service && branch.environment == promotion.environment;
        Some((branch, found.head.branch.parse::<Branch>().ok()?)).filter(|_| is_wanted)
    });
    let Some((branch, name)) = names else {
        return Err(CommandError::Refused(
            Finding::blocked("pull request")
                .actual(format!("#{number} has no branch of a promotion of this service to this environment"))
                .expected("the pull request that `promote` opened")
                .next("give the `subject` and the report of the same `approval`"),
        ));
    };
    let on_branch = repo.on_branch(name);
    let tip = repo.read(ctx, || read_tip(&on_branch, &branch)).map_err(Finding::unobservable)?;
    let entry = tip.and_then(|tip| tip.entry).filter(|entry| is_of_branch(entry, &branch));
    // Without the commit, the base branch alone decides: the branch is deleted after many a merge.
    promote.promotion.evidence = Some(branch.evidence.clone());
    if let Some(entry) = entry {
        let outputs = EvidenceOutputs {
            validated_at: entry.promotion.validated_at,
            validation_run: entry.promotion.validation_run.clone(),
            ..EvidenceOutputs::default()
        };
        promote.freshness = Freshness::of_reports(counted, &outputs, max_age).map_err(CommandError::Refused)?;
        promote.promotion = merged_promotion(promote.promotion.clone(), &entry.promotion);
    }
    let session = Session {
        promote,
        repo,
        on_branch,
        branch,
        github: &github,
        repository: &repository,
        committer,
        labels: &[],
        timeout,
        ctx,
    };
    let change = MergePullRequest { session: &session, method, approved: head };
    let result = reconcile(&ctx.execution, timeout.0, &change)?;
    let (finding, mut outputs) = infra::report_result("promotion", expected.to_owned(), result.as_ref());
    outputs.insert(PULL_REQUEST.name, number.to_string());
    Ok(ActionResult::of_promotion((finding, outputs)))
}

/// The promotion on the base branch: what it rests on is that of the proposed commit; who approved it, who merged it and when is of
/// this run. It names every field, so that a new one is not left out: the commit on the base branch is what later runs read.
fn merged_promotion(own: Promotion, proposed: &Promotion) -> Promotion {
    let required = [&proposed.required, &own.required].into_iter().flatten().flatten().cloned().collect();
    let proposed = proposed.clone();
    Promotion {
        kind: own.kind,
        service: own.service,
        environment: own.environment,
        image: own.image,
        previous: own.previous,
        digest: proposed.digest,
        source_commit: proposed.source_commit,
        validated_at: proposed.validated_at,
        validation_run: proposed.validation_run,
        evidence: proposed.evidence,
        people: proposed.people,
        repository_id: proposed.repository_id,
        bundle_sizes: proposed.bundle_sizes,
        tests: proposed.tests,
        approved_by: own.approved_by,
        triggered_by: proposed.triggered_by,
        independent: own.independent,
        workflow: own.workflow,
        required: Some(required),
        incident: own.incident,
        reason: own.reason,
        rolls_back: own.rolls_back,
    }
}

/// The pull request and the commit that the report of `approval` is about.
fn approved_head(counted: &[&Report]) -> Result<ApprovedHead, CommandError> {
    let approval = counted.iter().find(|report| report.command == "approval");
    let output = |name: &str| approval.and_then(|report| report.outputs.get(name));
    let number = output("pull-request").and_then(|number| number.parse().ok());
    let head = output("head").and_then(|head| head.parse::<Commit>().ok());
    number.zip(head).map(|(number, head)| ApprovedHead { number, head }).ok_or_else(|| {
        Finding::inconclusive("`results`")
            .actual("no report of `approval` names a pull request")
            .expected("a report of `approval` with `source: pull-request`, for `merge`")
            .bad_input()
    })
}
