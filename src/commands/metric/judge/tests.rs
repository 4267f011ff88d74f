use super::*;
use crate::{
    commands::metric::{
        checks::resolve, condition::MetricCondition, figure::FigureDefinition, observations::FiringAlert,
    },
    observe::Decision,
    subject::Subject,
};

const FIGURES: [&str; 9] = [
    "error-rate = errors[$window]",
    "p99 (ms) = p99",
    "p99 baseline = p99 offset 1w",
    "requests = requests[$window]",
    "requests baseline = requests[$window] offset 1w",
    "availability = ok[$window]",
    "lcp (ms) = https://rum.example/lcp | .p75",
    "lcp baseline = https://rum.example/before | .p75",
    "unused = x",
];

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + second).unwrap()
}

/// A gate with one condition and the figures that it uses.
struct Gate {
    limits: MetricLimits,
    observations: MetricObservations,
}

impl Gate {
    fn new(condition: &str) -> Self {
        let condition: MetricCondition = condition.parse().unwrap_or_else(|error| panic!("{condition}: {error}"));
        let text = condition.text.clone();
        let is_used = |figure: &&FigureDefinition| {
            text.contains(&figure.name) && (!figure.is_baseline || text.contains("baseline"))
        };
        let definitions: Vec<FigureDefinition> = FIGURES.map(|text| text.parse().unwrap()).into();
        let definitions: Vec<FigureDefinition> = definitions.iter().filter(is_used).cloned().collect();
        let window = "5m".parse().unwrap();
        let checks = resolve(&[condition], &definitions, &Subject::default(), window).unwrap();
        let observations = MetricObservations::new(&checks);
        let limits =
            MetricLimits { checks, begin: Duration::ZERO, until: Duration::ZERO, max_age: Duration::from_secs(300) };
        Self { limits, observations }
    }

    /// An answer to the question with this query.
    fn read(mut self, query: &str, reading: Result<&str, Unread>) -> Self {
        self.add(query, Duration::from_secs(1), reading.map(|value| sample(value, Some(0))));
        self
    }

    fn add(&mut self, query: &str, moment: Moment, reading: Result<Sample, Unread>) {
        let question = self.limits.checks.figures.iter().position(|one| one.text == query);
        let question = question.unwrap_or_else(|| panic!("{query} in {:?}", self.limits.checks.figures));
        self.observations.figures[question].add(moment, reading);
    }

    fn alerts(mut self, snapshot: AlertSnapshot) -> Self {
        self.observations.alerts[0].add(Duration::from_secs(1), Ok(snapshot));
        self
    }

    /// An answer during the duration, as the loop records it.
    fn absorb(&mut self, moment: u64, reading: Result<Sample, Unread>) {
        let moment = Duration::from_secs(moment);
        self.observations.figures[0].add(moment, reading);
        add_held(&self.limits, &mut self.observations, moment);
    }

    fn judge(&self) -> Judgement {
        judge(&self.limits, &self.observations, Duration::from_secs(2))
    }

    /// The verdict and the finding, which says what to do unless it passed.
    fn end(&self) -> (Verdict, Finding) {
        let judgement = self.judge();
        let finding = judgement.findings[0].clone();
        assert_eq!(judgement.findings.len(), 1);
        assert!(finding.verdict == Verdict::Passed || finding.next.is_some(), "{finding}");
        assert_eq!(
            judgement.decision == Decision::Decided,
            finding.verdict != Verdict::Inconclusive || finding.actual.contains("400"),
            "{judgement:?}"
        );
        (finding.verdict, finding)
    }
}

fn sample(value: &str, of: Option<i64>) -> Sample {
    Sample { value: value.parse().unwrap(), at: of.map(at), read_at: at(0) }
}

fn unread(reason: &str) -> Unread {
    Unread { reason: reason.to_owned(), next: "see why".to_owned(), is_final: reason.contains("400"), read_at: at(0) }
}

