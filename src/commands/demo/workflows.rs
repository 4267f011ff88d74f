//! The workflows of the story as data: those in `workflows/`, as far as the story needs them. Expressions stand in single
//! braces and are filled in by [`super::run`].

/// A workflow file.
#[derive(Debug)]
pub struct Workflow {
    /// Its name below `.github/workflows/`.
    pub file: &'static str,
    pub event: &'static str,
    pub jobs: &'static [Job],
}

impl Workflow {
    #[must_use]
    pub fn path(&self) -> String {
        format!(".github/workflows/{}", self.file)
    }

    /// Whether a command is one of its steps.
    #[must_use]
    pub fn uses(&self, wanted: &str) -> bool {
        let mut steps = self.jobs.iter().flat_map(|job| job.steps);
        steps.any(|step| matches!(step, Step::Uses(command, _) if *command == wanted))
    }
}

/// A job. It needs all jobs before it.
#[derive(Debug)]
pub struct Job {
    pub name: &'static str,
    /// Whose reviewers have to let it run.
    pub environment: Option<&'static str>,
    /// `if: ${{ !cancelled() }}`
    pub always: bool,
    pub steps: &'static [Step],
    /// What later jobs see of it.
    pub outputs: &'static [(&'static str, &'static str)],
}

#[derive(Debug)]
pub enum Step {
    /// `uses: acme/promote-gates/<command>`, `with:` these inputs; its id is the command.
    Uses(&'static str, &'static [(&'static str, &'static str)]),
    /// The team's own deployment to staging.
    Deploy,
    /// The team's own load test of staging.
    LoadTest,
    /// `uses: actions/checkout`, of the infra repository.
    CheckOutInfra,
}

impl Step {
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Uses(command, _) => command,
            Self::Deploy => "deploy",
            Self::LoadTest => "load test",
            Self::CheckOutInfra => "checkout",
        }
    }
}

/// Where the load test leaves its results, in the service's checkout.
pub const LOAD_RESULTS: &str = "load-results.json";
/// What the smoke test is told.
const SMOKE_ENVIRONMENT: &str =
    "STAGING={staging}/{service}\nSERVICE={service}\nTAG={tag}\nPATHS={critical-paths}\nGATES={program}";

const fn job(name: &'static str, steps: &'static [Step]) -> Job {
    Job { name, environment: None, always: false, steps, outputs: &[] }
}

/// A job that is one gate.
const fn gate(name: &'static str, steps: &'static [Step], outputs: &'static [(&'static str, &'static str)]) -> Job {
    Job { outputs, ..job(name, steps) }
}

/// What the team does with what is in production: the sizes are recorded.
pub const BASELINE: Workflow = Workflow {
    file: "baseline.yml",
    event: "push",
    jobs: &[job(
        "baseline",
        &[Step::Uses("bundle-size", &[("service", "{service}"), ("path", "dist"), ("allow-first", "true")])],
    )],
};

pub const CI: Workflow = Workflow {
    file: "ci-bundle-size.yml",
    event: "pull_request",
    jobs: &[job("bundle-size", &[Step::Uses("bundle-size", &[("service", "{service}"), ("path", "dist")])])],
};

pub const DEPLOY: Workflow =
    Workflow { file: "deploy-staging.yml", event: "push", jobs: &[job("deploy", &[Step::Deploy])] };

