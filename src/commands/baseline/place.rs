//! Where the file of a service's sessions is: in the workspace, on a branch that GitHub's API reads and writes, or at a URL.

use std::{fmt, path::Path, str::FromStr};

use crate::{
    baselines::{BaselineStore, StoreError},
    context::{CommandContext, REQUEST_TIMEOUT},
    error::{CommandError, ValueError},
    finding::Finding,
    reconcile::{Permit, WriteOutcome},
    secret::Secret,
    subject::Service,
    world::{
        files,
        git::{Branch, TreePath},
        github::{BranchFile, FileWrite, GitHub, Repository, SendOutcome},
        http::{Header, HttpClient, Request},
        trusted::{TrustedFile, TrustedSource},
        url::Url,
    },
};

/// In a path, the name of the service.
const SERVICE: &str = "{service}";
/// A file of more bytes is none of ours.
const LARGEST: u64 = 4 << 20;

/// Where the file is, as the setting names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorePath {
    File(String),
    Url(Url),
}

impl FromStr for StorePath {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text.contains("://") {
            return Url::from_setting(text).map(Self::Url);
        }
        text.replace(SERVICE, "service").parse::<TreePath>().map_err(ValueError::from)?;
        Ok(Self::File(text.to_owned()))
    }
}

impl fmt::Display for StorePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.write_str(path),
            Self::Url(url) => url.fmt(f),
        }
    }
}

/// The settings of a place; `names` are theirs, for messages: those of the path, the branch and the repository.
#[derive(Clone, Copy)]
pub struct PlaceSettings<'a> {
    pub path: &'a StorePath,
    pub branch: Option<&'a Branch>,
    pub repository: Option<&'a Repository>,
    pub token: Option<&'a Secret>,
    /// Of the request to a URL.
    pub headers: &'a [Header],
    pub names: [&'static str; 3],
}

impl PlaceSettings<'_> {
    /// The place of one service's file.
    ///
    /// # Errors
    /// Bad input: a branch for a URL, a repository without a branch, a branch without a token.
    pub fn place(&self, service: &Service, ctx: &CommandContext) -> Result<Place, CommandError> {
        let [path_name, branch_name, repository_name] = self.names;
        let bad = |check: String, actual: &str, expected: &str, next: String| {
            Finding::inconclusive(check).actual(actual).expected(expected).next(next).bad_input()
        };
        let path = match (self.path, self.branch) {
            (StorePath::Url(_), Some(_)) => {
                return Err(bad(
                    format!("`{path_name}`, `{branch_name}`"),
                    "a URL and a branch",
                    "a URL alone, or the path of a file on the branch",
                    format!("give the path of the file on the branch in `{path_name}`, or remove `{branch_name}`"),
                ));
            }
            (StorePath::Url(url), None) => {
                let http = ctx.world.http().clone();
                return Ok(Place::Url { url: url.for_service(service), headers: self.headers.to_vec(), http });
            }
            (StorePath::File(path), _) => path.replace(SERVICE, service.as_str()),
        };
        let path: TreePath = path
            .parse()
            .map_err(|error: String| bad(format!("`{path_name}`"), &path, &error, format!("correct `{path_name}`")))?;
        let Some(branch) = self.branch else {
            return match self.repository {
                None => Ok(Place::File(path)),
                Some(_) => Err(bad(
                    format!("`{repository_name}`"),
                    &format!("given without `{branch_name}`"),
                    &format!("`{branch_name}` with it"),
                    format!("name the branch that has the file in `{branch_name}`"),
                )),
            };
        };
        if self.token.is_none() {
            return Err(bad(
                "`token`".to_owned(),
                &format!("not given, and `{branch_name}` is"),
                "a token for the repository of the branch",
                "give `token` as an expression, such as `token: ${{ github.token }}`".to_owned(),
            ));
        }
        let repository = self.repository.cloned().map_or_else(|| ctx.own_repository(), Ok)?;
        let github = Box::new(ctx.github(self.token, REQUEST_TIMEOUT)?);
        Ok(Place::Branch { github, repository, branch: branch.clone(), path })
    }
}

/// The place of one service's file.
pub enum Place {
    File(TreePath),
    Url { url: Url, headers: Vec<Header>, http: HttpClient },
    Branch { github: Box<GitHub>, repository: Repository, branch: Branch, path: TreePath },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.fmt(f),
            Self::Url { url, .. } => url.fmt(f),
            Self::Branch { repository, branch, path, .. } => write!(f, "{path} on branch {branch} of {repository}"),
        }
    }
}

/// A file as it was read.
#[derive(Debug)]
pub struct StoreFile {
    pub store: BaselineStore,
    pub version: FileVersion,
}

/// What a write has to find unchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileVersion {
    Absent,
    Bytes(Vec<u8>),
    Blob(String),
}

