//! What the gate saw of each endpoint, probe by probe.

use std::time::Duration;

use crate::{values::clip, world::url::Url};

/// Characters of an error that stands for a figure.
const FIGURE_CHARS: usize = 80;

/// One request to an endpoint, and its outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// The index of the endpoint in the list.
    pub endpoint: usize,
    /// When it ended: RFC 3339, UTC.
    pub at: String,
    pub took: Duration,
    pub outcome: ProbeOutcome,
}

/// Texts are raw: they may come from the service.
#[derive(Clone, Debug, PartialEq)]
pub enum ProbeOutcome {
    Response(EndpointResponse),
    /// The service failed to answer.
    Failure {
        reason: String,
        next: &'static str,
    },
    /// Something failed before the service was reached, so the probe says nothing about it.
    Unobserved {
        reason: String,
        next: &'static str,
    },
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct EndpointResponse {
    pub status: u16,
    /// The address that answered, if redirects led to another one.
    pub from: Option<String>,
    /// Whether that address is another page: another host, or another path.
    pub other_page: bool,
    /// The target of a redirect that was not followed.
    pub redirect_to: Option<String>,
    /// Whether the body fulfils the condition, or why not. `None`: it was not evaluated.
    pub condition: Option<Result<(), String>>,
    /// What the condition compares with the release, as the body has it: `version 1.4.1`.
    pub compared: Option<String>,
    /// Why the body did not arrive completely. Only for a status that is bad without it.
    pub incomplete: Option<String>,
    /// The beginning of the body, on one line. Empty for a good response.
    pub body: String,
}

impl Probe {
    /// `503 after 12 ms`
    #[must_use]
    pub fn summary(&self) -> String {
        let EndpointResponse { status, from, other_page, redirect_to, condition, incomplete, .. } = match &self.outcome
        {
            ProbeOutcome::Response(response) => response,
            ProbeOutcome::Failure { reason, .. } | ProbeOutcome::Unobserved { reason, .. } => return reason.clone(),
        };
        let mut text = status.to_string();
        if let Some(from) = from {
            let page = if *other_page { ", another page," } else { "" };
            text.push_str(&format!(" from {from}{page}"));
        }
        if let Some(target) = redirect_to {
            text.push_str(&format!(", a redirect to {target},"));
        }
        text.push_str(&format!(" after {} ms", self.took.as_millis()));
        if let Some(Err(reason)) = condition {
            text.push_str(&format!(", but {reason}"));
        }
        if let Some(reason) = incomplete {
            text.push_str(&format!("; {reason}"));
        }
        text
    }

    /// In a few words: `503, version 1.4.1`
    #[must_use]
    pub fn figure(&self) -> String {
        let EndpointResponse { status, other_page, redirect_to, condition, compared, .. } = match &self.outcome {
            ProbeOutcome::Response(response) => response,
            ProbeOutcome::Failure { reason, .. } | ProbeOutcome::Unobserved { reason, .. } => {
                return clip(reason, FIGURE_CHARS);
            }
        };
        let mut text = status.to_string();
        if *other_page {
            text.push_str(" from another page");
        }
        if redirect_to.is_some() {
            text.push_str(", a redirect");
        }
        match (compared, condition) {
            (Some(compared), _) => text.push_str(&format!(", {compared}")),
            (None, Some(Err(_))) => text.push_str(", `condition` not met"),
            (None, _) => {}
        }
        text
    }

    /// The summary and the beginning of the body.
    #[must_use]
    pub fn details(&self) -> String {
        match &self.outcome {
            ProbeOutcome::Response(EndpointResponse { body, .. }) if !body.is_empty() => {
                format!("{}; body: {body}", self.summary())
            }
            _ => self.summary(),
        }
    }
}

/// Every endpoint, in the order of the list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EndpointObservations {
    pub endpoints: Vec<EndpointHistory>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct EndpointHistory {
    /// A short name: its path, if that is unambiguous.
    pub name: String,
    /// Its URL, without secrets.
    pub url: String,
    /// In order.
    pub probes: Vec<Probe>,
}

impl EndpointObservations {
    pub fn new(urls: &[Url]) -> Self {
        let named = Url::short_names(urls).into_iter().zip(urls);
        let history = |(name, url): (String, &Url)| EndpointHistory { name, url: url.to_string(), probes: Vec::new() };
        Self { endpoints: named.map(history).collect() }
    }

    /// Returns the number of the attempt, from 1.
    pub fn record(&mut self, probe: Probe) -> usize {
        let probes = &mut self.endpoints[probe.endpoint].probes;
        probes.push(probe);
        probes.len()
    }
}
