//! Open pull requests that are no promotions: judged by what they change, because the rule of the branch requires a status of them, too.

use super::{
    change::judge_change,
    desired::{DesiredStatus, JudgedHead},
    look::{ChangeObserver, FetchedHeads, fetch_heads},
    session::{StatusSession, status_finding},
};
use crate::{
    error::CommandError,
    finding::{Finding, Verdict},
    ledger::{ImageLayout, InfraRepo, OverlayLayout},
    reconcile::Plan,
    subject::Commit,
    world::{
        git::MergeBase,
        github::{CommitStatus, OpenPullRequest},
    },
};

impl StatusSession<'_> {
    /// Judges pull requests that are no promotions, and sets their statuses. Git reads all of them together, and GitHub is asked about
    /// those alone whose status is to change. Where git cannot read them, each keeps the status of its last commit, if it has one.
    ///
    /// # Errors
    /// Bad input; [`CommandError::Cancelled`].
    pub fn judge_others(&self, others: &[OpenPullRequest]) -> Result<Vec<Finding>, CommandError> {
        if others.is_empty() {
            return Ok(Vec::new());
        }
        let ctx = self.ctx.within(self.args.timeout);
        let config = self.inputs.config;
        let infra = InfraRepo::open(&self.args.ledger, self.args.token.as_ref(), &config.services, &ctx)?;
        let layout = ImageLayout::new(&self.args.ledger.file, &config.services).map_err(Finding::bad_input)?;
        let layout = OverlayLayout::new(layout, self.args.image_name.as_deref(), self.inputs.subject);
        let heads: Vec<Commit> = others.iter().map(|other| other.head.clone()).collect();
        let FetchedHeads { tip, bases } = match infra.read(&ctx, || fetch_heads(&infra, &heads)) {
            Ok(fetched) => fetched,
            Err(error) => return Ok(others.iter().map(|other| not_set(other, &error)).collect()),
        };
        let observer = ChangeObserver { infra: &infra, layout: &layout, config, tip: &tip.commit };
        let places = observer.check_places();
        let judge = |(other, base): (&OpenPullRequest, &MergeBase)| -> Result<Finding, CommandError> {
            let look = places.clone().and_then(|()| observer.observe(base, &other.head));
            let judged = judge_change(&look);
            let finding = self.set_by_change(other, &judged)?;
            self.ctx.log.say(&finding.to_string());
            Ok(finding)
        };
        others.iter().zip(&bases).map(judge).collect()
    }

    /// Sets the status that a change is worth, unless the list of pull requests shows that it is set.
    fn set_by_change(&self, other: &OpenPullRequest, judged: &Finding) -> Result<Finding, CommandError> {
        let short_next = match judged.verdict {
            Verdict::Passed => "",
            Verdict::Blocked => "; next: take it out, and promote by evidence",
            Verdict::Inconclusive => "; next: see the run",
        };
        let reason = format!("{}{short_next}", judged.actual);
        let grounds = JudgedHead { verdict: judged.verdict, reason, is_waiting: false, missing: Vec::new() };
        let name = name(other);
        let account = self.account.get().map_or("", String::as_str);
        let current = CommitStatus::newest_of(&other.statuses, &self.args.context, account);
        match DesiredStatus::new(&self.args.context, &grounds).plan(current) {
            Plan::UpToDate(status) => {
                Ok(status_finding(&name, judged.verdict, &status, judged.next.clone().unwrap_or_default()))
            }
            _ => self.set(&self.ctx.within(self.args.timeout), &name, &other.head, &grounds, judged.next.clone()),
        }
    }
}

fn name(other: &OpenPullRequest) -> String {
    format!("#{}", other.number)
}

fn not_set(other: &OpenPullRequest, error: &Finding) -> Finding {
    Finding::inconclusive(name(other))
        .actual(format!("no status was set: {}", error.headline()))
        .expected("its last commit, and where it left the branch")
        .next(error.next.clone().unwrap_or_else(|| "run this step again".to_owned()))
}
