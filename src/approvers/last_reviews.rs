//! The last word of each reviewer of a pull request.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::reviews::ReviewAuthor;
use crate::{
    config::people::People,
    world::github::{PullRequestReview, ReviewerAccount},
};

/// What a review says. A comment says nothing, and a review that was not submitted is not one yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReviewState {
    Approved,
    ChangesRequested,
    Dismissed,
    /// A state that is not known here.
    Other(String),
}

/// The last review of an account that says something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastReview {
    pub author: ReviewAuthor,
    /// GitHub's number of a user: it stays when the user is renamed.
    pub id: Option<u64>,
    pub state: ReviewState,
    pub submitted_at: Option<Timestamp>,
    /// Whether the author may push to the repository.
    pub can_push: bool,
    /// The commit that was reviewed, if GitHub still has it.
    pub commit: Option<String>,
    /// As the author wrote it; raw.
    pub comment: String,
    /// The teams that it was made for: `acme/platform-leads`.
    pub teams: Vec<String>,
}

/// Who an account is, whatever its login is now.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum AccountKey {
    User(u64),
    Login(String),
    /// A deleted account: which one is not known, so each of its reviews stands for itself.
    Deleted(usize),
}

impl AccountKey {
    fn of(account: Option<&ReviewerAccount>, position: usize) -> Self {
        match account {
            Some(ReviewerAccount { id: Some(id), .. }) => Self::User(*id),
            Some(ReviewerAccount { account, .. }) => Self::Login(account.login.to_lowercase()),
            None => Self::Deleted(position),
        }
    }
}

impl LastReview {
    /// The login of a person; `None` for every other account.
    #[must_use]
    pub fn person(&self) -> Option<&str> {
        self.author.person()
    }
}

/// Of each account its last review that says something, the oldest first. A later one replaces an earlier one, also when it was
/// dismissed since.
#[must_use]
pub fn last_reviews(reviews: &[PullRequestReview], people: &People) -> Vec<LastReview> {
    let mut last: BTreeMap<AccountKey, (Option<Timestamp>, usize, LastReview)> = BTreeMap::new();
    for (position, review) in reviews.iter().enumerate() {
        let state = match review.state.as_str() {
            "APPROVED" => ReviewState::Approved,
            "CHANGES_REQUESTED" => ReviewState::ChangesRequested,
            "DISMISSED" => ReviewState::Dismissed,
            "COMMENTED" | "PENDING" => continue,
            other => ReviewState::Other(other.to_owned()),
        };
        let key = AccountKey::of(review.author.as_ref(), position);
        if last.get(&key).is_some_and(|(at, ..)| *at > review.submitted_at) {
            continue;
        }
        let found = LastReview {
            author: ReviewAuthor::from_account(review.author.as_ref().map(|author| &author.account), people),
            id: review.author.as_ref().and_then(|author| author.id),
            state,
            submitted_at: review.submitted_at,
            can_push: review.can_push,
            commit: review.commit.clone(),
            comment: review.body.clone(),
            teams: review.teams.clone(),
        };
        last.insert(key, (review.submitted_at, position, found));
    }
    let mut all: Vec<_> = last.into_values().collect();
    all.sort_by_key(|(at, position, _)| (*at, *position));
    all.into_iter().map(|(.., review)| review).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::github::Account;

    fn account(login: &str, kind: &str, id: Option<u64>) -> ReviewerAccount {
        ReviewerAccount { account: Account { login: login.to_owned(), kind: kind.to_owned() }, id }
    }

    fn review(state: &str, author: impl Into<Option<ReviewerAccount>>, second: i64) -> PullRequestReview {
        PullRequestReview {
            state: state.to_owned(),
            submitted_at: Timestamp::from_second(second).ok(),
            author: author.into(),
            can_push: true,
            commit: Some("a".repeat(40)),
            body: String::new(),
            teams: Vec::new(),
        }
    }

    /// `alice APPROVED 1` for each review.
    fn states(text: &str) -> Vec<String> {
        let parse = |line: &str| {
            let words: Vec<&str> = line.split(' ').collect();
            let [login, state, second] = words[..] else { panic!("{line}") };
            let id = login.bytes().map(u64::from).sum();
            review(state, account(login, "User", Some(id)), second.parse().unwrap())
        };
        let reviews: Vec<PullRequestReview> = text.split(", ").map(parse).collect();
        let last = last_reviews(&reviews, &People::default());
        last.iter().map(|review| format!("{} {:?}", review.author, review.state)).collect()
    }

    #[test]
    fn the_last_review_that_says_something_counts() {
        for (reviews, last) in [
            ("alice APPROVED 1, alice COMMENTED 2", &["alice Approved"][..]),
            ("alice APPROVED 1, alice PENDING 2", &["alice Approved"]),
            ("alice CHANGES_REQUESTED 1, alice APPROVED 2", &["alice Approved"]),
            ("alice APPROVED 1, alice CHANGES_REQUESTED 2", &["alice ChangesRequested"]),
            // Whatever the order of the list.
            ("alice CHANGES_REQUESTED 2, alice APPROVED 1", &["alice ChangesRequested"]),
            // Within one second, the order of the list.
            ("alice APPROVED 1, alice CHANGES_REQUESTED 1", &["alice ChangesRequested"]),
            ("alice APPROVED 1, alice DISMISSED 2", &["alice Dismissed"]),
            ("alice DISMISSED 1, alice APPROVED 2", &["alice Approved"]),
            ("alice APPROVED 1, alice INVENTED 2", &["alice Other(\"INVENTED\")"]),
            ("alice COMMENTED 1", &[]),
            ("bob APPROVED 3, alice APPROVED 1, bob COMMENTED 9", &["alice Approved", "bob Approved"]),
        ] {
            assert_eq!(states(reviews), last, "{reviews}");
        }
    }

    #[test]
    fn a_renamed_account_is_the_same_and_a_deleted_one_is_not_known() {
        let reviews = [
            review("CHANGES_REQUESTED", account("alice", "User", Some(7)), 1),
            review("APPROVED", account("Alice-Renamed", "User", Some(7)), 2),
            review("APPROVED", None, 3),
            review("APPROVED", None, 4),
            review("APPROVED", account("deployer", "Bot", None), 5),
            review("APPROVED", account("Deployer", "Bot", None), 6),
            review("APPROVED", account("robot", "User", Some(8)), 7),
            review("APPROVED", account("ghost", "User", Some(10137)), 8),
        ];
        let people = People { machines: vec!["Robot".parse().unwrap()] };
        let last = last_reviews(&reviews, &people);
        let shown: Vec<String> = last.iter().map(|review| review.author.to_string()).collect();
        assert_eq!(
            shown,
            [
                "Alice-Renamed",
                "an account that is gone",
                "an account that is gone",
                "Deployer (a bot)",
                "robot (a machine, by `people.machines`)",
                "an account that is gone",
            ]
        );
        assert_eq!(last.iter().filter_map(LastReview::person).collect::<Vec<_>>(), ["Alice-Renamed"]);
        assert_eq!((last[0].id, &last[0].state), (Some(7), &ReviewState::Approved));
    }
}
