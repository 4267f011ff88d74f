//! `promote`: sets the image in the infra repository, commits and pushes; only when the required reports passed.
//!
//! [`plan`] decides, from what was read and nothing else; [`change`] reads and writes by git.

mod change;
mod plan;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, str::FromStr};

use crate::{
    chain::reports::{Reports, this_run},
    converge::converge,
    desk::Desk,
    gates,
    ledger::{Kind, Place, Promotion, place},
    report::{Outcome, Output},
    subject::{Environment, NotAccepted, Service, Subject},
    values::{Span, closest},
    verdict::{Complaint, Finding, Stop, Verdict, verdict},
    world::{
        git::{Identity, TreePath},
        secret::Secret,
    },
};
use change::SetImage;
use plan::{Basis, Intent, Promoted};

/// What `promote` puts out.
pub const OUTPUTS: &[Output] = &[
    Output { name: "commit", help: "The commit that holds the promotion; empty when the image stood there already" },
    Output { name: "changed", help: "`true` when a commit was pushed" },
    Output { name: "previous-image", help: "The image that stood there before" },
];

/// Settings of `promote`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Reports of earlier jobs or steps: the expression `toJSON(needs)` or `toJSON(steps)`
    #[arg(long, value_name = "JSON")]
    pub results: Option<String>,
    /// Commands whose passed reports must be among the results, or `none`, which the commit then says
    #[arg(long, value_name = "COMMAND", default_values = ["evidence", "approval", "wait"])]
    pub require: Vec<String>,
    /// How old the required reports may be
    #[arg(long, value_name = "DURATION", default_value = "24h")]
    pub max_age: Span,
    #[command(flatten)]
    pub at: place::At,
    /// Kustomization file from the repository's top; `{service}` and `{environment}` are filled in
    #[arg(long, value_name = "PATH", default_value = "apps/{service}/overlays/{environment}/kustomization.yaml")]
    pub file: String,
    /// The image's name in the manifests (`images[].name`) [default: the service]
    #[arg(long, value_name = "NAME")]
    pub image_name: Option<ImageName>,
    /// Token that may push to the infra repository (Contents: write); without it, the checkout's own credentials
    #[arg(long)]
    pub token: Option<Secret>,
    /// How long to go on while others push first
    #[arg(long, value_name = "DURATION", default_value = "2m")]
    pub timeout: Span,
    /// Name that commits
    #[arg(long, value_name = "NAME", default_value = "promotion-bot")]
    pub committer_name: String,
    /// Address that commits
    #[arg(long, value_name = "EMAIL", default_value = "promotion-bot@users.noreply.github.com")]
    pub committer_email: String,
}

/// An image as manifests name it, which need not be one that a registry would accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageName(String);

impl ImageName {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ImageName {
    type Err = NotAccepted;

    fn from_str(text: &str) -> Result<Self, NotAccepted> {
        if (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAccepted("an image's name in the manifests, without blanks, at most 255 characters"))
        }
    }
}

/// Sets the image when the required reports passed.
///
/// # Errors
/// Bad input; a refusal; what could not be read or written.
pub fn run(args: &Args, subject: &Subject, desk: &Desk) -> Result<Outcome, Stop> {
    let target = Target::of(subject)?;
    let required = required(&args.require)?;
    let committer = Identity::new(&args.committer_name, &args.committer_email)
        .map_err(|error| Complaint::about("`committer-name`, `committer-email`").seen(error).bad_input())?;
    let file = target.file(&args.file)?;
    let reports = args.results.as_deref().map(Reports::from_results).transpose()?.unwrap_or_default();
    let place = Place::find(&args.at, args.token.as_ref(), desk)?;

    let mut findings = judge(&reports, &required, subject, desk);
    let worst = verdict(&findings);
    if worst != Verdict::Passed {
        findings.push(
            Finding::new("promotion", worst)
                .actual("nothing was written")
                .expected("every required report to have passed"),
        );
        return Ok(Outcome { outputs: [("changed", "false".to_owned())].into(), ..findings.into() });
    }
    desk.draft.publish(&findings);
    let Required { gates, others } = Required::split(&required);
    let counted = [reports.counted(&gates, &subject.anywhere()), reports.counted(&others, subject)].concat();
    let basis = Basis::of(&counted, args.max_age).map_err(Stop::Refused)?;
    let oldest = basis.oldest();
    let promotion = Promotion {
        source_commit: subject.commit.clone(),
        validated_at: oldest.map(|oldest| oldest.finished),
        validation_run: oldest.and_then(|oldest| oldest.run.clone()),
        triggered_by: desk.surroundings.actor.clone(),
        workflow: desk.surroundings.run.as_ref().map(|run| run.url.clone()),
        required: Some(required),
        ..Promotion::new(Kind::Normal, target.service, target.environment, target.release)
    };
    let image_name = args.image_name.as_ref().map_or_else(|| promotion.service.to_string(), |name| name.0.clone());
    let intent = Intent { subject: subject.clone(), file, image_name, promotion, basis };
    let done = converge(desk, args.timeout.0, &SetImage::new(&intent, &place, committer, desk))?;
    Ok(outcome(findings, &intent.promotion, done))
}

