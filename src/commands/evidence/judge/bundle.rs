//! The check of the bundle: how much it grew since the last promotion, and whether that was explained when it was merged.

use crate::{
    bundle_sizes::{BundleSize, BundleSizes},
    commands::{
        bundle_size::{
            limits::round_up,
            sizes::{show_percent, signed},
        },
        evidence::{
            bundle::{GATE, JUDGE, MergedExplanation, PromotedBundle, SIZES, explanations},
            observations::EvidenceObservations,
            verification::Verification,
        },
    },
    config::services::bundle::BundleLimits,
    finding::{Figures, Finding, Verdict},
    results::ReceivedReport,
    values::{Bytes, clip},
};

/// The name of the check.
pub const CHECK: &str = "bundle size";
/// Length limit of a name from a report, in characters.
const MAX_NAME: usize = 60;

/// A bundle, or a group in it, then and now.
pub struct Side {
    /// `bundle size`, `bundle size: admin`.
    pub check: String,
    pub before: BundleSize,
    pub now: BundleSize,
}

/// How a bundle compares with that of the last promotion.
pub struct BundleComparison<'a> {
    pub promoted: &'a PromotedBundle,
    pub sides: Vec<Side>,
    /// What the sizes are compressed with, if both are; else they are compared before compression.
    pub algorithm: Option<&'a str>,
    /// Why the comparison is not as usual.
    pub notes: Vec<String>,
}

impl<'a> BundleComparison<'a> {
    #[must_use]
    pub fn new(promoted: &'a PromotedBundle, now: &'a BundleSizes) -> Self {
        let before = &promoted.figure;
        let mut notes = Vec::new();
        let algorithm = match (&before.compressor, &now.compressor) {
            (Some(then), Some(compressor)) if then.is_comparable(compressor) => Some(compressor.algorithm.as_str()),
            (None, None) => None,
            (then, _) => {
                let then = then.as_ref().map_or_else(
                    || "no compression".to_owned(),
                    |then| format!("{} level {} by {}", then.algorithm, then.level, then.backend),
                );
                notes.push(format!(
                    "compared before compression, because {} was measured with {then}",
                    promoted.version
                ));
                None
            }
        };
        let names = |sizes: &BundleSizes| {
            let mut names: Vec<String> = sizes.groups.iter().map(|(name, _)| name.clone()).collect();
            names.sort();
            names
        };
        let mut sides = Vec::new();
        if names(before) == names(now) && !now.groups.is_empty() {
            let (before_rest, now_rest) = (before.rest(), now.rest());
            if before_rest.raw > 0 || now_rest.raw > 0 {
                sides.push(Side { check: format!("{CHECK}: the rest"), before: before_rest, now: now_rest });
            }
            sides.extend(now.groups.iter().map(|(name, size)| {
                let of_group = before.groups.iter().find(|(known, _)| known == name);
                let check = format!("{CHECK}: {}", clip(name, MAX_NAME));
                Side { check, before: of_group.map(|(_, size)| *size).unwrap_or_default(), now: *size }
            }));
        } else {
            if names(before) != names(now) {
                notes.push(format!("compared as a whole, because the groups of {} were different", promoted.version));
            }
            sides.push(Side { check: CHECK.to_owned(), before: before.total, now: now.total });
        }
        if !promoted.is_current {
            notes.push(format!(
                "the image in the infra repository has no recorded size, and {} is the last release with one",
                promoted.version
            ));
        }
        Self { promoted, sides, algorithm, notes }
    }

    /// The bytes before compression that were added, in all parts that grew.
    #[must_use]
    pub fn added(&self) -> u64 {
        self.sides.iter().map(|side| side.now.raw.saturating_sub(side.before.raw)).fold(0, u64::saturating_add)
    }

    /// `1.2 MB → 5.3 MB gzip (+341 %), +4.1 MB raw since 1.4.1 in production`
    #[must_use]
    pub fn describe(&self, before: BundleSize, now: BundleSize, environment: &str) -> String {
        let (then, size) = (self.judged(before), self.judged(now));
        let raw = signed(i128::from(now.raw) - i128::from(before.raw));
        let raw = if self.algorithm.is_some() { format!(", {raw} raw") } else { format!(", {raw}") };
        let place = if self.promoted.is_current { format!(" in {environment}") } else { String::new() };
        format!(
            "{} → {} {} ({}){raw} since {}{place}",
            Bytes(then),
            Bytes(size),
            self.algorithm.unwrap_or("raw"),
            show_percent(then, size, None),
            self.promoted.version
        )
    }

