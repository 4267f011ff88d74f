//! Finds the checkout of the workflow's repository in the workspace: the folder that a step is in, or a folder below it
//! where `actions/checkout` put it with `path`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    git::{Git, TreePath, redact_remote_url},
    process::ProcessGroups,
};
use crate::{error::CommandError, finding::Finding, runner_env::RunnerEnv};

/// How deep below the workspace a checkout is looked for: `path: src/app` is two folders deep.
const MAX_DEPTH: usize = 3;
/// How many folders are read to look for checkouts.
const MAX_FOLDERS: usize = 500;

/// A checkout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    /// Its top directory, absolute and without links.
    pub top: PathBuf,
    /// Relative to the working directory; empty when that is inside the checkout. Absolute for a checkout elsewhere.
    pub folder: PathBuf,
}

/// The checkouts that a step uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkouts {
    /// The working directory, absolute and without links.
    pub start: PathBuf,
    /// The one that the setting `checkout` names.
    pub given: Option<Checkout>,
    /// That of the workflow's repository.
    pub own: Option<Checkout>,
}

/// Which repository a checkout is of, by its remote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Own,
    Other,
    Unknown,
}

impl Checkout {
    /// As messages name it: `the workspace`, `app`.
    #[must_use]
    pub fn name(&self) -> String {
        if self.folder.as_os_str().is_empty() { "the workspace".to_owned() } else { self.folder.display().to_string() }
    }

    /// The path in the repository of a file, whose path is absolute and has no links in it.
    #[must_use]
    pub fn tree_path(&self, file: &Path) -> Option<TreePath> {
        TreePath::inside(&self.top, file)
    }

    #[must_use]
    pub fn git(&self, groups: &ProcessGroups) -> Git {
        Git::at(&self.top, groups)
    }
}

impl Checkouts {
    /// Finds them. `given` is the setting `checkout`.
    ///
    /// # Errors
    /// Bad input when `given` is no checkout, and when several folders are a checkout of the workflow's repository.
    pub fn find(given: Option<&str>, runner_env: &RunnerEnv, groups: &ProcessGroups) -> Result<Self, CommandError> {
        let search = Search::new(Path::new("."), runner_env, groups)?;
        let Some(given) = given else {
            return Ok(Self { own: search.own()?, given: None, start: search.start });
        };
        let git = open_given(given, groups)?;
        let given = search.checkout(git.toplevel().to_owned());
        // The checkout of an infra repository beside that of the workflow's.
        let own = if search.origin(&given)? == Origin::Other { search.own()? } else { Some(given.clone()) };
        Ok(Self { start: search.start, given: Some(given), own })
    }

    /// Each of them once.
    pub fn all(&self) -> impl Iterator<Item = &Checkout> {
        self.own.iter().chain(self.given.iter().filter(|given| self.own.as_ref() != Some(*given)))
    }

    /// The folder where `own` was found without being named, if a step is outside of it.
    #[must_use]
    pub fn found(&self) -> Option<&Checkout> {
        self.own.as_ref().filter(|own| self.given.is_none() && !own.folder.as_os_str().is_empty())
    }
}

struct Search<'a> {
    /// The working directory, absolute and without links.
    start: PathBuf,
    /// The workspace, if it is known.
    workspace: Option<PathBuf>,
    repository: Option<&'a str>,
    groups: &'a ProcessGroups,
}

impl<'a> Search<'a> {
    fn new(start: &Path, runner_env: &'a RunnerEnv, groups: &'a ProcessGroups) -> Result<Self, CommandError> {
        let start = fs::canonicalize(start).map_err(|error| {
            let finding = Finding::inconclusive("the working directory").actual(error.to_string());
            finding.expected("a folder that can be read").unobservable()
        })?;
        let workspace = runner_env.workspace.as_deref().and_then(|workspace| fs::canonicalize(workspace).ok());
        Ok(Self { start, workspace, repository: runner_env.repository.as_deref(), groups })
    }

