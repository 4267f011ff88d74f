//! Reads the files that commits changed, and compares them with what the messages claim.

use std::{
    collections::{BTreeMap, VecDeque},
    rc::Rc,
};

use super::{
    entry::{LedgerEntry, UnprovenClaim},
    infra_repo::InfraRepo,
    promotion::Promotion,
    proof::{EntryChange, Unproven, prove},
};
use crate::{
    finding::Finding,
    kustomization::{self, EntryText},
    world::git::{BlobContent, BlobId, CommitSummary, FileChange, LoggedCommit, MergedCommits},
};

/// The image entries of one version of a file.
#[derive(Debug, PartialEq, Eq)]
pub enum OverlayVersion {
    NoFile,
    Entries(Vec<EntryText>),
    Unreadable(String),
}

/// The image entries in the content of a file.
#[must_use]
pub fn read_version(content: BlobContent) -> OverlayVersion {
    let bytes = match content {
        BlobContent::Bytes(bytes) => bytes,
        BlobContent::TooLarge(size) => return OverlayVersion::Unreadable(format!("it has {size} bytes")),
    };
    let text = str::from_utf8(&bytes).map_err(|error| error.to_string());
    match text.and_then(|text| kustomization::entries(text).map_err(|error| error.to_string())) {
        Ok(entries) => OverlayVersion::Entries(entries),
        Err(why) => OverlayVersion::Unreadable(why),
    }
}

impl OverlayVersion {
    /// The entries; none when there is no file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn entries(&self) -> Result<&[EntryText], &str> {
        match self {
            Self::NoFile => Ok(&[]),
            Self::Entries(entries) => Ok(entries),
            Self::Unreadable(why) => Err(why),
        }
    }
}

/// A file that a commit changed, before and after it.
pub struct ExaminedChange<'c> {
    pub commit: &'c LoggedCommit,
    pub path: &'c str,
    pub before: Rc<OverlayVersion>,
    pub after: Rc<OverlayVersion>,
}

/// The claims of commits, newest first.
#[derive(Debug, Default)]
pub struct CheckedClaims {
    pub entries: Vec<LedgerEntry>,
    pub unproven: Vec<UnprovenClaim>,
}

/// What a commit's claim about a changed file is worth.
pub type ClaimResult = Result<EntryChange, Unproven>;

/// A claim in a message.
struct Claim {
    promotion: Promotion,
    /// The file of its service and environment.
    path: String,
    /// The commit with the message, when a merge brought it in.
    brought: Option<CommitSummary>,
    /// `None` until the change of the file was read.
    result: Option<ClaimResult>,
}

/// A claim about a changed file, and what it is worth.
pub struct FileClaim<'c> {
    pub promotion: &'c Promotion,
    pub result: &'c ClaimResult,
}

impl Claim {
    fn about_file(&self) -> Option<FileClaim<'_>> {
        Some(FileClaim { promotion: &self.promotion, result: self.result.as_ref()? })
    }
}

/// Checks what the messages of `commits`, which are newest first, claim; `is_wanted` selects the claims. A merge counts with the
/// messages that it brought in, and what they claim has to be what the merge changed. Also passes every changed file to `visit`,
/// with the claims about it.
///
/// One git process reads all files. A commit is dropped as soon as its files were read, and of the files only the entries of one
/// version each are kept: a ledger of years has tens of thousands of promotions.
///
/// # Errors
/// Git failed.
pub fn check_claims(
    repo: &InfraRepo,
    commits: Vec<LoggedCommit>,
    is_wanted: &dyn Fn(&Promotion) -> bool,
    visit: &mut dyn FnMut(&ExaminedChange<'_>, &[FileClaim<'_>]),
) -> Result<CheckedClaims, Finding> {
    let is_relevant = |summary: &CommitSummary| promotion_of(summary, is_wanted).is_some();
    let merged = repo.git.merged_commits(&repo.remote, &repo.branch, &commits, &is_relevant)?;
    let wanted = wanted_versions(&commits);
    let mut examination = Examination {
        repo,
        is_wanted,
        visit,
        merged,
        left: commits.into_iter(),
        open: None,
        read: VecDeque::new(),
        last: BTreeMap::new(),
        checked: CheckedClaims::default(),
    };
    // Commits without any file to read, such as one that changed a link to another link.
    examination.advance();
    repo.git.read_blobs(&repo.remote, &wanted, &mut |content| {
        examination.read.push_back(Rc::new(read_version(content)));
        examination.advance();
    })?;
    Ok(examination.checked)
}

fn promotion_of(summary: &CommitSummary, is_wanted: &dyn Fn(&Promotion) -> bool) -> Option<Promotion> {
    Promotion::from_trailers(summary).filter(is_wanted)
}

/// The versions of files that have to be read, in the order in which the examination takes them. The version before a commit is
/// mostly the one after the next older commit, and read once.
fn wanted_versions(commits: &[LoggedCommit]) -> Vec<BlobId> {
    let (mut last, mut wanted) = (BTreeMap::<&str, &BlobId>::new(), Vec::new());
    for FileChange { path, before, after } in commits.iter().flat_map(|commit| &commit.changes) {
        wanted.extend(after.iter().filter(|after| last.get(path.as_str()) != Some(after)).cloned());
        wanted.extend(before.iter().cloned());
        match before {
            Some(before) => last.insert(path, before),
            None => last.remove(path.as_str()),
        };
    }
    wanted
}

