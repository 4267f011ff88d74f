//! `emergency`: a promotion around the gates, with an incident, a follow-up and a budget.
//!
//! [`plan`] decides about the commit, [`budget`] counts, [`issue`] words what is asked afterwards.

mod budget;
mod issue;
mod plan;
#[cfg(test)]
mod tests;

use crate::{
    chain::{
        around::{self, Reason},
        follow_up,
        infra::{self, Target, change::SetImage},
    },
    config::Config,
    converge::converge,
    desk::Desk,
    ledger::{Kind, Place, Promotion},
    report::{Outcome, Output},
    subject::{Service, Subject},
    values::closest,
    verdict::{Complaint, Finding, Stop},
};
use budget::Spent;
use plan::Emergency;

/// What it puts out beside what every command does.
pub const OUTPUTS: &[Output] = &[
    infra::COMMIT,
    infra::CHANGED,
    infra::PREVIOUS_IMAGE,
    around::ISSUE,
    around::APPROVER,
    Output {
        name: "emergencies",
        help: "How many emergencies the environment saw in the last 30 days, this one included",
    },
];

/// Settings of `emergency`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The incident, as the tracker names it
    #[arg(long, value_name = "ID", required = true)]
    pub incident: String,
    /// Why the gates cannot be waited for
    #[arg(long, value_name = "TEXT", required = true)]
    pub reason: Reason,
    /// Services that may be promoted like this [default: those of the config file's `services`]
    #[arg(long, value_name = "SERVICE")]
    pub allowed: Vec<Service>,
    /// How many emergencies in 30 days are normal; more of them are said to be too many, and never held up
    #[arg(long, value_name = "NUMBER", default_value = "2")]
    pub budget: u32,
    #[command(flatten)]
    pub around: around::AroundArgs,
    #[command(flatten)]
    pub infra: infra::InfraArgs,
}

/// Sets the image, whatever the gates would say, and files the issue that asks about it.
///
/// # Errors
/// Bad input; a refusal; what could not be read or written before the commit.
pub fn run(args: &Args, subject: &Subject, config: &Config, desk: &Desk) -> Result<Outcome, Stop> {
    let Target { service, environment, release } = Target::of(subject)?;
    may(&service, subject, &args.allowed, config)?;
    let incident = args.around.incident(&args.incident)?;
    let committer = args.infra.committer()?;
    let slot = args.infra.slot(&service, &environment)?;
    let sides = args.around.sides(desk)?;
    let place = Place::find(&args.infra.at, args.around.token.as_ref(), desk)?;

    let mut findings = vec![around::from_default_branch(&place, desk)?];
    desk.draft.publish(&findings);
    let approval = args.around.approval(desk, &sides);
    let promotion = Promotion {
        source_commit: subject.commit.clone(),
        approved_by: approval.as_ref().ok().and_then(|approved| approved.by.clone()),
        incident: Some(incident),
        reason: Some(args.reason.as_str().to_owned()),
        ..around::signed(Promotion::new(Kind::Emergency, service, environment, release), desk)
    };
    let expected = format!("{} in {}", promotion.release, promotion.environment);
    let refusal = approval.as_ref().err().cloned();
    if let Ok(approved) = &approval {
        findings.push(approved.finding.clone());
        desk.draft.publish(&findings);
    }
    let run = desk.surroundings.run.clone();
    let intent = Emergency { slot, image: subject.into(), promotion, refusal, run };
    let done = converge(desk, args.infra.timeout.0, &SetImage::new(&intent, &place, committer, desk))?;

    let (finding, mut outputs) = infra::told("emergency promotion", expected, done.as_ref());
    findings.push(finding);
    desk.draft.publish(&findings);
    let now = desk.clock.wall();
    let Some(done) = done else {
        sides.would_ask(desk, issue::title(&intent.promotion));
        return Ok(Outcome { outputs, ..findings.into() });
    };
    let (entry, entries) = match around::entry_of(&place, &done, now) {
        Ok(read) => read,
        Err(complaint) => {
            findings.push(Finding::from(complaint).next(follow_up::AGAIN));
            return Ok(Outcome { outputs, ..findings.into() });
        }
    };
    let spent = Spent::of(&entries, &intent.promotion.environment, args.budget, now);
    outputs.insert("emergencies", spent.count().to_string());
    if let Some(entry) = entry.filter(|entry| entry.kind == Kind::Emergency) {
        outputs.extend(entry.approved_by.clone().map(|login| (around::APPROVER.name, login)));
        let asked = issue::about(&entry, &spent, &around::pages(desk, &sides.own));
        let (finding, address) = sides.ask(desk, Kind::Emergency, &asked);
        findings.push(finding);
        outputs.extend(address.map(|address| (around::ISSUE.name, address)));
    } else {
        let finding = Finding::passed("follow-up issue");
        findings.push(finding.actual("none: no commit of an emergency set this image"));
    }
    findings.push(spent.finding());
    Ok(Outcome { outputs, tables: spent.table().into_iter().collect(), ..findings.into() })
}

/// Whether a service may be promoted around the gates, and from where.
fn may(service: &Service, subject: &Subject, allowed: &[Service], config: &Config) -> Result<(), Stop> {
    let allowed: Vec<&str> = match allowed {
        [] => config.services.keys().map(Service::as_str).collect(),
        given => given.iter().map(Service::as_str).collect(),
    };
    if allowed.is_empty() {
        return Err(Complaint::about("`allowed`")
            .seen("no service is named, and the config file has no `services`")
            .expected("the services that may be promoted around the gates")
            .bad_input());
    }
    if !allowed.contains(&service.as_str()) {
        let complaint = Complaint::about("`service`")
            .seen(service.as_str())
            .expected(format!("one that may be promoted around the gates: {}", allowed.join(", ")));
        return Err(complaint.did_you_mean(closest(service.as_str(), &allowed)).bad_input());
    }
    let origin = config.services.get(service).map(|origin| &origin.image);
    match (origin, &subject.image) {
        (Some(ours), Some(given)) if ours != given => Err(Complaint::about("`image`")
            .seen(given.as_str())
            .expected(format!("{ours}, which the config file's `services` names for {service}"))
            .bad_input()),
        _ => Ok(()),
    }
}
