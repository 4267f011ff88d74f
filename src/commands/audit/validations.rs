//! The releases that were validated and not promoted: those that wait, and those whose run has ended without a promotion. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::{
    clock::minute,
    finding::{Figures, Finding},
    ledger::LedgerEntry,
    subject::{Environment, Reference, Service, Subject},
    values::{HumanDuration, clip},
    verified::VerifiedRelease,
    world::github::WorkflowRun,
};

/// How much of a text from GitHub goes into a finding, in characters.
const CLIP: usize = 100;

/// The check of `stale-after`.
const WAITING: &str = "releases that wait";

/// A run that promoted nothing, and what its `evidence` verified.
#[derive(Clone, Debug)]
pub(super) struct VerifyingRun {
    pub run: WorkflowRun,
    pub releases: Vec<VerifiedRelease>,
}

/// The releases that were validated and not promoted.
#[derive(Clone, Debug, Default)]
pub(super) struct UnpromotedReleases {
    /// Newest first.
    pub all: Vec<UnpromotedRelease>,
    /// How many runs that have ended were not looked through.
    pub unread: usize,
}

/// A release that was validated and not promoted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct UnpromotedRelease {
    pub service: Service,
    pub environment: Environment,
    /// Its tag or digest; of several services of one run, only their names are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// When its run was started.
    pub at: Timestamp,
    pub run: u64,
    pub url: String,
    /// How the run ended; `None` while it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// The newest image that was promoted since.
    #[serde(rename = "promoted-since", skip_serializing_if = "Option::is_none")]
    pub promoted_since: Option<String>,
}

impl UnpromotedRelease {
    /// `checkout-service 1.4.3 in production`
    pub fn name(&self) -> String {
        let release = self.release.as_deref().map(|release| format!(" {release}")).unwrap_or_default();
        format!("{}{release} in {}", self.service, self.environment)
    }

    fn waits_for(&self, now: Timestamp) -> HumanDuration {
        let waited = now.duration_since(self.at).max(SignedDuration::ZERO).unsigned_abs();
        HumanDuration(Duration::from_secs(waited.as_secs()))
    }
}

/// Those of the runs' releases that no ledger entry promoted: neither from that run nor, by their tag or digest, from another one.
pub(super) fn find_unpromoted(
    runs: Vec<VerifyingRun>,
    entries: &[LedgerEntry],
    is_audited: impl Fn(&Service, &Environment) -> bool,
) -> Vec<UnpromotedRelease> {
    let mut all = Vec::new();
    for VerifyingRun { run, releases } in runs {
        for VerifiedRelease { service, environment, subject } in releases {
            let of_target = || entries.iter().filter(|entry| entry.promotion.is_for(&service, &environment));
            let is_promoted = of_target().any(|entry| subject.as_ref().is_some_and(|subject| is_of(entry, subject)));
            if is_promoted || !is_audited(&service, &environment) {
                continue;
            }
            let promoted_since = of_target().find(|entry| entry.committed_at > run.created_at);
            all.push(UnpromotedRelease {
                promoted_since: promoted_since.map(|entry| entry.promotion.image.clone()),
                release: subject.as_ref().and_then(version),
                at: run.created_at,
                run: run.id,
                url: run.html_url.clone(),
                ended: (run.status.as_deref() == Some("completed"))
                    .then(|| run.conclusion.clone().unwrap_or_else(|| "without a conclusion".to_owned())),
                service,
                environment,
            });
        }
    }
    all
}

fn version(subject: &Subject) -> Option<String> {
    subject.tag.as_ref().map(ToString::to_string).or_else(|| subject.digest.as_ref().map(ToString::to_string))
}

/// Whether an entry set the image of a release: by the digests if both are known, else by the tags.
fn is_of(entry: &LedgerEntry, subject: &Subject) -> bool {
    let Ok(image) = entry.promotion.image.parse::<Reference>() else { return false };
    let digest = image.digest.as_ref().or(entry.promotion.digest.as_ref());
    match (digest, &subject.digest) {
        (Some(set), Some(validated)) => set == validated,
        _ => image.tag.is_some() && image.tag == subject.tag,
    }
}

