//! The ids with which GraphQL asks for an object.

use super::{
    format::{id, node_id},
    records::{FakeCommit, FakePullRequest, FakeRepository},
};

/// The id of a commit, which belongs to its repository.
pub fn commit_id(repository: &FakeRepository, commit: &FakeCommit) -> String {
    node_id("C", id("commit", &format!("{}/{}", repository.name, commit.sha)))
}

/// The id of a pull request, which belongs to its repository.
pub fn pull_request_id(repository: &FakeRepository, pull_request: &FakePullRequest) -> String {
    node_id("PR", id("pull request", &format!("{}/{}", repository.name, pull_request.number)))
}
