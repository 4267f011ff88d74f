//! Renders the audit as JSON, for programs.

use std::io::{self, Write};

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, json};

use super::{
    figures::AuditFigures,
    observations::{AuditObservations, CheckedMerges, CheckedRuns, WINDOW},
};
use crate::{
    clock::rfc3339,
    ledger::{LedgerEntry, Promotion},
};

/// Writes the whole audit. Texts are raw. Entry by entry: a ledger of years would fill the memory.
///
/// # Errors
/// It cannot be written.
pub(super) fn write(document: &Document<'_>, to: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *to, document)?;
    to.write_all(b"\n")
}

/// The whole audit.
pub(super) struct Document<'a> {
    pub observations: &'a AuditObservations,
    pub figures: &'a AuditFigures,
    pub budget: u32,
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { observations, figures, budget } = self;
        let CheckedRuns { confirmed, refuted, unchecked, .. } = &observations.runs;
        let refuted: Vec<Value> = refuted.iter().map(|(commit, why)| json!({ "commit": commit, "why": why })).collect();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("schema", &1)?;
        map.serialize_entry("since", &rfc3339(observations.since))?;
        map.serialize_entry("until", &rfc3339(observations.until))?;
        map.serialize_entry("budget", &json!({ "emergencies": budget, "days": WINDOW.as_hours() / 24 }))?;
        map.serialize_entry("figures", figures)?;
        map.serialize_entry("entries", &Entries(observations))?;
        map.serialize_entry("by-hand", &observations.by_hand)?;
        map.serialize_entry("claims", &observations.unproven)?;
        let runs = json!({ "confirmed": confirmed, "refuted": refuted, "unchecked": unchecked });
        map.serialize_entry("workflow-runs", &runs)?;
        let CheckedMerges { merged_by, unchecked, .. } = &observations.merges;
        map.serialize_entry("pull-requests", &json!({ "merged-by": merged_by, "unchecked": unchecked }))?;
        if let Some(Ok(found)) = &observations.validations {
            map.serialize_entry("not-promoted", &found.all)?;
        }
        map.end()
    }
}

/// The audited entries.
struct Entries<'a>(&'a AuditObservations);

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.audited_entries().map(entry))
    }
}

/// An entry without its absent facts.
fn entry(entry: &LedgerEntry) -> Value {
    let LedgerEntry { commit, committed_at, promotion, .. } = entry;
    let Promotion { service, environment, image, previous, source_commit, validation_run, .. } = promotion;
    let mut json = json!({
        "commit": commit,
        "at": rfc3339(*committed_at),
        "kind": promotion.kind.word(),
        "service": service,
        "environment": environment,
        "image": image,
        "previous-image": previous,
        "source-commit": source_commit,
        "validated-at": promotion.validated_at.map(rfc3339),
        "validation-run": validation_run,
        "evidence": promotion.evidence.as_ref().map(ToString::to_string),
        "approved-by": promotion.approved_by,
        "triggered-by": promotion.triggered_by,
        "independent": promotion.independent,
        "workflow": promotion.workflow,
        "required": promotion.required,
        "incident": promotion.incident,
        "reason": promotion.reason,
        "rolls-back": promotion.rolls_back,
    });
    if let Some(object) = json.as_object_mut() {
        object.retain(|_, value| !value.is_null());
    }
    json
}
