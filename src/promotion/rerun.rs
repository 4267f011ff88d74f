//! The earlier attempts of a workflow run: how far back they can be, and the commit that one of them made.

use jiff::{SignedDuration, Timestamp};

use crate::{
    ledger::{LedgerEntry, PromotionKind},
    report::Run,
};

/// How long after its creation a run can be re-run. Source: GitHub's documentation, "Re-running workflows and jobs".
const RERUN_WINDOW: SignedDuration = SignedDuration::from_hours(31 * 24);

/// The earliest time at which an earlier attempt of a run that runs `now` can have committed.
#[must_use]
pub fn earliest_attempt(now: Timestamp) -> Timestamp {
    now.checked_sub(RERUN_WINDOW).unwrap_or(now)
}

/// The commit of `kind` that this workflow run made in an earlier attempt. GitHub re-runs a run on request; the work of the
/// run is then done, whatever the current image is.
#[must_use]
pub fn find_commit_of_run<'a>(
    entries: &'a [LedgerEntry],
    kind: PromotionKind,
    run: Option<&Run>,
) -> Option<&'a LedgerEntry> {
    let run = run?;
    entries.iter().find(|entry| {
        let workflow_run = entry.promotion.workflow_run().filter(|_| entry.promotion.kind == kind);
        workflow_run.is_some_and(|theirs| {
            theirs.id == run.id && theirs.repository.to_string().eq_ignore_ascii_case(&run.repository)
        })
    })
}
