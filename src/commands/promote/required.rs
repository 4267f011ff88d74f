//! `require`: the reports that a promotion needs, split by what they are about. Pure.

use super::pull_request::args::Action;
use crate::{
    command::{CommandEntry, CommandKind, names_where},
    error::CommandError,
    finding::Finding,
    report::{Report, Run},
    results::{ReceivedReports, batch::EVIDENCE},
    subject::Subject,
    values::closest,
};

/// The gate on people whose report names the approved commit.
const APPROVAL: &str = "approval";

/// The finding on a report that only measured.
fn unjudged(report: &Report) -> Option<Finding> {
    let judge = report.judged_by.as_ref()?;
    let finding = Finding::inconclusive(&report.command).actual(format!("only measured, to be judged by `{judge}`"));
    let finding = finding.expected("a report that judges what it measured");
    Some(finding.next(format!("require `{judge}` instead, or let the gate compare with another baseline")))
}

/// The finding on a report that may be about another environment than that of the promotion.
pub(super) fn without_environment(report: &Report) -> Option<Finding> {
    let finding = Finding::inconclusive(&report.command).actual("its report names no environment");
    let finding = finding.expected("a report about the environment of this promotion");
    let finding = finding.next("give the step the `subject` that `evidence` put out, or its `environment`");
    report.subject.environment.is_none().then_some(finding)
}

/// The commands whose passed reports are required, split by the subject of their reports.
#[derive(Debug, PartialEq)]
pub(super) struct RequiredReports {
    /// In the order of the setting.
    pub all: Vec<String>,
    /// Their reports are about the release in the environment where it ran before, not in the target environment.
    pub gates: Vec<String>,
    /// Their reports are about this promotion, its environment included: an approval for staging does not count for
    /// production.
    pub others: Vec<String>,
}

impl RequiredReports {
    pub fn from_setting(names: &[String], commands: &[CommandEntry]) -> Result<Self, CommandError> {
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

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The part that a step needs: to open a pull request, all but the gates on people and time, which come later; to merge one, these
    /// alone, because the other reports are of the run that opened it.
    ///
    /// # Errors
    /// Bad input: a pull request without `evidence`, whose id names its branch, or a merge without `approval`.
    pub fn for_action(self, action: Action, commands: &[CommandEntry]) -> Result<Self, CommandError> {
        let later = names_where(commands, |kind| kind == CommandKind::PromotionGate);
        let (is_merge, needed, why) = match action {
            Action::Write(_) => return Ok(self),
            Action::Open => (false, EVIDENCE, "`evidence` with `mode: pull-request`: its id names the branch"),
            Action::Merge(_) => (true, APPROVAL, "`approval` with `merge`: it names the approved commit"),
        };
        let keep = |names: Vec<String>| -> Vec<String> {
            names.into_iter().filter(|name| later.contains(&name.as_str()) == is_merge).collect()
        };
        let kept = Self { all: keep(self.all), gates: keep(self.gates), others: keep(self.others) };
        if kept.others.iter().any(|name| name == needed) {
            return Ok(kept);
        }
        Err(Finding::inconclusive("`require`")
            .actual(if kept.is_empty() { format!("no `{needed}`") } else { kept.all.join(", ") })
            .expected(why)
            .next("leave `require` at its default")
            .bad_input())
    }

    /// The commands whose reports are about all services of a batch: all but `evidence`, which has one for each.
    ///
    /// # Errors
    /// Bad input: without `evidence` the services are unknown, and the gates' reports are in its evidence.
    pub fn once_for_batch(&self) -> Result<Vec<String>, CommandError> {
        let is_complete = self.others.iter().any(|name| name == EVIDENCE);
        if !is_complete || !self.gates.is_empty() {
            return Err(Finding::inconclusive("`require`")
                .actual(if self.is_empty() { "none".to_owned() } else { self.all.join(", ") })
                .expected("`evidence`, and no gates, for several services")
                .next("leave `require` at its default, or promote each service by itself")
                .bad_input());
        }
        Ok(self.others.iter().filter(|name| *name != EVIDENCE).cloned().collect())
    }

    /// One finding for each required report, or one that no report is required.
    pub fn findings(&self, reports: &ReceivedReports, subject: &Subject, run: Option<&Run>) -> Vec<Finding> {
        if self.is_empty() {
            // Reports that are not required decide nothing, readable or not. The commit records that none was required.
            let finding = Finding::passed("required reports").actual("none required");
            return vec![finding.waived("`require: none`, which the commit records")];
        }
        let mut findings = reports.required_findings(&self.gates, &subject.without_environment(), run);
        findings.extend(reports.require(&self.others, subject, run));
        findings.extend(self.counted(reports, subject).into_iter().filter_map(unjudged));
        findings.extend(reports.matching(&self.others, subject).into_iter().filter_map(without_environment));
        findings
    }

    /// The reports that count.
    pub fn counted<'a>(&self, reports: &'a ReceivedReports, subject: &Subject) -> Vec<&'a Report> {
        [reports.matching(&self.gates, &subject.without_environment()), reports.matching(&self.others, subject)]
            .concat()
    }
}
