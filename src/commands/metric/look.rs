//! Reads a figure or the alerts once. A jq expression is evaluated here, on the reader's thread, because that may take long.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::Value;

use super::{
    alerts::{ListedAlert, names, read_alerts, read_start},
    condition::AlertMatchers,
    figure::json_value,
    observations::{AlertSnapshot, FiringAlert, Sample, Unread, Watchdog},
};
use crate::{
    clock::Clock,
    context::CommandContext,
    expression::{self, Expression},
    load_results::{self, ReadError},
    secret::masked,
    values::{clip, decimal::Decimal},
    world::{
        http::{Header, HttpClient, HttpError, HttpErrorKind, Request, Response},
        url::Url,
    },
};

/// Characters of an answer that are shown.
const ANSWER_CHARS: usize = 200;
/// The largest answer in bytes.
const LARGEST: u64 = 16 << 20;

/// A server, and how it is asked.
#[derive(Clone)]
pub struct Server {
    pub headers: Vec<Header>,
    pub timeout: Duration,
    http: HttpClient,
    clock: Arc<dyn Clock>,
}

impl Server {
    #[must_use]
    pub fn new(headers: &[Header], timeout: Duration, ctx: &CommandContext) -> Self {
        let (http, clock) = (ctx.world.http().clone(), Arc::clone(&ctx.execution.clock));
        Self { headers: headers.to_vec(), timeout, http, clock }
    }

    /// The JSON document at `url`. Redirects are not followed: a sign-in page is no figure.
    fn get(&self, url: &Url) -> Result<(Value, Timestamp), Unread> {
        let request = Request::get(url.clone()).timeout(self.timeout).max_body(LARGEST);
        let request = self.headers.iter().cloned().fold(request, Request::header);
        let response = self.http.fetch(&request).map_err(|error| self.no_answer(&error))?;
        let document = expression::parse(&response.body);
        if response.status != 200 {
            return Err(self.bad_status(&response, document.ok().as_ref()));
        }
        match document {
            Ok(document) => Ok((document, self.clock.wall())),
            Err(error) => Err(self.unread(format!("the answer is {error}"), "see what answers at this address")),
        }
    }

    fn unread(&self, reason: impl Into<String>, next: impl Into<String>) -> Unread {
        let reason = reason.into();
        // Headers may hold tokens, and some pages show the headers of their request.
        let repeats = self.headers.iter().any(|header| header.is_repeated_in(&reason));
        let reason =
            if repeats { "(not shown: it repeats a header of the request)".to_owned() } else { masked(&reason) };
        Unread { reason, next: next.into(), is_final: false, read_at: self.clock.wall() }
    }

    fn no_answer(&self, error: &HttpError) -> Unread {
        let next = match error.kind {
            HttpErrorKind::Timeout => "see the server's load; `request-timeout` gives it more time",
            HttpErrorKind::Refused => "see whether the server runs, and whether it listens at this address",
            HttpErrorKind::Dns => "see whether the name is right, and whether this runner can look it up",
            HttpErrorKind::Tls => "see whether its certificate is valid, and whether this runner trusts who signed it",
            HttpErrorKind::Proxy => "see whether HTTPS_PROXY, HTTP_PROXY and NO_PROXY are right for it",
            HttpErrorKind::BodyTooLarge => "let the query give one value",
            HttpErrorKind::ConnectTimeout
            | HttpErrorKind::Redirects
            | HttpErrorKind::Protocol
            | HttpErrorKind::Other => "see whether this runner can reach it",
        };
        self.unread(error.detail.clone(), next)
    }

    /// An error in the form of Prometheus and Alertmanager is shown; of another page only the status.
    fn bad_status(&self, response: &Response, document: Option<&Value>) -> Unread {
        let status = response.status;
        let text = document.and_then(|document| {
            let text = |key: &str| document.get(key).and_then(Value::as_str);
            text("error").or_else(|| text("message")).or_else(|| document.as_str())
        });
        let text = text.map(|text| format!(": {}", clip(text, ANSWER_CHARS))).unwrap_or_default();
        let next = match status {
            300..=399 => {
                "a sign-in page holds no figure: give what it asks for as a header, or use the address behind it"
            }
            400 | 422 => "run the query by hand, and correct it",
            401 | 403 => "give what the server asks for as a header, from `secrets`",
            404 | 405 => "see whether the address is that of the server: the gate adds the path of its API",
            _ => "see the server's log; after a start it may need time to read its data",
        };
        let is_final = (400..500).contains(&status) && ![408, 425, 429].contains(&status);
        Unread { is_final, ..self.unread(format!("the server answered {status}{text}"), next) }
    }

    fn unreadable(&self, error: ReadError) -> Unread {
        let ReadError { actual, next, .. } = error;
        self.unread(clip(&actual, ANSWER_CHARS * 2), next)
    }
}

/// Reads one figure.
pub struct FigureReader {
    pub server: Server,
    pub url: Url,
    /// For a JSON document; `None`: the answer is Prometheus's.
    pub expression: Option<Expression>,
}

