//! The Thursday as data: what happens, who does it, and how it should end.

use std::{fmt, time::Duration};

use serde_json::Value;

/// A day. At its end the ledger is audited.
#[derive(Clone, Debug)]
pub struct Day {
    /// The p99 of every service in production, in milliseconds: what the metrics server knows.
    pub p99: f64,
    /// Who may approve promotions to production.
    pub reviewers: Vec<&'static str>,
    pub scenes: Vec<Scene>,
}

/// Something that happens to one service.
#[derive(Clone, Debug)]
pub struct Scene {
    pub service: &'static str,
    pub what: What,
    pub ends: Ends,
}

#[derive(Clone, Debug)]
pub enum What {
    /// A new version, on its way from the pull request to production.
    Release(Release),
    /// A version that is promoted around the gates.
    Emergency { tag: &'static str, incident: Incident },
    /// The last promotion is taken back.
    Rollback(Incident),
}

/// A release of a service. In production runs the version before it.
#[derive(Clone, Debug)]
pub struct Release {
    pub tag: &'static str,
    /// What is new in it, as its pull request says.
    pub about: &'static str,
    pub author: &'static str,
    /// Who approves whatever waits for an approval.
    pub approver: &'static str,
    /// Its bundle as it was, by path and bytes. A few of them are new code in every release.
    pub bundle: &'static [(&'static str, usize)],
    /// What else is in the bundle now.
    pub added: Option<(&'static str, usize)>,
    /// How long its slowest answers on staging take; the quickest take half of it.
    pub slowest: Duration,
    /// What its users cannot do without: paths below `/<service>/api/`.
    pub critical_paths: &'static [&'static str],
    /// What becomes of the payload on its way to the infra repository: nothing, unless somebody stole the token that
    /// dispatches.
    pub on_the_way: fn(Value) -> Value,
}

/// Why somebody goes around the gates.
#[derive(Clone, Debug)]
pub struct Incident {
    pub id: &'static str,
    pub reason: &'static str,
    /// Who starts the workflow.
    pub by: &'static str,
    pub approver: &'static str,
}

/// How a scene should end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ends {
    /// With this tag in production.
    Runs(&'static str),
    /// By this command, whose reason names this.
    Blocked { by: &'static str, naming: &'static str },
}

impl Scene {
    /// Its kind as the ledger calls it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.what {
            What::Release(_) => "normal",
            What::Emergency { .. } => "emergency",
            What::Rollback(_) => "rollback",
        }
    }

    #[must_use]
    pub const fn release(&self) -> Option<&Release> {
        match &self.what {
            What::Release(release) => Some(release),
            _ => None,
        }
    }

    /// The same, to tell another story.
    pub const fn release_mut(&mut self) -> Option<&mut Release> {
        match &mut self.what {
            What::Release(release) => Some(release),
            _ => None,
        }
    }
}

impl fmt::Display for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Release(Release { tag, .. }) | What::Emergency { tag, .. } => write!(f, "{} {tag}", self.service),
            What::Rollback(_) => write!(f, "{} rollback", self.service),
        }
    }
}

const LEAD: &str = "team-lead";
/// Who may approve emergencies.
pub const ON_CALL: &str = "on-call";
pub const INFRA: &str = "acme/ecommerce-infra";

/// Where a service's code is, and its image.
#[must_use]
pub fn repository(service: &str) -> String {
    format!("acme/{service}")
}

#[must_use]
pub fn image(service: &str) -> String {
    format!("ghcr.io/acme/{service}")
}

impl Day {
    /// The day of the incident: as on that day, the lead approves whatever waits for an approval.
    #[must_use]
    pub fn thursday() -> Self {
        let checkout = Release {
            tag: "1.4.2",
            about: "Round the tax once",
            author: "ada",
            approver: LEAD,
            bundle: &[("server.js", 180_000)],
            added: None,
            slowest: Duration::from_millis(70),
            critical_paths: &["cart", "order", "payment"],
            on_the_way: |payload| payload,
        };
        let catalog = Release {
            tag: "1.5.0",
            about: "Related products on every page",
            author: "ben",
            bundle: &[("server.js", 240_000)],
            slowest: Duration::from_millis(1300),
            critical_paths: &["search", "product"],
            ..checkout.clone()
        };
        let frontend = Release {
            tag: "2.0.0",
            about: "New product gallery",
            author: "cleo",
            bundle: &[("app.js", 420_000), ("vendor/framework.js", 140_000), ("style.css", 60_000)],
            added: Some(("vendor/debug-lib.js", 4_000_000)),
            critical_paths: &["cart", "search"],
            ..checkout.clone()
        };
        let payments = Release {
            tag: "1.6.0",
            about: "Ask the bank twice",
            author: "dan",
            critical_paths: &["pay"],
            ..checkout.clone()
        };
        let inventory = Release {
            tag: "1.4.3",
            about: "Count returns",
            author: "eve",
            critical_paths: &["stock"],
            ..checkout.clone()
        };
        let scene = |service, what, ends| Scene { service, what, ends };
        let released = |service, release: Release| {
            let ends = Ends::Runs(release.tag);
            scene(service, What::Release(release), ends)
        };
        let blocked =
            |service, release, by, naming| scene(service, What::Release(release), Ends::Blocked { by, naming });
        let incident = |id, reason| Incident { id, reason, by: "dan", approver: ON_CALL };
        let hotfix = What::Emergency { tag: "1.6.1", incident: incident("INC-2041", "customers pay twice") };
        let back = What::Rollback(incident("INC-2042", "the tax is a cent short"));
        Self {
            p99: 900.0,
            reviewers: vec![LEAD, "second-lead"],
            scenes: vec![
                released("checkout-service", checkout),
                blocked("catalog-service", catalog, "performance", "p99"),
                blocked("frontend", frontend, "bundle-size", "debug-lib"),
                released("payments-service", payments),
                blocked("inventory-service", inventory, "approval", LEAD),
                scene("payments-service", hotfix, Ends::Runs("1.6.1")),
                scene("checkout-service", back, Ends::Runs("1.4.1")),
            ],
        }
    }

    /// The services, each once.
    #[must_use]
    pub fn services(&self) -> Vec<&'static str> {
        let mut services = Vec::new();
        for Scene { service, .. } in &self.scenes {
            if !services.contains(service) {
                services.push(service);
            }
        }
        services
    }
}
