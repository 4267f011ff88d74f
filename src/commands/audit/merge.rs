//! How a promotion by pull request came onto the branch. Pure.
//!
//! The commit's message does not decide it: the person who presses Merge can type one, and a rebase keeps the message of a commit that is
//! older than its approval. GitHub shows who merged a pull request, as which commit, and who approved its last commit.

use jiff::Timestamp;

use crate::{
    approvers::{LastReview, ReviewState, last_reviews},
    config::people::People,
    ledger::{LedgerEntry, Promotion, PromotionKind},
    world::github::{Account, ReviewedPullRequest},
};

/// What GitHub shows about a promotion whose evidence names a branch.
pub(super) enum MergeLook {
    /// No pull request of that branch was merged as this commit.
    None,
    Merged {
        /// `None` if the account is gone.
        by: Option<Account>,
        /// `None` if GitHub does not say it.
        at: Option<Timestamp>,
        pull_request: Box<ReviewedPullRequest>,
    },
}

/// The normal promotions that can have come by a pull request: those on evidence, where one of the same service and environment says
/// that it did (trailer `People`). So a message from which that trailer was removed hides nothing.
pub(super) fn by_pull_request<'a>(entries: &[&'a LedgerEntry]) -> Vec<&'a LedgerEntry> {
    let is_normal = |promotion: &Promotion| promotion.kind == PromotionKind::Normal;
    let has_people = |entry: &&LedgerEntry| is_normal(&entry.promotion) && entry.promotion.people.is_some();
    let claimed: Vec<_> = entries
        .iter()
        .copied()
        .filter(has_people)
        .map(|entry| (&entry.promotion.service, &entry.promotion.environment))
        .collect();
    let is_wanted = |entry: &&LedgerEntry| {
        let Promotion { service, environment, evidence, .. } = &entry.promotion;
        is_normal(&entry.promotion) && evidence.is_some() && claimed.contains(&(service, environment))
    };
    entries.iter().copied().filter(is_wanted).collect()
}

