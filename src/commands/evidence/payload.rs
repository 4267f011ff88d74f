//! Parses the `client_payload` of the dispatch. Anyone with a token that may dispatch can write any of it, so every field is
//! parsed strictly and remains a claim until the judge verifies it against GitHub.

use jiff::Timestamp;
use serde_json::Value;

use super::object_reader::ObjectReader;
use crate::{
    batch,
    error::CommandError,
    finding::Finding,
    ledger::EvidenceId,
    proof::audience,
    report::{compact::hex_sha256, notice::ReportNotice},
    results::{ReceivedReport, ReceivedReports},
    subject::{Commit, Service, Subject, Tag},
    values::clip,
    world::{event::RepositoryDispatch, github::Repository},
};

/// The version of `evidence` in the payload, as `record` writes it.
const SCHEMA: u64 = 1;
/// GitHub's size limit of a dispatch's payload, in bytes of JSON without whitespace.
const MAX_SIZE: usize = 65_535;
/// The properties of a payload. The proof is read apart from what it signs.
const FIELDS: [&str; 5] = ["service", "image_tag", "validated_at", "evidence", audience::PROPERTY];
/// How much of a value goes into a message, in characters.
const CLIP: usize = 300;

/// The fields that `record` writes. The payload also holds `validated_at` and the URL of the run, which are not used.
#[derive(Debug)]
pub struct EvidencePayload {
    pub service: Service,
    pub image_tag: Option<Tag>,
    pub run: ClaimedRun,
    pub deploy: Option<ClaimedDeploy>,
    pub subject: Subject,
}

/// The workflow run that validated, as the payload claims.
#[derive(Debug)]
pub struct ClaimedRun {
    pub repository: Repository,
    pub id: u64,
    pub attempt: u32,
}

/// The workflow run that deployed what was validated, as the payload claims.
#[derive(Debug)]
pub struct ClaimedDeploy {
    pub id: u64,
    pub attempt: u32,
    pub head_sha: Commit,
}

impl EvidencePayload {
    /// The payload, and its reports as texts.
    fn parse(payload: &Value) -> Result<(Self, Vec<&str>), Finding> {
        let top = ObjectReader::new("client_payload", payload, &FIELDS)?;
        let known = ["schema", "run", "deploy", "subject", "reports"];
        let evidence = top.require("evidence", top.object("evidence", &known)?, "what was seen")?;
        evidence.positive_number::<u64>("schema")?;
        let run = evidence.object("run", &["repository", "id", "attempt", "url"])?;
        let run = evidence.require("run", run, "the workflow run that validated")?;
        let deploy = evidence.object("deploy", &["id", "attempt", "head_sha", "head_branch"])?;
        let subject = evidence.object("subject", &["service", "environment", "image", "tag", "digest", "commit"])?;
        let subject = evidence.require("subject", subject, "what was validated")?;
        top.require("validated_at", top.optional::<Timestamp>("validated_at")?, "a time in RFC 3339")?;
        run.require("url", run.optional::<String>("url")?, "a text")?;
        let payload = Self {
            service: top.require("service", top.optional("service")?, Service::ACCEPTED)?,
            image_tag: top.optional("image_tag")?,
            run: ClaimedRun {
                repository: run.require("repository", run.optional("repository")?, "owner/name")?,
                id: run.positive_number("id")?,
                attempt: run.positive_number("attempt")?,
            },
            deploy: deploy.map(|deploy| ClaimedDeploy::parse(&deploy)).transpose()?,
            subject: Subject {
                service: subject.optional("service")?,
                environment: subject.optional("environment")?,
                image: subject.optional("image")?,
                tag: subject.optional("tag")?,
                digest: subject.optional("digest")?,
                commit: subject.optional("commit")?,
            },
        };
        Ok((payload, evidence.texts("reports")?))
    }
}