impl Place {
    /// Reads the file; one that does not exist has no sessions. `trusted` says where a file of the workspace is read.
    ///
    /// # Errors
    /// It cannot be read, or is not the store of this service.
    pub fn read(&self, service: &Service, trusted: &TrustedSource) -> Result<StoreFile, CommandError> {
        let (bytes, version) = match self {
            Self::File(path) => match trusted.read(path.as_str())? {
                Some(TrustedFile { bytes, .. }) => (Some(bytes.clone()), FileVersion::Bytes(bytes)),
                None => (None, FileVersion::Absent),
            },
            Self::Url { url, headers, http } => {
                let found = fetch(url, headers, http).map_err(Finding::unobservable)?;
                (found, FileVersion::Absent)
            }
            Self::Branch { github, repository, branch, path } => {
                let found = github.branch_file(repository, branch, path).map_err(Finding::unobservable)?;
                if let Some(BranchFile { bytes, sha }) = found {
                    (Some(bytes), FileVersion::Blob(sha))
                } else {
                    check_branch(github, repository, branch).map_err(Finding::unobservable)?;
                    (None, FileVersion::Absent)
                }
            }
        };
        let store = match bytes {
            None => BaselineStore::new(service.clone()),
            Some(bytes) => BaselineStore::parse(&bytes, service).map_err(|error| self.broken(error).unobservable())?,
        };
        Ok(StoreFile { store, version })
    }

    /// The finding on a file that is not written.
    #[must_use]
    pub fn broken(&self, StoreError { actual, expected, next }: StoreError) -> Finding {
        Finding::inconclusive(self.to_string()).actual(actual).expected(expected).next(next)
    }

    /// Writes the file if it still is the one that was read.
    pub fn write(&self, permit: &Permit, version: &FileVersion, text: &str, message: &str) -> WriteOutcome<()> {
        match self {
            Self::File(path) => write_file(path, version, text),
            Self::Url { url, .. } => WriteOutcome::Refused(read_only(url)),
            Self::Branch { github, repository, branch, path } => {
                let base = match version {
                    FileVersion::Blob(sha) => Some(sha.as_str()),
                    FileVersion::Absent | FileVersion::Bytes(_) => None,
                };
                let write = FileWrite { branch, path, text, message, base };
                outcome(github.put_branch_file(permit, repository, write), base.is_none())
            }
        }
    }
}

/// The finding on a URL that would have to be written.
pub fn read_only(url: &Url) -> Finding {
    Finding::inconclusive("`store`")
        .actual(format!("{url}: a URL is only read"))
        .expected("a file, or a file and `branch`")
        .next("give the path of a file, and `branch` if it is kept on one")
}

/// A file of another content is a conflict: another job has written it. So is a file that exists although there was none, and a branch
/// that moved while GitHub made the commit.
fn outcome(sent: SendOutcome, is_new: bool) -> WriteOutcome<()> {
    match sent {
        SendOutcome::Refused(refusal) if refusal.status == 409 || refusal.status == 422 && is_new => {
            WriteOutcome::Conflict(format!("another job wrote it: {} {}", refusal.status, refusal.message))
        }
        sent => sent.into_write_outcome("baselines"),
    }
}

fn write_file(path: &TreePath, version: &FileVersion, text: &str) -> WriteOutcome<()> {
    let path = Path::new(path.as_str());
    let unchanged = match (files::read_bounded(path, LARGEST), version) {
        (Ok(bytes), FileVersion::Bytes(known)) => bytes == *known,
        (Err(_), FileVersion::Absent) => true,
        _ => false,
    };
    if !unchanged {
        return WriteOutcome::Conflict("another process wrote it".to_owned());
    }
    match files::write_atomically(path, text.as_bytes()) {
        Ok(()) => WriteOutcome::Done(()),
        Err(finding) => WriteOutcome::Refused(finding),
    }
}

/// A file that is missing is one to create, and a branch that is missing one that a person creates.
fn check_branch(github: &GitHub, repository: &Repository, branch: &Branch) -> Result<(), Finding> {
    match github.branch_tip(repository, branch)? {
        Some(_) => Ok(()),
        None => Err(Finding::inconclusive(format!("branch {branch} of {repository}"))
            .actual("GitHub knows none, or does not show it to this token")
            .expected("a branch for the baselines")
            .next(format!(
                "create it once: `git switch --orphan {branch} && git commit --allow-empty --message Baselines && git push origin \
                 {branch}`"
            ))),
    }
}

/// `None`: the server has no such file.
fn fetch(url: &Url, headers: &[Header], http: &HttpClient) -> Result<Option<Vec<u8>>, Finding> {
    let unobservable = |actual: String| {
        Finding::inconclusive(url.to_string())
            .actual(actual)
            .expected("an answer 200 with the baselines, or 404")
            .next("ask the server by hand; a file or a branch needs no server")
    };
    let request = Request::get(url.clone()).timeout(REQUEST_TIMEOUT.0).redirects(3).max_body(LARGEST);
    let request = headers.iter().cloned().fold(request, Request::header);
    let response = http.fetch(&request).map_err(|error| unobservable(error.to_string()))?;
    match response.status {
        200 => Ok(Some(response.body)),
        404 => Ok(None),
        status => Err(unobservable(format!("answered {status}"))),
    }
}
