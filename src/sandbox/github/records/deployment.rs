//! The deployment of a job to an environment.

use jiff::Timestamp;

/// A deployment and its states. GitHub makes one for each job that names an environment.
#[derive(Clone, Debug)]
pub struct FakeDeployment {
    pub run: u64,
    /// The job's id, from `FakeGitHub::set_job`.
    pub job: u64,
    pub created_at: Timestamp,
    /// `WAITING`, `QUEUED`, `IN_PROGRESS`, …, each with its time.
    pub states: Vec<(String, Timestamp)>,
    /// The address that the states have instead of the job's; empty for none.
    pub log_url: Option<String>,
}

impl FakeDeployment {
    /// The deployment of a job that waits for the environment's rules.
    #[must_use]
    pub fn waiting(run: u64, job: u64, since: Timestamp) -> Self {
        Self { run, job, created_at: since, states: vec![("WAITING".to_owned(), since)], log_url: None }
    }

    /// The same deployment with one more state.
    #[must_use]
    pub fn then(mut self, state: &str, at: Timestamp) -> Self {
        self.states.push((state.to_owned(), at));
        self
    }
}
