use std::time::Duration;

use super::*;
use crate::{
    commands::health::observations::{Answer, Saw},
    observe::Decision,
};

const END: Moment = Moment::from_secs(600);

fn rules() -> Rules {
    Rules {
        duration: "10m".parse().unwrap(),
        since: "the approval at 2026-01-01T10:00:00Z".to_owned(),
        until: END,
        until_wall: "2026-01-01T10:10:00Z".to_owned(),
        hold_label: "promotion-hold".to_owned(),
        what: "checkout-service in production".to_owned(),
        good: Good { attempts: 1, consecutive: 1, statuses: vec![200], condition: None },
        consecutive: 3,
    }
}

fn at(seconds: u64) -> Moment {
    Moment::from_secs(seconds)
}

fn looks<T>(all: impl IntoIterator<Item = (u64, Result<T, Finding>)>) -> Looks<T> {
    let mut looks = Looks::default();
    for (seconds, look) in all {
        looks.take(at(seconds), look);
    }
    looks
}

fn lost<T>() -> Result<T, Finding> {
    Err(Finding::inconclusive("GitHub's API").actual("502 Bad Gateway").next("run this step again"))
}

fn hold() -> Hold {
    Hold { number: 12, title: "the sale".to_owned(), url: "https://x/12".to_owned(), by: Some("dave".to_owned()) }
}

fn newer() -> Newer {
    Newer {
        commit: "1a2b".to_owned(),
        kind: "emergency".to_owned(),
        image: "x:1.4.3".to_owned(),
        at: "2026-01-01T10:05:00Z".parse().unwrap(),
    }
}

/// One probe for each character: `+` good, `-` bad, `?` not observed; the first a minute from the start, and so on.
fn endpoint(course: &str) -> Endpoint {
    let probe = |sight: char| {
        let saw = match sight {
            '+' => Saw::Answer(Answer { status: 200, ..Answer::default() }),
            '-' => Saw::Answer(Answer { status: 503, ..Answer::default() }),
            _ => Saw::Nothing { why: "no address".to_owned(), next: "" },
        };
        Probe { endpoint: 0, at: "then".to_owned(), took: Duration::from_millis(7), saw }
    };
    let probes = course.chars().zip(1..).map(|(sight, minute)| (at(60 * minute), probe(sight))).collect();
    Endpoint { name: "https://shop/ready".to_owned(), probes }
}

/// Everything was looked at in the end, and is well.
fn seen() -> Seen {
    Seen {
        endpoints: vec![endpoint("+++++++++++")],
        holds: looks([(601, Ok(vec![]))]),
        promotions: looks([(601, Ok(None))]),
    }
}

fn finding(seen: &Seen, now: u64, check: &str) -> Finding {
    let found = judge(&rules(), seen, at(now)).findings.into_iter().find(|finding| finding.check == check);
    found.unwrap_or_else(|| panic!("no {check}"))
}

const ENDPOINT: &str = "https://shop/ready";

#[test]
fn it_is_open_until_the_moment_and_passes_once_all_was_looked_at_again() {
    let open = Decision::Pending { revisit: Some(END) };
    for (what, seen, now, decision, expected) in [
        ("nothing was looked at", Seen::default(), 0, open, Verdict::Inconclusive),
        ("all is well before the end", seen(), 599, open, Verdict::Inconclusive),
        ("all is well at the end", seen(), 661, Decision::Decided, Verdict::Passed),
        ("no endpoint was named", Seen { endpoints: vec![], ..seen() }, 661, Decision::Decided, Verdict::Passed),
        (
            "holds were looked at too early",
            Seen { holds: looks([(599, Ok(vec![]))]), ..seen() },
            661,
            Decision::Pending { revisit: None },
            Verdict::Inconclusive,
        ),
        (
            "the ledger was looked at too early",
            Seen { promotions: looks([(599, Ok(None))]), ..seen() },
            661,
            Decision::Pending { revisit: None },
            Verdict::Inconclusive,
        ),
        (
            "an endpoint was looked at too early",
            Seen { endpoints: vec![endpoint("+++++++++")], ..seen() },
            661,
            Decision::Pending { revisit: None },
            Verdict::Inconclusive,
        ),
        (
            "nothing was looked at in the end",
            Seen::default(),
            661,
            Decision::Pending { revisit: None },
            Verdict::Inconclusive,
        ),
    ] {
        let judged = judge(&rules(), &seen, at(now));
        assert_eq!((judged.decision, verdict(&judged.findings)), (decision, expected), "{what}: {:?}", judged.findings);
    }
}

