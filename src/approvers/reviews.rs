//! The reviews of a workflow run, and their authors.

use std::fmt;

use crate::{subject::Environment, world::github::Approval};

/// The account that submitted a review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReviewAuthor {
    /// By login.
    Person(String),
    /// An App, by the login that GitHub gives it: `renovate[bot]`.
    Bot(String),
    /// A deleted account.
    Deleted,
}

impl ReviewAuthor {
    fn from_login(login: Option<&str>) -> Self {
        match login {
            None | Some("ghost") => Self::Deleted,
            Some(login) if login.ends_with("[bot]") => Self::Bot(login.to_owned()),
            Some(login) => Self::Person(login.to_owned()),
        }
    }

    /// The login of a person; `None` for a bot or a deleted account.
    #[must_use]
    pub fn person(&self) -> Option<&str> {
        match self {
            Self::Person(login) => Some(login),
            Self::Bot(_) | Self::Deleted => None,
        }
    }

    #[must_use]
    pub const fn is_bot(&self) -> bool {
        matches!(self, Self::Bot(_))
    }
}

impl fmt::Display for ReviewAuthor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(login) => f.write_str(login),
            Self::Bot(login) => write!(f, "{login} (a bot)"),
            Self::Deleted => f.write_str("an account that is gone"),
        }
    }
}

/// The reviews for one environment, each author once. GitHub gives neither the time of a review nor the attempt of the run
/// that it belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reviews {
    pub approved: Vec<ReviewAuthor>,
    pub rejected: Vec<ReviewAuthor>,
}

impl Reviews {
    /// The reviews among `approvals` that name `environment`. One review can name several environments, and GitHub ignores
    /// the case of their names. Only the states `approved` and `rejected` are a decision; all others are comments.
    #[must_use]
    pub fn for_environment(approvals: &[Approval], environment: &Environment) -> Self {
        let mut reviews = Self::default();
        let is_environment = |name: &String| name.eq_ignore_ascii_case(environment.as_str());
        for approval in approvals.iter().filter(|approval| approval.environments.iter().any(is_environment)) {
            let authors = match approval.state.as_str() {
                "approved" => &mut reviews.approved,
                "rejected" => &mut reviews.rejected,
                _ => continue,
            };
            let author = ReviewAuthor::from_login(approval.user.as_deref());
            if !authors.contains(&author) {
                authors.push(author);
            }
        }
        reviews
    }

    /// The logins of the people who approved.
    pub fn people(&self) -> impl Iterator<Item = &str> {
        self.approved.iter().filter_map(ReviewAuthor::person)
    }
}

/// A comma-separated list of names.
#[must_use]
pub fn join_names<T: fmt::Display>(names: &[T]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Whether two logins are one account: GitHub ignores their case.
#[must_use]
pub fn is_same_login(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn approval(state: &str, user: Option<&str>, environments: &[&str]) -> Approval {
        Approval {
            state: state.to_owned(),
            comment: "::error::x".to_owned(),
            user: user.map(ToOwned::to_owned),
            environments: environments.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn a_review_counts_for_the_environments_it_names() {
        let person = |login: &str| ReviewAuthor::Person(login.to_owned());
        for (state, user, environments, approved, rejected) in [
            ("approved", Some("bob"), &["production"][..], vec![person("bob")], vec![]),
            ("approved", Some("bob"), &["staging", "Production"], vec![person("bob")], vec![]),
            ("approved", Some("bob"), &["production-verify"], vec![], vec![]),
            ("approved", Some("bob"), &[], vec![], vec![]),
            ("rejected", Some("bob"), &["production"], vec![], vec![person("bob")]),
            ("pending", Some("bob"), &["production"], vec![], vec![]),
            ("Approved", Some("bob"), &["production"], vec![], vec![]),
            (
                "approved",
                Some("deployer[bot]"),
                &["production"],
                vec![ReviewAuthor::Bot("deployer[bot]".to_owned())],
                vec![],
            ),
            ("approved", Some("ghost"), &["production"], vec![ReviewAuthor::Deleted], vec![]),
            ("approved", None, &["production"], vec![ReviewAuthor::Deleted], vec![]),
        ] {
            let reviews =
                Reviews::for_environment(&[approval(state, user, environments)], &"production".parse().unwrap());
            assert_eq!(reviews, Reviews { approved, rejected }, "{state} {user:?} {environments:?}");
        }
    }

    #[test]
    fn each_review_author_is_listed_once_and_bots_are_marked() {
        let approvals =
            ["alice", "deployer[bot]", "alice", "bob"].map(|user| approval("approved", Some(user), &["production"]));
        let reviews = Reviews::for_environment(&approvals, &"production".parse().unwrap());
        assert_eq!(reviews.people().collect::<Vec<_>>(), ["alice", "bob"]);
        assert_eq!(join_names(&reviews.approved), "alice, deployer[bot] (a bot), bob");
        assert!(is_same_login("Alice", "aLICE") && !is_same_login("alice", "alice2"));
    }
}
