//! The commits that merges brought into a branch.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    checkout::Git,
    commits::{CommitSummary, LoggedCommit},
    log::PrintedCommit,
    names::Branch,
    remote::Remote,
};
use crate::{finding::Finding, subject::Commit};

/// The relevant commits that each merge brought in.
pub type MergedCommits = BTreeMap<Commit, Vec<CommitSummary>>;

/// The commits of a part of the history, with their parents.
#[derive(Default)]
struct CommitGraph {
    parents: BTreeMap<Commit, Vec<Commit>>,
    relevant: BTreeMap<Commit, CommitSummary>,
}

impl Git {
    /// The relevant commits that the merges among `line` brought in: those that no earlier commit of the line contains. `line`
    /// is a part of the first-parent line, newest first. One git process reads all of them, and none if there is no merge.
    ///
    /// # Errors
    /// The history could not be read, or its missing part could not be fetched.
    pub fn merged_commits(
        &self,
        remote: &Remote,
        branch: &Branch,
        line: &[LoggedCommit],
        is_relevant: &dyn Fn(&CommitSummary) -> bool,
    ) -> Result<MergedCommits, Finding> {
        let is_merge = |commit: &&LoggedCommit| commit.parents.len() > 1;
        let (Some(newest), Some(oldest)) = (line.iter().find(is_merge), line.iter().rfind(is_merge)) else {
            return Ok(MergedCommits::new());
        };
        let newest = &newest.summary.commit;
        let before = oldest.parents.first().map(|parent| format!("^{parent}"));
        self.with_enough_history(remote, branch, "within a merged branch", |ends| {
            let (mut graph, mut cut) = (CommitGraph::default(), false);
            let range = ["--end-of-options".to_owned(), newest.to_string()].into_iter().chain(before.clone());
            self.run_log(range.chain(["--".to_owned()]), &|_| false, &mut |commit| {
                cut |= ends.contains(&commit.commit);
                graph.add(commit, is_relevant);
                true
            })?;
            Ok((graph.merged(newest), cut))
        })
    }
}

impl CommitGraph {
    fn add(&mut self, printed: PrintedCommit, is_relevant: &dyn Fn(&CommitSummary) -> bool) {
        let PrintedCommit { commit, parents, at, author, title, trailers, .. } = printed;
        // The merge's time counts, not the one of a commit on its branch.
        let summary = CommitSummary { commit, at: at.unwrap_or_default(), author, title, trailers };
        self.parents.insert(summary.commit.clone(), parents);
        if is_relevant(&summary) {
            self.relevant.insert(summary.commit.clone(), summary);
        }
    }

    /// The relevant commits that each merge on the first-parent line of `newest` brought in, newest merge last.
    fn merged(&self, newest: &Commit) -> MergedCommits {
        let first_parent = |commit: &&Commit| self.parents.get(*commit).and_then(|parents| parents.first());
        let line: Vec<&Commit> = std::iter::successors(Some(newest), first_parent).collect();
        let mut known: BTreeSet<&Commit> = line.iter().copied().collect();
        let mut merged = MergedCommits::new();
        for merge in line.into_iter().rev() {
            let mut open: Vec<&Commit> = self.parents.get(merge).into_iter().flatten().skip(1).collect();
            let mut brought = Vec::new();
            while let Some(commit) = open.pop() {
                if !known.insert(commit) {
                    continue;
                }
                brought.extend(self.relevant.get(commit).cloned());
                open.extend(self.parents.get(commit).into_iter().flatten());
            }
            if !brought.is_empty() {
                merged.insert(merge.clone(), brought);
            }
        }
        merged
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::git::Trailers;

    fn commit(id: char) -> Commit {
        id.to_string().repeat(40).parse().unwrap()
    }

    #[test]
    fn a_commit_belongs_to_the_first_merge_that_brought_it_in() {
        // The line is d, c, b, a. c merges 2, d merges 3; 3 is based on 2 and on c; 4 was on the line before.
        let mut graph = CommitGraph::default();
        for (id, parents) in [('d', "c3"), ('c', "b2"), ('b', "a"), ('3', "2c"), ('2', "1"), ('1', "b")] {
            let trailers = Trailers::new(&format!("number: {id}"));
            let parents = parents.chars().map(commit).collect();
            let (author, title) = (String::new(), String::new());
            let printed =
                PrintedCommit { commit: commit(id), parents, at: None, author, title, trailers, changes: vec![] };
            graph.add(printed, &|summary| summary.trailer("number") != Some("1"));
        }
        let merged = graph.merged(&commit('d'));
        let brought: Vec<_> = merged
            .iter()
            .map(|(merge, brought)| (merge.clone(), brought.iter().map(|summary| summary.commit.clone()).collect()))
            .collect();
        assert_eq!(brought, [(commit('c'), vec![commit('2')]), (commit('d'), vec![commit('3')])]);
    }
}
