//! The Thursday as data: what was released, through which steps it goes, and how it should end.

use std::{fmt, time::Duration};

/// A day of releases.
#[derive(Clone, Debug)]
pub struct Day {
    /// The p99 of every service in production, in milliseconds: what the metrics server knows.
    pub p99: f64,
    pub releases: Vec<Release>,
}

/// One release of one service. In production runs the version before it.
#[derive(Clone, Debug)]
pub struct Release {
    pub service: &'static str,
    pub tag: &'static str,
    /// What is new in it, as its pull request says.
    pub about: &'static str,
    /// Its bundle as it was, by path and bytes. A few of them are new code in every release.
    pub bundle: &'static [(&'static str, usize)],
    /// What else is in the bundle now.
    pub added: Option<(&'static str, usize)>,
    /// How long its slowest answers on staging take; the quickest take half of it.
    pub slowest: Duration,
    /// What its users cannot do without: paths below `/<service>/api/`.
    pub critical_paths: &'static [&'static str],
    pub ends: Ends,
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.service, self.tag)
    }
}

/// How a release should end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ends {
    Promoted,
    /// By this gate, whose reason names this.
    Blocked {
        by: &'static str,
        naming: &'static str,
    },
}

impl Day {
    /// The day of the incident.
    #[must_use]
    pub fn thursday() -> Self {
        let checkout = Release {
            service: "checkout-service",
            tag: "1.4.2",
            about: "Round the tax once",
            bundle: &[("server.js", 180_000)],
            added: None,
            slowest: Duration::from_millis(70),
            critical_paths: &["cart", "order", "payment"],
            ends: Ends::Promoted,
        };
        let catalog = Release {
            service: "catalog-service",
            tag: "1.5.0",
            about: "Related products on every page",
            bundle: &[("server.js", 240_000)],
            slowest: Duration::from_millis(520),
            critical_paths: &["search", "product"],
            ends: Ends::Blocked { by: "performance", naming: "p99" },
            ..checkout.clone()
        };
        let frontend = Release {
            service: "frontend",
            tag: "2.0.0",
            about: "New product gallery",
            bundle: &[("app.js", 420_000), ("vendor/framework.js", 140_000), ("style.css", 60_000)],
            added: Some(("vendor/debug-lib.js", 4_000_000)),
            critical_paths: &["cart", "search"],
            ends: Ends::Blocked { by: "bundle-size", naming: "debug-lib" },
            ..checkout.clone()
        };
        Self { p99: 300.0, releases: vec![checkout, catalog, frontend] }
    }
}

/// A step of every release's workflow.
pub struct Step {
    pub job: &'static str,
    pub act: Act,
    /// Whether it runs when a gate before it has not passed.
    pub always: bool,
}

pub enum Act {
    /// `uses: acme/promote-gates/<command>`, `with:` these inputs. What stands in braces is filled in.
    Uses(&'static str, &'static [(&'static str, &'static str)]),
    /// The team's own deployment to staging.
    Deploy,
    /// The team's own load test of staging.
    LoadTest,
    /// Somebody presses the button.
    Approve,
    /// `uses: actions/checkout`, of the infra repository.
    CheckOutInfra,
}

impl Step {
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self.act {
            Act::Uses(command, _) => command,
            Act::Deploy => "deploy",
            Act::LoadTest => "load test",
            Act::Approve => "approval",
            Act::CheckOutInfra => "checkout",
        }
    }
}

/// The gates that must have passed: one a line, as an input holds a list.
pub const GATES: &str = "health\nsmoke\nperformance\nbundle-size";
pub const SHOP: &str = "acme/shop";
pub const INFRA: &str = "acme/ecommerce-infra";
/// Who approves.
pub const LEAD: &str = "team-lead";
pub const SMOKE_TEST: &str = "smoke.sh";
/// What the smoke test is told.
const SMOKE_ENVIRONMENT: &str =
    "STAGING={staging}/{service}\nSERVICE={service}\nTAG={tag}\nPATHS={critical-paths}\nGATES={program}";
pub const JUNIT: &str = "smoke.xml";
pub const LOAD_RESULTS: &str = "load-results.json";
/// Below the workspace, as a second `actions/checkout` with a `path:` makes it.
pub const INFRA_CHECKOUT: &str = "infra";

/// The workflow of a release, the same for all of them. `record` looks at whatever the gates said, as its documentation
/// has it; and the lead approves whatever they said, as he did on that Thursday. Until evidence can be taken over from the
/// run that gathered it, the promotion is a job of that same run.
pub const WORKFLOW: &[Step] = &[
    gate("ci", "bundle-size", &[("path", "dist")]),
    Step { job: "staging", act: Act::Deploy, always: false },
    gate(
        "staging",
        "health",
        &[
            ("endpoints", "{staging}/{service}/health/ready"),
            ("condition", ".version == $subject.tag"),
            ("interval", "100ms"),
        ],
    ),
    gate(
        "staging",
        "smoke",
        &[("command", "sh smoke.sh"), ("env", SMOKE_ENVIRONMENT), ("junit", JUNIT), ("timeout", "30s")],
    ),
    Step { job: "staging", act: Act::LoadTest, always: false },
    gate("staging", "performance", &[("results", LOAD_RESULTS), ("baseline", "{staging}/metrics/baseline/{service}")]),
    always(
        "staging",
        "record",
        &[("results", "{steps}"), ("required", GATES), ("repository", INFRA), ("token", "{token}")],
    ),
    Step { job: "promote", act: Act::Approve, always: true },
    Step { job: "promote", act: Act::CheckOutInfra, always: true },
    always(
        "promote",
        "promote",
        &[("results", "{steps}"), ("require", GATES), ("environment", "production"), ("checkout", INFRA_CHECKOUT)],
    ),
];

const fn gate(job: &'static str, command: &'static str, with: &'static [(&'static str, &'static str)]) -> Step {
    Step { job, act: Act::Uses(command, with), always: false }
}

const fn always(job: &'static str, command: &'static str, with: &'static [(&'static str, &'static str)]) -> Step {
    Step { always: true, ..gate(job, command, with) }
}

/// What the team does in the morning, with what is in production: the sizes are recorded.
pub const MORNING: Step = gate("baseline", "bundle-size", &[("path", "dist"), ("allow-first", "true")]);
