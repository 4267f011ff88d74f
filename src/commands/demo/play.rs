//! Plays a day: what is in production is measured, then every scene goes through its workflows, step by step.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::{
    checkout::Checkout,
    ending::{Ending, Played},
    run::{Run, Trigger},
    runner::{Ended, unwritten},
    story::{Day, INFRA, Incident, Release, Scene, What, image, repository},
    workflows::{AUDIT, BASELINE, CI, DEPLOY, EMERGENCY, Job, PROMOTE, ROLLBACK, Step, VALIDATE, Workflow},
    workspace,
};
use crate::commands::demo::demo_env::{DISPATCHER, DemoEnv, Stage, unobservable};
use crate::{context::CommandContext, error::CommandError, finding::Verdict, sandbox::infra::FIRST_TAG};

/// Plays a day from its morning on, and tells it as it goes.
///
/// # Errors
/// Unseen when the sandbox cannot be set up or a step cannot be run; [`CommandError::Cancelled`].
pub fn play(day: &Day, stage: &Stage, ctx: &CommandContext) -> Result<Played, CommandError> {
    let demo_env = DemoEnv::set(day, stage, ctx)?;
    let (mut sources, mut measured) = (BTreeMap::new(), Vec::new());
    for (scene, release) in day.scenes.iter().filter_map(|scene| Some((scene, scene.release()?))) {
        let (source, bundle) = measure(&demo_env, scene, release, day.p99)?;
        sources.insert(scene.service, source);
        measured.push((scene.service, bundle));
    }
    demo_env.narrator.morning(&measured, day.p99);
    let mut summary = String::new();
    let mut endings = Vec::new();
    for (scene, number) in day.scenes.iter().zip(1..) {
        demo_env.narrator.scene(scene, number);
        let mut act = Act::of(&demo_env, scene, sources.get(scene.service));
        act.ending.before = demo_env.in_production(scene.service)?;
        act.play(scene)?;
        act.ending.in_production = demo_env.in_production(scene.service)?;
        summary += &format!("# {scene}: {}\n\n{}", scene.became(&act.ending), act.summary);
        endings.push(act.ending);
    }
    demo_env.narrator.audit();
    let mut audit = Act::new(&demo_env);
    audit.perform(&AUDIT, INFRA, DISPATCHER, None, json!({ "schedule": "23 6 * * 1" }))?;
    summary += &format!("# The audit\n\n{}", audit.summary);
    let path = stage.folder.join("summary.md");
    fs::write(&path, summary).map_err(|error| unwritten(&path, &error))?;
    demo_env.played(endings, audit.said, path)
}

/// The repository of a service, checked out, and the commit that is in production.
struct Source {
    folder: PathBuf,
    base: String,
}

/// What runs in production is the baseline: the metrics server knows its p99, and `bundle-size` records its sizes.
fn measure(demo_env: &DemoEnv, scene: &Scene, release: &Release, p99: f64) -> Result<(Source, Ended), CommandError> {
    let service = scene.service;
    let checkout = Checkout::create(demo_env.ctx, &demo_env.stage.folder.join("services").join(service))?;
    workspace::write(&checkout, service, FIRST_TAG)?;
    let folder = checkout.folder().to_owned();
    workspace::build_previous(&folder, release).map_err(|error| unwritten(&folder, &error))?;
    let mut act = Act { workspace: Some(&folder), quiet: true, ..Act::new(demo_env) };
    act.words.insert("service", service.to_owned());
    let from = repository(service);
    act.perform(&BASELINE, &from, release.author, None, json!({}))?;
    let Some(ended) = act.said.filter(|ended| ended.verdict == Verdict::Passed) else {
        return Err(unobservable("baseline", "it was not recorded"));
    };
    let base = checkout.commit("platform", "As it runs in production")?;
    demo_env.sandbox.github.commit(&from, &base, "platform", "As it runs in production");
    demo_env.sandbox.github.tag(&from, FIRST_TAG, &base);
    demo_env.sandbox.staging.set_baseline(service, p99);
    Ok((Source { folder, base }, ended))
}

