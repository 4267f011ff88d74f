//! One run of `status`: finds the pull requests, judges them, and sets their statuses.

use std::cell::OnceCell;

use clap::FromArgMatches as _;

use super::{
    args::{APPROVAL, Args},
    desired::{DesiredStatus, JudgedHead},
    set_status::SetStatus,
};
use crate::{
    command::RunInputs,
    commands::approval::{
        args::Args as ApprovalArgs,
        pull_request::{JudgedPullRequest, judge_pull_request},
    },
    context::{CommandContext, REQUEST_TIMEOUT},
    error::CommandError,
    finding::{Finding, Verdict, verdict},
    ledger::PromotionBranch,
    observe::read_until_answered,
    reconcile::reconcile,
    report::Report,
    results::ReceivedReports,
    settings::{self, Layer, SettingOrigin, SettingValue},
    subject::{Commit, Subject},
    world::{
        git::Branch,
        github::{CommitStatus, GitHub, OpenPullRequest, OpenPullRequests, Repository},
    },
};

/// What was set for one pull request.
pub struct SetResult {
    pub finding: Finding,
    /// Whether its approval passed.
    pub is_approved: bool,
}

/// The open pull requests to judge.
pub struct WantedPullRequests {
    /// The numbers of those that are judged as promotions.
    pub promotions: Vec<u64>,
    /// Those into the branch that are none.
    pub others: Vec<OpenPullRequest>,
}

/// What each finding expects.
const EXPECTED: &str = "a status that says what was judged";

/// One run of the command.
pub struct StatusSession<'a> {
    pub args: &'a Args,
    pub inputs: &'a RunInputs<'a>,
    pub ctx: &'a CommandContext,
    pub repository: Repository,
    /// The login of the token's account, once it is known: only its own statuses count as set.
    pub account: OnceCell<String>,
}

