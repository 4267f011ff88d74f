//! Checks without a suite: critical paths as HTTP requests, from a file. Each path is one test, and judged as such.
//!
//! The paths run in parallel, each on one thread at a time; the steps of a path follow one another. At the time limit and on a
//! signal no further step is sent, and the teardown still runs, within its own limit.

mod expectation;
mod json_value;
mod judge;
mod model;
mod reader;
mod redactor;
mod results;
mod schema;
mod template;
mod walk;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::{
    clock::{Moment, WakeSignal},
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    observe::{LookGuard, Reply, observe_stream},
    secret::Secret,
    subject::Subject,
    values::{HumanDuration, figures::elapsed},
    world::{files, http::team_session::TeamSession, url::Url},
};
use model::{CheckFile, CheckPath};
use reader::ReadInputs;
use redactor::Redactor;
pub use results::CheckResults;
use results::{PathEnd, PathsEnd};
pub use schema::schema;
use walk::{FailureKind, PathState, StepFailure, StepLimits, Walk};

/// How long the teardown may take, in addition to `timeout`, and after a signal: that of the paths and that of the file each. The
/// supervisor waits some eight seconds for both, and a runner kills a cancelled step after ten.
const TEARDOWN: Duration = Duration::from_secs(30);
const TEARDOWN_AFTER_SIGNAL: Duration = Duration::from_secs(3);

/// What the file is read with.
pub struct CheckInputs<'a> {
    pub path: &'a Path,
    pub target: Option<&'a Url>,
    pub subject: &'a Subject,
    /// The setting `env`, which takes precedence over the job's variables.
    pub env: BTreeMap<String, Secret>,
}

/// The checks of a file, ready to run.
pub struct Checks {
    file: CheckFile,
    subject: Subject,
}

impl Checks {
    /// Reads the file, and masks the values of the environment that it uses.
    ///
    /// # Errors
    /// Bad input: the file cannot be read, or does not hold what it should.
    pub fn read(inputs: CheckInputs<'_>, ctx: &CommandContext) -> Result<Self, CommandError> {
        let name = inputs.path.display().to_string();
        let bytes = files::read_bounded(inputs.path, reader::LARGEST).map_err(|finding| {
            let finding = finding.for_check("`checks`").expected("a file of checks, relative to the workspace");
            finding.next("correct the path, and check the repository out in a step before").bad_input()
        })?;
        let text = str::from_utf8(&bytes).map_err(|_| {
            Finding::inconclusive(&name).actual("a byte that is not UTF-8").expected("UTF-8").bad_input()
        })?;
        let mut variables = ctx.runner_env.variables.clone();
        variables.extend(inputs.env);
        let read_inputs = ReadInputs { target: inputs.target, subject: inputs.subject, variables: &variables };
        let file = reader::read(&name, text, &read_inputs)?;
        for secret in file.values.env.values().filter(|secret| secret.expose().trim().len() >= redactor::SHORTEST) {
            ctx.log.mask(secret);
        }
        Ok(Self { file, subject: inputs.subject.clone() })
    }

    /// The names of the critical paths.
    pub fn critical(&self) -> impl Iterator<Item = &str> {
        self.file.paths.iter().filter(|path| path.critical).map(|path| path.name.as_str())
    }

    /// Takes all paths, with setup and teardown. `retries`: how often a path without such a number runs again.
    ///
    /// # Errors
    /// [`CommandError::Cancelled`] on a signal, after the teardown.
    pub fn run(self, timeout: HumanDuration, retries: u32, ctx: &CommandContext) -> Result<CheckResults, CommandError> {
        let Self { file, subject } = self;
        let has_teardown = !file.teardown.is_empty() || file.paths.iter().any(|path| !path.teardown.is_empty());
        // With a teardown, a signal does not end the process at once.
        let _teardown = has_teardown.then(|| ctx.execution.writes.begin());
        let started = ctx.execution.clock.now();
        let walk = Arc::new(Walk {
            file,
            subject,
            clock: Arc::clone(&ctx.execution.clock),
            log: Arc::clone(&ctx.log),
            stop: Arc::default(),
            deadline: started + timeout.0,
        });
        let mut state = new_state(&walk, ctx);
        let end = run_paths(&walk, &mut state, retries, ctx);
        // Also when a signal came: what setup made is removed.
        let teardown = tear_down(&walk, state, ctx);
        let ended = match end {
            Ok(ended) => ended,
            Err(error) => {
                ctx.execution.partial.publish(&teardown.into_iter().collect::<Vec<_>>());
                return Err(error);
            }
        };
        let took = ctx.execution.clock.now().saturating_sub(started);
        let mut results = ended.into_results(&walk.file, timeout);
        results.findings.extend(teardown);
        Ok(CheckResults { took, ..results })
    }
}

