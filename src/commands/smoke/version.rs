//! Whether the service under test runs the release under promotion, before the tests and after them.

use std::time::Duration;

use crate::{
    condition::Condition,
    context::CommandContext,
    finding::Finding,
    observe::read_until_answered,
    secret::masked,
    subject::Subject,
    values::clip,
    world::{
        http::{Header, Request},
        url::Url,
    },
};

/// Time limit of one request, and of its repetitions.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
const LIMIT: Duration = Duration::from_secs(30);
/// The pause after a failed request.
const PAUSE: Duration = Duration::from_secs(1);
/// The most characters of a reason.
const REASON: usize = 400;

/// How to see which version is running.
pub struct VersionCheck {
    pub endpoint: Url,
    pub headers: Vec<Header>,
    pub condition: Condition,
}

/// When the version is looked at.
#[derive(Clone, Copy, Debug)]
pub enum When {
    Before,
    After,
}

impl When {
    const fn check(self) -> &'static str {
        match self {
            Self::Before => "version before the tests",
            Self::After => "version after the tests",
        }
    }
}

impl VersionCheck {
    /// Looks which version is running. A server that does not answer is asked again for half a minute.
    pub fn look(&self, when: When, subject: &Subject, ctx: &CommandContext) -> Finding {
        let request = Request::get(self.endpoint.clone()).timeout(REQUEST_TIMEOUT);
        let request = self.headers.iter().cloned().fold(request, Request::header);
        let expected = format!("`{}`", self.condition);
        let not_seen = |actual: String| {
            Finding::inconclusive(when.check())
                .actual(format!("not seen: {}", clip(&masked(&actual), REASON)))
                .expected(&expected)
                .next("see that `version-endpoint` answers with the version as JSON")
        };
        let read = || {
            let response =
                ctx.world.http().fetch(&request).map_err(|error| not_seen(error.to_string()).temporary(PAUSE))?;
            match response.status {
                200 => Ok(response),
                status @ (429 | 500..=599) => Err(not_seen(format!("answered {status}")).temporary(PAUSE)),
                status => Err(not_seen(format!("answered {status}"))),
            }
        };
        let at = |finding: Finding| finding.seen_at(self.endpoint.without_query(), ctx.execution.wall());
        let response = match read_until_answered(&ctx.execution, LIMIT, read) {
            Ok(response) => response,
            Err(finding) => return at(finding),
        };
        let seen = self.condition.compared(&response.body).map(|seen| masked(&seen));
        at(match self.condition.check(&response.body, subject) {
            Ok(()) => Finding::passed(when.check())
                .actual(seen.unwrap_or_else(|| "as expected".to_owned()))
                .expected(expected),
            Err(reason) => Finding::inconclusive(when.check())
                .actual(seen.map_or_else(|| clip(&masked(&reason), REASON), |seen| format!("{seen}, another version")))
                .expected(match self.condition.wanted(subject) {
                    Some(wanted) => wanted,
                    None => expected,
                })
                .next("run the tests once this release is deployed, and no other deployment is under way"),
        })
    }
}
