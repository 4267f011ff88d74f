//! The policy checks: conditions of the config file that a report must meet, whatever settings its gate ran with.

use crate::{
    commands::evidence::verification::Verification,
    finding::{Finding, Verdict},
    values::clip,
};

/// How much of a report's values goes into a finding, in characters.
const CLIP: usize = 300;

impl Verification<'_> {
    pub(super) fn check_policies(&self) -> Vec<Finding> {
        let conditions = self.claim.received.iter().flat_map(|received| {
            let conditions = self.policy.get(&received.report.command).into_iter().flatten();
            conditions.map(move |condition| (received, condition))
        });
        conditions
            .map(|(received, condition)| {
                let finding = Finding::new(format!("policy: {}", received.report.command), Verdict::Passed);
                let finding = finding.expected(condition.expression.text()).seen_at(&condition.location, "");
                // A report holds only texts, numbers and lists, so this conversion cannot fail.
                let report = serde_json::to_value(&received.report).unwrap_or_default();
                if let Some(absent) = condition.expression.missing_path(&report) {
                    return Finding { verdict: Verdict::Inconclusive, ..finding }
                        .actual(clip(&absent, CLIP))
                        .next("give a value that may be absent a default in the condition: `(.settings.attempts // 1) <= 3`");
                }
                let found = condition.expression.explain(&report);
                match condition.expression.holds(&report) {
                    Ok(true) => finding.actual(found.unwrap_or_else(|| "it holds".to_owned())),
                    Ok(false) => Finding { verdict: Verdict::Blocked, ..finding }
                        .actual(clip(&found.unwrap_or_else(|| "it does not hold".to_owned()), CLIP))
                        .next("the service's settings are laxer than `policy` allows: bring them back, and validate again"),
                    Err(error) => {
                        Finding { verdict: Verdict::Inconclusive, ..finding }.actual(clip(&error.to_string(), CLIP))
                    }
                }
            })
            .collect()
    }
}
