//! `audit` of a ledger with every kind of entry.

use crate::{
    house::{Ended, Runner},
    shop::{FILE, SERVICE, Shop, ago, commit_promotion},
};

const FRONTEND: &str = "apps/frontend/overlays/production/kustomization.yaml";

/// Runs `audit` with limits that the ledger stays below, so that its tables are the whole page.
pub fn audit() -> Ended {
    let shop = Shop::new();
    promote(&shop, 27, FILE, "normal", "1.4.2", "Approved-by: grace\n");
    let wrong = promote(&shop, 21, FILE, "normal", "1.5.0", "Approved-by: team-lead\n");
    let incident = "Incident: INC-2040\nApproved-by: on-call\nTriggered-by: alice\n";
    let more = format!("{incident}Rolls-back: {wrong}\n");
    promote(&shop, 20, FILE, "rollback", "1.4.2", &more);
    promote(&shop, 14, FRONTEND, "normal", "8.0.1", "Approved-by: grace\n");
    let more = "Incident: INC-2042\nApproved-by: on-call\nTriggered-by: alice\nReason: Payments by card fail for every customer, \
                and the fix is one line\n";
    promote(&shop, 6, FILE, "emergency", "1.5.1", more);
    shop.edit_at(Some(2), FRONTEND, "Use the image of the hotfix", |text| text.replace("8.0.1", "8.0.2-hotfix.1"));
    Runner::new()
        .input("checkout", &shop.checkout("infra", &[]).display().to_string())
        .input("environment", "production")
        .input("since", "30d")
        .input("budget", "2")
        .input("by-hand", "1")
        .run(&["audit"])
}

/// Commits a promotion of this kind, so many days ago, with further trailers; returns the commit.
fn promote(shop: &Shop, days: i64, file: &str, kind: &str, tag: &str, more: &str) -> String {
    let service = if file == FILE { SERVICE } else { "frontend" };
    let trailers = format!("Promotion-kind: {kind}\n{more}");
    commit_promotion(&shop.infra, &ago(days), (service, "production"), tag, &trailers)
}
