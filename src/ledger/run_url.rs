//! The URL of a workflow run.

use std::str::FromStr;

use crate::{error::ValueError, world::github::Repository};

/// A workflow run, parsed from its URL: `https://github.com/acme/infra/actions/runs/7/attempts/1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunUrl {
    pub repository: Repository,
    pub id: u64,
    /// `None` if the URL has no attempt: it then leads to the latest one.
    pub attempt: Option<u32>,
}

impl FromStr for RunUrl {
    type Err = ValueError;

    fn from_str(url: &str) -> Result<Self, ValueError> {
        parse(url).ok_or(ValueError::new("the URL of a workflow run"))
    }
}

fn parse(url: &str) -> Option<RunUrl> {
    let path = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let parts: Vec<&str> = path.split('/').collect();
    let (run, attempt) = match &parts[..] {
        [run @ .., "attempts", attempt] => (run, Some(attempt.parse().ok()?)),
        run => (run, None),
    };
    let [_host, .., owner, name, "actions", "runs", id] = run else { return None };
    let repository = format!("{owner}/{name}").parse().ok()?;
    Some(RunUrl { repository, id: id.parse().ok()?, attempt })
}
