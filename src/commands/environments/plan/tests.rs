use super::*;

fn desired() -> DesiredEnvironment {
    DesiredEnvironment {
        name: "production".parse().unwrap(),
        place: "environments.yml:2:3".to_owned(),
        wait_timer: None,
        reviewers: None,
        minimum_approvals: None,
        prevent_self_review: None,
        can_admins_bypass: None,
        branches: None,
        patterns: None,
    }
}

fn leads() -> ReviewerName {
    ReviewerName::Team("leads".to_owned())
}

fn alice() -> ReviewerName {
    ReviewerName::User("alice".to_owned())
}

fn branch(text: &str) -> RefPattern {
    RefPattern::Branch(text.to_owned())
}

fn tag(text: &str) -> RefPattern {
    RefPattern::Tag(text.to_owned())
}

/// An environment with every rule.
fn guarded() -> ActualEnvironment {
    ActualEnvironment {
        wait_timer: 10,
        reviewers: [(leads(), 1), (alice(), 2)].into(),
        prevent_self_review: Some(true),
        can_admins_bypass: Some(true),
        branches: DeployableBranches::Custom,
        patterns: [(branch("main"), 11), (tag("v*"), 12)].into(),
        knows_tags: true,
    }
}

/// The plan in words, a line for each facet.
fn lines(desired: &DesiredEnvironment, actual: Option<&ActualEnvironment>) -> Vec<String> {
    plan(desired, actual).iter().map(|facet| describe([facet])).collect()
}

#[test]
fn exactly_the_differing_facets_are_planned() {
    let actual = guarded();
    let with = |change: fn(&mut DesiredEnvironment)| {
        let mut desired = desired();
        change(&mut desired);
        desired
    };
    for (desired, planned) in [
        (desired(), vec![]),
        (with(|desired| desired.wait_timer = Some(10)), vec![]),
        (with(|desired| desired.wait_timer = Some(1)), vec!["wait timer: 10 minutes → 1 minute"]),
        (with(|desired| desired.wait_timer = Some(0)), vec!["wait timer: 10 minutes → none"]),
        (with(|desired| desired.reviewers = Some([alice(), leads()].into())), vec![]),
        (
            with(|desired| desired.reviewers = Some([leads()].into())),
            vec!["required reviewers: team leads, user alice → team leads"],
        ),
        (
            with(|desired| desired.reviewers = Some([ReviewerName::Team("alice".to_owned()), leads()].into())),
            vec!["required reviewers: team leads, user alice → team alice, team leads"],
        ),
        (
            with(|desired| desired.reviewers = Some([].into())),
            vec!["required reviewers: team leads, user alice → none"],
        ),
        (with(|desired| desired.prevent_self_review = Some(true)), vec![]),
        (
            with(|desired| desired.prevent_self_review = Some(false)),
            vec!["review of one's own run: prevented → allowed"],
        ),
        (with(|desired| desired.branches = Some(DeployableBranches::Custom)), vec![]),
        (
            with(|desired| desired.branches = Some(DeployableBranches::Protected)),
            vec!["what deploys: branches and tags by pattern → protected branches only"],
        ),
        (
            with(|desired| desired.branches = Some(DeployableBranches::Any)),
            vec!["what deploys: branches and tags by pattern → any branch"],
        ),
        (with(|desired| desired.patterns = Some([branch("main"), tag("v*")].into())), vec![]),
        (
            with(|desired| desired.patterns = Some([branch("main"), branch("v*")].into())),
            // What goes, goes first: in between, less deploys and not more.
            vec!["tag pattern v*: there → not there", "branch pattern v*: not there → there"],
        ),
        (
            with(|desired| desired.patterns = Some([].into())),
            vec!["branch pattern main: there → not there", "tag pattern v*: there → not there"],
        ),
        (with(|desired| desired.can_admins_bypass = Some(true)), vec![]),
        (
            with(|desired| desired.can_admins_bypass = Some(false)),
            vec!["bypass by administrators: possible → not possible"],
        ),
        // A request would change nothing.
        (with(|desired| desired.minimum_approvals = Some(2)), vec![]),
    ] {
        assert_eq!(lines(&desired, Some(&actual)), planned);
        // What was planned is what there will be: nothing is left to plan.
        let ids = [(ReviewerName::Team("alice".to_owned()), 3)].into();
        let after = after(&desired, Some(&actual), &ids).unwrap();
        assert_eq!(plan(&desired, Some(&after)), []);
    }
}

