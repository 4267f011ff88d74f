//! `promote`: sets the image in the infra repository, commits and pushes; only when the required reports passed.
//!
//! [`evidence_outputs`] reads the reports' outputs, [`freshness`] judges their age, [`pin`] says what the entry holds, and [`plan`]
//! decides.

mod evidence_outputs;
mod freshness;
mod pin;
mod plan;
#[cfg(test)]
mod tests;

use crate::{
    command::{Branding, Command, CommandEntry, CommandKind, RunInputs, names_where},
    context::CommandContext,
    error::CommandError,
    finding::{Finding, Verdict, verdict},
    ledger::{InfraRepo, Promotion, PromotionKind},
    promotion::infra::{self, Target, set_image::SetImage},
    reconcile::reconcile,
    report::{Outcome, Output, Report, Run},
    results::ReceivedReports,
    secret::Secret,
    subject::Subject,
    values::{HumanDuration, closest},
};
use evidence_outputs::EvidenceOutputs;
use freshness::Freshness;
use pin::{Pin, pinned_image};
use plan::Promote;

/// Settings of `promote`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Reports of earlier jobs or steps: the expression `toJSON(needs)` or `toJSON(steps)`
    #[arg(long, value_name = "JSON")]
    pub results: Option<String>,
    /// Commands whose passed reports must be among the results, or `none`; the commit records the choice
    #[arg(long, value_name = "COMMAND", default_values = ["evidence", "approval", "wait"])]
    pub require: Vec<String>,
    /// Maximum age of the required reports, and of the validation behind them
    #[arg(long, value_name = "DURATION", default_value = "24h")]
    pub max_age: HumanDuration,
    /// What the image entry holds: `both` sets `newTag` and `digest`, of which the digest decides what is pulled; `digest` or `tag` sets one alone [default: what is known of the two]
    #[arg(long, value_name = "PARTS")]
    pub pin: Option<Pin>,
    #[command(flatten)]
    pub infra: infra::InfraArgs,
    /// Token that may push to the infra repository (Contents: write); without it, git uses the checkout's own credentials
    #[arg(long, value_name = "INFRA_WRITE_TOKEN")]
    pub token: Option<Secret>,
}

impl Command for Args {
    const NAME: &'static str = "promote";
    const ABOUT: &'static str = "Set the image in the infra repository, commit and push";
    const KIND: CommandKind = CommandKind::Promotion;
    const BRANDING: Option<Branding> = Some(Branding { icon: "arrow-up-circle", color: "purple" });
    const OUTPUTS: &'static [Output] = &[infra::COMMIT, infra::CHANGED, infra::PREVIOUS_IMAGE];

    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        run(self, inputs, &ctx.within(self.infra.timeout))
    }
}

/// Sets the image when the required reports passed.
///
/// # Errors
/// Bad input; a refusal; a read or a write that failed.
fn run(args: &Args, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    let RunInputs { subject, config, commands, .. } = *inputs;
    let Target { service, environment, .. } = Target::from_subject(subject)?;
    let required = RequiredReports::from_setting(&args.require, commands)?;
    let committer = args.infra.committer()?;
    let image_locators = args.infra.locators(&service, &environment, subject, config)?;
    let reports = args.results.as_deref().map(ReceivedReports::from_results).transpose()?.unwrap_or_default();
    let repo = InfraRepo::open(&args.infra.repo, args.token.as_ref(), &config.services, ctx)?;

    let run = if required.is_empty() { ctx.runner_env.run.as_ref() } else { ctx.current_run() };
    let mut findings = required.judge(&reports, subject, run);
    // Reports that are not required decide nothing.
    let with_digest =
        if required.is_empty() { Ok(subject.clone()) } else { reports.with_digest(&required.all, subject, run) };
    findings.extend(with_digest.as_ref().err().cloned());
    let subject = with_digest.as_ref().unwrap_or(subject);
    ctx.execution.partial.edit(|partial| partial.subject = subject.clone());
    let mut outputs = EvidenceOutputs::default();
    if verdict(&findings) == Verdict::Passed {
        match EvidenceOutputs::read(&reports, &required.others, subject, run) {
            Ok(read) => outputs = read,
            Err(finding) => findings.push(finding),
        }
    }
    let worst = verdict(&findings);
    if worst != Verdict::Passed {
        findings.push(
            Finding::new("promotion", worst)
                .actual("nothing was written")
                .next("do what the other checks ask for; a new run of the promotion then writes it")
                .expected("every required report to have passed"),
        );
        return Ok(Outcome { outputs: [(infra::CHANGED.name, "false".to_owned())].into(), ..findings.into() });
    }
    ctx.execution.partial.publish(&findings);
    let freshness = Freshness::of_reports(&required.counted(&reports, subject), &outputs, args.max_age)
        .map_err(CommandError::Refused)?;
    let oldest = freshness.oldest();
    let promotion = Promotion {
        source_commit: subject.commit.clone(),
        digest: subject.digest.clone(),
        validated_at: oldest.map(|oldest| oldest.finished),
        // The run of the evidence has precedence, because another report may be finished in the same second or by a slower
        // clock.
        validation_run: outputs.validation_run.or_else(|| oldest?.run.clone()),
        evidence: outputs.evidence,
        repository_id: outputs.repository_id,
        bundle_sizes: outputs.bundle_sizes,
        approved_by: outputs.approver,
        triggered_by: ctx.runner_env.actor.clone(),
        workflow: ctx.runner_env.run.as_ref().map(|run| run.url.clone()),
        required: Some(required.all),
        ..Promotion::new(PromotionKind::Normal, service, environment)
    };
    let (image, pinned_by) = pinned_image(args.pin, subject)?;
    // Values with a tag alone cannot hold the digest; the commit records it.
    let pinned_by =
        if image.digest.is_some() && !image_locators.hold_digest() { Pin::Tag.describe() } else { pinned_by };
    let release = image.release();
    let expected = format!("{release} in {}, pinned {pinned_by}", promotion.environment);
    let promote = Promote { image_locators, image, release, promotion, freshness };
    let change = SetImage::new(&promote, &repo, committer, ctx);
    let result = reconcile(&ctx.execution, args.infra.timeout.0, &change)?;
    let (finding, outputs) = infra::report_result("promotion", expected, result.as_ref());
    findings.push(finding);
    Ok(Outcome { outputs, ..findings.into() })
}

