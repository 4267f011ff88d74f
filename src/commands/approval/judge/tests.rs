use super::*;
use crate::observe::Decision;

fn rules() -> Rules {
    Rules {
        environment: "production".parse().unwrap(),
        independent: true,
        max_approvals: 2,
        window: "20m".parse().unwrap(),
    }
}

/// Minutes after ten.
fn at(minutes: i64) -> Timestamp {
    let ten: Timestamp = "2026-01-01T10:00:00Z".parse().unwrap();
    ten + SignedDuration::from_mins(minutes)
}

fn person(login: &str) -> Reviewer {
    Reviewer::Person(login.to_owned())
}

fn by(reviewers: &[Reviewer]) -> Reviews {
    Reviews { approved: reviewers.to_vec(), rejected: vec![] }
}

fn protection(users: &[&str], teams: &[&str]) -> Protection {
    let texts = |all: &[&str]| all.iter().map(ToString::to_string).collect();
    Protection { users: texts(users), teams: texts(teams), admins_bypass: Some(true) }
}

fn lost() -> Finding {
    Finding::inconclusive("GitHub's API")
        .actual("403 Resource not accessible")
        .next("the token needs Actions: read on acme/infra")
}

/// Run 103, approved by alice at 10:30. Mallory wrote the release.
fn seen() -> Seen {
    Seen {
        run: Asking {
            id: 103,
            attempt: 1,
            url: "https://github.com/acme/infra/actions/runs/103/attempts/1".to_owned(),
        },
        at: "2026-01-01T10:31:00Z".to_owned(),
        protection: Ok(Some(protection(&[], &["platform-leads"]))),
        reviews: Ok(by(&[person("alice")])),
        started: Ok(at(30)),
        excluded: Ok(vec!["mallory".to_owned()]),
        committed: Ok(None),
        others: Ok(Others::default()),
    }
}

/// The run of `by` with this number, started at a minute after ten.
fn run(by: &str, id: u64, minutes: i64) -> Given {
    Given { by: by.to_owned(), at: at(minutes), run: Some(id), of: format!("run {id}") }
}

fn commit(by: &str, id: Option<u64>, minutes: i64) -> Given {
    Given { by: by.to_owned(), at: at(minutes), run: id, of: "commit 1a2b3c4d (emergency)".to_owned() }
}

fn with(runs: &[Given], commits: &[Given]) -> Seen {
    let listed = runs.iter().filter_map(|given| given.run).chain([103]).collect();
    Seen { others: Ok(Others { listed, runs: runs.to_vec(), commits: commits.to_vec() }), ..seen() }
}

fn finding(rules: &Rules, seen: &Seen, check: &str) -> Finding {
    let Judgement { findings, .. } = judge(rules, seen);
    let found = findings.iter().find(|finding| finding.check.starts_with(check)).cloned();
    found.unwrap_or_else(|| panic!("no {check} in {findings:?}"))
}

/// How many approvals were counted, ours included, and what came of it.
fn counted(seen: &Seen) -> (usize, Verdict) {
    let finding = finding(&rules(), seen, "approvals within 20m");
    let number = finding.actual.split_once(" by ").unwrap().0;
    (number.parse().unwrap(), finding.verdict)
}

#[test]
fn an_independent_person_who_takes_time_passes() {
    let Judgement { findings, decision } = judge(&rules(), &seen());
    assert_eq!((verdict(&findings), decision), (Verdict::Passed, Decision::Decided));
    let told: Vec<_> = findings.iter().map(|finding| format!("{}: {}", finding.check, finding.actual)).collect();
    assert_eq!(
        told,
        [
            "protection of production: one of platform-leads has to approve",
            "approval: approved by alice",
            "independence: alice had no part in it, unlike mallory",
            "approvals within 20m: 1 by alice: 2026-01-01T10:30:00Z (this run)",
        ]
    );
    assert_eq!(findings[0].evidence[0].source, "https://github.com/acme/infra/actions/runs/103/attempts/1");
    assert_eq!(seen().approver(&rules()), Some("alice"));
}

/// What a check says, and that the whole is no better.
fn found(seen: &Seen, check: &str, expected: Verdict, words: &str) {
    let found = finding(&rules(), seen, check);
    assert!(found.verdict == expected && found.to_string().contains(words), "{words}: {found}");
    let all = judge(&rules(), seen).findings;
    assert!(verdict(&all) >= expected, "{all:?}");
}

