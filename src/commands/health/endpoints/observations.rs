//! What the gate saw of each endpoint, probe by probe.

use std::time::Duration;

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
    Failure(String),
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
            ProbeOutcome::Failure(reason) | ProbeOutcome::Unobserved { reason, .. } => return reason.clone(),
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
    /// Its URL, without secrets.
    pub name: String,
    /// In order.
    pub probes: Vec<Probe>,
}

impl EndpointObservations {
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self { endpoints: names.into_iter().map(|name| EndpointHistory { name, probes: Vec::new() }).collect() }
    }

    /// Returns the number of the attempt, from 1.
    pub fn record(&mut self, probe: Probe) -> usize {
        let probes = &mut self.endpoints[probe.endpoint].probes;
        probes.push(probe);
        probes.len()
    }
}