#[test]
fn a_figure_is_compared_with_its_limit_in_the_same_unit() {
    for (condition, query, value, verdict, part) in [
        ("error-rate <= 1 %", "errors[5m]", "0.01", Verdict::Passed, "error-rate over 5m is 1 %"),
        ("error-rate <= 1 %", "errors[5m]", "0.010001", Verdict::Blocked, "is 1.0001 %, and not <= 1 %"),
        ("error-rate < 1 %", "errors[5m]", "0.01", Verdict::Blocked, "and not < 1 %"),
        ("error-rate < 1 %", "errors[5m]", "0", Verdict::Passed, "is 0 %"),
        ("p99 <= 2 s", "p99", "2000", Verdict::Passed, "p99 is 2 s"),
        ("p99 <= 2 s", "p99", "2001", Verdict::Blocked, "p99 is 2.001 s, and not <= 2 s"),
        ("p99 <= 500 ms", "p99", "320", Verdict::Passed, "p99 is 320 ms"),
        ("requests >= 100", "requests[5m]", "100", Verdict::Passed, "is 100"),
        ("requests >= 100", "requests[5m]", "99", Verdict::Blocked, "is 99, and not >= 100"),
        ("requests > 100", "requests[5m]", "100", Verdict::Blocked, "and not > 100"),
    ] {
        let (found, finding) = Gate::new(condition).read(query, Ok(value)).end();
        assert_eq!(found, verdict, "{condition} {value}: {finding}");
        assert!(finding.actual.contains(part), "{condition} {value}: {finding}");
        assert!(finding.expected == condition && finding.evidence[0].source == query, "{finding:?}");
    }
}

#[test]
fn what_could_not_be_read_is_never_good() {
    for (reading, part) in [
        (Err(unread("the value is NaN")), "the value is NaN"),
        (Err(unread("the server answered 400")), "400"),
        (Ok(sample("0", Some(-301))), "5m1s old"),
        (Ok(sample("0", Some(301))), "5m1s in the future"),
    ] {
        let mut gate = Gate::new("error-rate <= 1 %");
        gate.add("errors[5m]", Duration::from_secs(1), reading);
        let (verdict, finding) = gate.end();
        assert_eq!(verdict, Verdict::Inconclusive, "{finding}");
        assert!(finding.actual.contains(part), "{finding}");
    }
    assert_eq!(Gate::new("error-rate <= 1 %").end().0, Verdict::Inconclusive, "nothing was read");
    for of in [Some(-300), Some(300), None] {
        let mut gate = Gate::new("error-rate <= 1 %");
        gate.add("errors[5m]", Duration::from_secs(1), Ok(sample("0", of)));
        assert_eq!(gate.end().0, Verdict::Passed, "{of:?}");
    }
}

#[test]
fn a_later_answer_counts() {
    let mut gate = Gate::new("error-rate <= 1 %");
    gate.add("errors[5m]", Duration::from_secs(1), Err(unread("the value is NaN")));
    gate.add("errors[5m]", Duration::from_secs(2), Ok(sample("0", None)));
    let (verdict, finding) = gate.end();
    assert_eq!(verdict, Verdict::Passed);
    assert!(finding.actual.contains("1 of 2 readings failed"), "{finding}");
    gate.add("errors[5m]", Duration::from_secs(2), Err(unread("the server answered 503")));
    assert_eq!(gate.end().0, Verdict::Inconclusive);
}

#[test]
fn an_error_that_another_look_would_repeat_ends_the_gate_unless_the_server_has_answered() {
    let mut gate = Gate::new("error-rate <= 1 %");
    gate.add("errors[5m]", Duration::from_secs(1), Err(unread("the server answered 400")));
    assert_eq!(gate.judge().decision, Decision::Decided);
    let mut gate = Gate::new("error-rate <= 1 %");
    gate.add("errors[5m]", Duration::from_secs(1), Ok(sample("0", None)));
    gate.add("errors[5m]", Duration::from_secs(2), Err(unread("the server answered 400")));
    let judgement = gate.judge();
    assert_eq!(
        (verdict(&judgement.findings), judgement.decision),
        (Verdict::Inconclusive, Decision::Pending { revisit: None })
    );
}

#[test]
fn too_few_samples_say_nothing_good_or_bad() {
    let condition = "error-rate <= 1 % with requests >= 100";
    for (errors, requests, expected) in [
        ("0", "100", Verdict::Passed),
        ("0", "99", Verdict::Inconclusive),
        ("0.5", "99", Verdict::Inconclusive),
        ("0.5", "100", Verdict::Blocked),
    ] {
        let gate = Gate::new(condition).read("errors[5m]", Ok(errors)).read("requests[5m]", Ok(requests));
        assert_eq!(gate.end().0, expected, "{errors} {requests}");
    }
    let gate = Gate::new(condition).read("errors[5m]", Ok("0"));
    assert_eq!(gate.end().0, Verdict::Inconclusive, "the samples were not counted");
}

