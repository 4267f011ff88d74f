use super::{
    criteria::PairedCriteria,
    judge::{PairedJudgement, PairsEnd, judge, judge_block, unjudged},
    *,
};
use crate::{
    commands::performance::paired::Limit,
    finding::{Finding, Verdict},
    values::Percent,
};

const LIMIT: Limit = Limit { max_ratio: 1.2, min_delta: 0.0 };
const MINUTE: PairsEnd = PairsEnd::MaxDuration(crate::values::HumanDuration(std::time::Duration::from_secs(60)));

fn criteria(endpoints: &[String]) -> PairedCriteria<'_> {
    PairedCriteria {
        limit: LIMIT,
        max_pairs: "12".parse().unwrap(),
        attempt: 1,
        endpoints,
        max_error_rate: Percent(1.0),
        min_ratio: 0.1,
        min_requests: FEWEST,
        unit: Unit::Milliseconds,
    }
}

fn figures(requests: u64, failures: u64, low: f64, high: Option<f64>) -> PartFigures {
    let p99 = Ok(Range { low, high });
    PartFigures { requests: Some(requests), failures: Some(failures), p99, percentiles: Vec::new() }
}

fn endpoint(name: &str) -> Part {
    Part::Endpoint(name.to_owned())
}

const FEWEST: u64 = 100;

/// A run of 1,000 requests with this p99, and endpoints with their requests and p99.
fn block(p99: f64, endpoints: &[(&str, u64, f64)]) -> Block {
    let parts = endpoints
        .iter()
        .map(|(name, requests, p99)| (endpoint(name), figures(*requests, 0, *p99, Some(*p99))))
        .chain([(Part::All, figures(1000, 0, p99, Some(p99)))]);
    Block { parts: parts.collect(), target: None, failures: None }
}

/// The noise of each pair.
const NOISE: [f64; 12] = [0.98, 1.03, 1.01, 0.96, 1.02, 0.99, 1.04, 0.97, 1.005, 0.995, 1.015, 0.985];

/// `count` pairs; the target is slower by these ratios: all requests, and two endpoints.
fn measured(count: usize, ratio: f64, endpoints: &[(&str, u64, f64)]) -> PairSeries {
    let pair = |noise: f64| {
        let slower: Vec<_> =
            endpoints.iter().map(|(name, requests, ratio)| (*name, *requests, 50.0 * ratio * noise)).collect();
        let base: Vec<_> = endpoints.iter().map(|(name, requests, _)| (*name, *requests, 50.0)).collect();
        BlockPair { target: block(100.0 * ratio * noise, &slower), baseline: block(100.0, &base) }
    };
    let mut measurement = PairSeries::new(CoinSeed(0b101), FEWEST, &pair(1.0));
    NOISE.iter().cycle().take(count).for_each(|noise| measurement.add(pair(*noise)));
    measurement
}

#[test]
fn all_requests_pass_or_block_after_six_pairs() {
    let judged = judge(&criteria(&[]), &measured(6, 1.0, &[]), PairsEnd::Open);
    assert!(judged.decided);
    let [finding] = &judged.findings[..] else { panic!("{:?}", judged.findings) };
    assert_eq!(finding.verdict, Verdict::Passed);
    assert_eq!(
        finding.to_string(),
        "p99: 1 times the baseline (0.96 to 1.03) after 6 pairs; expected all of the interval at most 1.2"
    );
    assert_eq!(finding.headline(), "p99 100 ms → 100 ms, ×1 (0.96 to 1.03), limit ×1.2");

    let judged = judge(&criteria(&[]), &measured(6, 1.5, &[]), PairsEnd::Open);
    assert!(judged.decided);
    let [finding] = &judged.findings[..] else { panic!("{:?}", judged.findings) };
    assert_eq!(finding.verdict, Verdict::Blocked);
    assert_eq!(finding.headline(), "p99 100 ms → 150 ms, ×1.5 (1.44 to 1.55), limit ×1.2");
    let next = finding.next.as_deref().unwrap();
    assert!(next.starts_with("find the commit") && next.contains("`min-delta: 5"), "{next}");
}

