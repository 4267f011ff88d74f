//! Walks one path: its steps in their order, with cookies and captures from one to the next.

use std::{sync::Arc, time::Duration};

use super::{
    judge::{SeenResponse, captured, judge},
    model::{CheckFile, Step, StepBody},
    redactor::Redactor,
    template::{NoValue, Reference, Template, TemplateValues},
};
use crate::{
    clock::{Clock, Moment, WakeSignal},
    error::ValueError,
    report::log::Log,
    subject::Subject,
    values::figures::elapsed,
    world::{
        http::{
            Header, HttpError, HttpErrorKind, Response, header_secrets,
            team_session::{TeamRequest, TeamSession},
        },
        url::Url,
    },
};

/// The largest body of a response in bytes: 10 MiB.
const LARGEST_BODY: u64 = 10 << 20;
/// The most characters of a body in a failure's text.
const EXCERPT: usize = 1000;
/// The shortest cookie value that is hidden. A shorter one is no session.
const COOKIE: usize = 8;

/// What all paths share.
pub struct Walk {
    pub file: CheckFile,
    pub subject: Subject,
    pub clock: Arc<dyn Clock>,
    pub log: Arc<Log>,
    /// Ends the paths at the time limit and on a signal. Their teardown still runs.
    pub stop: Arc<WakeSignal>,
    /// When the time for all paths is over.
    pub deadline: Moment,
}

/// What one step leaves to the next. A clone has its own cookies and captures from then on.
#[derive(Clone)]
pub struct PathState {
    pub session: TeamSession,
    pub values: TemplateValues,
    pub redactor: Redactor,
}

/// Why a step failed. Texts have no secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepFailure {
    /// `2. add to cart: answered 500; expected 200 to 299`
    pub headline: String,
    /// More lines: every reason, and the beginning of the response.
    pub details: String,
    pub kind: FailureKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The service did not do what is expected.
    Observed,
    /// The service was not reached, which may be the runner's fault.
    Unreachable,
    /// The time limit or a signal.
    Stopped,
}

/// What limits steps from outside.
#[derive(Clone, Copy)]
pub struct StepLimits<'a> {
    pub deadline: Moment,
    pub stop: &'a WakeSignal,
    pub headers: &'a [(String, Template)],
}

impl Walk {
    /// Takes `steps` in their order up to the first that fails. Returns the failures of steps that then passed.
    ///
    /// # Errors
    /// The failure of the last step that was taken.
    pub fn steps(
        &self,
        steps: &[Step],
        state: &mut PathState,
        limits: StepLimits<'_>,
    ) -> Result<Vec<StepFailure>, StepFailure> {
        let mut flaky = Vec::new();
        for (index, step) in steps.iter().enumerate() {
            let name = format!("{}. {}", index + 1, step.name);
            flaky.extend(self.step(step, &name, state, limits)?);
        }
        Ok(flaky)
    }

    /// Sends a step's request until its response is as expected, at most as often as the step says. Returns the first failure.
    fn step(
        &self,
        step: &Step,
        name: &str,
        state: &mut PathState,
        limits: StepLimits<'_>,
    ) -> Result<Option<StepFailure>, StepFailure> {
        let mut first = None;
        let mut left = step.retries;
        loop {
            let now = self.clock.now();
            if limits.stop.is_cancelled() || now >= limits.deadline {
                return Err(StepFailure {
                    headline: format!("{name}: not sent: the time was over"),
                    details: String::new(),
                    kind: FailureKind::Stopped,
                });
            }
            let timeout = step.timeout.min(limits.deadline.saturating_sub(now));
            match self.attempt(step, name, state, (timeout, limits.headers)) {
                Ok(()) => return Ok(first),
                Err(failure) if left == 0 => return Err(failure),
                Err(failure) => {
                    self.log.say(&format!("{}; sent again in {}", failure.headline, elapsed(step.pause)));
                    first.get_or_insert(failure);
                }
            }
            left -= 1;
            self.clock.park(limits.stop, Some((self.clock.now() + step.pause).min(limits.deadline)));
        }
    }

    fn attempt(
        &self,
        step: &Step,
        name: &str,
        state: &mut PathState,
        (timeout, headers): (Duration, &[(String, Template)]),
    ) -> Result<(), StepFailure> {
        let failed =
            |reason: &str, details: String, kind| StepFailure { headline: format!("{name}: {reason}"), details, kind };
        let prepared = self.prepare(step, state, (timeout, headers));
        let (request, secrets) =
            prepared.map_err(|reason| failed(&state.redactor.hide(&reason), String::new(), FailureKind::Observed))?;
        for secret in &secrets {
            state.redactor.add(secret);
        }
        let now = self.clock.wall();
        let response = state
            .session
            .exchange(&request, now)
            .map_err(|error| failed(&state.redactor.hide(&error.to_string()), String::new(), kind(&error)));
        let cookies: Vec<String> = state.session.cookie_values().map(ToOwned::to_owned).collect();
        cookies.iter().filter(|value| value.len() >= COOKIE).for_each(|value| state.redactor.add(value));
        let response = response?;
        let redirect = response.redirect_target();
        let seen = SeenResponse {
            status: response.status,
            headers: &response.headers,
            body: &response.body,
            took: response.elapsed,
            redirect: redirect.as_ref().map(Url::without_query),
        };
        let mut reasons = judge(&step.expect, &seen, &state.values, &self.subject, &state.redactor);
        let mut values = Vec::new();
        if reasons.is_empty() {
            for capture in &step.captures {
                match captured(capture, &seen, &state.redactor) {
                    Ok(value) => values.push((capture, value)),
                    Err(reason) => reasons.push(reason),
                }
            }
        }
        if let Some(first) = reasons.first() {
            let details = [describe(step, &response, &state.redactor), reasons.join("\n")].join("\n");
            return Err(failed(first, details, FailureKind::Observed));
        }
        for (capture, value) in values {
            if capture.secret {
                let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
                state.redactor.add(&text);
            }
            state.values.captures.insert(capture.name.clone(), value);
        }
        Ok(())
    }

