//! The `client_payload` of a `repository_dispatch`: the validated release and as many reports as GitHub's limits allow.

use std::{collections::BTreeSet, fmt};

use serde_json::{Map, Value, json};

use crate::{
    error::CommandError,
    finding::Finding,
    proof::{ProofMode, audience, token},
    report::{Report, Run},
    results::ReceivedReport,
    secret::Secret,
    subject::{Service, Subject},
    world::{event::CompletedRun, github::check_dispatch_limits},
};

/// Version of `evidence` in the payload.
const SCHEMA: u32 = 1;

/// The release that the payload is about.
pub struct ValidatedRelease<'a> {
    service: &'a Service,
    subject: &'a Subject,
    /// The workflow run that validated it.
    pub run: Option<&'a Run>,
    /// The workflow run that deployed it, if its end started the validation.
    deploy: Option<&'a CompletedRun>,
    /// RFC 3339, UTC.
    validated_at: String,
}

/// A `client_payload`.
pub struct DispatchPayload {
    pub json: Value,
    /// Number of reports in the payload.
    included: usize,
    /// Number of reports received.
    received: usize,
    /// The reports that are not in the payload, each with the reason.
    pub omitted: Vec<String>,
}

impl fmt::Display for DispatchPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { json, included, received, .. } = self;
        write!(f, "{included} of {received} reports in {} bytes", json.to_string().len())
    }
}

impl<'a> ValidatedRelease<'a> {
    /// # Errors
    /// Bad input if `subject` has no service, or neither tag nor digest.
    pub fn new(
        subject: &'a Subject,
        run: Option<&'a Run>,
        deploy: Option<&'a CompletedRun>,
        validated_at: String,
    ) -> Result<Self, CommandError> {
        let missing = |name: &str, expected: &str| {
            let next = format!("give it as input or flag `{name}`, or in `subject`");
            Finding::inconclusive(format!("`{name}`")).actual("not given").expected(expected).next(next).bad_input()
        };
        let service = subject.service.as_ref().ok_or_else(|| missing("service", "the service that was validated"))?;
        if subject.tag.is_none() && subject.digest.is_none() {
            return Err(missing("tag", "the tag of the image that was validated, or its `digest`"));
        }
        Ok(Self { service, subject, run, deploy, validated_at })
    }

    /// Why a report does not belong to this release; `None` if it does.
    fn mismatch(&self, report: &Report) -> Option<String> {
        let run_key = |run: &Run| (run.id, run.repository.clone());
        if let Some(difference) = report.subject.differs_from(self.subject) {
            return Some(format!("about another subject: {difference}"));
        }
        let own = self.run?;
        match &report.run {
            Some(run) if run_key(run) != run_key(own) => Some("of another workflow run".to_owned()),
            Some(run) if run.attempt != own.attempt => Some(format!("of attempt {} of this run", run.attempt)),
            Some(_) => None,
            None => Some("of another workflow run".to_owned()),
        }
    }

    /// Reports stay unchanged texts, because the gates' annotations hold the sha256 of these texts.
    fn to_json(&self, reports: &[&str]) -> Value {
        let mut payload = Map::new();
        payload.insert("service".to_owned(), json!(self.service));
        if let Some(tag) = &self.subject.tag {
            payload.insert("image_tag".to_owned(), json!(tag));
        }
        payload.insert("validated_at".to_owned(), json!(self.validated_at));
        let mut evidence = Map::new();
        evidence.insert("schema".to_owned(), json!(SCHEMA));
        if let Some(Run { repository, id, attempt, url, .. }) = self.run {
            let run = json!({ "repository": repository, "id": id, "attempt": attempt, "url": url });
            evidence.insert("run".to_owned(), run);
        }
        if let Some(CompletedRun { id, attempt, head_sha }) = self.deploy {
            let deploy = json!({ "id": id, "attempt": attempt, "head_sha": head_sha });
            evidence.insert("deploy".to_owned(), deploy);
        }
        evidence.insert("subject".to_owned(), json!(self.subject));
        evidence.insert("reports".to_owned(), json!(reports));
        payload.insert("evidence".to_owned(), evidence.into());
        payload.into()
    }
}

impl DispatchPayload {
    /// Includes every report of a required gate, then all other reports that fit, with room for the proof if there is to be one.
    ///
    /// # Errors
    /// The reports of the required gates alone exceed GitHub's limits.
    pub fn compose(
        release: &ValidatedRelease,
        event_type: &str,
        received: &[ReceivedReport],
        required: &[String],
        proof: ProofMode,
    ) -> Result<Self, Finding> {
        // A `run` and each of its gates share one text, which is included once.
        let mut texts_seen = BTreeSet::new();
        let mut texts: Vec<&str> = required
            .iter()
            .flat_map(|command| received.iter().filter(move |received| received.report.command == *command))
            .map(|received| received.text.as_str())
            .filter(|text| texts_seen.insert(*text))
            .collect();
        let check_limits = |texts: &[&str]| {
            let mut payload = release.to_json(texts);
            if proof == ProofMode::Required {
                payload[audience::PROPERTY] = "x".repeat(token::MAX_SIZE).into();
            }
            check_dispatch_limits(&payload, event_type)
        };
        check_limits(&texts).map_err(|finding| {
            finding.next(format!(
                "the {} reports of the required gates do not fit: fewer legs in the matrix, or several gates in one `run`",
                texts.len()
            ))
        })?;
        let mut omitted = Vec::new();
        for ReceivedReport { source, text, report } in
            received.iter().filter(|received| texts_seen.insert(&received.text))
        {
            if let Some(reason) = release.mismatch(report) {
                omitted.push(format!("{source}, {reason}"));
                continue;
            }
            texts.push(text);
            if check_limits(&texts).is_err() {
                texts.pop();
                omitted.push(format!("{source}, of a gate that is not required: no room within GitHub's limit"));
            }
        }
        Ok(Self { json: release.to_json(&texts), included: texts.len(), received: texts_seen.len(), omitted })
    }

    /// What the token of the proof must be for.
    pub fn audience(&self) -> String {
        audience::of(&self.json)
    }

    /// Adds the token in which GitHub signs the rest of the payload.
    pub fn add_proof(&mut self, token: &Secret) {
        self.json[audience::PROPERTY] = token.expose().into();
    }
}
