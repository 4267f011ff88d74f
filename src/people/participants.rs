//! Decides who had a part in a release: the people who started a run, wrote or committed a commit, or opened its pull request. Pure.

use std::collections::BTreeMap;

use crate::{
    config::people::People,
    values::{clip, short_sha},
    world::github::{Account, CommitPeople, GitActor, PullRequestPeople, SourceCommit, WorkflowRun, is_machine_login},
};

/// Length limit of a name from a commit, in characters.
const MAX_NAME: usize = 80;

/// What authors without an account mean for a promotion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum UnknownAuthors {
    /// The approver sees how many there are.
    Show,
    /// The approver may be one of them.
    Block,
}

/// What GitHub shows of the people behind the commits of a release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReleasePeople {
    /// The commits that count, oldest first.
    pub commits: Vec<CommitPart>,
    /// The merged pull requests that brought them.
    pub pull_requests: Vec<PullRequestPeople>,
    /// The accounts of addresses that belong to no user: Apps, for most of them.
    pub accounts: BTreeMap<String, Account>,
    /// How many commits touch the service's paths; `None` if it has no paths.
    pub touching: Option<TouchingCommits>,
}

/// A commit, as both of GitHub's APIs show it: only REST names an App as author, only GraphQL the co-authors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitPart {
    pub source: SourceCommit,
    pub people: CommitPeople,
}

/// How many of the commits touch the service's paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TouchingCommits {
    pub touching: usize,
    pub all: usize,
    pub paths: Vec<String>,
}

/// Everyone who had a part in a release, as far as that was observed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Participants {
    /// By login in lower case, so that each person is listed once.
    pub excluded: BTreeMap<String, Participant>,
    /// Who had a part and cannot be named by a login, each once: `3f2a1b0 by Mallory`.
    pub unknown: BTreeMap<String, String>,
}

/// A person's part in a release.
#[derive(Debug, PartialEq, Eq)]
pub struct Participant {
    /// As GitHub writes it.
    pub login: String,
    pub roles: Vec<&'static str>,
    pub is_author: bool,
}

/// Who is behind an author of a commit.
enum Author<'a> {
    Person(&'a str),
    Machine(&'a str),
    Unknown,
}

impl ReleasePeople {
    /// The authors and co-authors whose address is of no user.
    pub fn unlinked(&self) -> impl Iterator<Item = &GitActor> {
        let commits = self.commits.iter().flat_map(|commit| {
            // REST names the account of an App that wrote a commit.
            commit.people.authors.iter().skip(usize::from(commit.source.author.is_some()))
        });
        let pull_requests = self.pull_requests.iter().flat_map(|one| one.authors.iter().map(|(_, author)| author));
        commits.chain(pull_requests).filter(|actor| actor.login.is_none())
    }

    fn author<'a>(&'a self, actor: &'a GitActor, in_rest: Option<&'a Account>, known: &People) -> Author<'a> {
        let found = || in_rest.or_else(|| self.accounts.get(actor.email.as_deref()?));
        let (login, is_machine) = match (&actor.login, found()) {
            (Some(login), _) => (login, is_machine_login(login)),
            (None, Some(account)) => (&account.login, account.is_machine()),
            (None, None) => return Author::Unknown,
        };
        if is_machine || known.is_machine(login) { Author::Machine(login) } else { Author::Person(login) }
    }
}

