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
    world::git::{BlobContent, BlobId, CommitSummary, FileChange, LoggedCommit},
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
    /// The commit's place among those that are examined.
    index: usize,
    pub path: &'c str,
    pub before: Rc<OverlayVersion>,
    pub after: Rc<OverlayVersion>,
}

/// The version of a path that was read last: the one before a commit is mostly the one after the next older commit.
type LastRead<'c> = BTreeMap<&'c str, (&'c BlobId, Rc<OverlayVersion>)>;

/// Passes every changed file of `commits`, which are newest first, to `visit`. One git process reads all of them, and only the
/// entries of one version of each file are kept.
///
/// # Errors
/// Git failed.
pub fn examine(
    repo: &InfraRepo,
    commits: &[LoggedCommit],
    visit: &mut dyn FnMut(ExaminedChange<'_>),
) -> Result<(), Finding> {
    let changes = || {
        commits
            .iter()
            .enumerate()
            .flat_map(|(index, commit)| commit.changes.iter().map(move |change| (index, commit, change)))
    };
    let mut last: BTreeMap<&str, &BlobId> = BTreeMap::new();
    let mut wanted = Vec::new();
    for (_, _, FileChange { path, before, after }) in changes() {
        wanted.extend(after.iter().filter(|after| last.get(path.as_str()) != Some(after)).cloned());
        wanted.extend(before.iter().cloned());
        match before {
            Some(before) => last.insert(path, before),
            None => last.remove(path.as_str()),
        };
    }
    let (mut left, mut read, mut last) = (changes().peekable(), VecDeque::new(), LastRead::new());
    let mut advance = |read: &mut VecDeque<Rc<OverlayVersion>>| {
        while let Some((index, commit, FileChange { path, before, after })) = left.peek().copied() {
            let cached = last.get(path.as_str()).filter(|(id, _)| Some(*id) == after.as_ref());
            let cached = cached.map(|(_, version)| Rc::clone(version));
            let missing = usize::from(after.is_some() && cached.is_none()) + usize::from(before.is_some());
            if read.len() < missing {
                return;
            }
            left.next();
            let mut next = |id: &Option<BlobId>| match id {
                Some(_) => read.pop_front().unwrap_or_else(|| Rc::new(OverlayVersion::NoFile)),
                None => Rc::new(OverlayVersion::NoFile),
            };
            let after = cached.unwrap_or_else(|| next(after));
            let version = next(before);
            match before {
                Some(id) => last.insert(path, (id, Rc::clone(&version))),
                None => last.remove(path.as_str()),
            };
            visit(ExaminedChange { commit, index, path, before: version, after });
        }
    };
    // Changes without any file to read, such as from a link to a link.
    advance(&mut read);
    repo.git.read_blobs(&repo.remote, &wanted, &mut |content| {
        read.push_back(Rc::new(read_version(content)));
        advance(&mut read);
    })
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
    /// The place among the commits of the one that has to prove it.
    commit: usize,
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
/// # Errors
/// Git failed.
pub fn check_claims(
    repo: &InfraRepo,
    commits: &[LoggedCommit],
    is_wanted: &dyn Fn(&Promotion) -> bool,
    visit: &mut dyn FnMut(&ExaminedChange<'_>, &[FileClaim<'_>]),
) -> Result<CheckedClaims, Finding> {
    let promotion =
        |summary: &CommitSummary| Promotion::from_trailers(summary).filter(|promotion| is_wanted(promotion));
    let is_relevant = |summary: &CommitSummary| promotion(summary).is_some();
    let mut merged = repo.git.merged_commits(&repo.remote, &repo.branch, commits, &is_relevant)?;
    let claim = |commit: usize, summary: &CommitSummary, brought: Option<CommitSummary>| {
        let promotion = promotion(summary)?;
        let path = repo.overlays.path(&promotion.service, &promotion.environment);
        Some(Claim { promotion, commit, path, brought, result: None })
    };
    let mut claims: Vec<Claim> = Vec::new();
    for (index, LoggedCommit { summary, .. }) in commits.iter().enumerate() {
        claims.extend(claim(index, summary, None));
        let brought = merged.remove(&summary.commit).unwrap_or_default();
        claims.extend(brought.into_iter().filter_map(|commit| claim(index, &commit, Some(commit.clone()))));
    }
    examine(repo, commits, &mut |changed| {
        let from = claims.partition_point(|claim| claim.commit < changed.index);
        let until = claims.partition_point(|claim| claim.commit <= changed.index);
        let claims = &mut claims[from..until];
        for claim in claims.iter_mut().filter(|claim| claim.path == changed.path) {
            claim.result = Some(check_claim(repo, &claim.promotion, &changed));
        }
        let about = claims.iter().filter(|claim| claim.path == changed.path);
        let about = about.filter_map(Claim::about_file);
        visit(&changed, &about.collect::<Vec<_>>());
    })?;
    let mut checked = CheckedClaims::default();
    let mut proven: (usize, Vec<EntryChange>) = (0, Vec::new());
    for Claim { promotion, commit, brought, result, .. } in claims {
        if proven.0 != commit {
            proven = (commit, Vec::new());
        }
        let LoggedCommit { summary, .. } = &commits[commit];
        match result.unwrap_or(Err(Unproven::Unchanged)) {
            // Two messages of one merge about the same change: it is one promotion.
            Ok(change) if proven.1.contains(&change) => {}
            Ok(change) => {
                if commits[commit].parents.len() > 1 {
                    proven.1.push(change.clone());
                }
                let (commit, committed_at) = (summary.commit.clone(), summary.at);
                checked.entries.push(LedgerEntry { commit, committed_at, promotion, change });
            }
            Err(why) => {
                // The merge's time: that of the commit is from before it came to the branch.
                let commit =
                    brought.map_or_else(|| summary.clone(), |commit| CommitSummary { at: summary.at, ..commit });
                checked.unproven.push(UnprovenClaim { commit, promotion, why });
            }
        }
    }
    Ok(checked)
}

fn check_claim(repo: &InfraRepo, promotion: &Promotion, changed: &ExaminedChange<'_>) -> ClaimResult {
    let unreadable = |why: &str| Unproven::Unreadable(why.to_owned());
    let before = changed.before.entries().map_err(unreadable)?;
    let after = changed.after.entries().map_err(unreadable)?;
    prove(promotion, before, after, repo.images.get(&promotion.service))
}
