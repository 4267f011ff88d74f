//! The changes check: which commits the promotion adds, and whether it goes back.

use crate::{
    commands::evidence::{
        observations::{BaseCommit, EvidenceObservations, ReleaseChanges},
        verification::{Verification, image_reference},
    },
    finding::Finding,
    people::participants::{Participants, TouchingCommits, UnknownAuthors},
    values::short_sha,
    world::github::Comparison,
};

const CHECK: &str = "commits";
/// How many authors without an account a finding lists.
const MAX_LISTED: usize = 10;

impl Verification<'_> {
    pub(super) fn check_changes(&self, observations: &EvidenceObservations) -> Vec<Finding> {
        let changes = &observations.changes;
        let next_image = image_reference(&self.release());
        let current_image = changes.current_image.as_deref().unwrap_or("no image entry");
        let image = Finding::passed("image")
            .actual(format!("{current_image} → {next_image}"))
            .expected(format!("an image to promote to {}", self.environment));
        let mut findings = vec![image, self.check_commits(changes)];
        findings.extend(self.check_people(observations));
        findings
    }

    /// Whether it is known who may not approve.
    fn check_people(&self, observations: &EvidenceObservations) -> Vec<Finding> {
        let people = match &observations.changes.people {
            None => return Vec::new(),
            Some(Err(error)) => {
                return vec![
                    error.for_check("people").expected("the people behind the new commits, who may not approve"),
                ];
            }
            Some(Ok(people)) => people,
        };
        let mut findings = Vec::new();
        if let Some(TouchingCommits { touching, all, paths }) = &people.touching {
            let actual = format!("{touching} of {all} commits change {}", paths.join(", "));
            let finding = Finding::passed("paths").actual(actual).expected("commits that change the service's paths");
            findings.push(if *touching == 0 {
                finding.waived("informational: something else changed the image, so the people of all commits count")
            } else {
                finding
            });
        }
        let Participants { unknown, .. } = observations.participants(self.people);
        if !unknown.is_empty() {
            let listed = unknown.values().take(MAX_LISTED).cloned().collect::<Vec<_>>().join(", ");
            let more = unknown.len().saturating_sub(MAX_LISTED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let actual = format!("no account is known for {listed}{more}");
            let expected = "authors with an account, who can be kept from approving their own work";
            findings.push(match self.unknown_authors {
                UnknownAuthors::Show => Finding::passed("authors")
                    .actual(actual)
                    .expected(expected)
                    .waived("informational: the approver should not be one of these authors"),
                UnknownAuthors::Block => Finding::blocked("authors").actual(actual).expected(expected).next(
                    "let each author add the address of their commits to their account, and dispatch again; \
                     `unknown-authors: show` leaves it to the approver",
                ),
            });
        }
        findings
    }

    fn check_commits(&self, changes: &ReleaseChanges) -> Finding {
        let expected = "the new commits since the current image";
        let (sha, source) = match &changes.base {
            Ok(BaseCommit::Known { sha, source }) => (short_sha(sha.as_str()), source),
            Ok(BaseCommit::Unknown { tried }) => {
                let actual = format!("the commit in the current image is unknown: {tried}");
                let next = "tag the commits of releases, as the images are; for a service's first promotion give `allow-first: true`";
                return match &changes.head {
                    Some(Err(error)) => error.for_check(CHECK).expected(expected),
                    Some(Ok(Some(_))) if self.allow_first => {
                        Finding::passed(CHECK).actual(actual).expected(expected).waived("`allow-first`")
                    }
                    _ => Finding::inconclusive(CHECK).actual(actual).expected(expected).next(next),
                };
            }
            Err(error) => return error.for_check(CHECK).expected(expected),
        };
        let comparison = match &changes.comparison {
            Some(Ok(Some(comparison))) => comparison,
            Some(Ok(None)) => {
                let actual = format!("{} no longer has commit {sha}, which {source} names", self.origin.repository);
                return Finding::inconclusive(CHECK).actual(actual).expected(expected);
            }
            Some(Err(error)) => return error.for_check(CHECK).expected(expected),
            None => {
                return Finding::inconclusive(CHECK).actual("the commit of this image is not known").expected(expected);
            }
        };
        let Comparison { status, total, commits } = comparison;
        if (commits.len() as u64) < *total {
            return Finding::inconclusive(CHECK)
                .actual(format!("{total} commits since {sha}, of which GitHub lists {}", commits.len()))
                .expected(expected)
                .next("promote in smaller steps");
        }
        let actual = format!("{total} since {sha}, by {source}");
        match status.as_str() {
            "ahead" => Finding::passed(CHECK).actual(actual).expected(expected),
            "identical" => {
                Finding::passed(CHECK).actual(format!("none: the same commit {sha}, by {source}")).expected(expected)
            }
            // Two validations that finish in the wrong order look like this. An intended downgrade has its own command.
            "behind" => Finding::blocked(CHECK)
                .actual(format!("a downgrade: this image is older than the current one ({sha}, by {source})"))
                .expected(expected)
                .next("to go back on purpose, use `rollback`"),
            // A hotfix that was cherry-picked into the branch never becomes its ancestor, so this cannot be forbidden.
            "diverged" => Finding::passed(CHECK)
                .actual(format!("{actual}; the current image holds commits that this one lacks"))
                .expected(expected)
                .waived("informational: check whether this image contains their changes in other commits"),
            other => Finding::inconclusive(CHECK).actual(format!("GitHub's comparison: {other}")).expected(expected),
        }
    }
}
