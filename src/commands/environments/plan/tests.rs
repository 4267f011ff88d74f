use super::*;

fn wanted() -> Wanted {
    Wanted {
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

fn leads() -> Who {
    Who::Team("leads".to_owned())
}

fn alice() -> Who {
    Who::User("alice".to_owned())
}

fn branch(text: &str) -> Pattern {
    Pattern::Branch(text.to_owned())
}

fn tag(text: &str) -> Pattern {
    Pattern::Tag(text.to_owned())
}

/// An environment with every rule.
fn guarded() -> Present {
    Present {
        wait_timer: 10,
        reviewers: [(leads(), 1), (alice(), 2)].into(),
        prevent_self_review: true,
        can_admins_bypass: Some(true),
        branches: Branches::Custom,
        patterns: [(branch("main"), 11), (tag("v*"), 12)].into(),
    }
}

/// The plan in words, a line for each facet.
fn lines(wanted: &Wanted, present: Option<&Present>) -> Vec<String> {
    plan(wanted, present).iter().map(|facet| told([facet])).collect()
}

#[test]
fn each_facet_that_differs_is_planned_and_no_other() {
    let present = guarded();
    let with = |change: fn(&mut Wanted)| {
        let mut wanted = wanted();
        change(&mut wanted);
        wanted
    };
    for (wanted, planned) in [
        (wanted(), vec![]),
        (with(|wanted| wanted.wait_timer = Some(10)), vec![]),
        (with(|wanted| wanted.wait_timer = Some(1)), vec!["wait timer: 10 minutes → 1 minute"]),
        (with(|wanted| wanted.wait_timer = Some(0)), vec!["wait timer: 10 minutes → none"]),
        (with(|wanted| wanted.reviewers = Some([alice(), leads()].into())), vec![]),
        (
            with(|wanted| wanted.reviewers = Some([leads()].into())),
            vec!["required reviewers: team leads, user alice → team leads"],
        ),
        (
            with(|wanted| wanted.reviewers = Some([Who::Team("alice".to_owned()), leads()].into())),
            vec!["required reviewers: team leads, user alice → team alice, team leads"],
        ),
        (
            with(|wanted| wanted.reviewers = Some([].into())),
            vec!["required reviewers: team leads, user alice → nobody"],
        ),
        (with(|wanted| wanted.prevent_self_review = Some(true)), vec![]),
        (with(|wanted| wanted.prevent_self_review = Some(false)), vec!["review of one's own run: prevented → allowed"]),
        (with(|wanted| wanted.branches = Some(Branches::Custom)), vec![]),
        (
            with(|wanted| wanted.branches = Some(Branches::Protected)),
            vec!["what deploys: branches and tags by pattern → protected branches only"],
        ),
        (
            with(|wanted| wanted.branches = Some(Branches::Any)),
            vec!["what deploys: branches and tags by pattern → any branch"],
        ),
        (with(|wanted| wanted.patterns = Some([branch("main"), tag("v*")].into())), vec![]),
        (
            with(|wanted| wanted.patterns = Some([branch("main"), branch("v*")].into())),
            // What goes, goes first: in between, less deploys and not more.
            vec!["tag pattern v*: there → not there", "branch pattern v*: not there → there"],
        ),
        (
            with(|wanted| wanted.patterns = Some([].into())),
            vec!["branch pattern main: there → not there", "tag pattern v*: there → not there"],
        ),
        (with(|wanted| wanted.can_admins_bypass = Some(true)), vec![]),
        (
            with(|wanted| wanted.can_admins_bypass = Some(false)),
            vec!["bypass by administrators: possible → not possible"],
        ),
        // Nothing that GitHub could be told.
        (with(|wanted| wanted.minimum_approvals = Some(2)), vec![]),
    ] {
        assert_eq!(lines(&wanted, Some(&present)), planned);
        // What was planned is what there will be: nothing is left to plan, but for what only a person can set.
        let ids = [(Who::Team("alice".to_owned()), 3)].into();
        let after = after(&wanted, Some(&present), &ids).unwrap();
        let left: Vec<Facet> = plan(&wanted, Some(&after));
        assert!(left.iter().all(|facet| facet.rule.set_by() == SetBy::Hand), "{left:?}");
    }
}

#[test]
fn a_new_environment_has_no_rules_yet() {
    let bare = wanted();
    assert_eq!(lines(&bare, None), ["environment: not there → there"]);
    let wanted = Wanted {
        wait_timer: Some(0),
        reviewers: Some([leads()].into()),
        branches: Some(Branches::Custom),
        patterns: Some([branch("main")].into()),
        ..bare
    };
    let planned = plan(&wanted, None);
    let told: Vec<String> = requests(&planned).into_iter().map(told).collect();
    assert_eq!(
        told,
        [
            "environment: not there → there; required reviewers: nobody → team leads; \
             what deploys: any branch → branches and tags by pattern",
            "branch pattern main: not there → there",
        ]
    );
}

#[test]
fn what_the_file_does_not_mention_stays() {
    let present = guarded();
    assert_eq!(after(&wanted(), Some(&present), &BTreeMap::new()).as_ref(), Ok(&present));
    let wanted = Wanted { wait_timer: Some(0), ..wanted() };
    let kept = after(&wanted, Some(&present), &BTreeMap::new()).unwrap();
    assert_eq!(kept, Present { wait_timer: 0, ..present.clone() });
    let unsaid: Vec<String> = facets(&wanted, Some(&present))
        .into_iter()
        .filter(|facet| facet.wanted.is_none())
        .map(|facet| format!("{}: {}", facet.rule, facet.now))
        .collect();
    assert_eq!(
        unsaid,
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
fn patterns_count_only_where_branches_are_named() {
    let wanted = Wanted { branches: Some(Branches::Protected), ..wanted() };
    let present = guarded();
    assert!(facets(&wanted, Some(&present)).iter().all(|facet| !matches!(facet.rule, Rule::Pattern(_))));
    let after = after(&wanted, Some(&present), &BTreeMap::new()).unwrap();
    assert_eq!((after.branches, after.patterns.len()), (Branches::Protected, 0));
}

#[test]
fn a_reviewer_without_an_id_cannot_be_set() {
    let wanted = Wanted { reviewers: Some([leads(), alice(), Who::User("bob".to_owned())].into()), ..wanted() };
    let present = guarded();
    let missing = after(&wanted, Some(&present), &BTreeMap::new());
    assert_eq!(missing, Err(vec![Who::User("bob".to_owned())]));
    let ids = [(Who::User("bob".to_owned()), 3), (alice(), 99)].into();
    let found = after(&wanted, Some(&present), &ids).unwrap();
    let ids: Vec<u64> = found.reviewers.into_values().collect();
    assert_eq!(ids, [1, 2, 3], "GitHub's own word about who reviews there counts first");
}

#[test]
fn a_bypass_that_github_does_not_tell_differs_from_any_wish() {
    let present = Present { can_admins_bypass: None, ..guarded() };
    for wish in [true, false] {
        let wanted = Wanted { can_admins_bypass: Some(wish), ..wanted() };
        assert_eq!(plan(&wanted, Some(&present)).len(), 1, "{wish}");
    }
}
