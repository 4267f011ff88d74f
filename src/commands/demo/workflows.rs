//! The workflows of the demo as data: those in `workflows/`, reduced to the parts that the demo runs. [`super::run`] evaluates
//! the expressions, which are written in single braces.

/// A workflow file.
#[derive(Debug)]
pub struct DemoWorkflow {
    /// The name of the file below `.github/workflows/`.
    pub file: &'static str,
    pub event: &'static str,
    pub jobs: &'static [DemoJob],
}

impl DemoWorkflow {
    #[must_use]
    pub fn path(&self) -> String {
        format!(".github/workflows/{}", self.file)
    }

    /// Whether a command is one of its steps.
    #[must_use]
    pub fn uses(&self, wanted: &str) -> bool {
        let mut steps = self.jobs.iter().flat_map(|job| job.steps);
        steps.any(|step| matches!(step, DemoStep::Uses(command, _) if *command == wanted))
    }
}

/// A job of a workflow. It needs all jobs before it.
#[derive(Debug)]
pub struct DemoJob {
    pub name: &'static str,
    /// The environment whose reviewers must approve it.
    pub environment: Option<&'static str>,
    /// `if: ${{ !cancelled() }}`
    pub always: bool,
    /// `permissions: id-token: write`
    pub signs: bool,
    pub steps: &'static [DemoStep],
    /// Its outputs for later jobs, by name and expression.
    pub outputs: &'static [(&'static str, &'static str)],
}

/// A step of a job.
#[derive(Debug)]
pub enum DemoStep {
    /// `uses: acme/promote-gates/<command>`, `with:` these inputs; its id is the command.
    Uses(&'static str, &'static [(&'static str, &'static str)]),
    /// The team's own deployment to staging.
    Deploy,
    /// `uses: actions/checkout`, of the infra repository.
    CheckOutInfra,
}

impl DemoStep {
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Uses(command, _) => command,
            Self::Deploy => "deploy",
            Self::CheckOutInfra => "checkout",
        }
    }
}

/// The file with the team's smoke tests, in the service's checkout.
pub const CHECKS: &str = "checks.yml";

const fn job(name: &'static str, steps: &'static [DemoStep]) -> DemoJob {
    DemoJob { name, environment: None, always: false, signs: false, steps, outputs: &[] }
}

/// A job that runs one gate.
const fn gate(
    name: &'static str,
    steps: &'static [DemoStep],
    outputs: &'static [(&'static str, &'static str)],
) -> DemoJob {
    DemoJob { outputs, ..job(name, steps) }
}

/// Records the bundle sizes of the version in production.
pub const BASELINE: DemoWorkflow = DemoWorkflow {
    file: "baseline.yml",
    event: "push",
    jobs: &[job(
        "baseline",
        &[DemoStep::Uses("bundle-size", &[("service", "{service}"), ("path", "dist"), ("allow-first", "true")])],
    )],
};

pub const CI: DemoWorkflow = DemoWorkflow {
    file: "ci-bundle-size.yml",
    event: "pull_request",
    jobs: &[job("bundle-size", &[DemoStep::Uses("bundle-size", &[("service", "{service}"), ("path", "dist")])])],
};

pub const DEPLOY: DemoWorkflow =
    DemoWorkflow { file: "deploy-staging.yml", event: "push", jobs: &[job("deploy", &[DemoStep::Deploy])] };

