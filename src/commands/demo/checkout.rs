//! Checkouts of the day's repositories, by the installed git: those of the services, and one that commits the config file of
//! the infra repository.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use super::runner::write_error;
use crate::{
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    world::process::{self, Program},
};

/// How long one call of git may take.
const LIMIT: Duration = Duration::from_secs(20);

/// A folder that git works in, without the user's and the system's configuration.
pub struct Checkout<'a> {
    ctx: &'a CommandContext,
    folder: PathBuf,
}

impl<'a> Checkout<'a> {
    /// Creates a repository in a new folder.
    ///
    /// # Errors
    /// Unobservable when that fails.
    pub fn create(ctx: &'a CommandContext, folder: &Path) -> Result<Self, CommandError> {
        fs::create_dir_all(folder).map_err(|error| write_error(folder, &error))?;
        let checkout = Self::open(ctx, folder);
        checkout.git(&["init", "--quiet", "--initial-branch", "main"])?;
        Ok(checkout)
    }

    /// A folder that is a checkout already.
    #[must_use]
    pub fn open(ctx: &'a CommandContext, folder: &Path) -> Self {
        Self { ctx, folder: folder.to_owned() }
    }

    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a file.
    ///
    /// # Errors
    /// Unobservable when it cannot be written.
    pub fn write(&self, path: &str, text: &str) -> Result<(), CommandError> {
        let path = self.folder.join(path);
        let folder = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder).and_then(|()| fs::write(&path, text)).map_err(|error| write_error(&path, &error))
    }

    /// Commits all changes and returns the commit's id.
    ///
    /// # Errors
    /// Unobservable when git fails.
    pub fn commit(&self, author: &str, message: &str) -> Result<String, CommandError> {
        self.git(&["add", "--all"])?;
        let author = format!("--author={author} <{author}@users.noreply.github.example>");
        self.git(&["commit", "--quiet", &author, "--message", message])?;
        Ok(self.git(&["rev-parse", "HEAD"])?.trim().to_owned())
    }

    /// Checks out the merge commit of a pull request, as a runner does.
    ///
    /// # Errors
    /// Unobservable when git fails.
    pub fn check_out_merge(&self, base: &str, head: &str) -> Result<(), CommandError> {
        let tree = format!("{head}^{{tree}}");
        let message = format!("Merge {head} into {base}");
        let merge = self.git(&["commit-tree", &tree, "-p", base, "-p", head, "-m", &message])?;
        self.git(&["switch", "--quiet", "--detach", merge.trim()]).map(drop)
    }

    /// Checks out the branch `main`.
    ///
    /// # Errors
    /// Unobservable when git fails.
    pub fn check_out_main(&self) -> Result<(), CommandError> {
        self.git(&["switch", "--quiet", "main"]).map(drop)
    }

    /// Pushes to the repository that it was cloned from.
    ///
    /// # Errors
    /// Unobservable when git fails.
    pub fn push(&self) -> Result<(), CommandError> {
        self.git(&["push", "--quiet", "origin", "main"]).map(drop)
    }

    fn git(&self, arguments: &[&str]) -> Result<String, CommandError> {
        let mut git = Program::new("git").scrubbed().args(arguments.iter().copied()).in_dir(&self.folder);
        for (name, value) in [
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            // Of merge commits; other commits name their author.
            ("GIT_AUTHOR_NAME", "GitHub"),
            ("GIT_AUTHOR_EMAIL", "noreply@github.example"),
            ("GIT_COMMITTER_NAME", "GitHub"),
            ("GIT_COMMITTER_EMAIL", "noreply@github.example"),
            ("LC_ALL", "C"),
        ] {
            git = git.set(name, value);
        }
        if let Some(path) = &self.ctx.runner_env.search_path {
            git = git.set("PATH", path);
        }
        let end =
            process::run(&git, &self.ctx.world.groups, LIMIT).map_err(|error| error.to_finding().unobservable())?;
        if end.status.success() {
            return Ok(end.stdout.text());
        }
        Err(Finding::inconclusive(format!("git {}", arguments.first().unwrap_or(&"")))
            .actual(format!("{}: {}", end.status, end.stderr.text().trim()))
            .expected("the demo's sandbox to work")
            .unobservable())
    }
}
