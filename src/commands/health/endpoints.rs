//! Asking an endpoint: one request, and what became of it. The condition is evaluated here, since that may take long.

use std::sync::Arc;

use super::condition::Condition;
use crate::commands::health::observations::{Answer, Probe, Saw};
use crate::{
    clock::{Clock, rfc3339},
    context::CommandContext,
    secret::masked,
    subject::Subject,
    values::{HumanDuration, clip},
    world::{
        http::{Header, HttpClient, HttpError, HttpErrorKind, Request, Response},
        url::Url,
    },
};

/// Characters of a body that are shown.
const EXCERPT: usize = 200;
/// Characters of an address or an error that are shown.
const DETAIL: usize = 400;

/// How endpoints are asked, and what a good answer is.
#[derive(Clone)]
pub struct How {
    pub statuses: Vec<u16>,
    pub condition: Option<Condition>,
    pub headers: Vec<Header>,
    pub timeout: HumanDuration,
    pub redirects: u32,
}

/// How to ask one endpoint. Whoever looks holds it on a thread of its own.
pub struct Ask {
    endpoint: usize,
    request: Request,
    statuses: Vec<u16>,
    condition: Option<Condition>,
    subject: Subject,
    http: HttpClient,
    clock: Arc<dyn Clock>,
}

impl Ask {
    pub fn new(endpoint: usize, url: &Url, how: &How, subject: &Subject, ctx: &CommandContext) -> Self {
        let request = Request::get(url.clone()).timeout(how.timeout.0).redirects(how.redirects);
        Self {
            endpoint,
            request: how.headers.iter().cloned().fold(request, Request::header),
            statuses: how.statuses.clone(),
            condition: how.condition.clone(),
            subject: subject.clone(),
            http: ctx.world.http().clone(),
            clock: Arc::clone(&ctx.execution.clock),
        }
    }

    /// Asks once. Blocks for as long as a request and evaluating the condition may take.
    pub fn probe(&self) -> Probe {
        let started = self.clock.now();
        let (took, saw) = match self.http.fetch(&self.request) {
            Ok(response) => (response.elapsed, Saw::Answer(self.answer(&response))),
            Err(error) => (self.clock.now().saturating_sub(started), self.without_answer(&error)),
        };
        Probe { endpoint: self.endpoint, at: rfc3339(self.clock.wall()), took, saw }
    }

    fn answer(&self, response: &Response) -> Answer {
        let expected = self.statuses.contains(&response.status);
        let page = String::from_utf8_lossy(&response.body);
        let repeats = self.repeats_a_header(&page);
        let condition = self.condition.as_ref().filter(|_| expected).map(|condition| {
            let why =
                |why: String| if repeats { "its body does not fulfil the condition".to_owned() } else { masked(&why) };
            condition.hold(&response.body, &self.subject).map_err(why)
        });
        let elsewhere = !self.request.url.same_page(&response.url);
        let good = expected && if self.condition.is_some() { condition == Some(Ok(())) } else { !elsewhere };
        let body = match (good, repeats) {
            (true, _) => String::new(),
            (false, true) => "(not shown: it repeats a header of the request)".to_owned(),
            (false, false) => excerpt(&page),
        };
        let shown = |url: &Url| match url.without_query() {
            url if self.repeats_a_header(url) => "(an address that repeats a header)".to_owned(),
            url => clip(url, DETAIL),
        };
        Answer {
            status: response.status,
            from: (response.url != self.request.url).then(|| shown(&response.url)),
            elsewhere,
            leads_to: response.redirect_target().as_ref().map(shown),
            condition,
            cut: None,
            body,
        }
    }

    /// What went wrong is the service's doing when we reached it, or it was not there to be reached. Anything else may
    /// be our own: no address, no trust, no way; and a body that is only larger than we read says nothing bad of it. A
    /// status that is not good needs no body.
    fn without_answer(&self, error: &HttpError) -> Saw {
        let HttpError { kind, detail, status } = error;
        let why = if self.repeats_a_header(detail) { format!("no answer ({kind:?})") } else { clip(detail, DETAIL) };
        let why = match status {
            None => why,
            Some(status) if self.statuses.contains(status) => format!("{status}, but {why}"),
            Some(status) => return Saw::Answer(Answer { status: *status, cut: Some(why), ..Answer::default() }),
        };
        let next = match kind {
            HttpErrorKind::Timeout | HttpErrorKind::Refused | HttpErrorKind::Redirects | HttpErrorKind::Protocol => {
                return Saw::Failure(why);
            }
            HttpErrorKind::Dns => "see whether the name is right, and whether this runner can look it up",
            HttpErrorKind::ConnectTimeout => "see whether a firewall lets this runner reach it",
            HttpErrorKind::Tls => {
                "see whether its certificate is valid, for that name, and whether this runner trusts who signed it"
            }
            HttpErrorKind::Proxy => "see whether HTTPS_PROXY, HTTP_PROXY and NO_PROXY are right for it",
            HttpErrorKind::BodyTooLarge => "ask for a page that says less",
            HttpErrorKind::Other => "see whether this runner can reach it",
        };
        Saw::Nothing { why, next }
    }

    /// Headers may hold tokens, and some pages tell what they were asked with.
    fn repeats_a_header(&self, text: &str) -> bool {
        self.request.headers.iter().any(|header| header.is_repeated_in(text))
    }
}

/// How a page begins, on one line, without what looks like a secret: pages of errors tell more than they should.
fn excerpt(page: &str) -> String {
    // Far more than is shown, so that a page of blanks shows that as well.
    let beginning = masked(&page.chars().take(EXCERPT * 10).collect::<String>());
    clip(&beginning.split_whitespace().collect::<Vec<_>>().join(" "), EXCERPT)
}
