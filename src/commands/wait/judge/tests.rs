use std::time::Duration;

use super::*;
use crate::{
    commands::health::endpoints::observations::{EndpointResponse, ProbeOutcome},
    observe::Decision,
    supersession::{NewerPromotion, NewerRelease},
};

const END: Moment = Moment::from_secs(600);

fn limits() -> WaitLimits {
    WaitLimits {
        duration: "10m".parse().unwrap(),
        since: "the approval at 2026-01-01 10:00 UTC".to_owned(),
        until: END,
        until_wall: "2026-01-01 10:10 UTC".to_owned(),
        hold_label: "promotion-hold".to_owned(),
        target: "checkout-service in production".to_owned(),
        superseded_by: SupersededBy::Promotion,
        good: EndpointLimits { attempts: 1, consecutive: 1, statuses: vec![200], condition: None, compared: None },
        consecutive: 3,
    }
}

fn at(seconds: u64) -> Moment {
    Moment::from_secs(seconds)
}

fn looks<T>(all: impl IntoIterator<Item = (u64, Result<T, Finding>)>) -> LookHistory<T> {
    let mut looks = LookHistory::default();
    for (seconds, look) in all {
        looks.add(at(seconds), look);
    }
    looks
}

fn lost<T>() -> Result<T, Finding> {
    Err(Finding::inconclusive("GitHub's API").actual("502 Bad Gateway").next("run this step again"))
}

fn hold() -> PromotionHold {
    PromotionHold {
        number: 12,
        title: "the sale".to_owned(),
        url: "https://x/12".to_owned(),
        author: Some("dave".to_owned()),
    }
}

fn newer() -> NewerRelease {
    NewerRelease::Promoted(NewerPromotion {
        commit: "1a2b".to_owned(),
        kind: "emergency".to_owned(),
        image: "x:1.4.3".to_owned(),
        at: "2026-01-01T10:05:00Z".parse().unwrap(),
    })
}

/// One probe per minute for each character: `+` good, `-` bad, `?` not observed.
fn endpoint(course: &str) -> WatchedEndpoint {
    let probe = |sight: char| {
        let outcome = match sight {
            '+' => ProbeOutcome::Response(EndpointResponse { status: 200, ..EndpointResponse::default() }),
            '-' => ProbeOutcome::Response(EndpointResponse { status: 503, ..EndpointResponse::default() }),
            _ => ProbeOutcome::Unobserved { reason: "no address".to_owned(), next: "" },
        };
        Probe { endpoint: 0, at: "then".to_owned(), took: Duration::from_millis(7), outcome }
    };
    let probes = course.chars().zip(1..).map(|(sight, minute)| (at(60 * minute), probe(sight))).collect();
    WatchedEndpoint { name: ENDPOINT.to_owned(), url: format!("https://shop{ENDPOINT}"), probes }
}

/// Everything was looked at after the wait, and nothing blocks.
fn observations() -> WaitObservations {
    WaitObservations {
        endpoints: vec![endpoint("+++++++++++")],
        holds: looks([(601, Ok(vec![]))]),
        newer: looks([(601, Ok(None))]),
    }
}

fn finding(observations: &WaitObservations, now: u64, check: &str) -> Finding {
    let found = judge(&limits(), observations, at(now)).findings.into_iter().find(|finding| finding.check == check);
    found.unwrap_or_else(|| panic!("no {check}"))
}

const ENDPOINT: &str = "/ready";