impl ClaimedDeploy {
    fn parse(deploy: &ObjectReader<'_>) -> Result<Self, Finding> {
        // Earlier versions send the name of what was pushed. It proves nothing.
        deploy.optional::<String>("head_branch")?;
        Ok(Self {
            id: deploy.positive_number("id")?,
            attempt: deploy.positive_number("attempt")?,
            head_sha: deploy.require("head_sha", deploy.optional("head_sha")?, Commit::ACCEPTED)?,
        })
    }
}

/// A parsed payload with its reports. Nothing in it is verified yet.
pub struct Claim {
    pub payload: EvidencePayload,
    pub texts: Vec<ReportText>,
    /// The reports of all texts, including those inside a `run`.
    pub received: Vec<ReceivedReport>,
    pub id: EvidenceId,
    /// The token in which GitHub signs the rest of the payload; `None`: the payload has none.
    pub proof: Option<Proof>,
    /// The audience that such a token must have.
    pub audience: String,
}

/// A token as the payload has it.
#[derive(Clone)]
pub struct Proof(pub String);

/// The text of one report in the payload.
pub struct ReportText {
    /// In hex, as in the gate's annotation.
    pub sha256: String,
    /// The command that wrote it.
    pub command: String,
    pub verdict: String,
    pub dry_run: bool,
    pub subject: Subject,
}

impl ReportText {
    /// Whether a notice is about this report, in every part.
    pub fn is_announced_by(&self, notice: &ReportNotice) -> bool {
        let ReportNotice { command, verdict, sha256, dry_run, subject } = notice;
        (command, verdict, sha256, dry_run) == (&self.command, &self.verdict, &self.sha256, &self.dry_run)
            && subject.as_ref() == Some(&self.subject)
    }
}

impl Claim {
    /// # Errors
    /// Bad input: the payload holds anything that `record` does not write.
    pub fn from_event(event: &RepositoryDispatch) -> Result<Self, CommandError> {
        Self::parse(&event.client_payload).map_err(Finding::bad_input)
    }

    fn parse(payload: &Value) -> Result<Self, Finding> {
        check_size(payload)?;
        if let Some(schema) = payload.pointer("/evidence/schema").filter(|schema| **schema != SCHEMA) {
            return Err(other_schema(schema));
        }
        Self::of(payload, audience::of(payload), proof_of(payload)?)
    }

    /// The claim about one service. `audience` is what the proof has to be for.
    ///
    /// # Errors
    /// The payload holds anything that `record` does not write.
    pub fn of(payload: &Value, audience: String, proof: Option<Proof>) -> Result<Self, Finding> {
        let (payload, report_texts) = EvidencePayload::parse(payload)?;
        let mut reports = ReceivedReports::default();
        let mut texts: Vec<ReportText> = Vec::new();
        for (text, number) in report_texts.into_iter().zip(1..) {
            let source = format!("report {number} of the payload");
            reports.add(&source, text);
            if let Some(Finding { actual, expected, .. }) = reports.unreadable.pop() {
                return Err(Finding::inconclusive(source).actual(clip(&actual, CLIP)).expected(expected));
            }
            let sha256 = hex_sha256(text.as_bytes());
            if texts.iter().any(|before| before.sha256 == sha256) {
                return Err(Finding::inconclusive(source).actual("it is there twice").expected("each report once"));
            }
            // A `run` comes after the gates inside it.
            let Some(ReceivedReport { report, .. }) = reports.received.last() else { continue };
            texts.push(ReportText {
                sha256,
                command: report.command.clone(),
                verdict: report.verdict.to_string(),
                dry_run: report.dry_run,
                subject: report.subject.clone(),
            });
        }
        let id = evidence_id(&texts).ok_or_else(|| {
            Finding::inconclusive("client_payload.evidence.reports").actual("none").expected("the gates' reports")
        })?;
        Ok(Self { payload, texts, received: reports.received, id, proof, audience })
    }

    /// The text that a report was read from.
    pub fn text_of(&self, received: &ReceivedReport) -> Option<&ReportText> {
        let sha256 = report_sha256(received);
        self.texts.iter().find(|text| text.sha256 == sha256)
    }

