use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::observe::Decision;

fn rules(attempts: usize, consecutive: usize) -> Rules {
    Rules { attempts, consecutive, statuses: vec![200], condition: None }
}

fn answer(status: u16) -> Saw {
    Saw::Answer(Answer { status, ..Answer::default() })
}

fn nothing(why: &str) -> Saw {
    Saw::Nothing { why: why.to_owned(), next: "see whether the name is right" }
}

fn probe(place: usize, saw: Saw) -> Probe {
    Probe { endpoint: 0, at: format!("2026-01-01T00:00:{place:02}Z"), took: Duration::from_millis(12), saw }
}

/// An endpoint's history in letters: `g` a good answer, `b` a 503, `r` a refused connection, `n` no address.
fn probes(letters: &str) -> Vec<Probe> {
    let saw = |letter| match letter {
        'g' => answer(200),
        'b' => answer(503),
        'r' => Saw::Failure("127.0.0.1:1 refused the connection".to_owned()),
        'n' => nothing("no address for staging.example:443"),
        other => panic!("{other}"),
    };
    letters.chars().map(saw).enumerate().map(|(place, saw)| probe(place, saw)).collect()
}

fn seen(histories: &[&str]) -> Seen {
    let endpoints = histories.iter().enumerate();
    let endpoints = endpoints.map(|(place, letters)| Endpoint { name: format!("e{place}"), probes: probes(letters) });
    Seen { endpoints: endpoints.collect() }
}

const BLOCKED: Course = Course::Failed(Verdict::Blocked);
const INCONCLUSIVE: Course = Course::Failed(Verdict::Inconclusive);

#[test]
fn an_endpoint_is_healthy_after_enough_good_answers_in_a_row_and_failed_when_they_cannot_come_any_more() {
    for (attempts, consecutive, history, course) in [
        (10, 1, "", Course::Open),
        (10, 1, "g", Course::Healthy),
        (10, 1, "bbg", Course::Healthy),
        (10, 1, "nnnnnnnnng", Course::Healthy),
        (10, 1, "bbbbbbbbb", Course::Open),
        (10, 1, "bbbbbbbbbb", BLOCKED),
        (1, 1, "b", BLOCKED),
        (1, 1, "n", INCONCLUSIVE),
        (10, 3, "gg", Course::Open),
        (10, 3, "ggg", Course::Healthy),
        (10, 3, "ggbggg", Course::Healthy),
        // Flapping is not health, however often it was well.
        (10, 2, "gbgbgbgbgb", BLOCKED),
        (10, 2, "bgbgbgbgb", BLOCKED),
        (10, 2, "bgbgbgbg", Course::Open),
        // Nothing to wait for: the attempts that are left are too few.
        (10, 8, "bb", Course::Open),
        (10, 8, "bbb", BLOCKED),
        (10, 10, "b", BLOCKED),
        (10, 10, "n", INCONCLUSIVE),
        (3, 2, "bgb", BLOCKED),
        (3, 2, "bg", Course::Open),
        (3, 2, "bgg", Course::Healthy),
    ] {
        assert_eq!(
            rules(attempts, consecutive).course(&probes(history)),
            course,
            "{consecutive} of {attempts}: {history}"
        );
    }
}

#[test]
fn a_failed_endpoint_is_blocked_by_what_was_seen_of_it_since_it_was_good() {
    for (consecutive, history, course) in [
        (1, "nnnn", INCONCLUSIVE),
        (1, "nnnb", BLOCKED),
        (1, "bbbn", BLOCKED),
        (1, "nrnn", BLOCKED),
        (1, "rrrr", BLOCKED),
        (2, "bgnn", INCONCLUSIVE),
        (2, "gnng", INCONCLUSIVE),
        (2, "gbng", BLOCKED),
        (2, "bgng", INCONCLUSIVE),
        (2, "ngbg", BLOCKED),
    ] {
        assert_eq!(rules(4, consecutive).course(&probes(history)), course, "{consecutive}: {history}");
    }
}