impl FigureReader {
    /// Blocks for as long as the request and the evaluation of the expression take.
    ///
    /// # Errors
    /// No answer, or none that has one value.
    pub fn read(&self) -> Result<Sample, Unread> {
        let (document, read_at) = self.server.get(&self.url)?;
        let Some(expression) = &self.expression else {
            let found = load_results::read_instant_value(&document).map_err(|error| self.server.unreadable(error))?;
            return Ok(Sample { value: found.value, at: Some(found.at), read_at });
        };
        let expected = "let the expression give a number of at least 0, or `[TIME, NUMBER]`";
        if let Some(absent) = expression.absent_part(&document) {
            return Err(self.server.unread(absent, expected));
        }
        let outputs = expression
            .evaluate(&document)
            .map_err(|error| self.server.unread(clip(&error.to_string(), 400), expected))?;
        let (value, at) =
            json_value(&outputs).map_err(|reason| self.server.unread(format!("`{expression}` {reason}"), expected))?;
        let shown = || clip(&value.to_string(), ANSWER_CHARS);
        let value = number(value).ok_or_else(|| {
            self.server.unread(format!("the value is {}, and no number of at least 0", shown()), expected)
        })?;
        let at = match at {
            None => None,
            Some(at) => Some(time(at).ok_or_else(|| {
                let shown = clip(&at.to_string(), ANSWER_CHARS);
                self.server.unread(format!("the time of the value is {shown}"), "give it in RFC 3339, or in seconds")
            })?),
        };
        Ok(Sample { value, at, read_at })
    }
}

fn number(value: &Value) -> Option<Decimal> {
    match value {
        Value::Number(number) => number.to_string().parse().ok(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// A time in RFC 3339, or in seconds since 1970.
fn time(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => text.parse().ok(),
        #[expect(clippy::cast_possible_truncation, reason = "a time in milliseconds")]
        Value::Number(number) => Timestamp::from_millisecond((number.as_f64()? * 1e3) as i64).ok(),
        _ => None,
    }
}

/// Reads the alerts that match.
pub struct AlertReader {
    server: Server,
    url: Url,
    /// The alert that always fires.
    watchdog: Option<Url>,
    status: Url,
}

impl AlertReader {
    /// `base`: the address of Alertmanager, below which its API is.
    #[must_use]
    pub fn new(server: Server, base: &Url, matchers: &AlertMatchers, watchdog: Option<&AlertMatchers>) -> Self {
        let address = |matchers: &AlertMatchers| {
            let base = base.below("/api/v2/alerts");
            matchers.0.iter().fold(base, |url, matcher| url.with_parameter("filter", matcher))
        };
        let status = base.below("/api/v2/status");
        Self { server, url: address(matchers), watchdog: watchdog.map(address), status }
    }

    /// Blocks for as long as the requests take.
    ///
    /// # Errors
    /// No answer, or one that is no list of alerts; a watchdog that is several alerts.
    pub fn read(&self) -> Result<AlertSnapshot, Unread> {
        let (always, _) = match &self.watchdog {
            Some(url) => self.list(url)?,
            None => (Vec::new(), self.server.clock.wall()),
        };
        // The alerts of the watchdog do not count as firing: of one that only seems to be it, this would hide a real one.
        if let names @ [_, _, ..] = &names(&always)[..] {
            let reason = format!("the matchers of the watchdog are those of several alerts: {}", names.join(", "));
            return Err(self
                .server
                .unread(reason, "name the alert that always fires, as in `{alertname=\"Watchdog\"}`"));
        }
        let (listed, read_at) = self.list(&self.url)?;
        let is_other = |one: &&ListedAlert| !always.iter().any(|known| known.fingerprint == one.fingerprint);
        let matching: Vec<&ListedAlert> = listed.iter().filter(is_other).collect();
        let firing: Vec<FiringAlert> =
            matching.iter().filter(|one| !one.is_silenced).map(|one| one.alert.clone()).collect();
        let watchdog = match (&self.watchdog, always.iter().map(|one| one.updated).max()) {
            (None, _) => Watchdog::NotRequired,
            // An alert that fires needs no proof that alerts arrive.
            (Some(_), Some(_)) if !firing.is_empty() => Watchdog::NotRequired,
            (Some(_), None) => Watchdog::Absent,
            // Asked last: an Alertmanager that starts between the lists has an incomplete one.
            (Some(_), Some(updated)) => Watchdog::Firing { updated, started: self.started()? },
        };
        Ok(AlertSnapshot { firing, silenced: matching.iter().filter(|one| one.is_silenced).count(), watchdog, read_at })
    }

    fn started(&self) -> Result<Timestamp, Unread> {
        let next = "see whether the address is that of Alertmanager: the gate adds /api/v2/status to it";
        let read = |(document, _): (Value, Timestamp)| {
            read_start(&document).map_err(|reason| self.server.unread(reason, next))
        };
        let started = self.server.get(&self.status).and_then(read);
        started.map_err(|error| Unread { reason: format!("/api/v2/status: {}", error.reason), ..error })
    }

    fn list(&self, url: &Url) -> Result<(Vec<ListedAlert>, Timestamp), Unread> {
        let (document, read_at) = self.server.get(url)?;
        let next = "see whether the address is that of Alertmanager: the gate adds /api/v2/alerts to it";
        let alerts = read_alerts(&document).map_err(|reason| self.server.unread(reason, next))?;
        Ok((alerts, read_at))
    }
}
