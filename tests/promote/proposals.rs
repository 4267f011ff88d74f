//! `mode: pull-request`: one branch and one pull request for each evidence id.

use promote_gates::sandbox::{
    github::{FakeGitHub, InjectedFault},
    infra::Infra,
    server::FakeResponse,
};

use super::*;
use crate::{
    faults::Story,
    patience::{RACE, RACE_TIMEOUT},
    relay::Relay,
    shop::{INFRA, effects, git_with_input},
};

const WRITER: &str = "ghs_writer";
const SOURCE: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const BASE: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// The infra repository in git, and on the fake GitHub.
pub struct Proposals {
    pub shop: Shop,
    pub fake_github: FakeGitHub,
    /// When the test began: deliveries of the same evidence say the same time.
    began: jiff::Timestamp,
}

/// One validation: its number, and how many minutes ago it was.
#[derive(Clone, Copy)]
pub struct Validation {
    number: u64,
    tag: &'static str,
    minutes: i64,
}

pub const FIRST: Validation = Validation { number: 1, tag: "1.4.2", minutes: 30 };
pub const SECOND: Validation = Validation { number: 2, tag: "1.4.3", minutes: 10 };

impl Validation {
    pub fn branch(self) -> String {
        format!("promote/production/{SERVICE}/{:064x}", self.number)
    }

    /// The report of `evidence` in run `id`, of a test that began then.
    fn report(self, began: jiff::Timestamp, id: u64) -> Report {
        let at = rfc3339(began - jiff::SignedDuration::from_mins(self.minutes));
        let mut outputs = validated(self.number, &at);
        let people = json!({ "count": 2, "sha256": "c".repeat(64), "runs": [5], "head": SOURCE, "base": BASE });
        outputs.insert("people".to_owned(), people.to_string());
        for (name, value) in
            [("excluded", "ada\nmallory"), ("repository-id", "74"), ("bundle-size", "7 raw"), ("tests", "41")]
        {
            outputs.insert(name.to_owned(), value.to_owned());
        }
        let run = Run { repository: INFRA.to_owned(), url: run_url(id), ..run(id) };
        let report = report("evidence", Verdict::Passed);
        Report { outputs, run: Some(run), subject: subject_with_tag(self.tag), ..report }
    }
}

pub fn run_url(id: u64) -> String {
    format!("https://github.com/{INFRA}/actions/runs/{id}/attempts/1")
}

impl Proposals {
    pub fn new() -> Self {
        let (shop, fake_github) = (Shop::new(), FakeGitHub::start().unwrap());
        fake_github.create(INFRA);
        fake_github.grant(WRITER, INFRA, &["contents=write", "pull_requests=write"]);
        fake_github.serve_git(INFRA, Infra::at(shop.infra.path().parent().unwrap()));
        Self { shop, fake_github, began: SystemClock::new().wall() }
    }

    pub fn step(&self, checkout: &Path, validation: Validation, id: u64) -> Runner {
        step(checkout, SERVICE, validation.tag)
            .env("GITHUB_API_URL", &self.fake_github.api_url())
            .env("GITHUB_REPOSITORY", INFRA)
            .env("GITHUB_RUN_ID", &id.to_string())
            .input("mode", "pull-request")
            .input("require", "")
            .input("token", WRITER)
            .input("results", &needs(&[validation.report(self.began, id)]))
    }

    /// A step that merges a pull request, approved at `head` by bob.
    pub fn merge_step(&self, checkout: &Path, id: u64, head: &str, method: &str) -> Runner {
        let run = Run { repository: INFRA.to_owned(), url: run_url(id), ..run(id) };
        let approved = [("approver", "bob"), ("pull-request", "1"), ("head", head)];
        let outputs: BTreeMap<String, String> =
            approved.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let of_run = |command| Report { run: Some(run.clone()), ..report(command, Verdict::Passed) };
        let reports = [Report { outputs, ..of_run("approval") }, of_run("wait")];
        self.step(checkout, FIRST, id).input("merge", method).input("results", &needs(&reports))
    }

