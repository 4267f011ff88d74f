//! `demo`: a release day on this machine, with the gates in place. The staging environment, GitHub and the infra repository
//! are fakes of the embedded sandbox; each command is a process of this program, started as a runner starts a step.

mod checkout;
mod day_result;
mod demo_env;
mod narrator;
mod play;
pub mod release_day;
mod run;
mod runner;
mod workflows;
mod workspace;

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    command::{Branding, Command, CommandKind, RunInputs},
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    report::{Outcome, Output},
    world::process::{self, Program},
};
pub use day_result::{ChangeResult, DayResult, FailedStep};
pub use demo_env::DemoPaths;
use narrator::Narrator;
pub use play::play;
use release_day::ReleaseDay;

/// How long `git --version` may take.
const GIT_LIMIT: Duration = Duration::from_secs(10);

/// Settings of `demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// New or empty folder in which the demo keeps its files [default: a new folder below the system's temp folder]
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

impl Command for Args {
    const NAME: &'static str = "demo";
    const ABOUT: &'static str = "Simulate a release day on this machine with the real commands: five releases, an emergency, a rollback and the audit";
    const KIND: CommandKind = CommandKind::Local;
    const BRANDING: Option<Branding> = None;
    const OUTPUTS: &'static [Output] = &[];

    fn run(&self, _: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        run(self, ctx)
    }
}

/// Plays the day, prints it, and compares its results with the expected ones.
///
/// # Errors
/// Bad input: a folder that is in use. Unobservable: no git, or a step that could not be run. [`CommandError::Cancelled`]: a temp
/// folder is removed again.
fn run(args: &Args, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    find_git(ctx)?;
    let folder = DemoFolder::open(args.keep.as_deref())?;
    let program = env::current_exe().map_err(|error| {
        Finding::inconclusive("demo")
            .actual(error.to_string())
            .expected("the path of this program, to start it")
            .unobservable()
    })?;
    let day = ReleaseDay::thursday();
    let narrator = Narrator::new(&ctx.log);
    narrator.introduce();
    let result = play(&day, &DemoPaths { folder: folder.path(), program: &program }, ctx);
    if result != Err(CommandError::Cancelled) {
        folder.keep();
    }
    let result = result?;
    narrator.summarize(&day, &result);
    Ok(result.findings(&day).into())
}

fn find_git(ctx: &CommandContext) -> Result<(), CommandError> {
    let program = Program::new("git").arg("--version");
    let without_git = |finding: Finding| finding.next("install git: the infra repository is a real one").unobservable();
    let end = process::run(&program, &ctx.world.groups, GIT_LIMIT).map_err(|error| without_git(error.to_finding()))?;
    if end.status.success() {
        return Ok(());
    }
    Err(without_git(
        Finding::inconclusive("git --version").actual(end.status.to_string()).expected("git on this machine"),
    ))
}

/// The folder that the demo writes to.
enum DemoFolder {
    /// The folder of `--keep`.
    Given(PathBuf),
    /// A new folder below the system's temp folder, removed when dropped.
    Temporary(TempDir, PathBuf),
}

impl DemoFolder {
    fn open(given: Option<&Path>) -> Result<Self, CommandError> {
        let Some(given) = given else {
            let temp = tempfile::Builder::new().prefix("promote-gates-demo-").tempdir();
            let temp = temp.and_then(|temp| {
                let path = temp.path().canonicalize()?;
                Ok(Self::Temporary(temp, path))
            });
            return temp.map_err(|error| {
                Finding::inconclusive("temp folder")
                    .actual(error.to_string())
                    .expected("a folder that can be written to")
                    .unobservable()
            });
        };
        let refused = |observed: String| {
            Finding::inconclusive("`keep`")
                .actual(format!("{}: {observed}", given.display()))
                .expected("an empty folder, or a path that does not exist yet")
                .with_origin("flag")
                .bad_input()
        };
        let opened = || -> io::Result<(PathBuf, Option<fs::DirEntry>)> {
            fs::create_dir_all(given)?;
            Ok((given.canonicalize()?, fs::read_dir(given)?.next().transpose()?))
        };
        match opened() {
            Ok((path, None)) => Ok(Self::Given(path)),
            Ok((_, Some(entry))) => Err(refused(format!("not empty, it holds {}", entry.file_name().display()))),
            Err(error) => Err(refused(error.to_string())),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Given(path) | Self::Temporary(_, path) => path,
        }
    }

    /// Keeps a temp folder from being removed.
    fn keep(self) -> PathBuf {
        match self {
            Self::Given(path) => path,
            Self::Temporary(temp, _) => temp.keep(),
        }
    }
}
