//! Whether what the payload tells is so: one finding for each check, of the payload, of what the config file trusts, and of
//! what GitHub and git said. Pure.

mod changes;
mod gates;
mod runs;
#[cfg(test)]
mod tests;

pub(super) use changes::{People, people};
pub(super) use gates::{Gate, gates as gates_of, since};

use super::payload::Claim;
use crate::commands::evidence::observations::{Jobs, LedgerEntry, Seen};
use crate::{
    config::{policy::Policy, services::ServiceSource},
    finding::Finding,
    subject::{Environment, Subject},
    values::HumanDuration,
};

/// What is judged, and by what.
pub(super) struct Case<'a> {
    pub claim: &'a Claim,
    pub origin: &'a ServiceSource,
    pub policy: &'a Policy,
    /// Commands whose reports must be there and have passed.
    pub required: &'a [String],
    pub environment: &'a Environment,
    /// What the workflow itself says of the subject: the payload must be about nothing else.
    pub pinned: &'a Subject,
    pub max_age: HumanDuration,
    pub allow_first: bool,
    /// The URL of the workflow run that asks.
    pub own_run: Option<&'a str>,
}

impl Case<'_> {
    /// The release, wherever it runs.
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

    /// What can be said before anybody was asked.
    pub fn at_first(&self) -> Vec<Finding> {
        vec![self.repository(), self.one_subject()]
    }

    /// All of it. First what whoever approves asks first: what changes, and what the gates saw.
    pub fn judge(&self, seen: &Seen) -> Vec<Finding> {
        let mut findings = self.changes(seen);
        findings.extend(self.gates(seen));
        findings.extend(self.policies());
        findings.extend(self.at_first());
        findings.push(self.deploy_run(seen));
        findings.extend(self.validating_run(&seen.run));
        findings.push(self.replay(seen));
        findings
    }

    /// Whether another look at the jobs could still find the notice of a report.
    pub fn lacks_a_notice(&self, jobs: &Jobs) -> bool {
        self.claim.texts.iter().any(|text| jobs.of(&text.sha256).is_none())
    }

    fn repository(&self) -> Finding {
        let told = &self.claim.payload.run.repository;
        let trusted = &self.origin.repository;
        let finding = finding("source repository", !told.to_string().eq_ignore_ascii_case(&trusted.to_string()));
        finding.actual(told.to_string()).expected(format!("{trusted}, as `services` says"))
    }

    fn one_subject(&self) -> Finding {
        let payload = &self.claim.payload;
        let told = payload.subject.without_environment();
        let release = self.release();
        let untold = payload.image_tag.is_none() && told.digest.is_none();
        // What the payload leaves open, the release fills in.
        let told = Subject { image: told.image.or_else(|| release.image.clone()), ..told };
        let pinned = Subject { environment: None, ..self.pinned.clone() };
        let difference = match (&told.commit, &payload.deploy) {
            _ if untold => Some("neither tag nor digest".to_owned()),
            (Some(told), Some(deploy)) if *told != deploy.head_sha => {
                Some(format!("commit {told}, but the deploy run's is {}", deploy.head_sha))
            }
            _ => told
                .differs_from(&release)
                .or_else(|| unlike(&told, &release))
                .map(|difference| format!("evidence.subject has {difference}"))
                .or_else(|| missing(&pinned, &release)),
        };
        let finding = finding("subject", difference.is_some());
        let finding = finding.expected(format!("one subject throughout, of {}", self.origin.image));
        finding.actual(difference.unwrap_or_else(|| release.to_string()))
    }

    /// The same validation promotes once.
    fn replay(&self, seen: &Seen) -> Finding {
        let check = "replay";
        let entries = match &seen.ledger {
            Ok(entries) => entries,
            Err(error) => return unobservable(check, error),
        };
        let run = seen.run.as_ref().ok().and_then(Option::as_ref);
        let run = run.map(|run| format!("{}/attempts/{}", run.html_url, run.attempt));
        let same = |entry: &&LedgerEntry| {
            entry.promotion.evidence.as_ref() == Some(&self.claim.id)
                || (run.is_some() && entry.promotion.validation_run == run)
        };
        let expected = "a validation that is not in the ledger yet";
        let Some(entry) = entries.iter().find(same) else {
            return Finding::passed(check).actual("not in the ledger").expected(expected);
        };
        let by = entry.promotion.workflow.as_deref();
        let actual = format!(
            "promoted by {} at {}{}",
            entry.commit,
            entry.committed_at,
            by.map(|url| format!(", in {url}")).unwrap_or_default()
        );
        if by.is_some_and(|by| self.own_run.is_some_and(|own| same_run(by, own))) {
            return Finding::passed(check).actual(format!("{actual}, which is this run")).expected(expected);
        }
        Finding::blocked(check).actual(actual).expected(expected).next("validate the release again")
    }
}

/// Whether two URLs are of the same workflow run, whatever the attempt.
fn same_run(one: &str, other: &str) -> bool {
    let run = |url: &str| url.split("/attempts/").next().unwrap_or(url).to_owned();
    run(one) == run(other)
}

/// Whether tag and digest are the same, both. Elsewhere one of them will do to tell two releases apart; here the other one
/// would go unjudged into the infra repository.
fn unlike(told: &Subject, release: &Subject) -> Option<String> {
    let unlike = |name: &str, told: Option<String>, wanted: Option<String>| match (told, wanted) {
        (told, wanted) if told == wanted => None,
        (told, wanted) => {
            let [told, wanted] = [told, wanted].map(|text| text.unwrap_or_else(|| format!("no {name}")));
            Some(format!("{told}, not {wanted}"))
        }
    };
    let texts = |subject: &Subject| {
        (subject.tag.as_ref().map(ToString::to_string), subject.digest.as_ref().map(ToString::to_string))
    };
    let ((tag, digest), (wanted_tag, wanted_digest)) = (texts(told), texts(release));
    unlike("tag", tag, wanted_tag).or_else(|| unlike("digest", digest, wanted_digest))
}

/// What the workflow names and the payload does not, or otherwise.
fn missing(pinned: &Subject, release: &Subject) -> Option<String> {
    // The other way around: only what the workflow names counts, not what it leaves open.
    let filled = Subject {
        service: pinned.service.clone().or_else(|| release.service.clone()),
        environment: None,
        image: pinned.image.clone().or_else(|| release.image.clone()),
        tag: pinned.tag.clone().or_else(|| release.tag.clone()),
        digest: pinned.digest.clone().or_else(|| release.digest.clone()),
        commit: pinned.commit.clone().or_else(|| release.commit.clone()),
    };
    let differs = release.differs_from(&filled).or_else(|| unlike(release, &filled));
    differs.map(|difference| format!("{difference}, which this workflow is for"))
}

fn finding(check: &str, bad: bool) -> Finding {
    if bad { Finding::blocked(check) } else { Finding::passed(check) }
}

/// What could not be seen, under the name of the check that needs it.
fn unobservable(check: &str, error: &Finding) -> Finding {
    let finding = error.clone();
    Finding { check: check.to_owned(), actual: format!("{}: {}", finding.check, finding.actual), ..finding }
}
