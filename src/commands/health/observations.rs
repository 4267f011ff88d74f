//! What was seen of each endpoint, attempt by attempt.

use std::time::Duration;

/// What one attempt saw of an endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// The endpoint's place in the list.
    pub endpoint: usize,
    /// When it was over: RFC 3339, UTC.
    pub at: String,
    pub took: Duration,
    pub saw: Saw,
}

/// Texts are raw: they may be the other side's.
#[derive(Clone, Debug, PartialEq)]
pub enum Saw {
    Answer(Answer),
    /// No answer that counts as one, and that is the service's doing.
    Failure(String),
    /// Nothing of the service: something on the way to it failed.
    Nothing {
        why: String,
        next: &'static str,
    },
}

/// An answer, whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    pub status: u16,
    /// The address that answered, when redirects led to another one.
    pub from: Option<String>,
    /// Whether that is another page: another host, or another path.
    pub elsewhere: bool,
    /// Where a redirect leads that was not followed.
    pub leads_to: Option<String>,
    /// Whether the condition holds for the body, or why it does not. `None`: it was not evaluated.
    pub condition: Option<Result<(), String>>,
    /// Why its body did not come whole, of an answer that is not good by its status alone.
    pub cut: Option<String>,
    /// How the body begins, on one line, of an answer that is not good.
    pub body: String,
}

impl Probe {
    /// What was seen, in a few words: `503 after 12 ms`.
    #[must_use]
    pub fn words(&self) -> String {
        let Answer { status, from, elsewhere, leads_to, condition, cut, .. } = match &self.saw {
            Saw::Answer(answer) => answer,
            Saw::Failure(why) | Saw::Nothing { why, .. } => return why.clone(),
        };
        let mut words = status.to_string();
        if let Some(from) = from {
            let page = if *elsewhere { ", another page," } else { "" };
            words.push_str(&format!(" from {from}{page}"));
        }
        if let Some(leads_to) = leads_to {
            words.push_str(&format!(", a redirect to {leads_to},"));
        }
        words.push_str(&format!(" after {} ms", self.took.as_millis()));
        if let Some(Err(why)) = condition {
            words.push_str(&format!(", but {why}"));
        }
        if let Some(why) = cut {
            words.push_str(&format!("; {why}"));
        }
        words
    }

    /// The same, with how the body begins.
    #[must_use]
    pub fn told(&self) -> String {
        match &self.saw {
            Saw::Answer(Answer { body, .. }) if !body.is_empty() => format!("{}; body: {body}", self.words()),
            _ => self.words(),
        }
    }
}

/// Every endpoint, in the order they were given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    pub endpoints: Vec<Endpoint>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// Its URL, as it may be shown.
    pub name: String,
    /// In order.
    pub probes: Vec<Probe>,
}

impl Seen {
    pub fn of(names: impl IntoIterator<Item = String>) -> Self {
        Self { endpoints: names.into_iter().map(|name| Endpoint { name, probes: Vec::new() }).collect() }
    }

    /// Notes a probe, and gives its number among those of its endpoint.
    pub fn take(&mut self, probe: Probe) -> usize {
        let probes = &mut self.endpoints[probe.endpoint].probes;
        probes.push(probe);
        probes.len()
    }
}
