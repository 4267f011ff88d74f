//! Plays a day: what is in production is measured, then every release goes through the workflow, step by step.

use std::{fs, io, path::Path, path::PathBuf, sync::Arc, time::Duration};

use super::{
    ending::{Ending, Played},
    runner::{Ended, Run, once, unwritten},
    story::{Act, Day, INFRA, INFRA_CHECKOUT, LEAD, LOAD_RESULTS, MORNING, Release, SHOP, Step, WORKFLOW},
    telling::Teller,
    workspace,
};
use crate::{
    chain::kustomization,
    desk::Desk,
    sandbox::{
        Sandbox,
        load::{self, Results},
    },
    settle::{Pace, Source},
    verdict::{Complaint, Stop, Verdict},
};

/// Few enough to be quick, and enough for a p99 that is not simply the slowest.
const REQUESTS: usize = 120;
const USERS: usize = 40;
const LOAD_LIMIT: Duration = Duration::from_secs(60);
/// No secret: the sandbox's GitHub knows it for as long as it runs.
const TOKEN: &str = "token-of-the-dispatcher";
/// The number of the morning's workflow run.
const FIRST_RUN: usize = 1000;
/// The file that `bundle-size` keeps its baseline in, by default.
const BASELINE: &str = "bundle-size.baseline.json";

/// Where a day is played, and by which program.
pub struct Stage<'a> {
    /// An empty folder.
    pub folder: &'a Path,
    pub program: &'a Path,
}

/// Plays a day from its morning on, and tells it as it goes.
///
/// # Errors
/// Unseen when the sandbox cannot be set up or a step cannot be run; [`Stop::Cancelled`].
pub fn play(day: &Day, stage: &Stage, desk: &Desk) -> Result<Played, Stop> {
    let services: Vec<&str> = day.releases.iter().map(|release| release.service).collect();
    let sandbox = Sandbox::start(stage.folder, &services).map_err(|error| unseen("sandbox", &error))?;
    sandbox.github.create(INFRA);
    sandbox.github.grant(TOKEN, INFRA, &["contents=write"]);
    let theatre = Theatre { stage, desk, sandbox, teller: Teller(&desk.log) };

    theatre.teller.morning();
    for release in &day.releases {
        theatre.measure(release, day.p99)?;
    }
    let mut endings = Vec::new();
    let mut summary = String::new();
    for (release, number) in day.releases.iter().zip(1..) {
        theatre.teller.release(release, number, day.releases.len());
        let mut run = theatre.begin(release, number)?;
        let ending = theatre.release(release, &mut run)?;
        summary += &format!("# {release}: {}\n\n{}", ending.word(), run.summary());
        endings.push(ending);
    }
    let path = stage.folder.join("summary.md");
    fs::write(&path, summary).map_err(|error| unwritten(&path, &error))?;
    theatre.played(endings, path)
}

struct Theatre<'a> {
    stage: &'a Stage<'a>,
    desk: &'a Desk,
    sandbox: Sandbox,
    teller: Teller<'a>,
}

impl<'a> Theatre<'a> {
    /// What runs in production is the baseline: the metrics server knows its p99, and `bundle-size` records its sizes.
    fn measure(&self, release: &Release, p99: f64) -> Result<(), Stop> {
        let mut run = self.run(&morning(release), FIRST_RUN)?;
        let workspace = run.workspace();
        workspace::build_previous(&workspace, release).map_err(|error| unwritten(&workspace, &error))?;
        let ended = self.uses(release, &mut run, &MORNING)?;
        if ended.verdict != Verdict::Passed {
            return Err(unseen("baseline", &io::Error::other(ended.reason)));
        }
        self.sandbox.staging.set_baseline(release.service, p99);
        self.teller.baseline(release, &ended, p99);
        Ok(())
    }

