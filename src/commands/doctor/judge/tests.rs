//! Both sides of every rule. `tests/doctor` shows the same against a fake GitHub.

use std::collections::BTreeMap;

use super::*;
use crate::{
    commands::{
        doctor::{
            check::CheckState,
            facts::{ApprovalWay, EnvironmentFacts, ReviewerAccess, SecretFacts, TokenKind},
            workflow_uses::{CommitStep, JobEnvironment, StatusStep, TokenSource, UsedEnvironment, UsedSecret},
        },
        environments::{
            actual::ActualEnvironment,
            desired::{DeployableBranches, ReviewerName},
        },
    },
    finding::{Finding, Verdict},
    world::github::{
        BranchProtection, Denial, Inspection, RepositoryOverview, RequiredStatus, RulesetRule, TeamFacts, Visibility,
        WorkflowPermissions,
    },
};

fn denied<T>() -> Inspection<T> {
    let message = "Resource not accessible by integration".to_owned();
    Inspection::Denied(Denial { message, accepted: None })
}

fn failed<T>() -> Inspection<T> {
    Inspection::Failed(Finding::inconclusive("GitHub's API").actual("502"))
}

/// A private repository of an organisation with the plan Enterprise, in which all is well.
fn facts() -> GitHubFacts {
    let leads = ReviewerName::Team("leads".to_owned());
    let production = ActualEnvironment {
        reviewers: [(leads.clone(), 7)].into(),
        branches: DeployableBranches::Protected,
        ..ActualEnvironment::NEW
    };
    let access = ReviewerAccess::Team(Inspection::Seen(TeamFacts { members: Some(2) }), Some(Inspection::Seen(())));
    GitHubFacts {
        repository: "acme/shop".parse().unwrap(),
        token: TokenKind::Installation,
        overview: RepositoryOverview {
            visibility: Visibility::Private,
            of_organisation: true,
            default_branch: "main".to_owned(),
            server: None,
            scopes: None,
            token_ends: None,
        },
        plan: Some(Inspection::Seen(Some("enterprise".to_owned()))),
        environments: Inspection::Seen(vec![EnvironmentFacts {
            name: "Production".to_owned(),
            protection: Ok(production),
            reviewers: vec![(leads, access)],
        }]),
        protected: Ok(vec!["main".to_owned()]),
        workflow_permissions: Inspection::Seen(WorkflowPermissions {
            default: "read".to_owned(),
            may_open_pull_requests: true,
        }),
        rules: Inspection::Seen(vec![rule("pull_request", &[]), rule("required_status_checks", &["gates"])]),
        branch: Inspection::Seen(BranchProtection { protected: true, is_classic: Some(false), statuses: Vec::new() }),
        signatures: None,
        secrets: SecretFacts {
            repository: Inspection::Seen(vec!["KEY".to_owned()]),
            organisation: Some(Inspection::Seen(Vec::new())),
            environments: BTreeMap::new(),
        },
    }
}

fn rule(kind: &str, contexts: &[&str]) -> RulesetRule {
    RulesetRule { kind: kind.to_owned(), statuses: statuses(contexts, None) }
}

fn statuses(contexts: &[&str], app: Option<u64>) -> Vec<RequiredStatus> {
    contexts.iter().map(|&context| RequiredStatus { context: context.to_owned(), app }).collect()
}

fn uses() -> WorkflowUses {
    let place = "w.yml, job promote".to_owned();
    let environment = JobEnvironment::Named("production".to_owned());
    WorkflowUses {
        place: "the checkout".to_owned(),
        secrets: vec![UsedSecret { name: "KEY".to_owned(), environment, place: place.clone(), optional: false }],
        environments: vec![UsedEnvironment { name: "production".to_owned(), place, promotes: true }],
        ..WorkflowUses::default()
    }
}

/// The checks that are not ok, as `state check: actual`; each blocked one has a fix with a command.
fn judged(facts: &GitHubFacts, uses: &WorkflowUses, way: ApprovalWay) -> Vec<String> {
    let checks = judge(facts, uses, &Intent { way, reviewed: &[], status: "gates" });
    for check in &checks {
        let has_fix = check.finding.next.as_ref().is_some_and(|next| next.contains('`'));
        assert!(check.finding.verdict != Verdict::Blocked || has_fix, "{:?}", check.finding);
    }
    let bad = checks.iter().filter(|check| check.state != CheckState::Ok);
    bad.map(|Check { state, finding }| format!("{state:?} {}: {}", finding.check, finding.actual)).collect()
}

