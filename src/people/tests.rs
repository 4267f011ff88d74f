//! Shapes of commits and pull requests on a fake GitHub: who may approve, and who may not.

use std::time::Duration;

use super::{
    look::PeopleObserver,
    participants::{Participants, ReleasePeople},
};
use crate::{
    config::{people::People, services::source_path::SourcePath},
    context::tests::test_context,
    finding::Finding,
    sandbox::github::{FakeCommit, FakeGitHub, FakePullRequest, account_id},
    secret::Secret,
    subject::Commit,
    world::github::{GitHubAccess, Repository},
};

const SHOP: &str = "acme/shop";
const TOKEN: &str = "ghs_tokenThatReadsTheShop";

fn sha(number: usize) -> String {
    format!("{number:040x}")
}

/// The address that GitHub gives to an account.
fn noreply(login: &str) -> String {
    format!("{}+{login}@users.noreply.github.com", account_id(login))
}

/// A repository with a base commit; production has it.
struct Release {
    fake_github: FakeGitHub,
    head: usize,
    paths: Vec<SourcePath>,
    known: People,
}

impl Release {
    fn new() -> Self {
        let fake_github = FakeGitHub::start().unwrap();
        fake_github.create(SHOP);
        fake_github.grant(TOKEN, SHOP, &["contents=read", "pull_requests=read"]);
        fake_github
            .push(SHOP, FakeCommit { sha: sha(0), files: vec!["services/a/x".to_owned()], ..FakeCommit::default() });
        Self { fake_github, head: 0, paths: Vec::new(), known: People::default() }
    }

    /// Pushes a commit; returns its SHA.
    fn push(&mut self, commit: FakeCommit) -> String {
        self.head += 1;
        self.fake_github.push(SHOP, FakeCommit { sha: sha(self.head), ..commit });
        sha(self.head)
    }

    fn pull(&self, number: u64, opener: Option<&str>, own: Vec<FakeCommit>, brought: &[&str]) {
        let brought = brought.iter().map(ToString::to_string).collect();
        let opener = opener.map(ToOwned::to_owned);
        let pull_request = FakePullRequest { number, opener, own, brought, ..FakePullRequest::default() };
        self.fake_github.add_pull_request(SHOP, pull_request);
    }

    fn look(&self) -> Result<ReleasePeople, Finding> {
        let ctx = test_context();
        let access = GitHubAccess::new(self.fake_github.api_url(), Some(Secret::new(TOKEN.to_owned())));
        let github = ctx.world.github(access).unwrap();
        let repository: Repository = SHOP.parse().unwrap();
        let [base, head]: [Commit; 2] = [sha(0), sha(self.head)].map(|sha| sha.parse().unwrap());
        let commits = github.commits_between(&repository, &base, &head).unwrap().unwrap().commits;
        let observer = PeopleObserver {
            github: &github,
            repository: &repository,
            paths: &self.paths,
            execution: &ctx.execution,
            time_limit: Duration::from_secs(30),
        };
        let people = observer.observe(&commits);
        assert_eq!(self.fake_github.violations(), [""; 0]);
        people
    }

    fn participants(&self) -> Participants {
        Participants::of([], Some(&self.look().unwrap()), &self.known)
    }
}

/// A commit by an account, made in the browser or by a push of the same account.
fn by(login: &str) -> FakeCommit {
    FakeCommit {
        author: Some(login.to_owned()),
        committer: Some(login.to_owned()),
        author_name: login.to_owned(),
        author_email: format!("{login}@shop.example"),
        message: "work".to_owned(),
        ..FakeCommit::default()
    }
}

/// The same commit, made by GitHub: a merge, a squash, an edit in the browser.
fn in_browser(commit: FakeCommit) -> FakeCommit {
    FakeCommit {
        committer: Some("web-flow".to_owned()),
        committer_email: "noreply@github.com".to_owned(),
        is_signed_by_github: true,
        ..commit
    }
}