/// Goes through commits while git reads the versions of their files.
struct Examination<'e> {
    repo: &'e InfraRepo,
    is_wanted: &'e dyn Fn(&Promotion) -> bool,
    visit: &'e mut dyn FnMut(&ExaminedChange<'_>, &[FileClaim<'_>]),
    merged: MergedCommits,
    left: std::vec::IntoIter<LoggedCommit>,
    open: Option<OpenCommit>,
    /// Versions that were read and not taken yet.
    read: VecDeque<Rc<OverlayVersion>>,
    /// The version of each path that was taken last.
    last: BTreeMap<String, (BlobId, Rc<OverlayVersion>)>,
    checked: CheckedClaims,
}

/// A commit some of whose files were not read yet.
struct OpenCommit {
    commit: LoggedCommit,
    claims: Vec<Claim>,
    /// How many of its changes were examined.
    examined: usize,
}

impl Examination<'_> {
    /// Goes on as far as the versions that were read allow.
    fn advance(&mut self) {
        while let Some(mut open) = self.open.take().or_else(|| self.left.next().map(|commit| self.open(commit))) {
            if !self.examine(&mut open) {
                self.open = Some(open);
                return;
            }
            self.close(open);
        }
    }

    fn open(&mut self, commit: LoggedCommit) -> OpenCommit {
        let claim = |summary: &CommitSummary, brought: Option<CommitSummary>| {
            let promotion = promotion_of(summary, self.is_wanted)?;
            let path = self.repo.overlays.path(&promotion.service, &promotion.environment);
            Some(Claim { promotion, path, brought, result: None })
        };
        let mut claims: Vec<Claim> = claim(&commit.summary, None).into_iter().collect();
        let brought = self.merged.remove(&commit.summary.commit).unwrap_or_default();
        claims.extend(brought.into_iter().filter_map(|commit| claim(&commit, Some(commit.clone()))));
        OpenCommit { commit, claims, examined: 0 }
    }

    /// Examines the changes whose versions were read; whether these are all.
    fn examine(&mut self, OpenCommit { commit, claims, examined }: &mut OpenCommit) -> bool {
        for FileChange { path, before, after } in &commit.changes[*examined..] {
            let cached = self.last.get(path).filter(|(id, _)| Some(id) == after.as_ref());
            let cached = cached.map(|(_, version)| Rc::clone(version));
            let missing = usize::from(after.is_some() && cached.is_none()) + usize::from(before.is_some());
            if self.read.len() < missing {
                return false;
            }
            *examined += 1;
            let mut next = |id: &Option<BlobId>| match id {
                Some(_) => self.read.pop_front().unwrap_or_else(|| Rc::new(OverlayVersion::NoFile)),
                None => Rc::new(OverlayVersion::NoFile),
            };
            let after = cached.unwrap_or_else(|| next(after));
            let version = next(before);
            match before {
                Some(id) => drop(self.last.insert(path.clone(), (id.clone(), Rc::clone(&version)))),
                None => drop(self.last.remove(path)),
            }
            let changed = ExaminedChange { commit, path, before: version, after };
            for claim in claims.iter_mut().filter(|claim| claim.path == *path) {
                claim.result = Some(check_claim(self.repo, &claim.promotion, &changed));
            }
            let about = claims.iter().filter(|claim| claim.path == *path).filter_map(Claim::about_file);
            (self.visit)(&changed, &about.collect::<Vec<_>>());
        }
        true
    }

    /// Records what the claims of a commit are worth, and drops the commit.
    fn close(&mut self, OpenCommit { commit: LoggedCommit { summary, parents, .. }, claims, .. }: OpenCommit) {
        let is_merge = parents.len() > 1;
        let mut proven: Vec<EntryChange> = Vec::new();
        for Claim { promotion, brought, result, .. } in claims {
            match result.unwrap_or(Err(Unproven::Unchanged)) {
                // Two messages of one merge about the same change: it is one promotion.
                Ok(change) if proven.contains(&change) => {}
                Ok(change) => {
                    if is_merge {
                        proven.push(change.clone());
                    }
                    let (commit, committed_at) = (summary.commit.clone(), summary.at);
                    self.checked.entries.push(LedgerEntry { commit, committed_at, promotion, change });
                }
                Err(why) => {
                    // The merge's time: that of the commit is from before it came to the branch.
                    let commit =
                        brought.map_or_else(|| summary.clone(), |commit| CommitSummary { at: summary.at, ..commit });
                    self.checked.unproven.push(UnprovenClaim { commit, promotion, why });
                }
            }
        }
    }
}

fn check_claim(repo: &InfraRepo, promotion: &Promotion, changed: &ExaminedChange<'_>) -> ClaimResult {
    let unreadable = |why: &str| Unproven::Unreadable(why.to_owned());
    let before = changed.before.entries().map_err(unreadable)?;
    let after = changed.after.entries().map_err(unreadable)?;
    prove(promotion, before, after, repo.images.get(&promotion.service))
}