/// Asserts that exactly these checks are not ok, by the beginning of each text.
fn assert_judged(facts: &GitHubFacts, uses: &WorkflowUses, way: ApprovalWay, expected: &[&str]) {
    let found = judged(facts, uses, way);
    let fits = found.len() == expected.len() && found.iter().zip(expected).all(|(one, text)| one.starts_with(text));
    assert!(fits, "{expected:#?}\n{found:#?}");
}

#[test]
fn all_is_well_in_both_ways() {
    for way in [ApprovalWay::Environment, ApprovalWay::PullRequest] {
        assert_judged(&facts(), &uses(), way, &[]);
    }
}

#[test]
fn the_plan_decides_where_people_can_approve() {
    use ApprovalWay::{Environment, PullRequest};
    let named = |name: &str| Some(Inspection::Seen(Some(name.to_owned())));
    for (plan, way, expected) in [
        (named("business_plus"), Environment, &[][..]),
        (named("team"), PullRequest, &[]),
        (named("pro"), Environment, &["Problem plan: pro, and"]),
        (named("free"), PullRequest, &["Problem plan: free, and"]),
        (named("gold"), Environment, &["NotSeen plan: not seen: needs a look at the organisation's plan"]),
        (
            Some(Inspection::Seen(None)),
            Environment,
            &["NotSeen plan: not seen: needs Organization plan: read (PAT or App)"],
        ),
        (Some(denied()), PullRequest, &["NotSeen plan: not seen: needs Organization plan: read"]),
        (Some(failed()), Environment, &["Unknown plan: GitHub's API: 502"]),
    ] {
        assert_judged(&GitHubFacts { plan, ..facts() }, &uses(), way, expected);
    }
    for (visibility, server) in
        [(Visibility::Public, None), (Visibility::Internal, None), (Visibility::Private, Some("3.17".to_owned()))]
    {
        let overview = RepositoryOverview { visibility, server, ..facts().overview };
        assert_judged(&GitHubFacts { overview, plan: None, ..facts() }, &uses(), Environment, &[]);
    }
}

#[test]
fn an_unseen_thing_is_never_ok() {
    let facts = GitHubFacts {
        environments: denied(),
        workflow_permissions: Inspection::NotFound,
        rules: failed(),
        branch: denied(),
        secrets: SecretFacts { repository: denied(), ..facts().secrets },
        ..facts()
    };
    assert_judged(
        &facts,
        &uses(),
        ApprovalWay::PullRequest,
        &[
            "NotSeen environments: not seen: needs Actions: read",
            "NotSeen default permissions of workflows: not seen: needs Administration: read (PAT or App)",
            "NotSeen pull requests by Actions: not seen: needs Administration: read (PAT or App)",
            "Unknown branch main: GitHub's API: 502",
            "NotSeen secret KEY in production: not seen: needs Secrets: read (PAT or App)",
        ],
    );
}

