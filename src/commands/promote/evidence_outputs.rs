//! The outputs of the required `evidence` and `approval`, which the commit records.

use std::num::NonZeroU32;

use jiff::Timestamp;

use crate::{
    bundle_sizes::BundleSizes, finding::Finding, ledger::EvidenceId, report::Run, results::ReceivedReports,
    subject::Subject,
};

/// The outputs of the required `evidence` and `approval`.
#[derive(Debug, Default, PartialEq)]
pub(super) struct EvidenceOutputs {
    pub evidence: Option<EvidenceId>,
    /// GitHub's number of the repository that validated; `None` if GitHub did not sign the evidence.
    pub repository_id: Option<u64>,
    /// The sizes of the bundle that was validated; `None` if they were not measured.
    pub bundle_sizes: Option<BundleSizes>,
    /// How many tests ran; `None` if they were not counted.
    pub tests: Option<NonZeroU32>,
    /// When the first job of the gates in the evidence ended.
    pub validated_at: Option<Timestamp>,
    pub validation_run: Option<String>,
    pub approver: Option<String>,
}

impl EvidenceOutputs {
    /// Reads them from the reports that count. The outputs of a command that is not required are ignored.
    ///
    /// # Errors
    /// A required report lacks an output that the commit needs.
    pub fn read(
        reports: &ReceivedReports,
        required: &[String],
        subject: &Subject,
        run: Option<&Run>,
    ) -> Result<Self, Finding> {
        let is_required = |command: &str| required.iter().any(|name| name == command);
        let output = |command: &str, name: &str| {
            reports.output(command, name, subject, run).filter(|value| !value.trim().is_empty())
        };
        let needed = |command: &str, name: &str, expected: &str| {
            output(command, name).ok_or_else(|| {
                Finding::inconclusive(command)
                    .actual(format!("its report has no output `{name}`, or two reports of it disagree"))
                    .expected(expected)
                    .next("use the same version of promote-gates in all jobs")
            })
        };
        let invalid = |name: &str, value: &str, expected: &str| {
            Finding::inconclusive("evidence").actual(format!("its output `{name}` is \"{value}\"")).expected(expected)
        };
        let mut outputs = Self::default();
        if is_required("evidence") {
            let id = needed("evidence", "evidence", "the evidence's id")?;
            outputs.evidence = Some(id.parse().map_err(|_| invalid("evidence", id, "64 lower-case hex digits"))?);
            let at = needed("evidence", "validated-at", "when it was validated")?;
            outputs.validated_at = Some(at.parse().map_err(|_| invalid("validated-at", at, "a time in RFC 3339"))?);
            outputs.repository_id = output("evidence", "repository-id")
                .map(|id| id.parse().map_err(|_| invalid("repository-id", id, "GitHub's number of a repository")))
                .transpose()?;
            outputs.bundle_sizes = output("evidence", "bundle-size")
                .map(|sizes| sizes.parse().map_err(|_| invalid("bundle-size", sizes, "the sizes of a bundle")))
                .transpose()?;
            outputs.tests = output("evidence", "tests")
                .map(|count| count.parse().map_err(|_| invalid("tests", count, "a number of tests such as 41")))
                .transpose()?;
            outputs.validation_run = output("evidence", "validation-run").map(ToOwned::to_owned);
        }
        if is_required("approval") {
            outputs.approver = Some(needed("approval", "approver", "who approved")?.to_owned());
        }
        Ok(outputs)
    }
}
