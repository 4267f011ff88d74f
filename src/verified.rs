//! The releases that `evidence` verified in the workflow runs of this repository, as its annotations announce them. A token with
//! Checks: write can add such an annotation to a job: it can hold a promotion back, and it promotes nothing.

pub mod look;

use crate::{
    report::notice::{self, ReadyNotice, ReportNotice},
    subject::{Environment, Service, Subject},
    world::github::Annotation,
};

/// A release that `evidence` found ready for an approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedRelease {
    pub service: Service,
    /// Where it would be promoted to.
    pub environment: Environment,
    /// The release; of several services of one run, only their names are announced.
    pub subject: Option<Subject>,
}

/// What the annotations of a run's jobs announce.
#[must_use]
pub fn announced(annotations: &[Annotation]) -> Vec<VerifiedRelease> {
    let mut releases: Vec<VerifiedRelease> = Vec::new();
    let notices = annotations.iter().filter(|annotation| annotation.level.as_deref() == Some("notice"));
    for annotation in notices {
        let message = annotation.message.as_deref().unwrap_or_default();
        match annotation.title.as_deref() {
            Some(notice::TITLE) => releases.extend(ReportNotice::parse(message).and_then(of_report)),
            Some(notice::READY) => releases.extend(ReadyNotice::parse(message).into_iter().flat_map(of_several)),
            _ => {}
        }
    }
    releases
}

/// The release of a passed `evidence` about one service.
fn of_report(notice: ReportNotice) -> Option<VerifiedRelease> {
    let ReportNotice { command, verdict, dry_run, subject, .. } = notice;
    if command != "evidence" || verdict != "passed" || dry_run {
        return None;
    }
    let subject = subject?;
    let (service, environment) = (subject.service.clone()?, subject.environment.clone()?);
    Some(VerifiedRelease { service, environment, subject: Some(subject) })
}

fn of_several(ReadyNotice { environment, services }: ReadyNotice) -> impl Iterator<Item = VerifiedRelease> {
    services.into_iter().map(move |service| VerifiedRelease {
        service,
        environment: environment.clone(),
        subject: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annotation(title: &str, message: &str) -> Annotation {
        let [level, title, message] = ["notice", title, message].map(|text| Some(text.to_owned()));
        Annotation { level, title, message }
    }

    fn services(annotation: Annotation) -> Vec<String> {
        announced(&[annotation])
            .into_iter()
            .map(|release| format!("{} {}", release.service, release.environment))
            .collect()
    }

    #[test]
    fn only_evidence_that_passed_announces_a_release() {
        let of = |start: &str, subject: &str| {
            services(annotation(notice::TITLE, &format!("{start} sha256=a subject={subject}")))
        };
        let subject = r#"{"service":"cart","environment":"production","tag":"1.4.2"}"#;
        assert_eq!(of("command=evidence verdict=passed", subject), ["cart production"]);
        for start in ["command=evidence verdict=blocked", "command=health verdict=passed"] {
            assert_eq!(of(start, subject), [""; 0], "{start}");
        }
        assert_eq!(of("command=evidence verdict=passed", r#"{"environment":"production"}"#), [""; 0]);
        let dry = format!("command=evidence verdict=passed sha256=a dry-run=true subject={subject}");
        assert_eq!(services(annotation(notice::TITLE, &dry)), [""; 0]);
        let warning = Annotation {
            level: Some("warning".to_owned()),
            ..annotation(notice::TITLE, &format!("command=evidence verdict=passed sha256=a subject={subject}"))
        };
        assert_eq!(services(warning), [""; 0]);
    }

    #[test]
    fn several_services_are_announced_by_name() {
        let message = r#"{"environment":"production","services":["cart","search"]}"#;
        assert_eq!(services(annotation(notice::READY, message)), ["cart production", "search production"]);
        for message in ["", "[]", r#"{"environment":"production","services":["../x"]}"#, r#"{"services":["cart"]}"#] {
            assert_eq!(services(annotation(notice::READY, message)), [""; 0], "{message}");
        }
    }
}
