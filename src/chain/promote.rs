//! `promote`: sets the image in the infra repository, commits and pushes; only when the required reports passed.

mod change;
#[cfg(test)]
mod tests;

use std::{path::PathBuf, time::UNIX_EPOCH};

use crate::{
    chain::reports::Reports,
    cli::Surroundings,
    commands::{self, Output},
    converge::converge,
    desk::Desk,
    ledger::{Kind, Promotion},
    report::Outcome,
    subject::{Environment, Reference, Service, Subject},
    values::Span,
    verdict::{Complaint, Finding, Stop, Verdict, verdict},
    vocabulary::{closest, suggest},
    world::{
        git::{Branch, Git, Identity, Remote, TreePath},
        secret::Secret,
    },
};
use change::{Promoted, SetImage};

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
    /// Checkout of the infra repository; it is left as it is
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub checkout: PathBuf,
    /// Kustomization file from the repository's top; `{service}` and `{environment}` are filled in
    #[arg(long, value_name = "PATH", default_value = "apps/{service}/overlays/{environment}/kustomization.yaml")]
    pub file: String,
    /// The image's name in the manifests (`images[].name`) [default: the service]
    #[arg(long, value_name = "NAME")]
    pub image_name: Option<String>,
    /// Branch to push to [default: the checkout's]
    #[arg(long)]
    pub branch: Option<Branch>,
    /// Remote to push to
    #[arg(long, value_name = "NAME", default_value = "origin")]
    pub remote: String,
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

/// # Errors
/// Bad input; a refusal; what could not be read or written.
pub fn run(args: &Args, subject: &Subject, desk: &Desk) -> Result<Outcome, Stop> {
    let target = Target::of(subject)?;
    let required = required(&args.require)?;
    let committer = Identity::new(&args.committer_name, &args.committer_email)
        .map_err(|error| Complaint::about("`committer-name`, `committer-email`").seen(error).bad_input())?;
    let file = target.file(&args.file)?;
    let place = Place::find(args, desk)?;

    let reports = args.results.as_deref().map(Reports::from_results).transpose()?.unwrap_or_default();
    let mut findings = reports.require(&required, subject, desk.surroundings.run.as_ref());
    if required.is_empty() {
        // Unreadable reports that nobody asked for decide nothing; that nothing was asked for is written down.
        findings = vec![
            Finding::passed("required reports")
                .actual("none asked for")
                .waived("`require: none`, written into the commit"),
        ];
    }
    if verdict(&findings) != Verdict::Passed {
        findings.push(
            Finding::inconclusive("promotion")
                .actual("nothing was written")
                .expected("every required report to have passed"),
        );
        return Ok(findings.into());
    }

    let change = SetImage {
        place: &place,
        file,
        image_name: args.image_name.clone().unwrap_or_else(|| target.service.to_string()),
        promotion: target.promotion(&reports, &required, &desk.surroundings),
        target: &target,
        reports: reports.counted(&required, subject),
        max_age: args.max_age,
        committer,
        clock: &*desk.clock,
        log: &desk.log,
    };
    let done = converge(desk, args.timeout.0, &change)?;
    Ok(outcome(findings, &target, done.as_ref()))
}

fn outcome(mut findings: Vec<Finding>, target: &Target, done: Option<&Promoted>) -> Outcome {
    let promotion = Finding::passed("promotion").expected(format!("{} in {}", target.release(), target.environment));
    let mut outcome = Outcome::default();
    match done {
        None => findings
            .push(Finding { verdict: Verdict::Inconclusive, ..promotion.actual("dry-run: nothing was written") }),
        Some(Promoted { commit: None, previous }) => {
            findings.push(promotion.actual(format!("{} stands there already, nothing to commit", target.release())));
            outcome.outputs.insert("changed", "false".to_owned());
            outcome.outputs.insert("previous-image", previous.clone().unwrap_or_default());
        }
        Some(Promoted { commit: Some(commit), previous }) => {
            let before = previous.as_deref().unwrap_or("no image entry");
            findings.push(promotion.actual(format!("{before} → {} in commit {commit}", target.release())));
            outcome.outputs.insert("changed", "true".to_owned());
            outcome.outputs.insert("commit", commit.to_string());
            outcome.outputs.insert("previous-image", previous.clone().unwrap_or_default());
        }
    }
    outcome.findings = findings;
    outcome
}