#[test]
fn a_hold_and_a_younger_promotion_block_at_once() {
    let held = Seen { holds: looks([(5, Ok(vec![hold(), hold()]))]), ..Seen::default() };
    let overtaken = Seen { promotions: looks([(5, Ok(Some(newer())))]), ..Seen::default() };
    for (seen, check, words) in [
        (held, "hold", "issue #12 \"the sale\" by dave holds all promotions: https://x/12 (and 1 more)"),
        (
            overtaken,
            "supersession",
            "x:1.4.3 came by 1a2b (emergency) at 2026-01-01T10:05:00Z, after this release was validated",
        ),
    ] {
        assert_eq!(judge(&rules(), &seen, at(5)).decision, Decision::Decided);
        let found = finding(&seen, 5, check);
        assert_eq!((found.verdict, found.actual.as_str()), (Verdict::Blocked, words));
        assert!(found.next.is_some());
    }
    let nobody = Seen { holds: looks([(5, Ok(vec![Hold { by: None, ..hold() }]))]), ..Seen::default() };
    assert!(finding(&nobody, 5, "hold").actual.contains("\"the sale\" holds all promotions: https://x/12"));
}

#[test]
fn a_look_that_fails_in_between_is_told_and_one_in_the_end_leaves_it_open() {
    let missed = Seen { holds: looks([(60, Ok(vec![])), (120, lost()), (601, Ok(vec![]))]), ..seen() };
    let found = finding(&missed, 661, "hold");
    assert_eq!(found.verdict, Verdict::Passed);
    assert!(found.actual.ends_with("(1 of 3 looks failed, the last one did not)"), "{found}");
    let open = Decision::Pending { revisit: None };
    for (seen, check) in [
        (Seen { holds: looks([(60, Ok(vec![])), (601, lost())]), ..seen() }, "hold"),
        (Seen { promotions: looks([(60, Ok(None)), (601, lost())]), ..seen() }, "supersession"),
    ] {
        let found = finding(&seen, 661, check);
        assert_eq!((found.verdict, judge(&rules(), &seen, at(661)).decision), (Verdict::Inconclusive, open));
        assert_eq!(found.actual, "GitHub's API: 502 Bad Gateway");
        assert_eq!(found.next.as_deref(), Some("run this step again"));
        // Before the end, it only is not known for the moment.
        assert_eq!(judge(&rules(), &seen, at(130)).decision, Decision::Pending { revisit: Some(END) });
    }
}

#[test]
fn an_endpoint_blocks_once_it_missed_often_enough_in_a_row() {
    for (course, now, expected, words) in [
        ("", 0, Verdict::Inconclusive, "no answer yet"),
        ("+", 60, Verdict::Passed, "200 after 7 ms"),
        ("--", 120, Verdict::Inconclusive, "503 after 7 ms, not yet 3 times in a row"),
        ("---", 180, Verdict::Blocked, "503 after 7 ms, 3 times in a row"),
        ("+++---", 360, Verdict::Blocked, "503 after 7 ms, 3 times in a row"),
        ("--+--+--+", 540, Verdict::Passed, "200 after 7 ms, and 6 of 9 missed"),
        // What was not observed is not bad, and is no recovery either.
        ("????", 240, Verdict::Inconclusive, "no address, not yet 3 times in a row"),
        ("-?-?-?", 360, Verdict::Blocked, "503 after 7 ms, 3 times in a row"),
        ("-?-+-?", 360, Verdict::Inconclusive, "no address, not yet 3 times in a row"),
        // In the end it must be well: one that missed is asked again.
        ("+++++++++-", 661, Verdict::Inconclusive, "503 after 7 ms, not yet 3 times in a row"),
        ("+++++++++--+", 721, Verdict::Passed, "200 after 7 ms, and 2 of 12 missed"),
        ("+++++++++?", 661, Verdict::Inconclusive, "no address"),
        ("+++++++++", 661, Verdict::Inconclusive, "not looked at since the wait was over"),
    ] {
        let found = finding(&Seen { endpoints: vec![endpoint(course)], ..seen() }, now, ENDPOINT);
        assert!(found.verdict == expected && found.actual.starts_with(words), "{course}: {found}");
        assert_eq!(found.expected, "200, not missed 3 times in a row");
    }
    let blocked = Seen { endpoints: vec![endpoint("+"), endpoint("---")], ..seen() };
    assert_eq!(judge(&rules(), &blocked, at(180)).decision, Decision::Decided);
}

#[test]
fn the_log_says_once_in_a_while_how_it_stands() {
    let line = |seen: &Seen, now| line(&rules(), seen, now);
    assert_eq!(line(&Seen::default(), at(0)), "10m left, until 2026-01-01T10:10:00Z");
    assert_eq!(
        line(&seen(), Duration::from_millis(60_400)),
        "9m left, until 2026-01-01T10:10:00Z: no hold, nothing younger, 1 of 1 endpoints well"
    );
    let troubled = Seen {
        endpoints: vec![endpoint("+"), endpoint("-"), endpoint("?"), endpoint("")],
        holds: looks([(1, lost())]),
        promotions: looks([(1, lost())]),
    };
    assert_eq!(
        line(&troubled, at(540)),
        "1m left, until 2026-01-01T10:10:00Z: holds not seen, the ledger not seen, 1 of 4 endpoints well"
    );
    assert!(line(&Seen { endpoints: vec![], ..seen() }, Duration::from_millis(599_700)).starts_with("300ms left"));
}
