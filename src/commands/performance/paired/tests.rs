use super::*;

const LIMIT: Limit = Limit { max_ratio: 1.2, min_delta: 0.0 };
const ONE: Family = Family { figures: 1, attempt: 1 };

fn rule(max_pairs: &str, family: Family) -> PairedRule {
    PairedRule::new(LIMIT, max_pairs.parse().unwrap(), family)
}

/// Pairs with these ratios, at changing speed of the machine.
fn pairs(ratios: &[f64]) -> Vec<Pair> {
    let speed = [100.0, 130.0, 90.0, 250.0, 101.0, 80.0, 115.0];
    ratios.iter().zip(speed.iter().cycle()).map(|(ratio, speed)| Pair::new(ratio * speed, *speed).unwrap()).collect()
}

/// `count` ratios around `centre` with some spread, in both directions.
fn around(centre: f64, count: usize) -> Vec<Pair> {
    let noise = [0.98, 1.03, 1.01, 0.96, 1.02, 0.99, 1.04, 0.97, 1.005, 0.995, 1.015, 0.985];
    pairs(&noise.iter().cycle().take(count).map(|noise| centre * noise).collect::<Vec<_>>())
}

#[test]
fn six_pairs_decide_if_all_agree() {
    let rule = rule("12", ONE);
    for (centre, verdict) in
        [(1.0, Verdict::Passed), (1.1, Verdict::Passed), (1.3, Verdict::Blocked), (3.0, Verdict::Blocked)]
    {
        let result = rule.judge(&around(centre, 6));
        assert_eq!(result.verdict, verdict, "{centre}: {result:?}");
        let look = result.look.unwrap();
        let (low, high) = (look.low.unwrap(), look.high.unwrap());
        assert!(low <= look.estimate && look.estimate <= high, "{look:?}");
        assert_eq!((low > 1.0, high <= 1.0), (verdict == Verdict::Blocked, verdict == Verdict::Passed), "{look:?}");
        assert!((look.estimate * 1.2 / centre - 1.0).abs() < 0.02, "{look:?}");
    }
    for pairs in [around(1.0, 5), around(9.0, 5), Vec::new()] {
        let result = rule.judge(&pairs);
        assert_eq!((result.verdict, result.look), (Verdict::Inconclusive, None), "five pairs decide nothing");
    }
}

#[test]
fn at_the_limit_itself_nothing_is_decided_unless_every_pair_is_there_exactly() {
    assert_eq!(rule("12", ONE).judge(&around(1.2, 12)).verdict, Verdict::Inconclusive);
    // Figures in whole milliseconds, whose products with 1.2 are not exact in floats.
    let exact: Vec<Pair> = (1..=12).map(|n| Pair::new(f64::from(6 * n), f64::from(5 * n)).unwrap()).collect();
    let result = rule("12", ONE).judge(&exact);
    assert_eq!(result.verdict, Verdict::Passed, "a figure that equals the limit is not over it");
    assert_eq!(result.look.map(|look| (look.pairs, look.estimate)), Some((6, 1.0)));
    let mut over = exact;
    for pair in &mut over {
        pair.target += 0.001;
    }
    assert_eq!(rule("12", ONE).judge(&over).verdict, Verdict::Blocked);
}

#[test]
fn one_contrary_pair_of_six_goes_on_and_twelve_decide() {
    let mut ratios = vec![1.0; 12];
    ratios[3] = 1.5;
    let rule = rule("12", ONE);
    let after = |count: usize| rule.judge(&pairs(&ratios)[..count]);
    assert_eq!(after(6).verdict, Verdict::Inconclusive);
    assert_eq!(
        after(11).look.map(|look| look.pairs),
        Some(6),
        "between looks, the interval is that of the look before"
    );
    assert_eq!(after(12).verdict, Verdict::Passed);
    assert_eq!(after(12).look.map(|look| look.pairs), Some(12));
}

/// At the limit, the rule errs in at most 5 % of all cases on each side: every sign of twelve differences is equally likely
/// there, and all 4,096 go through the rule.
#[test]
fn of_all_signs_at_most_one_in_twenty_decides_on_either_side() {
    let sizes = [0.31, 0.02, 0.17, 0.05, 0.4, 0.11, 0.07, 0.23, 0.013, 0.29, 0.003, 0.19];
    for (family, most_blocked, most_passed) in [
        (ONE, 0.05, 0.05),
        (Family { figures: 5, attempt: 1 }, 0.01, 0.05),
        (Family { figures: 1, attempt: 3 }, 0.05, 0.0125),
    ] {
        let rule = rule("12", family);
        let mut counts = [0_u32; 2];
        for signs in 0..1_u32 << 12 {
            let sign = |index: usize| if signs >> index & 1 == 1 { 1.0 } else { -1.0 };
            let pair = |(index, size): (usize, &f64)| Pair::new(1.2 * (sign(index) * size).exp(), 1.0).unwrap();
            match rule.judge(&sizes.iter().enumerate().map(pair).collect::<Vec<_>>()).verdict {
                Verdict::Blocked => counts[0] += 1,
                Verdict::Passed => counts[1] += 1,
                Verdict::Inconclusive => {}
            }
        }
        let [blocked, passed] = counts.map(|count| f64::from(count) / 4096.0);
        assert!(blocked <= most_blocked && blocked > most_blocked / 2.0, "{family:?}: blocked {blocked}");
        assert!(passed <= most_passed && passed > most_passed / 2.0, "{family:?}: passed {passed}");
    }
}