#[test]
fn what_is_not_decided_says_what_could_have_been_found() {
    let judged = judge(&criteria(&[]), &measured(5, 1.0, &[]), PairsEnd::Open);
    assert!(!judged.decided && judged.findings[0].verdict == Verdict::Inconclusive);
    assert!(judged.findings[0].actual.starts_with("5 pairs; 1 times the baseline so far"), "{:?}", judged.findings);

    let judged = judge(&criteria(&[]), &measured(12, 1.2, &[]), PairsEnd::MaxPairs);
    let [finding] = &judged.findings[..] else { panic!("{:?}", judged.findings) };
    assert_eq!((finding.verdict, judged.decided), (Verdict::Inconclusive, false));
    assert!(finding.actual.ends_with("after 12 pairs; not decided by the last pair"), "{finding}");
    let next = finding.next.as_deref().unwrap();
    assert!(next.contains("12 pairs block a release that is 1.2 times slower in 90 %"), "{next}");
    assert!(next.contains("`max-pairs`") && next.contains("`min-delta: "), "{next}");

    let judged = judge(&criteria(&[]), &measured(5, 1.2, &[]), MINUTE);
    assert!(judged.findings[0].to_string().contains("another pair would not end within 1m"), "{:?}", judged.findings);
    assert_eq!(judge(&criteria(&[]), &measured(0, 1.0, &[]), MINUTE).findings[0].verdict, Verdict::Inconclusive);
}

#[test]
fn every_endpoint_is_judged_and_one_that_is_slower_blocks() {
    let endpoints = [("GET /", 500, 1.0), ("POST /pay", 200, 3.0), ("GET /rare", 20, 9.0)];
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let measurement = measured(12, 1.0, &endpoints);
    let judged = judge(&criteria(&[]), &measurement, PairsEnd::MaxPairs);
    let verdicts: Vec<_> = judged.findings.iter().map(|finding| (finding.check.as_str(), finding.verdict)).collect();
    assert_eq!(
        verdicts,
        [("p99", Verdict::Passed), ("p99 of GET /", Verdict::Passed), ("p99 of POST /pay", Verdict::Blocked),]
    );
    assert_eq!(judged.tables.len(), 4);
    assert_eq!(judged.tables[2].rows[0][1], "20 requests in a run on the target");

    let rare = names(&["GET /rare", "GET /"]);
    let finding = unjudged(&criteria(&rare), &measurement);
    assert_eq!(finding.len(), 1);
    assert_eq!((finding[0].check.as_str(), finding[0].verdict), ("p99 of GET /rare", Verdict::Inconclusive));
    let unknown = names(&["GET /gone"]);
    assert_eq!(unjudged(&criteria(&unknown), &measurement).len(), 1);
    let known = names(&["GET /", "POST /pay"]);
    assert_eq!(unjudged(&criteria(&known), &measurement), []);
    let bare = names(&["/", "/pay"]);
    assert_eq!(unjudged(&criteria(&bare), &measurement), [], "the method may be left out");
    // One endpoint is all requests.
    assert_eq!(unjudged(&criteria(&names(&["GET /"])), &measured(6, 1.0, &[("GET /", 1000, 1.0)])), []);
}

#[test]
fn an_endpoint_that_loses_its_requests_is_no_longer_judged() {
    let endpoints = [("a", 500, 1.0), ("b", 500, 1.0)];
    let mut measurement = measured(5, 1.0, &endpoints);
    measurement.add(BlockPair {
        target: block(100.0, &[("a", 500, 50.0), ("b", 99, 50.0)]),
        baseline: block(100.0, &[("a", 500, 50.0), ("b", 500, 50.0)]),
    });
    let judged = judge(&criteria(&[]), &measurement, PairsEnd::Open);
    assert!(!judged.findings.iter().any(|finding| finding.check == "p99 of b"), "{:?}", judged.findings);
    assert_eq!(measurement.left_out[&endpoint("b")], "99 requests in a run on the target");
    let named = ["b".to_owned()];
    let judged = judge(&criteria(&named), &measurement, PairsEnd::Open);
    assert!(
        judged.findings.iter().any(|finding| finding.check == "p99 of b" && finding.verdict == Verdict::Inconclusive)
    );
}

