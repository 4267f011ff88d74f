//! What is sent: which release, and which of the reports, within what GitHub takes.

use std::{collections::BTreeSet, fmt};

use serde_json::{Map, Value, json};

use crate::{
    error::CommandError,
    finding::Finding,
    report::{Report, Run},
    results::Received,
    subject::{Service, Subject},
    world::{event::EndedRun, github::dispatch_limits},
};

/// Version of `evidence` in the payload.
const SCHEMA: u32 = 1;

/// The release that is told of.
pub struct Release<'a> {
    service: &'a Service,
    subject: &'a Subject,
    /// The workflow run that validated it.
    pub run: Option<&'a Run>,
    /// The workflow run that deployed it, when its end started the validation.
    deploy: Option<&'a EndedRun>,
    /// RFC 3339, UTC.
    validated_at: String,
}

/// A `client_payload`.
pub struct Payload {
    pub json: Value,
    /// How many reports are in it, and how many there were.
    carried: usize,
    given: usize,
    /// The others, each with the reason.
    pub left_out: Vec<String>,
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { json, carried, given, .. } = self;
        write!(f, "{carried} of {given} reports in {} bytes", json.to_string().len())
    }
}

impl<'a> Release<'a> {
    /// # Errors
    /// Bad input when nobody could tell which image is meant.
    pub fn of(
        subject: &'a Subject,
        run: Option<&'a Run>,
        deploy: Option<&'a EndedRun>,
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

    /// Why a report is no evidence for this release.
    fn foreign(&self, report: &Report) -> Option<String> {
        let of_run = |run: &Run| (run.id, run.repository.clone());
        match report.subject.differs_from(self.subject) {
            Some(difference) => Some(format!("about another subject: {difference}")),
            None if self.run.is_some() && self.run.map(of_run) != report.run.as_ref().map(of_run) => {
                Some("of another workflow run".to_owned())
            }
            None => None,
        }
    }

    /// Reports travel as text: their sha256 is what the gates' annotations hold.
    fn payload(&self, reports: &[&str]) -> Value {
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
        if let Some(EndedRun { id, attempt, head_sha, head_branch }) = self.deploy {
            let mut deploy = json!({ "id": id, "attempt": attempt, "head_sha": head_sha });
            if let Some(head_branch) = head_branch {
                deploy["head_branch"] = json!(head_branch);
            }
            evidence.insert("deploy".to_owned(), deploy);
        }
        evidence.insert("subject".to_owned(), json!(self.subject));
        evidence.insert("reports".to_owned(), json!(reports));
        payload.insert("evidence".to_owned(), evidence.into());
        payload.into()
    }
}

impl Payload {
    /// Takes in every report of a required gate, and then what else there is and fits.
    ///
    /// # Errors
    /// The required ones alone are more than GitHub takes.
    pub fn compose(
        release: &Release,
        event_type: &str,
        received: &[Received],
        required: &[String],
    ) -> Result<Self, Finding> {
        // A `run` and each of its gates come as one text.
        let mut seen = BTreeSet::new();
        let mut texts: Vec<&str> = required
            .iter()
            .flat_map(|command| received.iter().filter(move |received| received.report.command == *command))
            .map(|received| received.text.as_str())
            .filter(|text| seen.insert(*text))
            .collect();
        let fits = |texts: &[&str]| dispatch_limits(&release.payload(texts), event_type);
        fits(&texts).map_err(|finding| {
            finding.next(format!(
                "the {} reports of the required gates do not fit: fewer legs in the matrix, or several gates in one `run`",
                texts.len()
            ))
        })?;
        let mut left_out = Vec::new();
        for Received { source, text, report } in received.iter().filter(|received| seen.insert(&received.text)) {
            if let Some(why) = release.foreign(report) {
                left_out.push(format!("{source}, {why}"));
                continue;
            }
            texts.push(text);
            if fits(&texts).is_err() {
                texts.pop();
                left_out.push(format!("{source}, of a gate that is not required: no room within GitHub's limit"));
            }
        }
        Ok(Self { json: release.payload(&texts), carried: texts.len(), given: seen.len(), left_out })
    }
}