    /// The message of the last commit of main.
    pub fn message(&self) -> String {
        git(self.shop.infra.path(), &["log", "-1", "--format=%B", "main"])
    }

    pub fn propose(&self, validation: Validation, id: u64) -> Ended {
        let checkout = self.shop.checkout(&format!("clone-{id}"), &["--depth=1"]);
        let ended = self.step(&checkout, validation, id).run(&["promote"]);
        assert_eq!(self.fake_github.violations(), [""; 0], "{}", ended.log);
        ended
    }

    /// Number, branch and state of every pull request.
    pub fn pull_requests(&self) -> Vec<(u64, String, bool)> {
        let all = self.fake_github.pull_requests(INFRA);
        all.into_iter().map(|one| (one.number, one.branch, one.is_open)).collect()
    }

    /// The branches with promotions, and how many commits each has.
    pub fn branches(&self) -> Vec<(String, usize)> {
        let path = self.shop.infra.path();
        let names = git(path, &["for-each-ref", "--format=%(refname:short)", "refs/heads/promote"]);
        let count = |name: &str| git(path, &["rev-list", "--count", &format!("main..{name}")]).parse().unwrap();
        names.lines().map(|name| (name.to_owned(), count(name))).collect()
    }
}

/// A validation that replaces an older one, whose pull request is open, behind a relay.
pub fn story() -> Story {
    let stage = Proposals::new();
    stage.propose(FIRST, 7);
    let dir = stage.shop.checkout("infra", &["--depth=1"]);
    let relay = Relay::start(&stage.fake_github.api_url(), stage.shop.infra.path().parent().unwrap());
    git(&dir, &["remote", "set-url", "origin", &format!("{}/infra.git", relay.url())]);
    let runner = stage.step(&dir, SECOND, 8).env("GITHUB_API_URL", relay.url()).input("timeout", "2m");
    Story::new(relay, runner, "promote", move || {
        // The whole stage, with its folder.
        let stage = &stage;
        let branches = stage.branches().into_iter().map(|(name, commits)| format!("{name}: {commits}"));
        let issues = stage.fake_github.issues(INFRA);
        let issues = issues.into_iter().map(|issue| {
            let comments = stage.fake_github.comments(INFRA, issue.number).len();
            format!("#{} {}, {:?}, {comments} comments", issue.number, issue.state, issue.labels)
        });
        branches.chain(issues).chain(stage.fake_github.violations()).collect()
    })
}

#[test]
fn a_promotion_is_one_commit_on_its_branch_and_one_pull_request() {
    let stage = Proposals::new();
    let ended = stage.propose(FIRST, 7);
    assert_eq!((ended.code, effects(&ended)), (0, vec!["applied"; 3]), "{}", ended.log);
    assert_eq!(stage.branches(), [(FIRST.branch(), 1)]);
    assert_eq!(stage.shop.log("%s"), [""; 0], "nothing is on main");
    let message = git(stage.shop.infra.path(), &["log", "-1", "--format=%B", &FIRST.branch()]);
    let trailers =
        git_with_input(stage.shop.infra.path(), &["interpret-trailers", "--parse"], &(message.clone() + "\n"));
    for part in [
        format!("Evidence: {:064x}", 1),
        format!("Workflow: {}", run_url(7)),
        "Required: evidence".to_owned(),
        format!(
            "People: {{\"count\":2,\"sha256\":\"{}\",\"runs\":[5],\"head\":\"{SOURCE}\",\"base\":\"{BASE}\"}}",
            "c".repeat(64)
        ),
    ] {
        assert!(trailers.lines().any(|line| line == part), "{part} in {trailers}");
    }
    assert!(!trailers.contains("Approved-by"), "{trailers}");

    let issue = &stage.fake_github.issues(INFRA)[0];
    assert_eq!(issue.title, "promote(production): checkout-service → 1.4.2");
    assert_eq!(issue.labels, ["promotion"]);
    let body = issue.body.as_deref().unwrap();
    for part in [BEFORE, AFTER, "ada, mallory", "/actions/runs/5", "/compare/", "Opened by `promote`"] {
        assert!(body.contains(part), "{part} in {body}");
    }
    let pull_request = &stage.fake_github.pull_requests(INFRA)[0];
    assert_eq!((pull_request.files.as_slice(), pull_request.own.len()), (&[FILE.to_owned()][..], 1));
    assert_eq!(ended.outputs["pull-request"], pull_request.number.to_string());
    assert_eq!(ended.outputs["commit"], pull_request.own[0].sha);
    assert_eq!((&*ended.outputs["changed"], &*ended.outputs["subjects"]), ("true", "[]"));

    // Another delivery, and another commit on main in between.
    stage.shop.edit(FILE, "more replicas", |text| text.replace("count: 4", "count: 6"));
    let again = stage.propose(FIRST, 8);
    assert_eq!((again.code, effects(&again)), (0, vec!["already"; 3]), "{}", again.log);
    assert_eq!((&again.outputs["commit"], &*again.outputs["changed"]), (&ended.outputs["commit"], "false"));
    assert_eq!((stage.branches().len(), stage.pull_requests().len()), (1, 1));
}

