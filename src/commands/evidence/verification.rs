//! One verification: the claim, what it is checked against, and what all its checks use.

use super::{observations::EvidenceObservations, payload::Claim};
use crate::{
    config::{people::People, policy::Policy, services::ServiceSource},
    finding::Finding,
    people::participants::UnknownAuthors,
    proof::claims::Claims,
    subject::{Environment, Subject},
    values::HumanDuration,
};

/// The claim of the payload and what the workflow and the config file require of it.
pub struct Verification<'a> {
    pub claim: &'a Claim,
    pub origin: &'a ServiceSource,
    pub policy: &'a Policy,
    /// The other services of the same repository: one run may validate several.
    pub other_services: Vec<&'a str>,
    /// Commands whose reports must be in the payload and have passed.
    pub required: &'a [String],
    pub environment: &'a Environment,
    /// The subject that the workflow pins; the payload must not differ from it.
    pub pinned: &'a Subject,
    pub max_age: HumanDuration,
    pub min_age: Option<HumanDuration>,
    pub allow_first: bool,
    pub unknown_authors: UnknownAuthors,
    /// The accounts by which no person acts.
    pub people: &'a People,
    /// The issuer whose signature counts.
    pub issuer: &'a str,
    /// What GitHub says about the job that signed the payload; `None`: the annotations of the gates' jobs count instead.
    pub signed: Option<Claims>,
    /// The commands that are no gates on the software: their notices say nothing of a release.
    pub other_commands: &'a [&'static str],
    /// The URL of the workflow run of this command.
    pub own_run: Option<&'a str>,
}

impl Verification<'_> {
    /// The claimed release, without an environment.
    pub fn release(&self) -> Subject {
        let payload = &self.claim.payload;
        Subject {
            service: Some(payload.service.clone()),
            environment: None,
            image: Some(self.origin.image.clone()),
            tag: payload.image_tag.clone(),
            digest: payload.subject.digest.clone(),
            commit: self.claim.commit().cloned(),
        }
    }

    /// The subject of the promotion, with the commit as GitHub shows it.
    pub fn subject(&self, observations: &EvidenceObservations) -> Subject {
        let release = self.release();
        let commit = observations.built_commit().or(release.commit);
        Subject { environment: Some(self.environment.clone()), commit, ..release }
    }
}

/// `ghcr.io/acme/shop:1.4.2@sha256:…`
pub fn image_reference(subject: &Subject) -> String {
    let mut reference = subject.image.as_ref().map(ToString::to_string).unwrap_or_default();
    if let Some(tag) = &subject.tag {
        reference.push(':');
        reference.push_str(tag.as_str());
    }
    if let Some(digest) = &subject.digest {
        reference.push('@');
        reference.push_str(digest.as_str());
    }
    reference
}

/// The first difference in tag or digest. Elsewhere one of them is enough to identify a release; here both must match,
/// because both go into the infra repository.
pub fn tag_or_digest_difference(actual: &Subject, expected: &Subject) -> Option<String> {
    let difference = |name: &str, actual: Option<String>, expected: Option<String>| {
        if actual == expected {
            return None;
        }
        let [actual, expected] = [actual, expected].map(|text| text.unwrap_or_else(|| format!("no {name}")));
        Some(format!("{actual}, not {expected}"))
    };
    let texts = |subject: &Subject| {
        (subject.tag.as_ref().map(ToString::to_string), subject.digest.as_ref().map(ToString::to_string))
    };
    let ((tag, digest), (expected_tag, expected_digest)) = (texts(actual), texts(expected));
    difference("tag", tag, expected_tag).or_else(|| difference("digest", digest, expected_digest))
}

/// Why a report is not about the release. It may know less than the release, never something else: beside the same tag, the
/// digest may be missing.
pub fn report_difference(report: &Subject, release: &Subject) -> Option<String> {
    let lacks_digest = report.digest.is_none() && report.tag.is_some() && report.tag == release.tag;
    let digest = if lacks_digest { release.digest.clone() } else { report.digest.clone() };
    let report = Subject { digest, ..report.clone() };
    report.differs_from(release).or_else(|| tag_or_digest_difference(&report, release))
}

/// A finding that is blocked if `is_bad`, else passed.
pub fn block_if(is_bad: bool, check: &str) -> Finding {
    if is_bad { Finding::blocked(check) } else { Finding::passed(check) }
}
