//! Who reviewed a workflow run. Never `github.actor`: that is whoever started it, and on a dispatch an App.

use std::fmt;

use crate::{
    finding::Finding,
    subject::Environment,
    world::github::{Approval, GitHub, Repository},
};

/// Somebody who reviewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reviewer {
    /// By login.
    Person(String),
    /// An App, by the login that GitHub gives it: `renovate[bot]`.
    Bot(String),
    /// An account that is no longer there.
    Gone,
}

impl Reviewer {
    fn of(login: Option<&str>) -> Self {
        match login {
            None | Some("ghost") => Self::Gone,
            Some(login) if login.ends_with("[bot]") => Self::Bot(login.to_owned()),
            Some(login) => Self::Person(login.to_owned()),
        }
    }

    /// The login, of a person.
    #[must_use]
    pub fn person(&self) -> Option<&str> {
        match self {
            Self::Person(login) => Some(login),
            Self::Bot(_) | Self::Gone => None,
        }
    }

    #[must_use]
    pub const fn is_bot(&self) -> bool {
        matches!(self, Self::Bot(_))
    }
}

impl fmt::Display for Reviewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(login) => f.write_str(login),
            Self::Bot(login) => write!(f, "{login} (a bot)"),
            Self::Gone => f.write_str("an account that is gone"),
        }
    }
}

/// What was said of one environment, each reviewer once. GitHub tells neither when nor for which attempt of the run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reviews {
    pub approved: Vec<Reviewer>,
    pub rejected: Vec<Reviewer>,
}

impl Reviews {
    /// The reviews among `approvals` that name `environment`. One review can name several; GitHub's environments have no
    /// case. What is neither approved nor rejected is a remark.
    #[must_use]
    pub fn of(approvals: &[Approval], environment: &Environment) -> Self {
        let mut reviews = Self::default();
        let names_it = |name: &String| name.eq_ignore_ascii_case(environment.as_str());
        for approval in approvals.iter().filter(|approval| approval.environments.iter().any(names_it)) {
            let said = match approval.state.as_str() {
                "approved" => &mut reviews.approved,
                "rejected" => &mut reviews.rejected,
                _ => continue,
            };
            let reviewer = Reviewer::of(approval.user.as_deref());
            if !said.contains(&reviewer) {
                said.push(reviewer);
            }
        }
        reviews
    }

    /// The logins of the people who approved.
    pub fn people(&self) -> impl Iterator<Item = &str> {
        self.approved.iter().filter_map(Reviewer::person)
    }
}

/// Who approved a workflow run's deployment to an environment, and who rejected it.
///
/// # Errors
/// Without an answer; no such run; a token without Actions: read.
pub fn approved(
    github: &GitHub,
    repository: &Repository,
    run: u64,
    environment: &Environment,
) -> Result<Reviews, Finding> {
    Ok(Reviews::of(&github.approvals(repository, run)?, environment))
}

/// Several names in a sentence.
#[must_use]
pub fn names<T: fmt::Display>(all: &[T]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Whether two logins are one account: GitHub's have no case.
#[must_use]
pub fn same(one: &str, other: &str) -> bool {
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
        let person = |login: &str| Reviewer::Person(login.to_owned());
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
                vec![Reviewer::Bot("deployer[bot]".to_owned())],
                vec![],
            ),
            ("approved", Some("ghost"), &["production"], vec![Reviewer::Gone], vec![]),
            ("approved", None, &["production"], vec![Reviewer::Gone], vec![]),
        ] {
            let seen = Reviews::of(&[approval(state, user, environments)], &"production".parse().unwrap());
            assert_eq!(seen, Reviews { approved, rejected }, "{state} {user:?} {environments:?}");
        }
    }

    #[test]
    fn a_reviewer_is_named_once_and_people_are_told_from_bots() {
        let reviews =
            ["alice", "deployer[bot]", "alice", "bob"].map(|user| approval("approved", Some(user), &["production"]));
        let seen = Reviews::of(&reviews, &"production".parse().unwrap());
        assert_eq!(seen.people().collect::<Vec<_>>(), ["alice", "bob"]);
        assert_eq!(names(&seen.approved), "alice, deployer[bot] (a bot), bob");
        assert!(same("Alice", "aLICE") && !same("alice", "alice2"));
    }
}
