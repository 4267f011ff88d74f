//! Plays a day: records the baseline of what runs in production, then runs the workflows of each change, step by step.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    checkout::Checkout,
    day_result::{ChangeResult, DayResult},
    demo_env::{DISPATCHER, DemoEnv, DemoPaths, sandbox_error},
    release_day::{ChangeKind, INFRA, Incident, PlannedChange, PlannedRelease, ReleaseDay, image, repository},
    run::{DemoRun, RunResult, RunTrigger},
    runner::{StepResult, write_error},
    workflows::{AUDIT, BASELINE, CI, DEPLOY, DemoJob, DemoStep, DemoWorkflow, EMERGENCY, PROMOTE, ROLLBACK, VALIDATE},
    workspace,
};
use crate::{context::CommandContext, error::CommandError, finding::Verdict, sandbox::infra::FIRST_TAG};

/// Plays a day and prints each step as it ends.
///
/// # Errors
/// Unobservable when the sandbox cannot be set up or a step cannot be run; [`CommandError::Cancelled`].
pub fn play(day: &ReleaseDay, paths: &DemoPaths, ctx: &CommandContext) -> Result<DayResult, CommandError> {
    let demo_env = DemoEnv::set_up(day, paths, ctx)?;
    let (mut sources, mut measured) = (BTreeMap::new(), Vec::new());
    for (change, release) in day.changes.iter().filter_map(|change| Some((change, change.release()?))) {
        let (source, bundle) = record_baseline(&demo_env, change, release, day.baseline_latency)?;
        sources.insert(change.service, source);
        measured.push((change.service, bundle));
    }
    demo_env.narrator.baseline(&measured);
    let mut summary = String::new();
    let mut results = Vec::new();
    for (change, number) in day.changes.iter().zip(1..) {
        demo_env.narrator.change(change, number);
        let mut sequence = WorkflowSequence::of_change(&demo_env, change, sources.get(change.service));
        sequence.result.image_before = demo_env.production_image(change.service)?;
        sequence.run_change(change)?;
        sequence.result.image_after = demo_env.production_image(change.service)?;
        summary += &format!("# {change}: {}\n\n{}", change.outcome(&sequence.result), sequence.summary);
        results.push(sequence.result);
    }
    demo_env.narrator.audit();
    let mut audit = WorkflowSequence::new(&demo_env);
    audit.run_workflow(&AUDIT, INFRA, DISPATCHER, None, json!({ "schedule": "23 6 * * 1" }))?;
    summary += &format!("# The audit\n\n{}", audit.summary);
    let path = paths.folder.join("summary.md");
    fs::write(&path, summary).map_err(|error| write_error(&path, &error))?;
    demo_env.collect_result(results, audit.last_step, path)
}

/// A checkout of a service's repository, and the commit that runs in production.
struct ServiceCheckout {
    folder: PathBuf,
    base: String,
}

/// Makes what runs in production the baseline: staging runs it beside the release, and `bundle-size` records its sizes.
fn record_baseline(
    demo_env: &DemoEnv,
    change: &PlannedChange,
    release: &PlannedRelease,
    baseline_latency: Duration,
) -> Result<(ServiceCheckout, StepResult), CommandError> {
    let service = change.service;
    let checkout = Checkout::create(demo_env.ctx, &demo_env.paths.folder.join("services").join(service))?;
    workspace::write(&checkout, service, FIRST_TAG, release.critical_paths)?;
    let folder = checkout.folder().to_owned();
    workspace::build_previous(&folder, release).map_err(|error| write_error(&folder, &error))?;
    let mut sequence = WorkflowSequence { workspace: Some(&folder), quiet: true, ..WorkflowSequence::new(demo_env) };
    sequence.placeholders.insert("service", service.to_owned());
    let repository = repository(service);
    sequence.run_workflow(&BASELINE, &repository, release.author, None, json!({}))?;
    let Some(step) = sequence.last_step.filter(|step| step.verdict == Verdict::Passed) else {
        return Err(sandbox_error("baseline", "not recorded"));
    };
    let base = checkout.commit("platform", "As it runs in production")?;
    demo_env.sandbox.github.commit(&repository, &base, "platform", "As it runs in production");
    demo_env.sandbox.github.tag(&repository, FIRST_TAG, &base);
    let (staging, baseline) = (&demo_env.sandbox.staging, format!("{service}-baseline"));
    staging.deploy(&baseline, FIRST_TAG);
    staging.set_max_latency(&baseline, baseline_latency);
    Ok((ServiceCheckout { folder, base }, step))
}