#[test]
fn the_wait_is_pending_until_its_end_and_passes_once_everything_was_looked_at_again() {
    let open = Decision::Pending { revisit: Some(END) };
    for (description, observations, now, decision, expected) in [
        ("nothing was looked at", WaitObservations::default(), 0, open, Verdict::Inconclusive),
        ("all is well before the end", observations(), 599, open, Verdict::Inconclusive),
        ("all is well at the end", observations(), 661, Decision::Decided, Verdict::Passed),
        (
            "no endpoint was named",
            WaitObservations { endpoints: vec![], ..observations() },
            661,
            Decision::Decided,
            Verdict::Passed,
        ),
        (
            "holds were looked at too early",
            WaitObservations { holds: looks([(599, Ok(vec![]))]), ..observations() },
            661,
            Decision::Pending { revisit: None },
            Verdict::Inconclusive,
        ),
        (
            "the ledger was looked at too early",
            WaitObservations { newer: looks([(599, Ok(None))]), ..observations() },
            661,
            Decision::Pending { revisit: None },
            Verdict::Inconclusive,
        ),
        (
            "an endpoint was looked at too early",
            WaitObservations { endpoints: vec![endpoint("+++++++++")], ..observations() },
            661,
            Decision::Pending { revisit: None },
            Verdict::Inconclusive,
        ),
        (
            "nothing was looked at in the end",
            WaitObservations::default(),
            661,
            Decision::Pending { revisit: None },
            Verdict::Inconclusive,
        ),
    ] {
        let Judgement { findings, decision: actual } = judge(&limits(), &observations, at(now));
        assert_eq!((actual, verdict(&findings)), (decision, expected), "{description}: {findings:?}");
    }
}

#[test]
fn a_hold_and_a_newer_promotion_block_at_once() {
    let held = WaitObservations { holds: looks([(5, Ok(vec![hold(), hold()]))]), ..WaitObservations::default() };
    let overtaken = WaitObservations { newer: looks([(5, Ok(Some(newer())))]), ..WaitObservations::default() };
    for (observations, check, words) in [
        (held, "hold", "issue #12 \"the sale\" by dave holds all promotions: https://x/12 (and 1 more)"),
        (
            overtaken,
            "supersession",
            "x:1.4.3 came by 1a2b (emergency) at 2026-01-01T10:05:00Z, after this release was validated",
        ),
    ] {
        assert_eq!(judge(&limits(), &observations, at(5)).decision, Decision::Decided);
        let found = finding(&observations, 5, check);
        assert_eq!((found.verdict, found.actual.as_str()), (Verdict::Blocked, words));
    }
    let holds = looks([(5, Ok(vec![PromotionHold { author: None, ..hold() }]))]);
    let anonymous = WaitObservations { holds, ..WaitObservations::default() };
    assert!(finding(&anonymous, 5, "hold").actual.contains("\"the sale\" holds all promotions: https://x/12"));
}