/// What is promoted, and where to.
#[derive(Clone, Debug)]
struct Target {
    service: Service,
    environment: Environment,
    subject: Subject,
}

impl Target {
    fn of(subject: &Subject) -> Result<Self, Stop> {
        let missing = |name: &str| {
            Complaint::about(format!("`{name}`"))
                .seen("not given")
                .expected(format!("the {name} to promote"))
                .bad_input()
        };
        if subject.tag.is_none() && subject.digest.is_none() {
            return Err(missing("tag"));
        }
        Ok(Self {
            service: subject.service.clone().ok_or_else(|| missing("service"))?,
            environment: subject.environment.clone().ok_or_else(|| missing("environment"))?,
            subject: subject.clone(),
        })
    }

    /// `1.4.2`, `1.4.2@sha256:…`, `sha256:…`
    fn release(&self) -> String {
        match (&self.subject.tag, &self.subject.digest) {
            (Some(tag), Some(digest)) => format!("{tag}@{digest}"),
            (Some(tag), None) => tag.to_string(),
            (None, Some(digest)) => digest.to_string(),
            (None, None) => String::new(),
        }
    }

    fn file(&self, pattern: &str) -> Result<TreePath, Stop> {
        let path =
            pattern.replace("{service}", self.service.as_str()).replace("{environment}", self.environment.as_str());
        path.parse().map_err(|error: String| {
            Complaint::about("`file`").seen(error).expected("a path inside the infra repository").bad_input()
        })
    }

    fn promotion(&self, reports: &Reports, required: &[String], surroundings: &Surroundings) -> Promotion {
        let last = reports
            .counted(required, &self.subject)
            .into_iter()
            .max_by(|one, other| one.finished_at.cmp(&other.finished_at));
        Promotion {
            kind: Kind::Normal,
            service: self.service.clone(),
            environment: self.environment.clone(),
            // The image as it will stand there; the change fills it in from the file when no `image` was given.
            image: self.subject.image.clone().map(|image| Reference {
                image,
                tag: self.subject.tag.clone(),
                digest: self.subject.digest.clone(),
            }),
            release: self.release(),
            previous: None,
            validated_at: last.map(|report| report.finished_at.clone()),
            validation_run: last.and_then(|report| report.run.as_ref()).map(|run| run.url.clone()),
            triggered_by: surroundings.actor.clone(),
            workflow: surroundings.run.as_ref().map(|run| run.url.clone()),
            required: if required.is_empty() { "none".to_owned() } else { required.join(", ") },
        }
    }
}

/// The branch that is pushed to.
struct Place {
    git: Git,
    remote: Remote,
    branch: Branch,
}

impl Place {
    fn find(args: &Args, desk: &Desk) -> Result<Self, Stop> {
        let mut git = Git::open(&args.checkout, &desk.world.groups).map_err(|complaint| {
            Complaint { what: format!("`checkout` {}", complaint.what), ..complaint }.bad_input()
        })?;
        if let Some(token) = &args.token {
            let server = desk.surroundings.server_url.as_deref().unwrap_or("https://github.com");
            git = git.with_token(server, token.clone());
        }
        let remote = git.remote(&args.remote).map_err(Complaint::bad_input)?;
        let branch = match &args.branch {
            Some(branch) => branch.clone(),
            None => git.current_branch().map_err(Complaint::unseen)?.ok_or_else(|| {
                Complaint::about("`branch`")
                    .seen("not given, and the checkout is on no branch")
                    .expected("the branch to push to")
                    .bad_input()
            })?,
        };
        Ok(Self { git, remote, branch })
    }
}

fn required(names: &[String]) -> Result<Vec<String>, Stop> {
    if let [only] = names
        && only == "none"
    {
        return Ok(Vec::new());
    }
    let known: Vec<&str> = commands::names().chain(["evidence", "approval", "wait"]).collect();
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        None => Ok(names.to_vec()),
        Some(unknown) => {
            let complaint = Complaint::about("`require`")
                .seen(format!("\"{unknown}\""))
                .expected(format!("`none` alone, or some of {}", known.join(", ")));
            Err(suggest(complaint, closest(unknown, &known)).bad_input())
        }
    }
}

/// Wall time now, for the commit.
fn seconds(clock: &dyn crate::world::clock::Clock) -> std::time::SystemTime {
    UNIX_EPOCH + std::time::Duration::from_secs(u64::try_from(clock.wall().as_second()).unwrap_or_default())
}