/// The findings of `stale-after`: what waits, and what was never promoted.
pub(super) fn judge_validations(
    found: &Result<UnpromotedReleases, Finding>,
    now: Timestamp,
    stale_after: HumanDuration,
) -> Vec<Finding> {
    let expected = format!("no validated release that waits for longer than {stale_after}");
    let found = match found {
        Ok(found) => found,
        Err(error) => return vec![error.for_check(WAITING).expected(expected)],
    };
    let (waiting, ended): (Vec<_>, Vec<_>) = found.all.iter().partition(|release| release.ended.is_none());
    let waits_for = |release: &UnpromotedRelease| release.waits_for(now);
    let is_stale = |release: &&&UnpromotedRelease| waits_for(release).0 > stale_after.0;
    let stale = waiting.iter().filter(is_stale).count();
    let waits = match waiting.iter().max_by_key(|release| waits_for(release).0) {
        None => Finding::passed(WAITING).actual("none"),
        Some(longest) => {
            let waited = waits_for(longest);
            let actual = format!(
                "{} waiting, {stale} of them for longer; the longest: {} since {} ({waited}) in {}",
                waiting.len(),
                longest.name(),
                minute(longest.at),
                longest.url
            );
            let figures = Figures::now(format!("{} waits for {waited}", longest.name())).limit(stale_after.to_string());
            if stale == 0 {
                Finding::passed(WAITING).actual(actual).figures(figures)
            } else {
                let next = format!("approve or reject {}, and look at the table of the others", longest.url);
                Finding::blocked(WAITING).actual(actual).figures(figures).next(next)
            }
        }
    };
    let unread = match found.unread {
        0 => String::new(),
        unread => format!(", and {unread} more runs were not looked through"),
    };
    let never = match ended.first() {
        None => format!("none{unread}"),
        Some(last) => {
            let how = clip(last.ended.as_deref().unwrap_or_default(), CLIP);
            format!("{}; the last: {}, whose run {} ended as {how}{unread}", ended.len(), last.name(), last.run)
        }
    };
    let never = Finding::passed("validated and never promoted").expected("informational").actual(never);
    vec![waits.expected(expected), never]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        finding::Verdict,
        ledger::tests::{commit_with_trailers, entry_of},
        world::{git::CommitSummary, github::RunRepository},
    };

    fn at(hour: i8) -> Timestamp {
        jiff::civil::date(2026, 3, 31).at(hour, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp()
    }

    /// A run that was started at that hour; it waits, or it ended.
    fn verified(id: u64, hour: i8, tag: &str, conclusion: Option<&str>) -> VerifyingRun {
        let status = if conclusion.is_some() { "completed" } else { "waiting" };
        let run = WorkflowRun {
            id,
            attempt: 1,
            workflow_id: 1,
            path: ".github/workflows/promote.yml".to_owned(),
            event: "repository_dispatch".to_owned(),
            status: Some(status.to_owned()),
            conclusion: conclusion.map(ToOwned::to_owned),
            head_branch: None,
            head_sha: "c".repeat(40),
            actor: None,
            triggering_actor: None,
            repository: RunRepository { id: None, full_name: "acme/infra".to_owned() },
            head_repository: None,
            html_url: format!("https://github.com/acme/infra/actions/runs/{id}"),
            created_at: at(hour),
            updated_at: at(hour),
            run_started_at: None,
        };
        let (service, environment): (Service, Environment) = ("cart".parse().unwrap(), "production".parse().unwrap());
        let subject = format!(r#"{{"service":"cart","environment":"production","tag":"{tag}"}}"#);
        let subject = (!tag.is_empty()).then(|| subject.parse().unwrap());
        VerifyingRun { run, releases: vec![VerifiedRelease { service, environment, subject }] }
    }

    fn promoted(tag: &str, hour: i8) -> LedgerEntry {
        let image = format!("ghcr.io/acme/cart:{tag}");
        let trailers = [("Service", "cart"), ("Environment", "production"), ("Image", image.as_str())];
        entry_of(&CommitSummary { at: at(hour), ..commit_with_trailers('1', &trailers) }).unwrap()
    }

    fn names(runs: Vec<VerifyingRun>, entries: &[LedgerEntry]) -> Vec<String> {
        find_unpromoted(runs, entries, |_, _| true).iter().map(UnpromotedRelease::name).collect()
    }

    #[test]
    fn a_release_that_was_promoted_from_any_run_is_not_listed() {
        let runs = || vec![verified(9, 3, "1.4.3", Some("failure")), verified(8, 2, "1.4.2", None)];
        let entries = [promoted("1.4.2", 4)];
        assert_eq!(names(runs(), &entries), ["cart 1.4.3 in production"]);
        assert_eq!(names(runs(), &[]).len(), 2);
        assert_eq!(find_unpromoted(runs(), &[], |_, _| false), []);
        // Of several services only the name is known.
        assert_eq!(names(vec![verified(9, 3, "", None)], &entries), ["cart in production"]);
        let of_nine = &find_unpromoted(runs(), &entries, |_, _| true)[0];
        assert_eq!(of_nine.promoted_since.as_deref(), Some("ghcr.io/acme/cart:1.4.2"));
    }

    /// The findings at noon.
    fn judged(runs: Vec<VerifyingRun>, stale_after: &str) -> Vec<Finding> {
        let all = find_unpromoted(runs, &[], |_, _| true);
        judge_validations(&Ok(UnpromotedReleases { all, unread: 3 }), at(12), stale_after.parse().unwrap())
    }

    #[test]
    fn a_release_that_waits_for_too_long_blocks() {
        let runs = || vec![verified(9, 10, "1.4.3", None), verified(8, 9, "1.4.2", None)];
        let [waits, never] = &judged(runs(), "3h")[..] else { panic!("two findings") };
        assert_eq!((waits.verdict, never.verdict), (Verdict::Passed, Verdict::Passed));
        assert_eq!(never.actual, "none, and 3 more runs were not looked through");
        let findings = judged(runs(), "2h59m59s");
        assert_eq!(findings[0].verdict, Verdict::Blocked);
        let text = findings[0].to_string();
        for part in ["2 waiting, 1 of them for longer", "cart 1.4.2 in production since 2026-03-31 09:00 UTC (3h)"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(findings[0].next.as_ref().unwrap().contains("approve or reject https://github.com/acme/infra"));
    }

    #[test]
    fn a_run_that_ended_waits_for_nothing() {
        let findings = judged(vec![verified(9, 1, "1.4.3", Some("cancelled"))], "1h");
        assert_eq!((findings[0].verdict, &*findings[0].actual), (Verdict::Passed, "none"));
        assert!(
            findings[1].actual.starts_with("1; the last: cart 1.4.3 in production, whose run 9 ended as cancelled")
        );
    }
}