pub const VALIDATE: DemoWorkflow = DemoWorkflow {
    file: "validate-staging.yml",
    event: "workflow_run",
    jobs: &[
        gate(
            "health",
            &[DemoStep::Uses(
                "health",
                &[
                    ("service", "{service}"),
                    ("environment", "staging"),
                    ("image", "{image}"),
                    ("tag", "{tag}"),
                    ("endpoints", "{staging}/{service}/health/ready"),
                    ("condition", ".version == $subject.tag"),
                    ("interval", "100ms"),
                ],
            )],
            &[("report", "{steps.health.outputs.report}")],
        ),
        gate(
            "smoke",
            &[DemoStep::Uses(
                "smoke",
                &[
                    ("service", "{service}"),
                    ("environment", "staging"),
                    ("image", "{image}"),
                    ("tag", "{tag}"),
                    ("checks", CHECKS),
                    ("target", "{staging}/{service}"),
                    ("timeout", "30s"),
                ],
            )],
            &[("report", "{steps.smoke.outputs.report}")],
        ),
        gate(
            "performance",
            // 120 requests in a run: few are quick, and with more than 100 of them the p99 is not simply the slowest.
            &[DemoStep::Uses(
                "performance",
                &[
                    ("service", "{service}"),
                    ("environment", "staging"),
                    ("image", "{image}"),
                    ("tag", "{tag}"),
                    ("target", "{staging}/{service}/api/{path}"),
                    ("baseline-target", "{staging}/{service}-baseline/api/{path}"),
                    ("rate", "1200"),
                    ("duration", "100ms"),
                ],
            )],
            &[("report", "{steps.performance.outputs.report}")],
        ),
        DemoJob {
            always: true,
            signs: true,
            ..job(
                "record",
                &[DemoStep::Uses(
                    "record",
                    &[
                        ("service", "{service}"),
                        ("environment", "staging"),
                        ("image", "{image}"),
                        ("tag", "{tag}"),
                        ("results", "{toJSON(needs)}"),
                        ("repository", "{infra}"),
                        ("source-token", "{github.token}"),
                        ("token", "{secrets.DISPATCH}"),
                    ],
                )],
            )
        },
    ],
};

const EARLIER_RESULTS: (&str, &str) = ("results", "{toJSON(needs)}\n{toJSON(steps)}");
const SUBJECT: (&str, &str) = ("subject", "{needs.evidence.outputs.subject}");

pub const PROMOTE: DemoWorkflow = DemoWorkflow {
    file: "promote-to-production.yml",
    event: "repository_dispatch",
    jobs: &[
        gate(
            "evidence",
            &[
                DemoStep::CheckOutInfra,
                DemoStep::Uses(
                    "evidence",
                    &[
                        ("environment", "production"),
                        ("token", "{github.token}"),
                        ("source-token", "{secrets.SOURCE_READ}"),
                    ],
                ),
            ],
            &[("report", "{steps.evidence.outputs.report}"), ("subject", "{steps.evidence.outputs.subject}")],
        ),
        DemoJob {
            environment: Some("production"),
            ..job(
                "promote",
                &[
                    DemoStep::CheckOutInfra,
                    DemoStep::Uses(
                        "approval",
                        &[SUBJECT, ("github-environment", "production"), EARLIER_RESULTS, ("token", "{github.token}")],
                    ),
                    DemoStep::Uses(
                        "wait",
                        &[
                            SUBJECT,
                            // The default is ten minutes.
                            ("duration", "1s"),
                            ("interval", "250ms"),
                            EARLIER_RESULTS,
                            ("endpoints", "{staging}/{service}/health/ready"),
                            ("token", "{github.token}"),
                        ],
                    ),
                    DemoStep::Uses("promote", &[SUBJECT, EARLIER_RESULTS]),
                ],
            )
        },
    ],
};

/// The environment whose reviewers are on call.
pub const EMERGENCY_ENVIRONMENT: &str = "production-emergency";

pub const EMERGENCY: DemoWorkflow = DemoWorkflow {
    file: "emergency-promote.yml",
    event: "workflow_dispatch",
    jobs: &[DemoJob {
        environment: Some(EMERGENCY_ENVIRONMENT),
        ..job(
            "emergency",
            &[
                DemoStep::CheckOutInfra,
                DemoStep::Uses(
                    "emergency",
                    &[
                        ("service", "{service}"),
                        ("environment", "production"),
                        ("tag", "{tag}"),
                        ("incident", "{incident}"),
                        ("reason", "{reason}"),
                        ("github-environment", EMERGENCY_ENVIRONMENT),
                        ("api-token", "{github.token}"),
                    ],
                ),
            ],
        )
    }],
};