/// The finding on a report that only measured.
fn unjudged(report: &Report) -> Option<Finding> {
    let judge = report.judged_by.as_ref()?;
    let finding = Finding::inconclusive(&report.command).actual(format!("only measured, to be judged by `{judge}`"));
    let finding = finding.expected("a report that judges what it measured");
    Some(finding.next(format!("require `{judge}` instead, or let the gate compare with a baseline of its own")))
}

/// The commands whose passed reports are required, split by the subject of their reports.
#[derive(Debug, PartialEq)]
struct RequiredReports {
    /// In the order of the setting.
    all: Vec<String>,
    /// Their reports are about the release in the environment where it ran before, not in the target environment.
    gates: Vec<String>,
    /// Their reports are about this promotion, its environment included: an approval for staging does not count for
    /// production.
    others: Vec<String>,
}

impl RequiredReports {
    fn from_setting(names: &[String], commands: &[CommandEntry]) -> Result<Self, CommandError> {
        let names = match names {
            [only] if only == "none" => &[],
            names => names,
        };
        let known = names_where(commands, |kind| {
            kind.is_gate() || matches!(kind, CommandKind::GateRunner | CommandKind::Evidence)
        });
        if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
            let finding = Finding::inconclusive("`require`")
                .actual(format!("\"{unknown}\""))
                .expected(format!("`none` alone, or some of {}", known.join(", ")));
            return Err(finding.did_you_mean(closest(unknown, &known)).bad_input());
        }
        let software_gates =
            names_where(commands, |kind| matches!(kind, CommandKind::SoftwareGate | CommandKind::GateRunner));
        let is_gate = |command: &&String| software_gates.contains(&command.as_str());
        let (gates, others) = names.iter().partition::<Vec<&String>, _>(is_gate);
        let [gates, others] = [gates, others].map(|names| names.into_iter().cloned().collect());
        Ok(Self { all: names.to_vec(), gates, others })
    }

    fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// One finding for each required report, or one that no report is required.
    fn judge(&self, reports: &ReceivedReports, subject: &Subject, run: Option<&Run>) -> Vec<Finding> {
        if self.is_empty() {
            // Reports that are not required decide nothing, readable or not. The commit records that none was required.
            let finding = Finding::passed("required reports").actual("none required");
            return vec![finding.waived("`require: none`, which the commit records")];
        }
        let mut findings = reports.required_findings(&self.gates, &subject.without_environment(), run);
        findings.extend(reports.require(&self.others, subject, run));
        findings.extend(self.counted(reports, subject).into_iter().filter_map(unjudged));
        findings
    }

    /// The reports that count.
    fn counted<'a>(&self, reports: &'a ReceivedReports, subject: &Subject) -> Vec<&'a Report> {
        [reports.matching(&self.gates, &subject.without_environment()), reports.matching(&self.others, subject)]
            .concat()
    }
}
