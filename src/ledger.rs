//! The ledger: the infra repository's commits. There is no other record of who promoted what.

use std::fmt::{self, Write as _};

use crate::subject::{Environment, Reference, Service};

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
    /// The image as it stands there from now on; `None` when the file names none and no `image` was given.
    pub image: Option<Reference>,
    /// Tag, digest, or both: for the subject line.
    pub release: String,
    pub previous: Option<String>,
    /// When the last of the required gates ended, RFC 3339.
    pub validated_at: Option<String>,
    /// The workflow run of the gates.
    pub validation_run: Option<String>,
    pub triggered_by: Option<String>,
    /// The workflow run that promotes.
    pub workflow: Option<String>,
    /// The commands whose passed reports were required, or `none`.
    pub required: String,
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
        trailer("Service", Some(service.as_str()));
        trailer("Environment", Some(environment.as_str()));
        trailer("Image", self.image.as_ref().map(ToString::to_string).as_deref());
        trailer("Previous-Image", self.previous.as_deref());
        trailer("Validated-at", self.validated_at.as_deref());
        trailer("Validation-run", self.validation_run.as_deref());
        trailer("Triggered-by", self.triggered_by.as_deref());
        trailer("Workflow", self.workflow.as_deref());
        trailer("Required", Some(&self.required));
        trailer("Promotion-kind", Some(&self.kind.to_string()));
        message
    }
}

/// A trailer ends with its line: a value that holds line breaks could write others.
fn one_line(value: &str) -> String {
    let visible: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_a_subject_for_people_and_trailers_for_the_rest() {
        let promotion = Promotion {
            kind: Kind::Normal,
            service: "checkout-service".parse().unwrap(),
            environment: "production".parse().unwrap(),
            image: "ghcr.io/acme/checkout-service:1.4.2".parse().ok(),
            release: "1.4.2".to_owned(),
            previous: Some("ghcr.io/acme/checkout-service:1.4.1".to_owned()),
            validated_at: Some("2026-01-01T00:00:00Z".to_owned()),
            validation_run: None,
            triggered_by: Some("mallory\nApproved-by: alice\r\n\u{1b}[2K".to_owned()),
            workflow: Some("https://github.com/acme/infra/actions/runs/7/attempts/1".to_owned()),
            required: "evidence, approval, wait".to_owned(),
        };
        insta::assert_snapshot!(promotion.message(), @r"
        promote(production): checkout-service → 1.4.2

        Service: checkout-service
        Environment: production
        Image: ghcr.io/acme/checkout-service:1.4.2
        Previous-Image: ghcr.io/acme/checkout-service:1.4.1
        Validated-at: 2026-01-01T00:00:00Z
        Triggered-by: mallory Approved-by: alice [2K
        Workflow: https://github.com/acme/infra/actions/runs/7/attempts/1
        Required: evidence, approval, wait
        Promotion-kind: normal
        ");
    }
}