/// A scene under way.
struct Act<'a> {
    demo_env: &'a DemoEnv<'a>,
    scene: Option<&'a Scene>,
    source: Option<&'a Source>,
    /// The checkout of the service.
    workspace: Option<&'a Path>,
    /// What stands for a name in braces.
    words: BTreeMap<&'static str, String>,
    /// Who approves what waits for an approval.
    approver: &'a str,
    /// Whether nothing of it is told.
    quiet: bool,
    ending: Ending,
    /// Those of all runs so far.
    summary: String,
    /// The last command's end.
    said: Option<Ended>,
}

/// A workflow run that has ended.
struct Over {
    passed: bool,
    /// The event about it, which starts others.
    event: Value,
}

impl<'a> Act<'a> {
    fn new(demo_env: &'a DemoEnv<'a>) -> Self {
        Self {
            demo_env,
            scene: None,
            source: None,
            workspace: None,
            words: demo_env.words(),
            approver: "",
            quiet: false,
            ending: Ending::default(),
            summary: String::new(),
            said: None,
        }
    }

    fn of(demo_env: &'a DemoEnv<'a>, scene: &'a Scene, source: Option<&'a Source>) -> Self {
        let mut words = demo_env.words();
        words.insert("service", scene.service.to_owned());
        words.insert("image", image(scene.service));
        let (tag, approver) = match &scene.what {
            What::Release(release) => {
                words.insert("critical-paths", release.critical_paths.join(" "));
                (Some(release.tag), release.approver)
            }
            What::Emergency { tag, incident } => (Some(*tag), incident.approver),
            What::Rollback(incident) => (None, incident.approver),
        };
        if let What::Emergency { incident, .. } | What::Rollback(incident) = &scene.what {
            words.insert("incident", incident.id.to_owned());
            words.insert("reason", incident.reason.to_owned());
        }
        words.extend(tag.map(|tag| ("tag", tag.to_owned())));
        let workspace = source.map(|source| source.folder.as_path());
        Self { scene: Some(scene), source, workspace, words, approver, ..Self::new(demo_env) }
    }

    fn play(&mut self, scene: &Scene) -> Result<(), CommandError> {
        match &scene.what {
            What::Release(release) => self.release(scene.service, release),
            What::Emergency { incident, .. } => self.by_hand(&EMERGENCY, incident),
            What::Rollback(incident) => self.by_hand(&ROLLBACK, incident),
        }
    }

    /// From the pull request to production, as far as it gets.
    fn release(&mut self, service: &str, release: &Release) -> Result<(), CommandError> {
        let Some(source) = self.source else { return Err(unobservable(service, "no repository of it")) };
        let (fake_github, from) = (&self.demo_env.sandbox.github, repository(service));
        let checkout = Checkout::of(self.demo_env.ctx, &source.folder);
        workspace::write(&checkout, service, release.tag)?;
        workspace::build_release(&source.folder, release).map_err(|error| unwritten(&source.folder, &error))?;
        let head = checkout.commit(release.author, release.about)?;
        let (author, commit) = (release.author, Some(head.as_str()));

        let proposal = json!({ "number": 1, "title": release.about, "base": { "ref": "main", "sha": source.base } });
        let proposed = json!({ "action": "opened", "pull_request": proposal });
        if !self.perform(&CI, &from, author, commit, proposed)?.passed {
            self.demo_env.narrator.note("so it is not merged, and never deployed");
            return Ok(());
        }
        fake_github.commit(&from, &head, author, release.about);
        let deployed =
            self.perform(&DEPLOY, &from, author, commit, json!({ "ref": "refs/heads/main", "after": head }))?;
        let before = fake_github.dispatches(INFRA).len();
        self.perform(&VALIDATE, &from, author, commit, deployed.event)?;
        let Some(dispatch) = fake_github.dispatches(INFRA).into_iter().nth(before) else {
            self.demo_env.narrator.note("so nobody is asked for an approval");
            return Ok(());
        };
        self.demo_env.narrator.own("dispatch", &format!("starts {} in {INFRA}", PROMOTE.file));
        let payload = (release.on_the_way)(dispatch.client_payload);
        let told = json!({ "action": dispatch.event_type, "branch": "main", "client_payload": payload });
        self.perform(&PROMOTE, INFRA, DISPATCHER, None, told)?;
        Ok(())
    }