/// One finding for each report that is required, or one that says that none is.
fn judge(reports: &Reports, required: &[String], subject: &Subject, desk: &Desk) -> Vec<Finding> {
    if required.is_empty() {
        // Reports that nobody asked for decide nothing, readable or not. That nobody asked is written down.
        let finding = Finding::passed("required reports").actual("none asked for");
        return vec![finding.waived("`require: none`, which the commit says")];
    }
    let run = this_run(desk);
    let Required { gates, others } = Required::split(required);
    let mut findings = reports.found(&gates, &subject.anywhere(), run);
    findings.extend(reports.require(&others, subject, run));
    findings
}

/// The required commands by what their reports are about.
struct Required {
    /// These judged the release where it ran before: in another environment than the one it is promoted to.
    gates: Vec<String>,
    /// These are about this promotion, its environment included: an approval for staging is none for production.
    others: Vec<String>,
}

impl Required {
    fn split(required: &[String]) -> Self {
        let is_gate = |command: &&String| gates::ON_SOFTWARE.contains(&command.as_str()) || *command == "run";
        let (gates, others) = required.iter().partition::<Vec<&String>, _>(is_gate);
        Self { gates: gates.into_iter().cloned().collect(), others: others.into_iter().cloned().collect() }
    }
}

fn outcome(mut findings: Vec<Finding>, promotion: &Promotion, done: Option<Promoted>) -> Outcome {
    let finding = Finding::passed("promotion").expected(format!("{} in {}", promotion.release, promotion.environment));
    let mut outputs = BTreeMap::from([("changed", "false".to_owned())]);
    findings.push(match done {
        None => Finding { verdict: Verdict::Inconclusive, ..finding.actual("dry-run: nothing was written") },
        Some(Promoted { image, previous, commit }) => {
            let before = previous.as_deref().unwrap_or("no image entry");
            let actual = match &commit {
                Some(commit) => format!("{before} → {image} in commit {commit}"),
                None => format!("{image} stands there already, nothing to commit"),
            };
            if let Some(commit) = commit {
                outputs.insert("changed", "true".to_owned());
                outputs.insert("commit", commit.to_string());
            }
            outputs.insert("previous-image", previous.unwrap_or_default());
            finding.actual(actual)
        }
    });
    Outcome { outputs, ..findings.into() }
}

/// What is promoted, and where to.
struct Target {
    service: Service,
    environment: Environment,
    /// `1.4.2`, `1.4.2@sha256:…`, `sha256:…`
    release: String,
}

impl Target {
    fn of(subject: &Subject) -> Result<Self, Stop> {
        let missing = |name: &str| {
            let complaint = Complaint::about(format!("`{name}`")).seen("not given");
            complaint.expected(format!("the {name} to promote")).bad_input()
        };
        let parts = [subject.tag.as_ref().map(ToString::to_string), subject.digest.as_ref().map(ToString::to_string)];
        let release = parts.into_iter().flatten().collect::<Vec<_>>().join("@");
        if release.is_empty() {
            return Err(missing("tag"));
        }
        Ok(Self {
            service: subject.service.clone().ok_or_else(|| missing("service"))?,
            environment: subject.environment.clone().ok_or_else(|| missing("environment"))?,
            release,
        })
    }

    fn file(&self, pattern: &str) -> Result<TreePath, Stop> {
        let path =
            pattern.replace("{service}", self.service.as_str()).replace("{environment}", self.environment.as_str());
        path.parse().map_err(|error: String| {
            Complaint::about("`file`").seen(error).expected("a path inside the infra repository").bad_input()
        })
    }
}

fn required(names: &[String]) -> Result<Vec<String>, Stop> {
    if let [only] = names
        && only == "none"
    {
        return Ok(Vec::new());
    }
    let known: Vec<&str> = gates::NAMES.into_iter().chain(["run", "record", "evidence"]).collect();
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        None => Ok(names.to_vec()),
        Some(unknown) => {
            let complaint = Complaint::about("`require`")
                .seen(format!("\"{unknown}\""))
                .expected(format!("`none` alone, or some of {}", known.join(", ")));
            Err(complaint.did_you_mean(closest(unknown, &known)).bad_input())
        }
    }
}
