//! `GET …/check-runs/{check_run_id}/annotations`. A job's check run has the job's id.

use serde_json::json;

use super::{Breach, FakeGitHub, accounts::Accounts, call::Call, not_found, repositories::Repository};
use crate::sandbox::server::Answer;

pub(super) struct Annotation {
    job: u64,
    /// `notice`, `warning`, `failure`.
    level: &'static str,
    title: Option<String>,
    message: String,
}

impl FakeGitHub {
    /// What a job said with `::notice title=…::…`.
    pub fn annotate(&self, repository: &str, job: u64, title: &str, message: &str) {
        let annotation =
            Annotation { job, level: "notice", title: Some(title.to_owned()), message: message.to_owned() };
        self.in_repository(repository, |known, _| known.annotations.push(annotation));
    }

    /// The log of a job: what it says by workflow commands becomes its annotations, as the runner makes them.
    pub fn logged(&self, repository: &str, job: u64, log: &str) {
        let found: Vec<_> = log.lines().filter_map(|line| said(job, line)).collect();
        self.in_repository(repository, |known, _| known.annotations.extend(found));
    }
}

/// The annotation that a line of a log makes.
fn said(job: u64, line: &str) -> Option<Annotation> {
    let (head, message) = line.trim_start().strip_prefix("::")?.split_once("::")?;
    let (command, properties) = head.split_once(' ').unwrap_or((head, ""));
    let level = match command {
        "notice" => "notice",
        "warning" => "warning",
        "error" => "failure",
        _ => return None,
    };
    let title = properties.split(',').find_map(|property| property.trim().strip_prefix("title="));
    let title = title.map(|title| unescaped(&title.replace("%3A", ":").replace("%2C", ",")));
    Some(Annotation { job, level, title, message: unescaped(message) })
}

fn unescaped(text: &str) -> String {
    text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
}

pub(super) fn annotations(repository: &mut Repository, _: &mut Accounts, call: &Call) -> Result<Answer, Breach> {
    let wanted = call.number("check_run_id")?;
    let Some((run, _, job)) = repository.jobs.iter().find(|(_, _, job)| job.id == wanted) else {
        return Ok(not_found());
    };
    let sha = repository.runs.iter().find(|known| known.id == *run).map_or("", |run| &run.head_sha);
    let its = repository.annotations.iter().filter(|annotation| annotation.job == job.id);
    let page = call.page(its.collect())?;
    Ok(page.list(|annotation| {
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
