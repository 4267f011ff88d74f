//! The workflow runs of a repository: `/repos/{owner}/{repo}/actions/runs`, and those of one workflow file.

use std::{cmp::Reverse, time::Duration};

use jiff::Timestamp;
use serde_json::Value;

use super::{client::GitHub, permission::RequiredPermission, repository::Repository, workflow_run::WorkflowRun};
use crate::{clock::rfc3339, finding::Finding, world::url::percent_encode};

/// The most runs that GitHub lists for one query.
/// <https://docs.github.com/rest/actions/workflow-runs#list-workflow-runs-for-a-repository>
const MOST_RUNS: u64 = 1000;

/// Which runs are listed.
#[derive(Clone, Copy, Debug)]
pub struct RunQuery<'a> {
    /// The path of the workflow's file; `None` for all workflows.
    pub workflow: Option<&'a str>,
    /// The event that started them.
    pub event: Option<&'a str>,
    /// When they were created, at the earliest.
    pub since: Timestamp,
}

impl GitHub {
    /// The runs of a query in their latest attempts, newest first.
    ///
    /// # Errors
    /// No answer; no such workflow; a token without Actions: read; more runs than GitHub lists, which is a thousand.
    pub fn workflow_runs(&self, repository: &Repository, query: RunQuery<'_>) -> Result<Vec<WorkflowRun>, Finding> {
        let RunQuery { workflow, event, since } = query;
        let required = RequiredPermission::new("Actions: read", repository.to_string());
        let below = match workflow.map(|path| path.rsplit('/').next().unwrap_or(path)) {
            Some(file) => format!("actions/workflows/{}/runs", percent_encode(file)),
            None => "actions/runs".to_owned(),
        };
        let event = event.map(|event| format!("&event={}", percent_encode(event))).unwrap_or_default();
        let created = percent_encode(&format!(">={}", rfc3339(since)));
        let path = repository.api_path(&format!("{below}?created={created}{event}"));
        let (mut runs, mut total): (Vec<WorkflowRun>, u64) = (Vec::new(), 0);
        let is_found = self.pages(&path, &required, |page| {
            total = page["total_count"].as_u64().ok_or("a list of runs without its `total_count`")?;
            let list: Value = page["workflow_runs"].take();
            let listed: Vec<WorkflowRun> = serde_json::from_value(list).map_err(|error| error.to_string())?;
            // A run that starts meanwhile moves the others to later pages.
            runs.extend(listed);
            Ok(())
        })?;
        let what = || format!("the runs of {}", workflow.map_or_else(|| repository.to_string(), ToOwned::to_owned));
        if !is_found {
            return Err(Self::missing(what(), &required));
        }
        runs.sort_by_key(|run| Reverse(run.id));
        runs.dedup_by_key(|run| run.id);
        if u64::try_from(runs.len()).unwrap_or(u64::MAX) < total {
            let finding = Finding::inconclusive(what())
                .actual(format!("GitHub lists {} of {total} since {}", runs.len(), rfc3339(since)))
                .expected(format!("all of them; GitHub lists at most {MOST_RUNS}"))
                .next("look through the runs by hand");
            // A run that started between two pages is on the first one of the next look.
            return Err(if total > MOST_RUNS { finding } else { finding.temporary(Duration::ZERO) });
        }
        Ok(runs)
    }
}