#[test]
fn a_ratio_needs_a_baseline_with_samples_of_its_own() {
    let gate = |condition: &str, p99: &str, baseline: Result<&str, Unread>| {
        Gate::new(condition).read("p99", Ok(p99)).read("p99 offset 1w", baseline)
    };
    let condition = "p99 <= 1.2 × baseline";
    for (p99, baseline, expected) in [
        ("120.12", Ok("100.1"), Verdict::Passed),
        ("120.121", Ok("100.1"), Verdict::Blocked),
        ("120", Ok("0"), Verdict::Inconclusive),
        ("0", Ok("0"), Verdict::Inconclusive),
        ("120", Err(unread("the result is empty")), Verdict::Inconclusive),
    ] {
        let (found, finding) = gate(condition, p99, baseline).end();
        assert_eq!(found, expected, "{finding}");
    }
    let figures = gate(condition, "130", Ok("100")).end().1.figures.unwrap();
    assert_eq!(figures.to_string(), "100 ms → 130 ms, limit 120 ms");

    let both = "p99 <= 500 ms and <= 1.2 × baseline";
    let none = || Err(unread("the result is empty"));
    assert_eq!(gate(both, "501", none()).end().0, Verdict::Blocked, "over the limit, whatever the baseline is");
    assert_eq!(gate(both, "500", none()).end().0, Verdict::Inconclusive);
    assert_eq!(gate(both, "130", Ok("100")).end().0, Verdict::Blocked);
    assert_eq!(gate(both, "120", Ok("100")).end().0, Verdict::Passed);

    let sampled = |before: &str| {
        gate("p99 <= 1.2 × baseline with requests >= 100", "100", Ok("100"))
            .read("requests[5m]", Ok("100"))
            .read("requests[5m] offset 1w", Ok(before))
    };
    assert_eq!(sampled("99").end().0, Verdict::Inconclusive, "too few samples of the baseline");
    assert_eq!(sampled("100").end().0, Verdict::Passed);
}

#[test]
fn an_old_baseline_in_json_is_no_stale_figure() {
    for (condition, figure, baseline, expected) in [
        ("lcp <= 1.2 × baseline", "https://rum.example/lcp", "https://rum.example/before", Verdict::Passed),
        // Prometheus has evaluated it now, whatever its offset: an old answer is that of a cache.
        ("p99 <= 1.2 × baseline", "p99", "p99 offset 1w", Verdict::Inconclusive),
    ] {
        let mut gate = Gate::new(condition).read(figure, Ok("100"));
        gate.add(baseline, Duration::from_secs(1), Ok(sample("100", Some(-604_800))));
        assert_eq!(gate.end().0, expected, "{condition}");
    }
}

#[test]
fn a_figure_in_percent_does_not_pass_as_a_share() {
    for (condition, value, expected) in [
        ("availability >= 99 %", "0.99", Verdict::Passed),
        ("availability >= 99 %", "1", Verdict::Passed),
        ("availability >= 99 %", "0.98", Verdict::Blocked),
        ("availability >= 99 %", "98", Verdict::Inconclusive),
        ("availability > 99 %", "98", Verdict::Inconclusive),
        ("availability >= 150 %", "1.6", Verdict::Passed),
        ("availability >= 0.99", "98", Verdict::Passed),
        ("availability <= 99 %", "1.2", Verdict::Blocked),
    ] {
        let (found, finding) = Gate::new(condition).read("ok[5m]", Ok(value)).end();
        assert_eq!(found, expected, "{condition} {value}: {finding}");
    }
}