#[test]
fn who_approved_decides() {
    let open = Ok(Some(Protection::default()));
    let strict = |bypass| Ok(Some(Protection { admins_bypass: bypass, ..seen().protection.unwrap().unwrap() }));
    let bot = Reviewer::Bot("deployer[bot]".to_owned());
    let rejected = |approved: &[Reviewer]| Ok(Reviews { approved: approved.to_vec(), rejected: vec![person("bob")] });
    for (seen, check, expected, words) in [
        // Nobody did, and reviewers are required.
        (Seen { reviews: Ok(by(&[])), ..seen() }, "approval", Verdict::Blocked, "was bypassed"),
        (Seen { reviews: Ok(by(&[])), ..seen() }, "approval", Verdict::Blocked, "Allow administrators to bypass"),
        (
            Seen { reviews: Ok(by(&[])), protection: strict(None), ..seen() },
            "approval",
            Verdict::Blocked,
            "Allow administrators to bypass",
        ),
        (
            Seen { reviews: Ok(by(&[])), protection: strict(Some(false)), ..seen() },
            "approval",
            Verdict::Blocked,
            "switched on only later; expected a person who approved this run for production; next: start it again, and have it approved",
        ),
        // Nobody is asked.
        (
            Seen { reviews: Ok(by(&[])), protection: open.clone(), ..seen() },
            "protection",
            Verdict::Blocked,
            "nobody is asked: it has no required reviewers; expected an environment with required reviewers; next: give production required reviewers",
        ),
        (
            Seen { reviews: Ok(by(&[])), protection: open.clone(), ..seen() },
            "approval",
            Verdict::Blocked,
            "nobody approved this run;",
        ),
        (Seen { protection: open, ..seen() }, "protection", Verdict::Blocked, "nobody is asked"),
        (
            Seen { reviews: Ok(by(&[])), protection: Ok(None), ..seen() },
            "protection",
            Verdict::Blocked,
            "there is no such environment: GitHub makes one",
        ),
        // Somebody said no.
        (Seen { reviews: rejected(&[]), ..seen() }, "approval", Verdict::Blocked, "rejected by bob;"),
        (
            Seen { reviews: rejected(&[person("alice")]), ..seen() },
            "approval",
            Verdict::Blocked,
            "rejected by bob, approved by alice",
        ),
        // A reviewer did, or nobody who is one.
        (
            Seen { protection: Ok(Some(protection(&["Alice"], &[]))), ..seen() },
            "approval",
            Verdict::Passed,
            "approved by alice",
        ),
        (
            Seen { protection: Ok(Some(protection(&["bob", "carol"], &[]))), ..seen() },
            "approval",
            Verdict::Blocked,
            "approved by alice, none of its reviewers",
        ),
        (
            Seen { protection: Ok(Some(protection(&["bob"], &["leads"]))), ..seen() },
            "approval",
            Verdict::Passed,
            "approved by alice",
        ),
        // No person did.
        (
            Seen { reviews: Ok(by(std::slice::from_ref(&bot))), ..seen() },
            "approval",
            Verdict::Blocked,
            "deployer[bot] (a bot)",
        ),
        (
            Seen { reviews: Ok(by(&[Reviewer::Gone])), ..seen() },
            "approval",
            Verdict::Inconclusive,
            "an account that is gone",
        ),
        (
            Seen { reviews: Ok(by(&[bot, Reviewer::Gone, person("alice")])), ..seen() },
            "approval",
            Verdict::Passed,
            "deployer[bot] (a bot), an account that is gone, alice",
        ),
    ] {
        found(&seen, check, expected, words);
    }
}

#[test]
fn who_had_a_part_in_it_and_what_cannot_be_seen_decide() {
    for (seen, check, expected, words) in [
        (
            Seen { reviews: Ok(by(&[person("Mallory")])), ..seen() },
            "independence",
            Verdict::Blocked,
            "Mallory had a part in it",
        ),
        (
            Seen { reviews: Ok(by(&[person("mallory"), person("alice")])), ..seen() },
            "independence",
            Verdict::Passed,
            "alice had no part",
        ),
        (
            Seen {
                excluded: Err(Finding::inconclusive("evidence").actual("no report of it").next("add it")),
                ..seen()
            },
            "independence",
            Verdict::Inconclusive,
            "nobody told who had a part in the release; evidence: no report of it; next: add it",
        ),
        // What cannot be seen.
        (
            Seen { reviews: Err(lost()), ..seen() },
            "approval",
            Verdict::Inconclusive,
            "needs Actions: read on acme/infra",
        ),
        (Seen { protection: Err(lost()), ..seen() }, "protection", Verdict::Inconclusive, "needs Actions: read"),
        (Seen { started: Err(lost()), ..seen() }, "approvals within", Verdict::Inconclusive, "needs Actions: read"),
        (Seen { others: Err(lost()), ..seen() }, "approvals within", Verdict::Inconclusive, "needs Actions: read"),
    ] {
        found(&seen, check, expected, words);
    }
}