fn with_message(commit: FakeCommit, message: &str) -> FakeCommit {
    FakeCommit { message: message.to_owned(), ..commit }
}

/// A commit whose address belongs to no account.
fn unlinked(name: &str) -> FakeCommit {
    FakeCommit { author: None, committer: None, author_email: format!("{name}@elsewhere.example"), ..by(name) }
}

fn bot(commit: FakeCommit) -> FakeCommit {
    FakeCommit {
        author: Some("renovate[bot]".to_owned()),
        author_name: "renovate[bot]".to_owned(),
        author_email: noreply("renovate[bot]"),
        ..in_browser(commit)
    }
}

/// A commit of a pull request; its number is not one of the branch.
fn own(number: usize, commit: FakeCommit) -> FakeCommit {
    FakeCommit { sha: sha(1000 + number), ..commit }
}

/// A shape: its name, how it is made, who may not approve it, and how many of its authors are unknown. `erin` had no part in any
/// of them.
type Shape = (&'static str, fn(&mut Release), &'static [&'static str], usize);

const SHAPES: &[Shape] = &[
    (
        "a squash that names a co-author",
        |release| {
            release.fake_github.add_address("bob", "bob@shop.example");
            let message = "Coupons (#5)\n\nCo-authored-by: Bob <bob@shop.example>";
            let squash = release.push(in_browser(with_message(by("alice"), message)));
            release.pull(5, Some("alice"), vec![own(1, by("alice"))], &[&squash]);
        },
        &["alice", "bob"],
        0,
    ),
    (
        "a squash from whose message a co-author was removed",
        |release| {
            let squash = release.push(in_browser(with_message(by("alice"), "Coupons (#5)")));
            release.pull(5, Some("alice"), vec![own(1, by("alice")), own(2, by("bob"))], &[&squash]);
        },
        &["alice", "bob"],
        0,
    ),
    (
        "a merge commit",
        |release| {
            release.head += 1;
            let feature = FakeCommit { sha: sha(release.head), parents: Some(vec![sha(0)]), ..by("bob") };
            release.fake_github.push_to(SHOP, "feature", feature.clone());
            let parents = Some(vec![sha(0), feature.sha.clone()]);
            let merge = release.push(FakeCommit { parents, ..in_browser(by("carol")) });
            release.pull(5, Some("bob"), vec![feature.clone()], &[&merge, &feature.sha]);
        },
        &["bob", "carol"],
        0,
    ),
    (
        "a rebase merge, which a maintainer committed",
        |release| {
            let rebased = release.push(FakeCommit { committer: Some("carol".to_owned()), ..by("bob") });
            release.pull(5, Some("bob"), vec![own(1, by("bob"))], &[&rebased]);
        },
        &["bob", "carol"],
        0,
    ),
    ("a direct push", |release| drop(release.push(by("alice"))), &["alice"], 0),
    (
        "a patch that another person committed",
        |release| drop(release.push(FakeCommit { committer: Some("dan".to_owned()), ..by("alice") })),
        &["alice", "dan"],
        0,
    ),
    ("an edit in the browser", |release| drop(release.push(in_browser(by("alice")))), &["alice"], 0),
    (
        "a commit of an App with a co-author",
        |release| {
            release.fake_github.add_address("bob", "bob@shop.example");
            let message = "Update\n\nCo-authored-by: Bob <bob@shop.example>";
            let update = release.push(with_message(bot(by("x")), message));
            release.pull(5, Some("renovate[bot]"), vec![own(1, bot(by("x")))], &[&update]);
        },
        &["bob"],
        0,
    ),
    (
        "a pull request of GitHub's agent, for the person who is assigned to it",
        |release| {
            let agent = |commit: FakeCommit| FakeCommit { author_email: noreply("Copilot"), ..commit };
            let squash = release.push(in_browser(agent(by("Copilot"))));
            release.fake_github.add_pull_request(
                SHOP,
                FakePullRequest {
                    number: 5,
                    opener: Some("Copilot".to_owned()),
                    assignees: vec!["Copilot".to_owned(), "bob".to_owned()],
                    own: vec![own(1, agent(by("Copilot")))],
                    brought: vec![squash],
                    ..FakePullRequest::default()
                },
            );
        },
        &["bob"],
        0,
    ),
    ("an address of no account", |release| drop(release.push(unlinked("mallory"))), &[], 1),
    (
        "a commit that two merged pull requests brought, and one that is open",
        |release| {
            let commit = release.push(in_browser(by("alice")));
            release.pull(5, Some("alice"), vec![own(1, by("bob"))], &[&commit]);
            release.pull(6, Some("carol"), vec![own(2, by("carol"))], &[&commit]);
            release.fake_github.add_pull_request(
                SHOP,
                FakePullRequest {
                    number: 7,
                    opener: Some("erin".to_owned()),
                    is_open: true,
                    brought: vec![commit],
                    ..FakePullRequest::default()
                },
            );
        },
        &["alice", "bob", "carol"],
        0,
    ),
    (
        "a pull request of a deleted account",
        |release| {
            let squash = release.push(in_browser(by("alice")));
            release.pull(5, None, vec![own(1, unlinked("ghost"))], &[&squash]);
        },
        &["alice"],
        2,
    ),
    (
        "a login in another case",
        |release| {
            release.push(by("Alice"));
            let commit = release.push(by("bob"));
            release.pull(5, Some("aLICE"), Vec::new(), &[&commit]);
        },
        &["alice", "bob"],
        0,
    ),
    (
        "an opener who wrote nothing",
        |release| {
            let squash = release.push(in_browser(by("alice")));
            release.pull(5, Some("dan"), vec![own(1, by("alice"))], &[&squash]);
        },
        &["alice", "dan"],
        0,
    ),
    (
        "a revert: who reverts has a part, and so has who wrote what is gone",
        |release| {
            release.push(by("alice"));
            release.push(in_browser(with_message(by("bob"), "Revert \"work\"")));
        },
        &["alice", "bob"],
        0,
    ),
    (
        "a repository of several services",
        |release| {
            release.paths = vec!["services/a/**".parse().unwrap()];
            release.push(FakeCommit { files: vec!["services/a/x".to_owned()], ..by("alice") });
            release.push(FakeCommit { files: vec!["services/ab/x".to_owned(), "docs/y".to_owned()], ..by("erin") });
        },
        &["alice"],
        0,
    ),
];

#[test]
fn who_had_a_part_may_not_approve_and_others_may() {
    assert!(SHAPES.len() >= 15);
    for (shape, make, excluded, unknown) in SHAPES {
        let mut release = Release::new();
        make(&mut release);
        let participants = release.participants();
        let logins: Vec<&str> = participants.excluded.keys().map(String::as_str).collect();
        assert_eq!(logins, *excluded, "{shape}");
        assert!(!logins.contains(&"erin"), "{shape}");
        assert_eq!(participants.unknown.len(), *unknown, "{shape}: {:?}", participants.unknown);
    }
}

#[test]
fn the_assigned_person_counts_for_a_machine_only() {
    let assigned = |opener: &str, machines: &[&str]| {
        let mut release = Release::new();
        release.known.machines = machines.iter().map(|login| login.parse().unwrap()).collect();
        let commit = release.push(in_browser(by("alice")));
        release.fake_github.add_pull_request(
            SHOP,
            FakePullRequest {
                number: 5,
                opener: Some(opener.to_owned()),
                assignees: vec!["bob".to_owned()],
                brought: vec![commit],
                ..FakePullRequest::default()
            },
        );
        release.participants().excluded.into_keys().collect::<Vec<_>>()
    };
    assert_eq!(assigned("dan", &[]), ["alice", "dan"], "a person opened it, and another one reviews");
    assert_eq!(assigned("renovate[bot]", &[]), ["alice", "bob"]);
    assert_eq!(assigned("dan", &["Dan"]), ["alice", "bob"], "a user that a program uses");
    assert_eq!(assigned("dan", &["alice"]), ["bob", "dan"], "the author is such a user");
}

#[test]
fn the_address_of_an_app_is_no_unknown_author_but_proves_nothing_alone() {
    let co_author = |address: &str| format!("work\n\nCo-authored-by: X <{address}>");
    for (commit, unknown) in [
        // GitHub made the commit.
        (bot(by("x")), 0),
        // Anyone can write this.
        (FakeCommit { is_signed_by_github: false, ..bot(by("x")) }, 1),
        (with_message(by("alice"), &co_author(&noreply("renovate[bot]"))), 0),
        (with_message(by("alice"), &co_author("renovate[bot]@users.noreply.github.com")), 0),
        // Another account has this number.
        (with_message(by("alice"), &co_author("7+renovate[bot]@users.noreply.github.com")), 1),
        (with_message(by("alice"), &co_author("nobody[bot]@users.noreply.github.com")), 1),
        (with_message(by("alice"), &co_author("renovate[bot]@elsewhere.example")), 1),
        (with_message(by("alice"), &co_author("../../x@users.noreply.github.com")), 1),
    ] {
        let mut release = Release::new();
        release.fake_github.add_user("renovate[bot]");
        let message = commit.message.clone();
        release.push(commit);
        let participants = release.participants();
        assert_eq!(participants.unknown.len(), unknown, "{message}: {:?}", participants.unknown);
    }
}

#[test]
fn a_pull_request_of_many_commits_is_read_to_its_end() {
    for (count, hidden, unknown) in [(49, 0, 0), (51, 0, 0), (120, 0, 0), (120, 7, 1)] {
        let mut release = Release::new();
        let squash = release.push(in_browser(by("alice")));
        let commits = (0..count).map(|number| own(number, by(&format!("author-{number}")))).collect();
        let brought = vec![squash];
        let pull_request = FakePullRequest { number: 5, own: commits, hidden, brought, ..FakePullRequest::default() };
        let opener = Some("alice".to_owned());
        release.fake_github.add_pull_request(SHOP, FakePullRequest { opener, ..pull_request });
        let participants = release.participants();
        assert_eq!(participants.excluded.len(), count + 1);
        assert_eq!(participants.unknown.len(), unknown, "{:?}", participants.unknown);
    }
    let mut release = Release::new();
    let squash = release.push(in_browser(by("alice")));
    let crowd: String = (0..30).map(|number| format!("\nCo-authored-by: N <n{number}@x.example>")).collect();
    release.pull(5, Some("alice"), vec![own(1, with_message(by("bob"), &crowd))], &[&squash]);
    assert_eq!(release.participants().unknown.len(), 30);
}

#[test]
fn fifty_pull_requests_take_two_queries() {
    let mut release = Release::new();
    for number in 1..=50 {
        let squash = release.push(in_browser(by(&format!("author-{number}"))));
        release.pull(number, Some("alice"), Vec::new(), &[&squash]);
    }
    assert_eq!(release.participants().excluded.len(), 51);
    let queries = release.fake_github.requests().into_iter().filter(|request| request.path == "/graphql").count();
    assert_eq!(queries, 3, "one for the commits, and one for 25 pull requests");
}

#[test]
fn paths_that_nothing_changes_exclude_everyone_and_paths_that_do_not_exist_are_inconclusive() {
    let release = |path: &str| {
        let mut release = Release::new();
        release.paths = vec![path.parse().unwrap()];
        release.push(FakeCommit { files: vec!["docs/y".to_owned()], ..by("alice") });
        release
    };
    let unchanged = release("services/a");
    assert_eq!(unchanged.participants().excluded.into_keys().collect::<Vec<_>>(), ["alice"]);
    assert_eq!(unchanged.look().unwrap().touching.unwrap().touching, 0);
    let finding = release("services/b").look().unwrap_err().to_string();
    assert!(finding.starts_with("paths: commit 0000000 has no `services/b`"), "{finding}");
    assert!(finding.contains("correct `paths`"), "{finding}");
}
