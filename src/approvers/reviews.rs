//! The reviews of a workflow run, and their authors.

use std::fmt;

use crate::{
    config::people::People,
    subject::Environment,
    world::github::{Account, Approval},
};

/// The account that submitted a review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReviewAuthor {
    /// By login.
    Person(String),
    /// An App, by the login that GitHub gives it: `renovate[bot]`.
    Bot(String),
    /// A user account that a program uses: `people.machines` in the config file names it.
    Machine(String),
    /// An account of another type, with that type: `Organization`, or an empty text.
    Other(String, String),
    /// A deleted account.
    Deleted,
}

impl ReviewAuthor {
    pub(super) fn from_account(account: Option<&Account>, people: &People) -> Self {
        let Some(Account { login, kind }) = account.filter(|account| account.login != "ghost") else {
            return Self::Deleted;
        };
        let login = login.clone();
        match kind.as_str() {
            _ if login.ends_with("[bot]") => Self::Bot(login),
            "Bot" => Self::Bot(login),
            _ if people.is_machine(&login) => Self::Machine(login),
            "User" => Self::Person(login),
            other => Self::Other(login, other.to_owned()),
        }
    }

    /// The login of a person; `None` for every other account.
    #[must_use]
    pub fn person(&self) -> Option<&str> {
        match self {
            Self::Person(login) => Some(login),
            Self::Bot(_) | Self::Machine(_) | Self::Other(..) | Self::Deleted => None,
        }
    }

    /// Whether the account is known not to be a person's.
    #[must_use]
    pub const fn is_no_person(&self) -> bool {
        matches!(self, Self::Bot(_) | Self::Machine(_) | Self::Other(..))
    }
}

impl fmt::Display for ReviewAuthor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(login) => f.write_str(login),
            Self::Bot(login) => write!(f, "{login} (a bot)"),
            Self::Machine(login) => write!(f, "{login} (a machine, by `people.machines`)"),
            Self::Other(login, kind) if kind.is_empty() => write!(f, "{login} (an account of unknown type)"),
            Self::Other(login, kind) => write!(f, "{login} (an account of type {kind})"),
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
    /// Every approval by a person, in GitHub's order: a person can approve a run several times.
    pub approvals: Vec<PersonApproval>,
    /// How many approvals and rejections there are, by any account.
    pub decisions: usize,
}

/// One approval by a person. It covers every job of the run that waited for the environment at that time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonApproval {
    pub login: String,
    /// As the person wrote it; raw.
    pub comment: String,
}

impl Reviews {
    /// The reviews among `approvals` that name `environment`. One review can name several environments, and GitHub ignores
    /// the case of their names. Only the states `approved` and `rejected` are a decision; all others are comments.
    #[must_use]
    pub fn for_environment(approvals: &[Approval], environment: &Environment, people: &People) -> Self {
        let mut reviews = Self::default();
        let is_environment = |name: &String| name.eq_ignore_ascii_case(environment.as_str());
        for approval in approvals.iter().filter(|approval| approval.environments.iter().any(is_environment)) {
            let author = ReviewAuthor::from_account(approval.user.as_ref(), people);
            let authors = match approval.state.as_str() {
                "approved" => {
                    reviews.approvals.extend(
                        author
                            .person()
                            .map(|login| PersonApproval { login: login.to_owned(), comment: approval.comment.clone() }),
                    );
                    &mut reviews.approved
                }
                "rejected" => &mut reviews.rejected,
                _ => continue,
            };
            reviews.decisions += 1;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn approval(state: &str, user: Option<(&str, &str)>, environments: &[&str]) -> Approval {
        Approval {
            state: state.to_owned(),
            comment: "::error::x".to_owned(),
            user: user.map(|(login, kind)| Account { login: login.to_owned(), kind: kind.to_owned() }),
            environments: environments.iter().map(ToString::to_string).collect(),
        }
    }

    fn people() -> People {
        People { machines: vec!["Release-Robot".parse().unwrap()] }
    }

    fn reviews(approvals: &[Approval]) -> Reviews {
        Reviews::for_environment(approvals, &"production".parse().unwrap(), &people())
    }

    #[test]
    fn a_review_counts_for_the_environments_it_names() {
        let bob = ReviewAuthor::Person("bob".to_owned());
        for (state, environments, approved, rejected) in [
            ("approved", &["production"][..], vec![bob.clone()], vec![]),
            ("approved", &["staging", "Production"], vec![bob.clone()], vec![]),
            ("approved", &["production-verify"], vec![], vec![]),
            ("approved", &[], vec![], vec![]),
            ("rejected", &["production"], vec![], vec![bob.clone()]),
            ("pending", &["production"], vec![], vec![]),
            ("Approved", &["production"], vec![], vec![]),
        ] {
            let found = reviews(&[approval(state, Some(("bob", "User")), environments)]);
            assert_eq!((&found.approved, &found.rejected), (&approved, &rejected), "{state} {environments:?}");
            assert_eq!(found.approvals.len(), approved.len());
        }
    }

    #[test]
    fn only_a_user_that_is_no_machine_is_a_person() {
        let approve = |user| reviews(&[approval("approved", user, &["production"])]).approved.remove(0);
        for (user, person, shown) in [
            (Some(("bob", "User")), Some("bob"), "bob"),
            (Some(("deployer[bot]", "Bot")), None, "deployer[bot] (a bot)"),
            (Some(("deployer[bot]", "User")), None, "deployer[bot] (a bot)"),
            (Some(("deployer", "Bot")), None, "deployer (a bot)"),
            (Some(("release-robot", "User")), None, "release-robot (a machine, by `people.machines`)"),
            (Some(("acme", "Organization")), None, "acme (an account of type Organization)"),
            (Some(("dana", "Mannequin")), None, "dana (an account of type Mannequin)"),
            (Some(("dana", "")), None, "dana (an account of unknown type)"),
            (Some(("ghost", "User")), None, "an account that is gone"),
            (None, None, "an account that is gone"),
        ] {
            let author = approve(user);
            assert_eq!((author.person(), author.to_string().as_str()), (person, shown));
            assert_eq!(author.is_no_person(), person.is_none() && author != ReviewAuthor::Deleted, "{author:?}");
        }
    }

    #[test]
    fn each_review_author_is_listed_once_and_every_approval_of_a_person() {
        let approvals = [("alice", "User"), ("deployer[bot]", "Bot"), ("alice", "User"), ("bob", "User")];
        let approvals = approvals.map(|user| approval("approved", Some(user), &["production"]));
        let reviews = reviews(&approvals);
        assert_eq!(reviews.people().collect::<Vec<_>>(), ["alice", "bob"]);
        assert_eq!(join_names(&reviews.approved), "alice, deployer[bot] (a bot), bob");
        let by: Vec<&str> = reviews.approvals.iter().map(|approval| approval.login.as_str()).collect();
        assert_eq!((by, reviews.decisions), (vec!["alice", "alice", "bob"], 4));
    }
}