#[test]
fn those_who_had_a_part_are_named_as_far_as_anybody_reads() {
    let excluded = |many: usize| (0..many).map(|n| format!("dev{n}")).collect::<Vec<_>>();
    assert_eq!(unlike(&excluded(0)), "");
    assert_eq!(unlike(&excluded(2)), ", unlike dev0, dev1");
    assert_eq!(unlike(&excluded(5)), ", unlike dev0, dev1, dev2, dev3, dev4");
    assert_eq!(unlike(&excluded(7)), ", unlike dev0, dev1, dev2, dev3, dev4 and 2 more");
}

#[test]
fn only_people_who_had_no_part_are_named_as_approvers() {
    let after = |reviewers: &[Reviewer]| Seen { reviews: Ok(by(reviewers)), ..seen() };
    let bot = Reviewer::Bot("deployer[bot]".to_owned());
    for (seen, approver) in [
        (after(&[]), None),
        (after(&[bot.clone(), Reviewer::Gone]), None),
        (after(&[person("mallory")]), None),
        (after(&[person("mallory"), person("bob"), bot]), Some("bob")),
        (Seen { reviews: Err(lost()), ..seen() }, None),
    ] {
        assert_eq!(seen.approver(&rules()), approver);
    }
    let anybody = Rules { independent: false, ..rules() };
    assert_eq!(after(&[person("mallory")]).approver(&anybody), Some("mallory"));
    let told = finding(&anybody, &after(&[person("mallory")]), "independence");
    assert_eq!((told.verdict, told.waived.as_deref()), (Verdict::Passed, Some("`independent: false`")));
}

#[test]
fn what_passes_was_approved_by_a_person_who_is_a_reviewer_and_had_no_part() {
    let everybody =
        [person("alice"), person("mallory"), person("dave"), Reviewer::Bot("b[bot]".to_owned()), Reviewer::Gone];
    let protections = [
        None,
        Some(protection(&[], &[])),
        Some(protection(&["alice", "mallory"], &[])),
        Some(protection(&["dave"], &["leads"])),
    ];
    let mut passed = 0;
    for chosen in 0..1_usize << everybody.len() {
        let some: Vec<Reviewer> =
            everybody.iter().enumerate().filter(|(at, _)| chosen >> at & 1 == 1).map(|(_, one)| one.clone()).collect();
        for protection in &protections {
            for independent in [true, false] {
                let rules = Rules { independent, ..rules() };
                let seen = Seen { reviews: Ok(by(&some)), protection: Ok(protection.clone()), ..seen() };
                let approver = seen.approver(&rules);
                if verdict(&judge(&rules, &seen).findings) == Verdict::Passed {
                    let approver = approver.unwrap();
                    assert!(protection.as_ref().unwrap().admits(approver), "{seen:?}");
                    assert!(!independent || approver != "mallory", "{seen:?}");
                    passed += 1;
                }
            }
        }
    }
    // Of 32 sets of reviewers: 24 hold somebody whom the users admit, 16 of them alice; 28 hold a person, 24 another than mallory.
    assert_eq!(passed, 24 + 16 + 28 + 24);
}

#[test]
fn another_attempt_than_the_first_is_blocked_until_the_evidence_is_committed() {
    let second = |committed| Seen { run: Asking { attempt: 2, ..seen().run }, committed, ..seen() };
    let blocked = finding(&rules(), &second(Ok(None)), "attempt");
    assert_eq!(blocked.verdict, Verdict::Blocked);
    assert!(blocked.to_string().contains("next: dispatch again"), "{blocked}");
    let passed = finding(&rules(), &second(Ok(Some("abc".to_owned()))), "attempt");
    assert_eq!(passed.verdict, Verdict::Passed);
    assert!(passed.waived.unwrap().ends_with("by abc"));
    assert_eq!(finding(&rules(), &second(Err(lost())), "attempt").verdict, Verdict::Inconclusive);
    assert!(judge(&rules(), &seen()).findings.iter().all(|finding| finding.check != "attempt"));
}

#[test]
fn the_third_approval_in_the_window_is_blocked_with_all_three_times() {
    let third = with(&[run("alice", 101, 27), run("alice", 102, 28)], &[]);
    let found = finding(&rules(), &third, "approvals within 20m");
    assert_eq!(found.verdict, Verdict::Blocked);
    assert_eq!(
        found.to_string(),
        "approvals within 20m: 3 by alice: 2026-01-01T10:27:00Z (run 101), 2026-01-01T10:28:00Z (run 102), \
         2026-01-01T10:30:00Z (this run); expected at most 2 by one person; next: start it again, and have it approved by \
         another reviewer who takes the time to look, or approved no earlier than 2026-01-01T10:47:01Z"
    );
}