#[test]
fn a_burn_rate_blocks_only_over_both_windows() {
    let condition = "burn-rate of error-rate at 99.9 % <= 14.4 over 1h and 5m";
    for (long, short, expected) in [
        (Ok("0.0145"), Ok("0.0145"), Verdict::Blocked),
        (Ok("0.0144"), Ok("0.0145"), Verdict::Passed),
        (Ok("0.0145"), Ok("0.0144"), Verdict::Passed),
        (Ok("0"), Ok("0"), Verdict::Passed),
        (Err(unread("the value is NaN")), Ok("0"), Verdict::Inconclusive),
        (Ok("0"), Err(unread("the value is NaN")), Verdict::Inconclusive),
    ] {
        let (found, finding) = Gate::new(condition).read("errors[1h]", long).read("errors[5m]", short).end();
        assert_eq!(found, expected, "{finding}");
    }
    let gate = Gate::new(condition).read("errors[1h]", Ok("0.02")).read("errors[5m]", Ok("0.03"));
    let finding = gate.end().1;
    assert_eq!(finding.figures.unwrap().to_string(), "20 and 30, limit 14.4");
    assert!(finding.actual.contains("20 (error-rate over 1h) and 30 (error-rate over 5m)"), "{}", finding.actual);

    let sampled = |requests: &str| {
        Gate::new(&format!("{condition} with requests >= 10"))
            .read("errors[1h]", Ok("1"))
            .read("errors[5m]", Ok("1"))
            .read("requests[5m]", Ok(requests))
    };
    assert_eq!(sampled("9").end().0, Verdict::Inconclusive, "one failed request of one burns everything");
    assert_eq!(sampled("10").end().0, Verdict::Blocked);
}

#[test]
fn no_alert_counts_only_beside_the_one_that_always_fires() {
    let alert = || FiringAlert { name: "HighErrorRate".to_owned(), since: "2026-01-01T00:00:00Z".to_owned() };
    let snapshot = |firing: Vec<FiringAlert>, watchdog| AlertSnapshot { firing, silenced: 0, watchdog, read_at: at(0) };
    let sent = |updated: i64, started: i64| Watchdog::Firing { updated: at(updated), started: at(started) };
    for (firing, watchdog, expected, part) in [
        (vec![], sent(-300, -120), Verdict::Passed, "no alert fires"),
        (vec![], sent(-301, -120), Verdict::Inconclusive, "was last sent at 2025-12-31T23:54:59Z"),
        (vec![], sent(0, -119), Verdict::Inconclusive, "Alertmanager started at 2025-12-31T23:58:01Z"),
        (vec![], sent(0, 60), Verdict::Inconclusive, "Alertmanager started at"),
        (vec![], Watchdog::NotRequired, Verdict::Passed, "without a watchdog"),
        (vec![], Watchdog::Absent, Verdict::Inconclusive, "is not there either"),
        (vec![alert()], sent(-301, 0), Verdict::Blocked, "HighErrorRate since"),
        (vec![alert()], Watchdog::Absent, Verdict::Blocked, "HighErrorRate since"),
    ] {
        let gate = Gate::new("no alert").alerts(snapshot(firing, watchdog));
        let (found, finding) = gate.end();
        assert_eq!(found, expected, "{finding}");
        assert!(finding.actual.contains(part), "{part}: {finding}");
    }
    let silenced = AlertSnapshot { silenced: 2, ..snapshot(vec![], sent(0, -600)) };
    assert!(Gate::new("no alert").alerts(silenced).end().1.actual.contains("2 silenced"));
    let many = Gate::new("no alert").alerts(snapshot(vec![alert(); 5], sent(0, -600)));
    assert!(many.end().1.actual.ends_with("; and 2 more"));
    assert_eq!(Gate::new("no alert").end().0, Verdict::Inconclusive);
}

#[test]
fn the_conditions_must_hold_until_the_end_and_be_read_after_it() {
    let until = Duration::from_secs(600);
    let mut gate = Gate::new("error-rate <= 1 %");
    gate.limits.until = until;
    gate.add("errors[5m]", Duration::from_secs(1), Ok(sample("0", None)));
    let judged = |gate: &Gate, now| judge(&gate.limits, &gate.observations, now);
    let early = judged(&gate, Duration::from_secs(2));
    assert_eq!(early.decision, Decision::Pending { revisit: Some(until) });
    let over = judged(&gate, until);
    assert_eq!((verdict(&over.findings), over.decision), (Verdict::Inconclusive, Decision::Pending { revisit: None }));
    assert!(over.findings[0].actual.contains("not read since the time was over"));
    let mut bad = Gate::new("error-rate <= 1 %");
    bad.limits.until = until;
    bad.add("errors[5m]", Duration::from_secs(1), Ok(sample("1", None)));
    assert_eq!(judged(&bad, Duration::from_secs(2)).decision, Decision::Decided, "it blocks at once");
    gate.add("errors[5m]", until, Ok(sample("0", None)));
    let end = judged(&gate, until);
    assert_eq!((verdict(&end.findings), end.decision), (Verdict::Passed, Decision::Decided));
    gate.limits.begin = Duration::from_secs(300);
    let before = judged(&gate, Duration::from_secs(2));
    assert_eq!(before.decision, Decision::Pending { revisit: Some(Duration::from_secs(300)) });
}