pub const ROLLBACK: DemoWorkflow = DemoWorkflow {
    file: "rollback.yml",
    event: "workflow_dispatch",
    jobs: &[DemoJob {
        environment: Some(EMERGENCY_ENVIRONMENT),
        ..job(
            "rollback",
            &[
                DemoStep::CheckOutInfra,
                DemoStep::Uses(
                    "rollback",
                    &[
                        ("service", "{service}"),
                        ("environment", "production"),
                        ("incident", "{incident}"),
                        ("reason", "{reason}"),
                        ("github-environment", EMERGENCY_ENVIRONMENT),
                        ("api-token", "{github.token}"),
                    ],
                ),
            ],
        )
    }],
};

pub const AUDIT: DemoWorkflow = DemoWorkflow {
    file: "audit.yml",
    event: "schedule",
    jobs: &[job(
        "audit",
        &[
            DemoStep::CheckOutInfra,
            DemoStep::Uses("audit", &[("environment", "production"), ("since", "30d"), ("budget", "2")]),
        ],
    )],
};

#[cfg(test)]
mod tests {
    use super::*;

    /// The commands of a workflow file, each with its job, in their order.
    fn commands(file: &str) -> Vec<(String, String)> {
        let mut job = "";
        let mut commands = Vec::new();
        for line in file.split_once("\njobs:\n").unwrap().1.lines() {
            if let Some(name) =
                line.strip_prefix("  ").and_then(|line| line.strip_suffix(':')).filter(|name| !name.starts_with(' '))
            {
                job = name;
            } else if let Some((_, command)) = line.split_once("uses: acme/promote-gates/") {
                commands.push((job.to_owned(), command.trim_end_matches("@v1").to_owned()));
            }
        }
        commands
    }

    #[test]
    fn the_jobs_that_sign_are_those_of_the_file() {
        let file = include_str!("../../../workflows/validate-staging.yml");
        let (_, jobs) = file.split_once("\njobs:\n").unwrap();
        for job in VALIDATE.jobs {
            let (_, text) = jobs.split_once(&format!("  {}:\n", job.name)).unwrap();
            let text = text.split("\n\n").next().unwrap();
            assert_eq!(text.contains("id-token: write"), job.signs, "{}", job.name);
        }
    }

    #[test]
    fn each_workflow_runs_the_commands_of_its_file() {
        for (workflow, file) in [
            (&CI, include_str!("../../../workflows/ci-bundle-size.yml")),
            (&VALIDATE, include_str!("../../../workflows/validate-staging.yml")),
            (&PROMOTE, include_str!("../../../workflows/promote-to-production.yml")),
            (&EMERGENCY, include_str!("../../../workflows/emergency-promote.yml")),
            (&ROLLBACK, include_str!("../../../workflows/rollback.yml")),
            (&AUDIT, include_str!("../../../workflows/audit.yml")),
        ] {
            let demo_commands: Vec<(String, String)> = workflow
                .jobs
                .iter()
                .flat_map(|job| job.steps.iter().map(move |step| (job.name, step)))
                .filter_map(|(job, step)| match step {
                    DemoStep::Uses(command, _) => Some((job.to_owned(), (*command).to_owned())),
                    _ => None,
                })
                .collect();
            // The demo has no production environment to verify, shows its pages in the terminal, and keeps nothing for a next release.
            let is_shown = |(job, command): &(String, String)| {
                job != "verify" && !["comment", "baseline"].contains(&command.as_str())
            };
            let file_commands: Vec<_> = commands(file).into_iter().filter(is_shown).collect();
            assert_eq!(demo_commands, file_commands, "{}", workflow.file);
            assert!(file.contains(&format!("\n  {}:\n", workflow.event)), "{}: {}", workflow.file, workflow.event);
        }
    }
}
