//! One entry as it is written.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::{EvidenceId, Kind, trailer};
use crate::{
    clock::rfc3339,
    subject::{Environment, Service},
    world::git::Commit,
};

/// One promotion, as its commit tells it: a subject line for people, and trailers (`git interpret-trailers`) for the rest.
#[derive(Clone, Debug)]
pub struct Promotion {
    pub kind: Kind,
    pub service: Service,
    pub environment: Environment,
    /// Tag, digest, or both: for the subject line.
    pub release: String,
    /// The image as it stands there from now on.
    pub image: String,
    /// The one that stood there before; `None` when there was no entry.
    pub previous: Option<String>,
    /// The commit that the image was built from.
    pub source_commit: Option<Commit>,
    /// When the oldest of what it rests on was seen; `None` when it rests on nothing.
    pub validated_at: Option<Timestamp>,
    /// The workflow run that saw it.
    pub validation_run: Option<String>,
    pub evidence: Option<EvidenceId>,
    pub approved_by: Option<String>,
    pub triggered_by: Option<String>,
    /// The workflow run that promotes.
    pub workflow: Option<String>,
    /// The commands whose passed reports were required, told as `none` when it is empty; `None` where none ever is.
    pub required: Option<Vec<String>>,
    pub incident: Option<String>,
    pub reason: Option<String>,
    /// The commit that is taken back.
    pub rolls_back: Option<Commit>,
}

impl Promotion {
    /// One that knows no more than what and where.
    #[must_use]
    pub const fn new(kind: Kind, service: Service, environment: Environment, release: String) -> Self {
        Self {
            kind,
            service,
            environment,
            release,
            image: String::new(),
            previous: None,
            source_commit: None,
            validated_at: None,
            validation_run: None,
            evidence: None,
            approved_by: None,
            triggered_by: None,
            workflow: None,
            required: None,
            incident: None,
            reason: None,
            rolls_back: None,
        }
    }

    /// The first line of the commit's message.
    #[must_use]
    pub fn title(&self) -> String {
        let Self { service, environment, release, .. } = self;
        let verb = match self.kind {
            Kind::Normal => "promote",
            Kind::Emergency => "EMERGENCY promote",
            Kind::Rollback => "rollback",
        };
        format!("{verb}({environment}): {service} → {}", one_line(release))
    }

    /// The commit's message.
    #[must_use]
    pub fn message(&self) -> String {
        let mut message = format!("{}\n\n", self.title());
        let mut trailer = |name: &str, value: Option<&str>| {
            if let Some(value) = value.map(one_line).filter(|value| !value.is_empty()) {
                // Writing into a string cannot fail.
                let _ = writeln!(message, "{name}: {value}");
            }
        };
        let required = self.required.as_ref().map(|names| match &names[..] {
            [] => "none".to_owned(),
            names => names.join(", "),
        });
        trailer(trailer::SERVICE, Some(self.service.as_str()));
        trailer(trailer::ENVIRONMENT, Some(self.environment.as_str()));
        trailer(trailer::IMAGE, Some(&self.image));
        trailer(trailer::PREVIOUS, self.previous.as_deref());
        trailer(trailer::SOURCE_COMMIT, self.source_commit.as_ref().map(Commit::as_str));
        trailer(trailer::VALIDATED_AT, self.validated_at.map(rfc3339).as_deref());
        trailer(trailer::VALIDATION_RUN, self.validation_run.as_deref());
        trailer(trailer::EVIDENCE, self.evidence.as_ref().map(EvidenceId::as_str));
        trailer(trailer::APPROVED_BY, self.approved_by.as_deref());
        trailer(trailer::TRIGGERED_BY, self.triggered_by.as_deref());
        trailer(trailer::WORKFLOW, self.workflow.as_deref());
        trailer(trailer::REQUIRED, required.as_deref());
        trailer(trailer::KIND, Some(self.kind.word()));
        trailer(trailer::INCIDENT, self.incident.as_deref());
        trailer(trailer::REASON, self.reason.as_deref());
        trailer(trailer::ROLLS_BACK, self.rolls_back.as_ref().map(Commit::as_str));
        message
    }
}

/// A trailer ends with its line: a value that holds line breaks could write others.
fn one_line(value: &str) -> String {
    // Marks that turn the direction of text would make a line read as another.
    let turns = |c| matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let visible: String = value.chars().map(|c| if c.is_control() || turns(c) { ' ' } else { c }).collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}
