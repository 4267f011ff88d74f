use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::observe::Decision;

fn limits(attempts: usize, consecutive: usize) -> EndpointLimits {
    EndpointLimits { attempts, consecutive, statuses: vec![200], condition: None, compared: None }
}

fn answer(status: u16) -> ProbeOutcome {
    ProbeOutcome::Response(EndpointResponse { status, ..EndpointResponse::default() })
}

fn failure(reason: &str) -> ProbeOutcome {
    ProbeOutcome::Failure { reason: reason.to_owned(), next: "see whether the service has started" }
}

fn unobserved(reason: &str) -> ProbeOutcome {
    ProbeOutcome::Unobserved { reason: reason.to_owned(), next: "see whether the name is right" }
}

fn probe(index: usize, outcome: ProbeOutcome) -> Probe {
    Probe { endpoint: 0, at: format!("2026-01-01T00:00:{index:02}Z"), took: Duration::from_millis(12), outcome }
}

/// The probes of an endpoint in letters: `g` a good answer, `b` a 503, `r` a refused connection, `n` no address.
fn probes(letters: &str) -> Vec<Probe> {
    let outcome = |letter| match letter {
        'g' => answer(200),
        'b' => answer(503),
        'r' => failure("127.0.0.1:1 refused the connection"),
        'n' => unobserved("no address for staging.example:443"),
        other => panic!("{other}"),
    };
    letters.chars().map(outcome).enumerate().map(|(index, outcome)| probe(index, outcome)).collect()
}

fn history(name: &str, probes: Vec<Probe>) -> EndpointHistory {
    EndpointHistory { name: name.to_owned(), url: format!("https://{name}.example"), probes }
}

fn observations(histories: &[&str]) -> EndpointObservations {
    let endpoints = histories.iter().enumerate();
    let endpoints = endpoints.map(|(index, letters)| history(&format!("e{index}"), probes(letters)));
    EndpointObservations { endpoints: endpoints.collect() }
}

const BLOCKED: EndpointAssessment = EndpointAssessment::Failed(Verdict::Blocked);
const INCONCLUSIVE: EndpointAssessment = EndpointAssessment::Failed(Verdict::Inconclusive);

#[test]
fn an_endpoint_is_healthy_after_enough_good_responses_in_a_row_and_failed_when_too_few_attempts_are_left() {
    for (attempts, consecutive, history, assessment) in [
        (10, 1, "", EndpointAssessment::Pending),
        (10, 1, "g", EndpointAssessment::Healthy),
        (10, 1, "bbg", EndpointAssessment::Healthy),
        (10, 1, "nnnnnnnnng", EndpointAssessment::Healthy),
        (10, 1, "bbbbbbbbb", EndpointAssessment::Pending),
        (10, 1, "bbbbbbbbbb", BLOCKED),
        (1, 1, "b", BLOCKED),
        (1, 1, "n", INCONCLUSIVE),
        (10, 3, "gg", EndpointAssessment::Pending),
        (10, 3, "ggg", EndpointAssessment::Healthy),
        (10, 3, "ggbggg", EndpointAssessment::Healthy),
        // A flapping endpoint is not healthy, however often it answers well.
        (10, 2, "gbgbgbgbgb", BLOCKED),
        (10, 2, "bgbgbgbgb", BLOCKED),
        (10, 2, "bgbgbgbg", EndpointAssessment::Pending),
        // Too few attempts are left.
        (10, 8, "bb", EndpointAssessment::Pending),
        (10, 8, "bbb", BLOCKED),
        (10, 10, "b", BLOCKED),
        (10, 10, "n", INCONCLUSIVE),
        (3, 2, "bgb", BLOCKED),
        (3, 2, "bg", EndpointAssessment::Pending),
        (3, 2, "bgg", EndpointAssessment::Healthy),
    ] {
        assert_eq!(
            limits(attempts, consecutive).assess(&probes(history)),
            assessment,
            "{consecutive} of {attempts}: {history}"
        );
    }
}

#[test]
fn a_failed_endpoint_is_blocked_if_a_probe_was_bad_since_the_last_good_one() {
    for (consecutive, history, assessment) in [
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
        assert_eq!(limits(4, consecutive).assess(&probes(history)), assessment, "{consecutive}: {history}");
    }
}

