//! The rule: blocked when the p99 is more than so many times its baseline.

use std::collections::BTreeMap;

use crate::{error::CommandError, finding::Finding, values::Ratio};

/// Which of the two figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    Results,
    Baseline,
}

/// A figure, or why there is none.
pub type Figure = Result<f64, Missing>;

/// Why there is no figure.
#[derive(Clone, Debug, PartialEq)]
pub enum Missing {
    /// What was given cannot be used: no such results file, no number in it.
    BadInput(Finding),
    /// It could not be observed: no baseline yet, a server that does not answer.
    Unseen(Finding),
}

/// The figures so far.
#[derive(Debug, Default)]
pub struct Seen {
    results: Option<Figure>,
    baseline: Option<Figure>,
}

impl Seen {
    pub fn take(&mut self, of: Of, figure: Figure) {
        match of {
            Of::Results => self.results = Some(figure),
            Of::Baseline => self.baseline = Some(figure),
        }
    }

    /// The findings, once both figures are in or one of them never will be.
    ///
    /// # Errors
    /// Bad input in either, whatever the other says.
    pub fn findings(&self, max_ratio: Ratio, unit: &str) -> Result<Option<Vec<Finding>>, CommandError> {
        let (Some(results), Some(baseline)) = (&self.results, &self.baseline) else {
            return Ok(None);
        };
        let mut unobservable = Vec::new();
        for figure in [results, baseline] {
            match figure {
                Err(Missing::BadInput(error)) => return Err(CommandError::BadInput(error.clone())),
                Err(Missing::Unseen(error)) => unobservable.push(error.clone()),
                Ok(_) => {}
            }
        }
        Ok(Some(match (results, baseline) {
            (Ok(p99), Ok(baseline)) => vec![compare(*p99, *baseline, max_ratio, unit)],
            _ => unobservable,
        }))
    }

    /// Both figures and their ratio, as outputs.
    pub fn outputs(&self) -> BTreeMap<&'static str, String> {
        let figure = |figure: &Option<Figure>| figure.as_ref().and_then(|figure| figure.as_ref().ok()).copied();
        let (p99, baseline) = (figure(&self.results), figure(&self.baseline));
        let ratio = p99.zip(baseline).filter(|(_, baseline)| *baseline > 0.0).map(|(p99, baseline)| p99 / baseline);
        [("p99", p99), ("baseline-p99", baseline), ("ratio", ratio)]
            .into_iter()
            .filter_map(|(name, value)| Some((name, number(value?))))
            .collect()
    }
}

fn compare(p99: f64, baseline: f64, Ratio(max_ratio): Ratio, unit: &str) -> Finding {
    let check = "p99 latency";
    if baseline <= 0.0 {
        return Finding::inconclusive(check)
            .actual(format!("{} {unit}, but the baseline is {} {unit}", number(p99), number(baseline)))
            .expected("a baseline over 0")
            .next("measure the release that is in production, and store its p99 as the baseline");
    }
    if p99 <= 0.0 {
        return Finding::inconclusive(check)
            .actual(format!("{} {unit}: nothing was measured (baseline {} {unit})", number(p99), number(baseline)))
            .expected("a p99 over 0")
            .next("look at the load test: did it send requests?");
    }
    let threshold = baseline * max_ratio;
    let actual = format!("{} {unit}, {} times the baseline", number(p99), number(p99 / baseline));
    let expected = format!(
        "at most {} {unit} ({} × the baseline of {} {unit})",
        number(threshold),
        number(max_ratio),
        number(baseline)
    );
    let finding = if p99 > threshold { Finding::blocked(check) } else { Finding::passed(check) };
    finding.actual(actual).expected(expected)
}

/// At most three decimals, and none that say nothing.
fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Verdict;

    fn judged(p99: f64, baseline: f64) -> Finding {
        let mut seen = Seen::default();
        seen.take(Of::Results, Ok(p99));
        seen.take(Of::Baseline, Ok(baseline));
        seen.findings(Ratio(1.2), "ms").unwrap().unwrap().remove(0)
    }

    #[test]
    fn the_reference_pipelines_own_numbers() {
        let blocked = judged(130.0, 100.0);
        assert_eq!(blocked.verdict, Verdict::Blocked);
        assert_eq!(
            blocked.to_string(),
            "p99 latency: 130 ms, 1.3 times the baseline; expected at most 120 ms (1.2 × the baseline of 100 ms)"
        );
        assert_eq!(judged(119.0, 100.0).verdict, Verdict::Passed);
    }

    #[test]
    fn both_sides_of_the_threshold_and_what_is_no_figure() {
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
    fn what_could_not_be_seen_never_passes_and_bad_input_wins() {
        let error = || Finding::inconclusive("baseline").actual("503");
        let mut seen = Seen::default();
        assert_eq!(seen.findings(Ratio(1.2), "ms"), Ok(None));
        seen.take(Of::Results, Ok(1.0));
        assert_eq!(seen.findings(Ratio(1.2), "ms"), Ok(None), "one figure decides nothing");
        seen.take(Of::Baseline, Err(Missing::Unseen(error())));
        assert_eq!(seen.findings(Ratio(1.2), "ms").unwrap().unwrap()[0].verdict, Verdict::Inconclusive);
        seen.take(Of::Results, Err(Missing::BadInput(error())));
        assert!(matches!(seen.findings(Ratio(1.2), "ms"), Err(CommandError::BadInput(_))));
    }

    #[test]
    fn outputs_hold_what_there_is() {
        let mut seen = Seen::default();
        seen.take(Of::Results, Ok(130.0));
        assert_eq!(seen.outputs().into_iter().collect::<Vec<_>>(), [("p99", "130".to_owned())]);
        seen.take(Of::Baseline, Ok(0.0));
        assert!(!seen.outputs().contains_key("ratio"), "nothing is divided by zero");
    }
}