impl Participants {
    /// Counts the people of the runs and of the commits. `known` names the accounts of users by which no person acts.
    pub fn of<'a>(
        runs: impl IntoIterator<Item = (&'a WorkflowRun, &'static str)>,
        release: Option<&ReleasePeople>,
        known: &People,
    ) -> Self {
        let mut participants = Self::default();
        for (WorkflowRun { actor, triggering_actor, .. }, role) in runs {
            for login in [actor, triggering_actor].into_iter().flatten() {
                participants.add(login, role, false, known);
            }
        }
        let Some(release) = release else { return participants };
        let mut of_machines = Vec::new();
        for commit in &release.commits {
            if participants.add_commit(release, commit, known) {
                of_machines.extend(&commit.people.pull_requests);
            }
        }
        for pull_request in &release.pull_requests {
            let is_of_machine = of_machines.contains(&&pull_request.id);
            participants.add_pull_request(release, pull_request, is_of_machine, known);
        }
        participants
    }

    /// Adds the people of a commit. Returns whether a machine is one of its authors.
    fn add_commit(&mut self, release: &ReleasePeople, commit: &CommitPart, known: &People) -> bool {
        let CommitPart { source, people } = commit;
        let sha = short_sha(&source.sha);
        let (mut author, mut is_of_machine) = (None, false);
        for (index, actor) in people.authors.iter().enumerate() {
            let in_rest = source.author.as_ref().filter(|_| index == 0);
            match release.author(actor, in_rest, known) {
                Author::Person(login) => self.add(login, "wrote it", true, known),
                Author::Machine(login) => {
                    author = author.or(Some(login).filter(|_| index == 0));
                    is_of_machine = true;
                }
                Author::Unknown => self.add_unknown(actor, sha),
            }
        }
        let is_author = |committer: &GitActor| people.authors.iter().any(|author| author.email == committer.email);
        match (&people.committer, &source.committer) {
            (Some(GitActor { login: Some(login), .. }), _) => self.add(login, "committed it", false, known),
            (_, Some(account)) if account.is_machine() => {}
            (_, Some(account)) => self.add(&account.login, "committed it", false, known),
            (Some(committer), None) if !is_author(committer) => self.add_unknown(committer, sha),
            _ => {}
        }
        // Anyone can write a commit with the address of an App.
        if let Some(author) = author
            && !people.is_signed_by_github
            && people.pull_requests.is_empty()
        {
            let claim = format!("{sha}, which names {author}, without a pull request and GitHub's signature");
            self.unknown.insert(source.sha.clone(), claim);
        }
        is_of_machine
    }

    fn add_pull_request(
        &mut self,
        release: &ReleasePeople,
        pull_request: &PullRequestPeople,
        mut is_of_machine: bool,
        known: &People,
    ) {
        let PullRequestPeople { number, opener, assignees, authors, hidden_commits, .. } = pull_request;
        for (sha, actor) in authors {
            match release.author(actor, None, known) {
                Author::Person(login) => self.add(login, "wrote it", true, known),
                Author::Machine(_) => is_of_machine = true,
                Author::Unknown => self.add_unknown(actor, short_sha(sha)),
            }
        }
        match opener {
            Some(account) if account.is_machine() || known.is_machine(&account.login) => is_of_machine = true,
            Some(account) => self.add(&account.login, "opened its pull request", false, known),
            None => drop(self.unknown.insert(format!("#{number}"), format!("#{number} by a deleted account"))),
        }
        // An agent works for the people who are assigned to its pull request.
        for login in assignees.iter().filter(|_| is_of_machine) {
            self.add(login, "is assigned to its pull request", false, known);
        }
        if *hidden_commits > 0 {
            let claim = format!("#{number}, of which GitHub does not show {hidden_commits} commits");
            self.unknown.insert(format!("#{number} commits"), claim);
        }
    }

    fn add(&mut self, login: &str, role: &'static str, is_author: bool, known: &People) {
        if is_machine_login(login) || known.is_machine(login) {
            return;
        }
        let participant = self.excluded.entry(login.to_lowercase());
        let participant =
            participant.or_insert_with(|| Participant { login: login.to_owned(), roles: Vec::new(), is_author: false });
        participant.is_author |= is_author;
        if !participant.roles.contains(&role) {
            participant.roles.push(role);
        }
    }

    fn add_unknown(&mut self, actor: &GitActor, sha: &str) {
        let name = clip(actor.name.as_deref().unwrap_or("no name"), MAX_NAME);
        let key = actor.email.as_deref().filter(|email| !email.is_empty()).unwrap_or(&name).to_lowercase();
        self.unknown.entry(key).or_insert_with(|| format!("{sha} by {name}"));
    }
}
