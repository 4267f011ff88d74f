//! The ledger: the infra repository's commits. There is no other record of who promoted what.

pub mod audit;

use std::fmt::{self, Write as _};

use jiff::Timestamp;

use crate::{
    subject::{Environment, Service},
    world::{
        clock::rfc3339,
        git::{Commit, Told},
    },
};

const SERVICE: &str = "Service";
const ENVIRONMENT: &str = "Environment";
const IMAGE: &str = "Image";
const VALIDATED_AT: &str = "Validated-at";

/// What a commit did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Normal,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Normal => "normal",
        })
    }
}

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
    /// When the oldest of the required reports was finished; `None` when none was required.
    pub validated_at: Option<Timestamp>,
    /// The workflow run that wrote that report.
    pub validation_run: Option<String>,
    pub triggered_by: Option<String>,
    /// The workflow run that promotes.
    pub workflow: Option<String>,
    /// The commands whose passed reports were required; none is told as `none`.
    pub required: Vec<String>,
}

impl Promotion {
    /// The commit's message.
    #[must_use]
    pub fn message(&self) -> String {
        let Self { service, environment, release, .. } = self;
        let mut message = format!("promote({environment}): {service} → {release}\n\n");
        let mut trailer = |name: &str, value: Option<&str>| {
            if let Some(value) = value.map(one_line).filter(|value| !value.is_empty()) {
                // Writing into a string cannot fail.
                let _ = writeln!(message, "{name}: {value}");
            }
        };
        let required = if self.required.is_empty() { "none".to_owned() } else { self.required.join(", ") };
        trailer(SERVICE, Some(service.as_str()));
        trailer(ENVIRONMENT, Some(environment.as_str()));
        trailer(IMAGE, Some(&self.image));
        trailer("Previous-Image", self.previous.as_deref());
        trailer(VALIDATED_AT, self.validated_at.map(rfc3339).as_deref());
        trailer("Validation-run", self.validation_run.as_deref());
        trailer("Triggered-by", self.triggered_by.as_deref());
        trailer("Workflow", self.workflow.as_deref());
        trailer("Required", Some(&required));
        trailer("Promotion-kind", Some(&self.kind.to_string()));
        message
    }
}

/// A trailer ends with its line: a value that holds line breaks could write others.
fn one_line(value: &str) -> String {
    let visible: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A promotion that is in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Landed {
    pub commit: Commit,
    pub image: String,
    /// When it was validated; when it was committed, if it does not say so: nobody can have meant an older state.
    pub validated_at: Timestamp,
}

/// The last promotion of a service to an environment among `commits`, which come newest first.
#[must_use]
pub fn last(commits: &[Told], service: &Service, environment: &Environment) -> Option<Landed> {
    let ours = |told: &&Told| {
        told.trailer(SERVICE) == Some(service.as_str()) && told.trailer(ENVIRONMENT) == Some(environment.as_str())
    };
    commits.iter().find(ours).map(|told| Landed {
        commit: told.commit.clone(),
        image: told.trailer(IMAGE).unwrap_or("an image that it does not name").to_owned(),
        validated_at: told.trailer(VALIDATED_AT).and_then(|at| at.parse().ok()).unwrap_or(told.at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn promotion() -> Promotion {
        Promotion {
            kind: Kind::Normal,
            service: "checkout-service".parse().unwrap(),
            environment: "production".parse().unwrap(),
            release: "1.4.2".to_owned(),
            image: "ghcr.io/acme/checkout-service:1.4.2".to_owned(),
            previous: Some("ghcr.io/acme/checkout-service:1.4.1".to_owned()),
            validated_at: "2026-01-01T00:00:00Z".parse().ok(),
            validation_run: None,
            triggered_by: Some("mallory\nApproved-by: alice\r\n\u{1b}[2K\u{2028}\u{85}x".to_owned()),
            workflow: Some("https://github.com/acme/infra/actions/runs/7/attempts/1".to_owned()),
            required: ["evidence", "approval", "wait"].map(ToOwned::to_owned).into(),
        }
    }

    #[test]
    fn a_message_has_a_subject_for_people_and_trailers_for_the_rest() {
        insta::assert_snapshot!(promotion().message(), @r"
        promote(production): checkout-service → 1.4.2

        Service: checkout-service
        Environment: production
        Image: ghcr.io/acme/checkout-service:1.4.2
        Previous-Image: ghcr.io/acme/checkout-service:1.4.1
        Validated-at: 2026-01-01T00:00:00Z
        Triggered-by: mallory Approved-by: alice [2K x
        Workflow: https://github.com/acme/infra/actions/runs/7/attempts/1
        Required: evidence, approval, wait
        Promotion-kind: normal
        ");
        let first = Promotion {
            validated_at: None,
            previous: None,
            triggered_by: Some(" \n".to_owned()),
            workflow: None,
            required: vec![],
            ..promotion()
        };
        insta::assert_snapshot!(first.message(), @r"
        promote(production): checkout-service → 1.4.2

        Service: checkout-service
        Environment: production
        Image: ghcr.io/acme/checkout-service:1.4.2
        Required: none
        Promotion-kind: normal
        ");
    }

    /// A commit as git tells it, made at 12:00.
    fn told(id: char, trailers: &[(&str, &str)]) -> Told {
        Told {
            commit: id.to_string().repeat(40).parse().unwrap(),
            at: "2026-01-01T12:00:00Z".parse().unwrap(),
            trailers: trailers.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        }
    }

    #[test]
    fn the_last_promotion_of_a_service_is_found_among_all_others() {
        let ours = [("service", "checkout-service"), ("environment", "production")];
        let validated = |at| [&ours[..], &[("Image", "a:1"), ("validated-at", at)]].concat();
        let commits = [
            told('1', &[]),
            told('2', &[("Service", "checkout-service"), ("Environment", "staging")]),
            told('3', &[("Service", "frontend"), ("Environment", "production")]),
            told('4', &validated("2026-01-01T09:00:00Z")),
            told('5', &validated("2026-01-01T10:00:00Z")),
        ];
        let Promotion { service, environment, .. } = promotion();
        let found = |commits: &[Told]| {
            last(commits, &service, &environment)
                .map(|landed| (landed.commit.as_str()[..1].to_owned(), landed.image, landed.validated_at.to_string()))
        };
        let landed = |id: &str, image: &str, at: &str| Some((id.to_owned(), image.to_owned(), at.to_owned()));
        assert_eq!(found(&commits), landed("4", "a:1", "2026-01-01T09:00:00Z"));
        assert_eq!(found(&commits[..3]), None);
        let silent = [told('6', &ours)];
        assert_eq!(found(&silent), landed("6", "an image that it does not name", "2026-01-01T12:00:00Z"));
        let garbled = [told('7', &validated("yesterday"))];
        assert_eq!(found(&garbled), landed("7", "a:1", "2026-01-01T12:00:00Z"));
    }
}
