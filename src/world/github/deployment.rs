//! A deployment of a job to an environment, as GitHub's GraphQL API describes it.

use jiff::Timestamp;

/// GitHub creates one for each job that names an environment, when the job begins to wait for the environment's rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// GitHub's node id, for messages. GraphQL's number of a deployment has 31 bits, which ids have outgrown.
    pub id: String,
    pub created_at: Timestamp,
    /// In no documented order.
    pub statuses: Vec<DeploymentStatus>,
    /// Whether `statuses` are all.
    pub is_complete: bool,
}

/// A state of a deployment since a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentStatus {
    /// `WAITING`, `QUEUED`, `IN_PROGRESS`, `SUCCESS`, `FAILURE` and others.
    pub state: String,
    pub created_at: Timestamp,
    /// For a workflow's job: `…/OWNER/REPO/actions/runs/7/job/41`.
    pub log_url: Option<String>,
}