#[test]
fn what_was_not_seen_for_long_did_not_hold_for_the_duration() {
    let good = || Ok(sample("0", None));
    let bad = || Err(unread("the server answered 503"));
    let end = |readings: &[(u64, Result<Sample, Unread>)]| {
        let mut gate = Gate::new("error-rate <= 1 %");
        (gate.limits.begin, gate.limits.until) = (Duration::from_secs(100), Duration::from_secs(1000));
        for (moment, reading) in readings {
            gate.absorb(*moment, reading.clone());
        }
        let judgement = judge(&gate.limits, &gate.observations, Duration::from_secs(1000));
        (verdict(&judgement.findings), judgement.decision, judgement.findings[0].actual.clone())
    };
    let (found, decision, actual) = end(&[(100, good()), (400, good()), (500, bad()), (700, good()), (1000, good())]);
    assert_eq!((found, decision), (Verdict::Passed, Decision::Decided), "{actual}");
    for readings in [
        [(100, good()), (400, good()), (550, bad()), (701, good()), (1001, good())],
        [(100, bad()), (401, good()), (600, good()), (900, good()), (1001, good())],
        [(100, good()), (300, good()), (600, good()), (699, good()), (1030, good())],
    ] {
        let (found, decision, actual) = end(&readings);
        assert_eq!((found, decision), (Verdict::Inconclusive, Decision::Decided), "{actual}");
        assert!(actual.contains("for 5m1s of the duration no reading said so (at most 5m)"), "{actual}");
    }
    // Without a duration only the time until the last reading passes.
    let mut gate = Gate::new("error-rate <= 1 %");
    gate.absorb(0, bad());
    gate.absorb(900, good());
    assert_eq!(gate.judge().decision, Decision::Decided);
    assert_eq!(gate.end().0, Verdict::Passed);
}

#[test]
fn settings_that_do_not_fit_are_refused() {
    let refused = |condition: &str, figures: &[&str]| {
        let figures: Vec<FigureDefinition> = figures.iter().map(|text| text.parse().unwrap()).collect();
        let window = "5m".parse().unwrap();
        resolve(&[condition.parse().unwrap()], &figures, &Subject::default(), window).expect_err(condition).to_string()
    };
    for (condition, figures, part) in [
        ("error-rate <= 1 %", &[][..], "`figures` has no \"error-rate\""),
        ("error-rat <= 1 %", &["error-rate = x"], "did you mean `error-rate`?"),
        ("a <= 1", &["a = x", "b = y"], "no condition uses \"b\""),
        ("a <= 1", &["a = x", "a = y"], "\"a\" is there twice"),
        ("a <= 1.1 x baseline", &["a = x"], "no baseline of \"a\""),
        ("a <= 2 s", &["a = x"], "`a (s) = …`"),
        ("a <= 2", &["a (ms) = x"], "the limit has no unit"),
        ("a <= 1", &["a (%) = x"], "the limit has no unit"),
        ("a <= 2 MB", &["a (ms) = x"], "the limit is in `MB`"),
        ("a <= 1 with b >= 2", &["a = x"], "`figures` has no \"b\""),
        ("a <= 1 with b >= 2", &["a = x", "b (s) = y"], "\"b\" has the unit `s`"),
        ("a <= 1", &["a = x{v=\"$tag\"}"], "the subject has no tag"),
        ("burn-rate of a at 99 % <= 1 over 1h and 5m", &["a = rate(x[5m])"], "`$window`"),
        ("burn-rate of a at 99 % <= 1 over 1h and 5m", &["a (s) = rate(x[$window])"], "no share"),
        ("no alert {v=\"$tag\"}", &[], "the subject has no tag"),
    ] {
        let error = refused(condition, figures);
        assert!(error.contains(part), "{condition}: {error}");
    }
}