#[test]
fn a_good_response_has_an_expected_status_and_fulfils_the_condition() {
    let asking = |condition: Option<&str>| EndpointLimits {
        statuses: vec![200, 204],
        condition: condition.map(ToOwned::to_owned),
        ..limits(1, 1)
    };
    let with = |status, condition| {
        ProbeOutcome::Response(EndpointResponse { status, condition, ..EndpointResponse::default() })
    };
    let on_other_page = |condition| {
        ProbeOutcome::Response(EndpointResponse {
            status: 200,
            other_page: true,
            condition,
            ..EndpointResponse::default()
        })
    };
    let (plain, strict) = (asking(None), asking(Some(".ready")));
    let unfulfilled = Err("the condition is false".to_owned());
    for (limits, outcome, rating) in [
        (&plain, answer(200), ProbeRating::Good),
        (&plain, answer(204), ProbeRating::Good),
        (&plain, answer(201), ProbeRating::Bad),
        (&plain, answer(302), ProbeRating::Bad),
        (&plain, answer(503), ProbeRating::Bad),
        (&strict, with(200, Some(Ok(()))), ProbeRating::Good),
        (&strict, with(200, Some(unfulfilled)), ProbeRating::Bad),
        // It was not evaluated: fail closed.
        (&strict, with(200, None), ProbeRating::Bad),
        // A sign-in page answers 200 as well.
        (&plain, on_other_page(None), ProbeRating::Bad),
        (&strict, on_other_page(None), ProbeRating::Bad),
        (&strict, on_other_page(Some(Ok(()))), ProbeRating::Good),
        (&strict, with(503, Some(Ok(()))), ProbeRating::Bad),
        (&plain, failure("refused"), ProbeRating::Bad),
        (&plain, unobserved("no address"), ProbeRating::Unobserved),
    ] {
        assert_eq!(limits.rate(&probe(0, outcome.clone())), rating, "{outcome:?}");
    }
}

#[test]
fn the_gate_is_decided_when_every_endpoint_is_decided_or_one_is_blocked() {
    use Verdict::{Blocked, Inconclusive, Passed};
    let verdicts = |histories: &[&str]| {
        let Judgement { findings, decision } = judge(&limits(3, 2), &observations(histories));
        (decision == Decision::Decided, findings.iter().map(|finding| finding.verdict).collect::<Vec<_>>())
    };
    for (histories, is_decided, expected) in [
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
        assert_eq!(verdicts(histories), (is_decided, expected.to_vec()), "{histories:?}");
    }
}

