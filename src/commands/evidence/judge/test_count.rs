//! The check of the number of tests: a suite that does not load is missing in some reports, and only a number shows it.

use crate::{
    commands::evidence::{
        observations::EvidenceObservations,
        test_count::{GATE, PromotedTests, TestCount},
        verification::Verification,
    },
    finding::{Figures, Finding},
};

/// The name of the check.
const CHECK: &str = "tests";

impl Verification<'_> {
    /// Whether about as many tests ran as in the validation of the last promotion. No finding where neither has a number.
    pub(super) fn check_tests(&self, observations: &EvidenceObservations) -> Option<Finding> {
        let limit = self.origin.max_fewer_tests;
        let wanted = format!("at most {limit} % fewer tests than the last promotion");
        let promoted = match &observations.tests {
            Ok(promoted) => promoted.as_ref(),
            Err(error) => return self.claim.test_count().known().map(|_| error.for_check(CHECK)),
        };
        match (self.claim.test_count(), promoted) {
            // The check of the gate says why. One that is not required need not pass, but its number is missing.
            (TestCount::NotPassed, _) if self.required.iter().any(|command| command == GATE) => None,
            (TestCount::NotPassed | TestCount::Unknown, None) => None,
            (TestCount::Known(now), None) => Some(
                Finding::passed(CHECK)
                    .expected(wanted)
                    .actual(format!("{now}; no promotion of this service to {} recorded a number", self.environment)),
            ),
            (TestCount::NotPassed | TestCount::Unknown, Some(promoted)) => {
                let finding = Finding::inconclusive(CHECK)
                    .expected(self.at_least(promoted)?)
                    .actual(format!("not counted; {} in the validation of {}", promoted.figure, promoted.version))
                    .next(
                        "let `smoke` read the reports of its tests (`junit`) in every job that runs it, and validate again; if the tests of this service are no longer counted, set `max-fewer-tests: 100` for it in the config file",
                    );
                Some(finding)
            }
            (TestCount::Known(now), Some(promoted)) => {
                let (before, now) = (u64::from(promoted.figure.get()), u64::from(now.get()));
                let finding = if now < limit.least_of(before) {
                    Finding::inconclusive(CHECK).next(
                        "check that every suite loads and that `smoke` reads all of its reports, and validate again; if these tests were removed on purpose, raise `max-fewer-tests` of this service in the config file for this promotion",
                    )
                } else {
                    Finding::passed(CHECK)
                };
                let figures = Figures::now(now.to_string()).limit(format!("-{limit} %")).baseline(before.to_string());
                let finding = finding
                    .expected(self.at_least(promoted).unwrap_or(wanted))
                    .actual(format!("{before} → {now} {}", self.since(promoted)))
                    .figures(figures);
                Some(finding)
            }
        }
    }

    /// `tests: 41 → 38`, if there are more or fewer than before.
    pub fn changed_tests(&self, observations: &EvidenceObservations) -> Option<String> {
        let promoted = observations.tests.as_ref().ok()?.as_ref()?;
        let now = self.claim.test_count().known().filter(|now| *now != promoted.figure)?;
        Some(format!("{CHECK}: {} → {now}", promoted.figure))
    }

    /// What is expected beside a promotion; `None` if any number is enough.
    fn at_least(&self, promoted: &PromotedTests) -> Option<String> {
        let limit = self.origin.max_fewer_tests;
        let least = limit.least_of(u64::from(promoted.figure.get()));
        (least > 0).then(|| format!("at least {least} tests: at most {limit} % fewer than the last promotion"))
    }

    /// `since 1.4.1 in production`
    fn since(&self, PromotedTests { version, is_current, .. }: &PromotedTests) -> String {
        if *is_current {
            return format!("since {version} in {}", self.environment);
        }
        format!(
            "since {version}; the image in the infra repository has no recorded number, and {version} is the last release with one"
        )
    }
}
