//! One promotion as its commit message records it: written by the commands that promote, read back from the ledger.

use std::{fmt::Write as _, num::NonZeroU32, str::FromStr};

use jiff::Timestamp;

use super::{evidence_id::EvidenceId, kind::PromotionKind, run_url::RunUrl, trailer};
use crate::{
    bundle_sizes::BundleSizes,
    clock::rfc3339,
    people::digest::PeopleDigest,
    subject::{Digest, Environment, Service},
    world::git::{Commit, CommitSummary},
};

/// The facts of one promotion: a subject line for people, and one trailer (`git interpret-trailers`) for each fact.
///
/// Anybody who may push can write such a commit. So a fact that cannot be parsed is absent when it is read back, and texts
/// are raw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promotion {
    /// A commit without this trailer is a normal promotion.
    pub kind: PromotionKind,
    pub service: Service,
    pub environment: Environment,
    /// The new image, exactly as the entry says it: repository, tag and digest, those parts that the entry has. Never empty
    /// in the ledger.
    pub image: String,
    /// The image before; `None` when there was no image entry.
    pub previous: Option<String>,
    /// The digest that was tested, if the entry does not pin it.
    pub digest: Option<Digest>,
    /// The commit that the image was built from.
    pub source_commit: Option<Commit>,
    /// When the oldest required report was finished; `None` when no report was required.
    pub validated_at: Option<Timestamp>,
    /// URL of the workflow run that validated.
    pub validation_run: Option<String>,
    pub evidence: Option<EvidenceId>,
    /// How to list the people who had a part in the release again: in the commit of a pull request, whose approval is judged
    /// in another run than its evidence.
    pub people: Option<PeopleDigest>,
    /// GitHub's number of the repository that validated, as GitHub signed it.
    pub repository_id: Option<u64>,
    /// The sizes of the bundle that was validated.
    pub bundle_sizes: Option<BundleSizes>,
    /// How many tests ran in the validation.
    pub tests: Option<NonZeroU32>,
    pub approved_by: Option<String>,
    pub triggered_by: Option<String>,
    /// Whether a person approved it who did not start it; `None` where that was not checked or not known.
    pub independent: Option<bool>,
    /// URL of the workflow run that promotes.
    pub workflow: Option<String>,
    /// The commands whose passed reports were required; empty for `none`. `None` for a kind that requires no reports.
    pub required: Option<Vec<String>>,
    pub incident: Option<String>,
    pub reason: Option<String>,
    /// The commit that is rolled back.
    pub rolls_back: Option<Commit>,
}

impl Promotion {
    /// A promotion without image and optional facts.
    #[must_use]
    pub const fn new(kind: PromotionKind, service: Service, environment: Environment) -> Self {
        Self {
            kind,
            service,
            environment,
            image: String::new(),
            previous: None,
            digest: None,
            source_commit: None,
            validated_at: None,
            validation_run: None,
            evidence: None,
            people: None,
            repository_id: None,
            bundle_sizes: None,
            tests: None,
            approved_by: None,
            triggered_by: None,
            independent: None,
            workflow: None,
            required: None,
            incident: None,
            reason: None,
            rolls_back: None,
        }
    }

    /// The promotion that a commit records; `None` when the commit lacks a trailer that the ledger needs.
    #[must_use]
    pub fn from_trailers(commit: &CommitSummary) -> Option<Self> {
        let text = |name: &str| commit.trailer(name).filter(|value| !value.is_empty()).map(ToOwned::to_owned);
        let required = text(trailer::REQUIRED).map(|names| match names.as_str() {
            "none" => Vec::new(),
            names => names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(ToOwned::to_owned).collect(),
        });
        Some(Self {
            kind: parse(commit, trailer::KIND).unwrap_or(PromotionKind::Normal),
            service: parse(commit, trailer::SERVICE)?,
            environment: parse(commit, trailer::ENVIRONMENT)?,
            image: text(trailer::IMAGE)?,
            previous: text(trailer::PREVIOUS),
            digest: parse(commit, trailer::DIGEST),
            source_commit: parse(commit, trailer::SOURCE_COMMIT),
            validated_at: parse(commit, trailer::VALIDATED_AT),
            validation_run: text(trailer::VALIDATION_RUN),
            evidence: parse(commit, trailer::EVIDENCE),
            people: text(trailer::PEOPLE).and_then(|people| serde_json::from_str(&people).ok()),
            repository_id: parse(commit, trailer::REPOSITORY_ID),
            bundle_sizes: parse(commit, trailer::BUNDLE_SIZE),
            tests: parse(commit, trailer::TESTS),
            approved_by: text(trailer::APPROVED_BY),
            triggered_by: text(trailer::TRIGGERED_BY),
            independent: text(trailer::INDEPENDENT).and_then(|word| yes_or_no(&word)),
            workflow: text(trailer::WORKFLOW).filter(|url| url.parse::<RunUrl>().is_ok()),
            required,
            incident: text(trailer::INCIDENT),
            reason: text(trailer::REASON),
            rolls_back: parse(commit, trailer::ROLLS_BACK),
        })
    }