#[test]
fn more_figures_and_more_attempts_ask_for_more_pairs() {
    let decides_after_six = |family: Family, centre: f64| rule("12", family).judge(&around(centre, 6)).verdict;
    let (many, again) = (Family { figures: 5, attempt: 1 }, Family { figures: 1, attempt: 2 });
    assert_eq!(decides_after_six(many, 3.0), Verdict::Inconclusive);
    assert_eq!(decides_after_six(many, 1.0), Verdict::Passed, "the side that passes needs no correction");
    assert_eq!(decides_after_six(again, 1.0), Verdict::Inconclusive);
    assert_eq!(decides_after_six(again, 3.0), Verdict::Blocked, "an attempt makes it harder to pass, not to block");
    assert_eq!(rule("12", many).judge(&around(3.0, 12)).verdict, Verdict::Blocked);
    assert_eq!(rule("12", again).judge(&around(1.0, 12)).verdict, Verdict::Passed);
    let attempt = |attempt| rule("12", Family { figures: 1, attempt });
    assert!(attempt(8).can_pass() && !attempt(9).can_pass() && !attempt(u32::MAX).can_pass());
    assert_eq!(attempt(9).judge(&around(0.1, 12)).verdict, Verdict::Inconclusive);
    assert!(!rule("6", Family { figures: 20, attempt: 1 }).can_block());
}

#[test]
fn a_figure_that_has_passed_can_still_block() {
    let mut all = around(1.0, 6);
    all.extend(around(8.0, 42));
    let rule = rule("48", Family { figures: 1, attempt: 1 });
    let result = rule.judge(&all);
    assert_eq!(result.verdict, Verdict::Blocked, "{result:?}");
}

#[test]
fn a_declared_difference_raises_the_limit_of_small_figures_only() {
    let with = |min_delta: f64, baseline: f64, target: f64| {
        let rule = PairedRule::new(Limit { min_delta, ..LIMIT }, "12".parse().unwrap(), ONE);
        rule.judge(&[Pair::new(target, baseline).unwrap(); 12]).verdict
    };
    assert_eq!(with(0.0, 0.3, 0.7), Verdict::Blocked);
    assert_eq!(with(0.5, 0.3, 0.7), Verdict::Passed);
    assert_eq!(with(0.5, 0.3, 0.81), Verdict::Blocked);
    assert_eq!(with(0.5, 100.0, 121.0), Verdict::Blocked);
    assert_eq!(with(0.5, 100.0, 119.0), Verdict::Passed);
}

#[test]
fn the_suggested_difference_is_the_smallest_that_passes() {
    let all = around(1.5, 12);
    let rule_with = |min_delta: f64| PairedRule::new(Limit { min_delta, ..LIMIT }, "12".parse().unwrap(), ONE);
    let suggested = rule_with(0.0).smallest_min_delta(&all).unwrap();
    assert_eq!(rule_with(suggested).judge(&all).verdict, Verdict::Passed, "{suggested}");
    assert_ne!(rule_with(suggested * 0.98).judge(&all).verdict, Verdict::Passed, "{suggested}");
    assert_eq!(rule_with(0.0).smallest_min_delta(&all[..5]), None, "too few pairs pass with none");
    assert_eq!(rule_with(0.0).smallest_min_delta(&around(1.0, 12)), None, "they pass without");
}

#[test]
fn a_figure_is_finite_and_over_zero() {
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!((Pair::new(bad, 1.0), Pair::new(1.0, bad)), (None, None), "{bad}");
    }
    let result = rule("12", ONE).judge(&[Pair::new(f64::MAX, f64::MIN_POSITIVE).unwrap(); 12]);
    assert_eq!(result.verdict, Verdict::Blocked);
}

#[test]
fn the_number_of_pairs_is_that_of_a_look() {
    for good in ["6", "12", "24", "48"] {
        assert_eq!(good.parse::<MaxPairs>().unwrap().to_string(), good);
    }
    for bad in ["0", "4", "13", "96", "-6", "6.0", ""] {
        assert!(bad.parse::<MaxPairs>().is_err(), "{bad}");
    }
    assert!(rule("12", ONE).looks_after(6) && !rule("12", ONE).looks_after(7) && !rule("12", ONE).looks_after(24));
}
