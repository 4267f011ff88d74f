//! What a file of checks holds, once it is read.

use std::time::Duration;

use super::{
    expectation::{Capture, Expectation},
    template::{JsonTemplate, Template, TemplateValues},
};
use crate::world::{http::team_session::TeamMethod, url::Url};

/// A file of checks.
#[derive(Debug)]
pub struct CheckFile {
    /// Its path, for messages.
    pub path: String,
    /// What relative URLs are below of. `None`: every URL is absolute.
    pub base_url: Option<Url>,
    /// Sent to the origin of `base_url`.
    pub headers: Vec<(String, Template)>,
    /// Values that are known before the first request.
    pub values: TemplateValues,
    /// How many paths run at the same time.
    pub parallel: usize,
    /// Steps before all paths. Their captures and cookies are there in every path.
    pub setup: Vec<Step>,
    pub paths: Vec<CheckPath>,
    /// Steps after all paths, however they ended.
    pub teardown: Vec<Step>,
}

/// One critical path: steps in their order.
#[derive(Debug)]
pub struct CheckPath {
    pub name: String,
    pub line: usize,
    pub critical: bool,
    /// How often the whole path runs again after a failure; `None`: as the setting `retries` says.
    pub retries: Option<u32>,
    pub headers: Vec<(String, Template)>,
    pub steps: Vec<Step>,
    /// Steps after the others, however they ended.
    pub teardown: Vec<Step>,
}

/// One request, and what is expected of its response.
#[derive(Debug)]
pub struct Step {
    /// Its name, or method and URL as written.
    pub name: String,
    pub method: TeamMethod,
    pub url: Template,
    pub headers: Vec<(String, Template)>,
    pub cookies: Vec<(String, Template)>,
    pub body: Option<StepBody>,
    pub timeout: Duration,
    /// How many redirects are followed.
    pub follow: u32,
    /// How often the request is sent again if its response is not as expected.
    pub retries: u32,
    /// The time before it is sent again.
    pub pause: Duration,
    pub expect: Expectation,
    pub captures: Vec<Capture>,
}

#[derive(Debug)]
pub enum StepBody {
    Text(Template),
    Json(JsonTemplate),
    Form(Vec<(String, Template)>),
}

impl StepBody {
    /// The `Content-Type`, unless the step gives another.
    #[must_use]
    pub const fn content_type(&self) -> &'static str {
        match self {
            Self::Text(_) => "text/plain; charset=utf-8",
            Self::Json(_) => "application/json",
            Self::Form(_) => "application/x-www-form-urlencoded",
        }
    }
}
