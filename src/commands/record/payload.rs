//! The `client_payload` of a `repository_dispatch`: the validated release and as many reports as GitHub's limits allow.

use std::{collections::BTreeSet, fmt};

use serde_json::{Map, Value, json};

use crate::{
    batch,
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
const SCHEMA: u64 = 1;

/// Why a report is left out of a payload.
pub const NO_ROOM: &str = "of a gate that is not required: no room within GitHub's limit";

/// Checks GitHub's limits, with room for the proof if there is to be one.
///
/// # Errors
/// The limit that the payload exceeds.
pub fn check_with_proof(mut payload: Value, event_type: &str, proof: ProofMode) -> Result<(), Finding> {
    if proof == ProofMode::Required {
        payload[audience::PROPERTY] = "x".repeat(token::MAX_SIZE).into();
    }
    check_dispatch_limits(&payload, event_type)
}

/// The release that the payload is about.
pub struct ValidatedRelease<'a> {
    pub service: &'a Service,
    pub subject: &'a Subject,
    /// The workflow run that validated it.
    pub run: Option<&'a Run>,
    /// The workflow run that deployed it, if its end started the validation.
    deploy: Option<&'a CompletedRun>,
    /// RFC 3339, UTC.
    pub validated_at: String,
}

/// A `client_payload`.
pub struct DispatchPayload {
    pub json: Value,
    /// Number of reports in the payload.
    pub included: usize,
    /// Number of reports received.
    pub received: usize,
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

    /// The texts of the reports: those of the required gates, then the others of this release, each once. Last, what is left out.
    pub fn texts<'r>(
        &self,
        received: &'r [ReceivedReport],
        required: &[String],
    ) -> (Vec<&'r str>, Vec<(&'r str, &'r str)>, Vec<String>) {
        // A `run` and each of its gates share one text, which is included once.
        let mut seen = BTreeSet::new();
        let of_gates = required
            .iter()
            .flat_map(|command| received.iter().filter(move |received| received.report.command == *command));
        let needed = of_gates.map(|received| received.text.as_str());
        let needed: Vec<&str> = needed.filter(|text| seen.insert(*text)).collect();
        let (mut others, mut omitted) = (Vec::new(), Vec::new());
        for ReceivedReport { source, text, report } in received.iter().filter(|received| seen.insert(&received.text)) {
            match self.mismatch(report) {
                Some(reason) => omitted.push(format!("{source}, {reason}")),
                None => others.push((text.as_str(), source.as_str())),
            }
        }
        (needed, others, omitted)
    }

    /// What `evidence` of the payload says of the run and the deployment.
    pub fn head(&self, schema: u64) -> Map<String, Value> {
        let mut evidence = Map::new();
        evidence.insert("schema".to_owned(), json!(schema));
        if let Some(Run { repository, id, attempt, url, .. }) = self.run {
            let run = json!({ "repository": repository, "id": id, "attempt": attempt, "url": url });
            evidence.insert("run".to_owned(), run);
        }
        if let Some(CompletedRun { id, attempt, head_sha, .. }) = self.deploy {
            let deploy = json!({ "id": id, "attempt": attempt, "head_sha": head_sha });
            evidence.insert("deploy".to_owned(), deploy);
        }
        evidence
    }

    /// Reports stay unchanged texts, because the gates' annotations hold the sha256 of these texts.
    fn to_json(&self, reports: &[&str]) -> Value {
        let mut payload = Map::new();
        payload.insert("service".to_owned(), json!(self.service));
        if let Some(tag) = &self.subject.tag {
            payload.insert("image_tag".to_owned(), json!(tag));
        }
        payload.insert("validated_at".to_owned(), json!(self.validated_at));
        let mut evidence = self.head(SCHEMA);
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
        let (mut texts, others, mut omitted) = release.texts(received, required);
        let check_limits = |texts: &[&str]| check_with_proof(release.to_json(texts), event_type, proof);
        check_limits(&texts).map_err(|finding| {
            finding.next(format!(
                "the {} reports of the required gates do not fit: fewer legs in the matrix, or several gates in one `run`",
                texts.len()
            ))
        })?;
        let received = texts.len() + others.len() + omitted.len();
        for (text, source) in others {
            texts.push(text);
            if check_limits(&texts).is_err() {
                texts.pop();
                omitted.push(format!("{source}, {NO_ROOM}"));
            }
        }
        Ok(Self { json: release.to_json(&texts), included: texts.len(), received, omitted })
    }

    /// What the token of the proof must be for.
    pub fn audience(&self) -> String {
        match self.json.get(batch::ENTRIES) {
            Some(_) => batch::audience(&self.json),
            None => audience::of(&self.json),
        }
    }

    /// Adds the token in which GitHub signs the rest of the payload.
    pub fn add_proof(&mut self, token: &Secret) {
        self.json[audience::PROPERTY] = token.expose().into();
    }
}