fn new_state(walk: &Walk, ctx: &CommandContext) -> PathState {
    let mut redactor = Redactor::default();
    walk.file.values.env.values().for_each(|secret| redactor.add(secret.expose()));
    let session = TeamSession::new(ctx.world.http().clone());
    PathState { session, values: walk.file.values.clone(), redactor }
}

/// Runs setup and, if it passes, all paths.
fn run_paths(
    walk: &Arc<Walk>,
    state: &mut PathState,
    retries: u32,
    ctx: &CommandContext,
) -> Result<PathsEnd, CommandError> {
    let limit = walk.deadline.saturating_sub(ctx.execution.clock.now());
    if !walk.file.setup.is_empty() {
        let (in_setup, mut setup_state) = (Arc::clone(walk), state.clone());
        let call = move || {
            let limits = StepLimits { deadline: in_setup.deadline, stop: &in_setup.stop, headers: &[] };
            let end = in_setup.steps(&in_setup.file.setup, &mut setup_state, limits);
            (end, setup_state)
        };
        match on_thread(call, limit, walk, ctx)? {
            Some((Ok(flaky), after)) => {
                *state = after;
                log_flaky("setup", &flaky, ctx);
            }
            Some((Err(failure), after)) => {
                *state = after;
                ctx.log.say(&format!("setup failed: {}", failure.headline));
                return Ok(PathsEnd::NoSetup(failure));
            }
            None => {
                let headline = "it did not end within `timeout`".to_owned();
                return Ok(PathsEnd::NoSetup(StepFailure {
                    headline,
                    details: String::new(),
                    kind: FailureKind::Observed,
                }));
            }
        }
    }
    let count = walk.file.paths.len();
    let next = Arc::new(AtomicUsize::new(0));
    let tearing_down = Arc::new(PendingTeardowns::default());
    let mut ends: Vec<Option<PathEnd>> = (0..count).map(|_| None).collect();
    let limit = walk.deadline.saturating_sub(ctx.execution.clock.now());
    let look = |reply: Reply<(usize, PathEnd)>| -> LookGuard {
        for _ in 0..walk.file.parallel.min(count) {
            let (walk, state, next, reply) = (Arc::clone(walk), state.clone(), Arc::clone(&next), reply.clone());
            let tearing_down = Arc::clone(&tearing_down);
            let work = move || {
                while !walk.stop.is_cancelled() {
                    let index = next.fetch_add(1, Ordering::AcqRel);
                    let Some(path) = walk.file.paths.get(index) else { break };
                    reply.send((index, run_path(&walk, path, &state, retries, &tearing_down)));
                }
            };
            // Without a thread the other ones take its paths; without any, no path ends.
            drop(std::thread::Builder::new().name("look".to_owned()).spawn(work));
        }
        Box::new(StopOnDrop(Arc::clone(&walk.stop)))
    };
    let mut left = count;
    let end = observe_stream(&ctx.execution, limit, look, |(index, end)| {
        ends[index] = Some(end);
        left -= 1;
        (left == 0).then_some(())
    });
    let after = if end.is_err() { TEARDOWN_AFTER_SIGNAL } else { TEARDOWN };
    tearing_down.wait(after, ctx);
    end.map(|_| PathsEnd::Ended(ends))
}

/// Runs a call on a thread, at most for `limit`; `None`: it did not end.
fn on_thread<T: Send + 'static>(
    call: impl FnOnce() -> T + Send + 'static,
    limit: Duration,
    walk: &Walk,
    ctx: &CommandContext,
) -> Result<Option<T>, CommandError> {
    let look = |reply: Reply<T>| -> LookGuard {
        drop(std::thread::Builder::new().name("look".to_owned()).spawn(move || reply.send(call())));
        Box::new(())
    };
    let end = observe_stream(&ctx.execution, limit, look, Some);
    if !matches!(end, Ok(Some(_))) {
        walk.stop.cancel();
    }
    end
}