    /// The release's workflow run, its workspace as the build leaves it.
    fn begin(&self, release: &Release, number: usize) -> Result<Run<'a>, Stop> {
        let run = self.run(&format!("releases/{number}-{}", release.service), FIRST_RUN + number)?;
        let workspace = run.workspace();
        let baseline = self.stage.folder.join(morning(release)).join("workspace").join(BASELINE);
        fs::copy(baseline, workspace.join(BASELINE))
            .and_then(|_| workspace::build_release(&workspace, release))
            .and_then(|()| workspace::write_smoke_test(&workspace))
            .map_err(|error| unwritten(&workspace, &error))?;
        Ok(run)
    }

    fn run(&self, folder: &str, id: usize) -> Result<Run<'a>, Stop> {
        let mut run = Run::begin(self.desk, self.stage.program, &self.stage.folder.join(folder), SHOP, id)?;
        run.set("GITHUB_API_URL", &self.sandbox.github.api_url());
        run.set("GITHUB_ACTOR", LEAD);
        Ok(run)
    }

    /// Takes a release through its workflow.
    fn release(&self, release: &Release, run: &mut Run) -> Result<Ending, Stop> {
        let staging = &self.sandbox.staging;
        let mut ending = Ending::default();
        let mut left_out = Vec::new();
        for step in WORKFLOW {
            if ending.stopped.is_some() && !step.always {
                left_out.push(step.name());
                continue;
            }
            self.teller.left_out(&std::mem::take(&mut left_out));
            match &step.act {
                Act::Deploy => {
                    staging.deploy(release.service, release.tag);
                    staging.slow_down(release.service, release.slowest);
                    self.teller.own(step, &format!("{release} is on staging"));
                }
                Act::LoadTest => {
                    let results = self.load_test(release, run)?;
                    let Results { requests, p99_latency, .. } = results;
                    let told = format!("{requests} requests, {USERS} at a time: p99 {p99_latency:.0} ms");
                    self.teller.own(step, &told);
                }
                Act::Approve => self.teller.own(step, &format!("{LEAD} approves, without a look at staging")),
                Act::CheckOutInfra => {
                    let checkout = run.workspace().join(INFRA_CHECKOUT);
                    self.sandbox.infra.clone_to(&checkout).map_err(|error| unseen(INFRA, &error))?;
                }
                Act::Uses(command, _) => {
                    let ended = self.uses(release, run, step)?;
                    self.teller.step(command, &ended, ending.stopped.is_some());
                    ending.take(command, ended);
                }
            }
        }
        ending.in_production = self.in_production(release)?;
        Ok(ending)
    }

    fn uses(&self, release: &Release, run: &mut Run, step: &Step) -> Result<Ended, Stop> {
        let Act::Uses(command, with) = step.act else {
            return Err(unseen(step.name(), &io::Error::other("no command")));
        };
        let word = |name: &str| {
            Some(match name {
                "service" => release.service.to_owned(),
                "tag" => release.tag.to_owned(),
                "critical-paths" => release.critical_paths.join(" "),
                "staging" => self.sandbox.staging.url().to_owned(),
                "program" => self.stage.program.display().to_string(),
                "steps" => run.steps(),
                "token" => TOKEN.to_owned(),
                _ => return None,
            })
        };
        let subject = [("service", "{service}"), ("tag", "{tag}")];
        let inputs: Vec<_> = subject.iter().chain(with).map(|(key, text)| (*key, fill(text, word))).collect();
        run.uses(step.job, command, &inputs)
    }

    /// Requests the first of the critical paths, and leaves the results where `performance` is told to look.
    fn load_test(&self, release: &Release, run: &Run) -> Result<Results, Stop> {
        let path = release.critical_paths.first().copied().unwrap_or_default();
        let url = format!("{}/{}/api/{path}", self.sandbox.staging.url(), release.service);
        let source = Source::blocking(Pace::Once, || {
            let (url, clock) = (url.clone(), Arc::clone(&self.desk.clock));
            Box::new(move || load::run(&url, REQUESTS, USERS, || clock.now()))
        });
        let ended = once(self.desk, LOAD_LIMIT, source)?.unwrap_or_else(|| Err(io::Error::other("it did not end")));
        let results = ended.map_err(|error| unseen("load test", &error))?;
        if results.failures > 0 {
            let failed = format!("{} of {REQUESTS} requests failed", results.failures);
            return Err(unseen("load test", &io::Error::other(failed)));
        }
        let file = run.workspace().join(LOAD_RESULTS);
        let json = serde_json::to_string_pretty(&results).unwrap_or_default();
        fs::write(&file, json).map_err(|error| unwritten(&file, &error))?;
        Ok(results)
    }

    /// The image of a service in production, as the infra repository has it now.
    fn in_production(&self, Release { service, .. }: &Release) -> Result<String, Stop> {
        let path = format!("apps/{service}/overlays/production/kustomization.yaml");
        let text = self.sandbox.infra.read(&path).map_err(|error| unseen(INFRA, &error))?;
        let entry = kustomization::image(&text, service).map_err(|problem| problem.complaint(&path).unseen())?;
        Ok(entry.map(|entry| entry.reference()).unwrap_or_default())
    }

    fn played(&self, endings: Vec<Ending>, summary: PathBuf) -> Result<Played, Stop> {
        let dispatches = self.sandbox.github.dispatches(INFRA).into_iter().map(|dispatch| {
            let part = |key: &str| dispatch.client_payload[key].as_str().unwrap_or_default().to_owned();
            format!("{} {}", part("service"), part("image_tag"))
        });
        Ok(Played {
            endings,
            commits: self.sandbox.infra.messages().map_err(|error| unseen(INFRA, &error))?,
            dispatches: dispatches.collect(),
            violations: self.sandbox.violations(),
            summary,
            infra: self.sandbox.infra.path().to_owned(),
        })
    }
}

fn morning(release: &Release) -> String {
    format!("morning/{}", release.service)
}

fn unseen(what: &str, error: &io::Error) -> Stop {
    Complaint::about(what).seen(error.to_string()).expected("the demo's own world to work").unseen()
}

/// Puts words in the place of their names in braces; braces around anything else stay.
fn fill(text: &str, word: impl Fn(&str) -> Option<String>) -> String {
    let (mut filled, mut rest) = (String::new(), text);
    while let Some((before, behind)) = rest.split_once('{') {
        filled += before;
        let named = behind.split_once('}').and_then(|(name, behind)| Some((word(name)?, behind)));
        let (word, behind) = named.unwrap_or_else(|| ("{".to_owned(), behind));
        filled += &word;
        rest = behind;
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_words_are_filled_in_and_their_own_braces_stay() {
        let word = |name: &str| (name == "steps").then(|| "{\"a\":\"{steps}\"}".to_owned());
        assert_eq!(fill("x {steps} y", word), "x {\"a\":\"{steps}\"} y");
        assert_eq!(fill("{tag} {.a{steps}", word), "{tag} {.a{\"a\":\"{steps}\"}");
    }
}
