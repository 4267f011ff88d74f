//! The rule: blocked when the p99 is more than so many times its baseline.

use std::collections::BTreeMap;

use crate::{
    error::CommandError,
    finding::{self, Finding},
    values::{
        Ratio,
        figures::{rounded, rounded_beside},
    },
};

/// A p99, or why there is none.
pub type Figure = Result<f64, CommandError>;

/// The two figures that are compared.
#[derive(Debug)]
pub struct Figures {
    pub results: Figure,
    pub baseline: Figure,
}

impl Figures {
    /// Compares the figures. A figure that could not be observed gives an inconclusive finding instead.
    ///
    /// # Errors
    /// Bad input in one of them, even when the other could not be observed.
    pub fn judge(&self, max_ratio: Ratio, unit: &str) -> Result<Vec<Finding>, CommandError> {
        if let (Ok(p99), Ok(baseline)) = (&self.results, &self.baseline) {
            return Ok(vec![compare(*p99, *baseline, max_ratio, unit)]);
        }
        let mut findings = Vec::new();
        for figure in [&self.results, &self.baseline] {
            match figure {
                Ok(_) => {}
                Err(CommandError::Unobservable(finding)) => findings.push(finding.clone()),
                Err(error) => return Err(error.clone()),
            }
        }
        Ok(findings)
    }

    /// The outputs: each figure that was read, and their ratio.
    pub fn outputs(&self) -> BTreeMap<&'static str, String> {
        let (p99, baseline) = (self.results.as_ref().ok().copied(), self.baseline.as_ref().ok().copied());
        let ratio = p99.zip(baseline).filter(|(_, baseline)| *baseline > 0.0).map(|(p99, baseline)| p99 / baseline);
        [("p99", p99), ("baseline-p99", baseline), ("ratio", ratio)]
            .into_iter()
            .filter_map(|(name, value)| Some((name, number(value?))))
            .collect()
    }
}

fn compare(p99: f64, baseline: f64, Ratio(max_ratio): Ratio, unit: &str) -> Finding {
    let check = "p99";
    let with_unit = |value: f64| format!("{} {unit}", rounded(value));
    if baseline <= 0.0 {
        return Finding::inconclusive(check)
            .actual(format!("{}, but the baseline is {}", with_unit(p99), with_unit(baseline)))
            .expected("a baseline over 0")
            .next("measure the release that is in production, and store its p99 as the baseline");
    }
    if p99 <= 0.0 {
        return Finding::inconclusive(check)
            .actual(format!("{}: nothing was measured (baseline {})", with_unit(p99), with_unit(baseline)))
            .expected("a p99 over 0")
            .next("look at the load test: did it send requests?");
    }
    let threshold = baseline * max_ratio;
    let [now, limit] = rounded_beside(p99, threshold).map(|number| format!("{number} {unit}"));
    let [ratio, _] = rounded_beside(p99 / baseline, max_ratio);
    let actual = format!("{now}, {ratio} times the baseline");
    let expected = format!("at most {limit} ({max_ratio} × the baseline of {})", with_unit(baseline));
    let finding = if p99 > threshold {
        Finding::blocked(check).next(
            "find the commit that made it slower; if this latency is acceptable, raise `max-ratio` or renew the baseline",
        )
    } else {
        Finding::passed(check)
    };
    let figures = finding::Figures::now(now).limit(limit).baseline(with_unit(baseline));
    finding.actual(actual).expected(expected).figures(figures)
}

/// A number for a program: at most three decimals, without trailing zeros.
fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Verdict;

    fn judged(p99: f64, baseline: f64) -> Finding {
        let figures = Figures { results: Ok(p99), baseline: Ok(baseline) };
        figures.judge(Ratio(1.2), "ms").unwrap().remove(0)
    }

    #[test]
    fn a_p99_of_130_ms_blocks_against_a_baseline_of_100_ms() {
        let blocked = judged(130.0, 100.0);
        assert_eq!(blocked.verdict, Verdict::Blocked);
        assert_eq!(
            blocked.to_string(),
            "p99: 130 ms, 1.3 times the baseline; expected at most 120 ms (1.2 × the baseline of 100 ms); next: find the \
             commit that made it slower; if this latency is acceptable, raise `max-ratio` or renew the baseline"
        );
        assert_eq!(judged(119.0, 100.0).verdict, Verdict::Passed);
    }

    #[test]
    fn the_headline_has_few_digits_and_never_looks_within_the_limit() {
        for (p99, baseline, headline) in [
            (412.3, 300.0, "p99 300 ms → 412 ms, limit 360 ms"),
            (88.368, 300.0, "p99 300 ms → 88 ms, limit 360 ms"),
            (360.4, 300.0, "p99 300 ms → 360.4 ms, limit 360 ms"),
            (12.34, 4.4, "p99 4.4 ms → 12.3 ms, limit 5.3 ms"),
            (20_412.3, 30_000.0, "p99 30,000 ms → 20,412 ms, limit 36,000 ms"),
        ] {
            assert_eq!(judged(p99, baseline).headline(), headline);
        }
        assert_eq!(judged(360.4, 300.0).actual, "360.4 ms, 1.201 times the baseline");
    }

    #[test]
    fn the_threshold_itself_passes_and_a_figure_of_zero_is_inconclusive() {
        for (p99, baseline, verdict) in [
            (120.0, 100.0, Verdict::Passed),
            (120.001, 100.0, Verdict::Blocked),
            (1.0, 100.0, Verdict::Passed),
            (100.0, 0.0, Verdict::Inconclusive),
            (100.0, -1.0, Verdict::Inconclusive),
            (0.0, 0.0, Verdict::Inconclusive),
            (0.0, 100.0, Verdict::Inconclusive),
            (f64::MAX, f64::MIN_POSITIVE, Verdict::Blocked),
        ] {
            assert_eq!(judged(p99, baseline).verdict, verdict, "{p99} against {baseline}");
        }
    }

    #[test]
    fn an_unobservable_figure_is_inconclusive_and_bad_input_takes_precedence() {
        let finding = |check: &str| Finding::inconclusive(check).actual("503");
        let unobservable = |check: &str| Err(finding(check).unobservable());
        let judged = |results, baseline| Figures { results, baseline }.judge(Ratio(1.2), "ms");
        assert_eq!(judged(Ok(1.0), unobservable("baseline")), Ok(vec![finding("baseline")]));
        let both = judged(unobservable("results"), unobservable("baseline"));
        assert_eq!(both, Ok(vec![finding("results"), finding("baseline")]));
        for (results, baseline) in [
            (Err(finding("bad").bad_input()), unobservable("baseline")),
            (unobservable("results"), Err(finding("bad").bad_input())),
        ] {
            assert_eq!(judged(results, baseline), Err(finding("bad").bad_input()));
        }
    }

    #[test]
    fn outputs_hold_the_figures_that_were_read() {
        let unread = Err(Finding::inconclusive("baseline").unobservable());
        let outputs = Figures { results: Ok(130.0), baseline: unread }.outputs();
        assert_eq!(outputs.into_iter().collect::<Vec<_>>(), [("p99", "130".to_owned())]);
        let outputs = Figures { results: Ok(130.0), baseline: Ok(0.0) }.outputs();
        assert!(!outputs.contains_key("ratio"), "nothing is divided by zero");
    }
}