    /// The commit in the image, as the payload claims.
    pub fn commit(&self) -> Option<&Commit> {
        let EvidencePayload { subject, deploy, .. } = &self.payload;
        subject.commit.as_ref().or(deploy.as_ref().map(|deploy| &deploy.head_sha))
    }
}

/// # Errors
/// The payload is larger than GitHub takes.
pub fn check_size(payload: &Value) -> Result<(), Finding> {
    let size = payload.to_string().len();
    if size > MAX_SIZE {
        let finding = Finding::inconclusive("client_payload").actual(format!("{size} bytes"));
        return Err(finding.expected(format!("at most {MAX_SIZE}, which is what GitHub takes")));
    }
    Ok(())
}

fn other_schema(schema: &Value) -> Finding {
    Finding::inconclusive("client_payload.evidence")
        .actual(format!("schema {}", clip(&schema.to_string(), CLIP)))
        .expected(format!("schema {SCHEMA}, or schema {} for several services", batch::SCHEMA))
        .next("use the same version of promote-gates in both repositories")
}

/// The token in a payload. An error does not quote it: a token that is still valid is a secret.
pub fn proof_of(payload: &Value) -> Result<Option<Proof>, Finding> {
    match payload.get(audience::PROPERTY) {
        None => Ok(None),
        Some(Value::String(token)) => Ok(Some(Proof(token.clone()))),
        Some(_) => Err(Finding::inconclusive(format!("`client_payload.{}`", audience::PROPERTY))
            .actual("not a text")
            .expected("the token that `record` sends")),
    }
}

/// The sha256 of a report's text, in hex.
pub fn report_sha256(received: &ReceivedReport) -> String {
    hex_sha256(received.text.as_bytes())
}

