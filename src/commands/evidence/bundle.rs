//! What is known of the bundle: its sizes in the report that leaves the judgement to this command, the sizes of the last
//! promotion in the ledger, and the explanations of growth in the pull requests that were merged in between.

use super::{payload::Claim, promoted::PromotedFigure};
use crate::{
    bundle_sizes::BundleSizes,
    commands::bundle_size::explanation::{Explanation, own_words},
    finding::{Finding, Verdict},
    image_entry::ImageEntry,
    ledger::LedgerEntry,
    results::ReceivedReport,
    values::{Bytes, clip},
    world::github::MergedTexts,
};

/// The gate that measures.
pub const GATE: &str = "bundle-size";
/// This command in `judged-by`.
pub const JUDGE: &str = "evidence";
/// The output of the gate with the sizes.
pub const SIZES: &str = "sizes";
/// How an amount is marked in a description. Without the sign, any "up to 200 MB" would be one.
const MARK: &str = "up to +";
/// Length limit of an explanation, in characters.
const MAX_TEXT: usize = 160;

/// What was observed beside the report.
pub struct BundleObservations {
    /// The sizes of the last promotion that recorded some.
    pub promoted: Result<Option<PromotedBundle>, Finding>,
    /// The descriptions of the merged pull requests; absent if there are none, or no bundle to judge.
    pub texts: Option<Result<MergedTexts, Finding>>,
}

impl Default for BundleObservations {
    fn default() -> Self {
        Self { promoted: Ok(None), texts: None }
    }
}

/// The bundle of an image that was promoted.
pub type PromotedBundle = PromotedFigure<BundleSizes>;

/// The bundle of the last promotion that recorded its sizes.
#[must_use]
pub fn promoted_bundle(entries: &[LedgerEntry], current: &[ImageEntry]) -> Option<PromotedBundle> {
    PromotedFigure::find(entries, current, |promotion| promotion.bundle_sizes.as_ref())
}

/// An explanation in the description of a merged pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergedExplanation {
    pub number: u64,
    pub url: String,
    /// Raw text of its author.
    pub text: String,
    /// The bytes before compression that it explains.
    pub amount: Bytes,
    /// Whether the description was changed after the merge: the reviewers have not read this text.
    pub is_late: bool,
}

/// The explanations in descriptions: of each, the first line that names an amount.
#[must_use]
pub fn explanations(texts: &MergedTexts) -> Vec<MergedExplanation> {
    let template = texts.templates.join("\n");
    let merged = texts.pull_requests.iter().filter_map(|text| Some((text, text.merged_at?)));
    let explained = merged.filter_map(|(text, merged_at)| {
        // Comments may have several lines, so the whole description is read first.
        let written = own_words(&text.body, &template)?;
        let of_line = |line: &str| {
            let explanation = Explanation::read(line, "").ok().filter(|_| line.to_ascii_lowercase().contains(MARK))?;
            Some((clip(&explanation.text, MAX_TEXT), explanation.amount?))
        };
        let (line, amount) = written.lines().find_map(of_line)?;
        let is_late = text.edited_at.is_some_and(|edited_at| edited_at > merged_at);
        Some(MergedExplanation { number: text.number, url: text.url.clone(), text: line, amount, is_late })
    });
    explained.collect()
}

impl Claim {
    /// The reports of the gate that leave the judgement to this command.
    pub fn measured_bundles(&self) -> impl Iterator<Item = &ReceivedReport> {
        self.received
            .iter()
            .filter(|received| received.report.command == GATE && received.report.judged_by.as_deref() == Some(JUDGE))
    }

    /// The sizes that are to be judged: of the only report that passed and has some.
    pub fn bundle_sizes(&self) -> Option<BundleSizes> {
        let mut all = self.measured_bundles();
        let (Some(ReceivedReport { report, .. }), None) = (all.next(), all.next()) else { return None };
        let counts = report.verdict == Verdict::Passed && !report.dry_run;
        report.outputs.get(SIZES).filter(|_| counts)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::github::MergedText;

    fn explained(body: &str, edited: bool) -> Option<(String, u64, bool)> {
        let at = |hour| format!("2026-01-01T{hour}:00:00Z").parse().ok();
        let texts = MergedTexts {
            pull_requests: vec![MergedText {
                number: 12,
                url: String::new(),
                body: body.to_owned(),
                merged_at: at("10"),
                edited_at: if edited { at("11") } else { at("09") },
            }],
            templates: vec!["Growth: up to +1 MB: because of a reason that you write here\n".to_owned()],
        };
        let found = explanations(&texts).pop()?;
        Some((found.text, found.amount.0, found.is_late))
    }

    #[test]
    fn an_explanation_is_a_line_with_an_amount() {
        let line = "Bundle: up to +4.2 MB, because the editor moved in";
        let found = |late| Some((line.to_owned(), 4_200_000, late));
        assert_eq!(explained(&format!("Cart\n\n{line}\n\nmore text of the author"), false), found(false));
        assert_eq!(explained(line, true), found(true));
        for body in [
            "The cache may grow up to 200 MB, which is fine for all of us",
            "up to +4 MB",
            "Growth: up to +1 MB: because of a reason that you write here",
            "<!--\nup to +4 MB: the editor moved in from the other app\n-->",
            "The editor moved in from the other application",
            "",
        ] {
            assert_eq!(explained(body, false), None, "{body}");
        }
    }
}
