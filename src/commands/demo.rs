//! `demo`: the Thursday of the incident, played at home. The staging environment, GitHub and the infra repository are the
//! embedded sandbox's; the commands are this very program, each started as a runner starts a step.

mod checkout;
mod demo_env;
mod ending;
mod narrator;
mod play;
mod run;
mod runner;
pub mod story;
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
pub use demo_env::Stage;
pub use ending::{Ending, Played, Stopped};
use narrator::Narrator;
pub use play::play;
use story::Day;

/// How long git may take to say its version.
const GIT_PATIENCE: Duration = Duration::from_secs(10);

/// Settings of `demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// New or empty folder for all that the demo leaves behind [default: a new one below the system's temp folder]
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

impl Command for Args {
    const NAME: &'static str = "demo";
    const ABOUT: &'static str = "Play a release day on this machine: five releases, an emergency, a rollback and the audit, by the real commands";
    const KIND: CommandKind = CommandKind::Local;
    const BRANDING: Option<Branding> = None;
    const OUTPUTS: &'static [Output] = &[];

    fn run(&self, _: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        run(self, ctx)
    }
}

/// Plays the day, tells it, and holds it against the story.
///
/// # Errors
/// Bad input: a folder that is in use. Unseen: no git, or a step that could not be run. [`CommandError::Cancelled`], which takes a
/// temp folder away again.
fn run(args: &Args, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    find_git(ctx)?;
    let folder = Folder::open(args.keep.as_deref())?;
    let program = env::current_exe().map_err(|error| {
        Finding::inconclusive("demo")
            .actual(error.to_string())
            .expected("the path of this program, to start it")
            .unobservable()
    })?;
    let day = Day::thursday();
    let narrator = Narrator::new(&ctx.log);
    narrator.beginning();
    let played = play(&day, &Stage { folder: folder.path(), program: &program }, ctx);
    if played != Err(CommandError::Cancelled) {
        folder.keep();
    }
    let played = played?;
    narrator.ending(&day, &played);
    Ok(played.findings(&day).into())
}

fn find_git(ctx: &CommandContext) -> Result<(), CommandError> {
    let version = Program::new("git").arg("--version");
    let problem = |finding: Finding| finding.next("install git: the infra repository is a real one").unobservable();
    let end = process::run(&version, &ctx.world.groups, GIT_PATIENCE).map_err(|error| problem(error.to_finding()))?;
    if end.status.success() {
        return Ok(());
    }
    Err(problem(Finding::inconclusive("git --version").actual(end.status.to_string()).expected("git on this machine")))
}

/// Where the demo plays.
enum Folder {
    Asked(PathBuf),
    Fresh(TempDir, PathBuf),
}

impl Folder {
    fn open(asked: Option<&Path>) -> Result<Self, CommandError> {
        let Some(asked) = asked else {
            let temp = tempfile::Builder::new().prefix("promote-gates-demo-").tempdir();
            let temp = temp.and_then(|temp| {
                let path = temp.path().canonicalize()?;
                Ok(Self::Fresh(temp, path))
            });
            return temp.map_err(|error| {
                Finding::inconclusive("temp folder")
                    .actual(error.to_string())
                    .expected("a place to write to")
                    .unobservable()
            });
        };
        let refused = |seen: String| {
            Finding::inconclusive("`keep`")
                .actual(format!("{}: {seen}", asked.display()))
                .expected("a folder that is empty, or not there yet")
                .with_origin("flag")
                .bad_input()
        };
        let opened = || -> io::Result<(PathBuf, Option<fs::DirEntry>)> {
            fs::create_dir_all(asked)?;
            Ok((asked.canonicalize()?, fs::read_dir(asked)?.next().transpose()?))
        };
        match opened() {
            Ok((path, None)) => Ok(Self::Asked(path)),
            Ok((_, Some(entry))) => Err(refused(format!("not empty, it holds {}", entry.file_name().display()))),
            Err(error) => Err(refused(error.to_string())),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Asked(path) | Self::Fresh(_, path) => path,
        }
    }

    /// From here on it stays.
    fn keep(self) -> PathBuf {
        match self {
            Self::Asked(path) => path,
            Self::Fresh(temp, _) => temp.keep(),
        }
    }
}