#[test]
fn an_endpoint_that_only_the_baseline_target_has_was_not_measured() {
    let missing = |target: &[(&str, u64, f64)], baseline: &[(&str, u64, f64)]| {
        let pair = || BlockPair { target: block(100.0, target), baseline: block(100.0, baseline) };
        let mut measurement = PairSeries::new(CoinSeed(0), FEWEST, &pair());
        let first = unjudged(&criteria(&[]), &measurement);
        (0..6).for_each(|_| measurement.add(pair()));
        assert_eq!(first, unjudged(&criteria(&[]), &measurement));
        first.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let (home, pay) = (("GET /", 500, 50.0), ("POST /pay", 200, 50.0));
    assert_eq!(missing(&[home, pay], &[home, pay]), [""; 0]);
    assert_eq!(missing(&[home, pay], &[home]), [""; 0], "a new endpoint has nothing to be compared with");
    let lost = missing(&[home], &[home, pay]);
    assert!(lost.len() == 1 && lost[0].starts_with("p99 of POST /pay: no request on the target"), "{lost:?}");
    assert_eq!(missing(&[home], &[home, ("POST /pay", 99, 50.0)]), [""; 0], "it has too few requests anyway");
    let few = missing(&[home, ("POST /pay", 60, 25_000.0)], &[home, ("POST /pay", 5_000, 80.0)]);
    assert!(few.len() == 1 && few[0].contains("less than a tenth"), "{few:?}");
    assert_eq!(missing(&[home, ("POST /pay", 89, 50.0)], &[home, ("POST /pay", 900, 50.0)]).len(), 1);
    assert_eq!(missing(&[home, ("POST /pay", 90, 50.0)], &[home, ("POST /pay", 900, 50.0)]), [""; 0], "about as many");

    // Later than in the warm-up, too.
    let mut measurement = measured(5, 1.0, &[("a", 500, 1.0), ("b", 500, 1.0)]);
    let [target, baseline] = [block(100.0, &[("a", 500, 50.0)]), block(100.0, &[("a", 500, 50.0), ("b", 500, 50.0)])];
    measurement.add(BlockPair { target, baseline });
    let judged = judge(&criteria(&[]), &measurement, PairsEnd::Open);
    assert!(
        judged.findings.iter().any(|finding| finding.check == "p99 of b" && finding.verdict == Verdict::Inconclusive)
    );
}

#[test]
fn a_stall_that_is_rarer_than_a_run_shows_over_all_runs_together() {
    let run = |stalled: bool| {
        let tail =
            if stalled { [(0.9, 30.0), (0.95, 400.0), (1.0, 500.0)] } else { [(0.9, 30.0), (0.95, 40.0), (1.0, 60.0)] };
        let p99 = if stalled { 450.0 } else { 50.0 };
        let figures = PartFigures { percentiles: tail.to_vec(), ..figures(1000, 0, p99, Some(p99)) };
        Block { parts: [(Part::All, figures)].into(), target: None, failures: None }
    };
    let measurement = |stalls: &[usize]| {
        let mut measurement = measured(0, 1.0, &[]);
        for pair in 0..12 {
            measurement.add(BlockPair { target: run(stalls.contains(&pair)), baseline: run(false) });
        }
        measurement
    };
    let stalled = judge(&criteria(&[]), &measurement(&[1, 4, 7, 10]), PairsEnd::MaxPairs);
    assert_eq!(stalled.findings[0].verdict, Verdict::Inconclusive, "{:?}", stalled.findings);
    let next = stalled.findings[0].next.as_deref().unwrap();
    assert!(next.starts_with("over all runs together the p99 is 4") && next.contains("raise `duration`"), "{next}");
    let pooled = |judged: &PairedJudgement| {
        judged.tables.iter().find(|table| table.title.contains("all runs together")).expect("a table").clone()
    };
    assert_eq!(pooled(&stalled).rows.len(), 1, "{:?}", stalled.tables);
    let calm = judge(&criteria(&[]), &measurement(&[]), PairsEnd::MaxPairs);
    assert_eq!((calm.findings[0].verdict, calm.findings[0].next.as_deref()), (Verdict::Passed, None));
    assert_eq!(pooled(&calm).rows[0][2].text(), "1");
    // Without percentiles there is no such table.
    let without = judge(&criteria(&[]), &measured(12, 1.0, &[]), PairsEnd::MaxPairs);
    assert!(!without.tables.iter().any(|table| table.title.contains("all runs together")));
}

#[test]
fn several_figures_block_only_together_with_their_number() {
    // Alone, six pairs decide; of three figures, none blocks before twelve.
    let endpoints = [("a", 500, 2.0), ("b", 500, 1.0)];
    assert!(!judge(&criteria(&[]), &measured(6, 1.0, &endpoints), PairsEnd::Open).decided);
    assert!(judge(&criteria(&[]), &measured(12, 1.0, &endpoints), PairsEnd::Open).decided);
}

#[test]
fn a_p99_without_an_upper_bound_blocks_but_never_passes() {
    let open = |ratio: f64| {
        let mut measurement = measured(0, 1.0, &[]);
        for noise in NOISE {
            let mut target = block(0.0, &[]);
            target.parts.insert(Part::All, figures(1000, 5, 100.0 * ratio * noise, None));
            measurement.add(BlockPair { target, baseline: block(100.0, &[]) });
        }
        judge(&criteria(&[]), &measurement, PairsEnd::MaxPairs).findings.remove(0)
    };
    assert_eq!(open(2.0).verdict, Verdict::Blocked);
    let fast = open(0.5);
    assert_eq!(fast.verdict, Verdict::Inconclusive, "{fast}");
    assert!(fast.actual.contains("how slow the failed requests make it"), "{fast}");
}

#[test]
fn a_run_is_plausible_before_it_counts() {
    let judged = |change: fn(&mut PartFigures), side: RunSide| -> Option<Finding> {
        let mut block = block(100.0, &[]);
        change(block.parts.get_mut(&Part::All).unwrap());
        judge_block(&criteria(&[]), &block, side)
    };
    for (change, on_target, text) in [
        (
            (|part| part.failures = Some(1000)) as fn(&mut PartFigures),
            Some(Verdict::Blocked),
            "all 1000 requests failed",
        ),
        (|part| part.failures = Some(11), Some(Verdict::Blocked), "11 of 1000 requests failed (1.1 %)"),
        (|part| part.failures = Some(10), None, ""),
        (|part| part.failures = None, None, ""),
        (|part| part.requests = Some(99), Some(Verdict::Inconclusive), "99 requests in one run"),
        (|part| part.requests = Some(100), None, ""),
        (|part| part.requests = None, None, ""),
        (
            |part| part.p99 = Err(("no p(99)".to_owned(), "ask for it".to_owned())),
            Some(Verdict::Inconclusive),
            "no p(99)",
        ),
        (|part| part.p99 = Ok(Range { low: 0.0, high: Some(0.0) }), Some(Verdict::Inconclusive), "a p99 of 0"),
    ] {
        let target = judged(change, RunSide::Target);
        assert_eq!(target.as_ref().map(|finding| finding.verdict), on_target, "{target:?}");
        assert!(target.as_ref().is_none_or(|finding| finding.actual == text && finding.next.is_some()), "{target:?}");
        let baseline = judged(change, RunSide::Baseline);
        assert_eq!(baseline.map(|finding| finding.verdict), on_target.map(|_| Verdict::Inconclusive));
    }
    let none = Block { parts: BTreeMap::new(), target: None, failures: None };
    assert!(judge_block(&criteria(&[]), &none, RunSide::Target).is_some());
}

#[test]
fn a_target_that_is_far_too_fast_does_not_pass() {
    let judged = |ratio: f64| judge(&criteria(&[]), &measured(12, ratio, &[]), PairsEnd::MaxPairs).findings.remove(0);
    assert_eq!(judged(0.2).verdict, Verdict::Passed);
    let fast = judged(0.05);
    assert_eq!(fast.verdict, Verdict::Inconclusive, "{fast}");
    assert!(fast.next.as_deref().unwrap().contains("`min-ratio`"), "{fast}");
}

#[test]
fn the_table_of_pairs_shows_order_and_figures() {
    let judged = judge(&criteria(&[]), &measured(6, 1.0, &[]), PairsEnd::Open);
    let table = &judged.tables[0];
    assert_eq!(table.title, "Pairs, in the order that coin 0000000000000005 gave");
    assert_eq!(table.columns[3], "Target (ms)");
    let order: Vec<&str> = table.rows.iter().map(|row| row[2].text()).collect();
    assert_eq!(order, ["target", "baseline", "target", "baseline", "baseline", "baseline"]);
    assert_eq!(table.rows[1].iter().map(crate::report::Cell::text).collect::<Vec<_>>()[3..], ["103", "100", "1.03"]);
}