/// The sha256 over the sorted sha256 of the reports, one per line: the order of the reports does not change the id.
fn evidence_id(texts: &[ReportText]) -> Option<EvidenceId> {
    let mut hashes: Vec<&str> = texts.iter().map(|text| text.sha256.as_str()).collect();
    hashes.sort_unstable();
    let hashes = Some(hashes.join("\n")).filter(|hashes| !hashes.is_empty())?;
    hex_sha256(hashes.as_bytes()).parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::report::Report;

    fn report(command: &str) -> String {
        serde_json::to_string(&Report::open(command, String::new())).unwrap()
    }

    fn payload() -> Value {
        json!({
            "service": "checkout-service",
            "image_tag": "1.4.2",
            "validated_at": "2026-01-01T00:00:00Z",
            "evidence": {
                "schema": 1,
                "run": { "repository": "acme/shop", "id": 7, "attempt": 1, "url": "https://github.com/x" },
                "deploy": { "id": 41, "attempt": 1, "head_sha": "c".repeat(40), "head_branch": "main" },
                "subject": { "service": "checkout-service", "tag": "1.4.2" },
                "reports": [report("health"), report("smoke")],
            },
        })
    }

    /// The payload with one field set, or removed for `None`.
    fn changed(pointer: &str, value: Option<Value>) -> Value {
        let mut payload = payload();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = payload.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        match value {
            Some(value) => parent.insert(key.to_owned(), value),
            None => parent.remove(key),
        };
        payload
    }

    #[test]
    fn the_evidence_id_depends_on_the_reports_but_not_on_their_order() {
        let claim = Claim::parse(&payload()).unwrap();
        let mut hashes = [report("health"), report("smoke")].map(|text| hex_sha256(text.as_bytes()));
        hashes.sort();
        assert_eq!(claim.id.as_str(), hex_sha256(hashes.join("\n").as_bytes()));
        let reversed =
            Claim::parse(&changed("/evidence/reports", Some(json!([report("smoke"), report("health")])))).unwrap();
        assert_eq!(reversed.id, claim.id);
        let fewer = Claim::parse(&changed("/evidence/reports", Some(json!([report("smoke")])))).unwrap();
        assert_ne!(fewer.id, claim.id);
        assert_eq!(claim.commit().unwrap().as_str(), "c".repeat(40));
    }

    #[test]
    fn the_reports_inside_a_run_share_its_text() {
        let mut outer = Report::open("run", String::new());
        outer.reports = vec![Report::open("health", String::new())];
        let text = serde_json::to_string(&outer).unwrap();
        let claim = Claim::parse(&changed("/evidence/reports", Some(json!([text])))).unwrap();
        assert_eq!((claim.texts.len(), &*claim.texts[0].command, claim.received.len()), (1, "run", 2));
    }

    #[test]
    fn an_invalid_field_is_refused_by_name_and_its_value_clipped() {
        let long = "x".repeat(50_000);
        for (pointer, value, parts) in [
            ("/service", None, &["`client_payload.service`", "not there", "a service name"][..]),
            ("/service", Some(json!("../x")), &["`client_payload.service`", "\"../x\"", "a service name"]),
            ("/image_tag", Some(json!("$(id)")), &["`client_payload.image_tag`", "\"$(id)\"", "an OCI tag"]),
            ("/image_tag", Some(json!(long)), &["an OCI tag"]),
            ("/validated_at", Some(json!("yesterday")), &["`client_payload.validated_at`", "yesterday"]),
            (
                "/environment",
                Some(json!("production")),
                &["`client_payload.environment`", "service, image_tag, validated_at, evidence, proof"],
            ),
            (&*format!("/{long}"), Some(json!(1)), &["`client_payload.xxx", "…"]),
            ("/evidence", Some(json!([])), &["`client_payload.evidence`", "[]", "an object"]),
            ("/evidence/schema", Some(json!(2)), &["schema 2; expected schema 1", "the same version"]),
            ("/evidence/schema", None, &["`client_payload.evidence.schema`"]),
            ("/evidence/run", None, &["`client_payload.evidence.run`", "not there"]),
            (
                "/evidence/run/repository",
                Some(json!("https://evil.example")),
                &["`client_payload.evidence.run.repository`", "evil.example", "owner/name"],
            ),
            ("/evidence/run/id", Some(json!(-1)), &["`client_payload.evidence.run.id`", "-1", "a whole number over 0"]),
            ("/evidence/run/attempt", Some(json!("1")), &["`client_payload.evidence.run.attempt`", "\"1\""]),
            ("/evidence/run/admin", Some(json!(true)), &["`client_payload.evidence.run.admin`"]),
            (
                "/evidence/deploy/head_sha",
                Some(json!("HEAD")),
                &["`client_payload.evidence.deploy.head_sha`", "\"HEAD\"", "a whole git commit id"],
            ),
            ("/evidence/deploy/x", Some(json!(1)), &["deploy.x`"]),
            ("/evidence/subject/digest", Some(json!("sha256:1")), &["subject.digest`", "an OCI digest"]),
            ("/evidence/subject/x", Some(json!(1)), &["subject.x`"]),
            ("/evidence/subject/tag", Some(Value::Null), &["subject.tag`", "null", "a text"]),
            ("/evidence/run/attempt", Some(json!(1_u64 << 40)), &["run.attempt`"]),
            ("/evidence/reports", Some(json!([1])), &["evidence.reports`", "a list of texts"]),
            ("/evidence/reports", Some(json!([])), &["client_payload.evidence.reports", "none"]),
            ("/evidence/reports", Some(json!([report("health"), "{"])), &["report 2 of the payload", "no report"]),
            ("/evidence/reports", Some(json!([report("health"), report("health")])), &["report 2", "twice"]),
            ("/evidence/reports", Some(json!([long, long])), &["100", "bytes; expected at most 65535"]),
        ] {
            let Err(finding) = Claim::parse(&changed(pointer, value)) else { panic!("{pointer}: must be refused") };
            let message = finding.to_string();
            for part in parts {
                assert!(message.contains(part), "{}: {part} in {message}", clip(pointer, 40));
            }
            assert!(message.len() < 900, "{}: {}", clip(pointer, 40), message.len());
        }
        for payload in [Value::Null, json!([]), json!("x")] {
            assert!(Claim::parse(&payload).is_err());
        }
    }
}