    const fn judged(&self, size: BundleSize) -> u64 {
        if self.algorithm.is_some() { size.compressed } else { size.raw }
    }

    fn judge(&self, side: &Side, limits: &BundleLimits, environment: &str) -> Finding {
        let (before, now) = (self.judged(side.before), self.judged(side.now));
        let BundleLimits { max_increase, max_added, max_decrease, .. } = limits;
        let notes: String = self.notes.iter().map(|note| format!("; {note}")).collect();
        let actual = format!("{}{notes}", self.describe(side.before, side.now, environment));
        let word = self.algorithm.unwrap_or("raw");
        let expected = format!("at most {max_increase} % {word} and {max_added} raw more than the last promotion");
        let percent = show_percent(before, now, Some(*max_increase));
        let figures = Figures::now(format!("{} ({percent})", Bytes(now)))
            .limit(format!("+{max_increase} %"))
            .baseline(Bytes(before).to_string());
        let added = side.now.raw.saturating_sub(side.before.raw);
        let is_over = added > max_added.0 || (before > 0 && now > max_increase.limit_of(before));
        let is_cut =
            max_decrease.is_decrease_over(before, now) || max_decrease.is_decrease_over(side.before.raw, side.now.raw);
        let finding = match (is_over, is_cut) {
            (true, _) => Finding::blocked(&side.check),
            (false, true) => Finding::inconclusive(&side.check).next(
                "check that the deployed build is complete and that the gate measures all of it; if it did shrink so much, raise `max-decrease` of this service",
            ),
            (false, false) => Finding::passed(&side.check),
        };
        finding.expected(expected).actual(actual).figures(figures)
    }
}

