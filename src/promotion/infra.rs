//! The image of a service in the infra repository: the settings, outputs and result that the commands which change it share.
//!
//! [`image_locators`] says which files have the image, [`image_locator`] finds the entry in a kustomization, [`image_field`] is the
//! image in one file, [`image_edit`] the edit of all of them, [`image_file`] reads the files, [`plan`] is what a command decides, and
//! [`set_image`] the change that commits and pushes it.

pub mod image_edit;
pub mod image_field;
pub mod image_file;
pub mod image_locator;
pub mod image_locators;
pub mod plan;
pub mod set_image;

use std::collections::BTreeMap;

use crate::{
    config::Config,
    error::CommandError,
    finding::{Finding, Verdict},
    ledger::infra_repo::InfraRepoArgs,
    report::Output,
    subject::{Environment, Image, Service, Subject},
    values::HumanDuration,
    world::git::CommitIdentity,
};

pub use image_edit::{FieldEdit, FileTexts, ImageEdit};
pub use image_field::{FieldPlace, ImageField, ImageName, NewImage};
pub use image_locator::{ImageArgs, ImageLocator};
pub use image_locators::ImageLocators;
pub use plan::{AFTER_A_LOST_ANSWER, InfraSnapshot, PlannedCommit, PromotionPlan, PromotionResult, agreed_image};

/// The outputs of every command that changes the image.
pub const COMMIT: Output = Output { name: "commit", help: "SHA of the commit that set the image; empty if unknown" };
pub const CHANGED: Output = Output { name: "changed", help: "`true` when a commit was pushed" };
pub const PREVIOUS_IMAGE: Output = Output { name: "previous-image", help: "The image before the change" };

/// The settings of every command that changes the image. The token is a setting of each command.
#[derive(Debug, clap::Args)]
pub struct InfraArgs {
    #[command(flatten)]
    pub repo: InfraRepoArgs,
    #[command(flatten)]
    pub image: ImageArgs,
    /// How long all reads and writes may take, repetitions included
    #[arg(long, value_name = "DURATION", default_value = "2m")]
    pub timeout: HumanDuration,
    /// Name of the committer
    #[arg(long, value_name = "NAME", default_value = "promotion-bot")]
    pub committer_name: String,
    /// Email address of the committer
    #[arg(long, value_name = "EMAIL", default_value = "promotion-bot@users.noreply.github.com")]
    pub committer_email: String,
}

impl InfraArgs {
    /// Where the image of a service in an environment is.
    ///
    /// # Errors
    /// Bad input when the image or a file is not as the settings say.
    pub fn locators(
        &self,
        service: &Service,
        environment: &Environment,
        subject: &Subject,
        config: &Config,
    ) -> Result<ImageLocators, CommandError> {
        let repository = image_repository(service, subject, config)?;
        ImageLocators::new(&self.image, &self.repo.file, (service, environment), repository.as_ref(), &config.services)
    }

    /// The committer of every commit.
    ///
    /// # Errors
    /// Bad input when git would change the name or the address.
    pub fn committer(&self) -> Result<CommitIdentity, CommandError> {
        CommitIdentity::new(&self.committer_name, &self.committer_email)
            .map_err(|error| Finding::inconclusive("`committer-name`, `committer-email`").actual(error).bad_input())
    }
}

/// The release to promote, and its target environment.
#[derive(Clone, Debug)]
pub struct Target {
    pub service: Service,
    pub environment: Environment,
    /// `1.4.2`, `1.4.2@sha256:…`, `sha256:…`
    pub release: String,
}

impl Target {
    /// # Errors
    /// Bad input when the subject lacks a part.
    pub fn from_subject(subject: &Subject) -> Result<Self, CommandError> {
        let release = NewImage::from(subject).release();
        if release.is_empty() {
            return Err(missing("tag"));
        }
        let (service, environment) = service_and_environment(subject)?;
        Ok(Self { service, environment, release })
    }
}

/// The service and the environment of the subject.
///
/// # Errors
/// Bad input when it lacks one of them.
pub fn service_and_environment(subject: &Subject) -> Result<(Service, Environment), CommandError> {
    Ok((
        subject.service.clone().ok_or_else(|| missing("service"))?,
        subject.environment.clone().ok_or_else(|| missing("environment"))?,
    ))
}

/// Where the image of a service is pulled from: as the config file's `services` say, else as the subject does.
///
/// # Errors
/// Bad input when both are given and differ.
pub fn image_repository(service: &Service, subject: &Subject, config: &Config) -> Result<Option<Image>, CommandError> {
    let configured = config.services.get(service).map(|source| &source.image);
    match (configured, &subject.image) {
        (Some(configured), Some(given)) if configured != given => Err(Finding::inconclusive("`image`")
            .actual(given.as_str())
            .expected(format!("{configured}, which the config file's `services` names for {service}"))
            .bad_input()),
        (configured, given) => Ok(configured.or(given.as_ref()).cloned()),
    }
}

fn missing(name: &str) -> CommandError {
    let finding = Finding::inconclusive(format!("`{name}`")).actual("not given");
    finding
        .expected(format!("the {name} of the promotion"))
        .next(format!(
            "give it as `{name}`, or in `subject`. The output of another job is empty if that job does not declare it, or if the \
             runner dropped it (warning \"Skip output … since it may contain secret\")"
        ))
        .bad_input()
}

/// The last finding and the outputs of a promotion. `expected`: the wanted state; `result` is `None` after a dry-run.
#[must_use]
pub fn report_result(
    check: &str,
    expected: String,
    result: Option<&PromotionResult>,
) -> (Finding, BTreeMap<&'static str, String>) {
    let finding = Finding::passed(check).expected(expected);
    let mut outputs = BTreeMap::from([(CHANGED.name, "false".to_owned())]);
    let Some(PromotionResult { image, previous, commit, changed, is_current }) = result else {
        let finding = finding.actual("dry-run: nothing was written");
        return (Finding { verdict: Verdict::Inconclusive, ..finding }, outputs);
    };
    let before = previous.as_deref().unwrap_or("no image entry");
    let actual = match commit {
        Some(commit) if *changed => format!("{before} → {image} in commit {commit}"),
        Some(commit) => format!("{image} is already set, by commit {commit}"),
        None => format!("{image} is already set, nothing to commit"),
    };
    outputs.insert(CHANGED.name, changed.to_string());
    outputs.extend(commit.as_ref().map(|commit| (COMMIT.name, commit.to_string())));
    outputs.insert(PREVIOUS_IMAGE.name, previous.clone().unwrap_or_default());
    if !is_current {
        let by = commit.as_ref().map(|commit| format!(" by commit {commit}")).unwrap_or_default();
        let actual = format!("{image} was set{by} earlier, and is not the current image any more");
        let next = "see which commit changed it since, and start a new workflow run if you still want this image";
        return (Finding { verdict: Verdict::Blocked, ..finding.actual(actual).next(next) }, outputs);
    }
    (finding.actual(actual), outputs)
}