    /// Somebody starts a workflow of the infra repository in an incident.
    fn by_hand(&mut self, workflow: &'static Workflow, incident: &Incident) -> Result<(), CommandError> {
        let event = json!({ "ref": "refs/heads/main", "inputs": { "incident-id": incident.id } });
        self.perform(workflow, INFRA, incident.by, None, event)?;
        Ok(())
    }

    /// A workflow from its event to its end.
    fn perform(
        &mut self,
        workflow: &'static Workflow,
        repository: &str,
        actor: &str,
        commit: Option<&str>,
        event: Value,
    ) -> Result<Over, CommandError> {
        let words = self.words.clone();
        let trigger = Trigger { workflow, repository, actor, commit, event, words };
        let mut run = self.demo_env.begin(trigger)?;
        for job in workflow.jobs {
            if !run.lets(job) {
                run.skip(job);
                self.left_out(job.steps);
                continue;
            }
            if let Some(environment) = job.environment {
                self.demo_env.sandbox.github.approve(INFRA, run.id(), environment, self.approver, "");
                self.demo_env.narrator.review(self.approver, environment);
            }
            run.enter(job);
            let passed = self.steps(job, &mut run)?;
            run.leave(job, passed);
        }
        let (passed, summary, event) = run.end();
        self.summary += &summary;
        Ok(Over { passed, event })
    }

    /// The steps of a job, up to the first that fails.
    fn steps(&mut self, job: &Job, run: &mut Run) -> Result<bool, CommandError> {
        let mut infra = None;
        for (step, at) in job.steps.iter().zip(1..) {
            match step {
                Step::Deploy => self.deploy(),
                Step::LoadTest => self.load_test()?,
                Step::CheckOutInfra => infra = Some(self.demo_env.check_out_infra(run, job)?),
                Step::Uses(command, with) => {
                    let workspace = infra.as_deref().or(self.workspace);
                    let workspace = workspace.ok_or_else(|| unobservable(command, "no workspace"))?;
                    let ended = run.uses(command, with, workspace)?;
                    if !self.quiet {
                        self.demo_env.narrator.step(command, &ended, self.ending.stopped.is_some());
                    }
                    let passed = ended.verdict == Verdict::Passed;
                    self.ending.take(command, &ended);
                    self.said = Some(ended);
                    if !passed {
                        self.left_out(job.steps.get(at..).unwrap_or_default());
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }

    fn left_out(&self, steps: &[Step]) {
        self.demo_env.narrator.left_out(steps.iter().map(Step::name));
    }

    fn deploy(&self) {
        let Some((scene, release)) = self.scene.and_then(|scene| Some((scene, scene.release()?))) else { return };
        let staging = &self.demo_env.sandbox.staging;
        staging.deploy(scene.service, release.tag);
        staging.set_max_latency(scene.service, release.slowest);
        self.demo_env.narrator.own("deploy", &format!("merged, built, and {scene} is on staging"));
    }

    fn load_test(&self) -> Result<(), CommandError> {
        let Some((scene, release)) = self.scene.and_then(|scene| Some((scene, scene.release()?))) else {
            return Ok(());
        };
        let path = release.critical_paths.first().copied().unwrap_or_default();
        let workspace = self.workspace.unwrap_or(self.demo_env.stage.folder);
        self.demo_env.load_test(&format!("{}/api/{path}", scene.service), workspace)
    }
}