/// Ends what still runs.
struct StopOnDrop(Arc<WakeSignal>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Counts the paths that have begun and still have to run their teardown.
#[derive(Default)]
struct PendingTeardowns {
    count: AtomicUsize,
    changed: WakeSignal,
}

impl PendingTeardowns {
    fn begin(&self) {
        self.count.fetch_add(1, Ordering::AcqRel);
    }

    fn end(&self) {
        self.count.fetch_sub(1, Ordering::AcqRel);
        self.changed.notify();
    }

    /// Waits until all have ended, at most for `limit`. Says which way it was.
    fn wait(&self, limit: Duration, ctx: &CommandContext) {
        let deadline = ctx.execution.clock.now() + limit;
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        ctx.log.say("the time of the paths is over; their teardown runs");
        while self.count.load(Ordering::Acquire) > 0 && ctx.execution.clock.now() < deadline {
            ctx.execution.clock.park(&self.changed, Some(deadline));
        }
        match self.count.load(Ordering::Acquire) {
            0 => ctx.log.say("the teardown of the paths has ended"),
            left => ctx.log.say(&format!("the teardown of {left} paths did not end within {}", HumanDuration(limit))),
        }
    }
}

/// Runs one path, again if it fails and may be repeated, each time from its beginning.
fn run_path(
    walk: &Walk,
    path: &CheckPath,
    shared: &PathState,
    retries: u32,
    tearing_down: &PendingTeardowns,
) -> PathEnd {
    let started = walk.clock.now();
    let mut left = path.retries.unwrap_or(retries);
    let mut first = None;
    loop {
        let mut state = shared.clone();
        if !path.teardown.is_empty() {
            tearing_down.begin();
        }
        let limits = StepLimits { deadline: walk.deadline, stop: &walk.stop, headers: &path.headers };
        let end = walk.steps(&path.steps, &mut state, limits);
        let took = walk.clock.now().saturating_sub(started);
        if !path.teardown.is_empty() {
            let (stop, deadline) = (WakeSignal::default(), walk.clock.now() + TEARDOWN);
            let limits = StepLimits { deadline, stop: &stop, headers: &path.headers };
            if let Err(failure) = walk.steps(&path.teardown, &mut state, limits) {
                walk.log.say(&format!("{}: the teardown failed: {}", path.name, failure.headline));
            }
            tearing_down.end();
        }
        match end {
            Ok(flaky) => {
                let steps = path.steps.len();
                let word = if steps == 1 { "step" } else { "steps" };
                walk.log.say(&format!("✅ {}: {steps} {word} in {}", path.name, elapsed(took)));
                return PathEnd { took, outcome: Ok(first.into_iter().chain(flaky).collect()) };
            }
            Err(failure) if left == 0 || failure.kind == FailureKind::Stopped => {
                walk.log.say(&format!("⛔ {}: {}", path.name, failure.headline));
                walk.log.quote(&path.name, &failure.details);
                return PathEnd { took, outcome: Err(failure) };
            }
            Err(failure) => {
                walk.log.say(&format!("{}: {}; the path runs again", path.name, failure.headline));
                first.get_or_insert(failure);
                left -= 1;
            }
        }
    }
}

/// Runs the teardown of the file, also after a signal. The finding on it, if there is one.
fn tear_down(walk: &Arc<Walk>, mut state: PathState, ctx: &CommandContext) -> Option<Finding> {
    if walk.file.teardown.is_empty() {
        return None;
    }
    let cancelled = ctx.execution.wake.is_cancelled();
    let limit = if cancelled { TEARDOWN_AFTER_SIGNAL } else { TEARDOWN };
    if cancelled {
        ctx.log.say(&format!("cancelled: the teardown runs, for at most {}", HumanDuration(limit)));
    }
    let (shared, done) = (Arc::clone(walk), Arc::new(WakeSignal::default()));
    let slot = Arc::new(Mutex::new(None));
    let (result, ended) = (Arc::clone(&slot), Arc::clone(&done));
    let deadline: Moment = ctx.execution.clock.now() + limit;
    let work = move || {
        let stop = WakeSignal::default();
        let limits = StepLimits { deadline, stop: &stop, headers: &[] };
        let end = shared.steps(&shared.file.teardown, &mut state, limits);
        *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
        ended.notify();
    };
    drop(std::thread::Builder::new().name("look".to_owned()).spawn(work));
    let take = || slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    let end = loop {
        if let Some(end) = take() {
            break Some(end);
        }
        if ctx.execution.clock.now() >= deadline {
            break None;
        }
        ctx.execution.clock.park(&done, Some(deadline));
    };
    let warning = |actual: String| {
        Finding::passed("teardown")
            .actual(actual)
            .expected("every step as expected")
            .waived("the paths count without it")
            .next("see whether the checks left something behind in the environment")
    };
    let finding = match end {
        Some(Ok(_)) if cancelled => Finding::passed("teardown").actual("ran after the signal"),
        Some(Ok(_)) => return None,
        Some(Err(failure)) => warning(failure.headline),
        None => warning(format!("not ended within {}", HumanDuration(limit))),
    };
    ctx.log.say(&format!("teardown: {}", finding.actual));
    Some(finding)
}

fn log_flaky(name: &str, flaky: &[StepFailure], ctx: &CommandContext) {
    for failure in flaky {
        ctx.log.say(&format!("{name}: {}; then it passed", failure.headline));
    }
}