#[test]
fn a_newer_validation_closes_the_older_pull_request_and_says_why() {
    let stage = Proposals::new();
    stage.propose(FIRST, 7);
    let ended = stage.propose(SECOND, 8);
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert!(ended.log.contains("#1 replaced by #2"), "{}", ended.log);
    assert_eq!(stage.pull_requests(), [(1, FIRST.branch(), false), (2, SECOND.branch(), true)]);
    let comments = stage.fake_github.comments(INFRA, 1);
    assert_eq!(comments.len(), 1);
    for part in ["Closed: #2 replaces it.", "checkout-service:1.4.2 (validated", "checkout-service:1.4.3 (validated"] {
        assert!(comments[0].body.contains(part), "{part} in {}", comments[0].body);
    }
    // The older validation comes again: it opens nothing.
    let late = stage.propose(FIRST, 9);
    assert_eq!((late.code, &*late.outputs["verdict"]), (1, "blocked"), "{}", late.log);
    assert!(late.log.contains("#2 promotes ghcr.io/acme/checkout-service:1.4.3"), "{}", late.log);
    assert_eq!((stage.pull_requests().len(), stage.branches().len()), (2, 2));
    assert_eq!(stage.fake_github.comments(INFRA, 2).len(), 0);
}

#[test]
fn an_older_validation_that_comes_late_opens_nothing() {
    let stage = Proposals::new();
    stage.propose(SECOND, 7);
    let late = stage.propose(FIRST, 8);
    assert_eq!((late.code, &*late.outputs["verdict"]), (1, "blocked"), "{}", late.log);
    assert_eq!(stage.pull_requests(), [(1, SECOND.branch(), true)]);
    assert_eq!(stage.branches(), [(SECOND.branch(), 1)]);
}

#[test]
fn what_a_person_closed_or_pushed_over_is_not_opened_again() {
    let stage = Proposals::new();
    stage.propose(FIRST, 7);
    stage.fake_github.close_pull_request(INFRA, 1);
    let again = stage.propose(FIRST, 8);
    assert_eq!((again.code, stage.pull_requests().len()), (1, 1), "{}", again.log);
    assert!(again.log.contains("#1 of this evidence was closed"), "{}", again.log);

    let stage = Proposals::new();
    stage.propose(FIRST, 7);
    let path = stage.shop.infra.path();
    git(path, &["update-ref", &format!("refs/heads/{}", FIRST.branch()), &stage.shop.first]);
    let again = stage.propose(FIRST, 8);
    assert_eq!((again.code, &*again.outputs["verdict"]), (1, "blocked"), "{}", again.log);
    assert!(again.log.contains("which is no commit of this promotion"), "{}", again.log);
    assert_eq!(git(path, &["rev-parse", &FIRST.branch()]), stage.shop.first, "the branch is not moved");
}