#[test]
fn a_good_answer_has_an_expected_status_and_fulfils_the_condition() {
    let asking = |condition: Option<&str>| Rules {
        statuses: vec![200, 204],
        condition: condition.map(ToOwned::to_owned),
        ..rules(1, 1)
    };
    let with = |status, condition| Saw::Answer(Answer { status, condition, ..Answer::default() });
    let elsewhere = |condition| Saw::Answer(Answer { status: 200, elsewhere: true, condition, ..Answer::default() });
    let (plain, strict) = (asking(None), asking(Some(".ready")));
    let unfulfilled = Err("the condition is false".to_owned());
    for (rules, saw, sight) in [
        (&plain, answer(200), Sight::Good),
        (&plain, answer(204), Sight::Good),
        (&plain, answer(201), Sight::Bad),
        (&plain, answer(302), Sight::Bad),
        (&plain, answer(503), Sight::Bad),
        (&strict, with(200, Some(Ok(()))), Sight::Good),
        (&strict, with(200, Some(unfulfilled)), Sight::Bad),
        // Nobody evaluated it: fail closed.
        (&strict, with(200, None), Sight::Bad),
        // A page to sign in on is well too.
        (&plain, elsewhere(None), Sight::Bad),
        (&strict, elsewhere(None), Sight::Bad),
        (&strict, elsewhere(Some(Ok(()))), Sight::Good),
        (&strict, with(503, Some(Ok(()))), Sight::Bad),
        (&plain, Saw::Failure("refused".to_owned()), Sight::Bad),
        (&plain, nothing("no address"), Sight::Nothing),
    ] {
        assert_eq!(rules.sight(&probe(0, saw.clone())), sight, "{saw:?}");
    }
}

#[test]
fn it_is_settled_when_every_endpoint_is_decided_or_one_is_blocked() {
    use Verdict::{Blocked, Inconclusive, Passed};
    let verdicts = |histories: &[&str]| {
        let Judgement { findings, decision } = judge(&rules(3, 2), &seen(histories));
        (decision == Decision::Decided, findings.iter().map(|finding| finding.verdict).collect::<Vec<_>>())
    };
    for (histories, settled, expected) in [
        (&["", ""][..], false, [Inconclusive, Inconclusive]),
        (&["gg", "b"], false, [Passed, Inconclusive]),
        (&["gg", "bgg"], true, [Passed, Passed]),
        (&["gg", "bb"], true, [Passed, Blocked]),
        // The other may still become healthy, which would change nothing.
        (&["b", "bb"], true, [Inconclusive, Blocked]),
        // The other may still be blocked, which is worse.
        (&["b", "nn"], false, [Inconclusive, Inconclusive]),
        (&["gg", "nn"], true, [Passed, Inconclusive]),
    ] {
        assert_eq!(verdicts(histories), (settled, expected.to_vec()), "{histories:?}");
    }
}