    #[must_use]
    pub fn is_for(&self, service: &Service, environment: &Environment) -> bool {
        self.service == *service && self.environment == *environment
    }

    /// Whether it is a normal promotion that required no report.
    #[must_use]
    pub fn is_ungated(&self) -> bool {
        self.kind == PromotionKind::Normal && self.required.as_ref().is_some_and(Vec::is_empty)
    }

    /// Whether the person who started it is its only approver, as it says or as its two names show.
    #[must_use]
    pub fn is_self_approved(&self) -> bool {
        let people = self.triggered_by.as_deref().zip(self.approved_by.as_deref());
        self.independent == Some(false)
            || people.is_some_and(|(started, approved)| started.eq_ignore_ascii_case(approved))
    }

    /// The workflow run that promoted.
    #[must_use]
    pub fn workflow_run(&self) -> Option<RunUrl> {
        self.workflow.as_deref()?.parse().ok()
    }

    /// The commit message. `release` is the tag, the digest, or both, for the subject line; `places` are lines for people: what
    /// each file had before, where a service has several.
    #[must_use]
    pub fn message(&self, release: &str, places: &[String]) -> String {
        let Self { service, environment, .. } = self;
        let verb = match self.kind {
            PromotionKind::Normal => "promote",
            PromotionKind::Emergency => "EMERGENCY promote",
            PromotionKind::Rollback => "rollback",
        };
        let mut message = format!("{verb}({environment}): {service} → {}\n\n", one_line(release));
        for place in places {
            // Indented, so that git never takes a line for a trailer.
            let _ = writeln!(message, "  {}", one_line(place));
        }
        if !places.is_empty() {
            message.push('\n');
        }
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
        trailer(trailer::DIGEST, self.digest.as_ref().map(Digest::as_str));
        trailer(trailer::SOURCE_COMMIT, self.source_commit.as_ref().map(Commit::as_str));
        trailer(trailer::VALIDATED_AT, self.validated_at.map(rfc3339).as_deref());
        trailer(trailer::VALIDATION_RUN, self.validation_run.as_deref());
        trailer(trailer::EVIDENCE, self.evidence.as_ref().map(EvidenceId::as_str));
        trailer(trailer::PEOPLE, self.people.as_ref().and_then(|people| serde_json::to_string(people).ok()).as_deref());
        trailer(trailer::REPOSITORY_ID, self.repository_id.map(|id| id.to_string()).as_deref());
        trailer(trailer::BUNDLE_SIZE, self.bundle_sizes.as_ref().map(ToString::to_string).as_deref());
        trailer(trailer::TESTS, self.tests.map(|count| count.to_string()).as_deref());
        trailer(trailer::APPROVED_BY, self.approved_by.as_deref());
        trailer(trailer::TRIGGERED_BY, self.triggered_by.as_deref());
        trailer(trailer::INDEPENDENT, self.independent.map(|independent| if independent { "yes" } else { "no" }));
        trailer(trailer::WORKFLOW, self.workflow.as_deref());
        trailer(trailer::REQUIRED, required.as_deref());
        trailer(trailer::KIND, Some(self.kind.word()));
        trailer(trailer::INCIDENT, self.incident.as_deref());
        trailer(trailer::REASON, self.reason.as_deref());
        trailer(trailer::ROLLS_BACK, self.rolls_back.as_ref().map(Commit::as_str));
        message
    }
}

fn parse<T: FromStr>(commit: &CommitSummary, name: &str) -> Option<T> {
    commit.trailer(name)?.parse().ok()
}

fn yes_or_no(word: &str) -> Option<bool> {
    match word.to_ascii_lowercase().as_str() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

/// A trailer ends with its line: a value with line breaks could add other trailers.
fn one_line(value: &str) -> String {
    // Characters that change the direction of text would make a line read as another one.
    let is_direction_mark = |c| matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let visible: String = value.chars().map(|c| if c.is_control() || is_direction_mark(c) { ' ' } else { c }).collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}