    /// The request of a step, and the secrets in its headers.
    fn prepare(
        &self,
        step: &Step,
        state: &mut PathState,
        (timeout, path_headers): (Duration, &[(String, Template)]),
    ) -> Result<(TeamRequest, Vec<String>), String> {
        let values = &state.values;
        let not_captured = |NoValue(name): NoValue| format!("not sent: `{name}` was not captured");
        let url = self.url(&step.url, values)?;
        let is_own = self.file.base_url.as_ref().is_none_or(|base| base.same_origin(&url));
        // The headers of all steps may hold a token, which is for the service under test.
        let shared = if is_own { &self.file.headers[..] } else { &[] };
        let mut texts: Vec<(&str, String)> = Vec::new();
        for (name, value) in shared.iter().chain(path_headers).chain(&step.headers) {
            let value = value.render(values).map_err(not_captured)?;
            texts.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            texts.push((name.as_str(), value));
        }
        let body = step.body.as_ref().map(|body| render_body(body, values)).transpose().map_err(not_captured)?;
        if let Some(body) = &step.body
            && !texts.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        {
            texts.push(("content-type", body.content_type().to_owned()));
        }
        let lines: Vec<String> = texts.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let parsed = lines.iter().map(|line| line.parse::<Header>());
        let headers = parsed.collect::<Result<Vec<_>, ValueError>>().map_err(|error| format!("not sent: {error}"))?;
        let cookies: Vec<(String, String)> = step
            .cookies
            .iter()
            .map(|(name, value)| Ok((name.clone(), value.render(values)?)))
            .collect::<Result<_, NoValue>>()
            .map_err(not_captured)?;
        for (name, value) in cookies {
            state.session.set_cookie(&url, &name, &value);
        }
        // What is written in the file is no secret; what a placeholder stands for may be one, also in part or encoded.
        let is_secret = |line: &&String| {
            state.redactor.hide(line) != **line || line.to_ascii_lowercase().starts_with("authorization:")
        };
        let secrets = lines.iter().filter(is_secret).flat_map(|line| header_secrets(line));
        let secrets = secrets.map(|secret| secret.expose().to_owned()).collect();
        let request = TeamRequest {
            name: format!("of the step `{}`", step.name),
            method: step.method,
            url,
            headers,
            body,
            timeout,
            follow: step.follow,
            max_body: LARGEST_BODY,
        };
        Ok((request, secrets))
    }

    fn url(&self, template: &Template, values: &TemplateValues) -> Result<Url, String> {
        let text =
            template.render_url(values).map_err(|NoValue(name)| format!("not sent: `{name}` was not captured"))?;
        let malformed = |error: ValueError| format!("not sent: the URL is {error}");
        let is_captured = matches!(template.first_reference(), Some(Reference::Capture(_)));
        let url = match &self.file.base_url {
            Some(base) if is_captured => base.join(&text).map_err(malformed)?,
            Some(base) if text.starts_with('/') => base.below_path(&text).map_err(malformed)?,
            _ => text.parse().map_err(malformed)?,
        };
        // A response must not choose who gets the next request.
        match &self.file.base_url {
            Some(base) if is_captured && !base.same_origin(&url) => {
                Err(format!("not sent: the captured URL leads to {}, another host than `base-url`", url.authority()))
            }
            _ => Ok(url),
        }
    }
}

fn render_body(body: &StepBody, values: &TemplateValues) -> Result<Vec<u8>, NoValue> {
    Ok(match body {
        StepBody::Text(template) => template.render(values)?.into_bytes(),
        StepBody::Json(template) => template.render(values)?.to_string().into_bytes(),
        StepBody::Form(fields) => {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            for (name, value) in fields {
                form.append_pair(name, &value.render(values)?);
            }
            form.finish().into_bytes()
        }
    })
}

/// Whether the service did something wrong, or was not reached. As for the endpoints of `health`.
const fn kind(error: &HttpError) -> FailureKind {
    match error.kind {
        HttpErrorKind::Dns | HttpErrorKind::ConnectTimeout | HttpErrorKind::Proxy | HttpErrorKind::Tls => {
            FailureKind::Unreachable
        }
        HttpErrorKind::Timeout
        | HttpErrorKind::Refused
        | HttpErrorKind::Redirects
        | HttpErrorKind::BodyTooLarge
        | HttpErrorKind::Protocol
        | HttpErrorKind::Other => FailureKind::Observed,
    }
}

/// The exchange in a few lines, as the file has it, without secrets.
fn describe(step: &Step, response: &Response, redactor: &Redactor) -> String {
    let content_type = response.header("content-type").map(|value| format!(", {value}")).unwrap_or_default();
    let answer = format!("→ {}{} in {}", response.status, redactor.hide(&content_type), elapsed(response.elapsed));
    let body =
        if response.body.is_empty() { "(no body)".to_owned() } else { redactor.excerpt(&response.body, EXCERPT) };
    format!("{} {}\n{answer}\n{body}", step.method, step.url)
}