#[test]
fn findings_say_what_was_expected_what_was_seen_and_how_often() {
    let told = |rules: &Rules, history: &str| {
        let Judgement { findings, .. } = judge(rules, &seen(&[history]));
        format!("{} {}", findings[0].verdict, findings[0])
    };
    let lines = [
        told(&rules(10, 1), ""),
        told(&rules(10, 1), "bbg"),
        told(&rules(10, 3), "bbggg"),
        told(&rules(10, 3), "bbg"),
        told(&rules(3, 1), "bbb"),
        told(&rules(3, 1), "nnn"),
        told(&rules(10, 9), "gb"),
        told(&rules(6, 2), "gbgbgb"),
        told(&rules(4, 2), "rrrg"),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    inconclusive e0: no answer yet; expected 200
    passed e0: 200 after 12 ms (attempt 3 of 10); expected 200
    passed e0: 200 after 12 ms, 3 times in a row (attempts 3 to 5 of 10); expected 200, 3 times in a row
    inconclusive e0: undecided after 3 of 10 attempts: 200 after 12 ms; expected 200, 3 times in a row
    blocked e0: 503 after 12 ms (3 of 3 attempts failed); expected 200
    inconclusive e0: no address for staging.example:443 (3 of 3 attempts failed); expected 200; next: see whether the name is right
    blocked e0: 503 after 12 ms (1 of 2 attempts failed, and the 8 that are left cannot make 9 good ones in a row; at most 1 good in a row, the last at 2026-01-01T00:00:00Z); expected 200, 9 times in a row
    blocked e0: flapping: 503 after 12 ms (3 of 6 attempts failed; at most 1 good in a row, the last at 2026-01-01T00:00:04Z); expected 200, 2 times in a row
    blocked e0: 127.0.0.1:1 refused the connection (3 of 4 attempts failed; at most 1 good in a row, the last at 2026-01-01T00:00:03Z); expected 200, 2 times in a row
    ");
}

#[test]
fn answers_that_are_not_good_say_why_and_what_to_do() {
    let rules = Rules { condition: Some(".version == $subject.tag".to_owned()), ..rules(1, 1) };
    let from = |page: &str, elsewhere| Answer { from: Some(page.to_owned()), elsewhere, ..Answer::default() };
    let answers = [
        Answer { status: 302, leads_to: Some("https://login.example/sign-in".to_owned()), ..Answer::default() },
        Answer { status: 401, ..Answer::default() },
        Answer { status: 200, condition: Some(Err("the condition is false".to_owned())), ..Answer::default() },
        Answer { status: 404, ..from("https://other.example/x", true) },
        Answer { status: 401, ..from("https://other.example/x", true) },
        Answer { status: 200, condition: None, ..from("https://login.example/sign-in", true) },
        Answer { status: 503, ..from("https://a.example/ready/", false) },
        Answer { status: 503, cut: Some("the body is larger than 5 bytes".to_owned()), ..Answer::default() },
    ];
    let lines = answers.map(|answer| {
        let endpoint = Endpoint { name: "e".to_owned(), probes: vec![probe(0, Saw::Answer(answer))] };
        judge(&rules, &Seen { endpoints: vec![endpoint] }).findings[0].to_string()
    });
    insta::assert_snapshot!(lines.join("\n"), @r"
    e: 302, a redirect to https://login.example/sign-in, after 12 ms (1 of 1 attempts failed); expected 200, with `.version == $subject.tag`; next: a page to sign in on is not health: give what it asks for in `headers`; if the service has moved, ask it where it is now, or set `redirects`
    e: 401 after 12 ms (1 of 1 attempts failed); expected 200, with `.version == $subject.tag`; next: give what it asks for in `headers`
    e: 200 after 12 ms, but the condition is false (1 of 1 attempts failed); expected 200, with `.version == $subject.tag`
    e: 404 from https://other.example/x, another page, after 12 ms (1 of 1 attempts failed); expected 200, with `.version == $subject.tag`; next: a page to sign in on is not health: if this is the service's page, ask it at that address, or say by `condition` what it holds
    e: 401 from https://other.example/x, another page, after 12 ms (1 of 1 attempts failed); expected 200, with `.version == $subject.tag`; next: ask it at that address: a redirect to another server is followed without `headers`
    e: 200 from https://login.example/sign-in, another page, after 12 ms (1 of 1 attempts failed); expected 200, with `.version == $subject.tag`; next: a page to sign in on is not health: if this is the service's page, ask it at that address, or say by `condition` what it holds
    e: 503 from https://a.example/ready/ after 12 ms (1 of 1 attempts failed); expected 200, with `.version == $subject.tag`
    e: 503 after 12 ms; the body is larger than 5 bytes (1 of 1 attempts failed); expected 200, with `.version == $subject.tag`
    ");
}

#[test]
fn evidence_is_the_attempt_that_decided() {
    for (history, at) in [("bbg", "02"), ("bgb", "02"), ("bbbg", "02"), ("gb", "01")] {
        let consecutive = if history == "bbg" { 1 } else { 2 };
        let Judgement { findings, .. } = judge(&rules(4, consecutive), &seen(&[history]));
        assert_eq!(findings[0].evidence[0].at, format!("2026-01-01T00:00:{at}Z"), "{history}");
        assert_eq!(findings[0].evidence[0].source, "e0");
    }
}

proptest! {
    /// Attempt by attempt, as the loop asks.
    #[test]
    fn it_passes_by_a_row_of_good_answers_at_the_end_and_by_nothing_else(
        letters in "[gbrn]{0,12}", attempts in 1_usize..=12, consecutive in 1_usize..=12,
    ) {
        let rules = rules(attempts, consecutive.min(attempts));
        for end in 0..=letters.len() {
            let history = &letters[..end];
            let (all, row) = (probes(history), history.len() - history.trim_end_matches('g').len());
            let could_pass = row + attempts.saturating_sub(end) >= rules.consecutive;
            let Judgement { findings, decision } = judge(&rules, &seen(&[history]));
            match findings[0].verdict {
                Verdict::Passed => prop_assert!(row >= rules.consecutive && decision == Decision::Decided),
                Verdict::Blocked => prop_assert!(!could_pass && history.contains(['b', 'r'])),
                Verdict::Inconclusive => prop_assert!(row < rules.consecutive),
            }
            prop_assert_eq!(rules.course(&all) == Course::Open, could_pass && row < rules.consecutive);
            if end >= attempts {
                prop_assert_eq!(decision, Decision::Decided);
            }
            if decision == Decision::Decided {
                break;
            }
        }
    }
}