#[test]
fn a_new_environment_has_no_rules_yet() {
    let bare = desired();
    assert_eq!(lines(&bare, None), ["environment: not there → there"]);
    let desired = DesiredEnvironment {
        wait_timer: Some(0),
        reviewers: Some([leads()].into()),
        branches: Some(DeployableBranches::Custom),
        patterns: Some([branch("main")].into()),
        ..bare
    };
    let planned = plan(&desired, None);
    let describe: Vec<String> = requests(&planned).into_iter().map(describe).collect();
    assert_eq!(
        describe,
        [
            "environment: not there → there; required reviewers: none → team leads; \
             what deploys: any branch → branches and tags by pattern",
            "branch pattern main: not there → there",
        ]
    );
}

#[test]
fn rules_that_the_file_does_not_mention_stay() {
    let actual = guarded();
    assert_eq!(after(&desired(), Some(&actual), &BTreeMap::new()).as_ref(), Ok(&actual));
    let desired = DesiredEnvironment { wait_timer: Some(0), ..desired() };
    let unchanged = after(&desired, Some(&actual), &BTreeMap::new()).unwrap();
    assert_eq!(unchanged, ActualEnvironment { wait_timer: 0, ..actual.clone() });
    let unmentioned: Vec<String> = facets(&desired, Some(&actual))
        .into_iter()
        .filter(|facet| facet.desired.is_none())
        .map(|facet| format!("{}: {}", facet.rule, facet.now))
        .collect();
    assert_eq!(
        unmentioned,
        [
            "required reviewers: team leads, user alice",
            "review of one's own run: prevented",
            "what deploys: branches and tags by pattern",
            "branch pattern main: there",
            "tag pattern v*: there",
            "bypass by administrators: possible",
        ]
    );
}

#[test]
fn patterns_apply_only_to_custom_policies() {
    let desired = DesiredEnvironment { branches: Some(DeployableBranches::Protected), ..desired() };
    let actual = guarded();
    assert!(facets(&desired, Some(&actual)).iter().all(|facet| !matches!(facet.rule, ProtectionRule::RefPattern(_))));
    let after = after(&desired, Some(&actual), &BTreeMap::new()).unwrap();
    assert_eq!((after.branches, after.patterns.len()), (DeployableBranches::Protected, 0));
}

#[test]
fn a_reviewer_without_an_id_cannot_be_set() {
    let desired = DesiredEnvironment {
        reviewers: Some([leads(), alice(), ReviewerName::User("bob".to_owned())].into()),
        ..desired()
    };
    let actual = guarded();
    let missing = after(&desired, Some(&actual), &BTreeMap::new());
    assert_eq!(missing, Err(vec![ReviewerName::User("bob".to_owned())]));
    let ids = [(ReviewerName::User("bob".to_owned()), 3), (alice(), 99)].into();
    let found = after(&desired, Some(&actual), &ids).unwrap();
    let ids: Vec<u64> = found.reviewers.into_values().collect();
    assert_eq!(ids, [1, 2, 3], "GitHub's own word about who reviews there counts first");
}

#[test]
fn a_rule_that_github_does_not_report_differs() {
    let actual = ActualEnvironment { can_admins_bypass: None, prevent_self_review: None, ..guarded() };
    for wish in [true, false] {
        let desired = DesiredEnvironment { can_admins_bypass: Some(wish), ..desired() };
        assert_eq!(plan(&desired, Some(&actual)).len(), 1, "{wish}");
    }
    let review = |wish| DesiredEnvironment { prevent_self_review: Some(wish), ..desired() };
    assert_eq!(lines(&review(true), Some(&actual)), ["review of one's own run: not reported by GitHub → prevented"]);
    assert_eq!(lines(&review(false), Some(&actual)), [""; 0], "a server that does not know the rule prevents nothing");
}

#[test]
fn the_bypass_is_set_with_the_other_rules() {
    let desired = DesiredEnvironment { wait_timer: Some(0), can_admins_bypass: Some(false), ..desired() };
    let planned = plan(&desired, Some(&guarded()));
    let describe: Vec<String> = requests(&planned).into_iter().map(describe).collect();
    assert_eq!(describe, ["wait timer: 10 minutes → none; bypass by administrators: possible → not possible"]);
    let kept = after(&DesiredEnvironment { can_admins_bypass: None, ..desired }, Some(&guarded()), &BTreeMap::new());
    assert_eq!(kept.unwrap().can_admins_bypass, Some(true));
}