impl StatusSession<'_> {
    /// A client with the time that `ctx` has.
    fn github(&self, ctx: &CommandContext) -> Result<GitHub, CommandError> {
        ctx.github(self.args.token.as_ref(), REQUEST_TIMEOUT)
    }

    /// The pull requests to judge: the given one, or all open ones into the branch. Of promotions, those of the service and the
    /// environment that the step names, whatever their base.
    ///
    /// # Errors
    /// They cannot be listed.
    pub fn find(&self, base: &Branch) -> Result<WantedPullRequests, CommandError> {
        let ctx = self.ctx.within(self.args.timeout);
        let github = self.github(&ctx)?;
        let list = || github.open_pull_requests_with_statuses(&self.repository);
        let OpenPullRequests { all, account } =
            read_until_answered(&ctx.execution, self.args.timeout.0, list).map_err(Finding::unobservable)?;
        self.account.get_or_init(|| account);
        // The owner of a fork chooses the names of its branches.
        let promotion = |one: &OpenPullRequest| one.branch.parse::<PromotionBranch>().ok().filter(|_| !one.is_of_fork);
        let (promotions, mut others): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| promotion(one).is_some());
        // A status belongs to a commit: that of a promotion is judged as one.
        let is_proposed = |head: &Commit| promotions.iter().any(|promotion| promotion.head == *head);
        others.retain(|one| one.base == base.as_str() && !is_proposed(&one.head));
        if let Some(number) = self.args.pull_request {
            others.retain(|one| one.number == number);
            // Of one that is not open, and of one with another base, the rules of `approval` say why it gets no success.
            let promotions = if others.is_empty() { vec![number] } else { Vec::new() };
            return Ok(WantedPullRequests { promotions, others });
        }
        let Subject { service, environment, .. } = self.inputs.subject;
        let is_wanted = |one: &&OpenPullRequest| {
            promotion(one).is_some_and(|branch| {
                service.as_ref().is_none_or(|service| *service == branch.service)
                    && environment.as_ref().is_none_or(|environment| *environment == branch.environment)
            })
        };
        let promotions = promotions.iter().filter(is_wanted).map(|one| one.number).collect();
        Ok(WantedPullRequests { promotions, others })
    }

    /// The settings of `approval` for a pull request: its rules are those of its section of the config file, so that there is one
    /// place for them.
    ///
    /// # Errors
    /// Bad input: an invalid rule in the config file.
    pub fn approval_args(&self, number: u64) -> Result<ApprovalArgs, CommandError> {
        let fixed: Layer = [
            ("source", "pull-request".to_owned()),
            ("pull-request", number.to_string()),
            ("token", self.args.token.as_ref().map(|token| token.expose().to_owned()).unwrap_or_default()),
        ]
        .map(|(key, text)| (key.to_owned(), SettingValue { texts: vec![text], origin: SettingOrigin::Run }))
        .into();
        let layers = [&fixed].into_iter().chain(self.inputs.config.layers(APPROVAL));
        let resolved =
            settings::resolve(self.inputs.command_table, APPROVAL, layers, None, ApprovalArgs::from_arg_matches)?;
        let rules = resolved.settings;
        self.ctx.execution.partial.edit(|partial| {
            partial.settings.insert(APPROVAL.to_owned(), rules.into_iter().collect::<serde_json::Map<_, _>>().into());
        });
        Ok(ApprovalArgs {
            results: None,
            token: self.args.token.clone(),
            source_token: self.args.source_token.clone(),
            ledger: self.args.ledger.clone(),
            timeout: self.args.timeout,
            ..resolved.typed
        })
    }

    /// Judges a pull request by the rules of `approval`, and sets its status.
    ///
    /// # Errors
    /// Bad input; [`CommandError::Cancelled`].
    pub fn judge_and_set(&self, number: u64) -> Result<SetResult, CommandError> {
        let ctx = self.ctx.within(self.args.timeout);
        let Subject { service, environment, .. } = self.inputs.subject.clone();
        // Nothing else of the step is about all open pull requests.
        let wanted = Subject { service, environment, ..Subject::default() };
        let judged = judge_pull_request(&self.approval_args(number)?, &wanted, self.inputs.config, &ctx)?;
        let JudgedPullRequest { outcome, head, subject, is_waiting } = judged;
        let verdict = verdict(&outcome.findings);
        let worst = first_worst(&outcome.findings);
        let reason = match (verdict, outcome.outputs.get("approver")) {
            (Verdict::Passed, Some(approver)) => format!("approved by {approver}"),
            _ => worst.map(Finding::headline).unwrap_or_default(),
        };
        let missing = self.args.require.iter().filter(|name| *name != APPROVAL).cloned().collect();
        let judged = JudgedHead { verdict, reason, is_waiting, missing };
        let next = worst.and_then(|finding| finding.next.clone());
        let is_approved = verdict == Verdict::Passed;
        let name = if subject.is_empty() { format!("#{number}") } else { format!("#{number}: {subject}") };
        let finding = match head {
            Some(head) => self.set(&ctx, &name, &head, &judged, next)?,
            None => nothing_set(&name, &judged, next),
        };
        Ok(SetResult { finding, is_approved })
    }

    /// Sets the status that the gates of this run stand for.
    ///
    /// # Errors
    /// Bad input: no report of this run's `approval` that names its pull request; [`CommandError::Cancelled`].
    pub fn set_by_reports(&self, reports: &ReceivedReports) -> Result<(u64, SetResult), CommandError> {
        let ctx = self.ctx.within(self.args.timeout);
        let run = ctx.current_run();
        let report = self.report_of_approval(reports)?;
        let subject = if self.inputs.subject.is_empty() { &report.subject } else { self.inputs.subject };
        let output = |name: &str| report.outputs.get(name).map(String::as_str).unwrap_or_default();
        let named = output("pull-request").parse::<u64>().ok().zip(output("head").parse::<Commit>().ok());
        let (number, head) = named.ok_or_else(|| {
            Finding::inconclusive("`results`")
                .actual("the report of `approval` names no pull request")
                .expected("a report of `approval` with `source: pull-request`")
                .bad_input()
        })?;
        if let Some(wanted) = self.args.pull_request.filter(|wanted| *wanted != number) {
            return Err(Finding::inconclusive("`pull-request`")
                .actual(wanted.to_string())
                .expected(format!("{number}, which the report of `approval` is about, or none"))
                .bad_input());
        }
        let findings = reports.require(&self.args.require, subject, run);
        let verdict = verdict(&findings);
        let worst = first_worst(&findings);
        let reason = match verdict {
            Verdict::Passed => {
                format!("approved by {}; passed: {}", output("approver"), self.args.require.join(", "))
            }
            _ => worst.map(Finding::headline).unwrap_or_default(),
        };
        let judged = JudgedHead { verdict, reason, is_waiting: false, missing: Vec::new() };
        let next = worst.and_then(|finding| finding.next.clone());
        let finding = self.set(&ctx, &format!("#{number}: {subject}"), &head, &judged, next)?;
        Ok((number, SetResult { finding, is_approved: verdict == Verdict::Passed }))
    }

    /// The only report of `approval` of this run.
    fn report_of_approval<'r>(&self, reports: &'r ReceivedReports) -> Result<&'r Report, CommandError> {
        let run = self.ctx.runner_env.run.as_ref();
        let is_of_run = |report: &&Report| {
            let own = run.zip(report.run.as_ref());
            report.command == APPROVAL
                && run.is_none_or(|_| {
                    own.is_some_and(|(own, other)| (own.id, &own.repository) == (other.id, &other.repository))
                })
        };
        let found: Vec<&Report> = reports.received.iter().map(|received| &received.report).filter(is_of_run).collect();
        match found[..] {
            [report] => Ok(report),
            _ => Err(Finding::inconclusive("`results`")
                .actual(format!("{} reports of this run's `approval`", found.len()))
                .expected("one, with `source: pull-request`")
                .next("give `toJSON(steps)` of the job that runs `approval`, in which it has an `id`")
                .bad_input()),
        }
    }

    /// Sets the status of a commit.
    ///
    /// # Errors
    /// [`CommandError::Cancelled`].
    pub fn set(
        &self,
        ctx: &CommandContext,
        name: &str,
        commit: &Commit,
        judged: &JudgedHead,
        next: Option<String>,
    ) -> Result<Finding, CommandError> {
        let desired = DesiredStatus::new(&self.args.context, judged);
        let url = ctx.runner_env.run.as_ref().map(|run| run.url.as_str());
        let github = &self.github(ctx)?;
        let (repository, account) = (&self.repository, &self.account);
        let change = SetStatus { github, repository, commit, desired: &desired, account, target_url: url };
        let done = match reconcile(&ctx.execution, self.args.timeout.0, &change) {
            Ok(done) => done,
            Err(CommandError::Cancelled) => return Err(CommandError::Cancelled),
            Err(error) => {
                let finding = error.finding().unwrap_or_else(|| Finding::inconclusive("commit status"));
                return Ok(finding.for_check(name));
            }
        };
        let next = next.unwrap_or_default();
        let Some(status) = done else {
            return Ok(Finding::inconclusive(name)
                .actual(format!("dry-run: nothing was written; {}: {}", desired.status.state, judged.reason))
                .expected(EXPECTED)
                .next(next));
        };
        Ok(status_finding(name, judged.verdict, &status, next))
    }
}

/// The finding for a pull request whose status is set. It passes when the status says what was judged, whatever that is.
pub fn status_finding(name: &str, judged: Verdict, status: &CommitStatus, next: String) -> Finding {
    let actual = format!("{}: {}", status.state, status.description.as_deref().unwrap_or_default());
    let finding = match judged {
        Verdict::Inconclusive => Finding::inconclusive(name),
        Verdict::Passed | Verdict::Blocked => Finding::passed(name),
    };
    finding.actual(actual).expected(EXPECTED).next(next)
}

/// The first of the worst findings.
fn first_worst(findings: &[Finding]) -> Option<&Finding> {
    // Of equal ones, `max_by_key` returns the last.
    findings.iter().rev().max_by_key(|finding| finding.verdict)
}

/// The finding for a pull request whose last commit is not known: there is no commit to set a status of.
fn nothing_set(name: &str, judged: &JudgedHead, next: Option<String>) -> Finding {
    Finding::inconclusive(name)
        .actual(format!("no status was set: {}", judged.reason))
        .expected("the last commit of the pull request")
        .next(next.unwrap_or_default())
}
