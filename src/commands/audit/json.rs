//! Renders the audit as JSON, for programs.

use serde_json::{Value, json};

use super::{
    figures::AuditFigures,
    observations::{AuditObservations, WINDOW},
};
use crate::{
    clock::rfc3339,
    ledger::{LedgerEntry, Promotion},
};

/// The whole audit. Texts are raw.
pub(super) fn document(observations: &AuditObservations, figures: &AuditFigures, budget: u32) -> Value {
    json!({
        "schema": 1,
        "since": rfc3339(observations.since),
        "until": rfc3339(observations.until),
        "budget": { "emergencies": budget, "days": WINDOW.as_hours() / 24 },
        "figures": figures,
        "entries": observations.audited_entries().map(entry).collect::<Vec<_>>(),
        "by-hand": observations.by_hand,
        "claims": observations.unproven,
        "workflow-runs": {
            "confirmed": observations.runs.confirmed,
            "refuted": observations.runs.refuted.iter().map(|(commit, why)| json!({ "commit": commit, "why": why })).collect::<Vec<_>>(),
            "unchecked": observations.runs.unchecked,
        },
    })
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
