//! The release day as data: the changes, the people who make and approve them, and the expected results.

use std::{fmt, time::Duration};

use serde_json::Value;

/// A day of changes to production. At its end the ledger is audited.
#[derive(Clone, Debug)]
pub struct ReleaseDay {
    /// The latency of the slowest responses of what runs in production; the fastest take half of it.
    pub baseline_latency: Duration,
    /// The people who may approve promotions to production.
    pub reviewers: Vec<&'static str>,
    pub changes: Vec<PlannedChange>,
}

/// A change to one service in production, and its expected result.
#[derive(Clone, Debug)]
pub struct PlannedChange {
    pub service: &'static str,
    pub kind: ChangeKind,
    pub expected: ExpectedResult,
}

#[derive(Clone, Debug)]
pub enum ChangeKind {
    /// A new version, from the pull request to production.
    Release(PlannedRelease),
    /// A version that is promoted without the gates.
    Emergency { tag: &'static str, incident: Incident },
    /// A rollback of the last promotion.
    Rollback(Incident),
}

/// A release of a service. Production runs the version before it.
#[derive(Clone, Debug)]
pub struct PlannedRelease {
    pub tag: &'static str,
    /// The title of its pull request.
    pub title: &'static str,
    pub author: &'static str,
    /// The reviewer who approves its jobs.
    pub approver: &'static str,
    /// The files of the bundle in production, by path and bytes. Each release adds a little code to every file.
    pub bundle: &'static [(&'static str, usize)],
    /// A file that the release adds to the bundle, with its bytes.
    pub added_file: Option<(&'static str, usize)>,
    /// The latency of its slowest responses on staging; the fastest take half of it.
    pub max_latency: Duration,
    /// The paths below `/<service>/api/` that its users depend on.
    pub critical_paths: &'static [&'static str],
    /// Changes the payload between `record` and the infra repository, as an attacker with the dispatch token could. Returns it
    /// unchanged unless a test simulates that.
    pub alter_payload: fn(Value) -> Value,
}

/// The reason to bypass the gates.
#[derive(Clone, Debug)]
pub struct Incident {
    pub id: &'static str,
    pub reason: &'static str,
    /// The person who starts the workflow.
    pub started_by: &'static str,
    pub approver: &'static str,
}

/// The result that a change should have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedResult {
    /// Production runs this tag.
    Deployed(&'static str),
    /// This command blocks, and its reason contains this text.
    Blocked { command: &'static str, reason_part: &'static str },
}

impl PlannedChange {
    /// The promotion kind that the ledger records for it.
    #[must_use]
    pub const fn promotion_kind(&self) -> &'static str {
        match self.kind {
            ChangeKind::Release(_) => "normal",
            ChangeKind::Emergency { .. } => "emergency",
            ChangeKind::Rollback(_) => "rollback",
        }
    }

    #[must_use]
    pub const fn release(&self) -> Option<&PlannedRelease> {
        match &self.kind {
            ChangeKind::Release(release) => Some(release),
            _ => None,
        }
    }

    /// The same, so that a test can change it.
    pub const fn release_mut(&mut self) -> Option<&mut PlannedRelease> {
        match &mut self.kind {
            ChangeKind::Release(release) => Some(release),
            _ => None,
        }
    }
}

impl fmt::Display for PlannedChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ChangeKind::Release(PlannedRelease { tag, .. }) | ChangeKind::Emergency { tag, .. } => {
                write!(f, "{} {tag}", self.service)
            }
            ChangeKind::Rollback(_) => write!(f, "{} rollback", self.service),
        }
    }
}

const LEAD: &str = "team-lead";
/// The reviewer of emergencies and rollbacks.
pub const ON_CALL: &str = "on-call";
pub const INFRA: &str = "acme/ecommerce-infra";

/// The repository with a service's code.
#[must_use]
pub fn repository(service: &str) -> String {
    format!("acme/{service}")
}

#[must_use]
pub fn image(service: &str) -> String {
    format!("ghcr.io/acme/{service}")
}

impl ReleaseDay {
    /// The day of the incident. As on that day, the lead approves every request.
    #[must_use]
    pub fn thursday() -> Self {
        let checkout = PlannedRelease {
            tag: "1.4.2",
            title: "Round the tax once",
            author: "ada",
            approver: LEAD,
            bundle: &[("server.js", 180_000)],
            added_file: None,
            max_latency: Duration::from_millis(50),
            critical_paths: &["cart", "order", "payment"],
            alter_payload: |payload| payload,
        };
        let catalog = PlannedRelease {
            tag: "1.5.0",
            title: "Related products on every page",
            author: "ben",
            bundle: &[("server.js", 240_000)],
            max_latency: Duration::from_millis(360),
            critical_paths: &["search", "product"],
            ..checkout.clone()
        };
        let frontend = PlannedRelease {
            tag: "2.0.0",
            title: "New product gallery",
            author: "cleo",
            bundle: &[("app.js", 420_000), ("vendor/framework.js", 140_000), ("style.css", 60_000)],
            added_file: Some(("vendor/debug-lib.js", 4_000_000)),
            critical_paths: &["cart", "search"],
            ..checkout.clone()
        };
        let payments = PlannedRelease {
            tag: "1.6.0",
            title: "Ask the bank twice",
            author: "dan",
            critical_paths: &["pay"],
            ..checkout.clone()
        };
        let inventory = PlannedRelease {
            tag: "1.4.3",
            title: "Count returns",
            author: "eve",
            critical_paths: &["stock"],
            ..checkout.clone()
        };
        let change = |service, kind, expected| PlannedChange { service, kind, expected };
        let deployed = |service, release: PlannedRelease| {
            let expected = ExpectedResult::Deployed(release.tag);
            change(service, ChangeKind::Release(release), expected)
        };
        let blocked = |service, release, command, reason_part| {
            change(service, ChangeKind::Release(release), ExpectedResult::Blocked { command, reason_part })
        };
        let incident = |id, reason| Incident { id, reason, started_by: "dan", approver: ON_CALL };
        let hotfix = ChangeKind::Emergency { tag: "1.6.1", incident: incident("INC-2041", "customers pay twice") };
        let rollback = ChangeKind::Rollback(incident("INC-2042", "the tax is a cent short"));
        Self {
            baseline_latency: Duration::from_millis(120),
            reviewers: vec![LEAD, "second-lead"],
            changes: vec![
                deployed("checkout-service", checkout),
                blocked("catalog-service", catalog, "performance", "p99"),
                blocked("frontend", frontend, "bundle-size", "debug-lib"),
                deployed("payments-service", payments),
                blocked("inventory-service", inventory, "approval", LEAD),
                change("payments-service", hotfix, ExpectedResult::Deployed("1.6.1")),
                change("checkout-service", rollback, ExpectedResult::Deployed("1.4.1")),
            ],
        }
    }

    /// The services, each once.
    #[must_use]
    pub fn services(&self) -> Vec<&'static str> {
        let mut services = Vec::new();
        for PlannedChange { service, .. } in &self.changes {
            if !services.contains(service) {
                services.push(service);
            }
        }
        services
    }
}