/// Workflow runs that follow one another, such as all runs of one change.
struct WorkflowSequence<'a> {
    demo_env: &'a DemoEnv<'a>,
    change: Option<&'a PlannedChange>,
    source: Option<&'a ServiceCheckout>,
    /// The folder that the service's jobs run in.
    workspace: Option<&'a Path>,
    /// The values of the placeholders (`{name}`).
    placeholders: BTreeMap<&'static str, String>,
    /// The reviewer who approves the jobs.
    approver: &'a str,
    /// Whether its steps are not printed.
    quiet: bool,
    result: ChangeResult,
    /// The job summaries of all runs so far.
    summary: String,
    /// The last step that was a command.
    last_step: Option<StepResult>,
}

impl<'a> WorkflowSequence<'a> {
    fn new(demo_env: &'a DemoEnv<'a>) -> Self {
        Self {
            demo_env,
            change: None,
            source: None,
            workspace: None,
            placeholders: demo_env.placeholders(),
            approver: "",
            quiet: false,
            result: ChangeResult::default(),
            summary: String::new(),
            last_step: None,
        }
    }

    fn of_change(demo_env: &'a DemoEnv<'a>, change: &'a PlannedChange, source: Option<&'a ServiceCheckout>) -> Self {
        let mut placeholders = demo_env.placeholders();
        placeholders.insert("service", change.service.to_owned());
        placeholders.insert("image", image(change.service));
        let (tag, approver) = match &change.kind {
            ChangeKind::Release(release) => (Some(release.tag), release.approver),
            ChangeKind::Emergency { tag, incident } => (Some(*tag), incident.approver),
            ChangeKind::Rollback(incident) => (None, incident.approver),
        };
        if let ChangeKind::Emergency { incident, .. } | ChangeKind::Rollback(incident) = &change.kind {
            placeholders.insert("incident", incident.id.to_owned());
            placeholders.insert("reason", incident.reason.to_owned());
        }
        placeholders.extend(tag.map(|tag| ("tag", tag.to_owned())));
        let path = change.release().and_then(|release| release.critical_paths.first());
        placeholders.extend(path.map(|path| ("path", (*path).to_owned())));
        let workspace = source.map(|source| source.folder.as_path());
        Self { change: Some(change), source, workspace, placeholders, approver, ..Self::new(demo_env) }
    }

    fn run_change(&mut self, change: &PlannedChange) -> Result<(), CommandError> {
        match &change.kind {
            ChangeKind::Release(release) => self.run_release(change.service, release),
            ChangeKind::Emergency { incident, .. } => self.run_by_hand(&EMERGENCY, incident),
            ChangeKind::Rollback(incident) => self.run_by_hand(&ROLLBACK, incident),
        }
    }

