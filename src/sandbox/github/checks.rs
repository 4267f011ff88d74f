//! `GET …/check-runs/{check_run_id}/annotations`. A job's check run has the job's id.

use serde_json::json;

use super::{
    call::ApiCall,
    errors::{ContractViolation, not_found},
    fake_github::FakeGitHub,
    records::{FakeAccounts, FakeAnnotation, FakeRepository},
};
use crate::sandbox::server::FakeResponse;

impl FakeGitHub {
    /// Adds the annotation that a job writes with `::notice title=…::…`.
    pub fn annotate(&self, repository: &str, job: u64, title: &str, message: &str) {
        self.annotate_as(repository, job, "notice", title, message);
    }

    /// Adds the annotation that a job writes with another command than `::notice`: `warning`, `failure`.
    pub fn annotate_as(&self, repository: &str, job: u64, level: &'static str, title: &str, message: &str) {
        let annotation = FakeAnnotation { job, level, title: Some(title.to_owned()), message: message.to_owned() };
        self.with_repository(repository, |repository, _| repository.annotations.push(annotation));
    }

    /// Removes the annotations of a job.
    pub fn remove_annotations(&self, repository: &str, job: u64) {
        self.with_repository(repository, |repository, _| {
            repository.annotations.retain(|annotation| annotation.job != job);
        });
    }

    /// Turns the workflow commands in a job's log into annotations, as the runner does.
    pub fn annotate_from_log(&self, repository: &str, job: u64, log: &str) {
        let found: Vec<_> = log.lines().filter_map(|line| parse_log_line(job, line)).collect();
        self.with_repository(repository, |repository, _| repository.annotations.extend(found));
    }
}

/// The annotation from one line of a log; `None` if the line is not a workflow command for one.
fn parse_log_line(job: u64, line: &str) -> Option<FakeAnnotation> {
    let (head, message) = line.trim_start().strip_prefix("::")?.split_once("::")?;
    let (command, properties) = head.split_once(' ').unwrap_or((head, ""));
    let level = match command {
        "notice" => "notice",
        "warning" => "warning",
        "error" => "failure",
        _ => return None,
    };
    let title = properties.split(',').find_map(|property| property.trim().strip_prefix("title="));
    let title = title.map(|title| unescape(&title.replace("%3A", ":").replace("%2C", ",")));
    Some(FakeAnnotation { job, level, title, message: unescape(message) })
}

fn unescape(text: &str) -> String {
    text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
}

pub fn list_annotations(
    repository: &mut FakeRepository,
    _: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    let check_run_id = call.number("check_run_id")?;
    let Some((run_id, _, job)) = repository.jobs.iter().find(|(_, _, job)| job.id == check_run_id) else {
        return Ok(not_found());
    };
    let sha = repository.runs.iter().find(|run| run.id == *run_id).map_or("", |run| &run.head_sha);
    let annotations = repository.annotations.iter().filter(|annotation| annotation.job == job.id);
    let page = call.page(annotations.collect())?;
    Ok(page.into_list(|annotation| {
        json!({
            "path": ".github",
            "start_line": 1,
            "end_line": 1,
            "start_column": null,
            "end_column": null,
            "annotation_level": annotation.level,
            "title": annotation.title,
            "message": annotation.message,
            "raw_details": null,
            "blob_href": format!("{}/blob/{sha}/.github", repository.page()),
        })
    }))
}