impl Verification<'_> {
    /// How much the bundle grew since the last promotion. A report that only measured is always judged here, whether the service
    /// has limits or not.
    pub(super) fn check_bundle(&self, observations: &EvidenceObservations) -> Vec<Finding> {
        let mut findings = self.check_judges();
        let all = || self.claim.received.iter().filter(|received| received.report.command == GATE);
        match self.claim.measured_bundles().count() {
            0 if self.origin.bundle_size.is_some() && all().next().is_some() => findings.push(
                Finding::blocked(CHECK)
                    .actual("the report of `bundle-size` compares with a baseline of the service's own choice")
                    .expected("a report that leaves the comparison with the last promotion to `evidence`")
                    .next("measure the deployed bundle with `baseline-from: promotion`, and validate again"),
            ),
            0 => {}
            1 => findings.extend(self.judge_bundle(observations)),
            several => findings.push(
                Finding::inconclusive(CHECK)
                    .actual(format!("{several} reports measured a bundle"))
                    .expected("one report of the whole bundle")
                    .next("measure all of it in one step, with a line in `groups` for each part"),
            ),
        }
        findings
    }

    /// A report may leave the judgement only to this command, and only that of a bundle's size.
    fn check_judges(&self) -> Vec<Finding> {
        let is_unjudged = |received: &&ReceivedReport| {
            let report = &received.report;
            let is_judged = report.command == GATE && report.judged_by.as_deref() == Some(JUDGE);
            // The gates inside a `run` represent it.
            report.judged_by.is_some() && !is_judged && report.reports.is_empty()
        };
        let unjudged = self.claim.received.iter().filter(is_unjudged);
        let finding = |received: &ReceivedReport| {
            let judge = received.report.judged_by.as_deref().unwrap_or_default();
            Finding::inconclusive(clip(&received.report.command, MAX_NAME))
                .actual(format!(
                    "only measured, to be judged by `{}`, and nothing here judges it",
                    clip(judge, MAX_NAME)
                ))
                .expected("reports that this version can judge")
                .next("use the same version of promote-gates in both repositories; put fewer gates into one `run`")
        };
        unjudged.map(finding).collect()
    }

    fn judge_bundle(&self, observations: &EvidenceObservations) -> Vec<Finding> {
        let Some(now) = self.claim.bundle_sizes() else {
            let has_passed = self
                .claim
                .measured_bundles()
                .any(|received| received.report.verdict == Verdict::Passed && !received.report.dry_run);
            // What did not pass has measured nothing, and the check of the gate says so.
            let finding = Finding::inconclusive(CHECK)
                .actual(format!("its report has no valid output `{SIZES}`"))
                .expected("the sizes that it measured")
                .next("use the same version of promote-gates in both repositories, and validate again");
            return has_passed.then_some(finding).into_iter().collect();
        };
        let defaults = BundleLimits::default();
        let limits = self.origin.bundle_size.as_ref().unwrap_or(&defaults);
        let mut findings = Vec::new();
        match &observations.bundle.promoted {
            Err(error) => findings.push(error.for_check(CHECK)),
            Ok(None) => findings.push(self.first_bundle(&now)),
            Ok(Some(promoted)) => findings.extend(self.compare_bundle(promoted, &now, limits, observations)),
        }
        if let Some(limit) = limits.max_size {
            let size = now.compressor.as_ref().map_or(now.total.raw, |_| now.total.compressed);
            let finding = if size > limit.0 {
                Finding::blocked(format!("{CHECK}: limit"))
                    .next("make the bundle smaller, or raise `max-size` of this service in the config file")
            } else {
                Finding::passed(format!("{CHECK}: limit"))
            };
            findings.push(finding.expected(format!("at most {limit} (`max-size`)")).actual(Bytes(size).to_string()));
        }
        findings
    }

    fn first_bundle(&self, now: &BundleSizes) -> Finding {
        let finding = if self.allow_first { Finding::passed } else { Finding::inconclusive }(CHECK)
            .expected("the size of a bundle in the ledger")
            .actual(format!("no promotion of this service to {} recorded one; now {now}", self.environment));
        if self.allow_first {
            finding.waived("`allow-first`")
        } else {
            finding.next("set `allow-first: true` for this promotion: the approver then looks at the size alone, and the commit records it")
        }
    }

    fn compare_bundle(
        &self,
        promoted: &PromotedBundle,
        now: &BundleSizes,
        limits: &BundleLimits,
        observations: &EvidenceObservations,
    ) -> Vec<Finding> {
        let comparison = BundleComparison::new(promoted, now);
        let environment = self.environment.as_str();
        let added = comparison.added();
        let explained = match &observations.bundle.texts {
            None => Ok(Vec::new()),
            Some(Ok(texts)) => Ok(explanations(texts)),
            Some(Err(error)) => Err(error),
        };
        let judged = comparison.sides.iter().map(|side| comparison.judge(side, limits, environment));
        judged
            .map(|finding| {
                if finding.verdict != Verdict::Blocked {
                    return finding;
                }
                match &explained {
                    Err(error) => {
                        error.for_check(&finding.check).expected("the descriptions of the merged pull requests")
                    }
                    Ok(explanations) => over_limit(finding, added, explanations),
                }
            })
            .collect()
    }
}

/// The finding on growth over a limit: passed with the explanations that were merged, if they cover all that was added.
fn over_limit(finding: Finding, added: u64, explanations: &[MergedExplanation]) -> Finding {
    let (late, counted): (Vec<&MergedExplanation>, Vec<_>) = explanations.iter().partition(|one| one.is_late);
    let covered = counted.iter().map(|one| one.amount.0).fold(0, u64::saturating_add);
    if !counted.is_empty() && covered >= added {
        let why: Vec<String> = counted.iter().map(|one| format!("#{}: {}", one.number, one.text)).collect();
        let actual = format!("{}; over the limit, but explained", finding.actual);
        return Finding { verdict: Verdict::Passed, actual, ..finding }.waived(why.join("; "));
    }
    let amount = Bytes(round_up(added));
    let missing = if counted.is_empty() {
        "; no merged pull request explains it".to_owned()
    } else {
        format!("; merged explanations cover up to +{} raw of +{}", Bytes(covered), Bytes(added))
    };
    let late = match late.first() {
        Some(one) => format!("; the description of #{} was changed after the merge, so it does not count", one.number),
        None => String::new(),
    };
    let actual = format!("{}{missing}{late}", finding.actual);
    let next = format!(
        "take out what made it grow; if it is intended, merge a pull request whose description says `up to +{amount}: why`, and validate again, or raise the limit in `bundle-size` of this service in the config file"
    );
    Finding { actual, ..finding }.next(next)
}