    /// Runs the workflows of a release from the pull request to production, up to the first that fails.
    fn run_release(&mut self, service: &str, release: &PlannedRelease) -> Result<(), CommandError> {
        let Some(source) = self.source else { return Err(sandbox_error(service, "no repository")) };
        let (fake_github, repository) = (&self.demo_env.sandbox.github, repository(service));
        let checkout = Checkout::open(self.demo_env.ctx, &source.folder);
        workspace::write(&checkout, service, release.tag, release.critical_paths)?;
        workspace::build_release(&source.folder, release).map_err(|error| write_error(&source.folder, &error))?;
        let head = checkout.commit(release.author, release.title)?;
        let (author, commit) = (release.author, Some(head.as_str()));

        let pull_request = json!({
            "number": 1,
            "title": release.title,
            "base": { "ref": "main", "sha": source.base },
            "head": { "sha": head },
        });
        let opened = json!({ "action": "opened", "pull_request": pull_request });
        checkout.check_out_merge(&source.base, &head)?;
        let checked = self.run_workflow(&CI, &repository, author, commit, opened)?;
        checkout.check_out_main()?;
        if !checked.passed {
            self.demo_env.narrator.note("so it is not merged, and never deployed");
            return Ok(());
        }
        fake_github.commit(&repository, &head, author, release.title);
        let deployed = self.run_workflow(
            &DEPLOY,
            &repository,
            author,
            commit,
            json!({ "ref": "refs/heads/main", "after": head }),
        )?;
        let sent_before = fake_github.dispatches(INFRA).len();
        self.run_workflow(&VALIDATE, &repository, author, commit, deployed.event)?;
        let Some(dispatch) = fake_github.dispatches(INFRA).into_iter().nth(sent_before) else {
            self.demo_env.narrator.note("so no approval is requested");
            return Ok(());
        };
        self.demo_env.narrator.team_step("dispatch", &format!("starts {} in {INFRA}", PROMOTE.file));
        let payload = (release.alter_payload)(dispatch.client_payload);
        let event = json!({ "action": dispatch.event_type, "branch": "main", "client_payload": payload });
        self.run_workflow(&PROMOTE, INFRA, DISPATCHER, None, event)?;
        Ok(())
    }

    /// Runs a workflow of the infra repository that a person starts in an incident.
    fn run_by_hand(&mut self, workflow: &'static DemoWorkflow, incident: &Incident) -> Result<(), CommandError> {
        let event = json!({ "ref": "refs/heads/main", "inputs": { "incident-id": incident.id } });
        self.run_workflow(workflow, INFRA, incident.started_by, None, event)?;
        Ok(())
    }

    /// Runs all jobs of a workflow.
    fn run_workflow(
        &mut self,
        workflow: &'static DemoWorkflow,
        repository: &str,
        actor: &str,
        commit: Option<&str>,
        event: Value,
    ) -> Result<RunResult, CommandError> {
        let placeholders = self.placeholders.clone();
        let trigger = RunTrigger { workflow, repository, actor, commit, event, placeholders };
        let mut run = self.demo_env.start_run(trigger)?;
        for job in workflow.jobs {
            if !run.runs(job) {
                run.skip_job(job);
                self.print_skipped(job.steps);
                continue;
            }
            if let Some(environment) = job.environment {
                self.demo_env.sandbox.github.approve(INFRA, run.id(), environment, self.approver, "");
                self.demo_env.narrator.review(self.approver, environment);
            }
            run.start_job(job);
            let passed = self.run_steps(job, &mut run)?;
            run.end_job(job, passed);
        }
        let result = run.end();
        self.summary += &result.summary;
        Ok(result)
    }

    /// Runs the steps of a job up to the first that fails. Returns whether all passed.
    fn run_steps(&mut self, job: &DemoJob, run: &mut DemoRun) -> Result<bool, CommandError> {
        let mut infra = None;
        for (step, next) in job.steps.iter().zip(1..) {
            match step {
                DemoStep::Deploy => self.deploy(),
                DemoStep::CheckOutInfra => infra = Some(self.demo_env.check_out_infra(run, job)?),
                DemoStep::Uses(command, with) => {
                    let workspace = infra.as_deref().or(self.workspace);
                    let workspace = workspace.ok_or_else(|| sandbox_error(command, "no workspace"))?;
                    let result = run.run_step(command, with, workspace)?;
                    if !self.quiet {
                        self.demo_env.narrator.step(command, &result, self.result.failed_step.is_some());
                    }
                    let passed = result.verdict == Verdict::Passed;
                    self.result.record(command, &result);
                    self.last_step = Some(result);
                    if !passed {
                        self.print_skipped(job.steps.get(next..).unwrap_or_default());
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }

    fn print_skipped(&self, steps: &[DemoStep]) {
        self.demo_env.narrator.skipped(steps.iter().map(DemoStep::name));
    }

    fn deploy(&self) {
        let Some((change, release)) = self.change.and_then(|change| Some((change, change.release()?))) else { return };
        let staging = &self.demo_env.sandbox.staging;
        staging.deploy(change.service, release.tag);
        staging.set_max_latency(change.service, release.max_latency);
        self.demo_env.narrator.team_step("deploy", &format!("merged, built, and {change} is on staging"));
    }
}