pub const VALIDATE: Workflow = Workflow {
    file: "validate-staging.yml",
    event: "workflow_run",
    jobs: &[
        gate(
            "health",
            &[Step::Uses(
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
            &[Step::Uses(
                "smoke",
                &[
                    ("service", "{service}"),
                    ("environment", "staging"),
                    ("image", "{image}"),
                    ("tag", "{tag}"),
                    ("command", "sh smoke.sh"),
                    ("env", SMOKE_ENVIRONMENT),
                    ("junit", "smoke.xml"),
                    ("timeout", "30s"),
                ],
            )],
            &[("report", "{steps.smoke.outputs.report}")],
        ),
        gate(
            "performance",
            &[
                Step::LoadTest,
                Step::Uses(
                    "performance",
                    &[
                        ("service", "{service}"),
                        ("environment", "staging"),
                        ("image", "{image}"),
                        ("tag", "{tag}"),
                        ("results", LOAD_RESULTS),
                        ("baseline", "{staging}/metrics/baseline/{service}"),
                    ],
                ),
            ],
            &[("report", "{steps.performance.outputs.report}")],
        ),
        Job {
            always: true,
            ..job(
                "record",
                &[Step::Uses(
                    "record",
                    &[
                        ("service", "{service}"),
                        ("environment", "staging"),
                        ("image", "{image}"),
                        ("tag", "{tag}"),
                        ("results", "{toJSON(needs)}"),
                        ("repository", "{infra}"),
                        ("token", "{secrets.DISPATCH}"),
                    ],
                )],
            )
        },
    ],
};

const EARLIER: (&str, &str) = ("results", "{toJSON(needs)}\n{toJSON(steps)}");
const SUBJECT: (&str, &str) = ("subject", "{needs.evidence.outputs.subject}");

pub const PROMOTE: Workflow = Workflow {
    file: "promote-to-production.yml",
    event: "repository_dispatch",
    jobs: &[
        gate(
            "evidence",
            &[
                Step::CheckOutInfra,
                Step::Uses(
                    "evidence",
                    &[
                        ("environment", "production"),
                        ("token", "{github.token}"),
                        ("source-token", "{secrets.SOURCE_READ}"),
                        // A minute, by default: GitHub is slower with them than the sandbox.
                        ("annotations-timeout", "1s"),
                    ],
                ),
            ],
            &[("report", "{steps.evidence.outputs.report}"), ("subject", "{steps.evidence.outputs.subject}")],
        ),
        Job {
            environment: Some("production"),
            ..job(
                "promote",
                &[
                    Step::CheckOutInfra,
                    Step::Uses(
                        "approval",
                        &[SUBJECT, ("github-environment", "production"), EARLIER, ("token", "{github.token}")],
                    ),
                    Step::Uses(
                        "wait",
                        &[
                            SUBJECT,
                            // Ten minutes, by default.
                            ("duration", "1s"),
                            ("interval", "250ms"),
                            EARLIER,
                            ("endpoints", "{staging}/{service}/health/ready"),
                            ("token", "{github.token}"),
                        ],
                    ),
                    Step::Uses("promote", &[SUBJECT, EARLIER]),
                ],
            )
        },
    ],
};

/// The environment whose reviewers are on call.
pub const AROUND_THE_GATES: &str = "production-emergency";

pub const EMERGENCY: Workflow = Workflow {
    file: "emergency-promote.yml",
    event: "workflow_dispatch",
    jobs: &[Job {
        environment: Some(AROUND_THE_GATES),
        ..job(
            "emergency",
            &[
                Step::CheckOutInfra,
                Step::Uses(
                    "emergency",
                    &[
                        ("service", "{service}"),
                        ("environment", "production"),
                        ("tag", "{tag}"),
                        ("incident", "{incident}"),
                        ("reason", "{reason}"),
                        ("github-environment", AROUND_THE_GATES),
                        ("api-token", "{github.token}"),
                    ],
                ),
            ],
        )
    }],
};

pub const ROLLBACK: Workflow = Workflow {
    file: "rollback.yml",
    event: "workflow_dispatch",
    jobs: &[Job {
        environment: Some(AROUND_THE_GATES),
        ..job(
            "rollback",
            &[
                Step::CheckOutInfra,
                Step::Uses(
                    "rollback",
                    &[
                        ("service", "{service}"),
                        ("environment", "production"),
                        ("incident", "{incident}"),
                        ("reason", "{reason}"),
                        ("github-environment", AROUND_THE_GATES),
                        ("api-token", "{github.token}"),
                    ],
                ),
            ],
        )
    }],
};

pub const AUDIT: Workflow = Workflow {
    file: "audit.yml",
    event: "schedule",
    jobs: &[job(
        "audit",
        &[
            Step::CheckOutInfra,
            Step::Uses("audit", &[("environment", "production"), ("since", "30d"), ("budget", "2")]),
        ],
    )],
};

#[cfg(test)]
mod tests {
    use super::*;

    /// The commands of a workflow file with the jobs they stand in, in their order.
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
    fn they_run_what_the_files_to_copy_run() {
        for (workflow, file) in [
            (&CI, include_str!("../../../workflows/ci-bundle-size.yml")),
            (&VALIDATE, include_str!("../../../workflows/validate-staging.yml")),
            (&PROMOTE, include_str!("../../../workflows/promote-to-production.yml")),
            (&EMERGENCY, include_str!("../../../workflows/emergency-promote.yml")),
            (&ROLLBACK, include_str!("../../../workflows/rollback.yml")),
            (&AUDIT, include_str!("../../../workflows/audit.yml")),
        ] {
            let ours: Vec<(String, String)> = workflow
                .jobs
                .iter()
                .flat_map(|job| job.steps.iter().map(move |step| (job.name, step)))
                .filter_map(|(job, step)| match step {
                    Step::Uses(command, _) => Some((job.to_owned(), (*command).to_owned())),
                    _ => None,
                })
                .collect();
            // There is no production to look at afterwards.
            let theirs: Vec<_> = commands(file).into_iter().filter(|(job, _)| job != "verify").collect();
            assert_eq!(ours, theirs, "{}", workflow.file);
            assert!(file.contains(&format!("\n  {}:\n", workflow.event)), "{}: {}", workflow.file, workflow.event);
        }
    }
}
