//! How much a bundle may grow and shrink.

use super::{
    explanation::{
        Explanation,
        known::{Answer, KnownExplanation},
    },
    scope::Group,
    sizes::Compression,
};
use crate::{
    finding::{Finding, Verdict},
    values::{Bytes, Percent},
};

/// How much a bundle may grow. The fields are settings of the command, with their defaults.
#[derive(Clone, Debug, PartialEq, clap::Args)]
pub struct GrowthLimits {
    /// Maximum growth over the baseline in percent; a growth of exactly this much still passes
    #[arg(long, value_name = "PERCENT", default_value = "5")]
    pub max_increase: Percent,
    // A percentage alone would let a whole library into a large bundle: 4 MB are less than 5 % of more than 80 MB, and a new
    // file has no percentage. Raw bytes, because code that compresses well still has to be parsed, and because "a 4 MB
    // library" means raw bytes. All new bytes together, because a bundler splits a library into chunks of any size. 1 MB,
    // because it is a quarter of such a library (4 MB take 3 s to load, so 1 MB takes most of a second) and several times the
    // size of a route or a widget. An intended addition of that size can be explained.
    /// Maximum number of bytes, before compression, that new and grown files may add together, whatever the percentage and
    /// whatever was removed
    #[arg(long, value_name = "BYTES", default_value = "1 MB")]
    pub max_added: Bytes,
    /// Maximum number of bytes, before compression, that any one package may add: 100 kB where the packages of both sides are
    /// known; if you set it, they have to be known
    #[arg(long, value_name = "BYTES")]
    pub max_added_per_package: Option<Bytes>,
    /// Maximum size of the bundle, in the chosen `compression`, whatever it was before; no explanation raises it
    #[arg(long, value_name = "BYTES")]
    pub max_size: Option<Bytes>,
    // Half of a build looks like a great improvement.
    /// Maximum decrease in percent: a bundle that shrank by more, or lost all its scripts, is inconclusive, since the build may
    /// be incomplete
    #[arg(long, value_name = "PERCENT", default_value = "50")]
    pub max_decrease: Percent,
    /// Growth by fewer bytes than this is ignored as noise, whatever the percentage
    #[arg(long, value_name = "BYTES", default_value = "0")]
    pub min_increase: Bytes,
    /// Which size to compare: that of the files as they are, or of each file compressed
    #[arg(long, value_enum, value_name = "WHICH", default_value = "gzip")]
    pub compression: Compression,
    /// Why the growth is intended: with an explanation of at least 15 letters the gate passes, and the report shows it; `up to
    /// +200 kB` in it limits how many new bytes it explains
    #[arg(long, value_name = "TEXT")]
    pub explanation: Option<String>,
}

impl GrowthLimits {
    /// The limits of a group: its own, else the general ones.
    #[must_use]
    pub fn of_group(&self, group: &Group) -> Self {
        Self {
            max_increase: group.max_increase.unwrap_or(self.max_increase),
            max_added: group.max_added.unwrap_or(self.max_added),
            max_size: group.max_size,
            ..self.clone()
        }
    }

    /// The bytes that `before` may grow to.
    pub(super) fn limit(&self, before: u64) -> u64 {
        self.max_increase.limit_of(before)
    }

    /// Whether a decrease is too large to believe.
    pub(super) fn is_too_small(&self, before: u64, now: u64) -> bool {
        self.max_decrease.is_decrease_over(before, now)
    }

    /// The growth of the total that blocks, for people: a percentage, or the noise limit where that allows more.
    pub(super) fn total_limit(&self, before: u64) -> String {
        if self.is_noise_limit(before) {
            format!("less than +{}", self.min_increase)
        } else {
            format!("+{} %", self.max_increase)
        }
    }

    /// Whether the noise limit allows more than the percentage does.
    pub(super) fn is_noise_limit(&self, before: u64) -> bool {
        self.min_increase.0 > self.limit(before) - before
    }
}

/// Whether the new code of a bundle is explained.
#[derive(Clone, Copy, Debug)]
pub struct Waiver<'a> {
    pub known: &'a KnownExplanation,
    /// The raw bytes that new and grown files added.
    pub added: u64,
}

impl Waiver<'_> {
    /// The explanation that covers what was added, and who wrote it.
    #[must_use]
    pub fn explained(&self) -> Option<String> {
        self.known.explanation().filter(|explanation| explanation.covers(self.added)).map(Explanation::with_writer)
    }

    /// The finding on growth over a limit, by the file or package `culprit` most: blocked, or passed with the explanation. It is
    /// inconclusive if there may be an explanation that could not be read.
    #[must_use]
    pub fn over_limit(&self, finding: Finding, actual: String, culprit: &str) -> Finding {
        if let Some(why) = self.explained() {
            let actual = format!("{actual}; over the limit, but explained");
            return Finding { verdict: Verdict::Passed, ..finding }.actual(actual).waived(why);
        }
        // Rounded up to two digits, so that a later commit of a few bytes needs no new text.
        let how = self.known.how(Bytes(round_up(self.added)));
        let remark = match &self.known.answer {
            Answer::Nothing => String::new(),
            Answer::Uncounted(why) => format!("; {why}"),
            Answer::Explained(explanation) => format!(
                "; the explanation covers up to +{} raw, and +{} were added",
                explanation.amount.unwrap_or(Bytes(0)),
                Bytes(self.added)
            ),
            Answer::Unreadable(why) => {
                let next = why.next.clone().unwrap_or_else(|| "run this step again".to_owned());
                let actual =
                    format!("{actual}; whether it is explained could not be read: {}: {}", why.check, why.actual);
                return Finding { verdict: Verdict::Inconclusive, ..finding }.actual(actual).next(next);
            }
        };
        let next = format!("make {culprit} smaller or leave it out; if the growth is intended, {how}");
        finding.actual(actual + &remark).next(next)
    }
}

/// The number with at most two digits that are not zero, rounded up.
#[must_use]
pub fn round_up(bytes: u64) -> u64 {
    let unit = 10_u64.pow(bytes.max(1).ilog10().saturating_sub(1));
    bytes.div_ceil(unit).saturating_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_rounded_up_to_two_digits() {
        for (bytes, rounded) in
            [(0, 0), (7, 7), (99, 99), (101, 110), (4_000_000, 4_000_000), (4_000_001, 4_100_000), (999_999, 1_000_000)]
        {
            assert_eq!(round_up(bytes), rounded);
        }
        assert!(round_up(u64::MAX) >= u64::MAX - 1);
    }
    #[test]
    fn an_explanation_that_cannot_be_read_is_neither_blocked_nor_passed() {
        let unreadable = Finding::inconclusive("GitHub's API").actual("502").next("run this step again later");
        let known =
            KnownExplanation { answer: Answer::Unreadable(Box::new(unreadable)), ..KnownExplanation::default() };
        let finding = Waiver { known: &known, added: 7 }.over_limit(Finding::blocked("bundle"), "big".to_owned(), "x");
        assert_eq!(
            (finding.verdict, finding.next.as_deref()),
            (Verdict::Inconclusive, Some("run this step again later"))
        );
        assert_eq!(finding.actual, "big; whether it is explained could not be read: GitHub's API: 502");
    }
}
