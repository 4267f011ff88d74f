//! The infra repository that holds the ledger: a branch of a remote, accessed through a checkout.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{layout::ImageLayout, overlays::OverlayScope};
use crate::{
    config::services::Services,
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    kustomization::DEFAULT_OVERLAY,
    observe::{MayPass, read_until_answered},
    runner_env::DEFAULT_SERVER,
    secret::Secret,
    subject::{Image, Service},
    world::{
        checkout::open_given,
        git::{BlobId, Branch, Commit, Git, Remote, Tip, redact_remote_url},
    },
};

/// The settings that every command with access to the ledger shares. The token is a setting of each command, because its
/// other uses differ.
#[derive(Clone, Debug, clap::Args)]
pub struct InfraRepoArgs {
    /// Checkout of the infra repository, relative to the workspace; its files, index and branches stay unchanged [default: the workspace, or the only folder in it that is a checkout of this repository]
    #[arg(long, value_name = "DIR")]
    pub checkout: Option<PathBuf>,
    /// Branch of the infra repository that holds the promotions [default: the checkout's current branch]
    #[arg(long)]
    pub branch: Option<Branch>,
    /// Name of the checkout's remote for the infra repository
    #[arg(long, value_name = "NAME", default_value = "origin")]
    pub remote: String,
    /// Path of the kustomization files from the repository root; `{service}` and `{environment}` stand for their names
    #[arg(long, value_name = "PATH", default_value = DEFAULT_OVERLAY)]
    pub file: String,
}

/// The time for everything that is read from the remote, in a command without its own time limit.
const TIME_LIMIT: Duration = Duration::from_mins(2);

/// A branch of the infra repository, and the checkout through which git accesses it.
#[derive(Clone)]
pub struct InfraRepo {
    pub git: Git,
    pub remote: Remote,
    pub branch: Branch,
    /// For everything that is read from the remote and pushed to it.
    time_limit: Duration,
    /// How long a read is repeated while the remote does not answer.
    patience: Duration,
    /// Where it keeps the images.
    pub layout: ImageLayout,
    /// The repository of each service's image, as far as the config file has it.
    pub images: BTreeMap<Service, Image>,
}

impl InfraRepo {
    /// Opens the checkout. It does not contact the remote.
    ///
    /// # Errors
    /// Bad input when the checkout, the remote or the branch does not exist; unobservable when git fails.
    pub fn open(
        args: &InfraRepoArgs,
        token: Option<&Secret>,
        services: &Services,
        ctx: &CommandContext,
    ) -> Result<Self, CommandError> {
        let layout = ImageLayout::new(&args.file, services).map_err(Finding::bad_input)?;
        let checkout = args.checkout.as_deref().unwrap_or(Path::new("."));
        let mut git = open_given(checkout, &ctx.world.groups)?;
        let server = ctx.runner_env.server();
        if let Some(token) = token {
            git = git.with_token(server, token.clone());
        }
        let remote = git
            .remote(&args.remote)
            .map_err(|finding| Finding { check: "`remote`".to_owned(), ..finding }.bad_input())?;
        if token.is_some() && !git.sends_token_to(&remote) {
            ctx.log.say(&format!(
                "the token is not used: it is for {}, and {} is {}",
                redact_remote_url(server),
                remote.name(),
                remote.url()
            ));
        }
        let branch = match &args.branch {
            Some(branch) => branch.clone(),
            None => git.current_branch().map_err(Finding::unobservable)?.ok_or_else(|| {
                Finding::inconclusive("`branch`")
                    .actual("not given, and the checkout is on no branch")
                    .expected("the branch that holds the promotions")
                    .bad_input()
            })?,
        };
        let time_limit = ctx.execution.deadline.map_or(TIME_LIMIT, |_| ctx.execution.time_left(Duration::MAX));
        let git = git.reading_from(&remote).within(time_limit);
        git.delete_abandoned_refs();
        let images = services.iter().map(|(service, source)| (service.clone(), source.image.clone())).collect();
        Ok(Self { git, remote, branch, time_limit, patience: time_limit, layout, images })
    }