#[test]
fn a_headline_names_the_cause_and_the_next_step_says_what_to_do() {
    let held = WaitObservations { holds: looks([(5, Ok(vec![hold()]))]), ..WaitObservations::default() };
    let superseded = WaitObservations { newer: looks([(5, Ok(Some(newer())))]), ..WaitObservations::default() };
    let down = WaitObservations { endpoints: vec![endpoint("---")], ..observations() };
    let lines =
        [(held, 5, "hold"), (superseded, 5, "supersession"), (down, 180, ENDPOINT)].map(|(seen, now, check)| {
            let found = finding(&seen, now, check);
            format!("{}; next: {}", found.headline(), found.next.unwrap_or_default())
        });
    insta::assert_snapshot!(lines.join("\n"), @r#"
    hold by issue #12 "the sale" of dave; next: close https://x/12 once promotions may continue, and start this promotion again
    supersession by x:1.4.3 at 2026-01-01 10:05 UTC (emergency); next: leave the newer release in place; to promote this one after all, validate it again
    /ready 503, 3 times in a row, limit 200; next: find out why it fails, and start this promotion again once it is healthy
    "#);
    assert_eq!(
        title(&limits(), &observations()),
        "wait: 10m over since 2026-01-01 10:10 UTC · no hold, no newer promotion, 1 of 1 endpoints healthy"
    );
}

#[test]
fn a_failed_look_during_the_wait_is_reported_and_one_after_it_stays_pending() {
    let missed =
        WaitObservations { holds: looks([(60, Ok(vec![])), (120, lost()), (601, Ok(vec![]))]), ..observations() };
    let found = finding(&missed, 661, "hold");
    assert_eq!(found.verdict, Verdict::Passed);
    assert!(found.actual.ends_with("(1 of 3 looks failed, the last one did not)"), "{found}");
    let open = Decision::Pending { revisit: None };
    for (observations, check) in [
        (WaitObservations { holds: looks([(60, Ok(vec![])), (601, lost())]), ..observations() }, "hold"),
        (WaitObservations { newer: looks([(60, Ok(None)), (601, lost())]), ..observations() }, "supersession"),
    ] {
        let found = finding(&observations, 661, check);
        assert_eq!((found.verdict, judge(&limits(), &observations, at(661)).decision), (Verdict::Inconclusive, open));
        assert_eq!(found.actual, "GitHub's API: 502 Bad Gateway");
        assert_eq!(found.next.as_deref(), Some("run this step again"));
        // During the wait, it is only unknown for the moment.
        assert_eq!(judge(&limits(), &observations, at(130)).decision, Decision::Pending { revisit: Some(END) });
    }
}

#[test]
fn an_endpoint_blocks_after_enough_bad_answers_in_a_row() {
    for (course, now, expected, words) in [
        ("", 0, Verdict::Inconclusive, "no answer yet"),
        ("+", 60, Verdict::Passed, "200 after 7 ms"),
        ("--", 120, Verdict::Inconclusive, "503 after 7 ms, not yet 3 times in a row"),
        ("---", 180, Verdict::Blocked, "503 after 7 ms, 3 times in a row"),
        ("+++---", 360, Verdict::Blocked, "503 after 7 ms, 3 times in a row"),
        ("--+--+--+", 540, Verdict::Passed, "200 after 7 ms, and 6 of 9 missed"),
        // A probe without an observation is neither bad nor a recovery.
        ("????", 240, Verdict::Inconclusive, "no address, not yet 3 times in a row"),
        ("-?-?-?", 360, Verdict::Blocked, "503 after 7 ms, 3 times in a row"),
        ("-?-+-?", 360, Verdict::Inconclusive, "no address, not yet 3 times in a row"),
        // After the wait, the last answer must be good; a bad one is retried.
        ("+++++++++-", 661, Verdict::Inconclusive, "503 after 7 ms, not yet 3 times in a row"),
        ("+++++++++--+", 721, Verdict::Passed, "200 after 7 ms, and 2 of 12 missed"),
        ("+++++++++?", 661, Verdict::Inconclusive, "no address"),
        ("+++++++++", 661, Verdict::Inconclusive, "not looked at since the wait was over"),
    ] {
        let found = finding(&WaitObservations { endpoints: vec![endpoint(course)], ..observations() }, now, ENDPOINT);
        assert!(found.verdict == expected && found.actual.starts_with(words), "{course}: {found}");
        assert_eq!(found.expected, "200, not missed 3 times in a row");
    }
    let blocked = WaitObservations { endpoints: vec![endpoint("+"), endpoint("---")], ..observations() };
    assert_eq!(judge(&limits(), &blocked, at(180)).decision, Decision::Decided);
}

#[test]
fn the_progress_line_shows_the_time_left_and_the_last_looks() {
    let line = |observations: &WaitObservations, now| progress_line(&limits(), observations, now);
    assert_eq!(line(&WaitObservations::default(), at(0)), "10m left, until 2026-01-01 10:10 UTC");
    assert_eq!(
        line(&observations(), Duration::from_millis(60_400)),
        "9m left, until 2026-01-01 10:10 UTC: no hold, no newer promotion, 1 of 1 endpoints healthy"
    );
    let failing = WaitObservations {
        endpoints: vec![endpoint("+"), endpoint("-"), endpoint("?"), endpoint("")],
        holds: looks([(1, lost())]),
        newer: looks([(1, lost())]),
    };
    assert_eq!(
        line(&failing, at(540)),
        "1m left, until 2026-01-01 10:10 UTC: holds not seen, newer releases not seen, 1 of 4 endpoints healthy"
    );
    assert!(
        line(&WaitObservations { endpoints: vec![], ..observations() }, Duration::from_millis(599_700))
            .starts_with("300ms left")
    );
}
