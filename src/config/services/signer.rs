//! What GitHub must say about the job that signs a service's evidence.

use std::{fmt, str::FromStr};

use super::workflow_path::WorkflowPath;
use crate::{error::ValueError, world::github::Repository};

/// What GitHub must say about the job that signs, beside what follows from the repository and the workflow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signer {
    /// GitHub's number of the repository.
    pub repository_id: Option<RepositoryId>,
    /// The events that may start the validating workflow; empty: the one that fits its `deploy-workflow`.
    pub events: Vec<EventName>,
    /// The reusable workflow that has the job.
    pub job_workflow: Option<JobWorkflow>,
    /// The name of the job, as GitHub displays it.
    pub record_job: JobName,
}

/// GitHub's number of a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepositoryId(pub u64);

impl FromStr for RepositoryId {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const ACCEPTED: ValueError =
            ValueError::new("the number of a repository, as `gh api repos/OWNER/NAME --jq .id` prints it");
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number| digits && *number > 0).map(Self).ok_or(ACCEPTED)
    }
}

/// The name of an event that starts a workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventName(String);

impl EventName {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EventName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        if (1..=40).contains(&text.len()) && text.bytes().all(plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ValueError::new("the name of an event, such as `workflow_run` or `push`"))
        }
    }
}

/// A reusable workflow at a ref: `acme/workflows/.github/workflows/validate.yml@refs/heads/main`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobWorkflow(String);

impl JobWorkflow {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for JobWorkflow {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const ACCEPTED: ValueError = ValueError::new(
            "a reusable workflow at a ref, as in the token's `job_workflow_ref`: \
             acme/workflows/.github/workflows/validate.yml@refs/heads/main",
        );
        let (file, git_ref) = text.split_once('@').ok_or(ACCEPTED)?;
        let at = file.find("/.github/").ok_or(ACCEPTED)?;
        let is_ref = (1..=250).contains(&git_ref.len()) && git_ref.bytes().all(|byte| byte.is_ascii_graphic());
        let is_file = file[..at].parse::<Repository>().is_ok() && file[at + 1..].parse::<WorkflowPath>().is_ok();
        if is_ref && is_file { Ok(Self(text.to_owned())) } else { Err(ACCEPTED) }
    }
}

/// The name of a job, as GitHub displays it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobName(String);

impl JobName {
    /// Whether a displayed name is this job's: also as `<calling job> / <name>`, when a reusable workflow has the job.
    #[must_use]
    pub fn is_of(&self, displayed: &str) -> bool {
        displayed == self.0 || displayed.strip_suffix(&self.0).is_some_and(|before| before.ends_with(" / "))
    }
}

impl Default for JobName {
    fn default() -> Self {
        Self("record".to_owned())
    }
}

impl FromStr for JobName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if (1..=200).contains(&text.chars().count()) && !text.contains(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ValueError::new("the name of a job as GitHub displays it, in one line of at most 200 characters"))
        }
    }
}

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_known_by_its_displayed_name() {
        let record = JobName::default();
        for (displayed, expected) in [
            ("record", true),
            ("validate / record", true),
            ("Record", false),
            ("no-record", false),
            ("x/record", false),
            ("record (1)", false),
            ("", false),
        ] {
            assert_eq!(record.is_of(displayed), expected, "{displayed}");
        }
    }

    #[test]
    fn what_is_no_value_of_a_signer_is_refused() {
        for bad in ["", "0", "-1", "+1", "1 ", "99999999999999999999", "acme/shop"] {
            assert!(bad.parse::<RepositoryId>().is_err(), "{bad}");
        }
        assert_eq!("074".parse::<RepositoryId>(), Ok(RepositoryId(74)));
        for bad in ["", "Push", "pull-request", "a b"] {
            assert!(bad.parse::<EventName>().is_err(), "{bad}");
        }
        let good = "acme/workflows/.github/workflows/validate.yml@refs/tags/v1";
        assert_eq!(good.parse::<JobWorkflow>().map(|workflow| workflow.as_str().to_owned()), Ok(good.to_owned()));
        for bad in [
            "",
            ".github/workflows/validate.yml@main",
            "acme/workflows/.github/workflows/validate.yml",
            "acme/workflows/.github/workflows/validate.yml@",
            "acme/workflows/.github/workflows/validate.yml@a b",
            "acme/workflows/validate.yml@main",
            "acme/../.github/workflows/validate.yml@main",
        ] {
            assert!(bad.parse::<JobWorkflow>().is_err(), "{bad}");
        }
    }
}
