//! `promote`: sets the image in the infra repository, commits and pushes; only when the required reports passed.
//!
//! [`basis`] reads what the reports tell, [`plan`] decides, from what was read and nothing else.

mod basis;
mod plan;
#[cfg(test)]
mod tests;

use crate::{
    command::{Branding, Command, CommandEntry, CommandKind, RunInputs, names_where},
    context::CommandContext,
    error::CommandError,
    finding::{Finding, Verdict, verdict},
    ledger::{Kind, Place, Promotion},
    promotion::infra::{self, Target, change::SetImage},
    reconcile::reconcile,
    report::{Outcome, Output, Report, Run},
    results::{Reports, this_run},
    secret::Secret,
    subject::Subject,
    values::{HumanDuration, closest},
};
use basis::{Basis, Told};
use plan::Promote;

/// Settings of `promote`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Reports of earlier jobs or steps: the expression `toJSON(needs)` or `toJSON(steps)`
    #[arg(long, value_name = "JSON")]
    pub results: Option<String>,
    /// Commands whose passed reports must be among the results, or `none`, which the commit then says
    #[arg(long, value_name = "COMMAND", default_values = ["evidence", "approval", "wait"])]
    pub require: Vec<String>,
    /// How old the required reports, and what they rest on, may be
    #[arg(long, value_name = "DURATION", default_value = "24h")]
    pub max_age: HumanDuration,
    #[command(flatten)]
    pub infra: infra::InfraArgs,
    /// Token that may push to the infra repository (Contents: write); without it, the checkout's own credentials
    #[arg(long)]
    pub token: Option<Secret>,
}

impl Command for Args {
    const NAME: &'static str = "promote";
    const ABOUT: &'static str = "Set the image in the infra repository, commit and push";
    const KIND: CommandKind = CommandKind::Promotion;
    const BRANDING: Option<Branding> = Some(Branding { icon: "arrow-up-circle", color: "purple" });
    const OUTPUTS: &'static [Output] = &[infra::COMMIT, infra::CHANGED, infra::PREVIOUS_IMAGE];

    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        run(self, inputs.subject, inputs.commands, ctx)
    }
}

/// Sets the image when the required reports passed.
///
/// # Errors
/// Bad input; a refusal; what could not be read or written.
fn run(
    args: &Args,
    subject: &Subject,
    commands: &[CommandEntry],
    ctx: &CommandContext,
) -> Result<Outcome, CommandError> {
    let Target { service, environment, release } = Target::of(subject)?;
    let required = Required::of(&args.require, commands)?;
    let committer = args.infra.committer()?;
    let slot = args.infra.slot(&service, &environment)?;
    let reports = args.results.as_deref().map(Reports::from_results).transpose()?.unwrap_or_default();
    let place = Place::find(&args.infra.at, args.token.as_ref(), ctx)?;

    let run = if required.is_empty() { ctx.runner_env.run.as_ref() } else { this_run(ctx) };
    let mut findings = required.judge(&reports, subject, run);
    let mut told = Told::default();
    if verdict(&findings) == Verdict::Passed {
        match Told::by(&reports, &required.others, subject, run) {
            Ok(by) => told = by,
            Err(finding) => findings.push(finding),
        }
    }
    let worst = verdict(&findings);
    if worst != Verdict::Passed {
        findings.push(
            Finding::new("promotion", worst)
                .actual("nothing was written")
                .expected("every required report to have passed"),
        );
        return Ok(Outcome { outputs: [(infra::CHANGED.name, "false".to_owned())].into(), ..findings.into() });
    }
    ctx.execution.partial.publish(&findings);
    let basis = Basis::of(&required.counted(&reports, subject), &told, args.max_age).map_err(CommandError::Refused)?;
    let oldest = basis.oldest();
    let promotion = Promotion {
        source_commit: subject.commit.clone(),
        validated_at: oldest.map(|oldest| oldest.finished),
        // What the evidence says of it, though its own report was finished in the same second or by a slower clock.
        validation_run: told.validation_run.or_else(|| oldest?.run.clone()),
        evidence: told.evidence,
        approved_by: told.approver,
        triggered_by: ctx.runner_env.actor.clone(),
        workflow: ctx.runner_env.run.as_ref().map(|run| run.url.clone()),
        required: Some(required.all),
        ..Promotion::new(Kind::Normal, service, environment, release)
    };
    let expected = format!("{} in {}", promotion.release, promotion.environment);
    let intent = Promote { slot, image: subject.into(), promotion, basis };
    let done = reconcile(&ctx.execution, args.infra.timeout.0, &SetImage::new(&intent, &place, committer, ctx))?;
    let (finding, outputs) = infra::told("promotion", expected, done.as_ref());
    findings.push(finding);
    Ok(Outcome { outputs, ..findings.into() })
}

/// The required commands by what their reports are about.
#[derive(Debug, PartialEq)]
struct Required {
    /// In the order they were given.
    all: Vec<String>,
    /// These judged the release where it ran before: in another environment than the one it is promoted to.
    gates: Vec<String>,
    /// These are about this promotion, its environment included: an approval for staging is none for production.
    others: Vec<String>,
}

impl Required {
    fn of(names: &[String], commands: &[CommandEntry]) -> Result<Self, CommandError> {
        let names = match names {
            [only] if only == "none" => &[],
            names => names,
        };
        let known = names_where(commands, |kind| {
            kind.is_gate() || matches!(kind, CommandKind::GateRunner | CommandKind::Evidence)
        });
        if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
            let error = Finding::inconclusive("`require`")
                .actual(format!("\"{unknown}\""))
                .expected(format!("`none` alone, or some of {}", known.join(", ")));
            return Err(error.did_you_mean(closest(unknown, &known)).bad_input());
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

    /// One finding for each report that is required, or one that says that none is.
    fn judge(&self, reports: &Reports, subject: &Subject, run: Option<&Run>) -> Vec<Finding> {
        if self.is_empty() {
            // Reports that nobody asked for decide nothing, readable or not. That nobody asked is written down.
            let finding = Finding::passed("required reports").actual("none asked for");
            return vec![finding.waived("`require: none`, which the commit says")];
        }
        let mut findings = reports.found(&self.gates, &subject.without_environment(), run);
        findings.extend(reports.require(&self.others, subject, run));
        findings
    }

    fn counted<'a>(&self, reports: &'a Reports, subject: &Subject) -> Vec<&'a Report> {
        [reports.counted(&self.gates, &subject.without_environment()), reports.counted(&self.others, subject)].concat()
    }
}