    /// The checkout of the workflow's repository; `None` when there is none.
    fn own(&self) -> Result<Option<Checkout>, CommandError> {
        let elsewhere = self.workspace.iter().filter(|workspace| **workspace != self.start);
        for start in [&self.start].into_iter().chain(elsewhere) {
            let found = match self.enclosing(start) {
                Some(checkout) => Some(self.own_below(start, checkout)?),
                None => self.below(start)?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The checkout that contains a folder. Above the workspace is none: no job put it there.
    fn enclosing(&self, folder: &Path) -> Option<Checkout> {
        let inside =
            |top: &&Path| self.workspace.as_deref().is_none_or(|root| top.starts_with(root) || !root.starts_with(top));
        let top = folder.ancestors().take_while(inside).find(|folder| is_checkout(folder))?;
        Some(self.checkout(top.to_owned()))
    }

    /// `outer`, unless that is a checkout of another repository, and a folder in it is one of the workflow's.
    fn own_below(&self, start: &Path, outer: Checkout) -> Result<Checkout, CommandError> {
        let inner: Vec<PathBuf> = subfolders(start).into_iter().filter(|folder| is_checkout(folder)).collect();
        if inner.is_empty() || self.origin(&outer)? != Origin::Other {
            return Ok(outer);
        }
        let (own, _) = self.by_origin(inner)?;
        Ok(self.only(own)?.unwrap_or(outer))
    }

    /// The only checkout below a folder that may be of the workflow's repository.
    fn below(&self, start: &Path) -> Result<Option<Checkout>, CommandError> {
        // Outside of a workflow the folders beside each other are of any repository.
        if self.repository.is_none() {
            return Ok(None);
        }
        let (own, unknown) = self.by_origin(nested(start))?;
        self.only(if own.is_empty() { unknown } else { own })
    }

    /// The checkouts of the workflow's repository, and those whose remote does not tell.
    fn by_origin(&self, tops: Vec<PathBuf>) -> Result<(Vec<Checkout>, Vec<Checkout>), CommandError> {
        let (mut own, mut unknown) = (Vec::new(), Vec::new());
        for checkout in tops.into_iter().map(|top| self.checkout(top)) {
            match self.origin(&checkout)? {
                Origin::Own => own.push(checkout),
                Origin::Unknown => unknown.push(checkout),
                Origin::Other => {}
            }
        }
        Ok((own, unknown))
    }

    fn only(&self, mut found: Vec<Checkout>) -> Result<Option<Checkout>, CommandError> {
        if found.len() < 2 {
            return Ok(found.pop());
        }
        let mut names: Vec<String> = found.iter().map(|checkout| format!("`{}`", checkout.name())).collect();
        names.sort();
        let repository = self.repository.unwrap_or("the repository");
        Err(Finding::inconclusive("`checkout`")
            .actual(format!("not given, and {} are checkouts that may be of {repository}", names.join(", ")))
            .expected("one checkout, which has the config file and the baselines")
            .next("name its folder in `checkout`")
            .bad_input())
    }

    fn checkout(&self, top: PathBuf) -> Checkout {
        let folder = match top.strip_prefix(&self.start) {
            Ok(inside) => inside.to_owned(),
            Err(_) if self.start.starts_with(&top) => PathBuf::new(),
            Err(_) => top.clone(),
        };
        Checkout { top, folder }
    }

    fn origin(&self, checkout: &Checkout) -> Result<Origin, CommandError> {
        origin(&checkout.git(self.groups), self.repository).map_err(Finding::unobservable)
    }
}

/// Opens the checkout that the setting `checkout` names.
///
/// # Errors
/// Bad input when git finds none there.
pub fn open_given(folder: impl Into<PathBuf>, groups: &ProcessGroups) -> Result<Git, CommandError> {
    Git::open(folder, groups).map_err(|finding| {
        let actual = format!("{}: {}", finding.check, finding.actual);
        Finding { check: "`checkout`".to_owned(), actual, ..finding }.bad_input()
    })
}

/// Whether the remote of a checkout is another repository than the workflow's: that of a fork, for instance.
///
/// # Errors
/// Git failed.
pub fn is_of_other_repository(git: &Git, repository: Option<&str>) -> Result<bool, Finding> {
    Ok(origin(git, repository)? == Origin::Other)
}

fn origin(git: &Git, repository: Option<&str>) -> Result<Origin, Finding> {
    let Some(repository) = repository else { return Ok(Origin::Unknown) };
    let name = git.configured_url("origin")?.as_deref().and_then(repository_of);
    Ok(name.map_or(
        Origin::Unknown,
        |name| {
            if name.eq_ignore_ascii_case(repository) { Origin::Own } else { Origin::Other }
        },
    ))
}

fn is_checkout(folder: &Path) -> bool {
    folder.join(".git").symlink_metadata().is_ok()
}

/// `OWNER/NAME` of a URL as `actions/checkout` writes it: `https://HOST/OWNER/NAME`, `git@HOST:OWNER/NAME.git`.
#[must_use]
pub fn repository_of(url: &str) -> Option<String> {
    let url = redact_remote_url(url);
    let path = match url.split_once("://") {
        Some(("https" | "http" | "ssh", rest)) => rest.split_once('/')?.1,
        Some(_) => return None,
        // A path of this machine starts with `/` or `.`.
        None => url.split_once(':').filter(|(host, _)| !host.contains('/'))?.1,
    };
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let mut parts = path.rsplit('/');
    let (name, owner) = (parts.next()?, parts.next()?);
    Some(format!("{owner}/{name}"))
}

/// The checkouts below a folder, without those inside another one.
fn nested(start: &Path) -> Vec<PathBuf> {
    let (mut found, mut level, mut left) = (Vec::new(), vec![start.to_owned()], MAX_FOLDERS);
    for _ in 0..MAX_DEPTH {
        let read = level.len().min(left);
        left -= read;
        let below = level.iter().take(read).flat_map(|folder| subfolders(folder));
        let (checkouts, others): (Vec<_>, Vec<_>) = below.partition(|folder| is_checkout(folder));
        found.extend(checkouts);
        level = others;
    }
    found
}

/// The folders in a folder that may hold a checkout: no links, and nothing hidden.
fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let shown = folders.filter(|entry| {
        let name = entry.file_name();
        !name.as_encoded_bytes().starts_with(b".") && name != "node_modules"
    });
    shown.map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests;