    /// The files of a scope in a commit, and their contents. There is at least one.
    ///
    /// # Errors
    /// There is none: nothing was observed then. Git fails.
    pub fn overlay_files(&self, commit: &Commit, scope: &OverlayScope) -> Result<Vec<(String, BlobId)>, Finding> {
        let is_wanted = |path: &str| self.layout.is_in_scope(path, scope);
        let mut files: Vec<(String, BlobId)> = Vec::new();
        let directories = self.layout.directories(scope);
        // A directory within another one is listed with that.
        let is_within = |inner: &str, outer: &str| {
            inner != outer && (outer.is_empty() || inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/')))
        };
        for directory in &directories {
            if !directories.iter().any(|outer| is_within(directory, outer)) {
                files.extend(self.git.files_below(commit, directory, &is_wanted)?);
            }
        }
        if files.is_empty() {
            let named = if self.layout.uses_overlays(scope) {
                format!("\"{}\" names", self.layout.pattern())
            } else {
                "`files` of the service names".to_owned()
            };
            return Err(Finding::inconclusive("`file`")
                .actual(format!("no file of {} at {commit} is one that {named}", self.branch))
                .expected("the files that hold the images")
                .next(
                    "name the repository's layout with `file`; `{service}` and `{environment}` stand for their names; or the files of a \
                     service with `files` in the config file",
                ));
        }
        Ok(files)
    }

    /// The same repository at another branch.
    #[must_use]
    pub fn on_branch(&self, branch: Branch) -> Self {
        Self { branch, ..self.clone() }
    }

    /// Repeats reads for at most this long. A time limit that has room for a long history is too long to wait for a remote that
    /// does not answer.
    #[must_use]
    pub fn patient_for(self, patience: Duration) -> Self {
        Self { patience: patience.min(self.time_limit), ..self }
    }

    /// Reads from the remote until it answers.
    ///
    /// # Errors
    /// As [`read_until_answered`].
    pub fn read<T, E: MayPass>(&self, ctx: &CommandContext, read: impl FnMut() -> Result<T, E>) -> Result<T, E> {
        read_until_answered(&ctx.execution, self.patience, read)
    }

    /// The repository's page on GitHub, `https://github.com/acme/infra`; `None` if the remote is elsewhere.
    #[must_use]
    pub fn web_address(&self, server: Option<&str>) -> Option<String> {
        web_address(&self.remote.url(), server.unwrap_or(DEFAULT_SERVER))
    }

    /// Fetches the tip of the branch.
    ///
    /// # Errors
    /// Bad input when the remote has no such branch; unobservable when git fails.
    pub fn tip(&self) -> Result<Tip, CommandError> {
        let tip = self.fetch().map_err(Finding::unobservable)?;
        tip.ok_or_else(|| self.no_branch().bad_input())
    }

    /// Fetches the tip of the branch; `None` when the remote has no such branch, see [`InfraRepo::no_branch`].
    ///
    /// # Errors
    /// Git fails.
    pub fn fetch(&self) -> Result<Option<Tip>, Finding> {
        self.git.fetch_tip(&self.remote, &self.branch)
    }

    /// The finding that the remote has no such branch.
    #[must_use]
    pub fn no_branch(&self) -> Finding {
        Finding::inconclusive("`branch`")
            .actual(format!("{} has no branch {}", self.remote.url(), self.branch))
            .expected("a branch that the remote has")
    }
}

/// The page of a repository on `server`, from the URL of a remote in any of git's forms.
fn web_address(remote: &str, server: &str) -> Option<String> {
    let server = server.trim_end_matches('/');
    let (_, host) = server.split_once("://")?;
    let path = remote
        .strip_prefix(server)
        .and_then(|rest| rest.strip_prefix('/'))
        .or_else(|| remote.strip_prefix("git@")?.strip_prefix(host)?.strip_prefix(':'))
        .or_else(|| remote.strip_prefix("ssh://git@")?.strip_prefix(host)?.strip_prefix('/'))?;
    let path = path.trim_end_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let (owner, name) = path.split_once('/')?;
    let is_repository = [owner, name].iter().all(|part| !part.is_empty() && part.chars().all(is_name));
    is_repository.then(|| format!("{server}/{owner}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_a_repository_is_known_only_on_the_server() {
        let page = Some("https://github.com/acme/infra".to_owned());
        for (remote, expected) in [
            ("https://github.com/acme/infra", &page),
            ("https://github.com/acme/infra.git", &page),
            ("git@github.com:acme/infra.git", &page),
            ("ssh://git@github.com/acme/infra.git/", &page),
            ("https://github.com.evil.example/acme/infra", &None),
            ("https://gitlab.com/acme/infra", &None),
            ("https://github.com/acme/infra/x", &None),
            ("https://github.com/acme/in\"fra", &None),
            ("/srv/git/infra", &None),
        ] {
            assert_eq!(web_address(remote, "https://github.com/"), *expected, "{remote}");
        }
    }
}
