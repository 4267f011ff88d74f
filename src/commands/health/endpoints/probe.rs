//! Probes an endpoint once. The condition is evaluated here, on the prober's thread, because that may take long.

use std::sync::Arc;

use super::observations::{EndpointResponse, Probe, ProbeOutcome};
use crate::{
    clock::{Clock, rfc3339},
    condition::Condition,
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
const BODY_CHARS: usize = 200;
/// Characters of an address or an error that are shown.
const DETAIL_CHARS: usize = 400;

/// The requests, and the responses that count as good.
#[derive(Clone)]
pub struct ProbeSettings {
    pub statuses: Vec<u16>,
    pub condition: Option<Condition>,
    pub headers: Vec<Header>,
    pub timeout: HumanDuration,
    pub redirects: u32,
}

/// Probes one endpoint. Each probe runs on its own thread.
pub struct Prober {
    endpoint: usize,
    request: Request,
    statuses: Vec<u16>,
    condition: Option<Condition>,
    subject: Subject,
    http: HttpClient,
    clock: Arc<dyn Clock>,
}

impl Prober {
    pub fn new(endpoint: usize, url: &Url, settings: &ProbeSettings, subject: &Subject, ctx: &CommandContext) -> Self {
        let request = Request::get(url.clone()).timeout(settings.timeout.0).redirects(settings.redirects);
        Self {
            endpoint,
            request: settings.headers.iter().cloned().fold(request, Request::header),
            statuses: settings.statuses.clone(),
            condition: settings.condition.clone(),
            subject: subject.clone(),
            http: ctx.world.http().clone(),
            clock: Arc::clone(&ctx.execution.clock),
        }
    }

    /// Sends one request. Blocks for as long as the request and the evaluation of the condition take.
    pub fn probe(&self) -> Probe {
        let started = self.clock.now();
        let (took, outcome) = match self.http.fetch(&self.request) {
            Ok(response) => (response.elapsed, ProbeOutcome::Response(self.examine(&response))),
            Err(error) => (self.clock.now().saturating_sub(started), self.examine_error(&error)),
        };
        Probe { endpoint: self.endpoint, at: rfc3339(self.clock.wall()), took, outcome }
    }

    fn examine(&self, response: &Response) -> EndpointResponse {
        let status_is_good = self.statuses.contains(&response.status);
        let page = String::from_utf8_lossy(&response.body);
        let repeats = self.repeats_a_header(&page);
        let condition = self.condition.as_ref().filter(|_| status_is_good).map(|condition| {
            condition.check(&response.body, &self.subject).map_err(|reason| {
                if repeats { "its body does not fulfil the condition".to_owned() } else { masked(&reason) }
            })
        });
        let other_page = !self.request.url.same_page(&response.url);
        let body_is_good = if self.condition.is_some() { condition == Some(Ok(())) } else { !other_page };
        let body = match (status_is_good && body_is_good, repeats) {
            (true, _) => String::new(),
            (false, true) => "(not shown: it repeats a header of the request)".to_owned(),
            (false, false) => excerpt(&page),
        };
        let displayed = |url: &Url| match url.without_query() {
            url if self.repeats_a_header(url) => "(an address that repeats a header)".to_owned(),
            url => clip(url, DETAIL_CHARS),
        };
        EndpointResponse {
            status: response.status,
            from: (response.url != self.request.url).then(|| displayed(&response.url)),
            other_page,
            redirect_to: response.redirect_target().as_ref().map(displayed),
            condition,
            compared: self.condition.as_ref().filter(|_| !repeats).and_then(|one| one.compared(&response.body)),
            incomplete: None,
            body,
        }
    }

    /// A failure counts against the service if the service was reached, or if nothing listens at its address. Every other
    /// error may be the runner's own: name resolution, trust, the route. A body that is larger than the limit says nothing
    /// bad about the service, and a bad status needs no body.
    fn examine_error(&self, error: &HttpError) -> ProbeOutcome {
        let HttpError { kind, detail, status } = error;
        let reason =
            if self.repeats_a_header(detail) { format!("no answer ({kind:?})") } else { clip(detail, DETAIL_CHARS) };
        let reason = match status {
            None => reason,
            Some(status) if self.statuses.contains(status) => format!("{status}, but {reason}"),
            Some(status) => {
                let response = EndpointResponse { status: *status, incomplete: Some(reason), ..Default::default() };
                return ProbeOutcome::Response(response);
            }
        };
        let next = match kind {
            HttpErrorKind::Timeout => {
                let next = "see the service's log and its load; `request-timeout` gives it more time";
                return ProbeOutcome::Failure { reason, next };
            }
            HttpErrorKind::Refused => {
                let next = "see whether the service has started, and whether it listens at this address";
                return ProbeOutcome::Failure { reason, next };
            }
            HttpErrorKind::Redirects | HttpErrorKind::Protocol => {
                let next = "see whether the address in `endpoints` is that of the service";
                return ProbeOutcome::Failure { reason, next };
            }
            HttpErrorKind::Dns => "see whether the name is right, and whether this runner can look it up",
            HttpErrorKind::ConnectTimeout => "see whether a firewall lets this runner reach it",
            HttpErrorKind::Tls => {
                "see whether its certificate is valid, for that name, and whether this runner trusts who signed it"
            }
            HttpErrorKind::Proxy => "see whether HTTPS_PROXY, HTTP_PROXY and NO_PROXY are right for it",
            HttpErrorKind::BodyTooLarge => "request a page with a smaller body",
            HttpErrorKind::Other => "see whether this runner can reach it",
        };
        ProbeOutcome::Unobserved { reason, next }
    }

    /// Headers may hold tokens, and some pages show the headers of their request.
    fn repeats_a_header(&self, text: &str) -> bool {
        self.request.headers.iter().any(|header| header.is_repeated_in(text))
    }
}

/// The beginning of a page, on one line. Secrets are masked, because error pages may show them.
fn excerpt(page: &str) -> String {
    // Far more than is shown, so that a page that begins with blanks shows its text as well.
    let beginning = masked(&page.chars().take(BODY_CHARS * 10).collect::<String>());
    clip(&beginning.split_whitespace().collect::<Vec<_>>().join(" "), BODY_CHARS)
}