#[test]
fn a_secret_is_looked_for_at_every_level() {
    let seen = |names: &[&str]| Inspection::Seen(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
    let of = |environment: Option<Inspection<Vec<String>>>, repository, organisation| SecretFacts {
        repository,
        organisation,
        environments: environment.into_iter().map(|names| ("production".to_owned(), names)).collect(),
    };
    for (secrets, expected) in [
        (of(Some(seen(&["key"])), denied(), None), &[][..]),
        (of(Some(denied()), seen(&["KEY"]), None), &[]),
        (of(None, seen(&[]), Some(seen(&["KEY"]))), &[]),
        (of(None, seen(&[]), None), &["Problem secret KEY in production: missing; w.yml, job promote uses it"]),
        (of(Some(seen(&["KEYS"])), seen(&["OTHER"]), Some(seen(&[]))), &["Problem secret KEY in production: missing"]),
        (
            of(Some(denied()), seen(&[]), None),
            &["NotSeen secret KEY in production: not seen: needs Environments: read (PAT or App)"],
        ),
        (
            of(Some(Inspection::NotFound), seen(&[]), None),
            &["NotSeen secret KEY in production: not seen: needs Environments"],
        ),
        (of(None, seen(&[]), Some(failed())), &["Unknown secret KEY in production: GitHub's API: 502"]),
    ] {
        assert_judged(&GitHubFacts { secrets, ..facts() }, &uses(), ApprovalWay::Environment, expected);
    }
    let mut unknown = uses();
    unknown.secrets[0].environment = JobEnvironment::Unknown;
    let none = || SecretFacts { repository: seen(&[]), organisation: None, environments: BTreeMap::new() };
    let facts = GitHubFacts { secrets: none(), ..facts() };
    let expected = "NotSeen secret KEY: not seen: needs the environment's name as a plain value";
    assert_judged(&facts, &unknown, ApprovalWay::Environment, &[expected]);
}

#[test]
fn by_pull_request_main_requires_the_status_and_a_pull_request() {
    let classic = |contexts: &[&str]| {
        let statuses = statuses(contexts, None);
        Inspection::Seen(BranchProtection { protected: true, is_classic: Some(true), statuses })
    };
    let not_seen = "NotSeen branch main: pull requests: not seen: needs Administration: read";
    for (rules, branch, expected) in [
        (Inspection::Seen(vec![rule("pull_request", &[])]), classic(&["gates"]), &[][..]),
        (Inspection::Seen(Vec::new()), classic(&["gates"]), &[not_seen]),
        (
            Inspection::Seen(Vec::new()),
            classic(&["other"]),
            &["Problem branch main: required status: `gates`", not_seen],
        ),
        (
            Inspection::Seen(vec![rule("required_status_checks", &["gates"])]),
            Inspection::Seen(BranchProtection { protected: false, is_classic: Some(false), statuses: Vec::new() }),
            &["Problem branch main: pull requests: not required"],
        ),
        (
            Inspection::Seen(vec![rule("pull_request", &[])]),
            denied(),
            &["NotSeen branch main: not seen: needs Contents: read"],
        ),
        (Inspection::Seen(Vec::new()), Inspection::NotFound, &["NotSeen branch main: not seen: needs Contents: read"]),
        (
            Inspection::Seen(Vec::new()),
            Inspection::Seen(BranchProtection { protected: false, is_classic: Some(false), statuses: Vec::new() }),
            &["Problem branch main: not protected"],
        ),
    ] {
        assert_judged(&GitHubFacts { rules, branch, ..facts() }, &uses(), ApprovalWay::PullRequest, expected);
    }
}

#[test]
fn the_rule_requires_the_status_from_the_account_that_sets_it() {
    use TokenSource::{Job, Step, Unknown};
    const APP: u64 = 424_242;
    const ACTIONS: u64 = 15_368;
    let by = |tokens: &[TokenSource]| WorkflowUses {
        statuses: tokens.iter().map(|&token| StatusStep { token, place: "w.yml, job status".to_owned() }).collect(),
        ..uses()
    };
    for (app, tokens, expected) in [
        (None, &[][..], &[][..]),
        (None, &[Job], &[]),
        (None, &[Unknown], &[]),
        (None, &[Step], &["Problem branch main: required status: `gates` from any account, and an App sets it (w.yml"]),
        (None, &[Job, Step], &["Problem branch main: required status: `gates` from any account"]),
        (Some(APP), &[], &[]),
        (Some(APP), &[Step, Step], &[]),
        (Some(APP), &[Unknown], &[]),
        (
            Some(APP),
            &[Job],
            &["Problem branch main: required status: `gates` from the App 424242, and w.yml, job status sets"],
        ),
        (Some(APP), &[Step, Job], &["Problem branch main: required status: `gates` from the App 424242"]),
        (Some(ACTIONS), &[Job], &[]),
        (Some(ACTIONS), &[Step], &["Problem branch main: required status: `gates` from GitHub Actions, and an App"]),
    ] {
        let of_rule = RulesetRule { kind: "required_status_checks".to_owned(), statuses: statuses(&["gates"], app) };
        let rules = Inspection::Seen(vec![rule("pull_request", &[]), of_rule]);
        assert_judged(&GitHubFacts { rules, ..facts() }, &by(tokens), ApprovalWay::PullRequest, expected);
        // The same in classic protection.
        let branch = BranchProtection { protected: true, is_classic: Some(true), statuses: statuses(&["gates"], app) };
        let rules = Inspection::Seen(vec![rule("pull_request", &[])]);
        let facts = GitHubFacts { rules, branch: Inspection::Seen(branch), ..facts() };
        assert_judged(&facts, &by(tokens), ApprovalWay::PullRequest, expected);
    }
    // On an Enterprise Server, the App of the jobs has another number.
    let of_rule = RulesetRule { kind: "required_status_checks".to_owned(), statuses: statuses(&["gates"], Some(3)) };
    let rules = Inspection::Seen(vec![rule("pull_request", &[]), of_rule]);
    let overview = RepositoryOverview { server: Some("3.17".to_owned()), ..facts().overview };
    let facts = GitHubFacts { rules, overview, plan: None, ..facts() };
    assert_judged(&facts, &by(&[Job]), ApprovalWay::PullRequest, &[]);
}

#[test]
fn where_signed_commits_are_required_a_step_that_pushes_is_told_of_mode_api() {
    let by = |modes: &[Option<&str>]| WorkflowUses {
        commits: modes
            .iter()
            .map(|mode| CommitStep {
                command: "promote",
                mode: mode.map(ToOwned::to_owned),
                place: "w.yml, job a".to_owned(),
            })
            .collect(),
        ..uses()
    };
    let required =
        "NotSeen branch main: signed commits: required, and `promote` pushes with `mode: push` (w.yml, job a)";
    let unseen = "NotSeen branch main: signed commits: not seen: needs Administration: read (PAT or App)";
    let plain = || vec![rule("pull_request", &[])];
    let signed = || [plain(), vec![rule("required_signatures", &[])]].concat();
    for (rules, signatures, modes, expected) in [
        (signed(), None, &[None][..], &[required][..]),
        (signed(), Some(denied()), &[Some("push"), Some("api")], &[required]),
        (signed(), None, &[Some("api"), Some("pull-request")], &[]),
        (signed(), None, &[], &[]),
        (plain(), None, &[None], &[]),
        (plain(), Some(Inspection::Seen(true)), &[None, None], &[required, required]),
        (plain(), Some(Inspection::Seen(false)), &[None], &[]),
        (plain(), Some(denied()), &[None], &[unseen]),
        (plain(), Some(Inspection::NotFound), &[None], &[unseen]),
        (plain(), Some(failed()), &[None], &["Unknown branch main: signed commits: GitHub's API: 502"]),
    ] {
        let facts = GitHubFacts { rules: Inspection::Seen(rules), signatures, ..facts() };
        assert_judged(&facts, &by(modes), ApprovalWay::Environment, expected);
    }
    let facts = GitHubFacts { rules: Inspection::Seen(signed()), ..facts() };
    let checks = judge(&facts, &by(&[None]), &Intent { way: ApprovalWay::Environment, reviewed: &[], status: "gates" });
    let next =
        checks.iter().find(|check| check.state == CheckState::NotSeen).and_then(|check| check.finding.next.clone());
    assert!(next.as_ref().is_some_and(|next| next.starts_with("set `mode: api` for `promote`")), "{next:?}");
}

#[test]
fn a_reviewer_has_access_or_the_check_says_why_not() {
    let team = |members, access| ReviewerAccess::Team(Inspection::Seen(TeamFacts { members }), access);
    let user = |permission: &str| ReviewerAccess::User(Inspection::Seen(permission.to_owned()));
    let leads = || ReviewerName::Team("leads".to_owned());
    let alice = || ReviewerName::User("alice".to_owned());
    for (name, access, expected) in [
        (leads(), team(None, Some(Inspection::Seen(()))), &[][..]),
        (leads(), team(Some(0), Some(Inspection::Seen(()))), &["Problem reviewer team leads: the team has no members"]),
        (leads(), team(Some(2), Some(Inspection::NotFound)), &["Problem reviewer team leads: no access to acme/shop"]),
        (leads(), team(Some(2), Some(denied())), &["NotSeen reviewer team leads: not seen: needs Members: read"]),
        (
            leads(),
            ReviewerAccess::Team(Inspection::NotFound, None),
            &["NotSeen reviewer team leads: not seen: needs Members"],
        ),
        (alice(), user("read"), &[]),
        (alice(), user("none"), &["Problem reviewer user alice: no access to acme/shop"]),
        (
            alice(),
            ReviewerAccess::User(Inspection::NotFound),
            &["NotSeen reviewer user alice: not seen: needs Metadata"],
        ),
    ] {
        let mut facts = facts();
        if let Inspection::Seen(environments) = &mut facts.environments {
            environments[0].reviewers = vec![(name, access)];
        }
        assert_judged(&facts, &uses(), ApprovalWay::Environment, expected);
    }
}

#[test]
fn the_fix_of_an_environment_keeps_its_other_rules() {
    let mut facts = facts();
    let Inspection::Seen(environments) = &mut facts.environments else { panic!("seen") };
    environments[0].protection = Ok(ActualEnvironment {
        wait_timer: 10,
        can_admins_bypass: Some(false),
        branches: DeployableBranches::Protected,
        ..ActualEnvironment::NEW
    });
    let checks = judge(&facts, &uses(), &Intent { way: ApprovalWay::Environment, reviewed: &[], status: "gates" });
    let problem = checks.iter().find(|check| check.state == CheckState::Problem).unwrap();
    let expected = "with the reviewer in the place of TEAM: `gh api --method PUT repos/acme/shop/environments/Production -F \
                    'reviewers[][type]=Team' -F \"reviewers[][id]=$(gh api orgs/acme/teams/TEAM --jq .id)\" -F wait_timer=10 -F \
                    'deployment_branch_policy[protected_branches]=true' -F \
                    'deployment_branch_policy[custom_branch_policies]=false' -F can_admins_bypass=false`";
    assert_eq!(problem.finding.next.as_deref(), Some(expected));
}