/// Why a promotion bypassed the review of its pull request; `None` if it did not.
pub(super) fn merge_problem(promotion: &Promotion, look: &MergeLook, people: &People) -> Option<String> {
    let MergeLook::Merged { by, at, pull_request } = look else {
        // Without the trailer it was a push, as before the pull requests.
        return promotion.people.as_ref().map(|_| "no pull request of its branch was merged as this commit".to_owned());
    };
    let number = pull_request.number;
    match by {
        None => return Some(format!("#{number} was merged by an account that is gone")),
        Some(by) if !by.is_machine() && !people.is_machine(&by.login) => {
            return Some(format!("#{number} was merged by {}, and not by `promote`", by.login));
        }
        Some(_) => {}
    }
    // What someone said after the merge is neither an approval nor the end of one.
    let before = pull_request.reviews.iter().filter(|review| review.submitted_at.is_some_and(|said| Some(said) <= *at));
    let reviews = last_reviews(&before.cloned().collect::<Vec<_>>(), people);
    let is_approval = |review: &&LastReview| {
        review.state == ReviewState::Approved && review.can_push && review.commit.as_ref() == Some(&pull_request.head)
    };
    let approvers: Vec<&str> = reviews.iter().filter(is_approval).filter_map(LastReview::person).collect();
    let has_approved = |login: &str| approvers.iter().any(|one| login.is_empty() || one.eq_ignore_ascii_case(login));
    let named = promotion.approved_by.as_deref().unwrap_or_default();
    // After a rebase the message names no one: any person will do.
    let missing = named.split(',').map(str::trim).find(|login| !has_approved(login))?;
    let by = if missing.is_empty() { String::new() } else { format!(" by {missing}") };
    Some(format!("#{number} has no approval of its last commit{by}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ledger::tests::{commit_with_trailers, entry_of},
        world::github::{PullRequestReview, ReviewerAccount},
    };

    const HEAD: &str = "1111111111111111111111111111111111111111";
    const MERGED_AT: &str = "2026-01-02T12:00:00Z";
    const PEOPLE: &str = r#"{"count":1,"sha256":"","runs":[5],"head":"1111111111111111111111111111111111111111"}"#;

    fn entry(id: char, service: &str, more: &[(&str, &str)]) -> LedgerEntry {
        let least = [("Service", service), ("Environment", "production"), ("Image", "a:1")];
        entry_of(&commit_with_trailers(id, &[more, &least].concat())).unwrap()
    }

    fn account(login: &str, kind: &str) -> Account {
        Account { login: login.to_owned(), kind: kind.to_owned() }
    }

    fn review(login: &str, state: &str, commit: &str) -> PullRequestReview {
        PullRequestReview {
            state: state.to_owned(),
            submitted_at: MERGED_AT.parse().ok(),
            author: Some(ReviewerAccount { account: account(login, "User"), id: None }),
            can_push: true,
            commit: Some(commit.to_owned()),
            body: String::new(),
            teams: Vec::new(),
        }
    }

    fn merged(by: Option<Account>, reviews: Vec<PullRequestReview>) -> MergeLook {
        let pull_request = ReviewedPullRequest {
            number: 12,
            url: String::new(),
            state: "MERGED".to_owned(),
            is_draft: false,
            is_of_fork: false,
            base: "main".to_owned(),
            branch: "promote".to_owned(),
            head: HEAD.to_owned(),
            opened_at: "2026-01-01T00:00:00Z".parse().unwrap(),
            author: None,
            commits: 1,
            people: Vec::new(),
            changed_files: 1,
            files: Vec::new(),
            force_pushed_at: None,
            reviews,
        };
        MergeLook::Merged { by, at: MERGED_AT.parse().ok(), pull_request: Box::new(pull_request) }
    }

    fn problem(more: &[(&str, &str)], look: &MergeLook) -> String {
        let people = People { machines: vec!["robot".parse().unwrap()] };
        merge_problem(&entry('1', "shop", more).promotion, look, &people).unwrap_or_default()
    }

    #[test]
    fn a_merge_by_an_app_of_an_approved_commit_is_none() {
        let app = || Some(account("github-actions[bot]", "Bot"));
        let approved = || vec![review("bob", "COMMENTED", HEAD), review("Bob", "APPROVED", HEAD)];
        let by_bob = &[("People", PEOPLE), ("Approved-by", "bob")][..];
        let rebased = &[("People", PEOPLE)][..];
        for (trailers, look, expected) in [
            (by_bob, merged(app(), approved()), ""),
            (rebased, merged(app(), approved()), ""),
            (by_bob, merged(Some(account("robot", "User")), approved()), ""),
            (by_bob, merged(Some(account("lena", "User")), approved()), "#12 was merged by lena, and not by `promote`"),
            (by_bob, merged(None, approved()), "#12 was merged by an account that is gone"),
            (by_bob, merged(app(), vec![]), "#12 has no approval of its last commit by bob"),
            (rebased, merged(app(), vec![]), "#12 has no approval of its last commit"),
            (rebased, merged(app(), vec![review("robot", "APPROVED", HEAD)]), "#12 has no approval of its last commit"),
            (
                by_bob,
                merged(app(), vec![review("eve", "APPROVED", HEAD)]),
                "#12 has no approval of its last commit by bob",
            ),
            (
                by_bob,
                merged(app(), vec![review("bob", "DISMISSED", HEAD)]),
                "#12 has no approval of its last commit by bob",
            ),
            (
                by_bob,
                merged(app(), vec![review("bob", "APPROVED", "2")]),
                "#12 has no approval of its last commit by bob",
            ),
            (
                &[("People", PEOPLE), ("Approved-by", "bob, carl")],
                merged(app(), approved()),
                "#12 has no approval of its last commit by carl",
            ),
            (by_bob, MergeLook::None, "no pull request of its branch was merged as this commit"),
            (&[], MergeLook::None, ""),
            (&[], merged(Some(account("lena", "User")), approved()), "#12 was merged by lena, and not by `promote`"),
        ] {
            assert_eq!(problem(trailers, &look), expected, "{trailers:?}");
        }
        let later = PullRequestReview {
            submitted_at: "2026-01-02T12:00:01Z".parse().ok(),
            ..review("bob", "CHANGES_REQUESTED", HEAD)
        };
        let unknown = PullRequestReview { submitted_at: None, ..review("bob", "APPROVED", HEAD) };
        let approved_later = PullRequestReview { state: "APPROVED".to_owned(), ..later.clone() };
        let changed_mind = review("bob", "CHANGES_REQUESTED", HEAD);
        for (more, is_approved) in [
            (vec![review("bob", "APPROVED", HEAD), later], true),
            (vec![review("bob", "APPROVED", HEAD), changed_mind], false),
            (vec![approved_later], false),
            (vec![unknown], false),
        ] {
            let found = problem(by_bob, &merged(app(), more.clone()));
            assert_eq!(found.is_empty(), is_approved, "{more:?}");
        }
        let outsider = PullRequestReview { can_push: false, ..review("bob", "APPROVED", HEAD) };
        assert_eq!(problem(by_bob, &merged(app(), vec![outsider])), "#12 has no approval of its last commit by bob");
    }

    #[test]
    fn a_message_without_the_trailer_is_asked_about_where_others_have_it() {
        let evidence = ("Evidence", "ab".repeat(32));
        let evidence = (evidence.0, evidence.1.as_str());
        let all = [
            entry('1', "shop", &[evidence, ("People", PEOPLE)]),
            entry('2', "shop", &[evidence]),
            entry('3', "shop", &[]),
            entry('4', "shop", &[evidence, ("Promotion-kind", "rollback")]),
            entry('5', "cart", &[evidence]),
        ];
        let wanted = by_pull_request(&all.iter().collect::<Vec<_>>());
        let wanted: Vec<&str> = wanted.iter().map(|entry| &entry.commit.as_str()[..1]).collect();
        assert_eq!(wanted, ["1", "2"]);
        assert!(by_pull_request(&[&all[1], &all[4]]).is_empty());
    }
}