#[test]
fn concurrent_deliveries_open_one_pull_request() {
    let stage = Proposals::new();
    let checkout = stage.shop.checkout("clone", &["--depth=1"]);
    let steps: Vec<Runner> =
        (1..=20).map(|id| stage.step(&checkout, FIRST, id).input("timeout", RACE_TIMEOUT)).collect();
    let started: Vec<_> = steps.iter().map(|step| step.start(&["promote"])).collect();
    let ended: Vec<Ended> = started.into_iter().map(|started| started.end_within(RACE)).collect();
    assert_eq!(stage.fake_github.violations(), [""; 0]);
    assert_eq!((stage.branches(), stage.pull_requests()), (vec![(FIRST.branch(), 1)], vec![(1, FIRST.branch(), true)]));
    for ended in &ended {
        assert_eq!((ended.code, &*ended.outputs["pull-request"]), (0, "1"), "{}", ended.log);
    }
    assert_eq!(ended.iter().filter(|ended| ended.outputs["changed"] == "true").count(), 1);
}

#[test]
fn a_lost_answer_opens_no_second_pull_request() {
    for pattern in ["POST /repos/acme/infra/pulls", "POST /repos/acme/infra/issues/1/labels"] {
        let stage = Proposals::new();
        stage.fake_github.fail_at(pattern, 1, InjectedFault::AfterEffect(FakeResponse::status(502)));
        let ended = stage.propose(FIRST, 7);
        assert_eq!((ended.code, effects(&ended)), (0, vec!["applied"; 3]), "{pattern}: {}", ended.log);
        assert_eq!(stage.pull_requests().len(), 1);
    }
    // The labels are refused: the pull request is open, and the next run goes on.
    let stage = Proposals::new();
    let fault = || InjectedFault::WithoutEffect(FakeResponse::json(403, &json!({ "message": "no" })));
    stage.fake_github.fail_at("/labels", 1, fault());
    let ended = stage.propose(FIRST, 7);
    assert_eq!((ended.code, &*ended.outputs["pull-request"]), (3, "1"), "{}", ended.log);
    let again = stage.propose(FIRST, 8);
    assert_eq!((again.code, effects(&again)), (0, vec!["already", "already", "applied"]), "{}", again.log);
}

#[test]
fn a_dry_run_opens_nothing_and_settings_are_checked() {
    let stage = Proposals::new();
    let checkout = stage.shop.checkout("clone", &["--depth=1"]);
    let ended = stage.step(&checkout, FIRST, 7).input("dry-run", "true").run(&["promote"]);
    assert_eq!((ended.code, effects(&ended)), (0, vec!["planned"; 2]), "{}", ended.log);
    let without = Report { outputs: validated(1, &rfc3339(SystemClock::new().wall())), ..FIRST.report(stage.began, 7) };
    let ended = stage.step(&checkout, FIRST, 7).input("results", &needs(&[without])).run(&["promote"]);
    assert_eq!((ended.code, ended.log.contains("no output `people`")), (3, true), "{}", ended.log);
    for (key, value, words) in [
        ("require", "none", "`evidence` with `mode: pull-request`"),
        ("require", "wait", "`evidence` with `mode: pull-request`"),
        ("token", "", "Pull requests: write"),
        ("mode", "merge", "`mode` (input)"),
        ("labels", "a,b", "the name of a label"),
    ] {
        let ended = stage.step(&checkout, FIRST, 7).input(key, value).run(&["promote"]);
        assert_eq!(ended.code, 2, "{key}: {}", ended.log);
        assert!(ended.log.contains(words), "{key}: {words}: {}", ended.log);
    }
    assert_eq!((stage.branches().len(), stage.pull_requests().len()), (0, 0));
}