#[test]
#[expect(clippy::large_stack_arrays, reason = "a table of cases")]
fn what_is_counted() {
    let alice = |id, minutes| run("alice", id, minutes);
    for (what, seen, expected) in [
        ("nothing else", with(&[], &[]), 1),
        ("two", with(&[alice(101, 20)], &[]), 2),
        ("both edges of the window", with(&[alice(101, 10), alice(102, 29)], &[]), 3),
        ("beyond the window", with(&[alice(101, 9), alice(102, 8)], &[]), 1),
        ("somebody else's", with(&[run("bob", 101, 29), run("alice2", 102, 29)], &[]), 1),
        ("logins have no case", with(&[run("ALICE", 101, 29)], &[]), 2),
        ("later ones", with(&[alice(104, 31), alice(105, 32)], &[]), 1),
        ("itself", with(&[alice(103, 30), alice(103, 20)], &[commit("alice", Some(103), 29)]), 1),
        ("one run in two attempts", with(&[alice(101, 20), alice(101, 25)], &[]), 2),
        ("an attempt in the window and one before it", with(&[alice(101, 5), alice(101, 25)], &[]), 2),
        ("an emergency of another workflow", with(&[], &[commit("alice", Some(90), 25)]), 2),
        ("a commit of no run", with(&[], &[commit("alice", None, 25), commit("alice", None, 26)]), 3),
        ("a run and its commit", with(&[alice(101, 20)], &[commit("alice", Some(101), 29)]), 2),
        ("a commit in the window of a run before it", with(&[alice(101, 5)], &[commit("alice", Some(101), 15)]), 1),
        ("two commits of one run", with(&[], &[commit("alice", Some(90), 25), commit("alice", Some(90), 26)]), 2),
        ("somebody else's commit", with(&[], &[commit("bob", Some(90), 25)]), 1),
        ("a commit of the same second", with(&[], &[commit("alice", None, 30)]), 2),
    ] {
        let verdict = if expected > 2 { Verdict::Blocked } else { Verdict::Passed };
        assert_eq!(counted(&seen), (expected, verdict), "{what}");
    }
}

#[test]
fn of_three_at_once_exactly_the_third_is_blocked() {
    let all = [101, 102, 103].map(|id| run("alice", id, 30));
    let verdicts = [101, 102, 103].map(|id| {
        let seen = with(&all, &[]);
        counted(&Seen { run: Asking { id, ..seen.run.clone() }, ..seen })
    });
    assert_eq!(verdicts, [(1, Verdict::Passed), (2, Verdict::Passed), (3, Verdict::Blocked)]);
}

#[test]
fn of_two_who_approved_the_one_who_has_time_counts() {
    let hasty = [run("alice", 101, 28), run("alice", 102, 29)];
    let both = Seen { reviews: Ok(by(&[person("alice"), person("bob")])), ..with(&hasty, &[]) };
    assert_eq!((both.approver(&rules()), counted(&both)), (Some("bob"), (1, Verdict::Passed)));
    // Only one of them is independent, and has no time.
    let mallory = Seen { reviews: Ok(by(&[person("alice"), person("mallory")])), ..with(&hasty, &[]) };
    assert_eq!((mallory.approver(&rules()), counted(&mallory)), (Some("alice"), (3, Verdict::Blocked)));
}

#[test]
fn the_number_is_a_setting_and_a_long_list_is_cut() {
    let many: Vec<Given> = (0..15).map(|n| run("alice", u64::try_from(n).unwrap(), 15 + n)).collect();
    let seen = with(&many, &[]);
    let found = finding(&Rules { max_approvals: 15, ..rules() }, &seen, "approvals");
    assert_eq!(found.verdict, Verdict::Blocked);
    assert!(found.actual.starts_with("16 by alice: 6 before, 2026-01-01T10:21:00Z (run 6), "), "{found}");
    assert!(found.next.unwrap().ends_with("no earlier than 2026-01-01T10:35:01Z"));
    assert_eq!(finding(&Rules { max_approvals: 16, ..rules() }, &seen, "approvals").verdict, Verdict::Passed);
    let one = finding(&Rules { max_approvals: 1, ..rules() }, &with(&[run("alice", 101, 20)], &[]), "approvals");
    assert_eq!(one.verdict, Verdict::Blocked);
}

#[test]
fn it_is_settled_when_all_was_seen_or_something_blocks() {
    let open = Decision::Pending { revisit: None };
    for (seen, decision) in [
        (seen(), Decision::Decided),
        (Seen { others: Err(lost()), ..seen() }, open),
        (Seen { protection: Err(lost()), ..seen() }, open),
        (Seen { committed: Err(lost()), ..seen() }, open),
        (Seen { others: Err(lost()), reviews: Ok(by(&[person("mallory")])), ..seen() }, Decision::Decided),
    ] {
        assert_eq!(judge(&rules(), &seen).decision, decision, "{:?}", judge(&rules(), &seen).findings);
    }
}