#[test]
fn findings_say_what_was_observed_what_was_expected_and_how_often() {
    let line = |limits: &EndpointLimits, history: &str| {
        let Judgement { findings, .. } = judge(limits, &observations(&[history]));
        format!("{} {}", findings[0].verdict, findings[0])
    };
    let lines = [
        line(&limits(10, 1), ""),
        line(&limits(10, 1), "bbg"),
        line(&limits(10, 3), "bbggg"),
        line(&limits(10, 3), "bbg"),
        line(&limits(3, 1), "bbb"),
        line(&limits(3, 1), "nnn"),
        line(&limits(10, 9), "gb"),
        line(&limits(6, 2), "gbgbgb"),
        line(&limits(4, 2), "rrrg"),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    inconclusive e0: no answer yet; expected 200
    passed e0: 200 after 12 ms (attempt 3 of 10); expected 200
    passed e0: 200 after 12 ms, 3 times in a row (attempts 3 to 5 of 10); expected 200, 3 times in a row
    inconclusive e0: undecided after 3 of 10 attempts: 200 after 12 ms; expected 200, 3 times in a row
    blocked e0: 503 after 12 ms (3 of 3 attempts failed); expected 200; next: see the service's log for the reason, and run this step again once it answers
    inconclusive e0: no address for staging.example:443 (3 of 3 attempts failed); expected 200; next: see whether the name is right
    blocked e0: 503 after 12 ms (1 of 2 attempts failed, and the 8 that are left cannot make 9 good ones in a row; at most 1 good in a row, the last at 2026-01-01T00:00:00Z); expected 200, 9 times in a row; next: see the service's log for the reason, and run this step again once it answers
    blocked e0: flapping: 503 after 12 ms (3 of 6 attempts failed; at most 1 good in a row, the last at 2026-01-01T00:00:04Z); expected 200, 2 times in a row; next: see the service's log for the reason, and run this step again once it answers
    blocked e0: 127.0.0.1:1 refused the connection (3 of 4 attempts failed; at most 1 good in a row, the last at 2026-01-01T00:00:03Z); expected 200, 2 times in a row; next: see whether the service has started
    ");
}

#[test]
fn findings_about_bad_responses_say_why_and_what_to_do() {
    let limits = EndpointLimits { condition: Some(".version == $subject.tag".to_owned()), ..limits(1, 1) };
    let from = |page: &str, other_page| EndpointResponse {
        from: Some(page.to_owned()),
        other_page,
        ..EndpointResponse::default()
    };
    let answers = [
        EndpointResponse {
            status: 302,
            redirect_to: Some("https://login.example/sign-in".to_owned()),
            ..EndpointResponse::default()
        },
        EndpointResponse { status: 401, ..EndpointResponse::default() },
        EndpointResponse {
            status: 200,
            condition: Some(Err("the condition is false".to_owned())),
            ..EndpointResponse::default()
        },
        EndpointResponse { status: 404, ..from("https://other.example/x", true) },
        EndpointResponse { status: 401, ..from("https://other.example/x", true) },
        EndpointResponse { status: 200, condition: None, ..from("https://login.example/sign-in", true) },
        EndpointResponse { status: 503, ..from("https://a.example/ready/", false) },
        EndpointResponse {
            status: 503,
            incomplete: Some("the body is larger than 5 bytes".to_owned()),
            ..EndpointResponse::default()
        },
    ];
    let lines = answers.map(|answer| {
        let endpoint = history("e", vec![probe(0, ProbeOutcome::Response(answer))]);
        judge(&limits, &EndpointObservations { endpoints: vec![endpoint] }).findings[0].to_string()
    });
    insta::assert_snapshot!(lines.join("\n"), @r"
    e: 302, a redirect to https://login.example/sign-in, after 12 ms (1 of 1 attempts failed); expected 200, with `.version == $subject.tag`; next: a sign-in page says nothing about health: give what it asks for in `headers`; if the service has moved, use its new address, or set `redirects`
    e: 401 after 12 ms (1 of 1 attempts failed); expected 200, with `.version == $subject.tag`; next: give what it asks for in `headers`
    e: 200 after 12 ms, but the condition is false (1 of 1 attempts failed); expected 200, with `.version == $subject.tag`; next: compare the body in the table of probes with `condition`
    e: 404 from https://other.example/x, another page, after 12 ms (1 of 1 attempts failed); expected 200, with `.version == $subject.tag`; next: a sign-in page says nothing about health: if this is the service's page, use its address in `endpoints`, or describe its body with `condition`
    e: 401 from https://other.example/x, another page, after 12 ms (1 of 1 attempts failed); expected 200, with `.version == $subject.tag`; next: use that address in `endpoints`: a redirect to another server is followed without `headers`
    e: 200 from https://login.example/sign-in, another page, after 12 ms (1 of 1 attempts failed); expected 200, with `.version == $subject.tag`; next: a sign-in page says nothing about health: if this is the service's page, use its address in `endpoints`, or describe its body with `condition`
    e: 503 from https://a.example/ready/ after 12 ms (1 of 1 attempts failed); expected 200, with `.version == $subject.tag`; next: see the service's log for the reason, and run this step again once it answers
    e: 503 after 12 ms; the body is larger than 5 bytes (1 of 1 attempts failed); expected 200, with `.version == $subject.tag`; next: see the service's log for the reason, and run this step again once it answers
    ");
}

#[test]
fn a_headline_has_the_status_the_version_and_the_attempts() {
    let limits = |attempts, consecutive| EndpointLimits {
        condition: Some(".version == $subject.tag".to_owned()),
        compared: Some("version 1.4.2".to_owned()),
        ..limits(attempts, consecutive)
    };
    let with = |status: u16, version: &str, condition| EndpointResponse {
        status,
        compared: Some(format!("version {version}")),
        condition,
        ..EndpointResponse::default()
    };
    let good = || ProbeOutcome::Response(with(200, "1.4.2", Some(Ok(()))));
    let down = || ProbeOutcome::Response(with(503, "1.4.2", None));
    let old = || ProbeOutcome::Response(with(200, "1.4.1", Some(Err("the condition is false".to_owned()))));
    let lines = [
        (limits(10, 1), vec![down(), good()]),
        (limits(3, 2), vec![good(), good()]),
        (limits(10, 1), vec![down()]),
        (limits(2, 1), vec![down(), down()]),
        (limits(1, 1), vec![old()]),
        (limits(4, 2), vec![good(), down(), good(), down()]),
        (limits(1, 1), vec![failure("127.0.0.1:1 refused the connection")]),
    ]
    .map(|(limits, outcomes)| {
        let probes = outcomes.into_iter().enumerate().map(|(index, outcome)| probe(index, outcome)).collect();
        let observations = EndpointObservations { endpoints: vec![history("/ready", probes)] };
        let finding = judge(&limits, &observations).findings.remove(0);
        let next = finding.next.as_ref().map(|next| format!("; next: {next}")).unwrap_or_default();
        format!("{}{next}", finding.headline())
    });
    insta::assert_snapshot!(lines.join("\n"), @r"
    /ready 200, version 1.4.2 after 2 of 10 attempts, limit 200, version 1.4.2
    /ready 200, version 1.4.2 after 2 of 3 attempts, limit 200, version 1.4.2, 2 in a row
    /ready 503, version 1.4.2, limit 200, version 1.4.2: undecided after 1 of 10 attempts
    /ready 503, version 1.4.2, limit 200, version 1.4.2: 2 of 2 attempts failed; next: see the service's log for the reason, and run this step again once it answers
    /ready 200, version 1.4.1, limit 200, version 1.4.2: 1 of 1 attempts failed; next: see whether this release is deployed: another one answers; a larger `attempts` waits longer for it
    /ready 503, version 1.4.2, limit 200, version 1.4.2, 2 in a row: flapping, 2 of 4 attempts failed; next: see the service's log for the reason, and run this step again once it answers
    /ready 127.0.0.1:1 refused the connection, limit 200, version 1.4.2: 1 of 1 attempts failed; next: see whether the service has started
    ");
}

#[test]
fn the_evidence_is_the_decisive_attempt() {
    for (history, at) in [("bbg", "02"), ("bgb", "02"), ("bbbg", "02"), ("gb", "01")] {
        let consecutive = if history == "bbg" { 1 } else { 2 };
        let Judgement { findings, .. } = judge(&limits(4, consecutive), &observations(&[history]));
        assert_eq!(findings[0].evidence[0].at, format!("2026-01-01T00:00:{at}Z"), "{history}");
        assert_eq!(findings[0].evidence[0].source, "https://e0.example");
    }
}

proptest! {
    /// Judges after each attempt, as the loop does.
    #[test]
    fn only_a_row_of_good_responses_at_the_end_passes(
        letters in "[gbrn]{0,12}", attempts in 1_usize..=12, consecutive in 1_usize..=12,
    ) {
        let limits = limits(attempts, consecutive.min(attempts));
        for end in 0..=letters.len() {
            let history = &letters[..end];
            let (all, row) = (probes(history), history.len() - history.trim_end_matches('g').len());
            let could_pass = row + attempts.saturating_sub(end) >= limits.consecutive;
            let Judgement { findings, decision } = judge(&limits, &observations(&[history]));
            match findings[0].verdict {
                Verdict::Passed => prop_assert!(row >= limits.consecutive && decision == Decision::Decided),
                Verdict::Blocked => prop_assert!(!could_pass && history.contains(['b', 'r'])),
                Verdict::Inconclusive => prop_assert!(row < limits.consecutive),
            }
            prop_assert_eq!(limits.assess(&all) == EndpointAssessment::Pending, could_pass && row < limits.consecutive);
            if end >= attempts {
                prop_assert_eq!(decision, Decision::Decided);
            }
            if decision == Decision::Decided {
                break;
            }
        }
    }
}
